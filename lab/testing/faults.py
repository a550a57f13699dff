"""Faults of the wires, and what goes over them: ``add(lab, Fault("SQL1", "winrm", nth=3, moment="after"))``."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from lab.faults import Call, Fault
from lab.testing.handle import AnyLab, inside

__all__ = ["Call", "Fault", "add", "clear", "recorded", "stands"]


def add(lab: AnyLab, fault: Fault) -> int:
    """Order a fault; its number."""
    return inside(lab).faults.add(fault)


def stands(lab: AnyLab, number: int) -> bool:
    """Whether a fault with this number is still to come. One that delays calls stands until ``clear``."""
    return number in inside(lab).faults.standing()


def clear(lab: AnyLab) -> None:
    """No fault stands any more."""
    inside(lab).faults.clear()


@contextmanager
def recorded(lab: AnyLab) -> Iterator[list[Call]]:
    """Every call that reaches a wire of the lab meanwhile, in the order in which faults count them. The input of a
    shell is as it came, secrets included."""
    calls: list[Call] = []
    with inside(lab).faults.listening(calls.append):
        yield calls
