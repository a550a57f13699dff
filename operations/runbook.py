"""``operations runbook``: what ``pulumi up`` would do now, as Markdown, in the steps' own sentences.

Every resource that the program declares is observed and planned as ``up`` would do it; nothing is changed. What depends
on a step before it cannot be known yet, and is said so.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from typing import Any

from components.resource import Kind, PlansByChange, Probe, Resource, WritesSecrets
from components.resource.fields import Keyed
from components.resource.machine_claims import MachineClaims
from components.resource.ownership import Claim
from components.steps import OperatorStep, Step
from components.topology import Topology
from operations import table
from operations.program import UNKNOWN, Declared, declare
from operations.stack_state import StackState
from remote.errors import MachineError
from remote.looks import shared
from remote.secret import redact
from remote.session import Remote
from remote.text import one_line

_NOTHING: Mapping[str, Any] = {}
_NOT_PLANNED = ("revisions", "configured")
"""Inputs that only say that something is to be looked at again."""


@dataclass
class Plan:
    """What ``up`` would do about one resource."""

    name: str
    """The resource's logical name in the program."""
    machine: str
    """The one that keeps its claim; its steps may be carried out on others."""
    steps: list[Step] = field(default_factory=list)
    """In the order in which they are carried out; none where it is as declared, or not known yet."""
    unknown: str = ""
    """Why it cannot be known yet; empty where it is."""
    refused: str = ""
    """With what error ``up`` would stop there."""
    unread: bool = False
    """Whether it is not known because it could not be looked at, though all that it depends on is as it will be."""

    def plain(self) -> dict[str, Any]:
        """For JSON. Part of it may come from a machine: one line each, secrets masked."""
        steps = [
            {"machine": one.action.machine, "sentence": _shown(one.sentence), **_by_hand(one)} for one in self.steps
        ]
        texts = {"not_known_yet": _shown(self.unknown), "stops_here": _shown(self.refused)}
        return {"resource": self.name, "machine": self.machine, "steps": steps, **texts, "unread": self.unread}


@dataclass
class Planner:
    """Observes and plans each resource once. ``look`` is called from several threads."""

    remote: Remote
    """Only reads go through it."""
    state: StackState = field(default_factory=StackState)
    """By it the planner knows which claims are this stack's."""
    adopt_from: str = ""
    """The stack whose property this one takes over, as the topology has it."""
    plans: dict[str, Plan] = field(default_factory=dict)
    """By the resource's logical name."""
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def look(
        self, name: str, kind: type[Resource[Any, Any]], values: Mapping[str, Any], unknown: tuple[str, ...]
    ) -> Mapping[str, Any]:
        """The plan of one resource; gives its outputs as far as they are known."""
        if unknown := tuple(key for key in unknown if key not in _NOT_PLANNED):
            owner = str(values.get("machine") or next(iter(values.get("machines") or ["?"])))
            plan, known = Plan(name, owner, unknown=f"{', '.join(unknown)} comes from a step before it"), _NOTHING
        else:
            plan, known = self._plan(name, kind(), values)
        with self._lock:
            self.plans[name] = plan
        return {**dict.fromkeys((*kind.COMPUTED, "revision"), UNKNOWN), **known}

    def _plan(
        self, name: str, resource: Resource[Any, Any], values: Mapping[str, Any]
    ) -> tuple[Plan, Mapping[str, Any]]:
        inputs = resource.INPUTS.model_validate({k: v for k, v in values.items() if k not in _NOT_PLANNED})
        if isinstance(inputs, Keyed):
            inputs = inputs.keeping({"key": self.state.keys[name].reveal()} if name in self.state.keys else {})
        plan = Plan(name, resource.owner_machine(inputs))
        try:
            with shared():
                facts = resource.observe(inputs, self.remote)
                claim = self._claim(resource, inputs)
        except MachineError as error:
            plan.unknown, plan.unread = str(error), True
            return plan, {}
        try:
            self._refuse_of_another_stack(resource, inputs, claim)
            plan.steps = list(_steps(resource, inputs, facts, claimed=claim is not None))
        except MachineError as error:
            plan.refused = str(error)
            return plan, {}
        return plan, {} if plan.steps else resource.outputs(inputs, facts)

    def _claim(self, resource: Resource[Any, Any], inputs: Any) -> Claim | None:
        if isinstance(resource, Probe):
            return None
        return MachineClaims(self.remote).read(resource.owner_machine(inputs), resource.resource_id(inputs))

    def _refuse_of_another_stack(self, resource: Resource[Any, Any], inputs: Any, claim: Claim | None) -> None:
        if claim is None or claim.owner.identity in ("", self.state.identity) or claim.owner.stack == self.adopt_from:
            return
        raise MachineError(
            resource.owner_machine(inputs),
            f"create {resource.display_name(inputs)}",
            f"it belongs to {claim.owner} since {claim.since}",
            f"Where that stack is no longer used, set `adopt_from: {claim.owner.stack}` at the top of the topology.",
        )


def _steps(resource: Resource[Any, Any], inputs: Any, facts: Any, *, claimed: bool) -> Sequence[Step]:
    """The steps of the create or update that ``up`` would make. Raises ``MachineError`` where it would stop."""
    actual = resource.actual(inputs, facts)
    if claimed and actual is not None:
        declared = inputs.model_dump(mode="json")
        if all(declared.get(key) == value for key, value in actual.items()):
            return []
        if isinstance(resource, PlansByChange):
            inputs = resource.inputs_of_update({**declared, **actual}, inputs)
        return resource.plan(inputs, facts)
    if not claimed and resource.KIND is not Kind.PROBE and resource.preexisting(inputs, facts):
        if resource.KIND is Kind.OBJECT and not inputs.adopt:
            raise MachineError(
                resource.owner_machine(inputs),
                f"create {resource.display_name(inputs)}",
                "it exists already and was not made by this stack",
                "Set `adopt: true` there in the topology to take it over, or remove it.",
            )
        if isinstance(resource, WritesSecrets):
            facts = resource.rewrite_secrets(inputs, facts)
    return resource.plan(inputs, facts)


# In order ------------------------------------------------------------------------------------------------------------


def ordered(declared: Sequence[Declared], plans: Mapping[str, Plan]) -> list[Plan]:
    """The plans as ``up`` may carry them out: each after what it depends on, and as far as that allows everything of
    one machine together."""
    left = {one.urn: one for one in declared}
    found: list[Plan] = []
    _postpone(declared, plans)
    machine = ""
    while left:
        ready = [one for one in left.values() if not any(urn in left for urn in one.depends_on)]
        here = [one for one in ready if plans[one.name].machine == machine]
        following = min(here or ready, key=lambda one: one.number)
        del left[following.urn]
        plan = plans[following.name]
        machine = plan.machine
        found.append(plan)
    return found


def _postpone(declared: Sequence[Declared], plans: Mapping[str, Plan]) -> None:
    """Where something before a resource is still to be done, that ``up`` would stop there now says nothing yet."""
    by_urn = {one.urn: one for one in declared}

    @cache
    def is_open(urn: str) -> bool:
        """Whether a resource, or one that it depends on, is not yet as it will be."""
        plan = plans[by_urn[urn].name]
        before = any(is_open(other) for other in by_urn[urn].depends_on if other in by_urn)
        return before or bool(plan.steps or plan.unknown or plan.refused)

    for one in declared:
        plan = plans[one.name]
        if (plan.refused or plan.unread) and any(is_open(urn) for urn in one.depends_on if urn in by_urn):
            now = plan.refused or plan.unknown
            plan.unknown, plan.refused, plan.unread = f"it depends on a step before it; now: {now}", "", False


# As Markdown ---------------------------------------------------------------------------------------------------------


def markdown(plans: Sequence[Plan], title: str, now: datetime) -> str:
    """The runbook."""
    due = [plan for plan in plans if plan.steps or plan.unknown or plan.refused]
    steps = sum(len(plan.steps) for plan in plans)
    machines = {step.action.machine for plan in plans for step in plan.steps}
    head = [f"# Runbook: {title}", "", f"What `pulumi up` would do, looked at {now:%Y-%m-%d %H:%M} UTC.", ""]
    well = len(plans) - len(due)
    if not due:
        return "\n".join([*head, f"Nothing: all {len(plans)} resources are as declared.", ""])
    open_ends = sum(bool(plan.unknown) for plan in plans)
    head.append(
        f"Steps: {steps}, machines: {len(machines)}. Of {len(plans)} resources {well} are as declared, {open_ends} "
        "cannot be known yet. A step is planned from how things are now; `up` plans it again after the steps that it "
        "depends on. What the topology no longer has is not in it: `pulumi preview` lists that."
    )
    return "\n".join([*head, *_sections(due), ""])


def _sections(due: Sequence[Plan]) -> Iterator[str]:
    heading, number = "", 0
    for plan in due:
        if plan.unknown or plan.refused:
            if plan.machine != heading:
                heading = plan.machine
                yield from ("", f"## {_text(heading)}", "")
            yield f"- {'Stops here' if plan.refused else 'Not known yet'} ({_text(plan.name)}): " + _text(
                plan.refused or plan.unknown
            )
            continue
        for step in plan.steps:
            if step.action.machine != heading:
                heading = step.action.machine
                yield from ("", f"## {_text(heading)}", "")
            number += 1
            yield f"{number}. {_text(step.sentence)}"
            if isinstance(step.action, OperatorStep):
                yield from (f"   - {_text(click)}" for click in step.action.clicks)


_MARKUP = str.maketrans({character: f"\\{character}" for character in "\\`*_<>[]#|"})


def _text(text: str) -> str:
    """A text that may come from a machine: one line, without secrets, and no markup."""
    return _shown(text).translate(_MARKUP)


def _shown(text: str) -> str:
    return one_line(redact(text))


# For programs ---------------------------------------------------------------------------------------------------------


def as_json(plans: Sequence[Plan], title: str, now: datetime) -> str:
    """The same as one object: of each resource that is not as declared, in the same order."""
    due = [plan.plain() for plan in plans if plan.steps or plan.unknown or plan.refused]
    looked = now.isoformat(timespec="seconds")
    document = {"ok": exit_code(plans) == 0, "farm": title, "looked_at": looked, "resources": len(plans), "due": due}
    return json.dumps(document, indent=2)


def _by_hand(step: Step) -> dict[str, list[str]]:
    return {"by_hand": [_shown(one) for one in step.action.clicks]} if isinstance(step.action, OperatorStep) else {}


def exit_code(plans: Sequence[Plan]) -> int:
    """1: `up` would stop; 2: something could not be looked at; else 0, whatever is due."""
    return table.exit_code(wrong=any(one.refused for one in plans), unknown=any(one.unread for one in plans))


def planned(values: Mapping[str, Any], remote: Remote, topology: Topology, state: StackState) -> list[Plan]:
    """Every resource of a stack with this configuration, in order. Raises what the program raises."""
    planner = Planner(remote, state, topology.adopt_from or "")
    declared = declare(values, planner.look)
    return ordered(declared, planner.plans)
