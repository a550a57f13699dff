"""Start and end of the engine as a part of the lab."""

from __future__ import annotations

import logging
import threading

from lab.sql.engine.engine import engine_of
from lab.sql.engine.files import close_files
from lab.sql.engine.group.progress import advance
from lab.sql.engine.instance import instances
from lab.sql.engine.start_stop import start_instance, stop_instance
from lab.sql.installation import installed
from lab.world import Machine, World

LOG = logging.getLogger(__name__)


def start(world: World) -> None:
    """The groups are watched from now on, and machines that stop or start take their instance along. Opens no port.
    Harmless twice."""
    engine = engine_of(world)
    with engine.lock:
        if engine.watcher is not None:
            return
        engine.stopping = threading.Event()
        engine.watcher = threading.Thread(
            target=_watch, args=(world, engine.stopping), name="availability groups", daemon=True
        )
        if not engine.hooked:
            engine.hooked = True
            world.machine_hooks.append(
                (lambda machine: _started(world, machine), lambda machine: stop_instance(world, machine))
            )
    engine.watcher.start()


def _started(world: World, machine: Machine) -> None:
    installation = installed(machine)
    service = machine.collection("service").get(installation.service) if installation else None
    if service is None or service.get("start_type", "Automatic") == "Automatic":
        start_instance(world, machine)


def _watch(world: World, stopping: threading.Event) -> None:
    while not stopping.wait(max(0.1, world.clock.pace)):
        try:
            advance(world)
        except Exception:  # a watcher that dies would freeze every group without a word
            LOG.exception("watching the availability groups")


def stop(world: World) -> None:
    """End watching, end the sessions and close the files. The state stays: a later start finds it."""
    engine = engine_of(world)
    watcher, engine.watcher = engine.watcher, None
    engine.stopping.set()
    if watcher is not None:
        watcher.join(5)
    with engine.lock:
        for instance in instances(world).values():
            for session in list(instance.sessions.values()):
                session.close()
        instances(world).clear()
        close_files(world)
