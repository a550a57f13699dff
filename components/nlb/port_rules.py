"""Guarantees the port rules of a load balancing cluster: exactly the declared ones.

Rules belong to the cluster as a whole; a node whose rules differ is refused by the others. They are changed through
the first node, one at a time, each time until no node is converging any more. A new cluster has one rule for all
ports, which overlaps with every other and goes first. What is a node's own of a rule (whether it is switched on there,
the node's share of the clients) is managed by the node's resource. Delete puts the rule for all ports back.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any, Literal

from components.nlb import state
from components.nlb.cluster import converging
from components.nlb.state import ALL_ADDRESSES, NodeView, PortRule
from components.resource import FarmResource, InputPart, Inputs, ReplaceOn, Resource
from components.steps import ScheduledTask, Step
from remote.session import Remote

DEFAULT_RULE = PortRule(0, 65535, "both", "multiple", "single")


class RuleInputs(InputPart):
    start: int
    """First port, 0 to 65535."""
    end: int
    """Last port, 0 to 65535; it belongs to the rule."""
    protocol: Literal["tcp", "udp", "both"]
    """The protocol whose ports these are."""
    affinity: Literal["none", "single", "network"]
    """What stays on one node: nothing, a client, or a client's class C network."""
    mode: Literal["multiple", "single", "disabled"] = "multiple"
    """Which nodes serve it: all, one, or none."""
    timeout: int = 0
    """Minutes that a client stays with its node after its last connection."""
    address: str = ALL_ADDRESSES
    """The virtual address that it is for. 255.255.255.255: every address of the cluster."""

    @property
    def rule(self) -> PortRule:
        return PortRule(**self.model_dump())

    @classmethod
    def of(cls, rule: PortRule) -> dict[str, Any]:
        return cls.model_validate(asdict(rule)).model_dump(mode="json")


class PortRulesInputs(Inputs):
    tier: Annotated[str, ReplaceOn()]
    """The tier that the cluster is in front of, by the first of its roles."""
    machine: str
    """The first node of the tier, by its machine's name in the topology."""
    interface: str
    """The network card that is bound to the cluster."""
    cluster: str
    """The cluster's full name in DNS, which NLB keeps as well."""
    rules: tuple[RuleInputs, ...]
    """All rules of the cluster; any other goes."""
    timeout_seconds: float = 120
    """How long the cluster may take to converge after one change."""


class PortRulesResource(Resource[PortRulesInputs, NodeView]):
    def display_name(self, inputs: PortRulesInputs) -> str:
        return f"the port rules of {inputs.cluster}"

    def resource_id(self, inputs: PortRulesInputs) -> str:
        return f"nlb-port-rules/{inputs.tier}".lower()

    def observe(self, inputs: PortRulesInputs, remote: Remote) -> NodeView:
        return state.observe(remote, inputs.machine, inputs.interface, f"read {self.display_name(inputs)}")

    def plan(self, inputs: PortRulesInputs, facts: NodeView) -> list[Step]:
        return self._steps(inputs, facts, frozenset(rule.rule for rule in inputs.rules))

    def _steps(self, inputs: PortRulesInputs, facts: NodeView, wanted: frozenset[PortRule]) -> list[Step]:
        steps = []
        where = {"Interface": inputs.interface}
        for rule in _sorted(facts.rules - wanted):
            arguments: dict[str, Any] = {**where, "Start": rule.start, "Address": rule.address}
            steps += self._change(inputs, f"remove the port rule {rule}", "nlb/remove_port_rule.ps1", arguments)
        for rule in _sorted(wanted - facts.rules):
            arguments = {**where, **added(rule)}
            steps += self._change(inputs, f"add the port rule {rule}", "nlb/add_port_rule.ps1", arguments)
        return steps

    @staticmethod
    def _change(inputs: PortRulesInputs, what: str, script: str, arguments: dict[str, Any]) -> list[Step]:
        task = ScheduledTask(inputs.machine, "NLB port rules", script, arguments, inputs.timeout_seconds)
        return state.change(inputs.cluster, inputs.cluster, what, task, converging)

    def plan_delete(self, inputs: PortRulesInputs, facts: NodeView, baseline: dict[str, Any]) -> list[Step]:
        return self._steps(inputs, facts, frozenset({DEFAULT_RULE})) if facts.bound else []

    def preexisting(self, inputs: PortRulesInputs, facts: NodeView) -> bool:
        return facts.rules == frozenset(rule.rule for rule in inputs.rules)

    def actual(self, inputs: PortRulesInputs, facts: NodeView) -> dict[str, Any] | None:
        if not facts.bound:
            return None
        if facts.rules == frozenset(rule.rule for rule in inputs.rules):
            return {}
        return {"rules": [RuleInputs.of(rule) for rule in _sorted(facts.rules)]}


def added(rule: PortRule) -> dict[str, Any]:
    """The arguments of the script that adds a rule."""
    what = {"Start": rule.start, "End": rule.end, "Address": rule.address, "Protocol": rule.protocol}
    return {**what, "Mode": rule.mode, "Affinity": rule.affinity, "Timeout": rule.timeout}


def _sorted(rules: frozenset[PortRule]) -> list[PortRule]:
    return sorted(rules, key=lambda rule: rule.order)


class PortRules(FarmResource[PortRulesInputs], module="nlb", name="PortRules"):
    """The port rules of a load balancing cluster."""

    implementation = PortRulesResource
