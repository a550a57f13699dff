"""``python -m lab`` with WinRM and NLB only: what tests of starting and stopping need. A program of its own, because
the lab runs as a process of its own."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2]))

from lab import __main__, boot, orders

PARTS: Any = {
    "BEGINNINGS": ("lab.identity", "lab.files", "lab.trust", "lab.winrm.service"),
    "SERVICES": ("lab.winrm.service", "lab.balancer"),
    "COMMANDS": (),
}
for name, parts in PARTS.items():
    setattr(boot, name, parts)
orders._sql = lambda world: {"instances": {}, "listeners": []}  # no SQL Server in this one
__main__.main()
