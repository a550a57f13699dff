"""The views by name: ``sys.databases``, ``msdb.dbo.backupset``.

What is not here does not exist (208; 207 for a column), unless it is named as not modelled.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from lab.sql.engine.database import Database
from lab.sql.engine.session import Session
from lab.sql.engine.types import SqlType, parse_type

Rows = Iterable[dict[str, Any]]
MakeRows = Callable[[Session, Database], Rows]


@dataclass(frozen=True)
class CatalogView:
    """``rows`` gives a mapping from column to value for each row; a column left out is NULL."""

    name: str
    columns: list[tuple[str, SqlType]]
    rows: MakeRows
    not_modelled: tuple[str, ...] = ()
    """Columns that SQL Server has here and the lab does not: a statement that names one is refused, ``*`` leaves them
    out."""
    permission: str = ""
    """Of the server; a session without it is refused (300)."""


VIEWS: dict[str, CatalogView] = {}
NOT_MODELLED = frozenset((
    "information_schema.columns", "information_schema.tables",
    "master.dbo.sysdatabases", "master.dbo.syslogins", "master.dbo.sysprocesses", "msdb.dbo.backupmediaset",
    "sys.all_columns", "sys.all_objects", "sys.availability_groups_cluster", "sys.columns", "sys.configurations",
    "sys.database_files", "sys.database_mirroring", "sys.database_permissions", "sys.database_role_members",
    "sys.dm_exec_connections", "sys.dm_hadr_availability_group_states",
    "sys.dm_hadr_availability_replica_cluster_nodes", "sys.dm_os_sys_info", "sys.dm_tcp_listener_states",
    "sys.dm_tran_locks", "sys.foreign_keys", "sys.indexes", "sys.master_key_passwords", "sys.objects",
    "sys.procedures", "sys.servers", "sys.sql_modules", "sys.sysusers", "sys.types", "sys.views",
))  # fmt: skip
"""Views that SQL Server has and that nobody who uses the lab reads."""


def view(name: str, columns: str, *, not_modelled: str = "", permission: str = "") -> Callable[[MakeRows], MakeRows]:
    """Register a view with its columns as ``name type, name type`` in the documented order, and the names of those that
    the lab does not model."""

    def register(rows: MakeRows) -> MakeRows:
        parsed = []
        for column in _split(columns):
            column_name, type_ = column.split(None, 1)
            parsed.append((column_name, parse_type(type_)))
        VIEWS[name.lower()] = CatalogView(name, parsed, rows, tuple(not_modelled.split()), permission)
        return rows

    return register


def _split(columns: str) -> list[str]:
    parts, depth = [""], 0
    for char in columns:
        depth += {"(": 1, ")": -1}.get(char, 0)
        if char == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += char
    return [" ".join(part.split()) for part in parts if part.strip()]
