"""Claims in the registry of Windows machines."""

from __future__ import annotations

from components.progress import Report, report
from components.resource.ownership import Claim
from components.steps import load_script
from components.topology import Topology
from remote.detached import sweep
from remote.errors import MachineError
from remote.session import Remote

SWEEP_SECONDS = 900
"""How long work of a killed run may still take when nothing else of this program is left on a machine."""


def machines(topology: Topology) -> list[str]:
    """The machines that can hold claims."""
    nodes = (*topology.portal_nodes, *topology.spf_servers)
    return list(dict.fromkeys([*(one.name for one in nodes), *(one.machine for one in topology.replicas)]))


class MachineClaims:
    """The claims below ``HKLM:\\SOFTWARE\\WindowsAzurePackHA\\Claims`` of each machine."""

    def __init__(self, remote: Remote, report: Report = report) -> None:
        self._remote, self._report = remote, report

    def read(self, machine: str, resource_id: str) -> Claim | None:
        found = self._remote.powershell(machine).run(
            load_script("windows/read_claim.ps1"), {"Key": resource_id}, attempted=f"read the claim on {resource_id}"
        )
        return self._parsed(machine, resource_id, found[0]) if found else None

    def all(self, machine: str) -> dict[str, Claim]:
        """Every claim on a machine, by the id of its resource."""
        found = self._remote.powershell(machine).run(
            load_script("windows/read_claims.ps1"), attempted="read the claims of all stacks"
        )
        return {one["key"]: self._parsed(machine, one["key"], one["text"]) for one in found}

    def write(self, machine: str, resource_id: str, claim: Claim) -> None:
        self._remote.powershell(machine).run(
            load_script("windows/write_claim.ps1"),
            {"Key": resource_id, "Text": claim.dump()},
            attempted=f"write the claim on {resource_id}",
            changes=True,
        )

    def remove(self, machine: str, resource_id: str) -> None:
        """Remove a claim. With the last one of a machine goes what killed runs left there: nothing is done there now
        that it could belong to."""
        powershell, attempted = self._remote.powershell(machine), f"remove the claim on {resource_id}"
        arguments = {"Key": resource_id}
        last = powershell.run(load_script("windows/remove_claim.ps1"), arguments, attempted=attempted, changes=True)[0]
        if last:
            attempted = f"remove what earlier runs left on {machine}"
            sweep(powershell, attempted=attempted, timeout_seconds=SWEEP_SECONDS, report=self._report)

    @staticmethod
    def _parsed(machine: str, resource_id: str, text: object) -> Claim:
        try:
            return Claim.parse(str(text))
        except ValueError:
            raise MachineError(
                machine,
                f"read the claim on {resource_id}",
                "it is not what this program writes",
                r"See who else writes below HKLM:\SOFTWARE\WindowsAzurePackHA\Claims.",
            ) from None
