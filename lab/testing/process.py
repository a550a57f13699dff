"""The lab as a process of a directory, as ``python -m lab up`` starts it. Needs no package beyond Python itself."""

from __future__ import annotations

import json
from pathlib import Path

from lab.lock import locked, runs

__all__ = ["locked", "process_id", "runs"]


def process_id(directory: Path) -> int:
    """Of the lab that runs in a directory. Raises FileNotFoundError when none does."""
    return int(json.loads((directory / "lab.pid").read_text(encoding="utf-8"))["pid"])
