"""Power and network cable of the machines of a lab in this process. Machines are named as the topology names them."""

from __future__ import annotations

from lab import machines
from lab.testing.handle import AnyLab, inside


def stop(lab: AnyLab, machine: str) -> None:
    """Shut the machine down; returns when it is off."""
    world = inside(lab)
    machines.stop(world, world.machine(machine))


def cut(lab: AnyLab, machine: str) -> None:
    """Take the machine's power away."""
    world = inside(lab)
    machines.cut(world, world.machine(machine))


def start(lab: AnyLab, machine: str) -> None:
    """Switch the machine on; returns when its services were started."""
    world = inside(lab)
    machines.start(world, world.machine(machine))


def restart(lab: AnyLab, machine: str) -> None:
    world = inside(lab)
    machines.restart(world, world.machine(machine))


def disconnect(lab: AnyLab, machine: str) -> None:
    """Pull the network cable; the machine's services go on."""
    world = inside(lab)
    machines.disconnect(world, world.machine(machine))


def connect(lab: AnyLab, machine: str) -> None:
    """Put the network cable back."""
    world = inside(lab)
    machines.connect(world, world.machine(machine))
