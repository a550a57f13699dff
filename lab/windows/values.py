"""Small conversions between what a script hands to a cmdlet and what the lab works with."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from datetime import datetime
from functools import cache
from typing import Any

from lab.powershell.api import Call, EnumType, EnumValue, PSObject
from lab.powershell.convert import LOCAL
from lab.powershell.patterns import wildcard
from lab.powershell.values import NetArray


def text(value: Any) -> str:
    """One value as text: an IPAddress, an enumeration or a number as PowerShell's own conversion shows it."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "True" if value else "False"
    if isinstance(value, PSObject):
        return value.text if value.text is not None else value.type_name
    return str(value)


def texts(value: Any) -> list[str]:
    """A parameter of type String[] as a list, whether one value came or several."""
    if value is None:
        return []
    if isinstance(value, list | tuple):
        return [text(item) for item in value]
    return [text(value)]


def matches(pattern: str, name: str) -> bool:
    return wildcard(pattern).fullmatch(name) is not None


def matches_any(patterns: Iterable[str], name: str) -> bool:
    return any(matches(pattern, name) for pattern in patterns)


def ip_address(address: str) -> ipaddress.IPv4Address:
    """A System.Net.IPAddress, as the evaluator represents it."""
    return ipaddress.IPv4Address(address)


def local_time(moment: str | datetime) -> datetime:
    """A System.DateTime of kind Local, from a time of the lab's documents."""
    when = datetime.fromisoformat(moment) if isinstance(moment, str) else moment
    return when.astimezone(LOCAL)


def utc(moment: datetime) -> datetime:
    """A System.DateTime of a script as a time with a zone; one of kind Unspecified counts as local."""
    return moment.replace(tzinfo=LOCAL) if moment.tzinfo is None else moment


def byte_array(content: bytes) -> list[Any]:
    """A System.Byte[]."""
    return NetArray(list(content), "System.Byte")


@cache
def enum_type(name: str, *members: str) -> EnumType:
    """An enumeration whose members are numbered from 0; always the same object for one name."""
    return EnumType(name, {member: number for number, member in enumerate(members)})


def member(kind: EnumType, name: str) -> EnumValue:
    """The member of an enumeration; the name is one of the lab's own."""
    return EnumValue(kind, kind.members[name], name)


def given_objects(call: Call) -> list[Any]:
    """The objects a cmdlet works on: the -InputObject that was given, or what came through the pipeline."""
    given = call.get("InputObject")
    if given is not None:
        return list(given) if isinstance(given, list | tuple) else [given]
    return list(call.input)
