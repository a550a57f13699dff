"""msdb.dbo.sp_delete_database_backuphistory: the rows of one database in the history of backups and restores.

Source: SQL Server 2012 documentation of the procedure.
"""

from __future__ import annotations

from lab.sql.engine.frame import Frame
from lab.sql.engine.procedures.registry import Arguments, Run, procedure


@procedure("sp_delete_database_backuphistory", "@database_name")
def _delete(frame: Frame, a: Arguments) -> Run:
    frame.session.require("CONTROL SERVER", 15247)
    server, name = frame.session.server, a.name("@database_name").lower()
    for key, row in server.items("restorehistory"):
        if row["destination_database_name"].lower() == name:
            server.delete("restorehistory", key)
    for key, row in server.items("backupset"):
        if row["database"].lower() == name:
            server.delete("backupset", key)
    used = {row["media_set_id"] for row in server.documents("backupset")}
    for key, row in server.items("backupmedia"):
        if row["media_set_id"] not in used:
            server.delete("backupmedia", key)
    return 0
    yield
