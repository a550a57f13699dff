"""What all parts of the engine share in memory for one world: its lock, and who wants to hear of a moved primary."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from weakref import WeakKeyDictionary

from lab.quiet import Quiet
from lab.world import Machine, World


@dataclass
class Engine:
    quiet: Quiet
    """When the groups are as time left them."""
    primary_callbacks: list[Callable[[str, Machine | None], None]] = field(default_factory=list)
    lock: threading.RLock = field(default_factory=threading.RLock)
    """Guards starting, stopping and the state of the groups. Never held while modelled time passes."""
    stopping: threading.Event = field(default_factory=threading.Event)
    watcher: threading.Thread | None = None
    hooked: bool = False


_ENGINES: WeakKeyDictionary[World, Engine] = WeakKeyDictionary()
_LOCK = threading.Lock()


def engine_of(world: World) -> Engine:
    with _LOCK:
        if (engine := _ENGINES.get(world)) is None:
            engine = _ENGINES[world] = Engine(Quiet(world.store))
        return engine
