"""Time in the lab."""

from __future__ import annotations

import time
from datetime import UTC, datetime


class Clock:
    """Time in the lab. Every duration of the modelled world passes through ``sleep``, scaled by ``pace``.

    A pace of 1 is real time, 0.02 fifty times faster. ``now`` is the ordinary clock (UTC): event logs and backup
    histories carry times that can be compared with a watch.
    """

    def __init__(self, pace: float) -> None:
        self.pace = pace

    def now(self) -> datetime:
        return datetime.now(UTC)

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds * self.pace)

    def elapsed(self, since: str) -> float:
        """Modelled seconds since an ISO 8601 time (as ``now().isoformat()`` gives it)."""
        passed = (self.now() - datetime.fromisoformat(since)).total_seconds()
        return passed / self.pace if self.pace else float("inf")
