"""Guarantees that the Windows Firewall of one machine allows inbound TCP ports, by one rule of the program's own.

The rule is found by its name, which says what it is for; its group is the program's name. Rules of Windows, of the
portal's installer and of the administrators are left alone: what one of them allows stays allowed. A rule that was
limited to a program, a card, a user or the like is recreated. Delete removes the rule.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated, Any

from components.resource import FarmResource, Inputs, ReplaceOn, Resource
from components.steps import Script, Step, load_script
from remote.names import folded
from remote.session import Remote

GROUP = "Windows Azure Pack HA"
"""The group under which the program's rules stand together in the list of the Windows Firewall."""
ANYWHERE = "Any"
_NO_LIMIT = frozenset({"", "any", "notrequired"})
"""What the filters of a rule say that is not limited (NetworkingDsc, DSC_Firewall, reads the same)."""


class FirewallRuleInputs(Inputs):
    machine: Annotated[str, ReplaceOn()]
    """The machine, by its name in the topology."""
    rule: Annotated[str, ReplaceOn()]
    """The rule's name, the displayed one as well."""
    ports: tuple[str, ...]
    """The TCP ports that it allows. Text, because a rule that was altered by hand may have a range."""
    remote: tuple[str, ...] = ()
    """The subnets from which it allows connections. None given: from anywhere."""
    enabled: bool = True
    """Whether Windows Firewall applies the rule."""
    direction: str = "Inbound"
    """It is about what comes in."""
    action: str = "Allow"
    """``Allow``, or ``Block`` where an administrator turned it round."""
    protocol: str = "TCP"
    """The protocol of its ports."""
    profile: str = "Any"
    """The kinds of network on which it counts."""
    limits: tuple[str, ...] = ()
    """What else it is limited to, as ``Program C:\\Windows\\notepad.exe``: none."""


@dataclass(frozen=True)
class FirewallRuleFacts:
    exists: bool
    """False: every other field has its default."""
    enabled: bool = False
    """``Enabled`` of Get-NetFirewallRule."""
    direction: str = ""
    """Inbound or Outbound."""
    action: str = ""
    """Allow, Block or NotConfigured."""
    protocol: str = ""
    """``Protocol`` of Get-NetFirewallPortFilter: TCP, UDP, Any, or a number."""
    profile: str = ""
    """Any, or the profiles in Windows' order: ``Domain, Private``."""
    ports: tuple[str, ...] = ()
    """As Windows gives them: a number, a range, or ``Any``."""
    remote: tuple[str, ...] = ()
    """Subnets as ``172.21.5.0/24``, in order; none: from anywhere."""
    limits: tuple[str, ...] = ()
    """As ``FirewallRuleInputs.limits``, in order."""


class FirewallRuleResource(Resource[FirewallRuleInputs, FirewallRuleFacts]):
    def display_name(self, inputs: FirewallRuleInputs) -> str:
        return f"the firewall rule {inputs.rule}"

    def resource_id(self, inputs: FirewallRuleInputs) -> str:
        return f"{inputs.machine}/firewall-rule/{inputs.rule}".lower()

    def observe(self, inputs: FirewallRuleInputs, remote: Remote) -> FirewallRuleFacts:
        state = remote.powershell(inputs.machine).run(
            load_script("windows/read_firewall_rule.ps1"),
            {"Name": inputs.rule},
            attempted=f"read {self.display_name(inputs)}",
        )[0]
        if not state["exists"]:
            return FirewallRuleFacts(exists=False)
        limits = (f"{name} {value}" for name, value in state["limits"].items() if folded(value) not in _NO_LIMIT)
        lists = {
            "ports": _in_order(state["ports"]),
            "remote": subnets(state["remote"]),
            "limits": tuple(sorted(limits)),
        }
        return FirewallRuleFacts(**{**state, **lists})

    def plan(self, inputs: FirewallRuleInputs, facts: FirewallRuleFacts) -> list[Step]:
        machine, name = inputs.machine, inputs.rule
        where = {"Ports": list(inputs.ports), "Remote": list(inputs.remote) or [ANYWHERE]}
        what = f"allow inbound TCP {', '.join(inputs.ports)} from {' and '.join(inputs.remote) or 'anywhere'}"
        add = Script(machine, "windows/add_firewall_rule.ps1", {"Name": name, "Group": GROUP, **where})
        made = Step(f"On {machine}, {what} with the firewall rule {name}.", add)
        if not facts.exists:
            return [made]
        if facts == _wanted(inputs):
            return []
        if facts.limits:
            return [self._remove(inputs, f", which is limited to {', '.join(facts.limits)}"), made]
        # The cmdlet takes the word, and not a Boolean: its type has no conversion from one.
        arguments = {"Name": name, "Enabled": str(inputs.enabled), **where}
        action = Script(machine, "windows/set_firewall_rule.ps1", arguments)
        return [Step(f"On {machine}, correct the firewall rule {name} to {what}.", action)]

    def plan_delete(self, inputs: FirewallRuleInputs, facts: FirewallRuleFacts, baseline: dict[str, Any]) -> list[Step]:
        return [self._remove(inputs)] if facts.exists else []

    @staticmethod
    def _remove(inputs: FirewallRuleInputs, why: str = "") -> Step:
        action = Script(inputs.machine, "windows/remove_firewall_rule.ps1", {"Name": inputs.rule})
        return Step(f"On {inputs.machine}, remove the firewall rule {inputs.rule}{why}.", action)

    def actual(self, inputs: FirewallRuleInputs, facts: FirewallRuleFacts) -> dict[str, Any] | None:
        if not facts.exists:
            return None
        words = ("enabled", "direction", "action", "protocol", "profile")
        live: dict[str, Any] = {word: getattr(facts, word) for word in words}
        live["limits"] = list(facts.limits)
        wanted = _wanted(inputs)
        if facts.ports != wanted.ports:
            live["ports"] = list(facts.ports)
        if facts.remote != wanted.remote:
            live["remote"] = list(facts.remote) or [ANYWHERE]
        return live


def _wanted(inputs: FirewallRuleInputs) -> FirewallRuleFacts:
    words = (inputs.enabled, inputs.direction, inputs.action, inputs.protocol, inputs.profile)
    return FirewallRuleFacts(True, *words, ports=_in_order(inputs.ports), remote=subnets(inputs.remote))


def _in_order(ports: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(ports, key=lambda port: (len(port), port)))


def subnets(addresses: Iterable[str]) -> tuple[str, ...]:
    """Addresses in one form and order: Windows gives ``172.21.5.0/255.255.255.0`` for what was ``172.21.5.0/24``.

    What is no subnet (a range, a word such as LocalSubnet) stays as it is.
    """
    return tuple(sorted(_subnet(address) for address in addresses if address != ANYWHERE))


def _subnet(address: str) -> str:
    try:
        return str(ipaddress.IPv4Network(address))
    except ValueError:
        return address


class FirewallRule(FarmResource[FirewallRuleInputs], module="windows", name="FirewallRule"):
    """A rule of the Windows Firewall that allows inbound TCP ports."""

    implementation = FirewallRuleResource
