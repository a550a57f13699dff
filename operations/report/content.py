"""What a report says, before any HTML: the data of ``--json``."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from components.sql.log_backups import words
from components.step_log import Entry
from components.topology import Topology
from components.windows.pfx import ends_soon, unusable
from operations import audit
from operations.audits.finding import Finding, Verdict
from operations.checks.sql import Mirror
from operations.drill.store import Drill
from operations.row import Row, Status
from operations.verify import Report as Verification

SEVERITY = (Status.OK, Status.WARNING, Status.UNCHECKED, Status.WRONG)
"""The state of what has several rows is the last of these that one of them has."""


@dataclass(frozen=True)
class MachineState:
    """One machine of the topology, by its rows of the verification."""

    name: str
    """As the topology writes it."""
    address: str
    """Its IPv4 address in the topology."""
    part: str
    """What it does in the farm."""
    status: Status
    """The worst of its rows; ``not checked`` without any."""
    said: str
    """How many checks it has, and the first of those that decide its state; without any, why."""


@dataclass(frozen=True)
class Copy:
    """One database on one replica."""

    machine: str
    """Its name in the topology, also where it does not answer."""
    role: str
    """``primary`` or ``secondary``."""
    state: str
    """As SQL Server names it; with the reason where it is suspended."""
    ready: bool
    """Whether a failover to this replica loses nothing of it."""


@dataclass(frozen=True)
class Database:
    """One database of the farm, by its rows of the verification."""

    name: str
    """In the spelling of the topology."""
    status: Status
    """The worst of its rows; ``not checked`` without any."""
    copies: tuple[Copy, ...]
    """One for each replica of the group."""
    log_age: timedelta | None
    """Since the last log backup; None where that is not known."""
    log: str
    """``LogState`` in words: the last backup, what its space waits for, and how full it is."""


@dataclass(frozen=True)
class Certificate:
    """A certificate that servers show."""

    thumbprint: str
    """SHA-1, in upper-case hexadecimal digits, as Windows shows it."""
    names: tuple[str, ...]
    """Its DNS names (subject alternative names); the subject where it has none."""
    begins: datetime
    """From when it is valid, in UTC."""
    ends: datetime
    """Until when it is valid, in UTC."""
    places: tuple[str, ...]
    """Machine and service."""

    def concern(self, now: datetime) -> str:
        """Why clients do not accept it, or will not for long; empty where neither is so."""
        return unusable(self.begins, self.ends, now) or ends_soon(self.ends, now)

    def status(self, now: datetime) -> Status:
        if unusable(self.begins, self.ends, now):
            return Status.WRONG
        return Status.WARNING if ends_soon(self.ends, now) else Status.OK


@dataclass(frozen=True)
class Update:
    """One entry of the stack's history."""

    version: int
    """Its number in the stack's history."""
    kind: str
    """``update``, ``refresh``, ``destroy``, …, in the Pulumi CLI's words."""
    result: str
    """``succeeded``, ``failed`` or ``in-progress``, in the Pulumi CLI's words."""
    began: datetime
    """In UTC."""
    ended: datetime | None
    """None while it runs, or where it was killed."""
    changes: Mapping[str, int]
    """Operation → number of resources."""
    steps: int
    """Lines of the step log in that time."""
    failed: tuple[Entry, ...]
    """Those of them that failed."""


@dataclass(frozen=True)
class Content:
    """Everything that the report shows of the farm of one topology."""

    stack: str
    """Its name without organization and project."""
    at: datetime
    """In UTC: when verification and audit had ended."""
    topology: Topology
    """The declared one, with which the rows are compared."""
    verification: Verification
    """Its rows also tell the state of each machine and database."""
    findings: tuple[Finding, ...]
    """The rows of the audit."""
    machines: tuple[MachineState, ...] = ()
    """Every machine of the topology, in its order."""
    databases: tuple[Database, ...] = ()
    """Those of the farm; none where the replicas could not be asked."""
    logins: Mirror = field(default_factory=lambda: Mirror((), (), ()))
    """Those that are the same on every replica, and those that differ."""
    certificates: tuple[Certificate, ...] = ()
    """Those that servers show, the one that ends first before the others."""
    drills: tuple[Drill, ...] = ()
    """The last ones, the newest first."""
    updates: tuple[Update, ...] = ()
    """The last ones of the stack's history, the newest first."""
    steps: tuple[Entry, ...] = ()
    """The last steps, the newest first."""
    troubles: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Section → what of it could not be looked at, and why."""

    @property
    def wrong(self) -> list[Row]:
        return [row for row in self.verification.rows if row.status is Status.WRONG]

    @property
    def unchecked(self) -> list[Row]:
        return [row for row in self.verification.rows if row.status is Status.UNCHECKED]

    @property
    def risks(self) -> list[Finding]:
        return [row for row in self.findings if row.verdict is Verdict.RISK]

    @property
    def unknown(self) -> int:
        """How many things could not be looked at beside the rows of the verification."""
        return sum(row.verdict is Verdict.UNKNOWN for row in self.findings) + sum(map(len, self.troubles.values()))

    def exit_code(self) -> int:
        """0: every row holds and there is no risk; 1: one does not, or there is one; 2: something could not be looked
        at, and nothing else is wrong."""
        if self.verification.failed:
            return 1
        return audit.exit_code(self.findings) or (2 if self.unknown else 0)

    def verdict(self) -> str:
        """The state of the farm in one sentence."""
        rows, failed, risks = len(self.verification.rows), len(self.verification.failed), len(self.risks)
        if self.wrong:
            return f"The farm is not as it should be: {failed} of {rows} checks {_do(failed, 'not hold')}."
        if failed:
            return f"Nothing wrong was found, but {failed} of {rows} checks could not be made."
        if risks:
            return f"Every check holds; the audit found {risks} {'risk' if risks == 1 else 'risks'}."
        if self.unknown:
            things = "thing" if self.unknown == 1 else "things"
            return f"Every check holds; {self.unknown} {things} could not be looked at."
        return "Every check holds, and the audit found no risk."

    def plain(self) -> dict[str, Any]:
        """The content as ``--json`` has it."""
        return {
            "farm": self.topology.name,
            "stack": self.stack,
            "at": self.at.isoformat(timespec="seconds"),
            "ok": self.exit_code() == 0,
            "verdict": self.verdict(),
            "machines": [dataclasses.asdict(machine) for machine in self.machines],
            "verification": self.verification.plain(),
            "audit": {"summary": audit.closing_line(self.findings), "rows": [row.plain() for row in self.findings]},
            "databases": [_database(database) for database in self.databases],
            "logins": {"mirrored": list(self.logins.names), "differing": list(map(dict, self.logins.differing))},
            "certificates": [_certificate(one, self.at) for one in self.certificates],
            "drills": [drill.plain() for drill in self.drills],
            "updates": [_update(update) for update in self.updates],
            "steps": [_entry(entry) for entry in self.steps],
            "not_looked_at": {section: list(why) for section, why in self.troubles.items()},
        }


def _do(number: int, what: str) -> str:
    return f"{'does' if number == 1 else 'do'} {what}"


def _database(database: Database) -> dict[str, Any]:
    age = database.log_age
    return {**dataclasses.asdict(database), "log_age": None if age is None else words(age)}


def _certificate(certificate: Certificate, now: datetime) -> dict[str, Any]:
    times = {"begins": certificate.begins.isoformat(), "ends": certificate.ends.isoformat()}
    judged = {"status": str(certificate.status(now)), "concern": certificate.concern(now)}
    return {**dataclasses.asdict(certificate), **times, **judged}


def _update(update: Update) -> dict[str, Any]:
    ended = update.ended and update.ended.isoformat()
    own = {"began": update.began.isoformat(), "ended": ended, "failed": [_entry(entry) for entry in update.failed]}
    return {**dataclasses.asdict(update), "changes": dict(update.changes), **own}


def _entry(entry: Entry) -> dict[str, Any]:
    return {**dataclasses.asdict(entry), "ended": entry.ended.isoformat(), "failed": entry.failed}
