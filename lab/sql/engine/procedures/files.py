"""xp_fileexist and the error log."""

from __future__ import annotations

from datetime import datetime

from lab.sql.api import Column, ResultSet
from lab.sql.engine.backup.media import locate
from lab.sql.engine.frame import Frame
from lab.sql.engine.procedures.registry import Arguments, Run, procedure


@procedure("xp_fileexist", "@filename", "@file_exists")
def _fileexist(frame: Frame, a: Arguments) -> Run:
    from lab import files

    instance = frame.session.instance
    path = str(a.required("@filename"))
    is_file = is_folder = parent = 0
    try:
        found = locate(instance.world, instance.machine, path, write=False)
        is_file, is_folder = int(found.is_file()), int(found.is_dir())
        parent = int(found.parent.is_dir())
    except files.LabFileError:
        pass  # what cannot be reached does not exist for this procedure
    if not a.give("@file_exists", is_file):
        columns = (
            Column("File Exists", "tinyint"),
            Column("File is a Directory", "tinyint"),
            Column("Parent Directory Exists", "tinyint"),
        )
        yield ResultSet(columns, [(is_file, is_folder, parent)])
    return 0


def _error_log(frame: Frame, a: Arguments) -> Run:
    frame.session.require("VIEW SERVER STATE", 229, "EXECUTE", "sp_readerrorlog", "mssqlsystemresource", "sys")
    wanted = [str(a.get(name)).lower() for name in ("@p3", "@p4") if a.get(name)]
    rows = []
    for entry in frame.session.instance.machine.collection("sql-errorlog").values():
        if all(text in entry["text"].lower() for text in wanted):
            rows.append((datetime.fromisoformat(entry["time"]).replace(tzinfo=None), entry["source"], entry["text"]))
    yield ResultSet(
        (Column("LogDate", "datetime"), Column("ProcessInfo", "nvarchar(12)"), Column("Text", "nvarchar(4000)")), rows
    )
    return 0


procedure("sp_readerrorlog", "@p1", "@p2", "@p3", "@p4")(_error_log)
procedure("xp_readerrorlog", "@p1", "@p2", "@p3", "@p4")(_error_log)
