"""Which logins are mirrored, from where, and what it takes."""

from __future__ import annotations

from typing import Any

import pytest

from components.sql.login_mirror import LoginMirrorFacts, LoginMirrorInputs, LoginMirrorProvider
from remote.secret import Secret
from tests.components.contract import actions, refusal, sentences
from tests.components.sql_worlds import HASH, SID, STORE, login, logins, mirror_facts

NAME = "MgmtSvc-AdminAPI"
INPUTS = LoginMirrorInputs(group="SQL", machines=("SQL1", "SQL2"), databases=(STORE,))
PROVIDER = LoginMirrorProvider()
OTHER_SID = "0x" + "22" * 16
OTHER_HASH = Secret("0x0200" + "CD" * 68)
MAKE = f"On SQL2, make the login {NAME} with the SID and password hash it has on SQL1."


def bring(how: str) -> str:
    return f"On SQL2, bring the login {NAME} to what it is on SQL1 ({how})."


def pair(there: dict[str, Any], here: dict[str, Any] | None = None) -> LoginMirrorFacts:
    """SQL1 has the login with ``here``, SQL2 with ``there``."""
    return mirror_facts({"SQL1": logins(login(**(here or {}))), "SQL2": logins(login(**there))})


CASES: dict[str, tuple[LoginMirrorFacts, list[str]]] = {
    "nothing differs": (pair({}), []),
    "the date of the password is no difference": (pair({"password_set": "2020-01-01T00:00:00"}), []),
    "the case of the default database neither": (pair({"default_database": "MASTER"}), []),
    "missing": (mirror_facts({"SQL1": logins(login()), "SQL2": logins()}), [MAKE]),
    "another SID": (
        pair({"sid": OTHER_SID}),
        [f"On SQL2, drop the login {NAME}, whose SID is not the one the databases know.", MAKE],
    ),
    "another hash": (pair({"hash": OTHER_HASH}), [bring("password")]),
    "policy": (pair({"policy": False}), [bring("password policy")]),
    "expiration": (pair({"expiration": True}), [bring("password expiration")]),
    "disabled": (pair({"disabled": True}), [bring("enabled or disabled")]),
    "disabled on the authority": (pair({}, {"disabled": True}), [bring("enabled or disabled")]),
    "default database": (pair({"default_database": STORE}), [bring("default database")]),
    "several at once": (
        pair({"hash": OTHER_HASH, "policy": False, "disabled": True}),
        [bring("password, password policy, enabled or disabled")],
    ),
    "role missing": (
        pair({}, {"roles": frozenset({"dbcreator"})}),
        [f"On SQL2, put the login {NAME} into the server role dbcreator."],
    ),
    "role too many": (
        pair({"roles": frozenset({"sysadmin"})}),
        [f"On SQL2, take the login {NAME} out of the server role sysadmin."],
    ),
    "permission missing": (
        pair({}, {"permissions": frozenset({"GRANT CONNECT SQL", "GRANT VIEW SERVER STATE"})}),
        [f"On SQL2, grant VIEW SERVER STATE to the login {NAME}."],
    ),
    "permission too many": (
        pair({"permissions": frozenset({"GRANT CONNECT SQL", "GRANT CONTROL SERVER"})}),
        [f"On SQL2, revoke CONTROL SERVER from the login {NAME}."],
    ),
    "no permission at all on the authority": (
        pair({"permissions": frozenset({"GRANT CONNECT SQL", "GRANT CONTROL SERVER"})}, {"permissions": frozenset()}),
        [
            f"On SQL2, revoke CONNECT SQL from the login {NAME}.",
            f"On SQL2, revoke CONTROL SERVER from the login {NAME}.",
        ],
    ),
    "denied instead of granted": (
        pair({}, {"permissions": frozenset({"DENY CONNECT SQL"})}),
        [
            f"On SQL2, revoke CONNECT SQL from the login {NAME}.",
            f"On SQL2, deny CONNECT SQL to the login {NAME}.",
        ],
    ),
    "without the grant option": (
        pair(
            {"permissions": frozenset({"GRANT CONNECT SQL", "GRANT_WITH_GRANT_OPTION ALTER TRACE"})},
            {"permissions": frozenset({"GRANT CONNECT SQL", "GRANT ALTER TRACE"})},
        ),
        [
            f"On SQL2, revoke ALTER TRACE from the login {NAME}.",
            f"On SQL2, grant ALTER TRACE to the login {NAME}.",
        ],
    ),
    "made with its rights": (
        mirror_facts(
            {
                "SQL1": logins(
                    login(
                        roles=frozenset({"dbcreator"}), permissions=frozenset({"GRANT_WITH_GRANT_OPTION ALTER TRACE"})
                    )
                ),
                "SQL2": logins(),
            }
        ),
        [
            MAKE,
            f"On SQL2, put the login {NAME} into the server role dbcreator.",
            f"On SQL2, revoke CONNECT SQL from the login {NAME}.",
            f"On SQL2, grant with grant option ALTER TRACE to the login {NAME}.",
        ],
    ),
    "the right SID is on the secondary": (
        mirror_facts({"SQL1": logins(login(sid=OTHER_SID)), "SQL2": logins(login())}),
        [
            f"On SQL1, drop the login {NAME}, whose SID is not the one the databases know.",
            f"On SQL1, make the login {NAME} with the SID and password hash it has on SQL2.",
        ],
    ),
    "extra logins are left alone": (
        mirror_facts({"SQL1": logins(login()), "SQL2": logins(login(), login("Extra", sid=OTHER_SID))}),
        [],
    ),
    "the name in another case": (pair({"name": NAME.upper()}), []),
    "no user, no login": (mirror_facts({"SQL1": logins(login()), "SQL2": logins()}, users={}), []),
}


@pytest.mark.parametrize("case", CASES)
def test_plan(case: str) -> None:
    facts, expected = CASES[case]
    assert sentences(PROVIDER.plan(INPUTS, facts)) == expected


@pytest.mark.parametrize("case", CASES)
def test_drift_is_shown_just_where_something_is_due(case: str) -> None:
    facts, expected = CASES[case]
    assert bool(PROVIDER.found(INPUTS, facts)) == bool(expected)


def test_what_the_steps_send() -> None:
    missing = PROVIDER.plan(INPUTS, CASES["missing"][0])
    assert actions(missing) == [f"SQL2 sql/mirror_login.sql ('{NAME}', '{SID}', ***, 'master', 'ON', 'OFF', 0)"]
    differs = PROVIDER.plan(INPUTS, CASES["several at once"][0])
    assert actions(differs) == [f"SQL2 sql/mirror_login_options.sql ('{NAME}', ***, 'master', 'ON', 'OFF', 0)"]
    denied = PROVIDER.plan(INPUTS, CASES["denied instead of granted"][0])
    assert actions(denied) == [
        f"SQL2 sql/set_permission.sql ('REVOKE', 'CONNECT SQL', '{NAME}')",
        f"SQL2 sql/set_permission.sql ('DENY', 'CONNECT SQL', '{NAME}')",
    ]
    assert SID.startswith("0x00"), "a SID whose first byte is zero keeps its zeros"
    for plan in (missing, differs):
        assert HASH not in repr(plan)


def test_options_come_before_rights_and_a_drop_before_the_new_one() -> None:
    facts = pair({"policy": False, "roles": frozenset({"sysadmin"})})
    assert actions(PROVIDER.plan(INPUTS, facts)) == [
        f"SQL2 sql/mirror_login_options.sql ('{NAME}', ***, 'master', 'ON', 'OFF', 0)",
        f"SQL2 sql/drop_role_member.sql ('sysadmin', '{NAME}')",
    ]
    assert [line.split()[1] for line in actions(PROVIDER.plan(INPUTS, CASES["another SID"][0]))] == [
        "sql/drop_login.sql",
        "sql/mirror_login.sql",
    ]


@pytest.mark.parametrize("name", ["O'Brien", "a]b[c", "$pay'); DROP--", "Ünïcode", "with space", 'dou"ble'])
def test_a_name_is_data(name: str) -> None:
    facts = mirror_facts({"SQL1": logins(login(name)), "SQL2": logins()}, users={SID: name})
    (step,) = PROVIDER.plan(INPUTS, facts)
    assert step.action.values[0] == name  # type: ignore[union-attr]
    assert name in step.sentence


def test_the_primary_is_the_authority_where_it_has_the_right_sid() -> None:
    servers = {
        "SQL1": logins(login(hash=OTHER_HASH, password_set="2020-01-01T00:00:00")),
        "SQL2": logins(login(password_set="2010-01-01T00:00:00")),
    }
    assert sentences(PROVIDER.plan(INPUTS, mirror_facts(servers, primary="SQL2"))) == [
        f"On SQL1, bring the login {NAME} to what it is on SQL2 (password)."
    ]


def test_without_it_the_password_set_last_counts() -> None:
    inputs = INPUTS.model_copy(update={"machines": ("SQL1", "SQL2", "SQL3")})
    servers = {
        "SQL1": logins(),
        "SQL2": logins(login(password_set="2013-01-01T00:00:00")),
        "SQL3": logins(login(password_set="2013-02-01T00:00:00", hash=OTHER_HASH)),
    }
    assert sentences(PROVIDER.plan(inputs, mirror_facts(servers))) == [
        f"On SQL1, make the login {NAME} with the SID and password hash it has on SQL3.",
        f"On SQL2, bring the login {NAME} to what it is on SQL3 (password).",
    ]


def test_further_logins_are_found_by_name_and_not_twice() -> None:
    inputs = INPUTS.model_copy(update={"further": ("reader", NAME.lower())})
    servers = {"SQL1": logins(login(), login("Reader", sid=OTHER_SID)), "SQL2": logins(login())}
    facts = mirror_facts(servers)
    assert sentences(PROVIDER.plan(inputs, facts)) == [
        "On SQL2, make the login Reader with the SID and password hash it has on SQL1."
    ]
    assert PROVIDER.outputs(inputs, facts) == {"logins": [NAME, "Reader"]}


END = "Repair the logins on the replica that has them right, or map the users anew, then run again."


@pytest.mark.parametrize(
    ("facts", "further", "found"),
    [
        (
            mirror_facts({"SQL1": logins(), "SQL2": logins(login("Another", sid=OTHER_SID))}),
            (),
            f"no replica has a login with the SID of the database user {NAME}",
        ),
        (
            mirror_facts({"SQL1": logins(login("One")), "SQL2": logins(login("Two"))}),
            (),
            "one SID belongs to different logins: One and Two",
        ),
        (
            mirror_facts({"SQL1": logins(login()), "SQL2": logins(login())}),
            ("Reader",),
            "no replica has a login named Reader",
        ),
        (
            mirror_facts({"SQL1": logins(), "SQL2": logins()}, users={SID: "b", OTHER_SID: "A"}),
            ("c",),
            (
                "no replica has a login with the SID of the database user A; no replica has a login with the "
                "SID of the database user b; no replica has a login named c"
            ),
        ),
        (
            mirror_facts({"SQL1": logins(login("Reader")), "SQL2": logins(login("Writer"))}, users={}),
            ("Reader",),
            "one SID belongs to different logins: Reader and Writer",
        ),
    ],
    ids=["no login", "two names", "further is nowhere", "all at once", "further under two names"],
)
def test_refusal(facts: LoginMirrorFacts, further: tuple[str, ...], found: str) -> None:
    inputs = INPUTS.model_copy(update={"further": further})
    assert refusal(lambda: PROVIDER.plan(inputs, facts)) == f"SQL1: mirror the logins of SQL: {found}. {END}"


def test_drift_names_the_login_the_machine_and_how_but_no_hash() -> None:
    assert PROVIDER.found(INPUTS, CASES["several at once"][0]) == {
        "state": f"{NAME} on SQL2: password, password policy, enabled or disabled"
    }
    assert PROVIDER.found(INPUTS, CASES["missing"][0]) == {"state": f"{NAME} on SQL2: missing"}
    assert PROVIDER.found(INPUTS, CASES["another SID"][0]) == {"state": f"{NAME} on SQL2: another SID"}
    assert HASH not in repr(CASES["missing"][0])


def test_remove_leaves_every_login() -> None:
    assert PROVIDER.remove(INPUTS, CASES["nothing differs"][0], {}) == []
