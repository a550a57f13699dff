"""How a statement ends that touched rows."""

from __future__ import annotations

from lab.sql.api import Done
from lab.sql.engine.frame import Frame


def counted(frame: Frame, count: int) -> Done:
    """The end of a statement that touched so many rows."""
    frame.session.rowcount = count
    return Done(None if frame.session.settings["NOCOUNT"] else count)
