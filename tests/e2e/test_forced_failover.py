"""After a forced failover, and beside leftovers of other databases: what only one server has is never given up unasked.

The SQL part of the farm, its resources one by one, with a database made by hand. Every test begins and ends with the
database on both replicas, with the primary on SQL1.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from components.portal.databases import DATABASES
from components.step_runner import StepRunner
from components.steps import Step
from lab.testing import power, sql
from lab.testing.worlds import set_pace
from remote.errors import MachineError
from tests.e2e.farm import PACE
from tests.e2e.lab_here import FarmHere, Piece

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]

NETWORK = 61
DATABASE = "Orders"
PARTS = re.compile(r"SQL(-alwayson|-authentication|-administrator|-cluster|-listener|-primary|\d-endpoint)?")
"""The resources without a portal."""


@dataclass
class Built:
    farm: FarmHere
    pieces: dict[str, Piece]
    outs: dict[str, dict[str, Any]] = field(default_factory=dict)

    def sql(self, machine: str, statement: str, database: str = "master") -> list[dict[str, Any]]:
        return self.farm.sql(machine, statement, database=database)

    def make(self, name: str) -> None:
        self.outs[name] = self.pieces[name].create()

    def update(self, name: str = DATABASE) -> None:
        piece = self.pieces[name]
        given = piece.provider().check({}, dict(piece.inputs)).inputs
        self.outs[name] = dict(piece.provider().update("", self.outs[name], given).outs or {})

    def drift(self, name: str = DATABASE) -> dict[str, Any]:
        return self.pieces[name].drift(self.outs[name])

    def refused(self, what: Callable[[], object]) -> str:
        with pytest.raises(MachineError) as caught:
            what()
        return str(caught.value)

    # By hand ---------------------------------------------------------------------------------------------------

    def order(self, machine: str, text: str) -> None:
        self.sql(machine, f"INSERT [{DATABASE}].dbo.Orders VALUES (N'{text}')")

    def orders(self, machine: str) -> list[str]:
        return [row["text"] for row in self.sql(machine, f"SELECT text FROM [{DATABASE}].dbo.Orders ORDER BY text")]

    def make_database(self, name: str) -> None:
        self.sql("SQL1", f"CREATE DATABASE [{name}]; ALTER DATABASE [{name}] SET RECOVERY FULL")
        self.sql("SQL1", f"CREATE TABLE [{name}].dbo.Orders (text nvarchar(40) PRIMARY KEY)")

    def part(self, text: str) -> None:
        """SQL1 goes on alone and commits this, is cut off, and SQL2 is forced to take over."""
        door = "ALTER ENDPOINT Hadr_endpoint STATE = "
        self.sql("SQL2", f"{door}STOPPED")
        self.order("SQL1", text)
        power.disconnect(self.farm.world, "SQL1")
        self.sql("SQL2", f"{door}STARTED")
        self.sql("SQL2", "ALTER AVAILABILITY GROUP [SQL] FORCE_FAILOVER_ALLOW_DATA_LOSS")
        eventually(lambda: self.role("SQL2") == "PRIMARY")
        power.connect(self.farm.world, "SQL1")
        eventually(lambda: self.role("SQL1") == "SECONDARY")

    def resume_all(self, but: str = "") -> None:
        """What the administrator does on SQL1 when nothing of it is needed any more."""
        for row in self.sql("SQL1", "SELECT name FROM sys.databases WHERE group_database_id IS NOT NULL"):
            if row["name"] != but:
                self.sql("SQL1", f"ALTER DATABASE [{row['name']}] SET HADR RESUME")

    def back(self) -> None:
        """A planned failover to SQL1."""
        eventually(lambda: not self.unready("SQL1"))
        self.sql("SQL1", "ALTER AVAILABILITY GROUP [SQL] FAILOVER")
        eventually(lambda: self.role("SQL1") == "PRIMARY" and not self.unready("SQL2"))

    def role(self, machine: str) -> str:
        rows = self.sql(machine, "SELECT role_desc FROM sys.dm_hadr_availability_replica_states WHERE is_local = 1")
        return str(rows[0]["role_desc"])

    def unready(self, machine: str) -> list[str]:
        rows = self.sql(
            machine,
            "SELECT database_name AS name FROM sys.dm_hadr_database_replica_cluster_states AS s"
            " JOIN sys.availability_replicas AS r ON r.replica_id = s.replica_id"
            " WHERE r.replica_server_name = @@SERVERNAME AND s.is_failover_ready = 0",
        )
        return [row["name"] for row in rows]


def eventually(question: Callable[[], bool], timeout_seconds: float = 20) -> None:
    end = time.monotonic() + timeout_seconds
    while not question():
        assert time.monotonic() < end
        time.sleep(0.1)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Built]:
    farm = FarmHere(tmp_path_factory.mktemp("forced"), NETWORK)
    with farm.running():
        pieces = farm.pieces()
        one = pieces[DATABASES[0]].but(database=DATABASE)
        found = Built(farm, {name: piece for name, piece in pieces.items() if PARTS.fullmatch(name)} | {DATABASE: one})
        for name in found.pieces:
            if name == DATABASE:
                found.make_database(DATABASE)
            found.make(name)
        assert found.role("SQL1") == "PRIMARY"
        yield found


def drifts(built: Built) -> dict[str, dict[str, Any]]:
    """What a preview shows of every resource."""
    return {name: found for name in built.pieces if (found := built.drift(name))}


def test_what_only_the_former_primary_has_stays_until_a_person_gives_it_up(built: Built) -> None:
    built.part("only on SQL1")
    built.order("SQL2", "on the new primary")
    shown = {"replicas": ("synchronized", "SQL1: suspended (SUSPEND_FROM_PARTNER)")}
    assert drifts(built) == {DATABASE: shown}

    for what in (built.update, lambda: built.pieces[DATABASE].delete(built.outs[DATABASE])):
        text = built.refused(what)
        assert f"{DATABASE} on SQL1 is suspended since a failover to SQL2 was forced (SUSPEND_FROM_PARTNER)" in text
        assert "rolls back for good what SQL1 has and SQL2 does not" in text
        assert f"run on SQL1: ALTER DATABASE [{DATABASE}] SET HADR RESUME." in text
    assert drifts(built) == {DATABASE: shown}, "nothing was touched"

    built.resume_all()
    built.update()
    assert drifts(built) == {}
    built.back()
    assert built.orders("SQL1") == ["on the new primary"], "RESUME gave it up"


def test_a_restart_does_not_hide_it(built: Built) -> None:
    built.part("hidden by a restart")
    built.farm.powershell("SQL1", "Restart-Service MSSQLSERVER -Force")
    eventually(lambda: built.role("SQL1") == "SECONDARY")
    assert built.drift() == {"replicas": ("synchronized", "SQL1: suspended (SUSPEND_FROM_RESTART)")}
    assert "if a failover was forced, RESUME rolls back for good what SQL1 has" in built.refused(built.update)
    built.resume_all()
    built.update()
    built.back()


def test_nor_is_it_restored_over_when_it_was_taken_out(built: Built) -> None:
    built.part("in the copy that was taken out")
    built.sql("SQL1", f"ALTER DATABASE [{DATABASE}] SET HADR OFF")
    built.resume_all(but=DATABASE)
    text = built.refused(built.update)
    assert "SQL1 has a restoring copy that is on the recovery fork from before a forced failover" in text
    assert f"if not, drop [{DATABASE}] on SQL1" in text

    built.sql("SQL1", f"RESTORE DATABASE [{DATABASE}] WITH RECOVERY")  # to look into it, as the message says
    assert "in the copy that was taken out" in built.orders("SQL1")
    built.sql("SQL1", f"DROP DATABASE [{DATABASE}]")
    built.update()
    assert built.drift() == {}
    built.back()
    assert "in the copy that was taken out" not in built.orders("SQL1")


def test_what_an_error_or_a_user_suspended_goes_on(built: Built) -> None:
    built.sql("SQL2", f"ALTER DATABASE [{DATABASE}] SET HADR SUSPEND")
    assert built.drift() == {"replicas": ("synchronized", "SQL2: suspended (SUSPEND_FROM_USER)")}
    built.update()
    assert built.drift() == {}
    for reason in ("REDO", "APPLY"):  # no error does this in the lab
        sql.suspend(built.farm.world, "SQL", "SQL2", DATABASE, f"SUSPEND_FROM_{reason}")
        assert built.drift() == {"replicas": ("synchronized", f"SQL2: suspended (SUSPEND_FROM_{reason})")}
        built.update()
        assert built.drift() == {}
    built.sql("SQL1", f"ALTER DATABASE [{DATABASE}] SET HADR SUSPEND")
    shown = "SQL1: suspended (SUSPEND_FROM_USER); SQL2: suspended (SUSPEND_FROM_PARTNER)"
    assert built.drift() == {"replicas": ("synchronized", shown)}
    built.update()
    assert built.drift() == {}


def test_a_copy_of_another_database_of_the_name_is_left_to_the_operator(built: Built) -> None:
    """The portal was reinstalled."""
    built.sql("SQL1", f"ALTER AVAILABILITY GROUP [SQL] REMOVE DATABASE [{DATABASE}]; DROP DATABASE [{DATABASE}]")
    built.make_database(DATABASE)
    text = built.refused(lambda: built.make(DATABASE))
    assert "SQL2 has a restoring copy that is on another recovery fork. It is neither joined nor restored over." in text
    history = "SELECT COUNT(*) AS seeds FROM msdb.dbo.backupset WHERE database_name = N'{}'"
    before = built.sql("SQL1", history.format(DATABASE))
    assert built.refused(lambda: built.make(DATABASE)) == text
    assert built.sql("SQL1", history.format(DATABASE)) == before, "it was seen before anything was backed up"
    built.sql("SQL2", f"DROP DATABASE [{DATABASE}]")
    built.make(DATABASE)
    assert built.drift() == {}


@dataclass
class Seeding:
    """A database beside, on its way into the group, step by step."""

    built: Built
    name: str

    def __post_init__(self) -> None:
        self.built.make_database(self.name)
        self.piece = self.built.pieces[DATABASE].but(database=self.name)
        self.provider = self.piece.provider()
        self.inputs = self.provider.parse(dict(self.piece.inputs))

    def plan(self) -> list[Step]:
        resource = self.provider.resource
        return resource.plan(self.inputs, resource.observe(self.inputs, self.provider.remote))

    def due(self) -> list[str]:
        """The first words of what the seed still consists of."""
        parts = ("write a copy-only full", "write a copy-only log", "restore the full", "restore the log")
        return [part for step in self.plan() for part in parts if part in step.sentence]

    def run(self, until: str = "", pace: float = 0.0, **changed: Any) -> list[str]:
        """Carry out the plan up to a step that has this in its sentence, that one included; what was reported."""
        reported: list[str] = []
        for step in self.plan():
            last = until in step.sentence
            if last:
                set_pace(self.built.farm.world, pace or float(PACE))
                step = replace(step, action=replace(step.action, **changed)) if changed else step
            try:
                StepRunner(self.provider.remote, reported.append).run(step, lambda: None)
            finally:
                set_pace(self.built.farm.world, float(PACE))
            if last:
                return reported
        raise AssertionError(f"no step to {until}")

    def finish(self) -> None:
        """The next run, and then its end."""
        outs = self.piece.create()
        assert self.piece.drift(outs) == {}
        self.piece.delete(outs)
        assert self.built.sql("SQL2", f"SELECT 1 AS there FROM sys.databases WHERE name = N'{self.name}'") == []
        self.built.sql("SQL1", f"DROP DATABASE [{self.name}]")


WHOLE = ["write a copy-only full", "write a copy-only log", "restore the full", "restore the log"]


@pytest.fixture
def seeding(built: Built, request: pytest.FixtureRequest) -> Seeding:
    return Seeding(built, f"Seed {len(request.node.name)}")


def test_a_seed_that_nobody_joined_goes_by_itself(built: Built, seeding: Seeding) -> None:
    """A run broke after its seed was restored; then the database was recreated."""
    seeding.run(until="restore the log")
    built.sql("SQL1", f"DROP DATABASE [{seeding.name}]")
    built.make_database(seeding.name)
    assert f"On SQL2, drop what a seed of another {seeding.name} left there." in [str(one) for one in seeding.plan()]
    seeding.finish()


def test_a_seed_goes_on_from_what_is_there(built: Built, seeding: Seeding) -> None:
    assert seeding.due() == WHOLE
    seeding.run(until="write a copy-only full")
    assert seeding.due() == WHOLE[1:]
    seeding.run(until="restore the full")
    assert seeding.due() == ["write a copy-only log", "restore the log"]
    seeding.finish()


def test_but_not_over_a_gap_in_the_log(built: Built, seeding: Seeding) -> None:
    seeding.run(until="restore the full")
    built.sql("SQL1", f"INSERT [{seeding.name}].dbo.Orders VALUES (N'between')")
    built.sql("SQL1", f"BACKUP LOG [{seeding.name}] TO DISK = N'C:\\Owner.trn'")
    assert seeding.due() == WHOLE
    seeding.finish()


def test_nor_from_a_file_that_is_gone_or_another(built: Built, seeding: Seeding) -> None:
    file = f"{seeding.inputs.share}\\{seeding.name}_seed.bak"
    seeding.run(until="write a copy-only full")
    built.sql("SQL1", f"BACKUP DATABASE [{seeding.name}] TO DISK = N'{file}' WITH COPY_ONLY, FORMAT, NAME = N'By hand'")
    assert seeding.due() == WHOLE, "the history still has the seed's, the file holds another"
    seeding.run(until="write a copy-only full")
    assert seeding.due() == WHOLE[1:]
    built.farm.powershell("FILE", "Remove-Item -LiteralPath $Path -ErrorAction Stop", Path=file)
    assert seeding.due() == WHOLE
    seeding.finish()


def test_a_backup_and_a_restore_may_go_on_as_long_as_they_get_on(built: Built, seeding: Seeding) -> None:
    for step in ("write a copy-only full", "restore the full"):
        reported = seeding.run(until=step, pace=4, timeout_seconds=1)
        percents = [int(one.split()[1]) for one in reported if one.endswith(" percent")]
        assert len(percents) >= 2
        assert percents == sorted(percents)
    seeding.finish()


def test_one_that_stands_still_is_cancelled(built: Built, seeding: Seeding) -> None:
    with pytest.raises(MachineError) as caught:
        seeding.run(until="write a copy-only log", pace=6, timeout_seconds=1)  # the log's does not say how far it is
    assert "it stood at 0 percent for 1 seconds, and was cancelled. Check in sys.dm_exec_requests" in str(caught.value)
    assert seeding.due() == WHOLE[1:]
    seeding.finish()


def test_a_restore_that_broke_off_begins_again(built: Built, seeding: Seeding) -> None:
    with pytest.raises(MachineError, match="timeout expired"):
        seeding.run(until="restore the full", pace=6, timeout_seconds=1, watched=False)
    rows = built.sql("SQL2", f"SELECT state_desc FROM sys.databases WHERE name = N'{seeding.name}'")
    assert rows == [{"state_desc": "RESTORING"}]
    assert seeding.due() == WHOLE[1:]
    seeding.finish()


def test_another_group_is_moved_before_its_server_restarts_and_comes_back(built: Built) -> None:
    """A restart for the authentication mode on the primary of a group of another application."""
    world = built.farm.world
    sql.create_group(world, "OTHER", ["SQL2", "SQL1"], database="Reports", user=r"HYPERVNU\installer")
    mode = r"N'HKEY_LOCAL_MACHINE', N'Software\Microsoft\MSSQLServer\MSSQLServer', N'LoginMode', REG_DWORD, 1"
    built.sql("SQL2", f"EXEC xp_instance_regwrite {mode}; CREATE DATABASE Wiki")
    built.farm.powershell("SQL2", "Restart-Service MSSQLSERVER -Force")

    def primary_of_other() -> str:
        asked = "SELECT role_desc FROM sys.dm_hadr_availability_replica_states AS s JOIN sys.availability_groups AS g"
        asked += " ON g.group_id = s.group_id WHERE s.is_local = 1 AND g.name = N'OTHER'"
        provider = built.pieces["SQL-authentication"].provider()
        roles = {
            machine: provider.remote.sql_integrated(machine).rows(asked, attempted="test")[0]["role_desc"]
            for machine in ("SQL1", "SQL2")
        }
        return ", ".join(machine for machine, role in roles.items() if role == "PRIMARY")

    eventually(lambda: primary_of_other() == "SQL2")
    name = "SQL-authentication"
    assert built.drift(name) == {"mode": ("mixed", "windows")}
    provider = built.pieces[name].provider()
    inputs = provider.parse(dict(built.pieces[name].inputs))
    due = [str(step) for step in provider.resource.plan(inputs, provider.resource.observe(inputs, provider.remote))]
    assert due == [
        "On SQL2, set SQL Server's authentication mode to mixed.",
        "Wait until SQL1 is ready to take over OTHER.",
        "On SQL1, fail OTHER over to it.",
        "Wait until SQL1 is the primary of OTHER and its partners follow.",
        "On SQL2, restart SQL Server; offline meanwhile: Wiki.",
        "Wait until SQL is healthy again after the restart of SQL2.",
        "Wait until OTHER is healthy again after the restart of SQL2.",
        "Wait until SQL2 is ready to take over OTHER.",
        "On SQL2, fail OTHER over to it.",
        "Wait until SQL2 is the primary of OTHER and its partners follow.",
    ]
    built.update(name)
    assert built.drift(name) == {}
    assert primary_of_other() == "SQL2"
    built.sql("SQL2", "DROP AVAILABILITY GROUP OTHER; DROP DATABASE Reports; DROP DATABASE Wiki")
    built.sql("SQL1", "DROP DATABASE Reports")


def test_a_service_account_is_one_in_every_form(built: Built) -> None:
    for account in ("svc_sql@hyper-v.nu", r"hyper-v.nu\SVC_SQL", r"hypervnu\svc_sql"):
        sql.set_service_account(built.farm.world, "SQL2", account)
        assert built.drift("SQL1-endpoint") == {}
    sql.set_service_account(built.farm.world, "SQL2", r".\sql")
    reported = r"SQL2 runs as .\sql, which has no identity on the network"
    assert built.drift("SQL1-endpoint") == {"access": ("granted", reported)}
    assert "Have it run as an account of the domain" in built.refused(lambda: built.update("SQL1-endpoint"))

    sql.set_service_account(built.farm.world, "SQL2", r"NT Service\MSSQLSERVER")
    assert built.drift("SQL1-endpoint") == {"access": ("granted", r"missing for HYPERVNU\SQL2$")}
    built.update("SQL1-endpoint")
    assert built.drift("SQL1-endpoint") == {}
    eventually(lambda: not built.unready("SQL2"))
    sql.set_service_account(built.farm.world, "SQL2", r"HYPERVNU\SVC_SQL")


def test_what_keeps_the_replicas_apart_is_drift_or_named(built: Built, monkeypatch: pytest.MonkeyPatch) -> None:
    account, name = r"HYPERVNU\SVC_SQL", "SQL2-endpoint"
    built.sql("SQL2", f"ALTER LOGIN [{account}] DISABLE")
    assert built.drift(name) == {"access": ("granted", f"the login {account} is disabled")}
    built.update(name)
    assert built.drift(name) == {}

    for denied in ("public", r"HYPERVNU\Domain Users"):
        made = "" if denied == "public" else f"CREATE LOGIN [{denied}] FROM WINDOWS; "
        built.sql("SQL2", f"{made}DENY CONNECT ON ENDPOINT::Hadr_endpoint TO [{denied}]")
        assert built.drift(name) == {"access": ("granted", f"{account} is kept out by DENY CONNECT to {denied}")}
        text = built.refused(lambda: built.update(name))
        assert f"DENY CONNECT to {denied} keeps it out" in text
        assert "REVOKE CONNECT ON ENDPOINT::[Hadr_endpoint] FROM" in text
        built.sql("SQL2", f"REVOKE CONNECT ON ENDPOINT::Hadr_endpoint FROM [{denied}]")
    assert built.drift(name) == {}

    eventually(lambda: drifts(built) == {})
    built.farm.powershell("SQL2", "Disable-NetFirewallRule -Name SQL-Server-5022")
    shown = built.drift("SQL")["connection"][1]
    assert re.match(r"not SQL2 \(error 35201, last at 20\d\d-\d\d-\d\d \d\d:\d\d:\d\d: A connection timeout has", shown)
    monkeypatch.setattr("components.sql.availability_group.AWAY_SECONDS", 1.0)
    text = built.refused(lambda: built.update("SQL"))
    assert "error 35201" in text
    assert "See that the firewalls let SQL1 reach TCP 5022 of SQL2, and SQL2 TCP 5022 of SQL1" in text
    built.farm.powershell("SQL2", "Enable-NetFirewallRule -Name SQL-Server-5022")
    eventually(lambda: drifts(built) == {})
