"""AlwaysOn, endpoints and the cluster's rights: from facts to the exact steps."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from components.sql.always_on import AlwaysOnFacts, AlwaysOnInputs, AlwaysOnResource
from components.sql.authentication_mode import ServerMode
from components.sql.carried import Carried
from components.sql.cluster_access import RIGHTS, ClusterAccessInputs, ClusterAccessResource, SystemLogin
from components.sql.endpoint import (
    Endpoint,
    MirroringEndpointFacts,
    MirroringEndpointInputs,
    MirroringEndpointResource,
    PartnerInputs,
)
from components.sql.group import Group, Server
from components.steps import Refuse, load_script
from remote.errors import UnreachableError
from tests.components.contract import actions, sentences
from tests.components.group_worlds import ACCOUNT, SYSTEM
from tests.components.sql_worlds import group

OTHER = r"HYPERVNU\SVC_SQL3"
GOOD = Endpoint("Mirroring", 5022, "STARTED", "ALL", "AES")


class TestHadr:
    resource = AlwaysOnResource()
    inputs = AlwaysOnInputs(group="SQL", machines=("SQL1", "SQL2"))

    @staticmethod
    def facts(first: str, second: str, primary: str = "", mode: str = "mixed/mixed") -> AlwaysOnFacts:
        """``running/configured`` of SQL1 and SQL2, each on or off; a group only where there is a primary."""
        running, configured = {}, {}
        for machine, text in (("SQL1", first), ("SQL2", second)):
            running[machine], configured[machine] = (word == "on" for word in text.split("/"))
        carried = {machine: bool(primary) and running[machine] for machine in running}
        servers = {m: Server(m, running[m], carried[m], "PRIMARY" if m == primary else "") for m in running}
        found = group(primary) if primary else Group("SQL", "", (), ())
        modes = {machine: ServerMode(*mode.split("/")) for machine in running}
        return AlwaysOnFacts(configured, modes, replace(found, servers=servers))

    def test_a_silent_server_is_unknown(self) -> None:
        known = self.facts("on/on", "off/off", "SQL1")
        servers = {machine: server for machine, server in known.group.servers.items() if machine == "SQL1"}
        facts = AlwaysOnFacts({"SQL1": True}, {"SQL1": known.modes["SQL1"]}, replace(known.group, servers=servers))
        assert self.plan(facts) == []
        assert self.resource.actual(self.inputs, facts) == {}

    def test_a_server_that_falls_silent_while_it_is_read_is_unknown(self, monkeypatch: pytest.MonkeyPatch) -> None:
        known = self.facts("on/on", "on/on", "SQL1").group
        seen = replace(known, servers={"SQL1": known.servers["SQL1"]})
        monkeypatch.setattr("components.sql.always_on.read_configured", lambda *_: True)
        monkeypatch.setattr("components.sql.always_on.read_mode", lambda *_: ServerMode("mixed", "mixed"))
        monkeypatch.setattr("components.sql.group.observe", lambda *_, **__: seen)
        monkeypatch.setattr("components.sql.carried.observe", lambda *_: Carried(alone={"SQL1": ()}))
        facts = self.resource.observe(self.inputs, None)  # type: ignore[arg-type]
        assert (self.plan(facts), self.resource.actual(self.inputs, facts)) == ([], {})

    def plan(self, facts: AlwaysOnFacts) -> list[str]:
        return sentences(self.resource.plan(self.inputs, facts))

    def test_nothing_to_do(self) -> None:
        assert self.plan(self.facts("on/on", "on/on")) == []
        assert self.plan(self.facts("on/on", "on/on", "SQL1", mode="windows/windows")) == [], "not its business alone"

    def test_one_restart_serves_the_authentication_mode_too(self) -> None:
        steps = self.resource.plan(self.inputs, self.facts("off/off", "off/off", mode="windows/windows"))
        assert sentences(steps) == [
            "On SQL1, enable AlwaysOn Availability Groups.",
            "On SQL1, set SQL Server's authentication mode to mixed.",
            "On SQL2, enable AlwaysOn Availability Groups.",
            "On SQL2, set SQL Server's authentication mode to mixed.",
            "On SQL1, restart SQL Server.",
            "On SQL2, restart SQL Server.",
        ]
        assert actions(steps) == [
            "SQL1 sql/enable_always_on.ps1 {'Instance': 'MSSQLSERVER'}",
            "SQL1 sql/set_authentication.sql (2,) integrated",
            "SQL2 sql/enable_always_on.ps1 {'Instance': 'MSSQLSERVER'}",
            "SQL2 sql/set_authentication.sql (2,) integrated",
            "SQL1 sql/restart_service.ps1 {'Service': 'MSSQLSERVER'}",
            "SQL2 sql/restart_service.ps1 {'Service': 'MSSQLSERVER'}",
        ]
        assert "node of the failover cluster" in steps[0].remedy

    def test_a_replica_on_which_it_was_disabled_comes_back_and_the_primary_stays(self) -> None:
        facts = self.facts("on/on", "off/off", "SQL1")
        assert self.plan(facts) == [
            "On SQL2, enable AlwaysOn Availability Groups.",
            "On SQL2, restart SQL Server.",
            "Wait until SQL is healthy again after the restart of SQL2.",
        ]
        assert self.resource.actual(self.inputs, facts) == {"alwayson": "disabled on SQL2"}

    def test_one_that_would_be_lost_at_the_next_start(self) -> None:
        facts = self.facts("on/on", "on/off", "SQL1")
        assert self.plan(facts) == ["On SQL2, enable AlwaysOn Availability Groups."]
        assert self.resource.actual(self.inputs, facts) == {"restart": "pending on SQL2"}

    def test_a_restart_that_was_left_pending(self) -> None:
        facts = self.facts("off/on", "on/on")
        assert self.plan(facts) == ["On SQL1, restart SQL Server."]
        assert self.resource.actual(self.inputs, facts) == {
            "alwayson": "disabled on SQL1",
            "restart": "pending on SQL1",
        }


class TestEndpoint:
    resource = MirroringEndpointResource()
    inputs = MirroringEndpointInputs(
        machine="SQL1",
        port=5022,
        partners=(
            PartnerInputs(machine="SQL2", computer=r"HYPERVNU\SQL2$"),
            PartnerInputs(machine="SQL3", computer=r"HYPERVNU\SQL3$"),
        ),
    )

    @pytest.mark.parametrize(
        ("endpoint", "logins", "admitted", "steps"),
        [
            pytest.param(GOOD, {ACCOUNT: ACCOUNT}, {ACCOUNT}, [], id="in order"),
            pytest.param(
                None,
                {ACCOUNT: "", OTHER: OTHER},
                set(),
                [
                    "On SQL1, create the endpoint Hadr_endpoint on port 5022.",
                    f"On SQL1, create a login for the Windows account {ACCOUNT}.",
                    f"On SQL1, let {ACCOUNT} connect to the endpoint Hadr_endpoint.",
                    f"On SQL1, let {OTHER} connect to the endpoint Hadr_endpoint.",
                ],
                id="nothing, and an account of its own for each partner",
            ),
            pytest.param(
                replace(GOOD, state="STOPPED"),
                {ACCOUNT: ACCOUNT},
                {ACCOUNT},
                ["On SQL1, start the endpoint Mirroring."],
                id="stopped",
            ),
            pytest.param(
                replace(GOOD, port=7022, role="WITNESS"),
                {ACCOUNT: ACCOUNT},
                {ACCOUNT},
                [
                    "On SQL1, move the endpoint Mirroring to port 5022.",
                    "On SQL1, let the endpoint Mirroring serve every role, encrypted with AES.",
                ],
                id="another port and role",
            ),
            pytest.param(
                replace(GOOD, encryption="NONE, AES"),
                {ACCOUNT: ACCOUNT},
                {ACCOUNT},
                ["On SQL1, let the endpoint Mirroring serve every role, encrypted with AES."],
                id="encryption not required",
            ),
            pytest.param(
                GOOD,
                {ACCOUNT: "hypervnu\\svc_sql"},
                set(),
                ["On SQL1, let hypervnu\\svc_sql connect to the endpoint Mirroring."],
                id="a login without the permission",
            ),
        ],
    )
    def test_plan(
        self, endpoint: Endpoint | None, logins: dict[str, str], admitted: set[str], steps: list[str]
    ) -> None:
        facts = MirroringEndpointFacts(endpoint, logins, frozenset(admitted))
        assert sentences(self.resource.plan(self.inputs, facts)) == steps

    def test_what_the_steps_send(self) -> None:
        facts = MirroringEndpointFacts(None, {ACCOUNT: ""}, frozenset())
        assert actions(self.resource.plan(self.inputs, facts)) == [
            "SQL1 sql/create_endpoint.sql ('Hadr_endpoint', 5022)",
            f"SQL1 sql/create_windows_login.sql {(ACCOUNT,)!r}",
            f"SQL1 sql/grant_endpoint.sql {('Hadr_endpoint', ACCOUNT)!r}",
        ]

    def test_a_disabled_login_is_enabled(self) -> None:
        facts = MirroringEndpointFacts(GOOD, {ACCOUNT: ACCOUNT}, frozenset({ACCOUNT}), disabled=frozenset({ACCOUNT}))
        plan = self.resource.plan(self.inputs, facts)
        assert sentences(plan) == [f"On SQL1, enable the login {ACCOUNT}, as which a partner connects."]
        assert actions(plan) == [f"SQL1 sql/enable_login.sql {(ACCOUNT,)!r}"]
        assert self.resource.actual(self.inputs, facts)["access"] == f"the login {ACCOUNT} is disabled"  # type: ignore[index]

    def test_a_denial_of_others_and_an_account_without_identity_are_named(self) -> None:
        facts = MirroringEndpointFacts(
            GOOD,
            {ACCOUNT: ACCOUNT},
            frozenset({ACCOUNT}),
            denied={ACCOUNT: ("public", r"HYPERVNU\Guests")},
            strangers={"SQL3": r".\sql"},
        )
        denied, stranger = self.resource.plan(self.inputs, facts)
        assert denied.action == Refuse(
            "SQL1",
            f"{ACCOUNT} has CONNECT on the endpoint, but DENY CONNECT to public, HYPERVNU\\Guests keeps it out",
        )
        assert "REVOKE CONNECT ON ENDPOINT::[Mirroring]" in denied.remedy
        assert stranger.action == Refuse(
            "SQL1", r"SQL Server on SQL3 runs as .\sql, which has no identity on the network"
        )
        assert self.resource.actual(self.inputs, facts)["access"] == (  # type: ignore[index]
            f"{ACCOUNT} is kept out by DENY CONNECT to public, HYPERVNU\\Guests; "
            r"SQL3 runs as .\sql, which has no identity on the network"
        )

    def test_drift(self) -> None:
        facts = MirroringEndpointFacts(Endpoint("m", 7022, "STOPPED", "PARTNER", "RC4"), {ACCOUNT: ""}, frozenset())
        assert self.resource.actual(self.inputs, facts) == {
            "port": 7022,
            "state": "STOPPED",
            "role": "PARTNER",
            "encryption": "RC4",
            "access": f"missing for {ACCOUNT}",
        }

    def test_delete_drops_only_the_logins_that_were_made_with_it(self) -> None:
        facts = MirroringEndpointFacts(GOOD, {ACCOUNT: ACCOUNT, OTHER: OTHER}, frozenset((ACCOUNT, OTHER)))
        assert sentences(
            self.resource.plan_delete(self.inputs, facts, {"accounts": {ACCOUNT: False, OTHER: True}})
        ) == [
            "On SQL1, drop the endpoint Mirroring.",
            f"On SQL1, drop the login {ACCOUNT}.",
        ]
        assert self.resource.baseline(self.inputs, replace(facts, logins={ACCOUNT: "", OTHER: OTHER})) == {
            "accounts": {ACCOUNT: False, OTHER: True}
        }

    def test_a_silent_server_is_unknown(self) -> None:
        inputs = self.inputs.model_copy(update={"unreachable": "proceed"})
        servers = Servers(r"HYPERVNU\SVC_SQL", unreachable="SQL1")
        with pytest.raises(UnreachableError, match="SQL1"):
            self.resource.observe(self.inputs, servers)  # type: ignore[arg-type]
        facts = self.resource.observe(inputs, servers)  # type: ignore[arg-type]
        assert self.resource.actual(inputs, facts) is not None
        assert (self.resource.plan(inputs, facts), self.resource.actual(inputs, facts)) == ([], {})

    def test_the_account_of_a_silent_partner_is_unknown(self) -> None:
        inputs = self.inputs.model_copy(update={"unreachable": "proceed"})
        facts = self.resource.observe(inputs, Servers("LocalSystem", unreachable="SQL2"))  # type: ignore[arg-type]
        assert facts.logins == {r"HYPERVNU\SQL3$": ""}


class Servers:
    """Fresh SQL Servers that run as one account; one of them may be unreachable."""

    def __init__(self, account: str, unreachable: str = "") -> None:
        self.account, self.unreachable, self.machine = account, unreachable, ""

    def sql(self, machine: str) -> Servers:
        self.machine = machine
        return self

    powershell = sql

    def run(self, script: str, *_: Any, **__: Any) -> list[int]:
        assert script == load_script("windows/read_listeners.ps1")
        return [135, 445]

    def rows(self, statement: str, *values: str, attempted: str) -> list[dict[str, Any]]:
        if self.machine == self.unreachable:
            raise UnreachableError(self.machine, attempted, "no answer")
        if statement == load_script("sql/read_service_account.sql"):
            computer = {"computer_sid": "0x" + "11" * 28}
            return [{"account": self.account, "name": self.account, "sid": "0x" + "22" * 28, **computer}]
        if statement == load_script("sql/read_cluster_access.sql"):
            return [{"account": SYSTEM, "permission": "", "is_administrator": False, "logins": 1}]
        return []


class TestClusterAccess:
    resource = ClusterAccessResource()
    inputs = ClusterAccessInputs(group="SQL", machines=("SQL1", "SQL2"))

    def test_plan(self) -> None:
        facts = {"SQL1": SystemLogin(SYSTEM, True, RIGHTS[2:]), "SQL2": SystemLogin(SYSTEM, False, RIGHTS)}
        steps = self.resource.plan(self.inputs, facts)
        assert sentences(steps) == [
            f"On SQL1, grant ALTER ANY AVAILABILITY GROUP to {SYSTEM}.",
            f"On SQL2, create a login for the Windows account {SYSTEM}.",
            *(f"On SQL2, grant {right} to {SYSTEM}." for right in RIGHTS),
        ]
        assert actions(steps)[0] == f"SQL1 sql/set_permission.sql {('GRANT', RIGHTS[2], '', '', SYSTEM, '')!r}"
        assert self.resource.actual(self.inputs, facts) == {
            "access": f"missing: ALTER ANY AVAILABILITY GROUP on SQL1; {', '.join(RIGHTS)} on SQL2"
        }

    def test_in_order(self) -> None:
        facts = {machine: SystemLogin(SYSTEM, True, ()) for machine in ("SQL1", "SQL2")}
        assert self.resource.plan(self.inputs, facts) == []
        assert self.resource.actual(self.inputs, facts) == {}

    def test_a_silent_server_is_unknown(self) -> None:
        inputs = self.inputs.model_copy(update={"unreachable": "proceed"})
        facts = self.resource.observe(inputs, Servers("x", unreachable="SQL2"))  # type: ignore[arg-type]
        assert facts == {"SQL1": SystemLogin(SYSTEM, True, RIGHTS)}
