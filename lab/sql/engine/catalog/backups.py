"""The backup history in msdb."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from lab.sql.engine.catalog.registry import Rows, view
from lab.sql.engine.catalog.values import guid, lsn, moment
from lab.sql.engine.database import Database

if TYPE_CHECKING:
    from lab.sql.engine.session import Session


@view(
    "msdb.dbo.backupset",
    """backup_set_id int, backup_set_uuid uniqueidentifier, media_set_id int, first_family_number tinyint,
    first_media_number smallint, last_family_number tinyint, last_media_number smallint, catalog_family_number tinyint,
    catalog_media_number smallint, position int, expiration_date datetime, software_vendor_id int, name nvarchar(128),
    description nvarchar(255), user_name nvarchar(128), software_major_version tinyint, software_minor_version tinyint,
    software_build_version smallint, time_zone smallint, mtf_minor_version tinyint, first_lsn numeric(25,0),
    last_lsn numeric(25,0), checkpoint_lsn numeric(25,0), database_backup_lsn numeric(25,0),
    database_creation_date datetime,
    backup_start_date datetime, backup_finish_date datetime, type char(1), sort_order smallint, code_page smallint,
    compatibility_level tinyint, database_version int, backup_size numeric(20,0), database_name nvarchar(128),
    server_name nvarchar(128), machine_name nvarchar(128), flags int, unicode_locale int, unicode_compare_style int,
    collation_name nvarchar(128), is_password_protected bit, recovery_model nvarchar(60), has_bulk_logged_data bit,
    is_snapshot bit, is_readonly bit, is_single_user bit, has_backup_checksums bit, is_damaged bit,
    begins_log_chain bit,
    has_incomplete_metadata bit, is_force_offline bit, is_copy_only bit, first_recovery_fork_guid uniqueidentifier,
    last_recovery_fork_guid uniqueidentifier, fork_point_lsn numeric(25,0), database_guid uniqueidentifier,
    family_guid uniqueidentifier, differential_base_lsn numeric(25,0), differential_base_guid uniqueidentifier,
    compressed_backup_size numeric(20,0)""",
)
def _backupset(session: Session, current: Database) -> Rows:
    for row in sorted(session.server.documents("backupset"), key=lambda one: one["backup_set_id"]):
        yield {
            "backup_set_id": row["backup_set_id"], "backup_set_uuid": guid(row["uuid"]),
            "media_set_id": row["media_set_id"],
            "first_family_number": 1, "first_media_number": 1, "last_family_number": 1, "last_media_number": 1,
            "position": row["position"], "name": row["name"], "user_name": row["user"], "software_major_version": 11,
            "software_minor_version": 0, "software_build_version": session.instance.version[2],
            "first_lsn": lsn(row["first_lsn"]),
            "last_lsn": lsn(row["last_lsn"]), "checkpoint_lsn": lsn(row["checkpoint_lsn"]),
            "database_backup_lsn": lsn(row["database_backup_lsn"]),
            "database_creation_date": moment(row["database_created"]),
            "backup_start_date": moment(row["start"]), "backup_finish_date": moment(row["finish"]), "type": row["type"],
            "compatibility_level": row["compatibility"], "database_version": 706, "backup_size": Decimal(row["size"]),
            "compressed_backup_size": Decimal(row["size"]), "database_name": row["database"],
            "server_name": row["server"],
            "machine_name": row["server"], "is_password_protected": False, "recovery_model": row["recovery"],
            "has_bulk_logged_data": False, "is_snapshot": False, "is_readonly": False, "is_single_user": False,
            "has_backup_checksums": row["checksum"], "is_damaged": False, "has_incomplete_metadata": False,
            "is_force_offline": False, "is_copy_only": row["copy_only"], "family_guid": guid(row["family"]),
            "first_recovery_fork_guid": guid(row["fork"]), "last_recovery_fork_guid": guid(row["fork"]),
        }  # fmt: skip


@view(
    "msdb.dbo.backupmediafamily",
    """media_set_id int, family_sequence_number tinyint, media_family_id uniqueidentifier,
    media_count int, logical_device_name nvarchar(128), physical_device_name nvarchar(260), device_type tinyint,
    physical_block_size int, mirror tinyint""",
)
def _mediafamily(session: Session, current: Database) -> Rows:
    for row in session.server.documents("backupmedia"):
        yield {"media_set_id": row["media_set_id"], "family_sequence_number": 1, "media_family_id": guid(row["family"]),
               "media_count": 1, "physical_device_name": row["path"], "device_type": 2, "physical_block_size": 512,
               "mirror": 0}  # fmt: skip


@view(
    "msdb.dbo.restorehistory",
    """restore_history_id int, restore_date datetime, destination_database_name nvarchar(128),
    user_name nvarchar(128), backup_set_id int, restore_type char(1), replace bit, recovery bit, restart bit,
    stop_at datetime, device_count tinyint, stop_at_mark_name nvarchar(128), stop_before bit""",
)
def _restores(session: Session, current: Database) -> Rows:
    for row in session.server.documents("restorehistory"):
        yield {"restore_history_id": row["restore_history_id"], "restore_date": moment(row["restore_date"]),
               "destination_database_name": row["destination_database_name"], "user_name": row["user_name"],
               "backup_set_id": row["backup_set_id"], "restore_type": row["restore_type"], "replace": row["replace"],
               "recovery": row["recovery"], "restart": False, "device_count": 1}  # fmt: skip
