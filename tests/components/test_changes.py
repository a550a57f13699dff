"""Every key of the topology of a live farm is changed once: what is touched, or why a preview refuses it.

For each key the question is what else holds the old value. A change that machines would keep half of is refused before
any of them is touched; the others touch just what is listed here.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from pulumi.runtime import rpc
from pydantic import BaseModel

from components.topology import Topology
from components.topology.wording import model_in
from tests.components.contract import adapter
from tests.components.program import ROOT, run
from tests.components.test_adoption import KINDS

Farm = dict[str, tuple[str, dict[str, Any]]]
"""Resource → kind and inputs."""
Declared = dict[str, Any]


@dataclass(frozen=True)
class Change:
    """A key with what is done to it."""

    key: str
    change: Callable[[Declared], Any]
    updated: str = ""
    """The kinds of the resources that are updated."""
    replaced: str = ""
    others: str = ""
    """The kinds of those that come and go."""
    refused: str = ""
    """What a preview says, as a regular expression."""


def put(path: str, value: Any) -> Callable[[Declared], None]:
    def change(declared: Declared) -> None:
        part: Any = declared
        *steps, last = [int(step) if step.isdigit() else step for step in path.split(".")]
        for step in steps:
            part = part[step]
        part[last] = value

    return change


def text(old: str, new: str) -> Callable[[Declared], None]:
    """Everywhere in the file."""

    def change(declared: Declared) -> None:
        changed = yaml.safe_load(yaml.safe_dump(declared).replace(old, new))
        declared.clear()
        declared.update(changed)

    return change


def both(*changes: Callable[[Declared], Any]) -> Callable[[Declared], None]:
    def change(declared: Declared) -> None:
        for one in changes:
            one(declared)

    return change


def without_role(role: str) -> Callable[[Declared], None]:
    return lambda declared: declared["portal"]["tiers"][0]["roles"].remove(role)


def before_wap(declared: Declared) -> None:
    declared["product"] = "wa4ws"
    declared["portal"]["administrators"] = []
    declared["portal"]["software"]["products"] = ["ServiceManagement"]
    for role in ("admin-auth", "tenant-auth"):
        without_role(role)(declared)


CLUSTER, TIER = "portal.tiers.0.cluster", "portal.tiers.0"
NODE = (
    "nlb:Node portal:Configuration portal:PlanReplicationCheck portal:Software portal:SoftwareSource "
    "windows:Certificate windows:Feature windows:FirewallRule windows:GroupMembers iis:SiteBinding "
    "iis:SiteCertificates windows:SupersededRules"
)
"""Everything of a portal node that is its own."""
REPLICAS = (
    "farm:FailoverProof sql:Administrator sql:AlwaysOn sql:AuthenticationMode sql:AvailabilityDatabase "
    "sql:AvailabilityGroup sql:ClusterAccess sql:LoginMirror sql:Primary"
)
"""What knows every replica."""
NODES = (
    "farm:ServerTlsCheck portal:Configuration sql:BackupShareCheck sql:FailoverClusterCheck sql:Listener "
    "sql:MirroringEndpoint"
)
SITES = "iis:SiteBinding iis:SiteCertificates"
NAMES = "portal:Federation portal:PublicEndpointName"
SQL = "sql:AlwaysOn sql:AuthenticationMode"


def flow(declared: Declared) -> None:
    declared["domains"].append({"name": "web.dmz", "netbios": "WEB", "subnet": "172.22.5.0/24"})
    declared["flows"] = [{"source": "hyper-v.nu", "target": "web.dmz", "port": 8090}]


THREE = ["SQL1", "SQL2"]
RULES = [{"start": 0, "end": 65535, "protocol": "both"}]


def balanced(name: str) -> Callable[[Declared], None]:
    front = {"name": name, "address": "172.22.5.150", "connects_from": ["172.22.5.0/24"]}

    def change(declared: Declared) -> None:
        tier = declared["portal"]["tiers"][0]
        tier.pop("cluster")
        tier["load_balancer"] = front

    return change


def other_certificate(declared: Declared) -> None:
    declared["certificates"].append({"name": "other", "dns_names": ["portal.hyper-v.nu"]})
    declared["portal"]["tiers"][0]["certificate"] = "other"


WAITS = {
    "convergence_seconds": f"nlb:Cluster nlb:Node nlb:PortRules {SITES}",
    "service_restart_seconds": SQL,
    "synchronization_seconds": f"{SQL} sql:AvailabilityDatabase sql:AvailabilityGroup",
    "failover_seconds": f"{SQL} farm:FailoverProof sql:Primary",
    "installation_seconds": "portal:Software",
    "configuration_seconds": "portal:Configuration",
    "restart_seconds": "portal:Software",
    "log_off_seconds": "sql:LoginMirror",
    "site_seconds": "farm:FailoverProof",
    "manual_seconds": "portal:Configuration",
}
CHANGES = [
    Change("name", put("name", "other")),
    Change("adopt_from", put("adopt_from", "windows-azure-pack-ha/other")),
    Change("product", before_wap, refused="which no role of its tier brings any more"),
    Change("domains.name", text("hyper-v.nu", "hyper-w.nu"), refused="is configured against the listener"),
    Change("domains.netbios", text("HYPERVNU", "HYPER"), refused="and this program renames no domain"),
    Change(
        "domains.subnet",
        put("domains.0.subnet", "172.21.4.0/23"),
        updated="nlb:Cluster sql:Listener windows:FirewallRule",
    ),
    Change("flows.source", flow, updated="windows:FirewallRule"),
    Change("flows.target", flow, updated="windows:FirewallRule"),
    Change("flows.port", flow, updated="windows:FirewallRule"),
    Change(
        "machines.name",
        text("Portal2", "Portal8"),
        updated="farm:ServerTlsCheck nlb:Cluster",
        others=NODE,
    ),
    Change("machines.domain", text("hyper-v.nu", "hyper-w.nu"), refused="is configured against the listener"),
    Change("machines.address", put("machines.0.address", "172.21.5.161"), updated="nlb:Node"),
    Change(
        "machines.interface",
        put("machines.1.interface", "Ethernet 2"),
        updated="nlb:Cluster portal:Software iis:SiteBinding iis:SiteCertificates",
        replaced="nlb:Node",
    ),
    Change(
        "machines.lost",
        put("machines.1.lost", True),
        updated="farm:ServerTlsCheck nlb:Cluster sql:LoginMirror",
        others=NODE,
    ),
    Change(
        "certificates.name",
        both(put("certificates.0.name", "public"), put(f"{TIER}.certificate", "public")),
        updated=SITES,
        replaced="windows:Certificate",
    ),
    Change(
        "certificates.dns_names",
        put("certificates.0.dns_names", ["portal.hyper-v.nu", "other.hyper-v.nu"]),
        updated=SITES,
        replaced="windows:Certificate",
    ),
    Change(
        "sql.replicas.machine",
        put("sql.replicas", ["SQL1", "SQL2", {"machine": "SQL3", "failover": "manual"}]),
        updated=f"{REPLICAS} {NODES}",
        others="sql:MirroringEndpoint",
    ),
    Change(
        "sql.replicas.instance",
        put("sql.replicas.1", {"machine": "SQL2", "instance": "WAP"}),
        refused="is another replica than",
    ),
    Change("sql.replicas.port", put("sql.replicas.1", {"machine": "SQL2", "port": 1444})),
    Change(
        "sql.replicas.endpoint_port",
        put("sql.replicas.1", {"machine": "SQL2", "endpoint_port": 5099}),
        updated="sql:AvailabilityGroup sql:MirroringEndpoint",
    ),
    Change(
        "sql.replicas.commit",
        put("sql.replicas", [*THREE, {"machine": "SQL3", "commit": "asynchronous"}]),
        updated=f"{REPLICAS} {NODES}",
        others="sql:MirroringEndpoint",
    ),
    Change(
        "sql.replicas.failover",
        put("sql.replicas.1", {"machine": "SQL2", "failover": "manual"}),
        updated="sql:AvailabilityGroup",
    ),
    Change("sql.cluster.name", put("sql.cluster.name", "other"), updated="sql:FailoverClusterCheck"),
    Change("sql.cluster.address", put("sql.cluster.address", "172.21.5.119"), updated="sql:FailoverClusterCheck"),
    Change("sql.group", put("sql.group", "OTHER"), refused="in the availability group SQL, which cannot be renamed"),
    Change("sql.listener.name", put("sql.listener.name", "OTHER"), refused="is configured against the listener"),
    Change(
        "sql.listener.address", put("sql.listener.address", "172.21.5.51"), refused="can neither change nor remove that"
    ),
    Change("sql.listener.port", put("sql.listener.port", 1444), refused="is configured against the listener"),
    Change(
        "sql.backup_share",
        put("sql.backup_share", r"\\FILE\Other"),
        updated="sql:AvailabilityDatabase sql:BackupShareCheck",
    ),
    Change("sql.authentication", put("sql.authentication", "mixed")),
    Change(
        "sql.administrator",
        put("sql.administrator", "farmadmin"),
        updated="portal:Administrators portal:Configuration portal:Federation portal:PublicEndpointName",
        replaced="sql:Administrator",
    ),
    Change("sql.logins", put("sql.logins", ["Billing"]), updated="sql:LoginMirror"),
    Change("sql.drop_logins", put("sql.drop_logins", True), updated="sql:LoginMirror"),
    Change(
        "sql.unreachable",
        put("sql.unreachable", "proceed"),
        updated=f"{REPLICAS} portal:Configuration sql:MirroringEndpoint",
    ),
    Change(
        "sql.preferred_primary",
        put("sql.preferred_primary", "SQL2"),
        updated=f"{REPLICAS} sql:FailoverClusterCheck sql:Listener",
    ),
    Change("sql.primary_policy", put("sql.primary_policy", "always"), updated="sql:Primary"),
    Change("spf.name", text("spf.hyper-v.nu", "foundation.hyper-v.nu"), updated="spf:Registration"),
    Change("spf.address", put("spf.address", "172.21.5.149")),
    Change("spf.port", put("spf.port", 8091), updated="spf:Registration"),
    Change(
        "spf.servers",
        put("spf.servers", ["SPF1", "SPF2", "SPF3"]),
        updated="farm:ServerTlsCheck",
        others="windows:LocalAccount",
    ),
    Change("spf.account", put("spf.account", "SVC_OTHER"), updated="spf:Registration", replaced="windows:LocalAccount"),
    Change(
        "spf.groups",
        put("spf.groups", ["SPF_Admin", "SPF_Provider", "SPF_VMM", "SPF_Usage"]),
        updated="windows:LocalAccount",
    ),
    Change("portal.tiers.name", put(f"{TIER}.name", "other")),
    Change(
        "portal.tiers.roles",
        both(without_role("sql-extension"), put("portal.plan.services", ["mysqlservers"])),
        refused="which no role of its tier brings any more",
    ),
    Change(
        "portal.tiers.nodes",
        put(f"{TIER}.nodes", ["Portal1", "Portal2", "Portal3"]),
        updated="farm:ServerTlsCheck nlb:Cluster sql:LoginMirror",
        others=NODE,
    ),
    Change(
        "portal.tiers.cluster.name",
        text("portal.hyper-v.nu", "azure.hyper-v.nu"),
        updated=f"nlb:Cluster nlb:Node nlb:PortRules portal:ProviderEndpoints {NAMES} {SITES}",
        replaced="windows:Certificate",
    ),
    Change("portal.tiers.cluster.address", put(f"{CLUSTER}.address", "172.21.5.155"), updated="nlb:Cluster"),
    Change("portal.tiers.cluster.health", put(f"{CLUSTER}.health", True), updated="nlb:Node", others="nlb:NodeHealth"),
    Change("portal.tiers.cluster.mode", put(f"{CLUSTER}.mode", "multicast"), updated="nlb:Cluster"),
    Change("portal.tiers.cluster.port_rules.start", put(f"{CLUSTER}.port_rules", RULES), updated="nlb:PortRules"),
    Change("portal.tiers.cluster.port_rules.end", put(f"{CLUSTER}.port_rules", RULES), updated="nlb:PortRules"),
    Change(
        "portal.tiers.cluster.port_rules.protocol",
        put(f"{CLUSTER}.port_rules.0.protocol", "both"),
        updated="nlb:PortRules",
    ),
    Change(
        "portal.tiers.cluster.port_rules.affinity",
        put(f"{CLUSTER}.port_rules.0.affinity", "none"),
        updated="nlb:PortRules",
    ),
    Change(
        "portal.tiers.load_balancer.name",
        balanced("portal.hyper-v.nu"),
        updated="portal:Software windows:FirewallRule iis:SiteBinding iis:SiteCertificates",
        others="nlb:Cluster nlb:Node nlb:PortRules portal:ExternalLoadBalancerCheck windows:Feature",
    ),
    Change(
        "portal.tiers.load_balancer.address",
        balanced("portal.hyper-v.nu"),
        updated="portal:Software windows:FirewallRule iis:SiteBinding iis:SiteCertificates",
        others="nlb:Cluster nlb:Node nlb:PortRules portal:ExternalLoadBalancerCheck windows:Feature",
    ),
    Change(
        "portal.tiers.load_balancer.connects_from",
        balanced("portal.hyper-v.nu"),
        updated="portal:Software windows:FirewallRule iis:SiteBinding iis:SiteCertificates",
        others="nlb:Cluster nlb:Node nlb:PortRules portal:ExternalLoadBalancerCheck windows:Feature",
    ),
    Change(
        "portal.tiers.certificate",
        other_certificate,
        updated=SITES,
        replaced="windows:Certificate",
    ),
    Change(
        "portal.tiers.products", put(f"{TIER}.products", ["WAP_Other"]), updated="portal:Software portal:SoftwareSource"
    ),
    Change(
        "portal.tenant_site_port",
        both(put("portal.tenant_site_port", 8443), put(f"{CLUSTER}.port_rules", RULES)),
        updated=f"farm:FailoverProof nlb:PortRules {NAMES} windows:FirewallRule iis:SiteBinding",
    ),
    Change(
        "portal.software.source",
        put("portal.software", {"source": "msi", "folder": r"\\FILE\MSI"}),
        updated="portal:Software portal:SoftwareSource",
    ),
    Change(
        "portal.software.products",
        put("portal.software.products", ["WAP_Other"]),
        updated="portal:Software portal:SoftwareSource",
    ),
    Change("portal.software.feed", put("portal.software.feed", ""), updated="portal:Software portal:SoftwareSource"),
    Change(
        "portal.software.folder",
        put("portal.software", {"source": "msi", "folder": r"\\FILE\MSI"}),
        updated="portal:Software portal:SoftwareSource",
    ),
    Change("portal.operators", put("portal.operators", []), updated="windows:GroupMembers"),
    Change("portal.administrators", put("portal.administrators", []), updated="portal:Administrators"),
    Change(
        "portal.administrators_from", put("portal.administrators_from", ["10.0.0.0/8"]), updated="windows:FirewallRule"
    ),
    Change("portal.managed_from", put("portal.managed_from", ["10.0.0.0/8"]), updated="windows:FirewallRule"),
    Change("portal.plan.name", put("portal.plan.name", "Other"), updated="portal:Plan portal:PlanReplicationCheck"),
    Change("portal.plan.services", put("portal.plan.services", ["mysqlservers", "sqlservers"]), updated="portal:Plan"),
    # What a drill is measured against is no resource's business.
    *(
        Change(
            f"drill.{kind}.{level}",
            put("drill", {kind: {"sql_seconds": 60, "spf_seconds": 60, "portal_seconds": 60, level: 77}}),
        )
        for kind in ("planned", "unplanned")
        for level in ("sql_seconds", "spf_seconds", "portal_seconds")
    ),
    *(Change(f"waits.{name}", put(f"waits.{name}", 444), kinds) for name, kinds in WAITS.items()),
]
"""One for each key, ``adopt`` apart."""


def keys(model: type[BaseModel] = Topology, prefix: str = "") -> Iterator[str]:
    for name, one in model.model_fields.items():
        part = model_in(one.annotation)
        if part is not None:
            yield from keys(part, f"{prefix}{name}.")
        elif name != "adopt":
            yield f"{prefix}{name}"


def declared() -> Declared:
    shipped: Declared = yaml.safe_load((ROOT / "topologies" / "single-domain.yaml").read_text(encoding="utf-8"))
    for name, address in (("Portal3", "172.21.5.153"), ("SPF3", "172.21.5.143"), ("SQL3", "172.21.5.123")):
        shipped["machines"].append({"name": name, "domain": "hyper-v.nu", "address": address, "interface": "Ethernet"})
    return shipped


def made(folder: Path, topology: Declared, kept: Path | None = None) -> Farm:
    """The resources of a farm, with the certificates of another one where they are for the same names."""
    for certificate in topology["certificates"]:
        name = f"{certificate['name']}.pfx"
        if kept is not None and (kept / name).exists() and certificate in declared()["certificates"]:
            shutil.copy(kept / name, folder / name)
    file = folder / "topology.yaml"
    file.write_text(yaml.safe_dump(topology), encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        found = run(folder, patch, topology=file).resources
    return {
        one.name: (kind, {key: _shown(value) for key, value in one.inputs.items()})
        for one in found
        if (kind := one.type.removeprefix("pulumi-python:")) in KINDS
    }


def _shown(value: Any) -> Any:
    return rpc.unwrap_rpc_secret(value) if rpc.is_rpc_secret(value) else value


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Farm]:
    folder = tmp_path_factory.mktemp("live")
    return folder, made(folder, declared())


def outcome(live: tuple[Path, Farm], change: Change, folder: Path) -> dict[str, str]:
    """What the change comes to: kinds, each once, in order."""
    kept, before = live
    topology = declared()
    change.change(topology)
    after = made(folder, topology, kept)
    found: dict[str, set[str]] = {"updated": set(), "replaced": set(), "others": set(), "refused": set()}
    for name in before.keys() | after.keys():
        (kind, olds), (now, news) = before.get(name, ("", {})), after.get(name, ("", {}))
        if kind != now:
            found["others"] |= {kind, now} - {""}
        elif olds != news:
            asked = adapter(KINDS[kind].implementation)
            found["refused"].update(failure.reason for failure in asked.check(olds, news).failures)
            found["replaced" if asked.diff("id", olds, news).replaces else "updated"].add(kind)
    if found["refused"]:
        return {"refused": " ".join(sorted(found["refused"]))}
    return {what: " ".join(sorted(k.removeprefix("dynamic/") for k in kinds)) for what, kinds in found.items() if kinds}


def test_every_key_is_here() -> None:
    assert sorted(change.key for change in CHANGES) == sorted(keys())


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.key)
def test_a_key_is_changed(live: tuple[Path, Farm], change: Change, tmp_path: Path) -> None:
    found = outcome(live, change, tmp_path)
    if change.refused:
        assert re.search(change.refused, found.get("refused", "")), found
        return
    expected = {"updated": change.updated, "replaced": change.replaced, "others": change.others}
    assert found == {what: " ".join(sorted(kinds.split())) for what, kinds in expected.items() if kinds}
