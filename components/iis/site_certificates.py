"""Guarantees that the web sites of a machine answer with one certificate, each on its own port, and that they run.

It is about what browsers and other servers see of every site: the portal's installer gives each one a
self-signed certificate, which nobody trusts. Only the sites' bindings for every address and every name are changed, and
refused where a binding for a host name without server name indication would get the certificate as well. Where one
certificate replaces another, Windows has none for a moment: a node of a load balancing cluster takes no clients
meanwhile. Delete gives every port the certificate that it had before, where that is still in the machine's store.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

from components.iis.site_binding import CHANGE, SiteBindingFacts, Sites, bind, put_back, read_sites, start, unbind
from components.nlb import state
from components.nlb.state import NodeView
from components.nlb.without_clients import without_clients
from components.resource import FarmResource, InputPart, Inputs, ReplaceOn, WithBaseline
from components.steps import Step
from remote.errors import MachineError
from remote.session import Remote


class SitePort(InputPart):
    site: str
    """The site's name in IIS."""
    port: int
    """The port on which it answers."""


class SiteCertificatesInputs(Inputs):
    machine: Annotated[str, ReplaceOn()]
    """The machine, by its name in the topology."""
    sites: tuple[SitePort, ...]
    """The sites with their ports."""
    thumbprint: str
    """The certificate that they answer with; a drifted state names the sites that have another one."""
    started: bool = True
    """Whether all of them run, with their application pools; what is stopped is started."""
    interface: str = ""
    """The network card that is bound to the cluster of the node's tier. Empty: there is none."""
    timeout_seconds: float = 120
    """How long the cluster may take to converge."""


@dataclass(frozen=True)
class SiteCertificatesFacts:
    sites: Sites
    """All of the machine, not only the declared ones."""
    node: NodeView | None = None
    """The node of the tier's cluster that the machine is; None where there is no cluster."""

    def of(self, site: SitePort) -> SiteBindingFacts:
        return self.sites.facts(site.site, self.node)


class SiteCertificatesResource(WithBaseline[SiteCertificatesInputs, SiteCertificatesFacts]):
    def display_name(self, inputs: SiteCertificatesInputs) -> str:
        return f"the certificate of the web sites of {inputs.machine}"

    def resource_id(self, inputs: SiteCertificatesInputs) -> str:
        return f"{inputs.machine}/site-certificates".lower()

    def observe(self, inputs: SiteCertificatesInputs, remote: Remote) -> SiteCertificatesFacts:
        attempted = f"read {self.display_name(inputs)}"
        node = state.observe(remote, inputs.machine, inputs.interface, attempted) if inputs.interface else None
        return SiteCertificatesFacts(read_sites(remote, inputs.machine, attempted), node)

    def plan(self, inputs: SiteCertificatesInputs, facts: SiteCertificatesFacts) -> list[Step]:
        machine = inputs.machine
        steps: list[Step] = []
        for one in inputs.sites:
            own = facts.of(one)
            self._refuse(inputs, one, own)
            steps += bind(machine, one.site, one.port, inputs.thumbprint, own)
        steps = without_clients(machine, inputs.interface, inputs.timeout_seconds, facts, CHANGE, steps)
        return [*steps, *(step for one in inputs.sites for step in start(machine, one.site, facts.of(one)))]

    @staticmethod
    def _refuse(inputs: SiteCertificatesInputs, one: SitePort, own: SiteBindingFacts) -> None:
        attempted = f"give port {one.port} of {one.site} the certificate {inputs.thumbprint}"
        if not own.exists:
            raise MachineError(
                inputs.machine,
                attempted,
                "there is no web site of this name",
                "See whether the portal's software is installed.",
            )
        if one.port in own.others and one.port not in own.ports:
            raise MachineError(
                inputs.machine,
                attempted,
                f"the site {own.others[one.port]} holds this port",
                "Move that site to another port.",
            )

    def plan_delete(
        self, inputs: SiteCertificatesInputs, facts: SiteCertificatesFacts, baseline: dict[str, Any]
    ) -> list[Step]:
        machine, bound = inputs.machine, baseline.get("bound", {})
        steps: list[Step] = []
        for one in inputs.sites:
            own = facts.of(one)
            if not own.exists:
                continue
            if before := bound.get(str(one.port), ""):
                steps += put_back(machine, one.site, one.port, before, own)
            elif own.ports.get(one.port) == inputs.thumbprint:
                steps.append(unbind(machine, one.site, one.port, own))
        return steps

    def preexisting(self, inputs: SiteCertificatesInputs, facts: SiteCertificatesFacts) -> bool:
        return all(facts.of(one).ports.get(one.port) == inputs.thumbprint for one in inputs.sites)

    def baseline(self, inputs: SiteCertificatesInputs, facts: SiteCertificatesFacts) -> dict[str, Any]:
        return {"bound": {str(one.port): facts.of(one).ports.get(one.port, "") for one in inputs.sites}}

    def actual(self, inputs: SiteCertificatesInputs, facts: SiteCertificatesFacts) -> dict[str, Any] | None:
        own = {one: facts.of(one) for one in inputs.sites}
        if not any(facts.exists for facts in own.values()):
            return None
        others = {one.site: found.ports.get(one.port) for one, found in own.items()}
        other = [f"{found or '(none)'} on {site}" for site, found in others.items() if found != inputs.thumbprint]
        return {
            "thumbprint": ", ".join(other) or inputs.thumbprint,
            "started": all(found.runs for found in own.values()),
        }


class SiteCertificates(FarmResource[SiteCertificatesInputs], module="iis", name="SiteCertificates"):
    """The certificate of a machine's web sites."""

    implementation = SiteCertificatesResource
