"""The loop: observe, plan, run, observe again, until nothing is due.

It knows neither Pulumi nor how a machine is reached: what observes, what runs steps and what keeps claims is handed in.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, Generic, Protocol

from components.resource import fields
from components.resource.contract import (
    FactsT,
    InputsT,
    Kind,
    Overtaken,
    PlansByChange,
    Recovers,
    Resource,
    WithBaseline,
    WithOrphan,
    WritesSecrets,
)
from components.resource.ownership import Claim, ClaimStore, Owner, Ownership, widened
from components.steps import Step
from remote.errors import LostAnswerError, MachineError, UnreachableError
from remote.names import folded, same

_TRIES = 3
"""How many lost answers one call puts up with before the error goes to the operator."""

_OVERTAKEN_TRIES = 5
"""How often a plan is overtaken before that is no coincidence."""

Plan = Callable[[FactsT], Sequence[Step]]


class Runner(Protocol):
    """Carries out steps. Raises ``MachineError``; ``observe`` gives fresh facts to steps that wait."""

    def __call__(self, steps: Sequence[Step], observe: Callable[[], Any], /) -> None: ...


@dataclass(frozen=True)
class Outcome(Generic[FactsT]):
    """What came of a create or an update."""

    before: FactsT
    """What was observed before the first step."""
    facts: FactsT
    """What was observed after the last one."""
    ownership: Ownership
    """What the state keeps for a later delete; without a token for a probe, which has no claim."""


@dataclass(frozen=True)
class Reconciler(Generic[InputsT, FactsT]):
    """Creates, updates and deletes one resource."""

    resource: Resource[InputsT, FactsT]
    """Plans and describes; it is observed through ``observe``."""
    observe: Callable[[InputsT], FactsT]
    """Reads fresh facts. Raises ``MachineError`` where a machine does not answer: never taken for a thing gone."""
    run: Runner
    """Carries steps out, observing afresh where one waits. Raises ``MachineError`` at the first that fails."""
    claims: ClaimStore
    """Those on the machines; a probe (``Kind.PROBE``) has none."""
    how_to_adopt: Callable[[InputsT], str]
    """What an operator does about an object that exists already."""
    owner: Owner = field(default_factory=Owner)
    """Whom what is created belongs to."""
    how_to_take_over: Callable[[str], str] = lambda _stack: ""
    """What an operator does about what another stack owns; empty where the topology says that this one takes it."""
    left: Callable[[str], None] = lambda _sentence: None
    """Called with what a delete leaves, and why."""
    begin: Callable[[str], None] = lambda _machine: None
    """Called before the first change, with the machine that keeps the claim. Raises ``MachineError`` where another
    operator is at work."""
    lost: frozenset[str] = frozenset()
    """The machines that will not come back, by folded name. Their claims count no more."""

    @property
    def _claims_kept(self) -> bool:
        return self.resource.KIND is not Kind.PROBE

    def create(self, inputs: InputsT) -> Outcome[FactsT]:
        """Bring about the declared state from whatever is there. Running it again finishes a create that broke.

        What another resource of this stack owns, or a create that nobody recorded, passes to this one with what delete
        has to know. What another stack owns is refused unless the topology says otherwise.
        """
        owner, resource_id = self.resource.owner_machine(inputs), self.resource.resource_id(inputs)
        facts = self.observe(inputs)
        if not self._claims_kept:
            return Outcome(facts, self._apply(inputs, facts, rewrite=False), Ownership(owner_machine=owner))
        claim = self.claims.read(owner, resource_id)
        if claim is None:
            preexisting = self.resource.preexisting(inputs, facts)
            if preexisting and self.resource.KIND is Kind.OBJECT and not inputs.adopt:
                raise MachineError(
                    owner,
                    f"create {self.resource.display_name(inputs)}",
                    "it exists already and was not made by this stack",
                    self.how_to_adopt(inputs),
                )
            claim = Claim(adopted=preexisting, baseline=self._baseline(inputs, facts))
        else:
            self._refuse_of_another_stack(claim, owner, f"create {self.resource.display_name(inputs)}")
        self.begin(owner)
        since = datetime.now(UTC).isoformat(timespec="milliseconds")
        claim = self._described(inputs, replace(claim, owner=self.owner, token=uuid.uuid4().hex, since=since))
        self.claims.write(owner, resource_id, claim)
        now = self._apply(inputs, facts, rewrite=claim.adopted)
        return Outcome(facts, now, Ownership(claim.adopted, claim.baseline, owner, claim.token))

    def update(self, olds: dict[str, Any], inputs: InputsT) -> Outcome[FactsT]:
        """Bring about the declared state; ``olds`` is what the state has. What it no longer lists is taken away."""
        declared = inputs
        if isinstance(self.resource, PlansByChange):
            inputs = self.resource.inputs_of_update(olds, inputs)
        rewrite = any(olds.get(name) != fields.plain(inputs).get(name) for name in self._marked(fields.WriteOnly))
        kept = Ownership.of(olds)
        owner = self._keeper(inputs, kept)
        facts = self.observe(inputs)
        fresh = self._baseline(inputs, facts)
        try:
            if self._claims_kept:
                self.begin(owner)
            claim = self._renewed_claim(owner, inputs, declared, kept, fresh)
        except (UnreachableError, LostAnswerError):
            if not inputs.passes_over:
                raise
            claim = Claim(kept.adopted, widened(kept.baseline, fresh), self.owner, kept.token)  # as the state has it
        now = self._apply(inputs, facts, rewrite=rewrite)
        if left := self._no_longer_listed(olds, inputs):
            now = self._carry_out(inputs, lambda facts: self.resource.plan_delete(left, facts, claim.baseline), now)
        self._move_claim(owner, inputs, claim)
        owner = self.resource.owner_machine(inputs)
        return Outcome(facts, now, Ownership(claim.adopted, claim.baseline, owner, claim.token))

    def delete(self, inputs: InputsT, ownership: Ownership) -> None:
        """Undo what this stack made; what was adopted stays, and so does what belongs to another resource by now."""
        resource = self.resource
        # What only looks has nothing to undo, and to look would meet what is taken away beside it.
        if not self._claims_kept or self._is_lost(inputs):
            return
        inputs = fields.without_machines(inputs, self.lost)
        owner = self._keeper(inputs, ownership)
        if not self._owned(owner, inputs, ownership):
            return
        self.begin(owner)
        if not ownership.adopted:
            self._carry_out(inputs, lambda facts: resource.plan_delete(inputs, facts, ownership.baseline), None)
        elif isinstance(resource, WithOrphan):
            self._carry_out(inputs, lambda facts: resource.plan_orphan(inputs, facts), None)
        self.claims.remove(owner, resource.resource_id(inputs))

    def claimed(self, inputs: InputsT, ownership: Ownership) -> bool:
        """Whether there is still a claim of this resource: then a thing that is gone is missing, and not done with."""
        if not self._claims_kept:
            return False
        owner = ownership.owner_machine or self.resource.owner_machine(inputs)
        claim = self.claims.read(owner, self.resource.resource_id(inputs))
        return claim is not None and claim.token == ownership.token

    def _keeper(self, inputs: InputsT, ownership: Ownership) -> str:
        """The machine that keeps the claim. What a lost one kept of the whole farm, another one keeps from now on."""
        kept = ownership.owner_machine
        return self.resource.owner_machine(inputs) if not kept or folded(kept) in self.lost else kept

    def _is_lost(self, inputs: InputsT) -> bool:
        """Whether the thing is on a lost machine, and is left there. Raises ``MachineError`` for one of the whole farm
        that is still managed through a lost machine: it is not gone with that machine."""
        machine, thing = self.resource.owner_machine(inputs), self.resource.display_name(inputs)
        if folded(machine) not in self.lost:
            return False
        if self.resource.resource_id(inputs).startswith(f"{folded(machine)}/"):
            self.left(f"{machine} is lost: {thing} leaves the state, and stays there as it is.")
            return True
        if folded(self.resource.owner_machine(fields.without_machines(inputs, self.lost))) not in self.lost:
            return False
        raise MachineError(
            machine,
            f"delete {thing}",
            "it belongs to the whole farm, and the state has it managed through this machine, which is lost",
            "Run `pulumi up` first: it goes through another machine then.",
        )

    def _owned(self, machine: str, inputs: InputsT, ownership: Ownership) -> bool:
        """Whether delete may take the thing away. Without a claim it may not: that is written before the first step of
        a create and removed after the last one of a delete, so a thing that exists now is another program's."""
        claim = self.claims.read(machine, self.resource.resource_id(inputs))
        if claim is not None and claim.token == ownership.token:
            return True
        if claim is None and folded(ownership.owner_machine) in self.lost:
            return True  # the claim is lost with its machine; the state says whose it is
        thing = self.resource.display_name(inputs)
        if claim is not None:
            self.left(f"{machine}: {thing} stays: it belongs to {claim.owner} since {claim.since}.")
        elif not ownership.adopted and self.resource.plan_delete(inputs, self.observe(inputs), ownership.baseline):
            self.left(f"{machine}: {thing} stays: no claim on {machine} says that this stack made it.")
        return False

    def _refuse_of_another_stack(self, claim: Claim, machine: str, attempted: str) -> None:
        if claim.owner.identity in ("", self.owner.identity):  # one without an owner passes to who comes first
            return
        if remedy := self.how_to_take_over(claim.owner.stack):
            raise MachineError(machine, attempted, f"it belongs to {claim.owner} since {claim.since}", remedy)

    def _described(self, inputs: InputsT, claim: Claim) -> Claim:
        """A claim with what a removal needs of the thing."""
        model = self.resource.INPUTS
        values = inputs.model_dump(mode="json", exclude_none=True, exclude=set(fields.secrets(model)))
        return replace(claim, kind=type(self.resource).__name__.removesuffix("Resource"), inputs=values)

    def _baseline(self, inputs: InputsT, facts: FactsT) -> dict[str, Any]:
        return self.resource.baseline(inputs, facts) if isinstance(self.resource, WithBaseline) else {}

    def _marked(self, marker: type[Any]) -> tuple[str, ...]:
        return fields.marked(self.resource.INPUTS, marker)

    def _apply(self, inputs: InputsT, facts: FactsT, *, rewrite: bool) -> FactsT:
        """Bring about the declared state; ``rewrite`` sets what a machine does not give back, too."""
        resource = self.resource

        def rewriting(now: FactsT) -> list[Step]:
            assert isinstance(resource, WritesSecrets)
            return resource.plan(inputs, resource.rewrite_secrets(inputs, now))

        first = rewriting if rewrite and isinstance(resource, WritesSecrets) else None
        try:
            return self._carry_out(inputs, lambda now: resource.plan(inputs, now), facts, first)
        except MachineError as error:
            if not isinstance(resource, Recovers):
                raise
            raise self._recovered(resource, inputs, error) from None

    def _recovered(self, resource: Recovers[InputsT, FactsT], inputs: InputsT, error: MachineError) -> MachineError:
        """Bring back what a failed plan left; gives the error with what came of that."""
        try:
            self._carry_out(inputs, lambda now: resource.plan_recovery(inputs, now), None)
            came = resource.recovered(inputs, "")
        except MachineError as second:
            came = resource.recovered(inputs, str(second))
        return MachineError(
            error.machine, error.attempted, error.found, f"{error.remedy} {came}".strip(), number=error.number
        )

    def _carry_out(
        self, inputs: InputsT, plan: Plan[FactsT], facts: FactsT | None, first: Plan[FactsT] | None = None
    ) -> FactsT:
        """Run a plan to its end, observe again, and go on until nothing is due. ``first`` is the plan to begin with,
        once.

        A step that is due again although it was carried out is an error: the machine did not take it. After a lost
        answer nothing is run twice blindly: facts are observed again, and a new plan is made from them. That plan may
        rightly name a step of the broken one again (a failover there and back, a backup for the restore that broke).
        So it is with a plan that others overtook (``Overtaken``).
        """
        done: set[str] = set()
        lost = overtaken = 0
        first_time = 0.0
        while True:
            if facts is None:
                facts = self.observe(inputs)
            due = (first or plan)(facts)
            if not due:
                return facts
            if again := [step.sentence for step in due if step.sentence in done]:
                raise MachineError(
                    self.resource.owner_machine(inputs),
                    f"bring {self.resource.display_name(inputs)} to its declared state",
                    f"carried out, but still due: {' '.join(again)}",
                    "Look at the machine for the reason, then run `pulumi up` again.",
                )
            try:
                self.run(due, lambda: self.observe(inputs))
                done.update(step.sentence for step in due)
                first = None
            except LostAnswerError:
                lost += 1
                if lost == _TRIES:
                    raise
                done.clear()
            except MachineError as error:
                if not isinstance(self.resource, Overtaken) or not self.resource.is_overtaken(error):
                    raise
                overtaken += 1
                first_time = first_time or time.monotonic()
                late = time.monotonic() - first_time > self.resource.patience_seconds(inputs)
                if late or overtaken == _OVERTAKEN_TRIES:
                    raise self.resource.overtaken(inputs, self.observe(inputs), error) from None
                done.clear()
            facts = None

    def _no_longer_listed(self, olds: dict[str, Any], inputs: InputsT) -> InputsT | None:
        """The inputs with only those ``Items`` that the old ones alone had; None where there are none."""
        left = {}
        for name in self._marked(fields.Items):
            wanted = {folded(item) for item in getattr(inputs, name)}
            left[name] = tuple(item for item in olds.get(name) or () if folded(item) not in wanted)
        return inputs.model_copy(update=left) if any(left.values()) else None

    def _renewed_claim(
        self, machine: str, inputs: InputsT, declared: InputsT, kept: Ownership, fresh: dict[str, Any]
    ) -> Claim:
        """The claim with what an update concerns for the first time, and with its inputs. The machine keeps it before
        the first step: an update that broke has left the state as it was, and its own work would look like what existed
        before. A claim that is missing is written again."""
        claim = Claim(kept.adopted, kept.baseline, self.owner, kept.token)
        if not self._claims_kept:
            return claim
        resource_id = self.resource.resource_id(inputs)
        found = self.claims.read(machine, resource_id)
        if found is not None:
            self._refuse_of_another_stack(found, machine, f"change {self.resource.display_name(inputs)}")
            claim = replace(claim, since=found.since)
        if widened(claim.baseline, fresh) != claim.baseline:
            known = found.baseline if found is not None else claim.baseline
            claim = replace(claim, baseline=widened(known, fresh))
        claim = self._described(declared, claim)
        if claim != found:
            self.claims.write(machine, resource_id, claim)
        return claim

    def _move_claim(self, old_owner: str, inputs: InputsT, claim: Claim) -> None:
        """A thing that is managed through another machine now is claimed there, and no longer on the old one."""
        owner, resource_id = self.resource.owner_machine(inputs), self.resource.resource_id(inputs)
        if self._claims_kept and not same(owner, old_owner):
            self.claims.write(owner, resource_id, claim)
            self.claims.remove(old_owner, resource_id)
