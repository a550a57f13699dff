"""The lab as a background process: start, status, orders, crash, end; and its orders in process."""

from __future__ import annotations

import json
import os
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lab import boot, daemon, orders
from lab.__main__ import other_versions
from lab.client import LabError, NotRunningError, call
from lab.control import Control
from lab.orders import OrderError, break_wire, power
from lab.testing.worlds import TOPOLOGY
from lab.tests.worlds import small_world
from lab.world import World

PROGRAM = (sys.executable, str(Path(__file__).with_name("small_lab.py")))


@pytest.fixture
def topology(tmp_path: Path) -> Path:
    file = tmp_path / "single.yaml"
    file.write_text(TOPOLOGY.read_text().replace("172.21.5", "172.44.5"))
    return file


@pytest.fixture
def directory(tmp_path: Path) -> Iterator[Path]:
    # Deeper than the path of a Unix socket may be long.
    directory = tmp_path / ("d" * 60) / ("e" * 60)
    directory.mkdir(parents=True)
    yield directory
    daemon.down(directory)


def up(topology: Path, directory: Path) -> tuple[dict[str, Any], bool]:
    return daemon.up(topology, directory, 0.001, PROGRAM)


def listens(address: str = "127.44.5.151") -> bool:
    try:
        socket.create_connection((address, 5986), 2).close()
    except ConnectionRefusedError:
        return False
    return True


def test_up_status_down_and_the_state_survives(topology: Path, directory: Path) -> None:
    status, already = up(topology, directory)
    assert not already
    portal = next(machine for machine in status["machines"] if machine["name"] == "Portal1")
    assert (portal["loopback"], portal["ports"], portal["roles"]) == ("127.44.5.151", [5986], ["portal"])
    assert listens()
    assert stat.S_IMODE((directory / "control.sock").stat().st_mode) == 0o600

    assert up(topology, directory)[1]

    assert "stop done" in call(directory, {"request": "power", "machine": "portal1", "change": "stop"})
    assert not listens()
    authority = (directory / "authority" / "ca.pem").read_text()
    assert daemon.down(directory)
    assert not listens("127.44.5.152")
    assert not daemon.down(directory)
    with pytest.raises(NotRunningError, match="python -m lab up"):
        call(directory, {"request": "status"})

    up(topology, directory)
    assert not listens()  # it was off before, it is off now
    assert listens("127.44.5.152")
    assert (directory / "authority" / "ca.pem").read_text() == authority


def test_a_killed_lab_leaves_nothing_in_the_way(topology: Path, directory: Path) -> None:
    up(topology, directory)
    os.kill(json.loads((directory / "lab.pid").read_text())["pid"], signal.SIGKILL)
    while listens():
        time.sleep(0.05)
    assert (directory / "control.sock").exists()
    assert not daemon.down(directory)
    assert not up(topology, directory)[1]
    assert listens()


def test_down_leaves_a_foreign_process_alone(topology: Path, directory: Path) -> None:
    up(topology, directory)
    true = (directory / "lab.pid").read_text()
    with subprocess.Popen(["sleep", "60"]) as foreign:
        (directory / "lab.pid").write_text(json.dumps({"pid": foreign.pid, "started": "1"}))
        with pytest.raises(LabError, match="another program"):
            daemon.down(directory)
        assert foreign.poll() is None
        foreign.terminate()
    (directory / "lab.pid").write_text(true)


def test_the_reason_why_it_does_not_start_is_one_line(topology: Path, directory: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.44.5.151", 5986))
        taken.listen()
        with pytest.raises(LabError, match=r"did not start: .*127\.44\.5\.151.*lab\.log") as caught:
            up(topology, directory)
    assert "\n" not in str(caught.value)
    up(topology, directory)  # and nothing half-made is in the way


def test_a_state_of_other_machines_is_not_used(topology: Path, directory: Path) -> None:
    up(topology, directory)
    daemon.down(directory)
    topology.write_text(topology.read_text().replace("172.44.5.151", "172.44.5.153"))
    with pytest.raises(LabError, match=r"other machines.*python -m lab reset"):
        up(topology, directory)
    daemon.wipe(directory, everything=False)
    assert {entry.name for entry in directory.iterdir()} == {"authority", "certificates"}
    up(topology, directory)
    with pytest.raises(LabError, match="end it first"):
        daemon.wipe(directory, everything=True)


def test_a_beginning_that_broke_off_is_recreated(topology: Path, directory: Path) -> None:
    world = World(directory, {}, 0)
    world.collection("Portal1", "account")["leftover"] = {"password": "x"}
    world.close()
    up(topology, directory)
    daemon.down(directory)
    world = World(directory, {}, 0)
    assert "leftover" not in world.collection("Portal1", "account")
    assert "Administrator" in world.collection("Portal1", "account")
    world.close()


def test_the_command_line(topology: Path, directory: Path) -> None:
    def lab(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [*PROGRAM, *arguments, "--directory", str(directory)]
        return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)

    refused = lab("status")
    assert (refused.returncode, refused.stderr.count("\n")) == (1, 1)
    assert refused.stderr.startswith("error: no lab runs in")
    up(topology, directory)
    assert json.loads(lab("status", "--json").stdout)["pace"] == 0.001
    assert "sql1.hyper-v.nu" in lab("status").stdout
    assert "breaks before its effect" in lab("fault", "break", "SQL1", "--wire", "winrm", "--nth", "3").stdout
    wrong = lab("fault", "stop", "SQL9")
    assert wrong.returncode == 1
    assert wrong.stderr.startswith("error: unknown machine SQL9; there are: Portal1, Portal2")
    assert lab("down").stdout == "The lab has ended.\n"


def test_a_state_that_another_version_began_is_said(topology: Path, directory: Path) -> None:
    def lab_up() -> str:
        command = [*PROGRAM, "up", "--topology", str(topology), "--directory", str(directory), "--pace", "0.001"]
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout

    assert "version" not in lab_up()
    daemon.down(directory)
    world = World(directory, {}, 0)
    world.collection("lab", "lab").change("begun", program="0123456789abcdef")
    world.close()
    assert "Another version of the lab began its state." in lab_up()
    status = call(directory, {"request": "status"})
    assert other_versions({**status, "begun_by": status["program"], "program": "0123456789abcdef"}) == [
        "What runs there is another version of the lab: python -m lab down, then start it again."
    ]


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    world = small_world(tmp_path / "lab")
    yield world
    world.close()


def test_requests_that_nobody_knows(world: World, tmp_path: Path) -> None:
    control = Control(world, tmp_path)
    with pytest.raises(LabError, match=r"unknown request nonsense; possible: status, power"):
        call(tmp_path, {"request": "nonsense"})
    with pytest.raises(LabError, match="request power: missing a required argument: 'change'"):
        call(tmp_path, {"request": "power", "machine": "SQL1"})
    assert not control.ended.is_set()
    call(tmp_path, {"request": "stop"})
    assert control.ended.is_set()
    control.close()


def test_an_administrator_changes_something_by_hand(world: World) -> None:
    boot.start(world)
    try:
        done = orders.run(world, "portal1", powershell="Set-Content C:\\Windows\\Temp\\a.txt 'by hand'")
        assert done == "Portal1: done."
        with pytest.raises(orders.OrderError, match=r"on Portal1: .*Get-Nothing"):
            orders.run(world, "Portal1", powershell="Get-Nothing")
        with pytest.raises(orders.OrderError, match="either powershell or sql"):
            orders.run(world, "Portal1")
    finally:
        boot.stop(world)


def test_orders_say_what_is_possible(world: World) -> None:
    with pytest.raises(
        OrderError, match="unknown change explode; possible: stop, cut, start, restart, disconnect, connect"
    ):
        power(world, "SQL1", "explode")
    with pytest.raises(OrderError, match="unknown wire telnet; possible: winrm, sql, http"):
        break_wire(world, "SQL1", "telnet")
    with pytest.raises(OrderError, match="unknown moment during; possible: before, after"):
        break_wire(world, "SQL1", "sql", 1, "during")
