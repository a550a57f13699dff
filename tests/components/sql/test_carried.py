"""What a restart of SQL Server does about other groups, and about databases in no group."""

from __future__ import annotations

from dataclasses import replace

from components.sql.authentication_mode import (
    AuthenticationModeFacts,
    AuthenticationModeInputs,
    AuthenticationModeResource,
    ServerMode,
)
from components.sql.carried import Carried
from components.sql.group import Group
from components.sql.restart import Follows, Healthy
from components.steps import WaitFor
from tests.components.contract import actions, refusal, sentences
from tests.components.sql_worlds import group, on, replica

INPUTS = AuthenticationModeInputs(group="SQL", machines=("SQL1", "SQL2"))
RESOURCE = AuthenticationModeResource()


def other(primary: str = "SQL2") -> Group:
    copies = tuple(on(machine, "Orders") for machine in ("SQL1", "SQL2"))
    return replace(group(primary), name="OTHER", databases=copies)


def carried(*others: Group, **alone: tuple[str, ...]) -> Carried:
    roles = {(one.name, replica.machine): replica.role for one in others for replica in one.replicas}
    return Carried(others, roles, alone)


def facts(beside: Carried, due: tuple[str, ...] = ("SQL1", "SQL2"), of: Group | None = None) -> AuthenticationModeFacts:
    modes = {m: ServerMode("windows" if m in due else "mixed", "mixed") for m in ("SQL1", "SQL2")}
    return AuthenticationModeFacts(modes, of or group("SQL1"), beside)


def to(name: str, machine: str) -> list[str]:
    return [
        f"Wait until {machine} is ready to take over {name}.",
        f"On {machine}, fail {name} over to it.",
        f"Wait until {machine} is the primary of {name} and its partners follow.",
    ]


def healthy(machine: str, *names: str) -> list[str]:
    return [f"Wait until {name} is healthy again after the restart of {machine}." for name in names]


def test_another_group_leaves_its_primary_before_the_restart_and_comes_back_after() -> None:
    plan = RESOURCE.plan(INPUTS, facts(carried(other())))
    assert sentences(plan) == [
        *to("OTHER", "SQL1"),
        "On SQL2, restart SQL Server.",
        *healthy("SQL2", "SQL", "OTHER"),
        *to("OTHER", "SQL2"),
        *to("SQL", "SQL2"),
        "On SQL1, restart SQL Server.",
        *healthy("SQL1", "SQL", "OTHER"),
    ]
    assert [action for action in actions(plan) if "failover" in action] == [
        "SQL1 sql/failover.sql ('OTHER',) integrated",
        "SQL2 sql/failover.sql ('OTHER',) integrated",
        "SQL2 sql/failover.sql ('SQL',) integrated",
    ]
    restarted = next(step for step in plan if step.sentence == "On SQL2, restart SQL Server.")
    assert restarted.remedy == ("OTHER was moved for this restart: when SQL Server runs again, fail it over to SQL2.")


def test_two_groups_on_the_primary_of_the_farm() -> None:
    assert sentences(RESOURCE.plan(INPUTS, facts(carried(other("SQL1")), due=("SQL1",)))) == [
        *to("SQL", "SQL2"),
        *to("OTHER", "SQL2"),
        "On SQL1, restart SQL Server.",
        *healthy("SQL1", "SQL", "OTHER"),
        *to("OTHER", "SQL1"),
    ]


def test_the_waits_look_at_the_other_group() -> None:
    plan = RESOURCE.plan(INPUTS, facts(carried(other()), due=("SQL2",)))
    waits = {step.sentence: step.action.waiting_for for step in plan if isinstance(step.action, WaitFor)}
    behind = replace(other(), databases=(on("SQL1", "Orders", synchronization="SYNCHRONIZING", failover_ready=False),))
    now = facts(carried(behind))
    assert waits[to("OTHER", "SQL1")[0]](now) == "Orders (SYNCHRONIZING)"
    assert waits[to("OTHER", "SQL1")[2]](now) == "SQL1 to become the primary of OTHER"
    assert waits[healthy("SQL2", "OTHER")[0]](now) == "Orders on SQL1 (SYNCHRONIZING)"
    assert waits[healthy("SQL2", "SQL")[0]](now) == ""
    assert waits[healthy("SQL2", "OTHER")[0]](facts(Carried())) == "a primary of OTHER"


def test_what_another_group_lacked_before_is_not_waited_for() -> None:
    unhealthy = replace(
        other(), replicas=(replica("SQL2", "SQL2"), replica("SQL1", "SQL2"), replica("SQL9", "SQL2", connected=False))
    )
    plan = RESOURCE.plan(INPUTS, facts(carried(unhealthy), due=("SQL2",)))
    waits = [step.action.waiting_for for step in plan if isinstance(step.action, WaitFor)]
    assert Healthy(frozenset({"SQL9"}), "OTHER") in waits
    moved = replace(unhealthy, primary="SQL1")
    assert waits[1](facts(carried(moved))) == ""


def test_a_group_that_cannot_be_moved_is_named_with_what_else_would_be_offline() -> None:
    stuck = replace(
        other(), replicas=(replica("SQL2", "SQL2"), replica("SQL1", "SQL2", availability_mode="ASYNCHRONOUS_COMMIT"))
    )
    beside = carried(stuck, SQL2=("Reports", "Wiki"))
    assert refusal(lambda: RESOURCE.plan(INPUTS, facts(beside))) == (
        "SQL2: set the authentication mode of SQL1, SQL2: it is the primary of OTHER, and no secondary can take over "
        "without loss while it restarts: both would have to commit synchronously. In no group, and offline as well: "
        "Reports, Wiki. Restart SQL Server there yourself at a time that suits, then run `pulumi up` again."
    )


def test_a_partner_that_this_program_does_not_know_takes_nothing_over() -> None:
    away = replace(other(), replicas=(replica("SQL2", "SQL2"), replica("SQL9", "SQL2", role="")))
    text = refusal(lambda: RESOURCE.plan(INPUTS, facts(carried(away))))
    assert "it is the primary of OTHER" in text


def test_databases_in_no_group_are_named() -> None:
    assert sentences(RESOURCE.plan(INPUTS, facts(carried(SQL2=("Reports", "Wiki")), due=("SQL2",)))) == [
        "On SQL2, restart SQL Server; offline meanwhile: Reports, Wiki.",
        *healthy("SQL2", "SQL"),
    ]


def test_a_group_whose_primary_is_elsewhere_is_followed_again() -> None:
    elsewhere = Group("OTHER", "", (), ())
    beside = Carried((elsewhere,), {("OTHER", "SQL2"): "SECONDARY"})
    plan = RESOURCE.plan(INPUTS, facts(beside, due=("SQL2",)))
    assert sentences(plan) == ["On SQL2, restart SQL Server.", *healthy("SQL2", "SQL", "OTHER")]
    last = plan[-1].action
    assert isinstance(last, WaitFor)
    assert last.waiting_for == Follows("SQL2", "OTHER")
    assert last.waiting_for(facts(beside)) == ""
    resolving = Carried((elsewhere,), {("OTHER", "SQL2"): "RESOLVING"})
    assert last.waiting_for(facts(resolving)) == "SQL2 to follow in OTHER"


def test_a_group_that_was_down_before_is_not_waited_for() -> None:
    down = Carried((Group("OTHER", "", (), ()),), {("OTHER", "SQL2"): "RESOLVING"})
    assert sentences(RESOURCE.plan(INPUTS, facts(down, due=("SQL2",)))) == [
        "On SQL2, restart SQL Server.",
        *healthy("SQL2", "SQL"),
    ]
