"""Roles and features: what comes along, what is refused, which cmdlets appear with them."""

from __future__ import annotations

from typing import Any

from lab.powershell.api import AVAILABLE, DRIVES
from lab.windows import features, registry
from lab.windows.features_catalogue import DEFAULT_PARTS, MANAGEMENT_TOOLS, NEEDS, catalogue
from lab.world import Machine, World


def test_every_name_in_the_tables_exists() -> None:
    named = [*DEFAULT_PARTS, *NEEDS, *MANAGEMENT_TOOLS]
    for table in (DEFAULT_PARTS, NEEDS, MANAGEMENT_TOOLS):
        named += [name for names in table.values() for name in names]
    assert [name for name in named if name.lower() not in catalogue()] == []


def test_management_tools_come_only_when_asked_for(world: World, shell: Any) -> None:
    run = shell("Portal1")
    (result,) = run("Install-WindowsFeature", Name=["NLB"])
    assert (result.get("Success"), str(result.get("ExitCode")), str(result.get("RestartNeeded"))) == (
        True,
        "Success",
        "No",
    )
    assert [one.get("Name") for one in result.get("FeatureResult")] == ["NLB"]
    session = run.session
    assert not all(available(session, "New-NlbCluster") for available in AVAILABLE)
    (result,) = run("Install-WindowsFeature", Name=["nlb"], IncludeManagementTools=True)
    assert [one.get("Name") for one in result.get("FeatureResult")] == ["RSAT", "RSAT-Feature-Tools", "RSAT-NLB"]
    assert all(available(session, "New-NlbCluster") for available in AVAILABLE)
    (result,) = run("Install-WindowsFeature", Name=["NLB"], IncludeManagementTools=True)
    assert str(result.get("ExitCode")) == "NoChangeNeeded"


def test_a_role_brings_its_usual_services(shell: Any) -> None:
    run = shell("Portal1")
    run("Install-WindowsFeature", Name=["Web-Server"])
    installed = {f.get("Name") for f in run("Get-WindowsFeature", Name=["Web-*"]) if f.get("Installed")}
    assert {"Web-Server", "Web-WebServer", "Web-Default-Doc", "Web-Filtering"} <= installed
    assert "Web-Windows-Auth" not in installed
    assert "Web-Mgmt-Console" not in installed


def test_a_part_brings_its_parents_and_needs(shell: Any) -> None:
    run = shell("Portal1")
    run("Install-WindowsFeature", Name=["Web-Asp-Net45"])
    installed = {f.get("Name") for f in run("Get-WindowsFeature") if f.get("Installed")}
    assert {"Web-Server", "Web-App-Dev", "Web-ISAPI-Ext", "NET-Framework-45-ASPNET"} <= installed


def test_an_unknown_name_installs_nothing(world: World, shell: Any) -> None:
    run = shell("Portal1")
    (result,) = run("Install-WindowsFeature", Name=["NLB", "Nlbb"])
    (error,) = run.recorder.errors
    assert error.error_id == "NameDoesNotExist,Microsoft.Windows.ServerManager.Commands.AddWindowsFeatureCommand"
    assert (result.get("Success"), str(result.get("ExitCode"))) == (False, "InvalidArgs")
    assert not features.installed(world.machine("Portal1"), "NLB")
    assert run("Get-WindowsFeature", Name=["Nlbb"]) == []


def test_removed_payload_needs_a_source_that_exists(shell: Any) -> None:
    run = shell("Portal1")
    (state,) = run("Get-WindowsFeature", Name=["NET-Framework-Core"])
    assert str(state.get("InstallState")) == "Removed"
    (result,) = run("Install-WindowsFeature", Name=["NET-Framework-Core"])
    assert result.get("Success") is False
    assert "0x800f0906" in run.recorder.errors[0].message
    (result,) = run("Install-WindowsFeature", Name=["NET-Framework-Core"], Source=["D:\\sources\\sxs"])
    assert "0x800f081f" in run.recorder.errors[1].message
    DRIVES["filesystem"].new(run.session, "C:\\sources\\sxs", type="Directory")
    (result,) = run("Install-WindowsFeature", Name=["NET-Framework-Core"], Source=["C:\\sources\\sxs"])
    assert result.get("Success") is True


def test_removal_can_ask_for_a_restart(world: World, shell: Any) -> None:
    run = shell("Portal1")
    run("Install-WindowsFeature", Name=["NLB"])
    (result,) = run("Uninstall-WindowsFeature", Name=["NLB"])
    machine = world.machine("Portal1")
    assert (str(result.get("ExitCode")), str(result.get("RestartNeeded"))) == ("SuccessRestartRequired", "Yes")
    assert run.recorder.warnings
    assert registry.restart_pending(machine)
    features.machine_started(machine)
    assert not registry.restart_pending(machine)
    assert not features.installed(machine, "NLB")


def test_other_parts_hear_of_a_feature(world: World) -> None:
    heard: list[str] = []

    @features.on_installed("Telnet-Client")
    def installed(machine: Machine) -> None:
        heard.append(machine.name)

    features.install(world.machine("FILE"), ["telnet-client", "Telnet-Client"])
    assert heard == ["FILE"]


def test_cmdlets_without_a_feature_are_always_there(shell: Any) -> None:
    session = shell("Portal1").session
    for name in ("Get-Service", "Invoke-WebRequest", "New-Object"):
        assert all(available(session, name) for available in AVAILABLE)
    assert not all(available(session, "Get-WebBinding") for available in AVAILABLE)
    features.install(session.machine, ["Web-WebServer"])
    assert all(available(session, "Get-WebBinding") for available in AVAILABLE)
