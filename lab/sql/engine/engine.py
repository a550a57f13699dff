"""What the engine keeps in memory for one world: its instances, and who wants to hear of a moved primary."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from lab.quiet import Quiet
from lab.world import Machine, World

if TYPE_CHECKING:
    from lab.sql.engine.files import Files
    from lab.sql.engine.instance import Instance


@dataclass
class Engine:
    instances: dict[str, Instance] = field(default_factory=dict)
    """By lower-case machine name: the running ones."""
    files: dict[str, Files] = field(default_factory=dict)
    primary_callbacks: list[Callable[[str, Machine | None], None]] = field(default_factory=list)
    lock: threading.RLock = field(default_factory=threading.RLock)
    """Guards starting, stopping and the state of the groups. Never held while modelled time passes."""
    stopping: threading.Event = field(default_factory=threading.Event)
    watcher: threading.Thread | None = None
    hooked: bool = False
    quiet: Quiet = field(default_factory=Quiet)
    """When the groups are as time left them."""


_ENGINES: WeakKeyDictionary[World, Engine] = WeakKeyDictionary()
_LOCK = threading.Lock()


def engine_of(world: World) -> Engine:
    with _LOCK:
        return _ENGINES.setdefault(world, Engine())
