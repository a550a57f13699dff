"""Windows services: their state, and what starting and stopping one does to others.

A service is a document in the machine's collection ``service``: ``{"name", "display", "status", "start_type",
"depends_on", "account"}`` with the status names of ServiceControllerStatus and the start types Auto, Manual and
Disabled. What is behind a service registers itself in ``world.service_controls``; a service nobody registered is only
a state. The service control manager's rules: a required service is started first, a running dependent keeps a service
from being stopped, every change of state is event 7036 in the System log.
"""

from __future__ import annotations

from lab.world import Document, Machine, World

STATUSES = {
    "Stopped": 1,
    "StartPending": 2,
    "StopPending": 3,
    "Running": 4,
    "ContinuePending": 5,
    "PausePending": 6,
    "Paused": 7,
}
DOMAIN_TRIGGERED = ("W32Time",)
"""Manual services that a member of a domain starts all the same, by their trigger (Microsoft: KB 2385818)."""
CHANGE_SECONDS = 1.0
"""Modelled duration of a start or stop of a service whose own part takes no time."""


class ServiceError(Exception):
    """A refusal of the service control manager: ``code`` is the Windows error (1053, 1058, 1060, 1068 …)."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


def add(
    machine: Machine,
    name: str,
    display: str,
    *,
    start_type: str = "Auto",
    status: str = "Running",
    depends_on: tuple[str, ...] = (),
    account: str = "LocalSystem",
) -> None:
    """Install a service; one that exists keeps its state."""
    services = machine.collection("service")
    if name not in services:
        services[name] = {
            "name": name,
            "display": display,
            "status": status,
            "start_type": start_type,
            "depends_on": list(depends_on),
            "account": account,
        }


def get(machine: Machine, name: str) -> Document | None:
    return machine.collection("service").get(name)


def dependents(machine: Machine, name: str) -> list[Document]:
    """The services that need ``name``, those that need them included, the outermost first."""
    found: list[Document] = []
    for service in machine.collection("service").values():
        if name.lower() in (needed.lower() for needed in service["depends_on"]):
            found = [*dependents(machine, service["name"]), service, *found]
    unique: dict[str, Document] = {}
    for service in found:
        unique.setdefault(service["name"].lower(), service)
    return list(unique.values())


def _enter(machine: Machine, name: str, status: str) -> None:
    service = machine.collection("service").change(name, status=status)
    if status in ("Running", "Stopped"):
        state = "running" if status == "Running" else "stopped"
        machine.world.log_event(
            machine,
            "System",
            "Service Control Manager",
            7036,
            "Information",
            f"The {service['display']} service entered the {state} state.",
        )


def start(machine: Machine, name: str) -> None:
    """Start a service and the services it needs; returns when it runs. One that runs already is left alone."""
    service = get(machine, name)
    if service is None:
        raise ServiceError(1060, "The specified service does not exist as an installed service")
    if service["start_type"] == "Disabled" and service["status"] != "Running":
        raise ServiceError(
            1058,
            "The service cannot be started, either because it is disabled or because it has no enabled devices"
            " associated with it",
        )
    with machine.world.lock:
        if get(machine, name)["status"] != "Stopped":  # type: ignore[index]  # read again under the lock
            return
        _enter(machine, name, "StartPending")
    try:
        for needed in service["depends_on"]:
            _start_needed(machine, needed)
        control = machine.world.service_controls.get(name.lower())
        if control is None:
            machine.world.clock.sleep(CHANGE_SECONDS)
        else:
            control.start(machine)
    except BaseException:
        _enter(machine, name, "Stopped")
        raise
    _enter(machine, name, "Running")


def _start_needed(machine: Machine, name: str) -> None:
    if get(machine, name) is None:
        raise ServiceError(1075, "The dependency service does not exist or has been marked for deletion")
    try:
        start(machine, name)
    except ServiceError as error:
        raise ServiceError(1068, "The dependency service or group failed to start") from error


def stop(machine: Machine, name: str) -> None:
    """Stop a service after the services that need it; returns when all of them are stopped."""
    service = get(machine, name)
    if service is None:
        raise ServiceError(1060, "The specified service does not exist as an installed service")
    for dependent in dependents(machine, name):
        if dependent["status"] != "Stopped":
            stop(machine, dependent["name"])
    with machine.world.lock:
        if get(machine, name)["status"] != "Running":  # type: ignore[index]  # read again under the lock
            return
        _enter(machine, name, "StopPending")
    control = machine.world.service_controls.get(name.lower())
    try:
        if control is None:
            machine.world.clock.sleep(CHANGE_SECONDS)
        else:
            control.stop(machine)
    except BaseException:
        _enter(machine, name, "Running")
        raise
    _enter(machine, name, "Stopped")


def machine_started(machine: Machine) -> None:
    """After power came on: services of start type Auto run, each after those it needs, and those with a trigger."""
    for service in list(machine.collection("service").values()):
        if service["start_type"] == "Auto" or (
            service["name"] in DOMAIN_TRIGGERED and service["start_type"] == "Manual"
        ):
            _start_automatically(machine, service)


def _start_automatically(machine: Machine, service: Document) -> None:
    """Nobody waits for the outcome: a failure is event 7000 in the System log."""
    try:
        start(machine, service["name"])
    except ServiceError as error:
        machine.world.log_event(
            machine,
            "System",
            "Service Control Manager",
            7000,
            "Error",
            f"The {service['display']} service failed to start due to the following error: {error}",
        )


def machine_stopping(machine: Machine) -> None:
    """Before power goes: every running service is stopped, dependents first."""
    for service in list(machine.collection("service").values()):
        stop(machine, service["name"])


def lab_started(world: World) -> None:
    """Settle services that were starting or stopping when the lab ended: they are stopped, automatic ones start."""
    for machine in world.machines.values():
        for service in list(machine.collection("service").values()):
            if service["status"] in ("StartPending", "StopPending"):
                machine.collection("service").change(service["name"], status="Stopped")
                if machine.running and service["status"] == "StartPending":
                    _start_automatically(machine, service)
