"""The release before Windows Azure Pack: what it consists of, who may enter its portal, and what is clicked there."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lab.powershell.api import AVAILABLE
from lab.tests.wap.conftest import PASSPHRASE, SA, Lab, running
from lab.wap import browser
from lab.wap.catalogue import DATABASES, STORE

SPF = "https://spf1.hyper-v.nu:8090"
PASSWORD = "Spf-of-the-tests-1!"
LOGINS = {
    "AdminSiteNotificationServiceUser",
    "TenantSiteNotificationServiceUser",
    *(f"MgmtSvc-{name}" for name in ("AdminAPI", "AdminSite", "Monitoring", "MySQL", "SQLServer", "TenantAPI")),
    *(f"MgmtSvc-{name}" for name in ("TenantPublicAPI", "TenantSite", "Usage", "UsageCollector", "WebAppGallery")),
    "MgmtSvc-UsageCollector_Management",
}
"""The fourteen of the article's screenshot of SQL1."""


@pytest.fixture
def before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Lab]:
    with running(tmp_path, monkeypatch, "wa4ws") as lab:
        yield lab


@pytest.fixture
def portal(before: Lab) -> Lab:
    """Portal1 installed and configured."""
    assert before.install(product="WA4WS_Express").exit_code == 0
    before.configure()
    return before


def click(lab: Lab, path: str, user: str = "HYPERVNU\\installer", machine: str = "Portal1", **fields: str) -> None:
    browser.submit(lab.world.machine(machine), user, path, **fields)


def refused(lab: Lab, path: str, **fields: Any) -> str:
    with pytest.raises(browser.ClickError) as caught:
        click(lab, path, **fields)
    return str(caught.value)


def stored(lab: Lab, query: str) -> list[str]:
    return [row[0] for row in lab.sql.databases[STORE].sqlite.execute(query).fetchall()]


def available(lab: Lab, name: str) -> bool:
    return all(one(lab.session(), name) for one in AVAILABLE)


def test_the_feed_has_its_six_products(before: Lab) -> None:
    from lab.wap import beginning

    feed = "/XML:" + beginning.feed_path(before.world, before.world.machine("Portal1"))
    listed = [line.split()[0] for line in before.webpi("/List", "/ListOption:Available", feed).output[1:]]
    assert [name for name in listed if name.startswith("WA4WS_")] == listed[:6]
    assert not any("Auth" in name for name in listed)


def test_it_has_fourteen_logins_and_no_authentication_sites(portal: Lab) -> None:
    assert set(portal.sql.databases) == set(DATABASES)
    assert set(portal.sql.servers["SQL1"].logins) - {"sa"} == LOGINS
    assert len(LOGINS) == 14
    sites = {name for name in portal.world.machine("Portal1").collection("site") if name.startswith("MgmtSvc-")}
    assert sites & {"MgmtSvc-AuthSite", "MgmtSvc-WindowsAuthSite"} == set()
    assert len(sites) == 12
    names = stored(portal, 'SELECT "Name" FROM "mp.ResourceProviders" ORDER BY 1')
    assert names == ["marketplace", "monitoring", "mysqlservers", "sqlservers"]


@pytest.mark.parametrize(
    ("cmdlet", "there"),
    [
        ("Initialize-MgmtSvcFeature", True),
        ("Get-MgmtSvcFeature", True),
        ("Add-MgmtSvcAdminUser", False),
        ("Set-MgmtSvcFqdn", False),
        ("Get-MgmtSvcToken", False),
        ("Add-MgmtSvcPlan", False),
        ("Get-MgmtSvcResourceProvider", False),
    ],
)
def test_cmdlets(portal: Lab, cmdlet: str, there: bool) -> None:
    assert available(portal, cmdlet) == there


def test_the_tenants_site_has_its_own_form(portal: Lab) -> None:
    answer = portal.get("Portal1", "30081/")
    assert (answer.status, b"UserName" in answer.body) == (200, True)


def test_without_configuration_cmdlets_the_wizard_does_it(before: Lab) -> None:
    before.world.collection("wap", "model")["model"] = {"cmdlets": False}
    assert before.install(product="WA4WS_Express").exit_code == 0
    assert not available(before, "Initialize-MgmtSvcFeature")
    form = {"site": "configuration", "server": "SQL", "login": "sa", "password": SA, "passphrase": PASSPHRASE}
    assert "Login failed for user" in refused(before, "/", **{**form, "password": "wrong"})
    assert "Please enter: passphrase" in refused(before, "/", **{**form, "passphrase": ""})
    assert refused(before, "/", user="HYPERVNU\\SVC_SPF", **form).startswith("HTTP 401")
    assert before.sql.databases == {}
    click(before, "/", **form)
    assert set(before.sql.servers["SQL1"].logins) - {"sa"} == LOGINS
    states = {
        site["state"] for name, site in before.world.machine("Portal1").collection("site").items() if "Mgmt" in name
    }
    assert states == {"Started"}
    other = {**form, "passphrase": "Another-passphrase!"}
    assert before.install("Portal2", "WA4WS_Express").exit_code == 0
    assert "passphrase is not valid" in refused(before, "/", machine="Portal2", **other)
    assert len(before.world.machine("Portal2").collection("wap-feature")) == 0


def test_only_operators_enter_the_administrators_site(portal: Lab) -> None:
    assert portal.get("Portal1", "30091/").status == 401
    wanted = {"name": "Plan", "services": "mysqlservers"}
    assert refused(portal, "/Plans/Create", user="HYPERVNU\\SVC_SPF", **wanted).startswith("HTTP 403")
    assert refused(portal, "/Plans/Create", user="HYPERVNU\\nobody", **wanted) == "nobody is called HYPERVNU\\nobody"
    groups = portal.world.machine("Portal1").collection("group")
    groups.change("MgmtSvc Operators", members=["HYPERVNU\\SVC_SPF"])
    click(portal, "/Plans/Create", user="HYPERVNU\\SVC_SPF", **wanted)
    assert stored(portal, 'SELECT "DisplayName" FROM "mp.Plans"') == ["Plan"]


def test_a_plan_is_made_once_with_services_that_are_there(portal: Lab) -> None:
    click(portal, "/Plans/Create", name="Ünïcode & <plan>", services="mysqlservers,sqlservers")
    assert stored(portal, 'SELECT "DisplayName" FROM "mp.Plans"') == ["Ünïcode & <plan>"]
    services = stored(portal, 'SELECT "ServiceName" FROM "mp.PlanServices" ORDER BY 1')
    assert services == ["mysqlservers", "sqlservers"]
    again = refused(portal, "/Plans/Create", name="Ünïcode & <plan>", services="mysqlservers")
    assert "already exists" in again
    assert "no service websites" in refused(portal, "/Plans/Create", name="Other", services="websites")
    assert refused(portal, "/Plans/Create", name="Other") == "HTTP 400: Please enter: services."
    click(portal, "/Plans/Delete", name="Ünïcode & <plan>")
    assert stored(portal, 'SELECT "DisplayName" FROM "mp.Plans"') == []
    assert "no plan Other" in refused(portal, "/Plans/Delete", name="Other")


def test_registering_spf_asks_it(portal: Lab) -> None:
    """SPF itself decides whether the account may: with no such account on its servers it refuses."""
    text = refused(portal, "/VMClouds/Register", url=SPF, account="SVC_SPF_REG", password=PASSWORD)
    assert "(401) Unauthorized" in text
    assert "systemcenter" not in stored(portal, 'SELECT "Name" FROM "mp.ResourceProviders"')


def test_without_the_login_the_page_fails_and_writes_event_12(portal: Lab) -> None:
    del portal.sql.servers["SQL1"].logins["MgmtSvc-AdminAPI"]
    text = refused(portal, "/Plans/Create", name="Plan", services="mysqlservers")
    assert text.startswith("HTTP 500")
    assert portal.events() == ["Login failed for user 'MgmtSvc-AdminAPI'."]


@pytest.mark.parametrize("product", ["wa4ws", "wap"])
def test_an_installer_that_the_feed_names_and_that_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, product: str
) -> None:
    from lab.files import resolve_new

    design, name = {"wa4ws": ("wa4ws", "WA4WS_Express"), "wap": ("single-domain", "WAP_SingleMachineInstallation")}[
        product
    ]
    with running(tmp_path, monkeypatch, design) as lab:
        gone = resolve_new(lab.world.machine("FILE"), r"C:\WebPI\installers\MgmtSvc-TenantSite\MgmtSvc-TenantSite.msi")
        gone.unlink()
        done = lab.install(product=name)
        assert done.exit_code != 0
        assert r"\\FILE\WebPI\installers\MgmtSvc-TenantSite\MgmtSvc-TenantSite.msi" in "\n".join(done.output)
        assert len(lab.world.machine("Portal1").collection("wap-component")) == 0, "installers come before the work"
