"""A small world for tests of the lab's core: no waiting, its own loopback range."""

from __future__ import annotations

import atexit
import shutil
import tempfile
from pathlib import Path
from typing import Any

import yaml

from lab import authority, files, identity
from lab.boot import populate
from lab.world import World

TOPOLOGY = Path(__file__).parents[2] / "topologies" / "single-domain.yaml"
_AUTHORITY: list[Path] = []


def topology(subnet: str = "172.44.5") -> dict[str, Any]:
    """The article's topology in another subnet, so that tests of different parts do not meet on one address."""
    text = TOPOLOGY.read_text(encoding="utf-8").replace("172.21.5", subnet)
    loaded: dict[str, Any] = yaml.safe_load(text)
    return loaded


def small_world(directory: Path, pace: float = 0.0, subnet: str = "172.44.5") -> World:
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
    authority.begin(world)
    if not _AUTHORITY:
        kept = Path(tempfile.mkdtemp(prefix="lab-authority-"))
        atexit.register(shutil.rmtree, kept, ignore_errors=True)
        for folder in ("authority", "certificates"):
            shutil.copytree(directory / folder, kept / folder)
        _AUTHORITY.append(kept)
    return world
