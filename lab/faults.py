"""Faults on demand: the n-th call on a wire breaks, before or after its effect, or is slow.

Every wire calls ``trip`` before it hands a request to the lab and after the request took effect.
"""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

from lab.clock import Clock


class BrokenWireError(ConnectionError):
    """The connection is to be cut here and now, without an answer."""


@dataclass(frozen=True)
class Fault:
    """``nth`` call (1 is the next one) on a wire of a machine breaks at the moment, or is delayed."""

    machine: str
    """As the topology names it, in any case."""
    wire: str
    """``winrm``, ``sql`` or ``http``."""
    nth: int = 1
    """Which call from now breaks, 1 for the next one."""
    moment: str = "before"
    """``before``: the call has no effect. ``after``: it had its effect, and the answer is lost."""
    delay_seconds: float | None = None
    """Delay every call by so many modelled seconds instead of breaking one."""


@dataclass(frozen=True)
class Call:
    """A request on a wire, as faults count them: the nth with the same machine and wire is what ``Fault.nth`` means."""

    machine: str
    """As the topology names it."""
    wire: str
    """``winrm``, ``sql`` or ``http``."""
    text: str
    """``winrm``: the input that ends a line; ``sql``: the statement, without the values of its parameters; ``http``:
    method and path."""


class Faults:
    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._numbers = itertools.count(1)
        self._faults: dict[int, Fault] = {}
        self._listeners: list[Callable[[Call], None]] = []

    def add(self, fault: Fault) -> int:
        with self._lock:
            number = next(self._numbers)
            self._faults[number] = fault
            return number

    def clear(self) -> None:
        with self._lock:
            self._faults.clear()

    def standing(self) -> dict[int, Fault]:
        with self._lock:
            return dict(self._faults)

    def has(self, machine: str, wire: str, moment: str) -> bool:
        """True when a fault stands for this wire and moment: a wire may have to wait for an effect before it breaks."""
        return any(
            fault.machine.lower() == machine.lower() and fault.wire == wire and fault.moment == moment
            for fault in self.standing().values()
        )

    @property
    def watched(self) -> bool:
        """True while a wire has to call ``trip``: a fault stands, or calls are listened to."""
        return bool(self._faults or self._listeners)

    @contextmanager
    def listening(self, listener: Callable[[Call], None]) -> Iterator[None]:
        """Meanwhile every call is given to a listener, before its effect, in the thread of its wire."""
        self._listeners.append(listener)
        try:
            yield
        finally:
            self._listeners.remove(listener)

    def trip(self, machine: str, wire: str, moment: str, text: str = "") -> None:
        """Called by a wire, with the text of the call before its effect; raises BrokenWireError when a fault says so.
        Blocks for a delay: call it off the loop."""
        if moment == "before":
            for listener in list(self._listeners):
                listener(Call(machine, wire, text))
        delay = 0.0
        with self._lock:
            for number, fault in list(self._faults.items()):
                if fault.machine.lower() != machine.lower() or fault.wire != wire or fault.moment != moment:
                    continue
                if fault.delay_seconds is not None:
                    delay += fault.delay_seconds
                elif fault.nth > 1:
                    self._faults[number] = replace(fault, nth=fault.nth - 1)
                else:
                    del self._faults[number]
                    raise BrokenWireError(f"fault {number}: {wire} of {machine}, {moment} the effect")
        if delay:
            self._clock.sleep(delay)
