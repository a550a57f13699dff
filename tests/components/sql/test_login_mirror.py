"""Which logins are mirrored, from where, and what it takes."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from components.sql import group as groups
from components.sql.login import Holdings, Owned, Permission, ServerRole
from components.sql.login_mirror import LoginMirrorInputs, LoginMirrorResource
from components.sql.login_report import merged
from components.sql.login_set import LoginMirrorFacts
from components.steps import Refuse, SqlTransaction, WaitFor
from remote.secret import Secret
from tests.components.contract import actions, refusal, sentences
from tests.components.sql_worlds import HASH, SID, STORE, login, logins, mirror_facts, rights

NAME = "MgmtSvc-AdminAPI"
INPUTS = LoginMirrorInputs(group="SQL", machines=("SQL1", "SQL2"), databases=(STORE,))
RESOURCE = LoginMirrorResource()
OTHER_SID = "0x" + "22" * 16
OTHER_HASH = Secret("0x0200" + "CD" * 68)
MAKE = f"On SQL2, create the login {NAME} with the SID and password hash it has on SQL1."


def bring(how: str) -> str:
    return f"On SQL2, bring the login {NAME} to what it is on SQL1 ({how})."


def made_role(
    name: str, permissions: frozenset[Permission] = frozenset(), roles: frozenset[str] = frozenset()
) -> dict[str, ServerRole]:
    return {name.lower(): ServerRole(name, roles, permissions)}


def pair(there: dict[str, Any], here: dict[str, Any] | None = None) -> LoginMirrorFacts:
    """SQL1 has the login with ``here``, SQL2 with ``there``."""
    return mirror_facts({"SQL1": logins(login(**(here or {}))), "SQL2": logins(login(**there))})


RECREATE = (
    f"On SQL2, recreate the login {NAME} with the SID and password hash it has on SQL1, and give back to it what it "
    "owns and was granted there."
)
TRACE = Permission("GRANT_WITH_GRANT_OPTION", "ALTER TRACE")

CASES: dict[str, tuple[LoginMirrorFacts, list[str]]] = {
    "nothing differs": (pair({}), []),
    "the date of the password is no difference": (pair({"password_set": "2020-01-01T00:00:00"}), []),
    "the case of the default database neither": (pair({"default_database": "MASTER"}), []),
    "what a server alone gave it neither": (pair({"holdings": Holdings(owned=frozenset({Owned("JOB", "a")}))}), []),
    "missing": (mirror_facts({"SQL1": logins(login()), "SQL2": logins()}), [MAKE]),
    "another SID": (pair({"sid": OTHER_SID}), [RECREATE]),
    "another SID, and a session of it": (
        pair({"sid": OTHER_SID, "holdings": Holdings(sessions=("PC7 (sqlcmd)",))}),
        [f"Wait until nobody is logged on to SQL2 as {NAME}, whose SID is not the right one.", RECREATE],
    ),
    "another hash": (pair({"hash": OTHER_HASH}), [bring("password")]),
    "policy": (pair({"policy": False}), [bring("password policy")]),
    "expiration": (pair({"expiration": True}), [bring("password expiration")]),
    "disabled": (pair({"disabled": True}), [bring("enabled or disabled")]),
    "disabled on the authority": (pair({}, {"disabled": True}), [bring("enabled or disabled")]),
    "default database": (pair({"default_database": STORE}), [bring("default database")]),
    "default language": (pair({"language": "Deutsch"}), [bring("default language")]),
    "several at once": (
        pair({"hash": OTHER_HASH, "policy": False, "disabled": True}),
        [bring("password, password policy, enabled or disabled")],
    ),
    "role missing": (pair({}, {"roles": frozenset({"dbcreator"})}), [bring("server roles: add dbcreator")]),
    "role too many": (pair({"roles": frozenset({"sysadmin"})}), [bring("server roles: drop sysadmin")]),
    "the case of a role is no difference": (
        pair({"roles": frozenset({"Operators"})}, {"roles": frozenset({"operators"})}),
        [],
    ),
    "permission missing": (
        pair({}, {"permissions": rights("CONNECT SQL", "VIEW SERVER STATE")}),
        [bring("server permissions: add grant VIEW SERVER STATE")],
    ),
    "no permission at all on the authority": (
        pair({"permissions": rights("CONNECT SQL", "CONTROL SERVER")}, {"permissions": rights()}),
        [bring("server permissions: drop grant CONNECT SQL, drop grant CONTROL SERVER")],
    ),
    "denied instead of granted": (
        pair({}, {"permissions": rights(Permission("DENY", "CONNECT SQL"))}),
        [bring("server permissions: add deny CONNECT SQL, drop grant CONNECT SQL")],
    ),
    "without the grant option": (
        pair({"permissions": rights("CONNECT SQL", TRACE)}, {"permissions": rights("CONNECT SQL", "ALTER TRACE")}),
        [bring("server permissions: add grant ALTER TRACE, drop grant with grant option ALTER TRACE")],
    ),
    "granted by another login": (
        mirror_facts(
            {
                "SQL1": logins(
                    login(permissions=rights("CONNECT SQL", Permission("GRANT", "ALTER TRACE", "Boss"))),
                    login("Boss", sid=OTHER_SID),
                ),
                "SQL2": logins(login(permissions=rights("CONNECT SQL", "ALTER TRACE")), login("Boss", sid=OTHER_SID)),
            }
        ),
        [bring("server permissions: add grant ALTER TRACE as Boss, drop grant ALTER TRACE")],
    ),
    "the right SID is on the secondary": (
        mirror_facts({"SQL1": logins(login(sid=OTHER_SID)), "SQL2": logins(login())}),
        [RECREATE.replace("On SQL2", "On SQL1").replace("has on SQL1", "has on SQL2")],
    ),
    "extra logins are left alone": (
        mirror_facts({"SQL1": logins(login()), "SQL2": logins(login(), login("Extra", sid=OTHER_SID))}),
        [],
    ),
    "the name in another case": (pair({"name": NAME.upper()}), []),
    "no user, no login": (mirror_facts({"SQL1": logins(login()), "SQL2": logins()}, users={}), []),
    "to be changed at the next log-on there: left": (pair({"hash": OTHER_HASH, "must_change": True}), []),
    "to be changed on the authority: left": (
        mirror_facts({"SQL1": logins(login(must_change=True)), "SQL2": logins()}),
        [],
    ),
    "locked out there: left": (pair({"locked": True}), []),
    "locked out there, and another password": (pair({"locked": True, "hash": OTHER_HASH}), [bring("password")]),
    "a user-defined role": (
        mirror_facts(
            {
                "SQL1": logins(login(roles=frozenset({"Operators"})), roles=made_role("Operators", rights("SHUTDOWN"))),
                "SQL2": logins(login()),
            }
        ),
        [
            "On SQL2, create the server role Operators with the rights it has on SQL1 (grant SHUTDOWN).",
            bring("server roles: add Operators"),
        ],
    ),
    "the rights of such a role": (
        mirror_facts(
            {
                "SQL1": logins(login(roles=frozenset({"Operators"})), roles=made_role("Operators", rights("SHUTDOWN"))),
                "SQL2": logins(login(roles=frozenset({"operators"})), roles=made_role("operators")),
            }
        ),
        [
            "On SQL2, bring the server role Operators to what it is on SQL1 (server permissions: add grant SHUTDOWN).",
        ],
    ),
    "a role in a role": (
        mirror_facts(
            {
                "SQL1": logins(
                    login(roles=frozenset({"Inner"})),
                    roles=made_role("Inner", roles=frozenset({"Outer"})) | made_role("Outer"),
                ),
                "SQL2": logins(login(roles=frozenset({"Inner"})), roles=made_role("Inner")),
            }
        ),
        [
            "On SQL2, create the server role Outer with the rights it has on SQL1.",
            "On SQL2, bring the server role Inner to what it is on SQL1 (server roles: add Outer).",
        ],
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_plan(case: str) -> None:
    facts, expected = CASES[case]
    assert sentences(RESOURCE.plan(INPUTS, facts)) == expected


@pytest.mark.parametrize("case", CASES)
def test_drift_is_shown_just_where_something_is_due(case: str) -> None:
    facts, expected = CASES[case]
    assert bool(RESOURCE.actual(INPUTS, facts)) == bool(expected)


def test_what_the_steps_send() -> None:
    plain = "'master', 'us_english', 'ON', 'OFF'"
    missing = RESOURCE.plan(INPUTS, CASES["missing"][0])
    assert actions(missing) == [
        f"SQL2 sql/create_login.sql ('{NAME}', '{SID}', ***, {plain})",
        f"SQL2 sql/mark_login.sql ('{NAME}',)",
    ]
    differs = RESOURCE.plan(INPUTS, CASES["several at once"][0])
    assert actions(differs) == [
        f"SQL2 sql/set_login_hash.sql ('{NAME}', ***)",
        f"SQL2 sql/set_login_options.sql ('{NAME}', {plain})",
        f"SQL2 sql/enable_login.sql ('{NAME}',)",
    ]
    denied = RESOURCE.plan(INPUTS, CASES["denied instead of granted"][0])
    assert actions(denied) == [
        f"SQL2 sql/set_permission.sql ('REVOKE', 'CONNECT SQL', '', '', '{NAME}', '')",
        f"SQL2 sql/set_permission.sql ('DENY', 'CONNECT SQL', '', '', '{NAME}', '')",
    ]
    assert SID.startswith("0x00"), "a SID whose first byte is zero keeps its zeros"
    for plan in (missing, differs):
        assert HASH not in repr(plan)


def scripts(case: str) -> list[list[str]]:
    """By step: what its scripts do, without values."""
    return [
        [path.removeprefix("sql/").removesuffix(".sql") for path, _ in step.action.parts]
        for step in RESOURCE.plan(INPUTS, CASES[case][0])
        if isinstance(step.action, SqlTransaction)
    ]


def test_one_login_on_one_server_is_one_transaction() -> None:
    facts = pair(
        {"hash": OTHER_HASH, "roles": frozenset({"sysadmin"}), "permissions": rights("CONNECT SQL", "CONTROL SERVER")},
        {"roles": frozenset({"dbcreator"}), "disabled": True, "permissions": rights("CONNECT SQL", TRACE)},
    )
    (step,) = RESOURCE.plan(INPUTS, facts)
    assert isinstance(step.action, SqlTransaction)
    assert actions([step]) == [
        f"SQL2 sql/set_login_hash.sql ('{NAME}', ***)",
        f"SQL2 sql/set_login_options.sql ('{NAME}', 'master', 'us_english', 'ON', 'OFF')",
        f"SQL2 sql/disable_login.sql ('{NAME}',)",
        f"SQL2 sql/add_role_member.sql ('dbcreator', '{NAME}')",
        f"SQL2 sql/drop_role_member.sql ('sysadmin', '{NAME}')",
        f"SQL2 sql/set_permission.sql ('REVOKE', 'CONTROL SERVER', '', '', '{NAME}', '')",
        f"SQL2 sql/set_permission.sql ('GRANT_WITH_GRANT_OPTION', 'ALTER TRACE', '', '', '{NAME}', '')",
    ]
    assert scripts("a user-defined role") == [["create_server_role", "set_permission"], ["add_role_member"]]


KEPT = Holdings(
    owned=frozenset({Owned("ENDPOINT", "Hadr_endpoint"), Owned("JOB", "nightly")}),
    held=frozenset({Permission("GRANT", "CONNECT", "", "ENDPOINT", "Hadr_endpoint")}),
    granted=frozenset({Permission("GRANT", "ALTER TRACE", NAME, grantee="Clerk")}),
    upon=frozenset({Permission("GRANT", "IMPERSONATE", "", "LOGIN", NAME, "Boss")}),
    credential="proxy",
)


def test_a_recreated_login_keeps_what_its_server_alone_gave_it() -> None:
    facts = pair({"sid": OTHER_SID, "holdings": KEPT}, {"permissions": rights("CONNECT SQL", TRACE)})
    assert actions(RESOURCE.plan(INPUTS, facts)) == [
        "SQL2 sql/set_owner.sql ('ENDPOINT', 'Hadr_endpoint', '')",
        "SQL2 sql/set_job_owner.sql ('nightly', '')",
        f"SQL2 sql/set_permission.sql ('REVOKE', 'ALTER TRACE', '', '', 'Clerk', '{NAME}')",
        f"SQL2 sql/drop_login.sql ('{NAME}',)",
        f"SQL2 sql/create_login.sql ('{NAME}', '{SID}', ***, 'master', 'us_english', 'ON', 'OFF')",
        f"SQL2 sql/set_permission.sql ('GRANT_WITH_GRANT_OPTION', 'ALTER TRACE', '', '', '{NAME}', '')",
        f"SQL2 sql/set_permission.sql ('GRANT', 'CONNECT', 'ENDPOINT', 'Hadr_endpoint', '{NAME}', '')",
        f"SQL2 sql/set_permission.sql ('GRANT', 'ALTER TRACE', '', '', 'Clerk', '{NAME}')",
        f"SQL2 sql/set_permission.sql ('GRANT', 'IMPERSONATE', 'LOGIN', '{NAME}', 'Boss', '')",
        f"SQL2 sql/set_owner.sql ('ENDPOINT', 'Hadr_endpoint', '{NAME}')",
        f"SQL2 sql/set_job_owner.sql ('nightly', '{NAME}')",
        f"SQL2 sql/set_login_credential.sql ('{NAME}', 'proxy')",
    ]
    assert "mark_login" not in repr(RESOURCE.plan(INPUTS, facts)), "it existed before"


def test_waiting_for_a_session_names_who_is_logged_on() -> None:
    facts = CASES["another SID, and a session of it"][0]
    waiting = RESOURCE.plan(INPUTS, facts)[0]
    assert isinstance(waiting.action, WaitFor)
    assert waiting.action.waiting_for(facts) == f"PC7 (sqlcmd) to log off from SQL2 as {NAME}"
    assert waiting.action.waiting_for(CASES["another SID"][0]) == ""
    assert "End these sessions" in waiting.remedy


def test_who_granted_comes_before_whom_it_was_granted() -> None:
    granted = rights("CONNECT SQL", Permission("GRANT", "ALTER TRACE", "Zeus"))
    servers = {
        "SQL1": logins(login(permissions=granted), login("Zeus", sid=OTHER_SID, permissions=rights(TRACE))),
        "SQL2": logins(),
    }
    plan = RESOURCE.plan(INPUTS, mirror_facts(servers, users={SID: NAME, OTHER_SID: "Zeus"}))
    assert [step.sentence.split()[5] for step in plan] == ["Zeus", NAME]
    assert f"SQL2 sql/set_permission.sql ('GRANT', 'ALTER TRACE', '', '', '{NAME}', 'Zeus')" in actions(plan)


@pytest.mark.parametrize("name", ["O'Brien", "a]b[c", "$pay'); DROP--", "Ünïcode", "with space", 'dou"ble'])
def test_a_name_is_data(name: str) -> None:
    facts = mirror_facts({"SQL1": logins(login(name)), "SQL2": logins()}, users={SID: name})
    (step,) = RESOURCE.plan(INPUTS, facts)
    assert isinstance(step.action, SqlTransaction)
    assert {values[0] for _, values in step.action.parts} == {name}
    assert name in step.sentence


def test_the_primary_is_the_authority_where_it_has_the_right_sid() -> None:
    servers = {
        "SQL1": logins(login(hash=OTHER_HASH, password_set="2020-01-01T00:00:00")),
        "SQL2": logins(login(password_set="2010-01-01T00:00:00")),
    }
    assert sentences(RESOURCE.plan(INPUTS, mirror_facts(servers, primary="SQL2"))) == [
        f"On SQL1, bring the login {NAME} to what it is on SQL2 (password)."
    ]


def test_without_it_the_password_set_last_counts() -> None:
    inputs = INPUTS.model_copy(update={"machines": ("SQL1", "SQL2", "SQL3")})
    servers = {
        "SQL1": logins(),
        "SQL2": logins(login(password_set="2013-01-01T00:00:00")),
        "SQL3": logins(login(password_set="2013-02-01T00:00:00", hash=OTHER_HASH)),
    }
    assert sentences(RESOURCE.plan(inputs, mirror_facts(servers))) == [
        f"On SQL1, create the login {NAME} with the SID and password hash it has on SQL3.",
        f"On SQL2, bring the login {NAME} to what it is on SQL3 (password).",
    ]


def test_further_logins_are_found_by_name_and_not_twice() -> None:
    inputs = INPUTS.model_copy(update={"further": ("reader", NAME.lower())})
    servers = {"SQL1": logins(login(), login("Reader", sid=OTHER_SID)), "SQL2": logins(login())}
    facts = mirror_facts(servers)
    assert sentences(RESOURCE.plan(inputs, facts)) == [
        "On SQL2, create the login Reader with the SID and password hash it has on SQL1."
    ]
    assert RESOURCE.outputs(inputs, facts) == {"logins": [NAME, "Reader"]}


def other_sid(holdings: Holdings, **server: Any) -> LoginMirrorFacts:
    """SQL2 has the login with another SID and what that server gave it."""
    there = logins(login(sid=OTHER_SID, holdings=holdings), **server)
    return mirror_facts({"SQL1": logins(login(permissions=rights("CONNECT SQL", TRACE))), "SQL2": there})


HINDERED: dict[str, tuple[LoginMirrorFacts, str]] = {
    "the grantor is not there": (
        mirror_facts(
            {
                "SQL1": logins(login(permissions=rights(Permission("GRANT", "ALTER TRACE", "Boss")))),
                "SQL2": logins(),
            }
        ),
        "its right ALTER TRACE was granted by Boss, which does not exist there and is not mirrored",
    ),
    "it owns a copy of a database": (
        other_sid(
            Holdings(owned=frozenset({Owned("DATABASE", "Shop")})), databases={"master": "writable", "shop": "copy"}
        ),
        "it has another SID and owns the database Shop, whose owner cannot be changed there now",
    ),
    "it granted what it may not grant": (
        other_sid(Holdings(granted=frozenset({Permission("GRANT", "SHUTDOWN", NAME, grantee="Clerk")}))),
        "it has another SID and granted SHUTDOWN to Clerk, which it may not grant where it is right",
    ),
    "it granted with the right to grant on": (
        other_sid(
            Holdings(granted=frozenset({Permission("GRANT_WITH_GRANT_OPTION", "ALTER TRACE", NAME, grantee="Clerk")}))
        ),
        "it has another SID and granted ALTER TRACE to Clerk with the right to grant it on",
    ),
}
END = "Repair the logins on the replica that has them right, or remap the users with ALTER USER, then run again."


def refusals(facts: LoginMirrorFacts, further: tuple[str, ...] = ()) -> list[tuple[str, str]]:
    """Machine and reason of every login that is refused."""
    plan = RESOURCE.plan(INPUTS.model_copy(update={"further": further}), facts)
    refused = [step for step in plan if isinstance(step.action, Refuse)]
    assert plan[len(plan) - len(refused) :] == refused, "they come last"
    assert {step.remedy for step in refused} <= {END}
    return [(step.action.machine, step.action.found) for step in refused if isinstance(step.action, Refuse)]


@pytest.mark.parametrize(
    ("facts", "further", "found"),
    [
        (
            mirror_facts({"SQL1": logins(), "SQL2": logins(login("Another", sid=OTHER_SID))}),
            (),
            [f"no replica has a login with the SID of the database user {NAME}"],
        ),
        (
            mirror_facts({"SQL1": logins(login("One")), "SQL2": logins(login("Two"))}),
            (),
            ["one SID belongs to different logins: One and Two"],
        ),
        (
            mirror_facts({"SQL1": logins(login()), "SQL2": logins(login())}),
            ("Reader",),
            ["no replica has a login named Reader"],
        ),
        (
            mirror_facts({"SQL1": logins(), "SQL2": logins()}, users={SID: "b", OTHER_SID: "A"}),
            ("c",),
            [
                "no replica has a login with the SID of the database user A",
                "no replica has a login with the SID of the database user b",
                "no replica has a login named c",
            ],
        ),
        (
            mirror_facts({"SQL1": logins(login("Reader")), "SQL2": logins(login("Writer"))}, users={}),
            ("Reader",),
            ["one SID belongs to different logins: Reader and Writer"],
        ),
    ],
    ids=["no login", "two names", "further is nowhere", "all at once", "further under two names"],
)
def test_refusal(facts: LoginMirrorFacts, further: tuple[str, ...], found: list[str]) -> None:
    assert refusals(facts, further) == [("SQL1", why) for why in found]


@pytest.mark.parametrize("case", HINDERED)
def test_what_a_replica_keeps_a_login_from_is_refused_there(case: str) -> None:
    facts, why = HINDERED[case]
    found = f"it cannot be set there as it is on SQL1: {why}"
    assert refusals(facts) == [("SQL2", found)]
    assert RESOURCE.actual(INPUTS, facts) == {"state": f"{NAME} on SQL2: {found}"}, "and is drift"
    assert rows(facts) == [(NAME, "refused", f"on SQL2: {found}")]
    assert RESOURCE.concerns(INPUTS, facts) == [f"{NAME} on SQL2: {found}"]


def test_drift_names_the_login_the_machine_and_how_but_no_hash() -> None:
    assert RESOURCE.actual(INPUTS, CASES["several at once"][0]) == {
        "state": f"{NAME} on SQL2: password, password policy, enabled or disabled"
    }
    assert RESOURCE.actual(INPUTS, CASES["missing"][0]) == {"state": f"{NAME} on SQL2: missing"}
    assert RESOURCE.actual(INPUTS, CASES["another SID"][0]) == {"state": f"{NAME} on SQL2: another SID"}
    assert HASH not in repr(CASES["missing"][0])


def rows(facts: LoginMirrorFacts, before: LoginMirrorFacts | None = None) -> list[tuple[str, ...]]:
    reported = RESOURCE.change_outputs(INPUTS, facts, before, {})
    assert HASH not in repr(reported)
    return [tuple(row.values()) for row in reported["report"]]


SAME = CASES["nothing differs"][0]


@pytest.mark.parametrize(
    ("before", "action", "why"),
    [
        ("missing", "made", "made on SQL2"),
        ("another SID", "recreated", "recreated on SQL2 with the SID it has on SQL1"),
        ("another hash", "brought", "password brought to SQL1's on SQL2"),
    ],
)
def test_a_row_says_what_was_done_and_what_is_due(before: str, action: str, why: str) -> None:
    facts = CASES[before][0]
    assert rows(SAME, facts) == [(NAME, action, why)]
    how = {"recreated": "another SID", "brought": "password", "made": "missing"}[action]
    assert rows(facts) == [(NAME, "due", f"{how} on SQL2")]


def test_a_login_that_is_the_same_has_no_row() -> None:
    assert rows(SAME) == rows(SAME, SAME) == []


def test_a_row_says_what_is_left_to_a_person() -> None:
    later = "its password has to be changed at the next log-on on"
    for case, why in {
        "to be changed at the next log-on there: left": f"{later} SQL2, and is mirrored only after that",
        "to be changed on the authority: left": f"{later} SQL1, and is mirrored then",
        "locked out there: left": "locked out on SQL2: unlock it there",
    }.items():
        facts = CASES[case][0]
        assert rows(facts, facts) == [(NAME, "left", why)]
        assert RESOURCE.concerns(INPUTS, facts) == [f"{NAME}: {why}"]


def test_what_the_last_change_did_stays_until_something_is_new() -> None:
    kept = {"report": [{"name": NAME, "action": "made", "why": "made on SQL2"}]}
    assert RESOURCE.change_outputs(INPUTS, SAME, None, kept) == kept
    locked = CASES["locked out there: left"][0]
    assert RESOURCE.change_outputs(INPUTS, locked, None, kept)["report"][0]["action"] == "left"


def test_two_mirrors_make_one_report() -> None:
    def row(name: str, action: str) -> dict[str, str]:
        return {"name": name, "action": action, "why": "the same" if action == "none" else action}

    first = [row("b", "made"), row("c", "none")]
    assert merged(first, [row("a", "made"), row("b", "none"), row("c", "brought")]) == [
        row("a", "made"), row("b", "made"), row("c", "brought"),
    ]  # fmt: skip
    assert merged(None, first) == first[:1], "a login about which there is nothing to say has no row"
    assert merged([row("a", "due")], [row("a", "made")]) == [row("a", "due")], "how it is goes before what was done"


def test_of_two_mirrors_one_shows_what_differs() -> None:
    second = INPUTS.model_copy(update={"shows_drift": False})
    facts = CASES["missing"][0]
    assert RESOURCE.actual(INPUTS, facts) == {"state": f"{NAME} on SQL2: missing"}
    assert RESOURCE.actual(second, facts) == {}
    assert RESOURCE.change_outputs(second, facts, None, {}) == {"report": []}
    assert sentences(RESOURCE.plan(second, facts)) == [MAKE], "when it is asked to compare, it repairs all the same"


def test_a_silent_replica_is_unknown_and_the_others_are_mirrored() -> None:
    inputs = INPUTS.model_copy(update={"machines": ("SQL1", "SQL2", "SQL3"), "unreachable": "proceed"})
    facts = replace(CASES["missing"][0], unreachable=("SQL3",))
    assert sentences(RESOURCE.plan(inputs, facts)) == [MAKE]
    assert RESOURCE.actual(inputs, facts) == {"state": f"{NAME} on SQL2: missing"}
    same = replace(SAME, unreachable=("SQL3",))
    assert RESOURCE.actual(inputs, same) == {}, "unknown is no difference"
    assert rows(same) == [(NAME, "unknown", "the same on every replica that answers; SQL3 does not answer")]
    assert RESOURCE.concerns(inputs, same) == ["SQL3 does not answer"]
    nobody = replace(mirror_facts({"SQL1": logins(), "SQL2": logins()}), unreachable=("SQL3",))
    ((_, why),) = refusals(nobody)
    assert why.startswith("no replica but perhaps SQL3, which does not answer, has a login")


# Deletions -------------------------------------------------------------------------------------------------------

DROPPING = INPUTS.model_copy(update={"drop": True})
OURS = frozenset({OTHER_SID})


def with_old(elsewhere: frozenset[str] = frozenset(), made: frozenset[str] = OURS, **changes: Any) -> LoginMirrorFacts:
    """SQL2 has a login that no declared database needs."""
    there = logins(login(), login("Old", sid=OTHER_SID, **changes), marks=OURS, made=made)
    return replace(mirror_facts({"SQL1": logins(login()), "SQL2": there}), elsewhere=elsewhere)


DROP = "On SQL2, drop the login Old, which this program made and no database needs any more."


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        (with_old(), [DROP]),
        (with_old(made=frozenset()), []),
        (with_old(elsewhere=OURS), []),
        (with_old(holdings=Holdings(sessions=("PC7 (sqlcmd)",))), []),
        (with_old(holdings=KEPT), []),
    ],
    ids=["ours", "not the one we made", "another database needs it", "a session is open", "it owns something"],
)
def test_what_is_dropped(facts: LoginMirrorFacts, expected: list[str]) -> None:
    assert sentences(RESOURCE.plan(DROPPING, facts)) == expected
    assert bool(RESOURCE.actual(DROPPING, facts)) == bool(expected)
    assert RESOURCE.plan(INPUTS, facts) == [], "only when the topology says so"


def test_a_database_that_cannot_be_read_may_need_it() -> None:
    open_there = {"master": "writable", "history": "readable"}
    for there, unread in (
        ({**open_there, "shop": "copy"}, ""),
        ({**open_there, "other": "copy"}, "other"),
        ({**open_there, "closed": "closed"}, "closed"),
    ):
        facts = with_old()
        primary = replace(facts.servers["SQL1"], databases={"master": "writable", "shop": "writable"})
        secondary = replace(facts.servers["SQL2"], databases=there)
        facts = replace(facts, servers={"SQL1": primary, "SQL2": secondary})
        assert sentences(RESOURCE.plan(DROPPING, facts)) == ([] if unread else [DROP])
        why = f"no database needs it any more, but on SQL2 it may be needed by {unread}, which cannot be read"
        assert RESOURCE.concerns(DROPPING, facts)[-1:] == [f"Old: {why}" if unread else f"Old on SQL2: {GONE}"]


GONE = "no database needs it any more"


def test_what_is_named_is_not_dropped() -> None:
    named = DROPPING.model_copy(update={"further": ("old",)})
    assert sentences(RESOURCE.plan(named, with_old())) == [
        "On SQL1, create the login Old with the SID and password hash it has on SQL2."
    ]
    facts = replace(with_old(), users={SID: NAME, OTHER_SID: "Old"})
    assert DROP not in sentences(RESOURCE.plan(DROPPING, facts))


def test_a_drop_says_why_and_forgets_the_mark() -> None:
    assert actions(RESOURCE.plan(DROPPING, with_old())) == [
        "SQL2 sql/drop_login.sql ('Old',)",
        f"SQL2 sql/unmark_login.sql ('{OTHER_SID}',)",
    ]
    reported = RESOURCE.change_outputs(DROPPING, SAME, with_old(), {})["report"]
    assert reported[-1] == {"name": "Old", "action": "dropped", "why": "dropped on SQL2: no database needs it any more"}
    (left,) = RESOURCE.concerns(DROPPING, with_old(holdings=Holdings(sessions=("PC7 (sqlcmd)",))))
    assert left == "Old: no database needs it any more, but on SQL2 it is logged on from PC7 (sqlcmd)"


def test_remove_leaves_every_login_and_forgets_which_were_made() -> None:
    assert RESOURCE.plan_delete(INPUTS, SAME, {}) == []
    assert actions(RESOURCE.plan_delete(INPUTS, with_old(), {})) == ["SQL2 sql/unmark_logins.sql ()"]


def test_without_the_group_there_is_nothing_to_mirror_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """The group was dropped: the refresh shows the mirror as gone, and stops nothing that makes it again."""
    monkeypatch.setattr(groups, "observe", lambda *_: groups.Group("SQL", "", (), ()))
    facts = RESOURCE.observe(INPUTS, remote=None)  # type: ignore[arg-type]
    assert RESOURCE.actual(INPUTS, facts) is None
    assert refusal(lambda: RESOURCE.plan(INPUTS, facts)).startswith(
        "SQL1: mirror the logins of SQL: there is no database"
    )
