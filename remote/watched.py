"""A statement that takes its time and says how far it is: it may go on as long as it gets on.

A backup or a restore of a big database takes hours, one that hangs none: so its time-out counts from its last progress
(``percent_complete`` of sys.dm_exec_requests, which BACKUP and RESTORE keep up to date), read over another connection.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

INTERVAL_SECONDS = 2.0
"""Seconds between two looks."""


@dataclass
class Watch:
    """Watches one running statement, in a thread of its own, until it is left.

    ``look`` gives the percentage, or None where it is not known; ``cancel`` ends the statement when ``stall_seconds``
    have brought no progress; ``report`` gets each whole percent that was reached, at most once a look.
    """

    look: Callable[[], float | None]
    cancel: Callable[[], object]
    report: Callable[[int], None]
    stall_seconds: float
    interval_seconds: float = INTERVAL_SECONDS
    """Seconds between two looks at most."""
    percent: float = 0.0
    """The highest that was seen, 0 to 100."""
    stalled: bool = False
    """Whether ``cancel`` was called."""
    _left: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def __enter__(self) -> Watch:
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._left.set()
        assert self._thread is not None
        self._thread.join()

    def _run(self) -> None:
        moved, reported = time.monotonic(), 0
        while not self._left.wait(min(self.interval_seconds, self.stall_seconds / 4)):
            now = self.look()
            if now is not None and now > self.percent:
                self.percent, moved = now, time.monotonic()
                if int(now) > reported:
                    reported = int(now)
                    self.report(reported)
            elif time.monotonic() - moved >= self.stall_seconds:
                self.stalled = True
                self.cancel()
                return
