"""Availability groups as they are now. A secondary knows of itself only; the primary knows all (documented)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from lab.sql.engine.catalog.availability import STATE, local_groups
from lab.sql.engine.catalog.registry import Rows, view
from lab.sql.engine.catalog.values import guid, lsn
from lab.sql.engine.database import Database
from lab.sql.engine.errors import error
from lab.sql.engine.files import files_of
from lab.sql.engine.group.connection import trouble
from lab.sql.engine.group.progress import unsent
from lab.sql.engine.group.state import Group, available

if TYPE_CHECKING:
    from lab.sql.engine.session import Session

ROLES = {"RESOLVING": 0, "PRIMARY": 1, "SECONDARY": 2}
PHASES = {"NOT SYNCHRONIZING": 0, "SYNCHRONIZING": 1, "SYNCHRONIZED": 2, "REVERTING": 3, "INITIALIZING": 4}
HEALTH = {0: "NOT_HEALTHY", 1: "PARTIALLY_HEALTHY", 2: "HEALTHY"}
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


def health(group: Group, replica: str, database: str) -> tuple[str, int]:
    """State and health of one copy; the primary's own is SYNCHRONIZED unless it is suspended."""
    link = group.link(replica, database)
    if replica.lower() == (group.primary or "").lower():
        moves = group.online and not (link or {}).get("suspended")
        return ("SYNCHRONIZED", 2) if moves else ("NOT SYNCHRONIZING", 0)
    if link is None or not link["joined"]:
        return "NOT SYNCHRONIZING", 0
    if not group.online:
        return "NOT SYNCHRONIZING", 0
    synchronous = group.waits_for(replica)
    phase = link["phase"]
    if phase == "SYNCHRONIZED" or (phase == "SYNCHRONIZING" and not synchronous):
        return phase, 2
    return phase, 1 if phase == "SYNCHRONIZING" else 0


def replica_health(group: Group, replica: str) -> int:
    found = [health(group, replica, database)[1] for database in group.of("database")]
    if not available(group.world, group.machine(replica)) or trouble(group, replica):
        return 0
    return min(found, default=2)


def _last_try(session: Session) -> datetime:
    """Replicas try again and again; every ten seconds in the lab (unproven)."""
    now = session.instance.world.clock.now().astimezone(UTC).replace(tzinfo=None, microsecond=0)
    return now - timedelta(seconds=now.second % 10)


@view(
    "sys.dm_hadr_availability_replica_states",
    """replica_id uniqueidentifier, group_id uniqueidentifier, is_local bit,
    role tinyint, role_desc nvarchar(60), operational_state tinyint, operational_state_desc nvarchar(60),
    connected_state tinyint, connected_state_desc nvarchar(60), recovery_health tinyint,
    recovery_health_desc nvarchar(60),
    synchronization_health tinyint, synchronization_health_desc nvarchar(60), last_connect_error_number int,
    last_connect_error_description nvarchar(1024), last_connect_error_timestamp datetime""",
    permission=STATE,
)
def _replica_states(session: Session, current: Database) -> Rows:
    for group in local_groups(session):
        for name in seen_replicas(session, group):
            local = is_local(session, name)
            machine = group.machine(name)
            up = available(session.instance.world, machine)
            role = group.role(machine) if up or local else "SECONDARY"
            level = replica_health(group, name)
            joined = role != "RESOLVING"
            wrong = trouble(group, name) if up else ""
            talks = up and joined and not wrong
            refused = error(35201, name, str(group.of("replica")[name]["id"]).upper()) if wrong else None
            yield {"replica_id": guid(group.of("replica")[name]["id"]), "group_id": guid(group.document["id"]),
                   "is_local": local, "role": ROLES[role], "role_desc": role, "operational_state": 2 if local else None,
                   "operational_state_desc": "ONLINE" if local else None, "connected_state": int(talks),
                   "connected_state_desc": "CONNECTED" if talks else "DISCONNECTED",
                   "last_connect_error_number": refused.number if refused else None,
                   "last_connect_error_description": refused.message if refused else None,
                   "last_connect_error_timestamp": _last_try(session) if refused else None,
                   "recovery_health": int(joined) if local else None,
                   "recovery_health_desc": ("ONLINE" if joined else "ONLINE_IN_PROGRESS") if local else None,
                   "synchronization_health": level, "synchronization_health_desc": HEALTH[level]}  # fmt: skip


@view(
    "sys.dm_hadr_availability_replica_cluster_nodes",
    "group_name nvarchar(256), replica_server_name nvarchar(256), node_name nvarchar(256)",
    permission=STATE,
)
def _cluster_nodes(session: Session, current: Database) -> Rows:
    for group in local_groups(session):
        for name in group.replica_names():
            yield {"group_name": group.name, "replica_server_name": name.upper(),
                   "node_name": group.machine(name).name.upper()}  # fmt: skip


@view(
    "sys.dm_hadr_availability_replica_cluster_states",
    """replica_id uniqueidentifier, replica_server_name nvarchar(256),
    group_id uniqueidentifier, join_state tinyint, join_state_desc nvarchar(60)""",
    permission=STATE,
)
def _cluster_states(session: Session, current: Database) -> Rows:
    for group in local_groups(session):
        for name, one in group.of("replica").items():
            yield {"replica_id": guid(one["id"]), "replica_server_name": name.upper(),
                   "group_id": guid(group.document["id"]),
                   "join_state": int(one["joined"]),
                   "join_state_desc": "JOINED_STANDALONE" if one["joined"] else "NOT_JOINED"}  # fmt: skip


@view(
    "sys.dm_hadr_database_replica_cluster_states",
    """replica_id uniqueidentifier, group_database_id uniqueidentifier,
    database_name sysname, is_failover_ready bit, is_pending_secondary_suspend bit, is_database_joined bit,
    recovery_lsn numeric(25,0), truncation_lsn numeric(25,0)""",
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
                       "is_database_joined": joined, "recovery_lsn": None, "truncation_lsn": None}  # fmt: skip


@view(
    "sys.dm_hadr_database_replica_states",
    """database_id int, group_id uniqueidentifier, replica_id uniqueidentifier,
    group_database_id uniqueidentifier, is_local bit, synchronization_state tinyint,
    synchronization_state_desc nvarchar(60),
    is_commit_participant bit, synchronization_health tinyint, synchronization_health_desc nvarchar(60),
    database_state tinyint, database_state_desc nvarchar(60), is_suspended bit, suspend_reason tinyint,
    suspend_reason_desc nvarchar(60), recovery_lsn numeric(25,0), truncation_lsn numeric(25,0),
    last_sent_lsn numeric(25,0),
    last_sent_time datetime, last_received_lsn numeric(25,0), last_received_time datetime,
    last_hardened_lsn numeric(25,0),
    last_hardened_time datetime, last_redone_lsn numeric(25,0), last_redone_time datetime, log_send_queue_size bigint,
    log_send_rate bigint, redo_queue_size bigint, redo_rate bigint, filestream_send_rate bigint,
    end_of_log_lsn numeric(25,0),
    last_commit_lsn numeric(25,0), last_commit_time datetime, low_water_mark_for_ghosts bigint""",
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
    local = is_local(session, name)
    primary = name.lower() == (group.primary or "").lower()
    link = group.link(name, database)
    if not primary and (link is None or not link["joined"]):
        return None
    own = session.server.get("database", database)
    if own is None:
        return None
    phase, level = health(group, name, database)
    # Until a replica has confirmed it, only is_pending_secondary_suspend tells.
    suspended = None if (link or {}).get("pending") else (link or {}).get("suspended")
    file = files_of(session.instance.world, group.machine(name)).by_name(database)
    end = lsn(file.lsn) if file is not None else None
    queue = None if primary else unsent(group, name, database)
    return {
        "database_id": own["id"], "group_id": guid(group.document["id"]),
        "replica_id": guid(group.of("replica")[name]["id"]),
        "is_local": local, "synchronization_state": PHASES[phase], "synchronization_state_desc": phase,
        "is_commit_participant": phase == "SYNCHRONIZED", "synchronization_health": level,
        "synchronization_health_desc": HEALTH[level], "database_state": 0 if local else None,
        "database_state_desc": "ONLINE" if local else None, "is_suspended": suspended is not None,
        "suspend_reason": SUSPEND_REASONS[suspended] if suspended else None, "suspend_reason_desc": suspended,
        "last_hardened_lsn": end, "end_of_log_lsn": end, "last_commit_lsn": end,
        "last_sent_lsn": None if primary else end, "last_received_lsn": None if primary else end,
        "log_send_queue_size": None if queue is None else -(-queue // 1024),
        "redo_queue_size": None if primary else 0,
    }  # fmt: skip
