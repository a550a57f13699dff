"""Names, trust and the endpoints of resource providers: from facts to the exact steps."""

from __future__ import annotations

from dataclasses import replace

import pytest

from components.portal.federation import FederationFacts, FederationResource, authority
from components.portal.provider_endpoints import ProviderEndpointsFacts, ProviderEndpointsResource, moved
from components.portal.public_endpoint_name import Name, PublicEndpointNameResource
from tests.components import worlds
from tests.components.contract import actions, refusal, sentences
from tests.components.worlds import CALL, provider_at


class TestPublicEndpointName:
    resource = PublicEndpointNameResource()
    inputs = worlds.FQDN.parsed()
    declared = Name("portal.hyper-v.nu", 30091)
    step = "On Portal1, set the public name of AdminSite to portal.hyper-v.nu, port 30091."

    @pytest.mark.parametrize(
        ("facts", "expected", "found"),
        [
            (None, [step], {"fqdn": "(none)", "port": 0}),
            (Name("portal1.hyper-v.nu", 30091), [step], {"fqdn": "portal1.hyper-v.nu", "port": 30091}),
            (Name("portal.hyper-v.nu", 443), [step], {"fqdn": "portal.hyper-v.nu", "port": 443}),
            (declared, [], {}),
        ],
    )
    def test_plan(self, facts: Name | None, expected: list[str], found: dict[str, object]) -> None:
        plan = self.resource.plan(self.inputs, facts)
        assert sentences(plan) == expected
        assert self.resource.actual(self.inputs, facts) == found
        if plan:
            assert actions(plan) == [
                (
                    "Portal1 portal/set_fqdn.ps1 {'Server': 'sql.hyper-v.nu', 'UserName': 'sa', 'Password': ***, "
                    "'Namespace': 'AdminSite', 'Fqdn': 'portal.hyper-v.nu', 'Port': 30091}"
                )
            ]

    def test_delete_sets_back_what_was_there(self) -> None:
        old = Name("portal1.hyper-v.nu", 30092)
        before = self.resource.baseline(self.inputs, old)
        assert before == {"fqdn": "portal1.hyper-v.nu", "port": 30092}
        before["port"] = 30092.0  # as Pulumi's state has it
        assert sentences(self.resource.plan_delete(self.inputs, self.declared, before)) == [
            "On Portal1, set the public name of AdminSite back to portal1.hyper-v.nu, port 30092."
        ]
        assert self.resource.plan_delete(self.inputs, old, before) == []
        assert self.resource.plan_delete(self.inputs, self.declared, self.resource.baseline(self.inputs, None)) == []

    def test_the_case_of_a_name_does_not_matter(self) -> None:
        inputs = self.inputs.model_copy(update={"fqdn": "Portal.Hyper-V.nu"})
        assert self.resource.plan(inputs, self.declared) == []
        assert self.resource.preexisting(inputs, self.declared)


class TestFederation:
    resource = FederationResource()
    inputs = worlds.FEDERATION.parsed()
    good = FederationFacts("portal.hyper-v.nu:30071", "portal.hyper-v.nu:443")
    there = "On Portal1, let TenantSite take its users from AuthSite at portal.hyper-v.nu:30071."
    back = "On Portal2, let AuthSite send its users back to TenantSite at portal.hyper-v.nu:443."

    @pytest.mark.parametrize(
        ("facts", "expected", "found"),
        [
            (good, [], {}),
            (FederationFacts("", ""), [there, back], {"sign_in": "(none)", "reply_to": "(none)"}),
            (
                replace(good, sign_in="portal1.hyper-v.nu:30071"),
                [there],
                {"sign_in": "portal1.hyper-v.nu:30071"},
            ),
            (replace(good, reply_to="portal.hyper-v.nu:30081"), [back], {"reply_to": "portal.hyper-v.nu:30081"}),
        ],
    )
    def test_plan(self, facts: FederationFacts, expected: list[str], found: dict[str, str]) -> None:
        assert sentences(self.resource.plan(self.inputs, facts)) == expected
        assert self.resource.actual(self.inputs, facts) == found

    def test_each_side_learns_from_the_metadata_of_the_other(self) -> None:
        plan = self.resource.plan(self.inputs, FederationFacts("", ""))
        store = "'Server': 'sql.hyper-v.nu', 'UserName': 'sa', 'Password': ***"
        metadata = "'https://portal.hyper-v.nu:{}/FederationMetadata/2007-06/FederationMetadata.xml'"
        assert actions(plan) == [
            (
                f"Portal1 portal/set_relying_party.ps1 {{{store}, 'Metadata': {metadata.format(30071)}, "
                "'Target': 'Tenant'}"
            ),
            (
                f"Portal2 portal/set_identity_provider.ps1 {{{store}, 'Metadata': {metadata.format(443)}, "
                "'Target': 'Membership'}"
            ),
        ]
        assert [step.remedy for step in plan] == [
            f"Where its certificate is not trusted, put the authority into {machine}'s trusted root authorities."
            for machine in ("Portal1", "Portal2")
        ]

    @pytest.mark.parametrize(
        ("url", "expected"),
        [
            ("https://Portal.hyper-v.nu/", "portal.hyper-v.nu:443"),
            ("https://portal.hyper-v.nu:30071/wsfederation/issue", "portal.hyper-v.nu:30071"),
            ("", ""),
        ],
    )
    def test_authority(self, url: str, expected: str) -> None:
        assert authority(url) == expected


class TestProviderEndpoints:
    resource = ProviderEndpointsResource()
    inputs = worlds.PROVIDER_ENDPOINTS.parsed()

    def test_each_endpoint_keeps_its_own_path(self) -> None:
        plan = self.resource.plan(self.inputs, worlds.PROVIDER_ENDPOINTS.absent)
        assert sentences(plan) == [
            "Through Portal1, point the Admin, Tenant endpoints of marketplace to https://portal.hyper-v.nu:30018."
        ]
        addresses = {
            "Admin": "https://portal.hyper-v.nu:30018/",
            "Tenant": "https://portal.hyper-v.nu:30018/subscriptions",
        }
        (reported,) = actions(plan)
        assert reported.endswith(f"'Name': 'marketplace', 'Instance': 'i1', 'Addresses': {addresses!r}}}")
        assert "Admin-Call-1!" not in reported

    @pytest.mark.parametrize("kind", ["Admin", "Tenant", "Usage", "HealthCheck", "Notification"])
    def test_any_single_endpoint_is_seen(self, kind: str) -> None:
        kinds = ("Admin", "Tenant", "Usage", "HealthCheck", "Notification")
        good = {one: f"https://portal.hyper-v.nu:30018/{one}" for one in kinds}
        assert self.resource.plan(self.inputs, provider_at(**good)) == []
        assert self.resource.actual(self.inputs, provider_at(**good)) == {}
        old = f"https://portal1.hyper-v.nu:30018/{kind}"
        facts = provider_at(**{**good, kind: old})
        assert self.resource.actual(self.inputs, facts) == {"url": f"{kind}: {old}"}
        plan = self.resource.plan(self.inputs, facts)
        assert sentences(plan) == [
            f"Through Portal1, point the {kind} endpoint of marketplace to https://portal.hyper-v.nu:30018."
        ]
        assert f"'Addresses': {{'{kind}': '{good[kind]}'}}" in actions(plan)[0]
        before = self.resource.baseline(self.inputs, facts)
        assert sentences(self.resource.plan_delete(self.inputs, provider_at(**good), before)) == [
            f"Through Portal1, point the {kind} endpoint of marketplace back."
        ]

    @pytest.mark.parametrize(("number", "text"), [(0, "it is not registered"), (2, "there are 2 of this name")])
    def test_not_exactly_one(self, number: int, text: str) -> None:
        facts = ProviderEndpointsFacts(provider_at().registered * number, CALL)
        assert refusal(lambda: self.resource.plan(self.inputs, facts)) == (
            f"Portal1: read the endpoints of the resource provider marketplace: {text}. The portal registers it, "
            "once, when its feature is configured: see the configuration of this node."
        )

    @pytest.mark.parametrize(
        ("address", "expected"),
        [
            ("https://portal1.hyper-v.nu:30018/a/b?c=d", "https://portal.hyper-v.nu:30018/a/b?c=d"),
            ("http://portal.hyper-v.nu:30018/", "https://portal.hyper-v.nu:30018/"),
            ("https://portal.hyper-v.nu:30099/", "https://portal.hyper-v.nu:30018/"),
            ("https://PORTAL.hyper-v.nu:30018/x", "https://PORTAL.hyper-v.nu:30018/x"),
        ],
    )
    def test_moved(self, address: str, expected: str) -> None:
        assert moved(address, "https://portal.hyper-v.nu:30018") == expected
