"""Waits that can be hopeless: a cause that stays longer than it takes to pass ends a wait early, with its reason."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from remote.errors import MachineError


@dataclass(frozen=True)
class Patience:
    """Remembers since when each cause has been seen without a break. A wait has one of its own, ``patience``;
    two waits that differ in it alone are equal."""

    clock: Callable[[], float] = field(default=time.monotonic, compare=False)
    """In seconds, never set back; only differences count."""
    _since: dict[str, float] = field(default_factory=dict, compare=False)

    def look(self, causes: Mapping[str, tuple[float, MachineError]]) -> None:
        """Raises the error of a cause that has been there longer than its seconds; ``causes`` are those of this
        moment; the time of one that was missing begins again."""
        now = self.clock()
        for key in self._since.keys() - causes.keys():
            del self._since[key]
        for key, (seconds, error) in causes.items():
            if now - self._since.setdefault(key, now) > seconds:
                raise error
