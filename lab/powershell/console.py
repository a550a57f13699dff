"""Scripts as JSON lines: the door through which the evaluator is tried and tested without a machine.

A line ``{"id": …, "script": …}`` gives ``{"id", "output": [{"type", "value"}], "errors": [{"message", "id"}],
"terminated": null or {"message", "id"}}``, or ``{"id", "unsupported": the construct}``.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterable
from decimal import Decimal
from pathlib import Path
from typing import Any, TextIO

from lab.powershell.api import EnumValue, NotModelledError, PowerShellError, Session
from lab.powershell.convert import to_text
from lab.powershell.runspace import Runspace
from lab.powershell.values import plain, type_name
from lab.world import Identity, Machine, World


def dummy_session(directory: Path) -> Session:
    """A session on a machine that is on no network."""
    world = World(directory, {}, pace=0)
    machine = Machine(world, "LAB", "lab.example", "LAB", "127.0.0.1", "127.0.0.1", ())
    world.add(machine)
    return Session(machine, Identity("LAB\\user", "S-1-5-21-1-1-1-1000", frozenset(), True))


def shown(value: Any) -> dict[str, Any]:
    """An object of the output as JSON: its short type name, and its value or its text."""
    value = plain(value)
    if value is None:
        return {"type": None, "value": None}
    name = type_name(value).rsplit(".", 1)[-1]
    if isinstance(value, bool | int | float | str) and not isinstance(value, EnumValue | Decimal):
        return {"type": name, "value": value}
    return {"type": name, "value": to_text(value)}


def _error(error: PowerShellError) -> dict[str, str]:
    return {"message": error.message, "id": error.error_id}


def answer(session: Session, request: dict[str, Any]) -> dict[str, Any]:
    """Run one request in a fresh runspace."""
    try:
        result = Runspace(session).run(str(request["script"]))
        return {
            "id": request.get("id"),
            "output": [shown(item) for item in result.output],
            "errors": [_error(error) for error in result.errors],
            "terminated": _error(result.terminated) if result.terminated else None,
        }
    except NotModelledError as limit:
        return {"id": request.get("id"), "unsupported": str(limit)}


def main(stdin: Iterable[str], stdout: TextIO) -> None:
    """Answer every line of the input with a line of output."""
    with tempfile.TemporaryDirectory() as directory:
        session = dummy_session(Path(directory))
        for line in stdin:
            if line.strip():
                print(json.dumps(answer(session, json.loads(line))), file=stdout, flush=True)
