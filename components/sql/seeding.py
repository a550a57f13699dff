"""What a seed resumes, and where the files of a copy go on a server whose instance has its folders elsewhere.

A seed is a full backup, a backup of the log, and both restored. A run that broke has left part of it, which the next
one does not do again: a full backup whose file is there still serves, and a copy that was restored only needs the log,
as long as nothing of the log is missing in between. What the owner's own plan backed up since cut that off, and is
restored from there where the replica can read it (``components.sql.log_chain``). The log is always backed up again: it
is small, and then joins without a gap.

Setup names an instance's folders after it, so the backup of a default instance names a folder that a named one does
not have, and a restore must move the files. A file in a default folder of the primary goes into the default folder of
the other server; one that its owner put elsewhere keeps its path, as availability groups advise.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from components.sql.leftover import SEED
from components.sql.log_chain import NO_BACKUP
from components.steps import load_script
from remote.errors import MachineError
from remote.names import same
from remote.session import Remote


@dataclass(frozen=True)
class File:
    """A file of a database, as sys.master_files has it."""

    logical: str
    """Its name inside SQL Server (``name`` of sys.master_files)."""
    path: str
    """On the server (``physical_name``)."""
    kind: str
    """``ROWS`` or ``LOG`` (``type_desc``)."""
    kilobytes: int = 0
    """The size on disk when it was read (``size`` of sys.master_files), not what the data takes."""


@dataclass(frozen=True)
class Seed:
    """A full backup for a seed that lies on the share."""

    fork: str
    """The fork of the database that it is of."""
    last_lsn: int
    """Up to where it reaches: a log that begins no later follows it."""


def full_backup(share: str, database: str) -> str:
    """The file of a seed's full backup."""
    return f"{share}\\{database}_seed.bak"


def log_backup(share: str, database: str) -> str:
    """The file of a seed's log backup."""
    return f"{share}\\{database}_seed.trn"


def read_seed(remote: Remote, primary: str, database: str, file: str, attempted: str) -> Seed | None:
    """The full backup in a file, where the primary wrote it for a seed, and the file still holds it."""
    server = remote.sql(primary)
    rows = server.rows(load_script("sql/read_seed.sql"), database, file, SEED, attempted=attempted)
    if not rows:
        return None
    try:
        held = server.rows(load_script("sql/read_backup_file.sql"), file, attempted=attempted)
    except MachineError as error:
        if error.number in NO_BACKUP:
            return None
        raise
    whole = len(held) == 1 and str(held[0]["BackupSetGUID"]).lower() == rows[0]["set_guid"].lower()
    return Seed(rows[0]["fork"], int(rows[0]["last_lsn"])) if whole else None


@dataclass(frozen=True)
class Folders:
    """Where an instance puts new files."""

    data: str
    """``DefaultData`` of the instance's registry, without a backslash at the end; else the folder of master."""
    log: str
    """``DefaultLog``, in the same form; else the folder of master."""

    def of(self, kind: str) -> str:
        return self.log if kind == "LOG" else self.data


def read_files(remote: Remote, machine: str, database: str, attempted: str) -> tuple[File, ...]:
    rows = remote.sql(machine).rows(load_script("sql/read_files.sql"), database, attempted=attempted)
    return tuple(File(row["logical"], row["path"], row["kind"], int(row["kilobytes"])) for row in rows)


def read_folders(remote: Remote, machine: str, attempted: str) -> Folders:
    """The default folders: those in the registry, else the folder of the server's own master database."""
    row = remote.sql(machine).rows(load_script("sql/read_folders.sql"), attempted=attempted)[0]
    own = row["master_file"].rpartition("\\")[0]
    return Folders(*((row[key] or own).rstrip("\\") for key in ("data", "log")))


def moves(machine: str, database: str, files: Sequence[File], here: Folders, there: Folders) -> tuple[str, ...]:
    """What a restore has to move on a machine: logical name and new path of the data file and of the log; empty when
    every file keeps its path. The portal's databases have these two files.

    Raises ``MachineError`` for a database with others.
    """
    moved = placed(files, here, there)
    if moved == tuple(files):
        return ()
    data, logs = ([file for file in moved if file.kind == kind] for kind in ("ROWS", "LOG"))
    if (len(data), len(logs), len(moved)) != (1, 1, 2):
        raise MachineError(
            machine,
            f"restore {database}",
            f"its instance has other folders than the primary's, and the database has {len(moved)} files",
            "Restore it there yourself WITH NORECOVERY, each file with MOVE, and join it; then run `pulumi up` again.",
        )
    return (data[0].logical, data[0].path, logs[0].logical, logs[0].path)


def placed(files: Sequence[File], here: Folders, there: Folders) -> tuple[File, ...]:
    """The files of a copy on a server, each where it will be."""
    return tuple(_placed(file, here, there) for file in files)


def further_folders(files: Sequence[File], there: Folders) -> tuple[str, ...]:
    """The folders beside an instance's own that a copy's files need there."""
    folders = dict.fromkeys(file.path.rpartition("\\")[0] for file in files)
    return tuple(one for one in folders if not same(one, there.data) and not same(one, there.log))


def _placed(file: File, here: Folders, there: Folders) -> File:
    folder, _, name = file.path.rpartition("\\")
    own = same(folder, here.of(file.kind))
    return replace(file, path=f"{there.of(file.kind)}\\{name}") if own else file
