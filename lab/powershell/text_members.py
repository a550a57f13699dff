"""Methods of System.String and System.Char. Source: .NET Framework 4 class library."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from lab.powershell.api import EnumValue, PowerShellError
from lab.powershell.comparison import compare_text
from lab.powershell.convert import to_text
from lab.powershell.numeric import to_whole
from lab.powershell.values import Char, NetArray, plain


def out_of_range(name: str, why: str) -> PowerShellError:
    return PowerShellError(
        f"{why}\r\nParameter name: {name}",
        "ArgumentOutOfRangeException",
        exception_type="System.ArgumentOutOfRangeException",
    )


def null_argument(name: str) -> PowerShellError:
    return PowerShellError(
        f"Value cannot be null.\r\nParameter name: {name}",
        "ArgumentNullException",
        exception_type="System.ArgumentNullException",
    )


def _ignores_case(argument: Any) -> bool:
    if isinstance(argument, bool):
        return argument
    name = argument.name if isinstance(argument, EnumValue) else to_text(argument)
    return name.lower().endswith("ignorecase")


def _whole(value: Any) -> int:
    return to_whole(plain(value), "Int32")


def _substring(text: str, start: Any, length: Any = None) -> str:
    begin = _whole(start)
    if begin < 0 or begin > len(text):
        raise out_of_range("startIndex", "startIndex cannot be larger than length of string.")
    if length is None:
        return text[begin:]
    count = _whole(length)
    if count < 0:
        raise out_of_range("length", "Length cannot be less than zero.")
    if begin + count > len(text):
        raise out_of_range("length", "Index and length must refer to a location within the string.")
    return text[begin : begin + count]


def _characters(arguments: tuple[Any, ...]) -> str:
    found = ""
    for argument in arguments:
        found += "".join(to_text(item) for item in argument) if isinstance(argument, list) else to_text(argument)
    return found


def _split(text: str, *arguments: Any) -> list[Any]:
    """A text as separator counts as the set of its characters, as it does when PowerShell calls this method."""
    rest = list(arguments)
    remove = False
    if rest and (
        isinstance(rest[-1], EnumValue) or (len(rest) > 1 and str(rest[-1]).lower() in ("removeemptyentries", "none"))
    ):
        remove = to_text(rest.pop()).lower() == "removeemptyentries"
    limit = (
        _whole(rest.pop()) if len(rest) > 1 and isinstance(rest[-1], int) and not isinstance(rest[-1], bool) else None
    )
    texts = rest[0] if len(rest) == 1 and isinstance(rest[0], list) else None
    if texts is not None and any(isinstance(item, str) and len(item) > 1 for item in texts):
        separators = [to_text(item) for item in texts if to_text(item)]
    else:
        separators = list(_characters(tuple(rest)))
    pieces: list[str] = []
    start = at = 0
    while at < len(text):
        if limit is not None and len(pieces) + 1 >= limit:
            break
        hit = next((s for s in separators if text.startswith(s, at)), None)
        if hit is None and not separators and text[at].isspace():
            hit = text[at]
        if hit is None:
            at += 1
            continue
        if not remove or at > start:
            pieces.append(text[start:at])
        at += len(hit)
        start = at
    if not remove or start < len(text):
        pieces.append(text[start:])
    return NetArray(pieces, "System.String")


def _replace(text: str, old: Any, new: Any) -> str:
    if not to_text(old):
        raise PowerShellError(
            "String cannot be of zero length.\r\nParameter name: oldValue",
            "ArgumentException",
            exception_type="System.ArgumentException",
        )
    return text.replace(to_text(old), to_text(new))


def _index(text: str, wanted: Any, *rest: Any) -> int:
    start = next((_whole(item) for item in rest if isinstance(item, int)), 0)
    fold = any(_ignores_case(item) for item in rest if not isinstance(item, int))
    return text.casefold().find(to_text(wanted).casefold(), start) if fold else text.find(to_text(wanted), start)


def _starts(text: str, part: Any, *how: Any) -> bool:
    fold = bool(how) and _ignores_case(how[0])
    return text.casefold().startswith(to_text(part).casefold()) if fold else text.startswith(to_text(part))


def _ends(text: str, part: Any, *how: Any) -> bool:
    fold = bool(how) and _ignores_case(how[0])
    return text.casefold().endswith(to_text(part).casefold()) if fold else text.endswith(to_text(part))


def _equals(text: str, other: Any, *how: Any) -> bool:
    if not isinstance(other, str):
        return False
    return text.casefold() == other.casefold() if how and _ignores_case(how[0]) else text == other


def _pad(text: str, width: Any, fill: Any, *, left: bool) -> str:
    return (text.rjust if left else text.ljust)(_whole(width), to_text(fill) or " ")


def _remove(text: str, start: Any, count: Any = None) -> str:
    begin = _whole(start)
    if begin < 0 or begin > len(text):
        raise out_of_range("startIndex", "startIndex must be less than length of string.")
    return text[:begin] + ("" if count is None else text[begin + _whole(count) :])


def _insert(text: str, start: Any, part: Any) -> str:
    begin = _whole(start)
    if begin < 0 or begin > len(text):
        raise out_of_range("startIndex", "Specified argument was out of the range of valid values.")
    return text[:begin] + to_text(part) + text[begin:]


METHODS: dict[str, Callable[..., Any]] = {
    "trim": lambda s, *c: s.strip(_characters(c) or None),
    "trimstart": lambda s, *c: s.lstrip(_characters(c) or None),
    "trimend": lambda s, *c: s.rstrip(_characters(c) or None),
    "toupper": lambda s, *_: s.upper(),
    "tolower": lambda s, *_: s.lower(),
    "toupperinvariant": lambda s: s.upper(),
    "tolowerinvariant": lambda s: s.lower(),
    "split": _split,
    "substring": _substring,
    "replace": _replace,
    "startswith": _starts,
    "endswith": _ends,
    "contains": lambda s, part: to_text(part) in s,
    "indexof": _index,
    "lastindexof": lambda s, part: s.rfind(to_text(part)),
    "indexofany": lambda s, chars: min((at for at in (s.find(to_text(c)) for c in chars) if at >= 0), default=-1),
    "padleft": lambda s, width, fill=" ": _pad(s, width, fill, left=True),
    "padright": lambda s, width, fill=" ": _pad(s, width, fill, left=False),
    "remove": _remove,
    "insert": _insert,
    "tochararray": lambda s: NetArray([Char(c) for c in s], "System.Char"),
    "equals": _equals,
    "compareto": lambda s, other: compare_text(s, to_text(other), case=True),
    "tostring": lambda s, *_: str(s),
    "normalize": lambda s: s,
    "clone": lambda s: s,
    "chars": lambda s, at: Char(s[_whole(at)]),
    "get_chars": lambda s, at: Char(s[_whole(at)]),
    "get_length": lambda s: len(s),
    "gettypecode": lambda _: "String",
    "isnormalized": lambda _: True,
}
