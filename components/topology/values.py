"""The kinds of single values a topology is made of, each with the rule that makes it one.

A value that breaks its rule raises ``ValueError`` with the rule and what to do; ``reading`` adds file and line. No
value is ever part of a script's text, so none of these rules is about quoting.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from typing import Annotated

from pydantic import AfterValidator, Field, StrictBool, StrictInt, StringConstraints

_NETBIOS_NAME = re.compile(r"(?!-)[A-Za-z0-9_-]{1,15}(?<!-)")
_DNS_LABEL = re.compile(r"(?!-)[A-Za-z0-9-]{1,63}(?<!-)")
_DEFAULT_INSTANCE = ("mssqlserver", "default")
"""Names that setup keeps for the default instance."""
_NOT_IN_ACCOUNT_NAMES = set('"/\\[]:;|=,+*?<>@')


def quoted(value: str) -> str:
    """A value in a message, as it stands in the file: backslashes are not doubled."""
    return f"'{value}'"


def _address(value: str) -> str:
    try:
        return str(ipaddress.IPv4Address(value))
    except ipaddress.AddressValueError:
        raise ValueError(f"{quoted(value)} is not an IPv4 address; write one such as 172.21.5.150") from None


def _subnet(value: str) -> str:
    try:
        return str(ipaddress.IPv4Network(value))
    except ValueError:
        raise ValueError(
            f"{quoted(value)} is not an IPv4 subnet; write first address and length: 172.21.5.0/24"
        ) from None


def _dns_name(value: str) -> str:
    labels = value.split(".")
    if len(labels) < 2 or len(value) > 253 or not all(_DNS_LABEL.fullmatch(label) for label in labels):
        raise ValueError(f"{quoted(value)} is not a full DNS name; write one such as portal.hyper-v.nu")
    return value.lower()


def _certificate_dns_name(value: str) -> str:
    return f"*.{_dns_name(value[2:])}" if value.startswith("*.") else _dns_name(value)


def _netbios_name(value: str) -> str:
    if len(value) > 15:
        raise ValueError(f"{quoted(value)} has {len(value)} characters; such a name may have 15: shorten it")
    if not _NETBIOS_NAME.fullmatch(value):
        raise ValueError(
            f"{quoted(value)} is not a Windows computer name; use letters, digits, _ and hyphens inside it"
        )
    return value


def _account_name(value: str) -> str:
    if len(value) > 20:
        raise ValueError(f"{quoted(value)} has {len(value)} characters; an account's name may have 20: shorten it")
    forbidden = sorted(_NOT_IN_ACCOUNT_NAMES & set(value))
    if forbidden or not value.strip(" .") or value.endswith("."):
        what = f"contains {' '.join(forbidden)}" if forbidden else "is empty or ends with a full stop"
        raise ValueError(f"{quoted(value)} {what}; Windows does not allow that in an account's name: choose another")
    return value


def _administrator(value: str) -> str:
    """A login that setup of SQL Server or this program makes: no Windows account, none of SQL Server's own."""
    if "\\" in value or value.startswith("##"):
        raise ValueError(f"{quoted(value)} is no SQL login that can be made; write `sa` or another name")
    return "sa" if value.lower() == "sa" else value


def _principal(value: str) -> str:
    domain, backslash, name = value.partition("\\")
    if not (domain and backslash and name) or "\\" in name:
        raise ValueError(
            f"{quoted(value)} is not an account or group; write DOMAIN\\name with the domain's NetBIOS name"
        )
    if forbidden := sorted((_NOT_IN_ACCOUNT_NAMES - {"@"}) & set(name)):
        what = f"contains {' '.join(forbidden)}"
        raise ValueError(f"{quoted(value)} {what}; Windows does not allow that: write the name of before Windows 2000")
    return value


def _share(value: str) -> str:
    if not re.fullmatch(r"\\\\[^\\/:*?\"<>|]+(\\[^\\/:*?\"<>|]+)+", value):
        raise ValueError(f"{quoted(value)} is not a share; every SQL Server must reach it, so write \\\\server\\share")
    return value


def _instance(value: str) -> str:
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_$#]{0,15}", value):
        raise ValueError(
            f"{quoted(value)} is not an instance name; use up to 16 letters, digits, _ $ #, a letter first"
        )
    if value.lower() in _DEFAULT_INSTANCE:
        raise ValueError(f"{quoted(value)} is the name of the default instance; leave it out")
    return value


@dataclass(frozen=True)
class Kind:
    """What a value is, in a word or two: shown in ``docs/topology.md``. pydantic passes it over."""

    name: str
    """``seconds``, ``IPv4 address``: the column *value* of docs/topology.md."""


Text = Annotated[str, StringConstraints(min_length=1), Kind("text")]
DisplayName = Annotated[str, StringConstraints(min_length=1, max_length=128), Kind("text, up to 128 characters")]
Flag = Annotated[StrictBool, Kind("true or false")]
Port = Annotated[StrictInt, Field(ge=1, le=65535), Kind("port")]
PortOfRule = Annotated[StrictInt, Field(ge=0, le=65535), Kind("port, 0 too")]
Seconds = Annotated[StrictInt, Field(ge=1, le=86400), Kind("seconds")]
SecondsOrZero = Annotated[StrictInt, Field(ge=0, le=86400), Kind("seconds, 0 too")]
Address = Annotated[str, AfterValidator(_address), Kind("IPv4 address")]
Subnet = Annotated[str, AfterValidator(_subnet), Kind("IPv4 subnet")]
DnsName = Annotated[str, AfterValidator(_dns_name), Kind("full DNS name")]
CertificateDnsName = Annotated[str, AfterValidator(_certificate_dns_name), Kind("full DNS name, or `*.` and one")]
NetbiosName = Annotated[str, AfterValidator(_netbios_name), Kind("name, up to 15 characters")]
AccountName = Annotated[str, AfterValidator(_account_name), Kind("name, up to 20 characters")]
Principal = Annotated[str, AfterValidator(_principal), Kind(r"`DOMAIN\name`")]
Share = Annotated[str, AfterValidator(_share), Kind(r"`\\server\share`")]
Instance = Annotated[str, AfterValidator(_instance), Kind("name, up to 16 characters")]
AdministratorName = Annotated[
    str,
    StringConstraints(min_length=1, max_length=128),
    AfterValidator(_administrator),
    Kind("name, up to 128 characters"),
]
SqlIdentifier = Annotated[str, StringConstraints(min_length=1, max_length=128), Kind("name, up to 128 characters")]
