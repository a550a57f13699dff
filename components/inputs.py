"""The bases of what a resource is given: pydantic models, parsed by ``check`` before anything else."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError, ValidatorFunctionWrapHandler, field_validator

from remote.secret import redact


class InputPart(BaseModel):
    """Part of an input: frozen, nothing extra, and no value of a field in an error message (it may be a secret).

    The sentence below a field is its meaning in ``docs/resources.md``.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


@dataclass(frozen=True)
class Placeholder:
    """Stands in a model for a value that another resource gives, and that is not known yet."""

    output: Any


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

    A field whose whole value is a ``Placeholder`` is taken as it is: the value is validated by ``check``, which sees it
    when it is known.
    """

    adopt: bool = False
    """Take over what is there already although this stack did not make it."""

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
        return value if isinstance(value, Placeholder) else handler(value)


READABLE = "works"


class ThroughFarm(Inputs):
    """Base of the inputs of what can be read only through the farm itself: its listener, its stores, its interfaces.

    Somebody who moves the listener or locks the administrator out takes all of this out of sight. That must not keep
    a preview from showing the cause, nor ``up`` from repairing it: what the machine answers becomes a difference of
    ``reading``, the rest stays as it is in the state, and the update that follows reads again, after everything that
    it depends on was repaired. A machine that does not answer is an error here, too.
    """

    reading: str = READABLE
    """Whether the farm could be read through; a drifted state has the error."""
