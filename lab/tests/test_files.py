"""Disks and shares of the lab."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from lab import files, machines
from lab.files import LabFileError, resolve
from lab.tests.worlds import small_world
from lab.world import World

SERVICE = "HYPERVNU\\SVC_SQL"


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    world = small_world(tmp_path)
    yield world
    world.close()


def code(world: World, path: str, *, account: str = SERVICE, write: bool = False, machine: str = "SQL1") -> int:
    with pytest.raises(LabFileError) as caught:
        resolve(world, world.machine(machine), path, account, write)
    assert str(caught.value) == files.MESSAGES[caught.value.code]
    return caught.value.code


def test_names_are_found_without_case_and_keep_theirs(world: World) -> None:
    machine = world.machine("SQL1")
    made = resolve(world, machine, "c:\\Windows\\Temp\\Read Me.TXT", SERVICE, True)
    made.write_text("x")
    assert resolve(world, machine, "C:\\WINDOWS\\temp\\read me.txt. ", SERVICE, False) == made
    assert resolve(world, machine, "C:/Windows/../WINDOWS/./Temp/read me.txt", SERVICE, True) == made
    assert made.name == "Read Me.TXT"


def test_what_is_missing(world: World) -> None:
    assert code(world, "C:\\Windows\\none.txt") == 2
    assert code(world, "C:\\none\\none.txt") == 3
    assert code(world, "C:\\none\\none.txt", write=True) == 3
    assert code(world, "X:\\none.txt") == 3
    assert code(world, "none.txt") == 161
    assert code(world, "C:\\Windows\\a?b") == 123
    assert code(world, "C:\\Windows\\nul.txt", write=True) == 123


def test_nobody_leaves_the_drive(world: World) -> None:
    inside = resolve(world, world.machine("SQL1"), "C:\\..\\..\\..\\..\\Windows", SERVICE, False)
    assert inside == world.directory / "files" / "sql1" / "C" / "Windows"


@pytest.mark.parametrize("server", ["FILE", "file.hyper-v.nu", "172.44.5.110"])
def test_the_share_is_the_file_servers_directory(world: World, server: str) -> None:
    written = resolve(world, world.machine("SQL1"), f"\\\\{server}\\sqlag\\db.bak", SERVICE, True)
    written.write_bytes(b"1")
    local = resolve(world, world.machine("FILE"), "C:\\Shares\\SQLAG\\db.bak", "x", False)
    assert local == written


def test_rights_to_the_share(world: World) -> None:
    assert code(world, "\\\\FILE\\SQLAG\\a", account="HYPERVNU\\SVC_SPF") == 5
    world.machine("FILE").collection("share").change("SQLAG", access={SERVICE: "read"})
    assert code(world, "\\\\FILE\\SQLAG\\a", write=True) == 5
    assert code(world, "\\\\FILE\\SQLAG\\a") == 2
    assert code(world, "\\\\FILE\\SQLAG\\a", account="HYPERVNU\\nobody") == 1326


def test_a_system_service_comes_as_its_computer(world: World) -> None:
    share = world.machine("FILE").collection("share")
    assert code(world, "\\\\FILE\\SQLAG\\a", account="NT AUTHORITY\\SYSTEM", write=True) == 5
    share.change("SQLAG", access={"HYPERVNU\\SQL1$": "change"})
    assert resolve(world, world.machine("SQL1"), "\\\\FILE\\SQLAG\\a", "NT AUTHORITY\\SYSTEM", True)
    assert code(world, "\\\\FILE\\SQLAG\\a", account="NT AUTHORITY\\SYSTEM", machine="SQL2") == 5


def test_administrative_shares_are_for_administrators(world: World) -> None:
    assert resolve(world, world.machine("SQL1"), "\\\\FILE\\C$\\Windows", "HYPERVNU\\installer", False)
    assert code(world, "\\\\FILE\\C$\\Windows") == 5


def test_servers_that_cannot_be_reached(world: World) -> None:
    assert code(world, "\\\\NOBODY\\SQLAG\\a") == 53
    assert code(world, "\\\\FILE\\None\\a") == 67
    machines.disconnect(world, world.machine("FILE"))
    assert code(world, "\\\\FILE\\SQLAG\\a", write=True) == 53
    machines.connect(world, world.machine("FILE"))
    machines.stop(world, world.machine("FILE"))
    assert code(world, "\\\\FILE\\SQLAG\\a", write=True) == 53
    machines.start(world, world.machine("FILE"))
    assert resolve(world, world.machine("SQL1"), "\\\\FILE\\SQLAG\\a", SERVICE, True)


def test_a_full_disk(world: World) -> None:
    server = world.machine("FILE")
    files.fill(server)
    assert code(world, "\\\\FILE\\SQLAG\\a", write=True) == 112
    assert resolve(world, world.machine("SQL1"), "\\\\FILE\\SQLAG", SERVICE, False)
    files.fill(server, full=False)
    assert resolve(world, world.machine("SQL1"), "\\\\FILE\\SQLAG\\a", SERVICE, True)
