"""Clusters, nodes and port rules: from facts to the exact steps."""

from __future__ import annotations

import fnmatch
import json
from dataclasses import replace
from typing import Any

import pytest

from components.nlb.cluster import ClusterFacts, ClusterResource, converged
from components.nlb.node import OWN, NodeFacts, NodeResource
from components.nlb.node import converged as both_converged
from components.nlb.node_health import (
    SCRIPT,
    NodeHealthFacts,
    NodeHealthResource,
    Trigger,
    command,
    digest,
    duration,
    settings,
)
from components.nlb.port_rules import DEFAULT_RULE, PortRulesResource
from components.nlb.state import NodeView, PortRule
from components.steps import ScheduledTask, WaitFor, load_script
from tests.components import worlds
from tests.components.contract import actions, actual, adapter, refusal, sentences
from tests.components.worlds import BOUND, JOINED, UNBOUND

WAIT = "Wait until portal.hyper-v.nu is converged."
OLD = ("172.21.5.99", "255.255.255.0")
OURS = ("172.21.5.150", "255.255.255.0")
OPEN = "O:BAG:DUD:AI(A;OICIID;FA;;;SY)(A;OICIID;FA;;;BA)(A;OICIID;FA;;;BU)"
BOOT, TIME = (Trigger("MSFT_TaskBootTrigger", True),), "MSFT_TaskTimeTrigger"


def changed(what: str) -> list[str]:
    return [f"On Portal1, {what}.", f"Wait until portal.hyper-v.nu is converged after: {what}."]


MAKE = changed("make the NLB cluster portal.hyper-v.nu at 172.21.5.150")
ADD = changed("give the cluster portal.hyper-v.nu the address 172.21.5.150 as well")
TAKE = changed("take the address 172.21.5.99 from portal.hyper-v.nu")


def change(name: str) -> list[str]:
    return changed(f"change the cluster {name} to portal.hyper-v.nu at 172.21.5.150, unicast")


class TestCluster:
    resource = ClusterResource()
    inputs = worlds.CLUSTER.parsed()

    @pytest.mark.parametrize(
        ("facts", "expected"),
        [
            (UNBOUND, MAKE),
            (BOUND, []),
            (replace(BOUND, name="PORTAL.hyper-v.nu"), []),
            # Set-NlbCluster takes only an address that the cluster has already.
            (
                replace(BOUND, address=OLD[0], mask=OLD[1], addresses=(OLD,)),
                [*ADD, *change("portal.hyper-v.nu"), *TAKE],
            ),
            # An address that an administrator gave the cluster stays, also where it was made the primary one.
            (replace(BOUND, address=OLD[0], mask=OLD[1], addresses=(OLD, OURS)), change("portal.hyper-v.nu")),
            (replace(BOUND, addresses=(OLD, OURS)), []),
            (replace(BOUND, name="other", mode="multicast"), change("other")),
            # Whether a node takes part is decided by the node's own resource.
            (replace(BOUND, nodes=(("PORTAL1", "Stopped"),)), []),
            (replace(BOUND, nodes=(("PORTAL1", "Converged(default)"), ("PORTAL2", "Stopped"))), []),
            (replace(BOUND, nodes=(("PORTAL1", "Converging"),)), [WAIT]),
            (replace(BOUND, nodes=(("PORTAL1", "Converged"), ("PORTAL2", "Converging"))), [WAIT]),
        ],
    )
    def test_plan(self, facts: NodeView, expected: list[str]) -> None:
        assert sentences(self.resource.plan(self.inputs, ClusterFacts(facts))) == expected

    @pytest.mark.parametrize(
        ("addresses", "primary", "expected"),
        [
            ((OLD,), OLD, [*ADD, *change("portal.hyper-v.nu"), *TAKE]),
            ((OLD, OURS), OLD, [*change("portal.hyper-v.nu"), *TAKE]),
            ((OLD, OURS), OURS, TAKE),
            ((OURS,), OURS, []),
        ],
    )
    def test_a_broken_move_is_finished(
        self, addresses: tuple[tuple[str, str], ...], primary: tuple[str, str], expected: list[str]
    ) -> None:
        """The claim tells which of the addresses this program gave the cluster."""
        first = replace(BOUND, addresses=addresses, address=primary[0])
        facts = ClusterFacts(first, ours=frozenset({OLD[0], OURS[0]}))
        assert sentences(self.resource.plan(self.inputs, facts)) == expected

    def test_what_the_claim_keeps_of_addresses(self) -> None:
        assert self.resource.baseline(self.inputs, ClusterFacts(UNBOUND)) == {"addresses": {OURS[0]: False}}
        assert self.resource.baseline(self.inputs, ClusterFacts(BOUND)) == {"addresses": {OURS[0]: True}}

    def test_a_mask_that_was_changed(self) -> None:
        facts = ClusterFacts(replace(BOUND, mask="255.255.0.0"))
        assert actual(self.resource, self.inputs, facts)["mask"] == "255.255.0.0"
        assert refusal(lambda: self.resource.plan(self.inputs, facts)) == (
            "Portal1: change the NLB cluster portal.hyper-v.nu: its address 172.21.5.150 has the mask 255.255.0.0 "
            "instead of 255.255.255.0, and Windows changes no mask of a cluster's primary address. Give the cluster "
            "another address, or set the domain's mask in the topology to what it is."
        )

    def test_a_card_that_is_not_there_is_found_before_anything_changes(self) -> None:
        facts = ClusterFacts(
            BOUND,
            without_card=(NodeView("Portal2", bound=False, missing_card="Ethernet 7", cards=("Ethernet", "LAN")),),
        )
        assert refusal(lambda: self.resource.plan(self.inputs, facts)) == (
            "Portal1: change the NLB cluster portal.hyper-v.nu: Portal2 has no network card named Ethernet 7 (it has "
            "Ethernet, LAN). Name the right card as the machine's `interface` in the topology, then run `pulumi up` "
            "again."
        )

    def test_what_drops_the_card_is_detached(self) -> None:
        plan = self.resource.plan(self.inputs, worlds.NOWHERE)
        assert isinstance(plan[0].action, ScheduledTask)
        assert actions(plan) == [
            (
                "Portal1 nlb/new_cluster.ps1 {'Interface': 'Ethernet', 'Name': 'portal.hyper-v.nu', "
                "'Address': '172.21.5.150', 'Mode': 'UNICAST', 'Mask': '255.255.255.0'}"
            )
        ]
        removal = self.resource.plan_delete(self.inputs, worlds.MADE, {})
        assert sentences(removal) == [
            "Wait until portal.hyper-v.nu has converged.",
            "On Portal1, dissolve the NLB cluster portal.hyper-v.nu.",
        ]
        assert isinstance(removal[1].action, ScheduledTask)

    def test_the_wait_says_what_is_missing(self) -> None:
        assert converged(worlds.NOWHERE) == "the card to be bound to the cluster"
        assert converged(ClusterFacts(replace(BOUND, nodes=(("PORTAL2", "Converging"),)))) == "PORTAL2 (Converging)"
        assert converged(worlds.MADE) == ""

    def test_a_cluster_that_another_node_has_is_not_made_twice(self) -> None:
        """The first machine was reinstalled, or the article was followed on another machine first."""
        facts = ClusterFacts(UNBOUND, elsewhere="Portal2")
        assert refusal(lambda: self.resource.plan(self.inputs, facts)) == (
            "Portal1: make the NLB cluster portal.hyper-v.nu: Portal2 is in that cluster already, and Portal1 is not. "
            "List Portal2 before Portal1 in the tier's `nodes`; Portal1 joins it then."
        )
        assert self.resource.actual(self.inputs, facts) is not None, "nothing may be recreated"
        assert self.resource.actual(self.inputs, facts) == {
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
        result = adapter(self.resource).check(dict(olds), dict(worlds.CLUSTER.inputs))
        assert [failure.reason for failure in result.failures] == refused * [
            (
                "Portal1 cannot be the first node of portal.hyper-v.nu yet: it is none of its nodes so far (Portal2, "
                "Portal3). List it after one of them; once it has joined, any order will do."
            )
        ]

    def test_neither_another_order_nor_another_name_replaces_it(self) -> None:
        olds = worlds.CLUSTER.inputs
        news = {**olds, "machine": "Portal2", "others": [], "cluster": "x", "address": "1.2.3.4", "mode": "multicast"}
        for provider in (self.resource, PortRulesResource(), NodeResource()):
            assert adapter(provider).diff("id", olds, news | {"machine": olds["machine"]}).replaces == []
        assert adapter(self.resource).diff("id", olds, news).replaces == []
        assert adapter(PortRulesResource).diff("id", olds, news).replaces == []
        assert self.resource.resource_id(self.inputs) == "nlb-cluster/portal"


class TestNode:
    resource = NodeResource()
    inputs = worlds.NODE.parsed()
    join = "On Portal1, join Portal2 to portal.hyper-v.nu."
    wait = "Wait until Portal2 is converged in portal.hyper-v.nu."

    def test_plans(self) -> None:
        plan = self.resource.plan(self.inputs, worlds.ALONE)
        assert sentences(plan) == [self.join, self.wait]
        assert isinstance(plan[0].action, ScheduledTask)
        assert actions(plan) == [
            "Portal1 nlb/add_node.ps1 {'Interface': 'Ethernet', 'NewNode': 'Portal2', 'NewInterface': 'Ethernet'}"
        ]
        assert self.resource.plan(self.inputs, JOINED) == []
        stopped = replace(JOINED, node=replace(JOINED.node, nodes=(("PORTAL1", "Converged"), ("PORTAL2", "Stopped"))))
        assert sentences(self.resource.plan(self.inputs, stopped)) == [
            "On Portal2, start load balancing.",
            self.wait,
        ]
        slow = replace(JOINED, first=replace(BOUND, nodes=(("PORTAL1", "Converged"), ("PORTAL2", "Converging"))))
        assert sentences(self.resource.plan(self.inputs, slow)) == [self.wait]

    def test_a_node_that_its_health_task_starts(self) -> None:
        """Load balancing does not start with its machine, from the moment on at which it joins."""
        inputs = worlds.NODE.parsed().model_copy(update={"starts": False})
        stopped = replace(JOINED, node=replace(JOINED.node, starts=False))
        what = "keep load balancing stopped when the machine starts"
        keep = [f"On Portal2, {what}.", f"Wait until portal.hyper-v.nu has converged after: {what}."]
        assert sentences(self.resource.plan(inputs, worlds.ALONE)) == [self.join, self.wait, *keep]
        assert sentences(self.resource.plan(inputs, JOINED)) == keep
        assert self.resource.plan(inputs, stopped) == []
        assert actual(self.resource, inputs, JOINED)["starts"] is True
        assert sentences(self.resource.take_out(inputs, stopped))[0].startswith("Wait until portal.hyper-v.nu")
        assert self.resource.bring_back(inputs, stopped) == []

    @pytest.mark.parametrize("shown", ["Stopped", "Suspended"])
    def test_a_node_that_stands_still(self, shown: str) -> None:
        """A suspended node refuses every order but to resume, after which it is stopped (Resume-NlbClusterNode)."""
        resume = ["On Portal2, resume load balancing, which is suspended."] * (shown == "Suspended")
        nodes = (("PORTAL1", "Converged"), ("PORTAL2", shown))
        facts = NodeFacts(replace(JOINED.first, nodes=nodes), replace(JOINED.node, nodes=nodes))
        plan = sentences(self.resource.plan(self.inputs, facts))
        assert plan == [*resume, "On Portal2, start load balancing.", self.wait]
        assert actual(self.resource, self.inputs, facts)["started"] is False
        assert sentences(self.resource.plan_delete(self.inputs, facts, {})) == [
            "Wait until portal.hyper-v.nu has converged before Portal2 leaves.",
            *resume,
            "Wait until Portal2 has no client and portal.hyper-v.nu has converged.",
            "On Portal2, leave portal.hyper-v.nu.",
            "Wait until portal.hyper-v.nu has converged again.",
        ]
        last = replace(facts, node=replace(facts.node, nodes=(("PORTAL2", shown),)))
        assert sentences(self.resource.plan_delete(self.inputs, last, {})) == resume

    def test_dedicated_addresses(self) -> None:
        def of(*dips: tuple[str, str]) -> NodeFacts:
            return replace(worlds.JOINED, node=replace(worlds.JOINED.node, dedicated=frozenset(dips)))

        first, own = ("PORTAL1", "172.21.5.151"), ("PORTAL2", "172.21.5.152")
        further = ("PORTAL2", "10.0.0.2")
        assert self.resource.plan(self.inputs, of(first, own, further)) == []
        lost = of(first, further)
        assert actual(self.resource, self.inputs, lost)["dedicated"] == "172.21.5.152 is not one of them (10.0.0.2)"
        what = "give its node the dedicated address 172.21.5.152"
        wait = f"Wait until portal.hyper-v.nu has converged after: {what}."
        assert sentences(self.resource.plan(self.inputs, lost)) == [f"On Portal2, {what}.", wait]
        shared = of(first, own, ("PORTAL2", first[1]))
        assert actual(self.resource, self.inputs, shared)["dedicated"] == "172.21.5.151 is PORTAL1's"
        assert sentences(self.resource.plan(self.inputs, shared))[0] == (
            "On Portal2, take the dedicated address 172.21.5.151 from its node: it is PORTAL1's."
        )
        # Its own address at another node: that one gives it back.
        assert self.resource.plan(self.inputs, of(own, ("PORTAL1", own[1]))) == []

    def test_what_is_its_own_of_the_rules(self) -> None:
        https = PortRule(443, 443, "tcp", "multiple", "single")
        first = replace(JOINED.first, rules=frozenset({https, DEFAULT_RULE}))

        def node(**own: object) -> NodeFacts:
            return NodeFacts(first, replace(JOINED.node, rules=first.rules, **own))  # type: ignore[arg-type]

        def both(machine: str, what: str) -> list[str]:
            return [f"On {machine}, {what}.", f"Wait until portal.hyper-v.nu has converged after: {what}."]

        assert self.resource.plan(self.inputs, node()) == []
        own = node(disabled=frozenset({https}), weighted=frozenset({(DEFAULT_RULE, 0)}), starts=False)
        assert self.resource.actual(self.inputs, own) == {
            "started": True,
            "starts": False,
            "rules": "443-443 tcp multiple single is switched off; 0-65535 both multiple single has load weight 0",
            "dedicated": OWN,
        }
        plan = self.resource.plan(self.inputs, own)
        assert sentences(plan) == [
            *both("Portal2", "let load balancing start with the machine"),
            *both("Portal2", "switch on the port rule 443-443 tcp multiple single"),
            *both("Portal2", "take an equal share of the port rule 0-65535 both multiple single"),
        ]
        at = "{'Interface': 'Ethernet', 'Start': %d, 'Address': '255.255.255.255'}"
        assert actions(plan) == [
            "Portal2 nlb/start_with_machine.ps1 {'Interface': 'Ethernet'}",
            "Portal2 nlb/enable_port_rule.ps1 " + at % 443,
            "Portal2 nlb/share_port_rule.ps1 " + at % 0,
        ]
        odd = PortRule(443, 443, "tcp", "disabled", "none")
        other = node(disabled=frozenset({odd}))
        other = replace(other, node=replace(other.node, rules=frozenset({odd, DEFAULT_RULE})))
        assert actual(self.resource, self.inputs, other)["rules"] == (
            "443-443 tcp disabled none is not the cluster's; 443-443 tcp multiple single is missing"
        )
        lacks = "the port rule 443-443 tcp multiple single, which Portal2 lacks"
        assert sentences(self.resource.plan(self.inputs, other)) == [
            *both("Portal2", "remove the port rule 443-443 tcp disabled none"),
            *both("Portal1", f"remove {lacks}"),
            *both("Portal1", f"add {lacks}"),
        ]

    def test_a_card_that_is_not_there(self) -> None:
        facts = replace(worlds.ALONE, node=NodeView("Portal2", bound=False, missing_card="Ethernet", cards=("LAN",)))
        assert refusal(lambda: self.resource.plan(self.inputs, facts)) == (
            "Portal2: join Portal2 to portal.hyper-v.nu: Portal2 has no network card named Ethernet (it has LAN). Name "
            "the right card as the machine's `interface` in the topology, then run `pulumi up` again."
        )

    def test_bound_but_not_seen_by_the_first_is_joined_again(self) -> None:
        half = NodeFacts(BOUND, JOINED.node)
        assert sentences(self.resource.plan(self.inputs, half)) == [self.join, self.wait]
        assert both_converged(half) == "Portal2 to join the cluster"
        assert self.resource.actual(self.inputs, half) is None

    def test_in_another_cluster_already(self) -> None:
        half = replace(JOINED, node=replace(JOINED.node, name="other.hyper-v.nu"))
        assert refusal(lambda: self.resource.plan(self.inputs, half)) == (
            "Portal2: join Portal2 to portal.hyper-v.nu: its network card Ethernet belongs to the cluster "
            "other.hyper-v.nu. Take Portal2 out of that cluster, then run `pulumi up` again."
        )

    def test_whose_it_is(self) -> None:
        """In a cluster of ours a node is ours, no matter who joined it; in one that was adopted it is as it was."""
        assert not self.resource.preexisting(self.inputs, JOINED)
        assert self.resource.preexisting(self.inputs, replace(JOINED, ours=False))
        assert not self.resource.preexisting(self.inputs, replace(worlds.ALONE, ours=False))

    def test_remove(self) -> None:
        plan = self.resource.plan_delete(self.inputs, JOINED, {})
        assert sentences(plan) == [
            "Wait until portal.hyper-v.nu has converged before Portal2 leaves.",
            "On Portal2, let clients finish and take no more.",
            "Wait until Portal2 has no client and portal.hyper-v.nu has converged.",
            "On Portal2, leave portal.hyper-v.nu.",
            "Wait until portal.hyper-v.nu has converged again.",
        ]
        assert actions(plan) == [
            "Portal2 nlb/drain_node.ps1 {'Interface': 'Ethernet', 'DrainMinutes': 1}",
            "Portal2 nlb/remove_node.ps1 {'Interface': 'Ethernet'}",
        ]
        busy = replace(JOINED, first=replace(BOUND, nodes=(("PORTAL1", "Converging"),)))
        before, quiet = (step.action for step in plan[::2][:2])
        assert isinstance(before, WaitFor)
        assert isinstance(quiet, WaitFor)
        assert before.waiting_for(busy) == quiet.waiting_for(busy) == "PORTAL1 (Converging)"
        assert before.waiting_for(JOINED) == ""
        assert quiet.waiting_for(JOINED) == "Portal2 (Converged)"
        draining = replace(JOINED, node=replace(JOINED.node, nodes=(("PORTAL2", "Draining"),)))
        assert quiet.waiting_for(draining) == "Portal2 (Draining)"
        assert quiet.waiting_for(worlds.DRAINED) == ""
        assert self.resource.plan_delete(self.inputs, worlds.ALONE, {}) == []

    def test_the_last_node_stays_until_the_cluster_is_dissolved(self) -> None:
        alone = replace(JOINED.node, nodes=(("PORTAL2", "Converged(default)"),))
        assert self.resource.plan_delete(self.inputs, NodeFacts(alone, alone), {}) == []


class TestPortRules:
    resource = PortRulesResource()
    inputs = worlds.PORT_RULES.parsed()
    wanted = frozenset(
        {PortRule(443, 443, "tcp", "multiple", "single"), PortRule(30004, 30006, "tcp", "multiple", "single")}
    )

    @staticmethod
    def both(what: str) -> list[str]:
        return [
            f"On portal.hyper-v.nu, {what}.",
            f"Wait until portal.hyper-v.nu has converged after: {what}.",
        ]

    def test_the_rule_for_all_ports_goes_first(self) -> None:
        plan = self.resource.plan(self.inputs, BOUND)
        assert sentences(plan) == [
            *self.both("remove the port rule 0-65535 both multiple single"),
            *self.both("add the port rule 443-443 tcp multiple single"),
            *self.both("add the port rule 30004-30006 tcp multiple single"),
        ]
        assert all(isinstance(step.action, ScheduledTask | WaitFor) for step in plan)
        assert actions(plan)[:2] == [
            "Portal1 nlb/remove_port_rule.ps1 {'Interface': 'Ethernet', 'Start': 0, 'Address': '255.255.255.255'}",
            (
                "Portal1 nlb/add_port_rule.ps1 {'Interface': 'Ethernet', 'Start': 443, 'End': 443, "
                "'Address': '255.255.255.255', 'Protocol': 'tcp', 'Mode': 'multiple', 'Affinity': 'single', "
                "'Timeout': 0}"
            ),
        ]

    @pytest.mark.parametrize(
        ("name", "value"),
        [
            ("affinity", "none"),
            ("mode", "single"),
            ("mode", "disabled"),
            ("timeout", 5),
            ("address", "172.21.5.150"),
            ("protocol", "both"),
        ],
    )
    def test_one_rule_altered_by_hand(self, name: str, value: object) -> None:
        rule = PortRule(443, 443, "tcp", "multiple", "single")
        odd = replace(rule, **{name: value})  # type: ignore[arg-type]
        facts = replace(BOUND, rules=frozenset({odd, *self.wanted}) - {rule})
        assert sentences(self.resource.plan(self.inputs, facts)) == [
            *self.both(f"remove the port rule {odd}"),
            *self.both("add the port rule 443-443 tcp multiple single"),
        ]
        assert str(value) in str(odd)
        (shown,) = [one for one in actual(self.resource, self.inputs, facts)["rules"] if one["start"] == 443]
        assert shown == {
            "start": 443,
            "end": 443,
            "protocol": "tcp",
            "affinity": "single",
            "mode": "multiple",
            "timeout": 0,
            "address": "255.255.255.255",
        } | {name: value}

    def test_a_stopped_node_is_not_waited_for(self) -> None:
        """It is started by its own resource, which comes after the rules."""
        wait = self.resource.plan(self.inputs, BOUND)[1].action
        assert isinstance(wait, WaitFor)
        assert wait.waiting_for(replace(BOUND, nodes=(("PORTAL1", "Converged"), ("PORTAL2", "Stopped")))) == ""
        assert wait.waiting_for(replace(BOUND, nodes=(("PORTAL2", "Converging"),))) == "PORTAL2 (Converging)"

    def test_in_order_and_removed(self) -> None:
        facts = replace(BOUND, rules=self.wanted)
        assert self.resource.plan(self.inputs, facts) == []
        assert self.resource.actual(self.inputs, facts) == {}
        assert sentences(self.resource.plan_delete(self.inputs, facts, {}))[-2] == (
            "On portal.hyper-v.nu, add the port rule 0-65535 both multiple single."
        )
        assert self.resource.plan_delete(self.inputs, replace(BOUND, rules=frozenset({DEFAULT_RULE})), {}) == []


class TestNodeHealth:
    resource = NodeHealthResource()
    inputs = worlds.NODE_HEALTH.parsed()
    write = "On Portal2, write the script of the health task and what it works with."
    register = "On Portal2, register the health task, at start-up and each 60 s."

    def facts(self, **changed: Any) -> NodeHealthFacts:
        text = json.dumps(settings(self.inputs))
        made = NodeHealthFacts(worlds.health_task(), load_script(SCRIPT), text, **worlds.WRITTEN)
        return replace(made, **changed)

    def test_nothing_to_do(self) -> None:
        assert self.resource.plan(self.inputs, self.facts()) == []
        other = self.facts(data=r"D:\ProgramData", task=worlds.health_task(actions=(command(r"D:\ProgramData"),)))
        assert self.resource.plan(self.inputs, other) == []
        assert self.resource.plan_delete(self.inputs, NodeHealthFacts(), {}) == []

    @pytest.mark.parametrize(
        ("changed", "drift", "steps"),
        [
            ({"task": None}, {"task": "missing"}, [register]),
            ({"task": worlds.health_task(enabled=False)}, {"task": "disabled"}, [register]),
            ({"task": worlds.health_task(user="installer")}, {"task": "runs as installer"}, [register]),
            ({"task": worlds.health_task(level="Limited")}, {"task": "without the highest privileges"}, [register]),
            ({"task": worlds.health_task(triggers=())}, {"task": "not at start-up; not again and again"}, [register]),
            (
                {"task": worlds.health_task(triggers=(*BOOT, Trigger(TIME, False, "2026-01-01T00:00:30", "PT1M")))},
                {"task": "not again and again"},
                [register],
            ),
            (
                {"task": worlds.health_task(triggers=(*BOOT, Trigger(TIME, True, "2026-01-01T00:00:00Z", "PT1M")))},
                {"task": "repeated each PT1M from 2026-01-01T00:00:00Z on"},
                [register],
            ),
            ({"script": "exit"}, {"script": digest("exit")}, [write]),
            ({"script": ""}, {"script": "missing"}, [write]),
            ({"settings": "{}"}, {"settings": "altered: address, answer_seconds, drain_minutes, failures, *"}, [write]),
            ({"settings": "exit"}, {"settings": "not what this program writes"}, [write]),
            ({"own": OPEN}, {"folder": OPEN}, [write]),
        ],
    )
    def test_drift(self, changed: dict[str, Any], drift: dict[str, str], steps: list[str]) -> None:
        facts = self.facts(**changed)
        declared, found = actual(self.resource, self.inputs, self.facts()), actual(self.resource, self.inputs, facts)
        seen = {name: text for name, text in found.items() if declared[name] != text}
        assert seen.keys() == drift.keys()
        assert all(fnmatch.fnmatch(seen[name], text.replace("(", "[(]")) for name, text in drift.items()), seen
        assert sentences(self.resource.plan(self.inputs, facts)) == steps

    def test_a_folder_that_others_may_change_is_not_used(self) -> None:
        facts = NodeHealthFacts(rights=OPEN, attributes="Directory")
        assert "accounts other than administrators could write there" in refusal(
            lambda: self.resource.plan(self.inputs, facts)
        )

    @pytest.mark.parametrize(("seconds", "text"), [(60, "PT1M"), (90, "PT1M30S"), (3600, "PT1H"), (3660, "PT1H1M")])
    def test_durations_are_those_of_the_task_scheduler(self, seconds: int, text: str) -> None:
        assert duration(seconds) == text
