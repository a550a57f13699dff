"""SQL Server: every replica, the listener, every database, and the logins they need."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from components.portal.databases import DATABASES
from components.sql import failover_cluster_check, log_backups, quorum
from components.sql import group as groups
from components.sql.always_on import AlwaysOnResource
from components.sql.availability_database import lagging
from components.sql.availability_group import AvailabilityGroupResource
from components.sql.cluster_access import RIGHTS, ClusterAccessResource
from components.sql.endpoint import MirroringEndpointResource
from components.sql.failover_cluster_check import FailoverClusterCheckResource
from components.sql.group import Group
from components.sql.log_backups import LogState
from components.sql.login_mirror import LoginMirrorInputs, LoginMirrorResource
from components.sql.sql_availability_group import (
    access_inputs,
    always_on_inputs,
    cluster_inputs,
    endpoint_inputs,
    group_inputs,
)
from components.steps import load_script
from components.topology.parts import Replica
from operations.checks.drift import differences
from operations.checks.services import Services
from operations.configuration import Context
from operations.row import Check, UncheckedError, WrongError, expect
from remote.names import folded, same

LEVEL = "SQL Server"
CLUSTER_SERVICE = "ClusSvc"


def checks(context: Context) -> Iterator[Check]:
    sql = context.topology.sql
    for replica in context.topology.replicas:
        what = f"admits {sql.administrator}, mixed mode"
        yield Check(LEVEL, replica.machine, what, _Replica(context, replica), machine=replica.machine)
        what = "AlwaysOn enabled, endpoint started, partners may connect"
        yield Check(LEVEL, replica.machine, what, _Ready(context, replica), machine=replica.machine)
        services = Services(context, replica.machine, (replica.service, CLUSTER_SERVICE))
        yield Check(LEVEL, replica.machine, "its services start with it", services, machine=replica.machine)
    yield Check(LEVEL, sql.cluster.name, "has quorum, every member is up", _Quorum(context))
    yield Check(LEVEL, sql.group, "has a primary, every replica follows", _Group(context))
    yield Check(LEVEL, sql.group, "every replica has its declared modes", _Modes(context))
    yield Check(LEVEL, sql.group, "the failover cluster may bring it online on every replica", _Access(context))
    yield Check(LEVEL, context.topology.listener_fqdn, "leads to the primary", _Listener(context), common=True)
    for database in DATABASES:
        what = "follows on every replica, ready for a failover where it is synchronous"
        yield Check(LEVEL, database, what, _Database(context, database))
        yield Check(LEVEL, database, "its log is backed up", _Log(context, database))
    yield Check(LEVEL, "logins", "the same on every replica, by SID and password hash", _Logins(context))


def _machines(context: Context) -> list[str]:
    """The replicas to ask. Raises ``UncheckedError`` when none of them answers."""
    everywhere = [replica.machine for replica in context.topology.replicas]
    if answering := [machine for machine in everywhere if machine not in context.down]:
        return answering
    raise UncheckedError(f"no replica answers ({', '.join(everywhere)})")


def group_now(context: Context) -> Group:
    """The availability group, as the replicas that answer tell it. Raises ``MachineError`` and ``UncheckedError``."""
    return groups.observe(context.remote, _machines(context), context.topology.sql.group)


def logs_now(context: Context, primary: str) -> Mapping[str, LogState]:
    """The logs of all databases, by the database's name in lower case. Raises the same."""
    return log_backups.observe(context.remote, _machines(context), primary)


def mirrored(context: Context, machines: Sequence[str]) -> LoginMirrorInputs:
    """The logins that the farm needs on each of these replicas."""
    sql = context.topology.sql
    return LoginMirrorInputs(
        group=sql.group,
        machines=tuple(machines),
        databases=DATABASES,
        further=sql.logins,
        drop=sql.drop_logins,
        unreachable=sql.unreachable,
    )


@dataclass(frozen=True)
class Mirror:
    """The logins of the farm as they are now."""

    names: tuple[str, ...]
    """All that are to be the same on every replica."""
    wrong: tuple[str, ...]
    """What is not as it should be."""
    differing: tuple[Mapping[str, str], ...]
    """A row for each that differs, or that is left to the administrator: name, action, why."""


def logins_now(context: Context) -> Mirror:
    """Raises ``MachineError`` and ``UncheckedError``."""
    inputs, resource = mirrored(context, _machines(context)), LoginMirrorResource()
    facts = resource.observe(inputs, context.remote)
    return Mirror(
        tuple(resource.outputs(inputs, facts)["logins"]),
        tuple(resource.concerns(inputs, facts)),
        tuple(resource.change_outputs(inputs, facts, None, {})["report"]),
    )


def _unreachable(context: Context) -> frozenset[str]:
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
        other = name["server_name"] if not same(name["server_name"], self.replica.server) else ""
        another = f"on port {self.replica.port} answers {other}, not {self.replica.server}" if other else ""
        return expect([wrong, pending, another], "logged on over TLS, certificate verified")


class _Ready:
    """What another replica needs of this one when it takes over, and this one after its next start."""

    def __init__(self, context: Context, replica: Replica) -> None:
        self.context, self.replica = context, replica

    def __call__(self) -> str:
        topology, remote, down = self.context.topology, self.context.remote, self.context.down
        always_on = always_on_inputs(topology).model_copy(update={"machines": (self.replica.machine,)})
        endpoint = endpoint_inputs(topology, self.replica)
        answering = tuple(partner for partner in endpoint.partners if partner.machine not in down)
        endpoint = endpoint.model_copy(update={"partners": answering})
        wrong = differences(AlwaysOnResource(), always_on, remote)
        wrong += differences(MirroringEndpointResource(), endpoint, remote)
        return expect(wrong, f"listens on port {endpoint.port}")


class _Quorum:
    def __init__(self, context: Context) -> None:
        self.context = context

    def __call__(self) -> str:
        unreachable = {folded(machine) for machine in _unreachable(self.context)}
        for machine in _machines(self.context):
            found = quorum.observe(self.context.remote, machine)
            if found.members:
                break
        else:
            raise WrongError(f"no node of it has quorum ({', '.join(_machines(self.context))} were asked)")
        down = [name for name in found.down if folded(name) not in unreachable]
        inputs = cluster_inputs(self.context.topology).model_copy(update={"machines": tuple(_machines(self.context))})
        now = FailoverClusterCheckResource().observe(inputs, self.context.remote)
        return expect(
            [
                *failover_cluster_check.differences(inputs, now),
                f"down: {', '.join(down)}" if down else "",
                "" if found.state == "NORMAL_QUORUM" else f"its quorum is {found.state}",
            ],
            f"{found.kind}, {sum(member.votes for member in found.members)} votes",
            unasked=_unreachable(self.context),
        )


class _Modes:
    """Availability mode, failover mode and address of every replica: what may have been changed for a maintenance."""

    def __init__(self, context: Context) -> None:
        self.context = context

    def __call__(self) -> str:
        inputs, answering = group_inputs(self.context.topology), _machines(self.context)
        replicas = tuple(replica for replica in inputs.replicas if replica.machine in answering)
        inputs = inputs.model_copy(update={"replicas": replicas})
        wrong = differences(AvailabilityGroupResource(), inputs, self.context.remote)
        found = ", ".join(f"{one.machine} {one.availability_mode} {one.failover_mode}" for one in replicas)
        return expect(wrong, found.lower().replace("_commit", ""), unasked=_unreachable(self.context))


class _Access:
    def __init__(self, context: Context) -> None:
        self.context = context

    def __call__(self) -> str:
        inputs = access_inputs(self.context.topology).model_copy(update={"machines": tuple(_machines(self.context))})
        wrong = differences(ClusterAccessResource(), inputs, self.context.remote)
        return expect(wrong, f"{len(RIGHTS)} rights on each", unasked=_unreachable(self.context))


class _Group:
    def __init__(self, context: Context) -> None:
        self.context = context

    def __call__(self) -> str:
        machines, group = _machines(self.context), group_now(self.context)
        joined = [replica.machine for replica in group.replicas if replica.joined]
        outside = [f"{machine} is not a replica of it" for machine in machines if machine not in joined]
        unreachable = _unreachable(self.context)
        following = ", ".join(replica.machine for replica in group.secondaries if replica.machine not in unreachable)
        found = f"primary {group.primary}, following: {following or 'none'}"
        return expect([*outside, *group.unhealthy(unreachable)], found, unasked=unreachable)


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
        group = group_now(self.context)
        unreachable = _unreachable(self.context)
        copies = [one for one in group.of(self.database) if one.machine not in unreachable]
        found = f"on {len(copies)} {'replica' if len(copies) == 1 else 'replicas'}"
        return expect(lagging(group, self.database, tuple(unreachable)), found, unasked=unreachable)


class _Log:
    """A new database may be without a log backup for some days; after that its disk fills sooner or later."""

    def __init__(self, context: Context, database: str) -> None:
        self.context, self.database = context, database

    def __call__(self) -> str:
        machines, primary = _machines(self.context), group_now(self.context).primary
        if not primary:
            raise WrongError(f"no primary says that it has it ({', '.join(machines)} were asked)")
        log = logs_now(self.context, primary).get(folded(self.database))
        if log is None:
            raise WrongError(f"{primary} has no database of this name")
        text = f"{log}. {log.remedy}" if log.remedy else str(log)
        late = log.age > log_backups.OVERDUE
        return expect([text if late else ""], text, soon=[text if log.remedy else ""])


class _Logins:
    def __init__(self, context: Context) -> None:
        self.context = context

    def __call__(self) -> str:
        mirror = logins_now(self.context)
        return expect(mirror.wrong, f"{len(mirror.names)} logins", unasked=_unreachable(self.context))
