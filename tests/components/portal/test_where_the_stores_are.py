"""Nothing is configured while the listener leads to a server without the stores: the product would make others."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from components.portal.configuration import ConfigurationFacts, ConfigurationResource
from components.portal.databases import CONFIG
from components.sql import whereabouts
from components.sql.group import Group
from components.sql.whereabouts import Outside, Whereabouts
from components.steps import Step
from remote.errors import MachineError
from tests.components import worlds
from tests.components.contract import actual, refusal
from tests.components.sql_worlds import group, on

RESOURCE = ConfigurationResource()
INPUTS = worlds.CONFIGURATION.parsed()
NEW = {"adminapi": False, "tenantapi": False, "tenantsite": False}
BEGUN = {**NEW, "adminapi": True}
FIRST, SECOND = Outside("SQL1", CONFIG, 900), Outside("SQL2", CONFIG, 10)
LEFT_BEHIND = f"{CONFIG} is on SQL1, but the primary of SQL is SQL2"


def plan(features: dict[str, bool], stores: Whereabouts, **changed: Any) -> list[Step]:
    facts = ConfigurationFacts(features, True if stores.has(CONFIG) else None, stores=stores)
    return RESOURCE.plan(INPUTS.model_copy(update=changed), facts)


def test_the_first_node_makes_them() -> None:
    assert len(plan(NEW, Whereabouts(group("SQL2")))) == 3


@pytest.mark.parametrize("joins", [True, False])
def test_they_are_where_the_primary_is(joins: bool) -> None:
    assert len(plan(BEGUN, Whereabouts(group("SQL1"), (FIRST,)), joins=joins)) == 2
    assert len(plan(BEGUN, Whereabouts(group("SQL2", on("SQL2", CONFIG))), joins=joins)) == 2


def test_a_failover_left_them_behind() -> None:
    assert refusal(lambda: plan(BEGUN, Whereabouts(group("SQL2"), (FIRST,)))) == (
        f"Portal1: bring about the configuration of Portal1: {LEFT_BEHIND}. Fail SQL over to SQL1: on SQL1, run ALTER "
        "AVAILABILITY GROUP [SQL] FAILOVER (`pulumi up` does it by itself, unless the topology has `primary_policy: "
        "never`). Then run `pulumi up` again."
    )


def test_it_is_looked_at_right_before_each_feature() -> None:
    there, left = (Whereabouts(group(primary), (FIRST,)) for primary in ("SQL1", "SQL2"))
    facts = ConfigurationFacts(BEGUN, True, stores=there)
    for step in plan(BEGUN, there):
        assert step.provided is not None
        step.provided(facts)
        with pytest.raises(MachineError, match=LEFT_BEHIND):
            step.provided(replace(facts, stores=left))


@pytest.mark.parametrize("features", [BEGUN, dict.fromkeys(NEW, True)], ids=["begun", "the last one made it"])
def test_two_sets(features: dict[str, bool]) -> None:
    text = refusal(lambda: plan(features, Whereabouts(group("SQL2"), (SECOND, FIRST))))
    assert f"SQL1 has {CONFIG}; SQL2 has {CONFIG}. Those on SQL1 were made first:" in text


@pytest.mark.parametrize(
    ("features", "joins", "unreachable", "why"),
    [
        (
            BEGUN,
            False,
            (),
            f"no replica of SQL has {CONFIG}, and features of this node are configured already: adminapi",
        ),
        (NEW, True, (), f"no replica of SQL has {CONFIG}, and another tier made the stores that this node is to join"),
        (NEW, False, ("SQL1",), f"no replica that answers has {CONFIG}, and SQL1, which may have it, did not answer"),
    ],
    ids=["lost", "nothing to join", "perhaps on an unreachable one"],
)
def test_no_second_set_for_one_that_is_not_seen(
    features: dict[str, bool], joins: bool, unreachable: tuple[str, ...], why: str
) -> None:
    nowhere = Whereabouts(group("SQL2"), unreachable=unreachable)
    assert why in refusal(lambda: plan(features, nowhere, joins=joins))


def test_no_primary() -> None:
    text = refusal(lambda: plan(NEW, Whereabouts(Group("SQL", "", (), ()))))
    assert "the availability group SQL has no primary, so no server answers at sql.hyper-v.nu" in text


def test_a_person_is_not_sent_there_either() -> None:
    facts = ConfigurationFacts(BEGUN, None, Whereabouts(group("SQL2"), (FIRST,)), unattended=False)
    assert LEFT_BEHIND in refusal(lambda: RESOURCE.plan(INPUTS, facts))


@pytest.mark.parametrize(
    ("outside", "said", "fits"),
    [
        ((FIRST,), True, True),
        ((FIRST,), False, False),
        ((), True, None),
        ((), False, False),
        ((SECOND,), True, None),
    ],
    ids=["it fits", "another one", "no store to try it with", "too simple for a new one", "the store is elsewhere"],
)
def test_a_passphrase_fits_only_a_store_that_is_there(
    outside: tuple[Outside, ...], said: bool, fits: bool | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Machine:
        def powershell(self, _: str) -> Machine:
            return self

        def run(self, *_: Any, **__: Any) -> list[dict[str, Any]]:
            return [{"features": [{"name": "AdminAPI", "configured": True}], "passphraseFits": said}]

    monkeypatch.setattr(whereabouts, "observe", lambda *_: Whereabouts(group("SQL1"), outside))
    facts = RESOURCE.observe(INPUTS, Machine())  # type: ignore[arg-type]
    assert facts.passphrase_fits is fits
    assert ("passphrase" in actual(RESOURCE, INPUTS, facts)) == (fits is False)
