"""What is wrong in ``hosts``, ``credentials`` and ``authorities`` of a stack's configuration, before any connection."""

from __future__ import annotations

import ipaddress
import re
import warnings
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

from cryptography import x509

from components.topology import Topology
from remote.text import visible

# Operating systems still have authorities whose serial number is not positive; nobody here can change that.
warnings.filterwarnings("ignore", message="Parsed a serial number which wasn't positive")

_LABEL = r"[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"
_NAME = re.compile(rf"{_LABEL}(?:\.{_LABEL})*")
_HOST_KEYS = ("address", "winrmPort", "sqlPort", "verify")
_CREDENTIAL_KEYS = ("username", "password")


class ConfigurationError(Exception):
    """A configuration that cannot be used. Its text has one line for every problem, and no secret."""

    __module__ = "builtins"


PASSWORDS = ("sqlAdministratorPassword", "spfAccountPassword", "passphrase")
LONGEST = 128
"""Characters of a password of SQL Server ("Password Policy"); the Windows account is held to it, too. No limit of the
passphrase is documented."""


def check(values: Mapping[str, Any], topology: Topology, passwords: Mapping[str, Any] | None = None) -> None:
    """Raises ``ConfigurationError`` with every problem; each line begins with the key of the configuration.
    ``passwords`` are those of ``PASSWORDS``; one that is missing is left to who needs it."""
    problems = [*_hosts(values.get("hosts"), topology), *_credentials(values.get("credentials"), topology)]
    problems += _authorities(values.get("authorities"))
    problems += _passwords(passwords or {})
    if problems:
        raise ConfigurationError("\n".join(visible(problem) for problem in problems))


def in_clear(key: str, given: Any, *, encrypted: bool) -> list[str]:
    """Problems of an object with passwords of which no part is encrypted; ``encrypted``: whether any is."""
    if encrypted or not isinstance(given, Mapping):
        return []
    return [
        visible(
            f"{key}.{name}.password: it stands in clear. Set it again: "
            f"pulumi config set --secret --path '{key}[\"{name}\"].password'"
        )
        for name, entry in given.items()
        if isinstance(entry, Mapping) and entry.get("password")
    ]


def shared_names(topology: Topology) -> list[str]:
    """The names behind which several machines stand, lower case."""
    fronts = [tier.front.name.lower() for tier in topology.portal.tiers]
    return [*fronts, topology.listener_fqdn, topology.spf.name.lower()]


def entries(
    key: str, given: Any, known: Collection[str], what: str, inner: Collection[str], unknown_hint: str = ""
) -> Iterator[str | tuple[str, Mapping[str, Any]]]:
    """The problems of an object of objects, and the entries to look into: path and value."""
    if given in (None, ""):
        return
    if not isinstance(given, Mapping):
        yield f"{key}: an object is expected, not {_kind(given)}. {_SET.format(key=key)}"
        return
    seen: dict[str, str] = {}
    for name, entry in given.items():
        path = f"{key}.{name}"
        if name.lower() not in {one.lower() for one in known}:
            yield f"{path}: no {what} of this name in the topology. Known are: {', '.join(known)}.{unknown_hint}"
        elif name.lower() in seen:
            yield f"{path}: the same name as {seen[name.lower()]}. Remove one of them."
        elif entry is not None and not isinstance(entry, Mapping):
            yield f"{path}: an object is expected, not {_kind(entry)}. Its keys are: {', '.join(inner)}."
        else:
            unknown = [one for one in entry or {} if one not in inner]
            yield from (f"{path}.{one}: no such key. Known are: {', '.join(inner)}." for one in unknown)
            yield path, entry or {}
        seen.setdefault(name.lower(), path)


_SET = "Set it as `pulumi config set --path '{key}[\"NAME\"].KEY' VALUE` does."


def _hosts(given: Any, topology: Topology) -> Iterator[str]:
    machines, shared = [machine.name for machine in topology.machines], shared_names(topology)
    hint = " A machine that leaves the farm stays in `machines` until `pulumi up` has cleared it."
    for found in entries("hosts", given, [*machines, *shared], "machine, cluster or listener", _HOST_KEYS, hint):
        if isinstance(found, str):
            yield found
            continue
        path, entry = found
        if "address" in entry:
            yield from _address(f"{path}.address", entry["address"])
        if path.removeprefix("hosts.").lower() in shared:
            if "address" not in entry:
                yield f"{path}: the entry has no address. Give it an `address`, or remove the entry."
            yield from (f"{path}.{key}: only a machine has it. Remove it." for key in _HOST_KEYS[1:] if key in entry)
            continue
        yield from (_port(f"{path}.{key}", entry[key]) for key in ("winrmPort", "sqlPort") if not _is_port(entry, key))
        if not isinstance(entry.get("verify", True), bool):
            yield f"{path}.verify: true or false is expected, not {_kind(entry['verify'])}."


def _address(path: str, value: Any) -> Iterator[str]:
    if not isinstance(value, str):
        yield f"{path}: a text is expected, not {_kind(value)}."
        return
    try:
        ipaddress.IPv6Address(value.strip("[]").partition("%")[0])
    except ValueError:
        pass
    else:
        yield f"{path}: {value} is an IPv6 address, which is not supported. Give an IPv4 address or a name."
        return
    numbers = value.split(".")
    if all(number.isdigit() for number in numbers):
        try:
            ipaddress.IPv4Address(value)
        except ValueError:
            yield f"{path}: {value} is not an IPv4 address. Give one, or a name."
    elif "://" in value or "/" in value:
        yield f"{path}: {value} is a URL. Give a name or an IPv4 address alone."
    elif ":" in value:
        yield f"{path}: {value} has a port. Give the port as `winrmPort` or `sqlPort`, and the address without it."
    elif value.endswith("."):
        yield f"{path}: {value} ends with a dot, and no certificate does. Remove it."
    elif not _NAME.fullmatch(value) or len(value) > 253:
        yield f"{path}: '{value}' is neither a name nor an IPv4 address."


def _is_port(entry: Mapping[str, Any], key: str) -> bool:
    """Numbers may be texts; in a provider's process they are floats."""
    value = entry.get(key, 1)
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return False
    text = str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)
    return text.isascii() and text.isdigit() and 1 <= int(text) <= 65535


def _port(path: str, value: Any) -> str:
    return f"{path}: a number from 1 to 65535 is expected, not {_kind(value, shown=True)}."


def _credentials(given: Any, topology: Topology) -> Iterator[str]:
    domains, machines = [domain.name for domain in topology.domains], [machine.name for machine in topology.machines]
    complete = set()
    for found in entries("credentials", given, [*domains, *machines], "domain or machine", _CREDENTIAL_KEYS):
        if isinstance(found, str):
            yield found
            continue
        path, entry = found
        complete.add(path.removeprefix("credentials.").lower())
        for key in _CREDENTIAL_KEYS:
            value = entry.get(key)
            if value in (None, ""):
                yield f"{path}.{key}: it is missing. {_how(path, key)}"
            elif not isinstance(value, str):
                yield f"{path}.{key}: a text is expected, not {_kind(value)}. {_how(path, key)}"
            elif _unsendable(value):
                yield f"{path}.{key}: it has a control character or half a character. {_how(path, key)}"
    for domain in topology.domains:
        left = [m.name for m in topology.machines if m.domain.lower() == domain.name.lower()]
        left = [name for name in left if name.lower() not in complete]
        if left and domain.name.lower() not in complete:
            yield (
                f"credentials.{domain.name}: no user name and password for {', '.join(left)}. Set `credentials` for "
                f"{domain.name}, or for each of these machines."
            )


def _passwords(given: Mapping[str, Any]) -> Iterator[str]:
    """What a machine would cut off, or take for its end, or what no text can hold."""
    for key in PASSWORDS:
        value = given.get(key)
        if value is None:
            continue
        set_it = f"Set another: pulumi config set --secret {key}"
        if not isinstance(value, str):
            yield f"{key}: a text is expected, not {_kind(value)}. {set_it}"
        elif _unsendable(value):
            yield f"{key}: it has a control character or half a character. {set_it}"
        elif not value:
            yield f"{key}: it is empty. {set_it}"
        elif key != "passphrase" and len(value.encode("utf-16-le")) // 2 > LONGEST:
            yield f"{key}: it has more than {LONGEST} characters. {set_it}"


def _unsendable(value: str) -> bool:
    return any(character < " " or "\ud800" <= character <= "\udfff" for character in value)


def _how(path: str, key: str) -> str:
    name = path.removeprefix("credentials.")
    secret = " --secret" if key == "password" else ""
    return f"Set it: pulumi config set{secret} --path 'credentials[\"{name}\"].{key}'"


def _authorities(given: Any) -> Iterator[str]:
    if given in (None, ""):
        return
    if not isinstance(given, str):
        yield f"authorities: the path of a PEM file is expected, not {_kind(given)}."
        return
    try:
        content = Path(given).read_bytes()
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else str(error)
        yield f"authorities: {given} cannot be read ({why}). {_AUTHORITIES}"
        return
    try:
        x509.load_pem_x509_certificates(content)
    except ValueError:
        try:
            x509.load_der_x509_certificate(content)
        except ValueError:
            yield f"authorities: {given} holds no certificate that can be read as PEM. {_AUTHORITIES}"
        else:
            yield (
                f"authorities: {given} is a DER file. Convert it: "
                f"openssl x509 -inform der -in {given} -out {Path(given).with_suffix('.pem')}"
            )


_AUTHORITIES = (
    "Give a PEM file with every authority to trust, or remove the key for those of the operating system; for the lab, "
    "start it first (`make up`)."
)


def _kind(value: Any, *, shown: bool = False) -> str:
    """What a value is, in words; the value itself only where it cannot be a secret."""
    if shown and isinstance(value, int | float | str) and not isinstance(value, bool):
        return f"'{value}'" if isinstance(value, str) else f"{value:g}"
    if isinstance(value, Mapping):
        return "an object"
    if isinstance(value, list | tuple):
        return "a list"
    if isinstance(value, bool):
        return "true or false"
    return "a number" if isinstance(value, int | float) else "nothing" if value is None else "a text"
