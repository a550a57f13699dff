"""Another program backs the log up while a database is seeded, at every sentence of the seed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from components.resource.reconcile import Reconciler
from components.sql.availability_database import AvailabilityDatabaseInputs, AvailabilityDatabaseResource
from components.step_runner import StepRunner
from components.steps import Step
from lab.testing.worlds import begin_sql, close, small_world
from tests.components.contract import Claims, refusal
from tests.components.sql.in_process import Servers

INPUTS = AvailabilityDatabaseInputs(
    database="Orders", group="SQL", machines=("SQL1", "SQL2"), share=r"\\FILE\SQLAG", timeout_seconds=30
)
SHARED, LOCAL = r"\\FILE\SQLAG\Owner.trn", r"C:\Owner.trn"
SENTENCES = {
    "after the full backup": "WITH COPY_ONLY, FORMAT, INIT, CHECKSUM, NAME = N'Seed of a secondary replica';",
    "after the restore of it": "RESTORE DATABASE @database",
    "after the log backup": "BACKUP LOG @database TO DISK = @file WITH COPY_ONLY",
    "after its restore": "RESTORE LOG @database FROM DISK = @file WITH NORECOVERY, CHECKSUM",
    "after it entered the group": "ADD DATABASE",
}


@dataclass
class Seeding:
    servers: Servers
    reported: list[str] = field(default_factory=list)
    orders: int = 0

    def owner(self, device: str) -> None:
        """An order, and a backup of the log by the owner's job."""
        self.orders += 1
        self.servers.by_hand("SQL2", f"INSERT Orders.dbo.Orders VALUES ({self.orders})")
        self.servers.by_hand("SQL2", f"BACKUP LOG Orders TO DISK = N'{device}'")

    def when(self, part: str, device: str, *, always: bool = False) -> None:
        def act() -> None:
            if not always:
                self.servers.meanwhile.clear()
            self.owner(device)

        self.servers.meanwhile[part] = act

    def create(self) -> None:
        resource = AvailabilityDatabaseResource()
        Reconciler[Any, Any](
            resource,
            lambda inputs: resource.observe(inputs, self.servers),
            StepRunner(self.servers, self.reported.append).run_all,
            Claims(),
            lambda _inputs: "",
        ).create(INPUTS)

    def plan(self) -> list[Step]:
        resource = AvailabilityDatabaseResource()
        return resource.plan(INPUTS, resource.observe(INPUTS, self.servers))

    def count(self, part: str) -> int:
        return sum(part in one for one in self.reported)

    def everything_is_there(self) -> None:
        assert self.plan() == []
        self.servers.by_hand("SQL1", "ALTER AVAILABILITY GROUP [SQL] FAILOVER")
        found = self.servers.by_hand("SQL1", "SELECT COUNT(*) AS orders FROM Orders.dbo.Orders")
        assert found == [{"orders": self.orders}]


@pytest.fixture
def seeding(tmp_path: Path) -> Iterator[Seeding]:
    world = small_world(tmp_path / "lab")
    begin_sql(world)
    servers = Servers(world)
    servers.by_hand("SQL2", "CREATE DATABASE Orders; ALTER DATABASE Orders SET RECOVERY FULL")
    servers.by_hand("SQL2", "CREATE TABLE Orders.dbo.Orders (number int PRIMARY KEY)")
    servers.by_hand("SQL2", r"BACKUP DATABASE Orders TO DISK = N'\\FILE\SQLAG\Owner.bak'")
    yield Seeding(servers)
    close(world)


def test_nobody_else(seeding: Seeding) -> None:
    seeding.create()
    assert seeding.count("copy-only full backup") == 1
    seeding.everything_is_there()


@pytest.mark.parametrize("moment", SENTENCES)
def test_on_a_share_the_missing_part_is_restored_from_there(seeding: Seeding, moment: str) -> None:
    seeding.when(SENTENCES[moment], SHARED)
    seeding.create()
    assert seeding.orders == 1
    assert seeding.count("copy-only full backup") == 1, "it still serves"
    assert seeding.count("restore the full backup") == 1
    assert seeding.count(f"to {SHARED} of Orders with NORECOVERY") == 1
    seeding.everything_is_there()


@pytest.mark.parametrize("moment", ["after the full backup", "after its restore"])
def test_on_a_drive_of_the_primary_the_seed_begins_again(seeding: Seeding, moment: str) -> None:
    seeding.when(SENTENCES[moment], LOCAL)
    seeding.create()
    assert seeding.orders == 1
    seeding.everything_is_there()


def test_a_file_of_the_same_path_on_the_secondary_is_not_taken_for_it(seeding: Seeding) -> None:
    seeding.servers.by_hand("SQL1", "CREATE DATABASE Other; ALTER DATABASE Other SET RECOVERY FULL")
    for kind in ("DATABASE", "LOG"):
        seeding.servers.by_hand("SQL1", f"BACKUP {kind} Other TO DISK = N'{LOCAL}' WITH INIT")
    seeding.when(SENTENCES["after its restore"], LOCAL)
    seeding.create()
    assert seeding.count(LOCAL) == 0
    seeding.everything_is_there()


def test_several_in_one_file_in_their_order(seeding: Seeding) -> None:
    def three() -> None:
        seeding.servers.meanwhile.clear()
        for _ in range(3):
            seeding.owner(SHARED)

    seeding.servers.meanwhile["RESTORE DATABASE @database"] = three
    seeding.create()
    assert seeding.orders == 3
    assert seeding.count(f"to {SHARED} of Orders with NORECOVERY") == 3
    seeding.everything_is_there()


def test_one_that_never_gives_way_is_named_with_its_device(seeding: Seeding) -> None:
    seeding.when("RESTORE DATABASE @database", LOCAL, always=True)
    text = refusal(seeding.create)
    assert re.search(r"finished at [\d:T-]+ to C:\\Owner\.trn on SQL2 \(error (1412|1478): ", text)
    assert "lacks a part of the log, which is in the log backup that HYPERVNU\\installer finished at" in text
    assert "Have the job that makes these backups pause while `pulumi up` seeds Orders" in text
    assert seeding.orders == 5
    seeding.servers.meanwhile.clear()
    seeding.create()
    seeding.everything_is_there()
