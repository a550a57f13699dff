"""The log of the primary that other programs backed up while a seed was under way.

A backup of the log that is no copy cuts the log off: what it took is missing to a seed that has not come so far, and
SQL Server says so at the next restore (4305) or when the copy joins (1412, 1478). The history in msdb names every such
backup, with the fork and the LSNs that it holds and its device. Where the secondary can read all that is missing, the
seed goes on with these backups; else it begins again with a full backup.

A secondary can restore what it finds itself under the path that the primary has: a file on a share, whole in one
device, that still holds this very set. A path on a drive of the primary leads elsewhere on another server.

A differential backup is no way out: its base is the owner's last full backup, never a copy-only one ("Copy-Only
Backups").
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from components.sql.leftover import Past
from components.steps import load_script
from remote.errors import MachineError
from remote.names import folded
from remote.session import Remote

OVERTAKEN = frozenset({1412, 1478, 4305})
"""What SQL Server says of a copy that lacks a part of the log: at the restore of a later one, and when it joins."""
NO_BACKUP = frozenset({3201, 3203, 3241, 3242, 3254})
"""What SQL Server says of a file that cannot be opened or read, or that holds no whole backup."""


@dataclass(frozen=True)
class LogBackup:
    """One backup of a database's log in the history of the primary."""

    set_guid: str
    """``backup_set_uuid`` of msdb."""
    fork: str
    """``last_recovery_fork_guid``: which history the log belongs to."""
    first_lsn: int
    """``first_lsn`` of msdb: where the log in it begins."""
    last_lsn: int
    """The LSN with which the next log backup begins."""
    device: str
    """The file, or the first of several."""
    devices: int
    """How many files it is striped over."""
    position: int
    """Which set of the file it is, from 1."""
    user: str
    """Who made it, as msdb has it."""
    finished: str
    """When it ended, by the server's clock."""
    readable_on: frozenset[str] = frozenset()
    """The machines that can restore it."""

    def __str__(self) -> str:
        several = f" and {self.devices - 1} more" if self.devices > 1 else ""
        return f"the log backup that {self.user} finished at {self.finished} to {self.device}{several}"


def read_log_backups(
    remote: Remote, primary: str, database: str, after: int, machines: Sequence[str], attempted: str
) -> tuple[LogBackup, ...]:
    """What was backed up of a database's log beyond an LSN, in its order, and which of the machines can restore it."""
    rows = remote.sql(primary).rows(load_script("sql/read_log_sets.sql"), database, str(after), attempted=attempted)
    found = (
        LogBackup(
            set_guid=folded(row["set_guid"]),
            fork=row["fork"] or "",
            first_lsn=int(row["first_lsn"]),
            last_lsn=int(row["last_lsn"]),
            device=row["device"] or "",
            devices=row["devices"],
            position=row["position"],
            user=row["user_name"] or "",
            finished=row["finished"] or "",
        )
        for row in rows
    )

    def readers(one: LogBackup) -> frozenset[str]:
        return frozenset(machine for machine in machines if _holds(remote, machine, one, attempted))

    return tuple(replace(one, readable_on=readers(one)) for one in found)


def _holds(remote: Remote, machine: str, one: LogBackup, attempted: str) -> bool:
    """Whether a machine finds the backup where the primary's history has it."""
    if one.devices != 1:
        return False
    try:
        held = remote.sql(machine).rows(load_script("sql/read_backup_file.sql"), one.device, attempted=attempted)
    except MachineError as error:
        if error.number in NO_BACKUP:
            return False
        raise
    return any(folded(str(row["BackupSetGUID"])) == one.set_guid and row["Position"] == one.position for row in held)


def missing(
    fork: str, lsn: int | None, primary: Past | None, backups: Sequence[LogBackup], machine: str
) -> tuple[LogBackup, ...] | None:
    """The backups that lead a copy, or a full backup, at an LSN of a fork to where the primary's log begins: none where
    it is so far already, None where the machine cannot get there."""
    if primary is None or primary.log_start is None or lsn is None or not fork or fork != primary.fork:
        return None
    way: list[LogBackup] = []
    at = lsn
    while at < primary.log_start:
        fitting = (one for one in backups if one.fork == fork and one.first_lsn <= at < one.last_lsn)
        one = next((one for one in fitting if machine in one.readable_on), None)
        if one is None:
            return None
        way.append(one)
        at = one.last_lsn
    return tuple(way)


def obstacle(fork: str, lsn: int | None, backups: Sequence[LogBackup], machine: str) -> LogBackup | None:
    """The first backup beyond an LSN that a machine cannot restore."""
    beyond = (one for one in backups if one.fork == fork and lsn is not None and one.last_lsn > lsn)
    return next((one for one in beyond if machine not in one.readable_on), None)
