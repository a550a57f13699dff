"""A Windows account that is a user of a database and comes in by a group: it has to come in on every replica."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from components.sql.login_mirror import LoginMirrorInputs, LoginMirrorResource
from components.steps import SqlTransaction, load_script
from lab.testing import changes, sql
from lab.testing.worlds import begin_sql, close, small_world
from tests.components.contract import sentences
from tests.components.sql.in_process import ADMINISTRATOR, Servers

GROUP, USER = r"HYPERVNU\WAP Administrators", r"HYPERVNU\operator"


@dataclass
class InDatabases(Servers):
    """Sessions begin in the database that is asked for."""

    def sql(self, machine: str, database: str = "master") -> Any:
        server = super().sql(machine)
        rows = server.rows
        server.rows = lambda text, *values, attempted: rows(f"USE [{database}];\n{text}", *values, attempted=attempted)
        return server


@pytest.fixture
def servers(tmp_path: Path) -> Iterator[InDatabases]:
    world = small_world(tmp_path / "lab")
    begin_sql(world)
    for text in (
        f"CREATE LOGIN [{GROUP}] FROM WINDOWS",
        "CREATE DATABASE Work",
        f"USE Work; CREATE USER plain_name FOR LOGIN [{GROUP}]; DROP USER plain_name; CREATE USER [{USER}]",
    ):
        query(world, "SQL2", text)
    yield InDatabases(world)
    close(world)


def query(world: Any, machine: str, text: str, *values: str | int) -> list[dict[str, Any]]:
    session = sql.connect(world, machine, machine, windows_user=ADMINISTRATOR)
    try:
        return sql.query(session, text, *values)
    finally:
        session.close()


INPUTS = LoginMirrorInputs(group="SQL", machines=("SQL1", "SQL2"), databases=("Work",))


def due(servers: InDatabases) -> list[str]:
    resource = LoginMirrorResource()
    return sentences(resource.plan(INPUTS, resource.observe(INPUTS, servers)))


def test_the_login_of_the_group_is_mirrored(servers: InDatabases) -> None:
    resource = LoginMirrorResource()
    (step,) = resource.plan(INPUTS, resource.observe(INPUTS, servers))
    assert step.sentence == f"On SQL1, create the login of the Windows account {GROUP} as it is on SQL2."
    assert isinstance(step.action, SqlTransaction)
    for path, values in step.action.parts:
        servers.by_hand("SQL1", load_script(path), *map(str, values))
    assert due(servers) == []
    assert servers.by_hand("SQL1", f"EXEC xp_logininfo N'{USER}', 'all'")[0]["permission path"] == GROUP


def test_a_group_of_administrators_is_left_to_the_operator(servers: InDatabases) -> None:
    servers.by_hand("SQL2", f"ALTER SERVER ROLE sysadmin ADD MEMBER [{GROUP}]")
    assert due(servers) == []
    resource = LoginMirrorResource()
    (concern,) = resource.concerns(INPUTS, resource.observe(INPUTS, servers))
    assert concern.startswith(f"{GROUP}: missing")
    assert concern.endswith("make its login there yourself if it may be that on every replica")


def test_what_may_be_needed_is_not_dropped(servers: InDatabases) -> None:
    """No domain controller answers: then nobody knows who comes in by the group whose login the program made."""
    servers.by_hand("SQL1", f"CREATE LOGIN [{GROUP}] FROM WINDOWS")
    servers.by_hand("SQL1", load_script("sql/mark_login.sql"), GROUP)
    dropping = INPUTS.model_copy(update={"drop": True})
    resource = LoginMirrorResource()
    facts = resource.observe(dropping, servers)
    unseen = replace(facts, windows={one: name for one, name in facts.windows.items() if name != GROUP}, users={})
    assert [step.sentence for step in resource.plan(dropping, unseen)] == [
        f"On SQL1, drop the login {GROUP}, which this program made and no database needs any more."
    ]
    assert resource.plan(dropping, replace(unseen, obscure=True)) == []
    changes.no_account(servers.world, "hyper-v.nu", "operator")
    assert resource.plan(dropping, resource.observe(dropping, servers)) == []


def test_an_account_that_is_gone_needs_nothing(servers: InDatabases) -> None:
    changes.no_account(servers.world, "hyper-v.nu", "operator")
    assert due(servers) == []
