"""For what looks at the lab's state again and again: when a look would find what the last one found."""

from __future__ import annotations

import time


class Quiet:
    """Remembers since when nothing has changed."""

    def __init__(self) -> None:
        self._versions: tuple[int, ...] = ()
        self._since = 0.0

    def holds(self, quiet_seconds: float, *versions: int) -> bool:
        """Whether nothing has changed for so many seconds of this computer's. ``versions`` count the changes of
        everything that the watcher looks at.

        The seconds are at least as long as what the watcher waits for by the clock alone: a look that begins such a
        wait is then followed by the one that sees its end.
        """
        now = time.monotonic()
        if versions != self._versions:
            self._versions, self._since = versions, now
        return now - self._since > quiet_seconds
