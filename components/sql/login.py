"""The one definition of a SQL login: which properties it has, how it is read, and how two of them are compared."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from components.steps import leaf
from remote.secret import Secret
from remote.session import Remote


@dataclass(frozen=True)
class Login:
    """A SQL login as one server has it. ``sid`` and ``hash`` are hexadecimal text with 0x; the hash is a secret that
    lives in memory only. ``permissions`` are texts such as ``GRANT VIEW SERVER STATE``."""

    name: str
    sid: str
    hash: Secret
    policy: bool
    expiration: bool
    disabled: bool
    default_database: str
    password_set: str
    roles: frozenset[str] = frozenset()
    permissions: frozenset[str] = frozenset()

    def differences(self, other: Login) -> list[str]:
        """What differs between two logins of one SID, in words, without any value of a secret."""
        named = {
            "password": self.hash != other.hash,
            "password policy": self.policy != other.policy,
            "password expiration": self.expiration != other.expiration,
            "enabled or disabled": self.disabled != other.disabled,
            "default database": self.default_database.lower() != other.default_database.lower(),
            "server roles": self.roles != other.roles,
            "server permissions": self.permissions != other.permissions,
        }
        return [name for name, differs in named.items() if differs]


@dataclass(frozen=True)
class Logins:
    """The SQL logins of one server, found by name (without case, as the server compares) and by SID."""

    by_name: dict[str, Login]

    def named(self, name: str) -> Login | None:
        return self.by_name.get(name.lower())

    def with_sid(self, sid: str) -> Login | None:
        return next((login for login in self.by_name.values() if login.sid == sid), None)


def sid(text: str) -> str:
    """A SID's text in one form: 0x and upper-case digits."""
    return "0x" + text[2:].upper()


def read(remote: Remote, machine: str, attempted: str) -> Logins:
    """All SQL logins of a server but ``sa`` and the server's own, in one round trip however many there are."""
    rows = remote.sql(machine).rows(leaf("sql/read_logins.sql"), attempted=attempted)
    details: dict[tuple[str, str], set[str]] = {}
    for row in rows:
        details.setdefault((row["kind"], row["name"]), set()).add(row["detail"])
    logins = [_login(row, details) for row in rows if row["kind"] == "login"]
    return Logins({login.name.lower(): login for login in logins})


def _login(row: dict[str, Any], details: dict[tuple[str, str], set[str]]) -> Login:
    return Login(
        name=row["name"],
        sid=sid(row["sid"]),
        hash=Secret(row["hash"]),
        policy=bool(row["policy"]),
        expiration=bool(row["expiration"]),
        disabled=bool(row["disabled"]),
        default_database=row["default_database"] or "master",
        password_set=row["password_set"] or "",
        roles=frozenset(details.get(("role", row["name"]), ())),
        # Every login has CONNECT SQL unless it was taken away; it comes with the login itself.
        permissions=frozenset(details.get(("permission", row["name"]), ())),
    )
