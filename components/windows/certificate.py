"""Guarantees that a certificate with its private key is in a machine's store (LocalMachine\\My).

The file and its password never touch the machine's disk: they go through the PowerShell session into the store. A
renewed certificate is another thing: it is imported beside the old one, and the old one goes at the end of the update,
when every binding has the new one. A certificate that has expired or is not valid yet is not imported; one that is in
the store already is left there, however long it is still valid. Other certificates are left alone. Delete removes the
certificate with its key.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any

from components.resource import Adoptable, FarmResource, Inputs, ReplaceOn, ValidatesChange
from components.steps import Script, Step, load_script
from components.topology import Topology
from components.topology.problem import Location
from components.windows.pfx import unusable
from remote.errors import MachineError
from remote.secret import Secret
from remote.session import Remote

RENEW = "Renew it: put the new PFX file where `certificates.{name}.file` of this stack's configuration says."


class CertificateInputs(Inputs):
    machine: Annotated[str, ReplaceOn(delete_first=False)]
    """The machine."""
    name: str
    """What the topology calls it."""
    thumbprint: Annotated[str, ReplaceOn(delete_first=False)]
    """Its SHA-1, as Windows shows it."""
    pfx: Secret
    """The PFX file, base64."""
    password: Secret
    """The file's password."""
    valid_from: datetime | None = None
    """When it begins to be valid (UTC)."""
    valid_until: datetime | None = None
    """When it expires (UTC)."""
    private_key: bool = True
    """Whether its private key is there."""


@dataclass(frozen=True)
class CertificateFacts:
    installed: bool
    private_key: bool
    now: datetime | None = None
    """When it was looked at, by the clock of this computer."""


class CertificateResource(
    Adoptable[CertificateInputs, CertificateFacts], ValidatesChange[CertificateInputs, CertificateFacts]
):
    def display_name(self, inputs: CertificateInputs) -> str:
        return f"the certificate {inputs.name} ({inputs.thumbprint})"

    def resource_id(self, inputs: CertificateInputs) -> str:
        return f"{inputs.machine}/certificate/{inputs.thumbprint}".lower()

    def observe(self, inputs: CertificateInputs, remote: Remote) -> CertificateFacts:
        state = remote.powershell(inputs.machine).run(
            load_script("windows/read_certificate.ps1"),
            {"Thumbprint": inputs.thumbprint},
            attempted=f"read {self.display_name(inputs)}",
        )[0]
        return CertificateFacts(state["installed"], state["privateKey"], datetime.now(UTC))

    def validate_change(self, olds: dict[str, Any], inputs: CertificateInputs) -> str:
        """A new one is refused in the preview; of one in the state it is not known whether it has to be imported."""
        if inputs.adopt or olds.get("thumbprint") == inputs.thumbprint:
            return ""
        if why := _unusable(inputs, datetime.now(UTC)):
            return f"{inputs.machine}: import {self.display_name(inputs)}: {why}. {RENEW.format(name=inputs.name)}"
        return ""

    def plan(self, inputs: CertificateInputs, facts: CertificateFacts) -> list[Step]:
        if facts.installed and facts.private_key:
            return []
        if why := _unusable(inputs, facts.now):
            attempted = f"import {self.display_name(inputs)}"
            raise MachineError(inputs.machine, attempted, why, RENEW.format(name=inputs.name))
        arguments = {"Pfx": inputs.pfx, "Password": inputs.password}
        what = f"On {inputs.machine}, import {self.display_name(inputs)} with its private key."
        return [Step(what, Script(inputs.machine, "windows/import_certificate.ps1", arguments))]

    def plan_delete(self, inputs: CertificateInputs, facts: CertificateFacts, baseline: dict[str, Any]) -> list[Step]:
        if not facts.installed:
            return []
        arguments = {"Thumbprint": inputs.thumbprint}
        what = f"On {inputs.machine}, remove {self.display_name(inputs)}."
        return [Step(what, Script(inputs.machine, "windows/remove_certificate.ps1", arguments))]

    def adoption(self, inputs: CertificateInputs, topology: Topology) -> Location:
        return ("certificates", [known.name for known in topology.certificates].index(inputs.name))

    def actual(self, inputs: CertificateInputs, facts: CertificateFacts) -> dict[str, Any] | None:
        if not facts.installed:
            return None
        return {"private_key": facts.private_key}


def _unusable(inputs: CertificateInputs, now: datetime | None) -> str:
    if inputs.valid_from is None or inputs.valid_until is None or now is None:
        return ""
    return unusable(inputs.valid_from, inputs.valid_until, now)


class Certificate(FarmResource[CertificateInputs], module="windows", name="Certificate"):
    """A certificate in a machine's store."""

    implementation = CertificateResource
