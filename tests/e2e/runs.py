"""One run of the real CLI, and what the engine did in it to which resource."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property

from tests.e2e.farm import Farm, Result, operations

VERIFICATION, CLOSING = "verification", "closing"
HEAD = re.compile(r"^\s*(?:[-+~]{1,2})\s*\S+: \((\w+)\)$", re.MULTILINE)


@dataclass
class Run:
    """One preview or up: its output, and what it did to which resource."""

    result: Result
    operations: dict[str, str]
    """Resource → operation, of those that are not the same."""

    @property
    def touched(self) -> set[str]:
        return set(self.operations) - {VERIFICATION, CLOSING}

    @cached_property
    def parts(self) -> dict[str, str]:
        """Resource → its part of the output, single-spaced; what the refresh found stands before and is left out."""
        pieces = HEAD.split(self.result.output)
        found = {}
        for operation, text in zip(pieces[1::2], pieces[2::2], strict=True):
            urn = re.search(r"\[urn=(\S+)\]", text)
            if operation != "refresh" and urn:
                found[urn.group(1).rsplit("::", 1)[1]] = re.sub(r" +", " ", text)
        return found


def run(farm: Farm, *command: str) -> Run:
    """Run ``preview`` or ``up``. Pulumi takes ``--event-log`` only with PULUMI_DEBUG_COMMANDS."""
    log = farm.folder / "events.jsonl"
    log.unlink(missing_ok=True)
    farm.environment["PULUMI_DEBUG_COMMANDS"] = "1"
    result = farm.pulumi(*command, "--diff", "--event-log", str(log))
    return Run(result, operations(log))


def preview(farm: Farm) -> Run:
    return run(farm, "preview")


def up(farm: Farm) -> Run:
    return run(farm, "up", "--yes", "--skip-preview")
