"""Why a wait for replicas may never end, by what the group itself shows: a SQL Server that does not answer, a group
without a primary, a replica that its primary does not reach, a copy that stays suspended."""

from __future__ import annotations

from collections.abc import Collection

from components.sql.group import Group, Replica
from components.sql.suspension import stays_suspended
from remote.errors import MachineError

SUSPENDED_SECONDS = 15.0
"""How long a copy may show that it is suspended after it was let go on."""
AWAY_SECONDS = 60.0
"""How long a server or a replica may be away during a wait: several of the ten seconds after which SQL Server notices
that one is cut off, and longer than a failover leaves a group RESOLVING."""
TARGET_SECONDS = 30.0
"""How long the server that is to take over may be away."""
RESTART_SECONDS = 180.0
"""How long one may be away after its SQL Server, or its machine, has restarted."""


def causes(
    group: Group,
    machines: Collection[str],
    attempted: str,
    away_seconds: float = AWAY_SECONDS,
    suspended_seconds: float = SUSPENDED_SECONDS,
) -> dict[str, tuple[float, MachineError]]:
    """What keeps these machines' replicas from what a wait is for, each with the seconds after which it is hopeless."""
    found: dict[str, tuple[float, MachineError]] = {}
    unreachable = {machine: why for machine, why in group.unreachable.items() if machine in machines}
    for machine, why in unreachable.items():
        found[f"unreachable {machine}"] = (
            away_seconds,
            MachineError(
                machine,
                attempted,
                f"its SQL Server has not answered for {away_seconds:.0f} seconds ({why})",
                f"See that the service of SQL Server runs on {machine}, and why it ended (its error log); then run "
                "`pulumi up` again.",
            ),
        )
    if not group.primary:
        servers = group.servers.items()
        roles = ", ".join(f"{machine} is {server.role or 'without a role'}" for machine, server in servers)
        found["no primary"] = (
            max(away_seconds, AWAY_SECONDS),
            MachineError(
                next(iter(group.servers), next(iter(machines), "")),
                attempted,
                f"{group.name} has had no primary for {max(away_seconds, AWAY_SECONDS):.0f} seconds ({roles})",
                "The cluster has no quorum, or its resource of the group is offline or failed. Bring it online "
                "there (Failover Cluster Manager, Get-ClusterGroup); then run `pulumi up` again.",
            ),
        )
    for replica in group.secondaries:
        if replica.machine in machines and not replica.connected and replica.machine not in unreachable:
            error = cut_off(group, replica, attempted, away_seconds)
            found[f"away {replica.machine}"] = away_seconds, error
    for one in group.databases:
        if one.machine in machines and one.joined and one.suspended and one.machine not in unreachable:
            error = stays_suspended(group, one, attempted)
            found[f"suspended {one.database} {one.machine}"] = suspended_seconds, error
    return found


def cut_off(group: Group, replica: Replica, attempted: str, away_seconds: float = AWAY_SECONDS) -> MachineError:
    return MachineError(
        replica.machine,
        attempted,
        f"it has not been connected to the primary {group.primary} for {away_seconds:.0f} seconds"
        f"{f' ({replica.trouble})' if replica.trouble else ''}",
        "See that on both servers the endpoint for database mirroring is started, that its port is open to the other, "
        "and that each service account may connect to it; then run `pulumi up` again.",
    )
