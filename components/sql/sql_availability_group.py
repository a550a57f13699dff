"""The SQL Servers behind the farm: mixed mode, administrator, group, listener, primary; later databases and logins."""

from __future__ import annotations

from collections.abc import Iterable

import pulumi

from components.component import Component
from components.secrets import FarmSecrets
from components.sql.administrator import Administrator
from components.sql.authentication_mode import AuthenticationMode
from components.sql.availability_database import AvailabilityDatabase
from components.sql.availability_group import AvailabilityGroup
from components.sql.listener import Listener
from components.sql.login_mirror import LoginMirror
from components.sql.primary import Primary
from components.topology import Topology


class SqlAvailabilityGroup(Component):
    """An availability group ready for the farm once ``primary`` is there."""

    def __init__(
        self, name: str, topology: Topology, secrets: FarmSecrets, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("sql:SqlAvailabilityGroup", name, opts)
        self._topology, sql, waits = topology, topology.sql, topology.waits
        self.machines = [replica.machine for replica in topology.replicas]
        group, machines = sql.group, self.machines
        mode = AuthenticationMode(
            f"{group}-authentication",
            group=group,
            machines=machines,
            services={replica.machine: replica.service for replica in topology.replicas if replica.instance},
            mode=sql.authentication,
            restart_seconds=waits.service_restart,
            synchronization_seconds=waits.synchronization,
            failover_seconds=waits.failover,
            opts=self.child(),
        )
        administrator = Administrator(
            f"{group}-administrator",
            machines=machines,
            login=sql.administrator,
            password=secrets.sql_password,
            adopt=sql.adopt,
            opts=self.child([mode]),
        )
        modes = [
            {
                "machine": replica.machine,
                "availability_mode": f"{replica.commit}_commit".upper(),
                "failover_mode": "AUTOMATIC" if replica.automatic else "MANUAL",
            }
            for replica in topology.replicas
        ]
        self.group = AvailabilityGroup(
            group,
            group=group,
            replicas=modes,
            seconds=topology.waits.synchronization,
            adopt=sql.adopt,
            opts=self.child([administrator]),
        )
        listener = Listener(
            f"{group}-listener",
            group=group,
            machines=machines,
            listener=sql.listener.name,
            address=str(sql.listener.address),
            mask=topology.domain_of(machines[0]).mask,
            port=sql.listener.port,
            adopt=sql.adopt,
            opts=self.child([self.group]),
        )
        self.primary = Primary(
            f"{group}-primary",
            group=group,
            machine=sql.preferred_primary,
            machines=machines,
            policy=sql.primary_policy,
            seconds=waits.failover,
            opts=self.child([listener]),
        )
        self.register_outputs({"primary": self.primary.current})

    def add_databases(self, names: Iterable[str], after: Iterable[pulumi.Resource]) -> list[AvailabilityDatabase]:
        """Put databases that the portal made into the group."""
        sql, before = self._topology.sql, list(after)
        return [
            AvailabilityDatabase(
                database,
                database=database,
                group=sql.group,
                machines=self.machines,
                share=str(sql.backup_share),
                seconds=self._topology.waits.synchronization,
                opts=self.child(before),
            )
            for database in names
        ]

    def mirror_logins(
        self,
        name: str,
        databases: Iterable[str],
        after: Iterable[pulumi.Resource],
        revisions: Iterable[pulumi.Input[str]] = (),
    ) -> LoginMirror:
        """Make the logins that the databases need the same on every replica, and again after what has revisions."""
        sql = self._topology.sql
        return LoginMirror(
            name,
            group=sql.group,
            machines=self.machines,
            databases=list(databases),
            further=list(sql.logins),
            revisions=list(revisions),
            opts=self.child(after),
        )
