"""Availability groups as they are now. A secondary knows of itself only; the primary knows all (documented)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from lab.sql.engine.catalog.availability import STATE, local_groups
from lab.sql.engine.catalog.registry import Rows, view
from lab.sql.engine.catalog.values import guid
from lab.sql.engine.database import Database
from lab.sql.engine.errors import error
from lab.sql.engine.group.connection import trouble
from lab.sql.engine.group.progress import unsent
from lab.sql.engine.group.state import Group, available
from lab.sql.engine.session import Session

ROLES = {"RESOLVING": 0, "PRIMARY": 1, "SECONDARY": 2}
SUSPEND_REASONS = {
    f"SUSPEND_FROM_{reason}": number
    for number, reason in enumerate(
        ("USER", "PARTNER", "REDO", "CAPTURE", "APPLY", "RESTART", "UNDO", "REVALIDATION", "XRF_UPDATE")
    )
}


def is_local(session: Session, replica: str) -> bool:
    return replica.lower() == session.instance.server_name.lower()


def seen_replicas(session: Session, group: Group) -> list[str]:
    """Everybody on the primary, oneself elsewhere."""
    if group.role(session.instance.machine) == "PRIMARY":
        return group.joined_names()
    return [name for name in group.joined_names() if is_local(session, name)]


def synchronization(group: Group, replica: str, database: str) -> str:
    """The state of one copy; the primary's own is SYNCHRONIZED unless it is suspended."""
    link = group.link(replica, database)
    if replica.lower() == (group.primary or "").lower():
        return "SYNCHRONIZED" if group.online and not (link or {}).get("suspended") else "NOT SYNCHRONIZING"
    if link is None or not link["joined"] or not group.online:
        return "NOT SYNCHRONIZING"
    return str(link["phase"])


def _last_try(session: Session) -> datetime:
    """Replicas try again and again; every ten seconds in the lab (unproven)."""
    now = session.instance.world.clock.now().astimezone(UTC).replace(tzinfo=None, microsecond=0)
    return now - timedelta(seconds=now.second % 10)


@view(
    "sys.dm_hadr_availability_replica_states",
    """replica_id uniqueidentifier, group_id uniqueidentifier, is_local bit, role tinyint, role_desc nvarchar(60),
    connected_state_desc nvarchar(60), last_connect_error_number int,
    last_connect_error_description nvarchar(1024), last_connect_error_timestamp datetime""",
    not_modelled="""operational_state operational_state_desc connected_state recovery_health recovery_health_desc
    synchronization_health synchronization_health_desc""",
    permission=STATE,
)
def _replica_states(session: Session, current: Database) -> Rows:
    for group in local_groups(session):
        for name in seen_replicas(session, group):
            local = is_local(session, name)
            machine = group.machine(name)
            up = available(session.instance.world, machine)
            role = group.role(machine) if up or local else "SECONDARY"
            joined = role != "RESOLVING"
            wrong = trouble(group, name) if up else ""
            talks = up and joined and not wrong
            refused = error(35201, name, str(group.of("replica")[name]["id"]).upper()) if wrong else None
            yield {"replica_id": guid(group.of("replica")[name]["id"]),
                   "group_id": guid(group.document["id"]), "is_local": local, "role": ROLES[role],
                   "role_desc": role, "connected_state_desc": "CONNECTED" if talks else "DISCONNECTED",
                   "last_connect_error_number": refused.number if refused else None,
                   "last_connect_error_description": refused.message if refused else None,
                   "last_connect_error_timestamp": _last_try(session) if refused else None}  # fmt: skip


@view(
    "sys.dm_hadr_availability_replica_cluster_states",
    """replica_id uniqueidentifier, replica_server_name nvarchar(256), group_id uniqueidentifier,
    join_state_desc nvarchar(60)""",
    not_modelled="join_state",
    permission=STATE,
)
def _cluster_states(session: Session, current: Database) -> Rows:
    for group in local_groups(session):
        for name, one in group.of("replica").items():
            yield {"replica_id": guid(one["id"]), "replica_server_name": name.upper(),
                   "group_id": guid(group.document["id"]),
                   "join_state_desc": "JOINED_STANDALONE" if one["joined"] else "NOT_JOINED"}  # fmt: skip


@view(
    "sys.dm_hadr_database_replica_cluster_states",
    """replica_id uniqueidentifier, group_database_id uniqueidentifier, database_name sysname, is_failover_ready bit,
    is_pending_secondary_suspend bit, is_database_joined bit""",
    not_modelled="recovery_lsn truncation_lsn",
    permission=STATE,
)
def _database_cluster_states(session: Session, current: Database) -> Rows:
    for group in local_groups(session):
        for name, one in group.of("replica").items():
            for database in group.of("database").values():
                primary = name.lower() == (group.primary or "").lower()
                link = group.link(name, database["name"])
                joined = primary or bool(link and link["joined"])
                ready = primary or bool(
                    link and link["joined"] and not link["suspended"] and link["phase"] == "SYNCHRONIZED"
                )
                yield {"replica_id": guid(one["id"]), "group_database_id": guid(database["id"]),
                       "database_name": database["name"], "is_failover_ready": ready,
                       "is_pending_secondary_suspend": bool(link and link.get("pending")),
                       "is_database_joined": joined}  # fmt: skip


@view(
    "sys.dm_hadr_database_replica_states",
    """database_id int, group_id uniqueidentifier, replica_id uniqueidentifier, group_database_id uniqueidentifier,
    is_local bit, synchronization_state_desc nvarchar(60), is_suspended bit, suspend_reason tinyint,
    suspend_reason_desc nvarchar(60), log_send_queue_size bigint, redo_queue_size bigint""",
    not_modelled="""synchronization_state is_commit_participant synchronization_health
    synchronization_health_desc database_state database_state_desc recovery_lsn truncation_lsn last_sent_lsn
    last_sent_time last_received_lsn last_received_time last_hardened_lsn last_hardened_time last_redone_lsn
    last_redone_time log_send_rate redo_rate filestream_send_rate end_of_log_lsn last_commit_lsn last_commit_time
    low_water_mark_for_ghosts""",
    permission=STATE,
)
def _database_states(session: Session, current: Database) -> Rows:
    for group in local_groups(session):
        for name in seen_replicas(session, group):
            for database in group.of("database").values():
                row = _state(session, group, name, database["name"])
                if row is not None:
                    yield {**row, "group_database_id": guid(database["id"])}


def _state(session: Session, group: Group, name: str, database: str) -> dict[str, Any] | None:
    primary = name.lower() == (group.primary or "").lower()
    link = group.link(name, database)
    if not primary and (link is None or not link["joined"]):
        return None
    own = session.server.get("database", database)
    if own is None:
        return None
    # Until a replica has confirmed it, only is_pending_secondary_suspend tells.
    suspended = None if (link or {}).get("pending") else (link or {}).get("suspended")
    queue = None if primary else unsent(group, name, database)
    return {
        "database_id": own["id"], "group_id": guid(group.document["id"]),
        "replica_id": guid(group.of("replica")[name]["id"]), "is_local": is_local(session, name),
        "synchronization_state_desc": synchronization(group, name, database), "is_suspended": suspended is not None,
        "suspend_reason": SUSPEND_REASONS[suspended] if suspended else None, "suspend_reason_desc": suspended,
        "log_send_queue_size": None if queue is None else -(-queue // 1024),
        "redo_queue_size": None if primary else 0,
    }  # fmt: skip
