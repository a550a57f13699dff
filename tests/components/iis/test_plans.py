"""Plans of the resources about IIS: facts in, sentences out."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

import pytest

from components.iis.site_binding import Binding, SiteBindingFacts, SiteBindingInputs, SiteBindingResource
from components.iis.site_certificates import (
    SiteCertificatesFacts,
    SiteCertificatesInputs,
    SiteCertificatesResource,
    SitePort,
)
from components.nlb.state import NodeView
from tests.components.contract import actions, refusal, sentences
from tests.components.worlds import ADMIN, AUTH, OWN, THUMBPRINT, sites

OLD = "CD" * 20
SITE = "MgmtSvc-TenantSite"


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

    def test_a_stopped_application_pool_is_started(self) -> None:
        facts = SiteBindingFacts(True, False, {443: THUMBPRINT}, {}, stopped_pool="Pool of it")
        assert sentences(self.resource.plan(self.inputs, facts)) == [
            f"On Portal1, start the application pool Pool of it of {SITE}.",
            f"On Portal1, start {SITE}.",
        ]
        found = self.resource.actual(self.inputs, replace(facts, started=True))
        assert found == {"started": False, "thumbprint": THUMBPRINT}

    def test_what_the_steps_send(self) -> None:
        assert actions(self.resource.plan(self.inputs, SiteBindingFacts(True, True, {30081: OLD}, {}))) == [
            f"Portal1 iis/add_binding.ps1 {{'Site': '{SITE}', 'Port': 443}}",
            (
                f"Portal1 iis/set_binding_certificate.ps1 {{'Site': '{SITE}', 'Information': '*:443:', "
                f"'Thumbprint': '{THUMBPRINT}'}}"
            ),
            (
                f"Portal1 iis/remove_binding.ps1 {{'Site': '{SITE}', 'Information': '*:30081:', "
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
            f"Portal1 iis/remove_binding.ps1 {{'Site': '{SITE}', 'Information': '*:443:', 'WithCertificate': False}}"
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
        pool = replace(self.ours, sites=replace(self.ours.sites, stopped_pools={AUTH.lower(): AUTH}))
        assert self.resource.actual(self.inputs, pool) == {"thumbprint": THUMBPRINT, "started": False}
        assert sentences(self.resource.plan(self.inputs, pool)) == [
            f"On Portal1, start the application pool {AUTH} of {AUTH}."
        ]

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
