"""Which version of the lab's program this is: a state that another one began may hold documents of another shape."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path

_HERE = Path(__file__).resolve().parent
_BESIDE = ("tests", "testing")
"""Folders without a part of what runs."""


@cache
def program() -> str:
    """A short text that is another one after every change of the lab's own files, the same in every checkout of them.

    Looked up once in a process, at the lab's start: what runs is what was loaded, whatever happens to the files later.
    """
    digest = hashlib.sha256()
    for file in sorted(_HERE.rglob("*")):
        name = file.relative_to(_HERE)
        if file.suffix in (".py", ".yaml") and name.parts[0] not in _BESIDE:
            digest.update(f"{name}\n".encode() + file.read_bytes())
    return digest.hexdigest()[:16]
