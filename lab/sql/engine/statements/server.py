"""Statements about the whole server: roles, KILL, CHECKPOINT."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from lab.sql.api import Event
from lab.sql.engine.errors import error, not_modelled
from lab.sql.engine.frame import Frame
from lab.sql.engine.parse.parser import Parser, Statement, statement
from lab.sql.engine.principal import FIXED_SERVER_ROLES
from lab.sql.engine.statements.login import next_principal_id, principal_exists


def change_server_role(frame: Frame, role: str, member: str, *, add: bool) -> None:
    """ALTER SERVER ROLE … ADD or DROP MEMBER, as the procedures of old do it too. Raises 15151, 15405."""
    session = frame.session
    server = session.server
    fixed = FIXED_SERVER_ROLES.get(role.lower())
    custom = server.get("server-role", role)
    if (fixed is None and custom is None) or role.lower() == "public":
        raise error(15151, "alter", "server role", role)
    may = session.is_sysadmin() or (fixed is not None and role.lower() in session.principal.roles(server))
    may = may or (custom is not None and session.principal.may(server, "ALTER ANY SERVER ROLE"))
    if not may:
        raise error(15151, "alter", "server role", role)
    who = server.get("login", member) or server.get("server-role", member)
    if who is None:
        raise error(15151, "add" if add else "drop", "principal", member)
    if who["id"] == 1:
        raise error(15405, who["name"])
    number = fixed if fixed is not None else (custom or {})["id"]
    key = f"{number}:{who['id']}"
    if add:
        server.put("server-role-member", key, {"role_id": number, "member_id": who["id"]})
    elif server.get("server-role-member", key) is not None:
        server.delete("server-role-member", key)


@dataclass
class ServerRole(Statement):
    verb: str
    name: str
    member: str = ""
    add: bool = True
    owner: str = ""

    def run(self, frame: Frame) -> Iterator[Event]:
        session = frame.session
        server = session.server
        if self.verb == "ALTER":
            change_server_role(frame, self.name, self.member, add=self.add)
            return iter(())
        session.require("ALTER ANY SERVER ROLE" if self.verb == "DROP" else "CREATE SERVER ROLE")
        if self.verb == "CREATE":
            if principal_exists(server, self.name):
                raise error(15025, self.name)
            now = session.instance.world.clock.now().isoformat()
            owner = server.get("login", self.owner) if self.owner else {"id": 1}
            if owner is None:
                raise error(15151, "find", "principal", self.owner)
            role = {"name": self.name, "id": next_principal_id(server), "created": now, "owner_id": owner["id"]}
            server.put("server-role", self.name, role)
            return iter(())
        found = server.get("server-role", self.name)
        if found is None:
            raise error(15151, "drop", "server role", self.name)
        if any(row["role_id"] == found["id"] for row in server.documents("server-role-member")):
            raise error(15144)
        server.delete("server-role", self.name)
        return iter(())


@statement("CREATE", "SERVER", "ROLE")
def _create(p: Parser) -> Statement:
    name = p.name()
    return ServerRole("CREATE", name, owner=p.name() if p.accept("AUTHORIZATION") else "")


@statement("DROP", "SERVER", "ROLE")
def _drop(p: Parser) -> Statement:
    return ServerRole("DROP", p.name())


@statement("ALTER", "SERVER", "ROLE")
def _alter(p: Parser) -> Statement:
    name = p.name()
    add = p.one_of("ADD", "DROP") == "ADD"
    p.expect("MEMBER")
    return ServerRole("ALTER", name, p.name(), add)


@dataclass
class Kill(Statement):
    spid: int

    def run(self, frame: Frame) -> Iterator[Event]:
        session = frame.session
        session.require("ALTER ANY CONNECTION", 6102)
        if self.spid <= 50:
            raise error(6107)
        if self.spid == session.spid:
            raise error(6104)
        victim = session.instance.sessions.get(self.spid)
        if victim is None:
            raise error(6106, self.spid)
        victim.close()
        return iter(())


@statement("KILL")
def _kill(p: Parser) -> Statement:
    return Kill(p.integer())


@statement("RECONFIGURE")
def _reconfigure(p: Parser) -> Statement:
    raise not_modelled("RECONFIGURE")


@dataclass
class Checkpoint(Statement):
    def run(self, frame: Frame) -> Iterator[Event]:
        frame.session.open()
        return iter(())


@statement("CHECKPOINT")
def _checkpoint(p: Parser) -> Statement:
    return Checkpoint()


@statement("DBCC")
def _dbcc(p: Parser) -> Statement:
    raise not_modelled("DBCC")


@statement("SHUTDOWN")
def _shutdown(p: Parser) -> Statement:
    raise not_modelled("SHUTDOWN")
