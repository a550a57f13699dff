"""System.Data.SqlClient as PowerShell scripts of the lab see it. Importing this registers the types.

A connection goes to the engine (``lab.sql.engine.connect``), not over TDS: what one machine of the lab says to another
needs no wire. Source: the .NET Framework 4.5 documentation of each class; messages as the framework's own (unproven
where docs/lab/tds.md says so).
"""

from __future__ import annotations

from lab.sql.sqlclient import enums, strings  # registers types
from lab.sql.sqlclient.command import SqlCommand, SqlParameter
from lab.sql.sqlclient.connection import SqlConnection

__all__ = ["SqlCommand", "SqlConnection", "SqlParameter", "enums", "strings"]
