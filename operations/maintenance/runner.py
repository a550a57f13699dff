"""Carries a maintenance out: one server at a time, noted on the server itself, taken back when it fails half-way."""

from __future__ import annotations

import shlex
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, NoReturn

from components.progress import Report
from components.resource.lease import CommandLease
from components.step_log import StepLog
from components.step_runner import StepRunner
from components.steps import Step
from operations.checks import balancing
from operations.configuration import Context
from operations.levels import every, wrong
from operations.maintenance import parts, plan, record
from operations.maintenance.parts import AnyPart, BalancedNode
from operations.maintenance.plan import Order
from operations.maintenance.record import Note
from operations.row import Check
from remote import tls
from remote.errors import LostAnswerError, MachineError, UnreachableError


@dataclass
class Turn:
    """What became of one server."""

    machine: str
    """By its name in the topology."""
    ended: str = ""
    """``back``, ``held`` or ``planned``; empty where it failed, or while it is under way."""
    said: list[str] = field(default_factory=list)
    """The sentences that were reported of it, in their order."""


class Runner:
    """One run. ``report`` gets every sentence and its progress; ``turns`` tells what became of which server."""

    def __init__(self, context: Context, report: Report, log: StepLog, lease: CommandLease) -> None:
        self._topology, self._remote, self._report = context.topology, context.remote, report
        self._context, self._log, self._lease = context, log, lease
        self._steps = StepRunner(context.remote, self._tell, self._log, again="run the same command again")
        self.turns: list[Turn] = []
        self._seen = False
        """Whether the whole farm was just seen as it should be."""

    def _tell(self, sentence: str) -> None:
        if self.turns:
            self.turns[-1].said.append(sentence)
        self._report(sentence)

    # The commands -----------------------------------------------------------------------------------------------------

    def maintain(self, order: Order) -> None:
        """Take out each server of the order and bring it back. Raises ``MachineError`` at the first that cannot be:
        before anything was changed there, or after what was changed was undone, or with what the operator does."""
        machines = self._machines(order)
        note = record.begin(str(order), balanced=not order.taken_out)
        with self._lease:
            done = self._done_before(order)
            for machine in machines:
                if machine not in done:
                    self._turn(machine, order, replace(note, done=tuple(done)))
                    done.append(machine)

    def resume(self, machine: str) -> None:
        """Bring back a server that a run left out, on purpose or because it was killed."""
        machine = plan.known(self._topology, machine)
        note = record.kept(self._remote, [machine]).get(machine)
        if note is None:
            remedy = "Where it is out nevertheless, `pulumi up` brings it back."
            raise MachineError(machine, "bring it back into the farm", "it is not in maintenance", remedy)
        if note.running:
            raise _runs(machine, note)
        with self._lease:
            self.turns.append(Turn(machine))
            self._back(machine, self._parts(machine, note))

    def dry_run(self, order: Order) -> None:
        """Say what ``maintain`` would do; nothing is changed, and nothing is waited for."""
        note = record.begin(str(order), balanced=not order.taken_out)
        for machine in self._machines(order):
            self.turns.append(Turn(machine, "planned"))
            facts = [(part, part.observe(self._remote)) for part in self._parts(machine, note, order.drain_minutes)]
            sentences = plan.whole(self._topology, order, machine, facts)
            self._tell_alone(machine)
            for sentence in sentences:
                self._tell(sentence)

    def _managed(self) -> list[str]:
        return [machine.name for machine in self._topology.machines if parts.levels_of(self._topology, machine.name)]

    def _machines(self, order: Order) -> list[str]:
        """The servers of the order. Raises ``MachineError`` for one that cannot be taken out whatever its state is."""
        several_with_sql = not order.machine and order.level in ("sql", "all")
        primary = parts.primary(self._topology, self._remote) if several_with_sql else ""
        machines = plan.machines(self._topology, order, primary)
        for machine in machines:
            plan.refuse_alone(self._topology, machine)
            if not order.taken_out:
                parts.nodes(self._topology, machine, order.drain_minutes)
        return machines

    def _done_before(self, order: Order) -> list[str]:
        """The servers that a killed run of the same order was ready with; the one that it left out is brought back
        first. Raises ``MachineError`` where another order has a server out."""
        done: list[str] = []
        for machine, note in record.kept(self._remote, self._managed()).items():
            if note.running:
                raise _runs(machine, note)
            if note.held or note.order != str(order) or not note.here:
                raise MachineError(
                    machine,
                    "begin a maintenance",
                    note.sentence(machine),
                    f"Bring it back first: `maintenance --resume {machine}`.",
                )
            self.turns.append(Turn(machine))
            self._tell(f"{note.sentence(machine)}, and that run has ended: {machine} is brought back first.")
            self._back(machine, self._parts(machine, note))
            done += [*note.done, *([machine] if note.acted else [])]
        return done

    # One server -------------------------------------------------------------------------------------------------------

    def _turn(self, machine: str, order: Order, note: Note) -> None:
        turn = Turn(machine)
        self.turns.append(turn)
        if not self._seen:  # the server before this one ended with the whole farm seen
            self._see(plan.see_others(machine, order.patience_seconds), lambda check: check.member != machine)
        self._seen = False
        found = self._parts(machine, note, order.drain_minutes)
        facts = [(part, part.observe(self._remote)) for part in found]
        plan.out(facts)  # refuses before anything is touched
        self._tell_alone(machine)
        note = replace(note, starts=all(one.node.starts for part, one in facts if isinstance(part, BalancedNode)))
        found = _with_machine(found, note)
        self._run(record.write(machine, note, "it is in maintenance"))
        try:
            for part in found:
                self._carry_out(machine, part, part.take_out)
        except (UnreachableError, LostAnswerError) as error:
            raise _left_out(machine, error) from None
        except MachineError as error:
            self._undo(machine, found, error)
        if order.kind == "hold":
            self._run(record.write(machine, replace(note, held=True), "it is held out of the farm"))
            turn.ended = "held"
            return
        try:
            self._act(machine, order)
            self._run(record.write(machine, replace(note, acted=True), "only its way back is left"))
            self._back(machine, found)
        except MachineError as error:
            raise _left_out(machine, error) from None

    def _act(self, machine: str, order: Order) -> None:
        for step in plan.act(self._topology, order, machine):
            self._run(step)
        if order.kind == "command":
            sentence = plan.command(order, machine)
            self._lease.before(machine)
            self._tell(sentence)
            with self._log.act(machine, sentence):
                run_here(machine, order.command)
        self._remote.forget(machine)

    def _undo(self, machine: str, found: Sequence[AnyPart], error: MachineError) -> NoReturn:
        """What could not be taken out whole is brought back; then the error is raised."""
        try:
            self._back(machine, found)
        except MachineError as second:
            raise _left_out(machine, error, f"It was not brought back either: {second.found}.") from None
        raise _with_remedy(error, f"{machine} is back in the farm.") from None

    def _back(self, machine: str, found: Sequence[AnyPart]) -> None:
        for one in plan.way_back(self._topology, machine, found):
            if isinstance(one, Step):
                self._see(one, lambda check: check.member == machine and check.level != balancing.LEVEL)
            else:
                self._carry_out(machine, one, one.bring_back)
        self._see(plan.see_all(self._topology, machine))
        self._run(record.forget(machine))
        self._seen = True
        self.turns[-1].ended = "back"

    def _parts(self, machine: str, note: Note, drain_minutes: int = 1) -> list[AnyPart]:
        found = parts.found_on(self._topology, self._remote, machine, drain_minutes, balanced=note.balanced)
        return _with_machine(found, note)

    def _tell_alone(self, machine: str) -> None:
        """No other server takes these over: the operator knows it before the server is out."""
        if "sql" in parts.levels_of(self._topology, machine) and (
            alone := parts.carried(self._remote, machine, "DATABASE")
        ):
            self._tell(f"Offline while SQL Server of {machine} does not run, since in no group: {', '.join(alone)}.")

    def _carry_out(self, machine: str, part: AnyPart, steps: Callable[[Any], list[Step]]) -> None:
        observe = partial(part.observe, self._remote)
        due = steps(observe())
        self._lease.before(machine, due)
        self._steps.run_all(due, observe)

    def _see(self, step: Step, concerns: Callable[[Check], bool] = every) -> None:
        self._steps.run_all([step], lambda: wrong(self._context, concerns))

    def _run(self, step: Step) -> None:
        self._lease.before(step.action.machine)
        self._steps.run_all([step], lambda: None)


def run_here(machine: str, command: str) -> None:
    """Run the operator's command on this computer; ``{machine}`` in it stands for the server's name. What it writes
    goes to standard error. Raises ``MachineError`` when it cannot be run or ends with another code than 0."""
    words = [word.replace("{machine}", machine) for word in shlex.split(command)]
    attempted = f"run {words[0]} for it on this computer"
    try:
        # 2 is standard error, since standard output is for the result.
        code = subprocess.run(  # noqa: S603
            words, stdin=subprocess.DEVNULL, stdout=2, check=False, env=tls.shell_environment()
        ).returncode
    except OSError as error:
        raise MachineError(machine, attempted, str(error), "Correct the command.") from None
    if code:
        raise MachineError(machine, attempted, f"it ended with {code}", "See what it wrote.")


def _with_machine(found: Sequence[AnyPart], note: Note) -> list[AnyPart]:
    """Load balancing starts with the machine afterwards where it did before."""
    return [replace(part, with_machine=note.starts) if isinstance(part, BalancedNode) else part for part in found]


def _runs(machine: str, note: Note) -> MachineError:
    found = f"{note.sentence(machine)}, whose process {note.process} still runs"
    return MachineError(machine, "begin or end its maintenance", found, "Let it end, or end it.")


def _left_out(machine: str, error: MachineError, further: str = "") -> MachineError:
    resume = f"{machine} is out of the farm: `maintenance --resume {machine}` brings it back."
    return _with_remedy(error, f"{further} {resume}".strip())


def _with_remedy(error: MachineError, further: str) -> MachineError:
    """The same error; with what the operator does."""
    remedy = f"{error.remedy} {further}".strip()
    return MachineError(error.machine, error.attempted, error.found, remedy, number=error.number)
