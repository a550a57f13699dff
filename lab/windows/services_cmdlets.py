"""Get-, Start-, Stop-, Restart- and Set-Service, and ServiceController objects.

Texts and error identifiers are those of Microsoft.PowerShell.Commands.Management (ServiceResources); what happens to
dependent services follows ``ServiceOperationBaseCommand`` of the published PowerShell source. A ServiceController of
.NET 4.5 has no StartType.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from lab.powershell.api import Call, EnumType, EnumValue, PowerShellError, PSObject, cmdlet
from lab.powershell.patterns import has_wildcard
from lab.windows import services
from lab.windows.logons import administers
from lab.windows.values import matches, matches_any, member, text, texts
from lab.world import Document, Machine

EXCEPTION = "Microsoft.PowerShell.Commands.ServiceCommandException"
STATUS = EnumType("System.ServiceProcess.ServiceControllerStatus", services.STATUSES)
MODES = {"automatic": "Auto", "manual": "Manual", "disabled": "Disabled"}


def controller(machine: Machine, service: Document, *, depth: int = 1) -> PSObject:
    """A System.ServiceProcess.ServiceController; the services around it are described to a depth of one."""

    def related(found: list[Document]) -> list[PSObject]:
        return [controller(machine, other, depth=0) for other in found] if depth else []

    def perform(action: Any, verb: str) -> None:
        try:
            action(machine, service["name"])
        except services.ServiceError as error:
            raise PowerShellError(
                f"Cannot {verb} service {service['name']} on computer '.'.",
                "InvalidOperationException",
                exception_type="System.InvalidOperationException",
                inner=PowerShellError(str(error), exception_type="System.ComponentModel.Win32Exception"),
            ) from error
        refresh()

    def refresh() -> None:
        now = services.get(machine, service["name"])
        status = now["status"] if now else "Stopped"
        shown.set("Status", _status(status))
        shown.set("CanStop", status == "Running")

    def wait(status: Any, _timeout: Any = None) -> None:
        # A started or stopped service is in its final state here: start and stop return only then.
        refresh()
        if text(shown.get("Status")).lower() != text(status).lower():
            raise PowerShellError(
                "Time out has expired and the operation has not been completed.",
                "TimeoutException",
                exception_type="System.ServiceProcess.TimeoutException",
            )

    needed = [found for name in service["depends_on"] if (found := services.get(machine, name))]
    running = service["status"] == "Running"
    shown = PSObject(
        "System.ServiceProcess.ServiceController",
        {
            "Name": service["name"],
            "RequiredServices": related(needed),
            "CanPauseAndContinue": False,
            "CanShutdown": running,
            "CanStop": running,
            "DisplayName": service["display"],
            "DependentServices": related(services.dependents(machine, service["name"]) if depth else []),
            "MachineName": ".",
            "ServiceName": service["name"],
            "ServicesDependedOn": related(needed),
            "Status": _status(service["status"]),
            "ServiceType": "Win32OwnProcess",
        },
        {
            "Start": lambda *_: perform(services.start, "start"),
            "Stop": lambda *_: perform(services.stop, "stop"),
            "Refresh": refresh,
            "WaitForStatus": wait,
            "Close": lambda: None,
            "Dispose": lambda: None,
        },
        text="System.ServiceProcess.ServiceController",
    )
    return shown


def _status(name: str) -> EnumValue:
    return member(STATUS, name)


def _not_found(call: Call, what: str, name: str, class_name: str) -> None:
    kind = "service name" if what == "Name" else "display name"
    call.runtime.write_error(
        PowerShellError(
            f"Cannot find any service with {kind} '{name}'.",
            f"NoServiceFoundForGiven{what},Microsoft.PowerShell.Commands.{class_name}",
            category="ObjectNotFound",
            exception_type=EXCEPTION,
            target=name,
        )
    )


def _select(call: Call, machine: Machine, class_name: str) -> list[Document]:
    """The services that -Name, -DisplayName, -InputObject or the pipeline mean; a missing one is an error each."""
    everything = sorted(machine.collection("service").values(), key=lambda service: str(service["name"]).lower())
    given: list[tuple[str, str]] = [("DisplayName", name) for name in texts(call.get("DisplayName"))]
    given += [("Name", name) for name in texts(call.get("Name"))]
    objects = call.get("InputObject")
    if objects is None and not given:
        objects = call.input or None
    if objects is not None:
        for item in objects if isinstance(objects, list) else [objects]:
            given.append(("Name", text(item.get("Name")) if isinstance(item, PSObject) else text(item)))
    if not given:
        found = everything
    else:
        found = []
        for what, name in given:
            key = "name" if what == "Name" else "display"
            fitting = [service for service in everything if matches(name, service[key])]
            if what == "Name" and not fitting and not has_wildcard(name):
                # The service control manager takes a display name as well where a name is opened.
                fitting = [service for service in everything if service["display"].lower() == name.lower()]
            if not fitting and not has_wildcard(name):
                _not_found(call, "Name" if what == "Name" else "DisplayName", name, class_name)
            found += [service for service in fitting if service not in found]
    include, exclude = texts(call.get("Include")), texts(call.get("Exclude"))
    if include:
        found = [service for service in found if matches_any(include, service["name"])]
    return [service for service in found if not matches_any(exclude, service["name"])]


@cmdlet("Get-Service")
def get_service(call: Call) -> Iterator[PSObject]:
    for computer in texts(call.get("ComputerName")) or ["."]:
        machine = call.machine
        if computer.lower() not in (".", "localhost"):
            machine = _remote(call, computer)
        for service in _select(call, machine, "GetServiceCommand"):
            if call.get("DependentServices"):
                for other in services.dependents(machine, service["name"]):
                    yield controller(machine, other)
            elif call.get("RequiredServices"):
                for name in service["depends_on"]:
                    needed = services.get(machine, name)
                    if needed:
                        yield controller(machine, needed)
            else:
                yield controller(machine, service)


def _remote(call: Call, computer: str) -> Machine:
    try:
        machine = call.machine.world.machine(computer)
    except KeyError:
        machine = None
    if machine is None or not machine.running or not administers(call.session, machine):
        raise PowerShellError(
            f"Cannot open Service Control Manager on computer '{computer}'. This operation might require other"
            " privileges.",
            "System.InvalidOperationException,Microsoft.PowerShell.Commands.GetServiceCommand",
            exception_type="System.InvalidOperationException",
        )
    return machine


def _refused(call: Call, service: Document, verb: str, class_name: str, error: Exception) -> None:
    done = "started" if verb == "Start" else "stopped"
    call.runtime.write_error(
        PowerShellError(
            f"Service '{service['display']} ({service['name']})' cannot be {done} due to the following error: Cannot"
            f" {verb.lower()} service {service['name']} on computer '.'.",
            f"CouldNot{verb}Service,Microsoft.PowerShell.Commands.{class_name}",
            category="OpenError" if verb == "Start" else "CloseError",
            exception_type=EXCEPTION,
            inner=PowerShellError(
                f"Cannot {verb.lower()} service {service['name']} on computer '.'.",
                exception_type="System.InvalidOperationException",
                inner=PowerShellError(str(error), exception_type="System.ComponentModel.Win32Exception"),
            ),
        )
    )


def _permitted(call: Call) -> None:
    if not call.session.identity.administrator:
        raise services.ServiceError(5, "Access is denied")


def _start(call: Call, service: Document, class_name: str) -> bool:
    try:
        _permitted(call)
        services.start(call.machine, service["name"])
    except services.ServiceError as error:
        _refused(call, service, "Start", class_name, error)
        return False
    return True


def _stop(call: Call, service: Document, class_name: str) -> list[Document] | None:
    """Stop it and give the services that ran before, itself first; None when it was refused."""
    around = [other for other in services.dependents(call.machine, service["name"]) if other["status"] == "Running"]
    if around and not call.get("Force"):
        call.runtime.write_error(
            PowerShellError(
                f"Cannot stop service '{service['display']} ({service['name']})' because it has dependent services. It"
                " can only be stopped if the Force flag is set.",
                f"ServiceHasDependentServices,Microsoft.PowerShell.Commands.{class_name}",
                category="InvalidOperation",
                exception_type=EXCEPTION,
            )
        )
        return None
    try:
        _permitted(call)
        services.stop(call.machine, service["name"])
    except services.ServiceError as error:
        _refused(call, service, "Stop", class_name, error)
        return None
    return [service, *reversed(around)]


def _passed(call: Call, found: list[Document]) -> Iterator[PSObject]:
    if call.get("PassThru"):
        for service in found:
            now = services.get(call.machine, service["name"])
            if now:
                yield controller(call.machine, now)


@cmdlet("Start-Service")
def start_service(call: Call) -> Iterator[PSObject]:
    for service in _select(call, call.machine, "StartServiceCommand"):
        if not call.get("WhatIf") and _start(call, service, "StartServiceCommand"):
            yield from _passed(call, [service])


@cmdlet("Stop-Service")
def stop_service(call: Call) -> Iterator[PSObject]:
    for service in _select(call, call.machine, "StopServiceCommand"):
        if not call.get("WhatIf") and (stopped := _stop(call, service, "StopServiceCommand")) is not None:
            yield from _passed(call, stopped)


@cmdlet("Restart-Service")
def restart_service(call: Call) -> Iterator[PSObject]:
    """Stops, then starts the service and, with -Force, the dependents that ran before."""
    for service in _select(call, call.machine, "RestartServiceCommand"):
        if call.get("WhatIf"):
            continue
        stopped = _stop(call, service, "RestartServiceCommand")
        for other in stopped or []:
            if _start(call, other, "RestartServiceCommand"):
                yield from _passed(call, [other])


@cmdlet("Set-Service")
def set_service(call: Call) -> Iterator[PSObject]:
    for service in _select(call, call.machine, "SetServiceCommand"):
        if call.get("WhatIf"):
            continue
        if not call.session.identity.administrator:
            call.runtime.write_error(
                PowerShellError(
                    f"Service '{service['display']} ({service['name']})' cannot be configured due to the following"
                    " error: Access is denied",
                    "CouldNotSetService,Microsoft.PowerShell.Commands.SetServiceCommand",
                    category="PermissionDenied",
                    exception_type=EXCEPTION,
                )
            )
            continue
        changes: dict[str, Any] = {}
        if call.get("DisplayName") is not None:
            changes["display"] = text(call.get("DisplayName"))
        if call.get("Description") is not None:
            changes["description"] = text(call.get("Description"))
        if call.get("StartupType") is not None:
            changes["start_type"] = MODES[text(call.get("StartupType")).lower()]
        if changes:
            call.machine.collection("service").change(service["name"], **changes)
        wanted = text(call.get("Status")).lower()
        if wanted == "running":
            _start(call, service, "SetServiceCommand")
        elif wanted == "stopped":
            _stop(call, service, "SetServiceCommand")
        yield from _passed(call, [service])
