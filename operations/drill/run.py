"""Carries a drill out: one server after the other is shut down while clients ask, and switched on again."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from components.progress import Report
from components.resource.lease import CommandLease
from components.step_log import StepLog
from components.step_runner import StepRunner, wait
from components.steps import load_script
from operations.clients import Asked, asking, targets, unreachable
from operations.configuration import Context
from operations.drill import measure, store
from operations.drill.store import Drill, Store
from operations.levels import wrong
from operations.maintenance import plan
from operations.maintenance.runner import run_here
from remote.errors import LostAnswerError, MachineError, UnreachableError

AGAIN = "run the drill again"


@dataclass(frozen=True)
class Settings:
    """What the operator chooses."""

    machines: tuple[str, ...]
    """Their names in the topology, in the order in which they are shut down."""
    on: str
    """The command on this computer that switches a server on; ``{machine}`` in it is its name."""
    off: str = ""
    """The command that shuts it down, or cuts its power; without one, Windows on the server itself shuts down."""
    planned: bool = True
    """Whether the server shuts down in order; else its power is cut, and the unplanned budget counts."""
    down_seconds: float = 60
    """How long a server stays off."""
    sources: tuple[str, ...] = ("",)
    """Addresses of this computer, a client for each; an empty one is chosen by the operating system."""
    requests_per_second: float = 10
    """How many requests from each source."""
    patience_seconds: float = 180
    """How long the verification may take to find nothing wrong before a server is shut down."""
    folder: Path = Path("drills")
    """Where the results are kept; a relative path begins at the current folder."""


class Runner:
    """One drill."""

    def __init__(self, context: Context, settings: Settings, report: Report, log: StepLog, lease: CommandLease) -> None:
        self._context, self._settings, self._report = context, settings, report
        self._topology, self._remote = context.topology, context.remote
        self._log, self._lease = log, lease
        self._steps = StepRunner(context.remote, report, self._log, again=AGAIN)
        self._ordered = False
        """Whether a server was ordered to go off and may still be on its way."""
        self.store: Store = store.begin(settings.folder, self._topology.name, planned=settings.planned)

    @property
    def drill(self) -> Drill:
        return self.store.drill

    def run(self) -> None:
        """Every server in turn. Raises ``MachineError`` where the farm is not well before a server is shut down, or not
        again afterwards, ``OSError`` where the result cannot be kept; whatever happens, a server that was shut down is
        switched on."""
        for machine in self._settings.machines:
            plan.refuse_alone(self._topology, machine)
        self.store.save()  # a folder that cannot be written to is found out before a server is off
        try:
            with self._lease:
                for file, machine in store.left_off(self._settings.folder, self._topology.name):
                    self._report(f"A drill was killed while {machine} was off: it is switched on first.")
                    self._switch_on(machine)
                    store.switched_on(file)
                for machine in self._settings.machines:
                    self._server(machine)
        except BaseException as error:
            self.drill.error = str(error) or "interrupted"
            raise
        finally:
            self.store.save()

    def _server(self, machine: str) -> None:
        self._well(machine, f"the whole farm before {machine} is shut down", self._settings.patience_seconds)
        wanted = targets(self._topology, self._remote.hosts)
        if unanswered := unreachable(wanted, self._settings.sources):
            more = f" and {len(unanswered) - 1} more" if unanswered[1:] else ""
            remedy = "Ask from addresses that the firewalls on the way allow (--source); nothing was shut down."
            raise MachineError(machine, "ask the farm's sites before it is shut down", f"{unanswered[0]}{more}", remedy)
        with (
            self._off_once(machine),
            asking(wanted, self._settings.sources, self._settings.requests_per_second) as asked,
        ):
            ordered = time.time()
            self._shut_down(machine)
            off = time.time() - ordered
            time.sleep(self._settings.down_seconds)
            switched = time.time()
            self._switch_on(machine)
            seconds = self._topology.waits.restart_seconds
            self._well(machine, f"the whole farm with {machine} again", seconds)
            redundant = time.time() - switched
        self._keep(
            machine, asked, ordered=ordered, off_seconds=off, on_seconds=switched - ordered, redundant_seconds=redundant
        )

    def _keep(self, machine: str, asked: Asked, **times: float) -> None:
        found = measure.server(self._topology, machine, asked, planned=self._settings.planned, **times)
        self.drill.servers.append(found)
        self.store.save()
        verdict = "within" if found.within else "beyond"
        failed = sum(service.failed for service in found.services)
        self._report(
            f"{machine}: longest outage {found.longest_outage_seconds} s, {verdict} the budget of "
            f"{found.budget_seconds:.0f} s; {failed} of {len(asked.requests)} requests failed; redundant again "
            f"{found.redundant_seconds} s after it was switched on."
        )

    @contextmanager
    def _off_once(self, machine: str) -> Iterator[None]:
        """Notes that the server is off, and switches it on whatever ends the block."""
        self.drill.off = machine
        self.store.save()
        try:
            yield
        except BaseException:
            self._report(f"The drill ends here: {machine} is switched on.")
            if self._ordered:
                self._until_off(machine)
            self._switch_on(machine)
            self.drill.off = ""
            raise
        self.drill.off = ""

    def _shut_down(self, machine: str) -> None:
        self._lease.before(machine)
        sentence = f"Shut {machine} down."
        self._report(sentence)
        self._ordered = True
        with self._log.act(machine, sentence):
            self._down(machine)

    def _down(self, machine: str) -> None:
        try:
            if self._settings.off:
                run_here(machine, self._settings.off)
            else:
                script = load_script("windows/shut_down.ps1")
                self._remote.powershell(machine).run(script, attempted="shut it down", changes=True)
        except LostAnswerError:
            self._report(f"{machine} went down before it answered.")
        except MachineError:
            self._ordered = False
            raise
        self._until_off(machine)

    def _until_off(self, machine: str) -> None:
        self._until(machine, "wait until it is off", lambda: "the machine to go down" * self._answers(machine))
        self._ordered = False

    def _switch_on(self, machine: str) -> None:
        """Harmless for a server that runs."""
        if self._answers(machine):
            return
        sentence = f"Switch {machine} on."
        self._report(sentence)
        with self._log.act(machine, sentence):
            run_here(machine, self._settings.on)
            self._until(
                machine, "wait until it answers", lambda: "" if self._answers(machine) else "the machine to come up"
            )

    def _answers(self, machine: str) -> bool:
        try:
            self._remote.powershell(machine).run(load_script("windows/read_clock.ps1"), attempted="read its clock")
        except (UnreachableError, LostAnswerError):
            self._remote.forget(machine)
            return False
        return True

    def _until(self, machine: str, attempted: str, missing: Callable[[], str]) -> None:
        wait(machine, attempted, self._topology.waits.restart_seconds, missing, self._report, again=AGAIN)

    def _well(self, machine: str, what: str, timeout_seconds: float) -> None:
        self._steps.run_all([plan.see(machine, what, timeout_seconds)], lambda: wrong(self._context))


def machines(context: Context, named: Sequence[str], level: str) -> tuple[str, ...]:
    """The servers to shut down, in order: those that were named, else those of a level (``all``: of every one). Raises
    ``MachineError`` for one that no other stands in for."""
    if named:
        return tuple(plan.known(context.topology, machine) for machine in named)
    return tuple(
        plan.machines(context.topology, plan.Order("hold", level=level), context.topology.sql.preferred_primary)
    )
