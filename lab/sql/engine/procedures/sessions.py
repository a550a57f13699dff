"""sp_executesql (run by EXECUTE itself), sp_reset_connection, sp_who."""

from __future__ import annotations

from lab.sql.api import Column, ResultSet
from lab.sql.engine.frame import Frame
from lab.sql.engine.procedures.registry import Arguments, Run, procedure


@procedure("sp_executesql")
def _executesql(frame: Frame, a: Arguments) -> Run:
    raise AssertionError("EXECUTE runs sp_executesql itself")


@procedure("sp_reset_connection")
def _reset(frame: Frame, a: Arguments) -> Run:
    frame.session.reset()
    return 0
    yield


@procedure("sp_who", "@loginame")
def _who(frame: Frame, a: Arguments) -> Run:
    columns = (Column("spid", "smallint"), Column("status", "nchar(30)"), Column("loginame", "nvarchar(128)"),
               Column("hostname", "nchar(128)"), Column("dbname", "nvarchar(128)"), Column("cmd",
                                                                                           "nchar(16)"))  # fmt: skip
    rows = [
        (one.spid, "runnable" if one.running else "sleeping", one.original.name, one.host, one.database, "SELECT")
        for one in list(frame.session.instance.sessions.values())
    ]
    yield ResultSet(columns, rows)
    return 0
