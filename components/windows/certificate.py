"""Guarantees that a certificate with its private key is in a machine's store (LocalMachine\\My).

The file and its password never touch the machine's disk: they go through the PowerShell session into the store. A
renewed certificate is another thing: it is imported beside the old one, and the old one goes at the end of the update,
when every binding has the new one. A certificate that has expired or is not valid yet is not imported; one that is in
the store already is left there, however long it is still valid. The intermediate authorities of its path are in the
store for those (CA), because Windows sends clients what it has. Other certificates are left alone. Delete removes the
certificate with its key, and those of the intermediate authorities that were not there before and that no other
certificate of the machine needs.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any

from components.resource import Adoptable, FarmResource, InputPart, Inputs, ReplaceOn, ValidatesChange, WithBaseline
from components.resource.fields import plain
from components.steps import Script, Step, load_script
from components.topology import Topology
from components.topology.problem import Location
from components.windows.pfx import unusable
from remote.errors import MachineError
from remote.secret import Secret
from remote.session import Remote

RENEW = "Renew it: put the new PFX file where `certificates.{name}.file` of this stack's configuration says."


class IntermediateInputs(InputPart):
    thumbprint: str
    """Its SHA-1, as Windows shows it."""
    content: str
    """The certificate, DER in base64."""


class CertificateInputs(Inputs):
    machine: Annotated[str, ReplaceOn(delete_first=False)]
    """The machine, by its name in the topology."""
    name: str
    """Its name in the topology's `certificates`; messages call it so."""
    thumbprint: Annotated[str, ReplaceOn(delete_first=False)]
    """Its SHA-1, as Windows shows it."""
    pfx: Secret
    """The PFX file in base64; it holds the private key."""
    password: Secret
    """The PFX file's password, in clear only on the wire."""
    valid_from: datetime | None = None
    """When it begins to be valid (UTC)."""
    valid_until: datetime | None = None
    """When it expires (UTC, ISO 8601)."""
    private_key: bool = True
    """Whether its private key is there."""
    intermediates: tuple[IntermediateInputs, ...] = ()
    """The authorities between the certificate and its root."""


@dataclass(frozen=True)
class CertificateFacts:
    installed: bool
    """Whether LocalMachine\\My has one with the declared thumbprint."""
    private_key: bool
    """``HasPrivateKey``; False where it is not installed."""
    missing: frozenset[str] = frozenset()
    """The intermediate authorities that are not in the store for them, by thumbprint."""
    needed: frozenset[str] = frozenset()
    """Those of them that other certificates of the machine need."""
    now: datetime | None = None
    """When it was looked at, by the clock of this computer."""


class CertificateResource(
    Adoptable[CertificateInputs, CertificateFacts],
    WithBaseline[CertificateInputs, CertificateFacts],
    ValidatesChange[CertificateInputs, CertificateFacts],
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
        ours = {one.thumbprint for one in inputs.intermediates}
        authorities = {one["thumbprint"].upper(): one for one in state["authorities"]}
        issuers = set(state["issuers"]) | {one["issuer"] for mark, one in authorities.items() if mark not in ours}
        needed: set[str] = set()
        for _ in inputs.intermediates:  # each may be the issuer of another one
            issuers |= {authorities[mark]["issuer"] for mark in needed}
            needed |= {mark for mark in ours & authorities.keys() if authorities[mark]["subject"] in issuers}
        missing = frozenset(ours - authorities.keys())
        now = datetime.now(UTC)
        return CertificateFacts(state["installed"], state["privateKey"], missing, frozenset(needed), now)

    def validate_change(self, olds: dict[str, Any], inputs: CertificateInputs) -> str:
        """A new one is refused in the preview; of one in the state it is not known whether it has to be imported."""
        if inputs.adopt or olds.get("thumbprint") == inputs.thumbprint:
            return ""
        if why := _unusable(inputs, datetime.now(UTC)):
            return f"{inputs.machine}: import {self.display_name(inputs)}: {why}. {RENEW.format(name=inputs.name)}"
        return ""

    def plan(self, inputs: CertificateInputs, facts: CertificateFacts) -> list[Step]:
        machine, there = inputs.machine, facts.installed and facts.private_key
        if not there and (why := _unusable(inputs, facts.now)):
            raise MachineError(machine, f"import {self.display_name(inputs)}", why, RENEW.format(name=inputs.name))
        steps = [
            Step(
                f"On {machine}, import the intermediate authority {one.thumbprint} of {self.display_name(inputs)}.",
                Script(machine, "windows/add_intermediate.ps1", {"Certificate": one.content}),
            )
            for one in inputs.intermediates
            if one.thumbprint in facts.missing
        ]
        if not there:
            arguments = {"Pfx": inputs.pfx, "Password": inputs.password}
            what = f"On {machine}, import {self.display_name(inputs)} with its private key."
            steps.append(Step(what, Script(machine, "windows/import_certificate.ps1", arguments)))
        return steps

    def plan_delete(self, inputs: CertificateInputs, facts: CertificateFacts, baseline: dict[str, Any]) -> list[Step]:
        machine, steps = inputs.machine, []
        if facts.installed:
            what = f"On {machine}, remove {self.display_name(inputs)}."
            arguments = {"Thumbprint": inputs.thumbprint}
            steps.append(Step(what, Script(machine, "windows/remove_certificate.ps1", arguments)))
        before = baseline.get("authorities", {})
        for one in inputs.intermediates:
            if one.thumbprint in facts.missing | facts.needed or before.get(one.thumbprint, True):
                continue
            what = f"On {machine}, remove the intermediate authority {one.thumbprint} of {self.display_name(inputs)}."
            arguments = {"Thumbprint": one.thumbprint}
            steps.append(Step(what, Script(machine, "windows/remove_intermediate.ps1", arguments)))
        return steps

    def baseline(self, inputs: CertificateInputs, facts: CertificateFacts) -> dict[str, Any]:
        return {"authorities": {one.thumbprint: one.thumbprint not in facts.missing for one in inputs.intermediates}}

    def adoption(self, inputs: CertificateInputs, topology: Topology) -> Location:
        return ("certificates", [known.name for known in topology.certificates].index(inputs.name))

    def actual(self, inputs: CertificateInputs, facts: CertificateFacts) -> dict[str, Any] | None:
        if not facts.installed:
            return None
        there = [one for one in plain(inputs)["intermediates"] if one["thumbprint"] not in facts.missing]
        return {"private_key": facts.private_key, "intermediates": there}


def _unusable(inputs: CertificateInputs, now: datetime | None) -> str:
    if inputs.valid_from is None or inputs.valid_until is None or now is None:
        return ""
    return unusable(inputs.valid_from, inputs.valid_until, now)


class Certificate(FarmResource[CertificateInputs], module="windows", name="Certificate"):
    """A certificate in a machine's store."""

    implementation = CertificateResource
