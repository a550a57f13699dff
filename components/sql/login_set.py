"""Which logins and server roles a mirror is about, who the authority for each is, and what was found. Pure."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from components.sql.login import Login, Logins, ServerRole
from components.sql.login_plan import Finding, Needed, NeededRole, drop, examine, examine_role, hindrances

if TYPE_CHECKING:
    from components.sql.login_mirror import LoginMirrorFacts, LoginMirrorInputs


class LoginSet:
    """The set with its authorities. ``wrong`` has everything that keeps it from being mirrored, all at once."""

    def __init__(self, inputs: LoginMirrorInputs, facts: LoginMirrorFacts) -> None:
        self._inputs, self._facts = inputs, facts
        self.wrong: list[str] = []
        self._needed = self._find()
        names = frozenset(needed.login.name.lower() for needed in self._needed)
        for needed in self._needed:
            for machine, there in self._others(needed.authority):
                hinders = hindrances(needed, there, names)
                if hinders:
                    name = needed.login.name
                    self.wrong.append(f"{name} cannot be on {machine} what it is on {needed.authority}: "
                                      f"{', '.join(hinders)}")  # fmt: skip

    def names(self) -> list[str]:
        return sorted((needed.login.name for needed in self._needed), key=str.lower)

    @cached_property
    def findings(self) -> list[Finding]:
        """Server roles first, then logins (those that granted something before those whom they granted it), then what
        is not needed any more."""
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
                found.append(examine(needed, machine, there, self._inputs.seconds))
        if self._inputs.drop:
            elsewhere = self._facts.elsewhere
            unneeded = [one for one in self.unneeded() if one[1].sid not in elsewhere]
            found += [drop(login, machine, self._unread(machine)) for machine, login in unneeded]
        return found

    def unneeded(self) -> list[tuple[str, Login]]:
        """The logins that this program made and that no declared database and no name asks for, with their machine."""
        names = {name.lower() for name in self._inputs.further}
        found = [
            (machine, login)
            for machine, server in self._facts.servers.items()
            for made in server.made - self._facts.users.keys()
            if (login := server.with_sid(made)) and login.name.lower() not in names
        ]
        return sorted(found, key=lambda one: (one[1].name.lower(), one[0]))

    def _unread(self, machine: str) -> list[str]:
        """The databases there that could not be asked: closed, or copies of what is not open on the primary."""
        opened = self._facts.servers[self._facts.primary].open_databases
        there = self._facts.servers[machine]
        return sorted(set(there.databases) - {*there.open_databases, *opened})

    def _others(self, authority: str) -> list[tuple[str, Logins]]:
        return [(machine, there) for machine, there in self._facts.servers.items() if machine != authority]

    def _find(self) -> list[Needed]:
        wanted: list[Needed] = []
        for user_sid, user in sorted(self._facts.users.items(), key=lambda item: item[1].lower()):
            have = self._with_sid(user_sid)
            if not have:
                self.wrong.append(f"{self._nobody()} has a login with the SID of the database user {user}")
            elif names := _names(have):
                self.wrong.append(f"one SID belongs to different logins: {names}")
            else:
                wanted.append(_authority(have, self._facts.primary))
        known = {needed.login.name.lower() for needed in wanted}
        for name in self._inputs.further:
            have = {machine: login for machine, s in self._facts.servers.items() if (login := s.named(name))}
            if not have:
                self.wrong.append(f"{self._nobody()} has a login named {name}")
            elif name.lower() not in known:
                known.add(name.lower())
                needed = _authority(have, self._facts.primary)
                if names := _names(self._with_sid(needed.login.sid)):
                    self.wrong.append(f"one SID belongs to different logins: {names}")
                else:
                    wanted.append(needed)
        return wanted

    def _nobody(self) -> str:
        silent = self._facts.silent
        return f"no replica but perhaps {', '.join(silent)}, which does not answer," if silent else "no replica"

    def _with_sid(self, wanted: str) -> dict[str, Login]:
        servers = self._facts.servers.items()
        return {machine: login for machine, server in servers if (login := server.with_sid(wanted))}

    def _in_order(self) -> list[Needed]:
        """As found, but whoever granted a right to another comes before that one."""
        by_name = {needed.login.name.lower(): needed for needed in self._needed}
        done: dict[str, Needed] = {}

        def add(needed: Needed, under_way: frozenset[str]) -> None:
            name = needed.login.name.lower()
            if name in done or name in under_way:
                return
            for one in needed.login.permissions:
                if one.grantor.lower() in by_name:
                    add(by_name[one.grantor.lower()], under_way | {name})
            done[name] = needed

        for needed in self._needed:
            add(needed, frozenset())
        return list(done.values())

    def _roles(self) -> list[NeededRole]:
        """The server roles that somebody made and that needed logins are in; a role comes after those it is in."""
        found: dict[str, NeededRole] = {}

        def add(name: str, authority: str, under_way: frozenset[str]) -> None:
            role: ServerRole | None = self._facts.servers[authority].role(name)
            if role is None or name.lower() in found or name.lower() in under_way:
                return
            for above in sorted(role.roles):
                add(above, authority, under_way | {name.lower()})
            found[name.lower()] = NeededRole(role, authority)

        for needed in sorted(self._needed, key=lambda one: one.authority != self._facts.primary):
            for name in sorted(needed.login.roles):
                add(name, needed.authority, frozenset())
        return list(found.values())


def _names(have: dict[str, Login]) -> str:
    """The names that one SID has on the servers, where there is more than one; else empty."""
    names = sorted({login.name for login in have.values()}, key=str.lower)
    return " and ".join(names) if len({name.lower() for name in names}) > 1 else ""


def _authority(have: dict[str, Login], primary: str) -> Needed:
    """Among the copies with the right SID the primary's, since the farm logs on with it now; else the one whose
    password was set last."""
    machine = primary if primary in have else max(have, key=lambda one: have[one].password_set)
    return Needed(have[machine], machine)
