"""The portal: every node by itself, and what it shows of the farm's common stores."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from components.administration import made_where
from components.portal import stores
from components.portal.interface import admin_call, interface
from components.portal.plan_by_hand import PlanByHandInputs, PlanByHandResource
from components.portal.portal_node import OPERATORS, TENANT_SITE, installers_rules
from components.site_probe import probe_site
from components.spf.registration import PROVIDER, admin_address
from components.spf.registration_by_hand import RegistrationByHandInputs, RegistrationByHandResource
from components.steps import load_script
from components.topology.firewall_openings import Opening, firewall_openings
from components.topology.portal import Tier
from components.topology.roles import ROLES
from components.windows.firewall_rule import FirewallRuleInputs, FirewallRuleResource
from components.windows.superseded_rules import SupersededRulesInputs, SupersededRulesResource
from operations.checks import spf as spf_check
from operations.checks.balancing import certified
from operations.checks.services import Services
from operations.configuration import Context
from operations.row import Check, WrongError, expect
from remote.names import folded

LEVEL = "portal"


def checks(context: Context) -> Iterator[Check]:
    for tier in context.topology.portal.tiers:
        for node in tier.nodes:
            for what, question in _questions(context, tier, node):
                yield Check(LEVEL, node, what, question, machine=node)


def _questions(context: Context, tier: Tier, node: str) -> Iterator[tuple[str, Callable[[], str]]]:
    """What one node is asked."""
    portal = context.topology.portal
    yield "every feature is configured", _Features(context, tier, node)
    yield "every site answers, no failed log-on meanwhile", _Sites(context, tier, node)
    yield "IIS runs and starts with it", Services(context, node, ("W3SVC",), manual=("WAS",))
    for opening in firewall_openings(context.topology, tier):
        yield f"firewall: {opening}", _Opening(context, node, opening)
    yield "firewall: the installer's rules are off", _InstallersRules(context, tier, node)
    yield f"members of {OPERATORS}", _Operators(context, node)
    what = f"every site answers as {tier.front.name} with the certificate {tier.certificate}, verified"
    yield what, _Certified(context, tier, node)
    if "admin-site" in tier.roles and context.topology.release.by_hand:
        yield f"works with the plan {portal.plan.name}", _PlanByHand(context, node)
        yield "works with SPF registered", _RegisteredByHand(context, node)
    elif "admin-api" in tier.roles:
        yield f"sees the plan {portal.plan.name}", _Plan(context, node)
        yield "sees SPF registered once", _Registered(context, node)
        yield f"calls SPF at {context.topology.spf.url}", _CallsSpf(context, node)


class _OnNode:
    def __init__(self, context: Context, node: str) -> None:
        self.context, self.node = context, node

    def run(self, script: str, attempted: str, **arguments: object) -> list[object]:
        return self.context.remote.powershell(self.node).run(load_script(script), arguments, attempted=attempted)

    def admin(self, script: str, attempted: str, **arguments: object) -> list[dict[str, object]]:
        call = admin_call(interface(self.context.topology, self.node), self.context.remote)
        return self.run(script, attempted, **call, **arguments)  # type: ignore[return-value]


class _Features(_OnNode):
    def __init__(self, context: Context, tier: Tier, node: str) -> None:
        super().__init__(context, node)
        self.tier = tier

    def __call__(self) -> str:
        topology = self.context.topology
        state = self.run(
            "portal/read_configuration.ps1",
            "read its features",
            Server=topology.listener_address,
            UserName=topology.sql.administrator,
            Password=self.context.sql_password,
            Passphrase=self.context.passphrase,
        )[0]
        assert isinstance(state, dict)
        if state["features"] is None:
            return "the product has no cmdlets that tell; see whether its sites answer"
        configured = {folded(feature["name"]) for feature in state["features"] if feature["configured"]}
        missing = [feature for feature in self.tier.features if folded(feature) not in configured]
        return expect(
            [
                f"not configured: {', '.join(missing)}" if missing else "",
                "" if state["passphraseFits"] else "the passphrase does not fit the stores",
            ],
            f"{len(self.tier.features)} features, the passphrase fits",
        )


class _Sites(_OnNode):
    def __init__(self, context: Context, tier: Tier, node: str) -> None:
        super().__init__(context, node)
        self.tier = tier

    def __call__(self) -> str:
        public_port = {TENANT_SITE: self.context.topology.portal.tenant_site_port}
        since = self.run("windows/read_clock.ps1", "read its clock")[0]
        sites = [site for role in self.tier.ordered_roles for site in ROLES[role.name].sites if site.port is not None]
        wrong = [
            f"{site.name}: {trouble}"
            for site in sites
            if (trouble := probe_site(self.context.remote, self.node, public_port.get(site.name, site.port or 0)))
        ]
        events = self.run("portal/read_failed_logons.ps1", "read its event log", Since=since)
        wrong += sorted({f"event 12: {event}" for event in events})
        return expect(wrong, f"{len(sites)} sites")


class _Opening(_OnNode):
    """The program's own rule says so, and counts."""

    def __init__(self, context: Context, node: str, opening: Opening) -> None:
        super().__init__(context, node)
        self.opening = opening

    def __call__(self) -> str:
        ports = tuple(str(port) for port in self.opening.ports)
        inputs = FirewallRuleInputs(machine=self.node, rule=self.opening.rule, ports=ports, remote=self.opening.sources)
        resource = FirewallRuleResource()
        facts = resource.observe(inputs, self.context.remote)
        live = resource.actual(inputs, facts)
        if live is None:
            raise WrongError(f"there is no rule {self.opening.rule}")
        declared = inputs.model_dump(mode="json")
        wrong = [f"{name} is {_said(value)}" for name, value in live.items() if value != declared[name]]
        return expect(wrong, f"rule {self.opening.rule}")


def _said(value: object) -> str:
    return ", ".join(str(one) for one in value) if isinstance(value, list) else str(value)


class _InstallersRules(_OnNode):
    """What they allow stays allowed, however narrow another rule is."""

    def __init__(self, context: Context, tier: Tier, node: str) -> None:
        super().__init__(context, node)
        self.rules = installers_rules(tier)

    def __call__(self) -> str:
        inputs = SupersededRulesInputs(machine=self.node, rules=self.rules)
        resource = SupersededRulesResource()
        on = resource.actual(inputs, resource.observe(inputs, self.context.remote))["enabled"]
        return expect([f"on, and open to everybody: {', '.join(on)}" if on else ""], f"{len(self.rules)} rules")


class _Operators(_OnNode):
    def __call__(self) -> str:
        state = self.run("windows/read_members.ps1", "read the group", Group=OPERATORS)[0]
        assert isinstance(state, dict)
        have = {folded(member) for member in state["members"]}
        missing = [member for member in self.context.topology.portal.operators if folded(member) not in have]
        return expect([f"{', '.join(missing)} is missing" if missing else ""], f"{len(have)} members")


class _Certified:
    """Every site of a node under the tier's name, its certificate verified by this computer's authorities."""

    def __init__(self, context: Context, tier: Tier, node: str) -> None:
        self.context, self.tier, self.node = context, tier, node

    def __call__(self) -> str:
        https, name = self.context.remote.https, self.tier.front.name
        return certified(self.context, self.tier, lambda port: https(self.node, port, name=name))


class _Plan(_OnNode):
    def __call__(self) -> str:
        plans = self.admin("portal/read_plans.ps1", "read the plans", Name=self.context.topology.portal.plan.name)
        if len(plans) != 1:
            raise WrongError(f"it sees {len(plans)} plans of this name")
        return f"id {plans[0]['id']}"


class _CallsSpf(_OnNode):
    """The way from the portal to SPF, with whatever lies between: networks, firewalls, names, the account."""

    def __call__(self) -> str:
        spf = self.context.topology.spf
        if why := spf_check.refused(self.context):
            raise WrongError(f"{why}; the portal does not try it either, so that the account is not locked out")
        (tried,) = self.admin(
            "spf/try_address.ps1",
            "let it call Service Provider Foundation",
            Name=PROVIDER,
            Address=admin_address(spf.url),
            Account=spf.account,
            AccountPassword=self.context.spf_password,
        )
        messages = tried["messages"] if isinstance(tried["messages"], list) else [tried["messages"]]
        wrong = [str(message) for message in messages] or ["the call failed"]
        return expect(wrong if tried["failed"] else [], f"answers it as {spf.account}")


class _Registered(_OnNode):
    def __call__(self) -> str:
        found = self.admin("spf/read_registration.ps1", "read the resource providers", Name=PROVIDER)
        address = admin_address(self.context.topology.spf.url)
        wrong = "" if len(found) == 1 else f"it sees {len(found)} registrations"
        other = [str(one["address"]) for one in found if one["address"] != address]
        return expect([wrong, f"registered at {', '.join(other)}" if other else ""], f"registered at {address}")


class _ByHand:
    """What the operator created is in the stores, and the administrators' site of the node answers."""

    def __init__(self, context: Context, node: str) -> None:
        self.context, self.node = context, node

    def where(self) -> dict[str, Any]:
        return {**made_where(self.context.topology), "nodes": [self.node]}

    def answers(self, working: tuple[str, ...]) -> str:
        return "" if self.node in working else f"the administrators' site on {self.node} does not answer"


class _PlanByHand(_ByHand):
    def __call__(self) -> str:
        plan = self.context.topology.portal.plan
        inputs = PlanByHandInputs(**self.where(), name=plan.name, services=plan.services)
        facts = PlanByHandResource().observe(inputs, self.context.remote)
        wrong = "" if len(facts.plans) == 1 else f"the stores have {len(facts.plans)} plans of this name"
        return expect([wrong, self.answers(facts.working)], f"id {', '.join(facts.plans)}")


class _RegisteredByHand(_ByHand):
    def __call__(self) -> str:
        spf = self.context.topology.spf
        inputs = RegistrationByHandInputs(**self.where(), url=spf.url, account=spf.account)
        facts = RegistrationByHandResource().observe(inputs, self.context.remote)
        wrong = "" if facts.registered else f"the stores have no {PROVIDER}"
        found = f"the stores have {PROVIDER}; with which address is not to be seen from outside"
        return expect([wrong, self.answers(stores.working(inputs, self.context.remote))], found)
