"""A small world for tests of the Windows part: four machines on a loopback range of their own, nothing listens."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from lab import files, identity
from lab.powershell.api import CMDLETS, Call, PowerShellError, Session
from lab.world import Machine, World

TOPOLOGY: dict[str, Any] = {
    "domains": [{"name": "hyper-v.nu", "netbios": "HYPERVNU", "subnet": "172.45.5.0/24"}],
    "machines": [
        {"name": "Portal1", "domain": "hyper-v.nu", "address": "172.45.5.151", "interface": "Ethernet"},
        {"name": "Portal2", "domain": "hyper-v.nu", "address": "172.45.5.152", "interface": "Ethernet"},
        {"name": "SQL1", "domain": "hyper-v.nu", "address": "172.45.5.121"},
        {"name": "FILE", "domain": "hyper-v.nu", "address": "172.45.5.110"},
    ],
    "sql": {
        "replicas": ["SQL1"],
        "cluster": {"name": "sqlcluster", "address": "172.45.5.120"},
        "group": "SQL",
        "listener": {"name": "SQL", "address": "172.45.5.50", "port": 1433},
        "backup_share": "\\\\FILE\\SQLAG",
    },
}
ROLES = {"Portal1": ("portal",), "Portal2": ("portal",), "SQL1": ("sql",), "FILE": ("file",)}


def make_world(directory: Path, pace: float = 0.0) -> World:
    from lab.windows import beginning

    world = World(directory, TOPOLOGY, pace)
    for entry in TOPOLOGY["machines"]:
        address = entry["address"]
        world.add(
            Machine(
                world, entry["name"], "hyper-v.nu", "HYPERVNU", address, "127." + address.split(".", 1)[1],
                ROLES[entry["name"]],
            )
        )  # fmt: skip
    identity.begin(world)
    files.begin(world)
    beginning.begin(world)
    return world


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    world = make_world(tmp_path)
    yield world
    world.store.close()


@dataclass
class Recorder:
    """A stand-in for the evaluator that keeps what a cmdlet reports."""

    errors: list[PowerShellError] = field(default_factory=list)
    stop: bool = False
    """As $ErrorActionPreference = 'Stop' does."""
    warnings: list[str] = field(default_factory=list)

    def invoke(self, block: Any, *arguments: Any, item: Any = None) -> list[Any]:
        return list(block(item, *arguments))

    def text(self, value: Any) -> str:
        return str(value)

    def write_error(self, error: PowerShellError) -> None:
        self.errors.append(error)
        if self.stop:
            raise error

    def write_warning(self, message: str) -> None:
        self.warnings.append(message)


@dataclass
class Shell:
    """Calls cmdlets by their functions, as one user on one machine."""

    session: Session
    recorder: Recorder = field(default_factory=Recorder)

    def __call__(self, name: str, *piped: Any, **parameters: Any) -> list[Any]:
        call = Call(name, parameters, list(piped), self.session, self.recorder, frozenset(parameters))
        return list(CMDLETS[name.lower()](call) or [])


@pytest.fixture
def shell(world: World) -> Any:
    """``shell("Portal1")`` is an administrator's WinRM session there; ``logon`` and ``user`` can be chosen."""

    def make(machine: str, user: str = "HYPERVNU\\installer", logon: str = "network") -> Shell:
        where = world.machine(machine)
        return Shell(Session(where, identity.identity(world, where, user), logon))

    return make


def encoded(script: str) -> str:
    """A script as -EncodedCommand takes it."""
    return base64.b64encode(script.encode("utf-16-le")).decode()
