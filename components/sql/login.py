"""The one definition of a SQL login: which properties it has, how it is read, and how two of them are compared."""

from __future__ import annotations

import unicodedata
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import cache, cached_property
from typing import Any

from components.steps import load_script
from remote.names import folded, same
from remote.secret import Secret
from remote.session import Remote
from remote.sql import Row


@dataclass(frozen=True, order=True)
class Permission:
    """A permission on the server, or on one securable of it (``kind`` and ``securable``)."""

    state: str
    """GRANT, GRANT_WITH_GRANT_OPTION or DENY."""
    right: str
    """``permission_name``: CONNECT SQL, ALTER ANY LOGIN, …"""
    grantor: str = ""
    """Who granted it; empty for ``sa``."""
    kind: str = ""
    """LOGIN, SERVER ROLE, ENDPOINT or AVAILABILITY GROUP; empty: the whole server."""
    securable: str = ""
    """The securable's name, unquoted; empty: the whole server."""
    grantee: str = ""
    """Who has it, where that does not follow from where the permission stands."""

    def __str__(self) -> str:
        on = f" on {self.kind.lower()} {self.securable}" if self.kind else ""
        by = f" as {self.grantor}" if self.grantor else ""
        return f"{self.state.lower().replace('_', ' ')} {self.right}{on}{by}"


@dataclass(frozen=True, order=True)
class Owned:
    """Something of one server that belongs to a login."""

    kind: str
    """DATABASE, ENDPOINT, SERVER ROLE, AVAILABILITY GROUP or JOB."""
    name: str
    """Unquoted; of a job, the name that it has in msdb."""

    def __str__(self) -> str:
        return f"{self.kind.lower()} {self.name}"


@dataclass(frozen=True)
class Holdings:
    """What a login has on its server alone: it is not mirrored, but kept when the login has to be recreated."""

    owned: frozenset[Owned] = frozenset()
    """What goes to another login before this one can be dropped."""
    held: frozenset[Permission] = frozenset()
    """Permissions on single securables."""
    granted: frozenset[Permission] = frozenset()
    """Permissions that it granted to others."""
    upon: frozenset[Permission] = frozenset()
    """Permissions that others have on it."""
    credential: str = ""
    """The name of the credential that it is mapped to; empty: none."""
    sessions: tuple[str, ...] = ()
    """Who is logged on with it: host and program."""


@dataclass(frozen=True)
class Login:
    """A SQL login as one server has it. ``sid`` and ``hash`` are hexadecimal text with 0x; the hash is a secret that
    lives in memory only. ``permissions`` are those on the whole server."""

    name: str
    """In the spelling of that server."""
    sid: str
    """In one form, so that texts compare as SIDs: digits in upper case."""
    hash: Secret
    """``password_hash`` of sys.sql_logins; empty for a Windows login."""
    policy: bool
    """CHECK_POLICY: the password policy of Windows is enforced."""
    expiration: bool
    """CHECK_EXPIRATION."""
    disabled: bool
    """``is_disabled``."""
    default_database: str
    """``master`` where the server has none for it."""
    password_set: str
    """When its password was set, as UTC text of one form, so that texts compare as times."""
    roles: frozenset[str] = frozenset()
    """The server roles that it is itself a member of, fixed ones as well; ``public`` is not among them."""
    permissions: frozenset[Permission] = frozenset()
    """None on single securables: these are in ``holdings``."""
    language: str = "us_english"
    """``default_language_name``; ``us_english`` where the server has none for it."""
    must_change: bool = False
    """Its password has to be changed at the next log-on."""
    locked: bool = False
    """Locked out after wrong passwords."""
    windows: bool = False
    """The login of a Windows account or group: it has no password here, and the SID that Windows gave it."""
    holdings: Holdings = Holdings()
    """Never compared between servers."""

    def differences(self, other: Login, fold: Fold = str.lower) -> dict[str, str]:
        """What of another login of the same SID differs from this one, and how, in words: without any value of a
        secret, but with every right to be given or taken. ``fold``: how the other's server compares names."""
        named = {
            "password": self.hash != other.hash,
            "password policy": self.policy != other.policy,
            "password expiration": self.expiration != other.expiration,
            "enabled or disabled": self.disabled != other.disabled,
            "default database": fold(self.default_database) != fold(other.default_database),
            "default language": not same(self.language, other.language),
        }
        return {name: name for name, differs in named.items() if differs} | _rights_that_differ(self, other, fold)


@dataclass(frozen=True)
class ServerRole:
    """A user-defined server role, with its rights and the roles that it is itself a member of."""

    name: str
    """In the spelling of that server."""
    roles: frozenset[str] = frozenset()
    """Direct memberships only, in fixed or user-defined roles."""
    permissions: frozenset[Permission] = frozenset()
    """Those on the whole server."""

    def differences(self, other: ServerRole, fold: Fold = str.lower) -> dict[str, str]:
        """As those of a login."""
        return _rights_that_differ(self, other, fold)


Fold = Callable[[str], str]
"""Brings names that a server takes for the same one to one spelling."""


def _rights_that_differ(wanted: Login | ServerRole, other: Login | ServerRole, fold: Fold) -> dict[str, str]:
    """Server roles and server permissions, each with what is to be given and taken."""
    if wanted.permissions == other.permissions and wanted.roles == other.roles:
        return {}
    have, want = {fold(role) for role in other.roles}, {fold(role) for role in wanted.roles}
    changes = {
        "server roles": [
            *(f"add {role}" for role in sorted(wanted.roles) if fold(role) not in have),
            *(f"drop {role}" for role in sorted(other.roles) if fold(role) not in want),
        ],
        "server permissions": [
            *(f"add {one}" for one in sorted(wanted.permissions - other.permissions)),
            *(f"drop {one}" for one in sorted(other.permissions - wanted.permissions)),
        ],
    }
    return {name: f"{name}: {', '.join(how)}" for name, how in changes.items() if how}


def rights(of: Login | ServerRole) -> str:
    """The server roles and server permissions of one that is to be made, as words behind its name; CONNECT SQL, which
    every login has, is not among them."""
    given = [f"server role {role}" for role in sorted(of.roles)]
    given += [str(one) for one in sorted(of.permissions) if (one.state, one.right) != ("GRANT", "CONNECT SQL")]
    return f" ({', '.join(given)})" if given else ""


MIGHTY_ROLES = frozenset({"sysadmin", "securityadmin"})
MIGHTY_RIGHTS = frozenset({"CONTROL SERVER", "ALTER ANY LOGIN", "IMPERSONATE ANY LOGIN"})
"""With any of these a login is, or can make itself, an administrator of the whole server ("Permissions of Fixed Server
Roles": securityadmin, which has ALTER ANY LOGIN, "should be treated as equivalent to the sysadmin role"). IMPERSONATE
ANY LOGIN came with SQL Server 2014; what 2012 has is IMPERSONATE on a single login, and that is never mirrored."""


@cache
def folding(collation: str) -> Fold:
    """Names that are equal in a collation get one spelling. Case and accents count as the collation says; width and
    kana, which few collations distinguish, always count."""
    parts = collation.upper().split("_")
    plain: Fold = str if "CS" in parts or any(part.startswith("BIN") for part in parts) else str.lower
    if "AI" not in parts:
        return plain

    def without_accents(name: str) -> str:
        return plain("".join(one for one in unicodedata.normalize("NFD", name) if not unicodedata.combining(one)))

    return without_accents


@dataclass(frozen=True)
class Logins:
    """The SQL logins of one server, found by name (as the server compares) and by SID. The keys of all maps are folded
    names."""

    by_name: dict[str, Login]
    """Without ``sa`` and the server's own (``##…##``); Windows logins are among them."""
    roles: dict[str, ServerRole] = field(default_factory=dict)
    """The user-defined server roles."""
    databases: dict[str, str] = field(default_factory=dict)
    """The server's databases: writable, readable, closed, or the copy of one that is open on its group's primary."""
    marks: frozenset[str] = frozenset()
    """SIDs of logins that this program wrote down as made by itself."""
    made: frozenset[str] = frozenset()
    """Those of them that are still the very logins it made."""
    owners: dict[str, str] = field(default_factory=dict)
    """SID of the owner of each database, as this server knows it."""
    machine: str = ""
    """The name of the computer: accounts of its own are named with it."""
    collation: str = "SQL_Latin1_General_CP1_CI_AS"
    """The server's own: names of logins, server roles and databases are compared by it."""

    @cached_property
    def fold(self) -> Fold:
        return folding(self.collation)

    def named(self, name: str) -> Login | None:
        return self.by_name.get(self.fold(name))

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
        return self.roles.get(self.fold(name))

    def mighty(self, login: Login) -> list[str]:
        """What makes a login an administrator of the server, itself or by roles in roles; none for any other."""
        found, seen, waiting = _mighty_rights(login.permissions), set[str](), sorted(login.roles)
        while waiting:
            name = waiting.pop(0)
            if folded(name) in MIGHTY_ROLES:
                found.append(f"a member of {name}")
            role = self.role(name)
            if role is not None and role.name not in seen:
                seen.add(role.name)
                found += [f"{one} by the server role {role.name}" for one in _mighty_rights(role.permissions)]
                waiting += sorted(role.roles)
        return found


def _mighty_rights(permissions: Iterable[Permission]) -> list[str]:
    return [f"granted {one.right}" for one in sorted(permissions) if one.state != "DENY" and one.right in MIGHTY_RIGHTS]


def sid(text: str) -> str:
    """A SID's text in one form: 0x and upper-case digits."""
    return "0x" + text[2:].upper()


def read(remote: Remote, machine: str, attempted: str) -> Logins:
    """All SQL logins of a server but ``sa`` and the server's own, in one round trip however many there are."""
    rows = remote.sql(machine).rows(load_script("sql/read_logins.sql"), attempted=attempted)
    return from_rows(rows)


def from_rows(rows: list[Row]) -> Logins:
    """What ``read_logins.sql`` answered, put together."""
    kinds: defaultdict[str, list[Row]] = defaultdict(list)
    for row in rows:
        kinds[row["kind"]].append(row)
    details = _Details(kinds)
    both = [*kinds["login"], *kinds["windows login"]]
    logins = [_login(row, details) for row in both]
    created = {sid(row["sid"]): row["detail"] for row in both}
    marks = {sid(row["name"]): row["detail"] for row in kinds["mark"]}
    names = [row["name"] for row in kinds["server role"]]
    server = next(iter(kinds["server"]), {"detail": Logins.collation, "securable": ""})
    collation = server["detail"]
    fold = folding(collation)
    roles = [ServerRole(name, frozenset(details.roles[name]), frozenset(details.rights[name])) for name in names]
    return Logins(
        by_name={fold(login.name): login for login in logins},
        roles={fold(role.name): role for role in roles},
        databases={fold(row["name"]): row["detail"] for row in kinds["database"]},
        marks=frozenset(marks),
        made=frozenset(one for one, when in marks.items() if created.get(one) == when),
        owners={fold(row["name"]): sid(row["sid"] or "0x") for row in kinds["database"]},
        machine=server["securable"],
        collation=collation,
    )


_NO_HOLDINGS = Holdings()


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

    def holdings(self, name: str) -> Holdings:
        maps = (self.owned, self.held, self.granted, self.upon, self.sessions, self.credentials)
        if not any(name in one for one in maps):
            return _NO_HOLDINGS
        return Holdings(
            owned=frozenset(self.owned.get(name, ())),
            held=frozenset(self.held.get(name, ())),
            granted=frozenset(self.granted.get(name, ())),
            upon=frozenset(self.upon.get(name, ())),
            credential=self.credentials.get(name, ""),
            sessions=tuple(sorted(self.sessions.get(name, ()))),
        )

    def _permission(self, row: Row) -> None:
        grantee, grantor, kind, securable = row["name"], row["grantor"], row["securable_kind"], row["securable"]
        own = _permission(row["permission_state"], row["detail"], grantor, kind, securable)
        if kind:
            self.held[grantee].add(own)
        else:
            self.rights[grantee].add(own)
        if not grantor and kind != "LOGIN":
            return
        full = Permission(row["permission_state"], row["detail"], grantor, kind, securable, grantee)
        if grantor:
            self.granted[grantor].add(full)
        if kind == "LOGIN":
            self.upon[securable].add(full)


_permission = cache(Permission)
"""Thousands of logins have one and the same: CONNECT SQL."""


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
        roles=frozenset(details.roles.get(name, ())),
        # Every login has CONNECT SQL unless it was taken away; it comes with the login itself.
        permissions=frozenset(details.rights.get(name, ())),
        language=row["language"] or "us_english",
        must_change=bool(row["must_change"]),
        locked=bool(row["locked"]),
        windows=row["kind"] == "windows login",
        holdings=details.holdings(name),
    )
