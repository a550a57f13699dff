"""Who trusts whom, and what happens to a farm whose stores name a machine that is gone."""

from __future__ import annotations

import re
from html import unescape
from typing import Any
from urllib.parse import urlencode, urlsplit

import pytest

from lab.powershell.api import PowerShellError
from lab.tests.wap.conftest import PASSPHRASE, SA, Lab
from lab.wap import federation
from lab.wap.catalogue import FEATURES, PORTAL, STORE
from lab.wap.web import fetch, negotiate
from lab.windows import iis
from lab.world import Response

SQL: dict[str, Any] = {"Server": "SQL", "UserName": "sa", "Password": SA}
METADATA = "https://{}:{}/FederationMetadata/2007-06/FederationMetadata.xml"
PORTS = {"AdminSite": 30091, "TenantSite": 30081, "WindowsAuthSite": 30072, "AuthSite": 30071, "AdminAPI": 30004}
NAMESPACES = (*PORTS, "TenantAPI", "TenantPublicAPI")


@pytest.fixture
def two(portal: Lab) -> Lab:
    """Both nodes configured; the stores name the first."""
    portal.install("Portal2")
    portal.configure("Portal2")
    return portal


def strings() -> dict[str, Any]:
    form = "Data Source=SQL;Initial Catalog={};User ID=sa;Password=" + SA
    return {"PortalConnectionString": form.format(PORTAL), "ManagementConnectionString": form.format(STORE)}


def trust(lab: Lab, cmdlet: str, target: str, site: str, host: str) -> None:
    metadata = METADATA.format(host, PORTS[site])
    where = strings()
    lab.call(
        f"Set-MgmtSvc{cmdlet}Settings",
        lab.session("Portal2"),
        Target=target,
        MetadataEndpoint=metadata,
        DisableCertificateValidation=True,
        **where,
    )


def repoint(lab: Lab, host: str) -> None:
    """What an administrator does so that the farm no longer needs its first machine."""
    for name in NAMESPACES:
        lab.call("Set-MgmtSvcFqdn", lab.session("Portal2"), Namespace=name, FullyQualifiedDomainName=host, **strings())
    trust(lab, "RelyingParty", "Admin", "WindowsAuthSite", host)
    trust(lab, "RelyingParty", "Tenant", "AuthSite", host)
    trust(lab, "IdentityProvider", "Windows", "AdminSite", host)
    trust(lab, "IdentityProvider", "Membership", "TenantSite", host)
    for provider in lab.api("Get-MgmtSvcResourceProvider", IncludeSystemResourceProviders=True):
        for name in ("AdminEndpoint", "TenantEndpoint"):
            endpoint = provider.get(name)
            endpoint.set("ForwardingAddress", endpoint.get("ForwardingAddress").replace("portal1.hyper-v.nu", host))
        lab.api("Set-MgmtSvcResourceProvider", ResourceProvider=provider, Force=True)


def stop_first(lab: Lab) -> None:
    for site in list(lab.world.machine("Portal1").collection("site")):
        iis.stop_site(lab.world.machine("Portal1"), site)


def token_of(lab: Lab, site: str, realm: str, machine: str = "Portal2") -> str:
    session = lab.session(machine)
    return federation.issue(session.machine, FEATURES[site], session.identity, f"http://azureservices/{realm}")


def post(lab: Lab, url: str, token: str) -> Response:
    form = urlencode({"wa": "wsignin1.0", "wresult": token, "wctx": "rm=0&id=passive&ru=%2Fplans"}).encode()
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    return fetch(lab.world.machine("FILE"), url, "POST", headers, form, verify=False)


def start_page(lab: Lab, machine: str, site: str, token: str) -> str:
    answer = lab.get(machine, f"{PORTS[site]}/", headers={"Cookie": f"other=1; FedAuth={token}"})
    assert answer.status == 200
    return answer.body.decode()


def test_signing_in_at_the_administrators_site(two: Lab) -> None:
    browser = two.session("Portal2")  # a batch log-on: it may go on to another machine
    moved = two.get("Portal2", "30091/plans")
    assert moved.status == 302
    location = moved.headers["location"]
    assert urlsplit(location).netloc == "portal1.hyper-v.nu:30072"
    form = fetch(browser.machine, location, headers={"Authorization": negotiate(browser)}, verify=False)
    assert form.status == 200
    fields = {
        name: unescape(value) for name, value in re.findall(r"name='(\w+)' value=['\"]([^'\"]*)", form.body.decode())
    }
    action = re.search(r'action="([^"]+)"', form.body.decode())
    assert action
    assert action[1] == "https://portal1.hyper-v.nu:30091/"
    answer = fetch(browser.machine, action[1], "POST", {}, urlencode(fields).encode(), verify=False)
    assert (answer.status, answer.headers["location"]) == (302, "/plans")
    session = answer.headers["set-cookie"].partition(";")[0]
    page = two.get("Portal2", "30091/plans", headers={"Cookie": session})
    assert b"Ready" in page.body


def test_a_realm_that_nobody_knows_is_not_signed_in(two: Lab) -> None:
    path = "https://portal2.hyper-v.nu:30072/wsfederation/issue?wa=wsignin1.0&wtrealm=http%3A%2F%2Fother"
    browser = two.session("Portal2")
    assert fetch(browser.machine, path, headers={"Authorization": negotiate(browser)}, verify=False).status == 400


@pytest.mark.parametrize(
    ("site", "right", "wrong"),
    [
        ("AdminSite", "WindowsAuthSite", "AuthSite"),
        ("TenantSite", "AuthSite", "WindowsAuthSite"),
    ],
)
def test_a_site_accepts_tokens_of_its_own_authentication_site_for_itself(
    two: Lab, site: str, right: str, wrong: str
) -> None:
    url = f"https://portal2.hyper-v.nu:{PORTS[site]}/"
    other = "TenantSite" if site == "AdminSite" else "AdminSite"
    assert post(two, url, token_of(two, right, site)).headers["location"] == "/plans"
    assert post(two, url, token_of(two, wrong, site)).status == 500
    assert post(two, url, token_of(two, right, other)).status == 500
    assert two.get("Portal2", f"{PORTS[site]}/", headers={"Cookie": "FedAuth=nothing"}).status == 302
    assert "Ready" in start_page(two, "Portal2", site, token_of(two, right, site))


def test_interfaces_trust_what_the_settings_say(two: Lab) -> None:
    admin, tenant = token_of(two, "WindowsAuthSite", "AdminSite"), token_of(two, "AuthSite", "TenantSite")

    def statuses(token: str) -> list[int]:
        headers = {"Authorization": f"Bearer {token}"}
        return [two.get("Portal2", path, headers=headers).status for path in ("30004/plans", "30005/subscriptions")]

    assert statuses(admin) == [200, 200]
    assert statuses(tenant) == [401, 200]
    trust(two, "RelyingParty", "Admin", "AuthSite", "portal2.hyper-v.nu")
    assert statuses(admin) == [401, 401]
    assert post(two, "https://portal2.hyper-v.nu:30091/", admin).status == 500
    trust(two, "RelyingParty", "Admin", "WindowsAuthSite", "portal2.hyper-v.nu")
    assert statuses(admin) == [200, 200]


@pytest.mark.parametrize(
    ("cmdlet", "target", "site", "text"),
    [
        ("RelyingParty", "Admin", "AdminSite", "no passive requestor endpoint of the type SecurityTokenServiceType"),
        ("IdentityProvider", "Windows", "WindowsAuthSite", "no passive requestor endpoint of the type Application"),
        ("RelyingParty", "Windows", "WindowsAuthSite", "The target 'Windows' is not valid"),
        ("IdentityProvider", "Tenant", "TenantSite", "The target 'Tenant' is not valid"),
        ("RelyingParty", "Admin", "AdminAPI", r"\(401\)"),
    ],
)
def test_metadata_of_the_wrong_kind_is_refused(two: Lab, cmdlet: str, target: str, site: str, text: str) -> None:
    with pytest.raises(PowerShellError, match=text):
        trust(two, cmdlet, target, site, "portal2.hyper-v.nu")


def test_host_names_of_interfaces_are_known_after_they_were_set(two: Lab) -> None:
    assert two.call("Get-MgmtSvcFqdn", Namespace="AdminAPI", **strings()) == []
    two.call("Set-MgmtSvcFqdn", Namespace="AdminAPI", FullyQualifiedDomainName="portal2.hyper-v.nu", **strings())
    [found] = two.call("Get-MgmtSvcFqdn", Namespace="AdminAPI", **strings())
    assert (found.get("FullyQualifiedDomainName"), found.get("Port")) == ("portal2.hyper-v.nu", 30004)
    for store in strings().values():
        key = "PortalConnectionString" if PORTAL in store else "ManagementConnectionString"
        assert two.call("Get-MgmtSvcFqdn", Namespace="AdminAPI", **{key: store})[0].get("Port") == 30004


@pytest.mark.parametrize("name", ["Monitoring", "SQLServer", "Nothing"])
def test_other_namespaces_have_no_host_name(two: Lab, name: str) -> None:
    for cmdlet in ("Get-MgmtSvcFqdn", "Set-MgmtSvcFqdn"):
        with pytest.raises(PowerShellError, match="is not valid"):
            two.call(cmdlet, Namespace=name, **strings())


def test_a_host_name_is_set_where_the_component_is_installed(portal: Lab) -> None:
    with pytest.raises(PowerShellError, match="not installed"):
        portal.call(
            "Set-MgmtSvcFqdn", portal.session("Portal2"), Namespace="AdminSite", FullyQualifiedDomainName="x", **SQL
        )


def test_without_its_first_machine_a_farm_that_still_names_it_is_broken(two: Lab) -> None:
    admin, tenant = token_of(two, "WindowsAuthSite", "AdminSite"), token_of(two, "AuthSite", "TenantSite")
    assert two.api("Get-MgmtSvcMySqlHostingServer", machine="Portal2", token=admin) == []
    stop_first(two)
    for site, token in (("AdminSite", admin), ("TenantSite", tenant)):
        assert "portal1" in two.get("Portal2", f"{PORTS[site]}/").headers["location"]
        assert "Unable to connect" in start_page(two, "Portal2", site, token)
    for cmdlet in ("Get-MgmtSvcMySqlHostingServer", "Get-MgmtSvcSqlHostingServer"):
        with pytest.raises(PowerShellError, match="Unable to connect"):
            two.api(cmdlet, machine="Portal2", token=admin)


def test_without_its_first_machine_a_farm_that_was_repointed_works(two: Lab) -> None:
    repoint(two, "portal2.hyper-v.nu")
    stop_first(two)
    admin, tenant = two.token("Portal2"), token_of(two, "AuthSite", "TenantSite")
    for site, token in (("AdminSite", admin), ("TenantSite", tenant)):
        assert "https://portal2.hyper-v.nu:" in two.get("Portal2", f"{PORTS[site]}/").headers["location"]
        assert "Ready" in start_page(two, "Portal2", site, token)
    for cmdlet in ("Get-MgmtSvcMySqlHostingServer", "Get-MgmtSvcSqlHostingServer"):
        assert two.api(cmdlet, machine="Portal2", token=admin) == []


def test_sites_on_several_machines_find_each_other(farm: Lab) -> None:
    """One role after the other, as a distributed farm is set up: each leaves the machine that it is on."""
    roles = (
        ("Portal1", "WAP_AdminApiAndServiceProviders_Bundle", ("AdminAPI",)),
        ("Portal2", "WAP_AdminSite_Bundle", ("AdminSite",)),
        ("Portal1", "WAP_WindowsAuthSite_Bundle", ("WindowsAuthSite",)),
    )
    for machine, product, features in roles:
        assert farm.install(machine, product).exit_code == 0
        for feature in features:
            farm.call("Initialize-MgmtSvcFeature", farm.session(machine), Name=feature, Passphrase=PASSPHRASE, **SQL)
    location = farm.get("Portal2", "30091/").headers["location"]
    assert urlsplit(location).netloc == "portal1.hyper-v.nu:30072"
    [party] = farm.call(
        "Get-MgmtSvcDatabaseSetting",
        Namespace="WindowsAuthSite",
        Name="Authentication.RelyingParty.Primary",
        Database=PORTAL,
        **SQL,
    )
    assert "https://portal2.hyper-v.nu:30091/" in party.get("Value")
    token = token_of(farm, "WindowsAuthSite", "AdminSite", machine="Portal1")
    assert "Ready" in start_page(farm, "Portal2", "AdminSite", token)


def test_a_provider_admits_the_interface_only(two: Lab) -> None:
    for port in (30010, 30012, 30018, 30020, 30022):
        assert two.get("Portal2", f"{port}/").status == 401
        wrong = {"Authorization": "Basic bXlzcWxzZXJ2ZXJzOng="}
        assert two.get("Portal2", f"{port}/", headers=wrong).status == 401
    header = {"Authorization": f"Bearer {two.token()}"}
    assert two.get("Portal2", "30004/services/nothing/x", headers=header).status == 404
    assert two.get("Portal2", "30004/services/mysqlservers//hostingServers", headers=header).body == b"[]"
