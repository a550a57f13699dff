"""Guarantees that a web site answers HTTPS on one port with one certificate, and no longer on its old port.

The new binding is made, with its certificate, before the old one goes: there is no moment without one. A port that
another site holds is refused with that site's name. Delete puts back the bindings on the two ports as they were before.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pulumi

from components.inputs import Inputs
from components.resource import Managed, Provider
from components.steps import Script, Step, leaf
from remote.errors import MachineError
from remote.session import Remote


class SiteBindingInputs(Inputs):
    machine: str
    """The machine."""
    site: str
    """The site's name in IIS."""
    port: int
    """Where it has to answer."""
    old_port: int
    """Where it no longer answers."""
    thumbprint: str
    """The certificate that it answers with."""
    started: bool = True
    """Whether the site runs."""


@dataclass(frozen=True)
class SiteBindingFacts:
    exists: bool
    started: bool
    ports: dict[int, str]
    """HTTPS ports of the site → thumbprint of the certificate there (empty: none)."""
    others: dict[int, str]
    """HTTPS ports of other sites → the site's name."""


class SiteBindingProvider(Provider[SiteBindingInputs, SiteBindingFacts]):
    INPUTS = SiteBindingInputs
    IDENTITY = ("machine", "site")
    THING = False

    def title(self, inputs: SiteBindingInputs) -> str:
        return f"the binding of {inputs.site}"

    def key(self, inputs: SiteBindingInputs) -> str:
        return f"{inputs.machine}/site-binding/{inputs.site}".lower()

    def home(self, inputs: SiteBindingInputs) -> str:
        return inputs.machine

    def observe(self, inputs: SiteBindingInputs, remote: Remote) -> SiteBindingFacts:
        state = remote.powershell(inputs.machine).run(
            leaf("windows/read_bindings.ps1"), {"Site": inputs.site}, attempted=f"read {self.title(inputs)}"
        )[0]
        bindings = state["bindings"]
        return SiteBindingFacts(
            exists=state["exists"],
            started=state["started"],
            ports={b["port"]: b["thumbprint"].upper() for b in bindings if b["site"].lower() == inputs.site.lower()},
            others={b["port"]: b["site"] for b in bindings if b["site"].lower() != inputs.site.lower()},
        )

    def plan(self, inputs: SiteBindingInputs, facts: SiteBindingFacts) -> list[Step]:
        machine, site = inputs.machine, inputs.site
        attempted = f"bind {site} to port {inputs.port}"
        if not facts.exists:
            raise MachineError(
                machine,
                attempted,
                "there is no web site of this name",
                "See whether the portal's software is installed.",
            )
        if inputs.port in facts.others:
            raise MachineError(
                machine,
                attempted,
                f"the site {facts.others[inputs.port]} holds this port",
                "Move that site to another port, or choose another `portal.tenant_site_port`.",
            )
        steps = _bind(machine, site, inputs.port, inputs.thumbprint, facts.ports)
        if inputs.old_port in facts.ports:
            arguments = {"Site": site, "Port": inputs.old_port}
            action = Script(machine, "windows/remove_binding.ps1", arguments)
            steps.append(Step(f"On {machine}, take {site} off port {inputs.old_port}.", action))
        if not facts.started:
            steps.append(
                Step(f"On {machine}, start {site}.", Script(machine, "windows/start_site.ps1", {"Site": site}))
            )
        return steps

    def remove(self, inputs: SiteBindingInputs, facts: SiteBindingFacts, before: dict[str, Any]) -> list[Step]:
        machine, site = inputs.machine, inputs.site
        steps: list[Step] = []
        if not facts.exists:
            return steps
        kept = before.get("bound", before.get("bindings", {}))  # the latter from before it had a key for both ports
        bound = {int(port): thumbprint for port, thumbprint in kept.items() if thumbprint}
        for port, thumbprint in bound.items():
            steps += _bind(machine, site, port, thumbprint, facts.ports)
        if inputs.port in facts.ports and inputs.port not in bound:
            arguments = {"Site": site, "Port": inputs.port}
            action = Script(machine, "windows/remove_binding.ps1", arguments)
            steps.append(Step(f"On {machine}, take {site} off port {inputs.port}.", action))
        return steps

    def present(self, inputs: SiteBindingInputs, facts: SiteBindingFacts) -> bool:
        return facts.exists

    def existed(self, inputs: SiteBindingInputs, facts: SiteBindingFacts) -> bool:
        return facts.ports == {inputs.port: inputs.thumbprint}

    def remember(self, inputs: SiteBindingInputs, facts: SiteBindingFacts) -> dict[str, Any]:
        ours = (inputs.old_port, inputs.port)
        return {"bound": {str(port): facts.ports.get(port, "") for port in ours}}

    def found(self, inputs: SiteBindingInputs, facts: SiteBindingFacts) -> dict[str, Any]:
        live: dict[str, Any] = {"started": facts.started}
        if inputs.port not in facts.ports or inputs.old_port in facts.ports:
            live["port"] = next((port for port in facts.ports if port != inputs.port), 0)
        else:
            live["thumbprint"] = facts.ports[inputs.port]
        return live


def _bind(machine: str, site: str, port: int, thumbprint: str, ports: dict[int, str]) -> list[Step]:
    steps = []
    if port not in ports:
        action = Script(machine, "windows/add_binding.ps1", {"Site": site, "Port": port})
        steps.append(Step(f"On {machine}, bind {site} to port {port}.", action))
    if ports.get(port) != thumbprint:
        arguments = {"Site": site, "Port": port, "Thumbprint": thumbprint}
        action = Script(machine, "windows/set_binding_certificate.ps1", arguments)
        steps.append(Step(f"On {machine}, give port {port} of {site} the certificate {thumbprint}.", action))
    return steps


class SiteBinding(Managed, module="windows", name="SiteBinding"):
    """The HTTPS binding of a web site."""

    provider_class = SiteBindingProvider

    def __init__(
        self,
        name: str,
        *,
        machine: str,
        site: str,
        port: int,
        old_port: int,
        thumbprint: str,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        what = {"machine": machine, "site": site, "port": port, "old_port": old_port, "thumbprint": thumbprint}
        super().__init__(name, what, opts)
