"""Services: dependents, start types, what is behind a service, and the cmdlets' errors."""

from __future__ import annotations

from typing import Any

import pytest

from lab.powershell.api import PowerShellError
from lab.windows import services
from lab.world import Machine, ServiceControl, World


def _status(machine: Machine, name: str) -> str:
    found = services.get(machine, name)
    assert found is not None
    return str(found["status"])


def test_a_running_dependent_keeps_a_service_from_stopping(world: World, shell: Any) -> None:
    run = shell("SQL1")
    run("Stop-Service", Name=["MSSQLSERVER"])
    assert [error.error_id for error in run.recorder.errors] == [
        "ServiceHasDependentServices,Microsoft.PowerShell.Commands.StopServiceCommand"
    ]
    assert _status(world.machine("SQL1"), "MSSQLSERVER") == "Running"


def test_force_stops_the_dependents_as_well(world: World, shell: Any) -> None:
    run = shell("SQL1")
    run("Stop-Service", Name=["MSSQLSERVER"], Force=True)
    machine = world.machine("SQL1")
    assert not run.recorder.errors
    assert (_status(machine, "MSSQLSERVER"), _status(machine, "SQLSERVERAGENT")) == ("Stopped", "Stopped")


def test_restart_with_force_starts_what_ran_before(world: World, shell: Any) -> None:
    machine = world.machine("SQL1")
    happened: list[str] = []
    world.service_controls["mssqlserver"] = ServiceControl(
        lambda m: happened.append(f"start {m.name}"), lambda m: happened.append(f"stop {m.name}")
    )
    run = shell("SQL1")
    run("Restart-Service", Name=["MSSQLSERVER"], Force=True)
    assert happened == ["stop SQL1", "start SQL1"]
    assert (_status(machine, "MSSQLSERVER"), _status(machine, "SQLSERVERAGENT")) == ("Running", "Running")
    services.stop(machine, "SQLSERVERAGENT")
    run("Restart-Service", Name=["MSSQLSERVER"], Force=True)
    assert _status(machine, "SQLSERVERAGENT") == "Stopped"


def test_starting_a_service_starts_what_it_needs(world: World, shell: Any) -> None:
    machine = world.machine("SQL1")
    services.stop(machine, "MSSQLSERVER")
    run = shell("SQL1")
    (found,) = run("Start-Service", Name=["SQLSERVERAGENT"], PassThru=True)
    assert str(found.get("Status")) == "Running"
    assert _status(machine, "MSSQLSERVER") == "Running"


def test_a_failing_start_is_reported_and_leaves_it_stopped(world: World, shell: Any) -> None:
    machine = world.machine("SQL1")
    services.stop(machine, "MSSQLSERVER")

    def fail(_: Machine) -> None:
        raise services.ServiceError(1053, "The service did not respond to the start request in a timely fashion")

    world.service_controls["mssqlserver"] = ServiceControl(fail, lambda _: None)
    run = shell("SQL1")
    run("Start-Service", Name=["MSSQLSERVER"])
    (error,) = run.recorder.errors
    assert error.error_id.startswith("CouldNotStartService,")
    assert error.inner is not None
    assert error.inner.inner is not None
    assert "timely fashion" in error.inner.inner.message
    assert _status(machine, "MSSQLSERVER") == "Stopped"


def test_a_disabled_service_does_not_start(shell: Any) -> None:
    run = shell("SQL1")
    run("Start-Service", Name=["SQLBrowser"])
    assert run.recorder.errors[0].message == (
        "Service 'SQL Server Browser (SQLBrowser)' cannot be started due to the following error: Cannot start service"
        " SQLBrowser on computer '.'."
    )
    run("Set-Service", Name="SQLBrowser", StartupType="Manual")
    (found,) = run("Start-Service", Name=["SQLBrowser"], PassThru=True)
    assert str(found.get("Status")) == "Running"


def test_unknown_names_are_errors_and_unknown_patterns_are_not(shell: Any) -> None:
    run = shell("Portal1")
    assert run("Get-Service", Name=["MSSQL*"]) == []
    assert not run.recorder.errors
    assert run("Get-Service", Name=["MSSQLSERVER"]) == []
    (error,) = run.recorder.errors
    assert error.error_id == "NoServiceFoundForGivenName,Microsoft.PowerShell.Commands.GetServiceCommand"


def test_a_controller_shows_its_neighbours_and_acts(world: World, shell: Any) -> None:
    run = shell("SQL1")
    (found,) = run("Get-Service", Name=["mssqlserver"])
    assert [other.get("Name") for other in found.get("DependentServices")] == ["SQLSERVERAGENT"]
    assert found.name_of("StartType") is None  # .NET 4.5 has no such property
    found.methods["stop"]()
    assert str(found.get("Status")) == "Stopped"
    with pytest.raises(PowerShellError, match="Time out"):
        found.methods["waitforstatus"]("Running")
    found.methods["start"]()
    found.methods["waitforstatus"]("Running")


def test_services_of_another_machine_are_a_second_hop(shell: Any) -> None:
    with pytest.raises(PowerShellError, match="Cannot open Service Control Manager on computer 'SQL1'"):
        shell("Portal1")("Get-Service", Name=["MSSQLSERVER"], ComputerName=["SQL1"])
    assert shell("Portal1", logon="batch")("Get-Service", Name=["MSSQLSERVER"], ComputerName=["SQL1"])


def test_changes_of_state_are_in_the_event_log(world: World, shell: Any) -> None:
    shell("SQL1")("Stop-Service", Name=["SQLSERVERAGENT"])
    events = list(world.machine("SQL1").collection("event").values())
    assert events[-1]["id"] == 7036
    assert events[-1]["message"] == "The SQL Server Agent (MSSQLSERVER) service entered the stopped state."


def test_power_stops_and_starts_services(world: World) -> None:
    machine = world.machine("SQL1")
    services.machine_stopping(machine)
    assert {_status(machine, name) for name in machine.collection("service")} == {"Stopped"}
    services.machine_started(machine)
    assert _status(machine, "SQLSERVERAGENT") == "Running"
    assert _status(machine, "wuauserv") == "Stopped"
    assert _status(machine, "W32Time") == "Running"  # manual, but a domain's member starts it by its trigger
