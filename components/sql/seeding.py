"""Where the files of a copy go on a server whose instance has its folders elsewhere.

Setup names an instance's folders after it, so the backup of a default instance names a folder that a named one does
not have, and a restore must move the files. A file in a default folder of the primary goes into the default folder of
the other server; one that its owner put elsewhere keeps its path, as availability groups advise.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from components.steps import leaf
from remote.errors import MachineError
from remote.session import Remote


@dataclass(frozen=True)
class File:
    """A file of a database: its name inside SQL Server, its path, and its kind (``ROWS`` or ``LOG``)."""

    logical: str
    path: str
    kind: str


@dataclass(frozen=True)
class Folders:
    """Where an instance puts new files."""

    data: str
    log: str

    def of(self, kind: str) -> str:
        return self.log if kind == "LOG" else self.data


def read_files(remote: Remote, machine: str, database: str, attempted: str) -> tuple[File, ...]:
    rows = remote.sql(machine).rows(leaf("sql/read_files.sql"), database, attempted=attempted)
    return tuple(File(row["logical"], row["path"], row["kind"]) for row in rows)


def read_folders(remote: Remote, machine: str, attempted: str) -> Folders:
    """The default folders: those in the registry, else the folder of the server's own master database."""
    row = remote.sql(machine).rows(leaf("sql/read_folders.sql"), attempted=attempted)[0]
    own = row["master_file"].rpartition("\\")[0]
    return Folders(*((row[key] or own).rstrip("\\") for key in ("data", "log")))


def moves(machine: str, database: str, files: Sequence[File], here: Folders, there: Folders) -> tuple[str, ...]:
    """What a restore has to move on a machine: logical name and new path of the data file and of the log; empty when
    every file keeps its path. The portal's databases have these two files.

    Raises ``MachineError`` for a database with others.
    """
    placed = [_placed(file, here, there) for file in files]
    if placed == list(files):
        return ()
    data, logs = ([file for file in placed if file.kind == kind] for kind in ("ROWS", "LOG"))
    if (len(data), len(logs), len(placed)) != (1, 1, 2):
        raise MachineError(
            machine,
            f"restore {database}",
            f"its instance has other folders than the primary's, and the database has {len(placed)} files",
            "Restore it there yourself WITH NORECOVERY, each file with MOVE, and join it; then run `pulumi up` again.",
        )
    return (data[0].logical, data[0].path, logs[0].logical, logs[0].path)


def _placed(file: File, here: Folders, there: Folders) -> File:
    folder, _, name = file.path.rpartition("\\")
    own = folder.lower() == here.of(file.kind).lower()
    return replace(file, path=f"{there.of(file.kind)}\\{name}") if own else file
