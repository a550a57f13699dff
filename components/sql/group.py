"""What an availability group looks like, read once and used by every resource that works on it.

The truth about a group is on its primary: a secondary sees only itself. So each replica is asked for its own role
first, and the primary for the rest. A server that is no replica (yet, or because AlwaysOn was disabled there) is only
described: ``AlwaysOn`` and ``AvailabilityGroup`` decide what follows from it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from components.steps import load_script
from remote.errors import LostAnswerError, MachineError, UnreachableError
from remote.names import folded, same
from remote.session import Remote
from remote.sql import Row, Statements


@dataclass(frozen=True)
class Server:
    """What one server says of itself."""

    name: str
    """Its own name, by which a group knows it: ``SQL2``, or ``SQL2\\WAP`` for a named instance."""
    hadr: bool
    """Whether AlwaysOn is enabled in the running instance."""
    knows: bool
    """Whether it has a replica of the group that joined."""
    role: str = ""
    """PRIMARY, SECONDARY or RESOLVING (``role_desc``); empty where it has no replica."""


@dataclass(frozen=True)
class Replica:
    """One replica as the primary sees it; ``role`` is as the replica itself says, empty when it cannot be asked."""

    machine: str
    """Its name in the topology; that of its computer where the topology does not have it."""
    server: str
    """Its server as SQL Server names it: ``SQL2`` or ``SQL2\\WAP``."""
    role: str
    """PRIMARY, SECONDARY or RESOLVING (``role_desc``)."""
    connected: bool
    """``connected_state_desc`` is CONNECTED."""
    availability_mode: str
    """SYNCHRONOUS_COMMIT or ASYNCHRONOUS_COMMIT (``availability_mode_desc``)."""
    failover_mode: str
    """AUTOMATIC or MANUAL (``failover_mode_desc``)."""
    joined: bool = True
    """``join_state_desc`` is not NOT_JOINED."""
    url: str = ""
    """Its endpoint's, ``TCP://sql2.hyper-v.nu:5022``."""
    trouble: str = ""
    """The last error of a connection from the primary, with its number and its time by the primary's clock; empty while
    it is connected."""

    @property
    def synchronous(self) -> bool:
        return self.availability_mode == "SYNCHRONOUS_COMMIT"


@dataclass(frozen=True)
class DatabaseReplica:
    """One database on one replica, as the primary sees it."""

    database: str
    """In the spelling of the primary."""
    machine: str
    """As ``Replica.machine``."""
    joined: bool
    """``is_database_joined``."""
    failover_ready: bool
    """``is_failover_ready``: a planned failover to this replica loses nothing of the database."""
    synchronization: str
    """``synchronization_state_desc``: SYNCHRONIZED, SYNCHRONIZING, NOT SYNCHRONIZING, …; empty where unknown."""
    suspended: bool
    """``is_suspended``; False where unknown."""
    suspend_reason: str = ""
    """``suspend_reason_desc``, as SUSPEND_FROM_USER; empty while it is not suspended."""
    to_send: int | None = None
    """Kilobytes of the primary's log that the replica has not got yet; None where that is not known."""
    to_redo: int | None = None
    """Kilobytes that it has got and not carried out yet."""

    @property
    def suspension(self) -> str:
        """That it is suspended, with the reason; empty while it is not."""
        return f"suspended, {self.suspend_reason}".removesuffix(", ") if self.suspended else ""


@dataclass(frozen=True)
class Group:
    """A group; ``primary`` is empty while no reachable replica says that it is the primary."""

    name: str
    """As it was asked for, whether or not a server has it."""
    primary: str
    """The machine, by its name in the topology."""
    replicas: tuple[Replica, ...]
    """As the primary lists them; none without a primary."""
    databases: tuple[DatabaseReplica, ...]
    """One for each database on each replica, as the primary lists them; none without a primary."""
    servers: Mapping[str, Server] = field(default_factory=dict)
    """By machine; one that does not answer is missing."""
    unreachable: Mapping[str, str] = field(default_factory=dict, compare=False)
    """The machines that do not answer, with the reason."""

    @property
    def exists(self) -> bool:
        """Whether any server has it."""
        return bool(self.primary) or any(server.knows for server in self.servers.values())

    def has_replica(self, machine: str) -> bool:
        """Whether a restart of this machine's server concerns the group."""
        server = self.servers.get(machine)
        return server.knows if server else self.replica(machine) is not None

    @property
    def secondaries(self) -> tuple[Replica, ...]:
        return tuple(replica for replica in self.replicas if replica.machine != self.primary)

    def replica(self, machine: str) -> Replica | None:
        return next((replica for replica in self.replicas if replica.machine == machine), None)

    def of(self, database: str) -> tuple[DatabaseReplica, ...]:
        return tuple(one for one in self.databases if same(one.database, database))

    @property
    def disconnected(self) -> dict[str, str]:
        """The machines whose joined replica the primary does not reach, with the error; but those whose SQL Server does
        not answer or has AlwaysOn disabled, which is reported elsewhere."""
        enabled = [machine for machine, server in self.servers.items() if server.hadr]
        return {
            replica.machine: replica.trouble
            for replica in self.secondaries
            if replica.joined and not replica.connected and replica.machine in enabled
        }

    def expected_sync_state(self, machine: str) -> str:
        """The best state of a copy there. A commit waits for a replica when both it and the primary are synchronous;
        the primary's own copy shows SYNCHRONIZED in any case."""
        modes = {replica.machine: replica.synchronous for replica in self.replicas}
        waits = machine == self.primary or (modes.get(machine, False) and modes.get(self.primary, False))
        return "SYNCHRONIZED" if waits else "SYNCHRONIZING"

    def partner(self) -> Replica | None:
        """The secondary that takes over when the primary has to go: synchronous, if possible one that is ready now and
        that would take over by itself. None where every failover could lose data."""
        safe = [replica for replica in self.secondaries if self.expected_sync_state(replica.machine) == "SYNCHRONIZED"]

        def order(replica: Replica) -> tuple[bool, bool]:
            ready = replica.connected and not self.not_ready(replica.machine)
            return not ready, replica.failover_mode != "AUTOMATIC"

        return min(safe, key=order, default=None)

    def not_ready(self, machine: str) -> list[str]:
        """Databases that a planned failover to this machine would have to wait for, each with the reason."""
        return [
            f"{one.database} ({one.suspension or one.synchronization or 'not joined'})"
            for one in self.databases
            if one.machine == machine and not one.failover_ready
        ]

    def unhealthy(self, but: frozenset[str] = frozenset()) -> list[str]:
        """What is not as it should be on any replica (``but`` some machines'), in the operator's words; empty: the
        group is healthy. What never joined is left out: it does not come by waiting."""
        if not self.primary:
            return [f"a primary of {self.name}"]
        return [trouble for machine, trouble in self._troubles() if machine not in but]

    def unhealthy_machines(self) -> frozenset[str]:
        """The machines whose replicas are not as they should be."""
        return frozenset(machine for machine, _ in self._troubles())

    def _troubles(self) -> Iterator[tuple[str, str]]:
        for replica in self.secondaries:
            if not replica.connected:
                why = f" ({replica.trouble})" if replica.trouble else ""
                yield replica.machine, f"{replica.machine} to connect{why}"
        for one in self.databases:
            follows = one.synchronization == self.expected_sync_state(one.machine)
            if one.joined and (one.suspended or not follows):
                yield (
                    one.machine,
                    f"{one.database} on {one.machine} ({one.suspension or one.synchronization or 'unknown'})",
                )


def observe(remote: Remote, machines: Sequence[str], name: str, *, integrated: bool = False) -> Group:
    """Read what there is of a group. Raises ``UnreachableError`` when no replica answers, or when one that does not
    might know what the others do not; ``MachineError`` for a server that can have no availability groups."""

    def server(machine: str) -> Statements:
        return remote.sql_integrated(machine) if integrated else remote.sql(machine)

    servers: dict[str, Server] = {}
    errors: list[MachineError] = []
    for machine in machines:
        try:
            servers[machine] = _server(server(machine), machine, name)
        except (UnreachableError, LostAnswerError) as error:
            errors.append(error)
    if errors and not any(one.knows for one in servers.values()):
        raise errors[0]
    primary = next((machine for machine, one in servers.items() if one.role == "PRIMARY"), "")
    unreachable = {error.machine: error.found for error in errors}
    if not primary:
        return Group(name, "", (), (), servers, unreachable)
    attempted = f"read the availability group {name}"
    by_server = {folded(machine): machine for machine in machines}

    def machine_of(replica: str) -> str:
        host = replica.split("\\")[0]
        return by_server.get(folded(host), host)

    def role_of(machine: str) -> str:
        return servers[machine].role if machine in servers else ""

    replicas = tuple(
        Replica(
            machine=machine_of(row["name"]),
            server=row["name"],
            role=role_of(machine_of(row["name"])),
            connected=row["connected"] == "CONNECTED",
            availability_mode=row["availability_mode"],
            failover_mode=row["failover_mode"],
            joined=bool(row["joined"]),
            url=row["url"] or "",
            trouble=_trouble(row),
        )
        for row in server(primary).rows(load_script("sql/read_replicas.sql"), name, attempted=attempted)
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
            to_send=row["to_send"],
            to_redo=row["to_redo"],
        )
        for row in server(primary).rows(load_script("sql/read_group_databases.sql"), name, attempted=attempted)
    )
    return Group(name, primary, replicas, databases, servers, unreachable)


def _trouble(row: Row) -> str:
    if row["connected"] == "CONNECTED" or not row["error_number"]:
        return ""
    when = f", last at {row['error_time']}" if row["error_time"] else ""
    return f"error {row['error_number']}{when}: {row['error_text'] or ''}".strip()


def _server(server: Statements, machine: str, name: str) -> Server:
    attempted = f"read its part in the availability group {name}"
    row = server.rows(load_script("sql/read_role.sql"), name, attempted=attempted)[0]
    if row["engine_edition"] != 3:  # 3 is Enterprise, Developer and Evaluation (SERVERPROPERTY, EngineEdition)
        raise MachineError(
            machine,
            attempted,
            f"{row['edition']} has no availability groups",
            "Install SQL Server 2012 Enterprise on every replica.",
        )
    return Server(row["server_name"], bool(row["hadr_enabled"]), bool(row["groups_found"]), row["role"] or "")
