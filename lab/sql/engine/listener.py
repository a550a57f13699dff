"""The names under which clients reach the primary of an availability group."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from lab.world import Machine, World


@dataclass(frozen=True)
class Listener:
    """``address`` is the one of the topology (172.21.5.50); ``lab.world.loopback_of`` gives where the lab binds."""

    name: str
    address: str
    port: int


def listeners(world: World) -> list[Listener]:
    """All listeners of all groups."""
    raise NotImplementedError


def primary_behind(world: World, name: str) -> Machine | None:
    """The machine whose instance a listener leads to; None while its group has no primary online."""
    raise NotImplementedError


def on_primary_changed(world: World, callback: Callable[[str, Machine | None], None]) -> None:
    """Call ``callback(group, new primary or None)`` whenever the primary of a group moved, went or came back."""
    raise NotImplementedError
