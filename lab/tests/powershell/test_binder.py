"""Binding of arguments: cmdlets of the table, and functions of a script."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from lab.powershell import table
from lab.powershell.api import CMDLETS, Call, PSObject, Session
from lab.powershell.runspace import Runspace

CLUSTER = PSObject("Microsoft.NetworkLoadBalancingClusters.PowerShell.Cluster", {"Name": "c"}, text="c")


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[Call]:
    """What reaches some cmdlets, which stand here without their effects."""
    seen: list[Call] = []

    def record(call: Call) -> Iterator[Any]:
        seen.append(call)
        yield call.name

    for name in (
        "add-nlbclusternode",
        "new-netfirewallrule",
        "get-service",
        "restart-service",
        "start-scheduledtask",
        "get-nlbcluster",
    ):
        monkeypatch.setitem(CMDLETS, name, record)
    monkeypatch.setattr("lab.powershell.resolution.AVAILABLE", [])
    return seen


def bound(session: Session, calls: list[Call], script: str, **arguments: Any) -> dict[str, Any]:
    result = Runspace(session).run(script, arguments)
    assert result.errors == []
    assert result.terminated is None, result.terminated
    return calls[-1].parameters


def test_positions_names_aliases_and_switches(session: Session, calls: list[Call]) -> None:
    found = bound(session, calls, "param($C) Add-NlbClusterNode -InputObject $C Portal2 Ethernet -Force", C=CLUSTER)
    assert found == {"InputObject": CLUSTER, "NewNodeName": "Portal2", "NewNodeInterface": "Ethernet", "Force": True}
    found = bound(session, calls, "Add-NlbClusterNode -nn Portal2 -NewNodeI Ethernet -InterfaceName x -Force:$false")
    assert found == {"NewNodeName": "Portal2", "NewNodeInterface": "Ethernet", "InterfaceName": "x", "Force": False}
    assert calls[-1].bound == frozenset(found)


def test_one_value_becomes_a_list_where_the_table_says_so(session: Session, calls: list[Call]) -> None:
    assert bound(session, calls, "Get-Service W3SVC") == {"Name": ["W3SVC"]}
    assert bound(session, calls, "Get-Service -Name W3SVC,MSSQLSERVER") == {"Name": ["W3SVC", "MSSQLSERVER"]}


def test_numbers_keep_their_spelling_as_text(session: Session, calls: list[Call]) -> None:
    assert bound(session, calls, "Get-Service 1.10") == {"Name": ["1.10"]}


def test_the_pipeline_gives_its_objects(session: Session, calls: list[Call]) -> None:
    bound(session, calls, "param($C) $C | Add-NlbClusterNode -NewNodeName a -NewNodeInterface b", C=CLUSTER)
    assert calls[-1].input == [CLUSTER]
    before = len(calls)
    Runspace(session).run("@() | Restart-Service")
    assert len(calls) == before


@pytest.mark.parametrize(
    ("script", "error_id"),
    [
        ("Get-Service -Nope x", "NamedParameterNotFound,Microsoft.PowerShell.Commands.GetServiceCommand"),
        ("Get-Service -Name", "MissingArgument,Microsoft.PowerShell.Commands.GetServiceCommand"),
        ("Get-Service -D x", "AmbiguousParameter,Microsoft.PowerShell.Commands.GetServiceCommand"),
        ("Get-Service -Name a -Name b", "ParameterAlreadyBound,Microsoft.PowerShell.Commands.GetServiceCommand"),
        ("Get-Service a b c", "PositionalParameterNotFound,Microsoft.PowerShell.Commands.GetServiceCommand"),
        (
            "Restart-Service -Name x -DisplayName y",
            "AmbiguousParameterSet,Microsoft.PowerShell.Commands.RestartServiceCommand",
        ),
        ("Restart-Service", "MissingMandatoryParameter,Microsoft.PowerShell.Commands.RestartServiceCommand"),
        (
            "Start-ScheduledTask -TaskName ''",
            "ParameterArgumentValidationErrorEmptyStringNotAllowed,Start-ScheduledTask",
        ),
        ("Start-ScheduledTask -TaskName $null", "ParameterArgumentValidationErrorNullNotAllowed,Start-ScheduledTask"),
        ("Start-ScheduledTask -InputObject 'x'", "CannotConvertArgumentNoMessage,Start-ScheduledTask"),
        ("Start-Sleep -Seconds abc", "CannotConvertArgumentNoMessage,Microsoft.PowerShell.Commands.StartSleepCommand"),
        ("Start-Sleep -Seconds 1,2", "CannotConvertArgument,Microsoft.PowerShell.Commands.StartSleepCommand"),
    ],
)
def test_binding_errors(session: Session, calls: list[Call], script: str, error_id: str) -> None:
    result = Runspace(session).run(script)
    assert [error.error_id for error in result.errors] == [error_id]
    assert not calls


FUNCTION = (
    "function f { [CmdletBinding()] param([Parameter(Mandatory=$true)][ValidateSet('a','b')][string]$X, "
    '[int]$N = 1, [switch]$S) "$X $N $S" }; '
)


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        ("f a", ["a 1 False"]),
        ("f -N 2 b -S", ["b 2 True"]),
        ("f c", "ParameterArgumentValidationError,f"),
        ("f", "MissingMandatoryParameter,f"),
        ("f a x", "ParameterArgumentTransformationError,f"),
        ("f a 1 2", "PositionalParameterNotFound,f"),
        ("f -Q 1", "NamedParameterNotFound,f"),
        ("f -X", "MissingArgument,f"),
        ("f ''", "ParameterArgumentValidationErrorEmptyStringNotAllowed,f"),
    ],
)
def test_functions(run: Any, call: str, expected: Any) -> None:
    result = run(FUNCTION + call)
    if isinstance(expected, list):
        assert (result.output, result.errors) == (expected, [])
    else:
        assert [error.error_id for error in result.errors] == [expected]


def test_a_cmdlet_whose_module_is_missing_is_not_found(
    session: Session, monkeypatch: pytest.MonkeyPatch, calls: list[Call]
) -> None:
    monkeypatch.setattr("lab.powershell.resolution.AVAILABLE", [lambda _, name: name != "Get-NlbCluster"])
    result = Runspace(session).run("Get-NlbCluster")
    assert [error.error_id for error in result.errors] == ["CommandNotFoundException"]
    assert not calls


def test_every_set_of_the_table_names_known_parameters() -> None:
    for name in table.names():
        info = table.find(name)
        assert info is not None
        assert info.sets
        for one in info.sets:
            assert {p.name.lower() for p in one} <= set(info.parameters), name


def test_the_table_stays_small() -> None:
    from pathlib import Path

    assert (Path(table.__file__).with_name("cmdlets.json")).stat().st_size < 500_000
