"""One case for every provider: inputs, the facts before, and what each of its scripts does to the facts."""

from __future__ import annotations

import json
from dataclasses import fields, replace
from typing import Any

from components.failover_proof import FailoverProofFacts, FailoverProofResource
from components.iis.site_binding import Binding, SiteBindingFacts, SiteBindingResource, Sites
from components.iis.site_certificates import SiteCertificatesFacts, SiteCertificatesResource
from components.nlb.cluster import ClusterFacts, ClusterResource
from components.nlb.node import NodeFacts, NodeResource
from components.nlb.node_health import NodeHealthFacts, NodeHealthResource, Task, Trigger, command
from components.nlb.port_rules import DEFAULT_RULE, PortRulesResource
from components.nlb.state import NodeView, PortRule
from components.portal.administrators import AdministratorsResource
from components.portal.configuration import ConfigurationFacts, ConfigurationResource
from components.portal.databases import CONFIG
from components.portal.external_load_balancer_check import ExternalLoadBalancerCheckResource
from components.portal.federation import FederationFacts, FederationResource, authority
from components.portal.plan import PlanFacts, PlanResource, PlanState
from components.portal.plan_by_hand import PlanByHandFacts, PlanByHandResource
from components.portal.plan_replication_check import PlanReplicationCheckResource
from components.portal.provider_endpoints import (
    ProviderEndpointsFacts,
    ProviderEndpointsResource,
)
from components.portal.provider_endpoints import Registered as RegisteredProvider
from components.portal.public_endpoint_name import Name, PublicEndpointNameResource
from components.portal.software import Mark, SoftwareFacts, SoftwareResource
from components.portal.software_source import SoftwareSourceFacts, SoftwareSourceResource
from components.server_tls_check import ServerTlsCheckFacts, ServerTlsCheckResource
from components.spf.registration import Registered, RegistrationFacts, RegistrationResource
from components.spf.registration_by_hand import RegistrationByHandFacts, RegistrationByHandResource
from components.sql.whereabouts import Whereabouts
from components.windows.certificate import CertificateFacts, CertificateResource
from components.windows.feature import FeatureFacts, FeatureResource
from components.windows.firewall_rule import FirewallRuleFacts, FirewallRuleResource, subnets
from components.windows.group_members import GroupMembersFacts, GroupMembersResource
from components.windows.local_account import AccountState, LocalAccountFacts, LocalAccountResource
from components.windows.superseded_rules import SupersededRulesResource
from remote.secret import Secret
from tests.components.contract import Case
from tests.components.group_worlds import GROUP_CASES
from tests.components.sql_worlds import SQL_CASES, failed_over, group, on

THUMBPRINT = "AB" * 20
CALL: dict[str, Any] = {
    "Api": {
        "AdminUri": "https://portal1:30004",
        "VerifyApi": False,
        "AuthenticationSite": "https://portal1:30072",
        "VerifyAuthentication": False,
        "UserName": "u",
        "Password": Secret("Admin-Call-1!"),
    }
}
API = {"admin_api": "https://portal1:30004", "authentication": "https://portal1:30072"}

FEATURE = Case(
    FeatureResource,
    {"machine": "Portal1", "feature": "NLB"},
    FeatureFacts(installed=False, restart_pending=False),
    {
        "windows/install_feature.ps1": lambda f, a: FeatureFacts(True, True),
        "restart": lambda f, a: FeatureFacts(True, False),
        "windows/remove_feature.ps1": lambda f, a: FeatureFacts(False, False),
    },
    gone=FeatureFacts(False, False),
)

AUTHORITY = "EF" * 20
CERTIFICATE = Case(
    CertificateResource,
    {
        "machine": "Portal1",
        "name": "portal",
        "thumbprint": THUMBPRINT,
        "pfx": "UEZY-secret",
        "password": "Pfx-Pass-1!",
        "valid_from": "2013-01-01T00:00:00Z",
        "valid_until": "2113-01-01T00:00:00Z",
        "intermediates": [{"thumbprint": AUTHORITY, "content": "MII="}],
    },
    CertificateFacts(False, False, frozenset({AUTHORITY})),
    {
        "windows/import_certificate.ps1": lambda f, a: replace(f, installed=True, private_key=True),
        "windows/add_intermediate.ps1": lambda f, a: replace(f, missing=frozenset()),
        "windows/remove_certificate.ps1": lambda f, a: replace(f, installed=False, private_key=False),
        "windows/remove_intermediate.ps1": lambda f, a: replace(f, missing=frozenset({AUTHORITY})),
    },
    gone=CertificateFacts(False, False),
)

SPF_GROUPS = ("SPF_Admin", "SPF_VMM")


def server(account: AccountState | None = None, *, marked: bool = False) -> LocalAccountFacts:
    groups = frozenset({*(group.lower() for group in SPF_GROUPS), "users"})
    return LocalAccountFacts(account, groups, Secret("mark-of-this-test"), marked)


def _account(facts: LocalAccountFacts, **changes: Any) -> LocalAccountFacts:
    assert facts.account is not None
    return replace(facts, account=replace(facts.account, **changes))


LOCAL_ACCOUNT = Case(
    LocalAccountResource,
    {"machine": "SPF1", "account": "SVC_SPF", "password": "Account-Pass-1!", "groups": list(SPF_GROUPS)},
    server(),
    {
        "windows/create_account.ps1": lambda f, a: server(
            AccountState(True, False, True, "", frozenset()), marked=True
        ),
        "windows/set_account_password.ps1": lambda f, a: replace(_account(f, password_is_ours=True), marked=True),
        "windows/set_account_options.ps1": lambda f, a: _account(
            f,
            never_expires=a.arguments["NeverExpires"],
            enabled=a.arguments["Enabled"],
            description=a.arguments["Description"],
            expires="never",
        ),
        "windows/add_members.ps1": lambda f, a: _account(f, groups=f.account.groups | {a.arguments["Group"].lower()}),
        "windows/unlock_account.ps1": lambda f, a: _account(f, locked=False),
        "windows/remove_account.ps1": lambda f, a: server(),
        "windows/remove_mark.ps1": lambda f, a: replace(_account(f, password_is_ours=False), marked=False),
    },
    gone=server(),
)

GROUP_MEMBERS = Case(
    GroupMembersResource,
    {"machine": "Portal1", "group": "MgmtSvc Operators", "members": [r"HYPERVNU\Ops", r"HYPERVNU\Second"]},
    GroupMembersFacts(True, frozenset({r"hypervnu\other"})),
    {
        "windows/add_members.ps1": lambda f, a: replace(
            f, members=f.members | {m.lower() for m in a.arguments["Members"]}
        ),
        "windows/remove_members.ps1": lambda f, a: replace(
            f, members=f.members - {m.lower() for m in a.arguments["Members"]}
        ),
    },
    gone=GroupMembersFacts(False, frozenset()),
)


def _binding(facts: SiteBindingFacts, port: int, thumbprint: str | None) -> SiteBindingFacts:
    ports = {p: t for p, t in facts.ports.items() if p != port}
    return replace(facts, ports=ports if thumbprint is None else {**ports, port: thumbprint})


def _port(action: Any) -> int:
    return int(action.arguments["Information"].split(":")[1])


SITE_BINDING = Case(
    SiteBindingResource,
    {"machine": "Portal1", "site": "MgmtSvc-TenantSite", "port": 443, "old_port": 30081, "thumbprint": THUMBPRINT},
    SiteBindingFacts(True, False, {30081: "CD" * 20}, {30091: "MgmtSvc-AdminSite"}),
    {
        "iis/add_binding.ps1": lambda f, a: _binding(f, a.arguments["Port"], ""),
        "iis/set_binding_certificate.ps1": lambda f, a: _binding(f, _port(a), a.arguments["Thumbprint"]),
        "iis/remove_binding.ps1": lambda f, a: _binding(f, _port(a), None),
        "iis/start_site.ps1": lambda f, a: replace(f, started=True),
        "iis/start_pool.ps1": lambda f, a: replace(f, stopped_pool=""),
    },
    gone=SiteBindingFacts(False, False, {}, {}),
)


AUTH, ADMIN = "MgmtSvc-AuthSite", "MgmtSvc-AdminSite"
OWN = "CD" * 20
"""The certificate that the portal's installer made."""


def sites(bound: dict[str, tuple[int, str]], *, started: bool = True) -> SiteCertificatesFacts:
    """Web sites by name, each with its port and the certificate there."""
    bindings = tuple(Binding(site, f"*:{port}:", 0, thumbprint) for site, (port, thumbprint) in bound.items())
    running = {site.lower(): started for site in bound}
    return SiteCertificatesFacts(Sites(running, bindings, frozenset({OWN, THUMBPRINT})))


def _certified(facts: SiteCertificatesFacts, action: Any) -> SiteCertificatesFacts:
    site, thumbprint = action.arguments["Site"], action.arguments["Thumbprint"]
    changed = tuple(replace(b, thumbprint=thumbprint) if b.site == site else b for b in facts.sites.bindings)
    return replace(facts, sites=replace(facts.sites, bindings=changed))


def _running(facts: SiteCertificatesFacts, site: str) -> SiteCertificatesFacts:
    return replace(facts, sites=replace(facts.sites, started={**facts.sites.started, site.lower(): True}))


SITE_CERTIFICATES = Case(
    SiteCertificatesResource,
    {
        "machine": "Portal1",
        "sites": [{"site": ADMIN, "port": 30091}, {"site": AUTH, "port": 30071}],
        "thumbprint": THUMBPRINT,
    },
    sites({ADMIN: (30091, OWN), AUTH: (30071, OWN)}, started=False),
    {
        "iis/set_binding_certificate.ps1": _certified,
        "iis/start_site.ps1": lambda f, a: _running(f, a.arguments["Site"]),
    },
    gone=SiteCertificatesFacts(Sites({}, (), frozenset())),
)


def opened(arguments: dict[str, Any]) -> FirewallRuleFacts:
    """The rule as Windows gives it after one of the two scripts that make it right."""
    remote = subnets(address.replace("/24", "/255.255.255.0") for address in arguments["Remote"])
    enabled = arguments.get("Enabled", "True") == "True"
    return FirewallRuleFacts(True, enabled, "Inbound", "Allow", "TCP", "Any", tuple(arguments["Ports"]), remote)


FIREWALL_RULE = Case(
    FirewallRuleResource,
    {
        "machine": "Portal1",
        "rule": "Windows Azure Pack HA (clients)",
        "ports": ["443", "30091"],
        "remote": ["172.21.5.0/24"],
    },
    FirewallRuleFacts(exists=False),
    {
        "windows/add_firewall_rule.ps1": lambda f, a: opened(a.arguments),
        "windows/set_firewall_rule.ps1": lambda f, a: opened(a.arguments),
        "windows/remove_firewall_rule.ps1": lambda f, a: FirewallRuleFacts(exists=False),
    },
    gone=FirewallRuleFacts(exists=False),
)

SUPERSEDED_RULES = Case(
    SupersededRulesResource,
    {"machine": "Portal1", "rules": ["MgmtSvc-AdminAPI (HTTPS-In)", "MgmtSvc-AuthSite (HTTPS-In)"]},
    frozenset({"mgmtsvc-adminapi (https-in)", "mgmtsvc-authsite (https-in)"}),
    {
        "windows/disable_firewall_rule.ps1": lambda f, a: f - {a.arguments["DisplayName"].lower()},
        "windows/enable_firewall_rule.ps1": lambda f, a: f | {a.arguments["DisplayName"].lower()},
    },
)

UNBOUND = NodeView("Portal1", bound=False)
BOUND = NodeView(
    "Portal1",
    True,
    "portal.hyper-v.nu",
    "172.21.5.150",
    "255.255.255.0",
    "unicast",
    (("PORTAL1", "Converged(default)"),),
    frozenset({DEFAULT_RULE}),
    addresses=(("172.21.5.150", "255.255.255.0"),),
    dedicated=frozenset({("PORTAL1", "172.21.5.151"), ("PORTAL2", "172.21.5.152")}),
)
NOWHERE, MADE = ClusterFacts(UNBOUND), ClusterFacts(BOUND)
CLUSTER = Case(
    ClusterResource,
    {
        "tier": "portal",
        "machine": "Portal1",
        "interface": "Ethernet",
        "others": [{"machine": "Portal2", "interface": "Ethernet"}],
        "cluster": "portal.hyper-v.nu",
        "address": "172.21.5.150",
        "mask": "255.255.255.0",
        "mode": "unicast",
    },
    NOWHERE,
    {
        "nlb/new_cluster.ps1": lambda f, a: MADE,
        "nlb/set_cluster.ps1": lambda f, a: ClusterFacts(
            replace(f.first, name=a.arguments["Name"], address=a.arguments["Address"], mode=a.arguments["Mode"].lower())
        ),
        "nlb/add_address.ps1": lambda f, a: ClusterFacts(
            replace(f.first, addresses=(*f.first.addresses, (a.arguments["Address"], a.arguments["Mask"])))
        ),
        "nlb/remove_address.ps1": lambda f, a: ClusterFacts(
            replace(f.first, addresses=tuple(vip for vip in f.first.addresses if vip[0] != a.arguments["Address"]))
        ),
        "nlb/remove_cluster.ps1": lambda f, a: NOWHERE,
    },
    gone=NOWHERE,
)

BOTH = (("PORTAL1", "Converged(default)"), ("PORTAL2", "Converged"))
JOINED = NodeFacts(replace(BOUND, nodes=BOTH), replace(BOUND, machine="Portal2", nodes=BOTH))
ALONE = NodeFacts(BOUND, NodeView("Portal2", bound=False))
STOPPED = (BOTH[0], ("PORTAL2", "Stopped"))
DRAINED = NodeFacts(replace(JOINED.first, nodes=STOPPED), replace(JOINED.node, nodes=STOPPED))


def _taken_out(facts: NodeFacts, action: Any) -> NodeFacts:
    assert facts == DRAINED, "a node is drained before it is taken out"
    return ALONE


NODE = Case(
    NodeResource,
    {
        "machine": "Portal2",
        "interface": "Ethernet",
        "tier": "portal",
        "cluster": "portal.hyper-v.nu",
        "first": "Portal1",
        "first_interface": "Ethernet",
        "address": "172.21.5.152",
    },
    ALONE,
    {
        "nlb/add_node.ps1": lambda f, a: JOINED,
        "nlb/drain_node.ps1": lambda f, a: DRAINED,
        "nlb/remove_node.ps1": _taken_out,
    },
    gone=ALONE,
)


WRITTEN = {
    "rights": "O:BAG:BAD:P(A;OICI;FA;;;SY)(A;OICI;FA;;;BA)",
    "attributes": "Directory",
    "own": "O:BAG:DUD:AI(A;OICIID;FA;;;SY)(A;OICIID;FA;;;BA)",
}


def health_task(**changed: Any) -> Task:
    """The health task as Windows shows it after it was registered."""
    triggers = (
        Trigger("MSFT_TaskBootTrigger", True),
        Trigger("MSFT_TaskTimeTrigger", True, "2026-01-01T00:00:30+01:00", "PT1M"),
    )
    task = Task(True, "SYSTEM", "Highest", (command(r"C:\ProgramData"),), triggers)
    return replace(task, **changed)


NODE_HEALTH = Case(
    NodeHealthResource,
    {
        "machine": "Portal2",
        "tier": "portal",
        "interface": "Ethernet",
        "address": "172.21.5.152",
        "ports": [443, 30091],
        "others": [{"machine": "Portal1", "address": "172.21.5.151"}],
        "offset_seconds": 30,
    },
    NodeHealthFacts(),
    {
        "nlb/write_health.ps1": lambda f, a: replace(
            f, script=a.arguments["Script"], settings=a.arguments["Settings"], **WRITTEN
        ),
        "nlb/register_health.ps1": lambda f, a: replace(f, task=health_task()),
        "nlb/remove_health.ps1": lambda f, a: NodeHealthFacts(),
    },
    gone=NodeHealthFacts(),
)


def _added(facts: NodeView, arguments: Any) -> NodeView:
    rule = PortRule(**{field.name: arguments[field.name.capitalize()] for field in fields(PortRule)})
    taken = {port for one in facts.rules for port in range(one.start, one.end + 1)}
    assert not taken & set(range(rule.start, rule.end + 1)), f"{rule} overlaps, which NLB refuses"
    return replace(facts, rules=facts.rules | {rule})


PORT_RULES = Case(
    PortRulesResource,
    {
        "tier": "portal",
        "machine": "Portal1",
        "interface": "Ethernet",
        "cluster": "portal.hyper-v.nu",
        "rules": [
            {"start": 30004, "end": 30006, "protocol": "tcp", "affinity": "single"},
            {"start": 443, "end": 443, "protocol": "tcp", "affinity": "single"},
        ],
    },
    BOUND,
    {
        "nlb/remove_port_rule.ps1": lambda f, a: replace(
            f, rules=frozenset(rule for rule in f.rules if rule.start != a.arguments["Start"])
        ),
        "nlb/add_port_rule.ps1": lambda f, a: _added(f, a.arguments),
    },
    gone=UNBOUND,
)


def _marked(facts: SoftwareFacts, text: str) -> SoftwareFacts:
    kept = json.loads(text)
    return replace(facts, mark=Mark(kept["stage"], tuple(kept["known"])))


SOFTWARE = Case(
    SoftwareResource,
    {"machine": "Portal1", "source": "webpi", "products": ["WAP"], "feed": "f", "features": ["AdminAPI", "TenantSite"]},
    SoftwareFacts(()),
    {
        "portal/install_webpi.ps1": lambda f, a: replace(f, features=("AdminAPI", "TENANTSITE"), pending=("C:\\x",)),
        "restart": lambda f, a: replace(f, pending=()),
        "windows/write_mark.ps1": lambda f, a: _marked(f, a.arguments["Text"]),
        "windows/remove_mark.ps1": lambda f, a: replace(f, mark=None),
        "portal/uninstall.ps1": lambda f, a: replace(f, features=()),
    },
    gone=SoftwareFacts(()),
)

SOFTWARE_SOURCE = Case(
    SoftwareSourceResource,
    {"machine": "Portal1", "source": "webpi", "products": ["WAP"], "feed": "f", "features": ["AdminAPI"]},
    SoftwareSourceFacts(("the product WAP (the feed f has no such entry)",)),
    {"until": lambda f, a: SoftwareSourceFacts(())},
    leaves=True,
)

SERVER_TLS_CHECK = Case(
    ServerTlsCheckResource,
    {"machines": ["Portal1", "SQL1"], "sql_servers": ["SQL1"]},
    ServerTlsCheckFacts(("SQL1: the certificate of SQL Server is not trusted. Renew it.",)),
    {"until": lambda f, a: ServerTlsCheckFacts(())},
    leaves=True,
)

STORES = Whereabouts(group("SQL1", on("SQL1", CONFIG)))
"""In the group, and the listener leads to them."""
CONFIGURATION = Case(
    ConfigurationResource,
    {
        "machine": "Portal1",
        "features": ["AdminAPI", "TenantAPI", "TenantSite"],
        "server": "sql.hyper-v.nu",
        "login": "sa",
        "password": "Sql-Pass-1!",
        "passphrase": "Pass-Phrase-1!",
        "group": "SQL",
        "replicas": ["SQL1", "SQL2"],
    },
    ConfigurationFacts({"adminapi": False, "tenantapi": False, "tenantsite": False, "other": False}, True, STORES),
    {
        "portal/configure_feature.ps1": lambda f, a: replace(
            f, features={**f.features, a.arguments["Feature"].lower(): True}
        )
    },
    gone=ConfigurationFacts({"adminapi": False}, True, STORES),
    leaves=True,
)

ADMINISTRATORS = Case(
    AdministratorsResource,
    {
        "machine": "Portal1",
        "principals": [r"HYPERVNU\Ops", r"HYPERVNU\Second"],
        "server": "sql.hyper-v.nu",
        "login": "sa",
        "password": "Sql-Pass-1!",
    },
    frozenset({r"hypervnu\installer"}),
    {
        "portal/add_administrator.ps1": lambda f, a: f | {a.arguments["Principal"].lower()},
        "portal/remove_administrator.ps1": lambda f, a: f - {a.arguments["Principal"].lower()},
    },
)


def _with_service(facts: PlanFacts, service: str) -> PlanFacts:
    (plan,) = facts.plans
    return replace(facts, plans=(replace(plan, services=plan.services | {service}),))


def _made(arguments: dict[str, Any]) -> PlanState:
    return PlanState("plan1", arguments["Name"], arguments["State"], frozenset())


def _set(facts: PlanFacts, arguments: dict[str, Any]) -> PlanState:
    (plan,) = (*facts.plans, *facts.former)
    return replace(plan, name=arguments["Name"], state=arguments["State"])


PLAN = Case(
    PlanResource,
    {"machine": "Portal1", **API, "name": "Check", "services": ["mysqlservers", "sqlservers"]},
    PlanFacts((), CALL),
    {
        "portal/add_plan.ps1": lambda f, a: replace(f, plans=(_made(a.arguments),)),
        "portal/set_plan.ps1": lambda f, a: replace(f, plans=(_set(f, a.arguments),), former=()),
        "portal/add_plan_service.ps1": lambda f, a: _with_service(f, a.arguments["Service"]),
        "portal/remove_plan.ps1": lambda f, a: replace(f, plans=()),
    },
    gone=PlanFacts((), CALL),
)

PLAN_REPLICATION_CHECK = Case(
    PlanReplicationCheckResource,
    {"machine": "Portal2", **API, "name": "Check", "plan_id": "plan1"},
    (),
    {"until": lambda f, a: ("plan1",)},
    leaves=True,
)


BALANCER_SEEN = Case(
    ExternalLoadBalancerCheckResource,
    {"machine": "Portal1", "nodes": ["Portal1", "Portal2"], "name": "portal.hyper-v.nu", "ports": [443, 30091]},
    ("TCP 443: 3 of 3 unanswered (Connection refused); of its servers, these answer: Portal1",),
    {"until": lambda f, a: ()},
    leaves=True,
)


def registered(arguments: Any) -> RegistrationFacts:
    return RegistrationFacts((Registered("i1", arguments["AdminAddress"], arguments["Account"], True),), CALL)


REGISTRATION = Case(
    RegistrationResource,
    {
        "machine": "Portal1",
        **API,
        "url": "https://spf.hyper-v.nu:8090",
        "account": "SVC_SPF",
        "password": "Account-Pass-1!",
    },
    RegistrationFacts((), CALL),
    {
        "spf/add_registration.ps1": lambda f, a: registered(a.arguments),
        "spf/set_registration.ps1": lambda f, a: registered(a.arguments),
        "spf/remove_registration.ps1": lambda f, a: RegistrationFacts((), CALL),
    },
    gone=RegistrationFacts((), CALL),
)

STORE = {"server": "sql.hyper-v.nu", "login": "sa", "password": "Sql-Pass-1!"}

FQDN = Case(
    PublicEndpointNameResource,
    {"machine": "Portal1", "namespace": "AdminSite", "fqdn": "portal.hyper-v.nu", "port": 30091, **STORE},
    Name("portal1.hyper-v.nu", 30091),
    {"portal/set_fqdn.ps1": lambda f, a: Name(a.arguments["Fqdn"], a.arguments["Port"])},
)

FEDERATION = Case(
    FederationResource,
    {
        "site": "TenantSite",
        "machine": "Portal1",
        "site_machine": "Portal2",
        "sign_in": "portal.hyper-v.nu:30071",
        "reply_to": "portal.hyper-v.nu:443",
        **STORE,
    },
    FederationFacts("portal1.hyper-v.nu:30071", "portal1.hyper-v.nu:30081"),
    {
        "portal/set_relying_party.ps1": lambda f, a: replace(f, sign_in=authority(a.arguments["Metadata"])),
        "portal/set_identity_provider.ps1": lambda f, a: replace(f, reply_to=authority(a.arguments["Metadata"])),
    },
    leaves=True,
)


def provider_at(**endpoints: str) -> ProviderEndpointsFacts:
    return ProviderEndpointsFacts((RegisteredProvider("i1", endpoints),), CALL)


PROVIDER_ENDPOINTS = Case(
    ProviderEndpointsResource,
    {"machine": "Portal1", **API, "provider": "marketplace", "url": "https://portal.hyper-v.nu:30018"},
    provider_at(
        Admin="https://portal1.hyper-v.nu:30018/",
        Tenant="https://portal1.hyper-v.nu:30018/subscriptions",
        Usage="https://portal.hyper-v.nu:30018/usage",
    ),
    {
        "portal/set_provider_endpoints.ps1": lambda f, a: provider_at(
            **{**f.registered[0].endpoints, **a.arguments["Addresses"]}
        )
    },
    gone=ProviderEndpointsFacts((), CALL),
)

BY_HAND: dict[str, Any] = {
    "machine": "Portal1",
    "nodes": ["Portal1", "Portal2"],
    "replica": "SQL1",
    "listener": "sql.hyper-v.nu",
    "port": 1433,
}

PLAN_BY_HAND = Case(
    PlanByHandResource,
    {**BY_HAND, "name": "Check", "services": ["mysqlservers", "sqlservers"]},
    PlanByHandFacts((), ("Portal1",)),
    {
        "by hand": lambda f, a: replace(f, plans=() if f.plans else ("plan1",)),
        "until": lambda f, a: replace(f, working=("Portal1", "Portal2")),
    },
)

REGISTRATION_BY_HAND = Case(
    RegistrationByHandResource,
    {**BY_HAND, "url": "https://spf.hyper-v.nu:8090", "account": "SVC_SPF"},
    RegistrationByHandFacts(registered=False),
    {"by hand": lambda f, a: RegistrationByHandFacts(registered=not f.registered)},
)

PROOF = Case(
    FailoverProofResource,
    {
        "group": "SQL",
        "machines": ["SQL1", "SQL2"],
        "machine": "SQL1",
        "partner": "SQL2",
        "sites": [{"machine": "Portal1", "name": "MgmtSvc-AdminSite", "ports": [30091]}],
        "marker": "built",
    },
    FailoverProofFacts(group("SQL1"), "", ()),
    {
        "sql/failover.sql": lambda f, a: replace(f, group=failed_over(f.group, a.machine)),
        "windows/write_mark.ps1": lambda f, a: replace(f, proved=a.arguments["Text"]),
        "windows/remove_mark.ps1": lambda f, a: replace(f, proved=""),
    },
    again=("sql/failover.sql",),  # a proof that broke proves nothing: it begins again
)

CASES = [
    FEATURE,
    CERTIFICATE,
    LOCAL_ACCOUNT,
    GROUP_MEMBERS,
    SITE_BINDING,
    SITE_CERTIFICATES,
    FIREWALL_RULE,
    SUPERSEDED_RULES,
    CLUSTER,
    NODE,
    NODE_HEALTH,
    PORT_RULES,
    SOFTWARE,
    SOFTWARE_SOURCE,
    SERVER_TLS_CHECK,
    CONFIGURATION,
    ADMINISTRATORS,
    PLAN,
    PLAN_REPLICATION_CHECK,
    BALANCER_SEEN,
    REGISTRATION,
    FQDN,
    FEDERATION,
    PROVIDER_ENDPOINTS,
    PLAN_BY_HAND,
    REGISTRATION_BY_HAND,
    PROOF,
    *GROUP_CASES,
    *SQL_CASES,
]
