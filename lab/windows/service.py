"""The Windows part as a service of the lab: what runs on every machine while the lab runs."""

from __future__ import annotations

from lab.windows import features, iis, nlb, registry, services, tasks
from lab.world import Machine, World


def start(world: World) -> None:
    """Serve web sites, go on with convergence and tasks, and follow machines that start and stop."""
    iis.start(world)
    world.machine_hooks.append((_machine_started, _machine_stopping))
    services.lab_started(world)
    nlb.resume_after_start(world)
    tasks.lab_started(world)


def stop(world: World) -> None:
    """Nothing of this part runs any more; the state stays."""
    tasks.lab_stopping(world)
    nlb.lab_stopping(world)
    iis.stop(world)


def _machine_started(machine: Machine) -> None:
    """NLB is a driver: it is there before the first service, in its initial state."""
    nlb.machine_started(machine)
    registry.machine_started(machine)
    features.machine_started(machine)
    services.machine_started(machine)
    tasks.machine_started(machine)


def _machine_stopping(machine: Machine) -> None:
    tasks.machine_stopping(machine)
    nlb.machine_stopping(machine)
    services.machine_stopping(machine)
