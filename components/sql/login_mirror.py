"""Guarantees that the SQL logins which the farm's databases need are the same on every replica.

The set is found by SID: the logins that users of the databases belong to (no name pattern), and those named beside. For
each login the authority is a replica whose login has the SID that the databases know: the primary if it is one of them,
since the farm logs on there now, else the one whose password was set last. Compared are SID, password hash (in memory
only), policy, expiration, default database and language, disabled, server roles and server permissions with who granted
them; a user-defined server role comes along with its rights. One transaction per login and server: a login is mirrored
whole or not at all, and for itself: what is wrong with one (no login for a user, one SID under two names, a grantor
that is missing) keeps no other back, is a row of the report, and fails the resource at its end. A default database that
a replica has not is `master` there. A login that is an administrator of its server (sysadmin, securityadmin, CONTROL
SERVER, ALTER ANY LOGIN) is mirrored only when it is named beside; else a row says so. A login of the same name with
another SID is recreated, and keeps what that server alone gave it; where it could not, nothing is dropped and the error
says why. Names are compared by the server's own collation. Windows accounts and groups that are users of the databases
get their logins as well, which need no password; for an account without a login of its own those of the groups through
which it comes in are mirrored. An account of one server alone is refused by name. The owner of each database is the one
that the database itself knows (dbo): its login has to be on every replica, and the primary is changed where it has
another. A password that has to be changed at the next log-on is left until that is done.

Leaves alone every login outside the set, ``sa``, and extra logins on any replica; with `sql.drop_logins` a login that
this program made on a replica is dropped there when no database needs it any more.
Delete leaves the logins: only an administrator drops a login. It removes what was written down about those it made.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Annotated, Any

import pulumi

from components.resource import FarmResource, RefusesEarly, ReplaceOn, ReportsChange
from components.sql import group as groups
from components.sql.login import Logins, read, sid
from components.sql.login_report import done_before, merged, report
from components.sql.login_set import LoginMirrorFacts, LoginSet
from components.sql.replicas import OnReplicas, query_each
from components.steps import Sql, Step, load_script
from remote.errors import MachineError
from remote.session import Remote
from remote.sql import Row

MIRRORED = "the same on every replica"
_NO_ACCOUNT = 15404
"""Windows tells nothing of the account."""


class LoginMirrorInputs(OnReplicas):
    name: Annotated[str, ReplaceOn()] = "logins"
    """Tells two mirrors of one group apart."""
    group: Annotated[str, ReplaceOn()]
    """The availability group's name in SQL Server."""
    machines: tuple[str, ...]
    """All replicas, by the names of their machines in the topology; the first keeps the claim."""
    databases: tuple[str, ...]
    """The databases whose users say which logins are needed."""
    further: tuple[str, ...] = ()
    """Logins to mirror beside those."""
    revisions: tuple[str, ...] = ()
    """When the portal's nodes were configured: whenever one was made, changed or removed, the logins are compared."""
    drop: bool = False
    """Whether a login that this program made on a replica is dropped there when no database needs it any more."""
    shows_drift: bool = True
    """Whether logins that differ are drift of this resource. Of several mirrors of one group one shows them, and the
    others compare when their ``revisions`` change: a preview says each thing once."""
    timeout_seconds: float = 120
    """How long to wait until nobody is logged on with a login that has to be recreated."""
    state: str = MIRRORED
    """What is declared; a drifted state names each login that differs, and how."""


class LoginMirrorResource(
    ReportsChange[LoginMirrorInputs, LoginMirrorFacts], RefusesEarly[LoginMirrorInputs, LoginMirrorFacts]
):
    COMPUTED = ("logins", "report")

    def display_name(self, inputs: LoginMirrorInputs) -> str:
        return f"the logins of {inputs.group}"

    def resource_id(self, inputs: LoginMirrorInputs) -> str:
        return f"login-mirror/{inputs.group}/{inputs.name}".lower()

    def owner_machine(self, inputs: LoginMirrorInputs) -> str:
        return inputs.machines[0]

    def observe(self, inputs: LoginMirrorInputs, remote: Remote) -> LoginMirrorFacts:
        attempted = f"read {self.display_name(inputs)}"
        group = groups.observe(remote, inputs.machines, inputs.group)
        if not group.exists:  # it was dropped: there is no primary to mirror logins from until it is recreated
            return LoginMirrorFacts(self.owner_machine(inputs), {}, {}, missing=inputs.databases)
        if not group.primary:
            raise MachineError(
                self.owner_machine(inputs), attempted, f"the availability group {inputs.group} has no primary"
            )
        answers = query_each(
            inputs, inputs.machines, lambda machine: read(remote, machine, attempted), primary=group.primary
        )
        primary = answers.given[group.primary]
        missing = tuple(database for database in inputs.databases if primary.fold(database) not in primary.databases)
        known = [database for database in inputs.databases if database not in missing]
        rows = _users(remote, [(group.primary, database) for database in known], attempted)
        windows = {sid(row["sid"]): row["name"] for _, row in rows if row["kind"] == "windows"}
        groups_of = [
            _groups(remote, group.primary, primary, one, attempted) for one in _without_login(windows, primary)
        ]
        for found in groups_of:
            windows |= found
        facts = LoginMirrorFacts(
            group.primary,
            {sid(row["sid"]): row["name"] for _, row in rows if row["kind"] == "sql"},
            answers.given,
            missing,
            answers.unreachable,
            windows=windows,
            obscure=not all(groups_of),
            owners={database: (sid(row["sid"]), row["name"]) for database, row in rows if row["kind"] == "owner"},
        )
        if not inputs.drop or not LoginSet(inputs, facts).unneeded():
            return facts
        others = [(machine, name) for machine, server in facts.servers.items() for name in server.open_databases]
        return replace(facts, elsewhere=frozenset(sid(row["sid"]) for _, row in _users(remote, others, attempted)))

    def refuse_change(self, olds: dict[str, Any], inputs: LoginMirrorInputs, facts: LoginMirrorFacts) -> None:
        """Only a name that is new: whatever else cannot be mirrored keeps no other login back."""
        named = [name for name in inputs.further if name not in (olds.get("further") or ())]
        nowhere = [name for name in named if not any(server.named(name) for server in facts.servers.values())]
        if nowhere and facts.servers and not facts.unreachable:
            raise MachineError(
                facts.primary,
                f"mirror {self.display_name(inputs)}",
                f"no replica has a login named {', '.join(nowhere)}",
                f"Create it on {facts.primary} first, or take it out of `sql.logins`.",
            )

    def plan(self, inputs: LoginMirrorInputs, facts: LoginMirrorFacts) -> list[Step]:
        if facts.missing:
            raise MachineError(
                facts.primary,
                f"mirror {self.display_name(inputs)}",
                f"there is no database {', '.join(facts.missing)}",
                "They are made by the configuration of the first portal node; see whether that one succeeded.",
            )
        found = [one for one in LoginSet(inputs, facts).findings if one.steps]
        # By server, so that one request carries many of them; what cannot be done comes last.
        found.sort(key=lambda one: (one.action == "refused", one.machine))
        return [step for one in found for step in one.steps]

    def plan_delete(self, inputs: LoginMirrorInputs, facts: LoginMirrorFacts, baseline: dict[str, Any]) -> list[Step]:
        return [
            Step(
                f"On {machine}, remove the record of the logins that this program made.",
                Sql(machine, "sql/unmark_logins.sql"),
            )
            for machine, server in facts.servers.items()
            if server.marks
        ]

    def preexisting(self, inputs: LoginMirrorInputs, facts: LoginMirrorFacts) -> bool:
        return False  # what delete takes away, this program wrote down itself

    def actual(self, inputs: LoginMirrorInputs, facts: LoginMirrorFacts) -> dict[str, Any] | None:
        if len(facts.missing) == len(inputs.databases):  # without any database there is nothing to mirror for
            return None
        if not inputs.shows_drift:
            return {}
        due = [f"{one.name} on {one.machine}: {one.how}" for one in LoginSet(inputs, facts).findings if one.steps]
        return {"state": "; ".join(due)} if due else {}

    def concerns(self, inputs: LoginMirrorInputs, facts: LoginMirrorFacts) -> list[str]:
        """Everything that is not as it should be, also what this resource leaves to the operator."""
        left = [f"{one.name}: {one.done}" for one in LoginSet(inputs, facts).findings if one.action == "left"]
        unknown = [f"{machine} does not answer" for machine in facts.unreachable]
        return [*(self.actual(inputs, facts) or {}).values(), *left, *unknown]

    def outputs(self, inputs: LoginMirrorInputs, facts: LoginMirrorFacts) -> dict[str, Any]:
        return {"logins": LoginSet(inputs, facts).names()}

    def change_outputs(
        self, inputs: LoginMirrorInputs, facts: LoginMirrorFacts, before: LoginMirrorFacts | None, kept: dict[str, Any]
    ) -> dict[str, Any]:
        if before is None and not inputs.shows_drift:
            return {"report": kept.get("report", [])}
        wanted = LoginSet(inputs, facts)
        earlier = LoginSet(inputs, before).findings if before else []
        done = [one for one in earlier if one.steps and one.action != "refused"]
        rows = report(wanted.names(), wanted.findings, done, facts.unreachable)
        # A look that finds nothing new leaves what the last change did, so that a preview shows only what differs.
        return {"report": merged(done_before(kept.get("report")), rows) if before is None else merged(None, rows)}


def _without_login(windows: dict[str, str], primary: Logins) -> list[str]:
    return [one for one in windows if primary.with_sid(one) is None]


def _groups(remote: Remote, primary: str, there: Logins, account: str, attempted: str) -> dict[str, str]:
    """SID → name of the groups whose logins let a Windows account in on the primary, as far as Windows tells."""
    try:
        rows = remote.sql(primary).rows(load_script("sql/read_login_groups.sql"), account, attempted=attempted)
    except MachineError as error:
        if error.number == _NO_ACCOUNT:
            return {}
        raise
    logins = [there.named(row["permission path"]) for row in rows if row["permission path"]]
    return {login.sid: login.name for login in logins if login is not None}


def _users(remote: Remote, places: Iterable[tuple[str, str]], attempted: str) -> list[tuple[str, Row]]:
    """The users in databases and their owners, each with its database."""
    return [
        (database, row)
        for machine, database in places
        for row in remote.sql(machine, database).rows(load_script("sql/read_users.sql"), attempted=attempted)
    ]


class LoginMirror(FarmResource[LoginMirrorInputs], module="sql", name="LoginMirror"):
    """The mirrored SQL logins of an availability group."""

    implementation = LoginMirrorResource
    logins: pulumi.Output[list[str]]
    """The names of the mirrored logins."""
    report: pulumi.Output[list[dict[str, str]]]
    """A row for each login: its name, what the last change did about it or what is due or left, and why."""
