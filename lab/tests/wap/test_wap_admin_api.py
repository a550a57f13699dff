"""Plans and resource providers through the cmdlets, over HTTPS, seen from both nodes."""

from __future__ import annotations

from typing import Any

import pytest

from lab import identity
from lab.powershell.api import PowerShellError
from lab.tests.wap.conftest import Lab, basic, credential

SPF_PASSWORD = "Spf-of-the-tests-1"
SERVICES = "https://spf1.hyper-v.nu:8090/SC2012/{}/Microsoft.Management.Odata.svc/"


def _provider(lab: Lab, name: str, **options: Any) -> Any:
    [found] = lab.api("Get-MgmtSvcResourceProvider", Name=name, **options)
    return found


def _local_account(lab: Lab, machine: str, *groups: str) -> None:
    found = lab.world.machine(machine)
    accounts, known = found.collection("account"), found.collection("group")
    accounts["SVC_SPF_REG"] = {
        "password": SPF_PASSWORD,
        "sid": identity.next_sid(accounts, known, identity.authority_sid(f"{found.name}.{found.domain}")),
        "flags": 0x10200,
        "bad_password_count": 0,
        "failed_logons": 0,
    }
    for group in groups:
        known.change(group, members=[*known[group]["members"], f"{machine.upper()}\\SVC_SPF_REG"])


def _registration(**other: Any) -> dict[str, Any]:
    values = {
        "Name": "systemcenter",
        "DisplayName": "Virtual Machine Clouds",
        "InstanceDisplayName": "Virtual Machine Clouds",
        "AdminForwardingAddress": SERVICES.format("Admin"),
        "AdminAuthenticationMode": "Basic",
        "AdminAuthenticationUser": credential("SVC_SPF_REG", SPF_PASSWORD),
        "TenantForwardingAddress": SERVICES.format("VMM"),
        "TenantAuthenticationMode": "Basic",
        "TenantAuthenticationUsername": "SVC_SPF_REG",
        "TenantAuthenticationPassword": SPF_PASSWORD,
    }
    return {**values, **other}


def test_a_plan_from_beginning_to_end(portal: Lab) -> None:
    [plan] = portal.api("Add-MgmtSvcPlan", DisplayName="High availability check")
    assert (plan.get("State"), plan.get("ConfigState")) == ("Private", "NotConfigured")
    mysql = _provider(portal, "mysqlservers")
    service = {"PlanId": plan.get("Id"), "ServiceName": "mysqlservers", "InstanceId": mysql.get("InstanceId")}
    portal.api("Add-MgmtSvcPlanService", **service)
    with pytest.raises(PowerShellError, match="already has the service"):
        portal.api("Add-MgmtSvcPlanService", **service)

    [quotas] = portal.call("New-MgmtSvcQuotaList")
    [quota] = portal.call(
        "Add-MgmtSvcListQuota", QuotaList=quotas, ServiceName="mysqlservers", ServiceInstanceId=mysql.get("InstanceId")
    )
    portal.call("Add-MgmtSvcQuotaSetting", Quota=quota, Key="MySqlServersEdition", Value="x")
    portal.api("Update-MgmtSvcPlanQuota", PlanId=plan.get("Id"), QuotaList=quotas)
    [found] = portal.api("Get-MgmtSvcPlan", DisplayName="high availability*")
    assert found.get("ConfigState") == "Configured"
    assert found.get("ServiceQuotas")[0].get("Settings")[0].get("Value") == "x"

    portal.install("Portal2")
    portal.configure("Portal2")
    [seen] = portal.api("Get-MgmtSvcPlan", machine="Portal2", PlanId=plan.get("Id"))
    assert seen.get("DisplayName") == "High availability check"
    [token_of_one_used_at_two] = portal.api("Get-MgmtSvcPlan", machine="Portal2", token=portal.token("Portal1"))
    assert token_of_one_used_at_two.get("Id") == plan.get("Id")

    portal.api("Remove-MgmtSvcPlanService", PlanId=plan.get("Id"), ServiceName="mysqlservers")
    portal.api("Remove-MgmtSvcPlan", PlanId=plan.get("Id"))
    assert portal.api("Get-MgmtSvcPlan", machine="Portal2") == []


def test_plans_that_are_refused(portal: Lab) -> None:
    portal.api("Add-MgmtSvcPlan", DisplayName="One")
    with pytest.raises(PowerShellError, match="already exists") as caught:
        portal.api("Add-MgmtSvcPlan", DisplayName="one")
    assert caught.value.data["StatusCode"] == 409
    with pytest.raises(PowerShellError, match="was not found"):
        portal.api("Get-MgmtSvcPlan", PlanId="nothing")
    [plan] = portal.api("Get-MgmtSvcPlan")
    with pytest.raises(PowerShellError, match="No resource provider"):
        portal.api("Add-MgmtSvcPlanService", PlanId=plan.get("Id"), ServiceName="nothing", InstanceId="0")


def test_a_plan_is_changed(portal: Lab) -> None:
    [plan] = portal.api("Add-MgmtSvcPlan", DisplayName="One", MaxSubscriptionsPerAccount=5)
    portal.api("Set-MgmtSvcPlan", PlanId=plan.get("Id"), DisplayName="Two", State="Public")
    [found] = portal.api("Get-MgmtSvcPlan")
    assert (found.get("DisplayName"), found.get("State"), found.get("MaxSubscriptionsPerAccount")) == (
        "Two",
        "Public",
        5,
    )


def test_the_products_own_providers_are_registered_by_the_first_node(portal: Lab) -> None:
    portal.install("Portal2")
    portal.configure("Portal2")
    assert [p.get("Name") for p in portal.api("Get-MgmtSvcResourceProvider")] == ["mysqlservers", "sqlservers"]
    found = portal.api("Get-MgmtSvcResourceProvider", IncludeSystemResourceProviders=True)
    names = [provider.get("Name") for provider in found]
    assert names == ["marketplace", "monitoring", "mysqlservers", "sqlservers", "usageservice"]
    assert found[2].get("AdminEndpoint").get("ForwardingAddress") == "https://portal1.hyper-v.nu:30012/"


def test_registering_spf_once_from_both_nodes(portal: Lab) -> None:
    _local_account(portal, "SPF1", "SPF_Admin", "SPF_VMM", "SPF_Provider")
    [made] = portal.api("Add-MgmtSvcResourceProvider", **_registration())
    assert made.get("AdminEndpoint").get("AuthenticationUsername") == "SVC_SPF_REG"
    assert made.get("AdminEndpoint").get("AuthenticationPassword") is None
    with pytest.raises(PowerShellError, match="already exists"):
        portal.api("Add-MgmtSvcResourceProvider", **_registration())
    portal.install("Portal2")
    portal.configure("Portal2")
    seen = _provider(portal, "systemcenter", machine="Portal2")
    assert seen.get("InstanceId") == made.get("InstanceId")
    assert SPF_PASSWORD not in str(
        portal.sql.databases["Microsoft.MgmtSvc.Store"]
        .sqlite.execute('SELECT group_concat("Configuration") FROM "mp.ResourceProviders"')
        .fetchone()
    )

    seen.set("DisplayName", "VM Clouds")
    portal.api("Set-MgmtSvcResourceProvider", ResourceProvider=seen, Force=True)
    changed = _provider(portal, "systemcenter")
    assert changed.get("DisplayName") == "VM Clouds"  # the kept password was good: the endpoints were tried again
    portal.api("Remove-MgmtSvcResourceProvider", Name="systemcenter", InstanceId=changed.get("InstanceId"))
    assert portal.api("Get-MgmtSvcResourceProvider", Name="systemcenter") == []


@pytest.mark.parametrize(
    ("groups", "change", "text"),
    [
        (("SPF_Admin",), {}, "(403) Forbidden"),
        (
            ("SPF_Admin", "SPF_VMM"),
            {"AdminAuthenticationUser": credential("SVC_SPF_REG", "wrong")},
            "(401) Unauthorized",
        ),
        (("SPF_Admin", "SPF_VMM"), {"AdminForwardingAddress": "https://spf1.hyper-v.nu:8090/wrong"}, "(404) Not Found"),
        (("SPF_Admin", "SPF_VMM"), {"AdminForwardingAddress": "https://spf1.hyper-v.nu:8091/"}, "Unable to connect"),
        (("SPF_Admin", "SPF_VMM"), {"AdminForwardingAddress": "https://nobody:8090/"}, "could not be resolved"),
    ],
)
def test_endpoints_that_do_not_answer_are_not_registered(
    portal: Lab, groups: tuple[str, ...], change: dict[str, Any], text: str
) -> None:
    _local_account(portal, "SPF1", *groups)
    with pytest.raises(PowerShellError) as caught:
        portal.api("Add-MgmtSvcResourceProvider", **_registration(**change))
    assert text in str(caught.value)
    assert portal.api("Get-MgmtSvcResourceProvider", Name="systemcenter") == []


def test_testing_a_provider(portal: Lab) -> None:
    _local_account(portal, "SPF1", "SPF_Admin", "SPF_VMM")
    values: dict[str, Any] = {"TestUri": SERVICES.format("Admin"), "IsAdmin": True}
    [good] = portal.api("Test-MgmtSvcResourceProvider", **_registration(), **values)
    assert good.get("HasFailures") is False
    [bad] = portal.api(
        "Test-MgmtSvcResourceProvider", **_registration(AdminAuthenticationUser=credential("x", "y")), **values
    )
    assert bad.get("HasFailures") is True


# Service Provider Foundation itself


def test_spf_authentication_and_groups(farm: Lab) -> None:
    _local_account(farm, "SPF1", "SPF_Admin")
    admin, vmm = (
        "8090/SC2012/Admin/Microsoft.Management.Odata.svc/",
        "8090/SC2012R2/VMM/Microsoft.Management.Odata.svc/",
    )
    right = basic("SVC_SPF_REG", SPF_PASSWORD)
    first = farm.get("SPF1", admin, verify=True)
    assert first.status == 401
    assert first.headers["www-authenticate"] == 'Basic realm="spf.hyper-v.nu"'
    answer = farm.get("SPF1", admin, headers=right, verify=True)
    assert answer.status == 200
    assert b"<collection href=" in answer.body
    assert farm.get("SPF1", vmm, headers=right).status == 403
    assert farm.get("SPF1", admin, headers=basic("SVC_SPF_REG", "wrong")).status == 401
    assert farm.get("SPF1", "8090/other", headers=right).status == 404
    assert farm.get("SPF2", admin, headers=right).status == 401  # local accounts: each server its own
    assert farm.get("SPF1", admin, headers=basic("HYPERVNU\\installer", "wrong")).status == 401


def test_spf_without_its_database(farm: Lab) -> None:
    _local_account(farm, "SPF1", "SPF_Admin")
    farm.sql.servers["SQL1"].running = False
    admin = "8090/SC2012/Admin/Microsoft.Management.Odata.svc/"
    assert farm.get("SPF1", admin, headers=basic("SVC_SPF_REG", SPF_PASSWORD)).status == 500


def test_spf_is_balanced_from_the_beginning(farm: Lab) -> None:
    cluster = farm.world.collection("nlb", "cluster")["spf.hyper-v.nu"]
    assert cluster["nodes"] == ["SPF1", "SPF2"]
    for name in cluster["nodes"]:
        [node] = farm.world.machine(name).collection("nlb-node").values()
        assert node["state"] == "Converged"
