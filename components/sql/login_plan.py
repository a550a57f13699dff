"""What it takes to bring one login, or one server role, of a server to what it is on its authority. Pure.

A login is mirrored whole or not at all: everything that is due for it on one server is one transaction, and so one
step. What the server alone gave it (ownership, permissions on single securables, permissions that it granted, its
credential) survives when it has to be made anew; where it could not, that is said before anything is dropped.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from components.sql.login import Login, Logins, Owned, Permission, ServerRole
from components.steps import Step, Together, Until
from remote.sql import Value

Part = tuple[str, tuple[Value, ...]]
"""A leaf script with its values."""
CONNECT = Permission("GRANT", "CONNECT SQL")
"""Comes with a login when it is made."""


@dataclass(frozen=True)
class Needed:
    """One login of the set and the machine whose copy is the authority."""

    login: Login
    authority: str


@dataclass(frozen=True)
class NeededRole:
    """A server role that mirrored logins are in, and the machine whose copy is the authority."""

    role: ServerRole
    authority: str


@dataclass(frozen=True)
class Finding:
    """One login (or server role) on one server: how it differs, and what is due or left because of that."""

    name: str
    machine: str
    how: str = ""
    """How it differs from the authority's; empty when it does not."""
    action: str = "none"
    """What the steps do: made, made anew, brought, dropped. ``left``: it differs, and nothing is done about it."""
    done: str = ""
    """The same as a clause, for the report."""
    steps: tuple[Step, ...] = ()


@dataclass(frozen=True)
class LoggedOff:
    """Waits until nobody is logged on with a login that has to be dropped."""

    machine: str
    name: str

    def __call__(self, facts: Any) -> str:
        there = facts.servers[self.machine].named(self.name)
        if there is None or not there.holdings.sessions:
            return ""
        return f"{', '.join(sorted(set(there.holdings.sessions)))} to log off from {self.machine} as {self.name}"


def examine(needed: Needed, machine: str, there: Logins, seconds: float) -> Finding:
    """Compare one login on one server with the authority's. ``seconds``: how long to wait for its sessions to end."""
    login = needed.login
    other = there.named(login.name)
    if other is None:
        return _missing(needed, machine)
    if other.sid != login.sid:
        return _anew(needed, other, machine, seconds)
    how = ", ".join(login.differences(other))
    if not how:
        left = f"locked out on {machine}: unlock it there" if other.locked and not login.locked else ""
        return Finding(login.name, machine, action="left" if left else "none", done=left)
    if other.must_change:
        done = f"its password has to be changed at the next log-on on {machine}, and is mirrored only after that"
        return Finding(login.name, machine, how, "left", done)
    what = f"On {machine}, bring the login {login.name} to what it is on {needed.authority} ({how})."
    step = Step(what, Together(machine, tuple(_brought(login, other))))
    done = f"{how} brought to {needed.authority}'s on {machine}"
    return Finding(login.name, machine, how, "brought", done, (step,))


def _missing(needed: Needed, machine: str) -> Finding:
    login = needed.login
    what = f"On {machine}, make the login {login.name} with the SID and password hash it has on {needed.authority}."
    parts = (*_made(login), *_rights(login.name, login, frozenset(), frozenset({CONNECT})), _marked(login.name))
    return Finding(
        login.name, machine, "missing", "made", f"made on {machine}", (Step(what, Together(machine, parts)),)
    )


def _anew(needed: Needed, other: Login, machine: str, seconds: float) -> Finding:
    """Same name, other SID: capture, drop, create, restore."""
    login, steps = needed.login, []
    if other.holdings.sessions:
        what = f"Wait until nobody is logged on to {machine} as {other.name}, whose SID is not the right one."
        remedy = f"End these sessions, or stop what logs on with {other.name} there, then run `pulumi up` again."
        steps.append(Step(what, Until(machine, LoggedOff(machine, other.name), seconds), remedy))
    what = (
        f"On {machine}, make the login {login.name} anew with the SID and password hash it has on {needed.authority}, "
        "and give back to it what it owns and was granted there."
    )
    kept = other.holdings
    parts: list[Part] = [_owner(owned, "") for owned in sorted(kept.owned)]
    parts += [_permission(one, one.grantee, verb="REVOKE") for one in sorted(kept.granted)]
    parts += [("sql/drop_login.sql", (other.name,)), *_made(login)]
    parts += _rights(login.name, login, frozenset(), frozenset({CONNECT}))
    parts += [_permission(one, login.name) for one in sorted(kept.held)]
    parts += [_permission(one, one.grantee) for one in sorted(kept.granted)]
    parts += [_permission(one, one.grantee) for one in sorted(kept.upon) if one not in kept.granted]
    parts += [_owner(owned, login.name) for owned in sorted(kept.owned)]
    if kept.credential:
        parts.append(("sql/set_login_credential.sql", (login.name, kept.credential)))
    steps.append(Step(what, Together(machine, tuple(parts))))
    done = f"made anew on {machine} with the SID it has on {needed.authority}"
    return Finding(login.name, machine, "another SID", "made anew", done, tuple(steps))


def examine_role(needed: NeededRole, machine: str, there: Logins) -> Finding:
    """Compare a server role on one server with the authority's."""
    role = needed.role
    other = there.role(role.name)
    how = "missing" if other is None else ", ".join(role.differences(other))
    name = f"the server role {role.name}"
    if not how:
        return Finding(name, machine)
    have = other or ServerRole(role.name)
    made: tuple[Part, ...] = () if other else (("sql/create_server_role.sql", (role.name,)),)
    verb = "bring" if other else "make"
    what = f"On {machine}, {verb} the server role {role.name} with the rights it has on {needed.authority}."
    if other:
        what = f"On {machine}, bring the server role {role.name} to what it is on {needed.authority} ({how})."
    parts = (*made, *_rights(role.name, role, have.roles, have.permissions))
    action, done = ("brought", f"{how} brought to {needed.authority}'s") if other else ("made", "made")
    return Finding(name, machine, how, action, f"{done} on {machine}", (Step(what, Together(machine, parts)),))


def drop(login: Login, machine: str, unread: list[str]) -> Finding:
    """A login that this program made and that nothing needs any more. ``unread``: databases that may need it, but
    cannot be read."""
    how, kept = "no database needs it any more", login.holdings
    hinders = [f"owns the {owned}" for owned in sorted(kept.owned)]
    hinders += [f"granted {one.right} to {one.grantee}" for one in sorted(kept.granted)]
    hinders += [f"is logged on from {session}" for session in sorted(set(kept.sessions))]
    hinders += [f"may be needed by {database}, which cannot be read" for database in unread]
    if hinders:
        done = f"{how}, but on {machine} it {', '.join(hinders)}"
        return Finding(login.name, machine, action="left", done=done)
    what = f"On {machine}, drop the login {login.name}, which this program made and no database needs any more."
    parts: tuple[Part, ...] = (
        ("sql/drop_login.sql", (login.name,)),
        ("sql/unmark_login.sql", (login.sid,)),
    )
    done = f"dropped on {machine}: {how}"
    return Finding(login.name, machine, how, "dropped", done, (Step(what, Together(machine, parts)),))


def hindrances(needed: Needed, there: Logins, names: frozenset[str]) -> list[str]:
    """Why a login cannot be brought to a server as it is on its authority: known before anything is done.
    ``names``: all logins that are mirrored, lower case."""
    login = needed.login
    other = there.named(login.name)
    wrong = []
    if there.databases and login.default_database.lower() not in there.databases:
        wrong.append(f"its default database {login.default_database} is not there")
    for one in sorted(login.permissions):
        if one.grantor and one.grantor.lower() not in names and there.named(one.grantor) is None:
            wrong.append(f"its right {one.right} was granted by {one.grantor}, which is not there and not mirrored")
    if other is not None and other.sid != login.sid:
        wrong += _unrestorable(login, other, there)
    return wrong


def _unrestorable(login: Login, other: Login, there: Logins) -> list[str]:
    """What a login with another SID has on its server that it could not be given back."""
    wrong, kept = [], other.holdings
    for owned in sorted(kept.owned):
        if owned.kind == "DATABASE" and there.databases.get(owned.name.lower(), "writable") != "writable":
            wrong.append(f"it has another SID and owns the {owned}, whose owner cannot be changed there now")
    may_grant = {(p.right, p.kind, p.securable) for p in (*login.permissions, *kept.held) if p.state.endswith("OPTION")}
    for one in sorted(kept.granted):
        what = f"it has another SID and granted {one.right} to {one.grantee}"
        if (one.right, one.kind, one.securable) not in may_grant:
            wrong.append(f"{what}, which it may not grant where it is right")
        elif one.state.endswith("OPTION"):
            wrong.append(f"{what} with the right to grant it on")
    return wrong


def _made(login: Login) -> Iterable[Part]:
    yield "sql/create_login.sql", (login.name, login.sid, login.hash, *_options(login))
    if login.disabled:
        yield "sql/disable_login.sql", (login.name,)


def _brought(login: Login, other: Login) -> Iterable[Part]:
    """From what a server's copy is to what the authority's is. A new hash takes the policy away for a moment."""
    differs = set(login.differences(other))
    name = other.name
    if "password" in differs:
        yield "sql/set_login_hash.sql", (name, login.hash)
    if differs - {"enabled or disabled", "server roles", "server permissions"}:
        yield "sql/set_login_options.sql", (name, *_options(login))
    if login.disabled != other.disabled:
        yield "sql/disable_login.sql" if login.disabled else "sql/enable_login.sql", (name,)
    yield from _rights(name, login, other.roles, other.permissions)


def _options(login: Login) -> tuple[Value, ...]:
    return login.default_database, login.language, _switch(login.policy), _switch(login.expiration)


def _rights(
    name: str, wanted: Login | ServerRole, roles: frozenset[str], permissions: frozenset[Permission]
) -> Iterable[Part]:
    """Server roles and permissions, from those there to those wanted."""
    have, want = {role.lower() for role in roles}, {role.lower() for role in wanted.roles}
    for role in sorted(wanted.roles):
        if role.lower() not in have:
            yield "sql/add_role_member.sql", (role, name)
    for role in sorted(roles):
        if role.lower() not in want:
            yield "sql/drop_role_member.sql", (role, name)
    for one in sorted(permissions - wanted.permissions):
        yield _permission(one, name, verb="REVOKE")
    for one in sorted(wanted.permissions - permissions):
        yield _permission(one, name)


def _permission(one: Permission, grantee: str, verb: str = "") -> Part:
    return "sql/set_permission.sql", (verb or one.state, one.right, one.kind, one.securable, grantee, one.grantor)


def _owner(owned: Owned, owner: str) -> Part:
    if owned.kind == "JOB":
        return "sql/set_job_owner.sql", (owned.name, owner)
    return "sql/set_owner.sql", (owned.kind, owned.name, owner)


def _marked(name: str) -> Part:
    return "sql/mark_login.sql", (name,)


def _switch(on: bool) -> str:
    return "ON" if on else "OFF"
