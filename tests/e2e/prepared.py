"""What several farms need alike, made once for all processes of a test run and copied.

Encrypting a stack's secrets takes the CLI seconds, and so does bringing up a farm that a module only wants to alter.
"""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path


def prepare(name: str, folder: Path, parts: Sequence[str], make: Callable[[], None]) -> None:
    """Have ``parts`` (files and folders) in a farm's folder: made by ``make`` for the first farm that needs what has
    this name, copied from there for the others. So they must not name the farm's folder."""
    kept = _shared(folder) / name
    kept.parent.mkdir(exist_ok=True)
    with kept.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if kept.exists():
            _copy(kept, folder, parts)
            return
        make()
        unfinished = kept.with_suffix(".new")
        _copy(folder, unfinished, parts)
        unfinished.rename(kept)


def _shared(folder: Path) -> Path:
    """A folder for all processes of this test run. A farm's folder is directly below that of its process."""
    of_process = folder.parent
    return (of_process.parent if "PYTEST_XDIST_WORKER" in os.environ else of_process) / "prepared"


def _copy(source: Path, target: Path, parts: Sequence[str]) -> None:
    for part in parts:
        (target / part).parent.mkdir(parents=True, exist_ok=True)
        if (source / part).is_dir():
            shutil.copytree(source / part, target / part, symlinks=True, dirs_exist_ok=True)
        else:
            shutil.copy2(source / part, target / part)
