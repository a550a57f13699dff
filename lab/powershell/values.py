"""Values of .NET that plain Python has no type for, and the .NET name of every value.

``None`` is ``$null``; ``NOTHING`` is what a pipeline without output leaves (AutomationNull): it equals ``$null`` but
gives no element when it is enumerated.
"""

from __future__ import annotations

import ipaddress
import uuid
from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from lab.powershell.api import EnumValue, HashTable, Int64, PowerShellError, PSObject, SecureString

if TYPE_CHECKING:
    from lab.powershell.scope import Scope
    from lab.powershell.syntax import Script


class _Nothing:
    __slots__ = ()

    def __repr__(self) -> str:
        return "NOTHING"

    def __bool__(self) -> bool:
        return False


NOTHING: Any = _Nothing()


def plain(value: Any) -> Any:
    """The value, with ``None`` for an empty output."""
    return None if value is NOTHING else value


class Char(str):
    """A System.Char."""

    __slots__ = ()


class SizedInt(int):
    """A whole number of another size than Int32 and Int64; ``kind`` is its .NET name (``Byte``)."""

    kind: str

    def __new__(cls, value: int, kind: str) -> SizedInt:
        made = super().__new__(cls, value)
        made.kind = kind
        return made


class Single(float):
    """A System.Single."""


class NetArray(list[Any]):
    """An array with a declared element type: ``String[]``, ``Byte[]``. A plain list is Object[]."""

    def __init__(self, items: Any = (), element: str = "System.Object") -> None:
        super().__init__(items)
        self.element = element


class NetList(list[Any]):
    """Any other list: ArrayList, List<T>, MatchCollection, the keys of a table. It is enumerated in a pipeline."""

    version = 0
    """Grows with each change, as .NET's does: an enumeration that sees another number ends with an error."""

    def __init__(
        self,
        items: Any = (),
        net_type: str = "System.Collections.ArrayList",
        element: Any = None,
        view_of: HashTable | None = None,
    ) -> None:
        super().__init__(items)
        self.net_type, self.element = net_type, element
        self.view_of = view_of
        """The table that this is a view of."""

    def state(self) -> int:
        """The version that an enumeration watches."""
        return self.version if self.view_of is None else self.view_of.version


class Switch:
    """A SwitchParameter of a function."""

    __slots__ = ("present",)

    def __init__(self, present: bool) -> None:
        self.present = present

    def __bool__(self) -> bool:
        return self.present

    def __str__(self) -> str:
        return str(self.present)


class Version:
    """A System.Version of two to four parts; a missing part is -1."""

    __slots__ = ("parts",)

    def __init__(self, *parts: int) -> None:
        self.parts = parts

    def __str__(self) -> str:
        return ".".join(map(str, self.parts))

    def key(self) -> tuple[int, ...]:
        return (*self.parts, *([-1] * (4 - len(self.parts))))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Version) and self.key() == other.key()

    def __hash__(self) -> int:
        return hash(self.key())


class NetType:
    """A System.Type by its full name."""

    __slots__ = ("full",)

    def __init__(self, full: str) -> None:
        self.full = full

    @property
    def name(self) -> str:
        head, bracket, rest = self.full.partition("[[")
        if bracket:
            return head.rsplit(".", 1)[-1] + ("[]" if rest.endswith("[]") else "")
        return self.full.rsplit(".", 1)[-1]

    def __str__(self) -> str:
        head, bracket, rest = self.full.partition("[[")
        return f"{head}[{rest[:-1]}" if bracket else self.full

    def __eq__(self, other: object) -> bool:
        return isinstance(other, NetType) and self.full.lower() == other.full.lower()

    def __hash__(self) -> int:
        return hash(self.full.lower())


class Regex:
    """A System.Text.RegularExpressions.Regex; ``flags`` are Python's."""

    __slots__ = ("compiled", "flags", "pattern")

    def __init__(self, pattern: str, flags: int = 0) -> None:
        from lab.powershell.patterns import regex

        self.pattern, self.flags = pattern, flags
        self.compiled = regex(pattern, flags)

    def __str__(self) -> str:
        return self.pattern


class ScriptBlock:
    """A script block, a closure when ``captured`` holds the variables it was made with."""

    __slots__ = ("captured", "script")

    def __init__(self, script: Script, captured: Scope | None = None) -> None:
        self.script, self.captured = script, captured

    def __str__(self) -> str:
        return self.script.text


class Reference:
    """``[ref]$x``: the variable itself."""

    def __init__(self, read: Callable[[], Any], write: Callable[[Any], None]) -> None:
        self.read, self.write = read, write


class NetException:
    """A .NET exception object."""

    def __init__(
        self, type_name: str, message: str, inner: NetException | None = None, data: dict[str, Any] | None = None
    ) -> None:
        self.type_name, self.message, self.inner, self.data = type_name, message, inner, data or {}
        self.record: ErrorRecord | None = None

    def __str__(self) -> str:
        return f"{self.type_name}: {self.message}"


class ErrorRecord:
    """What ``$_`` is in a catch block and what lies in ``$Error``."""

    def __init__(
        self,
        exception: NetException,
        error_id: str,
        category: str,
        target: Any = None,
        place: PSObject | None = None,
        stack: str | None = None,
    ) -> None:
        self.exception, self.error_id, self.category, self.target = exception, error_id, category, target
        self.place, self.stack = place, stack
        self.details: str | None = None
        self.activity = ""

    def __str__(self) -> str:
        return self.details or self.exception.message


class OutputRecord:
    """A warning, verbose or debug message that a redirection put into the pipeline."""

    def __init__(self, kind: str, message: str) -> None:
        self.kind, self.message = kind, message

    def __str__(self) -> str:
        return self.message


_INT32 = range(-(1 << 31), 1 << 31)
_INT64 = range(-(1 << 63), 1 << 63)

_PYTHON_TYPES: dict[type, str] = {
    bool: "System.Boolean",
    str: "System.String",
    Char: "System.Char",
    float: "System.Double",
    Single: "System.Single",
    Int64: "System.Int64",
    Decimal: "System.Decimal",
    list: "System.Object[]",
    datetime: "System.DateTime",
    timedelta: "System.TimeSpan",
    uuid.UUID: "System.Guid",
    Version: "System.Version",
    NetType: "System.RuntimeType",
    ScriptBlock: "System.Management.Automation.ScriptBlock",
    Regex: "System.Text.RegularExpressions.Regex",
    ErrorRecord: "System.Management.Automation.ErrorRecord",
    Switch: "System.Management.Automation.SwitchParameter",
    SecureString: "System.Security.SecureString",
    Reference: "System.Management.Automation.PSReference",
    ipaddress.IPv4Address: "System.Net.IPAddress",
    ipaddress.IPv6Address: "System.Net.IPAddress",
}


def type_name(value: Any) -> str:
    """The full .NET name of a value's type (``System.Int32``)."""
    found = _PYTHON_TYPES.get(type(value))
    if found:
        return found
    if isinstance(value, SizedInt):
        return f"System.{value.kind}"
    if isinstance(value, int):
        return "System.Int32" if value in _INT32 else "System.Int64"
    if isinstance(value, PSObject | NetException):
        return value.type_name
    if isinstance(value, NetArray):
        return value.element + "[]"
    if isinstance(value, NetList):
        return value.net_type
    if isinstance(value, EnumValue):
        return value.type.name
    if isinstance(value, OutputRecord):
        return f"System.Management.Automation.{value.kind}Record"
    if isinstance(value, str):
        return "System.String"
    raise TypeError(f"the lab put a Python {type(value).__name__} into a PowerShell pipeline")


def is_number(value: Any) -> bool:
    return isinstance(value, int | float | Decimal) and not isinstance(value, bool)


def is_long(value: int) -> bool:
    return isinstance(value, Int64) or (type(value) is int and value not in _INT32)


def fits(value: int, *, long: bool) -> bool:
    return value in (_INT64 if long else _INT32)


def exception_of(error: PowerShellError) -> NetException:
    """The .NET exception that an error of the lab stands for."""
    inner = exception_of(error.inner) if error.inner else None
    return NetException(error.exception_type, error.message, inner, error.data)
