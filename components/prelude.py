"""The functions that several leaf scripts call; every shell and scheduled task defines them once.

A part of the farm whose scripts repeat a block has a ``prelude.ps1``; ``remote/prelude.ps1`` has what is about no part.
"""

from __future__ import annotations

from components.steps import load_script

PRELUDES = ("windows/prelude.ps1", "portal/prelude.ps1")


def prelude() -> str:
    """The preludes of all parts, as PowerShell."""
    return "\n".join(load_script(path) for path in PRELUDES)
