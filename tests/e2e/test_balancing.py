"""A load balancing cluster altered by hand: every property is seen by ``read``, and repaired by the next update. And
what a run that was killed in the midst of its changes leaves behind.

The cluster's resources alone, on two portal servers, as the engine calls them.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest

from components import progress
from lab.testing import changes, windows
from remote.errors import MachineError
from remote.powershell import PowerShell
from tests.e2e.drifts import Hand, balancing, console
from tests.e2e.farm import PACE
from tests.e2e.lab_here import FarmHere, Piece
from tests.remote import task_scripts

NETWORK = 64
pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]

NODES = ("Portal1", "Portal2")
CLUSTER = "portal.hyper-v.nu"
RULES = [
    {"start": 443, "end": 443, "protocol": "tcp", "affinity": "single"},
    {"start": 30071, "end": 30091, "protocol": "tcp", "affinity": "single"},
]
HTTPS = "443-443 tcp multiple single"


class Cluster:
    """The cluster, recreated for each test."""

    def __init__(self, farm: FarmHere) -> None:
        self.farm = farm
        pieces = farm.pieces()
        names = ("admin-api-cluster", "admin-api-port-rules", *(f"{node}-node" for node in NODES))
        self.pieces: dict[str, Piece] = {name: pieces[name] for name in names}
        self.pieces["admin-api-port-rules"] = self.pieces["admin-api-port-rules"].but(rules=RULES)
        self.features = [(piece, piece.create()) for piece in (pieces[f"{node}-nlb"] for node in NODES)]
        self.outs: dict[str, dict[str, Any]] = {}

    def make(self) -> None:
        for name, piece in self.pieces.items():
            self.outs[name] = piece.create()

    def unmake(self) -> None:
        for name in reversed(self.pieces):
            if name in self.outs:
                self.pieces[name].delete(self.outs.pop(name))

    def drifts(self) -> dict[str, dict[str, Any]]:
        """What ``read`` finds otherwise, by resource."""
        found = {name: piece.drift(self.outs[name]) for name, piece in self.pieces.items()}
        return {name: drift for name, drift in found.items() if drift}

    def repair(self) -> set[str]:
        """What an ``up`` does: update what drifted, in the farm's order."""
        drifted = self.drifts()
        for name in drifted:
            self.outs[name] = self.pieces[name].update(self.outs[name])
        return set(drifted)

    def documents(self) -> dict[str, dict[str, Any]]:
        """The cluster's, and of each node's what does not change by itself."""
        shown = windows.clusters(self.farm.world)
        for machine in NODES:
            for node in windows.nodes(self.farm.world, machine).values():
                shown[machine] = {key: value for key, value in node.items() if key not in ("converged_at", "state")}
                shown[machine]["state"] = node["state"].replace("Converging", "Converged")
        return shown

    def tasks(self) -> list[str]:
        """What is left of tasks: themselves, and the folders that hold their files."""
        left = [path for name in NODES for path in windows.scheduled_tasks(self.farm.world, name)]
        folder = "Get-ChildItem $env:ProgramData | % { $_.FullName } | Where-Object { $_ -like '*WindowsAzurePackHA' }"
        return left + [found for name in NODES for found in self.farm.powershell(name, folder)]


@pytest.fixture(scope="module")
def farm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FarmHere]:
    farm = FarmHere(tmp_path_factory.mktemp("balancing"), NETWORK)
    with farm.running():
        yield farm


@pytest.fixture(scope="module")
def cluster(farm: FarmHere) -> Cluster:
    made = Cluster(farm)
    made.make()
    return made


def of_rule(change: str) -> str:
    return f"[void](Get-NlbClusterPortRule @card -NodeName $env:COMPUTERNAME -Port 443 | {change})"


def behind_its_back(change: Any) -> Hand:
    """A node that was away while the cluster's rules were changed has others: no cmdlet makes one so."""

    def act(farm: Any) -> None:
        changes.port_rules(farm.world, "Portal2", "Ethernet", change)

    return act


def first_rule(**altered: Any) -> tuple[Any, Any]:
    """The rules as given, and as found when the first one differs."""
    given = [{"mode": "multiple", "timeout": 0, "address": "255.255.255.255", **rule} for rule in RULES]
    return given, [given[0] | altered, *given[1:]]


SUSPEND = "[void](Suspend-NlbClusterNode @card)"
OFF = f"{HTTPS} is switched off"
ODD = "443-443 tcp multiple none"
GIVEN = "the cluster's, switched on, with equal shares"

DRIFTS: dict[str, tuple[Hand, dict[str, dict[str, Any]]]] = {
    "a rule switched off on one node": (
        balancing("Portal2", of_rule("Disable-NlbClusterPortRule")),
        {"Portal2-node": {"rules": (GIVEN, OFF)}},
    ),
    "a rule switched off everywhere": (
        balancing("Portal1", "[void](Disable-NlbClusterPortRule @card -Port 443 -ClusterWide)"),
        {f"{node}-node": {"rules": (GIVEN, OFF)} for node in NODES},
    ),
    "a rule that no node serves": (
        balancing("Portal1", of_rule("Set-NlbClusterPortRule -NewMode Disabled")),
        {"admin-api-port-rules": {"rules": first_rule(mode="disabled", affinity="none")}},
    ),
    "a rule that one node serves": (
        balancing("Portal1", of_rule("Set-NlbClusterPortRule -NewMode Single")),
        {"admin-api-port-rules": {"rules": first_rule(mode="single", affinity="none")}},
    ),
    "a rule with a time-out": (
        balancing("Portal1", of_rule("Set-NlbClusterPortRule -NewTimeout 5")),
        {"admin-api-port-rules": {"rules": first_rule(timeout=5)}},
    ),
    "a rule of one address": (
        balancing("Portal1", of_rule(f"Set-NlbClusterPortRule -NewIP 172.{NETWORK}.5.150")),
        {"admin-api-port-rules": {"rules": first_rule(address=f"172.{NETWORK}.5.150")}},
    ),
    "a node without a share": (
        balancing("Portal1", of_rule("Set-NlbClusterPortRuleNodeWeight -LoadWeight 0")),
        {"Portal1-node": {"rules": (GIVEN, f"{HTTPS} has load weight 0")}},
    ),
    "a node that does not start with its machine": (
        balancing("Portal2", "[void](Set-NlbClusterNode @card -InitialHostState Stopped -Force)"),
        {"Portal2-node": {"starts": (True, False)}},
    ),
    "a suspended node": (balancing("Portal2", SUSPEND), {"Portal2-node": {"started": (True, False)}}),
    "the first node suspended": (balancing("Portal1", SUSPEND), {"Portal1-node": {"started": (True, False)}}),
    "a rule that one node lacks": (
        behind_its_back(lambda rules: [rule for rule in rules if rule["start"] != 443]),
        {"Portal2-node": {"rules": (GIVEN, f"{HTTPS} is missing")}},
    ),
    "a rule that one node has beside": (
        behind_its_back(lambda rules: [*rules, windows.port_rule(8080, 8080, "tcp")]),
        {"Portal2-node": {"rules": (GIVEN, "8080-8080 tcp multiple single is not the cluster's")}},
    ),
    "a rule that one node has otherwise": (
        behind_its_back(
            lambda rules: [rule | ({"affinity": "None"} if rule["start"] == 443 else {}) for rule in rules]
        ),
        {"Portal2-node": {"rules": (GIVEN, f"{ODD} is not the cluster's; {HTTPS} is missing")}},
    ),
    "another primary address": (
        balancing(
            "Portal1",
            f"[void](Add-NlbClusterVip @card -IP 172.{NETWORK}.5.199)",
            f"[void](Get-NlbCluster @card | Set-NlbCluster -ClusterPrimaryIP 172.{NETWORK}.5.199)",
            f"Remove-NlbClusterVip @card -IP 172.{NETWORK}.5.150 -Force",
        ),
        {"admin-api-cluster": {"address": (f"172.{NETWORK}.5.150", f"172.{NETWORK}.5.199")}},
    ),
}


@pytest.mark.parametrize("name", DRIFTS)
def test_what_was_altered_by_hand_is_shown_and_repaired(farm: FarmHere, cluster: Cluster, name: str) -> None:
    hand, expected = DRIFTS[name]
    assert cluster.drifts() == {}
    before = cluster.documents()
    hand(farm)
    assert cluster.drifts() == expected
    assert cluster.repair() == set(expected)
    assert cluster.drifts() == {}

    def rules(document: dict[str, Any]) -> list[dict[str, Any]]:
        return sorted(document.pop("port_rules"), key=lambda rule: rule["start"])

    after = cluster.documents()
    assert [rules(before[node]) for node in NODES] == [rules(after[node]) for node in NODES]
    assert after == before
    assert cluster.tasks() == []


def test_the_cluster_moves_to_another_address(farm: FarmHere, cluster: Cluster) -> None:
    """Set-NlbCluster takes only an address that the cluster has; what another program added stays."""
    balancing("Portal1", f"[void](Add-NlbClusterVip @card -IP 172.{NETWORK}.5.198)")(farm)
    old, new = f"172.{NETWORK}.5.150", f"172.{NETWORK}.5.197"

    def addresses() -> list[str]:
        document = windows.cluster(farm.world, CLUSTER)
        return [document["address"], *sorted(vip["address"] for vip in document["further"])]

    piece = cluster.pieces["admin-api-cluster"]
    outs = piece.but(address=new).update(cluster.outs["admin-api-cluster"])
    assert addresses() == [new, f"172.{NETWORK}.5.198"]
    # A run that was killed after the cluster had moved: the claim tells that the old address was this program's.
    balancing("Portal1", f"[void](Add-NlbClusterVip @card -IP {old})")(farm)
    piece.but(address=new).update(outs)
    assert addresses() == [new, f"172.{NETWORK}.5.198"]
    cluster.outs["admin-api-cluster"] = piece.update(outs)
    assert addresses() == [old, f"172.{NETWORK}.5.198"]
    balancing("Portal1", f"Remove-NlbClusterVip @card -IP 172.{NETWORK}.5.198 -Force")(farm)
    assert cluster.drifts() == {}


def test_a_card_that_is_not_there_is_found_before_the_node_leaves(farm: FarmHere, cluster: Cluster) -> None:
    """A node with another card is replaced, and leaves first; the cluster comes before it and finds the mistake."""
    before = cluster.documents()
    node, other = cluster.pieces["Portal2-node"], "Ethernet 7"
    assert node.provider().diff("id", dict(node.inputs), {**node.inputs, "interface": other}).replaces == ["interface"]
    wrong = cluster.pieces["admin-api-cluster"].but(others=[{"machine": "Portal2", "interface": other}])
    checked = wrong.provider().check(dict(cluster.outs["admin-api-cluster"]), dict(wrong.inputs))
    (refused,) = [failure.reason for failure in checked.failures]
    assert "Portal2 has no network card named Ethernet 7" in refused, "a preview says so already"
    assert cluster.documents() == before


@pytest.mark.parametrize("suspended", ["Portal1", "Portal2"])
def test_a_suspended_node_leaves(farm: FarmHere, cluster: Cluster, suspended: str) -> None:
    balancing(suspended, SUSPEND)(farm)
    cluster.unmake()
    assert CLUSTER not in windows.clusters(farm.world)
    assert [windows.nodes(farm.world, name) for name in NODES] == [{}, {}]
    assert cluster.tasks() == []
    cluster.make()
    assert cluster.drifts() == {}


# A run that was killed ----------------------------------------------------------------------------------------------


class KilledError(BaseException):
    """No error of the program: what kills it, no part of it catches."""


def killed_at_the_join(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    """Portal2 leaves; a run that joins it again is killed as soon as its task is started, which goes on."""
    cluster.pieces["Portal2-node"].delete(cluster.outs.pop("Portal2-node"))

    def kill(powershell: PowerShell, script: str, arguments: Any = None, **how: Any) -> list[Any]:
        if script == task_scripts.READ and arguments["Run"]:
            raise KilledError
        return run(powershell, script, arguments, **how)

    run = PowerShell.run
    with monkeypatch.context() as patch:
        patch.setattr(PowerShell, "run", kill)
        with pytest.raises(KilledError):
            cluster.pieces["Portal2-node"].create()
    assert windows.scheduled_tasks(cluster.farm.world, "Portal1") == ["\\NLB join Portal2"]


def until_it_has_ended(cluster: Cluster) -> None:
    end = time.monotonic() + 30
    while windows.has_running_task(cluster.farm.world, "Portal1"):
        assert time.monotonic() < end
        time.sleep(0.05)


def test_the_result_of_a_killed_run_is_not_taken_for_ones_own(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    killed_at_the_join(cluster, monkeypatch)
    until_it_has_ended(cluster)
    cluster.outs["Portal2-node"] = cluster.pieces["Portal2-node"].create()  # it has joined: nothing is to be done
    cluster.pieces["Portal2-node"].delete(cluster.outs.pop("Portal2-node"))
    assert len(windows.scheduled_tasks(cluster.farm.world, "Portal1")) == 1, "the leftover, and nobody asked for it"
    cluster.outs["Portal2-node"] = cluster.pieces["Portal2-node"].create()
    assert cluster.drifts() == {}
    assert cluster.tasks() == []


def test_what_a_killed_run_left_running_is_taken_over(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    with windows.tasks_queue_for(5.0 / float(PACE)):
        killed_at_the_join(cluster, monkeypatch)
    asked: dict[str, None] = {}  # in order, whether or not an answer was lost and the script sent again
    run = PowerShell.run

    def noted(powershell: PowerShell, script: str, *arguments: Any, **how: Any) -> list[Any]:
        if script in (task_scripts.START, task_scripts.REMOVE):
            asked[script] = None
        return run(powershell, script, *arguments, **how)

    monkeypatch.setattr(PowerShell, "run", noted)
    cluster.outs["Portal2-node"] = cluster.pieces["Portal2-node"].create()
    assert list(asked) == [task_scripts.REMOVE], "the task of the killed run was watched to its end"
    assert cluster.drifts() == {}
    assert cluster.tasks() == []


# Restarts -----------------------------------------------------------------------------------------------------------

OTHER = "C:\\Windows\\Temp\\of-another-program.tmp"


@dataclass
class Watched:
    """What became of Portal2 meanwhile: what the program said, and how its node was whenever the machine went down."""

    said: list[str]
    down: list[str]


@contextmanager
def watched(farm: FarmHere) -> Iterator[Watched]:
    said: list[str] = []
    with progress.listening(said.append), windows.nodes_at_shutdown(farm.world) as down:
        seen = Watched(said, down)
        yield seen


def left_to_the_next_start(farm: FarmHere, entries: list[str], *, again: bool = False) -> None:
    windows.leave_pending_renames(farm.world, "Portal2", entries, again=again)


def test_a_restart_is_asked_for_and_its_node_drained(farm: FarmHere, cluster: Cluster) -> None:
    piece = farm.pieces()["Portal2-software"]
    with watched(farm) as first:
        outs = piece.create()
    assert first.down == ["Portal2 Stopped"], "one restart, which the installation asked for, of a drained node"
    assert cluster.drifts() == {}, "the node serves again"

    left_to_the_next_start(farm, [f"\\??\\{OTHER}", ""])
    assert piece.drift(outs) == {}
    with watched(farm) as waiting:
        piece = piece.but(timeout_seconds=1234, restart_seconds=432)
        outs = piece.update(outs)
    assert (waiting.down, waiting.said) == ([], []), "how long to wait is no change of anything"
    assert (outs["timeout_seconds"], outs["restart_seconds"]) == (1234, 432)

    left_to_the_next_start(farm, [f"\\??\\{OTHER}", ""], again=True)
    by_hand(farm)
    assert list(piece.drift(outs)) == ["features"]
    with watched(farm) as returning:
        outs = piece.update(outs)
    returned = f"Windows waits for a restart again after one, for {OTHER}"
    assert returning.down == ["Portal2 Stopped"], "once, and not again for what returns"
    assert [line for line in returning.said if OTHER in line] == [
        f"Restart Portal2, before the installation: Windows waits for it with {OTHER}.",
        f"On Portal2, install Windows Azure Pack (MySQL), although {returned}.",
        f"On Portal2, note the end of the installation; Windows waits for another restart, for {OTHER}.",
    ]
    assert piece.drift(outs) == {}
    assert cluster.drifts() == {}
    piece.delete(outs)

    with watched(farm) as both:
        outs = piece.create()
    assert both.down == ["Portal2 Stopped"] * 2, "before the installation, and once more as it asks for"
    piece.delete(outs)
    left_to_the_next_start(farm, [])
    assert cluster.tasks() == []


def test_bindings_of_others_are_left_alone(farm: FarmHere) -> None:
    """One address (of IPv6 as well), one host name: other bindings than this program's, also on its port."""
    pieces = farm.pieces()
    kept = [(piece, piece.create()) for piece in (pieces["Portal2-software"], pieces["Portal2-certificate"])]
    site = pieces["Portal2-tenant-site"]
    new = "New-WebBinding -Protocol https -Port 443 -Name"
    tenants = f"'{site.inputs['site']}'"
    farm.powershell("Portal2", "[void](New-Website -Name Shop -Port 8088 -PhysicalPath 'C:\\inetpub\\wwwroot')")
    farm.powershell("Portal2", f"{new} Shop -IPAddress '[fe80::1]'")
    farm.powershell("Portal2", f"{new} Shop -HostHeader shop.hyper-v.nu -SslFlags 1")
    farm.powershell("Portal2", f"{new} {tenants} -HostHeader tenants.hyper-v.nu -SslFlags 1")

    def bindings() -> dict[str, str]:
        return {
            f"{name} {b['address']}:{b['port']}:{b['host']} {b['flags']}": ""
            for name, b in windows.site_bindings(farm.world, "Portal2")
        } | windows.certificate_bindings(farm.world, "Portal2")

    before = bindings()
    outs = site.create()
    plain = f"{site.inputs['site']} *:443: 0"
    assert set(bindings()) - set(before) == {plain, "0.0.0.0:443"}
    assert {one for one in before if one not in bindings()} == {f"{site.inputs['site']} *:30081: 0", "0.0.0.0:30081"}
    assert site.drift(outs) == {}
    site.delete(outs)
    assert bindings() == before

    # Without SNI, Windows keeps one certificate for both: the other's is neither overwritten nor taken away.
    farm.powershell("Portal2", f"{new} Shop -HostHeader other.hyper-v.nu")
    before = bindings()
    with pytest.raises(MachineError, match=r"Shop is bound to \*:443:other.hyper-v.nu without server name indication"):
        site.create()
    assert bindings() == before
    farm.powershell("Portal2", "Remove-Website -Name Shop")
    for piece, made in reversed(kept):
        piece.delete(made)


def test_a_certificate_goes_with_its_key(farm: FarmHere) -> None:
    """Without -DeleteKey the private key stays among the machine's."""
    keys = r"(Get-ChildItem $env:ProgramData\Microsoft\Crypto\RSA\MachineKeys | Measure-Object).Count"
    piece = farm.pieces()["Portal2-certificate"]
    (before,) = farm.powershell("Portal2", keys)
    outs = piece.create()
    assert farm.powershell("Portal2", keys) == [before + 1]
    farm.powershell("Portal2", f"Remove-Item Cert:\\LocalMachine\\My\\{piece.inputs['thumbprint']}")
    assert farm.powershell("Portal2", keys) == [before + 1], "a certificate that is removed by hand leaves its key"
    outs = piece.create()
    piece.delete(outs)
    assert farm.powershell("Portal2", keys) == [before]


by_hand = console(
    "Portal2",
    r"$product = (Get-ItemProperty 'HKLM:\SOFTWARE\Microsoft\MgmtSvc\MySQL').ProductCode"
    "\n& msiexec.exe /q /x $product REBOOT=ReallySuppress | Out-Null\n",
)
"""A component is uninstalled by hand."""


def test_nothing_is_left_of_a_killed_run(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    """What no step asks for again goes with the last thing of this program on the machine."""
    killed_at_the_join(cluster, monkeypatch)
    until_it_has_ended(cluster)
    cluster.outs["Portal2-node"] = cluster.pieces["Portal2-node"].create()
    assert cluster.tasks() != []
    cluster.unmake()
    for piece, outs in cluster.features:
        piece.delete(outs)
    assert cluster.tasks() == []
