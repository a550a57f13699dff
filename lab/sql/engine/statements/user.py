"""Users and roles of a database: CREATE, ALTER, DROP."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from lab.sql.api import Event
from lab.sql.engine.accounts import find_sid, sid_bytes
from lab.sql.engine.database import DBO, FIXED_ROLES, Database
from lab.sql.engine.errors import error, not_modelled
from lab.sql.engine.frame import Frame
from lab.sql.engine.parse.parser import Parser, Statement, statement
from lab.world import Document


def _require(frame: Frame, permission: str, verb: str, kind: str, name: str) -> Database:
    database = frame.session.open()
    if not frame.session.access(database).may(database.view, permission):
        raise error(15247) if verb == "create" else error(15151, verb, kind, name)
    return database


def next_user_id(database: Database) -> int:
    counter = database.view.get("counter", "user") or {"last": 4}
    database.view.put("counter", "user", {"last": counter["last"] + 1})
    return int(counter["last"]) + 1


@dataclass
class CreateUser(Statement):
    name: str
    login: str | None
    without: bool
    schema: str | None

    def run(self, frame: Frame) -> Iterator[Event]:
        session = frame.session
        database = _require(frame, "ALTER ANY USER", "create", "user", self.name)
        if database.view.get("user", self.name) is not None:
            raise error(15023, self.name)
        kind, sid = "S", None
        if self.without:
            import os

            sid = b"\x01\x05\0\0\0\0\0\x09\x03\0\0\0" + os.urandom(16)
        else:
            kind, sid = self._sid(frame, self.login or self.name)
            if any(user.get("sid") == sid.hex() for user in database.view.documents("user")):
                raise error(15063)
            if database.document["owner"] == sid.hex():
                raise error(15063)
        add_user(database, self.name, kind, sid, self.schema or "dbo", session.instance.world.clock.now().isoformat())
        return iter(())

    @staticmethod
    def _sid(frame: Frame, name: str) -> tuple[str, bytes]:
        login = frame.session.server.get("login", name)
        if login is not None:
            return str(login["type"]), bytes.fromhex(login["sid"])
        instance = frame.session.instance
        windows = find_sid(instance.world, instance.machine, name) if "\\" in name else None
        if windows is None:
            raise error(15007, name)
        return "U", sid_bytes(windows)


def add_user(
    database: Database, name: str, kind: str, sid: bytes | None, schema: str | None, now: str, owner: int | None = None
) -> Document:
    """The document of a user or role; a user may connect."""
    document = {"name": name, "id": next_user_id(database), "type": kind, "sid": sid.hex() if sid else None,
                "schema": schema, "created": now, "owner_id": owner, "fixed": False}  # fmt: skip
    database.view.put("user", name, document)
    if kind != "R":
        key = f"0:0:{document['id']}:connect"
        database.view.put("permission", key, {"class": 0, "major": 0, "minor": 0, "grantee_id": document["id"],
                                              "grantor_id": DBO, "permission": "CONNECT", "state": "G"})  # fmt: skip
    return document


@statement("CREATE", "USER")
def _create(p: Parser) -> Statement:
    name = p.name()
    login, without, schema = None, False, None
    if p.at_any("FOR", "FROM"):
        p.next()
        if not p.accept("LOGIN"):
            raise not_modelled("users for certificates and keys")
        login = p.name()
    elif p.accept("WITHOUT", "LOGIN"):
        without = True
    if p.accept("WITH"):
        if p.at("PASSWORD"):
            raise not_modelled("contained databases")
        p.expect("DEFAULT_SCHEMA", "=")
        schema = p.name()
    return CreateUser(name, login, without, schema)


@dataclass
class AlterUser(Statement):
    name: str
    values: dict[str, str]

    def run(self, frame: Frame) -> Iterator[Event]:
        database = _require(frame, "ALTER ANY USER", "alter", "user", self.name)
        user = database.view.get("user", self.name)
        if user is None or user["type"] == "R":
            raise error(15151, "alter", "user", self.name)
        changed = dict(user)
        if "LOGIN" in self.values:
            kind, sid = CreateUser._sid(frame, self.values["LOGIN"])
            if user["id"] <= 4:
                raise error(15150, "alter", "user", self.name)
            if kind != user["type"]:
                raise error(33016)
            if any(u.get("sid") == sid.hex() and u["id"] != user["id"] for u in database.view.documents("user")):
                raise error(15063)
            changed["sid"] = sid.hex()
        if "DEFAULT_SCHEMA" in self.values:
            changed["schema"] = self.values["DEFAULT_SCHEMA"]
        if "NAME" in self.values:
            new = self.values["NAME"]
            if database.view.get("user", new) is not None and new.lower() != self.name.lower():
                raise error(15023, new)
            changed["name"] = new
            database.view.delete("user", self.name)
        database.view.put("user", changed["name"], changed)
        return iter(())


@statement("ALTER", "USER")
def _alter(p: Parser) -> Statement:
    name = p.name()
    p.expect("WITH")
    values = {}
    while True:
        word = p.one_of("LOGIN", "NAME", "DEFAULT_SCHEMA", "PASSWORD")
        if word == "PASSWORD":
            raise not_modelled("contained databases")
        p.expect("=")
        values[word] = p.name()
        if not p.accept(","):
            return AlterUser(name, values)


@dataclass
class DropPrincipal(Statement):
    kind: str
    name: str

    def run(self, frame: Frame) -> Iterator[Event]:
        permission = "ALTER ANY USER" if self.kind == "user" else "ALTER ANY ROLE"
        database = _require(frame, permission, "drop", self.kind, self.name)
        found = database.view.get("user", self.name)
        if found is None or (found["type"] == "R") is not (self.kind == "role"):
            raise error(15151, "drop", self.kind, self.name)
        if found["id"] <= 4 or found["id"] in FIXED_ROLES.values():
            raise error(15150, "drop", self.kind, self.name)
        if any(schema["owner_id"] == found["id"] for schema in database.view.documents("schema")):
            raise error(15138, "schema")
        members = database.view.items("role-member")
        if self.kind == "role" and any(row["role_id"] == found["id"] for _, row in members):
            raise error(15144)
        database.view.delete("user", self.name)
        for key, row in members:
            if row["member_id"] == found["id"]:
                database.view.delete("role-member", key)
        for key, row in database.view.items("permission"):
            if row["grantee_id"] == found["id"]:
                database.view.delete("permission", key)
        return iter(())


@statement("DROP", "USER")
def _drop_user(p: Parser) -> Statement:
    return DropPrincipal("user", p.name())


@statement("DROP", "ROLE")
def _drop_role(p: Parser) -> Statement:
    return DropPrincipal("role", p.name())


@dataclass
class CreateRole(Statement):
    name: str
    owner: str

    def run(self, frame: Frame) -> Iterator[Event]:
        database = _require(frame, "CREATE ROLE", "create", "role", self.name)
        if database.view.get("user", self.name) is not None:
            raise error(15023, self.name)
        owner = DBO
        if self.owner:
            user = database.view.get("user", self.owner)
            if user is None:
                raise error(15151, "find", "user", self.owner)
            owner = user["id"]
        add_user(database, self.name, "R", None, None, frame.session.instance.world.clock.now().isoformat(), owner)
        return iter(())


@statement("CREATE", "ROLE")
def _create_role(p: Parser) -> Statement:
    name = p.name()
    return CreateRole(name, p.name() if p.accept("AUTHORIZATION") else "")


def change_membership(frame: Frame, role: str, member: str, *, add: bool) -> None:
    """ALTER ROLE ADD or DROP MEMBER. Raises 15151."""
    database = _require(frame, "ALTER ANY ROLE", "alter", "role", role)
    found, who = database.view.get("user", role), database.view.get("user", member)
    if found is None or found["type"] != "R" or found["id"] == 0:
        raise error(15151, "alter", "role", role)
    if who is None:
        raise error(15151, "add" if add else "drop", "principal", member)
    if who["id"] in (DBO, 0):
        raise error(15405, member)
    key = f"{found['id']}:{who['id']}"
    if add:
        database.view.put("role-member", key, {"role_id": found["id"], "member_id": who["id"]})
    elif database.view.get("role-member", key) is not None:
        database.view.delete("role-member", key)


@dataclass
class AlterRole(Statement):
    role: str
    member: str
    add: bool

    def run(self, frame: Frame) -> Iterator[Event]:
        change_membership(frame, self.role, self.member, add=self.add)
        return iter(())


@statement("ALTER", "ROLE")
def _alter_role(p: Parser) -> Statement:
    role = p.name()
    if p.at("WITH"):
        raise not_modelled("renaming a role")
    add = p.one_of("ADD", "DROP") == "ADD"
    p.expect("MEMBER")
    return AlterRole(role, p.name(), add)
