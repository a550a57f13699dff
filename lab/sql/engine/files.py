"""The database files of a machine, opened once a process, and what a commit to one of them sets going."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

from lab.sql.api import SqlError
from lab.sql.engine.engine import engine_of
from lab.sql.engine.errors import error
from lab.sql.engine.group.state import find_group
from lab.sql.engine.storage.file import DatabaseFile, Record, erase
from lab.world import Document, Machine, World

HARDENED: list[Callable[[World, str, str, list[Record]], None]] = []
"""Who hears of a commit to a database of an availability group: world, group, database, records. The group's parts
register themselves."""


class Files:
    """The database files of one machine, opened once a process. They stay open while the service is stopped."""

    def __init__(self, world: World, machine: Machine) -> None:
        self.world, self.machine = world, machine
        self._open: dict[str, DatabaseFile] = {}
        self._dropped: set[str] = set()
        self._lock = threading.RLock()

    def by_document(self, document: Document) -> DatabaseFile:
        """The file of a database. Raises 911 for one that was dropped since its document was read."""
        name = str(document["file"])
        with self._lock:  # opened twice, a file would have two versions in memory
            if name in self._dropped:
                raise error(911, document["name"])
            if name not in self._open:
                self._open[name] = self._wire(DatabaseFile(self._path(name), document["name"]), name)
            return self._open[name]

    def _path(self, name: str) -> Path:
        return self.world.directory / "sql" / self.machine.name.lower() / name

    def _wire(self, file: DatabaseFile, key: str) -> DatabaseFile:
        def document() -> Document | None:
            rows = self.machine.collection("sql-database").values()
            return next((row for row in rows if row["file"] == key), None)

        def guard() -> None:
            found = document()
            group = find_group(self.world, found["group"]) if found and found.get("group") else None
            if found and group is not None and group.role(self.machine) != "PRIMARY":
                raise error(983, found["name"])

        def keep() -> bool:
            options, chain = file.get("option", "database") or {}, file.get("option", "chain") or {}
            return options.get("recovery", "FULL") != "SIMPLE" and chain.get("last_log_backup_lsn") is not None

        def ship(records: list[Any]) -> None:
            found = document()
            if found and found.get("group"):
                for hears in HARDENED:
                    hears(self.world, found["group"], found["name"], records)

        file.guard, file.keep_log = guard, keep
        file.hardened.append(ship)
        return file

    def by_name(self, name: str) -> DatabaseFile | None:
        document = self.machine.collection("sql-database").get(name.lower())
        try:
            return self.by_document(document) if document else None
        except SqlError:
            return None

    def drop(self, document: Document) -> None:
        """Delete the file of a database whose document is gone; its name never comes again. Who reads it at this moment
        keeps what he has: it is closed when nobody holds it any more."""
        name = str(document["file"])
        with self._lock:
            self._dropped.add(name)
            self._open.pop(name, None)
            erase(self._path(name))

    def close(self) -> None:
        with self._lock:
            for file in self._open.values():
                file.close()
            self._open.clear()


_FILES: WeakKeyDictionary[World, dict[str, Files]] = WeakKeyDictionary()
"""By lower-case machine name."""


def files_of(world: World, machine: Machine) -> Files:
    with engine_of(world).lock:
        return _FILES.setdefault(world, {}).setdefault(machine.name.lower(), Files(world, machine))


def close_files(world: World) -> None:
    """The lab stops: no file is open any more."""
    for files in _FILES.pop(world, {}).values():
        files.close()
