"""Sites: what they answer, and that they answer only while their own login can reach their database."""

from __future__ import annotations

import pytest

from lab.powershell.api import PowerShellError
from lab.tests.wap.conftest import SA, Lab
from lab.wap.catalogue import FEATURES, STORE
from lab.wap.web import WebError, fetch

PAGES = {
    "30091/": 302,
    "30091/ping": 200,
    "30081/": 302,
    "30081/ping": 200,
    "30071/wsfederation/issue": 200,
    "30072/wsfederation/issue": 401,
    "30072/FederationMetadata/2007-06/FederationMetadata.xml": 200,
    "30071/FederationMetadata/2007-06/FederationMetadata.xml": 200,
    "30006/ping": 200,
    "30005/plans": 401,
    "30004/plans": 401,
    "30010/": 401,
    "30012/": 401,
    "30018/": 401,
    "30020/": 401,
    "30022/": 401,
    "30101/": 401,
}


def test_before_the_configuration_only_the_configuration_site_answers(farm: Lab) -> None:
    farm.install()
    assert farm.get("Portal1", "30101/").status == 401
    with pytest.raises(WebError, match="Unable to connect"):
        farm.get("Portal1", "30091/")


def test_a_site_that_is_started_without_configuration_fails(farm: Lab) -> None:
    from lab.windows import iis

    farm.install()
    iis.start_site(farm.world.machine("Portal1"), "MgmtSvc-AdminSite")
    assert farm.get("Portal1", "30091/").status == 500
    assert farm.events() == []


def test_pages(portal: Lab) -> None:
    assert {path: portal.get("Portal1", path).status for path in PAGES} == PAGES
    assert portal.events() == []


def test_the_certificate_is_self_signed(portal: Lab) -> None:
    with pytest.raises(WebError, match="trust relationship"):
        portal.get("Portal1", "30081/ping", verify=True)


def test_after_a_failover_without_logins_every_site_fails_with_sql_servers_words(portal: Lab) -> None:
    portal.sql.primary = "SQL2"
    for path in ("30091/", "30081/ping", "30012/", "30071/wsfederation/issue"):
        assert portal.get("Portal1", path).status == 500
    assert portal.events() == [
        f"Login failed for user 'MgmtSvc-{name}'." for name in ("AdminSite", "TenantSite", "MySQL", "AuthSite")
    ]
    portal.sql.primary = "SQL1"
    assert portal.get("Portal1", "30091/").status == 302


def test_the_admin_api_names_its_own_login_in_event_12(portal: Lab) -> None:
    token = portal.token()
    portal.sql.primary = "SQL2"
    with pytest.raises(PowerShellError):
        portal.api("Get-MgmtSvcPlan", token=token)
    assert portal.events() == ["Login failed for user 'MgmtSvc-AdminAPI'."]


def test_mirrored_logins_need_the_right_identity(portal: Lab) -> None:
    one, two = portal.sql.servers["SQL1"], portal.sql.servers["SQL2"]
    portal.sql.primary = "SQL2"
    two.logins = {name: (known[0], "f" * 32) for name, known in one.logins.items()}
    assert portal.get("Portal1", "30091/").status == 500  # same names and passwords, other identities
    assert "Cannot open database" in portal.events()[-1]
    two.logins = dict(one.logins)
    assert portal.get("Portal1", "30091/").status == 302
    assert portal.token()


def test_plans_through_a_token(portal: Lab) -> None:
    assert portal.api("Get-MgmtSvcPlan") == []


def test_a_name_that_nobody_knows(portal: Lab) -> None:
    machine = portal.world.machine("Portal2")
    with pytest.raises(WebError, match=r"could not be resolved: 'nobody\.hyper-v\.nu'"):
        fetch(machine, "https://nobody.hyper-v.nu/")
    with pytest.raises(WebError, match="Unable to connect"):
        fetch(machine, "https://portal.hyper-v.nu/")


def test_who_gets_a_token(portal: Lab) -> None:
    site = "https://portal1.hyper-v.nu:30072"
    with pytest.raises(PowerShellError, match="trust relationship"):
        portal.token(DisableCertificateValidation=False)
    with pytest.raises(PowerShellError, match="401"):
        portal.token(on=portal.session("Portal2", logon="network"))  # the second hop
    assert portal.token(on=portal.session("Portal2"))
    assert portal.token(on=portal.session("Portal1", logon="network"))
    with pytest.raises(PowerShellError, match="400"):
        portal.token(ClientRealm="http://azureservices/Other")
    with pytest.raises(PowerShellError, match="Unable to connect"):
        portal.token(AuthenticationSite=site.replace("30072", "30073"))


def test_only_operators_and_administrators_of_the_store_may_use_the_interface(portal: Lab) -> None:
    operator = portal.session("Portal1", "HYPERVNU\\operator", logon="network")
    token = portal.token(on=operator)
    with pytest.raises(PowerShellError, match="not an administrator"):
        portal.api("Get-MgmtSvcPlan", token=token)
    string = f"Data Source=SQL;Initial Catalog={STORE};User ID=sa;Password={SA}"
    portal.call("Add-MgmtSvcAdminUser", Principal="HYPERVNU\\WAP Administrators", ConnectionString=string)
    assert portal.api("Get-MgmtSvcPlan", token=token) == []


def test_a_forged_token_is_refused(portal: Lab) -> None:
    token = portal.token()
    with pytest.raises(PowerShellError, match="no valid token"):
        portal.api("Get-MgmtSvcPlan", token=token[:-2] + ("AA" if token[-2:] != "AA" else "BB"))


def test_every_feature_has_its_site_in_the_table() -> None:
    known = {int(path.split("/")[0]) for path in PAGES} | {30024}
    assert {feature.site.port for feature in FEATURES.values()} <= known
