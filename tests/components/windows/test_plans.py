"""Features, certificates, accounts, group members and bindings: from facts to the exact steps."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from types import SimpleNamespace

import pytest

from components.windows.certificate import CertificateFacts, CertificateInputs, CertificateResource, IntermediateInputs
from components.windows.feature import FeatureFacts, FeatureInputs, FeatureResource
from components.windows.firewall_rule import (
    FirewallRuleFacts,
    FirewallRuleInputs,
    FirewallRuleResource,
    subnets,
)
from components.windows.group_members import GroupMembersFacts, GroupMembersInputs, GroupMembersResource
from components.windows.local_account import (
    AccountState,
    LocalAccountFacts,
    LocalAccountInputs,
    LocalAccountResource,
    mark,
)
from components.windows.superseded_rules import SupersededRulesInputs, SupersededRulesResource
from remote.errors import MachineError
from remote.secret import Secret
from tests.components.contract import actions, adapter, refusal, sentences
from tests.components.worlds import SPF_GROUPS, THUMBPRINT, server

OLD = "CD" * 20
CERTIFICATE_NAME = f"the certificate portal ({THUMBPRINT})"
SITE = "MgmtSvc-TenantSite"


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        (FeatureFacts(False, False), ["On Portal1, install the Windows feature NLB."]),
        (FeatureFacts(True, True), ["Restart Portal1 to finish the installation of NLB."]),
        (FeatureFacts(False, True), ["Restart Portal1 to finish the installation of NLB."]),
        (FeatureFacts(True, False), []),
    ],
)
def test_feature(facts: FeatureFacts, expected: list[str]) -> None:
    inputs, resource = FeatureInputs(machine="Portal1", feature="NLB"), FeatureResource()
    assert sentences(resource.plan(inputs, facts)) == expected
    removed = ["On Portal1, remove the Windows feature NLB."] if facts.installed else []
    assert sentences(resource.plan_delete(inputs, facts, {})) == removed


class TestCertificate:
    resource = CertificateResource()
    inputs = CertificateInputs(
        machine="Portal1", name="portal", thumbprint=THUMBPRINT, pfx=Secret("UEZY-x"), password=Secret("Pfx-Pass-2!")
    )

    @pytest.mark.parametrize("facts", [CertificateFacts(False, False), CertificateFacts(True, False)])
    def test_missing_or_without_its_key(self, facts: CertificateFacts) -> None:
        plan = self.resource.plan(self.inputs, facts)
        assert sentences(plan) == [f"On Portal1, import the certificate portal ({THUMBPRINT}) with its private key."]
        assert actions(plan) == ["Portal1 windows/import_certificate.ps1 {'Pfx': ***, 'Password': ***}"]

    dated = inputs.model_copy(
        update={"valid_from": datetime(2013, 1, 1, tzinfo=UTC), "valid_until": datetime(2014, 1, 1, tzinfo=UTC)}
    )

    @pytest.mark.parametrize(
        ("now", "why"),
        [
            (datetime(2014, 2, 1, tzinfo=UTC), "it expired on 2014-01-01"),
            (datetime(2012, 12, 31, tzinfo=UTC), "it is not valid before 2013-01-01 00:00 UTC"),
        ],
    )
    def test_one_that_nobody_accepts_is_not_imported_and_keeps_nothing_back(self, now: datetime, why: str) -> None:
        with pytest.raises(MachineError) as caught:
            self.resource.plan(self.dated, CertificateFacts(False, False, now=now))
        assert caught.value.found == why
        assert "certificates.portal.file" in caught.value.remedy
        assert self.resource.plan(self.dated, CertificateFacts(True, True, now=now)) == [], "it is there already"

    def test_it_is_refused_in_the_preview_only_where_it_is_new(self) -> None:
        refused = self.resource.validate_change({}, self.dated)
        assert refused.startswith(f"Portal1: import the certificate portal ({THUMBPRINT}): it expired on 2014-01-01. ")
        assert self.resource.validate_change({"thumbprint": OLD}, self.dated) == refused
        assert self.resource.validate_change({"thumbprint": THUMBPRINT}, self.dated) == ""
        assert self.resource.validate_change({}, self.dated.model_copy(update={"adopt": True})) == ""

    def test_in_order(self) -> None:
        assert self.resource.plan(self.inputs, CertificateFacts(True, True)) == []
        found = self.resource.actual(self.inputs, CertificateFacts(True, False))
        assert found == {"private_key": False, "intermediates": []}

    def test_the_authorities_of_its_path_come_first(self) -> None:
        """Else the sites would answer for a moment with a certificate that clients cannot follow to its root."""
        both = tuple(IntermediateInputs(thumbprint=one * 20, content="MII=") for one in ("1A", "2B"))
        inputs = self.inputs.model_copy(update={"intermediates": both})
        plan = self.resource.plan(inputs, CertificateFacts(False, False, frozenset({"1A" * 20, "2B" * 20})))
        assert sentences(plan) == [
            *(
                f"On Portal1, import the intermediate authority {one * 20} of the certificate portal ({THUMBPRINT})."
                for one in ("1A", "2B")
            ),
            f"On Portal1, import the certificate portal ({THUMBPRINT}) with its private key.",
        ]
        half = CertificateFacts(True, True, frozenset({"2B" * 20}))
        assert sentences(self.resource.plan(inputs, half)) == sentences(plan)[1:2]
        assert self.resource.actual(inputs, half) == {
            "private_key": True,
            "intermediates": [{"thumbprint": "1A" * 20, "content": "MII="}],
        }

    @pytest.mark.parametrize(
        ("issuers", "needed"),
        [([], set()), (["CN=Other"], set()), (["CN=Lower"], {"1A", "2B"}), (["CN=Upper"], {"2B"})],
    )
    def test_whose_certificates_an_authority_is_needed_for(self, issuers: list[str], needed: set[str]) -> None:
        """The one that issued another certificate of the machine, and those above it."""
        path = (("1A", "CN=Lower", "CN=Upper"), ("2B", "CN=Upper", "CN=Root"))
        known = [{"thumbprint": mark * 20, "subject": subject, "issuer": issuer} for mark, subject, issuer in path]
        state = {"installed": True, "privateKey": True, "issuers": issuers, "authorities": known}
        remote = SimpleNamespace(powershell=lambda _: SimpleNamespace(run=lambda *_, **__: [state]))
        both = tuple(IntermediateInputs(thumbprint=mark * 20, content="MII=") for mark in ("1A", "2B", "3C"))
        facts = self.resource.observe(self.inputs.model_copy(update={"intermediates": both}), remote)  # type: ignore[arg-type]
        assert facts.needed == {mark * 20 for mark in needed}
        assert facts.missing == {"3C" * 20}

    @pytest.mark.parametrize(
        ("was_there", "needed", "goes"),
        [(False, False, True), (True, False, False), (False, True, False), (None, False, False)],
    )
    def test_an_authority_goes_where_nobody_else_needs_it(
        self, was_there: bool | None, needed: bool, goes: bool
    ) -> None:
        """A renewed certificate has the same authority as the one that goes after it."""
        mark = "1A" * 20
        inputs = self.inputs.model_copy(
            update={"intermediates": (IntermediateInputs(thumbprint=mark, content="MII="),)}
        )
        facts = CertificateFacts(True, True, needed=frozenset({mark} if needed else ()))
        baseline = {} if was_there is None else {"authorities": {mark: was_there}}
        removed = sentences(self.resource.plan_delete(inputs, facts, baseline))
        assert removed == [
            f"On Portal1, remove the certificate portal ({THUMBPRINT}).",
            *([f"On Portal1, remove the intermediate authority {mark} of {CERTIFICATE_NAME}."] if goes else []),
        ]
        absent = CertificateFacts(False, False, frozenset({mark}))
        assert self.resource.baseline(inputs, absent) == {"authorities": {mark: False}}

    def test_the_new_one_comes_before_the_old_one_goes(self) -> None:
        result = adapter(self.resource).diff("id", {"thumbprint": OLD}, {"thumbprint": THUMBPRINT})
        assert (result.replaces, result.delete_before_replace) == (["thumbprint"], False)


class TestLocalAccount:
    resource = LocalAccountResource()
    inputs = LocalAccountInputs(
        machine="SPF2",
        account="SVC_SPF",
        password=Secret("Account-Pass-2!"),
        groups=SPF_GROUPS,
        description="For the portal.",
    )
    good = AccountState(True, True, True, "For the portal.", frozenset({"spf_admin", "spf_vmm", "users"}))

    def plan(self, facts: LocalAccountFacts) -> list[str]:
        return sentences(self.resource.plan(self.inputs, facts))

    def test_in_order(self) -> None:
        assert self.plan(server(self.good)) == []

    def test_missing(self) -> None:
        plan = self.resource.plan(self.inputs, server())
        assert sentences(plan) == [
            "On SPF2, create the local account SVC_SPF.",
            "On SPF2, enable the local account SVC_SPF, and let neither it nor its password expire.",
            "On SPF2, add SVC_SPF to the local group SPF_Admin.",
            "On SPF2, add SVC_SPF to the local group SPF_VMM.",
        ]
        assert actions(plan) == [
            "SPF2 windows/create_account.ps1 {'Name': 'SVC_SPF', 'Password': ***, 'Mark': ***}",
            (
                "SPF2 windows/set_account_options.ps1 {'Name': 'SVC_SPF', 'Description': 'For the portal.', "
                "'NeverExpires': True, 'Enabled': True}"
            ),
            "SPF2 windows/add_members.ps1 {'Group': 'SPF_Admin', 'Members': ['SVC_SPF']}",
            "SPF2 windows/add_members.ps1 {'Group': 'SPF_VMM', 'Members': ['SVC_SPF']}",
        ]

    @pytest.mark.parametrize(
        ("changes", "expected"),
        [
            *(
                (change, ["On SPF2, enable the local account SVC_SPF, and let neither it nor its password expire."])
                for change in (
                    {"never_expires": False},
                    {"enabled": False},
                    {"description": "x"},
                    {"expires": "2026-12-24 00:00:00"},
                )
            ),
            ({"password_is_ours": False}, ["On SPF2, set the password of the local account SVC_SPF."]),
            (
                {"locked": True},
                ["On SPF2, unlock the local account SVC_SPF, which is locked out after wrong passwords."],
            ),
            ({"groups": frozenset({"spf_admin"})}, ["On SPF2, add SVC_SPF to the local group SPF_VMM."]),
            (
                # Made by hand with New-LocalUser's like: nothing but the name is right.
                {"password_is_ours": False, "never_expires": False, "description": "", "groups": frozenset({"users"})},
                [
                    "On SPF2, set the password of the local account SVC_SPF.",
                    "On SPF2, enable the local account SVC_SPF, and let neither it nor its password expire.",
                    "On SPF2, add SVC_SPF to the local group SPF_Admin.",
                    "On SPF2, add SVC_SPF to the local group SPF_VMM.",
                ],
            ),
        ],
    )
    def test_made_by_hand_or_altered(self, changes: dict[str, object], expected: list[str]) -> None:
        odd = replace(self.good, **changes)  # type: ignore[arg-type]
        assert self.plan(server(odd)) == expected

    def test_groups_that_are_nowhere_are_all_named(self) -> None:
        bare = LocalAccountFacts(None, frozenset({"users"}), Secret("mark-of-nobody"))
        assert refusal(lambda: self.plan(bare)) == (
            "SPF2: create the local account SVC_SPF: there is no local group SPF_Admin, SPF_VMM. Install "
            "Service Provider Foundation there first, or correct `spf.groups`."
        )

    def test_an_adopted_one_keeps_no_mark_of_ours(self) -> None:
        assert self.resource.plan_orphan(self.inputs, server(self.good)) == []
        assert actions(self.resource.plan_orphan(self.inputs, server(self.good, marked=True))) == [
            "SPF2 windows/remove_mark.ps1 {'Name': 'SVC_SPF'}"
        ]

    def test_drift(self) -> None:
        odd = replace(self.good, password_is_ours=False, enabled=False, groups=frozenset(), description="x")
        assert self.resource.actual(self.inputs, server(odd)) == {
            "password": "(differs from the configuration)",
            "never_expires": True,
            "enabled": False,
            "locked": False,
            "groups": [],
            "description": "x",
            "expires": "never",
        }

    def test_the_mark_fits_one_password_account_and_machine_only(self) -> None:
        one = mark(Secret("key-of-1"), "SVC_SPF", Secret("pass-1"))
        assert one == mark(Secret("key-of-1"), "svc_spf", Secret("pass-1"))
        assert "pass-1" not in one.reveal()
        for other in (
            ("key-of-2", "SVC_SPF", "pass-1"),
            ("key-of-1", "x", "pass-1"),
            ("key-of-1", "SVC_SPF", "pass-2"),
        ):
            assert one != mark(Secret(other[0]), other[1], Secret(other[2]))


class TestGroupMembers:
    resource = GroupMembersResource()
    inputs = GroupMembersInputs(machine="Portal1", group="MgmtSvc Operators", members=(r"HYPERVNU\Ops", r"HYPERVNU\B"))

    def test_only_the_missing_ones_are_put_in(self) -> None:
        facts = GroupMembersFacts(True, frozenset({r"hypervnu\ops", r"hypervnu\other"}))
        plan = self.resource.plan(self.inputs, facts)
        assert sentences(plan) == [r"On Portal1, add HYPERVNU\B to the local group MgmtSvc Operators."]
        assert self.resource.actual(self.inputs, facts) == {"members": [r"HYPERVNU\Ops"]}
        before = self.resource.baseline(self.inputs, facts)
        both = replace(facts, members=facts.members | {r"hypervnu\b"})
        assert self.resource.plan(self.inputs, both) == []
        assert sentences(self.resource.plan_delete(self.inputs, both, before)) == [
            r"On Portal1, remove HYPERVNU\B from the local group MgmtSvc Operators."
        ]

    def test_no_group(self) -> None:
        assert refusal(lambda: self.resource.plan(self.inputs, GroupMembersFacts(False, frozenset()))) == (
            "Portal1: read the members of MgmtSvc Operators: there is no local group of this name. It is made by the "
            "portal's installer; see whether the installation on this machine succeeded."
        )


class TestFirewallRule:
    resource = FirewallRuleResource()
    name = "Windows Azure Pack HA (servers)"
    inputs = FirewallRuleInputs(machine="Portal1", rule=name, ports=("443", "30004"), remote=("172.21.5.0/24",))
    good = FirewallRuleFacts(True, True, "Inbound", "Allow", "TCP", "Any", ("443", "30004"), ("172.21.5.0/24",))

    def test_in_order_and_not_there(self) -> None:
        assert self.resource.plan(self.inputs, self.good) == []
        plan = self.resource.plan(self.inputs, FirewallRuleFacts(exists=False))
        assert sentences(plan) == [
            f"On Portal1, allow inbound TCP 443, 30004 from 172.21.5.0/24 with the firewall rule {self.name}."
        ]
        assert actions(plan) == [
            (
                f"Portal1 windows/add_firewall_rule.ps1 {{'Name': '{self.name}', 'Group': 'Windows Azure Pack HA', "
                "'Ports': ['443', '30004'], 'Remote': ['172.21.5.0/24']}"
            )
        ]

    @pytest.mark.parametrize(
        ("changed", "found"),
        [
            ({"enabled": False}, {"enabled": False}),
            ({"direction": "Outbound"}, {"direction": "Outbound"}),
            ({"action": "Block"}, {"action": "Block"}),
            ({"protocol": "UDP"}, {"protocol": "UDP"}),
            ({"profile": "Domain"}, {"profile": "Domain"}),
            ({"ports": ("443",)}, {"ports": ["443"]}),
            ({"ports": ("443", "30000-30100")}, {"ports": ["443", "30000-30100"]}),
            ({"ports": ("Any",)}, {"ports": ["Any"]}),
            ({"remote": ()}, {"remote": ["Any"]}),
            ({"remote": ("LocalSubnet",)}, {"remote": ["LocalSubnet"]}),
        ],
    )
    def test_what_was_altered_by_hand_is_found_and_repaired(
        self, changed: dict[str, object], found: dict[str, object]
    ) -> None:
        facts = replace(self.good, **changed)  # type: ignore[arg-type]
        plan = self.resource.plan(self.inputs, facts)
        assert sentences(plan) == [
            f"On Portal1, correct the firewall rule {self.name} to allow inbound TCP 443, 30004 from 172.21.5.0/24."
        ]
        assert actions(plan) == [
            (
                f"Portal1 windows/set_firewall_rule.ps1 {{'Name': '{self.name}', 'Enabled': 'True', "
                "'Ports': ['443', '30004'], 'Remote': ['172.21.5.0/24']}"
            )
        ]
        words = {"direction": "Inbound", "action": "Allow", "protocol": "TCP", "profile": "Any"}
        as_it_is: dict[str, object] = {"enabled": True, **words, "limits": []}
        assert self.resource.actual(self.inputs, facts) == as_it_is | found
        # The drifted state is what the next read begins with.
        drifted = FirewallRuleInputs.model_validate(self.inputs.model_dump() | found)
        assert self.resource.actual(drifted, facts) == as_it_is | {
            key: value for key, value in found.items() if key not in ("ports", "remote")
        }

    def test_one_that_is_limited_is_recreated(self) -> None:
        facts = replace(self.good, limits=("Program x", "RemotePort 9"))
        assert sentences(self.resource.plan(self.inputs, facts)) == [
            f"On Portal1, remove the firewall rule {self.name}, which is limited to Program x, RemotePort 9.",
            f"On Portal1, allow inbound TCP 443, 30004 from 172.21.5.0/24 with the firewall rule {self.name}.",
        ]
        found = self.resource.actual(self.inputs, facts)
        assert found is not None
        assert found["limits"] == ["Program x", "RemotePort 9"]

    def test_from_anywhere(self) -> None:
        anywhere = self.inputs.model_copy(update={"remote": ()})
        plan = self.resource.plan(anywhere, FirewallRuleFacts(exists=False))
        assert sentences(plan) == [
            f"On Portal1, allow inbound TCP 443, 30004 from anywhere with the firewall rule {self.name}."
        ]
        assert "'Remote': ['Any']" in actions(plan)[0]
        assert self.resource.plan(anywhere, replace(self.good, remote=())) == []

    def test_only_what_is_there_is_removed(self) -> None:
        assert sentences(self.resource.plan_delete(self.inputs, self.good, {})) == [
            f"On Portal1, remove the firewall rule {self.name}."
        ]
        assert self.resource.plan_delete(self.inputs, FirewallRuleFacts(exists=False), {}) == []

    def test_a_subnet_is_the_same_in_both_forms(self) -> None:
        assert subnets(["172.22.5.0/24", "Any"]) == subnets(["172.22.5.0/255.255.255.0"]) == ("172.22.5.0/24",)
        assert subnets(["10.0.0.1-10.0.0.9", "172.21.5.0/24"]) == ("10.0.0.1-10.0.0.9", "172.21.5.0/24")


class TestSupersededRules:
    resource = SupersededRulesResource()
    api, auth = "MgmtSvc-AdminAPI (HTTPS-In)", "MgmtSvc-AuthSite (HTTPS-In)"
    inputs = SupersededRulesInputs(machine="Portal1", rules=(api, auth))
    on = frozenset({api.lower(), auth.lower()})

    def test_those_that_are_on_go_off(self) -> None:
        off = "On Portal1, disable the firewall rule {} of the portal's installer."
        assert sentences(self.resource.plan(self.inputs, self.on)) == [off.format(self.api), off.format(self.auth)]
        assert sentences(self.resource.plan(self.inputs, frozenset({self.auth.lower(), "other"}))) == [
            off.format(self.auth)
        ]
        assert self.resource.plan(self.inputs, frozenset()) == []
        assert self.resource.actual(self.inputs, frozenset({self.auth.lower()})) == {"enabled": [self.auth]}

    def test_only_those_that_were_on_go_on_again(self) -> None:
        before = self.resource.baseline(self.inputs, frozenset({self.api.lower()}))
        assert sentences(self.resource.plan_delete(self.inputs, frozenset(), before)) == [
            f"On Portal1, enable the firewall rule {self.api} of the portal's installer."
        ]
        assert self.resource.plan_delete(self.inputs, self.on, before) == []
