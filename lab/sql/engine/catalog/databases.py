"""sys.databases and what belongs to it. Columns: SQL Server 2012 documentation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lab.sql.engine.catalog.registry import Rows, view
from lab.sql.engine.catalog.values import guid, lsn, moment, raw
from lab.sql.engine.database import Database
from lab.sql.engine.functions.server import COLLATION
from lab.world import Document

if TYPE_CHECKING:
    from lab.sql.engine.session import Session

STATES = {
    "ONLINE": 0,
    "RESTORING": 1,
    "RECOVERING": 2,
    "RECOVERY_PENDING": 3,
    "SUSPECT": 4,
    "EMERGENCY": 5,
    "OFFLINE": 6,
}
USER_ACCESS = {"MULTI_USER": 0, "SINGLE_USER": 1, "RESTRICTED_USER": 2}
RECOVERY = {"FULL": 1, "BULK_LOGGED": 2, "SIMPLE": 3}
PAGE_VERIFY = {"NONE": 0, "TORN_PAGE_DETECTION": 1, "CHECKSUM": 2}


def visible(session: Session) -> list[Database]:
    """The databases whose names a session may see, by number."""
    everything = session.principal.may(session.server, "VIEW ANY DATABASE")
    found = []
    for document in sorted(session.server.documents("database"), key=lambda row: row["id"]):
        own = document["owner"] == session.principal.sid.hex()
        if everything or own or document["id"] <= 2:
            database = session.find_database(document["name"])
            if database is not None:  # it may have been dropped since the list was made
                found.append(database)
    return found


@view(
    "sys.databases",
    """name sysname, database_id int, source_database_id int, owner_sid varbinary(85), create_date datetime,
    compatibility_level tinyint, collation_name sysname, user_access tinyint, user_access_desc nvarchar(60),
    is_read_only bit, is_auto_close_on bit, is_auto_shrink_on bit, state tinyint, state_desc nvarchar(60),
    is_in_standby bit,
    is_cleanly_shutdown bit, is_supplemental_logging_enabled bit, snapshot_isolation_state tinyint,
    snapshot_isolation_state_desc nvarchar(60), is_read_committed_snapshot_on bit, recovery_model tinyint,
    recovery_model_desc nvarchar(60), page_verify_option tinyint, page_verify_option_desc nvarchar(60),
    is_auto_create_stats_on bit, is_auto_update_stats_on bit, is_auto_update_stats_async_on bit,
    is_ansi_null_default_on bit,
    is_ansi_nulls_on bit, is_ansi_padding_on bit, is_ansi_warnings_on bit, is_arithabort_on bit,
    is_concat_null_yields_null_on bit, is_numeric_roundabort_on bit, is_quoted_identifier_on bit,
    is_recursive_triggers_on bit, is_cursor_close_on_commit_on bit, is_local_cursor_default bit,
    is_fulltext_enabled bit,
    is_trustworthy_on bit, is_db_chaining_on bit, is_parameterization_forced bit,
    is_master_key_encrypted_by_server bit, is_published bit, is_subscribed bit, is_merge_published bit,
    is_distributor bit,
    is_sync_with_backup bit, service_broker_guid uniqueidentifier, is_broker_enabled bit, log_reuse_wait tinyint,
    log_reuse_wait_desc nvarchar(60), is_date_correlation_on bit, is_cdc_enabled bit, is_encrypted bit,
    is_honor_broker_priority_on bit, replica_id uniqueidentifier, group_database_id uniqueidentifier,
    default_language_lcid smallint, default_language_name nvarchar(128), default_fulltext_language_lcid int,
    default_fulltext_language_name nvarchar(128), is_nested_triggers_on bit, is_transform_noise_words_on bit,
    two_digit_year_cutoff smallint, containment tinyint, containment_desc nvarchar(60),
    target_recovery_time_in_seconds int""",
)
def _databases(session: Session, current: Database) -> Rows:
    for database in visible(session):
        yield _row(session, database)


def _row(session: Session, database: Database) -> dict[str, Any]:
    document, o = database.document, database.options()
    online = document["state"] == "ONLINE"
    row = {
        "name": database.name, "database_id": database.id, "owner_sid": raw(document["owner"]),
        "create_date": moment(document["created"]), "compatibility_level": o["compatibility"],
        "collation_name": COLLATION if online else None, "user_access": USER_ACCESS[o["user_access"]],
        "user_access_desc": o["user_access"], "is_read_only": o["read_only"], "is_auto_close_on": o["auto_close"],
        "is_auto_shrink_on": o["auto_shrink"], "state": STATES[document["state"]], "state_desc": document["state"],
        "is_in_standby": False, "is_cleanly_shutdown": False, "is_supplemental_logging_enabled": False,
        "snapshot_isolation_state": int(o["snapshot"]),
        "snapshot_isolation_state_desc": "ON" if o["snapshot"] else "OFF",
        "is_read_committed_snapshot_on": o["read_committed_snapshot"], "recovery_model": RECOVERY[o["recovery"]],
        "recovery_model_desc": o["recovery"], "page_verify_option": PAGE_VERIFY[o["page_verify"]],
        "page_verify_option_desc": o["page_verify"], "is_auto_create_stats_on": o["auto_create_statistics"],
        "is_auto_update_stats_on": o["auto_update_statistics"],
        "is_auto_update_stats_async_on": o["auto_update_statistics_async"],
        "is_ansi_null_default_on": o["ansi_null_default"], "is_ansi_nulls_on": o["ansi_nulls"],
        "is_ansi_padding_on": o["ansi_padding"], "is_ansi_warnings_on": o["ansi_warnings"],
        "is_arithabort_on": o["arithabort"], "is_concat_null_yields_null_on": o["concat_null_yields_null"],
        "is_numeric_roundabort_on": o["numeric_roundabort"], "is_quoted_identifier_on": o["quoted_identifier"],
        "is_recursive_triggers_on": o["recursive_triggers"],
        "is_cursor_close_on_commit_on": o["cursor_close_on_commit"],
        "is_local_cursor_default": o["cursor_default_local"], "is_fulltext_enabled": database.id > 4,
        "is_trustworthy_on": o["trustworthy"] or database.id == 4,
        "is_db_chaining_on": o["db_chaining"] or database.id in (1, 2, 4),
        "is_parameterization_forced": o["parameterization_forced"], "is_broker_enabled": o["broker"],
        "is_date_correlation_on": o["date_correlation"], "containment": 0, "containment_desc": o["containment"],
        "target_recovery_time_in_seconds": o["target_recovery_time"], **_log_reuse(database, o["recovery"]),
        "group_database_id": guid(document.get("group_database")), "replica_id": guid(_replica(session, document)),
    }  # fmt: skip
    flags = ("is_master_key_encrypted_by_server", "is_published", "is_subscribed", "is_merge_published",
             "is_distributor",
             "is_sync_with_backup", "is_cdc_enabled", "is_honor_broker_priority_on")  # fmt: skip
    key = database.view.get("option", "encryption")
    return {**row, **dict.fromkeys(flags, False), "is_encrypted": key is not None and key["state"] == 3}


def _log_reuse(database: Database, recovery: str) -> dict[str, Any]:
    """What keeps the log from being used again: nothing, or in FULL and BULK_LOGGED a log backup once the chain has
    begun. Unproven: that it shows at once. Other reasons (a replica that lags, a transaction) are not modelled."""
    waits = (
        recovery != "SIMPLE"
        and database.document["state"] == "ONLINE"
        and database.chain().get("last_log_backup_lsn") is not None
        and database.instance.file(database.document).log_size > 0
    )
    return {"log_reuse_wait": 2, "log_reuse_wait_desc": "LOG_BACKUP"} if waits else _NO_WAIT


_NO_WAIT = {"log_reuse_wait": 0, "log_reuse_wait_desc": "NOTHING"}


def _replica(session: Session, document: Document) -> str | None:
    from lab.sql.engine.group.state import find_group

    group = find_group(session.instance.world, document["group"]) if document.get("group") else None
    found = group.of("replica").get(session.instance.server_name) if group else None
    return found["id"] if found else None


FILE_COLUMNS = """file_id int, file_guid uniqueidentifier, type tinyint, type_desc nvarchar(60), data_space_id int,
    name sysname,
    physical_name nvarchar(260), state tinyint, state_desc nvarchar(60), size int, max_size int, growth int,
    is_media_read_only bit, is_read_only bit, is_sparse bit, is_percent_growth bit, is_name_reserved bit,
    create_lsn numeric(25,0), drop_lsn numeric(25,0), read_only_lsn numeric(25,0), read_write_lsn numeric(25,0),
    differential_base_lsn numeric(25,0), differential_base_guid uniqueidentifier, differential_base_time datetime,
    redo_start_lsn numeric(25,0), redo_start_fork_guid uniqueidentifier, redo_target_lsn numeric(25,0),
    redo_target_fork_guid uniqueidentifier, backup_lsn numeric(25,0)"""


def _files(database: Database) -> list[dict[str, Any]]:
    state = database.document["state"]
    # Where the next log has to begin, and of which history it has to be: NULL unless it is restoring, and was restored.
    restored = state == "RESTORING" and not database.document.get("interrupted")
    file = database.instance.file(database.document) if restored else None
    redo = {"redo_start_lsn": lsn(file.lsn), "redo_start_fork_guid": guid(file.fork)} if file else {}
    return [
        {"file_id": one["id"], "type": 0 if one["type"] == "ROWS" else 1, "type_desc": one["type"],
         "data_space_id": 1 if one["type"] == "ROWS" else 0, "name": one["logical"], "physical_name": one["path"],
         "state": STATES[state], "state_desc": state, "size": one["size"], "max_size": -1, "growth": one["growth"],
         "is_media_read_only": False, "is_read_only": False, "is_sparse": False,
         "is_percent_growth": one["type"] == "LOG", "is_name_reserved": False, **redo}
        for one in database.document["files"]
    ]  # fmt: skip


@view("sys.master_files", "database_id int, " + FILE_COLUMNS)
def _master_files(session: Session, current: Database) -> Rows:
    for database in visible(session):
        for row in _files(database):
            yield {"database_id": database.id, **row}


@view("sys.database_files", FILE_COLUMNS)
def _database_files(session: Session, current: Database) -> Rows:
    return _files(current)


@view(
    "sys.database_recovery_status",
    """database_id int, database_guid uniqueidentifier, family_guid uniqueidentifier,
    last_log_backup_lsn numeric(25,0), recovery_fork_guid uniqueidentifier, first_recovery_fork_guid uniqueidentifier,
    fork_point_lsn numeric(25,0)""",
)
def _recovery(session: Session, current: Database) -> Rows:
    for database in visible(session):
        file = session.instance.file(database.document)
        opened = database.document["state"] == "ONLINE"
        yield {
            "database_id": database.id, "family_guid": guid(file.family) if opened else None,
            "last_log_backup_lsn": lsn(database.chain().get("last_log_backup_lsn")) if opened else None,
            "recovery_fork_guid": guid(file.fork) if opened else None,
            "first_recovery_fork_guid": guid(file.first_fork) if opened else None,
            "fork_point_lsn": lsn(file.fork_point) if opened else None,
        }  # fmt: skip


@view(
    "sys.database_mirroring",
    """database_id int, mirroring_guid uniqueidentifier, mirroring_state tinyint,
    mirroring_state_desc nvarchar(60), mirroring_role tinyint, mirroring_role_desc nvarchar(60),
    mirroring_role_sequence int, mirroring_safety_level tinyint, mirroring_safety_level_desc nvarchar(60),
    mirroring_safety_sequence int, mirroring_partner_name nvarchar(128), mirroring_partner_instance nvarchar(128),
    mirroring_witness_name nvarchar(128), mirroring_witness_state tinyint, mirroring_witness_state_desc nvarchar(60),
    mirroring_failover_lsn numeric(25,0), mirroring_connection_timeout int, mirroring_redo_queue int""",
)
def _mirroring(session: Session, current: Database) -> Rows:
    return [{"database_id": database.id} for database in visible(session)]
