"""The scripts with which ``remote.detached`` handles scheduled tasks, for machines that stand in for real ones."""

from __future__ import annotations

from pathlib import Path

import remote

LIST, READ, START, REMOVE = (
    (Path(remote.__file__).parent / f"task_{name}.ps1").read_text(encoding="utf-8")
    for name in ("list", "read", "start", "remove")
)
