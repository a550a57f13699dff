"""The state of the lab: machines and what is on them, as documents in one SQLite file.

Every object of the lab (a service, a local account, a web site, a SQL login) is a JSON document in a *collection*
that belongs to an *owner*: a machine, a domain, or the lab itself. Writing a document stores it at once, so the state
survives the process. Names are compared without case, as Windows does; the case of the first writing is kept.

Nothing here has behaviour of Windows: that lives in the parts (``lab.windows``, ``lab.sql``, ``lab.wap``), each of
which offers ``begin(world)`` (the state before anybody touches the farm), ``start(world)`` and ``stop(world)``.
"""

from __future__ import annotations

import json
import marshal
import sqlite3
import threading
import time
from collections.abc import Callable, ItemsView, Iterator, MutableMapping, ValuesView
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

Document = dict[str, Any]
"""One object of the lab. Only what JSON can hold: binary values are hexadecimal text, times ISO 8601 text in UTC."""


class Collection(MutableMapping[str, Document]):
    """The documents of one kind of one owner: a mapping from name to document.

    Reading gives a copy: change it and assign it back (``change`` does both under the lab's lock).
    """

    def __init__(self, store: Store, owner: str, kind: str) -> None:
        self._store, self._owner, self._kind = store, owner.lower(), kind

    def __getitem__(self, name: str) -> Document:
        found = self._store.read(self._owner, self._kind, name)
        if found is None:
            raise KeyError(name)
        return found

    def peek(self, name: str) -> Document | None:
        """A document as the store holds it, for what is read often: not a copy, so it must not be altered."""
        return self._store.shared(self._owner, self._kind).get(name.lower())

    def peek_all(self) -> list[tuple[str, Document]]:
        """Name and document of all, as ``peek`` gives one."""
        with self._store.lock:
            return self._store.shared(self._owner, self._kind).items()

    def __setitem__(self, name: str, document: Document) -> None:
        self._store.write(self._owner, self._kind, name, document)

    def __delitem__(self, name: str) -> None:
        if not self._store.remove(self._owner, self._kind, name):
            raise KeyError(name)

    def __iter__(self) -> Iterator[str]:
        return iter(self._store.names(self._owner, self._kind))

    def __len__(self) -> int:
        return len(self._store.names(self._owner, self._kind))

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and self._store.holds(self._owner, self._kind, name)

    def items(self) -> ItemsView[str, Document]:
        """All documents as they are at one moment: what others add or remove meanwhile does not show."""
        return self._store.documents(self._owner, self._kind).items()

    def values(self) -> ValuesView[Document]:
        """As ``items``."""
        return self._store.documents(self._owner, self._kind).values()

    def change(self, name: str, **values: Any) -> Document:
        """Set some keys of a document and store it. Raises KeyError when there is no such document."""
        with self._store.lock:
            document = self[name]
            document.update(values)
            self[name] = document
            return document


class _Held(NamedTuple):
    """A document in memory, and its packed form: unpacking that is a copy, much quicker than ``copy.deepcopy``."""

    name: str
    document: Document
    packed: bytes

    @classmethod
    def of(cls, name: str, body: str) -> _Held:
        document = json.loads(body)
        return cls(name, document, marshal.dumps(document))

    def copy(self) -> Document:
        copied: Document = marshal.loads(self.packed)  # noqa: S302 - packed above, by this process
        return copied


class Shared:
    """Documents as the store holds them. Not a copy: a reader must not alter what is found."""

    def __init__(self, documents: dict[str, _Held]) -> None:
        self._documents = documents
        self._pairs: list[tuple[str, Document]] | None = None
        self._indexes: dict[str, dict[Any, list[Document]]] = {}

    def get(self, key: str) -> Document | None:
        found = self._documents.get(key)
        return found.document if found else None

    def items(self) -> list[tuple[str, Document]]:
        if self._pairs is None:
            self._pairs = [(held.name, held.document) for held in self._documents.values()]
        return self._pairs

    def having(self, key: str, value: Any) -> list[Document]:
        """Those that have a value under a key, found without looking at each one."""
        index = self._indexes.get(key)
        if index is None:
            index = {}
            for held in self._documents.values():
                index.setdefault(held.document.get(key), []).append(held.document)
            self._indexes[key] = index
        return index.get(value, [])


def _stored(name: str) -> str:
    """A name as SQLite takes it: without halves of surrogate pairs, which a text of a script can hold."""
    return name if name.isascii() else name.encode("utf-8", "replace").decode("utf-8")


class Store:
    """Documents in SQLite, with a copy in memory so that reading costs no query."""

    def __init__(self, file: Path) -> None:
        self.lock = threading.RLock()
        self._database = sqlite3.connect(file, check_same_thread=False, isolation_level=None)
        self._database.execute("PRAGMA journal_mode=WAL")
        self._database.execute("PRAGMA synchronous=OFF")
        self._database.execute(
            "CREATE TABLE IF NOT EXISTS document (owner TEXT, kind TEXT, name TEXT COLLATE NOCASE, body TEXT,"
            " PRIMARY KEY (owner, kind, name))"
        )
        self._watchers: dict[str, list[Callable[[str], None]]] = {}
        self.version = 0
        """How often anything was written or removed."""
        self._documents: dict[tuple[str, str], dict[str, _Held]] = {}
        self._shared: dict[tuple[str, str], Shared] = {}
        """What was asked for since the last change of that kind."""
        rows = self._database.execute("SELECT owner, kind, name, body FROM document ORDER BY rowid")
        for owner, kind, name, body in rows:
            self._documents.setdefault((owner, kind), {})[name.lower()] = _Held.of(name, body)

    def read(self, owner: str, kind: str, name: str) -> Document | None:
        with self.lock:
            found = self._documents.get((owner, kind), {}).get(name.lower())
            return found.copy() if found else None

    def holds(self, owner: str, kind: str, name: str) -> bool:
        with self.lock:
            return name.lower() in self._documents.get((owner, kind), {})

    def write(self, owner: str, kind: str, name: str, document: Document) -> None:
        with self.lock:
            names = self._documents.setdefault((owner, kind), {})
            name = names[name.lower()].name if name.lower() in names else name
            body = json.dumps(document)
            self._database.execute(
                "INSERT INTO document VALUES (?, ?, ?, ?)"
                " ON CONFLICT (owner, kind, name) DO UPDATE SET body = excluded.body",
                (owner, kind, _stored(name), body),
            )
            names[name.lower()] = _Held.of(name, body)
            self._shared.pop((owner, kind), None)
            self.version += 1
        self._tell(owner, kind)

    def remove(self, owner: str, kind: str, name: str) -> bool:
        with self.lock:
            self._database.execute(
                "DELETE FROM document WHERE owner = ? AND kind = ? AND name = ?", (owner, kind, _stored(name))
            )
            removed = self._documents.get((owner, kind), {}).pop(name.lower(), None) is not None
            self._shared.pop((owner, kind), None)
            self.version += 1
        self._tell(owner, kind)
        return removed

    def watch(self, kind: str, callback: Callable[[str], None]) -> None:
        """Call ``callback(owner)`` after every change of documents of a kind, in the thread that makes it."""
        self._watchers.setdefault(kind, []).append(callback)

    def _tell(self, owner: str, kind: str) -> None:
        for callback in self._watchers.get(kind, ()):
            callback(owner)

    def names(self, owner: str, kind: str) -> list[str]:
        with self.lock:
            return [held.name for held in self._documents.get((owner, kind), {}).values()]

    def documents(self, owner: str, kind: str) -> dict[str, Document]:
        with self.lock:
            return {held.name: held.copy() for held in self._documents.get((owner, kind), {}).values()}

    def shared(self, owner: str, kind: str) -> Shared:
        """The documents of one kind without copying them: by lower-case name, to be read and never altered."""
        with self.lock:
            found = self._shared.get((owner, kind))
            if found is None:
                found = self._shared[owner, kind] = Shared(self._documents.setdefault((owner, kind), {}))
            return found

    def kinds(self, owner: str) -> list[str]:
        """The kinds of which the owner has at least one document."""
        with self.lock:
            return sorted(kind for (of, kind), names in self._documents.items() if of == owner.lower() and names)

    def close(self) -> None:
        self._database.close()


class Clock:
    """Time in the lab. Every duration of the modelled world passes through ``sleep``, scaled by ``pace``.

    A pace of 1 is real time, 0.02 fifty times faster. ``now`` is the ordinary clock (UTC): event logs and backup
    histories carry times that can be compared with a watch.
    """

    def __init__(self, pace: float) -> None:
        self.pace = pace

    def now(self) -> datetime:
        return datetime.now(UTC)

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds * self.pace)

    def elapsed(self, since: str) -> float:
        """Modelled seconds since an ISO 8601 time (as ``now().isoformat()`` gives it)."""
        passed = (self.now() - datetime.fromisoformat(since)).total_seconds()
        return passed / self.pace if self.pace else float("inf")


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
        from lab.authority import Authority
        from lab.faults import Faults
        from lab.network import Network

        directory.mkdir(parents=True, exist_ok=True)
        self.directory = directory
        self.topology = topology
        self.store = Store(directory / "state.sqlite")
        self.lock = self.store.lock
        self.clock = Clock(pace)
        self.machines: dict[str, Machine] = {}
        self.network = Network(self)
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
        wanted = name.lower()
        for machine in self.machines.values():
            if wanted in (machine.name.lower(), machine.fqdn, machine.address, machine.loopback):
                return machine
        raise KeyError(name)

    def add(self, machine: Machine) -> None:
        self.machines[machine.name.lower()] = machine
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
