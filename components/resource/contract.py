"""What a resource is: observe facts, plan steps, say what is actual. Pure but for ``observe``.

A resource writes ``display_name``, ``resource_id``, ``observe`` and ``plan``; most write ``actual`` and ``plan_delete``
as well. What few resources need is in the subclasses below (``Adoptable``, ``WithBaseline``, …).
"""

from __future__ import annotations

import enum
import typing
from abc import ABC, abstractmethod
from typing import Any, ClassVar, Generic, TypeVar

from components.resource.fields import Inputs
from components.steps import Step
from components.topology import Topology
from components.topology.problem import Location
from remote.errors import MachineError
from remote.session import Remote

InputsT = TypeVar("InputsT", bound=Inputs)
FactsT = TypeVar("FactsT")


class Kind(enum.Enum):
    """What a resource is about, and so what is done about something that exists already."""

    OBJECT = "object"
    """Finding it without a claim of this stack is an error unless ``adopt`` is set; then delete leaves it."""
    SETTING = "setting"
    """A setting or membership: it holds or it does not, no matter who set it."""
    PROBE = "probe"
    """Something that is looked at: nothing is changed, and nothing is written down on a machine."""


class Resource(ABC, Generic[InputsT, FactsT]):
    """Observe and plan, without state. ``Resource[Inputs, Facts]`` names the two models."""

    INPUTS: ClassVar[type[Inputs]]
    """Follows from the class's type argument."""
    KIND: ClassVar[Kind] = Kind.SETTING
    """Decides what is done about a thing that exists before its create, and whether it has a claim."""
    COMPUTED: ClassVar[tuple[str, ...]] = ()
    """The outputs beside the inputs: the keys of ``outputs`` (and of ``change_outputs``)."""

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        for base in cls.__dict__.get("__orig_bases__", ()):
            for argument in typing.get_args(base)[:1]:
                if isinstance(argument, type) and issubclass(argument, Inputs):
                    cls.INPUTS = argument

    @abstractmethod
    def display_name(self, inputs: InputsT) -> str:
        """The thing as an operator calls it: "the NLB cluster portal.hyper-v.nu"."""

    @abstractmethod
    def resource_id(self, inputs: InputsT) -> str:
        """Deterministic, from inputs with ``ReplaceOn`` only: "portal1/feature/nlb"."""

    def owner_machine(self, inputs: InputsT) -> str:
        """The machine that keeps the resource's claim; the claim moves when an update names another one."""
        return str(inputs.machine)  # type: ignore[attr-defined]  # the common case; who has no such input overrides

    @abstractmethod
    def observe(self, inputs: InputsT, remote: Remote) -> FactsT:
        """Read the facts. Raises ``MachineError`` when a machine cannot be reached: unreachable is never "gone"."""

    @abstractmethod
    def plan(self, inputs: InputsT, facts: FactsT) -> list[Step]:
        """The steps from the facts to the inputs; none when all is as declared. Pure."""

    def plan_delete(self, inputs: InputsT, facts: FactsT, baseline: dict[str, Any]) -> list[Step]:
        """The steps that undo what this resource made (and nothing else). ``baseline`` is what ``WithBaseline`` kept.
        Pure."""
        return []

    def actual(self, inputs: InputsT, facts: FactsT) -> dict[str, Any] | None:
        """The inputs that differ from what is declared, as they are on the machines. None: the thing is gone."""
        return {}

    def preexisting(self, inputs: InputsT, facts: FactsT) -> bool:
        """Whether the thing was there before this resource managed it; then delete leaves it."""
        return self.actual(inputs, facts) is not None

    def outputs(self, inputs: InputsT, facts: FactsT) -> dict[str, Any]:
        """The computed outputs."""
        return {}


class Adoptable(Resource[InputsT, FactsT]):
    """An object: one that exists already is an error, unless the topology lets this stack take it over."""

    KIND = Kind.OBJECT

    @abstractmethod
    def adoption(self, inputs: InputsT, topology: Topology) -> Location:
        """The part of the topology whose ``adopt`` says whether the thing may be taken over. Pure."""


class Probe(Resource[InputsT, FactsT]):
    """Only looks: its plan waits, and its delete has nothing to undo."""

    KIND = Kind.PROBE

    def preexisting(self, inputs: InputsT, facts: FactsT) -> bool:
        return False


class WithBaseline(Resource[InputsT, FactsT]):
    """Delete has to know of the time before the resource: a setting's old value."""

    @abstractmethod
    def baseline(self, inputs: InputsT, facts: FactsT) -> dict[str, Any]:
        """How things are before this resource changes them; never a secret. Pure.

        What is kept first stays. A map grows: where an update concerns something that it has no key for, how that was
        before the update is added. So it has a key for what was not there as well.
        """


class WithOrphan(Resource[InputsT, FactsT]):
    """This program keeps something for itself beside the thing, which goes also when the thing is left."""

    @abstractmethod
    def plan_orphan(self, inputs: InputsT, facts: FactsT) -> list[Step]:
        """The steps that take away what this program keeps beside an adopted thing. Pure."""


class WritesSecrets(Resource[InputsT, FactsT]):
    """Has inputs marked ``WriteOnly``."""

    @abstractmethod
    def rewrite_secrets(self, inputs: InputsT, facts: FactsT) -> FactsT:
        """The facts as if every ``WriteOnly`` input were another one than declared: the plan for them sets it. Pure."""


class ValidatesChange(Resource[InputsT, FactsT]):
    """Not every change of its inputs is possible."""

    @abstractmethod
    def validate_change(self, olds: dict[str, Any], inputs: InputsT) -> str:
        """Why a thing cannot go from the inputs in the state (none for a new one) to these; empty where it can. Asked
        in every preview, before anything is touched. Pure."""


class RefusesEarly(Resource[InputsT, FactsT]):
    """Whether a change of its inputs is possible depends on the machines, and is asked in the preview already."""

    def refuse_change(self, olds: dict[str, Any], inputs: InputsT, facts: FactsT) -> None:
        """Raises ``MachineError`` where machines with these facts do not take the change from the inputs in the state.
        Pure. As it is here, what the plan refuses is refused; so that must be nothing that another resource of the same
        update mends: a network card or a port that the administrator has to see to first."""
        self.plan(inputs, facts)


class PlansByChange(Resource[InputsT, FactsT]):
    """What an update does depends on what changed."""

    @abstractmethod
    def inputs_of_update(self, olds: dict[str, Any], inputs: InputsT) -> InputsT:
        """The inputs that the plan of an update gets, from what the state has and what is declared. Pure."""


class ReportsChange(Resource[InputsT, FactsT]):
    """Has outputs that tell what the last change did, and not only how things are."""

    @abstractmethod
    def change_outputs(
        self, inputs: InputsT, facts: FactsT, before: FactsT | None, kept: dict[str, Any]
    ) -> dict[str, Any]:
        """These outputs: after a change that found ``before``, and when the engine only reads (None), where ``kept`` is
        what they were. Pure."""


class Recovers(Resource[InputsT, FactsT]):
    """A plan that fails half-way leaves something that is brought back at once."""

    @abstractmethod
    def plan_recovery(self, inputs: InputsT, facts: FactsT) -> list[Step]:
        """The steps that bring it back; none when nothing is to be brought back. Pure."""

    @abstractmethod
    def recovered(self, inputs: InputsT, error: str) -> str:
        """What came of that, for the error of the plan that failed; ``error`` is empty where it succeeded."""


class Overtaken(Resource[InputsT, FactsT]):
    """Others may change, while its plan runs, what the plan was made from; it then continues from the current facts."""

    @abstractmethod
    def is_overtaken(self, error: MachineError) -> bool:
        """Whether a step failed because of that."""

    @abstractmethod
    def patience_seconds(self, inputs: InputsT) -> float:
        """For how many seconds after the first such error a new plan is tried."""

    @abstractmethod
    def overtaken(self, inputs: InputsT, facts: FactsT, error: MachineError) -> MachineError:
        """The error when it was overtaken again and again: by what, and what to do."""
