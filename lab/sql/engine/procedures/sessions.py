"""sp_executesql (run by EXECUTE itself) and sp_reset_connection."""

from __future__ import annotations

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
