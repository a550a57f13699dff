"""A small world in which a resource's plans are carried out, and what every resource has to keep to in it.

A world holds the facts that ``observe`` gives. Carrying out a step moves the facts by the effect that the world knows
for the step's script; a step whose script has no effect there is an error, and a wait has to find what it waits for.
Nothing of a resource is replaced: what observes, runs steps and keeps claims is handed in.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import pytest

from components.resource import Resource
from components.resource import pulumi_adapter as adapters
from components.resource.ownership import Claim
from components.resource.pulumi_adapter import Adapter
from components.step_runner import StepRunner
from components.steps import (
    Action,
    OperatorStep,
    Refuse,
    Restart,
    ScheduledTask,
    Script,
    Sql,
    SqlTransaction,
    Step,
    WaitFor,
)
from remote.errors import LostAnswerError, MachineError, UnreachableError
from remote.hosts import Hosts
from remote.session import Remote

TOPOLOGY = Path(__file__).parents[2] / "topologies" / "single-domain.yaml"

Effect = Callable[[Any, Any], Any]
"""(facts, action) → facts afterwards."""


@dataclass(frozen=True)
class Case:
    """One resource with inputs, the facts where its thing is not there, and what its scripts do to them."""

    resource: type[Resource[Any, Any]]
    inputs: dict[str, Any]
    absent: Any
    effects: Mapping[str, Effect]
    again: tuple[str, ...] = ()
    """Scripts that a broken run rightly runs again: they prepare something that only its end makes lasting."""
    gone: Any = None
    """Facts for which ``read`` says that the thing is gone; None where a setting always holds somehow."""
    leaves: bool = False
    """Delete leaves everything as it is."""

    @property
    def name(self) -> str:
        return self.resource.__name__.removesuffix("Resource")

    def parsed(self) -> Any:
        return self.resource.INPUTS.model_validate(self.inputs)


def script_of(action: Action) -> str:
    match action:
        case Script() | Sql() | ScheduledTask():
            return action.path
        case SqlTransaction():
            return "together"
        case Restart():
            return "restart"
        case WaitFor():
            return "until"
        case OperatorStep():
            return "by hand"
        case Refuse():
            return "refuse"


def changing(step: Step) -> bool:
    return not isinstance(step.action, WaitFor | Refuse)


@dataclass
class Break:
    """Something goes wrong at the n-th changing step (from 0), before or after its effect."""

    at: int
    after: bool
    error: type[MachineError] = MachineError


class World(StepRunner):
    """The facts, the claims and the record of what was carried out."""

    def __init__(self, case: Case, facts: Any) -> None:
        super().__init__(Remote(Hosts({})), lambda _sentence: None)
        self.case, self.facts = case, facts
        self.claims = Claims()
        self.ran: list[Step] = []
        self.observed = 0
        self.stuck = False
        """Steps are taken and have no effect."""
        self.passing = False
        """Steps are taken, waits included, and nothing comes of them."""
        self.said: list[str] = []
        """What deletes say of what they leave."""
        self.topology = TOPOLOGY
        self.unreadable: Exception | None = None
        """What observing raises."""
        self._break: Break | None = None

    def break_at(self, place: Break | None) -> None:
        self._break, self.ran = place, []

    @property
    def changes(self) -> list[Step]:
        return [step for step in self.ran if changing(step)]

    def observe(self, _resource: Any, _inputs: Any) -> Any:
        if self.unreadable is not None:
            raise self.unreadable
        self.observed += 1
        return self.facts

    def run(self, step: Step, observe: Callable[[], Any]) -> None:
        if self.passing:
            self.ran.append(step)
            return
        if isinstance(step.action, WaitFor):
            self.ran.append(step)
            if "until" in self.case.effects:
                self.facts = self.case.effects["until"](self.facts, step.action)
            missing = step.action.waiting_for(observe())
            assert not missing, f"{step.sentence} would wait for ever: {missing}"
            return
        if step.provided is not None:
            step.provided(observe())
        if isinstance(step.action, Refuse):
            raise MachineError(step.action.machine, step.sentence.rstrip("."), step.action.found, step.remedy)
        broken = self._break if self._break and len(self.changes) == self._break.at else None
        self.ran.append(step)
        if broken and not broken.after:
            self._break = None
            self.ran.pop()
            raise broken.error("SOMEWHERE", step.sentence.rstrip("."), "it broke before its effect")
        if not self.stuck:
            self.facts = self.case.effects[script_of(step.action)](self.facts, step.action)
        if broken:
            self._break = None
            raise broken.error("SOMEWHERE", step.sentence.rstrip("."), "it broke after its effect")

    def run_apart(self, steps: Sequence[Step]) -> list[tuple[Step, MachineError]]:
        """Transactions in one request: each for itself, but none comes after a lost answer."""
        failed = []
        for step in steps:
            try:
                self.run(step, lambda: self.facts)
            except LostAnswerError:
                raise
            except MachineError as error:
                failed.append((step, error))
        return failed

    def provider(self, kind: type[Resource[Any, Any]] | None = None) -> Adapter:
        """What the engine calls, in this world."""
        acts_on = adapters.World(self.observe, self.run_all, self.claims)
        connection = json.dumps({"topology": str(self.topology)})
        return Adapter(kind or self.case.resource, world=acts_on, connection=connection, left=self.said.append)


class Claims(dict[tuple[str, str], Claim]):
    """The claims of all machines: (machine, id of the resource) → claim."""

    def read(self, machine: str, resource_id: str) -> Claim | None:
        return self.get((machine, resource_id))

    def write(self, machine: str, resource_id: str, claim: Claim) -> None:
        self[(machine, resource_id)] = claim

    def remove(self, machine: str, resource_id: str) -> None:
        self.pop((machine, resource_id), None)


def actual(resource: Resource[Any, Any], inputs: Any, facts: Any) -> dict[str, Any]:
    """The actual inputs of a thing that is there."""
    found = resource.actual(inputs, facts)
    assert found is not None, "it is gone"
    return found


def adapter(kind: type[Resource[Any, Any]] | Resource[Any, Any], remote: Remote | None = None) -> Adapter:
    """What the engine calls before anything is changed: check, diff and read. ``remote`` has the machines; without it
    none answers, and what they refuse is asked in a world."""

    def observe(resource: Resource[Any, Any], inputs: Any) -> Any:
        if remote is None:
            raise UnreachableError("M", "read it", "no machine is reached here")
        return adapters.observed(resource, inputs, remote)

    def run(*_: object) -> NoReturn:
        raise AssertionError("what only looks changes nothing")

    return Adapter(kind if isinstance(kind, type) else type(kind), world=adapters.World(observe, run, Claims()))


def lost(at: int, *, after: bool) -> Break:
    return Break(at, after, LostAnswerError)


def sentences(plan: list[Step]) -> list[str]:
    return [step.sentence for step in plan]


def refusal(call: Callable[[], object]) -> str:
    """The text of the ``MachineError`` that the call has to raise."""
    with pytest.raises(MachineError) as caught:
        call()
    text = str(caught.value)
    assert "\n" not in text
    return text


def actions(plan: list[Step]) -> list[str]:
    """What each changing step does, as text: machine, script, and the values it sends (secrets as ``***``)."""
    reported = []
    for step in plan:
        match step.action:
            case Script(machine, path, arguments) | ScheduledTask(machine, _, path, arguments):
                reported.append(f"{machine} {path} {dict(arguments)!r}")
            case Sql(machine, path, values, database, integrated):
                where = f" in {database}" if database != "master" else ""
                reported.append(f"{machine} {path} {values!r}{where}{' integrated' if integrated else ''}")
            case SqlTransaction(machine, parts):
                reported += [f"{machine} {path} {values!r}" for path, values in parts]
            case Restart(machine):
                reported.append(f"{machine} restart")
            case OperatorStep(machine, clicks):
                reported.append(f"{machine} by hand: {' '.join(clicks)}")
            case WaitFor() | Refuse():
                pass
    return reported
