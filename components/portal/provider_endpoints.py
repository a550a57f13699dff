"""Guarantees that every endpoint of a resource provider of the portal is reached through its load-balanced name.

The endpoints for administrators, tenants, usage, health checks and notifications are looked at one by one: each keeps
the path, the account and the password that it has, and gets the declared name and port. The portal tries an endpoint
before it takes it. Delete points each endpoint back to where it was before.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any
from urllib.parse import urlsplit, urlunsplit

from components.portal.interface import ThroughInterface, read
from components.resource import FarmResource, ReplaceOn, WithBaseline
from components.steps import Script, Step
from remote.errors import MachineError
from remote.session import Remote


class ProviderEndpointsInputs(ThroughInterface):
    provider: Annotated[str, ReplaceOn()]
    """The resource provider's name (marketplace, mysqlservers, …)."""
    url: str
    """Its load-balanced base address (https://portal.hyper-v.nu:30018)."""


@dataclass(frozen=True)
class Registered:
    """A resource provider as ``Get-MgmtSvcResourceProvider`` gives it."""

    instance: str
    """Its ``InstanceId``, by which it is found again among those of its name."""
    endpoints: Mapping[str, str]
    """Admin, Tenant, Usage, HealthCheck, Notification → its address, of those that the provider has."""


@dataclass(frozen=True)
class ProviderEndpointsFacts:
    registered: tuple[Registered, ...]
    """Every resource provider of this name."""
    call: dict[str, Any]
    """The arguments with which a leaf script gets a token and calls the interface (``admin_call``)."""


def moved(address: str, url: str) -> str:
    """An address below another base: its path stays."""
    old, base = urlsplit(address), urlsplit(url)
    if (old.scheme, old.netloc.lower()) == (base.scheme, base.netloc.lower()):
        return address
    return urlunsplit((base.scheme, base.netloc, old.path, old.query, old.fragment))


class ProviderEndpointsResource(WithBaseline[ProviderEndpointsInputs, ProviderEndpointsFacts]):
    def display_name(self, inputs: ProviderEndpointsInputs) -> str:
        return f"the endpoints of the resource provider {inputs.provider}"

    def resource_id(self, inputs: ProviderEndpointsInputs) -> str:
        return f"provider-endpoints/{inputs.provider}".lower()

    def observe(self, inputs: ProviderEndpointsInputs, remote: Remote) -> ProviderEndpointsFacts:
        script = "portal/read_provider_endpoints.ps1"
        call, output = read(inputs, remote, script, inputs.provider, self.display_name(inputs))
        return ProviderEndpointsFacts(tuple(Registered(one["instance"], one["endpoints"]) for one in output), call)

    def plan(self, inputs: ProviderEndpointsInputs, facts: ProviderEndpointsFacts) -> list[Step]:
        if len(facts.registered) != 1:
            found = f"there are {len(facts.registered)} of this name" if facts.registered else "it is not registered"
            raise MachineError(
                inputs.machine,
                f"read {self.display_name(inputs)}",
                found,
                "The portal registers it, once, when its feature is configured: see the configuration of this node.",
            )
        wanted = {kind: moved(address, inputs.url) for kind, address in facts.registered[0].endpoints.items()}
        return self._set(inputs, facts, wanted, f"point {{}} of {inputs.provider} to {inputs.url}")

    def plan_delete(
        self, inputs: ProviderEndpointsInputs, facts: ProviderEndpointsFacts, baseline: dict[str, Any]
    ) -> list[Step]:
        return self._set(inputs, facts, baseline.get("endpoints", {}), f"point {{}} of {inputs.provider} back")

    @staticmethod
    def _set(
        inputs: ProviderEndpointsInputs, facts: ProviderEndpointsFacts, wanted: Mapping[str, str], what: str
    ) -> list[Step]:
        steps = []
        for one in facts.registered:
            new = {kind: wanted[kind] for kind, old in one.endpoints.items() if wanted.get(kind, old) != old}
            if new:
                arguments = {**facts.call, "Name": inputs.provider, "Instance": one.instance, "Addresses": new}
                action = Script(inputs.machine, "portal/set_provider_endpoints.ps1", arguments)
                named = f"{', '.join(new)} {'endpoints' if len(new) > 1 else 'endpoint'}"
                steps.append(Step(f"Through {inputs.machine}, {what.format(f'the {named}')}.", action))
        return steps

    def preexisting(self, inputs: ProviderEndpointsInputs, facts: ProviderEndpointsFacts) -> bool:
        return bool(facts.registered) and not self._elsewhere(inputs, facts)

    def baseline(self, inputs: ProviderEndpointsInputs, facts: ProviderEndpointsFacts) -> dict[str, Any]:
        return {"endpoints": dict(facts.registered[0].endpoints)} if facts.registered else {}

    @staticmethod
    def _elsewhere(inputs: ProviderEndpointsInputs, facts: ProviderEndpointsFacts) -> list[str]:
        """Every endpoint that is not below the declared address, with the one it has."""
        return [
            f"{kind}: {address}"
            for one in facts.registered
            for kind, address in sorted(one.endpoints.items())
            if moved(address, inputs.url) != address
        ]

    def actual(self, inputs: ProviderEndpointsInputs, facts: ProviderEndpointsFacts) -> dict[str, Any] | None:
        if not facts.registered:
            return None
        elsewhere = self._elsewhere(inputs, facts)
        return {"url": "; ".join(elsewhere)} if elsewhere else {}


class ProviderEndpoints(FarmResource[ProviderEndpointsInputs], module="portal", name="ProviderEndpoints"):
    """Where the portal reaches one of its resource providers."""

    implementation = ProviderEndpointsResource
