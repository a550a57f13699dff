"""Configuration: databases, logins, passphrase, second node."""

from __future__ import annotations

from typing import Any

import pytest

from lab.powershell.api import HashTable, PowerShellError
from lab.tests.wap.conftest import PASSPHRASE, SA, Lab
from lab.wap.catalogue import CONFIG, DATABASES, FEATURES, PORTAL, STORE
from lab.wap.database import parse

SQL: dict[str, Any] = {"Server": "SQL", "UserName": "sa", "Password": SA}
LOGINS = {
    "AdminSiteNotificationServiceUser",
    "AuthSiteNotificationServiceUser",
    "TenantSiteNotificationServiceUser",
    "MgmtSvc-AdminAPI",
    "MgmtSvc-AdminSite",
    "MgmtSvc-AuthSite",
    "MgmtSvc-Monitoring",
    "MgmtSvc-MySQL",
    "MgmtSvc-SQLServer",
    "MgmtSvc-TenantAPI",
    "MgmtSvc-TenantPublicAPI",
    "MgmtSvc-TenantSite",
    "MgmtSvc-Usage",
    "MgmtSvc-UsageCollector",
    "MgmtSvc-UsageCollector_Management",
    "MgmtSvc-WebAppGallery",
    "MgmtSvc-WindowsAuthSite",
}


def _names(objects: list[Any]) -> dict[str, bool]:
    return {item.get("Name"): item.get("Configured") for item in objects}


def test_features_are_those_installed_and_not_yet_configured(farm: Lab) -> None:
    farm.install()
    found = _names(farm.call("Get-MgmtSvcFeature"))
    assert list(found) == list(FEATURES)
    assert not any(found.values())
    assert _names(farm.call("Get-MgmtSvcFeature", Name="tenant*")) == {
        "TenantAPI": False,
        "TenantPublicAPI": False,
        "TenantSite": False,
    }


def test_the_product_makes_five_databases_and_seventeen_logins_on_the_primary(portal: Lab) -> None:
    assert set(portal.sql.databases) == set(DATABASES)
    assert {database.recovery for database in portal.sql.databases.values()} == {"SIMPLE"}
    assert set(portal.sql.servers["SQL1"].logins) - {"sa"} == LOGINS
    assert len(LOGINS) == 17
    assert set(portal.sql.servers["SQL2"].logins) == {"sa"}
    passwords = {password for name, (password, _) in portal.sql.servers["SQL1"].logins.items() if name != "sa"}
    assert len(passwords) == 17
    assert {len(password) for password in passwords} == {32}
    assert all(_names(portal.call("Get-MgmtSvcFeature")).values())
    states = [
        site["state"]
        for name, site in portal.world.machine("Portal1").collection("site").items()
        if name != "Default Web Site"
    ]
    assert set(states) == {"Started"}


def test_the_one_who_configures_becomes_an_operator(portal: Lab) -> None:
    members = portal.world.machine("Portal1").collection("group")["MgmtSvc Operators"]["members"]
    assert members == ["HYPERVNU\\installer"]


def test_a_second_node_takes_over_what_is_there(portal: Lab) -> None:
    before = dict(portal.sql.servers["SQL1"].logins)
    portal.install("Portal2")
    portal.configure("Portal2")
    assert portal.sql.servers["SQL1"].logins == before
    one, two = (portal.world.machine(name).collection("wap-feature") for name in ("Portal1", "Portal2"))
    for name in FEATURES:
        assert one[name]["logins"] == two[name]["logins"]
        assert one[name]["keys"] == two[name]["keys"]


def test_a_second_node_with_another_passphrase_changes_nothing(portal: Lab) -> None:
    portal.install("Portal2")
    with pytest.raises(PowerShellError, match="passphrase is not valid"):
        portal.configure("Portal2", Passphrase="Another-passphrase!")
    assert len(portal.world.machine("Portal2").collection("wap-feature")) == 0


def test_secrets_of_the_store_are_not_readable(portal: Lab) -> None:
    rows = portal.sql.databases[CONFIG].sqlite.execute('SELECT "Value" FROM "Config.Settings"').fetchall()
    stored = " ".join(row[0] for row in rows)
    passwords = [password for name, (password, _) in portal.sql.servers["SQL1"].logins.items() if name != "sa"]
    assert rows
    assert not any(password in stored for password in passwords)
    assert PASSPHRASE not in stored


def test_passphrase_tests(farm: Lab) -> None:
    farm.install()
    assert farm.call("Test-MgmtSvcPassphrase", Passphrase=PASSPHRASE, **SQL) == [True]  # proves nothing: no store yet
    assert farm.call("Test-MgmtSvcPassphrase", Passphrase="short", **SQL) == [False]
    farm.configure()
    assert farm.call("Test-MgmtSvcPassphrase", Passphrase=PASSPHRASE, **SQL) == [True]
    assert farm.call("Test-MgmtSvcPassphrase", Passphrase="Another-passphrase!", **SQL) == [False]


def test_a_changed_passphrase(portal: Lab) -> None:
    new = "New-passphrase-of-the-tests!"
    portal.call("Reset-MgmtSvcPassphrase", OldPassphrase=PASSPHRASE, NewPassphrase=new, **SQL)
    assert portal.call("Test-MgmtSvcPassphrase", Passphrase=PASSPHRASE, **SQL) == [False]
    portal.install("Portal2")
    portal.configure("Portal2", Passphrase=new)
    one, two = (portal.world.machine(name).collection("wap-feature")["AdminAPI"] for name in ("Portal1", "Portal2"))
    assert one["logins"] == two["logins"]


@pytest.mark.parametrize("passphrase", ["Short-1!", "OnlyLetters123"])
def test_a_weak_passphrase_is_refused(farm: Lab, passphrase: str) -> None:
    farm.install()
    with pytest.raises(PowerShellError, match="more than eight characters"):
        farm.configure(Passphrase=passphrase)
    assert farm.sql.databases == {}


def test_sql_servers_own_words_reach_the_caller(farm: Lab) -> None:
    farm.install()
    with pytest.raises(PowerShellError, match="Login failed for user 'sa'") as caught:
        farm.configure(Password="wrong")
    assert caught.value.exception_type == "System.Data.SqlClient.SqlException"
    assert caught.value.data["Number"] == 18456
    with pytest.raises(PowerShellError, match="network-related"):
        farm.configure(Server="NOBODY")


def test_a_feature_that_is_not_installed(farm: Lab) -> None:
    with pytest.raises(PowerShellError, match="not installed"):
        farm.call("Initialize-MgmtSvcFeature", Name="AdminAPI", Passphrase=PASSPHRASE, **SQL)
    with pytest.raises(PowerShellError, match="not installed"):
        farm.call("Initialize-MgmtSvcFeature", Name="Nonsense", Passphrase=PASSPHRASE, **SQL)


def test_settings_may_come_as_a_table(farm: Lab) -> None:
    farm.install()
    table = HashTable(
        [("dbServer", "SQL"), ("dbAdminUserName", "sa"), ("dbAdminPassword", SA), ("configStorePassphrase", PASSPHRASE)]
    )
    farm.call("Initialize-MgmtSvcFeature", Name="TenantAPI", Settings=table)
    assert [name for name, done in _names(farm.call("Get-MgmtSvcFeature")).items() if done] == ["TenantAPI"]
    assert set(farm.sql.databases) == {CONFIG, STORE}


def test_database_settings(portal: Lab) -> None:
    name: dict[str, Any] = {"Namespace": "TenantSite", "Name": "machineKey.decryptionKey"}
    [setting] = portal.call("Get-MgmtSvcDatabaseSetting", Passphrase=PASSPHRASE, **name, **SQL)
    assert (
        setting.get("Value")
        == portal.world.machine("Portal1").collection("wap-feature")["TenantSite"]["keys"][name["Name"]]
    )
    with pytest.raises(PowerShellError, match="encrypted"):
        portal.call("Get-MgmtSvcDatabaseSetting", **name, **SQL)
    portal.call("Set-MgmtSvcDatabaseSetting", Namespace="TenantSite", Name="x", Value="y", Database=PORTAL, **SQL)
    [found] = portal.call("Get-MgmtSvcDatabaseSetting", Namespace="TenantSite", Name="x", Database=PORTAL, **SQL)
    assert found.get("Value") == "y"


def test_administrators(portal: Lab) -> None:
    string: dict[str, Any] = {"ConnectionString": f"Data Source=SQL;Initial Catalog={STORE};User ID=sa;Password={SA}"}
    assert portal.call("Get-MgmtSvcAdminUser", **string) == ["PORTAL1\\MgmtSvc Operators"]
    portal.call("Add-MgmtSvcAdminUser", Principal="HYPERVNU\\WAP Administrators", **string)
    assert portal.call("Get-MgmtSvcAdminUser", Principal="hypervnu\\wap administrators", **string) == [
        "HYPERVNU\\WAP Administrators"
    ]
    portal.call("Remove-MgmtSvcAdminUser", Principal="HYPERVNU\\WAP Administrators", **string)
    assert portal.call("Get-MgmtSvcAdminUser", Principal="HYPERVNU\\WAP Administrators", **string) == []
    with pytest.raises(PowerShellError, match="not found"):
        portal.call("Remove-MgmtSvcAdminUser", Principal="HYPERVNU\\nobody", **string)


def test_host_names_and_trust_point_at_the_first_node_until_changed(portal: Lab) -> None:
    portal.install("Portal2")
    portal.configure("Portal2")
    [before] = portal.call("Get-MgmtSvcFqdn", Namespace="WindowsAuthSite", **SQL)
    assert (before.get("FullyQualifiedDomainName"), before.get("Port")) == ("portal1.hyper-v.nu", 30072)
    portal.call(
        "Set-MgmtSvcFqdn",
        Namespace=["WindowsAuthSite", "AdminSite"],
        FullyQualifiedDomainName="portal.hyper-v.nu",
        **SQL,
    )
    [after] = portal.call("Get-MgmtSvcFqdn", Namespace="WindowsAuthSite", **SQL)
    assert after.get("FullyQualifiedDomainName") == "portal.hyper-v.nu"

    location = portal.get("Portal2", "30091/").headers["location"]
    assert location.startswith("https://portal1.hyper-v.nu:30072/wsfederation/issue?wa=wsignin1.0")
    metadata = "https://portal1.hyper-v.nu:30072/FederationMetadata/2007-06/FederationMetadata.xml"
    with pytest.raises(PowerShellError, match="trust relationship"):
        portal.call("Set-MgmtSvcRelyingPartySettings", Target="Admin", MetadataEndpoint=metadata, **SQL)
    portal.call(
        "Set-MgmtSvcRelyingPartySettings",
        Target="Admin",
        MetadataEndpoint=metadata,
        DisableCertificateValidation=True,
        **SQL,
    )
    location = portal.get("Portal2", "30091/").headers["location"]
    assert location.startswith("https://portal.hyper-v.nu:30072/wsfederation/issue?wa=wsignin1.0")

    metadata = metadata.replace("30072", "30091")
    portal.call(
        "Set-MgmtSvcIdentityProviderSettings",
        Target="Windows",
        MetadataEndpoint=metadata,
        DisableCertificateValidation=True,
        **SQL,
    )
    [setting] = portal.call(
        "Get-MgmtSvcDatabaseSetting",
        Namespace="WindowsAuthSite",
        Name="Authentication.RelyingParty.Primary",
        Database=PORTAL,
        **SQL,
    )
    assert "https://portal.hyper-v.nu:30091/" in setting.get("Value")


@pytest.mark.parametrize(
    ("text", "user", "password"),
    [
        ("Data Source=SQL;Initial Catalog=X;User ID=sa;Password=a b", "sa", "a b"),
        ('server=SQL;database=X;uid=sa;pwd="a;b""c"', "sa", 'a;b"c'),
        ("Data Source=SQL;Initial Catalog=X;Integrated Security=SSPI", None, None),
    ],
)
def test_connection_strings(text: str, user: str | None, password: str | None) -> None:
    found = parse(text)
    assert (found.server, found.database, found.user, found.password) == ("SQL", "X", user, password)


def test_a_wrong_connection_string() -> None:
    with pytest.raises(PowerShellError, match="Keyword not supported: 'whatever'"):
        parse("Server=x;Whatever=1")
    with pytest.raises(PowerShellError, match="Format of the initialization string"):
        parse("Server")
