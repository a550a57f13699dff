"""What was done to the farm: the stack's history as the Pulumi CLI keeps it, and the log of the steps."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from components.stack_configuration import run
from components.step_log import Entry
from operations.report.content import Update
from remote.errors import MachineError
from remote.text import one_line

UPDATES = 20
"""How many of the history are shown, and how many of the log."""
STEPS = 20


def updates(stack: str, steps: Sequence[Entry]) -> tuple[Update, ...]:
    """The last entries, the newest first. ``stack`` as the CLI takes it; empty: the selected one. ``steps`` are
    those of its log. Raises ``MachineError`` with what the CLI says."""
    printed = run(["stack", "history", "--json", "--page-size", str(UPDATES)], stack)
    try:
        return tuple(_update(values, steps) for values in json.loads(printed))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise MachineError(
            "this computer", "read the stack's history", f"{type(error).__name__}: {error}", "Look at `pulumi version`."
        ) from None


def _update(values: Mapping[str, Any], steps: Sequence[Entry]) -> Update:
    began = datetime.fromisoformat(values["startTime"])
    ended = datetime.fromisoformat(values["endTime"]) if values.get("endTime") else None
    if values["result"] == "in-progress":
        ended = None
    last = ended or datetime.now(UTC)
    own = [step for step in steps if began <= step.ended <= last]
    return Update(
        int(values["version"]),
        one_line(values["kind"]),
        one_line(values["result"]),
        began,
        ended,
        {one_line(name): int(number) for name, number in (values.get("resourceChanges") or {}).items()},
        len(own),
        tuple(step for step in own if step.failed),
    )
