"""The backup history in msdb."""

from __future__ import annotations

from lab.sql.engine.catalog.registry import Rows, view
from lab.sql.engine.catalog.values import guid, lsn, moment
from lab.sql.engine.database import Database
from lab.sql.engine.session import Session


@view(
    "msdb.dbo.backupset",
    """backup_set_id int, backup_set_uuid uniqueidentifier, media_set_id int, position int, name nvarchar(128),
    user_name nvarchar(128), first_lsn numeric(25,0), last_lsn numeric(25,0), backup_finish_date datetime,
    type char(1), database_name nvarchar(128), recovery_model nvarchar(60), has_backup_checksums bit,
    is_copy_only bit, last_recovery_fork_guid uniqueidentifier""",
    not_modelled="""first_family_number first_media_number last_family_number last_media_number
    catalog_family_number catalog_media_number expiration_date software_vendor_id description software_major_version
    software_minor_version software_build_version time_zone mtf_minor_version checkpoint_lsn database_backup_lsn
    database_creation_date backup_start_date sort_order code_page compatibility_level database_version backup_size
    server_name machine_name flags unicode_locale unicode_compare_style collation_name is_password_protected
    has_bulk_logged_data is_snapshot is_readonly is_single_user is_damaged begins_log_chain has_incomplete_metadata
    is_force_offline first_recovery_fork_guid fork_point_lsn database_guid family_guid differential_base_lsn
    differential_base_guid compressed_backup_size""",
)
def _backupset(session: Session, current: Database) -> Rows:
    for row in sorted(session.server.documents("backupset"), key=lambda one: one["backup_set_id"]):
        yield {
            "backup_set_id": row["backup_set_id"], "backup_set_uuid": guid(row["uuid"]),
            "media_set_id": row["media_set_id"], "position": row["position"], "name": row["name"],
            "user_name": row["user"], "first_lsn": lsn(row["first_lsn"]),
            "last_lsn": lsn(row["last_lsn"]), "backup_finish_date": moment(row["finish"]),
            "type": row["type"], "database_name": row["database"], "recovery_model": row["recovery"],
            "has_backup_checksums": row["checksum"], "is_copy_only": row["copy_only"],
            "last_recovery_fork_guid": guid(row["fork"]),
        }  # fmt: skip


@view(
    "msdb.dbo.backupmediafamily",
    "media_set_id int, physical_device_name nvarchar(260)",
    not_modelled="""family_sequence_number media_family_id media_count logical_device_name device_type
    physical_block_size mirror""",
)
def _mediafamily(session: Session, current: Database) -> Rows:
    for row in session.server.documents("backupmedia"):
        yield {"media_set_id": row["media_set_id"], "physical_device_name": row["path"]}  # fmt: skip


@view(
    "msdb.dbo.restorehistory",
    "restore_history_id int, destination_database_name nvarchar(128), backup_set_id int, restore_type char(1)",
    not_modelled="restore_date user_name replace recovery restart stop_at device_count stop_at_mark_name stop_before",
)
def _restores(session: Session, current: Database) -> Rows:
    for row in session.server.documents("restorehistory"):
        yield {"restore_history_id": row["restore_history_id"],
               "destination_database_name": row["destination_database_name"],
               "backup_set_id": row["backup_set_id"], "restore_type": row["restore_type"]}  # fmt: skip
