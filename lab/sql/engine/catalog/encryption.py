"""Certificates of master, and the encryption keys of databases. Columns: SQL Server 2012 documentation."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lab.sql.engine.catalog.databases import visible
from lab.sql.engine.catalog.registry import Rows, view
from lab.sql.engine.catalog.values import moment, raw
from lab.sql.engine.database import Database
from lab.sql.engine.statements.encryption import key_of

if TYPE_CHECKING:
    from lab.sql.engine.session import Session

_KEYS = {"NA": "NO_PRIVATE_KEY", "MK": "ENCRYPTED_BY_MASTER_KEY"}
_ALGORITHMS = {"AES_128": ("AES", 128), "AES_192": ("AES", 192), "AES_256": ("AES", 256),
               "TRIPLE_DES_3KEY": ("TRIPLE_DES_3KEY", 192)}  # fmt: skip


@view(
    "sys.certificates",
    """name sysname, certificate_id int, principal_id int, pvt_key_encryption_type char(2),
    pvt_key_encryption_type_desc nvarchar(60), is_active_for_begin_dialog bit, issuer_name nvarchar(442),
    cert_serial_number nvarchar(64), sid varbinary(85), string_sid nvarchar(128), subject nvarchar(4000),
    expiry_date datetime, start_date datetime, thumbprint varbinary(32), attested_by nvarchar(260),
    pvt_key_last_backup_date datetime""",
)
def _certificates(session: Session, current: Database) -> Rows:
    if current.name.lower() != "master":
        return
    for one in sorted(session.server.documents("certificate"), key=lambda row: row["id"]):
        yield {"name": one["name"], "certificate_id": one["id"], "principal_id": 1,
               "pvt_key_encryption_type": one["key"], "pvt_key_encryption_type_desc": _KEYS[one["key"]],
               "is_active_for_begin_dialog": True, "issuer_name": one["subject"], "subject": one["subject"],
               "start_date": moment(one["created"]), "thumbprint": raw(one["thumbprint"])}  # fmt: skip


@view(
    "sys.dm_database_encryption_keys",
    """database_id int, encryption_state int, create_date datetime, regenerate_date datetime, modify_date datetime,
    set_date datetime, opened_date datetime, key_algorithm nvarchar(32), key_length int,
    encryptor_thumbprint varbinary(20), encryptor_type nvarchar(32), percent_complete real""",
    permission="VIEW SERVER STATE",
)
def _keys(session: Session, current: Database) -> Rows:
    """One row for each database with a key. Not modelled: that tempdb has one as soon as another database has."""
    for database in visible(session):
        key = key_of(database.document, database.view)
        if key is None:
            continue
        algorithm, length = _ALGORITHMS[key["algorithm"]]
        made = moment(key["created"])
        yield {"database_id": database.id, "encryption_state": key["state"], "create_date": made,
               "regenerate_date": made, "modify_date": made, "set_date": made, "opened_date": made,
               "key_algorithm": algorithm, "key_length": length,
               "encryptor_thumbprint": raw(key["thumbprint"]), "encryptor_type": "CERTIFICATE",
               "percent_complete": 0.0}  # fmt: skip
