"""Guarantees that the operator registered Service Provider Foundation in the administrators' site, once.

For releases of the product whose registration has no interface but a browser. The step says what to click (the
article's own way), waits for the provider ``systemcenter`` in the stores as long as `waits.manual_seconds` allows, and
else ends with the same words; the next `up` goes on. Which address and account the operator entered cannot be read
back: it is `operations verify` that logs on to Service Provider Foundation with the declared ones. Delete asks in the
same way for what the product's own team published, because the site cannot take a registration back.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

from components.portal import stores
from components.portal.stores import DATABASE, MadeByHand
from components.resource import Adoptable, FarmResource, ReplaceOn
from components.spf.registration import PROVIDER
from components.steps import OperatorStep, Step
from components.topology import Topology
from components.topology.problem import Location
from remote.session import Remote


class RegistrationByHandInputs(MadeByHand):
    url: Annotated[str, ReplaceOn()]
    """The load-balanced base address (https://spf.hyper-v.nu:8090)."""
    account: Annotated[str, ReplaceOn()]
    """The local account on the SPF servers that the portal calls with; its password is the stack's
    `spfAccountPassword`."""


@dataclass(frozen=True)
class RegistrationByHandFacts:
    registered: bool
    """Whether the stores have a resource provider ``systemcenter`` (``mp.ResourceProviders``)."""


class RegistrationByHandResource(Adoptable[RegistrationByHandInputs, RegistrationByHandFacts]):
    def display_name(self, inputs: RegistrationByHandInputs) -> str:
        return "the registration of Service Provider Foundation"

    def resource_id(self, inputs: RegistrationByHandInputs) -> str:
        return f"resource-provider-by-hand/{PROVIDER}"

    def observe(self, inputs: RegistrationByHandInputs, remote: Remote) -> RegistrationByHandFacts:
        attempted = f"read {self.display_name(inputs)}"
        found = stores.rows(inputs, remote, "spf/read_providers.sql", PROVIDER, attempted)
        return RegistrationByHandFacts(bool(found[0]["registered"]))

    def plan(self, inputs: RegistrationByHandInputs, facts: RegistrationByHandFacts) -> list[Step]:
        if facts.registered:
            return []
        begin = f"Select VM Clouds in the left menu, click Register Service Provider Foundation, enter {inputs.url}"
        click = f"{begin}, the user name {inputs.account} and its password (spfAccountPassword of this stack)."
        what = f"In the administrators' site on {inputs.machine}, register Service Provider Foundation at {inputs.url}."
        return [Step(what, OperatorStep(inputs.machine, (inputs.site, click), _Registered(), inputs.timeout_seconds))]

    def plan_delete(
        self, inputs: RegistrationByHandInputs, facts: RegistrationByHandFacts, baseline: dict[str, Any]
    ) -> list[Step]:
        if not facts.registered:
            return []
        remove = f"DELETE FROM mp.ResourceProviders WHERE Name = '{PROVIDER}'"  # noqa: S608 - text for the operator
        where = f"Connect SQL Server Management Studio to {inputs.listener}, port {inputs.port}, and"
        clicks = (
            f"{where} run in the database {DATABASE}: {remove}.",
            f"On {', '.join(inputs.nodes)}, run iisreset.exe.",
        )
        what = f"Through {inputs.listener}, take the registration of Service Provider Foundation out of the stores."
        return [Step(what, OperatorStep(inputs.machine, clicks, _Registered(gone=True), inputs.timeout_seconds))]

    def adoption(self, inputs: RegistrationByHandInputs, topology: Topology) -> Location:
        return ("spf",)

    def preexisting(self, inputs: RegistrationByHandInputs, facts: RegistrationByHandFacts) -> bool:
        return facts.registered

    def actual(self, inputs: RegistrationByHandInputs, facts: RegistrationByHandFacts) -> dict[str, Any]:
        return {"made": facts.registered}


@dataclass(frozen=True)
class _Registered:
    """Waits until the provider is in the stores, or no more."""

    gone: bool = False

    def __call__(self, facts: RegistrationByHandFacts) -> str:
        if facts.registered != self.gone:
            return ""
        return f"the provider {PROVIDER} to {'be gone from' if self.gone else 'be in'} the stores"


class RegistrationByHand(FarmResource[RegistrationByHandInputs], module="spf", name="RegistrationByHand"):
    """The registration of Service Provider Foundation by the operator."""

    implementation = RegistrationByHandResource
