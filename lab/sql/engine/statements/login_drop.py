"""DROP LOGIN.

What keeps a login from being dropped: the documentation of DROP LOGIN (logged in, owner of a securable, a server-level
object or a job of SQL Server Agent) and the messages of these errors. Unproven: the order in which they are found, and
that permissions on the login vanish with it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from lab.sql.api import Event
from lab.sql.engine.errors import error
from lab.sql.engine.frame import Frame
from lab.sql.engine.parse.parser import Parser, Statement, statement
from lab.sql.engine.session import Session
from lab.sql.engine.statements.login import SA, touches_sysadmin
from lab.world import Document

OWNED = (("endpoint", "endpoint"), ("server-role", "server role"), ("group-owner", "availability group"))
"""Kinds of documents with an owner, and what error 15141 calls them."""
LOGIN_CLASS = 101


@dataclass
class DropLogin(Statement):
    name: str

    def run(self, frame: Frame) -> Iterator[Event]:
        session = frame.session
        server = session.server
        login = server.get("login", self.name)
        if login is None or not session.principal.may(server, "ALTER ANY LOGIN"):
            raise error(15151, "drop", "login", self.name)
        if login["id"] == SA:
            raise error(15405, login["name"])
        if touches_sysadmin(session, login):
            raise error(15151, "drop", "login", self.name)
        self._refuse(session, login)
        server.delete("login", self.name)
        for key, row in server.items("server-role-member"):
            if row["member_id"] == login["id"]:
                server.delete("server-role-member", key)
        for key, row in server.items("permission"):
            if row["grantee_id"] == login["id"] or (row["class"], row["major"]) == (LOGIN_CLASS, login["id"]):
                server.delete("permission", key)
        return iter(())

    def _refuse(self, session: Session, login: Document) -> None:
        """Raises for a login that owns something, granted something, or is logged on."""
        server = session.server
        if any(database["owner"] == login["sid"] for database in server.documents("database")):
            raise error(15174, self.name)
        if jobs := [job for job in server.documents("agent-job") if job["owner"] == login["sid"]]:
            raise error(15170, len(jobs))
        for kind, what in OWNED:
            if any(one.get("owner_id") == login["id"] for one in server.documents(kind)):
                raise error(15141, what)
        if any(row["grantor_id"] == login["id"] for row in server.documents("permission")):
            raise error(15173, self.name)
        if any(s.original.sid.hex() == login["sid"] and not s.dead for s in list(session.instance.sessions.values())):
            raise error(15434, self.name)


@statement("DROP", "LOGIN")
def _drop(p: Parser) -> Statement:
    return DropLogin(p.name())
