"""Firewall rules: made, found, changed and removed. What they allow is ``lab.firewall``'s to say."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Any

from lab import firewall
from lab.powershell.api import Call, EnumType, NotModelledError, PowerShellError, PSObject, cmdlet
from lab.powershell.patterns import has_wildcard
from lab.windows.cim import CimInstance, not_found
from lab.windows.values import enum_type, given_objects, matches, member, text, texts
from lab.world import Document

NAMESPACE = "root/standardcimv2"
GENERATED = "Microsoft.PowerShell.Cmdletization.GeneratedTypes.NetSecurity"
ENABLED = enum_type(f"{GENERATED}.Enabled", "None", "True", "False")
PROFILE_ENABLED = EnumType(f"{GENERATED}.GpoBoolean", {"False": 0, "True": 1, "NotConfigured": 2})
DIRECTION = enum_type(f"{GENERATED}.Direction", "None", "Inbound", "Outbound")
ACTION = EnumType(f"{GENERATED}.Action", {"NotConfigured": 0, "Allow": 2, "Block": 4})
_KEYWORDS = {"dns", "dhcp", "wins", "defaultgateway", "internet", "intranet", "intranetremoteaccess", "playtodevice"}
_LIMITS = ("Program", "Service", "InterfaceAlias", "InterfaceType", "Authentication", "Encryption", "LocalUser",
           "RemoteUser", "RemoteMachine")  # fmt: skip
"""What a rule can be limited to beside ports and addresses; the document's ``limits`` has those that it is."""
_PLAIN = ("DisplayName", "Name", "DisplayGroup", "Group")
_FILTERS = {"Direction": "direction", "Action": "action", "Enabled": "enabled"}
_KEYS = {"displayname": "display", "name": "name", "displaygroup": "group", "group": "group"}


def _rule(document: Document) -> CimInstance:
    made = CimInstance(
        NAMESPACE,
        "MSFT_NetFirewallRule",
        {
            "Name": document["name"],
            "ID": document["name"],
            "InstanceID": document["name"],
            "DisplayName": document["display"],
            "Group": document["group"],
            "DisplayGroup": document["group"],
            "Description": document["description"],
            "Enabled": member(ENABLED, document["enabled"]),
            "Profile": document["profile"],
            "Direction": member(DIRECTION, document["direction"]),
            "Action": member(ACTION, document["action"]),
        },
    )
    made.hidden = {"name": document["name"]}
    return made


STORES = ("", "persistentstore", "activestore")
"""Without Group Policy the rules that are in force are those of the machine's own store."""


def check_store(call: Call) -> None:
    if text(call.get("PolicyStore")).lower() not in STORES:
        raise NotModelledError(f"{call.name} -PolicyStore {text(call.get('PolicyStore'))}")


def _found(call: Call) -> list[Document]:
    rules = call.machine.collection("firewall")
    objects = [item for item in given_objects(call) if isinstance(item, CimInstance)]
    if objects:
        return [rules[item.hidden["name"]] for item in objects if item.hidden.get("name") in rules]
    chosen = list(rules.values())
    for parameter in _PLAIN:
        wanted, key = texts(call.get(parameter)), _KEYS[parameter.lower()]
        if not wanted:
            continue
        for pattern in wanted:
            if not has_wildcard(pattern) and not any(matches(pattern, text(rule[key])) for rule in rules.values()):
                call.runtime.write_error(not_found(call, "MSFT_NetFirewallRule", parameter, pattern))
        chosen = [rule for rule in chosen if any(matches(pattern, text(rule[key])) for pattern in wanted)]
    for parameter, key in _FILTERS.items():
        wanted = [value.lower() for value in texts(call.get(parameter))]
        if wanted and call.name.startswith(("Get", "Remove", "Enable", "Disable")):
            chosen = [rule for rule in chosen if rule[key].lower() in wanted]
    return chosen


def _elevated(call: Call) -> None:
    if not call.session.identity.administrator:
        raise PowerShellError(
            "Access is denied.",
            f"Windows System Error 5,{call.name}",
            category="PermissionDenied",
            exception_type="Microsoft.Management.Infrastructure.CimException",
        )


def _check_addresses(call: Call) -> None:
    """Refuse what is no address; the keywords that the lab's network does not know, with its own sentence."""
    for parameter in ("LocalAddress", "RemoteAddress"):
        for given in texts(call.get(parameter)):
            if given.lower() in _KEYWORDS:
                raise NotModelledError(f"{call.name} -{parameter} {given}")
            if not firewall.is_address(given):
                raise _invalid(
                    call,
                    "The address is invalid. Addresses may be specified as IP addresses, ranges, or subnets. Also, the"
                    " following address keywords are allowed in certain places: LocalSubnet, DNS, DHCP, WINS,"
                    " DefaultGateway, Internet, Intranet, IntranetRemoteAccess, PlayToDevice.",
                )


def _invalid(call: Call, message: str) -> PowerShellError:
    return PowerShellError(
        message,
        f"HRESULT 0x80070057,{call.name}",
        category="InvalidArgument",
        exception_type="Microsoft.Management.Infrastructure.CimException",
    )


def _check_ports(call: Call, document: Document) -> None:
    """Refuse a rule whose protocol is none, or whose ports do not go with it."""
    protocol = document["protocol"]
    if not firewall.is_protocol(protocol):
        raise _invalid(call, "The protocol is invalid.")
    for key in ("local_port", "remote_port"):
        for port in document[key]:
            fault = firewall.port_fault(port, protocol)
            if fault is not None:
                raise _invalid(call, fault)


@cmdlet("Get-NetFirewallRule")
def get_rule(call: Call) -> Iterator[PSObject]:
    check_store(call)
    for document in _found(call):
        yield _rule(document)


@cmdlet("New-NetFirewallRule")
def new_rule(call: Call) -> Iterator[PSObject]:
    for parameter in ("Package", "GPOSession", "PolicyStore"):
        if call.get(parameter) is not None:
            raise NotModelledError(f"New-NetFirewallRule -{parameter}")
    _elevated(call)
    _check_addresses(call)
    rules = call.machine.collection("firewall")
    name = text(call.get("Name")) or "{" + str(uuid.uuid4()).upper() + "}"
    if name in rules:
        raise PowerShellError(
            "Cannot create a file when that file already exists.",
            f"Windows System Error 183,{call.name}",
            category="ResourceExists",
            exception_type="Microsoft.Management.Infrastructure.CimException",
        )
    document = {
        "name": name,
        "display": text(call.get("DisplayName")),
        "group": call.get("Group"),
        "description": call.get("Description"),
        "enabled": _proper(ENABLED.members, text(call.get("Enabled")) or "True"),
        "profile": ", ".join(texts(call.get("Profile"))) or "Any",
        "direction": _proper(DIRECTION.members, text(call.get("Direction")) or "Inbound"),
        "action": _proper(ACTION.members, text(call.get("Action")) or "Allow"),
        "protocol": text(call.get("Protocol")) or "Any",
        "local_port": texts(call.get("LocalPort")) or ["Any"],
        "remote_port": texts(call.get("RemotePort")) or ["Any"],
        "local_address": texts(call.get("LocalAddress")) or ["Any"],
        "remote_address": texts(call.get("RemoteAddress")) or ["Any"],
        "limits": _limits(call, {}),
    }
    _check_ports(call, document)
    rules[name] = document
    yield _rule(rules[name])


def _limits(call: Call, before: dict[str, list[str]]) -> dict[str, list[str]]:
    """What a rule is limited to after a call; ``Any`` and ``NotRequired`` take a limit away."""
    given = {name: texts(call.get(name)) for name in _LIMITS if call.get(name) is not None}
    both = {**before, **given}
    return {name: values for name, values in both.items() if values[:1] not in (["Any"], ["NotRequired"])}


def _proper(names: Any, wanted: str) -> str:
    return next(str(name) for name in names if name.lower() == wanted.lower())


@cmdlet("Set-NetFirewallRule")
def set_rule(call: Call) -> Iterator[PSObject]:
    _elevated(call)
    _check_addresses(call)
    for document in _found(call):
        changes: dict[str, Any] = {}
        for parameter, key in (("NewDisplayName", "display"), ("Description", "description")):
            if call.get(parameter) is not None:
                changes[key] = text(call.get(parameter))
        for parameter, key, kind in (
            ("Enabled", "enabled", ENABLED),
            ("Action", "action", ACTION),
            ("Direction", "direction", DIRECTION),
        ):
            if call.get(parameter) is not None:
                changes[key] = _proper(kind.members, text(call.get(parameter)))
        if call.get("Protocol") is not None:
            changes["protocol"] = text(call.get("Protocol"))
        if call.get("Profile") is not None:
            changes["profile"] = ", ".join(texts(call.get("Profile")))
        for parameter, key in (
            ("LocalPort", "local_port"),
            ("RemotePort", "remote_port"),
            ("LocalAddress", "local_address"),
            ("RemoteAddress", "remote_address"),
        ):
            if call.get(parameter) is not None:
                changes[key] = texts(call.get(parameter))
        changes["limits"] = _limits(call, document.get("limits", {}))
        _check_ports(call, {**document, **changes})
        changed = call.machine.collection("firewall").change(document["name"], **changes)
        if call.get("PassThru"):
            yield _rule(changed)


def _enable(call: Call, enabled: str) -> Iterator[PSObject]:
    _elevated(call)
    for document in _found(call):
        changed = call.machine.collection("firewall").change(document["name"], enabled=enabled)
        if call.get("PassThru"):
            yield _rule(changed)


@cmdlet("Enable-NetFirewallRule")
def enable_rule(call: Call) -> Iterator[PSObject]:
    yield from _enable(call, "True")


@cmdlet("Disable-NetFirewallRule")
def disable_rule(call: Call) -> Iterator[PSObject]:
    yield from _enable(call, "False")


@cmdlet("Remove-NetFirewallRule")
def remove_rule(call: Call) -> None:
    _elevated(call)
    for document in _found(call):
        del call.machine.collection("firewall")[document["name"]]


@cmdlet("Get-NetFirewallProfile")
def get_profile(call: Call) -> Iterator[PSObject]:
    """The lab's machines are members of a domain: they use its profile, and the others are as Windows has them."""
    check_store(call)
    wanted = texts(call.get("Name"))
    for name in (firewall.PROFILE, "Private", "Public"):
        if not wanted or any(matches(one, name) for one in wanted):
            enabled = name != firewall.PROFILE or firewall.on(call.machine)
            values = {"Name": name, "Profile": name, "Enabled": member(PROFILE_ENABLED, str(enabled))}
            yield CimInstance(NAMESPACE, "MSFT_NetFirewallProfile", values)
