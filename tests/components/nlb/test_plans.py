"""Clusters, nodes and port rules: from facts to the exact steps."""

from __future__ import annotations

from dataclasses import replace

import pytest

from components.nlb.cluster import ClusterFacts, ClusterProvider, converged
from components.nlb.node import NodeFacts, NodeProvider
from components.nlb.node import converged as both_converged
from components.nlb.port_rules import DEFAULT_RULE, PortRulesProvider
from components.nlb.state import NodeView, PortRule
from components.steps import Detached, Until
from tests.components import worlds
from tests.components.contract import actions, refusal, sentences
from tests.components.worlds import BOUND, JOINED, UNBOUND

WAIT = "Wait until portal.hyper-v.nu is converged."


CHANGE = "On Portal1, change the cluster {} to portal.hyper-v.nu at 172.21.5.150, unicast."


class TestCluster:
    provider = ClusterProvider()
    inputs = worlds.CLUSTER.parsed()

    @pytest.mark.parametrize(
        ("facts", "expected"),
        [
            (UNBOUND, ["On Portal1, make the NLB cluster portal.hyper-v.nu at 172.21.5.150.", WAIT]),
            (BOUND, []),
            (replace(BOUND, name="PORTAL.hyper-v.nu"), []),
            (replace(BOUND, address="172.21.5.99"), [CHANGE.format("portal.hyper-v.nu"), WAIT]),
            (replace(BOUND, name="other", mode="multicast"), [CHANGE.format("other"), WAIT]),
            # Whether a node takes part is the business of the node's own resource.
            (replace(BOUND, nodes=(("PORTAL1", "Stopped"),)), []),
            (replace(BOUND, nodes=(("PORTAL1", "Converged(default)"), ("PORTAL2", "Stopped"))), []),
            (replace(BOUND, nodes=(("PORTAL1", "Converging"),)), [WAIT]),
            (replace(BOUND, nodes=(("PORTAL1", "Converged"), ("PORTAL2", "Converging"))), [WAIT]),
        ],
    )
    def test_plan(self, facts: NodeView, expected: list[str]) -> None:
        assert sentences(self.provider.plan(self.inputs, ClusterFacts(facts))) == expected

    def test_what_drops_the_card_is_detached(self) -> None:
        plan = self.provider.plan(self.inputs, worlds.NOWHERE)
        assert isinstance(plan[0].action, Detached)
        assert actions(plan) == [
            (
                "Portal1 nlb/new_cluster.ps1 {'Interface': 'Ethernet', 'Name': 'portal.hyper-v.nu', "
                "'Address': '172.21.5.150', 'Mode': 'UNICAST', 'Mask': '255.255.255.0'}"
            )
        ]
        removal = self.provider.remove(self.inputs, worlds.MADE, {})
        assert sentences(removal) == [
            "Wait until portal.hyper-v.nu is at rest.",
            "On Portal1, dissolve the NLB cluster portal.hyper-v.nu.",
        ]
        assert isinstance(removal[1].action, Detached)

    def test_the_wait_says_what_is_missing(self) -> None:
        assert converged(worlds.NOWHERE) == "the card to be bound to the cluster"
        assert converged(ClusterFacts(replace(BOUND, nodes=(("PORTAL2", "Converging"),)))) == "PORTAL2 (Converging)"
        assert converged(worlds.MADE) == ""

    def test_a_cluster_that_another_node_has_is_not_made_twice(self) -> None:
        """The first machine was installed anew, or the article was followed on another machine first."""
        facts = ClusterFacts(UNBOUND, elsewhere="Portal2")
        assert refusal(lambda: self.provider.plan(self.inputs, facts)) == (
            "Portal1: make the NLB cluster portal.hyper-v.nu: Portal2 is in that cluster already, and Portal1 is not. "
            "List Portal2 before Portal1 in the tier's `nodes`; Portal1 joins it then."
        )
        assert self.provider.present(self.inputs, facts), "nothing may be made anew"
        assert self.provider.found(self.inputs, facts) == {
            "machine": "Portal2",
            "interface": "Ethernet",
            "others": [{"machine": "Portal1", "interface": "Ethernet"}],
        }

    @pytest.mark.parametrize(
        ("olds", "refused"),
        [
            ({}, False),
            ({"machine": "Portal1", "others": [{"machine": "Portal2"}]}, False),
            ({"machine": "Portal2", "others": [{"machine": "PORTAL1"}]}, False),
            ({"machine": "Portal2", "others": [{"machine": "Portal3"}]}, True),
        ],
    )
    def test_a_machine_that_is_no_node_yet_cannot_come_first(self, olds: dict[str, object], refused: bool) -> None:
        result = self.provider.check(dict(olds), dict(worlds.CLUSTER.inputs))
        assert [failure.reason for failure in result.failures] == refused * [
            (
                "Portal1 cannot be the first node of portal.hyper-v.nu yet: it is none of its nodes so far (Portal2, "
                "Portal3). List it after one of them; once it has joined, any order will do."
            )
        ]

    def test_neither_another_order_nor_another_name_replaces_it(self) -> None:
        olds = worlds.CLUSTER.inputs
        news = {**olds, "machine": "Portal2", "others": [], "cluster": "x", "address": "1.2.3.4", "mode": "multicast"}
        for provider in (self.provider, PortRulesProvider(), NodeProvider()):
            assert provider.diff("id", olds, news | {"machine": olds["machine"]}).replaces == []
        assert self.provider.diff("id", olds, news).replaces == []
        assert PortRulesProvider().diff("id", olds, news).replaces == []
        assert self.provider.key(self.inputs) == "nlb-cluster/portal"


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

    def test_in_another_cluster_already(self) -> None:
        half = replace(JOINED, node=replace(JOINED.node, name="other.hyper-v.nu"))
        assert refusal(lambda: self.provider.plan(self.inputs, half)) == (
            "Portal2: join Portal2 to portal.hyper-v.nu: its network card Ethernet belongs to the cluster "
            "other.hyper-v.nu. Take Portal2 out of that cluster, then run `pulumi up` again."
        )

    def test_whose_it_is(self) -> None:
        """In a cluster of ours a node is ours, whoever joined it; in one that was adopted it is as it was."""
        assert not self.provider.existed(self.inputs, JOINED)
        assert self.provider.existed(self.inputs, replace(JOINED, ours=False))
        assert not self.provider.existed(self.inputs, replace(worlds.ALONE, ours=False))

    def test_remove(self) -> None:
        plan = self.provider.remove(self.inputs, JOINED, {})
        assert sentences(plan) == [
            "Wait until portal.hyper-v.nu is at rest before Portal2 leaves.",
            "On Portal2, let clients finish and take no more.",
            "Wait until Portal2 has no client and portal.hyper-v.nu is at rest.",
            "On Portal2, leave portal.hyper-v.nu.",
            "Wait until portal.hyper-v.nu is at rest again.",
        ]
        assert actions(plan) == [
            "Portal2 nlb/drain_node.ps1 {'Interface': 'Ethernet', 'DrainMinutes': 1}",
            "Portal2 nlb/remove_node.ps1 {'Interface': 'Ethernet'}",
        ]
        busy = replace(JOINED, first=replace(BOUND, nodes=(("PORTAL1", "Converging"),)))
        before, quiet = (step.action for step in plan[::2][:2])
        assert isinstance(before, Until)
        assert isinstance(quiet, Until)
        assert before.waiting_for(busy) == quiet.waiting_for(busy) == "PORTAL1 (Converging)"
        assert before.waiting_for(JOINED) == ""
        assert quiet.waiting_for(JOINED) == "Portal2 (Converged)"
        draining = replace(JOINED, node=replace(JOINED.node, nodes=(("PORTAL2", "Draining"),)))
        assert quiet.waiting_for(draining) == "Portal2 (Draining)"
        assert quiet.waiting_for(worlds.DRAINED) == ""
        assert self.provider.remove(self.inputs, worlds.ALONE, {}) == []

    def test_the_last_node_stays_until_the_cluster_is_dissolved(self) -> None:
        alone = replace(JOINED.node, nodes=(("PORTAL2", "Converged(default)"),))
        assert self.provider.remove(self.inputs, NodeFacts(alone, alone), {}) == []


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
