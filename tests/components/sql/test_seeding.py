"""What a seed resumes, and where a copy's files go: into the folders of the instance that restores it, or where
their owner put them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from components.sql.availability_database import (
    AvailabilityDatabaseFacts,
    AvailabilityDatabaseInputs,
    AvailabilityDatabaseResource,
)
from components.sql.leftover import Past
from components.sql.log_chain import missing
from components.sql.seeding import File, Folders, Seed, moves
from tests.components.contract import actions, refusal, sentences
from tests.components.sql_worlds import SHARE, STORE, copy, database_facts

ROOT = r"C:\Program Files\Microsoft SQL Server\MSSQL11.{}\MSSQL\DATA"
DEFAULT, WAP = (Folders(ROOT.format(name), ROOT.format(name)) for name in ("MSSQLSERVER", "WAP"))
FILES = (
    File(STORE, f"{DEFAULT.data}\\{STORE}.mdf", "ROWS"),
    File(f"{STORE}_log", f"{DEFAULT.log}\\{STORE}_log.ldf", "LOG"),
)
MOVED = (STORE, f"{WAP.data}\\{STORE}.mdf", f"{STORE}_log", f"{WAP.log}\\{STORE}_log.ldf")


def test_between_instances_of_one_name_nothing_moves() -> None:
    assert moves("SQL2", STORE, FILES, DEFAULT, DEFAULT) == ()


def test_from_one_instance_to_another_and_back() -> None:
    assert moves("SQL2", STORE, FILES, DEFAULT, WAP) == MOVED
    there = (File(MOVED[0], MOVED[1], "ROWS"), File(MOVED[2], MOVED[3], "LOG"))
    assert moves("SQL1", STORE, there, WAP, DEFAULT) == (STORE, FILES[0].path, f"{STORE}_log", FILES[1].path)


def test_what_the_owner_put_elsewhere_stays_where_it_is() -> None:
    own = (replace(FILES[0], path=r"D:\Data\Store.mdf"), replace(FILES[1], path=r"L:\Log\Store.ldf"))
    assert moves("SQL2", STORE, own, DEFAULT, WAP) == ()
    half = (own[0], FILES[1])
    assert moves("SQL2", STORE, half, DEFAULT, WAP) == (STORE, r"D:\Data\Store.mdf", MOVED[2], MOVED[3])


def test_folders_of_data_and_log_may_differ_and_are_compared_without_case() -> None:
    apart = Folders(r"D:\Data", r"L:\Log")
    shouting = Folders(DEFAULT.data.upper(), DEFAULT.log.upper())
    assert moves("SQL2", STORE, FILES, shouting, apart) == (
        STORE,
        rf"D:\Data\{STORE}.mdf",
        f"{STORE}_log",
        rf"L:\Log\{STORE}_log.ldf",
    )


def test_more_files_than_two_are_moved_by_a_person() -> None:
    three = (*FILES, File("more", f"{DEFAULT.data}\\more.ndf", "ROWS"))
    assert moves("SQL2", STORE, three, DEFAULT, DEFAULT) == ()
    assert refusal(lambda: moves("SQL2", STORE, three, DEFAULT, WAP)) == (
        f"SQL2: restore {STORE}: its instance has other folders than the primary's, and the database has 3 files. "
        "Restore it there yourself WITH NORECOVERY, each file with MOVE, and join it; then run `pulumi up` again."
    )


def test_the_plan_moves_on_that_replica_only() -> None:
    machines = ("SQL1", "SQL2", "SQL3")
    facts = replace(
        database_facts({"SQL1": copy()}, machines=machines),
        files=FILES,
        folders={"SQL1": DEFAULT, "SQL2": WAP, "SQL3": DEFAULT},
    )
    inputs = AvailabilityDatabaseInputs(database=STORE, group="SQL", machines=machines, share=SHARE)
    plan = AvailabilityDatabaseResource().plan(inputs, facts)
    file = f"{SHARE}\\{STORE}_seed.bak"
    assert [action for action in actions(plan) if "restore_database" in action] == [
        "SQL2 sql/restore_database_moved.sql " + repr((STORE, file, *MOVED)),
        "SQL3 sql/restore_database.sql " + repr((STORE, file)),
    ]
    assert (
        f"On SQL2, restore the full backup with NORECOVERY of {STORE} from {file}, moving its files into the folders "
        "of this instance."
    ) in sentences(plan)


AT = Past("fork-2", "fork-1", fork_point=500, log_start=700)
SERVES: dict[str, tuple[Seed | None, Past | None, bool]] = {
    "it reaches to where the log begins": (Seed("fork-2", 700), AT, True),
    "the owner backed the log up since": (Seed("fork-2", 699), AT, False),
    "before a forced failover": (Seed("fork-1", 900), AT, False),
    "none": (None, AT, False),
    "no chain yet": (Seed("fork-2", 700), Past("fork-2"), False),
    "a server that tells nothing": (Seed("", 700), Past("", log_start=700), False),
    "a chain that starts only now": (Seed("fork-2", 700), None, False),
}


@pytest.mark.parametrize("case", SERVES)
def test_which_full_backup_serves_again(case: str) -> None:
    seed, primary, expected = SERVES[case]
    fork, lsn = (seed.fork, seed.last_lsn) if seed else ("", None)
    assert (missing(fork, lsn, primary, (), "SQL2") is not None) is expected


def test_what_is_left_to_do_for_each_replica() -> None:
    """The full backup is there; one copy only needs the log, the other one has still to be restored."""
    machines = ("SQL1", "SQL2", "SQL3")
    copies = {"SQL1": copy(past=AT), "SQL2": copy(state="RESTORING", past=Past("fork-2", next_lsn=700))}
    facts = replace(database_facts(copies, machines=machines), seed=Seed("fork-2", 700))
    inputs = AvailabilityDatabaseInputs(database=STORE, group="SQL", machines=machines, share=SHARE)
    resource = AvailabilityDatabaseResource()

    def seeds(facts: AvailabilityDatabaseFacts) -> list[str]:
        return [action.split(" (")[0] for action in actions(resource.plan(inputs, facts)) if "_seed." in action]

    log = ["SQL1 sql/backup_log_copy.sql", "SQL2 sql/restore_log.sql"]
    assert seeds(facts) == [*log, "SQL3 sql/restore_database.sql", "SQL3 sql/restore_log.sql"]
    fresh = replace(facts, copies={**copies, "SQL1": copy(past=AT, recovery_model="SIMPLE")})
    assert seeds(fresh)[:2] == ["SQL1 sql/backup_database_copy.sql", "SQL1 sql/backup_log_copy.sql"]
    assert "SQL2 sql/restore_database.sql" in seeds(fresh), "the chain starts again"
