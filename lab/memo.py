"""What is asked again and again of documents that seldom change: kept until one of those that it was worked out from
does."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Any, TypeVar

from lab.store import Reads, Store

T = TypeVar("T")


class Memo:
    """Answers by key. Which documents an answer was worked out from is seen while it is worked out, so none can be
    forgotten; what else it depends on is given as ``versions``. It must not depend on the time."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._kept: dict[Hashable, tuple[Any, Reads, tuple[int, ...]]] = {}

    def get(self, key: Hashable, work: Callable[[], T], *versions: int) -> T:
        """The answer kept under a key, or else what ``work`` gives; whatever that raises is not kept. It runs without
        a lock: two threads may work out the same answer at once."""
        kept = self._kept.get(key)
        if kept is not None and kept[2] == versions and self._store.unchanged(kept[1]):
            answer: T = kept[0]
            return answer
        with self._store.reading() as reads:
            answer = work()
        self._kept[key] = (answer, reads, versions)
        return answer
