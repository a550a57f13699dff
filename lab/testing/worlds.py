"""A small world in this process: machines, accounts, files and the authority, no waiting, its own loopback range.

For tests that need one wire and not the farm; ``lab.testing.farm`` starts all of it.
"""

from __future__ import annotations

import atexit
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from lab import files, identity, trust
from lab.boot import populate
from lab.sql import beginning as sql_beginning
from lab.testing.handle import AnyLab, Lab, inside
from lab.winrm import service
from lab.world import Document, World

__all__ = [
    "TOPOLOGIES",
    "TOPOLOGY",
    "Lab",
    "Machine",
    "authorities",
    "begin_sql",
    "begin_winrm",
    "close",
    "machines",
    "set_pace",
    "small_world",
    "topology",
]

TOPOLOGIES = Path(__file__).parents[1] / "topologies"
"""The topologies that come with the lab: a farm in one domain, one with the portal in a domain of its own, and one
of the release before Windows Azure Pack."""
TOPOLOGY = TOPOLOGIES / "single-domain.yaml"
_AUTHORITY: list[Path] = []
_LISTENERS: dict[str, tuple[Document, Document]] = {}


def topology(subnet: str = "172.44.5") -> dict[str, Any]:
    """The article's topology in another subnet, so that tests of different parts do not meet on one address."""
    text = TOPOLOGY.read_text(encoding="utf-8").replace("172.21.5", subnet)
    loaded: dict[str, Any] = yaml.safe_load(text)
    return loaded


def small_world(directory: Path, pace: float = 0.0, subnet: str = "172.44.5") -> Lab:
    """Machines, accounts, files and the authority, as they are at the beginning; nothing listens.

    The authority's files are made once for all tests of a run: keys take time.
    """
    if _AUTHORITY:
        for folder in ("authority", "certificates"):
            shutil.copytree(_AUTHORITY[0] / folder, directory / folder)
    world = World(directory, topology(subnet), pace)
    populate(world)
    identity.begin(world)
    files.begin(world)
    trust.begin(world)
    if not _AUTHORITY:
        kept = Path(tempfile.mkdtemp(prefix="lab-authority-"))
        atexit.register(shutil.rmtree, kept, ignore_errors=True)
        for folder in ("authority", "certificates"):
            shutil.copytree(directory / folder, kept / folder)
        _AUTHORITY.append(kept)
    return Lab(world)


@dataclass(frozen=True)
class Machine:
    """A machine of a lab."""

    name: str
    """As the topology names it."""
    fqdn: str
    """In lower case."""
    netbios: str
    """Of its domain."""
    address: str
    """Where it listens, on loopback."""


def machines(lab: AnyLab) -> dict[str, Machine]:
    """Every machine, by its name in lower case."""
    return {name: Machine(one.name, one.fqdn, one.netbios, one.loopback) for name, one in inside(lab).machines.items()}


def authorities(lab: AnyLab) -> Path:
    """The file of the authority that clients have to trust."""
    return inside(lab).directory / "authority" / "ca.pem"


def set_pace(lab: AnyLab, pace: float) -> None:
    """The length of modelled durations from now on, 1 for real time."""
    inside(lab).clock.pace = pace


def close(lab: AnyLab) -> None:
    """Let go of files and threads; the state stays in the directory."""
    inside(lab).close()


def begin_winrm(lab: AnyLab) -> None:
    """The WinRM listeners' certificates, made once for all tests of a run."""
    world = inside(lab)
    if not _LISTENERS:
        service.begin(world)
        for name, machine in world.machines.items():
            listener = machine.collection("winrm")["listener"]
            _LISTENERS[name] = listener, machine.collection("certificate")[listener["thumbprint"]]
    for name, (listener, certificate) in _LISTENERS.items():
        machine = world.machine(name)
        machine.collection("winrm")["listener"] = listener
        machine.collection("certificate")[listener["thumbprint"]] = certificate


def begin_sql(lab: AnyLab) -> None:
    """The SQL Servers with the availability group of the topology, as an administrator has made it."""
    world = inside(lab)
    world.topology["sql"]["adopt"] = True
    sql_beginning.begin(world)
