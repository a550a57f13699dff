"""The state of the lab: machines and what is on them, as documents (``lab.store``).

Nothing here has behaviour of Windows: that lives in the parts (``lab.windows``, ``lab.sql``, ``lab.wap``), each of
which offers ``begin(world)`` (the state before anybody touches the farm), ``start(world)`` and ``stop(world)``.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from lab.authority import Authority
from lab.clock import Clock
from lab.faults import Faults
from lab.memo import Memo
from lab.network import Network
from lab.outsiders import outsiders
from lab.store import Collection, Document, Store

__all__ = [
    "Clock",
    "Collection",
    "Document",
    "Identity",
    "Machine",
    "Request",
    "Response",
    "ServiceControl",
    "Store",
    "World",
]


@dataclass(frozen=True)
class Machine:
    """One Windows machine. ``address`` is the one of the topology (172.21.5.121), ``loopback`` where the lab binds."""

    world: World = field(repr=False, compare=False)
    name: str
    domain: str
    netbios: str
    address: str
    loopback: str
    roles: tuple[str, ...]

    @property
    def fqdn(self) -> str:
        return f"{self.name}.{self.domain}".lower()

    def collection(self, kind: str) -> Collection:
        return self.world.collection(self.name, kind)

    @property
    def running(self) -> bool:
        """False while the machine is shut down or restarting."""
        return bool(self.collection("power")["state"]["running"])


@dataclass(frozen=True)
class Identity:
    """Who runs something: ``HYPERVNU\\installer`` with its SID, its groups and whether it is an administrator here."""

    user: str
    sid: str
    groups: frozenset[str] = frozenset()
    administrator: bool = False


@dataclass(frozen=True)
class Request:
    """One HTTP request to a web site of the lab; header names are lower case."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes
    client: str
    port: int


@dataclass(frozen=True)
class Response:
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""


@dataclass(frozen=True)
class ServiceControl:
    """How a part starts and stops what is behind a Windows service on one machine."""

    start: Callable[[Machine], None]
    stop: Callable[[Machine], None]


class World:
    """All machines and their state, the clock, and the places where parts of the lab find each other."""

    def __init__(self, directory: Path, topology: Document, pace: float = 0.02) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self.directory = directory
        self.topology = topology
        self.store = Store(directory / "state.sqlite")
        self.lock = self.store.lock
        self.memo = Memo(self.store)
        self.clock = Clock(pace)
        self.machines: dict[str, Machine] = {}
        self._names: dict[str, Machine] = {}
        self.network = Network(self.store, partial(outsiders, topology, self.machines))
        self.faults = Faults(self.clock)
        self.authority = Authority(directory / "authority")
        self.site_handlers: dict[str, Callable[[Machine, Request], Response]] = {}
        """By lower-case name of a web site: what answers a request that IIS accepted for it. Runs in a thread."""
        self.machine_hooks: list[tuple[Callable[[Machine], None], Callable[[Machine], None]]] = []
        """(started, stopped) of each part: called after a machine came up and before it goes down."""
        self.power_locks: dict[str, threading.RLock] = {}
        """By lower-case machine name: held while its power changes (``lab.machines``)."""
        self._journal = (directory / "journal.jsonl").open("a", encoding="utf-8")
        self.service_controls: dict[str, ServiceControl] = {}
        """By lower-case service name (``mssqlserver``): what stopping and starting the service does."""

    def collection(self, owner: str, kind: str) -> Collection:
        return Collection(self.store, owner, kind)

    def machine(self, name: str) -> Machine:
        """By NetBIOS name, full name or address (either one). Raises KeyError for an unknown machine."""
        return self._names[name.lower()]

    def add(self, machine: Machine) -> None:
        self.machines[machine.name.lower()] = machine
        for name in (machine.name.lower(), machine.fqdn, machine.address, machine.loopback):
            self._names.setdefault(name, machine)
        if "state" not in machine.collection("power"):
            machine.collection("power")["state"] = {"running": True, "booted": self.clock.now().isoformat()}

    def journal(self, machine: str, kind: str, text: str) -> None:
        """Record what reached the lab over a wire, as it came: tests look here for secrets and count starts.

        ``kind`` is ``start`` (a command line), ``script`` (a PowerShell text that was parsed), ``sql`` (the text of a
        batch or of a parameterised statement, without its parameters) or ``http`` (a request line). ``composed`` did
        not come over a wire: SQL text that a statement put together and ran with EXECUTE (passwords and hashes masked).
        """
        with self.lock:
            entry = {"time": self.clock.now().isoformat(), "machine": machine, "kind": kind, "text": text}
            self._journal.write(json.dumps(entry) + "\n")
            self._journal.flush()

    def close(self) -> None:
        """Let go of files and threads; the state stays on the disk. Parts are stopped before (``lab.boot.stop``)."""
        self.network.stop()
        with self.lock:
            self.store.close()
            self._journal.close()

    def log_event(self, machine: Machine, channel: str, provider: str, event: int, level: str, message: str) -> None:
        """Append to an event log of the machine. ``level`` is Error, Warning or Information."""
        with self.lock:
            log = machine.collection("event")
            number = len(log) + 1
            log[f"{number:08d}"] = {
                "record": number,
                "channel": channel,
                "provider": provider,
                "id": event,
                "level": level,
                "message": message,
                "time": self.clock.now().isoformat(),
            }
