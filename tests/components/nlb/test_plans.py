"""Clusters, nodes and port rules: from facts to the exact steps."""

from __future__ import annotations

from dataclasses import replace

import pytest

from components.nlb.cluster import ClusterProvider, converged
from components.nlb.node import NodeFacts, NodeProvider
from components.nlb.node import converged as both_converged
from components.nlb.port_rules import DEFAULT_RULE, PortRulesProvider
from components.nlb.state import NodeView, PortRule
from components.steps import Detached, Until
from tests.components import worlds
from tests.components.contract import actions, sentences
from tests.components.worlds import BOUND, JOINED, UNBOUND

WAIT = "Wait until Portal1 is converged in portal.hyper-v.nu."


class TestCluster:
    provider = ClusterProvider()
    inputs = worlds.CLUSTER.parsed()

    @pytest.mark.parametrize(
        ("facts", "expected"),
        [
            (UNBOUND, ["On Portal1, make the NLB cluster portal.hyper-v.nu at 172.21.5.150.", WAIT]),
            (BOUND, []),
            (replace(BOUND, name="PORTAL.hyper-v.nu"), []),
            (
                replace(BOUND, address="172.21.5.99"),
                [
                    "On Portal1, change the cluster portal.hyper-v.nu to portal.hyper-v.nu at 172.21.5.150, unicast.",
                    WAIT,
                ],
            ),
            (
                replace(BOUND, name="other", mode="multicast"),
                ["On Portal1, change the cluster other to portal.hyper-v.nu at 172.21.5.150, unicast.", WAIT],
            ),
            (replace(BOUND, nodes=(("PORTAL1", "Stopped"),)), ["On Portal1, start load balancing.", WAIT]),
            (
                replace(BOUND, mode="multicast", nodes=(("PORTAL1", "Stopped"),)),
                [
                    "On Portal1, change the cluster portal.hyper-v.nu to portal.hyper-v.nu at 172.21.5.150, unicast.",
                    "On Portal1, start load balancing.",
                    WAIT,
                ],
            ),
            (replace(BOUND, nodes=(("PORTAL1", "Suspended"),)), ["On Portal1, start load balancing.", WAIT]),
            (replace(BOUND, nodes=(("PORTAL1", "Converging"),)), [WAIT]),
        ],
    )
    def test_plan(self, facts: NodeView, expected: list[str]) -> None:
        assert sentences(self.provider.plan(self.inputs, facts)) == expected

    def test_what_drops_the_card_is_detached(self) -> None:
        plan = self.provider.plan(self.inputs, UNBOUND)
        assert isinstance(plan[0].action, Detached)
        assert actions(plan) == [
            (
                "Portal1 nlb/new_cluster.ps1 {'Interface': 'Ethernet', 'Name': 'portal.hyper-v.nu', "
                "'Address': '172.21.5.150', 'Mode': 'UNICAST', 'Mask': '255.255.255.0'}"
            )
        ]
        removal = self.provider.remove(self.inputs, BOUND, {})
        assert sentences(removal) == [
            "Wait until portal.hyper-v.nu is at rest.",
            "On Portal1, dissolve the NLB cluster portal.hyper-v.nu.",
        ]
        assert isinstance(removal[1].action, Detached)

    def test_the_wait_says_what_is_missing(self) -> None:
        assert converged(UNBOUND) == "the card to be bound to the cluster"
        assert converged(replace(BOUND, nodes=(("PORTAL2", "Converging"),))) == "PORTAL2 (Converging)"
        assert converged(BOUND) == ""

    def test_another_node_that_stands_still_is_not_waited_for(self) -> None:
        facts = replace(BOUND, nodes=(("PORTAL1", "Converged (default)"), ("PORTAL2", "Stopped")))
        assert self.provider.plan(self.inputs, facts) == []
        assert converged(facts) == ""
        assert converged(replace(facts, nodes=(("PORTAL1", "Unknown"), *facts.nodes[1:]))) == "PORTAL1 (Unknown)"


class TestNode:
    provider = NodeProvider()
    inputs = worlds.NODE.parsed()
    join = "On Portal1, join Portal2 to portal.hyper-v.nu."
    wait = "Wait until Portal2 is converged in portal.hyper-v.nu."

    def test_plans(self) -> None:
        plan = self.provider.plan(self.inputs, worlds.ALONE)
        assert sentences(plan) == [self.join, self.wait]
        assert isinstance(plan[0].action, Detached)
        assert actions(plan) == [
            "Portal1 nlb/add_node.ps1 {'Interface': 'Ethernet', 'NewNode': 'Portal2', 'NewInterface': 'Ethernet'}"
        ]
        assert self.provider.plan(self.inputs, JOINED) == []
        stopped = replace(JOINED, node=replace(JOINED.node, nodes=(("PORTAL1", "Converged"), ("PORTAL2", "Stopped"))))
        assert sentences(self.provider.plan(self.inputs, stopped)) == [
            "On Portal2, start load balancing.",
            self.wait,
        ]
        slow = replace(JOINED, first=replace(BOUND, nodes=(("PORTAL1", "Converged"), ("PORTAL2", "Converging"))))
        assert sentences(self.provider.plan(self.inputs, slow)) == [self.wait]

    def test_bound_but_not_seen_by_the_first_is_joined_again(self) -> None:
        half = NodeFacts(BOUND, JOINED.node)
        assert sentences(self.provider.plan(self.inputs, half)) == [self.join, self.wait]
        assert both_converged(half) == "Portal2 to join the cluster"
        assert not self.provider.present(self.inputs, half)

    def test_remove(self) -> None:
        plan = self.provider.remove(self.inputs, JOINED, {})
        assert sentences(plan) == [
            "Wait until portal.hyper-v.nu is at rest before the change.",
            "On Portal1, let Portal2 finish its connections.",
            "Wait until portal.hyper-v.nu is at rest without Portal2.",
            "On Portal1, take Portal2 out of portal.hyper-v.nu.",
            "Wait until portal.hyper-v.nu is at rest again.",
        ]
        assert actions(plan) == [
            "Portal1 nlb/drain_node.ps1 {'Interface': 'Ethernet', 'Node': 'Portal2', 'DrainMinutes': 1}",
            "Portal1 nlb/remove_node.ps1 {'Interface': 'Ethernet', 'Node': 'Portal2'}",
        ]
        busy = replace(JOINED, first=replace(BOUND, nodes=(("PORTAL1", "Converging"),)))
        assert isinstance(plan[0].action, Until)
        assert plan[0].action.waiting_for(busy) == "PORTAL1 (Converging)"
        assert plan[0].action.waiting_for(JOINED) == ""
        assert self.provider.remove(self.inputs, worlds.ALONE, {}) == []


class TestPortRules:
    provider = PortRulesProvider()
    inputs = worlds.PORT_RULES.parsed()
    wanted = frozenset(
        {PortRule(443, 443, "tcp", "multiple", "single"), PortRule(30004, 30006, "tcp", "multiple", "single")}
    )

    @staticmethod
    def both(what: str) -> list[str]:
        return [
            f"On portal.hyper-v.nu, {what}.",
            f"Wait until portal.hyper-v.nu is at rest after: {what}.",
        ]

    def test_the_rule_for_all_ports_goes_first(self) -> None:
        plan = self.provider.plan(self.inputs, BOUND)
        assert sentences(plan) == [
            *self.both("remove the port rule 0-65535 both multiple single"),
            *self.both("add the port rule 443-443 tcp multiple single"),
            *self.both("add the port rule 30004-30006 tcp multiple single"),
        ]
        assert all(isinstance(step.action, Detached | Until) for step in plan)
        assert actions(plan)[:2] == [
            "Portal1 nlb/remove_port_rule.ps1 {'Interface': 'Ethernet', 'Start': 0}",
            (
                "Portal1 nlb/add_port_rule.ps1 {'Interface': 'Ethernet', 'Protocol': 'tcp', 'Affinity': 'single', "
                "'Start': 443, 'End': 443}"
            ),
        ]

    def test_one_rule_altered_by_hand(self) -> None:
        odd = PortRule(443, 443, "tcp", "multiple", "none")
        facts = replace(BOUND, rules=frozenset({odd, *self.wanted}) - {PortRule(443, 443, "tcp", "multiple", "single")})
        assert sentences(self.provider.plan(self.inputs, facts)) == [
            *self.both("remove the port rule 443-443 tcp multiple none"),
            *self.both("add the port rule 443-443 tcp multiple single"),
        ]
        assert self.provider.found(self.inputs, facts)["rules"][0] == {
            "start": 443,
            "end": 443,
            "protocol": "tcp",
            "affinity": "none",
        }

    def test_a_stopped_node_is_not_waited_for(self) -> None:
        """It is started by its own resource, which comes after the rules."""
        wait = self.provider.plan(self.inputs, BOUND)[1].action
        assert isinstance(wait, Until)
        assert wait.waiting_for(replace(BOUND, nodes=(("PORTAL1", "Converged"), ("PORTAL2", "Stopped")))) == ""
        assert wait.waiting_for(replace(BOUND, nodes=(("PORTAL2", "Converging"),))) == "PORTAL2 (Converging)"

    def test_in_order_and_removed(self) -> None:
        facts = replace(BOUND, rules=self.wanted)
        assert self.provider.plan(self.inputs, facts) == []
        assert self.provider.found(self.inputs, facts) == {}
        assert sentences(self.provider.remove(self.inputs, facts, {}))[-2] == (
            "On portal.hyper-v.nu, add the port rule 0-65535 both multiple single."
        )
        assert self.provider.remove(self.inputs, replace(BOUND, rules=frozenset({DEFAULT_RULE})), {}) == []
