"""CREATE and DROP DATABASE."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from lab.files import LabFileError
from lab.sql.api import Event, SqlError
from lab.sql.engine.backup.media import locate
from lab.sql.engine.database import OPTIONS, SYSTEM, new_contents
from lab.sql.engine.errors import SeveralErrors, error, not_modelled
from lab.sql.engine.frame import Frame
from lab.sql.engine.instance import Instance
from lab.sql.engine.parse.parser import Parser, Statement, statement
from lab.sql.engine.session import Session
from lab.sql.installation import Names
from lab.world import Document

CREATION_SECONDS = 0.5
"""Modelled time to make the files of a database (the lab's estimate)."""


def outside_transaction(frame: Frame, what: str) -> None:
    """Raises 226 inside a user transaction."""
    if frame.session.trancount:
        raise error(226, what)


def default_files(names: Names, name: str) -> list[Document]:
    """Data and log file as CREATE DATABASE without ON makes them; size in pages of 8 KB."""
    folder = names.folder + "\\DATA"
    data = {"id": 1, "type": "ROWS", "logical": name, "path": f"{folder}\\{name}.mdf", "size": 520, "growth": 128}
    return [data, _log_file(folder, name)]


def _log_file(folder: str, name: str) -> Document:
    logical = f"{name}_log"
    return {"id": 2, "type": "LOG", "logical": logical, "path": f"{folder}\\{logical}.ldf", "size": 130, "growth": 10}


def lost_folder(instance: Instance, files: list[Document]) -> tuple[Document, SqlError] | None:
    """The first file of a database whose folder is not there, with the error 5133 that says so.

    Setup makes the folders of its own instance only: a path in the folder of an instance with another name is none.
    """
    own = (instance.installation.folder + "\\DATA").lower()
    for one in files:
        folder = one["path"].rpartition("\\")[0]
        if folder.lower() == own:
            continue
        try:
            found = locate(instance.world, instance.machine, folder, write=False)
            if not found.is_dir():
                raise LabFileError(3, folder)  # noqa: TRY301
        except LabFileError as failure:
            return one, error(5133, one["path"], failure.code, failure.message)
    return None


def new_database_document(
    session: Session, name: str, owner: bytes, files: list[Document], now: datetime, **values: Any
) -> Document:
    """The document of a database on an instance."""
    return {
        "name": name, "id": _number(session, name), "state": "ONLINE", "owner": owner.hex(), "created": now.isoformat(),
        "files": files, "file": f"{uuid.uuid4().hex}.sqlite", "group": None, "group_database": None, **values,
    }  # fmt: skip


def _number(session: Session, name: str) -> int:
    """The lowest free database_id. What another session chose is not visible before its statement ends: the instance
    remembers it until then."""
    instance = session.instance
    with instance.numbering:
        used = {document["id"] for document in session.server.documents("database")}
        instance.chosen_numbers = {n: of for n, of in instance.chosen_numbers.items() if n not in used}
        taken = used | {n for n, of in instance.chosen_numbers.items() if of != name.lower()}
        number = next(candidate for candidate in range(5, 32767) if candidate not in taken)
        instance.chosen_numbers[number] = name.lower()
        return number


@dataclass
class CreateDatabase(Statement):
    name: str
    files: list[Document] = field(default_factory=list)

    def run(self, frame: Frame) -> Iterator[Event]:
        outside_transaction(frame, "CREATE DATABASE")
        session = frame.session
        session.require("CREATE ANY DATABASE", 262, "CREATE DATABASE", "master")
        if session.server.get("database", self.name) is not None:
            raise error(1801, self.name, state=3)
        files = self.files or default_files(session.instance.installation, self.name)
        taken = {f["path"].lower(): d["name"] for d in session.server.documents("database") for f in d["files"]}
        for one in files:
            if one["path"].lower() in taken:
                raise SeveralErrors(error(5170, one["path"]), error(1802))
        if lost := lost_folder(session.instance, files):
            raise SeveralErrors(lost[1], error(1802))
        session.sleep(CREATION_SECONDS)
        now = session.instance.now()
        model = session.find_database("model")
        options = model.options() if model else dict(OPTIONS)
        document = new_database_document(session, self.name, session.principal.sid, files, now)
        view = session.view(session.instance.file(document))
        for kind, key, entry in new_contents(session.principal.sid, now.isoformat(), **options):
            view.put(kind, key, entry)
        session.server.put("database", self.name, document)
        return iter(())


def parse_file(p: Parser, number: int, kind: str) -> Document:
    p.expect("(")
    found: Document = {"id": number, "type": kind, "size": 520, "growth": 128}
    while True:
        word = p.one_of("NAME", "FILENAME", "SIZE", "MAXSIZE", "FILEGROWTH")
        p.expect("=")
        if word == "NAME":
            found["logical"] = p.name() if p.at_name() else p.string()
        elif word == "FILENAME":
            found["path"] = p.string()
        else:
            p.next()
            p.accept("KB") or p.accept("MB") or p.accept("GB") or p.accept("%")
        if not p.accept(","):
            break
    p.expect(")")
    return found


@statement("CREATE", "DATABASE")
def _create(p: Parser) -> Statement:
    name = p.name()
    files: list[Document] = []
    if p.accept("CONTAINMENT"):
        p.expect("=")
        if p.one_of("NONE", "PARTIAL") == "PARTIAL":
            raise not_modelled("contained databases")
    if p.accept("ON"):
        p.accept("PRIMARY")
        files.append(parse_file(p, 1, "ROWS"))
        while p.accept(","):
            if p.at("FILEGROUP"):
                raise not_modelled("filegroups")
            files.append(parse_file(p, len(files) + 2, "ROWS"))
    if p.accept("LOG"):
        p.expect("ON")
        files.append(parse_file(p, 2, "LOG"))
    elif files:
        stem = files[0]["path"].rsplit("\\", 1)[0]
        files.append(_log_file(stem, name))
    if p.accept("COLLATE"):
        p.name()
    if p.at("FOR") or p.at("AS") or p.at("WITH"):
        raise not_modelled(f"CREATE DATABASE … {p.token.upper}")
    return CreateDatabase(name, files)


@dataclass
class DropDatabase(Statement):
    names: list[str]

    def run(self, frame: Frame) -> Iterator[Event]:
        outside_transaction(frame, "DROP DATABASE")
        for name in self.names:
            self._drop(frame, name)
        return iter(())

    @staticmethod
    def _drop(frame: Frame, name: str) -> None:
        session = frame.session
        document = session.server.get("database", name)
        allowed = document is not None and (
            document["owner"] == session.principal.sid.hex()
            or session.principal.may(session.server, "ALTER ANY DATABASE")
        )
        if document is None or not allowed:
            raise error(3701, "database", name)
        if name.lower() in SYSTEM:
            raise error(3708, "database", name)
        if document["group"]:
            raise error(3752, name)
        users = [s for s in list(session.instance.sessions.values()) if s.database.lower() == name.lower()]
        if users:
            raise error(3702, name, state=4 if session not in users else 3)
        session.server.delete("database", name)
        current = session.statement
        assert current is not None
        current.on_commit.append(lambda: session.instance.forget(document))


@statement("DROP", "DATABASE")
def _drop(p: Parser) -> Statement:
    names = [p.name()]
    while p.accept(","):
        names.append(p.name())
    return DropDatabase(names)
