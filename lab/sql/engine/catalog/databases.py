"""sys.databases and what belongs to it. Columns: SQL Server 2012 documentation."""

from __future__ import annotations

from typing import Any

from lab.sql.engine.catalog.registry import Rows, view
from lab.sql.engine.catalog.values import guid, lsn, moment, raw
from lab.sql.engine.database import Database
from lab.sql.engine.group.state import find_group
from lab.sql.engine.session import Session
from lab.world import Document

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
    user_access tinyint, user_access_desc nvarchar(60), is_read_only bit, is_auto_close_on bit, state tinyint,
    state_desc nvarchar(60), recovery_model tinyint, recovery_model_desc nvarchar(60),
    log_reuse_wait_desc nvarchar(60), replica_id uniqueidentifier, group_database_id uniqueidentifier""",
    not_modelled="""compatibility_level collation_name is_auto_shrink_on is_in_standby is_cleanly_shutdown
    is_supplemental_logging_enabled snapshot_isolation_state snapshot_isolation_state_desc
    is_read_committed_snapshot_on page_verify_option page_verify_option_desc is_auto_create_stats_on
    is_auto_update_stats_on is_auto_update_stats_async_on is_ansi_null_default_on is_ansi_nulls_on is_ansi_padding_on
    is_ansi_warnings_on is_arithabort_on is_concat_null_yields_null_on is_numeric_roundabort_on
    is_quoted_identifier_on is_recursive_triggers_on is_cursor_close_on_commit_on is_local_cursor_default
    is_fulltext_enabled is_trustworthy_on is_db_chaining_on is_parameterization_forced
    is_master_key_encrypted_by_server is_published is_subscribed is_merge_published is_distributor
    is_sync_with_backup service_broker_guid is_broker_enabled log_reuse_wait is_date_correlation_on is_cdc_enabled
    is_encrypted is_honor_broker_priority_on default_language_lcid default_language_name
    default_fulltext_language_lcid default_fulltext_language_name is_nested_triggers_on is_transform_noise_words_on
    two_digit_year_cutoff containment containment_desc target_recovery_time_in_seconds""",
)
def _databases(session: Session, current: Database) -> Rows:
    for database in visible(session):
        yield _row(session, database)


def _row(session: Session, database: Database) -> dict[str, Any]:
    document, o = database.document, database.options()
    return {
        "name": database.name, "database_id": database.id, "owner_sid": raw(document["owner"]),
        "create_date": moment(document["created"]), "user_access": USER_ACCESS[o["user_access"]],
        "user_access_desc": o["user_access"], "is_read_only": o["read_only"], "is_auto_close_on": o["auto_close"],
        "state": STATES[document["state"]], "state_desc": document["state"], "recovery_model": RECOVERY[o["recovery"]],
        "recovery_model_desc": o["recovery"], "log_reuse_wait_desc": _log_reuse(database, o["recovery"]),
        "group_database_id": guid(document.get("group_database")), "replica_id": guid(_replica(session, document)),
    }  # fmt: skip


def _log_reuse(database: Database, recovery: str) -> str:
    """What keeps the log from being used again: nothing, or in FULL and BULK_LOGGED a log backup once the chain has
    begun. Unproven: that it shows at once. Other reasons (a replica that lags, a transaction) are not modelled."""
    waits = (
        recovery != "SIMPLE"
        and database.document["state"] == "ONLINE"
        and database.chain().get("last_log_backup_lsn") is not None
        and database.instance.file(database.document).log_size > 0
    )
    return "LOG_BACKUP" if waits else "NOTHING"


def _replica(session: Session, document: Document) -> str | None:
    group = find_group(session.instance.world, document["group"]) if document.get("group") else None
    found = group.of("replica").get(session.instance.server_name) if group else None
    return found["id"] if found else None


def _files(database: Database) -> list[dict[str, Any]]:
    state = database.document["state"]
    # Where the next log has to begin, and of which history it has to be: NULL unless it is restoring, and was restored.
    restored = state == "RESTORING" and not database.document.get("interrupted")
    file = database.instance.file(database.document) if restored else None
    redo = {"redo_start_lsn": lsn(file.lsn), "redo_start_fork_guid": guid(file.fork)} if file else {}
    return [
        {"file_id": one["id"], "type_desc": one["type"], "name": one["logical"],
         "physical_name": one["path"], "state": STATES[state], "state_desc": state, "size": one["size"],
         "is_read_only": False, **redo}
        for one in database.document["files"]
    ]  # fmt: skip


@view(
    "sys.master_files",
    """database_id int, file_id int, type_desc nvarchar(60), name sysname, physical_name nvarchar(260),
    state tinyint, state_desc nvarchar(60), size int, is_read_only bit, redo_start_lsn numeric(25,0),
    redo_start_fork_guid uniqueidentifier""",
    not_modelled="""file_guid type data_space_id max_size growth is_media_read_only is_sparse is_percent_growth
    is_name_reserved create_lsn drop_lsn read_only_lsn read_write_lsn differential_base_lsn differential_base_guid
    differential_base_time redo_target_lsn redo_target_fork_guid backup_lsn""",
)
def _master_files(session: Session, current: Database) -> Rows:
    for database in visible(session):
        for row in _files(database):
            yield {"database_id": database.id, **row}


@view(
    "sys.database_recovery_status",
    """database_id int, last_log_backup_lsn numeric(25,0), recovery_fork_guid uniqueidentifier,
    first_recovery_fork_guid uniqueidentifier, fork_point_lsn numeric(25,0)""",
    not_modelled="database_guid family_guid",
)
def _recovery(session: Session, current: Database) -> Rows:
    for database in visible(session):
        file = session.instance.file(database.document)
        opened = database.document["state"] == "ONLINE"
        yield {
            "database_id": database.id,
            "last_log_backup_lsn": lsn(database.chain().get("last_log_backup_lsn")) if opened else None,
            "recovery_fork_guid": guid(file.fork) if opened else None,
            "first_recovery_fork_guid": guid(file.first_fork) if opened else None,
            "fork_point_lsn": lsn(file.fork_point) if opened else None,
        }  # fmt: skip
