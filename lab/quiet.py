"""For what looks at the lab's state again and again: when a look would find what the last one found."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from lab.store import Reads, Store


class Quiet:
    """Remembers what the last look read, and since when it is unchanged."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._reads: Reads | None = None
        self._versions: tuple[int, ...] = ()
        self._since = 0.0

    def holds(self, quiet_seconds: float, *versions: int) -> bool:
        """Whether nothing has changed for so many seconds of this computer's: no document that the last look read, nor
        what ``versions`` count the changes of.

        The seconds are at least as long as what the watcher waits for by the clock alone: a look that begins such a
        wait is then followed by the one that sees its end.
        """
        now = time.monotonic()
        if self._reads is None or versions != self._versions or not self._store.unchanged(self._reads):
            self._versions, self._since = versions, now
        return now - self._since > quiet_seconds

    @contextmanager
    def look(self) -> Iterator[None]:
        """A look is what happens inside. One that fails is to be repeated."""
        self._reads = None
        with self._store.reading() as reads:
            yield
        self._reads = reads
