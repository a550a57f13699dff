"""xp_fileexist."""

from __future__ import annotations

from lab.files import LabFileError
from lab.sql.api import Column, ResultSet
from lab.sql.engine.backup.media import locate
from lab.sql.engine.frame import Frame
from lab.sql.engine.procedures.registry import Arguments, Run, procedure


@procedure("xp_fileexist", "@filename")
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
