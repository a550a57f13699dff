"""The service of an instance starts and stops."""

from __future__ import annotations

from lab.sql.engine.engine import engine_of
from lab.sql.engine.files import files_of
from lab.sql.engine.group.progress import advance
from lab.sql.engine.group.state import groups
from lab.sql.engine.instance import instance_of, instances
from lab.sql.installation import installed, server_name
from lab.world import Machine, World

START_SECONDS, STOP_SECONDS = 8.0, 3.0
"""Modelled time of the service's start (recovery of all databases) and stop: the lab's estimates."""


def start_instance(world: World, machine: Machine) -> None:
    """The service starts: modelled time for recovery, then databases of the group resynchronise. Harmless twice."""
    installation = installed(machine)
    if installation is None or installation.document["running"]:
        return
    world.clock.sleep(START_SECONDS)
    registry = machine.collection("registry").get(installation.settings_key) or {"values": {}}
    values = {name.lower(): value for name, value in registry["values"].items()}
    mode = int((values.get("loginmode") or {"data": 1})["data"])
    hadr = installation.hadr_configured
    now = world.clock.now()
    with engine_of(world).lock:
        _fresh_tempdb(world, machine)
        _suspended_before(world, machine)
        port = installation.configured_port
        installation.change(running=True, mixed=mode == 2, hadr=hadr, started=now.isoformat(), port=port)
        instance = instance_of(world, machine)
        if instance is not None:
            authentication = "MIXED" if mode == 2 else "WINDOWS-ONLY"
            instance.log("Server", installation.title)
            instance.log("Server", f"Authentication mode is {authentication}.")
    advance(world)


def _suspended_before(world: World, machine: Machine) -> None:
    """A copy that was suspended when the service ended shows that for its reason (SUSPEND_FROM_RESTART)."""
    own = server_name(machine)
    for group in groups(world):
        if own.lower() == (group.primary or "").lower():
            continue
        for database in group.of("database"):
            link = group.link(own, database) or {}
            if link.get("suspended") and not link.get("pending") and not link.get("by_primary"):
                group.set_link(own, database, suspended="SUSPEND_FROM_RESTART")


def _fresh_tempdb(world: World, machine: Machine) -> None:
    file = files_of(world, machine).by_name("tempdb")
    model = files_of(world, machine).by_name("model")
    if file is not None and model is not None:
        snapshot = model.snapshot()
        snapshot["entries"] = {
            **snapshot["entries"],
            "option": {"database": {**snapshot["entries"]["option"]["database"], "recovery": "SIMPLE"}},
        }
        file.load({**snapshot, "family": file.family, "fork": file.fork})


def stop_instance(world: World, machine: Machine) -> None:
    """The service stops: its sessions end at once, open transactions are rolled back. Harmless twice."""
    installation = installed(machine)
    if installation is None or not installation.document["running"]:
        return
    with engine_of(world).lock:
        instance = instances(world).pop(machine.name.lower(), None)
        installation.change(running=False)
        for session in list(instance.sessions.values()) if instance else []:
            session.close()
    advance(world)
    world.clock.sleep(STOP_SECONDS)
    advance(world)
