"""Availability groups as configured: groups, replicas, listeners, databases, the cluster."""

from __future__ import annotations

from lab.sql.engine.catalog.registry import Rows, view
from lab.sql.engine.catalog.values import guid, moment
from lab.sql.engine.database import Database
from lab.sql.engine.group.progress import advance
from lab.sql.engine.group.quorum import NODE, has_quorum, is_forced, members, node_is_up
from lab.sql.engine.group.state import Group, groups
from lab.sql.engine.session import Session
from lab.world import Document

STATE = "VIEW SERVER STATE"
FIRST_NUMBER, MOST_REPLICAS = 65536, 5
GROUP_CLASS = 108
"""Of a permission on a group, whose number is that of the server's own replica."""


def local_groups(session: Session) -> list[Group]:
    """The groups that this instance has a joined replica of; none while AlwaysOn is not enabled (unproven)."""
    if not session.instance.hadr:
        return []
    advance(session.instance.world)
    name = session.instance.server_name.lower()
    return [group for group in groups(session.instance.world) if name in [one.lower() for one in group.joined_names()]]


@view(
    "sys.availability_groups",
    "group_id uniqueidentifier, name sysname, failure_condition_level int, health_check_timeout int",
    not_modelled="resource_id resource_group_id automated_backup_preference automated_backup_preference_desc",
)
def _groups(session: Session, current: Database) -> Rows:
    for group in local_groups(session):
        d = group.document
        yield {"group_id": guid(d["id"]), "name": d["name"], "failure_condition_level": d["failure_condition"],
               "health_check_timeout": d["health_timeout"]}  # fmt: skip


@view(
    "sys.availability_replicas",
    """replica_id uniqueidentifier, group_id uniqueidentifier, replica_metadata_id int,
    replica_server_name nvarchar(256), owner_sid varbinary(85), endpoint_url nvarchar(128),
    availability_mode tinyint, availability_mode_desc nvarchar(60), failover_mode tinyint,
    failover_mode_desc nvarchar(60), session_timeout int, create_date datetime""",
    not_modelled="""primary_role_allow_connections primary_role_allow_connections_desc
    secondary_role_allow_connections secondary_role_allow_connections_desc modify_date backup_priority
    read_only_routing_url""",
)
def _replicas(session: Session, current: Database) -> Rows:
    own = session.instance.server_name.lower()
    for group in local_groups(session):
        for index, (name, one) in enumerate(group.of("replica").items(), first_number(group)):
            local = name.lower() == own
            yield {"replica_id": guid(one["id"]), "group_id": guid(group.document["id"]),
                   "replica_metadata_id": index if local else None,
                   "replica_server_name": one["name"].upper(),
                   "owner_sid": _owner(session, group.name) if local else None,
                   "endpoint_url": one["endpoint_url"],
                   "availability_mode": int(one["availability_mode"] == "SYNCHRONOUS_COMMIT"),
                   "availability_mode_desc": one["availability_mode"],
                   "failover_mode": int(one["failover_mode"] == "MANUAL"),
                   "failover_mode_desc": one["failover_mode"], "session_timeout": one["session_timeout"],
                   "create_date": moment(one["created"])}  # fmt: skip


def local_number(session: Session, group: Group) -> int:
    """The number by which this server's permissions name a group: its own replica's ``replica_metadata_id``."""
    own = session.instance.server_name.lower()
    return first_number(group) + [name.lower() for name in group.of("replica")].index(own)


def first_number(group: Group) -> int:
    """The ``replica_metadata_id`` of a group's first replica; those of another group are others."""
    return FIRST_NUMBER + MOST_REPLICAS * int(group.document.get("number", 0))


def _owner(session: Session, group: str) -> bytes:
    """The SID of the login that owns this server's replica: sa, unless ALTER AUTHORIZATION gave it to another."""
    number = (session.server.get("group-owner", group) or {"owner_id": 1})["owner_id"]
    owner = next((one for one in session.server.documents("login") if one["id"] == number), None)
    return bytes.fromhex(owner["sid"]) if owner else b"\x01"


@view(
    "sys.availability_databases_cluster",
    "database_name sysname",
    not_modelled="group_id group_database_id",
)
def _databases_cluster(session: Session, current: Database) -> Rows:
    for group in local_groups(session):
        for one in group.of("database").values():
            yield {"database_name": one["name"]}


@view(
    "sys.availability_group_listeners",
    "group_id uniqueidentifier, listener_id nvarchar(36), dns_name nvarchar(63), port int",
    not_modelled="is_conformant ip_configuration_string_from_cluster",
)
def _listeners(session: Session, current: Database) -> Rows:
    for group in local_groups(session):
        for one in group.of("listener").values():
            yield {"group_id": guid(group.document["id"]), "listener_id": one["id"],
                   "dns_name": one["name"], "port": one["port"]}  # fmt: skip


@view(
    "sys.availability_group_listener_ip_addresses",
    "listener_id nvarchar(36), ip_address nvarchar(48)",
    not_modelled="""ip_subnet_mask is_dhcp network_subnet_ip network_subnet_prefix_length
    network_subnet_ipv4_mask state state_desc""",
)
def _listener_addresses(session: Session, current: Database) -> Rows:
    for group in local_groups(session):
        for one in group.of("listener").values():
            for address in one["addresses"]:
                yield {"listener_id": one["id"], "ip_address": address["address"]}  # fmt: skip


@view(
    "sys.dm_hadr_cluster",
    "cluster_name nvarchar(128), quorum_type_desc varchar(50), quorum_state_desc varchar(50)",
    not_modelled="quorum_type quorum_state",
    permission=STATE,
)
def _cluster(session: Session, current: Database) -> Rows:
    document = _known_cluster(session)
    if document is not None:
        witness, forced = bool(document.get("witness")), is_forced(session.instance.world)
        yield {"cluster_name": document["name"],
               "quorum_type_desc": "NODE_AND_FILE_SHARE_MAJORITY" if witness else "NODE_MAJORITY",
               "quorum_state_desc": "FORCED_QUORUM" if forced else "NORMAL_QUORUM"}  # fmt: skip


@view(
    "sys.dm_hadr_cluster_members",
    "member_name nvarchar(128), member_type tinyint, member_state tinyint, number_of_quorum_votes tinyint",
    not_modelled="member_type_desc member_state_desc",
    permission=STATE,
)
def _cluster_members(session: Session, current: Database) -> Rows:
    if _known_cluster(session) is None:
        return
    for member in members(session.instance.world):
        yield {"member_name": member.name.upper() if member.kind == NODE else member.name,
               "member_type": member.kind, "member_state": int(member.up),
               "number_of_quorum_votes": member.votes}  # fmt: skip


def _known_cluster(session: Session) -> Document | None:
    """The cluster as this server sees it; None where its node has no quorum (documented: no row then)."""
    instance = session.instance
    document = instance.world.collection("lab", "sql-cluster").get("cluster")
    seen = instance.hadr and node_is_up(instance.machine) and has_quorum(instance.world)
    return document if seen else None
