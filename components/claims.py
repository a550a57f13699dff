"""Claims: how a machine remembers which things this program made.

Pulumi forgets a create that failed half-way. A claim is written to the machine's registry before the first step and
says whether the thing was there before, and what has to be known to undo the rest; so the next create can tell its
own unfinished work from somebody else's property, and ``delete`` leaves alone what it found.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from components.progress import report
from components.steps import leaf
from remote.detached import sweep
from remote.session import Remote

SWEEP_SECONDS = 900
"""How long work of a killed run may still take when nothing else of this program is left on a machine."""


@dataclass(frozen=True)
class Claim:
    adopted: bool
    before: dict[str, Any] = field(default_factory=dict)


def was(before: dict[str, Any], name: str, part: str) -> bool:
    """Whether a part was there before: a map says it of each part. A list has those that were, as this program kept it
    before it kept maps: such claims and states are still about."""
    kept = before.get(name, {})
    return bool(kept.get(part)) if isinstance(kept, dict) else part in kept


def read(remote: Remote, machine: str, key: str) -> Claim | None:
    found = remote.powershell(machine).run(
        leaf("windows/read_claim.ps1"), {"Key": key}, attempted=f"read the claim on {key}"
    )
    if not found:
        return None
    kept = json.loads(found[0])
    return Claim(kept["adopted"], kept["before"])


def write(remote: Remote, machine: str, key: str, claim: Claim) -> None:
    text = json.dumps({"adopted": claim.adopted, "before": claim.before})
    remote.powershell(machine).run(
        leaf("windows/write_claim.ps1"),
        {"Key": key, "Text": text},
        attempted=f"write the claim on {key}",
        changes=True,
    )


def remove(remote: Remote, machine: str, key: str) -> None:
    """Remove a claim. With the last one of a machine goes what killed runs left there: nothing is done there now that
    it could belong to."""
    powershell, attempted = remote.powershell(machine), f"remove the claim on {key}"
    last = powershell.run(leaf("windows/remove_claim.ps1"), {"Key": key}, attempted=attempted, changes=True)[0]
    if last:
        sweep(powershell, attempted=f"remove what earlier runs left on {machine}", seconds=SWEEP_SECONDS, report=report)
