"""Network Load Balancing: making clusters, joining, port rules, convergence, and who may do it from where."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lab import identity
from lab.powershell.api import PowerShellError, Session
from lab.tests.windows.conftest import Recorder, Shell, make_world
from lab.windows import features, nlb, service, services
from lab.world import World

VIP = "172.45.5.150"


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    world = make_world(tmp_path)
    for name in ("Portal1", "Portal2"):
        features.install(world.machine(name), ["NLB", "RSAT-NLB"])
    yield world
    world.store.close()


def _shell(world: World, name: str, logon: str = "batch", user: str = "HYPERVNU\\installer") -> Shell:
    machine = world.machine(name)
    return Shell(Session(machine, identity.identity(world, machine, user), logon), Recorder(stop=True))


def _cluster(world: World, **options: Any) -> Shell:
    run = _shell(world, "Portal1")
    run(
        "New-NlbCluster",
        **{"InterfaceName": "Ethernet", "ClusterPrimaryIP": VIP, "ClusterName": "portal.hyper-v.nu"} | options,
    )
    return run


def _pair(world: World) -> Shell:
    run = _cluster(world)
    run("Add-NlbClusterNode", *run("Get-NlbCluster"), NewNodeName="Portal2", NewNodeInterface="Ethernet")
    return run


def test_dedicated_addresses(world: World) -> None:
    run = _pair(world)

    def shown() -> list[tuple[str, str]]:
        found = run("Get-NlbClusterNodeDip", InterfaceName="Ethernet")
        return [(dip.get("Node"), dip.get("IPAddress").compressed) for dip in found]

    card = {name: world.machine(name).collection("interface")["Ethernet"]["address"] for name in ("Portal1", "Portal2")}
    assert shown() == list(card.items())
    where = {"InterfaceName": "Ethernet"}
    run("Set-NlbClusterNodeDip", **where, IP=card["Portal1"], NewDip=card["Portal2"])
    assert shown() == [("Portal1", card["Portal2"]), ("Portal2", card["Portal2"])]
    run("Remove-NlbClusterNodeDip", **where, IP=card["Portal2"], Force=True)
    assert shown() == [("Portal2", card["Portal2"])]
    run("Add-NlbClusterNodeDip", **where, IP=card["Portal1"])
    (added,) = run("Get-NlbClusterNodeDip", **where, NodeName="Portal1")
    assert (added.get("IPAddress").compressed, added.get("SubnetMask")) == (card["Portal1"], "255.255.255.0")
    with pytest.raises(PowerShellError, match="is no dedicated IP address"):
        run("Set-NlbClusterNodeDip", **where, IP=VIP, NewDip=card["Portal1"])


def test_a_new_cluster_is_unicast_with_one_rule_for_everything(world: World) -> None:
    run = _cluster(world)
    (cluster,) = run("Get-NlbCluster")
    assert (cluster.get("Name"), cluster.get("IPAddress").compressed, str(cluster.get("OperationMode"))) == (
        "portal.hyper-v.nu",
        VIP,
        "UNICAST",
    )
    assert nlb.cluster_of(world, "portal.hyper-v.nu")["mac"] == "02-bf-ac-2d-05-96"
    (rule,) = run("Get-NlbClusterPortRule")
    shown = [str(rule.get(name)) for name in ("StartPort", "EndPort", "Protocol", "FilteringMode", "Affinity")]
    assert shown == ["0", "65535", "Both", "Multiple", "Single"]
    (node,) = run("Get-NlbClusterNode")
    assert (node.get("Name"), str(node.get("State")), node.get("HostPriority")) == ("Portal1", "Converged(default)", 1)


def test_a_second_node_takes_over_the_rules(world: World) -> None:
    run = _cluster(world)
    run("Remove-NlbClusterPortRule", *run("Get-NlbClusterPortRule"), Force=True)
    run("Add-NlbClusterPortRule", *run("Get-NlbCluster"), StartPort=443, EndPort=443, Protocol="Tcp")
    run("Add-NlbClusterNode", InterfaceName="Ethernet", NewNodeName="Portal2", NewNodeInterface="Ethernet")
    other = _shell(world, "Portal2")
    states = [
        (node.get("Name"), str(node.get("State")), node.get("HostPriority")) for node in other("Get-NlbClusterNode")
    ]
    assert states == [("Portal1", "Converged(default)", 1), ("Portal2", "Converged", 2)]
    rules = [(rule.get("StartPort"), str(rule.get("Protocol"))) for rule in other("Get-NlbClusterPortRule")]
    assert rules == [(443, "TCP")]
    assert world.collection("nlb", "cluster")["portal.hyper-v.nu"]["nodes"] == ["Portal1", "Portal2"]


def test_a_change_of_rules_reaches_every_node(world: World) -> None:
    run = _pair(world)
    run("Set-NlbClusterPortRule", *run("Get-NlbClusterPortRule"), NewStartPort=80, NewEndPort=80, NewAffinity="None")
    for name in ("Portal1", "Portal2"):
        (rule,) = _shell(world, name)("Get-NlbClusterPortRule")
        assert (rule.get("StartPort"), rule.get("EndPort"), str(rule.get("Affinity"))) == (80, 80, "None")
    nodes = run("Get-NlbClusterNode")
    assert [rule.get("NodeName") for rule in run("Get-NlbClusterPortRule", *nodes)] == ["Portal1", "Portal2"]


def test_overlapping_rules_are_refused(world: World) -> None:
    run = _cluster(world)
    with pytest.raises(PowerShellError, match="conflicts with the port rule"):
        run("Add-NlbClusterPortRule", InterfaceName="Ethernet", StartPort=443, EndPort=443)
    assert len(run("Get-NlbClusterPortRule")) == 1


def test_removal_of_a_rule_asks_and_finds_only_what_is_there(world: World) -> None:
    run = _cluster(world)
    rules = run("Get-NlbClusterPortRule")
    with pytest.raises(PowerShellError, match="NonInteractive"):
        run("Remove-NlbClusterPortRule", *rules)
    run("Remove-NlbClusterPortRule", *rules, Force=True)
    with pytest.raises(PowerShellError, match="was not found"):
        run("Remove-NlbClusterPortRule", *rules, Force=True)
    assert run("Get-NlbClusterPortRule") == []


def test_several_rules_go_in_one_pipeline(world: World) -> None:
    run = _cluster(world)
    run("Remove-NlbClusterPortRule", *run("Get-NlbClusterPortRule"), Force=True)
    for port in (80, 443, 8090):
        run("Add-NlbClusterPortRule", InterfaceName="Ethernet", StartPort=port, EndPort=port)
    run("Remove-NlbClusterPortRule", *run("Get-NlbClusterPortRule"), Force=True)
    assert run("Get-NlbClusterPortRule") == []


def test_no_change_while_nodes_converge(tmp_path: Path) -> None:
    slow = make_world(tmp_path / "slow", pace=0.02)
    try:
        features.install(slow.machine("Portal1"), ["NLB"])
        run = _cluster(slow)
        (node,) = run("Get-NlbClusterNode")
        assert str(node.get("State")) == "Converging"
        with pytest.raises(PowerShellError, match="still converging"):
            run("Add-NlbClusterPortRule", InterfaceName="Ethernet", StartPort=1, EndPort=1)
        done = threading.Event()
        for _ in range(200):
            if str(run("Get-NlbClusterNode")[0].get("State")) == "Converged(default)":
                done.set()
                break
            threading.Event().wait(0.01)
        assert done.is_set()
        with pytest.raises(PowerShellError, match="conflicts"):
            run("Add-NlbClusterPortRule", InterfaceName="Ethernet", StartPort=1, EndPort=1)
    finally:
        nlb.lab_stopping(slow)
        slow.store.close()


def test_without_credentials_another_node_is_out_of_reach(world: World) -> None:
    run = _shell(world, "Portal1", logon="network")
    run("New-NlbCluster", InterfaceName="Ethernet", ClusterPrimaryIP=VIP, ClusterName="portal")
    with pytest.raises(PowerShellError, match="Access is denied"):
        run("Add-NlbClusterNode", InterfaceName="Ethernet", NewNodeName="Portal2", NewNodeInterface="Ethernet")
    joining = _shell(world, "Portal2", logon="network")
    with pytest.raises(PowerShellError, match="Access is denied"):
        joining("Get-NlbCluster", HostName="Portal1")
    system = _shell(world, "Portal2", logon="service", user="SYSTEM")
    with pytest.raises(PowerShellError, match="Access is denied"):
        system("Get-NlbCluster", HostName="Portal1")
    stored = _shell(world, "Portal2")
    found = stored("Get-NlbCluster", HostName="Portal1")
    stored("Add-NlbClusterNode", *found, NewNodeName="Portal2", NewNodeInterface="Ethernet")
    with pytest.raises(PowerShellError, match="Access is denied"):  # a change goes to both nodes
        run("Add-NlbClusterPortRule", InterfaceName="Ethernet", StartPort=1, EndPort=1)


def test_what_is_not_there_is_an_error(world: World) -> None:
    run = _shell(world, "Portal1")
    with pytest.raises(PowerShellError, match="not a node"):
        run("Get-NlbCluster")
    with pytest.raises(PowerShellError, match="interface Ethernet 2 was not found"):
        run("New-NlbCluster", InterfaceName="Ethernet 2", ClusterPrimaryIP=VIP)
    with pytest.raises(PowerShellError, match="already used by Portal2"):
        run("New-NlbCluster", InterfaceName="Ethernet", ClusterPrimaryIP="172.45.5.152")
    with pytest.raises(PowerShellError, match="not in the subnet"):
        run("New-NlbCluster", InterfaceName="Ethernet", ClusterPrimaryIP="10.0.0.1")
    with pytest.raises(PowerShellError, match="not installed on host FILE"):
        _shell(world, "FILE")("New-NlbCluster", InterfaceName="Ethernet", ClusterPrimaryIP=VIP)
    assert len(world.collection("nlb", "cluster")) == 0


def test_an_interface_of_dhcp_needs_force(world: World) -> None:
    world.machine("Portal1").collection("interface").change("Ethernet", dhcp=True)
    with pytest.raises(PowerShellError, match="NonInteractive"):
        _cluster(world)
    _cluster(world, Force=True)


def test_binding_cuts_the_connections_of_the_node(world: World) -> None:
    machine = world.machine("Portal1")

    async def talk(reader: Any, writer: Any) -> None:
        await reader.read()

    endpoint = world.network.listen(machine.name, machine.loopback, 5986, talk)
    with socket.create_connection((machine.loopback, 5986), timeout=5) as connection:
        for _ in range(100):
            if endpoint.connections:
                break
            threading.Event().wait(0.01)
        _cluster(world)
        connection.settimeout(5)
        with contextlib.suppress(ConnectionResetError):
            assert connection.recv(1) == b""
    world.network.close(endpoint)


def test_stop_start_suspend_resume(world: World) -> None:
    run = _pair(world)
    (node,) = run("Stop-NlbClusterNode", InterfaceName="Ethernet")
    assert str(node.get("State")) == "Stopped"
    states = {node.get("Name"): str(node.get("State")) for node in run("Get-NlbClusterNode")}
    assert states == {"Portal1": "Stopped", "Portal2": "Converged(default)"}
    (node,) = run("Suspend-NlbClusterNode", InterfaceName="Ethernet")
    with pytest.raises(PowerShellError, match="suspended"):
        run("Start-NlbClusterNode", InterfaceName="Ethernet")
    (node,) = run("Resume-NlbClusterNode", InterfaceName="Ethernet")
    assert str(node.get("State")) == "Stopped"
    (node,) = run("Start-NlbClusterNode", InterfaceName="Ethernet")
    assert str(node.get("State")) == "Converged(default)"
    assert {str(node.get("State")) for node in run("Stop-NlbCluster")} == {"Stopped"}


def test_removing_nodes_ends_the_cluster_with_the_last_one(world: World) -> None:
    run = _pair(world)
    nodes = run("Get-NlbClusterNode", NodeName="Portal2")
    run("Remove-NlbClusterNode", *nodes, Force=True)
    assert [node.get("Name") for node in run("Get-NlbClusterNode")] == ["Portal1"]
    run("Remove-NlbCluster", *run("Get-NlbCluster"), Force=True)
    assert len(world.collection("nlb", "cluster")) == 0
    (card,) = run("Get-NlbClusterNodeNetworkInterface")
    assert (card.get("NlbBound"), card.get("InterfaceIP")) == (False, "172.45.5.151")


def test_host_priorities_are_each_ones_own(world: World) -> None:
    run = _pair(world)
    with pytest.raises(PowerShellError, match="host priority 2"):
        run("Set-NlbClusterNode", InterfaceName="Ethernet", HostPriority=2)
    run("Set-NlbClusterNode", InterfaceName="Ethernet", HostPriority=9)
    assert [str(node.get("State")) for node in run("Get-NlbClusterNode")] == ["Converged(default)", "Converged"]
    assert [node.get("Name") for node in run("Get-NlbClusterNode")] == ["Portal2", "Portal1"]


def test_renaming_and_moving_the_cluster(world: World) -> None:
    """Set-NlbCluster: the address "must be one of the existing virtual IP addresses on the cluster"."""
    run = _pair(world)
    with pytest.raises(PowerShellError, match=r"172\.45\.5\.160 is not a virtual IP address"):
        run("Set-NlbCluster", *run("Get-NlbCluster"), ClusterPrimaryIP="172.45.5.160")
    with pytest.raises(PowerShellError, match="already used by Portal2"):
        run("Add-NlbClusterVip", InterfaceName="Ethernet", IP="172.45.5.152")
    (added,) = run("Add-NlbClusterVip", InterfaceName="Ethernet", IP="172.45.5.160", SubnetMask="255.255.255.0")
    assert (str(added.get("IPAddress")), str(added.get("SubnetMask"))) == ("172.45.5.160", "255.255.255.0")
    run(
        "Set-NlbCluster", *run("Get-NlbCluster"), Name="www", ClusterPrimaryIP="172.45.5.160", OperationMode="Multicast"
    )
    (cluster,) = _shell(world, "Portal2")("Get-NlbCluster")
    assert (cluster.get("Name"), cluster.get("IPAddress").compressed) == ("www", "172.45.5.160")
    assert nlb.cluster_of(world, "www")["mac"] == "03-bf-ac-2d-05-a0"
    assert len(world.collection("nlb", "cluster")) == 1
    assert [str(vip.get("IPAddress")) for vip in run("Get-NlbClusterVip")] == ["172.45.5.160", VIP]
    with pytest.raises(PowerShellError, match="primary IP address"):
        run("Remove-NlbClusterVip", InterfaceName="Ethernet", IP="172.45.5.160", Force=True)
    with pytest.raises(PowerShellError, match="NonInteractive"):
        run("Remove-NlbClusterVip", InterfaceName="Ethernet", IP=VIP)
    run("Remove-NlbClusterVip", *run("Get-NlbClusterVip", IP=VIP), Force=True)
    assert [str(vip.get("IPAddress")) for vip in _shell(world, "Portal2")("Get-NlbClusterVip")] == ["172.45.5.160"]


def test_what_a_node_has_of_its_own_in_a_rule(world: World) -> None:
    """Switched on or off, load weight, priority: the rest is the cluster's, and a change of it leaves them alone."""
    run, other = _pair(world), _shell(world, "Portal2")

    def shown(name: str) -> list[object]:
        return [_shell(world, machine)("Get-NlbClusterPortRule")[0].get(name) for machine in ("Portal1", "Portal2")]

    other("Disable-NlbClusterPortRule", InterfaceName="Ethernet", Port=80)
    assert shown("PortState") == ["Enabled", "Disabled"]
    other("Set-NlbClusterPortRuleNodeWeight", *other("Get-NlbClusterPortRule"), LoadWeight=25)
    assert (shown("EqualLoad"), shown("LoadWeight"), shown("Priority")) == ([True, True], [None, 25], [None, None])
    run("Disable-NlbClusterPortRule", InterfaceName="Ethernet", Port=80, ClusterWide=True)
    run("Enable-NlbClusterPortRule", InterfaceName="Ethernet", Port=80)
    assert (shown("PortState"), shown("LoadWeight")) == (["Enabled", "Disabled"], [None, 25])
    other("Set-NlbClusterPortRuleNodeWeight", *other("Get-NlbClusterPortRule"), Equal=True)
    assert shown("LoadWeight") == [None, None]
    with pytest.raises(PowerShellError, match="mode Single"):
        run("Set-NlbClusterPortRuleNodeHandlingPriority", *run("Get-NlbClusterPortRule"), HandlingPriority=3)
    run("Set-NlbClusterPortRule", *run("Get-NlbClusterPortRule"), NewMode="Single")
    run("Set-NlbClusterPortRuleNodeHandlingPriority", *run("Get-NlbClusterPortRule"), HandlingPriority=3)
    assert (shown("Priority"), shown("Affinity"), shown("Timeout")) == ([3, 2], [None, None], [None, None])
    with pytest.raises(PowerShellError, match="mode Multiple"):
        run("Set-NlbClusterPortRuleNodeWeight", *run("Get-NlbClusterPortRule"), LoadWeight=5)


def test_a_node_without_power_is_unreachable_and_comes_back(world: World) -> None:
    run = _pair(world)
    machine = world.machine("Portal2")
    nlb.machine_stopping(machine)
    machine.collection("power").change("state", running=False)
    assert [str(node.get("State")) for node in run("Get-NlbClusterNode")] == ["Converged(default)", "Unreachable"]
    with pytest.raises(PowerShellError, match="Portal2 is unreachable"):
        run("Add-NlbClusterPortRule", InterfaceName="Ethernet", StartPort=1, EndPort=1)
    machine.collection("power").change("state", running=True)
    nlb.machine_started(machine)
    assert [str(node.get("State")) for node in run("Get-NlbClusterNode")] == ["Converged(default)", "Converged"]


def test_a_node_has_its_initial_state_before_the_first_service_starts(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    _pair(world)
    node = world.machine("Portal2").collection("nlb-node")
    node.change("Ethernet", initial_state="Stopped")
    seen: list[str] = []
    monkeypatch.setattr(services, "machine_started", lambda _: seen.append(node["Ethernet"]["state"]))
    service._machine_started(world.machine("Portal2"))
    assert seen == ["Stopped"]


def test_every_object_of_a_pipeline_counts(world: World) -> None:
    run = _pair(world)
    run("Stop-NlbClusterNode", *run("Get-NlbClusterNode"))
    assert {str(node.get("State")) for node in run("Get-NlbClusterNode")} == {"Stopped"}
    run("Remove-NlbClusterPortRule", *run("Get-NlbClusterPortRule"), Force=True)
    for port in (80, 443):
        run("Add-NlbClusterPortRule", InterfaceName="Ethernet", StartPort=port, EndPort=port)
    run("Set-NlbClusterPortRule", *run("Get-NlbClusterPortRule"), NewAffinity="None")
    assert [str(rule.get("Affinity")) for rule in run("Get-NlbClusterPortRule")] == ["None", "None"]
    with pytest.raises(PowerShellError, match="conflicts"):
        run("Set-NlbClusterPortRule", *run("Get-NlbClusterPortRule"), NewStartPort=1, NewEndPort=2)
