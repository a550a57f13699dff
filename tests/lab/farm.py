"""A small world for tests of the lab's core: no services, no waiting, its own loopback range."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from lab import authority, files, identity
from lab.boot import populate
from lab.world import World

TOPOLOGY = Path(__file__).parents[2] / "topologies" / "single-domain.yaml"


def topology(subnet: str = "172.44.5") -> dict[str, Any]:
    """The article's topology in another subnet, so that tests of different parts do not meet on one address."""
    text = TOPOLOGY.read_text(encoding="utf-8").replace("172.21.5", subnet)
    loaded: dict[str, Any] = yaml.safe_load(text)
    return loaded


def small_world(directory: Path, pace: float = 0.0, subnet: str = "172.44.5") -> World:
    """Machines, accounts, files and the authority, as they are at the beginning."""
    world = World(directory, topology(subnet), pace)
    populate(world)
    identity.begin(world)
    files.begin(world)
    authority.begin(world)
    return world
