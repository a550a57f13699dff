"""Guarantees that a certificate with its private key is in a machine's store (LocalMachine\\My).

The file and its password never touch the machine's disk: they go through the PowerShell session into the store. A
renewed certificate is another thing: it is imported beside the old one, and the old one goes at the end of the update,
when every binding has the new one. The intermediate authorities of its path are in the store for those (CA), because
Windows sends clients what it has. Other certificates are left alone. Delete removes the certificate with its key; the
intermediate authorities stay, since other certificates may have the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

from components.resource import Adoptable, FarmResource, InputPart, Inputs, ReplaceOn
from components.resource.fields import plain
from components.steps import Script, Step, load_script
from components.topology import Topology
from components.topology.problem import Location
from remote.secret import Secret
from remote.session import Remote


class IntermediateInputs(InputPart):
    thumbprint: str
    """Its SHA-1, as Windows shows it."""
    content: str
    """The certificate, base64."""


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
    intermediates: tuple[IntermediateInputs, ...] = ()
    """The authorities between the certificate and its root."""


@dataclass(frozen=True)
class CertificateFacts:
    installed: bool
    private_key: bool
    missing: frozenset[str] = frozenset()
    """The intermediate authorities that are not in the store for them, by thumbprint."""


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
        known = {thumbprint.upper() for thumbprint in state["authorities"]}
        missing = frozenset(one.thumbprint for one in inputs.intermediates) - known
        return CertificateFacts(state["installed"], state["privateKey"], missing)

    def plan(self, inputs: CertificateInputs, facts: CertificateFacts) -> list[Step]:
        machine = inputs.machine
        steps = [
            Step(
                f"On {machine}, import the intermediate authority {one.thumbprint} of {self.display_name(inputs)}.",
                Script(machine, "windows/add_intermediate.ps1", {"Certificate": one.content}),
            )
            for one in inputs.intermediates
            if one.thumbprint in facts.missing
        ]
        if not (facts.installed and facts.private_key):
            arguments = {"Pfx": inputs.pfx, "Password": inputs.password}
            what = f"On {machine}, import {self.display_name(inputs)} with its private key."
            steps.append(Step(what, Script(machine, "windows/import_certificate.ps1", arguments)))
        return steps

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
        there = [one for one in plain(inputs)["intermediates"] if one["thumbprint"] not in facts.missing]
        return {"private_key": facts.private_key, "intermediates": there}


class Certificate(FarmResource[CertificateInputs], module="windows", name="Certificate"):
    """A certificate in a machine's store."""

    implementation = CertificateResource
