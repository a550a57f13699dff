"""One authority for every lab in this process, and certificates of it.

Making keys takes longer than most tests, and Microsoft's ODBC driver reads the authorities that it trusts once per
process.
"""

from __future__ import annotations

import atexit
import shutil
import tempfile
from functools import cache
from pathlib import Path

from lab.authority import Authority, Issued, thumbprint
from lab.testing.handle import AnyLab, inside

__all__ = ["Authority", "Issued", "authority_of", "share_authority", "thumbprint"]


def authority_of(lab: AnyLab) -> Authority:
    """The authority that every machine of a lab trusts."""
    return inside(lab).authority


def share_authority(lab: Path) -> None:
    """Give a lab's folder the authority of this process, unless it has one already."""
    if not (lab / "authority").exists():
        lab.mkdir(parents=True, exist_ok=True, mode=0o700)
        shutil.copytree(_kept(), lab / "authority")


@cache
def _kept() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="lab-authority-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    assert Authority(folder).certificate  # makes it
    return folder
