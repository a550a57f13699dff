"""Functions on text and binary values."""

from __future__ import annotations

import hashlib
from typing import Any

from lab.sql.engine import nodes as n
from lab.sql.engine.errors import error
from lab.sql.engine.frame import Frame
from lab.sql.engine.functions.registry import as_text, function, long_text, special, text_like_first
from lab.sql.engine.passwords import hash_password, verify
from lab.sql.engine.query.bind import bind
from lab.sql.engine.query.compare import like_pattern
from lab.sql.engine.query.scope import Bound, Env, Scope
from lab.sql.engine.types import INT, STORAGE, SqlType, varbinary
from lab.sql.engine.values import convert, type_of

HASHES = {
    "MD2": None,
    "MD4": None,
    "MD5": "md5",
    "SHA": "sha1",
    "SHA1": "sha1",
    "SHA2_256": "sha256",
    "SHA2_512": "sha512",
}


@function("LEN", "int", "any")
def _len(frame: Frame, value: Any) -> int:
    return len(value) if isinstance(value, bytes) else len(as_text(value).rstrip(" "))


def stored_bytes(value: Any, type_: SqlType) -> bytes:
    """A value as the bytes it is stored in: text of one or of two bytes a character."""
    if isinstance(value, str):
        return value.encode("utf-16-le") if type_.unicode else value.encode("cp1252", "replace")
    return bytes(convert(value, type_, varbinary()))


@special("DATALENGTH")
def _datalength(scope: Scope, node: n.Call) -> Bound:
    if len(node.arguments) != 1:
        raise error(174, "datalength", 1)
    inner = bind(scope, node.arguments[0])

    def run(env: Env) -> int | None:
        value = inner.value(env)
        if value is None:
            return None
        type_ = type_of(value) if inner.type.family == "variant" else inner.type
        return len(stored_bytes(value, type_)) if type_.family in ("text", "binary") else STORAGE.get(type_.name, 8)

    return Bound(INT, run)


@function("SUBSTRING", long_text, "any", "int", "int")
def _substring(frame: Frame, value: Any, start: int, length: int) -> Any:
    if length < 0:
        raise error(537)
    data = value if isinstance(value, bytes | str) else as_text(value)
    end = start - 1 + length
    return data[max(0, start - 1) : max(0, end)]


@function("LEFT", text_like_first, "nvarchar(max)", "int")
def _left(frame: Frame, value: str, count: int) -> str:
    if count < 0:
        raise error(537)
    return value[:count]


@function("RIGHT", text_like_first, "nvarchar(max)", "int")
def _right(frame: Frame, value: str, count: int) -> str:
    if count < 0:
        raise error(537)
    return value[-count:] if count else ""


@function("REPLACE", long_text, "nvarchar(max)", "nvarchar(max)", "nvarchar(max)")
def _replace(frame: Frame, value: str, old: str, new: str) -> str:
    if not old:
        return value
    out, low, wanted, position = [], value.lower(), old.lower(), 0
    while (found := low.find(wanted, position)) >= 0:
        out += [value[position:found], new]
        position = found + len(old)
    return "".join(out) + value[position:]


@function("CHARINDEX", "int", "nvarchar(max)", "nvarchar(max)", "int", optional=1)
def _charindex(frame: Frame, wanted: str, value: str, start: int = 1) -> int:
    return value.lower().find(wanted.lower(), max(0, start - 1)) + 1 if wanted else 0


@function("PATINDEX", "int", "nvarchar(max)", "nvarchar(max)")
def _patindex(frame: Frame, pattern: str, value: str) -> int:
    floating = pattern.startswith("%")
    expression = like_pattern(pattern[1:] if floating else pattern, None, False)
    starts = range(len(value) + 1) if floating else (0,)
    return next((start + 1 for start in starts if expression.fullmatch(value, start)), 0)


@function("STUFF", long_text, "nvarchar(max)", "int", "int", "nvarchar(max)", strict=False)
def _stuff(frame: Frame, value: str | None, start: int, length: int, new: str | None) -> str | None:
    if value is None or start < 1 or start > len(value) or length < 0:
        return None
    return value[: start - 1] + (new or "") + value[start - 1 + length :]


@function("UPPER", text_like_first, "nvarchar(max)")
def _upper(frame: Frame, value: str) -> str:
    return value.upper()


@function("LOWER", text_like_first, "nvarchar(max)")
def _lower(frame: Frame, value: str) -> str:
    return value.lower()


@function("LTRIM", text_like_first, "nvarchar(max)")
def _ltrim(frame: Frame, value: str) -> str:
    return value.lstrip(" ")


@function("RTRIM", text_like_first, "nvarchar(max)")
def _rtrim(frame: Frame, value: str) -> str:
    return value.rstrip(" ")


@function("REVERSE", text_like_first, "nvarchar(max)")
def _reverse(frame: Frame, value: str) -> str:
    return value[::-1]


@function("REPLICATE", long_text, "nvarchar(max)", "int")
def _replicate(frame: Frame, value: str, count: int) -> str | None:
    return None if count < 0 else value * count


@function("SPACE", "varchar(8000)", "int")
def _space(frame: Frame, count: int) -> str | None:
    return None if count < 0 else " " * count


@function("CHAR", "char(1)", "int")
def _char(frame: Frame, code: int) -> str | None:
    return bytes([code]).decode("cp1252", "replace") if 0 <= code <= 255 else None


@function("NCHAR", "nchar(1)", "int")
def _nchar(frame: Frame, code: int) -> str | None:
    return chr(code) if 0 <= code <= 65535 else None


@function("ASCII", "int", "varchar(8000)")
def _ascii(frame: Frame, value: str) -> int | None:
    return value.encode("cp1252", "replace")[0] if value else None


@function("UNICODE", "int", "nvarchar(4000)")
def _unicode(frame: Frame, value: str) -> int | None:
    return ord(value[0]) if value else None


def _concat_type(types: list[SqlType]) -> SqlType:
    unicode = any(type_.unicode for type_ in types)
    maximum = any(type_.length == -1 for type_ in types)
    return SqlType("nvarchar" if unicode else "varchar", -1 if maximum else 4000 if unicode else 8000)


@function("CONCAT", _concat_type, *["any"] * 254, optional=252, strict=False)
def _concat(frame: Frame, *values: Any) -> str:
    return "".join("" if value is None else as_text(value) for value in values)


@function("QUOTENAME", "nvarchar(258)", "nvarchar(max)", "nvarchar(1)", optional=1)
def _quotename(frame: Frame, value: str, quote: str = "[") -> str | None:
    pairs = {
        "[": "[]",
        "]": "[]",
        "'": "''",
        '"': '""',
        "(": "()",
        ")": "()",
        "<": "<>",
        ">": "<>",
        "{": "{}",
        "}": "{}",
    }
    if len(value) > 128 or quote not in pairs:
        return None
    opening, closing = pairs[quote][0], pairs[quote][1]
    return opening + value.replace(closing, closing * 2) + closing


@function("STR", "varchar(8000)", "float", "int", "int", optional=2)
def _str(frame: Frame, value: float, length: int = 10, decimals: int = 0) -> str:
    shown = f"{value:.{decimals}f}"
    return shown.rjust(length) if len(shown) <= length else "*" * length


@special("HASHBYTES")
def _hashbytes(scope: Scope, node: n.Call) -> Bound:
    if len(node.arguments) != 2:
        raise error(174, "hashbytes", 2)
    algorithm, inner = (bind(scope, one) for one in node.arguments)

    def run(env: Env) -> bytes | None:
        chosen, value = algorithm.value(env), inner.value(env)
        name = HASHES.get(str(chosen).upper())
        if value is None or name is None:
            return None
        return hashlib.new(name, stored_bytes(value, inner.type), usedforsecurity=False).digest()

    return Bound(varbinary(8000), run)


@function("PWDENCRYPT", "varbinary(256)", "nvarchar(128)")
def _pwdencrypt(frame: Frame, password: str) -> bytes:
    return hash_password(password)


@function("PWDCOMPARE", "int", "nvarchar(128)", "varbinary(256)", "int", optional=1)
def _pwdcompare(frame: Frame, password: str, stored: bytes, version: int = 0) -> int:
    return int(verify(password, stored))
