"""Software, configuration, administrators, plans and the registration of SPF: from facts to the exact steps."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

import pytest

from components.portal.administrators import AdministratorsResource
from components.portal.configuration import ConfigurationFacts, ConfigurationResource
from components.portal.external_load_balancer_check import (
    ExternalLoadBalancerCheckInputs,
    ExternalLoadBalancerCheckResource,
)
from components.portal.interface import Interface, admin_call
from components.portal.plan import PlanFacts, PlanResource, PlanState
from components.portal.plan_replication_check import PlanReplicationCheckResource, Seen
from components.portal.software import (
    DUE,
    INSTALLING,
    NONE_DUE,
    RESTARTED,
    Mark,
    SoftwareFacts,
    SoftwareInputs,
    SoftwareResource,
    installed,
)
from components.spf.registration import Registered, RegistrationFacts, RegistrationResource, admin_address
from components.steps import OperatorStep, ScheduledTask, Script, WaitFor
from remote.hosts import Host, Hosts
from remote.secret import Secret
from remote.session import Remote
from tests.components import worlds
from tests.components.contract import actions, actual, refusal, sentences
from tests.components.worlds import CALL


class TestSoftware:
    resource = SoftwareResource()
    inputs = worlds.SOFTWARE.parsed()

    install = "On Portal1, install Windows Azure Pack ({})."
    begin = "On Portal1, note that {} is about to be installed."
    whole = ("AdminAPI", "TenantSite")
    other, own = "C:\\other", "C:\\own"

    @pytest.mark.parametrize(
        ("facts", "expected"),
        [
            (
                SoftwareFacts(()),
                [begin.format("AdminAPI, TenantSite"), install.format("AdminAPI, TenantSite")],
            ),
            (SoftwareFacts(("adminapi",)), [begin.format("TenantSite"), install.format("TenantSite")]),
            (SoftwareFacts(("ADMINAPI", "tenantsite", "More")), []),
            # What another program left to the next start is no reason to restart while nothing is to be installed.
            (SoftwareFacts(whole, pending=(other,)), []),
            (
                SoftwareFacts((), pending=(other,)),
                [
                    f"Restart Portal1, before the installation: Windows waits for it with {other}.",
                    "On Portal1, note the restart before the installation.",
                ],
            ),
            # It returns: nothing is restarted a second time for it.
            (
                SoftwareFacts((), pending=(other,), mark=Mark(RESTARTED, (other,))),
                [
                    begin.format("AdminAPI, TenantSite"),
                    install.format("AdminAPI, TenantSite")[:-1]
                    + f", although Windows waits for a restart again after one, for {other}.",
                ],
            ),
            (
                SoftwareFacts(whole, pending=(other, own), mark=Mark(INSTALLING, (other,))),
                [
                    f"Restart Portal1, as the installation asks for: Windows waits for it with {own}.",
                    "On Portal1, note the restart as the installation asks for.",
                ],
            ),
            (
                SoftwareFacts(whole, pending=(other,), mark=Mark(RESTARTED, (other, own))),
                [
                    f"On Portal1, note the end of the installation; Windows waits for another restart, for {other}.",
                ],
            ),
            (SoftwareFacts(whole, mark=Mark(INSTALLING)), ["On Portal1, note the end of the installation."]),
        ],
    )
    def test_plan(self, facts: SoftwareFacts, expected: list[str]) -> None:
        assert sentences(self.resource.plan(self.inputs, facts)) == expected

    @pytest.mark.parametrize(
        ("shown", "drained"), [("Converged", True), ("Converged(default)", True), ("Stopped", False), ("", False)]
    )
    def test_a_node_that_takes_clients_is_drained_before_its_restart(self, shown: str, drained: bool) -> None:
        nodes = (("PORTAL1", shown), ("PORTAL2", "Converged")) if shown else ()
        node = replace(worlds.BOUND, nodes=nodes, bound=bool(shown))
        inputs = self.inputs.model_copy(update={"interface": "Ethernet"})
        facts = SoftwareFacts(self.whole, pending=(self.own,), mark=Mark(INSTALLING), node=node)
        restart, noted = sentences(self.resource.plan(self.inputs, replace(facts, node=None)))
        plan = self.resource.plan(inputs, facts)
        assert sentences(plan) == [
            *["On Portal1, let clients finish and take no more: it restarts as the installation asks for."] * drained,
            *["Wait until Portal1 has no client: it restarts as the installation asks for."] * drained,
            restart,
            *["On Portal1, start load balancing after the restart as the installation asks for."] * drained,
            *["Wait until clients come to Portal1 again after the restart as the installation asks for."] * drained,
            noted,
        ]
        before = SoftwareFacts((), pending=(self.other,), node=node)
        assert not {*sentences(plan)} & {*sentences(self.resource.plan(inputs, before))}, "one run may need both"
        if drained:
            quiet, back = (step.action for step in plan if isinstance(step.action, WaitFor))
            assert isinstance(quiet, WaitFor)
            assert isinstance(back, WaitFor)
            for now, waits in (("Draining", True), ("Stopped", False), ("Converged", True)):
                seen = replace(facts, node=replace(node, nodes=(("PORTAL1", now),)))
                assert bool(quiet.waiting_for(seen)) == waits
                assert bool(back.waiting_for(seen)) == (now != "Converged")

    def test_it_runs_as_a_task_from_either_source(self) -> None:
        plan = self.resource.plan(self.inputs, SoftwareFacts(()))
        assert isinstance(plan[1].action, ScheduledTask)
        arguments = {"Products": ["WAP"], "Feed": "f", "Packages": []}
        assert actions(plan)[1:] == [f"Portal1 portal/install_webpi.ps1 {arguments}"]
        msi = SoftwareInputs(
            machine="P", source="msi", folder=r"\\F\S", packages=("b.msi", "a.msi"), features=("AdminAPI",)
        )
        assert actions(self.resource.plan(msi, SoftwareFacts(())))[1:] == [
            "P portal/install_msi.ps1 " + repr({"Packages": ["b.msi", "a.msi"], "Folder": r"\\F\S"})
        ]

    def test_drift(self) -> None:
        found = self.resource.actual(self.inputs, SoftwareFacts(("adminapi",), pending=(self.other,)))
        assert found == {"features": ["AdminAPI"], "restart": NONE_DUE}
        due = SoftwareFacts(self.whole, pending=(self.own,), mark=Mark(INSTALLING))
        assert actual(self.resource, self.inputs, due)["restart"] == DUE


class TestConfiguration:
    resource = ConfigurationResource()
    inputs = worlds.CONFIGURATION.parsed()

    def test_one_step_a_feature_in_the_declared_order(self) -> None:
        facts = ConfigurationFacts({"adminapi": True, "tenantapi": False, "tenantsite": False}, True, worlds.STORES)
        plan = self.resource.plan(self.inputs, facts)
        assert sentences(plan) == [
            "On Portal1, configure the feature TenantAPI (1 of 2).",
            "On Portal1, configure the feature TenantSite (2 of 2).",
        ]
        assert actions(plan)[0] == (
            "Portal1 portal/configure_feature.ps1 {'Feature': 'TenantAPI', 'Passphrase': ***, "
            "'Server': 'sql.hyper-v.nu', 'UserName': 'sa', 'Password': ***}"
        )

    def test_a_wrong_passphrase_is_refused_before_anything_else(self) -> None:
        assert refusal(lambda: self.resource.plan(self.inputs, ConfigurationFacts({}, False, worlds.STORES))) == (
            "Portal1: bring about the configuration of Portal1: the stores on sql.hyper-v.nu were made with another "
            "passphrase. Set `passphrase` to the one they were made with; it cannot be recovered from them."
        )
        found = self.resource.actual(self.inputs, ConfigurationFacts({"adminapi": True}, False, worlds.STORES))
        assert found == {"features": ["AdminAPI"], "passphrase": "(differs from the configuration)"}

    def test_another_passphrase_is_set_once(self) -> None:
        former = self.resource.inputs_of_update({"passphrase": "Former-Phrase-1!"}, self.inputs)
        configured = ConfigurationFacts(
            dict.fromkeys(("adminapi", "tenantapi", "tenantsite"), True), False, worlds.STORES
        )
        (step,) = self.resource.plan(former, configured)
        assert step.sentence == "Through Portal1, change the passphrase of the stores on sql.hyper-v.nu."
        assert actions([step]) == [
            (
                "Portal1 portal/reset_passphrase.ps1 {'Server': 'sql.hyper-v.nu', 'UserName': 'sa', 'Password': ***, "
                "'OldPassphrase': ***, 'NewPassphrase': ***}"
            )
        ]
        assert isinstance(step.action, Script)
        assert step.action.arguments["OldPassphrase"] == Secret("Former-Phrase-1!")
        assert step.action.arguments["NewPassphrase"] == self.inputs.passphrase
        # The next node, or the same one once more.
        assert self.resource.plan(former, replace(configured, passphrase_fits=True)) == []

    @pytest.mark.parametrize("former", [None, "Pass-Phrase-1!", "(differs from the configuration)"])
    def test_what_is_not_known_to_be_the_former_one_is_not_tried(self, former: str | None) -> None:
        inputs = self.resource.inputs_of_update({"passphrase": former} if former else {}, self.inputs)
        configured = ConfigurationFacts({"adminapi": True}, False, worlds.STORES)
        assert "were made with another passphrase" in refusal(lambda: self.resource.plan(inputs, configured))

    def test_another_passphrase_that_new_stores_would_refuse(self) -> None:
        simple = self.inputs.model_copy(update={"passphrase": Secret("simplephrase")})
        former = self.resource.inputs_of_update({"passphrase": "Former-Phrase-1!"}, simple)
        configured = ConfigurationFacts({"adminapi": True}, False, worlds.STORES)
        assert "too simple" in refusal(lambda: self.resource.plan(former, configured))

    def test_another_passphrase_where_the_product_has_no_cmdlets(self) -> None:
        former = self.resource.inputs_of_update({"passphrase": "Former-Phrase-1!"}, self.inputs)
        by_hand = ConfigurationFacts({"adminapi": True}, None, worlds.STORES, unattended=False)
        assert refusal(lambda: self.resource.plan(former, by_hand)).endswith(
            "this stack has another passphrase, and the product has no cmdlet here that changes it in the stores. Set "
            "`passphrase` to the one before."
        )

    def test_features_that_are_not_installed(self) -> None:
        assert refusal(
            lambda: self.resource.plan(self.inputs, ConfigurationFacts({"adminapi": True}, True, worlds.STORES))
        ) == (
            "Portal1: bring about the configuration of Portal1: not installed: TenantAPI, TenantSite. See whether the "
            "installation of the portal's software succeeded."
        )


class TestConfigurationByHand:
    """A product without cmdlets: the features are seen by their sites, and the operator configures them."""

    resource = ConfigurationResource()
    inputs = worlds.CONFIGURATION.parsed()

    def test_everything_at_once_in_the_browser(self) -> None:
        facts = ConfigurationFacts(
            {"adminapi": True, "tenantapi": False, "tenantsite": False}, True, worlds.STORES, unattended=False
        )
        plan = self.resource.plan(self.inputs, facts)
        assert sentences(plan) == ["In the configuration site on Portal1, configure the node."]
        enter = "Portal1 by hand: Log on to Portal1 as an administrator and open https://localhost:30101/."
        server = "Enter the database server sql.hyper-v.nu, select SQL Server Authentication, enter the user name sa,"
        who = "its password (sqlAdministratorPassword of this stack) and the passphrase (passphrase of this stack),"
        assert actions(plan) == [f"{enter} {server} {who} and finish the wizard."]
        assert isinstance(plan[0].action, OperatorStep)
        missing = plan[0].action.waiting_for
        assert missing(facts) == "the sites of tenantapi, tenantsite to answer"
        assert self.resource.actual(self.inputs, facts) == {"features": ["AdminAPI"]}

    def test_a_feature_without_a_site_is_believed(self) -> None:
        facts = ConfigurationFacts({"adminapi": True, "tenantsite": True}, True, worlds.STORES, unattended=False)
        assert self.resource.plan(self.inputs, facts) == []
        assert self.resource.actual(self.inputs, facts) == {"features": ["AdminAPI", "TenantAPI", "TenantSite"]}

    @pytest.mark.parametrize(
        ("features", "packages", "expected"),
        [
            (["AdminAPI"], [], ("AdminAPI",)),
            ([], ["A.msi", "b.msi"], ()),  # the cmdlets are there and know of no feature
            (None, ["A.msi", "B.MSI", "other.msi"], ("AdminAPI", "TenantSite")),
            (None, ["a.msi"], ("a.msi",)),
            (None, [], ()),
        ],
    )
    def test_what_is_installed(
        self, features: list[str] | None, packages: list[str], expected: tuple[str, ...]
    ) -> None:
        class Machine:
            def powershell(self, _: str) -> Machine:
                return self

            def run(self, *_: object, **__: object) -> list[object]:
                return [{"features": features, "packages": packages, "pending": ["\\??\\C:\\x", "", "!\\??\\C:\\y"]}]

        wanted = ("AdminAPI", "TenantSite")
        found = installed(Machine(), "Portal1", wanted, ("a.msi", "b.msi"), "read")  # type: ignore[arg-type]
        assert found == SoftwareFacts(expected, pending=("C:\\x", "C:\\y"))


def test_administrators() -> None:
    resource, inputs = AdministratorsResource(), worlds.ADMINISTRATORS.parsed()
    facts = frozenset({r"hypervnu\ops", r"hypervnu\installer"})
    plan = resource.plan(inputs, facts)
    assert sentences(plan) == [r"On Portal1, let HYPERVNU\Second use the administrators' site."]
    assert actions(plan) == [
        (
            "Portal1 portal/add_administrator.ps1 "
            "{'Server': 'sql.hyper-v.nu', 'UserName': 'sa', 'Password': ***, 'Principal': 'HYPERVNU\\\\Second'}"
        )
    ]
    before = resource.baseline(inputs, facts)
    assert before == {"principals": {r"hypervnu\ops": True, r"hypervnu\second": False}}
    assert sentences(resource.plan_delete(inputs, facts | {r"hypervnu\second"}, before)) == [
        r"On Portal1, no longer let HYPERVNU\Second use the administrators' site."
    ]
    assert resource.actual(inputs, facts) == {"principals": [r"HYPERVNU\Ops"]}


class TestPlan:
    resource = PlanResource()
    inputs = worlds.PLAN.parsed()
    services: ClassVar[list[str]] = [
        "Through Portal1, add the service mysqlservers to the plan Check.",
        "Through Portal1, add the service sqlservers to the plan Check.",
    ]

    @pytest.mark.parametrize(
        ("plans", "expected"),
        [
            ((), ["Through Portal1, create the plan Check.", *services]),
            ((PlanState("p", "Check", "Public", frozenset()),), services),
            (
                (PlanState("p", "Check", "Private", frozenset({"mysqlservers", "other"})),),
                ["Through Portal1, set the plan Check to Public.", services[1]],
            ),
            ((PlanState("p", "Check", "Public", frozenset({"mysqlservers", "sqlservers"})),), []),
        ],
    )
    def test_plan(self, plans: tuple[PlanState, ...], expected: list[str]) -> None:
        assert sentences(self.resource.plan(self.inputs, PlanFacts(plans, CALL))) == expected

    def test_two_of_one_name(self) -> None:
        two = (PlanState("p", "Check", "Public", frozenset()), PlanState("q", "Check", "Public", frozenset()))
        assert refusal(lambda: self.resource.plan(self.inputs, PlanFacts(two, CALL))) == (
            "Portal1: read the plan Check: there are 2 plans of this name. Rename or remove all but one in the "
            "administrators' site."
        )

    FORMER = PlanState("p", "Basic", "Private", frozenset({"mysqlservers", "sqlservers"}))

    def test_another_name_renames_the_plan(self) -> None:
        inputs = self.resource.inputs_of_update({"name": "Basic"}, self.inputs)
        assert inputs.former == "Basic"
        steps = self.resource.plan(inputs, PlanFacts((), CALL, (self.FORMER,)))
        assert sentences(steps) == [
            "Through Portal1, rename the plan Basic to Check.",
            "Through Portal1, set the plan Check to Public.",
        ]
        assert [action.rpartition("'PlanId'")[2] for action in actions(steps)] == [
            ": 'p', 'Name': 'Check', 'State': 'Private'}",
            ": 'p', 'Name': 'Check', 'State': 'Public'}",
        ]

    def test_another_spelling_of_the_name_is_corrected(self) -> None:
        inputs = self.resource.inputs_of_update({"name": "CHECK"}, self.inputs)
        assert inputs.former == ""
        spelled = replace(self.FORMER, name="CHECK", state="Public")
        assert self.resource.actual(inputs, PlanFacts((spelled,), CALL)) == {
            "name": "CHECK",
            "state": "Public",
            "services": ["mysqlservers", "sqlservers"],
        }
        assert sentences(self.resource.plan(inputs, PlanFacts((spelled,), CALL))) == [
            "Through Portal1, rename the plan CHECK to Check."
        ]

    def test_a_name_that_another_plan_has(self) -> None:
        inputs = self.resource.inputs_of_update({"name": "Basic"}, self.inputs)
        other = replace(self.FORMER, id="q", name="Check")
        assert "there is another plan of this name" in refusal(
            lambda: self.resource.plan(inputs, PlanFacts((other,), CALL, (self.FORMER,)))
        )
        gone = {"name": "Basic", "present": False}
        self.resource.refuse_change(gone, self.inputs, PlanFacts((other,), CALL))  # it was renamed by hand

    def test_the_call_carries_its_password_as_a_secret(self) -> None:
        (first, *_) = actions(self.resource.plan(self.inputs, PlanFacts((), CALL)))
        assert first == (
            "Portal1 portal/add_plan.ps1 {'Api': {'AdminUri': 'https://portal1:30004', 'VerifyApi': False, "
            "'AuthenticationSite': 'https://portal1:30072', 'VerifyAuthentication': False, 'UserName': 'u', "
            "'Password': ***}, 'Name': 'Check', 'State': 'Public'}"
        )


def test_plan_replication_check() -> None:
    resource, inputs = PlanReplicationCheckResource(), worlds.PLAN_REPLICATION_CHECK.parsed()
    assert sentences(resource.plan(inputs, ("other",))) == ["See the plan Check through Portal2."]
    assert resource.plan(inputs, ("other", "plan1")) == []
    assert resource.actual(inputs, ()) == {"plan_id": "(none)"}
    assert resource.actual(inputs, ("x", "y")) == {"plan_id": "x, y"}
    seen = Seen("Portal2", "plan1")
    assert seen(()) == "the plan plan1 to be seen through Portal2 (it sees none)"
    assert seen(("x",)) == "the plan plan1 to be seen through Portal2 (it sees x)"
    assert seen(("plan1",)) == ""


class TestRegistration:
    resource = RegistrationResource()
    inputs = worlds.REGISTRATION.parsed()
    good = Registered("i1", admin_address("https://spf.hyper-v.nu:8090"), "SVC_SPF", True)
    correct = "Through Portal1, correct the registration of Service Provider Foundation to https://spf.hyper-v.nu:8090."

    @pytest.mark.parametrize(
        ("have", "expected"),
        [
            ((), ["Through Portal1, register Service Provider Foundation at https://spf.hyper-v.nu:8090."]),
            ((good,), []),
            ((replace(good, address="https://old"),), [correct]),
            ((replace(good, account="other"),), [correct]),
            ((replace(good, enabled=False),), [correct]),
        ],
    )
    def test_plan(self, have: tuple[Registered, ...], expected: list[str]) -> None:
        plan = self.resource.plan(self.inputs, RegistrationFacts(have, CALL))
        assert sentences(plan) == expected
        assert "Account-Pass-1!" not in repr(plan)
        if have and plan:
            assert "'Instance': 'i1'" in actions(plan)[0]

    def test_registered_twice(self) -> None:
        assert refusal(lambda: self.resource.plan(self.inputs, RegistrationFacts((self.good, self.good), CALL))) == (
            "Portal1: read the registration of Service Provider Foundation: it is registered 2 times. Remove all but "
            "one registration in the administrators' site."
        )


def test_an_external_load_balancer_is_only_checked() -> None:
    resource = ExternalLoadBalancerCheckResource()
    inputs = ExternalLoadBalancerCheckInputs(
        machine="Portal1", nodes=("Portal1", "Portal2"), name="portal.hyper-v.nu", ports=(443,), timeout_seconds=7
    )
    assert resource.plan(inputs, ()) == []
    assert resource.actual(inputs, ()) == {"answered": "every port"}
    facts = ("TCP 443: 1 of 3 unanswered (HTTP 503); of its servers, none answers",)
    (step,) = resource.plan(inputs, facts)
    assert step.sentence == "See every port of portal.hyper-v.nu answered through the load balancer."
    assert isinstance(step.action, WaitFor)
    assert step.action.waiting_for(facts) == (
        f"{facts[0]} (`python -m operations load-balancer` prints what it has to carry)"
    )
    assert (step.action.waiting_for(()), step.action.timeout_seconds) == ("", 7)
    assert resource.actual(inputs, facts) == {"answered": f"not {facts[0]}"}
    assert resource.plan_delete(inputs, facts, {}) == []


@pytest.mark.parametrize(
    ("api", "authentication", "verified"),
    [
        ("https://portal1.hyper-v.nu:30004", "https://Portal1.hyper-v.nu:30072", (False, False)),
        ("https://adminapi1.hyper-v.nu:30004", "https://adminauth.hyper-v.nu:30072", (True, True)),
        ("https://portal1.hyper-v.nu:30004", "https://adminauth.hyper-v.nu:30072", (False, True)),
    ],
)
def test_every_other_machine_is_verified(api: str, authentication: str, verified: tuple[bool, bool]) -> None:
    host = Host("Portal1", "portal1.hyper-v.nu", "172.21.5.151", "u", Secret("Installer-Pass-6!"))
    where: Interface = {"machine": "Portal1", "admin_api": api, "authentication": authentication}
    call = admin_call(where, Remote(Hosts({"portal1": host})))["Api"]
    assert (call["VerifyApi"], call["VerifyAuthentication"]) == verified
