"""Event logs: filters, order, and the two errors for nothing found."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from lab.powershell.api import HashTable, NotModelledError, PowerShellError
from lab.windows import events
from lab.world import World

CHANNEL = "Microsoft-WindowsAzure-Server-Management/Operational"


@pytest.fixture
def log(world: World) -> World:
    machine = world.machine("Portal1")
    for number in range(3):
        world.log_event(
            machine, CHANNEL, "Azure", 12 if number else 4, "Error" if number else "Information", f"m{number}"
        )
    world.log_event(machine, "Application", "MsiInstaller", 1033, "Information", "installed")
    return world


def get(run: Any, **criteria: Any) -> list[str]:
    return [event.get("Message") for event in run("Get-WinEvent", FilterHashtable=HashTable(criteria.items()))]


@pytest.mark.parametrize("wrong", [{"Id": "abc"}, {"Id": [12, "x"]}, {"Level": "Error"}, {"Id": ""}])
def test_a_word_where_a_number_belongs_is_no_error_of_the_labs_own(
    log: World, shell: Any, wrong: dict[str, Any]
) -> None:
    with pytest.raises(NotModelledError, match="for a number"):
        get(shell("Portal1"), LogName=CHANNEL, **wrong)


def test_filters_and_order(log: World, shell: Any) -> None:
    run = shell("Portal1")
    assert get(run, LogName=CHANNEL) == ["m2", "m1", "m0"]
    assert get(run, LogName=CHANNEL, Id=12) == ["m2", "m1"]
    assert get(run, LogName=CHANNEL, Id=[4, 12], Level=4) == ["m0"]
    assert get(run, ProviderName="Msi*") == ["installed"]
    assert get(run, LogName=["Application", CHANNEL]) == ["installed", "m2", "m1", "m0"]
    (newest,) = run("Get-WinEvent", LogName=[CHANNEL], MaxEvents=1)
    assert (newest.get("Id"), newest.get("LevelDisplayName"), newest.get("LogName")) == (12, "Error", CHANNEL)
    (oldest,) = run("Get-WinEvent", LogName=[CHANNEL], MaxEvents=1, Oldest=True)
    assert oldest.get("Message") == "m0"
    assert not run.recorder.errors


def test_times_bound_the_search(log: World, shell: Any) -> None:
    run = shell("Portal1")
    (newest,) = run("Get-WinEvent", LogName=["Application"])
    when = newest.get("TimeCreated")
    assert get(run, LogName=["Application", CHANNEL], StartTime=when) == ["installed"]
    assert get(run, LogName=["Application", CHANNEL], EndTime=when - timedelta(microseconds=1)) == ["m2", "m1", "m0"]
    assert get(run, LogName="Application", StartTime=when + timedelta(seconds=1)) == []
    assert [error.error_id.split(",")[0] for error in run.recorder.errors] == ["NoMatchingEventsFound"]


def test_an_empty_log_is_not_a_missing_log(log: World, shell: Any) -> None:
    run = shell("Portal1")
    assert get(run, LogName="Setup") == []
    assert get(run, LogName="Nowhere") == []
    events.register_channel(run.session.machine, "Nowhere")
    assert get(run, LogName="Nowhere") == []
    assert [error.error_id.split(",")[0] for error in run.recorder.errors] == [
        "NoMatchingEventsFound",
        "NoMatchingLogsFound",
        "NoMatchingEventsFound",
    ]


def test_unknown_keys_are_not_ignored(log: World, shell: Any) -> None:
    with pytest.raises(NotModelledError):
        get(shell("Portal1"), LogName=CHANNEL, Data="x")
    with pytest.raises(PowerShellError):
        get(shell("Portal1"), Id=12)


def test_logs_of_another_machine_are_a_second_hop(log: World, shell: Any) -> None:
    with pytest.raises(PowerShellError, match="unauthorized"):
        shell("SQL1")("Get-WinEvent", LogName=["Application"], ComputerName="Portal1")
    assert shell("SQL1", logon="batch")("Get-WinEvent", LogName=["Application"], ComputerName="Portal1")
