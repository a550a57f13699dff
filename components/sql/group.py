"""What an availability group looks like, read once and used by every resource that works on it.

The truth about a group is on its primary: a secondary sees only itself. So each replica is asked for its own role
first, and the primary for the rest.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from components.steps import leaf
from remote.errors import LostAnswerError, MachineError, UnreachableError
from remote.session import Remote
from remote.sql import Statements


@dataclass(frozen=True)
class Replica:
    """One replica as the primary sees it; ``role`` is as the replica itself says, empty when it cannot be asked."""

    machine: str
    server: str
    role: str
    connected: bool
    availability_mode: str
    failover_mode: str

    @property
    def synchronous(self) -> bool:
        return self.availability_mode == "SYNCHRONOUS_COMMIT"


@dataclass(frozen=True)
class DatabaseReplica:
    """One database on one replica, as the primary sees it."""

    database: str
    machine: str
    joined: bool
    failover_ready: bool
    synchronization: str
    suspended: bool
    suspend_reason: str = ""


@dataclass(frozen=True)
class Group:
    """A group; ``primary`` is empty while no reachable replica says that it is the primary."""

    name: str
    primary: str
    replicas: tuple[Replica, ...]
    databases: tuple[DatabaseReplica, ...]

    @property
    def secondaries(self) -> tuple[Replica, ...]:
        return tuple(replica for replica in self.replicas if replica.machine != self.primary)

    def replica(self, machine: str) -> Replica | None:
        return next((replica for replica in self.replicas if replica.machine == machine), None)

    def of(self, database: str) -> tuple[DatabaseReplica, ...]:
        return tuple(one for one in self.databases if one.database.lower() == database.lower())

    def goal(self, machine: str) -> str:
        """The best state of a copy there. A commit waits for a replica when both it and the primary are synchronous;
        the primary's own copy shows SYNCHRONIZED in any case."""
        modes = {replica.machine: replica.synchronous for replica in self.replicas}
        waits = machine == self.primary or (modes.get(machine, False) and modes.get(self.primary, False))
        return "SYNCHRONIZED" if waits else "SYNCHRONIZING"

    def partner(self) -> Replica | None:
        """The secondary that takes over when the primary has to go: synchronous, if possible one that is ready now and
        that would take over by itself. None where every failover could lose data."""
        safe = [replica for replica in self.secondaries if self.goal(replica.machine) == "SYNCHRONIZED"]

        def order(replica: Replica) -> tuple[bool, bool]:
            ready = replica.connected and not self.not_ready(replica.machine)
            return not ready, replica.failover_mode != "AUTOMATIC"

        return min(safe, key=order, default=None)

    def not_ready(self, machine: str) -> list[str]:
        """Databases that a planned failover to this machine would have to wait for, each with the reason."""
        return [
            f"{one.database} ({'suspended' if one.suspended else one.synchronization or 'not joined'})"
            for one in self.databases
            if one.machine == machine and not one.failover_ready
        ]

    def unhealthy(self) -> list[str]:
        """What is not as it should be on any replica, in the operator's words; empty: the group is healthy."""
        if not self.primary:
            return [f"a primary of {self.name}"]
        away = [f"{replica.machine} to connect" for replica in self.secondaries if not replica.connected]
        lagging = [
            f"{one.database} on {one.machine} ({'suspended' if one.suspended else one.synchronization or 'not joined'})"
            for one in self.databases
            if one.synchronization != self.goal(one.machine) or one.suspended
        ]
        return away + lagging


def observe(remote: Remote, machines: Sequence[str], name: str, *, integrated: bool = False) -> Group:
    """Read a group. Raises ``MachineError`` when a server has no availability groups, or none of this name, and
    ``UnreachableError`` when no replica answers."""

    def server(machine: str) -> Statements:
        return remote.sql_integrated(machine) if integrated else remote.sql(machine)

    roles: dict[str, str] = {}
    silent: list[MachineError] = []
    for machine in machines:
        try:
            roles[machine] = _role(server(machine), machine, name)
        except (UnreachableError, LostAnswerError) as error:
            silent.append(error)
    if not roles:
        raise silent[0]
    primary = next((machine for machine, role in roles.items() if role == "PRIMARY"), "")
    if not primary:
        return Group(name, "", (), ())
    attempted = f"read the availability group {name}"
    by_server = {machine.lower(): machine for machine in machines}

    def machine_of(replica: str) -> str:
        host = replica.split("\\")[0]
        return by_server.get(host.lower(), host)

    replicas = tuple(
        Replica(
            machine=machine_of(row["name"]),
            server=row["name"],
            role=roles.get(machine_of(row["name"]), ""),
            connected=row["connected"] == "CONNECTED",
            availability_mode=row["availability_mode"],
            failover_mode=row["failover_mode"],
        )
        for row in server(primary).rows(leaf("sql/read_replicas.sql"), name, attempted=attempted)
    )
    databases = tuple(
        DatabaseReplica(
            database=row["name"],
            machine=machine_of(row["replica"]),
            joined=bool(row["joined"]),
            failover_ready=bool(row["failover_ready"]),
            synchronization=row["synchronization"] or "",
            suspended=bool(row["suspended"]),
            suspend_reason=row["suspend_reason"] or "",
        )
        for row in server(primary).rows(leaf("sql/read_group_databases.sql"), name, attempted=attempted)
    )
    return Group(name, primary, replicas, databases)


def _role(server: Statements, machine: str, name: str) -> str:
    attempted = f"read its part in the availability group {name}"
    row = server.rows(leaf("sql/read_role.sql"), name, attempted=attempted)[0]
    if row["engine_edition"] != 3:  # 3 is Enterprise, Developer and Evaluation (SERVERPROPERTY, EngineEdition)
        raise MachineError(
            machine,
            attempted,
            f"{row['edition']} has no availability groups",
            "Install SQL Server 2012 Enterprise on every replica.",
        )
    if not row["hadr_enabled"]:
        raise MachineError(
            machine,
            attempted,
            "AlwaysOn Availability Groups is not enabled for this instance",
            "Enable it in SQL Server Configuration Manager and restart the service.",
        )
    if not row["groups_found"]:
        raise MachineError(
            machine,
            attempted,
            "there is no availability group of this name",
            "Create the group and its listener first (README, Your own machines), or correct `sql.group`.",
        )
    return row["role"] or ""
