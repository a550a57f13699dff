"""Growing and shrinking are ordinary ups: exactly what belongs to the machine is touched, and clients notice nothing.

One farm for the whole module; the tests run in the order of the file.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import pytest
import yaml

from tests.e2e import runs
from tests.e2e.clients import ADDRESSES, AUTH_SITE, WHOSE, Asked, asking, fetch, told_apart
from tests.e2e.drifts import balancing
from tests.e2e.far_side import differences, snapshot
from tests.e2e.farm import NETWORK, Farm
from tests.e2e.lab_state import OURS, documents
from tests.e2e.runs import CLOSING, VERIFICATION, Run

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]

WHOLE_NODE = {
    "nlb",
    "firewall-administrators",
    "firewall-clients",
    "installers-rules",
    "firewall-servers",
    "certificate",
    "software-source",
    "software",
    "configuration",
    "operators",
    "site-certificates",
    "plan-replication",
    "tenant-site",
    "node",
    "usable",
}
SPEAKING = dict.fromkeys(
    [
        "administrators",
        "plan",
        "spf-registration",
        *(
            f"{namespace}-name"
            for namespace in (
                "AdminAPI",
                "AdminSite",
                "AuthSite",
                "TenantAPI",
                "TenantPublicAPI",
                "TenantSite",
                "WindowsAuthSite",
            )
        ),
        "AdminSite-trust",
        "TenantSite-trust",
        *(
            f"{provider}-endpoints"
            for provider in ("marketplace", "monitoring", "mysqlservers", "sqlservers", "usageservice")
        ),
    ],
    "update",
)
"""What speaks to the portal through the first node."""
BALANCING = {"admin-api-cluster": "update", "admin-api-port-rules": "update"}
"""What is done to the cluster through its first node."""


@dataclass
class Growing:
    """The farm, whose lab has every machine from the beginning."""

    farm: Farm

    def declare(self, nodes: list[str], servers: list[str]) -> None:
        declared = yaml.safe_load(self.farm.source.read_text(encoding="utf-8"))
        further = [("Portal3", "172.21.5.153"), ("Portal4", "172.21.5.154"), ("SPF3", "172.21.5.143")]
        declared["machines"] += [
            {"name": name, "domain": "hyper-v.nu", "address": address, "interface": "Ethernet"}
            for name, address in further
        ]
        declared["portal"]["tiers"][0]["nodes"] = nodes
        declared["spf"]["servers"] = servers
        self.farm.write_topology(yaml.safe_dump(declared, sort_keys=False))

    @property
    def address(self) -> str:
        return f"127.{NETWORK}.5.150"

    def started(self) -> int:
        """How often a process of the program reached SPF2 so far: the plugin, or a verification."""
        entries = self.farm.journal()
        return sum(e["machine"] == "SPF2" and e["kind"] == "start" and "-EncodedCommand" in e["text"] for e in entries)

    def up_under_clients(self, apart: Sequence[str] = ()) -> tuple[Run, Run, Asked]:
        """A preview, and an up while clients ask both sites of the tenants. ``apart`` are nodes that stay, whose
        answers shall be told from each other's and from those of the rest."""
        before = runs.preview(self.farm)
        assert before.result.ok, before.result.output
        with told_apart(self.farm, apart), asking(self.address, 443, AUTH_SITE, name=WHOSE) as asked:
            done = runs.up(self.farm)
        assert done.result.ok, done.result.output
        assert asked.failed == []
        assert sum(asked.answers.values()) > 100
        return before, done, asked

    def serving(self) -> set[str]:
        """The nodes that answer clients of the virtual address."""
        nodes = {f"Portal{n}": f"127.{NETWORK}.5.15{n}" for n in (1, 2, 3) if self.runs_site(n)}
        with told_apart(self.farm, nodes):
            site = {fetch(address, AUTH_SITE, name=WHOSE): node for node, address in nodes.items()}
            assert len(site) == len(nodes)
            return {site[fetch(self.address, AUTH_SITE, client, WHOSE)] for client in ADDRESSES}

    def runs_site(self, number: int) -> bool:
        return (f"portal{number}", "site", "mgmtsvc-authsite") in documents(self.farm)

    def ours_on(self, machine: str) -> list[tuple[str, str, str]]:
        """What of ours is on a machine: keys, tasks, accounts, the portal's software, its part in the portal's cluster
        (SPF's own is not ours)."""
        kinds = {"task", "wap-feature"} | ({"nlb-node"} if machine.startswith("Portal") else set())
        return [
            key
            for key in documents(self.farm)
            if key[0] == machine.lower() and (key[1] in kinds or OURS.lower() in key[2] or "svc_spf_reg" in key[2])
        ]


def of(machine: str, operation: str, parts: set[str] = WHOLE_NODE) -> dict[str, str]:
    """Everything of a portal node, with the component that holds it."""
    return {machine: operation, **{f"{machine}-{part}": operation for part in parts}}


VERIFIED = {VERIFICATION: "create-replacement", CLOSING: "create-replacement"}
PERHAPS = {"Portal3-plan-replication": "update"}
"""In a preview only: it does not know yet that the plan keeps its id when another node speaks for it."""


@pytest.fixture(scope="module")
def growing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Growing]:
    farm = Farm(tmp_path_factory.mktemp("growing"))
    growing = Growing(farm)
    growing.declare(["Portal1", "Portal2", "Portal3"], ["SPF1", "SPF2", "SPF3"])
    with farm.running():
        # SPF3 is installed, and takes no part in SPF's own cluster before the portal's account is there.
        balancing("SPF3", "[void](Stop-NlbClusterNode @card)")(farm)
        growing.declare(["Portal1", "Portal2"], ["SPF1", "SPF2"])
        farm.make_stack()
        built = farm.up()
        assert built.ok, built.output
        yield growing


def test_a_third_node_and_a_third_spf_server(growing: Growing) -> None:
    assert growing.serving() == {"Portal1", "Portal2"}
    growing.declare(["Portal1", "Portal2", "Portal3"], ["SPF1", "SPF2", "SPF3"])
    started = growing.started()
    preview, done, _ = growing.up_under_clients()
    assert growing.started() - started == 3, "a preview, an up, its verification"
    expected = {
        **of("Portal3", "create"),
        "server-tls": "update",
        "admin-api-cluster": "update",
        "logins-after-joining": "update",
        "SPF3-account": "create",
        **VERIFIED,
    }
    assert preview.operations == done.operations == expected
    assert growing.serving() == {"Portal1", "Portal2", "Portal3"}
    balancing("SPF3", "[void](Start-NlbClusterNode @card)")(growing.farm)
    verified = growing.farm.operations("verify")
    assert verified.ok, verified.output
    assert runs.preview(growing.farm).operations == {}


def test_another_order_of_the_nodes_changes_nothing_on_them(growing: Growing) -> None:
    before = snapshot(growing.farm.lab_folder)
    growing.declare(["Portal2", "Portal1", "Portal3"], ["SPF2", "SPF3", "SPF1"])
    preview, done, _ = growing.up_under_clients()
    expected = {
        **BALANCING,
        **SPEAKING,
        **{f"Portal{number}-node": "update" for number in (1, 2, 3)},
        "Portal1-plan-replication": "create",
        "Portal2-plan-replication": "delete",
        "failover-proof": "update",
        **VERIFIED,
    }
    assert (preview.operations, done.operations) == (expected | PERHAPS, expected)
    changed = differences(before, snapshot(growing.farm.lab_folder))
    assert [line for line in changed if OURS not in line] == []
    # The claims of what speaks through the first node moved with it.
    assert {line.split(":")[0] for line in changed} == {
        rf"{machine}/registry/HKLM\SOFTWARE\{OURS}\Claims" for machine in ("portal1", "portal2")
    }
    assert runs.preview(growing.farm).operations == {}


def test_a_machine_that_is_no_node_yet_cannot_come_first(growing: Growing) -> None:
    before = snapshot(growing.farm.lab_folder)
    growing.declare(["Portal4", "Portal2", "Portal1", "Portal3"], ["SPF1", "SPF2", "SPF3"])
    preview = runs.preview(growing.farm)
    assert not preview.result.ok
    assert (
        "Portal4 cannot be the first node of portal.hyper-v.nu yet: it is none of its nodes so far (Portal2, Portal1, "
        "Portal3). List it after one of them; once it has joined, any order will do."
    ) in " ".join(preview.result.output.split())
    assert differences(before, snapshot(growing.farm.lab_folder)) == []


def test_the_first_node_leaves(growing: Growing) -> None:
    growing.declare(["Portal1", "Portal3"], ["SPF1", "SPF2", "SPF3"])
    started = growing.started()
    preview, done, asked = growing.up_under_clients(apart=("Portal1", "Portal3"))
    assert growing.started() - started == 4, "a preview, an up, its verification, and another one after the deletions"
    expected = {
        **of("Portal2", "delete", WHOLE_NODE - {"plan-replication"}),
        **BALANCING,
        **SPEAKING,
        **{f"Portal{number}-node": "update" for number in (1, 3)},
        "Portal1-plan-replication": "delete",
        "failover-proof": "update",
        "server-tls": "update",
        "logins-after-joining": "update",
        **VERIFIED,
    }
    assert (preview.operations, done.operations) == (expected | PERHAPS, expected)
    of_log_on = [one for port, one in asked.answers if port == AUTH_SITE]
    assert len(of_log_on) == 3, "Portal1, Portal3 and, with the tier's certificate, Portal2 before it left"
    assert growing.serving() == {"Portal1", "Portal3"}
    assert growing.ours_on("Portal2") == []
    verified = growing.farm.operations("verify")
    assert verified.ok, verified.output
    assert runs.preview(growing.farm).operations == {}


def test_the_last_further_node_and_an_spf_server_leave(growing: Growing) -> None:
    # An administrator drains SPF1, as its cluster is not this program's.
    balancing("SPF1", "[void](Stop-NlbClusterNode @card -Drain)")(growing.farm)
    growing.declare(["Portal1"], ["SPF2", "SPF3"])
    preview, done, _ = growing.up_under_clients()
    expected = {
        **of("Portal3", "delete"),
        "server-tls": "update",
        "admin-api-cluster": "update",
        "logins-after-joining": "update",
        "SPF1-account": "delete",
        **VERIFIED,
    }
    assert preview.operations == done.operations == expected
    assert growing.serving() == {"Portal1"}
    assert growing.ours_on("Portal3") == []
    assert growing.ours_on("SPF1") == []
    verified = growing.farm.operations("verify")
    assert verified.ok, verified.output


def test_a_machine_that_left_the_topology_too_early_is_named(growing: Growing) -> None:
    text = growing.farm.topology.read_text(encoding="utf-8")
    declared = yaml.safe_load(text)
    declared["portal"]["tiers"][0]["nodes"] = ["Portal3"]
    declared["machines"] = [one for one in declared["machines"] if one["name"] != "Portal1"]
    growing.farm.write_topology(yaml.safe_dump(declared, sort_keys=False))
    preview = runs.preview(growing.farm)
    assert not preview.result.ok
    assert "hosts.Portal1: no machine, cluster or listener of this name in the topology." in preview.result.output
    assert (
        "A machine that leaves the farm stays in `machines` until `pulumi up` has cleared it." in preview.result.output
    )
    growing.farm.write_topology(text)


def test_nothing_is_left_in_the_end(growing: Growing) -> None:
    done = growing.farm.destroy()
    assert done.ok, done.output
    for machine in ("Portal1", "Portal2", "Portal3", "SPF1", "SPF2", "SPF3", "SQL1", "SQL2"):
        assert growing.ours_on(machine) == [], machine
