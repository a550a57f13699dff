"""Guarantees that a portal site and its authentication site trust each other under their load-balanced names.

The portal site sends its users to the authentication site's name and accepts the tokens of that one only; the
authentication site sends them back to the portal site's name. Each side learns the other from the metadata that it
serves, so both names have to be set before. The metadata is read on a machine that serves it: no tier has to reach
another one for that. The certificate of the site that serves it is verified. Certificates with which tokens are signed
are left alone. Delete leaves the trust: what the sites served before can no longer be asked of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any
from urllib.parse import urlsplit

from components.resource import FarmResource, ReplaceOn, Resource, ThroughFarm
from components.steps import Script, Step, load_script
from remote.names import folded
from remote.secret import Secret
from remote.session import Remote


@dataclass(frozen=True)
class Pair:
    """A portal site with its authentication site."""

    site: str
    """The site's namespace in the portal's stores: ``AdminSite``."""
    target: str
    """What ``Set-MgmtSvcRelyingPartySettings -Target`` calls it: ``Admin``."""
    authentication: str
    """The namespace of its authentication site: ``WindowsAuthSite``."""
    authentication_target: str
    """What ``Set-MgmtSvcIdentityProviderSettings -Target`` calls that one: ``Windows``."""


PAIRS = (
    Pair("AdminSite", "Admin", "WindowsAuthSite", "Windows"),
    Pair("TenantSite", "Tenant", "AuthSite", "Membership"),
)
METADATA = "https://{}/FederationMetadata/2007-06/FederationMetadata.xml"
_TRUST = "Where its certificate is not trusted, put the authority into {}'s trusted root authorities."


class FederationInputs(ThroughFarm):
    site: Annotated[str, ReplaceOn()]
    """The portal site: AdminSite or TenantSite."""
    machine: str
    """A node of the authentication site."""
    site_machine: str
    """A node of the portal site."""
    sign_in: str
    """``name:port`` of the authentication site."""
    reply_to: str
    """``name:port`` of the portal site."""
    server: str
    """The listener's full name, with ``,port`` where it is not 1433."""
    login: str
    """The SQL administrator's login."""
    password: Secret
    """Its password, in clear only on the wire."""


@dataclass(frozen=True)
class FederationFacts:
    sign_in: str
    """``name:port`` to which the portal site sends its users; empty where it knows none."""
    reply_to: str
    """``name:port`` to which the authentication site sends them back; empty where it knows none."""


def authority(url: str) -> str:
    """``name:port`` of an address, lower case; 443 where none is written."""
    parts = urlsplit(url)
    return f"{parts.hostname}:{parts.port or 443}" if parts.hostname else ""


class FederationResource(Resource[FederationInputs, FederationFacts]):
    @staticmethod
    def _pair(inputs: FederationInputs) -> Pair:
        return next(pair for pair in PAIRS if pair.site == inputs.site)

    def display_name(self, inputs: FederationInputs) -> str:
        return f"the trust between {inputs.site} and {self._pair(inputs).authentication}"

    def resource_id(self, inputs: FederationInputs) -> str:
        return f"federation/{inputs.site}".lower()

    @staticmethod
    def _store(inputs: FederationInputs) -> dict[str, Any]:
        return {"Server": inputs.server, "UserName": inputs.login, "Password": inputs.password}

    def observe(self, inputs: FederationInputs, remote: Remote) -> FederationFacts:
        state = remote.powershell(inputs.machine).run(
            load_script("portal/read_federation.ps1"),
            {
                **self._store(inputs),
                "Site": inputs.site,
                "AuthenticationSite": self._pair(inputs).authentication,
            },
            attempted=f"read {self.display_name(inputs)}",
        )[0]
        return FederationFacts(authority(state["signIn"]), authority(state["replyTo"]))

    def plan(self, inputs: FederationInputs, facts: FederationFacts) -> list[Step]:
        pair, machine, steps = self._pair(inputs), inputs.machine, []
        if facts.sign_in != folded(inputs.sign_in):
            what = f"On {machine}, let {pair.site} take its users from {pair.authentication} at {inputs.sign_in}."
            arguments = self._metadata(inputs, inputs.sign_in) | {"Target": pair.target}
            steps.append(Step(what, Script(machine, "portal/set_relying_party.ps1", arguments), _TRUST.format(machine)))
        machine = inputs.site_machine
        if facts.reply_to != folded(inputs.reply_to):
            what = f"On {machine}, let {pair.authentication} send its users back to {pair.site} at {inputs.reply_to}."
            target = {"Target": pair.authentication_target}
            action = Script(
                machine, "portal/set_identity_provider.ps1", self._metadata(inputs, inputs.reply_to) | target
            )
            steps.append(Step(what, action, _TRUST.format(machine)))
        return steps

    def _metadata(self, inputs: FederationInputs, site: str) -> dict[str, Any]:
        return {**self._store(inputs), "Metadata": METADATA.format(site)}

    def actual(self, inputs: FederationInputs, facts: FederationFacts) -> dict[str, Any]:
        live = {"sign_in": facts.sign_in or "(none)", "reply_to": facts.reply_to or "(none)"}
        return {name: value for name, value in live.items() if value != folded(getattr(inputs, name))}


class Federation(FarmResource[FederationInputs], module="portal", name="Federation"):
    """The trust between a portal site and its authentication site."""

    implementation = FederationResource
