"""Databases of an instance: their documents, their files, and who may come in."""

from __future__ import annotations

from typing import Any

from lab.sql.engine.errors import error
from lab.sql.engine.group.state import role_of
from lab.sql.engine.instance import Instance
from lab.sql.engine.principal import Access, Principal
from lab.sql.engine.storage.space import View
from lab.world import Document

SYSTEM = {"master": 1, "tempdb": 2, "model": 3, "msdb": 4}
DBO, GUEST, PUBLIC = 1, 2, 0
FIXED_ROLES = {"public": 0, "db_owner": 16384, "db_accessadmin": 16385, "db_securityadmin": 16386,
               "db_ddladmin": 16387, "db_backupoperator": 16389, "db_datareader": 16390, "db_datawriter": 16391,
               "db_denydatareader": 16392, "db_denydatawriter": 16393}  # fmt: skip
OPTIONS: Document = {
    "recovery": "FULL", "read_only": False, "user_access": "MULTI_USER", "auto_close": False, "auto_shrink": False,
    "auto_create_statistics": True, "auto_update_statistics": True, "page_verify": "CHECKSUM", "compatibility": 110,
    "ansi_nulls": False, "ansi_padding": False, "ansi_warnings": False, "arithabort": False, "quoted_identifier": False,
    "recursive_triggers": False, "cursor_close_on_commit": False, "cursor_default_local": False,
    "concat_null_yields_null": False, "numeric_roundabort": False, "ansi_null_default": False,
    "parameterization_forced": False, "date_correlation": False, "auto_update_statistics_async": False,
    "trustworthy": False, "db_chaining": False, "broker": False, "snapshot": False, "read_committed_snapshot": False,
    "containment": "NONE", "target_recovery_time": 0,
}  # fmt: skip
"""Options of a new database (those of model on SQL Server 2012)."""


class Database:
    """One database as a session sees it."""

    def __init__(self, instance: Instance, document: Document, view: View) -> None:
        self.instance, self.document, self.view = instance, document, view

    @property
    def name(self) -> str:
        return str(self.document["name"])

    @property
    def id(self) -> int:
        return int(self.document["id"])

    def options(self) -> Document:
        return {**OPTIONS, **(self.view.get("option", "database") or {})}

    def set_options(self, **values: Any) -> None:
        self.view.put("option", "database", {**(self.view.get("option", "database") or {}), **values})

    def chain(self) -> Document:
        """Where the chain of log backups stands: ``last_log_backup_lsn`` is None while it has not begun."""
        return self.view.get("option", "chain") or {}

    def check_state(self) -> None:
        """Raises why nobody may read the database now."""
        state = self.document["state"]
        role = role_of(self.instance.machine, self.document)
        if role == "SECONDARY":
            raise error(976, self.name)
        if role == "RESOLVING":
            raise error(983, self.name)
        if state == "RESTORING":
            raise error(927, self.name)
        if state == "OFFLINE":
            raise error(942, self.name)

    def access(self, principal: Principal, server: View) -> Access:
        """Who the principal is here. Raises 916 when it is nobody."""
        if principal.is_sysadmin(server) or self.document["owner"] == principal.sid.hex():
            return Access("dbo", DBO, frozenset({"public", "db_owner"}), True, frozenset({DBO, PUBLIC}))
        users = self.view.documents("user")
        mine = [u for u in users if u.get("sid") and bytes.fromhex(u["sid"]) in principal.tokens and u["type"] != "R"]
        mine.sort(key=lambda user: user["sid"] != principal.sid.hex())
        if mine and mine[0]["id"] == DBO and self.document["owner"] != principal.sid.hex():
            mine = mine[1:]  # dbo is who owns the database on this instance
        if not mine:
            if self.name.lower() not in ("master", "tempdb", "msdb"):
                raise error(916, principal.name, self.name)
            return Access("guest", GUEST, frozenset({"public"}), False, frozenset({GUEST, PUBLIC}))
        return access_of(self.view, mine[0], frozenset(int(u["id"]) for u in mine))


def access_of(view: View, user: Document, ids: frozenset[int]) -> Access:
    """The rights of a user with its roles and their roles."""
    names = {number: name for name, number in FIXED_ROLES.items()}
    names.update({u["id"]: u["name"].lower() for u in view.documents("user") if u["type"] == "R"})
    members = view.documents("role-member")
    held = set(ids) | {PUBLIC}
    while more := {m["role_id"] for m in members if m["member_id"] in held} - held:
        held |= more
    roles = frozenset(names[number] for number in held if number in names)
    return Access(str(user["name"]), int(user["id"]), roles, int(user["id"]) == DBO, frozenset(held))


def new_contents(owner_sid: bytes, created: str, **options: Any) -> list[tuple[str, str, Document]]:
    """What every new database holds: dbo, guest, roles, schemas, options."""
    entries: list[tuple[str, str, Document]] = [("option", "database", dict(options))]

    def user(name: str, number: int, kind: str, sid: bytes | None, schema: str | None) -> None:
        entries.append(("user", name.lower(), {
            "name": name, "id": number, "type": kind, "sid": sid.hex() if sid else None, "schema": schema,
            "created": created, "owner_id": 1 if kind == "R" else None, "fixed": kind == "R" and name != "public",
        }))  # fmt: skip

    user("dbo", DBO, "S" if len(owner_sid) in (1, 16) else "U", owner_sid, "dbo")
    user("guest", GUEST, "S", b"\0", "guest")
    user("INFORMATION_SCHEMA", 3, "S", None, None)
    user("sys", 4, "S", None, None)
    for name, number in FIXED_ROLES.items():
        user(name, number, "R", None, None)
    schemas = [("dbo", 1, 1), ("guest", 2, 2), ("INFORMATION_SCHEMA", 3, 3), ("sys", 4, 4)]
    schemas += [(name, number, number) for name, number in FIXED_ROLES.items() if number]
    entries += [("schema", n.lower(), {"name": n, "id": i, "owner_id": o}) for n, i, o in schemas]
    return entries
