"""Power and network cable of a machine.

``machine.collection("power")["state"]`` = {"running", "disconnected", "booted" (ISO time)}. Stopping a machine runs the
``stopped`` hook of every part (services end, processes are gone) and cuts its connections; starting it runs the
``started`` hooks (services that start automatically). Pulling the cable stops no service. Where the power is cut, other
machines miss it before its parts end.

Unproven: the durations; a real machine's differ by hardware.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lab.world import Machine, World

SHUTDOWN_SECONDS = 15.0
BOOT_SECONDS = 60.0


def is_reachable(machine: Machine) -> bool:
    """True when other machines can reach it: it runs and its cable is in."""
    state = machine.collection("power")["state"]
    return bool(state["running"]) and not state.get("disconnected", False)


def stop(world: World, machine: Machine) -> None:
    """Shut the machine down; returns when it is off. Nothing happens to a machine that is off."""
    with _exclusive(world, machine):
        _stop(world, machine)


def start(world: World, machine: Machine) -> None:
    """Switch the machine on; returns when its services were started. Nothing happens to a machine that runs."""
    with _exclusive(world, machine):
        _start(world, machine)


def cut(world: World, machine: Machine) -> None:
    """Take its power away: from this moment nothing of it answers, and nobody was told. Nothing happens to a machine
    that is off. Its parts clean up afterwards, when nobody sees it."""
    with _exclusive(world, machine):
        if not machine.running:
            return
        state = machine.collection("power")
        state.change("state", running=False)
        world.network.unplug(machine.name)
        _end(world, machine)
        if not state["state"].get("disconnected", False):
            world.network.plug(machine.name)


def restart(world: World, machine: Machine, *, wait: bool = True) -> None:
    """Shut down and start. ``wait=False`` returns at once, as ``shutdown /r`` and Restart-Computer on itself do."""
    if not wait:
        name = f"restart of {machine.name}"
        threading.Thread(target=restart, args=(world, machine), name=name, daemon=True).start()
        return
    with _exclusive(world, machine):
        _stop(world, machine)
        _start(world, machine)


def disconnect(world: World, machine: Machine) -> None:
    """Pull the network cable: nobody reaches the machine, and it reaches nobody; its services go on."""
    machine.collection("power").change("state", disconnected=True)
    world.network.unplug(machine.name)


def connect(world: World, machine: Machine) -> None:
    """Put the network cable back."""
    machine.collection("power").change("state", disconnected=False)
    world.network.plug(machine.name)


def begin_network(world: World) -> None:
    """When the lab starts: cables that were out are still out."""
    for machine in world.machines.values():
        if machine.collection("power")["state"].get("disconnected", False):
            world.network.unplug(machine.name)


def _stop(world: World, machine: Machine) -> None:
    if not machine.running:
        return
    _end(world, machine)
    machine.collection("power").change("state", running=False)
    world.clock.sleep(SHUTDOWN_SECONDS)


def _end(world: World, machine: Machine) -> None:
    for _, stopped in reversed(world.machine_hooks):
        stopped(machine)
    world.network.close_all(machine.name)


def _start(world: World, machine: Machine) -> None:
    if machine.running:
        return
    world.clock.sleep(BOOT_SECONDS)
    machine.collection("power").change("state", running=True, booted=world.clock.now().isoformat())
    for started, _ in world.machine_hooks:
        started(machine)


def _exclusive(world: World, machine: Machine) -> threading.RLock:
    """One change of power at a time for each machine."""
    with world.lock:
        return world.power_locks.setdefault(machine.name.lower(), threading.RLock())
