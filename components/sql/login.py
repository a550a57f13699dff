"""The one definition of a SQL login: which properties it has, how it is read, and how two of them are compared."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from components.steps import leaf
from remote.secret import Secret
from remote.session import Remote
from remote.sql import Row


@dataclass(frozen=True, order=True)
class Permission:
    """A permission on the server, or on one securable of it (``kind`` and ``securable``)."""

    state: str
    """GRANT, GRANT_WITH_GRANT_OPTION or DENY."""
    right: str
    grantor: str = ""
    """Who granted it; empty for ``sa``."""
    kind: str = ""
    securable: str = ""
    grantee: str = ""
    """Who has it, where that does not follow from where the permission stands."""

    def __str__(self) -> str:
        on = f" on {self.kind.lower()} {self.securable}" if self.kind else ""
        return f"{self.state.lower().replace('_', ' ')} {self.right}{on}"


@dataclass(frozen=True, order=True)
class Owned:
    """Something of one server that belongs to a login."""

    kind: str
    """DATABASE, ENDPOINT, SERVER ROLE, AVAILABILITY GROUP or JOB."""
    name: str

    def __str__(self) -> str:
        return f"{self.kind.lower()} {self.name}"


@dataclass(frozen=True)
class Holdings:
    """What a login has on its server alone: it is not mirrored, but kept when the login has to be made anew."""

    owned: frozenset[Owned] = frozenset()
    held: frozenset[Permission] = frozenset()
    """Permissions on single securables."""
    granted: frozenset[Permission] = frozenset()
    """Permissions that it granted to others."""
    upon: frozenset[Permission] = frozenset()
    """Permissions that others have on it."""
    credential: str = ""
    sessions: tuple[str, ...] = ()
    """Who is logged on with it: host and program."""


@dataclass(frozen=True)
class Login:
    """A SQL login as one server has it. ``sid`` and ``hash`` are hexadecimal text with 0x; the hash is a secret that
    lives in memory only. ``permissions`` are those on the whole server."""

    name: str
    sid: str
    hash: Secret
    policy: bool
    expiration: bool
    disabled: bool
    default_database: str
    password_set: str
    roles: frozenset[str] = frozenset()
    permissions: frozenset[Permission] = frozenset()
    language: str = "us_english"
    must_change: bool = False
    """Its password has to be changed at the next log-on."""
    locked: bool = False
    """Locked out after wrong passwords."""
    holdings: Holdings = Holdings()

    def differences(self, other: Login) -> list[str]:
        """What differs between two logins of one SID, in words, without any value of a secret."""
        named = {
            "password": self.hash != other.hash,
            "password policy": self.policy != other.policy,
            "password expiration": self.expiration != other.expiration,
            "enabled or disabled": self.disabled != other.disabled,
            "default database": self.default_database.lower() != other.default_database.lower(),
            "default language": self.language.lower() != other.language.lower(),
            "server roles": _lower(self.roles) != _lower(other.roles),
            "server permissions": self.permissions != other.permissions,
        }
        return [name for name, differs in named.items() if differs]


@dataclass(frozen=True)
class ServerRole:
    """A server role that somebody made, with its rights and the roles that it is itself a member of."""

    name: str
    roles: frozenset[str] = frozenset()
    permissions: frozenset[Permission] = frozenset()

    def differences(self, other: ServerRole) -> list[str]:
        named = {
            "server roles": _lower(self.roles) != _lower(other.roles),
            "server permissions": self.permissions != other.permissions,
        }
        return [name for name, differs in named.items() if differs]


@dataclass(frozen=True)
class Logins:
    """The SQL logins of one server, found by name (without case, as the server compares) and by SID."""

    by_name: dict[str, Login]
    roles: dict[str, ServerRole] = field(default_factory=dict)
    """The server roles that somebody made, by lower-case name."""
    databases: dict[str, str] = field(default_factory=dict)
    """The server's databases: writable, readable, closed, or the copy of one that is open on its group's primary."""
    marks: frozenset[str] = frozenset()
    """SIDs of logins that this program wrote down as made by itself."""
    made: frozenset[str] = frozenset()
    """Those of them that are still the very logins it made."""

    def named(self, name: str) -> Login | None:
        return self.by_name.get(name.lower())

    def with_sid(self, sid: str) -> Login | None:
        return self._by_sid.get(sid)

    @cached_property
    def _by_sid(self) -> dict[str, Login]:
        return {login.sid: login for login in self.by_name.values()}

    @property
    def open_databases(self) -> list[str]:
        """Those that can be read here."""
        return [name for name, how in self.databases.items() if how in ("writable", "readable")]

    def role(self, name: str) -> ServerRole | None:
        return self.roles.get(name.lower())


def _lower(names: frozenset[str]) -> set[str]:
    return {name.lower() for name in names}


def sid(text: str) -> str:
    """A SID's text in one form: 0x and upper-case digits."""
    return "0x" + text[2:].upper()


def read(remote: Remote, machine: str, attempted: str) -> Logins:
    """All SQL logins of a server but ``sa`` and the server's own, in one round trip however many there are."""
    rows = remote.sql(machine).rows(leaf("sql/read_logins.sql"), attempted=attempted)
    return from_rows(rows)


def from_rows(rows: list[Row]) -> Logins:
    """What ``read_logins.sql`` answered, put together."""
    kinds: defaultdict[str, list[Row]] = defaultdict(list)
    for row in rows:
        kinds[row["kind"]].append(row)
    details = _Details(kinds)
    logins = [_login(row, details) for row in kinds["login"]]
    created = {sid(row["sid"]): row["detail"] for row in kinds["login"]}
    marks = {sid(row["name"]): row["detail"] for row in kinds["mark"]}
    names = [row["name"] for row in kinds["server role"]]
    roles = [ServerRole(name, frozenset(details.roles[name]), frozenset(details.rights[name])) for name in names]
    return Logins(
        by_name={login.name.lower(): login for login in logins},
        roles={role.name.lower(): role for role in roles},
        databases={row["name"].lower(): row["detail"] for row in kinds["database"]},
        marks=frozenset(marks),
        made=frozenset(one for one, when in marks.items() if created.get(one) == when),
    )


class _Details:
    """The rows that are about a login or a role, by its name."""

    def __init__(self, kinds: dict[str, list[Row]]) -> None:
        self.roles: defaultdict[str, set[str]] = defaultdict(set)
        self.rights: defaultdict[str, set[Permission]] = defaultdict(set)
        self.owned: defaultdict[str, set[Owned]] = defaultdict(set)
        self.held: defaultdict[str, set[Permission]] = defaultdict(set)
        self.granted: defaultdict[str, set[Permission]] = defaultdict(set)
        self.upon: defaultdict[str, set[Permission]] = defaultdict(set)
        self.sessions: defaultdict[str, list[str]] = defaultdict(list)
        for row in kinds["member"]:
            self.roles[row["name"]].add(row["detail"])
        for row in kinds["owned"]:
            self.owned[row["name"]].add(Owned(row["securable_kind"], row["securable"]))
        for row in kinds["session"]:
            self.sessions[row["name"]].append(row["detail"])
        self.credentials = {row["name"]: row["detail"] for row in kinds["credential"]}
        for row in kinds["permission"]:
            self._permission(row)

    def _permission(self, row: Row) -> None:
        grantee, grantor, kind, securable = row["name"], row["grantor"], row["securable_kind"], row["securable"]
        own = Permission(row["permission_state"], row["detail"], grantor, kind, securable)
        full = Permission(row["permission_state"], row["detail"], grantor, kind, securable, grantee)
        if kind:
            self.held[grantee].add(own)
        else:
            self.rights[grantee].add(own)
        if grantor:
            self.granted[grantor].add(full)
        if kind == "LOGIN":
            self.upon[securable].add(full)


def _login(row: dict[str, Any], details: _Details) -> Login:
    name = row["name"]
    return Login(
        name=name,
        sid=sid(row["sid"]),
        hash=Secret(row["hash"]),
        policy=bool(row["policy"]),
        expiration=bool(row["expiration"]),
        disabled=bool(row["disabled"]),
        default_database=row["default_database"] or "master",
        password_set=row["password_set"] or "",
        roles=frozenset(details.roles[name]),
        # Every login has CONNECT SQL unless it was taken away; it comes with the login itself.
        permissions=frozenset(details.rights[name]),
        language=row["language"] or "us_english",
        must_change=bool(row["must_change"]),
        locked=bool(row["locked"]),
        holdings=Holdings(
            owned=frozenset(details.owned[name]),
            held=frozenset(details.held[name]),
            granted=frozenset(details.granted[name]),
            upon=frozenset(details.upon[name]),
            credential=details.credentials.get(name, ""),
            sessions=tuple(sorted(details.sessions[name])),
        ),
    )
