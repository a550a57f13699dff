"""Every key of the topology is changed once on a live farm: the farm follows and is verified, or the preview refuses.

Keys that do not touch each other change together, in a preview, an ``up`` and a verification. What a machine refuses
is asked of the program's resources one by one, over the lab's wire, and once with the CLI. Where a key is not here,
another module changes it, or the topology alone says that it cannot be (tests/components/test_changes.py); a new key
without a place fails ``test_every_key_has_its_place``. ``KEYS=every`` also changes those of an external load balancer.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import pytest
import yaml

from lab.testing import changes, windows
from lab.testing.authority import authority_of
from remote.errors import MachineError
from tests.components.test_changes import CHANGES, CLUSTER, TIER, Change, Declared, both, keys, put
from tests.e2e.farm import PROJECT, ROOT, SECRETS
from tests.e2e.lab_here import FarmHere
from tests.e2e.runs import Run, preview, up

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]

EVERY = os.environ.get("KEYS") == "every"
KNOWN: dict[str, Change] = {change.key: change for change in CHANGES}


def listed(text: str) -> tuple[str, ...]:
    return tuple(text.split())


FIRST = listed("""
    name adopt_from flows.source flows.target flows.port sql.replicas.endpoint_port sql.backup_share sql.logins
    sql.drop_logins sql.unreachable spf.port spf.address spf.account portal.tiers.name portal.tiers.cluster.health
    portal.tiers.cluster.port_rules.start portal.tiers.cluster.port_rules.end
    portal.tiers.cluster.port_rules.protocol portal.tiers.cluster.port_rules.affinity portal.tenant_site_port
    portal.software.source portal.software.folder portal.operators portal.administrators portal.administrators_from
    portal.managed_from portal.plan.services drill.planned.sql_seconds drill.planned.spf_seconds
    drill.planned.portal_seconds drill.unplanned.sql_seconds drill.unplanned.spf_seconds drill.unplanned.portal_seconds
    waits.convergence_seconds waits.service_restart_seconds waits.synchronization_seconds waits.failover_seconds
    waits.installation_seconds waits.configuration_seconds waits.restart_seconds waits.log_off_seconds
    waits.site_seconds waits.manual_seconds
""")
SECOND = listed("""
    machines.interface machines.address certificates.name certificates.dns_names sql.administrator sql.preferred_primary
    sql.primary_policy sql.replicas.failover spf.groups portal.tiers.cluster.name
    portal.tiers.cluster.address portal.tiers.cluster.mode portal.tiers.certificate portal.tiers.products
    portal.software.products portal.software.feed portal.plan.name
""")
BALANCED = listed("""
    portal.tiers.load_balancer.name portal.tiers.load_balancer.address portal.tiers.load_balancer.connects_from
""")
ELSEWHERE = {
    "machines.name": "test_growing: a node of another name comes, one leaves",
    "portal.tiers.nodes": "test_growing",
    "portal.tiers.roles": "cannot be taken away; test_growing adds nodes of every role",
    "spf.servers": "test_growing",
    "sql.replicas.machine": "test_group_from_nothing: a third replica",
    "sql.replicas.commit": "test_designs: your-own has an asynchronous replica, which joins as any other",
    "machines.lost": "tests/components/test_lost_on_the_lab.py",
    "sql.authentication": "has one value",
}
"""Where else a key is changed, or why it cannot be."""


def rules(declared: Declared) -> None:
    """One rule whose first and last port, protocol and affinity differ from each that is there."""
    put(f"{CLUSTER}.port_rules", [{"start": 0, "end": 65535, "protocol": "both", "affinity": "network"}])(declared)


LIVE: dict[str, Callable[[Declared], Any]] = {
    **{f"portal.tiers.cluster.port_rules.{key}": rules for key in ("start", "end", "protocol", "affinity")},
    "portal.tenant_site_port": put("portal.tenant_site_port", 8443),
    "machines.interface": put("machines.1.interface", "LAN"),
    "machines.address": put("machines.6.address", "172.21.5.111"),
    "certificates.name": both(put("certificates.0.name", "public"), put(f"{TIER}.certificate", "public")),
    "certificates.dns_names": put("certificates.0.dns_names", ["azure.hyper-v.nu", "portal.hyper-v.nu"]),
    "portal.tiers.certificate": lambda _: None,  # with the certificate's name
    "sql.replicas.failover": put("sql.replicas.1", {"machine": "SQL2", "endpoint_port": 5099, "failover": "manual"}),
    "portal.software.products": put("portal.software", {"source": "webpi", "products": ["WAP_Other"], "feed": ""}),
    "portal.software.feed": lambda _: None,  # with the products
    "portal.tiers.cluster.name": put(f"{CLUSTER}.name", "azure.hyper-v.nu"),
}
"""Other values than in tests/components/test_changes.py, where that farm is not this one."""
REFUSED = {
    "machines.interface": (
        put("machines.1.interface", "Ethernet 2"),
        "Portal2 has no network card named Ethernet 2 (it has Ethernet). Name the right card",
    ),
    "domains.subnet": (
        put("domains.0.subnet", "172.31.4.0/23"),
        "its address 172.31.5.150 has the mask 255.255.255.0 instead of 255.255.254.0, and Windows changes no mask",
    ),
    "sql.cluster.name": (
        put("sql.cluster.name", "other"),
        "its failover cluster is named sqlcluster. This program changes no failover cluster",
    ),
    "sql.cluster.address": (
        put("sql.cluster.address", "172.21.5.119"),
        "172.31.5.119 is none of its addresses (172.31.5.120, 172.31.5.50).",
    ),
    "sql.replicas.endpoint_port": (
        put("sql.replicas.1", {"machine": "SQL2", "endpoint_port": 5099}),
        "no rule of its Windows Firewall allows that port, and the other replicas would lose it. Allow inbound TCP",
    ),
    "sql.backup_share": (
        put("sql.backup_share", r"\\FILE\Nowhere"),
        "as SQL Server's service account: it is not there, or that account may not read it. Create the share",
    ),
    "sql.logins": (
        put("sql.logins", ["Billing"]),
        "no replica has a login named Billing. Create it on SQL1 first, or take it out of `sql.logins`.",
    ),
    "spf.name": (
        put("spf.name", "foundation.hyper-v.nu"),
        "from Portal1 nothing answers there (No such host is known). Have Service Provider Foundation answer",
    ),
    "spf.port": (
        put("spf.port", 8091),
        "Have Service Provider Foundation answer there first",
    ),
}
"""What a machine refuses as it is, and with what words. Some of it the farm follows once it was prepared."""
UNREADABLE = {
    "sql.replicas.port": (
        put("sql.replicas.1", {"machine": "SQL2", "port": 1444}),
        "does not answer (Login timeout expired). See that it runs there, and that its port is the one of the topology",
    ),
}
"""What ends the reading that every preview begins with."""


def test_every_key_has_its_place() -> None:
    refused_at_once = {change.key for change in CHANGES if change.refused}
    places = [*FIRST, *SECOND, *BALANCED, *ELSEWHERE, *refused_at_once - ELSEWHERE.keys()]
    places += [key for key in (*REFUSED, *UNREADABLE) if key not in (*FIRST, *SECOND)]
    assert sorted(places) == sorted(keys())


@pytest.fixture(scope="module")
def farm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FarmHere]:
    farm = FarmHere(tmp_path_factory.mktemp("keys"))
    farm.bring_up()
    with farm.running():
        yield farm


def declare(farm: FarmHere, *changes: Callable[[Declared], Any], before: Declared | None = None) -> Declared:
    declared: Declared = before or yaml.safe_load(farm.source.read_text(encoding="utf-8"))
    for change in changes:
        change(declared)
    farm.write_topology(yaml.safe_dump(declared, allow_unicode=True, sort_keys=False))
    return declared


def of(batch: Iterable[str]) -> list[Callable[[Declared], Any]]:
    """Each change once, also where it is one for several keys."""
    return list(dict.fromkeys(LIVE.get(key, KNOWN[key].change) for key in batch))


# What is refused -----------------------------------------------------------------------------------------------------


def failures(farm: FarmHere, olds: dict[str, dict[str, Any]]) -> list[str]:
    """What a preview of the topology as it is now refuses, of each resource by itself."""
    found = []
    for name, piece in farm.pieces().items():
        if name in olds:
            provider = piece.provider()
            checked = provider.check(olds[name], {**piece.inputs, "__owner": olds[name].get("__owner")})
            found += [failure.reason for failure in checked.failures]
    return found


@pytest.fixture(scope="module")
def olds(farm: FarmHere) -> dict[str, dict[str, Any]]:
    """The inputs of every resource as the state has them, with the secrets of the farm."""
    return {
        one["urn"].rsplit("::", 1)[1]: {**one["inputs"]}
        for one in farm.export()["deployment"]["resources"]
        if "pulumi-python:dynamic" in one["type"]
    }


@pytest.mark.parametrize("key", REFUSED)
def test_a_machine_refuses_it(farm: FarmHere, olds: dict[str, dict[str, Any]], key: str) -> None:
    change, words = REFUSED[key]
    declare(farm, change)
    found = failures(farm, olds)
    assert found, key
    assert all(words in line and "\n" not in line for line in found), found


@pytest.mark.parametrize("key", UNREADABLE)
def test_it_ends_the_reading_of_a_preview(farm: FarmHere, olds: dict[str, dict[str, Any]], key: str) -> None:
    change, words = UNREADABLE[key]
    declare(farm, change)
    elsewhere = farm.folder / "unreadable.yaml"  # connections of a process are made once for a topology's file
    elsewhere.write_bytes(farm.topology.read_bytes())
    provider = farm.pieces()["SQL2-endpoint"].reported(farm.settings(topology=str(elsewhere))).provider()
    with pytest.raises(MachineError) as refused:
        provider.read("its id", olds["SQL2-endpoint"])
    assert words in str(refused.value)


def test_the_preview_of_the_cli_refuses_it(farm: FarmHere) -> None:
    change, words = REFUSED["machines.interface"]
    declare(farm, change)
    refused = farm.preview()
    assert not refused.ok
    assert len([line for line in refused.output.splitlines() if words in line]) == 1, refused.output[-3000:]


# What the farm follows -----------------------------------------------------------------------------------------------

BIND = """
New-WebBinding -Name SPF -Protocol https -Port 8091 -IPAddress '*'
$kept = (Get-WebBinding -Name SPF -Port 8090).certificateHash
(Get-WebBinding -Name SPF -Port 8091).AddSslCertificate($kept, 'My')
New-NetFirewallRule -DisplayName 'SPF, other port' -Protocol TCP -LocalPort 8091 | Out-Null
"""


def prepare_first(farm: FarmHere) -> None:
    """What the administrator does before: SPF's other port, the login, the opening for the endpoint, another share."""
    farm.powershell("FILE", r"[void](New-Item C:\Shares\Other -ItemType Directory)")
    changes.share(farm.world, "FILE", "Other", r"C:\Shares\Other", like="SQLAG")
    for machine in ("SPF1", "SPF2"):
        farm.powershell(machine, BIND)
    farm.sql("SQL1", "CREATE LOGIN [Billing] WITH PASSWORD = N'E2e-Invoices-1!'")
    farm.powershell(
        "SQL2", "New-NetFirewallRule -DisplayName 'Endpoint, other port' -Protocol TCP -LocalPort 5099 | Out-Null"
    )


def configure(farm: FarmHere, **certificates: str) -> None:
    """The stack's configuration for the topology as it is now. Machines and SPF stay where they are in the lab; a
    certificate has a new file from the lab's authority, for these names."""
    document = yaml.safe_load(farm.config.read_text(encoding="utf-8"))
    values = document["config"]
    front = {tier.front.name for tier in farm.model.portal.tiers}
    kept = values[f"{PROJECT}:hosts"]
    values[f"{PROJECT}:hosts"] = {
        name: host if name in front else kept.get(name, host) for name, host in farm.hosts.items()
    }
    for name, names in certificates.items():
        (kept,) = values[f"{PROJECT}:certificates"].values()
        file = farm.lab_folder / "certificates" / f"{name}.pfx"
        file.write_bytes(authority_of(farm.world).pfx(names.split(), SECRETS["pfx"]))
        values[f"{PROJECT}:certificates"] = {name: {**kept, "file": f"../lab/certificates/{name}.pfx"}}
    farm.config.write_text(yaml.safe_dump(document), encoding="utf-8")


def shown(seen: Run) -> set[str]:
    """The kinds of the resources that a preview changes."""
    return set(re.findall(r"pulumi-python:dynamic/(\S+): \((?!refresh|same)", seen.result.output))


def follows(farm: FarmHere, batch: Iterable[str]) -> None:
    """The preview shows every resource that a key changes, ``up`` ends well and so does a verification."""
    seen = preview(farm)
    assert seen.result.ok, seen.result.output[-4000:]
    kinds = shown(seen)
    for key in batch:
        change = KNOWN[key]
        expected = set(f"{change.updated} {change.replaced}".split())
        assert expected <= kinds, f"{key}: {expected - kinds}"
    done = up(farm)
    assert done.result.ok, done.result.output[-4000:]
    verified = farm.operations("verify")
    assert verified.ok, verified.output[-4000:]


def test_the_farm_follows_the_first_half(farm: FarmHere) -> None:
    prepare_first(farm)
    declare(farm, *of(FIRST))
    configure(farm)
    follows(farm, FIRST)


def test_the_farm_follows_the_second_half(farm: FarmHere) -> None:
    declare(farm, *of(SECOND), before=declare(farm, *of(FIRST)))
    windows.rename_card(farm.world, "Portal2", "Ethernet", "LAN")
    farm.stop_lab()  # its domain controllers know the names of the topology that it starts with
    farm.start_lab()
    configure(farm, public="azure.hyper-v.nu portal.hyper-v.nu")
    plan = farm.outputs()["plan"]
    follows(farm, SECOND)
    assert farm.outputs()["plan"] == plan, "it was renamed: its subscriptions stay"


# Behind an external load balancer ------------------------------------------------------------------------------------


@pytest.mark.skipif(not EVERY, reason="KEYS=every: another design")
def test_a_farm_behind_a_load_balancer_follows(tmp_path_factory: pytest.TempPathFactory) -> None:
    design = ROOT / "topologies" / "external-load-balancer.yaml"
    farm = FarmHere(tmp_path_factory.mktemp("balanced"), network=32, source=design)
    farm.bring_up()
    declare(
        farm,
        put("certificates.0.dns_names", ["azure.hyper-v.nu", "portal.hyper-v.nu"]),
        put(f"{TIER}.load_balancer.name", "azure.hyper-v.nu"),
        put(f"{TIER}.load_balancer.address", "172.22.5.155"),
        put(f"{TIER}.load_balancer.connects_from", ["172.22.5.155", "172.22.5.156"]),
    )
    with farm.running():  # its owner has configured the load balancer for the new name and address
        configure(farm, portal="azure.hyper-v.nu portal.hyper-v.nu")
        seen = preview(farm)
        assert seen.result.ok, seen.result.output[-4000:]
        expected = {"portal:ExternalLoadBalancerCheck", "windows:FirewallRule", "iis:SiteCertificates"}
        assert expected <= shown(seen)
        done = up(farm)
        assert done.result.ok, done.result.output[-4000:]
        verified = farm.operations("verify")
        assert verified.ok, verified.output[-4000:]
