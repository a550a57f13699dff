"""The names under which clients reach the primary of an availability group."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from lab.sql.engine.engine import engine_of
from lab.sql.engine.group.progress import advance
from lab.sql.engine.group.state import groups
from lab.world import Machine, World


@dataclass(frozen=True)
class Listener:
    """``address`` is the one of the topology (172.21.5.50); ``lab.addresses.loopback_of`` gives where the lab binds."""

    name: str
    address: str
    port: int


def listeners(world: World) -> list[Listener]:
    """All listeners of all groups, one for each address."""
    return [
        Listener(one["name"], address["address"], int(one["port"]))
        for group in groups(world)
        for one in group.of("listener").values()
        for address in one["addresses"]
    ]


def primary_behind(world: World, name: str) -> Machine | None:
    """The machine whose instance a listener leads to; None while its group has no primary online."""
    advance(world)
    for group in groups(world):
        if name in group.of("listener"):
            return group.primary_machine if group.online else None
    return None


def owners(world: World) -> dict[str, Machine | None]:
    """Every availability group with the machine that carries it; None while it has no primary online."""
    advance(world)
    return {group.name: group.machine(str(group.primary)) if group.online else None for group in groups(world)}


def on_primary_changed(world: World, callback: Callable[[str, Machine | None], None]) -> None:
    """Call ``callback(group, new primary or None)`` whenever the primary of a group moved, went or came back.

    Called from whatever thread noticed it, with the engine's lock held: return soon, and start nothing that waits for
    the engine.
    """
    engine_of(world).primary_callbacks.append(callback)
