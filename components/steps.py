"""Steps: what a plan consists of. A step is a sentence of a runbook and the one action that fulfils it.

Plans are pure data, so that they can be compared, printed and tested without a machine. ``run`` carries one out.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from remote.detached import run_detached
from remote.errors import LostAnswerError, MachineError, UnreachableError
from remote.session import Remote
from remote.sql import Statements, Value

_ROOT = Path(__file__).parent


def leaf(path: str) -> str:
    """The text of a leaf script, by its path below ``components`` (``nlb/add_node.ps1``)."""
    return (_ROOT / path).read_text(encoding="utf-8")


@dataclass(frozen=True)
class Script:
    """Run a PowerShell leaf script that changes one thing."""

    machine: str
    path: str
    arguments: Mapping[str, Any] = field(default_factory=dict)
    seconds: float = 120


@dataclass(frozen=True)
class Sql:
    """Run a T-SQL leaf script that changes one thing. ``integrated``: on the server itself, as the Windows account.

    ``watched``: a backup or restore, which shows its percentage and may take as long as it gets on; ``seconds`` then is
    how long it may stand still.
    """

    machine: str
    path: str
    values: tuple[Value, ...] = ()
    database: str = "master"
    integrated: bool = False
    seconds: float = 120
    watched: bool = False


@dataclass(frozen=True)
class Together:
    """Run T-SQL leaf scripts on one server in one transaction: all of them or none. Each is a path with its values."""

    machine: str
    parts: tuple[tuple[str, tuple[Value, ...]], ...]
    seconds: float = 120


@dataclass(frozen=True)
class Detached:
    """Run a PowerShell leaf script as a scheduled task: it outlives the connection and is no remote log-on.

    ``arguments`` are written to a file on the machine and must not hold a secret.
    """

    machine: str
    task: str
    path: str
    arguments: Mapping[str, Any] = field(default_factory=dict)
    seconds: float = 600


@dataclass(frozen=True)
class Restart:
    """Restart a machine and wait until it answers again."""

    machine: str
    seconds: float = 900


@dataclass(frozen=True)
class Until:
    """Wait until a condition on freshly observed facts holds.

    ``waiting_for`` is a function of the facts that names what is still missing, and gives an empty text when nothing
    is. It raises ``MachineError`` when waiting longer is pointless. ``logged_off``: this program first closes its own
    connections to SQL Servers.
    """

    machine: str
    waiting_for: Callable[[Any], str]
    seconds: float
    logged_off: bool = False


@dataclass(frozen=True)
class Manual:
    """Something that only a person can do: no interface without a browser is documented for it.

    ``clicks`` are the sentences that tell the person how. ``waiting_for`` is as in ``Until``; ``seconds`` how long to
    wait for the person. Then the step ends with what there is to do, and the next ``up`` looks again.
    """

    machine: str
    clicks: tuple[str, ...]
    waiting_for: Callable[[Any], str]
    seconds: float = 0


@dataclass(frozen=True)
class Refuse:
    """Nothing: the step always fails. It stands among the steps for other subjects, which are carried out."""

    machine: str
    found: str
    """Why nothing can be done."""


Action = Script | Sql | Together | Detached | Restart | Until | Manual | Refuse


@dataclass(frozen=True)
class Step:
    """One sentence of the runbook ("On SQL2, restore the full backup of …") and its action."""

    sentence: str
    action: Action
    remedy: str = ""
    """What to do when it fails, where the machine's own words do not say it."""
    subject: str = ""
    """What the step is about, in a plan about many things of which each stands for itself. When such a step fails, only
    the later steps of its subject are left out, and the plan fails at its end."""
    provided: Callable[[Any], None] | None = None
    """Looks at freshly observed facts right before the action, and raises ``MachineError`` where it must not run now:
    for what others may change while the steps before it run."""

    def __str__(self) -> str:
        return self.sentence


def run_all(steps: Sequence[Step], remote: Remote, observe: Callable[[], Any], report: Callable[[str], None]) -> None:
    """Carry out a plan. The first step without a subject that fails ends it; of those that have one each fails for
    itself, and at the end all errors are one. Transactions of different subjects on one server go in one request."""
    failed: dict[str, MachineError] = {}
    waiting = list(steps)
    while waiting:
        batch = _batch(waiting)
        waiting = waiting[len(batch) :]
        due = [step for step in batch if not step.subject or step.subject not in failed]
        if len(batch) > 1:
            failed |= {step.subject: error for step, error in run_apart(due, remote, report)}
            continue
        for step in due:
            try:
                run(step, remote, observe, report)
            except (LostAnswerError, UnreachableError):
                raise
            except MachineError as error:
                if not step.subject:
                    raise
                failed[step.subject] = error
    if len(failed) == 1:
        raise next(iter(failed.values()))
    if failed:
        errors = failed.values()
        raise MachineError(
            ", ".join(sorted({error.machine for error in errors})),
            f"carry out {len(steps)} steps, of which {len(failed)} failed",
            "; ".join(f"{error.attempted}: {error.found.rstrip('.')}" for error in errors),
            " ".join(dict.fromkeys(error.remedy for error in errors if error.remedy)),
        )


def _batch(steps: Sequence[Step]) -> list[Step]:
    """The steps at the beginning that one request can carry: transactions on one server, each of another subject."""
    batch: list[Step] = []
    for step in steps:
        subjects = {other.subject for other in batch}
        alone = not step.subject or not isinstance(step.action, Together) or step.subject in subjects
        if batch and (alone or step.action.machine != batch[0].action.machine):
            break
        batch.append(step)
        if alone:
            break
    return batch


def run_apart(steps: Sequence[Step], remote: Remote, report: Callable[[str], None]) -> list[tuple[Step, MachineError]]:
    """Carry out transactions on one server, each for itself. Gives those that failed, each with its error."""
    transactions = []
    for step in steps:
        assert isinstance(step.action, Together)
        report(step.sentence)
        transactions.append([(leaf(path), values) for path, values in step.action.parts])
    if not steps:
        return []
    machine = steps[0].action.machine
    ended = remote.sql_odbc(machine).apart(
        transactions,
        attempted=f"carry out {len(steps)} steps, the first of them: {steps[0].sentence.rstrip('.')}",
        seconds=max(step.action.seconds for step in steps if isinstance(step.action, Together)) + len(steps),
    )
    return [
        (step, MachineError(machine, step.sentence.rstrip("."), error.found, step.remedy, number=error.number))
        for step, error in zip(steps, ended, strict=True)
        if error
    ]


def run(step: Step, remote: Remote, observe: Callable[[], Any], report: Callable[[str], None]) -> None:
    """Carry out one step. Raises ``MachineError`` naming the step's sentence."""
    report(step.sentence)
    if step.provided is not None:
        step.provided(observe())
    try:
        _carry_out(step, remote, observe, report)
    except (LostAnswerError, UnreachableError):
        raise
    except MachineError as error:
        if error.remedy or not step.remedy:
            raise
        raise MachineError(
            error.machine, error.attempted, error.found, step.remedy, number=error.number, error_id=error.error_id
        ) from None


def _carry_out(step: Step, remote: Remote, observe: Callable[[], Any], report: Callable[[str], None]) -> None:
    attempted = step.sentence.rstrip(".")
    match step.action:
        case Refuse(machine, found):
            raise MachineError(machine, attempted, found)
        case Script(machine, path, arguments, seconds):
            remote.powershell(machine).run(leaf(path), arguments, attempted=attempted, changes=True, seconds=seconds)
        case Sql(machine, path, values, database, _, seconds, watched=True):
            remote.sql_odbc(machine, database).run_watched(
                leaf(path),
                *values,
                attempted=attempted,
                stall=seconds,
                report=lambda percent: report(f"{machine}: {percent} percent"),
            )
        case Sql(machine, path, values, database, integrated, seconds):
            server: Statements = remote.sql_integrated(machine) if integrated else remote.sql(machine, database)
            server.run(leaf(path), *values, attempted=attempted, seconds=seconds)
        case Together(machine, parts, seconds):
            statements = [(leaf(path), values) for path, values in parts]
            remote.sql_odbc(machine).together(statements, attempted=attempted, seconds=seconds)
        case Detached(machine, task, path, arguments, seconds):
            run_detached(
                remote.powershell(machine),
                remote.hosts[machine],
                task,
                leaf(path),
                arguments,
                attempted=attempted,
                seconds=seconds,
                report=lambda progress: report(f"{machine}: {progress}"),
            )
        case Restart(machine, seconds):
            restart(remote, machine, attempted, seconds, report)
        case Until(machine, waiting_for, seconds, logged_off):
            if logged_off:
                remote.log_off()
            wait(machine, attempted, seconds, lambda: waiting_for(observe()), report)
        case Manual(machine, clicks, waiting_for, seconds):
            for click in clicks:
                report(f"{machine}: to be done by hand: {click}")
            wait(machine, attempted, seconds, lambda: waiting_for(observe()), report, by_hand=" ".join(clicks))


def restart(remote: Remote, machine: str, attempted: str, seconds: float, report: Callable[[str], None]) -> None:
    """Restart a machine and wait until its PowerShell answers with a later time of boot."""
    powershell = remote.powershell(machine)
    booted = leaf("windows/boot_time.ps1")
    before = powershell.run(booted, attempted=attempted)

    def order() -> bool:
        """Whether the machine took it. It may go down before it answers: that is seen by its time of boot."""
        try:
            powershell.run(leaf("windows/restart.ps1"), attempted=attempted, changes=True)
        except LostAnswerError:
            return False
        return True

    ordered = order()

    def still_down() -> str:
        nonlocal ordered
        try:
            if powershell.run(booted, attempted=attempted) != before:
                return ""
            # It answers, and it did not restart: an order without an answer may never have come. One that did come
            # refuses the second with an error, since the machine is on its way down.
            ordered = ordered or order()
        except MachineError:
            remote.forget(machine)  # only now: a machine that has not gone down yet needs no second shell
            return "the machine to come back"
        return "the machine to go down"

    wait(machine, attempted, seconds, still_down, report)


def wait(
    machine: str,
    attempted: str,
    seconds: float,
    missing: Callable[[], str],
    report: Callable[[str], None],
    *,
    by_hand: str = "",
) -> None:
    """Ask again and again, ever more slowly, until nothing is missing; raise when the time is up. ``by_hand`` is what
    a person has to do for it to come about."""
    deadline = time.monotonic() + seconds
    pause, told = 0.1, ""
    while waiting_for := missing():
        if time.monotonic() > deadline:
            raise MachineError(
                machine,
                attempted,
                f"a person has to do this; still waiting for {waiting_for}"
                if by_hand
                else f"after {seconds:.0f} seconds still waiting for {waiting_for}",
                f"{by_hand} Then run `pulumi up` again: it resumes."
                if by_hand
                else "When it has come about, run `pulumi up` again: it resumes.",
            )
        if waiting_for != told:
            report(f"{machine}: waiting for {waiting_for}")
            told = waiting_for
        time.sleep(pause)
        pause = min(pause * 1.5, 5.0)
