"""The file of one database: documents, and the log of every change with its log sequence number.

The log is what backups of the log carry and what travels to the other replicas of a group. An LSN has the decimal form
of SQL Server's catalog views: virtual log file, block (10 digits), slot (5 digits).
"""

from __future__ import annotations

import json
import sqlite3
import threading
import uuid
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from lab.sql.engine.storage.space import Changes, Space
from lab.world import Document

FIRST_LSN = 33 * 10**15 + 80 * 10**5 + 1
BLOCKS_IN_A_LOG_FILE = 496

Record = tuple[int, list[list[Any]]]
"""LSN and the changes of one committed transaction: kind, key, new document or None."""


class DatabaseFile(Space):
    """Documents of one database on one instance. Raises sqlite3.Error when the disk fails."""

    def __init__(self, path: Path, name: str) -> None:
        super().__init__()
        path.parent.mkdir(parents=True, exist_ok=True)
        self.path, self.name = path, name
        self._lock = threading.RLock()
        self._sqlite = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        self._sqlite.execute("PRAGMA journal_mode=WAL")
        self._sqlite.execute("PRAGMA synchronous=OFF")
        self._sqlite.execute(
            "CREATE TABLE IF NOT EXISTS entry (kind TEXT, key TEXT, body TEXT, PRIMARY KEY (kind, key))"
        )
        self._sqlite.execute("CREATE TABLE IF NOT EXISTS log (lsn INTEGER PRIMARY KEY, body TEXT)")
        self._sqlite.execute("CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, body TEXT)")
        self._entries: dict[str, dict[str, Document]] = {}
        for kind, key, body in self._sqlite.execute("SELECT kind, key, body FROM entry ORDER BY rowid"):
            self._entries.setdefault(kind, {})[key] = json.loads(body)
        self._meta: Document = {
            key: json.loads(body) for key, body in self._sqlite.execute("SELECT name, body FROM meta")
        }
        if "lsn" not in self._meta:
            self._set_meta(lsn=FIRST_LSN, family=str(uuid.uuid4()), fork=str(uuid.uuid4()))
        self.hardened: list[Callable[[list[Record]], None]] = []
        """Called after a commit with its record: the group ships it."""
        self.guard: Callable[[], None] = lambda: None
        """Raises SqlError when the database may not be written to."""
        self.keep_log: Callable[[], bool] = lambda: False
        self.pins = 0
        """While a full backup runs the log is kept, whatever the chain says."""

    # -- reading

    @property
    def lsn(self) -> int:
        """Of the last change."""
        return int(self._meta["lsn"])

    @property
    def family(self) -> str:
        """The same for a database and everything restored from its backups."""
        return str(self._meta["family"])

    @property
    def fork(self) -> str:
        """Changes where histories part: recovery from a restore, a forced failover."""
        return str(self._meta["fork"])

    @property
    def first_fork(self) -> str:
        """The history that this one parted from; this one itself where it never did."""
        return str(self._meta.get("first_fork", self.fork))

    @property
    def fork_point(self) -> int | None:
        """Up to which LSN both histories are the same; None where they never parted."""
        point = self._meta.get("fork_point")
        return None if point is None else int(point)

    def get(self, kind: str, key: str) -> Document | None:
        with self._lock:
            return self._entries.get(kind, {}).get(key)

    def items(self, kind: str) -> list[tuple[str, Document]]:
        with self._lock:
            return list(self._entries.get(kind, {}).items())

    def records(self, after: int, until: int | None = None) -> list[Record]:
        """The log after an LSN, oldest first."""
        with self._lock:
            last = self.lsn if until is None else until
            rows = self._sqlite.execute(
                "SELECT lsn, body FROM log WHERE lsn > ? AND lsn <= ? ORDER BY lsn", (after, last)
            )
            return [(lsn, json.loads(body)) for lsn, body in rows]

    @property
    def log_start(self) -> int:
        """LSN up to which the log was cut off; what follows is there."""
        return int(self._meta.get("cut", FIRST_LSN))

    @property
    def log_size(self) -> int:
        """Characters of the log that is not cut off."""
        with self._lock:
            return int(self._sqlite.execute("SELECT coalesce(sum(length(body)), 0) FROM log").fetchone()[0])

    @property
    def size(self) -> int:
        """Characters of all documents: what durations of backups are reckoned from."""
        with self._lock:
            return int(self._sqlite.execute("SELECT coalesce(sum(length(body)), 0) FROM entry").fetchone()[0])

    def snapshot(self) -> Document:
        """Everything, with its LSN and identity: what a full backup holds."""
        with self._lock:
            entries = {kind: dict(keys) for kind, keys in self._entries.items() if keys}
            past = {"first_fork": self.first_fork, "fork_point": self.fork_point}
            return {"entries": entries, "lsn": self.lsn, "family": self.family, "fork": self.fork, **past}

    # -- writing

    def check_writable(self) -> None:
        self.guard()

    def commit(self, changes: Changes) -> None:
        body = [[kind, key, document] for (kind, key), document in changes.items()]
        with self._lock:
            record = (self._next_lsn(len(body)), body)
            chain = changes.get(("option", "chain")) or {}
            starts = chain.get("last_log_backup_lsn") is not None
            self._write([record], log=starts or self.pins > 0 or self.keep_log())
        for ship in list(self.hardened):
            ship([record])

    def _next_lsn(self, weight: int) -> int:
        file, rest = divmod(self.lsn, 10**15)
        block = rest // 10**5 + 8 * max(1, weight)
        if block > BLOCKS_IN_A_LOG_FILE * 8:
            file, block = file + 1, 16
        return file * 10**15 + block * 10**5 + 1

    def apply(self, records: Iterable[Record]) -> None:
        """Replay log of another copy; records not newer than this copy are passed over."""
        with self._lock:
            fresh = [record for record in records if record[0] > self.lsn]
            if fresh:
                self._write(fresh, log=True)

    def _write(self, records: list[Record], *, log: bool) -> None:
        run = self._sqlite.execute
        run("BEGIN")
        try:
            for lsn, body in records:
                for kind, key, document in body:
                    if document is None:
                        run("DELETE FROM entry WHERE kind = ? AND key = ?", (kind, key))
                    else:
                        run(
                            "INSERT OR REPLACE INTO entry VALUES (?, ?, ?)",
                            (kind, key, json.dumps(document)),
                        )
                if log:
                    run("INSERT OR REPLACE INTO log VALUES (?, ?)", (lsn, json.dumps(body)))
            last = records[-1][0]
            values: Document = {"lsn": last} if log else {"lsn": last, "cut": last}
            if not log:
                run("DELETE FROM log")
            for name, value in values.items():
                run("INSERT OR REPLACE INTO meta VALUES (?, ?)", (name, json.dumps(value)))
            run("COMMIT")
        except BaseException:
            run("ROLLBACK")
            raise
        self._meta.update(values)
        for _, body in records:
            for kind, key, document in body:
                if document is None:
                    self._entries.get(kind, {}).pop(key, None)
                else:
                    self._entries.setdefault(kind, {})[key] = document

    def load(self, snapshot: Document) -> None:
        """Become what a full backup holds."""
        with self._lock:
            run = self._sqlite.execute
            run("BEGIN")
            for table in ("entry", "log"):
                run(f"DELETE FROM {table}")  # noqa: S608 - names from this line
            for kind, keys in snapshot["entries"].items():
                for key, document in keys.items():
                    run("INSERT INTO entry VALUES (?, ?, ?)", (kind, key, json.dumps(document)))
            run("COMMIT")
            self._entries = {kind: dict(keys) for kind, keys in snapshot["entries"].items()}
            lsn = snapshot["lsn"]
            fork, past = snapshot["fork"], snapshot.get("first_fork", snapshot["fork"])
            self._set_meta(lsn=lsn, cut=lsn, family=snapshot["family"], fork=fork)
            self._set_meta(first_fork=past, fork_point=snapshot.get("fork_point"))

    def fork_off(self) -> None:
        """From here on another history than the copies'."""
        self._set_meta(first_fork=self.fork, fork_point=self.lsn, fork=str(uuid.uuid4()))

    def cut_log(self, until: int) -> None:
        """Forget the log up to an LSN."""
        with self._lock:
            self._sqlite.execute("DELETE FROM log WHERE lsn <= ?", (until,))
            self._set_meta(cut=max(until, self.log_start))

    def _set_meta(self, **values: Any) -> None:
        with self._lock:
            for name, value in values.items():
                self._sqlite.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (name, json.dumps(value)))
            self._meta.update(values)

    def close(self) -> None:
        with self._lock:
            self._sqlite.close()


def erase(path: Path) -> None:
    """Delete the file of a database, with what SQLite keeps beside it."""
    for suffix in ("", "-wal", "-shm"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)
