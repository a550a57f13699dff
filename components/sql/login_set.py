"""Which logins and server roles a mirror is about, who the authority for each is, and what was found. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Protocol

from components.sql.login import Fold, Login, Logins, ServerRole
from components.sql.login_plan import (
    Finding,
    Needed,
    NeededRole,
    drop,
    examine,
    examine_owner,
    examine_role,
    hindrances,
    refused,
)
from remote.names import folded, same


@dataclass(frozen=True)
class LoginMirrorFacts:
    primary: str
    """The primary's machine; where no server has the group, the first of the declared ones."""
    users: dict[str, str]
    """SID → name of the users in the databases."""
    servers: dict[str, Logins]
    """By machine; one that does not answer is missing."""
    missing: tuple[str, ...] = ()
    """Declared databases that are not there."""
    unreachable: tuple[str, ...] = ()
    """Replicas that do not answer."""
    elsewhere: frozenset[str] = field(default_factory=frozenset)
    """SIDs that users of other databases have, read where something might be dropped."""
    windows: dict[str, str] = field(default_factory=dict)
    """SID → name of the users that are Windows accounts or groups, and of the groups through which such accounts come
    in that have no login of their own."""
    obscure: bool = False
    """Whether no group is known for one of them that has no login: it is gone, or no domain controller answers."""
    owners: dict[str, tuple[str, str]] = field(default_factory=dict)
    """Database → SID of its owner as the database knows it (dbo), and the name that the primary has for that."""


class Wanted(Protocol):
    """What is declared of a mirror, as far as it decides about logins (``LoginMirrorInputs``)."""

    @property
    def further(self) -> tuple[str, ...]: ...
    @property
    def drop(self) -> bool: ...
    @property
    def timeout_seconds(self) -> float: ...


class LoginSet:
    """The set with its authorities. What keeps one login from being mirrored keeps no other: it is a finding."""

    def __init__(self, inputs: Wanted, facts: LoginMirrorFacts) -> None:
        self._inputs, self._facts = inputs, facts
        primary = facts.servers.get(facts.primary)
        self._fold: Fold = primary.fold if primary else str.lower
        self._refused: list[Finding] = []
        self._mighty: list[Needed] = []
        """Logins that are administrators of their server, and that the topology does not name."""
        self._needed = self._find()
        self._hindered = self._find_hindered()

    def names(self) -> list[str]:
        return sorted((needed.login.name for needed in (*self._needed, *self._mighty)), key=str.lower)

    @cached_property
    def findings(self) -> list[Finding]:
        """Server roles first, then logins (those that granted something before those whom they granted it), then what
        is not needed any more, what is left to the operator, and what cannot be mirrored."""
        found = [
            examine_role(role, machine, there)
            for role in self._roles()
            for machine, there in self._others(role.authority)
        ]
        for needed in self._in_order():
            if needed.login.must_change:
                left = f"its password has to be changed at the next log-on on {needed.authority}, and is mirrored then"
                found.append(Finding(needed.login.name, needed.authority, action="left", done=left))
                continue
            if needed.login.locked:
                left = f"locked out on {needed.authority}: unlock it there"
                found.append(Finding(needed.login.name, needed.authority, action="left", done=left))
            for machine, there in self._others(needed.authority):
                if (needed.login.sid, machine) not in self._hindered:
                    found.append(examine(needed, machine, there, self._inputs.timeout_seconds))
        primary = self._facts.servers.get(self._facts.primary)
        if primary:
            owners = self._facts.owners.items()
            found += [examine_owner(database, owner, self._facts.primary, primary) for database, owner in owners]
        if self._inputs.drop:
            elsewhere = self._facts.elsewhere
            unneeded = [one for one in self.unneeded() if one[1].sid not in elsewhere]
            found += [drop(login, machine, self._unread(machine)) for machine, login in unneeded]
        return [*found, *self._left_mighty(), *self._refused, *self._hindered.values()]

    def _left_mighty(self) -> list[Finding]:
        """An administrator of one server does not become one of another because a database has a user for it."""
        found = []
        for needed in self._mighty:
            name, why = needed.login.name, self._facts.servers[needed.authority].mighty(needed.login)
            for machine, there in self._others(needed.authority):
                differs = examine(needed, machine, there, self._inputs.timeout_seconds)
                if differs.how:
                    consent = "name it in `sql.logins` of the topology"
                    if needed.login.windows:  # which that list does not take
                        consent = "make its login there yourself"
                    done = (
                        f"{differs.how} on {machine}, and not mirrored, since on {needed.authority} it is "
                        f"{', '.join(why)}: {consent} if it may be that on every replica"
                    )
                    found.append(Finding(name, machine, differs.how, "left", done))
        return found

    def _find_hindered(self) -> dict[tuple[str, str], Finding]:
        """What a server keeps from being there as it is on its authority, by SID and machine. Who cannot be there can
        have granted nothing there either, so it is asked again until nobody else falls out."""
        found: dict[tuple[str, str], Finding] = {}
        while True:
            before = len(found)
            for machine, there in self._facts.servers.items():
                able = frozenset(
                    there.fold(one.login.name) for one in self._needed if (one.login.sid, machine) not in found
                )
                for needed in self._needed:
                    key = (needed.login.sid, machine)
                    if machine == needed.authority or key in found:
                        continue
                    if hinders := hindrances(needed, there, able):
                        what = f"it cannot be set there as it is on {needed.authority}: {', '.join(hinders)}"
                        found[key] = refused(needed.login.name, machine, what)
            if len(found) == before:
                return found

    def unneeded(self) -> list[tuple[str, Login]]:
        """The logins that this program made and that no declared database and no name asks for, with their machine."""
        names = {self._fold(name) for name in self._inputs.further}
        owners = {dbo for dbo, _ in self._facts.owners.values()}
        found = [
            (machine, login)
            for machine, server in self._facts.servers.items()
            for made in server.made - self._facts.users.keys() - self._facts.windows.keys() - owners
            if (login := server.with_sid(made)) and self._fold(login.name) not in names
            if not (login.windows and self._facts.obscure)  # it may be that of a group that is needed
        ]
        return sorted(found, key=lambda one: (folded(one[1].name), one[0]))

    def _unread(self, machine: str) -> list[str]:
        """The databases there that could not be asked: closed, or copies of what is not open on the primary."""
        opened = self._facts.servers[self._facts.primary].open_databases
        there = self._facts.servers[machine]
        return sorted(set(there.databases) - {*there.open_databases, *opened})

    def _others(self, authority: str) -> list[tuple[str, Logins]]:
        return [(machine, there) for machine, there in self._facts.servers.items() if machine != authority]

    def _find(self) -> list[Needed]:
        """The logins to be mirrored; those that cannot be or must not be are put aside."""
        found: dict[str, Needed] = {}
        named: set[str] = set()
        """SIDs of those that the topology names."""
        users = sorted(self._facts.users.items(), key=lambda item: folded(item[1]))
        for user_sid, user in users:
            have = self._with_sid(user_sid)
            if have:
                self._take(found, have)
            else:
                why = f"{self._nobody()} has a login with the SID of the database user {user}"
                self._refused.append(refused(user, self._facts.primary, why))
        self._find_owners(found)
        for user_sid in sorted(self._facts.windows, key=lambda one: folded(self._facts.windows[one])):
            if have := self._with_sid(user_sid):  # one without a login comes in by a group, which is among them
                self._take(found, have)
        for name in self._inputs.further:
            have = {machine: login for machine, s in self._facts.servers.items() if (login := s.named(name))}
            if have:
                known = {login.sid for login in have.values()} & found.keys()
                named |= known or {_authority(have, self._facts.primary).login.sid}
                if not known:
                    self._take(found, have)
            else:
                self._refused.append(refused(name, self._facts.primary, f"{self._nobody()} has a login named {name}"))
        mirrored: list[Needed] = []
        for needed in found.values():
            mighty = needed.login.sid not in named and self._facts.servers[needed.authority].mighty(needed.login)
            (self._mighty if mighty else mirrored).append(needed)
        return mirrored

    def _find_owners(self, found: dict[str, Needed]) -> None:
        """The logins that databases belong to, where a replica lacks one. What everybody has is left as it is: it may
        be the administrator's, whose password is another resource's."""
        for database, (dbo, _) in sorted(self._facts.owners.items()):
            have = self._with_sid(dbo)
            if dbo == _SA or (_is_windows(dbo) and not have):
                continue
            if not have:
                why = f"{self._nobody()} has a login with the SID {dbo} of the owner of {database}"
                self._refused.append(refused(f"that {database} belongs to", self._facts.primary, why))
            elif len(have) < len(self._facts.servers):
                self._take(found, have)

    def _take(self, found: dict[str, Needed], have: dict[str, Login]) -> None:
        """Find the authority of one login among its copies, unless its SID belongs to different ones."""
        needed = _authority(have, self._facts.primary)
        if needed.login.sid in found:
            return
        if owner := self._local_to(needed.login):
            why = f"it is an account of {owner} alone, which no other server knows: use one of the domain"
            self._refused.append(refused(needed.login.name, needed.authority, why))
            return
        copies = self._with_sid(needed.login.sid).values()
        names = sorted({login.name for login in copies}, key=lambda name: (folded(name), name))
        if len({self._fold(name) for name in names}) > 1:
            what = " and ".join(names)
            self._refused.append(refused(what, needed.authority, f"one SID belongs to different logins: {what}"))
        else:
            found[needed.login.sid] = needed

    def _local_to(self, login: Login) -> str:
        """The computer whose own account a login belongs to; empty for any other."""
        computers = [server.machine for server in self._facts.servers.values() if server.machine]
        prefix = login.name.partition("\\")[0] if login.windows else ""
        return next((one for one in computers if same(one, prefix)), "")

    def _nobody(self) -> str:
        if away := self._facts.unreachable:
            return f"no replica but perhaps {', '.join(away)}, which does not answer,"
        return "no replica"

    def _with_sid(self, wanted: str) -> dict[str, Login]:
        servers = self._facts.servers.items()
        return {machine: login for machine, server in servers if (login := server.with_sid(wanted))}

    def _in_order(self) -> list[Needed]:
        """As found, but a grantor comes before its grantees."""
        fold = self._fold
        by_name = {fold(needed.login.name): needed for needed in self._needed}
        done: dict[str, Needed] = {}

        def add(needed: Needed, under_way: frozenset[str]) -> None:
            name = fold(needed.login.name)
            if name in done or name in under_way:
                return
            for one in needed.login.permissions:
                if one.grantor and fold(one.grantor) in by_name:
                    add(by_name[fold(one.grantor)], under_way | {name})
            done[name] = needed

        for needed in self._needed:
            add(needed, frozenset())
        return list(done.values())

    def _roles(self) -> list[NeededRole]:
        """The user-defined server roles that needed logins are in; a role comes after those it is in."""
        found: dict[str, NeededRole] = {}

        def add(name: str, authority: str, under_way: frozenset[str]) -> None:
            role: ServerRole | None = self._facts.servers[authority].role(name)
            key = self._fold(name)
            if role is None or key in found or key in under_way:
                return
            for above in sorted(role.roles):
                add(above, authority, under_way | {key})
            found[key] = NeededRole(role, authority)

        for needed in sorted(self._needed, key=lambda one: one.authority != self._facts.primary):
            for name in sorted(needed.login.roles):
                add(name, needed.authority, frozenset())
        return list(found.values())


_SA = "0x01"
_SQL_SID = len("0x") + 2 * 16


def _is_windows(sid: str) -> bool:
    """A SQL login's SID has 16 bytes; those that Windows gives have another length."""
    return len(sid) != _SQL_SID


def _authority(have: dict[str, Login], primary: str) -> Needed:
    """Among the copies with the right SID the primary's, since the farm logs on with it now; else the one whose
    password was set last."""
    machine = primary if primary in have else max(have, key=lambda one: have[one].password_set)
    return Needed(have[machine], machine)
