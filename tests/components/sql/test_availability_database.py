"""From every half-made state of a database on its way into the group."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from components.sql.availability_database import (
    AvailabilityDatabaseFacts,
    AvailabilityDatabaseInputs,
    AvailabilityDatabaseResource,
    Synchronized,
    Visible,
)
from components.sql.group import DatabaseReplica
from components.steps import WaitFor
from tests.components.contract import actions, refusal, sentences
from tests.components.sql_worlds import SHARE, STORE, copy, database_facts, group, on, replica

INPUTS = AvailabilityDatabaseInputs(database=STORE, group="SQL", machines=("SQL1", "SQL2"), share=SHARE)
RESOURCE = AvailabilityDatabaseResource()

FULL = f"On SQL1, set the recovery model of {STORE} to FULL."
CHAIN = f"On SQL1, start the log chain of {STORE} with a full backup, kept as {SHARE}\\{STORE}_20130605T100000.bak."
BACKUPS = [
    f"On SQL1, write a copy-only full backup of {STORE} to {SHARE}\\{STORE}_seed.bak.",
    f"On SQL1, write a copy-only log backup of {STORE} to {SHARE}\\{STORE}_seed.trn.",
]
ADD = f"On SQL1, add {STORE} to SQL."
END = f"Wait until {STORE} is synchronised on every replica of SQL."


def restores(machine: str) -> list[str]:
    return [
        f"On {machine}, restore the full backup with NORECOVERY of {STORE} from {SHARE}\\{STORE}_seed.bak.",
        f"On {machine}, restore the log backup with NORECOVERY of {STORE} from {SHARE}\\{STORE}_seed.trn.",
    ]


def join(machine: str) -> list[str]:
    return [f"Wait until {machine} knows that {STORE} is in SQL.", f"On {machine}, join {STORE} to SQL."]


def unjoined(machine: str, **changes: Any) -> DatabaseReplica:
    return on(machine, STORE, joined=False, failover_ready=False, synchronization="", **changes)


SUSPENDED: dict[str, Any] = {"suspended": True, "synchronization": "NOT SYNCHRONIZING", "failover_ready": False}
WHOLE = (on("SQL1", STORE), on("SQL2", STORE))
SEEDED = [*BACKUPS, *restores("SQL2"), ADD, *join("SQL2"), END]
CASES: dict[str, tuple[AvailabilityDatabaseFacts, list[str]]] = {
    "simple": (database_facts({"SQL1": copy(recovery_model="SIMPLE", chain_started=False)}), [FULL, CHAIN, *SEEDED]),
    # sys.database_recovery_status may still show the LSN of an earlier chain, which SIMPLE has broken
    "simple, a chain of before": (database_facts({"SQL1": copy(recovery_model="SIMPLE")}), [FULL, CHAIN, *SEEDED]),
    "full without a chain": (database_facts({"SQL1": copy(chain_started=False)}), [CHAIN, *SEEDED]),
    "the owner's chain: copies only": (database_facts({"SQL1": copy()}), SEEDED),
    "a leftover that is restoring": (database_facts({"SQL1": copy(), "SQL2": copy(state="RESTORING")}), SEEDED),
    "in the group on the primary only": (
        database_facts({"SQL1": copy(in_group=True)}, on("SQL1", STORE), unjoined("SQL2")),
        [*BACKUPS, *restores("SQL2"), *join("SQL2"), END],
    ),
    "restored but not joined": (
        database_facts(
            {"SQL1": copy(in_group=True), "SQL2": copy(state="RESTORING")}, on("SQL1", STORE), unjoined("SQL2")
        ),
        [*BACKUPS, *restores("SQL2"), *join("SQL2"), END],
    ),
    "joined but suspended": (
        database_facts(
            {"SQL1": copy(in_group=True), "SQL2": copy(in_group=True)},
            on("SQL1", STORE),
            on("SQL2", STORE, **SUSPENDED, suspend_reason="SUSPEND_FROM_USER"),
        ),
        [f"On SQL2, resume the synchronisation of {STORE}.", END],
    ),
    "joined, still catching up": (
        database_facts(
            {"SQL1": copy(in_group=True), "SQL2": copy(in_group=True)},
            on("SQL1", STORE),
            on("SQL2", STORE, synchronization="SYNCHRONIZING", failover_ready=False),
        ),
        [END],
    ),
    "as it should be": (database_facts({"SQL1": copy(in_group=True), "SQL2": copy(in_group=True)}, *WHOLE), []),
}


@pytest.mark.parametrize("case", CASES)
def test_plan(case: str) -> None:
    facts, expected = CASES[case]
    assert sentences(RESOURCE.plan(INPUTS, facts)) == expected


def test_what_the_steps_send() -> None:
    facts, _ = CASES["simple"]
    seed = f"{SHARE}\\{STORE}_seed"
    assert actions(RESOURCE.plan(INPUTS, facts)) == [
        f"SQL1 sql/set_recovery_full.sql {(STORE,)!r}",
        "SQL1 sql/backup_database.sql " + repr((STORE, SHARE + "\\" + STORE + "_20130605T100000.bak")),
        "SQL1 sql/backup_database_copy.sql " + repr((STORE, seed + ".bak")),
        "SQL1 sql/backup_log_copy.sql " + repr((STORE, seed + ".trn")),
        "SQL2 sql/restore_database.sql " + repr((STORE, seed + ".bak")),
        "SQL2 sql/restore_log.sql " + repr((STORE, seed + ".trn")),
        "SQL1 sql/add_database.sql " + repr(("SQL", STORE)),
        "SQL2 sql/join_database.sql " + repr(("SQL", STORE)),
    ]


def test_three_replicas_one_of_them_asynchronous() -> None:
    machines = ("SQL1", "SQL2", "SQL3")
    inputs = INPUTS.model_copy(update={"machines": machines})
    facts = database_facts({"SQL1": copy()}, machines=machines)
    slow = replica("SQL3", "SQL1", availability_mode="ASYNCHRONOUS_COMMIT", failover_mode="MANUAL")
    three = replace(facts.group, replicas=(*facts.group.replicas[:2], slow))
    facts = replace(facts, group=three)
    assert sentences(RESOURCE.plan(inputs, facts)) == [
        *BACKUPS,
        *restores("SQL2"),
        *restores("SQL3"),
        ADD,
        *join("SQL2"),
        *join("SQL3"),
        END,
    ]
    lag = on("SQL3", STORE, synchronization="SYNCHRONIZING", failover_ready=False)
    whole = replace(facts, group=replace(three, databases=(*WHOLE, lag)), copies={"SQL1": copy(in_group=True)})
    assert RESOURCE.plan(inputs, whole) == [], "an asynchronous replica is SYNCHRONIZING at best"
    stopped = replace(lag, synchronization="NOT SYNCHRONIZING")
    behind = replace(whole, group=replace(three, databases=(*WHOLE, stopped)))
    assert sentences(RESOURCE.plan(inputs, behind)) == [END]


def test_the_primary_may_be_the_second_server() -> None:
    facts = replace(database_facts({"SQL2": copy()}), group=group("SQL2"))
    steps = sentences(RESOURCE.plan(INPUTS, facts))
    assert steps[0].startswith("On SQL2, write a copy-only full backup")
    assert steps[2].startswith("On SQL1, restore the full backup")


REFUSALS: dict[str, tuple[AvailabilityDatabaseFacts, str]] = {
    "no database": (
        database_facts({}),
        (
            "there is no database of this name. It is made by the configuration of the first portal node; see "
            "whether that one succeeded."
        ),
    ),
    "left behind by a failover": (
        database_facts({"SQL2": copy()}),
        (
            "it is on SQL2, but the primary is SQL1. Fail SQL over to SQL2 (`pulumi up` does it by itself, unless the "
            "topology has `primary_policy: never`), then run `pulumi up` again."
        ),
    ),
    "left behind while it was to be seeded": (
        database_facts({"SQL1": copy(state="RESTORING"), "SQL2": copy()}),
        (
            "it is on SQL2, but the primary is SQL1. Fail SQL over to SQL2 (`pulumi up` does it by itself, unless the "
            "topology has `primary_policy: never`), then run `pulumi up` again."
        ),
    ),
    "only a copy of it": (
        database_facts({"SQL2": copy(state="RESTORING")}),
        (
            "there is no database of this name. It is made by the configuration of the first portal node; see "
            "whether that one succeeded."
        ),
    ),
    "another one on the secondary": (
        database_facts({"SQL1": copy(), "SQL2": copy()}),
        "SQL2 has a database of this name of its own (ONLINE). Correct this, then run again.",
    ),
    "offline": (
        database_facts({"SQL1": copy(state="OFFLINE")}),
        "it is OFFLINE on SQL1. Correct this, then run again.",
    ),
    "everything at once": (
        database_facts({"SQL1": copy(read_only=True, user_access="SINGLE_USER", auto_close=True)}),
        "it is read-only; it is in SINGLE_USER mode; AUTO_CLOSE is on. Correct this, then run again.",
    ),
    "in another group": (
        database_facts({"SQL1": copy(in_group=True)}),
        "it belongs to another availability group. Correct this, then run again.",
    ),
    "secondary away": (
        replace(
            database_facts({"SQL1": copy()}),
            group=replace(group("SQL1"), replicas=(replica("SQL1", "SQL1"), replica("SQL2", "SQL1", connected=False))),
        ),
        "SQL2 is not connected to the primary. Correct this, then run again.",
    ),
}


@pytest.mark.parametrize("case", REFUSALS)
def test_refusal(case: str) -> None:
    facts, found = REFUSALS[case]
    assert refusal(lambda: RESOURCE.plan(INPUTS, facts)) == f"SQL1: add {STORE} to SQL: {found}"


def test_drift_names_each_replica_and_what_is_wrong_with_it() -> None:
    facts = database_facts(
        {"SQL1": copy(in_group=True), "SQL2": copy(in_group=True)},
        on("SQL1", STORE),
        on("SQL2", STORE, suspended=True, suspend_reason="SUSPEND_FROM_USER", failover_ready=False),
    )
    assert RESOURCE.actual(INPUTS, facts) == {"replicas": "SQL2: suspended (SUSPEND_FROM_USER)"}
    assert RESOURCE.actual(INPUTS, CASES["in the group on the primary only"][0]) == {"replicas": "SQL2: not joined"}
    assert RESOURCE.actual(INPUTS, CASES["joined, still catching up"][0]) == {"replicas": "SQL2: SYNCHRONIZING"}
    unready = database_facts({"SQL1": copy()}, on("SQL1", STORE), on("SQL2", STORE, failover_ready=False))
    assert RESOURCE.actual(INPUTS, unready) == {"replicas": "SQL2: not ready for a failover"}
    assert RESOURCE.actual(INPUTS, CASES["as it should be"][0]) == {}
    three = INPUTS.model_copy(update={"machines": ("SQL1", "SQL2", "SQL3")})
    assert RESOURCE.actual(three, CASES["as it should be"][0]) == {"replicas": "SQL3: no replica"}


def test_remove_takes_it_out_and_drops_only_the_copies() -> None:
    assert sentences(RESOURCE.plan_delete(INPUTS, CASES["as it should be"][0], {})) == [
        f"On SQL1, remove {STORE} from SQL.",
        f"On SQL2, drop the restoring copy of {STORE}.",
    ]
    own = database_facts({"SQL1": copy(), "SQL2": copy()})
    assert RESOURCE.plan_delete(INPUTS, own, {}) == [], "a database of its own is not dropped"


def test_waits() -> None:
    facts = CASES["in the group on the primary only"][0]
    assert Synchronized(STORE)(facts) == "SQL2: not joined"
    assert Visible(STORE, "SQL2")(facts) == ""
    assert Visible(STORE, "SQL2")(database_facts({})) == f"SQL2 to learn that {STORE} is in SQL"
    assert Synchronized(STORE)(CASES["as it should be"][0]) == ""


def test_the_last_wait_goes_on_while_the_log_gets_less() -> None:
    behind = on("SQL2", STORE, synchronization="SYNCHRONIZING", failover_ready=False, to_send=5000, to_redo=70)
    facts = database_facts({"SQL1": copy(in_group=True), "SQL2": copy(in_group=True)}, on("SQL1", STORE), behind)
    (step,) = RESOURCE.plan(INPUTS, facts)
    assert isinstance(step.action, WaitFor)
    assert step.action.waiting_for(facts) == "SQL2: SYNCHRONIZING (4 MB of log to send)"
    assert step.action.to_go is not None
    assert step.action.to_go(facts) == {f"send {STORE} on SQL2": 5000, f"redo {STORE} on SQL2": 70}
