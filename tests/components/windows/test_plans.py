"""Features, certificates, accounts, group members and bindings: from facts to the exact steps."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import ClassVar

import pytest

from components.nlb.state import NodeView
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
from components.windows.site_binding import Binding, SiteBindingFacts, SiteBindingInputs, SiteBindingResource
from components.windows.site_certificates import (
    SiteCertificatesFacts,
    SiteCertificatesInputs,
    SiteCertificatesResource,
    SitePort,
)
from components.windows.superseded_rules import SupersededRulesInputs, SupersededRulesResource
from remote.errors import MachineError
from remote.secret import Secret
from tests.components.contract import actions, adapter, refusal, sentences
from tests.components.worlds import ADMIN, AUTH, OWN, SPF_GROUPS, THUMBPRINT, server, sites

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
            "On SPF2, let the password of SVC_SPF never expire, and the account be enabled.",
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
                (change, ["On SPF2, let the password of SVC_SPF never expire, and the account be enabled."])
                for change in ({"never_expires": False}, {"enabled": False}, {"description": "x"})
            ),
            ({"password_is_ours": False}, ["On SPF2, set the password of the local account SVC_SPF."]),
            ({"groups": frozenset({"spf_admin"})}, ["On SPF2, add SVC_SPF to the local group SPF_VMM."]),
            (
                # Made by hand with New-LocalUser's like: nothing but the name is right.
                {"password_is_ours": False, "never_expires": False, "description": "", "groups": frozenset({"users"})},
                [
                    "On SPF2, set the password of the local account SVC_SPF.",
                    "On SPF2, let the password of SVC_SPF never expire, and the account be enabled.",
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
            "groups": [],
            "description": "x",
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


class TestSiteBinding:
    resource = SiteBindingResource()
    inputs = SiteBindingInputs(machine="Portal1", site=SITE, port=443, old_port=30081, thumbprint=THUMBPRINT)
    bind = f"On Portal1, bind {SITE} to port 443."
    give = f"On Portal1, give port 443 of {SITE} the certificate {THUMBPRINT}."
    off = f"On Portal1, take {SITE} off port 30081."

    @pytest.mark.parametrize(
        ("ports", "expected"),
        [
            ({30081: OLD}, [bind, give, off]),
            ({30081: OLD, 443: ""}, [give, off]),
            ({30081: OLD, 443: THUMBPRINT}, [off]),
            ({443: OLD}, [give]),
            ({}, [bind, give]),
            ({443: THUMBPRINT}, []),
        ],
    )
    def test_there_is_no_moment_without_a_binding(self, ports: dict[int, str], expected: list[str]) -> None:
        facts = SiteBindingFacts(True, True, ports, {30091: "MgmtSvc-AdminSite"})
        plan = self.resource.plan(self.inputs, facts)
        assert sentences(plan) == expected
        if self.off in expected:
            assert expected[-1] == self.off

    def test_a_stopped_site_is_started(self) -> None:
        facts = SiteBindingFacts(True, False, {443: THUMBPRINT}, {})
        assert sentences(self.resource.plan(self.inputs, facts)) == [f"On Portal1, start {SITE}."]

    def test_what_the_steps_send(self) -> None:
        assert actions(self.resource.plan(self.inputs, SiteBindingFacts(True, True, {30081: OLD}, {}))) == [
            f"Portal1 windows/add_binding.ps1 {{'Site': '{SITE}', 'Port': 443}}",
            (
                f"Portal1 windows/set_binding_certificate.ps1 {{'Site': '{SITE}', 'Information': '*:443:', "
                f"'Thumbprint': '{THUMBPRINT}'}}"
            ),
            (
                f"Portal1 windows/remove_binding.ps1 {{'Site': '{SITE}', 'Information': '*:30081:', "
                "'WithCertificate': True}"
            ),
        ]

    def test_refusals(self) -> None:
        assert refusal(lambda: self.resource.plan(self.inputs, SiteBindingFacts(False, False, {}, {}))) == (
            f"Portal1: bind {SITE} to port 443: there is no web site of this name. See whether the portal's software "
            "is installed."
        )
        held = SiteBindingFacts(True, True, {30081: OLD}, {443: "Default Web Site"})
        assert refusal(lambda: self.resource.plan(self.inputs, held)) == (
            f"Portal1: bind {SITE} to port 443: the site Default Web Site holds this port. Move that site to another "
            "port, or choose another `portal.tenant_site_port`."
        )

    @pytest.mark.parametrize(
        ("information", "flags", "address", "port", "host", "shared", "plain"),
        [
            ("*:443:", 0, "*", 443, "", True, True),
            ("0.0.0.0:443:", 0, "0.0.0.0", 443, "", True, False),
            ("*:443:www.x.y", 0, "*", 443, "www.x.y", True, False),
            ("*:443:www.x.y", 1, "*", 443, "www.x.y", False, False),
            ("172.21.5.7:443:", 0, "172.21.5.7", 443, "", False, False),
            ("[fe80::1]:8443:", 0, "[fe80::1]", 8443, "", False, False),
            ("[::]:443:www.x.y", 1, "[::]", 443, "www.x.y", False, False),
        ],
    )
    def test_what_a_binding_is(
        self, information: str, flags: int, address: str, port: int, host: str, shared: bool, plain: bool
    ) -> None:
        one = Binding("X", information, flags, "")
        assert (one.address, one.port, one.host, one.shared, one.plain) == (address, port, host, shared, plain)

    def test_a_binding_for_a_host_name_shares_the_certificate(self) -> None:
        other = Binding("Shop", "*:443:shop.x.y", 0, OLD)
        facts = SiteBindingFacts(True, True, {30081: OLD}, {}, (other,))
        assert refusal(lambda: self.resource.plan(self.inputs, facts)) == (
            f"Portal1: give port 443 of {SITE} the certificate {THUMBPRINT}: Shop is bound to *:443:shop.x.y without "
            f"server name indication, with the certificate {OLD}, and Windows keeps one certificate for both. Let that "
            "binding require server name indication, or move it to another port."
        )
        same = replace(facts, beside=(replace(other, thumbprint=THUMBPRINT),))
        assert sentences(self.resource.plan(self.inputs, same)) == [self.bind, self.off]
        bound = replace(same, ports={443: THUMBPRINT})
        assert self.resource.plan(self.inputs, bound) == []
        *_, off = actions(self.resource.plan_delete(self.inputs, bound, {"bound": {"30081": OLD, "443": ""}}))
        assert off == (
            f"Portal1 windows/remove_binding.ps1 {{'Site': '{SITE}', 'Information': '*:443:', 'WithCertificate': "
            "False}"
        )

    def test_remove_puts_the_old_binding_back_first(self) -> None:
        before = self.resource.baseline(self.inputs, SiteBindingFacts(True, True, {30081: OLD}, {}))
        assert before == {"bound": {"30081": OLD, "443": ""}}
        now = SiteBindingFacts(True, True, {443: THUMBPRINT}, {})
        assert sentences(self.resource.plan_delete(self.inputs, now, before)) == [
            f"On Portal1, bind {SITE} to port 30081.",
            f"On Portal1, give port 30081 of {SITE} the certificate {OLD}.",
            f"On Portal1, take {SITE} off port 443.",
        ]

    back_on_its_own: ClassVar[list[str]] = [
        f"On Portal1, bind {SITE} to port 30081.",
        f"On Portal1, give port 30081 of {SITE} the certificate {OLD}.",
    ]
    leave_new = f"On Portal1, take {SITE} off port 443."
    ours = f"On Portal1, give port 443 of {SITE} the certificate {THUMBPRINT}."
    leave = f"On Portal1, take {SITE} off port 30081."

    @pytest.mark.parametrize(
        ("ports", "moved", "back"),
        [
            # Moved by hand, with the certificate of the portal's installer.
            ({443: OLD}, [ours], [f"On Portal1, give port 443 of {SITE} the certificate {OLD}."]),
            # Half moved: it answers on both.
            ({30081: OLD, 443: THUMBPRINT}, [leave], back_on_its_own),
            # Bound to the new port without any certificate.
            ({30081: OLD, 443: ""}, [ours, leave], [*back_on_its_own, leave_new]),
            # A third port is left alone.
            ({8443: OLD, 443: THUMBPRINT}, [], []),
        ],
    )
    def test_moved_by_hand(self, ports: dict[int, str], moved: list[str], back: list[str]) -> None:
        facts = SiteBindingFacts(True, True, ports, {})
        assert sentences(self.resource.plan(self.inputs, facts)) == moved
        kept = {port: mark for port, mark in ports.items() if port not in (30081, 443)}
        now = replace(facts, ports={**kept, 443: THUMBPRINT})
        assert (
            sentences(self.resource.plan_delete(self.inputs, now, self.resource.baseline(self.inputs, facts))) == back
        )

    def test_a_site_may_stay_on_its_own_port(self) -> None:
        """It gets the certificate there, and is not taken off it afterwards."""
        stays = self.inputs.model_copy(update={"port": 30081})
        facts = SiteBindingFacts(True, True, {30081: OLD}, {})
        given = f"On Portal1, give port 30081 of {SITE} the certificate {THUMBPRINT}."
        assert sentences(self.resource.plan(stays, facts)) == [given]
        assert self.resource.plan(stays, replace(facts, ports={30081: THUMBPRINT})) == []
        assert self.resource.actual(stays, facts) == {"started": True, "thumbprint": OLD}

    def test_another_public_port_leaves_none_behind(self) -> None:
        """What the program has bound the site to, the state knows; a port that an administrator gave it stays."""
        moved = self.inputs.model_copy(update={"port": 8443})
        state = {"ownership": {"baseline": {"bound": {"30081": OLD, "443": ""}}}}
        facts = SiteBindingFacts(True, True, {443: THUMBPRINT, 9443: OLD}, {})
        assert sentences(self.resource.plan(self.resource.inputs_of_update(state, moved), facts)) == [
            f"On Portal1, bind {SITE} to port 8443.",
            f"On Portal1, give port 8443 of {SITE} the certificate {THUMBPRINT}.",
            self.leave_new,
        ]
        wider = {"bound": {"30081": OLD, "443": "", "8443": ""}}
        back = self.resource.inputs_of_update({"ownership": {"baseline": wider}}, self.inputs)
        assert back.former == (8443,)
        both = replace(facts, ports={443: THUMBPRINT, 8443: THUMBPRINT, 9443: OLD})
        assert sentences(self.resource.plan_delete(moved, both, wider)) == [
            *self.back_on_its_own,
            f"On Portal1, take {SITE} off port 8443.",
            self.leave_new,
        ]

    def test_a_certificate_that_has_left_the_machine_is_not_missed(self) -> None:
        """Else nothing of the farm could be removed any more: Windows binds no certificate that it has not."""
        now = SiteBindingFacts(True, True, {443: THUMBPRINT}, {}, usable=frozenset({THUMBPRINT}))
        back = f"On Portal1, bind {SITE} to port 30081 without the certificate {OLD}, which is no longer there."
        assert sentences(self.resource.plan_delete(self.inputs, now, {"bound": {"30081": OLD, "443": ""}})) == [
            back,
            self.leave_new,
        ]

    @pytest.mark.parametrize(("ports", "drained"), [({443: OLD}, True), ({30081: OLD}, False)])
    def test_a_node_takes_no_client_while_one_certificate_replaces_another(
        self, ports: dict[int, str], drained: bool
    ) -> None:
        """A site that moves answers on its old port until it answers on the new one."""
        facts = SiteBindingFacts(True, True, ports, {}, node=SERVING)
        inputs = self.inputs.model_copy(update={"interface": "Ethernet"})
        found = sentences(self.resource.plan(inputs, facts))
        assert (found[0] == DRAIN) is drained
        if drained:
            assert found == [DRAIN, DRAINED, self.give, START, BACK]


BOTH = (("PORTAL1", "Converged(default)"), ("PORTAL2", "Converged"))
SERVING = NodeView("Portal1", bound=True, name="portal.hyper-v.nu", nodes=BOTH)
DRAIN = "On Portal1, let clients finish and take no more before the change of its certificate."
DRAINED = "Wait until Portal1 has no client before the change of its certificate."
START = "On Portal1, start load balancing after the change of its certificate."
BACK = "Wait until clients come to Portal1 again after the change of its certificate."


class TestSiteCertificates:
    resource = SiteCertificatesResource()
    inputs = SiteCertificatesInputs(
        machine="Portal1",
        sites=(SitePort(site=ADMIN, port=30091), SitePort(site=AUTH, port=30071)),
        thumbprint=THUMBPRINT,
        interface="Ethernet",
    )
    fresh = sites({ADMIN: (30091, OWN), AUTH: (30071, OWN)})
    ours = sites({ADMIN: (30091, THUMBPRINT), AUTH: (30071, THUMBPRINT)})
    give: ClassVar[list[str]] = [
        f"On Portal1, give port 30091 of {ADMIN} the certificate {THUMBPRINT}.",
        f"On Portal1, give port 30071 of {AUTH} the certificate {THUMBPRINT}.",
    ]

    def test_every_site_gets_it(self) -> None:
        assert sentences(self.resource.plan(self.inputs, self.fresh)) == self.give
        assert self.resource.plan(self.inputs, self.ours) == []
        half = sites({ADMIN: (30091, THUMBPRINT), AUTH: (30071, OWN)})
        assert sentences(self.resource.plan(self.inputs, half)) == self.give[1:]

    def test_a_node_with_clients_is_drained_once_for_all_of_them(self) -> None:
        found = sentences(self.resource.plan(self.inputs, replace(self.fresh, node=SERVING)))
        assert found == [DRAIN, DRAINED, *self.give, START, BACK]

    @pytest.mark.parametrize(
        "nodes",
        [
            BOTH[:1],
            (BOTH[0], ("PORTAL2", "Stopped")),
            (("PORTAL1", "Stopped"), BOTH[1]),
            (("PORTAL1", "Suspended"), BOTH[1]),
        ],
    )
    def test_a_node_whose_clients_no_other_takes_goes_on(self, nodes: tuple[tuple[str, str], ...]) -> None:
        """So does one that has no clients; it is not started either."""
        facts = replace(self.fresh, node=replace(SERVING, nodes=nodes))
        assert sentences(self.resource.plan(self.inputs, facts)) == self.give

    def test_what_a_preview_shows(self) -> None:
        assert self.resource.actual(self.inputs, self.ours) == {"thumbprint": THUMBPRINT, "started": True}
        half = sites({ADMIN: (30091, THUMBPRINT), AUTH: (30072, OWN)}, started=False)
        assert self.resource.actual(self.inputs, half) == {"thumbprint": f"(none) on {AUTH}", "started": False}
        assert self.resource.actual(self.inputs, SiteCertificatesFacts(sites({}).sites)) is None

    def test_the_installers_certificates_are_put_back(self) -> None:
        before = self.resource.baseline(self.inputs, self.fresh)
        assert before == {"bound": {"30091": OWN, "30071": OWN}}
        assert sentences(self.resource.plan_delete(self.inputs, self.ours, before)) == [
            f"On Portal1, give port 30091 of {ADMIN} the certificate {OWN}.",
            f"On Portal1, give port 30071 of {AUTH} the certificate {OWN}.",
        ]

    def test_what_was_not_there_goes_and_what_has_gone_is_not_missed(self) -> None:
        now = replace(self.ours, sites=replace(self.ours.sites, usable=frozenset({THUMBPRINT})))
        assert sentences(self.resource.plan_delete(self.inputs, now, {"bound": {"30091": "", "30071": OWN}})) == [
            f"On Portal1, take {ADMIN} off port 30091.",
            f"On Portal1, take {AUTH} off port 30071.",
            f"On Portal1, bind {AUTH} to port 30071 without the certificate {OWN}, which is no longer there.",
        ]

    def test_sites_that_have_it_already_are_left_with_it(self) -> None:
        assert self.resource.preexisting(self.inputs, self.ours)
        assert not self.resource.preexisting(self.inputs, self.fresh)

    def test_refusals(self) -> None:
        assert refusal(lambda: self.resource.plan(self.inputs, sites({AUTH: (30071, OWN)}))) == (
            f"Portal1: give port 30091 of {ADMIN} the certificate {THUMBPRINT}: there is no web site of this name. See "
            "whether the portal's software is installed."
        )
        taken = sites({ADMIN: (443, OWN), "Shop": (30091, OWN), AUTH: (30071, OWN)})
        assert refusal(lambda: self.resource.plan(self.inputs, taken)) == (
            f"Portal1: give port 30091 of {ADMIN} the certificate {THUMBPRINT}: the site Shop holds this port. Move "
            "that site to another port."
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
        as_it_is = {"enabled": True, "direction": "Inbound", "action": "Allow", "protocol": "TCP", "profile": "Any"}
        assert self.resource.actual(self.inputs, facts) == as_it_is | found
        # The drifted state is what the next read begins with.
        drifted = FirewallRuleInputs.model_validate(self.inputs.model_dump() | found)
        assert self.resource.actual(drifted, facts) == as_it_is | {
            key: value for key, value in found.items() if key not in ("ports", "remote")
        }

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
