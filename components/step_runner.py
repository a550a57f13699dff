"""Carrying out steps on machines: one method per type of action."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, assert_never

from components.progress import Report
from components.step_log import StepLog
from components.steps import (
    OperatorStep,
    Refuse,
    Restart,
    ScheduledTask,
    Script,
    Sql,
    SqlTransaction,
    Step,
    WaitFor,
    load_script,
)
from remote.detached import run_detached
from remote.errors import LostAnswerError, MachineError, UnreachableError
from remote.session import Remote
from remote.sql import Statements

Observe = Callable[[], Any]


AGAIN = "run `pulumi up` again"


class StepRunner:
    """Carries out plans on the machines that ``remote`` reaches; ``report`` gets each sentence and its progress,
    ``log`` each step with what came of it. ``again`` is what the operator does after a wait that took too long."""

    def __init__(self, remote: Remote, report: Report, log: StepLog | None = None, again: str = AGAIN) -> None:
        self._remote, self._report, self._log, self._again = remote, report, log or StepLog(), again

    def run_all(self, steps: Sequence[Step], observe: Observe) -> None:
        """Carry out a plan. The first step without a subject that fails ends it; of those that have one each fails for
        itself, and at the end all errors are one. Transactions of different subjects on one server go in one
        request."""
        failed: dict[str, MachineError] = {}
        waiting = list(steps)
        while waiting:
            batch = _batch(waiting)
            waiting = waiting[len(batch) :]
            due = [step for step in batch if not step.subject or step.subject not in failed]
            if len(batch) > 1:
                failed |= {step.subject: error for step, error in self.run_apart(due)}
                continue
            for step in due:
                try:
                    self.run(step, observe)
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

    def run(self, step: Step, observe: Observe) -> None:
        """Carry out one step. Raises ``MachineError`` naming the step's sentence."""
        self._report(step.sentence)
        if step.provided is not None:
            step.provided(observe())
        try:
            with self._log.step(step):
                self._carry_out(step, observe)
        except (LostAnswerError, UnreachableError):
            raise
        except MachineError as error:
            remedy = step.remedies.get(error.number, step.remedy)
            if error.remedy or not remedy:
                raise
            raise MachineError(
                error.machine, error.attempted, error.found, remedy, number=error.number, error_id=error.error_id
            ) from None

    def run_apart(self, steps: Sequence[Step]) -> list[tuple[Step, MachineError]]:
        """Carry out transactions on one server, each for itself. Gives those that failed, each with its error."""
        transactions = []
        for step in steps:
            assert isinstance(step.action, SqlTransaction)
            self._report(step.sentence)
            transactions.append([(load_script(path), values) for path, values in step.action.parts])
        if not steps:
            return []
        machine = steps[0].action.machine
        begun = time.monotonic()
        ended = self._remote.sql_odbc(machine).apart(
            transactions,
            attempted=f"carry out {len(steps)} steps, the first of them: {steps[0].sentence.rstrip('.')}",
            timeout_seconds=max(
                step.action.timeout_seconds for step in steps if isinstance(step.action, SqlTransaction)
            )
            + len(steps),
        )
        for step, error in zip(steps, ended, strict=True):
            self._log.ended(step, time.monotonic() - begun, error)
        return [
            (step, MachineError(machine, step.sentence.rstrip("."), error.found, step.remedy, number=error.number))
            for step, error in zip(steps, ended, strict=True)
            if error
        ]

    def _carry_out(self, step: Step, observe: Observe) -> None:
        attempted = step.sentence.rstrip(".")
        match step.action:
            case Refuse() as action:
                raise MachineError(action.machine, attempted, action.found)
            case Script() as action:
                self._script(action, attempted)
            case Sql() as action:
                self._sql(action, attempted)
            case SqlTransaction() as action:
                statements = [(load_script(path), values) for path, values in action.parts]
                server = self._remote.sql_odbc(action.machine)
                server.together(statements, attempted=attempted, timeout_seconds=action.timeout_seconds)
            case ScheduledTask() as action:
                self._detached(action, attempted)
            case Restart() as action:
                restart(self._remote, action.machine, attempted, action.timeout_seconds, self._report, self._again)
            case WaitFor() as action:
                if action.logged_off:
                    self._remote.log_off()
                self._wait(step, action, attempted, observe)
            case OperatorStep() as action:
                self._manual(action, attempted, observe)
            case _ as never:
                assert_never(never)

    def _script(self, action: Script, attempted: str) -> None:
        powershell = self._remote.powershell(action.machine)
        text = load_script(action.path)
        powershell.run(
            text, action.arguments, attempted=attempted, changes=True, timeout_seconds=action.timeout_seconds
        )

    def _sql(self, action: Sql, attempted: str) -> None:
        machine, text = action.machine, load_script(action.path)
        if action.watched:
            self._remote.sql_odbc(machine, action.database).run_watched(
                text,
                *action.values,
                attempted=attempted,
                stall_seconds=action.timeout_seconds,
                report=lambda percent: self._report(f"{machine}: {percent} percent"),
            )
            return
        server: Statements = (
            self._remote.sql_integrated(machine) if action.integrated else self._remote.sql(machine, action.database)
        )
        server.run(text, *action.values, attempted=attempted, timeout_seconds=action.timeout_seconds)

    def _detached(self, action: ScheduledTask, attempted: str) -> None:
        run_detached(
            self._remote.powershell(action.machine),
            self._remote.hosts[action.machine],
            action.task,
            load_script(action.path),
            action.arguments,
            attempted=attempted,
            timeout_seconds=action.timeout_seconds,
            report=lambda progress: self._report(f"{action.machine}: {progress}"),
        )

    def _wait(self, step: Step, action: WaitFor, attempted: str, observe: Observe) -> None:
        to_go: Mapping[str, int] = {}

        def missing() -> str:
            nonlocal to_go
            facts = observe()
            to_go = action.to_go(facts) if action.to_go else {}
            return action.waiting_for(facts)

        wait(
            action.machine,
            attempted,
            action.timeout_seconds,
            missing,
            self._report,
            again=self._again,
            remedy=step.remedy,
            to_go=lambda: to_go,
        )

    def _manual(self, action: OperatorStep, attempted: str, observe: Observe) -> None:
        for click in action.clicks:
            self._report(f"{action.machine}: to be done by hand: {click}")
        wait(
            action.machine,
            attempted,
            action.timeout_seconds,
            lambda: action.waiting_for(observe()),
            self._report,
            by_hand=" ".join(action.clicks),
        )


def _batch(steps: Sequence[Step]) -> list[Step]:
    """The steps at the beginning that one request can carry: transactions on one server, each of another subject."""
    batch: list[Step] = []
    for step in steps:
        subjects = {other.subject for other in batch}
        alone = not step.subject or not isinstance(step.action, SqlTransaction) or step.subject in subjects
        if batch and (alone or step.action.machine != batch[0].action.machine):
            break
        batch.append(step)
        if alone:
            break
    return batch


def restart(
    remote: Remote, machine: str, attempted: str, timeout_seconds: float, report: Report, again: str = AGAIN
) -> None:
    """Restart a machine and wait until its PowerShell answers with a later time of boot."""
    powershell = remote.powershell(machine)
    booted = load_script("windows/read_boot_time.ps1")
    before = powershell.run(booted, attempted=attempted)

    def order() -> bool:
        """Whether the machine took it. It may go down before it answers: that is seen by its time of boot."""
        try:
            powershell.run(load_script("windows/restart.ps1"), attempted=attempted, changes=True)
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

    wait(machine, attempted, timeout_seconds, still_down, report, again=again)


def wait(
    machine: str,
    attempted: str,
    timeout_seconds: float,
    missing: Callable[[], str],
    report: Report,
    *,
    by_hand: str = "",
    again: str = AGAIN,
    remedy: str = "",
    to_go: Callable[[], Mapping[str, int]] = dict,
    sleep: Callable[[float], None] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
) -> None:
    """Ask again and again, ever more slowly, until nothing is missing; raise when the time is up. ``by_hand`` is what
    the operator has to do for it to come about; ``remedy`` what to do when it has not; ``to_go`` as in ``WaitFor``,
    asked after each ``missing``."""
    deadline = clock() + timeout_seconds
    pause, reported = 0.1, ""
    least: dict[str, int] = {}
    while waiting_for := missing():
        less = {name: amount for name, amount in to_go().items() if amount < least.get(name, amount + 1)}
        if less:
            least |= less
            deadline = clock() + timeout_seconds
        if clock() > deadline:
            raise MachineError(
                machine,
                attempted,
                f"this is a manual step; still waiting for {waiting_for}"
                if by_hand
                else f"after {timeout_seconds:.0f} seconds{' without progress' if least else ''} still waiting for "
                f"{waiting_for}",
                f"{by_hand} Then {again}: it resumes."
                if by_hand
                else remedy or f"When it has come about, {again}: it resumes.",
            )
        if waiting_for != reported:
            report(f"{machine}: waiting for {waiting_for}")
            reported = waiting_for
        sleep(pause)
        pause = min(pause * 1.5, 5.0)
