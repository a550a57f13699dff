"""The NLB cmdlets for port rules. A rule belongs to the whole cluster: each change goes to every node."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from lab.powershell.api import Call, NotModelledError, PSObject, cmdlet
from lab.windows import nlb
from lab.windows.nlb_objects import (
    NlbObject,
    changeable,
    confirmed,
    errors,
    found_node,
    reach_all,
    rule_object,
    with_input,
)
from lab.windows.values import text
from lab.world import Document, Machine


def _given(call: Call) -> Any:
    given = call.get("InputObject")
    if given is None and call.input:
        given = call.input
    return given


def _address(value: Any) -> str:
    address = text(value)
    return "All" if address in ("", nlb.ALL) else address


@cmdlet("Get-NlbClusterPortRule")
def get_rule(call: Call) -> Iterator[PSObject]:
    with errors(call):
        given = _given(call)
        objects = given if isinstance(given, list) else [given]
        for item in objects:
            yield from _rules_of(call, item)


def _rules_of(call: Call, item: Any) -> Iterator[PSObject]:
    single = with_input(call, item)
    host, node = found_node(single)
    node_name = None
    if isinstance(item, NlbObject) and item.type_name.endswith(".Node"):
        node_name = host.name
    wanted = text(call.get("NodeName"))
    if wanted:
        found = [
            m for m in nlb.members(host.world, node["cluster"]) if wanted.lower() in (m[0].name.lower(), m[0].fqdn)
        ]
        if not found:
            raise nlb.NlbError("NodeNotFound", f"The node {wanted} was not found in the cluster.", "ObjectNotFound")
        host, node = found[0]
        node_name = host.name
    for rule in node["port_rules"]:
        if call.get("Port") is not None and not rule["start"] <= int(call.get("Port")) <= rule["end"]:
            continue
        if call.get("IP") is not None and _address(call.get("IP")) != _address(rule.get("address", "All")):
            continue
        yield rule_object(host, node, rule, node_name)


@cmdlet("Add-NlbClusterPortRule")
def add_rule(call: Call) -> Iterator[PSObject]:
    with errors(call):
        host, node = found_node(call)
        changeable(call, node["cluster"])
        new = nlb.rule(
            int(call.get("StartPort")),
            int(call.get("EndPort")),
            text(call.get("Protocol")) or "Both",
            text(call.get("Mode")) or "Multiple",
            text(call.get("Affinity")) or "Single",
            int(call.get("Timeout") or 0),
            _address(call.get("IP")),
        )
        _check_timeout(new)
        nlb.change_rules(host.world, node["cluster"], [*node["port_rules"], new])
        yield rule_object(host, node, new, None)


def _check_timeout(rule: Document) -> None:
    if not 0 <= rule["timeout"] <= 240:
        raise nlb.NlbError("InvalidTimeout", "The timeout of a port rule is 0 to 240 minutes.", "InvalidArgument")


def _selected(call: Call) -> Iterator[tuple[Machine, Document, Document]]:
    """The rules that -InputObject, the pipeline, or -Port and -IP mean, and the host they are changed through."""
    given = _given(call)
    objects = given if isinstance(given, list) else [given]
    for item in objects:
        single = with_input(call, item)
        host, node = found_node(single)
        if isinstance(item, PSObject):
            wanted = (item.get("StartPort"), item.get("EndPort"), _address(item.get("VirtualIPAddress")))
            found = [r for r in node["port_rules"] if (r["start"], r["end"], _address(r.get("address"))) == wanted]
        else:
            address = _address(call.get("IP"))
            port = call.get("Port")
            found = [
                r
                for r in node["port_rules"]
                if (port is None or r["start"] <= int(port) <= r["end"]) and _address(r.get("address")) == address
            ]
        if not found:
            raise nlb.NlbError("PortRuleNotFound", "The port rule was not found in the cluster.", "ObjectNotFound")
        for rule in found:
            yield host, node, rule


@cmdlet("Remove-NlbClusterPortRule")
def remove_rule(call: Call) -> Iterator[PSObject]:
    with errors(call):
        confirmed(call)
        chosen = list(_selected(call))
        for host, node, _ in chosen[:1]:
            changeable(call, node["cluster"])
            gone = [rule for _, _, rule in chosen]
            nlb.change_rules(host.world, node["cluster"], [one for one in node["port_rules"] if one not in gone])
        if call.get("PassThru"):
            for host, node, rule in chosen:
                yield rule_object(host, node, rule, None)


@cmdlet("Set-NlbClusterPortRule")
def set_rule(call: Call) -> Iterator[PSObject]:
    with errors(call):
        chosen = list(_selected(call))
        for host, node, _ in chosen[:1]:
            changeable(call, node["cluster"])
            old = [rule for _, _, rule in chosen]
            nlb.change_rules(
                host.world,
                node["cluster"],
                [_altered(call, one) if one in old else one for one in node["port_rules"]],
            )
        for host, node, rule in chosen:
            yield rule_object(host, node, _altered(call, rule), None)


def _altered(call: Call, old: Document) -> Document:
    new = {
        **old,
        **nlb.rule(
            int(_changed(call, "NewStartPort", old["start"])),
            int(_changed(call, "NewEndPort", old["end"])),
            text(_changed(call, "NewProtocol", old.get("protocol", "Both"))),
            text(_changed(call, "NewMode", old.get("mode", "Multiple"))),
            text(_changed(call, "NewAffinity", old.get("affinity", "Single"))),
            int(_changed(call, "NewTimeout", old.get("timeout", 0))),
            _address(_changed(call, "NewIP", old.get("address", "All"))),
        ),
        "enabled": old.get("enabled", True),
        "weight": old.get("weight"),
        "priority": old.get("priority"),
    }
    _check_timeout(new)
    return new


def _changed(call: Call, parameter: str, old: Any) -> Any:
    value = call.get(parameter)
    return old if value is None else value


def _switch_rule(call: Call, *, enabled: bool) -> Iterator[PSObject]:
    with errors(call):
        for host, node, rule in list(_selected(call)):
            everywhere = bool(call.get("ClusterWide"))
            if everywhere:
                reach_all(call, node["cluster"])
            members = list(nlb.members(host.world, node["cluster"])) if everywhere else [(host, node)]
            for machine, member in members:
                if any(nlb.same_rule(one, rule) for one in member["port_rules"]):
                    nlb.change_own_rule(machine, member["interface"], rule, enabled=enabled)
            nlb.converge(host.world, node["cluster"])
            yield rule_object(host, node, {**rule, "enabled": enabled}, None if everywhere else host.name)


def _change_own(call: Call, mode: str, what: str, **own: object) -> Iterator[PSObject]:
    """Change what one node has of its own in rules of a filtering mode. Microsoft: it "changes the configuration on all
    cluster nodes"; that a rule of another mode is refused is unproven."""
    chosen = list(_selected(call))
    for _, node, rule in chosen:
        reach_all(call, node["cluster"])
        if rule["mode"] != mode:
            raise nlb.NlbError(
                "InvalidFilteringMode", f"The {what} applies only to port rules of the mode {mode}.", "InvalidArgument"
            )
    for host, node, _ in chosen[:1]:
        nlb.require_converged(host.world, node["cluster"])
    for host, node, rule in chosen:
        changed = nlb.change_own_rule(host, node["interface"], rule, **own)
        yield rule_object(host, node, changed, host.name)
    for host, node, _ in chosen[:1]:
        nlb.converge(host.world, node["cluster"])


@cmdlet("Set-NlbClusterPortRuleNodeWeight")
def set_weight(call: Call) -> Iterator[PSObject]:
    with errors(call):
        weight = call.get("LoadWeight")
        if (weight is None) != bool(call.get("Equal")):
            raise nlb.NlbError("InvalidLoadWeight", "Give either a load weight or -Equal.", "InvalidArgument")
        if weight is not None and not 0 <= int(weight) <= 100:
            raise nlb.NlbError("InvalidLoadWeight", "The load weight is 0 to 100.", "InvalidArgument")
        yield from _change_own(call, "Multiple", "load weight", weight=None if weight is None else int(weight))


@cmdlet("Set-NlbClusterPortRuleNodeHandlingPriority")
def set_priority(call: Call) -> Iterator[PSObject]:
    with errors(call):
        priority = int(call.get("HandlingPriority"))
        if not 1 <= priority <= 32:
            raise nlb.NlbError("InvalidHandlingPriority", "The handling priority is 1 to 32.", "InvalidArgument")
        yield from _change_own(call, "Single", "handling priority", priority=priority)


@cmdlet("Enable-NlbClusterPortRule")
def enable_rule(call: Call) -> Iterator[PSObject]:
    yield from _switch_rule(call, enabled=True)


@cmdlet("Disable-NlbClusterPortRule")
def disable_rule(call: Call) -> Iterator[PSObject]:
    if call.get("Drain"):
        raise NotModelledError("Disable-NlbClusterPortRule -Drain")
    yield from _switch_rule(call, enabled=False)
