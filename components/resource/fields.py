"""The inputs of a resource: pydantic models, declared once, with what the base has to know of a field beside it.

``Annotated[str, ReplaceOn()]`` marks a field. A field of the type ``Secret`` is secret without a marker.
"""

from __future__ import annotations

import secrets as secrets_of_python
import typing
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, PrivateAttr, ValidationError, ValidatorFunctionWrapHandler, field_validator

from remote.names import folded
from remote.secret import Secret, redact


@dataclass(frozen=True)
class ReplaceOn:
    """A change of this input is another thing: the resource is replaced. Another spelling of a name is none."""

    delete_first: bool = True
    """Whether the old thing is deleted before the new one is created: True where both have one name."""


@dataclass(frozen=True)
class WriteOnly:
    """The machine takes this input and never gives it back: it is set when a thing is created or adopted, and when it
    changes (``WritesSecrets``)."""


@dataclass(frozen=True)
class Items:
    """This input lists what comes and goes by itself (members of a group): what an update no longer has is taken away
    as by delete."""


class InputPart(BaseModel):
    """Part of an input: frozen, nothing extra, and no value of a field in an error message (it may be a secret).

    The sentence below a field is its meaning in ``docs/resources.md``.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


@dataclass(frozen=True)
class Placeholder:
    """Stands in a model for a value that another resource gives, and that is not known yet."""

    output: Any
    """The ``pulumi.Output`` that has the value in its place; a secret stays one."""


class InvalidInputsError(Exception):
    """Inputs that cannot be. Names the resource and every field that is wrong, without values."""

    __module__ = "builtins"

    def __init__(self, resource: str, error: ValidationError) -> None:
        self.problems = [
            redact(f"{'.'.join(str(part) for part in problem['loc'])}: {problem['msg']}") for problem in error.errors()
        ]
        super().__init__(f"{resource}: {'; '.join(self.problems)}")


class Inputs(InputPart):
    """Base of all inputs. Raises ``InvalidInputsError``, in the program as well as in the plugin process.

    A field that is a ``Placeholder``, or a tuple with one, is taken as it is: ``check`` validates it when it is known.
    """

    adopt: bool = False
    """Take over an existing object that this stack did not create."""
    present: bool = True
    """Whether the thing is there; a drifted state says false where only this stack's claim on it is left."""

    @property
    def passes_over(self) -> bool:
        """Whether what is to be done goes on without a machine that does not answer."""
        return False

    def __init__(self, **values: Any) -> None:
        try:
            super().__init__(**values)
        except ValidationError as error:
            machine = values.get("machine")
            where = f" on {machine}" if isinstance(machine, str) else ""
            raise InvalidInputsError(f"{type(self).__name__.removesuffix('Inputs')}{where}", error) from None

    @field_validator("*", mode="wrap")
    @classmethod
    def _not_known_yet(cls, value: Any, handler: ValidatorFunctionWrapHandler) -> Any:
        return value if isinstance(value, Placeholder) or _has_placeholders(value) else handler(value)


def _has_placeholders(value: Any) -> bool:
    return isinstance(value, tuple) and any(isinstance(item, Placeholder) for item in value)


def pending(inputs: Inputs) -> dict[str, Any]:
    """The inputs that are not known yet, each as the output that gives it, or as a list with outputs in it."""
    found: dict[str, Any] = {}
    for name in type(inputs).model_fields:
        value = getattr(inputs, name)
        if isinstance(value, Placeholder):
            found[name] = value.output
        elif _has_placeholders(value):
            found[name] = [item.output if isinstance(item, Placeholder) else item for item in value]
    return found


READABLE = "works"


class ThroughFarm(Inputs):
    """Base of the inputs of what can be read only through the farm itself: its listener, its stores, its interfaces.

    An operator who moves the listener or locks the administrator out takes all of this out of sight. That must not keep
    a preview from showing the cause, nor ``up`` from repairing it: what the machine answers becomes a difference of
    ``reading``, the rest stays as it is in the state, and the update that follows reads again, after everything that
    it depends on was repaired. A machine that does not answer is an error here, too.
    """

    reading: str = READABLE
    """Whether the farm could be read through; a drifted state has the error."""


class Keyed(Inputs):
    """Base of the inputs of what has a random key of its own, by which it recognises what it left on a machine.

    The key is the secret output ``key``: the state keeps it, nobody declares it. A thing without one in the state (a
    new one, or one whose state was lost) gets another, and recognises nothing.
    """

    _key: Secret = PrivateAttr(default=Secret(""))

    @property
    def key(self) -> Secret:
        return self._key

    def keeping(self, kept: Mapping[str, Any]) -> Keyed:
        """The same inputs with the key that the state has, or with a new one."""
        key = kept.get("key")
        self._key = Secret(key if isinstance(key, str) and key else secrets_of_python.token_hex(32))
        return self


AnyInputs = TypeVar("AnyInputs", bound=Inputs)
_LISTS_OF_MACHINES = ("machines", "nodes", "replicas")


def without_machines(inputs: AnyInputs, lost: frozenset[str]) -> AnyInputs:
    """The same inputs with these machines (by folded name) in no list."""
    left = {}
    for name in type(inputs).model_fields if lost else ():
        value = getattr(inputs, name)
        if isinstance(value, tuple):
            left[name] = tuple(item for item in value if folded(_machine_of(name, item)) not in lost)
    return inputs.model_copy(update=left)


def _machine_of(field: str, item: Any) -> str:
    """The machine that an entry of a list is about; empty for one that is about none."""
    return str(item if field in _LISTS_OF_MACHINES and isinstance(item, str) else getattr(item, "machine", ""))


def marked(model: type[BaseModel], marker: type[Any]) -> tuple[str, ...]:
    """The fields of a model that have a marker of this type."""
    return tuple(
        name for name, field in model.model_fields.items() if any(isinstance(m, marker) for m in field.metadata)
    )


def secrets(model: type[BaseModel]) -> tuple[str, ...]:
    """The fields of a model that are secret by their type."""
    fields = model.model_fields.items()
    return tuple(name for name, one in fields if Secret in (one.annotation, *typing.get_args(one.annotation)))


def deletes_first(model: type[BaseModel]) -> bool:
    """Whether a replacement deletes the old thing before it creates the new one."""
    markers = [m for field in model.model_fields.values() for m in field.metadata if isinstance(m, ReplaceOn)]
    return all(marker.delete_first for marker in markers)


def plain(inputs: Inputs) -> dict[str, Any]:
    """Inputs as the state has them; secrets in clear, which Pulumi encrypts."""
    return inputs.model_dump(mode="json", exclude_none=True)
