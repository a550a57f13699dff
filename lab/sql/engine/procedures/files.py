"""sp_readerrorlog, xp_fileexist."""

from __future__ import annotations

from datetime import datetime

from lab.files import LabFileError
from lab.sql.api import Column, ResultSet
from lab.sql.engine.backup.media import locate
from lab.sql.engine.frame import Frame
from lab.sql.engine.procedures.registry import Arguments, Run, procedure


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


def _file_exist(frame: Frame, a: Arguments) -> Run:
    """Three columns, looked at as the service's account. Undocumented; columns as many scripts read them (unproven)."""
    path = str(a.required("@filename"))
    found, parent = (_kind(frame, one) for one in (path, path.rstrip("\\").rpartition("\\")[0]))
    names = ("File Exists", "File is a Directory", "Parent Directory Exists")
    yield ResultSet(
        tuple(Column(name, "tinyint") for name in names),
        [(int(found == "file"), int(found == "directory"), int(parent == "directory"))],
    )
    return 0


def _kind(frame: Frame, path: str) -> str:
    machine = frame.session.instance.machine
    try:
        found = locate(machine.world, machine, path, write=False)
    except LabFileError:
        return ""
    return "directory" if found.is_dir() else "file"


procedure("xp_fileexist", "@filename")(_file_exist)
procedure("sp_readerrorlog", "@p1", "@p2", "@p3", "@p4")(_error_log)
