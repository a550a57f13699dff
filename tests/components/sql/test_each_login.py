"""Each login for itself: a bad one keeps no other back, an administrator is mirrored only by name, and names are
compared as the server compares them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from components.sql.login import Login, Logins, Permission, ServerRole, folding
from components.sql.login_mirror import LoginMirrorInputs, LoginMirrorResource
from components.sql.login_set import LoginMirrorFacts
from components.steps import SqlTransaction
from remote.secret import Secret
from tests.components.contract import Break, World, actions, actual, refusal, sentences
from tests.components.sql_worlds import LOGIN_MIRROR, SID, STORE, login, logins, mirror_facts, rights

RESOURCE = LoginMirrorResource()
INPUTS = LoginMirrorInputs(group="SQL", machines=("SQL1", "SQL2"), databases=(STORE,))


def sid(number: int) -> str:
    return f"0x{number:032X}"


def several(there: Any = None, **here: Any) -> LoginMirrorFacts:
    """SQL1 has the logins a, b and c that users belong to, and b as given; SQL2 has what is given."""
    servers = {
        "SQL1": logins(login("a", sid=sid(1)), login("b", sid=sid(2), **here), login("c", sid=sid(3))),
        "SQL2": there or logins(),
    }
    return mirror_facts(servers, users={sid(1): "a", sid(2): "b", sid(3): "c"})


def made(facts: LoginMirrorFacts, **inputs: Any) -> list[str]:
    """The logins that are made on SQL2."""
    plan = RESOURCE.plan(INPUTS.model_copy(update=inputs), facts)
    return [step.sentence.split()[5] for step in plan if isinstance(step.action, SqlTransaction)]


def row(facts: LoginMirrorFacts, name: str, **inputs: Any) -> tuple[str, str]:
    report = RESOURCE.change_outputs(INPUTS.model_copy(update=inputs), facts, None, {})["report"]
    (found,) = [one for one in report if one["name"] == name]
    return found["action"], found["why"]


# A bad login ------------------------------------------------------------------------------------------------------

ORPHAN = several()
BAD: dict[str, LoginMirrorFacts] = {
    "a user without a login": replace(ORPHAN, users={**ORPHAN.users, sid(4): "nobody"}),
    "one SID under two names": several(logins(login("B2", sid=sid(2)))),
    "a grantor that is missing": several(permissions=rights(Permission("GRANT", "ALTER TRACE", "Boss"))),
}


@pytest.mark.parametrize("case", BAD)
def test_the_others_are_mirrored(case: str) -> None:
    assert set(made(BAD[case])) >= {"a", "c"}
    assert ("b" in made(BAD[case])) == (case == "a user without a login")
    bad = {"a user without a login": "nobody", "one SID under two names": "b and B2"}.get(case, "b")
    assert row(BAD[case], bad)[0] == "refused"
    assert row(BAD[case], "a") == ("due", "missing on SQL2")


def test_who_was_granted_something_by_a_refused_login_is_refused_too() -> None:
    granted = {"permissions": rights(Permission("GRANT", "ALTER TRACE", "Boss"))}
    facts = several(**granted)
    third = login("c", sid=sid(3), permissions=rights(Permission("GRANT", "SHUTDOWN", "b")))
    facts = replace(facts, servers={**facts.servers, "SQL1": logins(*facts.servers["SQL1"].by_name.values(), third)})
    assert made(facts) == ["a"]
    assert "its right SHUTDOWN was granted by b, which does not exist there and is not mirrored" in row(facts, "c")[1]


def test_a_default_database_that_is_not_there_is_master_and_the_row_says_so() -> None:
    facts = several(logins(databases={"master": "writable"}), default_database="Shop")
    (step,) = [step for step in RESOURCE.plan(INPUTS, facts) if step.sentence.split()[5] == "b"]
    assert isinstance(step.action, SqlTransaction)
    assert step.action.parts[0][1][3] == "master"
    note = "its default database Shop is not on SQL2: there it is master"
    assert row(facts, "b") == ("due", f"missing on SQL2; {note}")
    there = logins(
        *(login(name, sid=sid(number)) for number, name in enumerate("abc", 1)), databases={"master": "writable"}
    )
    same = several(there, default_database="Shop")
    assert RESOURCE.plan(INPUTS, same) == []
    assert row(same, "b") == ("none", f"the same; {note}")
    assert RESOURCE.concerns(INPUTS, same) == []
    there = replace(there, databases={"master": "writable", "shop": "copy"})
    assert sentences(RESOURCE.plan(INPUTS, several(there, default_database="Shop"))) == [
        "On SQL2, bring the login b to what it is on SQL1 (default database)."
    ]


def test_the_resource_fails_at_its_end_with_all_of_them_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two that are refused, one whose transaction fails: everything else is done, and one error names the three."""
    facts = LOGIN_MIRROR.absent
    users = {**facts.users, sid(8): "nobody", sid(9): "no one", sid(5): "good"}
    first = facts.servers["SQL1"]
    first = replace(first, by_name={**first.by_name, "good": login("good", sid=sid(5))})
    facts = replace(facts, users=users, servers={**facts.servers, "SQL1": first})
    world = World(LOGIN_MIRROR, facts)
    world.break_at(Break(1, after=False))
    text = refusal(lambda: world.provider().create(LOGIN_MIRROR.inputs))
    total = len(RESOURCE.plan(LOGIN_MIRROR.parsed(), facts))
    assert text.startswith(f"SOMEWHERE, SQL1: carry out {total} steps, of which 3 failed: ")
    for part in ("it broke before its effect", "the database user nobody", "the database user no one", "map the users"):
        assert part in text
    good = world.facts.servers["SQL2"].named("good")
    assert good is not None
    assert good.sid == sid(5)


# Administrators ---------------------------------------------------------------------------------------------------


def of(*roles: str, **more: Any) -> dict[str, Any]:
    return {"roles": frozenset(roles), **more}


MIGHTY: dict[str, tuple[dict[str, Any], str]] = {
    "sysadmin": (of("sysadmin"), "a member of sysadmin"),
    "securityadmin": (of("securityadmin", "dbcreator"), "a member of securityadmin"),
    "control": ({"permissions": rights("CONNECT SQL", "CONTROL SERVER")}, "granted CONTROL SERVER"),
    "logins": (
        {"permissions": rights(Permission("GRANT_WITH_GRANT_OPTION", "ALTER ANY LOGIN"))},
        "granted ALTER ANY LOGIN",
    ),
    "impersonation": ({"permissions": rights("IMPERSONATE ANY LOGIN")}, "granted IMPERSONATE ANY LOGIN"),
    "by a role": (of("Inner"), "granted CONTROL SERVER by the server role Outer"),
}


def mighty(case: str, there: Any = None) -> LoginMirrorFacts:
    facts = several(there, **MIGHTY[case][0])
    roles = {
        "inner": ServerRole("Inner", roles=frozenset({"Outer"})),
        "outer": ServerRole("Outer", permissions=rights("CONTROL SERVER")),
    }
    return replace(facts, servers={**facts.servers, "SQL1": replace(facts.servers["SQL1"], roles=roles)})


@pytest.mark.parametrize("case", MIGHTY)
def test_an_administrator_is_mirrored_only_when_the_topology_names_it(case: str) -> None:
    facts, why = mighty(case), MIGHTY[case][1]
    assert made(facts) == ["a", "c"]
    action, text = row(facts, "b")
    assert action == "left"
    assert f"not mirrored, since on SQL1 it is {why}: name it in `sql.logins` of the topology" in text
    assert any(why in one for one in RESOURCE.concerns(INPUTS, facts))
    assert "b" in RESOURCE.outputs(INPUTS, facts)["logins"]
    assert made(facts, further=("b",))[-2:] == ["b", "c"]


def test_roles_and_rights_stand_in_preview_step_and_report() -> None:
    facts = several(**of("sysadmin", permissions=rights("CONNECT SQL", "VIEW SERVER STATE")))
    inputs = INPUTS.model_copy(update={"further": ("b",)})
    text = "(server role sysadmin, grant VIEW SERVER STATE)"
    assert f"has on SQL1 {text}." in sentences(RESOURCE.plan(inputs, facts))[1]
    assert f"b on SQL2: missing {text}" in actual(RESOURCE, inputs, facts)["state"]
    assert row(facts, "b", further=("b",)) == ("due", f"missing {text} on SQL2")


@pytest.mark.parametrize(
    "harmless",
    [of("dbcreator"), {"permissions": rights(Permission("DENY", "CONTROL SERVER"))}, of("Unknown")],
    ids=["another role", "denied", "a role that is not there"],
)
def test_any_other_is_no_administrator(harmless: dict[str, Any]) -> None:
    assert made(several(**harmless)) == ["a", "b", "c"]


def test_an_administrator_that_is_the_same_everywhere_is_no_news() -> None:
    copies = (login("a", sid=sid(1)), login("b", sid=sid(2), roles=frozenset({"sysadmin"})), login("c", sid=sid(3)))
    assert RESOURCE.change_outputs(INPUTS, mighty("sysadmin", logins(*copies)), None, {}) == {"report": []}


# Names ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("collation", "one", "other", "same"),
    [
        ("SQL_Latin1_General_CP1_CI_AS", "App", "aPP", True),
        ("SQL_Latin1_General_CP1_CI_AS", "cafe", "café", False),
        ("SQL_Latin1_General_CP1_CI_AI", "CAFE", "café", True),
        ("Latin1_General_CS_AS", "App", "app", False),
        ("Latin1_General_CS_AI", "cafe", "café", True),
        ("Latin1_General_BIN2", "App", "app", False),
        ("Latin1_General_100_CI_AS_SC", "App", "app", True),
    ],
)
def test_names_are_equal_where_the_collation_says_so(collation: str, one: str, other: str, same: bool) -> None:
    assert (folding(collation)(one) == folding(collation)(other)) is same


SENSITIVE = "Latin1_General_CS_AS"


def test_on_a_case_sensitive_server_two_spellings_are_two_logins() -> None:
    def server(*given: Any) -> Any:
        return replace(logins(collation=SENSITIVE), by_name={one.name: one for one in given})

    both = server(login("App", sid=SID), login("app", sid=sid(1)))
    facts = mirror_facts({"SQL1": both, "SQL2": server(login("App", sid=SID))}, users={SID: "App", sid(1): "app"})
    assert made(facts) == ["app"]
    other = mirror_facts({"SQL1": both, "SQL2": server(login("APP", sid=SID))}, users={SID: "App"})
    assert row(other, "APP and App")[0] == "refused", "one SID, two names"
    named = mirror_facts({"SQL1": both, "SQL2": server()}, users={})
    assert made(named, further=("app",)) == ["app"]


# Windows accounts and owners --------------------------------------------------------------------------------------

DOMAIN_SID = "0x010500000000000515000000" + "AB" * 16


def windows(name: str = "HYPERVNU\\svc_app", **changes: Any) -> Login:
    return login(name, **{"sid": DOMAIN_SID, "hash": Secret(""), "policy": False, "windows": True} | changes)


def for_windows(there: Logins, **changes: Any) -> LoginMirrorFacts:
    """SQL1 has the login of a Windows account that is a user of a farm database."""
    first = logins(windows(**changes), machine="SQL1")
    facts = mirror_facts({"SQL1": first, "SQL2": replace(there, machine="SQL2")}, users={})
    return replace(facts, windows={DOMAIN_SID: "HYPERVNU\\svc_app"})


def test_the_login_of_a_windows_account_is_made_without_a_password() -> None:
    facts = for_windows(logins(), default_database="tempdb", roles=frozenset({"dbcreator"}))
    plan = RESOURCE.plan(INPUTS, facts)
    assert sentences(plan) == [
        "On SQL2, create the login of the Windows account HYPERVNU\\svc_app as it is on SQL1 (server role dbcreator)."
    ]
    name = "'HYPERVNU\\\\svc_app'"
    assert actions(plan) == [
        f"SQL2 sql/create_windows_login.sql ({name},)",
        f"SQL2 sql/set_windows_login_options.sql ({name}, 'tempdb', 'us_english')",
        f"SQL2 sql/add_role_member.sql ('dbcreator', {name})",
        f"SQL2 sql/mark_login.sql ({name},)",
    ]


def test_a_windows_login_that_differs_is_brought() -> None:
    plan = RESOURCE.plan(INPUTS, for_windows(logins(windows(default_database="tempdb", disabled=True))))
    assert [one.split(".sql")[0] for one in actions(plan)] == [
        "SQL2 sql/set_windows_login_options",
        "SQL2 sql/enable_login",
    ]


def test_one_that_comes_in_by_a_group_has_no_login_and_needs_none() -> None:
    facts = replace(for_windows(logins()), windows={"0x0105" + "CD" * 26: "HYPERVNU\\another"})
    assert RESOURCE.plan(INPUTS, facts) == []


@pytest.mark.parametrize(
    ("facts", "why"),
    [
        (for_windows(logins(), name="SQL1\\svc_app"), "it is an account of SQL1 alone, which no other server knows"),
        (
            for_windows(logins(windows(sid="0x0105" + "CD" * 26))),
            "has another SID, as of an account that was made again",
        ),
    ],
    ids=["of one server", "made again"],
)
def test_what_no_other_server_knows_is_refused_by_name(facts: LoginMirrorFacts, why: str) -> None:
    assert made(facts) == []
    name = facts.servers["SQL1"].with_sid(DOMAIN_SID)
    assert name is not None
    action, text = row(facts, name.name)
    assert action == "refused"
    assert why in text


def owned(dbo: str, name: str, owner: str, **servers: Logins) -> LoginMirrorFacts:
    """The database STORE knows ``dbo`` as its owner, and the primary ``owner``."""
    first = replace(servers.get("SQL1", logins()), owners={STORE.lower(): owner})
    facts = mirror_facts({"SQL1": first, "SQL2": servers.get("SQL2", logins())}, users={})
    return replace(facts, owners={STORE: (dbo, name)})


def test_a_database_gets_the_owner_that_it_knows_itself() -> None:
    plan = RESOURCE.plan(INPUTS, facts := owned("0x01", "sa", sid(7)))
    assert sentences(plan) == [f"On SQL1, make sa the owner of {STORE}, as the database itself knows it."]
    assert actions(plan) == [f"SQL1 sql/set_owner.sql ('DATABASE', '{STORE}', 'sa')"]
    drift = f"the owner of {STORE} on SQL1: another than the sa that the database knows as dbo"
    assert RESOURCE.actual(INPUTS, facts) == {"state": drift}
    assert RESOURCE.plan(INPUTS, owned("0x01", "sa", "0x01")) == []


def test_an_owner_that_a_replica_lacks_is_mirrored_and_one_that_nobody_has_is_refused() -> None:
    app = login("app", sid=sid(7))
    assert made(owned(sid(7), "app", sid(7), SQL1=logins(app))) == ["app"]
    nowhere = owned(sid(7), "", sid(7))
    assert row(nowhere, f"that {STORE} belongs to")[0] == "refused"
    other_word = replace(app, hash=Secret("0x0200" + "EF" * 68), roles=frozenset({"sysadmin"}))
    both = owned(sid(7), "app", sid(7), SQL1=logins(app), SQL2=logins(other_word))
    assert RESOURCE.plan(INPUTS, both) == [], "the administrator's, for instance: that is another resource's"


def test_what_is_due_on_one_server_stands_together_and_what_cannot_be_done_last() -> None:
    """One request carries the steps of one server that follow each other."""
    facts = BAD["a user without a login"]
    facts = replace(facts, servers={**facts.servers, "SQL3": logins()})
    plan = RESOURCE.plan(INPUTS.model_copy(update={"machines": ("SQL1", "SQL2", "SQL3")}), facts)
    assert [step.action.machine for step in plan] == ["SQL2"] * 3 + ["SQL3"] * 3 + ["SQL1"]
    assert len({step.subject for step in plan}) == 7
