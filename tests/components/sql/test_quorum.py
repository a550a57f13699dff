"""Which loss a failover cluster survives, and how old the backups of a log are."""

from __future__ import annotations

from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from components.sql import log_backups
from components.sql.quorum import FILE_SHARE, NODE, Member, Quorum, observe

SHARE = r"\\FILE\SQLAG"


def node(name: str, *, up: bool = True, votes: int = 1) -> Member:
    return Member(name, NODE, up, votes)


def share(path: str = SHARE, *, up: bool = True) -> Member:
    return Member(path, FILE_SHARE, up, 1)


@pytest.mark.parametrize(
    ("members", "fatal"),
    [
        ([node("SQL1"), node("SQL2"), share()], []),
        ([node("SQL1"), node("SQL2")], ["SQL1", "SQL2"]),
        ([node("SQL1"), node("SQL2", votes=0)], ["SQL1"]),
        ([node("SQL1"), node("SQL2"), share(up=False)], ["SQL1", "SQL2"]),
        ([node("SQL1"), node("SQL2"), share(r"\\SQL1.hyper-v.nu\Witness")], ["SQL1"]),
        ([node("SQL1"), node("SQL2"), share(r"File Share Witness (\\sql2\Witness)")], ["SQL2"]),
        ([node("SQL1"), node("SQL2"), node("SQL3")], []),
        ([node("SQL1"), node("SQL2", up=False), node("SQL3")], ["SQL1", "SQL3"]),
        ([node("SQL1"), node("SQL2"), Member("Q:", 1, True, 1)], []),
    ],
)
def test_the_servers_of_which_the_loss_of_one_stops_the_cluster(members: list[Member], fatal: list[str]) -> None:
    found = [server.upper() for server in Quorum("c", "NODE_MAJORITY", "NORMAL_QUORUM", tuple(members)).fatal()]
    assert found == fatal


def remote(rows: dict[str, list[dict[str, Any]]]) -> Any:
    return SimpleNamespace(sql=lambda machine: SimpleNamespace(rows=lambda *_, **__: rows[machine]))


def test_a_node_without_quorum_sees_no_member() -> None:
    assert observe(remote({"SQL1": []}), "SQL1") == Quorum("", "", "", ())


def row(name: str, **values: Any) -> dict[str, Any]:
    empty = dict.fromkeys(("log_minutes", "first_full_minutes", "full_minutes", "used_kilobytes", "size_kilobytes"))
    return {"name": name, "waits_for": "LOG_BACKUP", "age_minutes": 90 * 1440, **empty, **values}


@pytest.mark.parametrize(
    ("primary", "secondary", "age", "due"),
    [
        ({}, {}, timedelta(days=90), True),
        ({"first_full_minutes": 60}, {}, timedelta(hours=1), True),  # the chain is an hour old
        ({"log_minutes": 60}, {}, timedelta(hours=1), False),
        ({}, {"log_minutes": 30}, timedelta(minutes=30), False),  # the job runs on the preferred replica
        ({"log_minutes": 2 * 1440}, {"log_minutes": 3 * 1440}, timedelta(days=2), True),
    ],
)
def test_the_last_log_backup_counts_wherever_it_ran(
    primary: dict[str, int], secondary: dict[str, int], age: timedelta, due: bool
) -> None:
    found = log_backups.observe(
        remote({"SQL1": [row("Store", **primary)], "SQL2": [row("STORE", **secondary)]}), ["SQL1", "SQL2"], "SQL1"
    )
    assert found["store"].age == age
    assert bool(found["store"].remedy) == due


@pytest.mark.parametrize(
    ("age", "text"),
    [
        (timedelta(minutes=1), "1 minute"),
        (timedelta(minutes=119), "119 minutes"),
        (timedelta(hours=47), "47 hours"),
        (timedelta(days=3, hours=5), "3 days"),
    ],
)
def test_ages_in_words(age: timedelta, text: str) -> None:
    assert log_backups.words(age) == text
