"""Guarantees that the SQL logins which the farm's databases need are the same on every replica.

The set is found by SID: the logins that users of the databases belong to (no name pattern), and those named beside.
For each login the authority is a replica whose login has the SID that the databases know: the primary if it is one of
them, since the farm logs on there now, else the one whose password was set last. Compared are SID, password hash (in
memory only), policy, expiration, default database, disabled, server roles and server permissions. One transaction per
login; nothing is written when nothing differs. A login of the same name with another SID is dropped and made again
with the right one; the same SID under another name is refused with both names.

Leaves alone every login outside the set, ``sa``, Windows logins, and extra logins on any replica. Delete leaves the
logins: a login is dropped only by a person.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pulumi

from components.resource import Inputs, Managed, Provider
from components.sql import group as groups
from components.sql.login import Login, Logins, read, sid
from components.steps import Sql, Step, leaf
from remote.errors import MachineError
from remote.session import Remote

MIRRORED = "the same on every replica"


class LoginMirrorInputs(Inputs):
    name: str = "logins"
    """Tells two mirrors of one group apart."""
    group: str
    """The availability group."""
    machines: tuple[str, ...]
    """All replicas."""
    databases: tuple[str, ...]
    """The databases whose users say which logins are needed."""
    further: tuple[str, ...] = ()
    """Logins to mirror beside those."""
    revisions: tuple[str, ...] = ()
    """When the portal's nodes were configured: whenever one was made, changed or removed, the logins are compared."""
    state: str = MIRRORED
    """What is declared; a drifted state names each login that differs, and how."""


@dataclass(frozen=True)
class LoginMirrorFacts:
    primary: str
    users: dict[str, str]
    """SID → name of the users in the databases."""
    servers: dict[str, Logins]
    """By machine."""
    missing: tuple[str, ...] = ()
    """Declared databases that are not there."""


@dataclass(frozen=True)
class Needed:
    """One login of the set and the machine whose copy is the authority."""

    login: Login
    authority: str


class LoginMirrorProvider(Provider[LoginMirrorInputs, LoginMirrorFacts]):
    INPUTS = LoginMirrorInputs
    IDENTITY = ("name", "group")
    COMPUTED = ("logins",)
    THING = False

    def title(self, inputs: LoginMirrorInputs) -> str:
        return f"the logins of {inputs.group}"

    def key(self, inputs: LoginMirrorInputs) -> str:
        return f"login-mirror/{inputs.group}/{inputs.name}".lower()

    def home(self, inputs: LoginMirrorInputs) -> str:
        return inputs.machines[0]

    def observe(self, inputs: LoginMirrorInputs, remote: Remote) -> LoginMirrorFacts:
        attempted = f"read {self.title(inputs)}"
        group = groups.observe(remote, inputs.machines, inputs.group)
        if not group.primary:
            raise MachineError(self.home(inputs), attempted, f"the availability group {inputs.group} has no primary")
        users = {}
        missing = []
        for database in inputs.databases:
            if not remote.sql(group.primary).rows(leaf("sql/read_database.sql"), database, attempted=attempted):
                missing.append(database)
                continue
            for row in remote.sql(group.primary, database).rows(leaf("sql/read_users.sql"), attempted=attempted):
                users[sid(row["sid"])] = row["name"]
        servers = {machine: read(remote, machine, attempted) for machine in inputs.machines}
        return LoginMirrorFacts(group.primary, users, servers, tuple(missing))

    def plan(self, inputs: LoginMirrorInputs, facts: LoginMirrorFacts) -> list[Step]:
        if facts.missing:
            raise MachineError(
                facts.primary,
                f"mirror {self.title(inputs)}",
                f"there is no database {', '.join(facts.missing)}",
                "They are made by the configuration of the first portal node; see whether that one succeeded.",
            )
        return [
            step
            for needed in self._needed(inputs, facts)
            for machine in facts.servers
            if machine != needed.authority
            for step in _mirror(needed, machine, facts.servers[machine])
        ]

    def _needed(self, inputs: LoginMirrorInputs, facts: LoginMirrorFacts) -> list[Needed]:
        """The set with its authorities; all logins that are nowhere or under two names are one error."""
        wanted: list[Needed] = []
        wrong: list[str] = []
        for user_sid, user in sorted(facts.users.items(), key=lambda item: item[1].lower()):
            have = _with_sid(facts, user_sid)
            if not have:
                wrong.append(f"no replica has a login with the SID of the database user {user}")
            elif names := _names(have):
                wrong.append(f"one SID belongs to different logins: {names}")
            else:
                wanted.append(_authority(have, facts.primary))
        for name in inputs.further:
            have = {machine: login for machine, s in facts.servers.items() if (login := s.named(name))}
            if not have:
                wrong.append(f"no replica has a login named {name}")
            elif not any(needed.login.name.lower() == name.lower() for needed in wanted):
                needed = _authority(have, facts.primary)
                if names := _names(_with_sid(facts, needed.login.sid)):
                    wrong.append(f"one SID belongs to different logins: {names}")
                else:
                    wanted.append(needed)
        if wrong:
            raise MachineError(
                facts.primary,
                f"mirror {self.title(inputs)}",
                "; ".join(wrong),
                "Repair the logins on the replica that has them right, or map the users anew, then run again.",
            )
        return wanted

    def remove(self, inputs: LoginMirrorInputs, facts: LoginMirrorFacts, before: dict[str, Any]) -> list[Step]:
        return []

    def present(self, inputs: LoginMirrorInputs, facts: LoginMirrorFacts) -> bool:
        return len(facts.missing) < len(inputs.databases)  # without any database there is nothing to mirror for

    def found(self, inputs: LoginMirrorInputs, facts: LoginMirrorFacts) -> dict[str, Any]:
        differing = []
        for needed in self._needed(inputs, facts):
            for machine, logins in facts.servers.items():
                if machine != needed.authority and (how := difference(needed.login, logins)):
                    differing.append(f"{needed.login.name} on {machine}: {how}")
        return {"state": "; ".join(differing)} if differing else {}

    def outputs(self, inputs: LoginMirrorInputs, facts: LoginMirrorFacts) -> dict[str, Any]:
        return {"logins": sorted((needed.login.name for needed in self._needed(inputs, facts)), key=str.lower)}


def _with_sid(facts: LoginMirrorFacts, wanted: str) -> dict[str, Login]:
    return {machine: login for machine, server in facts.servers.items() if (login := server.with_sid(wanted))}


def _names(have: dict[str, Login]) -> str:
    """The names that one SID has on the servers, where there is more than one; else empty."""
    names = sorted({login.name for login in have.values()}, key=str.lower)
    return " and ".join(names) if len({name.lower() for name in names}) > 1 else ""


def _authority(have: dict[str, Login], primary: str) -> Needed:
    """Among the copies with the right SID the primary's, since the farm logs on with it now; else the one whose
    password was set last."""
    machine = primary if primary in have else max(have, key=lambda one: have[one].password_set)
    return Needed(have[machine], machine)


def difference(login: Login, there: Logins) -> str:
    """How a server's copy of a login differs from the authority's; empty when it does not."""
    other = there.named(login.name)
    if other is None:
        return "missing"
    if other.sid != login.sid:
        return "another SID"
    return ", ".join(login.differences(other))


def _mirror(needed: Needed, machine: str, there: Logins) -> list[Step]:
    login = needed.login
    how = difference(login, there)
    if not how:
        return []
    other = there.named(login.name)
    steps: list[Step] = []
    roles: frozenset[str] = frozenset()
    permissions: frozenset[str] = frozenset({"GRANT CONNECT SQL"})
    common = (login.default_database, _switch(login.policy), _switch(login.expiration), int(login.disabled))
    if other is not None and other.sid != login.sid:
        what = f"On {machine}, drop the login {login.name}, whose SID is not the one the databases know."
        steps.append(Step(what, Sql(machine, "sql/drop_login.sql", (login.name,))))
        other = None
    if other is None:
        what = f"On {machine}, make the login {login.name} with the SID and password hash it has on {needed.authority}."
        values = (login.name, login.sid, login.hash, *common)
        steps.append(Step(what, Sql(machine, "sql/mirror_login.sql", values)))
    else:
        roles, permissions = other.roles, other.permissions
        plain = {"server roles", "server permissions"}
        if set(login.differences(other)) - plain:
            what = f"On {machine}, bring the login {login.name} to what it is on {needed.authority} ({how})."
            steps.append(Step(what, Sql(machine, "sql/mirror_login_options.sql", (login.name, login.hash, *common))))
    steps += _rights(login, machine, roles, permissions)
    return steps


def _rights(login: Login, machine: str, roles: frozenset[str], permissions: frozenset[str]) -> list[Step]:
    """Server roles and permissions, from what the server's copy has to what the authority's has."""
    name = login.name
    steps = []
    for role in sorted(login.roles - roles):
        what = f"On {machine}, put the login {name} into the server role {role}."
        steps.append(Step(what, Sql(machine, "sql/add_role_member.sql", (role, name))))
    for role in sorted(roles - login.roles):
        what = f"On {machine}, take the login {name} out of the server role {role}."
        steps.append(Step(what, Sql(machine, "sql/drop_role_member.sql", (role, name))))
    for permission in sorted(permissions - login.permissions):
        _, right = permission.split(" ", 1)
        what = f"On {machine}, revoke {right} from the login {name}."
        steps.append(Step(what, Sql(machine, "sql/set_permission.sql", ("REVOKE", right, name))))
    for permission in sorted(login.permissions - permissions):
        verb, right = permission.split(" ", 1)
        what = f"On {machine}, {verb.lower().replace('_', ' ')} {right} to the login {name}."
        steps.append(Step(what, Sql(machine, "sql/set_permission.sql", (verb, right, name))))
    return steps


def _switch(on: bool) -> str:
    return "ON" if on else "OFF"


class LoginMirror(Managed, module="sql", name="LoginMirror"):
    """The mirrored SQL logins of an availability group."""

    provider_class = LoginMirrorProvider
    logins: pulumi.Output[list[str]]
    """The names of the mirrored logins."""

    def __init__(
        self,
        name: str,
        *,
        group: str,
        machines: list[str],
        databases: list[str],
        further: list[str],
        revisions: list[pulumi.Input[str]],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        what = {"name": name, "group": group, "machines": machines, "databases": databases}
        super().__init__(name, {**what, "further": further, "revisions": revisions}, opts)
