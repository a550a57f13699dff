"""SQL Server: every replica, the listener, every database, and the logins they need."""

from __future__ import annotations

from collections.abc import Iterator

from components.portal.databases import DATABASES
from components.sql import group as groups
from components.sql.availability_database import lagging
from components.sql.login_mirror import LoginMirrorInputs, LoginMirrorResource
from components.steps import load_script
from components.topology.parts import Replica
from operations.configuration import Context
from operations.row import Check, UncheckedError, expect

LEVEL = "SQL Server"


def checks(context: Context) -> Iterator[Check]:
    sql = context.topology.sql
    for replica in context.topology.replicas:
        what = f"admits {sql.administrator}, mixed mode"
        yield Check(LEVEL, replica.machine, what, _Replica(context, replica), machine=replica.machine)
    yield Check(LEVEL, sql.group, "has a primary, every replica follows", _Group(context))
    yield Check(LEVEL, context.topology.listener_fqdn, "leads to the primary", _Listener(context), common=True)
    for database in DATABASES:
        what = "follows on every replica, ready for a failover where it is synchronous"
        yield Check(LEVEL, database, what, _Database(context, database))
    yield Check(LEVEL, "logins", "the same on every replica, by SID and password hash", _Logins(context))


def _machines(context: Context) -> list[str]:
    """The replicas to ask. Raises ``UncheckedError`` when none of them answers."""
    everywhere = [replica.machine for replica in context.topology.replicas]
    if answering := [machine for machine in everywhere if machine not in context.down]:
        return answering
    raise UncheckedError(f"no replica answers ({', '.join(everywhere)})")


def _silent(context: Context) -> frozenset[str]:
    return context.down & {replica.machine for replica in context.topology.replicas}


class _Replica:
    def __init__(self, context: Context, replica: Replica) -> None:
        self.context, self.replica = context, replica

    def __call__(self) -> str:
        server = self.context.remote.sql_odbc(self.replica.machine)
        row = server.rows(load_script("sql/read_authentication.sql"), attempted="log on")[0]
        wrong = "it runs in Windows-only mode" if row["windows_only"] else ""
        pending = "" if row["login_mode"] == 2 else "Windows-only mode is set for its next start"
        name = server.rows(
            load_script("sql/read_role.sql"), self.context.topology.sql.group, attempted="ask for its name"
        )[0]
        other = name["server_name"] if name["server_name"].lower() != self.replica.server.lower() else ""
        another = f"on port {self.replica.port} answers {other}, not {self.replica.server}" if other else ""
        return expect([wrong, pending, another], "logged on over TLS, certificate verified")


class _Group:
    def __init__(self, context: Context) -> None:
        self.context = context

    def __call__(self) -> str:
        machines = _machines(self.context)
        group = groups.observe(self.context.remote, machines, self.context.topology.sql.group)
        joined = [replica.machine for replica in group.replicas if replica.joined]
        outside = [f"{machine} is no replica of it" for machine in machines if machine not in joined]
        silent = _silent(self.context)
        following = ", ".join(replica.machine for replica in group.secondaries if replica.machine not in silent)
        found = f"primary {group.primary}, following: {following or 'none'}"
        return expect([*outside, *group.unhealthy(silent)], found, unasked=silent)


class _Listener:
    def __init__(self, context: Context) -> None:
        self.context = context

    def __call__(self) -> str:
        topology, remote = self.context.topology, self.context.remote
        machines = _machines(self.context)
        listener = remote.listener(machines[0], topology.listener_fqdn, topology.sql.listener.port)
        row = listener.rows(
            load_script("sql/read_role.sql"), topology.sql.group, attempted="log on through the listener"
        )[0]
        wrong = "" if row["role"] == "PRIMARY" else f"it leads to {row['server_name']}, which is {row['role']}"
        return expect([wrong], f"leads to {row['server_name']}")


class _Database:
    def __init__(self, context: Context, database: str) -> None:
        self.context, self.database = context, database

    def __call__(self) -> str:
        group = groups.observe(self.context.remote, _machines(self.context), self.context.topology.sql.group)
        silent = _silent(self.context)
        copies = [one for one in group.of(self.database) if one.machine not in silent]
        found = f"on {len(copies)} {'replica' if len(copies) == 1 else 'replicas'}"
        return expect(lagging(group, self.database, tuple(silent)), found, unasked=silent)


class _Logins:
    def __init__(self, context: Context) -> None:
        self.context = context

    def __call__(self) -> str:
        sql, provider = self.context.topology.sql, LoginMirrorResource()
        inputs = LoginMirrorInputs(
            group=sql.group,
            machines=tuple(_machines(self.context)),
            databases=DATABASES,
            further=sql.logins,
            drop=sql.drop_logins,
            unreachable=sql.unreachable,
        )
        facts = provider.observe(inputs, self.context.remote)
        wrong = provider.concerns(inputs, facts)
        found = f"{len(provider.outputs(inputs, facts)['logins'])} logins"
        return expect(wrong, found, unasked=_silent(self.context))
