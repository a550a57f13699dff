"""What belongs to this stack: claims on machines, and what delete must know of the time before.

Pulumi forgets a create that failed half-way. A claim is written to a machine before the first step and says whether the
thing existed, and the baseline that delete needs; so the next create tells its own unfinished work from another
program's property, and ``delete`` leaves alone what it found.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any, Protocol


@dataclass(frozen=True)
class Claim:
    adopted: bool
    baseline: dict[str, Any] = field(default_factory=dict)


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
