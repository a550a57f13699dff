"""A small world in which a provider's plans are carried out, and what every provider has to keep to in it.

A world holds the facts that ``observe`` gives. Carrying out a step moves the facts by the effect that the world knows
for the step's script; a step whose script has no effect there is an error, and a wait has to find what it waits for.
Nothing of a provider is replaced but its ``observe`` and its connections.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from components import claims, resource, steps
from components.resource import Provider
from components.steps import Action, Detached, Manual, Refuse, Restart, Script, Sql, Step, Together, Until
from remote.errors import LostAnswerError, MachineError

TOPOLOGY = Path(__file__).parents[2] / "topologies" / "single-domain.yaml"

Effect = Callable[[Any, Any], Any]
"""(facts, action) → facts afterwards."""


@dataclass(frozen=True)
class Case:
    """One provider with inputs, the facts where its thing is not there, and what its scripts do to them."""

    provider: type[Provider[Any, Any]]
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
        return self.provider.__name__.removesuffix("Provider")

    def parsed(self) -> Any:
        return self.provider.INPUTS.model_validate(self.inputs)


def script_of(action: Action) -> str:
    match action:
        case Script() | Sql() | Detached():
            return action.path
        case Together():
            return "together"
        case Restart():
            return "restart"
        case Until():
            return "until"
        case Manual():
            return "by hand"
        case Refuse():
            return "refuse"


def changing(step: Step) -> bool:
    return not isinstance(step.action, Until | Refuse)


@dataclass
class Break:
    """Something goes wrong at the n-th changing step (from 0), before or after its effect."""

    at: int
    after: bool
    error: type[MachineError] = MachineError


class World:
    """The facts, the claims and the record of what was carried out."""

    def __init__(self, case: Case, facts: Any) -> None:
        self.case, self.facts = case, facts
        self.claims: dict[tuple[str, str], claims.Claim] = {}
        self.ran: list[Step] = []
        self.observed = 0
        self.stuck = False
        """Steps are taken and have no effect."""
        self._break: Break | None = None

    def break_at(self, place: Break | None) -> None:
        self._break, self.ran = place, []

    @property
    def changes(self) -> list[Step]:
        return [step for step in self.ran if changing(step)]

    def run(self, step: Step, _remote: Any, observe: Callable[[], Any], _report: Callable[[str], None]) -> None:
        if isinstance(step.action, Until):
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

    def run_apart(
        self, due: list[Step], _remote: Any, report: Callable[[str], None]
    ) -> list[tuple[Step, MachineError]]:
        """Transactions in one request: each for itself, but none comes after a lost answer."""
        failed = []
        for step in due:
            try:
                self.run(step, None, lambda: self.facts, report)
            except LostAnswerError:
                raise
            except MachineError as error:
                failed.append((step, error))
        return failed

    def provider(self) -> Provider[Any, Any]:
        return self.case.provider()


def enter(monkeypatch: pytest.MonkeyPatch, case: Case, facts: Any) -> World:
    """Make a world, and let the case's provider live in it."""
    world = World(case, facts)

    def observe(_self: Any, _inputs: Any, _remote: Any) -> Any:
        world.observed += 1
        return world.facts

    def write(_remote: Any, machine: str, key: str, claim: claims.Claim) -> None:
        world.claims[(machine, key)] = claim

    monkeypatch.setattr(case.provider, "observe", observe)
    monkeypatch.setattr(case.provider, "remote", None)
    monkeypatch.setattr(case.provider, "_settings", json.dumps({"topology": str(TOPOLOGY)}))
    monkeypatch.setattr(claims, "read", lambda _remote, machine, key: world.claims.get((machine, key)))
    monkeypatch.setattr(claims, "write", write)
    monkeypatch.setattr(claims, "remove", lambda _remote, machine, key: world.claims.pop((machine, key), None))
    monkeypatch.setattr(steps, "run", world.run)
    monkeypatch.setattr(steps, "run_apart", world.run_apart)
    monkeypatch.setattr(resource, "report", lambda _sentence: None)
    return world


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
    told = []
    for step in plan:
        match step.action:
            case Script(machine, path, arguments) | Detached(machine, _, path, arguments):
                told.append(f"{machine} {path} {dict(arguments)!r}")
            case Sql(machine, path, values, database, integrated):
                where = f" in {database}" if database != "master" else ""
                told.append(f"{machine} {path} {values!r}{where}{' integrated' if integrated else ''}")
            case Together(machine, parts):
                told += [f"{machine} {path} {values!r}" for path, values in parts]
            case Restart(machine):
                told.append(f"{machine} restart")
            case Manual(machine, clicks):
                told.append(f"{machine} by hand: {' '.join(clicks)}")
            case Until() | Refuse():
                pass
    return told
