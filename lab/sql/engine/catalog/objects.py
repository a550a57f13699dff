"""Tables of the current database."""

from __future__ import annotations

from lab.sql.engine.catalog.registry import Rows, view
from lab.sql.engine.database import Database
from lab.sql.engine.session import Session

SEEN_WITH = ("SELECT", "INSERT", "UPDATE", "DELETE", "EXECUTE", "VIEW DEFINITION", "ALTER")
"""A session sees an object on which it has one of these permissions (metadata visibility)."""


@view(
    "sys.tables",
    "name sysname",
    not_modelled="""object_id principal_id schema_id parent_object_id type type_desc create_date modify_date
    is_ms_shipped is_published is_schema_published lob_data_space_id filestream_data_space_id max_column_id_used
    lock_on_bulk_load uses_ansi_nulls is_replicated has_replication_filter is_merge_published is_sync_tran_subscribed
    has_unchecked_assembly_data text_in_row_limit large_value_types_out_of_row is_tracked_by_cdc lock_escalation
    lock_escalation_desc is_filetable""",
)
def _tables(session: Session, current: Database) -> Rows:
    access = session.access(current)
    schemas = {row["name"].lower(): row["id"] for row in current.view.documents("schema")}
    for row in current.view.documents("object"):
        schema = schemas.get(row["schema"].lower(), 0)
        if row["type"] == "U" and any(
            access.may(current.view, one, object_id=row["id"], schema_id=schema) for one in SEEN_WITH
        ):
            yield {"name": row["name"]}
