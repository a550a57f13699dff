"""A server that cannot take a copy is refused before the first backup, with everything that is wrong."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from components.sql.availability_database import AvailabilityDatabaseInputs, AvailabilityDatabaseResource
from lab.testing.windows import disk_path
from lab.testing.worlds import begin_sql, small_world
from tests.components.contract import refusal, sentences
from tests.components.sql.in_process import Servers

INPUTS = AvailabilityDatabaseInputs(database="Orders", group="SQL", machines=("SQL1", "SQL2"), share=r"\\FILE\SQLAG")
REFUSED = "SQL2: bring a copy of Orders to every replica of SQL: "


@pytest.fixture
def servers(tmp_path: Path) -> Iterator[Servers]:
    world = small_world(tmp_path / "lab")
    begin_sql(world)
    yield Servers(world)
    world.close()


def order(servers: Servers, folder: str = "") -> None:
    where = f" ON (NAME = Orders, FILENAME = N'{folder}\\Orders.mdf')" if folder else ""
    servers.by_hand("SQL2", f"CREATE DATABASE Orders{where}; ALTER DATABASE Orders SET RECOVERY FULL")


def plan(servers: Servers) -> list[str]:
    resource = AvailabilityDatabaseResource()
    return sentences(resource.plan(INPUTS, resource.observe(INPUTS, servers)))


def changed(servers: Servers, machine: str, **values: object) -> None:
    servers.world.machine(machine).collection("sql-instance").change("MSSQLSERVER", **values)


def test_one_that_fits(servers: Servers) -> None:
    order(servers)
    assert len(plan(servers)) == 9
    changed(servers, "SQL2", build=[11, 0, 2100])
    assert len(plan(servers)) == 9, "builds of one release fit"


def test_everything_at_once(servers: Servers) -> None:
    order(servers)
    changed(servers, "SQL1", build=[10, 50, 6000], collation="Latin1_General_CS_AS")
    assert refusal(lambda: plan(servers)).startswith(
        f"{REFUSED}SQL1 has SQL Server 10.50.6000.0, older than 11.0.7001.0 of SQL2; SQL1 has the collation "
        "Latin1_General_CS_AS, SQL2 SQL_Latin1_General_CP1_CI_AS. A database does not go back to an older SQL Server"
    )


def test_a_newer_secondary_fits(servers: Servers) -> None:
    order(servers)
    changed(servers, "SQL2", build=[10, 50, 6000])
    assert len(plan(servers)) == 9


def test_a_folder_that_the_owner_chose_has_to_be_there(servers: Servers) -> None:
    disk_path(servers.world, "SQL2", "C:\\Orders").mkdir()
    order(servers, "C:\\Orders")
    told = refusal(lambda: plan(servers))
    assert told.startswith(
        f"{REFUSED}SQL Server on SQL1 finds no folder C:\\Orders, which the database's files are in. "
    )
    assert "Create that folder there, with full control for SQL Server's service account" in told
    disk_path(servers.world, "SQL1", "C:\\Orders").mkdir()
    assert len(plan(servers)) == 9
