"""A TDS 7.4 server, as SQL Server 2012 speaks it, in front of ``lab.sql.api.Instance``.

``Server`` serves connections of one instance. Source of every format in this package: Microsoft's open specification
[MS-TDS], Tabular Data Stream Protocol; section numbers are given where they help.
"""

from __future__ import annotations

from lab.sql.tds.connection import Connection, Server

__all__ = ["Connection", "Server"]
