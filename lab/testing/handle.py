"""What the functions of ``lab.testing`` take: a lab in this process, whatever started it."""

from __future__ import annotations

from lab.world import World


class Lab:
    """A lab in this process. A handle: what is in it is the lab's own, and the functions of ``lab.testing`` show and
    change it."""

    __slots__ = ("_world",)

    def __init__(self, world: World) -> None:
        self._world = world


AnyLab = Lab | World
"""The lab's own tests have what is inside in hand."""


def inside(lab: AnyLab) -> World:
    """What is in a lab, for ``lab.testing`` and the lab's own tests."""
    return lab._world if isinstance(lab, Lab) else lab
