"""The lab as a process of a directory, as ``python -m lab up`` starts it. Needs no package beyond Python itself."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from lab.client import call
from lab.lock import locked, runs

__all__ = ["locked", "process_id", "runs", "status"]


def process_id(directory: Path) -> int:
    """Of the lab that runs in a directory. Raises FileNotFoundError when none does."""
    return int(json.loads((directory / "lab.pid").read_text(encoding="utf-8"))["pid"])


def status(directory: Path) -> dict[str, Any]:
    """What ``python -m lab status --json`` shows. Raises NotRunningError when no lab runs in a directory."""
    found: dict[str, Any] = call(directory, {"request": "status"})
    return found
