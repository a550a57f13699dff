"""ConvertTo-Json and ConvertFrom-Json as Windows PowerShell 3.0 has them: .NET's JavaScriptSerializer behind both.

Differences from later versions: escapes of ``< > & '``, wide indentation, numbers become Int32 or Decimal, a list at
the top comes out as one object, 2 MB at most. Source: JavaScriptSerializer and the cmdlets' documentation; recorded
cases where the reference holds them.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from lab.powershell import members
from lab.powershell.api import Call, EnumValue, HashTable, Int64, NotModelledError, PowerShellError, PSObject, cmdlet
from lab.powershell.convert import CUSTOM, exponent_text, to_text
from lab.powershell.numeric import to_whole
from lab.powershell.values import Char, NetList, ScriptBlock, Switch, plain

LIMIT = 2097152
_TOO_LONG = (
    "Error during serialization or deserialization using the JSON JavaScriptSerializer. The length of the string "
    "exceeds "
    "the value set on the maxJsonLength property."
)
_SHORT = {"\\": "\\\\", '"': '\\"', "\b": "\\b", "\f": "\\f", "\n": "\\n", "\r": "\\r", "\t": "\\t"}
_ESCAPED = re.compile("[\\\\\"\x00-\x1f<>&'\u0085\u2028\u2029]")


def quote(text: str) -> str:
    return '"' + _ESCAPED.sub(lambda m: _SHORT.get(m[0]) or f"\\u{ord(m[0]):04x}", text) + '"'


def _number(value: Any) -> str:
    if isinstance(value, float):
        text = repr(value)
        return exponent_text(text.removesuffix(".0") if "e" not in text else text)
    return str(value if isinstance(value, Decimal) else int(value))


def write(value: Any, depth: int) -> str:
    """The compressed text of a value; what lies deeper than ``depth`` becomes its string."""
    value = plain(value)
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Char | str):
        return "null" if value == "\0" else quote(value)
    if isinstance(value, EnumValue):
        return str(value.number)
    if isinstance(value, int | float | Decimal):
        return _number(value)
    if isinstance(value, datetime):
        moment = value.replace(tzinfo=UTC)
        milliseconds = (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)
        return f'"\\/Date({milliseconds})\\/"'
    if isinstance(value, uuid.UUID):
        return quote(str(value))
    if isinstance(value, PSObject) and value.type_name == "System.Uri":
        return quote(to_text(value))
    if depth < 0:
        return quote(to_text(value))
    if isinstance(value, list):
        return "[" + ",".join(write(item, depth - 1) for item in value) + "]"
    return "{" + ",".join(f"{quote(name)}:{write(item, depth - 1)}" for name, item in _members(value)) + "}"


def _members(value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, HashTable):
        yield from ((to_text(key), item) for key, item in value.items())
    elif isinstance(value, Switch):
        yield "IsPresent", value.present
    elif isinstance(value, ScriptBlock):
        raise NotModelledError("ConvertTo-Json of a script block")
    else:
        yield from ((name, plain(members.own_property(value, name))) for name in members.property_names(value))


def pretty(compressed: str) -> str:
    """The indentation of 3.0: what a bracket encloses stands four columns to the right of it."""
    out: list[str] = []
    column, stack = 0, []

    def put(text: str) -> None:
        nonlocal column
        out.append(text)
        column += len(text)

    def line(indent: int) -> None:
        nonlocal column
        out.append("\r\n" + " " * indent)
        column = indent

    for piece in re.findall(r'"(?:\\.|[^"\\])*"|[{}\[\],:]|[^{}\[\],:"]+', compressed):
        if piece in "{[":
            stack.append(column)
            put(piece)
            line(column - 1 + 4)
        elif piece in "}]":
            indent = stack.pop()
            if out[-1].startswith("\r\n"):
                out[-1] = "\r\n"
                line(indent)
            else:
                line(indent)
            put(piece)
        elif piece == ",":
            put(piece)
            line(stack[-1] + 4)
        elif piece == ":":
            put(":  ")
        else:
            put(piece)
    return "".join(out)


@cmdlet("ConvertTo-Json")
def to_json(call: Call) -> Iterator[str]:
    if "InputObject" in call.parameters:
        value = call.parameters["InputObject"]
    else:
        if not call.input:
            return
        value = call.input[0] if len(call.input) == 1 else list(call.input)
    depth = to_whole(call.get("Depth", 2), "Int32")
    if depth < 1 or depth > 100:
        raise PowerShellError(
            f"Cannot validate argument on parameter 'Depth'. The {depth} argument is out of range 1 to 100.",
            "ParameterArgumentValidationError",
            category="InvalidData",
            exception_type="System.Management.Automation.ParameterBindingValidationException",
        )
    text = write(value, depth)
    if len(text) > LIMIT:
        raise PowerShellError(
            _TOO_LONG,
            "System.InvalidOperationException",
            category="NotSpecified",
            exception_type="System.InvalidOperationException",
        )
    yield text if call.get("Compress") else pretty(text)


class _Reader:
    """JavaScriptSerializer's reader."""

    def __init__(self, text: str) -> None:
        self.text, self.at = text, 0

    def fail(self, why: str) -> PowerShellError:
        return PowerShellError(
            f"{why} ({self.at}): {self.text}", "System.ArgumentException", exception_type="System.ArgumentException"
        )

    def blank(self) -> None:
        while self.at < len(self.text) and self.text[self.at].isspace():
            self.at += 1

    def whole(self) -> Any:
        self.blank()
        value = self.value(0)
        self.blank()
        if self.at < len(self.text):
            raise self.fail(f"Invalid JSON primitive: {self.text[self.at :]}.")
        return value

    def value(self, depth: int) -> Any:
        if depth > 100:
            raise self.fail("RecursionLimit exceeded.")
        self.blank()
        char = self.text[self.at : self.at + 1]
        if char == "{":
            return self.record(depth)
        if char == "[":
            return self.array(depth)
        if char and char in "\"'":
            return self.string()
        return self.primitive()

    def record(self, depth: int) -> PSObject:
        self.at += 1
        made: dict[str, Any] = {}
        while True:
            self.blank()
            char = self.text[self.at : self.at + 1]
            if char == "}":
                self.at += 1
                break
            if not char:
                raise self.fail("Invalid object passed in, ':' or '}' expected.")
            name = self._name(char)
            self.blank()
            if self.text[self.at : self.at + 1] != ":":
                raise self.fail("Invalid object passed in, ':' or '}' expected.")
            self.at += 1
            self._unlike(made, name)
            made[name] = self.value(depth + 1)
            self.blank()
            char = self.text[self.at : self.at + 1]
            if char == ",":
                self.at += 1
            elif char != "}":
                raise self.fail("Invalid object passed in, ':' or '}' expected.")
        return PSObject(CUSTOM, made)

    def _name(self, char: str) -> str:
        if char in "\"'":
            return self.string()
        match = re.compile(r"[^\s:{}\[\],\"']+").match(self.text, self.at)
        if match is None:
            raise self.fail("Invalid object passed in, member name expected.")
        self.at = match.end()
        return match[0]

    @staticmethod
    def _unlike(made: dict[str, Any], name: str) -> None:
        for known in made:
            if known.lower() == name.lower() and known != name:
                raise PowerShellError(
                    "Cannot convert the JSON string because a dictionary that was converted from the string "
                    "contains the "
                    f"duplicated keys '{known}' and '{name}'.",
                    "DuplicateKeysInJsonString",
                    category="InvalidOperation",
                    exception_type="System.InvalidOperationException",
                )

    def array(self, depth: int) -> list[Any]:
        self.at += 1
        items: list[Any] = []
        self.blank()
        if self.text[self.at : self.at + 1] == "]":
            self.at += 1
            return items
        while True:
            items.append(self.value(depth + 1))
            self.blank()
            char = self.text[self.at : self.at + 1]
            self.at += 1
            if char == "]":
                return items
            if char != ",":
                self.at -= 1
                raise self.fail("Invalid array passed in, ']' expected.")

    def string(self) -> str:
        closing = self.text[self.at]
        start = self.at
        self.at += 1
        out: list[str] = []
        while True:
            char = self.text[self.at : self.at + 1]
            if not char:
                self.at = start
                raise self.fail("Unterminated string passed in.")
            self.at += 1
            if char == closing:
                return "".join(out)
            if char == "\\":
                char = self.text[self.at : self.at + 1]
                self.at += 1
                if char == "u":
                    digits = self.text[self.at : self.at + 4]
                    if not re.fullmatch("[0-9a-fA-F]{4}", digits):
                        raise self.fail("Unrecognized escape sequence.")
                    self.at += 4
                    out.append(chr(int(digits, 16)))
                elif char in "\"'\\/":
                    out.append(char)
                elif char and char in "bfnrt":
                    out.append({"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}[char])
                else:
                    raise self.fail("Unrecognized escape sequence.")
            else:
                out.append(char)

    def primitive(self) -> Any:
        match = re.compile(r"[^\s{}\[\],:\"']+").match(self.text, self.at)
        word = match[0] if match else ""
        if word in ("true", "false", "null"):
            self.at += len(word)
            return {"true": True, "false": False, "null": None}[word]
        if re.fullmatch(r"-?\d+", word) and -(1 << 63) <= int(word) < 1 << 63:
            self.at += len(word)
            return int(word)
        if re.fullmatch(r"-?\d+(\.\d+)?", word):
            self.at += len(word)
            return Decimal(word)
        if re.fullmatch(r"-?\d+(\.\d+)?[eE][+-]?\d+", word):
            self.at += len(word)
            return float(word)
        raise self.fail(f"Invalid JSON primitive: {word}.")


_DATE = re.compile(r"/Date\((-?\d+)(?:[+-]\d{4})?\)/")


def _revived(value: Any) -> Any:
    """Texts that stand for a time become one; surrogate pairs become one character."""
    if isinstance(value, str):
        match = _DATE.fullmatch(value)
        if match:
            return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=int(match[1]))
        if any("\ud800" <= char <= "\udfff" for char in value):
            return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
        return value
    if isinstance(value, list):
        return [_revived(item) for item in value]
    if isinstance(value, PSObject):
        value.properties = {name: _revived(item) for name, item in value.properties.items()}
    return value


@cmdlet("ConvertFrom-Json")
def from_json(call: Call) -> Iterator[Any]:
    parts = [call.parameters["InputObject"]] if "InputObject" in call.parameters else call.input
    texts = [to_text(part) for part in parts]
    for text in _documents(texts):
        if len(text) > LIMIT:
            raise PowerShellError(
                f"{_TOO_LONG}\r\nParameter name: input",
                "System.ArgumentException",
                exception_type="System.ArgumentException",
            )
        if not text.strip():
            return
        yield _revived(_Reader(text).whole())


def _documents(texts: list[str]) -> list[str]:
    """Several lines are one document unless the first line is one by itself."""
    if len(texts) <= 1:
        return texts
    try:
        _Reader(texts[0]).whole()
    except PowerShellError:
        return ["\r\n".join(texts)]
    return texts


__all__ = ["Int64", "NetList", "pretty", "write"]
