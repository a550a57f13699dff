"""Whether the transaction logs of databases are backed up: in the recovery model FULL they grow until they are.

A backup job runs on the replica that the group prefers, and each server remembers only its own backups, so every
replica is asked. The state of the log is the primary's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from components.steps import load_script
from remote.names import folded, same
from remote.session import Remote
from remote.sql import Row

DUE = timedelta(hours=24)
"""A log backup that is older is a warning."""
OVERDUE = timedelta(days=3)
"""One that is older is wrong; so is a database that has had none for as long."""


@dataclass(frozen=True)
class LogState:
    """The log of one database."""

    age: timedelta
    """Since the last log backup on any replica; where there was none, since the first full backup, which begins the
    log chain, or since the database was created."""
    backed_up: bool
    """Whether there was a log backup."""
    full_age: timedelta | None
    """Since the last full or differential backup that is no copy only; None where there was none."""
    waits_for: str
    """What its space waits for (``log_reuse_wait_desc``)."""
    used_kilobytes: int
    """``Log File(s) Used Size (KB)`` on the primary; 0 where it has no such counter."""
    size_kilobytes: int
    """``Log File(s) Size (KB)`` on the primary; 0 where it has no such counter."""

    def __str__(self) -> str:
        last = f"last log backup {words(self.age)} ago" if self.backed_up else f"no log backup in {words(self.age)}"
        used = f"{self.used_kilobytes} of {self.size_kilobytes} KB of the log used"
        return f"{last}, waits for {self.waits_for}, {used}"

    @property
    def remedy(self) -> str:
        """What to do where it is due; empty where it is not."""
        if self.backed_up and self.age <= DUE:
            return ""
        return "Add the database to the backup job, with backups of its log, or the disk fills"


def observe(remote: Remote, machines: Sequence[str], primary: str) -> Mapping[str, LogState]:
    """By database in lower case. ``machines`` are the replicas to ask, the primary among them. Raises
    ``MachineError``."""
    script = load_script("sql/read_log_backups.sql")
    rows = {machine: remote.sql(machine).rows(script, attempted="read its backup history") for machine in machines}

    def newest(name: str, column: str) -> timedelta | None:
        found = [_minutes(row, column) for own in rows.values() for row in own if same(row["name"], name)]
        return min((age for age in found if age is not None), default=None)

    states = {}
    for row in rows[primary]:
        last = newest(row["name"], "log_minutes")
        began = [_minutes(row, "age_minutes"), _minutes(row, "first_full_minutes")]
        states[folded(row["name"])] = LogState(
            age=min((age for age in began if age is not None), default=timedelta()) if last is None else last,
            backed_up=last is not None,
            full_age=newest(row["name"], "full_minutes"),
            waits_for=row["waits_for"],
            used_kilobytes=int(row["used_kilobytes"] or 0),
            size_kilobytes=int(row["size_kilobytes"] or 0),
        )
    return states


def _minutes(row: Row, column: str) -> timedelta | None:
    return None if row[column] is None else timedelta(minutes=int(row[column]))


def words(age: timedelta) -> str:
    """``3 days``, ``5 hours``, ``12 minutes``."""
    minutes = int(age.total_seconds() // 60)
    for name, length in (("day", 1440), ("hour", 60)):
        if minutes >= 2 * length:
            return f"{minutes // length} {name}s"
    return f"{minutes} minute{'' if minutes == 1 else 's'}"
