"""Guarantees that the service account of every replica's SQL Server finds the share for backups.

It changes nothing, and comes before everything that does: a share that is not there would stop the seed of the first
database, an hour later. A preview says so as well, since SQL Server looks with its own account and writes nothing
(``xp_fileexist``). Whether that account may also write there only a backup shows; `doctor` asks the share's server for
its rights. A server that cannot be asked is passed over: what needs it says why. Delete has nothing to undo.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from components.resource import FarmResource, Inputs, Probe, RefusesEarly
from components.steps import Step, WaitFor, load_script
from components.topology import Topology
from remote.errors import MachineError
from remote.session import Remote

FOUND = "found by every replica"


class BackupShareCheckInputs(Inputs):
    machines: tuple[str, ...]
    """All replicas, by the names of their machines in the topology."""
    share: str
    r"""``\\server\share``, or a folder of it."""
    state: str = FOUND
    """What is declared; a drifted state names the replicas that do not find it."""


@dataclass(frozen=True)
class BackupShareCheckFacts:
    missing: tuple[str, ...]
    """The machines whose SQL Server does not find the folder."""


class BackupShareCheckResource(
    Probe[BackupShareCheckInputs, BackupShareCheckFacts], RefusesEarly[BackupShareCheckInputs, BackupShareCheckFacts]
):
    def display_name(self, inputs: BackupShareCheckInputs) -> str:
        return f"the share {inputs.share}"

    def resource_id(self, inputs: BackupShareCheckInputs) -> str:
        return "backup-share"

    def owner_machine(self, inputs: BackupShareCheckInputs) -> str:
        return inputs.machines[0]

    def observe(self, inputs: BackupShareCheckInputs, remote: Remote) -> BackupShareCheckFacts:
        missing = []
        for machine in inputs.machines:
            try:
                # Before the farm's administrator is there, and in Windows-only mode.
                found = is_found(remote, machine, inputs.share)
            except MachineError:
                continue
            if not found:
                missing.append(machine)
        return BackupShareCheckFacts(tuple(missing))

    def refuse_change(self, olds: dict[str, Any], inputs: BackupShareCheckInputs, facts: BackupShareCheckFacts) -> None:
        _Found(inputs)(facts)

    def plan(self, inputs: BackupShareCheckInputs, facts: BackupShareCheckFacts) -> list[Step]:
        if not facts.missing:
            return []
        said = f"See that SQL Server on {', '.join(facts.missing)} finds {inputs.share}."
        return [Step(said, WaitFor(facts.missing[0], _Found(inputs), 0))]

    def actual(self, inputs: BackupShareCheckInputs, facts: BackupShareCheckFacts) -> dict[str, Any]:
        return {"state": f"not found from {', '.join(facts.missing)}"} if facts.missing else {}


def is_found(remote: Remote, machine: str, share: str) -> bool:
    """Whether the service account of the SQL Server on a machine sees a folder there. Raises ``MachineError``."""
    (row,) = remote.sql_integrated(machine).rows(
        load_script("sql/read_share.sql"), share, attempted="look for the share of backups"
    )
    return bool(row["File is a Directory"] == 1)


@dataclass(frozen=True)
class _Found:
    """Refuses at once: a share does not come by waiting."""

    inputs: BackupShareCheckInputs

    def __call__(self, facts: BackupShareCheckFacts) -> str:
        if facts.missing:
            raise MachineError(
                ", ".join(facts.missing),
                f"find {self.inputs.share} as SQL Server's service account",
                "it is not there, or that account may not read it",
                "Create the share and let the service account of every SQL Server change it (share and NTFS), or "
                "correct `sql.backup_share`.",
            )
        return ""


class BackupShareCheck(FarmResource[BackupShareCheckInputs], module="sql", name="BackupShareCheck"):
    """The share through which databases are seeded."""

    implementation = BackupShareCheckResource


def share_inputs(topology: Topology) -> BackupShareCheckInputs:
    """What every replica has to find."""
    machines = tuple(sorted(replica.machine for replica in topology.replicas))
    return BackupShareCheckInputs(machines=machines, share=str(topology.sql.backup_share))
