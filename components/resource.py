"""The base of every resource: observe, plan, apply, and what Pulumi calls on top of them.

A resource writes four things: ``observe`` reads facts from machines, ``plan`` says which steps lead from these facts
to the inputs (pure), ``remove`` which steps take away what the resource made (pure), ``found`` gives the inputs as
they are on the machines. Create, read, diff, update and delete are here, once.

When the engine calls what: ``check`` before everything, also in a preview, without any connection; ``diff`` when the
resource is in the state; ``create`` for a new one, ``update`` and ``delete`` for one in the state; ``read`` at the
beginning of every ``up`` and ``preview`` (``options.refresh: always``). A create that fails leaves nothing in
Pulumi's state; what it did stays on the machine together with its claim (``components.claims``), and the next create
resumes.
"""

from __future__ import annotations

import os
import sys
import traceback
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, ClassVar, Generic, TypeVar

import pulumi
from pulumi.dynamic import (
    CheckFailure,
    CheckResult,
    ConfigureRequest,
    CreateResult,
    DiffResult,
    ReadResult,
    ResourceProvider,
    UpdateResult,
)

from components import claims, settings, steps
from components.component import Component, short_stack
from components.inputs import READABLE, Inputs, InvalidInputsError, Placeholder, ThroughFarm
from components.progress import report
from components.steps import Step
from components.topology import Topology
from components.topology.place import to_set
from components.topology.problem import Location
from remote.errors import LostAnswerError, MachineError, RefusedError, UnreachableError, UntrustedError
from remote.looks import shared
from remote.secret import Secret, redact
from remote.session import Remote

MASKED_DIFFERENCE = "(differs from the configuration)"
"""Stands in a refreshed state for a secret that was verified on the machine and found different."""

TRACEBACK = "PULUMI_PYTHON_TRACEBACK"
"""Environment variable: where it is set, an error of the program itself is shown with its place in the program."""

_BOOKKEEPING = ("adopted", "before", "home", "revision")
"""Outputs that the base keeps for itself in every resource."""

_NO_READING = (UnreachableError, LostAnswerError, RefusedError, UntrustedError)
"""What the connection to a machine ends in: never a difference of what is read through it."""

_TRIES = 3
"""How many lost answers one call puts up with before the error goes to the operator."""


InputsT = TypeVar("InputsT", bound=Inputs)
FactsT = TypeVar("FactsT")
Plan = Callable[[FactsT], Sequence[Step]]


class Provider(ResourceProvider, ABC, Generic[InputsT, FactsT]):
    """Observe, plan, apply. One subclass per kind of resource; instances carry no state but the connections."""

    # The payload in the state is this class's module and name (a test proves it), so nothing in it is secret.
    serialize_as_secret_always = False

    INPUTS: ClassVar[type[Inputs]]
    IDENTITY: ClassVar[tuple[str, ...]] = ()
    """Inputs whose change makes another thing: the resource is replaced."""
    DELETE_FIRST: ClassVar[bool] = True
    """Whether a replacement deletes the old thing before it makes the new one: True where both have one name."""
    SECRETS: ClassVar[tuple[str, ...]] = ()
    """Inputs that are secret."""
    UNTOLD: ClassVar[tuple[str, ...]] = ()
    """Inputs that the far side takes and never tells: set when a thing is made or taken over, and when they change."""
    COMPUTED: ClassVar[tuple[str, ...]] = ()
    """Outputs beside the inputs."""
    TOLD: ClassVar[tuple[str, ...]] = ()
    """Those of them that tell what the last change did, and not only how things are."""
    THING: ClassVar[bool] = True
    """True: finding it there without our claim is an error unless ``adopt`` is set. False for a setting or a
    membership, which simply holds or does not."""

    PARTS: ClassVar[str] = ""
    """The input that lists things which come and go by themselves (members of a group): one that an update no longer
    has is taken away as by delete."""

    CLAIMS: ClassVar[bool] = True
    """False for what only looks: it makes nothing, and writes nothing down on a machine either."""

    _settings: str = ""

    # What a resource writes ------------------------------------------------------------------------------------

    @abstractmethod
    def title(self, inputs: InputsT) -> str:
        """The thing as an operator calls it: "NLB cluster portal.hyper-v.nu"."""

    @abstractmethod
    def key(self, inputs: InputsT) -> str:
        """The resource's id: deterministic, from identity inputs only ("portal1/nlb/portal.hyper-v.nu")."""

    @abstractmethod
    def home(self, inputs: InputsT) -> str:
        """The machine that keeps the resource's claim; the claim moves when an update names another one."""

    @abstractmethod
    def observe(self, inputs: InputsT, remote: Remote) -> FactsT:
        """Read the facts. Raises ``MachineError`` when a machine cannot be reached: unreachable is never "gone"."""

    @abstractmethod
    def plan(self, inputs: InputsT, facts: FactsT) -> list[Step]:
        """The steps from the facts to the inputs; none when all is as it should be. Pure."""

    @abstractmethod
    def remove(self, inputs: InputsT, facts: FactsT, before: dict[str, Any]) -> list[Step]:
        """The steps that undo what this resource made (and nothing else). ``before`` is what ``remember`` gave when
        the resource was created. Pure."""

    def release(self, inputs: InputsT, facts: FactsT) -> list[Step]:
        """The steps that take away what this program keeps for itself beside a thing that it leaves. Pure."""
        return []

    @abstractmethod
    def present(self, inputs: InputsT, facts: FactsT) -> bool:
        """Whether the thing is there at all, in whatever shape."""

    def existed(self, inputs: InputsT, facts: FactsT) -> bool:
        """Whether the thing was there before this resource looked after it; then delete leaves it."""
        return self.present(inputs, facts)

    @abstractmethod
    def found(self, inputs: InputsT, facts: FactsT) -> dict[str, Any]:
        """The inputs that differ from what is declared, as they are on the machines; the rest is as declared."""

    def outputs(self, inputs: InputsT, facts: FactsT) -> dict[str, Any]:
        """The computed outputs; its keys are ``COMPUTED``."""
        return {}

    def told(self, inputs: InputsT, facts: FactsT, before: FactsT | None, kept: dict[str, Any]) -> dict[str, Any]:
        """The outputs of ``TOLD``: after a change that found ``before``, and when the engine only reads (None), where
        ``kept`` is what they were. Pure."""
        return {}

    def remember(self, inputs: InputsT, facts: FactsT) -> dict[str, Any]:
        """What delete has to know of the time before the resource (a setting's old value); never a secret. Pure.

        What is kept first stays. A map grows: where an update concerns something that it has no key for, how that was
        before the update is added. So it has a key for what was not there as well.
        """
        return {}

    def untold(self, inputs: InputsT, facts: FactsT) -> FactsT:
        """The facts as if every ``UNTOLD`` input were another one than declared: the plan for them sets it. Pure."""
        return facts

    def refuse(self, olds: dict[str, Any], inputs: InputsT) -> str:
        """Why a thing cannot go from the inputs in the state (none for a new one) to these; empty where it can. Asked
        in every preview, before anything is touched. Pure."""
        return ""

    def adoption(self, inputs: InputsT, topology: Topology) -> Location | None:
        """The part of the topology whose ``adopt`` says whether the thing may be taken over; None where no part
        does. Pure."""
        return None

    # What Pulumi calls -----------------------------------------------------------------------------------------

    def configure(self, req: ConfigureRequest) -> None:
        # An error is one sentence for the operator; Pulumi would print Python's traceback around it.
        if not os.environ.get(TRACEBACK):
            sys.tracebacklimit = 0
        self._settings = settings.connection_settings(req.config.get)

    @property
    def remote(self) -> Remote:
        return settings.remote(self._settings)

    def check(self, olds: dict[str, Any], news: dict[str, Any]) -> CheckResult:
        given = {name: value for name, value in news.items() if name != "__provider"}
        if pulumi.contains_unknowns(given):
            return CheckResult(news, [])
        try:
            inputs = self.INPUTS.model_validate(given)
        except InvalidInputsError as error:
            # The value-less form of a failure: Pulumi would print the property's value, which may be a secret.
            return CheckResult(news, [CheckFailure("", problem) for problem in error.problems])
        if refused := self.refuse(olds, inputs):  # type: ignore[arg-type]
            return CheckResult(news, [CheckFailure("", redact(refused))])
        return CheckResult({**_kept(news), **self._dump(inputs)}, [])

    def diff(self, _id: str, olds: dict[str, Any], news: dict[str, Any]) -> DiffResult:
        replaces = [key for key in self.IDENTITY if key in olds and key in news and olds[key] != news[key]]
        # None lets the engine compare inputs and show the difference property by property.
        return DiffResult(changes=None, replaces=replaces, delete_before_replace=self.DELETE_FIRST)

    def create(self, props: dict[str, Any]) -> CreateResult:
        inputs = self._parse(props)
        with self._boundary(inputs):
            remote = self.remote
            facts = self.observe(inputs, remote)
            claim = claims.read(remote, self.home(inputs), self.key(inputs)) if self.CLAIMS else claims.Claim(False)
            if claim is None:
                there = self.existed(inputs, facts)
                if there and self.THING and not inputs.adopt:
                    raise MachineError(
                        self.home(inputs),
                        f"create {self.title(inputs)}",
                        "it exists already and was not made by this stack",
                        self._to_adopt(inputs),
                    )
                claim = claims.Claim(adopted=there, before=self.remember(inputs, facts))
                claims.write(remote, self.home(inputs), self.key(inputs), claim)
            now = self._apply(inputs, facts, renew=claim.adopted)
            return CreateResult(self.key(inputs), self._outs(inputs, facts, now, claim))

    def read(self, id_: str, props: dict[str, Any]) -> ReadResult:
        inputs = self._parse(props)
        with self._boundary(inputs):
            try:
                with shared():
                    facts = self.observe(inputs, self.remote)
            except MachineError as error:
                if not isinstance(inputs, ThroughFarm) or isinstance(
                    error, UnreachableError | LostAnswerError | RefusedError | UntrustedError
                ):
                    raise
                unread = {"reading": f"fails: {error}"}
                return ReadResult(id_, props | unread, self._dump(inputs) | unread)
            if not self.present(inputs, facts):
                return ReadResult("", {})
            readable = {"reading": READABLE} if isinstance(inputs, ThroughFarm) else {}
            live = self._dump(inputs) | readable | self.found(inputs, facts)
            outs = {**_kept(props), **live, **self.outputs(inputs, facts), **self.told(inputs, facts, None, props)}
            outs |= {name: props[name] for name in _BOOKKEEPING if name in props}
            return ReadResult(id_, outs, live)

    def update(self, _id: str, olds: dict[str, Any], news: dict[str, Any]) -> UpdateResult:
        inputs = self._parse(news)
        with self._boundary(inputs):
            renew = any(olds.get(name) != news.get(name) for name in self.UNTOLD)
            home = str(olds.get("home") or self.home(inputs))
            facts = self.observe(inputs, self.remote)
            claim = claims.Claim(adopted=bool(olds.get("adopted")), before=olds.get("before") or {})
            claim = self._widen_claim(home, inputs, claim, self.remember(inputs, facts))
            now = self._apply(inputs, facts, renew=renew)
            if left := self._left(olds, inputs):
                now = self._carry_out(inputs, lambda facts: self.remove(left, facts, claim.before), now)
            self._move_claim(home, inputs, claim)
            return UpdateResult(self._outs(inputs, facts, now, claim))

    def delete(self, _id: str, props: dict[str, Any]) -> None:
        inputs = self._parse(props)
        with self._boundary(inputs):
            remote, before = self.remote, props.get("before") or {}
            if not props.get("adopted"):
                self._carry_out(inputs, lambda facts: self.remove(inputs, facts, before), None)
            else:
                self._carry_out(inputs, lambda facts: self.release(inputs, facts), None)
            if self.CLAIMS:
                claims.remove(remote, str(props.get("home") or self.home(inputs)), self.key(inputs))

    # How it is done --------------------------------------------------------------------------------------------

    def _apply(self, inputs: InputsT, facts: FactsT, *, renew: bool = False) -> FactsT:
        """Bring about the declared state; ``renew`` sets what the far side does not tell, too."""

        def renewing(now: FactsT) -> list[Step]:
            return self.plan(inputs, self.untold(inputs, now))

        return self._carry_out(inputs, lambda now: self.plan(inputs, now), facts, renewing if renew else None)

    def _carry_out(
        self, inputs: InputsT, plan: Plan[FactsT], facts: FactsT | None, first: Plan[FactsT] | None = None
    ) -> FactsT:
        """Run a plan to its end, observe again, and go on until nothing is left to do. ``first`` is the plan to begin
        with, once.

        A step that is due again although it was carried out is an error: the machine did not take it. After a lost
        answer nothing is run twice blindly: facts are observed anew, and a new plan is made from them. That plan may
        rightly name a step of the broken one again (a failover there and back, a backup for the restore that broke).
        """
        remote = self.remote
        done: set[str] = set()
        lost = 0
        while True:
            if facts is None:
                facts = self.observe(inputs, remote)
            due = (first or plan)(facts)
            if not due:
                return facts
            if again := [step.sentence for step in due if step.sentence in done]:
                raise MachineError(
                    self.home(inputs),
                    f"bring {self.title(inputs)} to its declared state",
                    f"carried out, but still due: {' '.join(again)}",
                    "Look at the machine for the reason, then run `pulumi up` again.",
                )
            try:
                steps.run_all(due, remote, lambda: self.observe(inputs, remote), report)
                done.update(step.sentence for step in due)
                first = None
            except LostAnswerError:
                lost += 1
                if lost == _TRIES:
                    raise
                done.clear()
            facts = None

    def _left(self, olds: dict[str, Any], inputs: InputsT) -> InputsT | None:
        """The inputs with those ``PARTS`` alone that only the old ones had; None where there are none."""
        if not self.PARTS:
            return None
        wanted = {part.lower() for part in getattr(inputs, self.PARTS)}
        left = tuple(part for part in olds.get(self.PARTS) or () if part.lower() not in wanted)
        return inputs.model_copy(update={self.PARTS: left}) if left else None

    def _widen_claim(self, home: str, inputs: InputsT, claim: claims.Claim, fresh: dict[str, Any]) -> claims.Claim:
        """Add to a claim what an update concerns for the first time. The machine keeps it before the first step: an
        update that broke has left the state as it was, and its own work would look like what was there before."""
        if not self.CLAIMS or _widened(claim.before, fresh) == claim.before:
            return claim
        kept = claims.read(self.remote, home, self.key(inputs)) or claim
        wider = claims.Claim(claim.adopted, _widened(kept.before, fresh))
        if wider != kept:
            claims.write(self.remote, home, self.key(inputs), wider)
        return wider

    def _move_claim(self, old_home: str, inputs: InputsT, claim: claims.Claim) -> None:
        """A thing that is looked after through another machine now is claimed there, and no longer on the old one."""
        home, key = self.home(inputs), self.key(inputs)
        if self.CLAIMS and home.lower() != old_home.lower():
            claims.write(self.remote, home, key, claim)
            claims.remove(self.remote, old_home, key)

    def _to_adopt(self, inputs: InputsT) -> str:
        """What to do about a thing that somebody else made: the line of the topology to change, where one does it."""
        part = self.adoption(inputs, settings.topology_of(self._settings))
        if part is None:
            return "Remove it, then run `pulumi up` again."
        change = to_set(settings.topology_file(self._settings), part, "adopt", "true")
        return f"{change} to take it over, or remove it."

    def _outs(self, inputs: InputsT, before: FactsT, facts: FactsT, claim: claims.Claim) -> dict[str, Any]:
        live = self._dump(inputs) | self.outputs(inputs, facts) | self.told(inputs, facts, before, {})
        # Not a count: a thing that somebody removed and that is made again would begin to count anew.
        revision = datetime.now(UTC).isoformat()
        kept = {"adopted": claim.adopted, "before": claim.before, "home": self.home(inputs), "revision": revision}
        return live | kept

    def _parse(self, props: dict[str, Any]) -> InputsT:
        declared = {name: value for name, value in props.items() if name in self.INPUTS.model_fields}
        try:
            return self.INPUTS.model_validate(declared)  # type: ignore[return-value]
        except InvalidInputsError as error:
            found = "; ".join(error.problems)
            raise MachineError(type(self).__name__, "read its inputs in the state", found) from None

    @staticmethod
    def _dump(inputs: Inputs) -> dict[str, Any]:
        return inputs.model_dump(mode="json", exclude_none=True)

    @contextmanager
    def _boundary(self, inputs: InputsT) -> Iterator[None]:
        """Everything a user sees of an error is one redacted sentence."""
        try:
            yield
        except MachineError as error:
            raise error from None
        except Exception as error:
            if os.environ.get(TRACEBACK):
                print(redact(traceback.format_exc()), file=sys.stderr, flush=True)
            found = f"an error of the program itself: {type(error).__name__}: {error}"
            raise MachineError(self.home(inputs), f"look after {self.title(inputs)}", found, _REPORT) from None


_REPORT = f"Set {TRACEBACK}=1 for the place in the program, and report it."


def _kept(props: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in props.items() if name == "__provider"}


def _widened(before: dict[str, Any], fresh: dict[str, Any]) -> dict[str, Any]:
    """What was kept, with the keys that its maps lack."""
    return {
        name: {**fresh.get(name, {}), **value} if isinstance(value, dict) else value for name, value in before.items()
    }


T = TypeVar("T")


def later(output: pulumi.Output[T]) -> T:
    """An output of another resource as a value of an input: for the type checker it is what it will be."""
    return Placeholder(output)  # type: ignore[return-value]


def later_secret(output: pulumi.Output[str]) -> Secret:
    """The same for a secret of the stack's configuration."""
    return Placeholder(output)  # type: ignore[return-value]


def properties(inputs: Inputs) -> dict[str, pulumi.Input[Any]]:
    """Every input as the engine gets it: what another resource gives as an output, what is secret marked so."""
    fields = type(inputs).model_fields
    given = {name: getattr(inputs, name) for name in fields}
    pending = {name: value.output for name, value in given.items() if isinstance(value, Placeholder)}
    known = inputs.model_dump(mode="json", exclude_none=True, exclude=set(pending))
    return {name: {**known, **pending}[name] for name in fields if name in known or name in pending}


class Managed(pulumi.dynamic.Resource, Generic[InputsT]):
    """Base of the Pulumi resources. A subclass names its provider and the types of its outputs."""

    provider_class: ClassVar[type[Provider[Any, Any]]]

    adopted: pulumi.Output[bool]
    """Whether the thing was there before this stack; then ``destroy`` leaves it."""
    revision: pulumi.Output[str]
    """When it was made or last changed by this program (UTC): another text after every change."""

    def __init__(self, name: str, inputs: InputsT, opts: pulumi.ResourceOptions | None = None) -> None:
        provider = self.provider_class()
        props: dict[str, pulumi.Input[Any]] = dict.fromkeys((*provider.COMPUTED, *_BOOKKEEPING))
        for key, value in properties(inputs).items():
            props[key] = pulumi.Output.secret(value) if key in provider.SECRETS else value
        secret = pulumi.ResourceOptions(additional_secret_outputs=list(provider.SECRETS))
        with short_stack():
            super().__init__(provider, name, props, pulumi.ResourceOptions.merge(opts, secret))
        if opts is not None and isinstance(opts.parent, Component):
            opts.parent.count(self)
