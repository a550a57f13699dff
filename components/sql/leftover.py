"""A restoring copy of a database that is in no group: what it is to the primary's database of that name.

A restoring database tells which log has to come next: of which recovery fork, and from which LSN (``redo_start_…`` of
sys.master_files; sys.database_recovery_status is NULL for it). The primary's says on which fork it is, and where that
parted from the fork before (sys.database_recovery_status). A fork is one history of one database: it begins where a
database is made, where a restore ends with recovery, and at a forced failover.

A copy of the primary's own history may be restored over: the primary has all of it. So may one that tells nothing: no
restore of it was ever completed. One of another history can never be joined. It is dropped only where the backup
history of its server (msdb) shows that this program's seed made it and that it has taken in nothing since; everything
else could be the last copy of something.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from components.steps import load_script
from remote.session import Remote
from remote.sql import Row

SEED = "Seed of a secondary replica"
"""The name of a backup set that this program makes for a seed (``backup_…_copy.sql``)."""


@dataclass(frozen=True)
class Past:
    """Where a database stands in which history. GUIDs of forks, and LSNs; what a server does not tell is empty."""

    fork: str = ""
    """The fork that it is on; of a restoring one, that its next log has to be of."""
    first_fork: str = ""
    """The fork before, which this one parted from."""
    fork_point: int | None = None
    """Where it parted."""
    next_lsn: int | None = None
    """Of a restoring one: from where its next log has to be."""
    log_start: int | None = None
    """Of one that is online: from where the next backup of its log is."""


NOTHING_TOLD = Past()


class Kinship(Enum):
    """What a restoring copy is to the primary's database."""

    SAME = "on the same recovery fork"
    BROKEN = "on no recovery fork: the restore that created it was interrupted"
    PARTED = "on the recovery fork from before a forced failover or a restore, and ahead of the primary on it"
    OTHER = "on another recovery fork"
    UNKNOWN = "on a recovery fork that cannot be compared with the primary's"


def past(row: Row) -> Past:
    """What ``read_database.sql`` says of it."""

    def number(key: str) -> int | None:
        return None if row[key] is None else int(row[key])

    restoring = row["state"] == "RESTORING"
    return Past(
        fork=(row["redo_fork"] if restoring else row["fork"]) or "",
        first_fork=row["first_fork"] or "",
        fork_point=number("fork_point"),
        next_lsn=number("redo_lsn"),
        log_start=number("log_start"),
    )


def kinship(copy: Past, primary: Past | None) -> Kinship:
    if not copy.fork or copy.next_lsn is None:
        return Kinship.BROKEN
    if primary is None or not primary.fork:
        return Kinship.UNKNOWN
    if copy.fork == primary.fork:
        return Kinship.SAME
    if copy.fork == primary.first_fork and primary.fork_point is not None:
        return Kinship.SAME if copy.next_lsn <= primary.fork_point else Kinship.PARTED
    return Kinship.OTHER


@dataclass(frozen=True)
class Restored:
    """A backup that was restored as the database: its name, and the LSN up to which it reaches."""

    name: str
    """``name`` of msdb's backupset; empty for a backup without one."""
    last_lsn: int
    """``last_lsn`` of msdb's backupset: the next log has to begin there or before."""


def read_restored(remote: Remote, machine: str, database: str, attempted: str) -> tuple[Restored, ...]:
    """The last full backup that was restored as the database on a server, and all that followed."""
    rows = remote.sql(machine).rows(load_script("sql/read_restored.sql"), database, attempted=attempted)
    return tuple(Restored(row["name"] or "", int(row["last_lsn"])) for row in rows)


def is_untouched_seed(copy: Past, restored: Sequence[Restored]) -> bool:
    """Whether a copy is what this program's seed left there, and has taken in nothing since."""
    if not restored or copy.next_lsn is None:
        return False
    return all(one.name == SEED for one in restored) and copy.next_lsn <= restored[-1].last_lsn
