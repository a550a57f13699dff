"""A restoring copy on a secondary: when it is restored over, when it is dropped, when it is left to the operator."""

from __future__ import annotations

import pytest

from components.sql.availability_database import (
    AvailabilityDatabaseFacts,
    AvailabilityDatabaseInputs,
    AvailabilityDatabaseResource,
    Copy,
)
from components.sql.leftover import SEED, Kinship, Past, Restored, is_untouched_seed, kinship, past
from tests.components.contract import refusal, sentences
from tests.components.sql_worlds import SHARE, STORE, copy, database_facts

INPUTS = AvailabilityDatabaseInputs(database=STORE, group="SQL", machines=("SQL1", "SQL2"), share=SHARE)
RESOURCE = AvailabilityDatabaseResource()
NOW, BEFORE, STRANGE = "fork-2", "fork-1", "fork-0"
PRIMARY = Past(fork=NOW, first_fork=BEFORE, fork_point=500, log_start=700)
OURS = (Restored(SEED, 400), Restored(SEED, 450))
DROP = f"On SQL2, drop what a seed of another {STORE} left there."


def leftover(fork: str, lsn: int | None, restored: tuple[Restored, ...] = ()) -> Copy:
    return copy(state="RESTORING", past=Past(fork=fork, next_lsn=lsn), restored=restored)


def facts(other: Copy | None) -> AvailabilityDatabaseFacts:
    copies = {"SQL1": copy(past=PRIMARY)} | ({"SQL2": other} if other else {})
    return database_facts(copies)


KIN = {
    "on the primary's fork, however far": (Past(NOW, next_lsn=900), PRIMARY, Kinship.SAME),
    "on the fork before, up to where they parted": (Past(BEFORE, next_lsn=500), PRIMARY, Kinship.SAME),
    "on the fork before, and further": (Past(BEFORE, next_lsn=501), PRIMARY, Kinship.PARTED),
    "on another fork": (Past(STRANGE, next_lsn=1), PRIMARY, Kinship.OTHER),
    "a primary that never parted": (Past(BEFORE, next_lsn=1), Past(NOW, NOW), Kinship.OTHER),
    "a restore that broke off": (Past(), PRIMARY, Kinship.BROKEN),
    "no primary's database": (Past(NOW, next_lsn=1), None, Kinship.UNKNOWN),
    "a primary that does not tell": (Past(NOW, next_lsn=1), Past(), Kinship.UNKNOWN),
}


@pytest.mark.parametrize("case", KIN)
def test_kinship(case: str) -> None:
    one, primary, expected = KIN[case]
    assert kinship(one, primary) is expected


@pytest.mark.parametrize("one", [leftover(NOW, 699), leftover(BEFORE, 500), leftover("", None)])
def test_what_the_primary_has_too_is_restored_over(one: Copy) -> None:
    assert sentences(RESOURCE.plan(INPUTS, facts(one))) == sentences(RESOURCE.plan(INPUTS, facts(None)))


def test_an_untouched_seed_of_another_database_is_dropped_before_anything_is_restored() -> None:
    plan = sentences(RESOURCE.plan(INPUTS, facts(leftover(STRANGE, 450, OURS))))
    assert plan == [DROP, *sentences(RESOURCE.plan(INPUTS, facts(None)))]


NOT_OURS = {
    "took in more since": leftover(STRANGE, 451, OURS),
    "restored from a backup of another program": leftover(STRANGE, 450, (*OURS, Restored("Nightly", 450))),
    "no restore on record": leftover(STRANGE, 450),
    "what only a former primary has, made by a seed once": leftover(BEFORE, 501, (Restored(SEED, 600),)),
}


@pytest.mark.parametrize("case", NOT_OURS)
def test_everything_else_is_refused_by_name(case: str) -> None:
    text = refusal(lambda: RESOURCE.plan(INPUTS, facts(NOT_OURS[case])))
    kin = kinship(NOT_OURS[case].past, PRIMARY)
    assert text == (
        f"SQL2: bring a copy of {STORE} to every replica of SQL: SQL2 has a restoring copy that is {kin.value}. It is "
        "neither joined nor restored over. If it is needed, bring it online under another name (RESTORE DATABASE … "
        f"WITH RECOVERY, ALTER DATABASE … MODIFY NAME); if not, drop [{STORE}] on SQL2. Then run `pulumi up` again."
    )


def test_delete_drops_only_what_is_of_this_database_or_of_this_program() -> None:
    def dropped(one: Copy) -> bool:
        return sentences(RESOURCE.plan_delete(INPUTS, facts(one), {})) == [
            f"On SQL2, drop the restoring copy of {STORE}."
        ]

    assert [dropped(one) for one in (leftover(NOW, 900), leftover("", None), leftover(STRANGE, 450, OURS))] == [
        True
    ] * 3
    assert [dropped(one) for one in NOT_OURS.values()] == [False] * 4


def test_what_the_servers_say() -> None:
    online = {"state": "ONLINE", "fork": NOW, "first_fork": BEFORE, "fork_point": "500", "log_start": "700",
              "redo_fork": None, "redo_lsn": None}  # fmt: skip
    assert past(online) == PRIMARY
    restoring = dict.fromkeys(online) | {"state": "RESTORING", "redo_fork": BEFORE, "redo_lsn": "33000000010400001"}
    assert past(restoring) == Past(BEFORE, next_lsn=33000000010400001)
    assert is_untouched_seed(Past(STRANGE, next_lsn=None), OURS) is False
