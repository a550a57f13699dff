"""Guarantees that the failover cluster below the availability group has the name and the address of the topology.

It changes nothing: the administrator makes, names and moves a failover cluster. Where it has another name or address, a
preview says so already. A node that does not say which cluster it is in is passed over: what needs that node says what
is wrong there. Delete has nothing to undo.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from components.resource import FarmResource, Inputs, Probe, RefusesEarly
from components.steps import Step, WaitFor, load_script
from remote.errors import MachineError
from remote.names import same
from remote.session import Remote

AS_DECLARED = "as declared"


class FailoverClusterCheckInputs(Inputs):
    machines: tuple[str, ...]
    """All replicas, which are its nodes."""
    cluster: str
    """The cluster's name in its domain."""
    address: str
    """Its administrative address, IPv4."""
    state: str = AS_DECLARED
    """What is declared; a drifted state says how the cluster differs."""


@dataclass(frozen=True)
class FailoverClusterCheckFacts:
    machine: str = ""
    """The node that says it; empty where none does."""
    name: str = ""
    """``Name`` of Get-Cluster; empty where no node says it."""
    addresses: tuple[str, ...] = ()
    """Those of all its IP resources, listeners' among them."""


class FailoverClusterCheckResource(
    Probe[FailoverClusterCheckInputs, FailoverClusterCheckFacts],
    RefusesEarly[FailoverClusterCheckInputs, FailoverClusterCheckFacts],
):
    def display_name(self, inputs: FailoverClusterCheckInputs) -> str:
        return f"the failover cluster {inputs.cluster}"

    def resource_id(self, inputs: FailoverClusterCheckInputs) -> str:
        return "failover-cluster"

    def owner_machine(self, inputs: FailoverClusterCheckInputs) -> str:
        return inputs.machines[0]

    def observe(self, inputs: FailoverClusterCheckInputs, remote: Remote) -> FailoverClusterCheckFacts:
        for machine in inputs.machines:
            try:
                (found,) = remote.powershell(machine).run(
                    load_script("sql/read_failover_cluster.ps1"), attempted="read its failover cluster"
                )
            except MachineError:
                continue
            return FailoverClusterCheckFacts(machine, found["name"], tuple(found["addresses"]))
        return FailoverClusterCheckFacts()

    def refuse_change(
        self, olds: dict[str, Any], inputs: FailoverClusterCheckInputs, facts: FailoverClusterCheckFacts
    ) -> None:
        _Same(inputs)(facts)

    def plan(self, inputs: FailoverClusterCheckInputs, facts: FailoverClusterCheckFacts) -> list[Step]:
        if not differences(inputs, facts):
            return []
        said = f"See that the failover cluster is {inputs.cluster} at {inputs.address}."
        return [Step(said, WaitFor(facts.machine, _Same(inputs), 0))]

    def actual(self, inputs: FailoverClusterCheckInputs, facts: FailoverClusterCheckFacts) -> dict[str, Any]:
        wrong = differences(inputs, facts)
        return {"state": "; ".join(wrong)} if wrong else {}


def differences(inputs: FailoverClusterCheckInputs, facts: FailoverClusterCheckFacts) -> list[str]:
    """How the cluster differs from what the topology says; nothing where no node answers."""
    if not facts.machine:
        return []
    named = "" if same(facts.name, inputs.cluster) else f"its failover cluster is named {facts.name}"
    known = ", ".join(facts.addresses) or "none"
    placed = "" if inputs.address in facts.addresses else f"{inputs.address} is none of its addresses ({known})"
    return [text for text in (named, placed) if text]


@dataclass(frozen=True)
class _Same:
    """Refuses at once: a cluster is not renamed by waiting."""

    inputs: FailoverClusterCheckInputs

    def __call__(self, facts: FailoverClusterCheckFacts) -> str:
        if wrong := differences(self.inputs, facts):
            raise MachineError(
                facts.machine,
                f"find the failover cluster {self.inputs.cluster} at {self.inputs.address}",
                "; ".join(wrong),
                "This program changes no failover cluster: change it in Failover Cluster Manager first, or correct "
                "`sql.cluster`.",
            )
        return ""


class FailoverClusterCheck(FarmResource[FailoverClusterCheckInputs], module="sql", name="FailoverClusterCheck"):
    """The failover cluster below an availability group."""

    implementation = FailoverClusterCheckResource
