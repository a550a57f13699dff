"""sp_executesql, which EXECUTE runs itself."""

from __future__ import annotations

from lab.sql.engine.frame import Frame
from lab.sql.engine.procedures.registry import Arguments, Run, procedure


@procedure("sp_executesql")
def _executesql(frame: Frame, a: Arguments) -> Run:
    raise AssertionError("EXECUTE runs sp_executesql itself")
