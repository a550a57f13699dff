"""Who may connect to whom: two domains with one flow between them, firewalls, and accounts without trust."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from lab import balancer, files, firewall, identity, routes
from lab.boot import populate
from lab.identity import UnknownAccountError, over_the_network
from lab.powershell.api import Session
from lab.testing.worlds import TOPOLOGIES
from lab.tests.windows.conftest import Shell
from lab.windows import features, firewall_rules, nlb
from lab.world import World

SEPARATE = TOPOLOGIES / "separate-domain.yaml"
INSIDE, DMZ = "172.48.5", "172.48.6"
THIS_COMPUTER = "127.0.0.1"
FOLDERS = (r"\\FILE\SQLAG", r"\\file.web.dmz\SQLAG")


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(1000):
        writer.write(data)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    text = SEPARATE.read_text(encoding="utf-8").replace("172.21.5", INSIDE).replace("172.22.5", DMZ)
    world = World(tmp_path, yaml.safe_load(text), 0)
    populate(world)
    for part in (identity, files, firewall_rules):
        part.begin(world)
    for machine in world.machines.values():
        machine.collection("interface")["Ethernet"] = {"address": machine.address, "mask": "255.255.255.0"}
    firewall_rules.add(world.machine("SPF1"), "SPF", "SPF", [8090])
    yield world
    world.close()


def reaches(world: World, source: str, target: str, port: int, patience: float = 10) -> bool:
    """A real connection over loopback, from a machine or from this computer. What is dropped hears nothing."""
    where = world.machine(source).loopback if source in ("Portal1", "SPF1", "SPF2", "SQL1", "SQL2") else source
    there = world.machine(target).loopback if not target[0].isdigit() else target
    try:
        with socket.create_connection((there, port), 0.4, (where, 0)) as client:
            client.settimeout(patience)
            client.sendall(b"x")
            return client.recv(1) == b"x"
    except TimeoutError:
        return False


def serve(world: World, name: str, *ports: int) -> None:
    for port in ports:
        world.network.listen(name, world.machine(name).loopback, port, echo)


# Between the domains ---------------------------------------------------------------------------------------------


def test_only_the_flow_leads_into_another_domain(world: World) -> None:
    serve(world, "SPF1", 8090, 5986)
    serve(world, "SQL1", 1433)
    assert reaches(world, "Portal1", "SPF1", 8090)
    assert not reaches(world, "Portal1", "SPF1", 5986)  # the firewall is open there; no flow leads there
    assert not reaches(world, "SPF1", "SQL1", 1433)  # nor back
    assert reaches(world, "Portal1", "SQL1", 1433)
    world.topology["flows"] = []
    world.network.refilter("SPF1")
    assert not reaches(world, "Portal1", "SPF1", 8090)


def test_no_flow_binds_this_computer(world: World) -> None:
    serve(world, "SPF1", 8090, 5986)
    serve(world, "SQL1", 5986)
    for name, port in (("SPF1", 8090), ("SPF1", 5986), ("SQL1", 5986)):
        assert reaches(world, THIS_COMPUTER, name, port)


def test_an_address_of_several_machines_is_behind_the_same_flow(world: World) -> None:
    address = "127.48.5.140"
    for port in (8090, 443):
        world.network.listen("nlb:spf.hyper-v.nu", address, port, echo)
    assert reaches(world, "Portal1", address, 8090)
    assert not reaches(world, "Portal1", address, 443)
    assert reaches(world, "SPF2", address, 443)
    assert reaches(world, THIS_COMPUTER, address, 443)


# The firewall of the target --------------------------------------------------------------------------------------


def test_what_no_rule_lets_in_is_dropped_and_a_rule_counts_at_once(world: World) -> None:
    serve(world, "SQL1", 1433, 8443)
    sql = world.machine("SQL1")
    assert reaches(world, "SQL2", "SQL1", 1433)
    assert not reaches(world, "SQL2", "SQL1", 8443)
    assert not reaches(world, THIS_COMPUTER, "SQL1", 8443)
    assert reaches(world, "SQL1", "SQL1", 8443)  # to itself it is never filtered
    firewall_rules.add(sql, "Test", "Test", [8443])
    assert reaches(world, THIS_COMPUTER, "SQL1", 8443)
    sql.collection("firewall").change("Test", enabled="False")
    assert not reaches(world, THIS_COMPUTER, "SQL1", 8443)
    sql.collection("firewall-profile")["Domain"] = {"enabled": False}
    assert reaches(world, THIS_COMPUTER, "SQL1", 8443)


def test_a_computer_of_a_network_that_the_topology_does_not_name(world: World) -> None:
    """An address of a domain's subnet is in that network: rules for the subnet count, and flows bind it."""
    serve(world, "SPF1", 8090, 8443)
    spf = world.machine("SPF1")
    outside, inside, neighbour, other = "127.0.9.1", "127.48.5.201", "127.48.5.202", "127.48.6.201"
    clients = (outside, inside, neighbour, other)

    def those_that_reach(port: int) -> list[str]:
        through = [client for client in clients if reaches(world, client, "SPF1", port)]
        assert through == [client for client in clients if routes.admits_client(spf, client, port)]
        return through

    firewall_rules.add(spf, "Test", "Test", [8443])
    assert those_that_reach(8443) == [outside, inside, neighbour]  # no flow leads from the other domain to this port
    assert those_that_reach(8090) == [*clients]  # and one to this
    spf.collection("firewall").change("Test", remote_address=[f"{INSIDE}.0/24", f"{DMZ}.0/24"])
    assert those_that_reach(8443) == [inside, neighbour]
    spf.collection("firewall").change("Test", remote_address=[f"{INSIDE}.0-{INSIDE}.201"])
    assert those_that_reach(8443) == [inside]
    spf.collection("firewall").change("Test", remote_address=[f"{INSIDE}.202"])
    assert those_that_reach(8443) == [neighbour]


def test_an_established_connection_goes_on_when_its_rule_goes(world: World) -> None:
    serve(world, "SQL1", 1433)
    sql = world.machine("SQL1")
    with socket.create_connection((sql.loopback, 1433), 2) as client:
        client.settimeout(2)
        sql.collection("firewall").change("SQL-Server-1433", enabled="False")
        client.sendall(b"x")
        assert client.recv(1) == b"x"
    assert not reaches(world, THIS_COMPUTER, "SQL1", 1433)


def test_a_cable_that_comes_back_opens_nothing(world: World) -> None:
    serve(world, "SQL1", 8443)
    world.network.unplug("SQL1")
    with pytest.raises(ConnectionRefusedError):
        reaches(world, "SQL2", "SQL1", 8443)
    world.network.plug("SQL1")
    assert not reaches(world, "SQL2", "SQL1", 8443)


ANSWERS: list[tuple[str, dict[str, Any], str | None, int | str, bool]] = [
    ("a list and a range", {"local_port": ["80", "30004-30022"]}, f"{INSIDE}.1", 30010, True),
    ("outside the range", {"local_port": ["80", "30004-30022"]}, f"{INSIDE}.1", 30023, False),
    ("any port", {"local_port": ["Any"]}, None, 1, True),
    ("another protocol", {"protocol": "UDP"}, None, 80, False),
    ("a protocol by its number", {"protocol": "6"}, None, 80, True),
    ("any protocol", {"protocol": "Any", "local_port": ["Any"]}, None, 80, True),
    ("outbound", {"direction": "Outbound"}, None, 80, False),
    ("the domain's profile among others", {"profile": "Domain, Private"}, None, 80, True),
    ("another profile", {"profile": "Public"}, None, 80, False),
    ("a subnet", {"remote_address": [f"{DMZ}.0/24"]}, f"{DMZ}.9", 80, True),
    ("a subnet with a mask", {"remote_address": [f"{DMZ}.0/255.255.255.0"]}, f"{DMZ}.9", 80, True),
    ("another subnet", {"remote_address": [f"{DMZ}.0/24"]}, f"{INSIDE}.9", 80, False),
    ("a range of addresses", {"remote_address": [f"{DMZ}.5-{DMZ}.9"]}, f"{DMZ}.9", 80, True),
    ("one address", {"remote_address": [f"{DMZ}.5"]}, f"{DMZ}.6", 80, False),
    ("the local subnet", {"remote_address": ["LocalSubnet"]}, f"{INSIDE}.9", 80, True),
    ("not the local subnet", {"remote_address": ["LocalSubnet"]}, f"{DMZ}.9", 80, False),
    ("from outside only Any matches", {"remote_address": [f"{INSIDE}.0/24", "LocalSubnet"]}, None, 80, False),
    ("the machine's own address", {"local_address": [f"{INSIDE}.141"]}, None, 80, True),
    ("another local address", {"local_address": [f"{INSIDE}.142"]}, None, 80, False),
    ("dynamic ports of RPC", {"local_port": ["RPC"]}, None, firewall.RPC, True),
    ("a number is not RPC's", {"local_port": ["RPC"]}, None, 49200, False),
    ("RPC's endpoint mapper", {"local_port": ["RPCEPMap"]}, None, 135, True),
]


@pytest.mark.parametrize(("what", "rule", "source", "port", "expected"), ANSWERS, ids=[case[0] for case in ANSWERS])
def test_what_a_rule_covers(
    world: World, what: str, rule: dict[str, Any], source: str | None, port: int | str, expected: bool
) -> None:
    machine = world.machine("SPF1")
    for name in list(machine.collection("firewall")):
        del machine.collection("firewall")[name]
    firewall_rules.add(machine, "One", "One", [80])
    machine.collection("firewall").change("One", **rule)
    assert firewall.admits(machine, source, port) is expected
    firewall_rules.add(machine, "Block", "Block", ["Any"])
    machine.collection("firewall").change("Block", action="Block", protocol="Any")
    assert not firewall.admits(machine, source, port)  # a block goes before every allow


def test_a_cluster_hears_nothing_from_a_host_whose_firewall_is_shut(world: World) -> None:
    spf = world.machine("SPF1")
    serve(world, "SPF1", 8090)
    world.collection("nlb", "cluster")["spf.hyper-v.nu"] = {
        "name": "spf.hyper-v.nu", "address": f"{INSIDE}.140", "mask": "255.255.255.0", "mode": "UNICAST",
        "mac": nlb.cluster_mac(f"{INSIDE}.140", "UNICAST"), "nodes": ["SPF1"],
    }  # fmt: skip
    spf.collection("nlb-node")["Ethernet"] = {
        "cluster": "spf.hyper-v.nu", "interface": "Ethernet", "state": "Converged", "host_priority": 1,
        "port_rules": [nlb.default_rule()],
    }  # fmt: skip
    balancer.start(world)
    try:
        assert reaches(world, "Portal1", "127.48.5.140", 8090)
        spf.collection("firewall").change("SPF", enabled="False")
        assert not reaches(world, "Portal1", "127.48.5.140", 8090, patience=2)
    finally:
        balancer.stop(world)


# Shares, RPC, accounts -------------------------------------------------------------------------------------------


def code(world: World, machine: str, path: str, user: str) -> int:
    """With which error a machine fails to open a shared folder."""
    with pytest.raises(files.LabFileError) as caught:
        files.resolve(world, world.machine(machine), path, user, False)
    return caught.value.code


def test_a_share_is_behind_the_way_and_the_firewall(world: World) -> None:
    inside, server = world.machine("SQL1"), world.machine("FILE")
    for path in FOLDERS:
        assert files.resolve(world, inside, path, r"WEB\SVC_SQL", False).is_dir()
        assert code(world, "SPF1", path, r"HYPERVNU\SVC_SPF") == 53
    for name in ("FPS-SMB-In-TCP", "FileServer-ServerManager-SMB-TCP-In"):
        assert files.resolve(world, inside, FOLDERS[0], r"WEB\SVC_SQL", False).is_dir()
        server.collection("firewall").change(name, enabled="False")
    assert code(world, "SQL1", FOLDERS[0], r"WEB\SVC_SQL") == 53


def test_an_account_of_another_domain_is_nobody_on_a_share(world: World) -> None:
    world.topology["flows"] = [{"source": "hyper-v.nu", "target": "web.dmz", "port": files.SMB}]
    assert code(world, "SPF1", FOLDERS[1], r"HYPERVNU\installer") == 1326
    assert code(world, "SPF1", FOLDERS[0], r"HYPERVNU\installer") == 53  # a bare name


def test_what_dcom_needs(world: World) -> None:
    first, second = world.machine("Portal1"), world.machine("Portal2")
    assert not routes.passes(first, second, *routes.MANAGEMENT)
    features.install(second, ["NLB"])
    assert routes.passes(first, second, *routes.MANAGEMENT)
    assert not routes.passes(world.machine("SPF1"), second, *routes.MANAGEMENT)
    features.remove(second, ["NLB"])
    assert not routes.passes(first, second, *routes.MANAGEMENT)


def test_a_ping_stays_inside_its_domain(world: World) -> None:
    portal = world.machine("Portal1")
    run = Shell(Session(portal, identity.identity(world, portal, r"WEB\installer"), "network"))
    answers = [run("Test-Connection", ComputerName=[name], Quiet=True) for name in ("sql1.web.dmz", "spf1.hyper-v.nu")]
    assert answers == [[True], [False]]


def test_accounts_without_trust(world: World) -> None:
    portal, spf, sql = world.machine("Portal1"), world.machine("SPF1"), world.machine("SQL1")
    assert over_the_network(world, portal, sql, r"WEB\installer").administrator
    for source, target, user in ((portal, spf, r"WEB\installer"), (spf, sql, r"HYPERVNU\installer")):
        with pytest.raises(UnknownAccountError):
            over_the_network(world, source, target, user)
    assert identity.authenticate(world, spf, r"WEB\installer", "Lab-Web-Installer-2013!") is None
    assert identity.authenticate(world, spf, r"HYPERVNU\installer", "Lab-Installer-2013!")


def test_a_local_account_of_the_same_name_needs_the_same_password(world: World) -> None:
    portal, spf = world.machine("Portal1"), world.machine("SPF1")
    assert over_the_network(world, portal, spf, r"PORTAL1\Administrator").user == r"SPF1\Administrator"
    spf.collection("account").change("Administrator", password="Another-2013!")
    with pytest.raises(UnknownAccountError):
        over_the_network(world, portal, spf, r"PORTAL1\Administrator")


def test_a_local_account_lets_another_domain_in(world: World) -> None:
    """What SPF's registration rests on: the account is local to the SPF servers, so no trust is asked for."""
    spf = world.machine("SPF1")
    spf.collection("account")["SVC_SPF_REG"] = {
        "password": "Lab-1!", "sid": "S-1-5-21-1-2-3-1100", "flags": identity.NORMAL_ACCOUNT, "full_name": "",
        "description": "", "bad_password_count": 0, "failed_logons": 0,
    }  # fmt: skip
    for user in ("SVC_SPF_REG", r"WEB\SVC_SPF_REG"):  # an unknown domain falls back to the machine's own accounts
        assert identity.authenticate(world, spf, user, "Lab-1!") is not None
