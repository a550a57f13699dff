"""BACKUP DATABASE and BACKUP LOG.

Rules (SQL Server documentation "Recovery Models", "Copy-Only Backups"): the first full backup that is not copy-only
starts the chain of log backups; a copy-only log backup neither truncates nor moves it; SIMPLE has no log backups.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from lab.sql.api import Event, Message, SqlError
from lab.sql.engine import nodes as n
from lab.sql.engine.backup.history import record_backup
from lab.sql.engine.backup.media import NUL, open_device, write_set
from lab.sql.engine.database import Database
from lab.sql.engine.errors import SeveralErrors, error, not_modelled
from lab.sql.engine.frame import Frame
from lab.sql.engine.group.state import role_of
from lab.sql.engine.parse.parser import Parser, Statement, statement
from lab.sql.engine.statements.backup_options import With, devices, name_or_variable, parse_with, text_of
from lab.world import Document

SECONDS, SECONDS_PER_MEGABYTE = 1.0, 0.05
"""Modelled time of a backup or restore: the lab's estimate."""
PAGE = 8192


def duration(size: int) -> float:
    return SECONDS + SECONDS_PER_MEGABYTE * size / 2**20


@dataclass
class Backup(Statement):
    kind: str
    """DATABASE or LOG."""
    name: n.Expression
    device: n.Expression
    options: With = field(default_factory=With)

    def run(self, frame: Frame) -> Iterator[Event]:
        session = frame.session
        verb = f"BACKUP {self.kind}"
        if session.trancount:
            raise SeveralErrors(error(3021), error(3013, verb))
        name, path = text_of(frame, self.name), text_of(frame, self.device)
        database = session.find_database(name)
        if database is None:
            raise SeveralErrors(error(911, name), error(3013, verb))
        self._allowed(frame, database, verb)
        source = session.instance.file(database.document)
        source.pins += 1
        try:
            yield from self._back_up(frame, database, verb, name, path)
        finally:
            source.pins -= 1

    def _back_up(self, frame: Frame, database: Database, verb: str, name: str, path: str) -> Iterator[Event]:
        session = frame.session
        copy_only = "COPY_ONLY" in self.options.flags
        backup = self._content(frame, database, verb, copy_only=copy_only)
        world, machine = session.instance.world, session.instance.machine
        file = None if path.upper() == NUL else open_device(world, machine, path, verb, write=True)
        stats = self.options.number(frame, "STATS", 10) if "STATS" in self.options.values else 0
        seconds = duration(backup["size"])
        done = 0
        for percent in _steps(stats):
            session.work(verb, seconds * (percent - done) / 100, seconds, done)
            done = percent
            if stats:
                yield Message(3211, f"{percent} percent processed.", 0, 1)
        backup["finish"] = session.instance.now().isoformat()
        fresh = bool(self.options.flags & {"INIT", "FORMAT"})
        header, position = write_set(file, backup, fresh=fresh, path=path)
        self._chain(session, database, backup, copy_only=copy_only)
        record_backup(session, backup, header, path, position)
        pages, log_pages = max(1, backup["size"] // PAGE), max(1, len(backup.get("records", [])))
        total = pages if self.kind == "DATABASE" else log_pages
        data, log = (one["logical"] for one in database.document["files"][:2])
        if self.kind == "DATABASE":
            yield Message(
                4035,
                f"Processed {pages} pages for database '{name}', file '{data}' on file {position}.",
                0,
                1,
            )
        yield Message(
            4035,
            f"Processed {log_pages} pages for database '{name}', file '{log}' on file {position}.",
            0,
            1,
        )
        yield Message(
            3014,
            f"{verb} successfully processed {total} pages in {seconds:.3f} seconds.",
            0,
            1,
        )

    def _allowed(self, frame: Frame, database: Database, verb: str) -> None:
        session = frame.session
        role = role_of(session.instance.machine, database.document)
        if role == "SECONDARY" and "COPY_ONLY" not in self.options.flags and self.kind == "DATABASE":
            raise SeveralErrors(error(3059), error(3013, verb))
        if role == "SECONDARY":
            raise not_modelled("backups on a secondary replica")
        try:
            database.check_state()
            access = session.access(database)
        except SqlError as failure:
            raise SeveralErrors(failure, error(3013, verb)) from None
        if not access.may(database.view, verb):
            raise SeveralErrors(error(262, verb, database.name), error(3013, verb))
        if database.name.lower() == "tempdb":
            raise SeveralErrors(error(3147), error(3013, verb))

    def _content(self, frame: Frame, database: Database, verb: str, *, copy_only: bool) -> Document:
        session = frame.session
        file = session.instance.file(database.document)
        options, chain = database.options(), database.chain()
        backup: dict[str, Any] = {
            "uuid": str(uuid.uuid4()), "type": "D" if self.kind == "DATABASE" else "L", "database": database.name,
            "name": text_of(frame, self.options.values["NAME"]) if "NAME" in self.options.values else None,
            "server": session.instance.machine.name.upper(), "user": session.principal.name, "copy_only": copy_only,
            "start": session.instance.now().isoformat(), "recovery": options["recovery"],
            "family": file.family, "fork": file.fork, "checksum": "CHECKSUM" in self.options.flags,
            "compressed": "COMPRESSION" in self.options.flags, "database_created": database.document["created"],
            "version": list(session.instance.version), "files": database.document["files"],
            "compatibility": options["compatibility"], "encryption": database.view.get("option", "encryption"),
            "first_lsn": file.lsn, "last_lsn": file.lsn + 1, "checkpoint_lsn": file.lsn,
            "database_backup_lsn": chain.get("differential_base_lsn") or 0,
        }  # fmt: skip
        if self.kind == "DATABASE":
            backup.update(snapshot=file.snapshot(), size=file.size)
            return backup
        if options["recovery"] == "SIMPLE":
            raise SeveralErrors(error(4208, "BACKUP LOG", "SIMPLE"), error(3013, verb))
        start = chain.get("last_log_backup_lsn")
        if start is None:
            raise SeveralErrors(error(4214), error(3013, verb))
        records = file.records(start)
        backup.update(
            first_lsn=start, last_lsn=file.lsn, records=records, size=sum(len(str(record)) for record in records)
        )
        return backup

    def _chain(self, session: Any, database: Database, backup: Document, *, copy_only: bool) -> None:
        chain = database.chain()
        values = dict(chain)
        if self.kind == "DATABASE" and not copy_only:
            values["differential_base_lsn"] = backup["checkpoint_lsn"]
            if chain.get("last_log_backup_lsn") is None and backup["recovery"] != "SIMPLE":
                values["last_log_backup_lsn"] = backup["first_lsn"]
        if self.kind == "LOG" and not copy_only:
            values["last_log_backup_lsn"] = backup["last_lsn"]
        if values == chain or database.options()["read_only"]:
            return
        database.view.put("option", "chain", values)
        if self.kind == "LOG" and not copy_only:
            file = session.instance.file(database.document)
            current = session.statement or session.transaction
            current.on_commit.append(lambda: session.instance.truncate(database.document, file, backup["last_lsn"]))


def _steps(stats: int) -> list[int]:
    if not stats:
        return [100]
    steps = list(range(stats, 101, stats))
    return steps if steps and steps[-1] == 100 else [*steps, 100]


def _backup(kind: str, p: Parser) -> Statement:
    name = name_or_variable(p)
    p.expect("TO")
    (device,) = devices(p)
    return Backup(kind, name, device, parse_with(p))


@statement("BACKUP", "DATABASE")
def _database(p: Parser) -> Statement:
    return _backup("DATABASE", p)


@statement("BACKUP", "LOG")
def _log(p: Parser) -> Statement:
    return _backup("LOG", p)
