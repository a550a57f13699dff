"""Who a session is: on the server, and in each database."""

from __future__ import annotations

from dataclasses import dataclass, field

from lab.sql.engine.storage.space import View
from lab.world import Document

FIXED_SERVER_ROLES = {"public": 2, "sysadmin": 3, "securityadmin": 4, "serveradmin": 5, "setupadmin": 6,
                      "processadmin": 7, "diskadmin": 8, "dbcreator": 9, "bulkadmin": 10}  # fmt: skip
ROLE_PERMISSIONS = {
    "securityadmin": {"ALTER ANY LOGIN"},
    "serveradmin": {"ALTER SETTINGS", "SHUTDOWN", "VIEW SERVER STATE", "ALTER SERVER STATE", "ALTER ANY ENDPOINT",
                    "ALTER RESOURCES"},
    "setupadmin": {"ALTER ANY LINKED SERVER"},
    "processadmin": {"ALTER ANY CONNECTION", "ALTER SERVER STATE", "VIEW SERVER STATE"},
    "diskadmin": {"ALTER RESOURCES"},
    "dbcreator": {"CREATE ANY DATABASE", "ALTER ANY DATABASE", "VIEW ANY DATABASE"},
    "bulkadmin": {"ADMINISTER BULK OPERATIONS"},
    "public": {"VIEW ANY DATABASE", "CONNECT"},
}  # fmt: skip
"""What each fixed role may do (SQL Server documentation, "Permissions of Fixed Server Roles")."""
IMPLIED_BY = {"VIEW SERVER STATE": {"ALTER SERVER STATE"}, "VIEW ANY DEFINITION": set(),
              "CREATE ANY DATABASE": {"ALTER ANY DATABASE"}, "VIEW ANY DATABASE": {"ALTER ANY DATABASE"},
              "CREATE AVAILABILITY GROUP": {"ALTER ANY AVAILABILITY GROUP"},
              "CREATE SERVER ROLE": {"ALTER ANY SERVER ROLE"}, "CREATE ENDPOINT": {"ALTER ANY ENDPOINT"}}  # fmt: skip


@dataclass(frozen=True)
class Principal:
    """A server principal that runs something. ``tokens`` are the SIDs that stand for it (its own and its groups')."""

    name: str
    sid: bytes
    windows: bool
    tokens: frozenset[bytes] = field(default_factory=frozenset)

    def logins(self, server: View) -> list[Document]:
        """The documents of the logins that apply: its own, and those of its Windows groups."""
        own = server.get("login", self.name)
        if not self.windows and own is not None and own["sid"] == self.sid.hex():
            return [own]  # no other login has this SID, and a SQL login is in no Windows group
        tokens = {token.hex() for token in self.tokens}
        return [login for login in server.documents("login") if login["sid"] in tokens]

    def roles(self, server: View) -> frozenset[str]:
        """Server roles, lower case, with roles in roles."""
        held = {"public"}
        ids = {login["id"] for login in self.logins(server)}
        members = server.documents("server-role-member")
        names = {role["id"]: role["name"].lower() for role in server.documents("server-role")}
        names.update({number: name for name, number in FIXED_SERVER_ROLES.items()})
        while True:
            more = {m["role_id"] for m in members if m["member_id"] in ids} - ids
            if not more:
                return frozenset(held)
            ids |= more
            held |= {names[number] for number in more if number in names}

    def is_sysadmin(self, server: View) -> bool:
        return "sysadmin" in self.roles(server)

    def may(self, server: View, permission: str) -> bool:
        """Has it a server permission, by role or by grant, and no deny?"""
        permission = permission.upper()
        roles = self.roles(server)
        if "sysadmin" in roles:
            return True
        ids = {login["id"] for login in self.logins(server)} | {2}
        ids |= {role["id"] for role in server.documents("server-role") if role["name"].lower() in roles}
        rows = [p for p in server.documents("permission") if p["class"] == 100 and p["grantee_id"] in ids]
        if any(p["permission"] == permission and p["state"] == "D" for p in rows):
            return False
        wanted = {permission, "CONTROL SERVER"} | IMPLIED_BY.get(permission, set())
        if any(wanted & ROLE_PERMISSIONS.get(role, set()) for role in roles):
            return True
        return any(p["permission"] in wanted and p["state"] in ("G", "W") for p in rows)


@dataclass(frozen=True)
class Access:
    """What a session is in one database."""

    user: str
    user_id: int
    roles: frozenset[str]
    owner: bool
    """dbo: may do everything here."""
    ids: frozenset[int]

    def may(self, view: View, permission: str, *, object_id: int = 0, schema_id: int = 0) -> bool:
        """Has it a permission on an object, through its schema, the database or a fixed role?"""
        if self.owner or "db_owner" in self.roles:
            return True
        rows = [p for p in view.documents("permission") if p["grantee_id"] in self.ids]
        places = {(0, 0)} | ({(1, object_id)} if object_id else set()) | ({(3, schema_id)} if schema_id else set())
        rows = [p for p in rows if (p["class"], p["major"]) in places and p["permission"] in (permission, "CONTROL")]
        data = permission in ("SELECT", "INSERT", "UPDATE", "DELETE")
        denied = {"SELECT": "db_denydatareader"}.get(permission, "db_denydatawriter" if data else "")
        if denied in self.roles or any(p["state"] == "D" for p in rows):
            return False
        fixed = {"SELECT": "db_datareader"}.get(permission, "db_datawriter" if data else "")
        if fixed in self.roles or any(p["state"] in ("G", "W") for p in rows):
            return True
        ddl = permission.startswith(("CREATE ", "ALTER ANY SCHEMA")) or permission == "ALTER"
        if ddl and "db_ddladmin" in self.roles and "USER" not in permission and "ROLE" not in permission:
            return True
        if permission in ("ALTER ANY USER", "CREATE SCHEMA") and "db_accessadmin" in self.roles:
            return True
        if permission in ("ALTER ANY ROLE", "CREATE ROLE") and "db_securityadmin" in self.roles:
            return True
        return permission in ("BACKUP DATABASE", "BACKUP LOG") and "db_backupoperator" in self.roles
