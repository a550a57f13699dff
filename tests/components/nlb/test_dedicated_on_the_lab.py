"""Dedicated addresses of nodes, on the lab: one that was removed by hand, and one that is another node's as well."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from components.nlb.cluster import ClusterResource
from components.nlb.node import OWN, NodeResource
from components.resource import Resource, lease
from components.resource.pulumi_adapter import Adapter
from components.step_runner import StepRunner
from components.steps import ScheduledTask, Step
from lab.testing.farm import Farm
from tests.components.nlb.two_nodes import ADDRESSES, CLUSTER, connection
from tests.components.program import ROOT

SHIPPED = ROOT / "topologies" / "single-domain.yaml"
FIRST, SECOND = ADDRESSES
CARD = {"interface": "Ethernet", "first": FIRST, "first_interface": "Ethernet"}


class Pair:
    """A cluster of two nodes."""

    def __init__(self, farm: Farm) -> None:
        self.connection = connection(farm)
        self.outs: dict[str, dict[str, Any]] = {}

    def adapter(self, kind: type[Resource[Any, Any]]) -> Adapter:
        return Adapter(kind, connection=self.connection, report=lambda _: None, left=lambda _: None)

    def build(self) -> None:
        for machine in ADDRESSES:
            self.run(machine, "[void](Install-WindowsFeature NLB -IncludeManagementTools)")
        at = {"address": "172.21.5.150", "mask": "255.255.255.0", "mode": "multicast"}
        others = [{"machine": SECOND, "interface": "Ethernet"}]
        self.adapter(ClusterResource).create(
            {**CLUSTER, **at, "machine": FIRST, "interface": "Ethernet", "others": others}
        )
        for machine, address in ADDRESSES.items():
            made = self.adapter(NodeResource).create({**CLUSTER, **CARD, "machine": machine, "address": address})
            self.outs[machine] = dict(made.outs or {})
        lease.give_back()

    def run(self, machine: str, script: str) -> list[Any]:
        remote = self.adapter(NodeResource).remote
        return list(remote.powershell(machine).run(script, {}, attempted="do by hand", changes=True))

    def change(self, machine: str, how: str, address: str) -> None:
        """By hand, at the machine itself: a change goes to every node."""
        where = {"Interface": "Ethernet", "Address": address}
        step = Step("By hand.", ScheduledTask(machine, "by hand", f"nlb/{how}_dedicated.ps1", where, 60))
        StepRunner(self.adapter(NodeResource).remote, lambda _: None).run_all([step], lambda: None)
        while pending := self.run(machine, "@(Get-NlbClusterNode | Where-Object { $_.State -eq 'Converging' }).Count"):
            if pending == [0]:
                break

    def dedicated(self, machine: str) -> str:
        """What a refresh shows of the node's dedicated addresses."""
        provider = self.adapter(NodeResource)
        provider.remote.looks.forget()
        read = provider.read("its id", self.outs[machine])
        assert read.inputs is not None
        return str(read.inputs["dedicated"])

    def repair(self, machine: str) -> None:
        self.adapter(NodeResource).update("its id", self.outs[machine], dict(self.outs[machine]))
        lease.give_back()


@pytest.fixture(scope="module")
def pair() -> Iterator[Pair]:
    with Farm(SHIPPED, pace=0.002) as farm:
        pair = Pair(farm)
        pair.build()
        yield pair


def test_a_node_has_its_own_address(pair: Pair) -> None:
    assert {pair.dedicated(machine) for machine in ADDRESSES} == {OWN}


def test_a_lost_address_is_drift_and_repaired(pair: Pair) -> None:
    pair.change(FIRST, "remove", ADDRESSES[FIRST])
    assert pair.dedicated(FIRST) == "172.21.5.151 is not one of them (there is none)"
    assert pair.dedicated(SECOND) == OWN
    pair.repair(FIRST)
    assert pair.dedicated(FIRST) == OWN


def test_an_address_of_another_node_is_drift_of_the_one_that_it_is_not_of(pair: Pair) -> None:
    pair.change(SECOND, "add", ADDRESSES[FIRST])
    pair.change(SECOND, "remove", ADDRESSES[SECOND])
    assert pair.dedicated(SECOND) == f"172.21.5.152 is not one of them (172.21.5.151); 172.21.5.151 is {FIRST}'s"
    assert pair.dedicated(FIRST) == OWN
    pair.repair(SECOND)
    assert {pair.dedicated(machine) for machine in ADDRESSES} == {OWN}
