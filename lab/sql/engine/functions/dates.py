"""Functions on dates and times: those of the machine's time zone, and UTC."""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import Any

from lab.sql.api import SqlError
from lab.sql.engine import nodes as n
from lab.sql.engine.errors import error
from lab.sql.engine.frame import Frame
from lab.sql.engine.functions.registry import function, special
from lab.sql.engine.query.bind import bind
from lab.sql.engine.query.scope import Bound, Env, Scope
from lab.sql.engine.types import DATETIME, INT, SqlType, nvarchar
from lab.sql.engine.values import convert, quantum, type_of

PARTS = {
    "year": "year", "yy": "year", "yyyy": "year", "quarter": "quarter", "qq": "quarter", "q": "quarter",
    "month": "month", "mm": "month", "m": "month", "dayofyear": "dayofyear", "dy": "dayofyear", "y": "dayofyear",
    "day": "day", "dd": "day", "d": "day", "week": "week", "wk": "week", "ww": "week", "weekday": "weekday",
    "dw": "weekday", "hour": "hour", "hh": "hour", "minute": "minute", "mi": "minute", "n": "minute",
    "second": "second", "ss": "second", "s": "second", "millisecond": "millisecond", "ms": "millisecond",
    "microsecond": "microsecond", "mcs": "microsecond",
}  # fmt: skip
SPANS = {"week": timedelta(weeks=1), "day": timedelta(days=1), "dayofyear": timedelta(days=1),
         "weekday": timedelta(days=1),
         "hour": timedelta(hours=1), "minute": timedelta(minutes=1), "second": timedelta(seconds=1),
         "millisecond": timedelta(milliseconds=1), "microsecond": timedelta(microseconds=1)}  # fmt: skip


def _utc(frame: Frame) -> datetime:
    return frame.session.instance.world.clock.now().replace(tzinfo=None)


def _local(frame: Frame) -> datetime:
    return frame.session.instance.now().replace(tzinfo=None)


@function("GETDATE", "datetime")
def _getdate(frame: Frame) -> datetime:
    return quantum(_local(frame))


@function("GETUTCDATE", "datetime")
def _getutcdate(frame: Frame) -> datetime:
    return quantum(_utc(frame))


@function("SYSDATETIME", "datetime2")
def _sysdatetime(frame: Frame) -> datetime:
    return _local(frame)


@function("SYSUTCDATETIME", "datetime2")
def _sysutcdatetime(frame: Frame) -> datetime:
    return _utc(frame)


def _read(part: str, value: Any) -> int:
    moment = value if isinstance(value, datetime) else datetime(value.year, value.month, value.day)  # noqa: DTZ001
    return {
        "year": moment.year, "month": moment.month, "day": moment.day, "hour": moment.hour, "minute": moment.minute,
        "second": moment.second, "millisecond": moment.microsecond // 1000, "microsecond": moment.microsecond,
        "quarter": (moment.month + 2) // 3, "dayofyear": moment.timetuple().tm_yday,
        "weekday": moment.isoweekday() % 7 + 1,
        "week": (moment.timetuple().tm_yday + (moment.replace(month=1, day=1).isoweekday() % 7) - 1) // 7 + 1,
    }[part]  # fmt: skip


def _add_months(moment: datetime, months: int) -> datetime:
    total = moment.year * 12 + moment.month - 1 + months
    year, month = divmod(total, 12)
    if not 1753 <= year <= 9999:
        raise error(517, "datetime")
    return moment.replace(year=year, month=month + 1, day=min(moment.day, monthrange(year, month + 1)[1]))


def _part(node: n.Call, count: int) -> str:
    if len(node.arguments) != count:
        raise error(174, node.name.lower(), count)
    first = node.arguments[0]
    name = first.parts[0].lower() if isinstance(first, n.Name) and len(first.parts) == 1 else ""
    if name not in PARTS:
        raise error(155, name or "?", node.name.lower())
    return PARTS[name]


def _moment(scope: Scope, node: n.Expression) -> tuple[Callable[[Env], Any], SqlType]:
    bound = bind(scope, node)
    if bound.type.family == "moment" and bound.type.name != "time":
        return bound.value, bound.type
    return (lambda env: convert(bound.value(env), bound.type, DATETIME)), DATETIME


@special("DATEADD")
def _dateadd(scope: Scope, node: n.Call) -> Bound:
    part = _part(node, 3)
    number = bind(scope, node.arguments[1])
    read, type_ = _moment(scope, node.arguments[2])

    def run(env: Env) -> Any:
        count, moment = convert(number.value(env), number.type, INT), read(env)
        if count is None or moment is None:
            return None
        months = {"year": 12, "quarter": 3, "month": 1}.get(part)
        whole = moment if isinstance(moment, datetime) else datetime(moment.year, moment.month, moment.day)  # noqa: DTZ001
        try:
            result = _add_months(whole, count * months) if months else whole + SPANS[part] * count
        except OverflowError:
            raise error(517, type_.name) from None
        return result if isinstance(moment, datetime) else result.date()

    return Bound(type_, run)


@special("DATEDIFF")
def _datediff(scope: Scope, node: n.Call) -> Bound:
    part = _part(node, 3)
    (first, _), (second, _) = _moment(scope, node.arguments[1]), _moment(scope, node.arguments[2])

    def run(env: Env) -> Any:
        a, b = first(env), second(env)
        if a is None or b is None:
            return None
        a, b = (v if isinstance(v, datetime) else datetime(v.year, v.month, v.day) for v in (a, b))  # noqa: DTZ001
        if part in ("year", "quarter", "month"):
            months = (b.year * 12 + b.month - 1) // 1, (a.year * 12 + a.month - 1) // 1
            size = {"year": 12, "quarter": 3, "month": 1}[part]
            return months[0] // size - months[1] // size
        origin = datetime(1900, 1, 1) - timedelta(days=1 if part == "week" else 0)  # noqa: DTZ001
        result = (b - origin) // SPANS[part] - (a - origin) // SPANS[part]
        if not -(2**31) <= result < 2**31:
            raise error(535)
        return result

    return Bound(INT, run)


@special("DATEPART")
def _datepart(scope: Scope, node: n.Call) -> Bound:
    part = _part(node, 2)
    read, _ = _moment(scope, node.arguments[1])
    return Bound(INT, lambda env: None if (moment := read(env)) is None else _read(part, moment))


@special("DATENAME")
def _datename(scope: Scope, node: n.Call) -> Bound:
    part = _part(node, 2)
    read, _ = _moment(scope, node.arguments[1])

    def run(env: Env) -> str | None:
        moment = read(env)
        if moment is None:
            return None
        names = {"month": "%B", "weekday": "%A"}
        return moment.strftime(names[part]) if part in names else str(_read(part, moment))

    return Bound(nvarchar(30), run)


@function("YEAR", "int", "datetime")
def _year(frame: Frame, value: datetime) -> int:
    return value.year


@function("MONTH", "int", "datetime")
def _month(frame: Frame, value: datetime) -> int:
    return value.month


@function("DAY", "int", "datetime")
def _day(frame: Frame, value: datetime) -> int:
    return value.day


@function("ISDATE", "int", "any", strict=False)
def _isdate(frame: Frame, value: Any) -> int:
    if value is None or (isinstance(value, date) and not isinstance(value, datetime)):
        return 0
    try:
        convert(value, type_of(value), DATETIME)
    except SqlError:
        return 0
    return 1
