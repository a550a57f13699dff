"""sp_readerrorlog."""

from __future__ import annotations

from datetime import datetime

from lab.sql.api import Column, ResultSet
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


procedure("sp_readerrorlog", "@p1", "@p2", "@p3", "@p4")(_error_log)
