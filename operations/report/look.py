"""Asks everything that a report shows, with the checks and resources that everything else uses.

The verification comes first: it says which machines are down, and nothing else asks those. What cannot be looked at is
a line of its section, and the report is written all the same.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TypeVar

from components.portal.databases import DATABASES
from components.sql.group import Group
from components.sql.log_backups import LogState
from components.step_log import Entry, entries
from components.topology import Topology
from operations.audit import audited
from operations.checks import sql
from operations.configuration import Context
from operations.drill import store
from operations.drill.store import Drill
from operations.report import certificates, history
from operations.report.content import SEVERITY, Certificate, Content, Copy, Database, MachineState
from operations.row import Progress, Row, Status, UncheckedError, quiet
from operations.verify import Report, verified
from remote.errors import MachineError
from remote.http import HttpError
from remote.names import folded, same
from remote.secret import redact
from remote.text import one_line

DRILLS = 5
"""How many are shown."""
T = TypeVar("T")


@dataclass
class Troubles:
    """What could not be looked at, by section: one line each, secrets masked."""

    found: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """Section → its lines, in the order in which they were noted."""

    def add(self, section: str, *why: str) -> None:
        if why:
            self.found[section] = (*self.found.get(section, ()), *(one_line(redact(text)) for text in why))

    def guard(self, section: str, look: Callable[[], T], otherwise: T) -> T:
        """The answer; what keeps it from being given is noted."""
        try:
            return look()
        except (MachineError, HttpError, UncheckedError) as error:
            self.add(section, str(error))
        except Exception as error:  # one section that fails for an unforeseen reason hides no other
            self.add(section, f"an error of the program itself: {type(error).__name__}: {error}. Report it.")
        return otherwise


@dataclass(frozen=True)
class Kept:
    """Where on this computer the history of a farm is."""

    stack: str
    """As the CLI takes it; empty for the selected one."""
    name: str
    """The stack's."""
    log: Path | None
    """The log of its steps."""
    drills: Path
    """The folder of the drills' results."""


def looked(context: Context, kept: Kept, progress: Progress = quiet) -> Content:
    """Everything."""
    verification = verified(context, progress)
    findings = audited(context)
    context = replace(context, down=verification.down)
    troubles = Troubles()
    none: tuple[tuple[Certificate, ...], tuple[str, ...]] = ((), ())
    shown, missing = troubles.guard("certificates", lambda: certificates.shown(context), none)
    troubles.add("certificates", *missing)
    steps: tuple[Entry, ...] = troubles.guard("history", lambda: _steps(kept.log), ())
    return Content(
        kept.name,
        datetime.now(UTC),
        context.topology,
        verification,
        tuple(findings),
        machines=machine_states(context.topology, verification),
        databases=troubles.guard("databases", lambda: databases(context, verification), ()),
        logins=troubles.guard("logins", lambda: sql.logins_now(context), sql.Mirror((), (), ())),
        certificates=shown,
        drills=drills(context.topology.name, kept.drills, troubles),
        updates=troubles.guard("history", lambda: history.updates(kept.stack, steps), ()),
        steps=tuple(reversed(steps[-history.STEPS :])),
        troubles=troubles.found,
    )


def worst(rows: list[Row]) -> Status:
    """The state of what has these rows; without any, nothing was checked."""
    return max((row.status for row in rows), key=SEVERITY.index, default=Status.UNCHECKED)


def machine_states(topology: Topology, verification: Report) -> tuple[MachineState, ...]:
    """Every machine of the topology in its order."""
    found = []
    for machine in topology.machines:
        rows = [row for row in verification.rows if same(row.member, machine.name)]
        status = worst(rows)
        telling = [row for row in rows if row.status is status]
        said = f"{len(rows)} {'check' if len(rows) == 1 else 'checks'}"
        if not rows:
            said = "this program does not manage it" if machine.name not in topology.lost else "lost"
        elif status is not Status.OK:
            said = f"{len(telling)} of {said}; {telling[0].checked}: {telling[0].found}"
        found.append(MachineState(machine.name, machine.address, _part(topology, machine.name), status, said))
    return tuple(found)


def _part(topology: Topology, name: str) -> str:
    parts = [f"portal tier {tier.name}" for tier in topology.portal.tiers if name in tier.nodes]
    if name in topology.spf.servers:
        parts.append("Service Provider Foundation")
    if any(replica.machine == name for replica in topology.replicas):
        parts.append("SQL Server")
    return "; ".join(parts) or "other server"


def databases(context: Context, verification: Report) -> tuple[Database, ...]:
    """Every database of the farm, as the availability group has it now. Raises ``MachineError``."""
    group = sql.group_now(context)
    logs = sql.logs_now(context, group.primary) if group.primary else {}
    return tuple(_database(context, verification, name, group, logs.get(folded(name))) for name in DATABASES)


def _database(context: Context, verification: Report, name: str, group: Group, log: LogState | None) -> Database:
    rows = [row for row in verification.rows if row.member == name]
    copies = tuple(
        Copy(
            one.machine,
            "primary" if one.machine == group.primary else "secondary",
            one.suspension or one.synchronization or ("not joined" if not one.joined else "unknown"),
            one.failover_ready,
        )
        if one.machine not in context.down
        else Copy(one.machine, "secondary", "does not answer", ready=False)
        for one in group.of(name)
    )
    said = str(log) if log else "the primary does not tell"
    return Database(name, worst(rows), copies, log.age if log and log.backed_up else None, said)


def _steps(log: Path | None) -> tuple[Entry, ...]:
    try:
        return tuple(entries(log)) if log else ()
    except OSError as error:
        raise MachineError("this computer", f"read {log}", error.strerror or str(error)) from None


def drills(farm: str, folder: Path, troubles: Troubles) -> tuple[Drill, ...]:
    """The last drills of a farm whose results a folder keeps, the latest first; a file that cannot be read is one of
    the troubles."""
    found: list[Drill] = []
    for file in store.files(folder, farm):
        read: tuple[Drill, ...] = troubles.guard("drills", partial(_drill, file), ())
        found += [drill for drill in read if drill.farm == farm]
    return tuple(found[:DRILLS])


def _drill(file: Path) -> tuple[Drill]:
    return (store.read(file),)
