"""Whole scripts of an administrator on registry, files, services, features, NLB, tasks and events, as evaluated."""

from __future__ import annotations

import time
from typing import Any

import pytest

from lab import identity
from lab.powershell.api import Session
from lab.windows import features, registry, tasks
from lab.world import World

runspace = pytest.importorskip("lab.powershell.runspace")


def run(world: World, machine: str, script: str, logon: str = "network", **arguments: Any) -> list[Any]:
    """The output of a script; its first error is raised."""
    where = world.machine(machine)
    session = Session(where, identity.identity(world, where, "HYPERVNU\\installer"), logon)
    result = runspace.Runspace(session).run(script, arguments)
    if result.terminated is not None:
        raise result.terminated
    if result.errors:
        raise result.errors[0]
    return list(result.output)


def test_registry(world: World) -> None:
    script = """
    param($Key)
    if (-not (Test-Path $Key)) { [void](New-Item $Key -Force) }
    Set-ItemProperty $Key -Name LoginMode -Value 2 -Type DWord
    (Get-ItemProperty $Key).LoginMode
    (Get-Item $Key).GetValueKind('LoginMode')
    Remove-ItemProperty $Key -Name LoginMode
    $null -eq (Get-ItemProperty $Key).LoginMode
    """
    mode, kind, gone = run(world, "SQL1", script, Key="HKLM:\\SOFTWARE\\Contoso\\Deep")
    assert (mode, str(kind), gone) == (2, "DWord", True)


def test_a_volatile_key_is_gone_after_the_next_start(world: World) -> None:
    begin = """
    param($Key)
    [void](New-Item "HKLM:\\$Key" -Force)
    $how = [Microsoft.Win32.RegistryKeyPermissionCheck]::Default, [Microsoft.Win32.RegistryOptions]::Volatile
    [void][Microsoft.Win32.Registry]::LocalMachine.CreateSubKey("$Key\\Session", $how[0], $how[1])
    [void](New-ItemProperty "HKLM:\\$Key\\Session" -Name Failed -Value 3 -PropertyType DWord)
    (Get-ItemProperty "HKLM:\\$Key\\Session").Failed
    """
    look = 'param($Key) Test-Path "HKLM:\\$Key"; Test-Path "HKLM:\\$Key\\Session"'
    assert run(world, "Portal1", begin, Key="SOFTWARE\\Contoso") == [3]
    assert run(world, "Portal1", look, Key="SOFTWARE\\Contoso") == [True, True]
    registry.machine_started(world.machine("Portal1"))
    assert run(world, "Portal1", look, Key="SOFTWARE\\Contoso") == [True, False]


def test_files(world: World) -> None:
    script = """
    $folder = Join-Path $env:ProgramData 'Farm'
    [void](New-Item $folder -ItemType Directory -Force)
    Set-Content (Join-Path $folder 'a.txt') 'one' -Encoding UTF8
    Get-Content (Join-Path $folder 'a.txt')
    [IO.File]::WriteAllText("$folder\\b.txt", 'two')
    @(Get-ChildItem $folder | ForEach-Object { $_.Name }) -join ','
    Remove-Item $folder -Recurse -Force
    Test-Path $folder
    """
    assert run(world, "Portal1", script) == ["one", "a.txt,b.txt", False]


def test_services_compare_and_act(world: World) -> None:
    script = """
    Restart-Service MSSQLSERVER -Force
    (Get-Service MSSQLSERVER).Status -eq 'Running'
    "$((Get-Service SQLSERVERAGENT).Status)"
    (Get-Service -Name MSSQL*).Name
    """
    assert run(world, "SQL1", script) == [True, "Running", "MSSQLSERVER"]


def test_a_cmdlet_appears_with_its_feature(world: World) -> None:
    look = "[bool](Get-Command New-NlbCluster -ErrorAction SilentlyContinue)"
    assert run(world, "Portal1", look) == [False]
    script = '$r = Install-WindowsFeature NLB -IncludeManagementTools; "$($r.ExitCode)"; $r.Success'
    assert run(world, "Portal1", script) == ["Success", True]
    assert run(world, "Portal1", look) == [True]


def test_a_cluster_of_two(world: World) -> None:
    for name in ("Portal1", "Portal2"):
        features.install(world.machine(name), ["NLB", "RSAT-NLB"])
    script = """
    param($Address)
    $ErrorActionPreference = 'Stop'
    [void](New-NlbCluster -InterfaceName Ethernet -ClusterPrimaryIP $Address -ClusterName 'portal.hyper-v.nu')
    Get-NlbClusterPortRule | Remove-NlbClusterPortRule -Force
    [void](Get-NlbCluster | Add-NlbClusterPortRule -StartPort 443 -EndPort 443 -Protocol Tcp -Affinity Single)
    [void](Get-NlbCluster | Add-NlbClusterNode -NewNodeName Portal2 -NewNodeInterface Ethernet)
    $cluster = Get-NlbCluster
    "$($cluster.Name) $($cluster.IPAddress) $($cluster.OperationMode)"
    Get-NlbClusterNode | ForEach-Object { "$($_.Name) $($_.State) $($_.HostPriority)" }
    Get-NlbClusterPortRule | ForEach-Object { "$($_.StartPort) $($_.Protocol) $($_.FilteringMode) $($_.Affinity)" }
    """
    assert run(world, "Portal1", script, "batch", Address="172.45.5.150") == [
        "portal.hyper-v.nu 172.45.5.150 UNICAST",
        "Portal1 Converged(default) 1",
        "Portal2 Converged 2",
        "443 TCP Multiple Single",
    ]


def test_a_task_runs_powershell_as_its_account(world: World) -> None:
    start = """
    param($User, $Password)
    $ErrorActionPreference = 'Stop'
    Set-Content C:\\Windows\\Temp\\work.ps1 'param($Out) [IO.File]::WriteAllText($Out, "$env:USERNAME ran"); exit 7'
    $action = New-ScheduledTaskAction -Execute powershell.exe `
        -Argument '-NoProfile -File C:\\Windows\\Temp\\work.ps1 C:\\Windows\\Temp\\out.txt'
    [void](Register-ScheduledTask -TaskName Farm -Action $action -User $User -Password $Password -RunLevel Highest)
    Start-ScheduledTask -TaskName Farm
    """
    run(world, "Portal1", start, User="HYPERVNU\\installer", Password="Lab-Installer-2013!")
    for _ in range(500):
        if not tasks.is_running(world.machine("Portal1"), "\\Farm"):
            break
        time.sleep(0.01)
    look = """
    [IO.File]::ReadAllText('C:\\Windows\\Temp\\out.txt')
    (Get-ScheduledTaskInfo -TaskName Farm).LastTaskResult
    (Get-ScheduledTask -TaskName Farm).State -eq 'Ready'
    Unregister-ScheduledTask -TaskName Farm -Confirm:$false
    [bool](Get-ScheduledTask -TaskName Farm -ErrorAction SilentlyContinue)
    """
    assert run(world, "Portal1", look) == ["installer ran", 7, True, False]


def test_events_since_a_moment(world: World) -> None:
    machine = world.machine("Portal1")
    world.log_event(machine, "Application", "Farm", 12, "Error", "Login failed for user 'x'.")
    script = """
    param($Since)
    $found = @(Get-WinEvent -FilterHashtable @{ LogName = 'Application'; Id = 12; StartTime = [datetime]$Since })
    $found.Count; $found[0].Message; $found[0].LevelDisplayName
    try { Get-WinEvent -FilterHashtable @{ LogName = 'Application'; Id = 13 } -ErrorAction Stop }
    catch { $_.FullyQualifiedErrorId }
    """
    assert run(world, "Portal1", script, Since="2001-01-01T00:00:00Z") == [
        1,
        "Login failed for user 'x'.",
        "Error",
        "NoMatchingEventsFound,Microsoft.PowerShell.Commands.GetWinEventCommand",
    ]
