"""Certificates of master, and the encryption keys of databases. Columns: SQL Server 2012 documentation."""

from __future__ import annotations

from lab.sql.engine.catalog.databases import visible
from lab.sql.engine.catalog.registry import Rows, view
from lab.sql.engine.catalog.values import raw
from lab.sql.engine.database import Database
from lab.sql.engine.session import Session
from lab.sql.engine.statements.encryption import key_of


@view(
    "sys.certificates",
    "name sysname, pvt_key_encryption_type char(2), subject nvarchar(4000), thumbprint varbinary(32)",
    not_modelled="""certificate_id principal_id pvt_key_encryption_type_desc is_active_for_begin_dialog
    issuer_name cert_serial_number sid string_sid expiry_date start_date attested_by pvt_key_last_backup_date""",
)
def _certificates(session: Session, current: Database) -> Rows:
    if current.name.lower() != "master":
        return
    for one in sorted(session.server.documents("certificate"), key=lambda row: row["id"]):
        yield {"name": one["name"], "pvt_key_encryption_type": one["key"], "subject": one["subject"],
               "thumbprint": raw(one["thumbprint"])}  # fmt: skip


@view(
    "sys.dm_database_encryption_keys",
    "database_id int, encryption_state int, encryptor_thumbprint varbinary(20)",
    not_modelled="""create_date regenerate_date modify_date set_date opened_date key_algorithm key_length
    encryptor_type percent_complete""",
    permission="VIEW SERVER STATE",
)
def _keys(session: Session, current: Database) -> Rows:
    """One row for each database with a key. Not modelled: that tempdb has one as soon as another database has."""
    for database in visible(session):
        key = key_of(database.document, database.view)
        if key is None:
            continue
        yield {"database_id": database.id, "encryption_state": key["state"],
               "encryptor_thumbprint": raw(key["thumbprint"])}  # fmt: skip
