"""Claims in the registry of Windows machines."""

from __future__ import annotations

import json

from components.progress import Report, report
from components.resource.ownership import Claim
from components.steps import load_script
from remote.detached import sweep
from remote.session import Remote

SWEEP_SECONDS = 900
"""How long work of a killed run may still take when nothing else of this program is left on a machine."""


class MachineClaims:
    """The claims below ``HKLM:\\SOFTWARE\\WindowsAzurePackHA\\Claims`` of each machine."""

    def __init__(self, remote: Remote, report: Report = report) -> None:
        self._remote, self._report = remote, report

    def read(self, machine: str, resource_id: str) -> Claim | None:
        found = self._remote.powershell(machine).run(
            load_script("windows/read_claim.ps1"), {"Key": resource_id}, attempted=f"read the claim on {resource_id}"
        )
        return Claim(**json.loads(found[0])) if found else None

    def write(self, machine: str, resource_id: str, claim: Claim) -> None:
        text = json.dumps({"adopted": claim.adopted, "baseline": claim.baseline})
        self._remote.powershell(machine).run(
            load_script("windows/write_claim.ps1"),
            {"Key": resource_id, "Text": text},
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
