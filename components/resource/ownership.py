"""What belongs to this stack: claims on machines, and what delete must know of the time before.

Pulumi forgets a create that failed half-way. A claim is written to a machine before the first step and says whether the
thing existed, and the baseline that delete needs; so the next create tells its own unfinished work from another
program's property, and ``delete`` leaves alone what it found.

A claim names its owner. Every create writes another token to it and to the state: of two resources that stand for one
thing (another Pulumi name, another spelling of the machine, ``up --replace``) only the later one can take it away. The
stack is known by a random identity that its state keeps (``components/resource/stack.py``), since two backends may have
stacks of one name.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from typing import Any, Protocol


@dataclass(frozen=True)
class Owner:
    """Whose a claim is."""

    stack: str = ""
    """``project/stack``, as the stack was called when it was made."""
    identity: str = ""
    """Random, kept in the stack's state."""
    resource: str = ""
    """The resource's name in Pulumi."""

    def __str__(self) -> str:
        return f"{self.resource or 'a resource'} of the stack {self.stack or 'without a name'}"


@dataclass(frozen=True)
class Claim:
    adopted: bool
    """Whether the thing existed before; then delete leaves it."""
    baseline: dict[str, Any] = field(default_factory=dict)
    """What delete has to know of the time before (``WithBaseline``)."""
    owner: Owner = field(default_factory=Owner)
    """Whom the thing belongs to."""
    token: str = ""
    """Of the create that wrote it; the state of its resource has the same."""
    since: str = ""
    """When that was (UTC)."""
    kind: str = ""
    """The resource's class, without ``Resource``."""
    inputs: dict[str, Any] = field(default_factory=dict)
    """Without secrets: what a removal of what no state knows needs."""

    def dump(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def parse(cls, text: str) -> Claim:
        """Raises ``ValueError`` for what is no claim."""
        try:
            values = json.loads(text)
            return cls(**{**values, "owner": Owner(**values.get("owner", {}))})
        except (AttributeError, TypeError, RecursionError) as error:
            raise ValueError(f"no claim: {error}") from None


class ClaimStore(Protocol):
    """Keeps the claims of a machine. Each method raises ``MachineError`` when the machine does not do it."""

    def read(self, machine: str, resource_id: str) -> Claim | None: ...

    def write(self, machine: str, resource_id: str, claim: Claim) -> None: ...

    def remove(self, machine: str, resource_id: str) -> None: ...


@dataclass(frozen=True)
class Ownership:
    """What the state keeps of it, as the output ``ownership``."""

    adopted: bool = False
    """Whether the thing existed before this stack; then delete leaves it."""
    baseline: dict[str, Any] = field(default_factory=dict)
    """How things were before this stack changed them."""
    owner_machine: str = ""
    """The machine that keeps the claim."""
    token: str = ""
    """The claim's; another one there says that the thing belongs to another resource by now."""

    @classmethod
    def of(cls, outputs: dict[str, Any]) -> Ownership:
        return cls(**(outputs.get("ownership") or {}))

    def dump(self) -> dict[str, Any]:
        return asdict(self)


def was(baseline: dict[str, Any], name: str, part: str) -> bool:
    """Whether a part was there before: a map of the baseline says it of each part."""
    return bool(baseline.get(name, {}).get(part))


def widened(baseline: dict[str, Any], fresh: dict[str, Any]) -> dict[str, Any]:
    """A baseline with the keys that its maps lack."""
    return {
        name: {**fresh.get(name, {}), **value} if isinstance(value, dict) else value for name, value in baseline.items()
    }
