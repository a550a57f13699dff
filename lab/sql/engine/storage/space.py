"""Documents by kind and key, and transactions over them.

A transaction keeps its changes to itself until it commits: others read what was committed before, a rollback forgets.
One transaction at a time may write to a space; the next writer waits, as it would for locks (coarser than the real
thing, which locks rows).
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

from lab.sql.engine.errors import error
from lab.world import Document, Machine

Change = tuple[str, str]
Changes = dict[Change, Document | None]
LATCH = threading.Condition(threading.RLock())
"""Guards who writes where, for all spaces of the process (held for moments only)."""


class Space:
    """Committed documents. Documents read from here are not to be altered: write a new one."""

    name = ""

    def __init__(self) -> None:
        self.writer: Transaction | None = None

    def get(self, kind: str, key: str) -> Document | None:
        raise NotImplementedError

    def items(self, kind: str) -> list[tuple[str, Document]]:
        raise NotImplementedError

    def commit(self, changes: Changes) -> None:
        """Make changes durable, all or none."""
        raise NotImplementedError

    def check_writable(self) -> None:
        """Raises SqlError when nothing may be written here."""


class ServerSpace(Space):
    """What belongs to an instance and not to a database: documents of the machine, kinds ``sql-…``."""

    def __init__(self, machine: Machine) -> None:
        super().__init__()
        self.name, self._machine = machine.name, machine

    def get(self, kind: str, key: str) -> Document | None:
        return self._machine.world.store.shared(self._machine.name.lower(), f"sql-{kind}").get(key.lower())

    def items(self, kind: str) -> list[tuple[str, Document]]:
        with self._machine.world.lock:
            return self._machine.world.store.shared(self._machine.name.lower(), f"sql-{kind}").items()

    def having(self, kind: str, key: str, value: Any) -> list[Document]:
        """The documents of a kind with a value under a key, however many others there are."""
        with self._machine.world.lock:
            return self._machine.world.store.shared(self._machine.name.lower(), f"sql-{kind}").having(key, value)

    def commit(self, changes: Changes) -> None:
        with self._machine.world.lock:
            for (kind, key), document in changes.items():
                collection = self._machine.collection(f"sql-{kind}")
                if document is not None:
                    collection[key] = document
                elif key in collection:
                    del collection[key]


class Transaction:
    """Changes that nobody else sees yet."""

    def __init__(self, spid: int, *, lock_timeout_ms: Callable[[], int], cancelled: Callable[[], None]) -> None:
        self.spid = spid
        self.began = time.time()
        self._lock_timeout_ms, self._cancelled = lock_timeout_ms, cancelled
        self.changes: dict[Space, Changes] = {}
        self._waiting_for: Space | None = None
        self.on_commit: list[Callable[[], None]] = []

    def get(self, space: Space, kind: str, key: str) -> Document | None:
        changes = self.changes.get(space, {})
        return changes[kind, key] if (kind, key) in changes else space.get(kind, key)

    def items(self, space: Space, kind: str) -> list[tuple[str, Document]]:
        changes = {key: body for (of, key), body in self.changes.get(space, {}).items() if of == kind}
        committed = space.items(kind)
        if not changes:
            return committed
        known = {key for key in changes if space.get(kind, key) is not None}
        rows = [pair if pair[0].lower() not in known else (pair[0], changes[pair[0].lower()]) for pair in committed]
        new = [(key, document) for key, document in changes.items() if key not in known]
        return [(key, document) for key, document in (*rows, *new) if document is not None]

    def put(self, space: Space, kind: str, key: str, document: Document | None) -> None:
        self._claim(space)
        self.changes.setdefault(space, {})[kind, key] = document

    def _claim(self, space: Space) -> None:
        if space.writer is self:
            return
        space.check_writable()
        limit = self._lock_timeout_ms()
        deadline = None if limit < 0 else time.monotonic() + limit / 1000
        with LATCH:
            self._waiting_for = space
            try:
                while space.writer is not None and space.writer is not self:
                    if self._deadlocked():
                        raise error(1205, self.spid, state=51)
                    if deadline is not None and time.monotonic() >= deadline:
                        raise error(1222, state=45)
                    LATCH.wait(0.05)
                    self._cancelled()
                space.writer = self
            finally:
                self._waiting_for = None

    def _deadlocked(self) -> bool:
        seen: set[int] = set()
        holder = self._waiting_for.writer if self._waiting_for else None
        while holder is not None and id(holder) not in seen:
            if holder is self:
                return True
            seen.add(id(holder))
            holder = holder._waiting_for.writer if holder._waiting_for else None
        return False

    def mark(self) -> dict[Space, Changes]:
        """What is changed so far, to return to with ``back_to``."""
        return {space: dict(changes) for space, changes in self.changes.items()}

    def back_to(self, mark: dict[Space, Changes]) -> None:
        self.changes = {space: dict(changes) for space, changes in mark.items()}

    def commit(self) -> None:
        try:
            for space in self.changes:
                space.check_writable()
            for space, changes in self.changes.items():
                if changes:
                    space.commit(changes)
        finally:
            self._release()
        for action in self.on_commit:
            action()

    def rollback(self) -> None:
        self._release()

    def _release(self) -> None:
        with LATCH:
            for space in [*self.changes]:
                if space.writer is self:
                    space.writer = None
            self.changes = {}
            LATCH.notify_all()


class View:
    """One space as one session sees it: its own uncommitted changes over what is committed. Keys without case."""

    def __init__(self, space: Space, transaction: Callable[[bool], Transaction | None]) -> None:
        self.space, self._transaction = space, transaction

    def get(self, kind: str, key: str) -> Document | None:
        current = self._transaction(False)
        return current.get(self.space, kind, key.lower()) if current else self.space.get(kind, key.lower())

    def items(self, kind: str) -> list[tuple[str, Document]]:
        current = self._transaction(False)
        return current.items(self.space, kind) if current else self.space.items(kind)

    def documents(self, kind: str) -> list[Document]:
        return [document for _, document in self.items(kind)]

    def put(self, kind: str, key: str, document: Document) -> None:
        self._writing().put(self.space, kind, key.lower(), document)

    def change(self, kind: str, key: str, **values: Any) -> None:
        self.put(kind, key, {**(self.get(kind, key) or {}), **values})

    def delete(self, kind: str, key: str) -> None:
        self._writing().put(self.space, kind, key.lower(), None)

    def _writing(self) -> Transaction:
        current = self._transaction(True)
        assert current is not None
        return current
