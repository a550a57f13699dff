"""A small world as ``lab.testing.worlds`` makes it, from within."""

from __future__ import annotations

from pathlib import Path

from lab.testing import worlds
from lab.testing.handle import inside
from lab.world import World


def small_world(directory: Path, pace: float = 0.0, subnet: str = "172.44.5") -> World:
    return inside(worlds.small_world(directory, pace, subnet))
