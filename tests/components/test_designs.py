"""Every design with Pulumi's mocks: one code builds them all, and nothing in it asks which design it is."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest

from components.topology import Topology, load
from components.topology.roles import ROLES
from lab.testing import worlds
from tests.components.program import ROOT, Program, shipped

OWN = sorted((Path(__file__).parent / "topologies").glob("*.yaml"))
TOPOLOGIES = [*OWN, *sorted((ROOT / "topologies").glob("*.yaml"))]


@pytest.fixture(
    scope="module", params=TOPOLOGIES, ids=lambda file: f"{'test' if file in OWN else 'shipped'}-{file.stem}"
)
def file(request: pytest.FixtureRequest) -> Path:
    chosen: Path = request.param
    return chosen


@pytest.fixture
def program(file: Path) -> Program:
    return shipped(file)


def test_every_node_has_its_software_configuration_and_operators(program: Program, file: Path) -> None:
    topology = load(file)
    for tier in topology.portal.tiers:
        for node in tier.nodes:
            assert program.one("portal:Software", f"{node}-software").inputs["features"] == list(tier.features)
            assert program.one("portal:Configuration", f"{node}-configuration").inputs["machine"] == node
            assert program.one("windows:GroupMembers", f"{node}-operators")


def test_the_first_node_of_every_role_comes_before_every_other_node(program: Program, file: Path) -> None:
    topology = load(file)
    firsts = [program.one("portal:Configuration", f"{t.nodes[0]}-configuration") for t in topology.portal.tiers]
    others = [
        program.one("portal:Configuration", f"{node}-configuration")
        for tier in topology.portal.tiers
        for node in tier.nodes[1:]
    ]
    for other in others:
        assert all(program.is_before(first, other) for first in firsts), other.name


def test_the_nodes_are_configured_after_the_one_that_makes_the_stores(program: Program, file: Path) -> None:
    """And so updated: it sets another passphrase alone."""
    nodes = program.all("portal:Configuration")
    makers = [node for node in nodes if all(node is other or program.is_before(node, other) for other in nodes)]
    assert len(makers) == 1


def test_a_cluster_for_each_tier_that_has_one(program: Program, file: Path) -> None:
    topology = load(file)
    clusters = [tier.cluster.name for tier in topology.portal.tiers if tier.cluster is not None]
    assert sorted(cluster.inputs["cluster"] for cluster in program.all("nlb:Cluster")) == sorted(clusters)


def test_every_node_lets_in_what_its_tier_is_reached_on(program: Program, file: Path) -> None:
    topology = load(file)
    for tier in topology.portal.tiers:
        for node in tier.nodes:
            rules = [rule for rule in program.all("windows:FirewallRule") if rule.inputs["machine"] == node]
            opened = [int(port) for rule in rules for port in rule.inputs["ports"]]
            assert sorted(opened) == list(topology.portal.ports(tier))


def test_the_public_port_is_open_before_the_tenants_site_moves_there(program: Program) -> None:
    bindings = program.all("iis:SiteBinding")
    assert bindings
    for binding in bindings:
        node, port = binding.inputs["machine"], str(int(binding.inputs["port"]))
        rule = program.one("windows:FirewallRule", f"{node}-firewall-clients")
        assert port in rule.inputs["ports"]
        assert not rule.inputs["remote"]
        assert program.is_before(rule, binding)


def test_the_first_nodes_are_configured_in_the_order_of_their_roles(program: Program, file: Path) -> None:
    topology = load(file)
    order = list(ROLES)
    tiers = sorted(topology.portal.tiers, key=lambda tier: min(order.index(role) for role in tier.roles))
    firsts = [program.one("portal:Configuration", f"{tier.nodes[0]}-configuration") for tier in tiers]
    for one, other in itertools.pairwise(firsts):
        assert program.is_before(one, other), f"{one.name} comes before {other.name}"


def test_no_installation_of_a_first_node_waits_for_another_node(program: Program, file: Path) -> None:
    """Each may take an hour, and they have nothing to do with each other."""
    firsts = [tier.nodes[0] for tier in load(file).portal.tiers]
    for node in firsts:
        software = program.one("portal:Software", f"{node}-software")
        for other in firsts:
            assert not program.is_before(program.one("portal:Software", f"{other}-software"), software)


def test_only_tiers_with_the_tenants_site_publish_it(program: Program, file: Path) -> None:
    topology = load(file)
    nodes = [node for tier in topology.portal.tiers if "tenant-site" in tier.roles for node in tier.nodes]
    assert sorted(binding.inputs["machine"] for binding in program.all("iis:SiteBinding")) == sorted(nodes)


def test_every_site_gets_its_tiers_certificate(program: Program, file: Path) -> None:
    """None keeps the self-signed one of the installer: what browsers, tenants and other servers meet is trusted."""
    topology = load(file)
    given = {
        (one.inputs["machine"], site["site"], int(site["port"])): one.inputs["thumbprint"]
        for one in program.all("iis:SiteCertificates")
        for site in one.inputs["sites"]
    }
    for one in program.all("iis:SiteBinding"):
        given[one.inputs["machine"], one.inputs["site"], int(one.inputs["port"])] = one.inputs["thumbprint"]
    expected = {(node, site.name, port) for tier, site, port in topology.portal.published() for node in tier.nodes}
    assert set(given) == expected
    for tier in topology.portal.tiers:
        for node in tier.nodes:
            (imported,) = (one for one in program.all("windows:Certificate") if one.inputs["machine"] == node)
            assert imported.inputs["name"] == tier.certificate
            assert {mark for (machine, _, _), mark in given.items() if machine == node} == {
                imported.inputs["thumbprint"]
            }


def test_nodes_change_certificates_one_after_the_other(program: Program, file: Path) -> None:
    for tier in load(file).portal.tiers:
        for kind in ("SiteCertificates", "SiteBinding"):
            own = {one.inputs["machine"]: one for one in program.all(f"windows:{kind}")}
            for first, second in itertools.pairwise(node for node in tier.nodes if node in own):
                assert program.is_before(own[first], own[second])


def test_no_rule_of_the_installer_opens_what_ours_closes(program: Program, file: Path) -> None:
    topology = load(file)
    off = {one.inputs["machine"]: set(one.inputs["rules"]) for one in program.all("windows:SupersededRules")}
    expected: dict[str, set[str]] = {}
    for tier, site, _ in topology.portal.published():
        for node in tier.nodes:
            expected.setdefault(node, set()).add(f"{site.name} (HTTPS-In)")
    assert off == expected
    for one in program.all("windows:SupersededRules"):
        own = [rule for rule in program.all("windows:FirewallRule") if rule.inputs["machine"] == one.inputs["machine"]]
        assert own
        assert all(program.is_before(rule, one) for rule in own), "what is needed is open before"
        for binding in program.all("iis:SiteBinding"):
            if binding.inputs["machine"] == one.inputs["machine"]:
                assert program.is_before(binding, one), "its own port is open until the tenants' site has moved"


FRONTS = {
    "AdminAPI": ("admin-api", 30004),
    "TenantAPI": ("tenant-api", 30005),
    "TenantPublicAPI": ("tenant-public-api", 30006),
    "AdminSite": ("admin-site", 30091),
    "WindowsAuthSite": ("admin-auth", 30072),
    "TenantSite": ("tenant-site", None),
    "AuthSite": ("tenant-auth", 30071),
}
PROVIDERS = {
    "marketplace": ("admin-api", 30018),
    "monitoring": ("admin-api", 30020),
    "usageservice": ("admin-api", 30022),
    "sqlservers": ("sql-extension", 30010),
    "mysqlservers": ("mysql-extension", 30012),
}


def _federated(program: Program, topology: Topology) -> bool:
    """Whether the design's release has authentication sites; one without has no names to give and no trust."""
    kinds = ("portal:PublicEndpointName", "portal:Federation", "portal:ProviderEndpoints")
    having = "admin-auth" in topology.release.roles
    assert all(bool(program.all(kind)) == having for kind in kinds)
    return having


def test_everything_is_known_by_the_name_of_its_own_tier(program: Program, file: Path) -> None:
    portal = load(file).portal
    if not _federated(program, load(file)):
        return
    for namespace, (role, port) in FRONTS.items():
        inputs, tier = program.one("portal:PublicEndpointName", f"{namespace}-name").inputs, portal.tier_of(role)
        assert (inputs["fqdn"], inputs["port"]) == (tier.front.name, port or portal.tenant_site_port)
        assert inputs["machine"] == tier.nodes[0], "where it is installed"
    for provider, (role, port) in PROVIDERS.items():
        if any(role in tier.roles for tier in portal.tiers):
            url = program.one("portal:ProviderEndpoints", f"{provider}-endpoints").inputs["url"]
            assert url == f"https://{portal.tier_of(role).front.name}:{port}"


def test_each_site_trusts_its_own_authentication_site(program: Program, file: Path) -> None:
    portal = load(file).portal
    if not _federated(program, load(file)):
        return
    for site, sign_in in (("AdminSite", "WindowsAuthSite"), ("TenantSite", "AuthSite")):
        inputs = program.one("portal:Federation", f"{site}-trust").inputs
        for namespace, machine, address in (
            (site, inputs["site_machine"], inputs["reply_to"]),
            (sign_in, inputs["machine"], inputs["sign_in"]),
        ):
            role, port = FRONTS[namespace]
            tier = portal.tier_of(role)
            assert machine == tier.nodes[0], "it serves the metadata itself"
            assert address == f"{tier.front.name}:{port or portal.tenant_site_port}"
        trust = program.one("portal:Federation", f"{site}-trust")
        for name in (site, sign_in):
            assert program.is_before(program.one("portal:PublicEndpointName", f"{name}-name"), trust)


def test_endpoints_come_after_the_tenants_site_is_published_everywhere(program: Program) -> None:
    for binding in program.all("iis:SiteBinding"):
        for one in (*program.all("portal:PublicEndpointName"), *program.all("portal:ProviderEndpoints")):
            assert program.is_before(binding, one)
    verification = program.one("command:local:Command", "verification")
    for one in (*program.all("portal:Federation"), *program.all("portal:ProviderEndpoints")):
        assert program.is_before(one, verification)


def test_a_persons_turn_comes_after_everything_else(program: Program, file: Path) -> None:
    unattended = ("portal:Plan", "spf:Registration", "portal:Administrators")
    by_hand = [program.all(kind) for kind in ("portal:PlanByHand", "spf:RegistrationByHand")]
    if not load(file).release.by_hand:
        assert by_hand == [[], []]
        assert all(len(program.all(kind)) == 1 for kind in unattended)
        return
    assert all(program.all(kind) == [] for kind in unattended)
    (plan,), (registration,) = by_hand
    assert not program.is_before(plan, registration)
    assert not program.is_before(registration, plan)
    for resource in program.resources:
        if "dynamic" in resource.type and resource not in (plan, registration):
            assert program.is_before(resource, plan), resource.name
            assert program.is_before(resource, registration), resource.name


def test_no_two_resources_have_one_name(program: Program) -> None:
    names = [(resource.type, resource.name) for resource in program.resources]
    assert len(names) == len(set(names))


def test_an_external_load_balancer_is_checked_after_all_it_carries_and_before_what_goes_through_it(
    program: Program, file: Path
) -> None:
    topology = load(file)
    tiers = [tier for tier in topology.portal.tiers if tier.load_balancer is not None]
    seen = program.all("portal:ExternalLoadBalancerCheck")
    assert sorted(one.inputs["name"] for one in seen) == sorted(tier.front.name for tier in tiers)
    for tier in tiers:
        one = program.one("portal:ExternalLoadBalancerCheck", f"{tier.key}-load-balancer")
        assert one.inputs["ports"] == list(topology.portal.ports(tier))
        serving = [r for r in program.resources if r.inputs.get("machine") in tier.nodes and "windows:" in r.type]
        assert len(serving) >= 2 * len(tier.nodes)
        assert [r.name for r in serving if not program.is_before(r, one)] == []
        assert all(program.is_before(one, federation) for federation in program.all("portal:Federation"))


def test_the_topologies_that_come_with_the_lab_are_those_of_the_designs() -> None:
    """The lab is a distribution of its own and brings what it starts with; both sides build the same farm."""
    copies = sorted(worlds.TOPOLOGIES.glob("*.yaml"))
    assert copies
    for copy in copies:
        original = ROOT / "topologies" / copy.name
        assert copy.read_text(encoding="utf-8") == original.read_text(encoding="utf-8"), f"copy it again: {original}"
