"""Whether a lab runs in a directory: its process holds ``lab.lock`` while it lives, and a killed one holds nothing."""

from __future__ import annotations

import contextlib
import fcntl
from collections.abc import Iterator
from pathlib import Path

LOCK = "lab.lock"


@contextlib.contextmanager
def locked(directory: Path) -> Iterator[bool]:
    """Hold the lock meanwhile; False when another process has it."""
    with (directory / LOCK).open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True


def runs(directory: Path) -> bool:
    """Whether a lab runs there now, one that is just starting or ending included."""
    if not (directory / LOCK).exists():
        return False
    with locked(directory) as free:
        return not free
