"""A very small stand-in for SQL Server, for tests of what is *around* the database work.

Several servers, logins and users with identities of their own, databases in SQLite. It understands the statements of
``lab.wap`` and nothing else; the tests that matter for failover run against the lab's own engine.
"""

from __future__ import annotations

import re
import secrets
import sqlite3
from collections.abc import Iterator
from typing import Any

from lab.sql.api import Column, Done, Event, Parameter, ResultSet, SqlError
from lab.world import Identity, Machine, World


class Server:
    def __init__(self) -> None:
        self.logins: dict[str, tuple[str, str]] = {"sa": ("Sa-of-the-tests-1", "01")}
        self.running = True


class Farm:
    """``names`` maps what clients connect to onto a server; databases are the availability group's: one set for all."""

    def __init__(self) -> None:
        self.servers = {"SQL1": Server(), "SQL2": Server()}
        self.primary = "SQL1"
        self.databases: dict[str, Database] = {}
        self.opened: list[tuple[str, str, str]] = []

    def connect(
        self,
        world: World,
        from_machine: Machine,
        server: str,
        *,
        user: str | None = None,
        password: str | None = None,
        identity: Identity | None = None,
        database: str = "",
        program: str = "",
    ) -> Session:
        name = self.primary if server.upper() == "SQL" else server.upper()
        found = self.servers.get(name)
        if found is None or not found.running:
            raise SqlError(
                53, "A network-related or instance-specific error occurred. The server was not found.", level=20
            )
        if identity is not None:
            return Session(self, found, identity.user, "", database or "master")
        known = found.logins.get(user or "")
        if known is None or known[0] != password:
            raise SqlError(18456, f"Login failed for user '{user}'.", level=14)
        self.opened.append((name, user or "", database))
        if database and database not in ("master",) and user != "sa":
            there = self.databases.get(database)
            if there is None or known[1] not in there.users.values():
                raise SqlError(
                    4060, f'Cannot open database "{database}" requested by the login. The login failed.', level=11
                )
        if database and database not in ("master", "SCSPFDB", *self.databases):
            raise SqlError(
                4060, f'Cannot open database "{database}" requested by the login. The login failed.', level=11
            )
        return Session(self, found, user or "", known[1], database or "master")


class Database:
    def __init__(self) -> None:
        self.sqlite = sqlite3.connect(":memory:", check_same_thread=False, isolation_level=None)
        self.users: dict[str, str] = {}
        self.roles: set[str] = set()
        self.members: set[tuple[str, str]] = set()
        self.recovery = "FULL"


class Session:
    def __init__(self, farm: Farm, server: Server, login: str, sid: str, database: str) -> None:
        self.farm, self.server, self.login, self.sid, self.database = farm, server, login, sid, database
        self.spid, self.transactions = 51, 0

    def close(self) -> None: ...

    def execute(self, text: str, parameters: tuple[Parameter, ...] = ()) -> Iterator[Event]:
        values = {p.name[1:]: p.value for p in parameters}
        rows = self._one(text.strip(), values)
        if rows is not None:
            names = list(rows[0]) if rows else []
            yield ResultSet(tuple(Column(n, "nvarchar(max)") for n in names), [tuple(r.values()) for r in rows])
        yield Done()

    def _one(self, text: str, values: dict[str, Any]) -> list[dict[str, Any]] | None:
        here = self.farm.databases.get(self.database)
        if m := re.fullmatch(r"IF (.+?)\s+EXEC\(N'(.*)'\)", text, re.DOTALL):
            return self._one(m[2].replace("''", "'"), {}) if self._true(m[1], values) else None
        if m := re.fullmatch(r"IF (NOT )?EXISTS \((.+?)\)\s+(INSERT.+|UPDATE.+?)(?:\s+ELSE\s+(.+))?", text, re.DOTALL):
            chosen = m[3] if bool(self._one(m[2], values)) != bool(m[1]) else m[4]
            return self._one(chosen, values) if chosen else None
        if text == "SELECT COUNT(*) AS n FROM sys.tables":
            return [{"n": 0}]
        if m := re.fullmatch(r"CREATE DATABASE \[(.+)\]", text):
            self.farm.databases[m[1]] = Database()
            return None
        if m := re.fullmatch(r"ALTER DATABASE \[(.+)\] SET RECOVERY (\w+)", text):
            self.farm.databases[m[1]].recovery = m[2]
            return None
        if "FROM sys.databases" in text:
            return [{"name": values["name"]}] if values["name"] in self.farm.databases else []
        if "FROM sys.server_principals" in text:
            known = self.server.logins.get(values["name"])
            return [{"sid": known[1]}] if known else []
        if m := re.fullmatch(r"CREATE LOGIN \[(.+)\] WITH PASSWORD = N'(.*)'", text):
            self.server.logins[m[1]] = (m[2].replace("''", "'"), secrets.token_hex(16))
            return None
        assert here is not None, text
        if m := re.fullmatch(r"SELECT (OBJECT_ID|DATABASE_PRINCIPAL_ID)\((?:N'(.+)'|@(\w+))\) AS id", text):
            return [{"id": 1 if self._known(m[1], m[2] or values[m[3]]) else None}]
        if m := re.fullmatch(r"CREATE ROLE \[(.+)\]", text):
            here.roles.add(m[1])
            return None
        if m := re.fullmatch(r"CREATE USER \[(.+)\] FOR LOGIN \[(.+)\]", text):
            here.users[m[1]] = self.server.logins[m[2]][1]
            return None
        if m := re.fullmatch(r"ALTER ROLE \[(.+)\] ADD MEMBER \[(.+)\]", text):
            here.members.add((m[1], m[2]))
            return None
        if text.startswith(("GRANT ", "CREATE SCHEMA ")):
            return None
        return self._sqlite(here, text, values)

    def _true(self, condition: str, values: dict[str, Any]) -> bool:
        if m := re.fullmatch(r"(OBJECT_ID|DATABASE_PRINCIPAL_ID)\(N'(.+)'\) IS NULL", condition):
            return not self._known(m[1], m[2])
        if m := re.fullmatch(r"NOT EXISTS \((.+)\)", condition):
            return "sys.schemas" in m[1] or not self._one(m[1], values)
        raise AssertionError(condition)

    def _known(self, function: str, name: str) -> bool:
        here = self.farm.databases[self.database]
        if function == "OBJECT_ID":
            query = "SELECT 1 FROM sqlite_master WHERE name = ?"
            return here.sqlite.execute(query, (name,)).fetchone() is not None
        return name in here.roles or name in here.users

    def _sqlite(self, here: Database, text: str, values: dict[str, Any]) -> list[dict[str, Any]] | None:
        text = re.sub(r"\[(\w+)\]\.\[(\w+)\]", r'"\1.\2"', text)
        text = re.sub(r"(?<=FROM )(\w+)\.(\w+)\b", r'"\1.\2"', text)
        text = re.sub(r"nvarchar\(\w+\)", "text COLLATE NOCASE", text)
        text = re.sub(r"\bN'", "'", text)
        try:
            cursor = here.sqlite.execute(text, values)
        except sqlite3.Error as error:
            raise AssertionError(f"{error}: {text}") from error
        if cursor.description is None:
            return None
        return [dict(zip([c[0] for c in cursor.description], row, strict=True)) for row in cursor.fetchall()]
