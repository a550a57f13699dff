"""Power and network cable of the machines of a lab in this process. Machines are named as the topology names them."""

from __future__ import annotations

from lab import machines
from lab.world import World


def stop(world: World, machine: str) -> None:
    """Shut the machine down; returns when it is off."""
    machines.stop(world, world.machine(machine))


def cut(world: World, machine: str) -> None:
    """Take the machine's power away."""
    machines.cut(world, world.machine(machine))


def start(world: World, machine: str) -> None:
    """Switch the machine on; returns when its services were started."""
    machines.start(world, world.machine(machine))


def restart(world: World, machine: str) -> None:
    machines.restart(world, world.machine(machine))


def disconnect(world: World, machine: str) -> None:
    """Pull the network cable; the machine's services go on."""
    machines.disconnect(world, world.machine(machine))


def connect(world: World, machine: str) -> None:
    """Put the network cable back."""
    machines.connect(world, world.machine(machine))
