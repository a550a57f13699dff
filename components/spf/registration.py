"""Guarantees that Service Provider Foundation is registered with the portal, once: the provider ``systemcenter``.

Registered through one portal node; the registration is in the farm's store, so every node has it. The registered
account's password cannot be read back: it is set again when the declared one changes. Microsoft documents no cmdlet
for SPF; its registration in the portal makes the same resource provider, and the addresses below its base are
unproven (docs/architecture.md). Leaves other resource providers alone. Delete removes the registration.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Annotated, Any
from urllib.parse import urlsplit

from components.portal.interface import ThroughInterface, read
from components.resource import Adoptable, FarmResource, RefusesEarly, WriteOnly, WritesSecrets
from components.steps import Script, Step, load_script
from components.topology import Topology
from components.topology.problem import Location
from remote.errors import MachineError
from remote.secret import Secret
from remote.session import Remote

PROVIDER = "systemcenter"
TRY_MILLISECONDS = 5000
"""How long a connection to an address that is not registered yet may take to come about."""


class RegistrationInputs(ThroughInterface):
    url: str
    """The load-balanced base address (https://spf.hyper-v.nu:8090)."""
    account: str
    """The local account on the SPF servers that the portal calls with."""
    password: Annotated[Secret, WriteOnly()]
    """Its password, in clear only on the wire."""
    enabled: bool = True
    """Whether the portal uses it."""


@dataclass(frozen=True)
class Registered:
    """A resource provider as ``Get-MgmtSvcResourceProvider`` gives it."""

    instance: str
    """Its ``InstanceId``, by which it is corrected and removed."""
    address: str
    """``AdminEndpoint.ForwardingAddress``: where the portal sends the administrators' requests."""
    account: str
    """``AdminEndpoint.AuthenticationUsername``: the account that the portal calls with."""
    enabled: bool
    """Whether the portal uses it."""
    password_known: bool = True
    """False where the password was set outside of this stack, or another one is declared since."""


@dataclass(frozen=True)
class RegistrationFacts:
    registered: tuple[Registered, ...]
    """Every resource provider ``systemcenter``; more than one is refused."""
    call: dict[str, Any]
    """The arguments with which a leaf script gets a token and calls the interface (``admin_call``)."""
    unanswered: str = ""
    """Why no connection comes about from the node to the declared base address; not tried where that is registered."""


def admin_address(url: str) -> str:
    """Where the administrators' requests go below SPF's base address (Service Provider Foundation 2012 SP1)."""
    return f"{url}/SC2012/Admin/Microsoft.Management.Odata.svc/"


def tenant_address(url: str) -> str:
    """Where the tenants' requests go below SPF's base address (Service Provider Foundation 2012 SP1)."""
    return f"{url}/SC2012/VMM/Microsoft.Management.Odata.svc/"


def _reach(machine: str, inputs: RegistrationInputs) -> str:
    """What to look at when the portal cannot call SPF: it does so itself before it registers it."""
    return (
        f"The portal calls {inputs.url} from {machine}: let that port pass all firewalls on the way, and see that"
        f" {inputs.account} is admitted there (`operations verify` tries both)."
    )


class RegistrationResource(
    Adoptable[RegistrationInputs, RegistrationFacts],
    WritesSecrets[RegistrationInputs, RegistrationFacts],
    RefusesEarly[RegistrationInputs, RegistrationFacts],
):
    def display_name(self, inputs: RegistrationInputs) -> str:
        return "the registration of Service Provider Foundation"

    def resource_id(self, inputs: RegistrationInputs) -> str:
        return f"resource-provider/{PROVIDER}"

    def observe(self, inputs: RegistrationInputs, remote: Remote) -> RegistrationFacts:
        call, output = read(inputs, remote, "spf/read_registration.ps1", PROVIDER, self.display_name(inputs))
        registered = [Registered(one["instance"], one["address"], one["account"], one["enabled"]) for one in output]
        moves = any(one.address != admin_address(inputs.url) for one in registered)
        return RegistrationFacts(tuple(registered), call, self._unanswered(inputs, remote) if moves else "")

    def _unanswered(self, inputs: RegistrationInputs, remote: Remote) -> str:
        address = urlsplit(inputs.url)
        arguments = {"Name": address.hostname, "Port": address.port or 443, "TimeoutMilliseconds": TRY_MILLISECONDS}
        (said,) = remote.powershell(inputs.machine).run(
            load_script("windows/try_port.ps1"), arguments, attempted=f"try {inputs.url}"
        )
        return "" if said["answered"] else str(said["error"]) or f"no answer in {TRY_MILLISECONDS // 1000} s"

    def plan(self, inputs: RegistrationInputs, facts: RegistrationFacts) -> list[Step]:
        machine = inputs.machine
        if len(facts.registered) > 1:
            raise MachineError(
                machine,
                f"read {self.display_name(inputs)}",
                f"it is registered {len(facts.registered)} times",
                "Remove all but one registration in the administrators' site.",
            )
        wanted = (admin_address(inputs.url), inputs.account, inputs.enabled)
        arguments = {
            **facts.call,
            "Name": PROVIDER,
            "AdminAddress": admin_address(inputs.url),
            "TenantAddress": tenant_address(inputs.url),
            "Account": inputs.account,
            "AccountPassword": inputs.password,
        }
        if not facts.registered:
            what = f"Through {machine}, register Service Provider Foundation at {inputs.url}."
            return [Step(what, Script(machine, "spf/add_registration.ps1", arguments), remedy=_reach(machine, inputs))]
        have = facts.registered[0]
        if facts.unanswered:
            raise MachineError(
                machine,
                f"move {self.display_name(inputs)} to {inputs.url}",
                f"from {machine} nothing answers there ({facts.unanswered})",
                "Have Service Provider Foundation answer there first (DNS, the binding and the certificate of its "
                "site, the firewalls), or put `spf.name` and `spf.port` back.",
            )
        if have.password_known and (have.address, have.account, have.enabled) == wanted:
            return []
        what = f"Through {machine}, correct the registration of Service Provider Foundation to {inputs.url}."
        correct = Script(machine, "spf/set_registration.ps1", {**arguments, "Instance": have.instance})
        return [Step(what, correct, remedy=_reach(machine, inputs))]

    def plan_delete(self, inputs: RegistrationInputs, facts: RegistrationFacts, baseline: dict[str, Any]) -> list[Step]:
        return [
            Step(
                f"Through {inputs.machine}, remove the registration of Service Provider Foundation.",
                Script(
                    inputs.machine,
                    "spf/remove_registration.ps1",
                    {**facts.call, "Name": PROVIDER, "Instance": one.instance},
                ),
            )
            for one in facts.registered
        ]

    def rewrite_secrets(self, inputs: RegistrationInputs, facts: RegistrationFacts) -> RegistrationFacts:
        return replace(facts, registered=tuple(replace(one, password_known=False) for one in facts.registered))

    def adoption(self, inputs: RegistrationInputs, topology: Topology) -> Location:
        return ("spf",)

    def actual(self, inputs: RegistrationInputs, facts: RegistrationFacts) -> dict[str, Any] | None:
        if not facts.registered:
            return None
        have = facts.registered[0]
        live: dict[str, Any] = {"account": have.account, "enabled": have.enabled}
        if have.address != admin_address(inputs.url):
            live["url"] = have.address
        return live


class Registration(FarmResource[RegistrationInputs], module="spf", name="Registration"):
    """The registration of Service Provider Foundation with the portal."""

    implementation = RegistrationResource
