"""Availability groups as configured: groups, replicas, listeners, databases, the cluster."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lab.sql.engine.catalog.registry import Rows, view
from lab.sql.engine.catalog.values import guid, moment
from lab.sql.engine.database import Database
from lab.sql.engine.group.quorum import NODE, has_quorum, is_forced, members, node_is_up
from lab.sql.engine.group.state import Group, groups
from lab.world import Document

if TYPE_CHECKING:
    from lab.sql.engine.session import Session

STATE = "VIEW SERVER STATE"
FIRST_NUMBER = 65536
PREFERENCES = {"PRIMARY": 0, "SECONDARY_ONLY": 1, "SECONDARY": 2, "NONE": 3}
GROUP = """group_id uniqueidentifier, name sysname, resource_id nvarchar(40), resource_group_id nvarchar(40),
    failure_condition_level int, health_check_timeout int, automated_backup_preference tinyint,
    automated_backup_preference_desc nvarchar(60)"""


def local_groups(session: Session) -> list[Group]:
    """The groups that this instance has a joined replica of; none while AlwaysOn is not enabled (unproven)."""
    from lab.sql.engine.group.progress import advance

    if not session.instance.hadr:
        return []
    advance(session.instance.world)
    name = session.instance.server_name.lower()
    return [group for group in groups(session.instance.world) if name in [one.lower() for one in group.joined_names()]]


def _group(group: Group) -> dict[str, Any]:
    d = group.document
    return {"group_id": guid(d["id"]), "name": d["name"], "resource_id": d["resource_id"],
            "resource_group_id": d["resource_group_id"], "failure_condition_level": d["failure_condition"],
            "health_check_timeout": d["health_timeout"],
            "automated_backup_preference": PREFERENCES[d["backup_preference"]],
            "automated_backup_preference_desc": d["backup_preference"]}  # fmt: skip


@view("sys.availability_groups", GROUP)
def _groups(session: Session, current: Database) -> Rows:
    return [_group(group) for group in local_groups(session)]


@view(
    "sys.availability_replicas",
    """replica_id uniqueidentifier, group_id uniqueidentifier, replica_metadata_id int,
    replica_server_name nvarchar(256), owner_sid varbinary(85), endpoint_url nvarchar(128), availability_mode tinyint,
    availability_mode_desc nvarchar(60), failover_mode tinyint, failover_mode_desc nvarchar(60), session_timeout int,
    primary_role_allow_connections tinyint, primary_role_allow_connections_desc nvarchar(60),
    secondary_role_allow_connections tinyint, secondary_role_allow_connections_desc nvarchar(60), create_date datetime,
    modify_date datetime, backup_priority int, read_only_routing_url nvarchar(256)""",
)
def _replicas(session: Session, current: Database) -> Rows:
    own = session.instance.server_name.lower()
    for group in local_groups(session):
        for index, (name, one) in enumerate(group.of("replica").items(), FIRST_NUMBER):
            local = name.lower() == own
            primary, secondary = one["primary_allow"], one["secondary_allow"]
            yield {"replica_id": guid(one["id"]), "group_id": guid(group.document["id"]),
                   "replica_metadata_id": index if local else None, "replica_server_name": one["name"].upper(),
                   "owner_sid": _owner(session, group.name) if local else None, "endpoint_url": one["endpoint_url"],
                   "availability_mode": int(one["availability_mode"] == "SYNCHRONOUS_COMMIT"),
                   "availability_mode_desc": one["availability_mode"],
                   "failover_mode": int(one["failover_mode"] == "MANUAL"), "failover_mode_desc": one["failover_mode"],
                   "session_timeout": one["session_timeout"],
                   "primary_role_allow_connections": 2 if primary == "ALL" else 3,
                   "primary_role_allow_connections_desc": primary,
                   "secondary_role_allow_connections": {"NO": 0, "READ_ONLY": 1, "ALL": 2}[secondary],
                   "secondary_role_allow_connections_desc": secondary, "create_date": moment(one["created"]),
                   "modify_date": moment(one["created"]), "backup_priority": one["backup_priority"]}  # fmt: skip


def local_number(session: Session, group: Group) -> int:
    """The number by which this server's permissions name a group: its own replica's ``replica_metadata_id``."""
    own = session.instance.machine.name.lower()
    return FIRST_NUMBER + [name.lower() for name in group.of("replica")].index(own)


def _owner(session: Session, group: str) -> bytes:
    """The SID of the login that owns this server's replica: sa, unless ALTER AUTHORIZATION gave it to another."""
    number = (session.server.get("group-owner", group) or {"owner_id": 1})["owner_id"]
    owner = next((one for one in session.server.documents("login") if one["id"] == number), None)
    return bytes.fromhex(owner["sid"]) if owner else b"\x01"


@view(
    "sys.availability_databases_cluster",
    "group_id uniqueidentifier, group_database_id uniqueidentifier, database_name sysname",
)
def _databases_cluster(session: Session, current: Database) -> Rows:
    for group in local_groups(session):
        for one in group.of("database").values():
            yield {
                "group_id": guid(group.document["id"]),
                "group_database_id": guid(one["id"]),
                "database_name": one["name"],
            }


@view(
    "sys.availability_group_listeners",
    """group_id uniqueidentifier, listener_id nvarchar(36), dns_name nvarchar(63), port int,
    is_conformant bit, ip_configuration_string_from_cluster nvarchar(max)""",
)
def _listeners(session: Session, current: Database) -> Rows:
    for group in local_groups(session):
        for one in group.of("listener").values():
            shown = ", ".join(f"('IP Address: {a['address']}')" for a in one["addresses"])
            yield {"group_id": guid(group.document["id"]), "listener_id": one["id"], "dns_name": one["name"],
                   "port": one["port"], "is_conformant": True,
                   "ip_configuration_string_from_cluster": shown}  # fmt: skip


def _prefix(mask: str) -> int:
    return sum(bin(int(part)).count("1") for part in mask.split("."))


def _network(address: Document) -> str:
    return ".".join(
        str(int(a) & int(m)) for a, m in zip(address["address"].split("."), address["mask"].split("."), strict=True)
    )


@view(
    "sys.availability_group_listener_ip_addresses",
    """listener_id nvarchar(36), ip_address nvarchar(48),
    ip_subnet_mask nvarchar(15), is_dhcp bit, network_subnet_ip nvarchar(48), network_subnet_prefix_length int,
    network_subnet_ipv4_mask nvarchar(15), state tinyint, state_desc nvarchar(60)""",
)
def _listener_addresses(session: Session, current: Database) -> Rows:
    for group in local_groups(session):
        for one in group.of("listener").values():
            for address in one["addresses"]:
                yield {"listener_id": one["id"], "ip_address": address["address"], "ip_subnet_mask": address["mask"],
                       "is_dhcp": False, "network_subnet_ip": _network(address),
                       "network_subnet_prefix_length": _prefix(address["mask"]),
                       "network_subnet_ipv4_mask": address["mask"], "state": int(group.online),
                       "state_desc": "ONLINE" if group.online else "OFFLINE"}  # fmt: skip


@view(
    "sys.dm_tcp_listener_states",
    """listener_id int, ip_address nvarchar(48), is_ipv4 bit, port int, type smallint,
    type_desc nvarchar(20), state smallint, state_desc nvarchar(16), start_time datetime""",
    permission=STATE,
)
def _tcp_listeners(session: Session, current: Database) -> Rows:
    machine, number = session.instance.machine, 1
    rows = [(machine.address, session.instance.installation.port, "TSQL", 0)]
    endpoints = [one for one in session.server.documents("endpoint") if one["state"] == "STARTED"]
    rows += [(machine.address, one["port"], "DATABASE_MIRRORING", 2) for one in endpoints]
    for group in local_groups(session):
        if group.role(machine) == "PRIMARY":
            rows += [
                (a["address"], one["port"], "TSQL", 0)
                for one in group.of("listener").values()
                for a in one["addresses"]
            ]
    for address, port, kind, code in rows:
        yield {"listener_id": number, "ip_address": address, "is_ipv4": True, "port": port, "type": code,
               "type_desc": kind,
               "state": 0, "state_desc": "ONLINE"}  # fmt: skip
        number += 1


@view(
    "sys.dm_hadr_cluster",
    "cluster_name nvarchar(128), quorum_type tinyint, quorum_type_desc varchar(50), "
    "quorum_state tinyint, quorum_state_desc varchar(50)",
    permission=STATE,
)
def _cluster(session: Session, current: Database) -> Rows:
    document = _known_cluster(session)
    if document is not None:
        witness, forced = bool(document.get("witness")), is_forced(session.instance.world)
        yield {"cluster_name": document["name"], "quorum_type": 2 if witness else 0,
               "quorum_type_desc": "NODE_AND_FILE_SHARE_MAJORITY" if witness else "NODE_MAJORITY",
               "quorum_state": 2 if forced else 1,
               "quorum_state_desc": "FORCED_QUORUM" if forced else "NORMAL_QUORUM"}  # fmt: skip


@view(
    "sys.dm_hadr_cluster_members",
    "member_name nvarchar(128), member_type tinyint, member_type_desc nvarchar(50), "
    "member_state tinyint, member_state_desc nvarchar(60), number_of_quorum_votes tinyint",
    permission=STATE,
)
def _cluster_members(session: Session, current: Database) -> Rows:
    if _known_cluster(session) is None:
        return
    for member in members(session.instance.world):
        yield {"member_name": member.name.upper() if member.kind == NODE else member.name, "member_type": member.kind,
               "member_type_desc": "CLUSTER_NODE" if member.kind == NODE else "FILE_SHARE_WITNESS",
               "member_state": int(member.up), "member_state_desc": "UP" if member.up else "DOWN",
               "number_of_quorum_votes": member.votes}  # fmt: skip


def _known_cluster(session: Session) -> Document | None:
    """The cluster as this server sees it; None where its node has no quorum (documented: no row then)."""
    instance = session.instance
    document = instance.world.collection("lab", "sql-cluster").get("cluster")
    seen = instance.hadr and node_is_up(instance.machine) and has_quorum(instance.world)
    return document if seen else None
