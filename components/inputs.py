"""The bases of what a resource is given: pydantic models, parsed by ``check`` before anything else."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class InputPart(BaseModel):
    """Part of an input: frozen, nothing extra, and no value of a field in an error message (it may be a secret).

    The sentence below a field is its meaning in ``docs/resources.md``.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class Inputs(InputPart):
    """Base of all inputs."""

    adopt: bool = False
    """Take over what is there already although this stack did not make it."""


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
