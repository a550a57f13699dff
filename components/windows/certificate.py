"""Guarantees that a certificate with its private key is in a machine's store (LocalMachine\\My).

The file and its password never touch the machine's disk: they go through the PowerShell session into the store. A
renewed certificate is another thing: it is imported beside the old one, and the old one goes at the end of the update,
when every binding has the new one. Other certificates are left alone. Delete removes the certificate with its key.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

from components.resource import Adoptable, FarmResource, Inputs, ReplaceOn
from components.steps import Script, Step, load_script
from components.topology import Topology
from components.topology.problem import Location
from remote.secret import Secret
from remote.session import Remote


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
    private_key: bool = True
    """Whether its private key is there."""


@dataclass(frozen=True)
class CertificateFacts:
    installed: bool
    private_key: bool


class CertificateResource(Adoptable[CertificateInputs, CertificateFacts]):
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
        return CertificateFacts(state["installed"], state["privateKey"])

    def plan(self, inputs: CertificateInputs, facts: CertificateFacts) -> list[Step]:
        if facts.installed and facts.private_key:
            return []
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


class Certificate(FarmResource[CertificateInputs], module="windows", name="Certificate"):
    """A certificate in a machine's store."""

    implementation = CertificateResource
