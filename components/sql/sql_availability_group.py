"""The SQL Servers behind the farm: AlwaysOn, mixed mode, administrator, endpoints, group, listener, primary; later
databases and logins."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import pulumi

from components.component import Component
from components.resource import later, later_secret
from components.secrets import FarmSecrets
from components.sql.administrator import Administrator, AdministratorInputs
from components.sql.always_on import AlwaysOn, AlwaysOnInputs
from components.sql.authentication_mode import AuthenticationMode, AuthenticationModeInputs
from components.sql.availability_database import AvailabilityDatabase, AvailabilityDatabaseInputs
from components.sql.availability_group import AvailabilityGroup, AvailabilityGroupInputs, ReplicaInputs
from components.sql.cluster_access import ClusterAccess, ClusterAccessInputs
from components.sql.endpoint import MirroringEndpoint, MirroringEndpointInputs, PartnerInputs
from components.sql.failover_cluster_check import FailoverClusterCheck, FailoverClusterCheckInputs
from components.sql.listener import Listener, ListenerInputs
from components.sql.login_mirror import LoginMirror, LoginMirrorInputs
from components.sql.primary import Primary, PrimaryInputs
from components.sql.restart import Restarting
from components.topology import Topology
from components.topology.parts import Replica


class SqlAvailabilityGroup(Component):
    """An availability group ready for the farm once ``primary`` is there."""

    def __init__(
        self,
        name: str,
        topology: Topology,
        secrets: FarmSecrets,
        databases: Iterable[str],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("sql:SqlAvailabilityGroup", name, opts)
        self._topology, sql, waits = topology, topology.sql, topology.waits
        self.machines = _machines(topology)
        group, machines = sql.group, self.machines
        cluster = FailoverClusterCheck(f"{group}-failover-cluster", cluster_inputs(topology), self.child())
        hadr = AlwaysOn(f"{group}-alwayson", always_on_inputs(topology), self.child(cluster))
        mode = AuthenticationMode(
            f"{group}-authentication",
            AuthenticationModeInputs(
                **_restarting(topology),
                mode=sql.authentication,
                unreachable=sql.unreachable,
            ),
            self.child(hadr),
        )
        administrator = Administrator(
            f"{group}-administrator",
            AdministratorInputs(
                machines=machines,
                login=sql.administrator,
                password=later_secret(secrets.sql_password),
                unreachable=sql.unreachable,
                adopt=sql.adopt,
            ),
            self.child(mode),
        )
        access = ClusterAccess(f"{group}-cluster", access_inputs(topology), self.child(administrator))
        endpoints = [
            MirroringEndpoint(
                f"{replica.machine}-endpoint", endpoint_inputs(topology, replica), self.child(administrator)
            )
            for replica in topology.replicas
        ]
        self.group = AvailabilityGroup(group, group_inputs(topology), self.child(access, *endpoints))
        listener = Listener(
            f"{group}-listener",
            ListenerInputs(
                group=group,
                machines=machines,
                listener=sql.listener.name,
                address=str(sql.listener.address),
                mask=topology.domain_of(machines[0]).mask,
                port=sql.listener.port,
                adopt=sql.adopt,
            ),
            self.child(self.group),
        )
        self.primary = Primary(
            f"{group}-primary",
            PrimaryInputs(
                group=group,
                machine=sql.preferred_primary,
                machines=machines,
                policy=sql.primary_policy,
                timeout_seconds=waits.failover_seconds,
                databases=tuple(databases),
                unreachable=sql.unreachable,
            ),
            self.child(listener),
        )
        self.register_outputs({"primary": self.primary.current})

    def add_databases(self, names: Iterable[str], depends_on: pulumi.Resource) -> list[AvailabilityDatabase]:
        """Put databases that the portal made into the group."""
        sql = self._topology.sql
        return [
            AvailabilityDatabase(
                database,
                AvailabilityDatabaseInputs(
                    database=database,
                    group=sql.group,
                    machines=self.machines,
                    share=str(sql.backup_share),
                    unreachable=sql.unreachable,
                    timeout_seconds=self._topology.waits.synchronization_seconds,
                ),
                self.child(depends_on),
            )
            for database in names
        ]

    def mirror_logins(
        self,
        name: str,
        databases: Iterable[str],
        *depends_on: pulumi.Resource,
        revisions: Sequence[pulumi.Output[str]] = (),
    ) -> LoginMirror:
        """Make the logins that the databases need the same on every replica; with ``revisions``, a second time after
        what has them."""
        sql = self._topology.sql
        return LoginMirror(
            name,
            LoginMirrorInputs(
                group=sql.group,
                machines=self.machines,
                databases=tuple(databases),
                further=sql.logins,
                revisions=tuple(later(revision) for revision in revisions),
                drop=sql.drop_logins,
                shows_drift=not revisions,
                unreachable=sql.unreachable,
                timeout_seconds=self._topology.waits.log_off_seconds,
            ),
            self.child(*depends_on),
        )


# What the topology says of each resource; the program declares it, and the verification compares with it ----------


def _restarting(topology: Topology) -> Restarting:
    waits = topology.waits
    return {
        "group": topology.sql.group,
        "machines": _machines(topology),
        "services": {replica.machine: replica.service for replica in topology.replicas if replica.instance},
        "restart_seconds": waits.service_restart_seconds,
        "synchronization_seconds": waits.synchronization_seconds,
        "failover_seconds": waits.failover_seconds,
    }


def _machines(topology: Topology) -> tuple[str, ...]:
    return tuple(replica.machine for replica in topology.replicas)


def always_on_inputs(topology: Topology) -> AlwaysOnInputs:
    """Of AlwaysOn on every replica."""
    return AlwaysOnInputs(
        **_restarting(topology),
        instances={replica.machine: replica.instance for replica in topology.replicas if replica.instance},
        authentication=topology.sql.authentication,
        unreachable=topology.sql.unreachable,
    )


def cluster_inputs(topology: Topology) -> FailoverClusterCheckInputs:
    """Of the failover cluster below the group."""
    cluster = topology.sql.cluster
    return FailoverClusterCheckInputs(machines=_machines(topology), cluster=cluster.name, address=str(cluster.address))


def access_inputs(topology: Topology) -> ClusterAccessInputs:
    """Of the failover cluster's rights on every replica."""
    return ClusterAccessInputs(
        group=topology.sql.group, machines=_machines(topology), unreachable=topology.sql.unreachable
    )


def endpoint_inputs(topology: Topology, replica: Replica) -> MirroringEndpointInputs:
    """Of one replica's endpoint."""
    return MirroringEndpointInputs(
        machine=replica.machine,
        port=replica.endpoint_port,
        partners=tuple(
            PartnerInputs(machine=other.machine, computer=topology.computer_account(other.machine))
            for other in topology.replicas
            if other.machine != replica.machine
        ),
        unreachable=topology.sql.unreachable,
        adopt=topology.sql.adopt,
    )


def group_inputs(topology: Topology) -> AvailabilityGroupInputs:
    """Of the group with the modes of every replica."""
    return AvailabilityGroupInputs(
        group=topology.sql.group,
        replicas=tuple(
            ReplicaInputs(
                machine=replica.machine,
                url=f"TCP://{topology.fqdn(replica.machine)}:{replica.endpoint_port}",
                availability_mode="SYNCHRONOUS_COMMIT" if replica.commit == "synchronous" else "ASYNCHRONOUS_COMMIT",
                failover_mode="AUTOMATIC" if replica.automatic else "MANUAL",
            )
            for replica in topology.replicas
        ),
        lost=topology.lost_replicas,
        unreachable=topology.sql.unreachable,
        timeout_seconds=topology.waits.synchronization_seconds,
        adopt=topology.sql.adopt,
    )
