"""ALTER DATABASE: options, state, name, and its part in an availability group."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from lab.sql.api import Event
from lab.sql.engine.database import SYSTEM, Database
from lab.sql.engine.errors import SeveralErrors, error, not_modelled
from lab.sql.engine.frame import Frame
from lab.sql.engine.group.state import role_of
from lab.sql.engine.parse.parser import Parser, Statement, statement
from lab.sql.engine.statements.availability_replica import DatabaseHadr
from lab.sql.engine.statements.database import outside_transaction
from lab.sql.engine.statements.encryption import set_encryption

SWITCHES = {"AUTO_CLOSE": "auto_close", "AUTO_SHRINK": "auto_shrink",
            "AUTO_CREATE_STATISTICS": "auto_create_statistics",
            "AUTO_UPDATE_STATISTICS": "auto_update_statistics",
            "AUTO_UPDATE_STATISTICS_ASYNC": "auto_update_statistics_async",
            "ANSI_NULLS": "ansi_nulls", "ANSI_PADDING": "ansi_padding", "ANSI_WARNINGS": "ansi_warnings",
            "ANSI_NULL_DEFAULT": "ansi_null_default", "ARITHABORT": "arithabort",
            "QUOTED_IDENTIFIER": "quoted_identifier",
            "CONCAT_NULL_YIELDS_NULL": "concat_null_yields_null", "NUMERIC_ROUNDABORT": "numeric_roundabort",
            "RECURSIVE_TRIGGERS": "recursive_triggers", "CURSOR_CLOSE_ON_COMMIT": "cursor_close_on_commit",
            "TRUSTWORTHY": "trustworthy", "DB_CHAINING": "db_chaining", "ALLOW_SNAPSHOT_ISOLATION": "snapshot",
            "READ_COMMITTED_SNAPSHOT": "read_committed_snapshot",
            "DATE_CORRELATION_OPTIMIZATION": "date_correlation"}  # fmt: skip
NOT_IN_A_GROUP = frozenset(("auto_close", "read_only", "user_access", "broker"))
"""Options that a database of a group does not let go of (1468)."""


@dataclass
class SetDatabaseOptions(Statement):
    name: str
    values: dict[str, Any]
    termination: str = ""

    def run(self, frame: Frame) -> Iterator[Event]:
        outside_transaction(frame, "ALTER DATABASE")
        session = frame.session
        database = alterable(frame, self.name)
        for key, value in self.values.items():
            if database.document["group"] and (
                key in NOT_IN_A_GROUP or (key == "recovery" and value != "FULL") or key == "state"
            ):
                raise SeveralErrors(error(1468, database.name), error(5069))
            if database.name.lower() in SYSTEM and key in ("state", "read_only", "user_access", "auto_close"):
                raise SeveralErrors(error(5058, key.upper(), database.name), error(5069))
        if "state" in self.values:
            self._state(frame, database, self.values["state"])
            return iter(())
        if database.document["state"] != "ONLINE":
            raise SeveralErrors(error(5052, database.document["state"]), error(5069))
        if self.values.keys() & {"user_access", "read_only", "read_committed_snapshot"}:
            self._alone(frame, database)
        if "encryption" in self.values:
            set_encryption(database, on=self.values["encryption"])
        options = database.options()
        if self.values.get("recovery") == "SIMPLE" and options["recovery"] != "SIMPLE":
            database.view.put("option", "chain", {**database.chain(), "last_log_backup_lsn": None})
        database.set_options(**{key: value for key, value in self.values.items() if key != "encryption"})
        session.server.change("database", database.name)
        return iter(())

    def _alone(self, frame: Frame, database: Database) -> None:
        """Nobody else may be in the database: wait, give up or throw them out, as WITH says."""
        session = frame.session
        while True:
            others = [
                s for s in list(session.instance.sessions.values())
                if s is not session and s.database.lower() == database.name.lower()
            ]  # fmt: skip
            if not others:
                return
            if self.termination == "ROLLBACK":
                for other in others:
                    other.close()
            elif self.termination == "NO_WAIT":
                raise SeveralErrors(error(5070, database.name), error(5069))
            else:
                session.sleep(0.5)

    def _state(self, frame: Frame, database: Database, state: str) -> None:
        session = frame.session
        if database.document["state"] == "RESTORING":
            raise SeveralErrors(error(5052, "RESTORING"), error(5069))
        if state == "OFFLINE":
            self._alone(frame, database)
        session.server.change("database", database.name, state=state)


def alterable(frame: Frame, name: str) -> Database:
    """A database that the session may alter. Raises 5011 and, for a secondary's, 976."""
    session = frame.session
    wanted = session.database if name.upper() == "CURRENT" else name
    database = session.find_database(wanted)
    if database is None:
        raise SeveralErrors(error(5011, name), error(5069))
    owner = database.document["owner"] == session.principal.sid.hex()
    if not (owner or session.principal.may(session.server, "ALTER ANY DATABASE")):
        raise SeveralErrors(error(5011, name), error(5069))
    if role_of(session.instance.machine, database.document) == "SECONDARY":
        raise SeveralErrors(error(976, database.name), error(5069))
    return database


@dataclass
class RenameDatabase(Statement):
    name: str
    new: str

    def run(self, frame: Frame) -> Iterator[Event]:
        outside_transaction(frame, "ALTER DATABASE")
        session = frame.session
        database = alterable(frame, self.name)
        if database.document["group"]:
            raise SeveralErrors(error(1468, self.name), error(5069))
        if session.server.get("database", self.new) is not None:
            raise error(1801, self.new, state=3)
        session.server.delete("database", self.name)
        session.server.put("database", self.new, {**database.document, "name": self.new})
        return iter(())


@statement("ALTER", "DATABASE")
def _alter(p: Parser) -> Statement:
    name = p.name() if p.at_name() else p.word()
    if p.accept("MODIFY"):
        if not p.accept("NAME"):
            raise not_modelled("ALTER DATABASE MODIFY FILE")
        p.expect("=")
        return RenameDatabase(name, p.name())
    if p.at_any("ADD", "REMOVE", "COLLATE"):
        raise not_modelled(f"ALTER DATABASE {p.token.upper}")
    p.expect("SET")
    if p.accept("HADR"):
        return _hadr(p, name)
    values: dict[str, Any] = {}
    while True:
        _option(p, values)
        if not p.accept(","):
            break
    termination = ""
    if p.accept("WITH"):
        if p.accept("NO_WAIT"):
            termination = "NO_WAIT"
        else:
            p.expect("ROLLBACK")
            termination = "ROLLBACK"
            if p.accept("AFTER"):
                p.integer()
                p.accept("SECONDS")
            else:
                p.expect("IMMEDIATE")
    return SetDatabaseOptions(name, values, termination)


def _option(p: Parser, values: dict[str, Any]) -> None:
    word = p.word()
    if word == "RECOVERY":
        values["recovery"] = p.one_of("FULL", "SIMPLE", "BULK_LOGGED")
    elif word in ("SINGLE_USER", "MULTI_USER", "RESTRICTED_USER"):
        values["user_access"] = word
    elif word in ("READ_ONLY", "READ_WRITE"):
        values["read_only"] = word == "READ_ONLY"
    elif word in ("ONLINE", "OFFLINE", "EMERGENCY"):
        if word == "EMERGENCY":
            raise not_modelled("emergency mode")
        values["state"] = word
    elif word == "PAGE_VERIFY":
        values["page_verify"] = p.one_of("CHECKSUM", "TORN_PAGE_DETECTION", "NONE")
    elif word == "COMPATIBILITY_LEVEL":
        p.expect("=")
        level = p.integer()
        if level not in (90, 100, 110):
            raise error(15048)
        values["compatibility"] = level
    elif word in ("ENABLE_BROKER", "DISABLE_BROKER"):
        values["broker"] = word == "ENABLE_BROKER"
    elif word == "CURSOR_DEFAULT":
        values["cursor_default_local"] = p.one_of("LOCAL", "GLOBAL") == "LOCAL"
    elif word == "PARAMETERIZATION":
        values["parameterization_forced"] = p.one_of("FORCED", "SIMPLE") == "FORCED"
    elif word == "ENCRYPTION":
        values["encryption"] = p.on_off()
    elif word in SWITCHES:
        values[SWITCHES[word]] = p.on_off()
    else:
        p.fail(p.tokens[p.position - 1])


def _hadr(p: Parser, name: str) -> Statement:
    if p.accept("AVAILABILITY", "GROUP"):
        p.expect("=")
        return DatabaseHadr(name, "JOIN", p.name())
    return DatabaseHadr(name, p.one_of("OFF", "SUSPEND", "RESUME"))
