"""``verify`` and ``audit`` of nodes that their health task starts: what they want to see, and what they say else."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from typing import Any

import pytest

from components.nlb.nlb_cluster import health_inputs
from components.nlb.node_health import SCRIPT, settings
from components.steps import load_script
from components.topology import Topology, load
from operations.audits import balancing as audit
from operations.audits.machines import Machines
from operations.checks import balancing as verify
from operations.configuration import Context
from remote.hosts import Hosts
from remote.secret import Secret
from remote.session import Remote
from tests.components import worlds
from tests.components.program import ROOT

NODE = "WEB-B"
"""Its task looks at second 20 of each minute."""


class Answers(Remote):
    """One node, as its two scripts tell of it."""

    def __init__(self, topology: Topology, health: dict[str, Any], initial: str) -> None:
        super().__init__(Hosts({}))
        (tier,) = topology.portal.tiers
        rule = {"start": 0, "end": 65535, "address": "255.255.255.255", "protocol": "Both", "mode": "Multiple"}
        rule |= {"affinity": "Single", "timeout": 0, "state": "Enabled", "equal": True, "weight": 50}
        cluster = {"bound": True, "cards": ["Ethernet"], "name": tier.front.name, "address": str(tier.front.address)}
        nodes = [{"name": name, "state": "Converged", "initial": initial} for name in tier.nodes]
        self.said = {
            load_script("nlb/read_node.ps1"): {
                **cluster,
                "mode": "multicast",
                "addresses": [],
                "dedicated": [{"node": name, "address": str(topology.machine(name).address)} for name in tier.nodes],
                "nodes": nodes,
                "rules": [rule],
            },
            load_script("nlb/read_health.ps1"): health,
        }

    def powershell(self, machine: str) -> Any:
        return self

    def run(self, script: str, *_: Any, **__: Any) -> list[Any]:
        return [self.said[script]]


def declared(topology: Topology) -> dict[str, Any]:
    """The health task in order, as ``read_health.ps1`` shows it."""
    task = worlds.health_task()
    triggers = (task.triggers[0], replace(task.triggers[1], begins="2026-01-01T00:00:20"))
    (tier,) = topology.portal.tiers
    found = {**asdict(replace(task, triggers=triggers)), **worlds.WRITTEN, "there": True, "data": r"C:\ProgramData"}
    text = json.dumps(settings(health_inputs(topology, tier, NODE)))
    return {**found, "script": load_script(SCRIPT), "settings": text}


@pytest.mark.parametrize(
    ("changed", "initial", "reported", "risks"),
    [
        ({}, "Stopped", "", []),
        (
            {"enabled": False},
            "Stopped",
            "its health task is not as declared (task: disabled)",
            [f"the health task of {NODE} is not as declared"],
        ),
        (
            {"there": False, "own": "", "script": "", "settings": ""},
            "Stopped",
            "its health task is not as declared (task: missing)",
            [f"the health task of {NODE} is not as declared"],
        ),
        (
            {},
            "Started",
            "it starts with its machine, before its sites answer",
            [f"{NODE} starts load balancing with Windows"],
        ),
    ],
    ids=["well", "disabled", "gone", "started by NLB"],
)
def test_rows(changed: dict[str, Any], initial: str, reported: str, risks: list[str]) -> None:
    topology = load(ROOT / "topologies" / "your-own.yaml")
    remote = Answers(topology, declared(topology) | changed, initial)
    context = Context(topology, remote, Secret("only-for-tests"), Secret("only-for-tests"), Secret("only-for-tests"))
    (row,) = [check.row() for check in verify.checks(context) if check.member == NODE and check.machine == NODE]
    assert row.ok == (not reported)
    assert reported in row.found if reported else row.found.startswith("converged at ")
    (nodes,) = [one for one in audit.questions(context, Machines(context)) if one.looked_at.endswith("its nodes")]
    found = [risk.what for risk in nodes.look().risks]
    assert [what for what in found if NODE in what] == risks
