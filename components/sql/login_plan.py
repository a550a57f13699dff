"""What it takes to bring one login, or one server role, of a server to what it is on its authority. Pure.

A login is mirrored whole or not at all: everything that is due for it on one server is one transaction, and so one
step, with the login on that server as its subject: one that fails keeps no other back. What the server alone gave it
(ownership, permissions on single securables, permissions that it granted, its credential) survives when it has to be
recreated; where it could not, that is said before anything is dropped.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from components.sql.login import Fold, Login, Logins, Owned, Permission, ServerRole, rights
from components.steps import Refuse, SqlTransaction, Step, WaitFor
from remote.sql import Value

Part = tuple[str, tuple[Value, ...]]
"""A leaf script with its values."""
CONNECT = Permission("GRANT", "CONNECT SQL")
"""Comes with a login when it is made."""
REPAIR = "Repair the logins on the replica that has them right, or remap the users with ALTER USER, then run again."


@dataclass(frozen=True)
class Needed:
    """One login of the set and the machine whose copy is the authority."""

    login: Login
    """With the SID, hash and settings that every replica gets."""
    authority: str
    """The machine whose copy has the SID of the databases' users."""


@dataclass(frozen=True)
class NeededRole:
    """A server role that mirrored logins are in, and the machine whose copy is the authority."""

    role: ServerRole
    """With the permissions that every replica gets."""
    authority: str
    """The machine whose logins are in it as they have to be everywhere."""


@dataclass(frozen=True)
class Finding:
    """One login (or server role) on one server: how it differs, and what is due or left because of that."""

    name: str
    """The login's; ``the server role …`` or ``the owner of …`` where it is about one of those."""
    machine: str
    """The server where it was found, not the authority."""
    how: str = ""
    """How it differs from the authority's; empty when it does not."""
    action: str = "none"
    """What the steps do: made, recreated, brought, dropped. ``left``: it differs, and nothing is done about it.
    ``refused``: it cannot be mirrored; its step says so and fails."""
    done: str = ""
    """The same as a clause, for the report."""
    steps: tuple[Step, ...] = ()
    """None where nothing is done; a refused one has the step that fails."""
    note: str = ""
    """What is otherwise there for a good reason, for the report."""


@dataclass(frozen=True)
class NoSessions:
    """Waits until nobody is logged on with a login that has to be dropped."""

    machine: str
    """The server from which the login goes, by its name in the topology."""
    name: str
    """The login's, found as that server compares names."""

    def __call__(self, facts: Any) -> str:
        there = facts.servers[self.machine].named(self.name)
        if there is None or not there.holdings.sessions:
            return ""
        return f"{', '.join(sorted(set(there.holdings.sessions)))} to log off from {self.machine} as {self.name}"


def examine(needed: Needed, machine: str, there: Logins, timeout_seconds: float) -> Finding:
    """Compare one login on one server with the authority's. ``timeout_seconds``: how long its
    sessions may take to end.

    A default database that the server has not is ``master`` there: else the login could not be made, or not log on.
    """
    database, note = needed.login.default_database, ""
    if there.databases and there.fold(database) not in there.databases:
        needed = replace(needed, login=replace(needed.login, default_database="master"))
        note = f"its default database {database} is not on {machine}: there it is master"
    found = _examined(needed, machine, there, timeout_seconds)
    return replace(found, note=note) if note else found


def _examined(needed: Needed, machine: str, there: Logins, timeout_seconds: float) -> Finding:
    login = needed.login
    other = there.named(login.name)
    if other is None:
        return _missing(needed, machine, there.fold)
    if other.sid != login.sid:
        return _recreated(needed, other, machine, timeout_seconds, there.fold)
    differences = login.differences(other, there.fold)
    if not differences:
        left = f"locked out on {machine}: unlock it there" if other.locked and not login.locked else ""
        return Finding(login.name, machine, action="left" if left else "none", done=left)
    how = ", ".join(differences.values())
    if other.must_change:
        done = f"its password has to be changed at the next log-on on {machine}, and is mirrored only after that"
        return Finding(login.name, machine, how, "left", done)
    what = f"On {machine}, bring the login {login.name} to what it is on {needed.authority} ({how})."
    step = _step(what, login.name, machine, _brought(login, other, there.fold))
    done = f"{how} brought to {needed.authority}'s on {machine}"
    return Finding(login.name, machine, how, "brought", done, (step,))


def refused(name: str, machine: str, why: str) -> Finding:
    """What cannot be mirrored: for the report, and as a step that fails after those for the other logins."""
    step = Step(f"On {machine}, mirror the login {name}.", Refuse(machine, why), REPAIR, _subject(name, machine))
    return Finding(name, machine, why, "refused", why, (step,))


def _step(sentence: str, name: str, machine: str, parts: Iterable[Part]) -> Step:
    return Step(sentence, SqlTransaction(machine, tuple(parts)), subject=_subject(name, machine))


def _subject(name: str, machine: str) -> str:
    return f"{name} on {machine}"


def _missing(needed: Needed, machine: str, fold: Fold) -> Finding:
    login = needed.login
    has = rights(login)
    if login.windows:
        what = f"the login of the Windows account {login.name} as it is on {needed.authority}"
    else:
        what = f"the login {login.name} with the SID and password hash it has on {needed.authority}"
    parts = (*_made(login), *_rights(login.name, login, frozenset(), frozenset({CONNECT}), fold), _marked(login.name))
    step = _step(f"On {machine}, create {what}{has}.", login.name, machine, parts)
    return Finding(login.name, machine, f"missing{has}", "made", f"made on {machine}{has}", (step,))


def _recreated(needed: Needed, other: Login, machine: str, timeout_seconds: float, fold: Fold) -> Finding:
    """Same name, other SID: capture, drop, create, restore."""
    login, steps, has = needed.login, [], rights(needed.login)
    if other.holdings.sessions:
        what = f"Wait until nobody is logged on to {machine} as {other.name}, whose SID is not the right one."
        remedy = f"End these sessions, or stop what logs on with {other.name} there, then run `pulumi up` again."
        until = WaitFor(machine, NoSessions(machine, other.name), timeout_seconds)
        steps.append(Step(what, until, remedy, _subject(login.name, machine)))
    what = (
        f"On {machine}, recreate the login {login.name} with the SID and password hash it has on "
        f"{needed.authority}{has}, and give back to it what it owns and was granted there."
    )
    kept = other.holdings
    parts: list[Part] = [_owner(owned, "") for owned in sorted(kept.owned)]
    parts += [_permission(one, one.grantee, verb="REVOKE") for one in sorted(kept.granted)]
    parts += [("sql/drop_login.sql", (other.name,)), *_made(login)]
    parts += _rights(login.name, login, frozenset(), frozenset({CONNECT}), fold)
    parts += [_permission(one, login.name) for one in sorted(kept.held)]
    parts += [_permission(one, one.grantee) for one in sorted(kept.granted)]
    parts += [_permission(one, one.grantee) for one in sorted(kept.upon) if one not in kept.granted]
    parts += [_owner(owned, login.name) for owned in sorted(kept.owned)]
    if kept.credential:
        parts.append(("sql/set_login_credential.sql", (login.name, kept.credential)))
    steps.append(_step(what, login.name, machine, parts))
    done = f"recreated on {machine} with the SID it has on {needed.authority}{has}"
    return Finding(login.name, machine, f"another SID{has}", "recreated", done, tuple(steps))


def examine_owner(database: str, owner: tuple[str, str], machine: str, there: Logins) -> Finding:
    """Compare the owner that the primary has for a database with the one that the database itself knows."""
    dbo, name = owner
    what = f"the owner of {database}"
    if not name or there.owners.get(there.fold(database), dbo) == dbo:
        return Finding(what, machine)
    how = f"another than the {name} that the database knows as dbo"
    sentence = f"On {machine}, make {name} the owner of {database}, as the database itself knows it."
    step = _step(sentence, what, machine, [_owner(Owned("DATABASE", database), name)])
    return Finding(what, machine, how, "brought", f"{name} made {what} on {machine}", (step,))


def examine_role(needed: NeededRole, machine: str, there: Logins) -> Finding:
    """Compare a server role on one server with the authority's."""
    role = needed.role
    other = there.role(role.name)
    differences = role.differences(other, there.fold) if other else {"missing": f"missing{rights(role)}"}
    how = ", ".join(differences.values())
    name = f"the server role {role.name}"
    if not how:
        return Finding(name, machine)
    have = other or ServerRole(role.name)
    made: tuple[Part, ...] = () if other else (("sql/create_server_role.sql", (role.name,)),)
    what = (
        f"On {machine}, create the server role {role.name} with the rights it has on {needed.authority}{rights(role)}."
    )
    if other:
        what = f"On {machine}, bring the server role {role.name} to what it is on {needed.authority} ({how})."
    parts = (*made, *_rights(role.name, role, have.roles, have.permissions, there.fold))
    action, done = "made", f"made on {machine}{rights(role)}"
    if other:
        action, done = "brought", f"{how} brought to {needed.authority}'s on {machine}"
    return Finding(name, machine, how, action, done, (_step(what, name, machine, parts),))


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
    return Finding(login.name, machine, how, "dropped", done, (_step(what, login.name, machine, parts),))


def hindrances(needed: Needed, there: Logins, names: frozenset[str]) -> list[str]:
    """Why a login cannot be brought to a server as it is on its authority: known before anything is done.
    ``names``: all logins that are mirrored, as the server folds names."""
    login = needed.login
    other = there.named(login.name)
    wrong = []
    granted = (one for one in login.permissions if one.grantor)
    for one in sorted(granted):
        if there.fold(one.grantor) not in names and there.named(one.grantor) is None:
            wrong.append(
                f"its right {one.right} was granted by {one.grantor}, which does not exist there and is not mirrored"
            )
    if other is not None and other.sid != login.sid:
        another = f"the login {other.name} there has another SID, as of an account that was made again: drop it there"
        wrong += [another] if login.windows or other.windows else _unrestorable(login, other, there)
    return wrong


def _unrestorable(login: Login, other: Login, there: Logins) -> list[str]:
    """What a login with another SID has on its server that it could not be given back."""
    wrong, kept = [], other.holdings
    for owned in sorted(kept.owned):
        if owned.kind == "DATABASE" and there.databases.get(there.fold(owned.name), "writable") != "writable":
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
    if login.windows:
        yield "sql/create_windows_login.sql", (login.name,)
        yield "sql/set_windows_login_options.sql", (login.name, login.default_database, login.language)
        if login.disabled:
            yield "sql/disable_login.sql", (login.name,)
        return
    yield "sql/create_login.sql", (login.name, login.sid, login.hash, *_options(login))
    if login.disabled:
        yield "sql/disable_login.sql", (login.name,)


def _brought(login: Login, other: Login, fold: Fold) -> Iterable[Part]:
    """From what a server's copy is to what the authority's is. A new hash takes the policy away for a moment."""
    differs = set(login.differences(other, fold))
    name = other.name
    if "password" in differs:
        yield "sql/set_login_hash.sql", (name, login.hash)
    if login.windows and differs & {"default database", "default language"}:
        yield "sql/set_windows_login_options.sql", (name, login.default_database, login.language)
    elif differs - {"enabled or disabled", "server roles", "server permissions"}:
        yield "sql/set_login_options.sql", (name, *_options(login))
    if login.disabled != other.disabled:
        yield "sql/disable_login.sql" if login.disabled else "sql/enable_login.sql", (name,)
    yield from _rights(name, login, other.roles, other.permissions, fold)


def _options(login: Login) -> tuple[Value, ...]:
    return login.default_database, login.language, _switch(login.policy), _switch(login.expiration)


def _rights(
    name: str, wanted: Login | ServerRole, roles: frozenset[str], permissions: frozenset[Permission], fold: Fold
) -> Iterable[Part]:
    """Server roles and permissions, from those there to those wanted."""
    have, want = {fold(role) for role in roles}, {fold(role) for role in wanted.roles}
    for role in sorted(wanted.roles):
        if fold(role) not in have:
            yield "sql/add_role_member.sql", (role, name)
    for role in sorted(roles):
        if fold(role) not in want:
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
