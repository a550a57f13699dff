"""Documents in one SQLite file.

Every object of the lab (a service, a local account, a web site, a SQL login) is a JSON document in a *collection* that
belongs to an *owner*: a machine, a domain, or the lab itself.
Writing a document stores it at once, so the state survives the process. Names are compared without case, as Windows
does; the case of the first writing is kept.
"""

from __future__ import annotations

import json
import marshal
import sqlite3
import threading
from collections.abc import Callable, ItemsView, Iterator, MutableMapping, ValuesView
from contextlib import contextmanager
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


Reads = dict[tuple[str, str], Shared]
"""Which kinds of documents something read, by owner and kind, each as it was."""


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
        self._documents: dict[tuple[str, str], dict[str, _Held]] = {}
        self._shared: dict[tuple[str, str], Shared] = {}
        """What was asked for since the last change of that kind."""
        self._reading: dict[int, Reads] = {}
        """By thread: what a thread that wants to know reads at the moment."""
        rows = self._database.execute("SELECT owner, kind, name, body FROM document ORDER BY rowid")
        for owner, kind, name, body in rows:
            self._documents.setdefault((owner, kind), {})[name.lower()] = _Held.of(name, body)

    def read(self, owner: str, kind: str, name: str) -> Document | None:
        with self.lock:
            found = self._kind(owner, kind).get(name.lower())
            return found.copy() if found else None

    def holds(self, owner: str, kind: str, name: str) -> bool:
        with self.lock:
            return name.lower() in self._kind(owner, kind)

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
        self._tell(owner, kind)

    def remove(self, owner: str, kind: str, name: str) -> bool:
        with self.lock:
            self._database.execute(
                "DELETE FROM document WHERE owner = ? AND kind = ? AND name = ?", (owner, kind, _stored(name))
            )
            removed = self._documents.get((owner, kind), {}).pop(name.lower(), None) is not None
            self._shared.pop((owner, kind), None)
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
            return [held.name for held in self._kind(owner, kind).values()]

    def documents(self, owner: str, kind: str) -> dict[str, Document]:
        with self.lock:
            return {held.name: held.copy() for held in self._kind(owner, kind).values()}

    def shared(self, owner: str, kind: str) -> Shared:
        """The documents of one kind without copying them: by lower-case name, to be read and never altered."""
        with self.lock:
            found = self._shared.get((owner, kind))
            if found is None:
                found = self._shared[owner, kind] = Shared(self._documents.setdefault((owner, kind), {}))
            if self._reading and (reads := self._reading.get(threading.get_ident())) is not None:
                reads.setdefault((owner, kind), found)
            return found

    def _kind(self, owner: str, kind: str) -> dict[str, _Held]:
        """With the lock held."""
        if self._reading:
            self.shared(owner, kind)  # notes it
        return self._documents.get((owner, kind), {})

    @contextmanager
    def reading(self) -> Iterator[Reads]:
        """What this thread reads inside, whatever way it does, and each kind as it was when it was read first."""
        thread = threading.get_ident()
        around = self._reading.get(thread)
        reads = self._reading[thread] = Reads()
        try:
            yield reads
        finally:
            if around is None:
                del self._reading[thread]
            else:
                self._reading[thread] = around
                self._note(reads)

    def unchanged(self, reads: Reads) -> bool:
        """Whether everything that was read is what it was. It counts as read again."""
        with self.lock:
            if any(self._shared.get(key) is not shared for key, shared in reads.items()):
                return False
        self._note(reads)
        return True

    def _note(self, reads: Reads) -> None:
        if self._reading and (around := self._reading.get(threading.get_ident())) is not None:
            for key, shared in reads.items():
                around.setdefault(key, shared)

    def close(self) -> None:
        self._database.close()
