"""Guarantees that a certificate with its private key is in a machine's store (LocalMachine\\My).

The file and its password never touch the machine's disk: they go through the PowerShell session into the store. A
renewed certificate is another thing: it is imported beside the old one, and the old one goes at the end of the update,
when every binding has the new one. Other certificates are left alone. Delete removes the certificate with its key.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from components.inputs import Inputs
from components.resource import Managed, Provider
from components.steps import Script, Step, leaf
from components.topology import Topology
from components.topology.problem import Location
from remote.secret import Secret
from remote.session import Remote


class CertificateInputs(Inputs):
    machine: str
    """The machine."""
    name: str
    """What the topology calls it."""
    thumbprint: str
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


class CertificateProvider(Provider[CertificateInputs, CertificateFacts]):
    INPUTS = CertificateInputs
    IDENTITY = ("machine", "thumbprint")
    DELETE_FIRST = False  # the old one serves until every binding has the new one
    SECRETS = ("pfx", "password")

    def title(self, inputs: CertificateInputs) -> str:
        return f"the certificate {inputs.name} ({inputs.thumbprint})"

    def key(self, inputs: CertificateInputs) -> str:
        return f"{inputs.machine}/certificate/{inputs.thumbprint}".lower()

    def home(self, inputs: CertificateInputs) -> str:
        return inputs.machine

    def observe(self, inputs: CertificateInputs, remote: Remote) -> CertificateFacts:
        state = remote.powershell(inputs.machine).run(
            leaf("windows/read_certificate.ps1"),
            {"Thumbprint": inputs.thumbprint},
            attempted=f"read {self.title(inputs)}",
        )[0]
        return CertificateFacts(state["installed"], state["privateKey"])

    def plan(self, inputs: CertificateInputs, facts: CertificateFacts) -> list[Step]:
        if facts.installed and facts.private_key:
            return []
        arguments = {"Pfx": inputs.pfx, "Password": inputs.password}
        what = f"On {inputs.machine}, import {self.title(inputs)} with its private key."
        return [Step(what, Script(inputs.machine, "windows/import_certificate.ps1", arguments))]

    def remove(self, inputs: CertificateInputs, facts: CertificateFacts, before: dict[str, Any]) -> list[Step]:
        if not facts.installed:
            return []
        arguments = {"Thumbprint": inputs.thumbprint}
        what = f"On {inputs.machine}, remove {self.title(inputs)}."
        return [Step(what, Script(inputs.machine, "windows/remove_certificate.ps1", arguments))]

    def adoption(self, inputs: CertificateInputs, topology: Topology) -> Location:
        return ("certificates", [known.name for known in topology.certificates].index(inputs.name))

    def present(self, inputs: CertificateInputs, facts: CertificateFacts) -> bool:
        return facts.installed

    def found(self, inputs: CertificateInputs, facts: CertificateFacts) -> dict[str, Any]:
        return {"private_key": facts.private_key}


class Certificate(Managed[CertificateInputs], module="windows", name="Certificate"):
    """A certificate in a machine's store."""

    provider_class = CertificateProvider
