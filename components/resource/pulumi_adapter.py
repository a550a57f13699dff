"""Between Pulumi and a resource: check, diff, create, read, update, delete; what a component writes.

When the engine calls what: ``check`` before everything, also in a preview, without any connection unless a resource
that ``RefusesEarly`` changes; ``diff`` when the resource is in the state; ``create`` for a new one, ``update`` and
``delete`` for one in the state; ``read`` at the beginning of every ``up`` and ``preview`` (``options.refresh:
always``). A create that fails leaves nothing in Pulumi's state; what it did stays on the machine together with its
claim, and the next create resumes.

The state has the inputs, the computed outputs, ``revision`` and ``ownership``; beside the inputs ``__owner``, which
says whom a create makes its thing for. Pulumi shows no input of such a name.
"""

from __future__ import annotations

import inspect
import os
import sys
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
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

from components import settings
from components.component import Component, Counted, short_stack
from components.progress import Report, about, report, report_here, warn
from components.resource import fields
from components.resource.closing import RUN
from components.resource.contract import (
    Adoptable,
    InputsT,
    RefusesEarly,
    ReportsChange,
    Resource,
    ValidatesChange,
)
from components.resource.fields import READABLE, Inputs, InvalidInputsError, Keyed, Placeholder, ReplaceOn, ThroughFarm
from components.resource.lease import Leases, leases_of
from components.resource.machine_claims import MachineClaims
from components.resource.ownership import ClaimStore, Owner, Ownership
from components.resource.reconcile import Outcome, Reconciler, Runner
from components.step_log import StepLog
from components.step_runner import StepRunner
from components.steps import Step
from components.topology.place import to_set
from remote.errors import (
    LostAnswerError,
    LostMachineError,
    MachineError,
    RefusedError,
    UnreachableError,
    UntrustedError,
)
from remote.looks import shared
from remote.names import folded, same
from remote.secret import Secret, redact
from remote.session import Remote
from remote.text import visible

MASKED_DIFFERENCE = "(differs from the configuration)"
"""Stands in a refreshed state for a secret that was verified on the machine and found different."""

TRACEBACK = "PULUMI_PYTHON_TRACEBACK"
"""Environment variable: where it is set, an error of the program itself is shown with its place in the program."""

_NO_READING = (UnreachableError, LostAnswerError, LostMachineError, RefusedError, UntrustedError)
"""What the connection to a machine ends in: never a difference of what is read through it."""

OUTPUTS = ("ownership", "revision")
"""What every resource has beside its inputs and computed outputs."""

OWNER = "__owner"
"""The input that names the stack and the resource."""

T = TypeVar("T")


@dataclass(frozen=True)
class World:
    """What an adapter acts on: how facts are observed, steps run and claims kept."""

    observe: Callable[[Any, Any], Any]
    """(resource, inputs) → facts."""
    run: Runner
    """Carries steps out; the engine's own goes through WinRM and ODBC."""
    claims: ClaimStore
    """Where claims are kept; the engine's own are in the machines' registries."""


class Adapter(ResourceProvider):
    """What the engine calls for one kind of resource. It is pickled as that class's name: nothing in it is secret."""

    serialize_as_secret_always = False

    def __init__(
        self,
        implementation: type[Resource[Any, Any]],
        *,
        world: World | None = None,
        connection: str = "",
        report: Report | None = None,
        left: Report = warn,
    ) -> None:
        """``connection`` is what ``configure`` makes of the stack's configuration. A test may hand in another world, or
        take the progress itself."""
        super().__init__()
        self.resource, self._world, self._connection, self._report = implementation(), world, connection, report
        self._left = left

    def __reduce__(self) -> tuple[Any, ...]:
        return (Adapter, (type(self.resource),))

    def configure(self, req: ConfigureRequest) -> None:
        # An error is one sentence for the operator; Pulumi would print Python's traceback around it.
        if not os.environ.get(TRACEBACK):
            sys.tracebacklimit = 0
        self._connection = settings.connection_settings(req.config.get)

    def check(self, olds: dict[str, Any], news: dict[str, Any]) -> CheckResult:
        given = {name: value for name, value in news.items() if name not in (OWNER, "__provider")}
        if pulumi.contains_unknowns(given):
            return CheckResult(news, [])
        try:
            inputs = self.resource.INPUTS.model_validate(given)
        except InvalidInputsError as error:
            # The value-less form of a failure: Pulumi would print the property's value, which may be a secret.
            return CheckResult(news, [CheckFailure("", problem) for problem in error.problems])
        if isinstance(self.resource, ValidatesChange) and (why := self.resource.validate_change(olds, inputs)):
            return CheckResult(news, [CheckFailure("", redact(why))])
        if isinstance(self.resource, RefusesEarly) and (why := self._refusal(self.resource, olds, inputs)):
            return CheckResult(news, [CheckFailure("", why)])
        # The owner stays as it was when the thing was made: a new name in Pulumi is no change of it.
        return CheckResult({**_payload(news), **_payload(olds, (OWNER,)), **fields.plain(inputs)}, [])

    def _refusal(self, resource: RefusesEarly[Any, Any], olds: dict[str, Any], inputs: Any) -> str:
        """Why machines, as they are now, do not take a change of a thing in the state; empty where they do, and where
        the thing cannot be read, which another resource of the same update may mend."""
        declared = fields.plain(inputs)
        if not olds or all(olds.get(name) == declared.get(name) for name in resource.INPUTS.model_fields):
            return ""
        try:
            with self._boundary(inputs), shared():
                facts = self._reconciler(olds).observe(inputs)
        except MachineError:
            return ""
        try:
            with self._boundary(inputs):
                resource.refuse_change(olds, inputs, facts)
        except MachineError as error:
            return str(error)
        return ""

    def diff(self, _id: str, olds: dict[str, Any], news: dict[str, Any]) -> DiffResult:
        model = self.resource.INPUTS
        identity = fields.marked(model, ReplaceOn)
        replaces = [name for name in identity if name in olds and name in news and _another(olds[name], news[name])]
        # None lets the engine compare inputs and show the difference property by property.
        return DiffResult(changes=None, replaces=replaces, delete_before_replace=fields.deletes_first(model))

    def create(self, props: dict[str, Any]) -> CreateResult:
        inputs = self.parse(props)
        with self._boundary(inputs):
            outcome = self._reconciler(props).create(inputs)
            return CreateResult(self.resource.resource_id(inputs), self._outs(props, inputs, outcome))

    def read(self, id_: str, props: dict[str, Any]) -> ReadResult:
        inputs = self.parse(props)
        with self._boundary(inputs):
            try:
                return self._read(id_, props, inputs)
            except LostMachineError:
                # Its own things are deleted next, and those of the whole farm are updated to go on without it.
                return _as_known(id_, props, inputs)
            except UnreachableError as error:
                if self._world is not None or self.remote.looks.first_without_answer(error.machine):
                    remedy = f"{error.remedy} Nothing else is looked at there."
                    raise UnreachableError(error.machine, error.attempted, error.found, remedy.lstrip()) from None
                # One error ends the run; one for each of the machine's resources would hide everything else.
                report(f"Not looked at: {error.machine} does not answer.")
                return _as_known(id_, props, inputs)

    def _read(self, id_: str, props: dict[str, Any], inputs: Any) -> ReadResult:
        declared = fields.plain(inputs)
        reconciler = self._reconciler(props)
        try:
            with shared():
                facts = reconciler.observe(inputs)
        except MachineError as error:
            if not isinstance(inputs, ThroughFarm) or isinstance(error, _NO_READING):
                raise
            unread = {"reading": f"fails: {error}"}
            return ReadResult(id_, props | unread, {**_payload(props), **declared, **unread})
        actual = self.resource.actual(inputs, facts)
        if actual is None:
            if not reconciler.claimed(inputs, Ownership.of(props)):
                return ReadResult("", {})
            # Not "gone": then a destroy would not ask for it, and its claim would stay.
            missing = {"present": False}
            return ReadResult(id_, props | missing, {**_payload(props), **declared, **missing})
        readable = {"reading": READABLE} if isinstance(inputs, ThroughFarm) else {}
        model = self.resource.INPUTS
        shown = _shown(actual, declared, fields.secrets(model))
        live = {**_payload(props), **declared, "present": True, **readable, **shown}
        outs = live | self._computed(inputs, facts, None, props)
        outs |= {name: props[name] for name in (*OUTPUTS, *_keys(model)) if name in props}
        return ReadResult(id_, outs, live)

    def update(self, _id: str, olds: dict[str, Any], news: dict[str, Any]) -> UpdateResult:
        inputs = self.parse(news, olds)
        with self._boundary(inputs):
            return UpdateResult(self._outs(news, inputs, self._reconciler(news).update(olds, inputs)))

    def delete(self, _id: str, props: dict[str, Any]) -> None:
        inputs = self.parse(props)
        with self._boundary(inputs):
            RUN.deletions += 1
            self._reconciler(props).delete(inputs, Ownership.of(props))

    def parse(self, props: dict[str, Any], olds: dict[str, Any] | None = None) -> Any:
        """The inputs among properties of the state; ``olds`` are those before an update. Raises ``MachineError``."""
        declared = {name: value for name, value in props.items() if name in self.resource.INPUTS.model_fields}
        try:
            inputs = self.resource.INPUTS.model_validate(declared)
        except InvalidInputsError as error:
            found = "; ".join(error.problems)
            raise MachineError(type(self.resource).__name__, "read its inputs in the state", found) from None
        return inputs.keeping(props if olds is None else olds) if isinstance(inputs, Keyed) else inputs

    @property
    def remote(self) -> Remote:
        """The connections of this process for the configuration."""
        return settings.remote(self._connection)

    def _reconciler(self, props: dict[str, Any]) -> Reconciler[Any, Any]:
        world, owner = self._world, Owner(**(props.get(OWNER) or {}))
        begin: Callable[[str], None] = lambda _machine: None  # noqa: E731 - the other one is a function, too
        if world is None:
            remote, report = self.remote, self._report or report_here()
            run: Runner = StepRunner(remote, report, StepLog.of(_urn())).run_all
            if owner.identity:
                held = leases_of(self._connection, self._left)
                begin, run = partial(held.take, owner), partial(_under_lease, held, run)
            world = World(
                lambda resource, inputs: observed(resource, inputs, remote), run, MachineClaims(remote, report)
            )
        observe, resource = world.observe, self.resource
        return Reconciler(
            resource,
            lambda inputs: observe(resource, inputs),
            world.run,
            world.claims,
            self._how_to_adopt,
            owner,
            self._how_to_take_over,
            self._left,
            begin,
            self._lost(),
        )

    def _lost(self) -> frozenset[str]:
        """The machines that will not come back, by folded name; none in a world without a configuration."""
        lost = settings.topology_of(self._connection).lost if self._connection else ()
        return frozenset(folded(machine) for machine in lost)

    def _how_to_adopt(self, inputs: Any) -> str:
        """The line of the topology to change."""
        assert isinstance(self.resource, Adoptable)
        place = self.resource.adoption(inputs, settings.topology_of(self._connection))
        change = to_set(settings.topology_file(self._connection), place, "adopt", "true")
        return f"{change} to take it over, or remove it."

    def _how_to_take_over(self, stack: str) -> str:
        """The line to add to the topology; empty where it says that this stack takes what that one owns."""
        if settings.topology_of(self._connection).adopt_from == stack:
            return ""
        file = settings.topology_file(self._connection)
        return (
            f"Two stacks must not manage one object. If that stack is no longer used, set `adopt_from: {stack}` at the "
            f"top of {file}: this one then owns what that one made."
        )

    def _outs(self, props: dict[str, Any], inputs: Any, outcome: Outcome[Any]) -> dict[str, Any]:
        # Not a count: a thing that another program removed and that is recreated would count from 1 again.
        kept = {"ownership": outcome.ownership.dump(), "revision": datetime.now(UTC).isoformat()}
        kept |= {name: inputs.key.reveal() for name in _keys(type(inputs))}
        outs = _payload(props, (OWNER,)) | fields.plain(inputs)
        return outs | self._computed(inputs, outcome.facts, outcome.before, {}) | kept

    def _computed(self, inputs: Any, facts: Any, before: Any, kept: dict[str, Any]) -> dict[str, Any]:
        outputs = self.resource.outputs(inputs, facts)
        if isinstance(self.resource, ReportsChange):
            outputs |= self.resource.change_outputs(inputs, facts, before, kept)
        return {name: _texts(value, visible) for name, value in outputs.items()}

    @contextmanager
    def _boundary(self, inputs: Any) -> Iterator[None]:
        """Everything a user sees of an error is one redacted sentence, and of progress what is about this resource."""
        try:
            with about(_urn()):
                yield
        except MachineError as error:
            raise error from None
        except Exception as error:
            _show_place()
            found = f"an error of the program itself: {type(error).__name__}: {error}"
            attempted = f"manage {self.resource.display_name(inputs)}"
            raise MachineError(self.resource.owner_machine(inputs), attempted, found, _REPORT) from None


def _as_known(id_: str, props: dict[str, Any], inputs: Inputs) -> ReadResult:
    """What the state has, for a thing that was not looked at."""
    return ReadResult(id_, props, {**_payload(props), **fields.plain(inputs)})


def _another(old: Any, new: Any) -> bool:
    """Whether an input that is part of what a thing is names another one: another spelling is the same name to Windows,
    and what stands there is not to be taken away for it."""
    both_texts = isinstance(old, str) and isinstance(new, str)
    return not same(old, new) if both_texts else bool(old != new)


def observed(resource: Resource[Any, Any], inputs: Any, remote: Remote) -> Any:
    """The facts. What a machine answers is data: an answer of another shape than the script gives is that machine's
    error."""
    try:
        return resource.observe(inputs, remote)
    except (AttributeError, LookupError, TypeError, ValueError) as error:
        _show_place()
        raise MachineError(
            resource.owner_machine(inputs),
            f"read {resource.display_name(inputs)}",
            f"what was answered is not understood ({type(error).__name__}: {error})",
            f"See whether another program writes into PowerShell's output there. {_PLACE}.",
        ) from None


def _show_place() -> None:
    if os.environ.get(TRACEBACK):
        print(redact(traceback.format_exc()), file=sys.stderr, flush=True)


def _urn() -> str:
    """The resource that the engine calls for; empty where no engine does. Pulumi's SDK gets it in every request and
    does not hand it on to the provider, whose caller has the request as an argument (``Create(self, request, context)``
    in pulumi/dynamic/__main__.py)."""
    frame = inspect.currentframe()
    while frame is not None:
        if urn := getattr(frame.f_locals.get("request"), "urn", ""):
            return str(urn)
        frame = frame.f_back
    return ""


_PLACE = f"Set {TRACEBACK}=1 for the place in the program"
_REPORT = f"{_PLACE}, and report it."


def _under_lease(held: Leases, run: Runner, steps: Sequence[Step], observe: Callable[[], Any]) -> None:
    """Run steps while the leases are held; a script that keeps a machine busy for long extends that machine's."""
    held.check()
    held.cover(steps)
    run(steps, observe)


def _shown(actual: dict[str, Any], declared: dict[str, Any], secrets: tuple[str, ...]) -> dict[str, Any]:
    """What a machine answers as a preview may show it: secrets masked first, then control characters escaped. What is
    as declared, or secret by its type, stays as it is."""
    return {
        name: value
        if name in secrets or value == declared.get(name)
        else _texts(value, lambda text: visible(redact(text)))
        for name, value in actual.items()
    }


def _texts(value: Any, change: Callable[[str], str]) -> Any:
    """A JSON-able value with each text in it changed."""
    if isinstance(value, str):
        return change(value)
    if isinstance(value, dict):
        return {change(key): _texts(item, change) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_texts(item, change) for item in value]
    return value


def _keys(model: type[Inputs]) -> tuple[str, ...]:
    """The secret output of what has a key of its own."""
    return ("key",) if issubclass(model, Keyed) else ()


def _payload(props: dict[str, Any], names: tuple[str, ...] = ("__provider", OWNER)) -> dict[str, Any]:
    return {name: props[name] for name in names if name in props}


def later(output: pulumi.Output[T]) -> T:
    """An output of another resource as a value of an input: for the type checker it is what it will be."""
    return Placeholder(output)  # type: ignore[return-value]


def later_secret(output: pulumi.Output[str]) -> Secret:
    """The same for a secret of the stack's configuration."""
    return Placeholder(output)  # type: ignore[return-value]


def properties(inputs: Inputs) -> dict[str, pulumi.Input[Any]]:
    """Every input as the engine gets it; what another resource gives is its output."""
    pending = fields.pending(inputs)
    known = inputs.model_dump(mode="json", exclude_none=True, exclude=set(pending))
    return {name: {**known, **pending}[name] for name in type(inputs).model_fields if name in known or name in pending}


class FarmResource(Counted, Generic[InputsT]):
    """Base of what a component writes: ``Feature(name, FeatureInputs(…), opts)``. A subclass names its implementation
    and the types of its outputs."""

    implementation: ClassVar[type[Resource[Any, Any]]]

    ownership: pulumi.Output[dict[str, Any]]
    """Whether the thing was there before this stack (``adopted``; then ``destroy`` leaves it), how things were
    (``baseline``), the machine that keeps the claim (``owner_machine``), and what the claim is known by (``token``)."""

    def __init__(self, name: str, inputs: InputsT, opts: pulumi.ResourceOptions | None = None) -> None:
        keys, secrets = _keys(type(inputs)), fields.secrets(type(inputs))
        props: dict[str, pulumi.Input[Any]] = dict.fromkeys((*self.implementation.COMPUTED, *OUTPUTS, *keys))
        for key, value in properties(inputs).items():
            props[key] = pulumi.Output.secret(value) if key in secrets else value
        parent = opts.parent if opts is not None else None
        if isinstance(parent, Component) and parent.owner is not None:
            props[OWNER] = parent.owner.apply(lambda owner: {**owner, "resource": name})
        secret = pulumi.ResourceOptions(additional_secret_outputs=[*secrets, *keys])
        with short_stack():
            super().__init__(Adapter(self.implementation), name, props, pulumi.ResourceOptions.merge(opts, secret))
        if isinstance(parent, Component):
            parent.count(self)
