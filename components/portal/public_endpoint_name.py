"""Guarantees that the farm's stores know a site or interface by its load-balanced name and port.

Until then they have the name of the machine that was configured first, and clients depend on that machine.
The name is written to both stores that hold names, on a machine that has the component; the scheme is left alone.
Delete sets back the name and port of the time before; where there were none they stay, since the portal has no way to
take a name away.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

from components.resource import FarmResource, ReplaceOn, ThroughFarm, WithBaseline
from components.steps import Script, Step, load_script
from remote.names import folded
from remote.secret import Secret
from remote.session import Remote


class PublicEndpointNameInputs(ThroughFarm):
    machine: str
    """A portal node on which the site or interface is installed."""
    namespace: Annotated[str, ReplaceOn()]
    """What the portal calls the site or interface (AdminSite, TenantAPI, …)."""
    fqdn: str
    """The full DNS name under which clients reach it: the tier's name."""
    port: int
    """The HTTPS port on which they reach it."""
    server: str
    """The listener's full name, with ``,port`` where it is not 1433."""
    login: str
    """The SQL administrator's login."""
    password: Secret
    """Its password, in clear only on the wire."""


@dataclass(frozen=True)
class Name:
    """A public name as ``Get-MgmtSvcFqdn`` gives it: the full DNS name in lower case, and the TCP port."""

    fqdn: str
    """In lower case, whatever spelling the stores have."""
    port: int
    """TCP."""

    def __str__(self) -> str:
        return f"{self.fqdn}, port {self.port}"


class PublicEndpointNameResource(WithBaseline[PublicEndpointNameInputs, Name | None]):
    """Facts: the name as the stores have it; None where none was ever set."""

    def display_name(self, inputs: PublicEndpointNameInputs) -> str:
        return f"the public name of {inputs.namespace}"

    def resource_id(self, inputs: PublicEndpointNameInputs) -> str:
        return f"public-endpoint-name/{inputs.namespace}".lower()

    @staticmethod
    def _of(inputs: PublicEndpointNameInputs) -> dict[str, Any]:
        store = {"Server": inputs.server, "UserName": inputs.login, "Password": inputs.password}
        return {**store, "Namespace": inputs.namespace}

    def observe(self, inputs: PublicEndpointNameInputs, remote: Remote) -> Name | None:
        output = remote.powershell(inputs.machine).run(
            load_script("portal/read_fqdn.ps1"), self._of(inputs), attempted=f"read {self.display_name(inputs)}"
        )
        return Name(folded(output[0]["fqdn"]), output[0]["port"]) if output else None

    def plan(self, inputs: PublicEndpointNameInputs, facts: Name | None) -> list[Step]:
        return self._set(inputs, facts, self._declared(inputs), "to")

    def plan_delete(self, inputs: PublicEndpointNameInputs, facts: Name | None, baseline: dict[str, Any]) -> list[Step]:
        if not baseline:
            return []
        return self._set(
            inputs, facts, Name(baseline["fqdn"], int(baseline["port"])), "back to"
        )  # the state has floats

    @staticmethod
    def _declared(inputs: PublicEndpointNameInputs) -> Name:
        return Name(folded(inputs.fqdn), inputs.port)

    def _set(self, inputs: PublicEndpointNameInputs, facts: Name | None, wanted: Name, how: str) -> list[Step]:
        if facts == wanted:
            return []
        arguments = {**self._of(inputs), "Fqdn": wanted.fqdn, "Port": wanted.port}
        what = f"On {inputs.machine}, set {self.display_name(inputs)} {how} {wanted}."
        return [Step(what, Script(inputs.machine, "portal/set_fqdn.ps1", arguments))]

    def preexisting(self, inputs: PublicEndpointNameInputs, facts: Name | None) -> bool:
        return facts == self._declared(inputs)

    def baseline(self, inputs: PublicEndpointNameInputs, facts: Name | None) -> dict[str, Any]:
        return {"fqdn": facts.fqdn, "port": facts.port} if facts else {}

    def actual(self, inputs: PublicEndpointNameInputs, facts: Name | None) -> dict[str, Any]:
        if facts == self._declared(inputs):
            return {}
        return {"fqdn": facts.fqdn, "port": facts.port} if facts else {"fqdn": "(none)", "port": 0}


class PublicEndpointName(FarmResource[PublicEndpointNameInputs], module="portal", name="PublicEndpointName"):
    """The public name of a site or interface."""

    implementation = PublicEndpointNameResource
