"""What machines do not take as they are is refused by ``check``: in one line, and only where something changes."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from components.nlb.state import NodeView
from components.portal.plan import PlanState
from components.resource import RefusesEarly
from components.sql.endpoint import Endpoint
from remote.errors import UnreachableError
from tests.components import group_worlds, sql_worlds, worlds
from tests.components.contract import Case, World
from tests.components.test_contract import subclasses

AT_5022 = Endpoint("Hadr_endpoint", 5022, "STARTED", "ALL", "AES")
NO_CARD = NodeView("Portal2", bound=False, missing_card="LAN", cards=("Ethernet",))
ELSEWHERE = {
    "AdminAddress": "https://spf.hyper-v.nu:8090/SC2012/Admin/Microsoft.Management.Odata.svc/",
    "Account": "SVC_SPF",
}
REFUSED: list[tuple[Case, Any, dict[str, Any], str]] = [
    (
        worlds.CLUSTER,
        replace(worlds.MADE, without_card=(NO_CARD,)),
        {"mode": "multicast"},
        "Portal1: change the NLB cluster portal.hyper-v.nu: Portal2 has no network card named LAN (it has Ethernet).",
    ),
    (
        group_worlds.MIRRORING_ENDPOINT,
        replace(group_worlds.MIRRORING_ENDPOINT.absent, endpoint=AT_5022, closed=True),
        {"port": 5099},
        "SQL1: move the endpoint of SQL1 for availability groups to port 5099: no rule of its Windows Firewall allows",
    ),
    (
        group_worlds.FAILOVER_CLUSTER,
        replace(group_worlds.FAILOVER_CLUSTER.absent, name="sqlcluster"),
        {"cluster": "other"},
        "SQL1: find the failover cluster other at 172.21.5.120: its failover cluster is named sqlcluster.",
    ),
    (
        group_worlds.BACKUP_SHARE,
        group_worlds.BACKUP_SHARE.absent,
        {"share": r"\\FILE\Other"},
        r"SQL2: find \\FILE\Other as SQL Server's service account: it is not there, or that account may not read it. ",
    ),
    (
        worlds.REGISTRATION,
        replace(worlds.registered(ELSEWHERE), unanswered="No such host is known"),
        {"url": "https://foundation.hyper-v.nu:8090"},
        "Portal1: move the registration of Service Provider Foundation to https://foundation.hyper-v.nu:8090: from ",
    ),
    (
        worlds.PLAN,
        replace(worlds.PLAN.absent, plans=(PlanState("q", "Other", "Public", frozenset()),)),
        {"name": "Other"},
        "Portal1: rename the plan Check to Other: there is another plan of this name. Rename or remove it in the ",
    ),
    (
        sql_worlds.LOGIN_MIRROR,
        sql_worlds.LOGIN_MIRROR.absent,
        {"further": ["Reader", "Billing"]},
        "SQL1: mirror the logins of SQL: no replica has a login named Billing.",
    ),
]


def test_every_such_resource_is_here() -> None:
    assert {case.resource for case, *_ in REFUSED} == {
        kind for kind in subclasses(RefusesEarly) if kind.__module__.startswith("components.")
    }


def asked(case: Case, facts: Any, changed: dict[str, Any]) -> tuple[World, list[str]]:
    world = World(case, facts)
    olds = world.provider().check({}, dict(case.inputs)).inputs
    checked = world.provider().check(olds, {**case.inputs, **changed})
    return world, [failure.reason for failure in checked.failures]


@pytest.mark.parametrize(
    ("case", "facts", "changed", "words"), REFUSED, ids=[case.resource.__name__ for case, *_ in REFUSED]
)
def test_it_is_refused(case: Case, facts: Any, changed: dict[str, Any], words: str) -> None:
    _, (line,) = asked(case, facts, changed)
    assert line.startswith(words)
    assert "\n" not in line


@pytest.mark.parametrize(("case", "facts"), [one[:2] for one in REFUSED], ids=[one[0].name for one in REFUSED])
def test_nothing_is_looked_at_where_nothing_changes(case: Case, facts: Any) -> None:
    world, failures = asked(case, facts, {})
    assert (world.observed, failures) == (0, [])


def test_what_cannot_be_read_is_not_refused() -> None:
    """Something else that the same update repairs may be why; a machine that is away was named by the refresh."""
    case, facts, changed, _ = REFUSED[0]
    world = World(case, facts)
    olds = world.provider().check({}, dict(case.inputs)).inputs
    world.unreadable = UnreachableError("Portal2", "read its cluster", "WinRM does not answer")
    checked = world.provider().check(olds, {**case.inputs, **changed})
    assert checked.failures == []
