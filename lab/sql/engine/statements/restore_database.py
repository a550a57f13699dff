"""RESTORE DATABASE, LOG, HEADERONLY, FILELISTONLY, VERIFYONLY.

Log backups apply in sequence: one that begins after the database's LSN is too recent (4305),
one that ends before it too
early (4326), one of another history does not fit (4330). Source: messages of SQL Server, "Log Sequence Numbers".
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

from lab.files import free_bytes
from lab.sql.api import Column, Event, Message, ResultSet, SqlError
from lab.sql.engine import nodes as n
from lab.sql.engine.backup.history import record_restore
from lab.sql.engine.backup.media import open_device, read_sets
from lab.sql.engine.database import Database
from lab.sql.engine.errors import SeveralErrors, error
from lab.sql.engine.frame import Frame
from lab.sql.engine.parse.parser import Parser, Statement, statement
from lab.sql.engine.statements.backup_database import PAGE, duration
from lab.sql.engine.statements.backup_options import With, devices, name_or_variable, parse_with, text_of
from lab.sql.engine.statements.database import lost_folder, new_database_document
from lab.sql.engine.statements.encryption import protector
from lab.sql.engine.statements.rowcount import counted
from lab.sql.engine.values import quantum
from lab.world import Document


def terminating(verb: str, *failures: SqlError) -> SqlError:
    return SeveralErrors(*failures, error(3013, verb))


def chosen_set(frame: Frame, device: n.Expression, options: With, verb: str) -> tuple[Document, Document, str]:
    """Header and set that FILE names (the first one by default)."""
    instance = frame.session.instance
    path = text_of(frame, device)
    file = open_device(instance.world, instance.machine, path, verb, write=False)
    header, sets = read_sets(file, path, verb)
    number = options.number(frame, "FILE", 1)
    if not 1 <= number <= len(sets):
        raise terminating(verb, error(3287, number, path))
    return header, sets[number - 1], path


@dataclass
class Restore(Statement):
    kind: str
    name: n.Expression
    device: n.Expression | None
    options: With = field(default_factory=With)

    @property
    def verb(self) -> str:
        return f"RESTORE {self.kind}"

    def run(self, frame: Frame) -> Iterator[Event]:
        session = frame.session
        if session.trancount:
            raise terminating(self.verb, error(3021))
        name = text_of(frame, self.name)
        existing = session.find_database(name)
        self._allowed(frame, name, existing)
        if self.device is None:
            yield from self._recover(frame, name, existing)
            return
        header, backup, path = chosen_set(frame, self.device, self.options, self.verb)
        self._readable(frame, backup)
        seconds = duration(int(backup["size"]))
        if self.kind == "DATABASE":
            if backup["type"] != "D":
                raise terminating(self.verb, error(3118, name) if existing is None else error(3117))
            self._full(frame, name, existing, backup, seconds)
        else:
            session.work(self.verb, seconds)
            self._log(frame, name, existing, backup)
        recovery = "NORECOVERY" not in self.options.flags
        if recovery:
            recover(frame, name)
        record_restore(session, name, backup, header, path, kind="D" if self.kind == "DATABASE" else "L",
                       recovery=recovery, replace="REPLACE" in self.options.flags)  # fmt: skip
        pages = max(1, int(backup["size"]) // 8192)
        yield Message(
            4035,
            f"Processed {pages} pages for database '{name}', file '{backup['files'][0]['logical']}' on file 1.",
            0,
            1,
        )
        yield Message(
            3014,
            f"{self.verb} successfully processed {pages} pages in {duration(int(backup['size'])):.3f} seconds.",
            0,
            1,
        )

    def _readable(self, frame: Frame, backup: Document) -> None:
        """Raises 3169 for a backup of a later release: a database's form never goes back; 33111 for one of an encrypted
        database whose certificate this server has not."""
        here, there = frame.session.instance.version, backup["version"]
        if list(here[:2]) < there[:2]:
            shown = [f"{major:02}.{minor:02}.{build:04}" for major, minor, build in (there, here)]
            raise terminating(self.verb, error(3169, *shown))
        key = backup.get("encryption")
        if key and protector(frame.session.server, key["thumbprint"]) is None:
            raise terminating(self.verb, error(33111, "certificate", f"0x{key['thumbprint'].upper()}"))

    def _allowed(self, frame: Frame, name: str, existing: Database | None) -> None:
        session = frame.session
        if existing is None:
            if not session.principal.may(session.server, "CREATE ANY DATABASE"):
                raise terminating(self.verb, error(3110, "RESTORE", name))
            return
        owner = existing.document["owner"] == session.principal.sid.hex()
        if not owner and not session.principal.may(session.server, "ALTER ANY DATABASE"):
            raise terminating(self.verb, error(3110, "RESTORE", name))
        if existing.document["group"]:
            raise terminating(self.verb, error(3104, name))
        if session.database.lower() == name.lower():
            raise terminating(self.verb, error(3102, "RESTORE", name))
        if any(s.database.lower() == name.lower() for s in list(session.instance.sessions.values())):
            raise terminating(self.verb, error(3101))

    def _files(self, frame: Frame, name: str, backup: Document) -> list[Document]:
        moves = {text_of(frame, a).lower(): text_of(frame, b) for a, b in self.options.moves}
        known = {one["logical"].lower() for one in backup["files"]}
        for logical in moves:
            if logical not in known:
                raise terminating(self.verb, error(3234, logical, backup["database"]))
        files = [{**one, "path": moves.get(one["logical"].lower(), one["path"])} for one in backup["files"]]
        for other in frame.session.server.documents("database"):
            taken = {one["path"].lower() for one in other["files"]}
            for one in files:
                if other["name"].lower() != name.lower() and one["path"].lower() in taken:
                    raise terminating(self.verb, error(1834, one["path"], other["name"]))
        if lost := lost_folder(frame.session.instance, files):
            one, failure = lost
            raise terminating(self.verb, failure, error(3156, one["logical"], one["path"]), error(3119))
        self._room(frame, name, files)
        return files

    def _room(self, frame: Frame, name: str, files: list[Document]) -> None:
        """Raises 3257 where the volume has less room than the files take beyond those that they replace."""
        existing = frame.session.find_database(name)
        pages = sum(one["size"] for one in files)
        pages -= sum(one["size"] for one in existing.document["files"]) if existing else 0
        free = free_bytes(frame.session.instance.machine)
        if pages * PAGE > free:
            volume = files[0]["path"].partition("\\")[0] + "\\"
            raise terminating(self.verb, error(3257, volume, pages * PAGE, free), error(3119))

    def _full(self, frame: Frame, name: str, existing: Database | None, backup: Document, took_seconds: float) -> None:
        """From its first moment on the database is RESTORING, and of no history before the last: one that breaks off
        leaves it so (4319)."""
        session = frame.session
        files = self._files(frame, name, backup)
        now = session.instance.now()
        if existing is not None:
            if "REPLACE" not in self.options.flags and not existing.document.get("interrupted"):
                file = session.instance.file(existing.document)
                if file.family != backup["family"]:
                    raise terminating(self.verb, error(3154, name))
                chain = existing.chain().get("last_log_backup_lsn")
                if existing.document["state"] == "ONLINE" and chain is not None and file.lsn > chain:
                    raise terminating(self.verb, error(3159, name))
            document = {**existing.document, "files": files}
        else:
            document = new_database_document(session, name, session.principal.sid, files, now)
        begun = {**document, "state": "RESTORING", "restored_lsn": None, "interrupted": True}
        session.instance.machine.collection("sql-database")[name.lower()] = begun
        session.work(self.verb, took_seconds)
        session.instance.file(document).load(backup["snapshot"])
        ended = {**document, "state": "RESTORING", "restored_lsn": backup["last_lsn"]}
        ended.pop("interrupted", None)
        session.server.put("database", name, ended)

    def _log(self, frame: Frame, name: str, existing: Database | None, backup: Document) -> None:
        session = frame.session
        if existing is None:
            raise terminating(self.verb, error(3118, name))
        if existing.document["state"] != "RESTORING":
            raise terminating(self.verb, error(3117))
        if backup["type"] != "L":
            raise terminating(self.verb, error(3116))
        self._whole(existing)
        file = session.instance.file(existing.document)
        if backup["family"] != file.family or backup["fork"] != file.fork:
            raise terminating(self.verb, error(4330))
        if backup["first_lsn"] > file.lsn:
            raise terminating(self.verb, error(4305, backup["first_lsn"], file.lsn))
        if backup["last_lsn"] < file.lsn:
            raise terminating(self.verb, error(4326, backup["last_lsn"], file.lsn))
        file.apply([(lsn, body) for lsn, body in backup["records"]])
        session.server.change("database", name, restored_lsn=backup["last_lsn"])

    def _whole(self, existing: Database) -> None:
        """Raises 4319 for a database whose restore broke off."""
        if existing.document.get("interrupted"):
            raise terminating(self.verb, error(4319, existing.document["files"][0]["logical"]))

    def _recover(self, frame: Frame, name: str, existing: Database | None) -> Iterator[Event]:
        if existing is None:
            raise terminating(self.verb, error(911, name))
        if existing.document["state"] != "RESTORING":
            raise terminating(self.verb, error(3153))
        self._whole(existing)
        if "NORECOVERY" not in self.options.flags:
            recover(frame, name)
        yield Message(3014, "RESTORE DATABASE successfully processed 0 pages in 0.100 seconds.", 0, 1)


def recover(frame: Frame, name: str) -> None:
    """Bring a restoring database online, on a history of its own from here. The owner is who restored it."""
    session = frame.session
    database = session.find_database(name)
    assert database is not None
    session.server.change("database", name, state="ONLINE")
    file = session.instance.file(database.document)
    file.fork_off()
    after = session.view(file)
    chain = after.get("option", "chain") or {}
    if database.options()["recovery"] != "SIMPLE":
        after.put("option", "chain", {**chain, "last_log_backup_lsn": chain.get("last_log_backup_lsn") or file.lsn})
    after.put("option", "database", {**database.options(), "trustworthy": False})


def _restore(kind: str, p: Parser) -> Statement:
    name = name_or_variable(p)
    device = None
    if p.accept("FROM"):
        (device,) = devices(p)
    return Restore(kind, name, device, parse_with(p))


@statement("RESTORE", "DATABASE")
def _database(p: Parser) -> Statement:
    return _restore("DATABASE", p)


@statement("RESTORE", "LOG")
def _log(p: Parser) -> Statement:
    return _restore("LOG", p)


@dataclass
class Inspect(Statement):
    kind: str
    device: n.Expression
    options: With

    def run(self, frame: Frame) -> Iterator[Event]:
        session = frame.session
        session.require("CREATE ANY DATABASE", 262, "CREATE DATABASE", "master")
        verb = f"RESTORE {self.kind}"
        path = text_of(frame, self.device)
        file = open_device(session.instance.world, session.instance.machine, path, verb, write=False)
        _, sets = read_sets(file, path, verb)
        if self.kind == "VERIFYONLY":
            yield Message(3262, f"The backup set on file {self.options.number(frame, 'FILE', 1)} is valid.", 0, 1)
            return
        rows = [_header(one, index) for index, one in enumerate(sets, 1)]
        columns: tuple[Column, ...] = HEADER
        if self.kind == "FILELISTONLY":
            _, backup, _ = chosen_set(frame, self.device, self.options, verb)
            rows = [
                (f["logical"], f["path"], "D" if f["type"] == "ROWS" else "L", f["size"] * 8192, f["id"])
                for f in backup["files"]
            ]
            columns = FILES
        yield ResultSet(columns, rows)
        yield counted(frame, len(rows))


HEADER = (
    Column("BackupName", "nvarchar(128)"), Column("BackupType", "smallint"), Column("Compressed", "bit"),
    Column("Position", "smallint"), Column("UserName", "nvarchar(128)"), Column("ServerName", "nvarchar(128)"),
    Column("DatabaseName", "nvarchar(128)"), Column("DatabaseCreationDate", "datetime"), Column("BackupSize",
                                                                                                "numeric(20,0)"),
    Column("FirstLSN", "numeric(25,0)"), Column("LastLSN", "numeric(25,0)"), Column("CheckpointLSN", "numeric(25,0)"),
    Column("DatabaseBackupLSN", "numeric(25,0)"), Column("BackupStartDate", "datetime"),
    Column("BackupFinishDate", "datetime"), Column("CompatibilityLevel", "tinyint"), Column("FamilyGUID",
                                                                                            "uniqueidentifier"),
    Column("IsCopyOnly", "bit"), Column("RecoveryModel", "nvarchar(60)"), Column("HasBackupChecksums", "bit"),
    Column("FirstRecoveryForkID", "uniqueidentifier"), Column("RecoveryForkID", "uniqueidentifier"),
    Column("BackupSetGUID", "uniqueidentifier"),
)  # fmt: skip
FILES = (Column("LogicalName", "nvarchar(128)"), Column("PhysicalName", "nvarchar(260)"), Column("Type", "char(1)"),
         Column("Size", "numeric(20,0)"), Column("FileId", "bigint"))  # fmt: skip


def _header(one: Document, position: int) -> tuple[Any, ...]:
    def moment(key: str) -> datetime:
        return quantum(datetime.fromisoformat(one[key]))

    return (one["name"], 1 if one["type"] == "D" else 2, one["compressed"], position, one["user"], one["server"],
            one["database"], moment("database_created"), Decimal(one["size"]), Decimal(one["first_lsn"]),
            Decimal(one["last_lsn"]), Decimal(one["checkpoint_lsn"]), Decimal(one["database_backup_lsn"]),
            moment("start"), moment("finish"), one["compatibility"], uuid.UUID(one["family"]), one["copy_only"],
            one["recovery"], one["checksum"], uuid.UUID(one["fork"]), uuid.UUID(one["fork"]),
            uuid.UUID(one["uuid"]))  # fmt: skip


for _kind in ("HEADERONLY", "FILELISTONLY", "VERIFYONLY"):

    def _parse(p: Parser, kind: str = _kind) -> Statement:
        p.expect("FROM")
        (device,) = devices(p)
        return Inspect(kind, device, parse_with(p))

    statement("RESTORE", _kind)(_parse)
