"""Authentication mode, administrator, listener, primary: from facts to the exact steps."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from components.portal.databases import CONFIG
from components.sql.administrator import AdministratorInputs, AdministratorResource, LoginState, Unused
from components.sql.authentication_mode import (
    AuthenticationModeFacts,
    AuthenticationModeInputs,
    AuthenticationModeResource,
    ServerMode,
)
from components.sql.group import Group, Server
from components.sql.listener import ListenerFacts, ListenerInputs, ListenerResource
from components.sql.primary import Moved, PrimaryInputs, PrimaryResource, Ready
from components.sql.whereabouts import Outside, Whereabouts
from components.steps import Sql, WaitFor
from remote.secret import Secret
from tests.components.contract import World, actions, actual, adapter, refusal, sentences
from tests.components.sql_worlds import DEDICATED, PRIMARY, STORE, administrator, group, on, replica

PASSWORD = Secret("Sql-Pass-1!")


class TestAuthenticationMode:
    resource = AuthenticationModeResource()
    inputs = AuthenticationModeInputs(group="SQL", machines=("SQL1", "SQL2"))

    @staticmethod
    def facts(first: str, second: str, primary: str = "SQL1", of: Group | None = None) -> AuthenticationModeFacts:
        """``running/configured`` of SQL1 and SQL2."""
        servers = {m: ServerMode(*text.split("/")) for m, text in (("SQL1", first), ("SQL2", second))}
        return AuthenticationModeFacts(servers, of or group(primary))

    def plan(self, facts: AuthenticationModeFacts) -> list[str]:
        return sentences(self.resource.plan(self.inputs, facts))

    @staticmethod
    def restart(machine: str) -> list[str]:
        return [
            f"On {machine}, restart SQL Server.",
            f"Wait until SQL is healthy again after the restart of {machine}.",
        ]

    @staticmethod
    def to(machine: str) -> list[str]:
        return [
            f"Wait until {machine} is ready to take over SQL.",
            f"On {machine}, fail SQL over to it.",
            f"Wait until {machine} is the primary of SQL and its partners follow.",
        ]

    def test_nothing_to_do(self) -> None:
        assert self.plan(self.facts("mixed/mixed", "mixed/mixed")) == []

    def test_the_secondary_first_and_the_primary_after_a_planned_failover(self) -> None:
        plan = self.resource.plan(self.inputs, self.facts("windows/windows", "windows/windows"))
        assert sentences(plan) == [
            "On SQL1, set SQL Server's authentication mode to mixed.",
            "On SQL2, set SQL Server's authentication mode to mixed.",
            *self.restart("SQL2"),
            *self.to("SQL2"),
            *self.restart("SQL1"),
        ]
        assert actions(plan) == [
            "SQL1 sql/set_authentication.sql (2,) integrated",
            "SQL2 sql/set_authentication.sql (2,) integrated",
            "SQL2 sql/restart_service.ps1 {'Service': 'MSSQLSERVER'}",
            "SQL2 sql/failover.sql ('SQL',) integrated",
            "SQL1 sql/restart_service.ps1 {'Service': 'MSSQLSERVER'}",
        ]

    def test_a_named_instance_has_a_service_of_its_own(self) -> None:
        inputs = self.inputs.model_copy(update={"services": {"SQL2": "MSSQL$WAP"}})
        plan = self.resource.plan(inputs, self.facts("windows/mixed", "windows/mixed"))
        assert [action for action in actions(plan) if "restart" in action] == [
            "SQL2 sql/restart_service.ps1 {'Service': 'MSSQL$WAP'}",
            "SQL1 sql/restart_service.ps1 {'Service': 'MSSQLSERVER'}",
        ]

    def test_the_roles_decide_not_the_order_of_the_machines(self) -> None:
        plan = self.plan(self.facts("windows/mixed", "windows/mixed", primary="SQL2"))
        assert plan == [*self.restart("SQL1"), *self.to("SQL1"), *self.restart("SQL2")]

    def test_a_restart_that_was_left_pending_is_finished(self) -> None:
        assert self.plan(self.facts("mixed/mixed", "windows/mixed")) == self.restart("SQL2")
        found = self.resource.actual(self.inputs, self.facts("mixed/mixed", "windows/mixed"))
        assert found == {"mode": "windows", "restart": "pending on SQL2"}

    def test_a_mode_that_would_be_lost_at_the_next_start(self) -> None:
        facts = self.facts("mixed/windows", "mixed/mixed")
        assert self.plan(facts) == ["On SQL1, set SQL Server's authentication mode to mixed."]
        assert self.resource.actual(self.inputs, facts) == {"restart": "pending on SQL1"}

    def test_no_primary(self) -> None:
        servers = {machine: Server(machine, True, True, "RESOLVING") for machine in ("SQL1", "SQL2")}
        facts = self.facts("windows/mixed", "windows/mixed", of=Group("SQL", "", (), (), servers))
        assert refusal(lambda: self.plan(facts)) == (
            "SQL1: set the authentication mode of SQL1, SQL2: the availability group SQL has no primary, and a restart "
            "could make that worse. Bring the group online first."
        )

    def test_servers_that_carry_no_group_restart_at_once(self) -> None:
        apart = {machine: Server(machine, True, False) for machine in ("SQL1", "SQL2")}
        facts = self.facts("windows/mixed", "windows/mixed", of=Group("SQL", "", (), (), apart))
        assert self.plan(facts) == ["On SQL1, restart SQL Server.", "On SQL2, restart SQL Server."]

    def test_a_new_server_restarts_while_the_group_stays_where_it_is(self) -> None:
        servers = {
            "SQL1": Server("SQL1", True, True, "PRIMARY"),
            "SQL2": Server("SQL2", True, False),
        }
        facts = self.facts(
            "mixed/mixed", "windows/mixed", of=replace(group("SQL1", machines=("SQL1",)), servers=servers)
        )
        assert self.plan(facts) == self.restart("SQL2")

    def test_no_synchronous_partner(self) -> None:
        slow = replica("SQL2", "SQL1", availability_mode="ASYNCHRONOUS_COMMIT", failover_mode="MANUAL")
        facts = self.facts("windows/mixed", "mixed/mixed", of=Group("SQL", "SQL1", (replica("SQL1", "SQL1"), slow), ()))
        assert refusal(lambda: self.plan(facts)) == (
            "SQL1: set the authentication mode of SQL1, SQL2: it is the primary of SQL, and no secondary can take over "
            "without loss while it restarts: both would have to commit synchronously. Restart SQL Server there "
            "yourself at a time that suits, then run `pulumi up` again."
        )

    def test_the_wait_after_a_restart_is_for_the_whole_group(self) -> None:
        plan = self.resource.plan(self.inputs, self.facts("mixed/mixed", "windows/mixed"))
        assert isinstance(plan[1].action, WaitFor)
        behind = group("SQL1", on("SQL1"), on("SQL2", synchronization="NOT SYNCHRONIZING", failover_ready=False))
        waiting = plan[1].action.waiting_for
        assert waiting(self.facts("mixed/mixed", "mixed/mixed", of=behind)) == "VMM on SQL2 (NOT SYNCHRONIZING)"
        away = replace(group(), replicas=(replica("SQL1", "SQL1"), replica("SQL2", "SQL1", connected=False)))
        assert waiting(self.facts("mixed/mixed", "mixed/mixed", of=away)) == "SQL2 to connect"
        assert waiting(self.facts("mixed/mixed", "mixed/mixed", of=Group("SQL", "", (), ()))) == "a primary of SQL"
        assert waiting(self.facts("mixed/mixed", "mixed/mixed")) == ""
        never = group("SQL1", on("SQL1"), on("SQL2", joined=False, failover_ready=False, synchronization=""))
        assert waiting(self.facts("mixed/mixed", "mixed/mixed", of=never)) == "", "it does not join by waiting"

    def test_the_wait_is_not_for_a_replica_that_was_away_before(self) -> None:
        away = replace(group(), replicas=(replica("SQL1", "SQL1"), replica("SQL2", "SQL1", connected=False)))
        plan = self.resource.plan(self.inputs, self.facts("mixed/mixed", "windows/mixed", of=away))
        assert isinstance(plan[1].action, WaitFor)
        assert plan[1].action.waiting_for(self.facts("mixed/mixed", "mixed/mixed", of=away)) == ""
        third = replace(away, databases=(on("SQL1"), on("SQL3", synchronization="NOT SYNCHRONIZING")))
        assert plan[1].action.waiting_for(self.facts("mixed/mixed", "mixed/mixed", of=third)) == (
            "VMM on SQL3 (NOT SYNCHRONIZING)"
        )

    def test_remove_leaves_the_mode(self) -> None:
        assert self.resource.plan_delete(self.inputs, self.facts("mixed/mixed", "mixed/mixed"), {}) == []


class TestAdministrator:
    resource = AdministratorResource()
    sa = AdministratorInputs(machines=("SQL1", "SQL2"), login="sa", password=PASSWORD)
    good = LoginState("sa", "0x01", False, True, True)

    def test_sa_is_in_order(self) -> None:
        assert self.resource.plan(self.sa, {"SQL1": self.good, "SQL2": self.good}) == []

    def test_the_password_before_it_is_enabled_and_by_the_name_it_has_there(self) -> None:
        odd = LoginState("root", "0x01", True, False, True)
        plan = self.resource.plan(self.sa, {"SQL1": self.good, "SQL2": odd})
        assert sentences(plan) == [
            "On SQL2, set the password of the login root.",
            "On SQL2, enable the login root.",
        ]
        assert actions(plan) == [
            "SQL2 sql/set_login_password.sql ('root', ***) integrated",
            "SQL2 sql/enable_login.sql ('root',) integrated",
        ]

    def test_a_password_that_matches_is_not_set(self) -> None:
        states: dict[str, LoginState | None] = {"SQL1": replace(self.good, disabled=True), "SQL2": self.good}
        assert sentences(self.resource.plan(self.sa, states)) == ["On SQL1, enable the login sa."]

    def test_a_dedicated_login_missing_on_one_replica(self) -> None:
        plan = self.resource.plan(DEDICATED, {"SQL1": administrator(), "SQL2": None})
        assert sentences(plan) == ["On SQL2, create the login farmadmin and add it to sysadmin."]
        assert actions(plan) == [f"SQL2 sql/create_administrator.sql ('farmadmin', ***, '{DEDICATED.sid}') integrated"]
        assert len(DEDICATED.sid) == 2 + 32, "a SQL login's SID has 16 bytes"

    def test_taken_out_of_sysadmin(self) -> None:
        plan = self.resource.plan(DEDICATED, {"SQL1": administrator(sysadmin=False), "SQL2": administrator()})
        assert sentences(plan) == ["On SQL1, add the login farmadmin to sysadmin."]

    def test_another_sid(self) -> None:
        states: dict[str, LoginState | None] = {"SQL1": administrator(), "SQL2": administrator(sid="0x" + "EE" * 16)}
        assert refusal(lambda: self.resource.plan(DEDICATED, states)) == (
            "SQL2: take over the SQL login farmadmin: a login of this name has another SID than on the other replicas. "
            "Choose another name for `sql.administrator`, or drop that login."
        )

    def test_the_sid_that_replicas_have(self) -> None:
        """The name may have been spelled in another way when the login was made."""
        other = "0x" + "EE" * 16
        both: dict[str, LoginState | None] = {"SQL1": administrator(sid=other), "SQL2": administrator(sid=other)}
        assert self.resource.plan(DEDICATED, both) == []
        one: dict[str, LoginState | None] = {"SQL1": None, "SQL2": administrator(sid=other)}
        (step,) = self.resource.plan(DEDICATED, one)
        assert isinstance(step.action, Sql)
        assert step.action.values[2] == other

    def test_remove(self) -> None:
        both: dict[str, LoginState | None] = {"SQL1": self.good, "SQL2": self.good}
        before = self.resource.baseline(self.sa, {"SQL1": replace(self.good, disabled=True), "SQL2": self.good})
        assert before == {"disabled": {"SQL1": True, "SQL2": False}}
        assert sentences(self.resource.plan_delete(self.sa, both, before)) == [
            "On SQL1, disable the login sa as it was before."
        ]
        ours: dict[str, LoginState | None] = {"SQL1": administrator(), "SQL2": None}
        gone = ["Wait until nobody is logged on to SQL1 as farmadmin.", "On SQL1, drop the login farmadmin."]
        assert sentences(self.resource.plan_delete(DEDICATED, ours, {})) == gone
        owner: dict[str, LoginState | None] = {"SQL1": administrator(owns=("Microsoft.MgmtSvc.Store", "Own"))}
        plan = self.resource.plan_delete(DEDICATED, owner, {})
        assert sentences(plan) == [
            "On SQL1, make sa the owner of Microsoft.MgmtSvc.Store.",
            "On SQL1, make sa the owner of Own.",
            *gone,
        ]
        busy: dict[str, LoginState | None] = {"SQL1": administrator(sessions=("Studio on PC1", "Studio on PC1"))}
        assert Unused("SQL1")(busy) == "Studio on PC1 to log off"
        assert Unused("SQL1")(owner) == ""

    def test_drift(self) -> None:
        states: dict[str, LoginState | None] = {
            "SQL1": self.good,
            "SQL2": replace(self.good, disabled=True, password_matches=False, sysadmin=False),
        }
        assert self.resource.actual(self.sa, states) == {
            "machines": ["SQL1", "SQL2"],
            "password": "(differs from the configuration)",
            "enabled": False,
            "sysadmin": False,
        }
        assert actual(self.resource, DEDICATED, {"SQL1": administrator(), "SQL2": None})["machines"] == ["SQL1"]


class TestListener:
    resource = ListenerResource()
    inputs = ListenerInputs(
        group="SQL", machines=("SQL1",), listener="SQL", address="172.21.5.50", mask="255.255.255.0", port=1433
    )

    @pytest.mark.parametrize(
        ("facts", "steps"),
        [
            (ListenerFacts("SQL1"), ["On SQL1, add the listener SQL at 172.21.5.50:1433 to SQL."]),
            (ListenerFacts("SQL1", "sql", 1433, ("172.21.5.50",)), []),
            (ListenerFacts("SQL1", "SQL", 1433, ("172.21.5.50", "10.0.0.5")), []),
            (
                ListenerFacts("SQL2", "SQL", 5022, ("10.0.0.5",)),
                [
                    "On SQL2, add the address 172.21.5.50 to the listener SQL.",
                    "On SQL2, set the port of the listener SQL to 1433.",
                ],
            ),
        ],
    )
    def test_plan(self, facts: ListenerFacts, steps: list[str]) -> None:
        assert sentences(self.resource.plan(self.inputs, facts)) == steps

    def test_what_the_steps_send(self) -> None:
        assert actions(self.resource.plan(self.inputs, ListenerFacts("SQL1"))) == [
            "SQL1 sql/add_listener.sql ('SQL', 'SQL', '172.21.5.50', '255.255.255.0', 1433)"
        ]

    def test_an_address_cannot_move_within_its_subnet(self) -> None:
        facts = ListenerFacts("SQL1", "SQL", 1433, ("10.0.0.5", "172.21.5.51"))
        assert refusal(lambda: self.resource.plan(self.inputs, facts)) == (
            "SQL1: add the address 172.21.5.50 to the listener SQL: it has 172.21.5.51 in the same subnet, and T-SQL "
            "can neither change nor remove that. Set the address of its IP resource to 172.21.5.50 in Failover Cluster "
            "Manager, or correct `sql.listener.address`; then run `pulumi up` again."
        )

    def test_a_computer_object_that_cannot_be_made_has_a_remedy(self) -> None:
        remedies = self.resource.plan(self.inputs, ListenerFacts("SQL1"))[0].remedies
        assert all("make a disabled one named SQL there" in remedies[number] for number in (19471, 19476))

    def test_a_listener_of_another_name_is_named(self) -> None:
        assert refusal(lambda: self.resource.plan(self.inputs, ListenerFacts("SQL1", other="WAP"))) == (
            "SQL1: add the listener SQL: SQL has the listener WAP, and a group has only one. "
            "Name that one in `sql.listener.name`, or remove it (ALTER AVAILABILITY GROUP … REMOVE LISTENER) when "
            "nobody connects through it; then run `pulumi up` again."
        )

    def test_drift(self) -> None:
        assert self.resource.actual(self.inputs, ListenerFacts("SQL1", "SQL", 5022, ("10.0.0.5",))) == {
            "port": 5022,
            "address": "10.0.0.5",
        }


class TestPrimary:
    resource = PrimaryResource()

    @staticmethod
    def inputs(policy: str, **more: Any) -> PrimaryInputs:
        given = {"group": "SQL", "machine": "SQL1", "machines": ["SQL1", "SQL2"], "policy": policy}
        return PrimaryInputs.model_validate({**given, **more})

    def test_moved_where_it_is_wanted(self) -> None:
        plan = self.resource.plan(self.inputs("build"), Whereabouts(group("SQL2")))
        assert sentences(plan) == TestAuthenticationMode.to("SQL1")
        assert actions(plan) == ["SQL1 sql/failover.sql ('SQL',)"], "on the target, over ODBC"

    def test_policies(self) -> None:
        first, second = Whereabouts(group("SQL1")), Whereabouts(group("SQL2"))
        nowhere = Whereabouts(Group("SQL", "", (), ()))
        assert self.resource.plan(self.inputs("never"), second) == []
        assert self.resource.plan(self.inputs("build"), first) == []
        assert self.resource.plan(self.inputs("build", settled=True), second) == []
        assert self.resource.actual(self.inputs("build"), second) == {}
        assert self.resource.actual(self.inputs("never"), second) == {}
        assert self.resource.actual(self.inputs("always"), second) == {"machine": "SQL2"}
        assert self.resource.actual(self.inputs("always"), nowhere) == {"machine": "(none)"}
        assert self.resource.outputs(self.inputs("never"), second) == {"current": "SQL2"}

    LEFT = Whereabouts(group("SQL2"), (Outside("SQL1", CONFIG, 900), Outside("SQL1", STORE, 890)))
    """A failover left two databases behind."""

    @pytest.mark.parametrize("more", [{"policy": "build", "settled": True}, {"policy": "always", "machine": "SQL2"}])
    def test_it_goes_back_to_databases_that_are_not_in_the_group(self, more: dict[str, Any]) -> None:
        inputs = self.inputs(**more)
        assert sentences(self.resource.plan(inputs, self.LEFT)) == TestAuthenticationMode.to("SQL1")
        there = replace(self.LEFT, group=group("SQL1"))
        assert self.resource.plan(inputs, there) == [], "and stays there until they are"
        assert self.resource.actual(inputs, there) == {}
        where = f"{CONFIG}, {STORE} are on SQL1, but the primary of SQL is SQL2"
        assert self.resource.actual(inputs, self.LEFT) == {"outside": where}

    def test_nobody_is_moved_who_must_never_be(self) -> None:
        text = refusal(lambda: self.resource.plan(self.inputs("never"), self.LEFT))
        assert text == (
            f"SQL1: move the primary of SQL: {CONFIG}, {STORE} are on SQL1, but the primary of SQL is SQL2. Fail SQL "
            "over to SQL1: on SQL1, run ALTER AVAILABILITY GROUP [SQL] FAILOVER (`pulumi up` does it by itself, unless "
            "the topology has `primary_policy: never`). Then run `pulumi up` again."
        )
        assert self.resource.plan(self.inputs("never"), replace(self.LEFT, group=group("SQL1"))) == []

    @pytest.mark.parametrize("policy", ["build", "always", "never"])
    def test_two_sets_of_databases_are_refused_with_the_one_that_was_made_later(self, policy: str) -> None:
        two = Whereabouts(group("SQL2"), (Outside("SQL2", CONFIG, 10), Outside("SQL1", CONFIG, 900)))
        text = refusal(lambda: self.resource.plan(self.inputs(policy), two))
        assert text.startswith("SQL1: move the primary of SQL: the farm's databases, which are not in SQL yet, are on ")
        assert f"several servers: SQL1 has {CONFIG}; SQL2 has {CONFIG}. Those on SQL1 were made first:" in text
        assert f"drop {CONFIG} on SQL2, then run `pulumi up` again." in text

    @pytest.mark.parametrize(
        ("news", "moved"),
        [
            ({"machines": ["SQL1", "SQL2", "SQL3"]}, False),
            ({"timeout_seconds": 60.0}, False),
            ({"machine": "SQL2"}, True),
            ({"policy": "always"}, True),
        ],
        ids=["a replica more", "another wait", "another machine is wanted", "it shall always be there"],
    )
    def test_an_update_moves_the_primary_only_when_that_is_what_changed(
        self, news: dict[str, Any], moved: bool
    ) -> None:
        olds = adapter(PRIMARY.resource).check({}, {**PRIMARY.inputs, "policy": "build"}).inputs
        wanted = {**olds, **news}
        elsewhere = "SQL1" if wanted["machine"] == "SQL2" else "SQL2"
        world = World(PRIMARY, Whereabouts(group(elsewhere)))
        outs = world.provider().update("its id", olds, wanted).outs or {}
        assert ["sql/failover.sql" in str(step.action) for step in world.changes] == [True] * moved
        assert outs["policy"] == wanted["policy"]
        assert outs["current"] == (wanted["machine"] if moved else elsewhere)

    def test_ready_names_every_database_that_would_lose_something(self) -> None:
        facts = group(
            "SQL2",
            on("SQL2"),
            on("SQL1", "A", failover_ready=False, synchronization="SYNCHRONIZING"),
            on("SQL1", "B", failover_ready=False, suspended=True),
            on("SQL1", "C", failover_ready=False, synchronization=""),
            on("SQL1", "D"),
        )
        assert Ready("SQL1")(facts) == "A (SYNCHRONIZING), B (suspended), C (not joined)"
        assert Ready("SQL2")(facts) == ""
        assert Ready("SQL1")(Group("SQL", "", (), ())) == "a primary of SQL"

    def test_moved_waits_for_the_role_and_for_the_partners(self) -> None:
        assert Moved("SQL1")(group("SQL2")) == "SQL1 to become the primary of SQL"
        away = replace(group("SQL1"), replicas=(replica("SQL1", "SQL1"), replica("SQL2", "SQL1", connected=False)))
        assert Moved("SQL1")(away) == "SQL2 to connect"
        assert Moved("SQL1")(group("SQL1")) == ""
