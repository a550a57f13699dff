"""All parts together, as ``python -m lab up`` starts them, looked at from outside."""

from __future__ import annotations

import importlib.util
import socket
import ssl
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from winrm.protocol import Protocol

from lab import boot, daemon
from lab.testing.worlds import TOPOLOGY
from lab.tests.winrm.conftest import Named

MISSING = [
    name
    for name in (*boot.BEGINNINGS, *boot.SERVICES, *boot.COMMANDS, "lab.powershell.process")
    if importlib.util.find_spec(name) is None
]
pytestmark = pytest.mark.skipif(bool(MISSING), reason=f"parts of the lab do not exist yet: {', '.join(MISSING)}")


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, dict[str, Any]]]:
    directory = tmp_path_factory.mktemp("lab")
    topology = directory / "topology.yaml"
    topology.write_text(TOPOLOGY.read_text().replace("172.21.5", "172.44.6"))
    status, already = daemon.up(topology, directory / "state", None)
    assert not already
    yield directory / "state", status
    daemon.down(directory / "state")


def test_what_runs_at_the_beginning(lab: tuple[Path, dict[str, Any]]) -> None:
    _, status = lab
    machines = {machine["name"]: machine for machine in status["machines"]}
    assert all(machine["running"] and 5986 in machine["ports"] for machine in machines.values())
    assert {name for name, machine in machines.items() if 1433 in machine["ports"]} == {"SQL1", "SQL2"}
    assert {name for name, machine in machines.items() if 8090 in machine["ports"]} == {"SPF1", "SPF2"}
    (listener,) = status["sql"]["listeners"]
    assert (listener["name"], listener["address"], listener["primary"]) == ("SQL", "172.44.6.50", "SQL2")
    (cluster,) = status["nlb"]
    assert cluster["name"] == "spf.hyper-v.nu"
    assert 8090 in cluster["ports"]


def ran(directory: Path, script: str) -> str:
    """What a script prints on Portal1."""
    client = Protocol(
        "https://127.44.6.151:5986/wsman",
        transport="ntlm",
        username="HYPERVNU\\installer",
        password="Lab-Installer-2013!",
        ca_trust_path=str(directory / "authority" / "ca.pem"),
        proxy=None,
    )
    client.transport.build_session().mount("https://", Named("portal1.hyper-v.nu"))
    shell = client.open_shell(codepage=65001)
    command = client.run_command(shell, "powershell.exe", ["-NoProfile", "-Command", script], skip_cmd_shell=True)
    printed, errors, code = client.get_command_output(shell, command)
    client.close_shell(shell)
    assert (errors, code) == (b"", 0)
    return str(printed.decode())


def test_a_script_runs_on_a_machine(lab: tuple[Path, dict[str, Any]]) -> None:
    directory, _ = lab
    assert ran(directory, '"$env:COMPUTERNAME"') == "PORTAL1\r\n"


def test_the_virtual_address_of_spf_has_a_trusted_certificate(lab: tuple[Path, dict[str, Any]]) -> None:
    directory, _ = lab
    context = ssl.create_default_context(cafile=str(directory / "authority" / "ca.pem"))
    with socket.create_connection(("127.44.6.140", 8090), 5) as plain:
        assert context.wrap_socket(plain, server_hostname="spf.hyper-v.nu").version()


def test_a_second_start_is_quick_and_finds_the_state(lab: tuple[Path, dict[str, Any]]) -> None:
    directory, status = lab
    assert daemon.down(directory)
    begun = time.monotonic()
    again, already = daemon.up(directory.parent / "topology.yaml", directory, None)
    assert not already
    assert time.monotonic() - begun < 20  # about 2 s on an idle computer
    assert [machine["ports"] for machine in again["machines"]] == [machine["ports"] for machine in status["machines"]]


def test_what_a_feature_brings_comes_in_a_lab_that_began_earlier_as_well(lab: tuple[Path, dict[str, Any]]) -> None:
    directory, _ = lab
    daemon.down(directory)
    daemon.up(directory.parent / "topology.yaml", directory, None)
    rules = "[void](Install-WindowsFeature NLB); (Get-NetFirewallRule -Name 'NLB-*').Name"
    assert ran(directory, rules) == "NLB-RPCSS-In-TCP\r\nNLB-WINMGMT-In-TCP\r\n"
