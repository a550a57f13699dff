"""Where the farm's databases are: who is asked, and what follows from the answers."""

from __future__ import annotations

from typing import Any

import pytest

from components.portal.databases import CONFIG, DATABASES
from components.sql import group as groups
from components.sql import whereabouts
from components.sql.group import Group
from components.sql.replicas import OnReplicas
from components.sql.whereabouts import Outside, Whereabouts
from remote.errors import UnreachableError
from tests.components.contract import refusal
from tests.components.sql_worlds import MACHINES, STORE, group, on


class Servers:
    """SQL Servers that have databases outside a group: {machine: {name: age}}; one that is missing is unreachable."""

    def __init__(self, **given: dict[str, int]) -> None:
        self._given = given
        self.asked: list[str] = []

    def sql(self, machine: str) -> Any:
        self.asked.append(machine)
        if machine not in self._given:
            raise UnreachableError(machine, "read", "no route to host")
        now = "2013-06-05T10:01:00.5"
        rows = [
            {"name": name, "made": f"2013-06-05T10:00:{60 - age:02d}.500", "now": now}
            for name, age in self._given[machine].items()
        ]

        class Server:
            def rows(self, *_: Any, **__: Any) -> list[dict[str, Any]]:
                return rows

        return Server()


def observe(patch: pytest.MonkeyPatch, servers: Servers, found: Group, how: OnReplicas | None = None) -> Whereabouts:
    patch.setattr(groups, "observe", lambda *_: found)
    remote: Any = servers
    return whereabouts.observe(remote, how or OnReplicas(), MACHINES, "SQL", DATABASES, "look")


def test_nobody_is_asked_once_all_are_in_the_group(monkeypatch: pytest.MonkeyPatch) -> None:
    servers = Servers()
    whole = group("SQL2", *(on(machine, database.upper()) for machine in MACHINES for database in DATABASES))
    found = observe(monkeypatch, servers, whole)
    assert (servers.asked, found.holder, found.astray) == ([], "", "")
    assert found.has(CONFIG)


def test_what_is_in_the_group_or_not_the_farms_does_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    servers = Servers(SQL1={CONFIG.lower(): 30, STORE: 40, "VMM": 50}, SQL2={CONFIG: 10, "Other": 5})
    found = observe(monkeypatch, servers, group("SQL2", on("SQL1", CONFIG), on("SQL2", CONFIG)))
    assert found.outside == (Outside("SQL1", STORE, 40),)
    assert found.astray == f"{STORE} is on SQL1, but the primary of SQL is SQL2"
    assert found.has(CONFIG)
    assert not found.has(STORE)


def test_the_oldest_first(monkeypatch: pytest.MonkeyPatch) -> None:
    found = observe(monkeypatch, Servers(SQL1={CONFIG: 30}, SQL2={STORE: 40, CONFIG: 5}), group("SQL1"))
    assert found.machines == ("SQL2", "SQL1")
    assert found.holder == "SQL2"
    assert found.astray == f"SQL2 has {STORE}, {CONFIG}; SQL1 has {CONFIG}"
    text = refusal(lambda: whereabouts.refuse_two_sets(found, "look"))
    assert f"drop {CONFIG} on SQL1, then" in text


def test_a_silent_replica_may_have_them(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "no route" in refusal(lambda: observe(monkeypatch, Servers(SQL2={}), group("SQL2")))
    found = observe(monkeypatch, Servers(SQL2={}), group("SQL2"), OnReplicas(unreachable="proceed"))
    assert found.unreachable == ("SQL1",)
