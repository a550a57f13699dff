"""What several reads of one moment have in common is read once.

A refresh reads every resource by itself, and many of them ask a machine the same: every database the state of its
group, every node that of its cluster. Inside ``shared`` one answer serves all who ask the same within a moment. Three
things bound this:

- An answer is never older than a change of this process: a change, on whatever machine, ends the sharing of everything
  that was asked before it ended.
- It is never older than ``MOMENT_SECONDS``, counted from the question.
- Code that acts on what it reads, or waits for something to happen, is outside of ``shared`` and always asks again.

An answer that is shared must not be altered. An error is not shared: who waited for that answer asks by itself.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Hashable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

MOMENT_SECONDS = 10.0

T = TypeVar("T")
_here = threading.local()


@contextmanager
def shared() -> Iterator[None]:
    """In this thread, also use what another thread has just read."""
    before = getattr(_here, "shares", False)
    _here.shares = True
    try:
        yield
    finally:
        _here.shares = before


class Scripts(Protocol):
    """Where a script can be run: on one machine."""

    machine: str
    """Its name in the topology, for errors and for what is shared."""
    prelude: str
    """The PowerShell functions that scripts call there."""

    def run(
        self,
        script: str,
        arguments: Mapping[str, Any] | None = None,
        *,
        attempted: str,
        changes: bool = False,
        timeout_seconds: float = 120,
    ) -> list[Any]:
        """As ``PowerShell.run``."""


@dataclass
class _Look:
    """One question on its way, or its answer."""

    asked: float
    done: threading.Event = field(default_factory=threading.Event)
    answered: bool = False
    answer: Any = None


class Looks:
    """The answers of the moment. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._looks: dict[Hashable, _Look] = {}
        self._without_answer: set[str] = set()

    def read(self, key: Hashable, read: Callable[[], T]) -> T:
        """The answer to a question, where this thread shares perhaps one that another thread got."""
        if not getattr(_here, "shares", False):
            return read()
        with self._lock:
            now = time.monotonic()
            known = self._looks.get(key)
            if known is not None and now - known.asked > MOMENT_SECONDS:
                known = None
            if known is None:
                mine = self._looks[key] = _Look(now)
        if known is None:
            return self._read(key, mine, read)
        known.done.wait()
        if known.answered:
            answer: T = known.answer
            return answer
        return read()

    def _read(self, key: Hashable, look: _Look, read: Callable[[], T]) -> T:
        try:
            answer = look.answer = read()
            look.answered = True
            return answer
        finally:
            if not look.answered:
                with self._lock:
                    if self._looks.get(key) is look:
                        del self._looks[key]
            look.done.set()

    def first_without_answer(self, machine: str) -> bool:
        """Whether nobody has found since the last change that a machine does not answer: true for one caller."""
        with self._lock:
            first = machine not in self._without_answer
            self._without_answer.add(machine)
            return first

    def forget(self) -> None:
        """Share nothing of what was asked until now: the moment is over."""
        with self._lock:
            self._looks.clear()
            self._without_answer.clear()

    def run(self, key: Hashable, run: Callable[[], T], *, changes: bool) -> T:
        """What ``run`` gives: as part of a change, or as an answer that may be shared."""
        if not changes:
            return self.read(key, run)
        with self.change():
            return run()

    @contextmanager
    def change(self) -> Iterator[None]:
        """Something is changed in here: what was asked before the end of it is not shared afterwards."""
        try:
            yield
        finally:
            self.forget()


def key_of(value: object) -> Hashable:
    """A value as part of a key; 1 and True are two."""
    if isinstance(value, Mapping):
        return tuple((name, key_of(item)) for name, item in value.items())
    if isinstance(value, list | tuple):
        return tuple(key_of(item) for item in value)
    return type(value), value
