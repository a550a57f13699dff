"""The product's cmdlets and programs from real scripts, through the lab's evaluator."""

from __future__ import annotations

from typing import Any

import pytest

from lab.powershell.runspace import Runspace
from lab.tests.wap.conftest import PASSPHRASE, SA, Lab, basic
from lab.tests.wap.test_wap_admin_api import SERVICES, SPF_PASSWORD, _local_account


def _run(lab: Lab, script: str, arguments: dict[str, Any] | None = None, **session: Any) -> list[Any]:
    result = Runspace(lab.session(**session)).run(script, arguments)
    if result.terminated:
        raise result.terminated
    assert result.errors == []
    return list(result.output)


def test_the_cmdlets_come_with_the_installation(farm: Lab) -> None:
    assert _run(farm, "[bool](Get-Command Get-MgmtSvcFeature -ErrorAction SilentlyContinue)") == [False]
    farm.install()
    assert _run(farm, "[bool](Get-Command Get-MgmtSvcFeature -ErrorAction SilentlyContinue)") == [True]


def test_webpi_from_a_script(farm: Lab) -> None:
    script = r"""
param($feed)
$webpi = Join-Path $env:ProgramFiles 'Microsoft\Web Platform Installer\WebpiCmd.exe'
if (-not (Test-Path $webpi)) { throw 'no WebPI' }
$log = 'C:\Windows\Temp\webpi.log'
$product = 'WAP_SingleMachineInstallation'
$output = & $webpi /Install "/Products:$product" /AcceptEula /SuppressReboot "/XML:$feed" "/Log:$log"
$LASTEXITCODE
($output -match 'Install of Products: SUCCESS').Count
(Get-Content $log).Count -gt 10
(Get-ItemProperty 'HKLM:\SOFTWARE\Microsoft\MgmtSvc\AdminAPI').ProductCode.Length
(Get-ItemProperty 'HKLM:\SYSTEM\CurrentControlSet\Control\Session Manager').PendingFileRenameOperations.Count
"""
    feed = "\\\\FILE\\WebPI\\feeds\\latest\\webproductlist.xml"
    assert _run(farm, script, {"feed": feed}) == [0, 1, True, 38, 2]


def test_configuration_from_a_script(farm: Lab) -> None:
    farm.install()
    script = """
param($passphrase, $server, $user, $password)
foreach ($feature in Get-MgmtSvcFeature) {
    if (-not $feature.Configured) {
        Initialize-MgmtSvcFeature -Name $feature.Name -Passphrase $passphrase -EnableCeip No -Server $server `
            -UserName $user -Password $password
    }
}
@(Get-MgmtSvcFeature | Where-Object { -not $_.Configured }).Count
Test-MgmtSvcPassphrase -Passphrase $passphrase -Server $server -UserName $user -Password $password
try { Test-MgmtSvcPassphrase -Passphrase $passphrase -Server $server -UserName $user -Password 'wrong' }
catch { $_.Exception.Message; $_.Exception.GetType().FullName; $_.Exception.Number }
"""
    arguments = {"passphrase": PASSPHRASE, "server": "SQL", "user": "sa", "password": SA}
    assert _run(farm, script, arguments) == [
        0,
        True,
        "Login failed for user 'sa'.",
        "System.Data.SqlClient.SqlException",
        18456,
    ]


def test_a_plan_from_a_script(portal: Lab) -> None:
    script = """
$api = @{ AdminUri = 'https://portal1.hyper-v.nu:30004'; DisableCertificateValidation = $true }
$api.Token = Get-MgmtSvcToken -Type Windows -AuthenticationSite 'https://portal1.hyper-v.nu:30072' `
    -ClientRealm 'http://azureservices/AdminSite' -DisableCertificateValidation
$plan = Add-MgmtSvcPlan -DisplayName 'High availability check' -State Public @api
$mysql = Get-MgmtSvcResourceProvider -Name mysqlservers @api
$null = Add-MgmtSvcPlanService -PlanId $plan.Id -ServiceName $mysql.Name -InstanceId $mysql.InstanceId @api
$quotas = New-MgmtSvcQuotaList
$quota = Add-MgmtSvcListQuota -QuotaList $quotas -ServiceName $mysql.Name -ServiceInstanceId $mysql.InstanceId
$null = Update-MgmtSvcPlanQuota -PlanId $plan.Id -QuotaList $quotas @api
$found = Get-MgmtSvcPlan -DisplayName 'High availability check' @api
"$($found.State) $($found.ConfigState)"
$found.ConfigState -eq 'Configured'
@($found.ServiceQuotas).Count
Remove-MgmtSvcPlan -PlanId $found.Id @api -Confirm:$false
@(Get-MgmtSvcPlan @api).Count
"""
    assert _run(portal, script, logon="network") == ["Public Configured", True, 1, 0]


def test_spf_is_registered_from_a_script(portal: Lab) -> None:
    _local_account(portal, "SPF1", "SPF_Admin", "SPF_VMM")
    script = """
param($admin, $tenant, $user, $password)
$api = @{ AdminUri = 'https://portal1.hyper-v.nu:30004'; DisableCertificateValidation = $true }
$api.Token = Get-MgmtSvcToken -Type Windows -AuthenticationSite 'https://portal1.hyper-v.nu:30072' `
    -ClientRealm 'http://azureservices/AdminSite' -DisableCertificateValidation
$secure = ConvertTo-SecureString $password -AsPlainText -Force
$credential = New-Object System.Management.Automation.PSCredential $user, $secure
$null = Add-MgmtSvcResourceProvider -Name systemcenter -DisplayName 'Virtual Machine Clouds' `
    -InstanceDisplayName 'SPF' -Enabled $true `
    -AdminForwardingAddress $admin -AdminAuthenticationMode Basic -AdminAuthenticationUser $credential `
    -TenantForwardingAddress $tenant -TenantAuthenticationMode Basic -TenantAuthenticationUsername $user `
    -TenantAuthenticationPassword $password @api
$found = Get-MgmtSvcResourceProvider -Name systemcenter @api
$found.AdminEndpoint.AuthenticationUsername
$found.AdminEndpoint.ForwardingAddress.ToString()
Remove-MgmtSvcResourceProvider -Name systemcenter -InstanceId $found.InstanceId @api -Confirm:$false
"""
    admin = SERVICES.format("Admin")
    arguments = {"admin": admin, "tenant": SERVICES.format("VMM"), "user": "SVC_SPF_REG", "password": SPF_PASSWORD}
    assert _run(portal, script, arguments) == ["SVC_SPF_REG", admin]
    assert portal.get("SPF1", admin.split(":", 2)[2], headers=basic("SVC_SPF_REG", SPF_PASSWORD)).status == 200


@pytest.mark.parametrize("script", ["New-MgmtSvcPlan", "Get-MgmtSvcFeature -Wrong 1"])
def test_what_does_not_exist(portal: Lab, script: str) -> None:
    result = Runspace(portal.session()).run(script)
    assert result.terminated or result.errors


ASK = """
param($Address, $Port, $Trusting)
$request = [Net.WebRequest]::Create("https://${Address}:$Port/")
$request.Timeout = 5000
$request.AllowAutoRedirect = $false
if ($Trusting) { $request.ServerCertificateValidationCallback = { $true } }
try {
    $answer = $request.GetResponse()
    "answered $([int]$answer.StatusCode)$(if ($answer.GetResponseHeader('location') -match 'wsignin1') { ', log on' })"
    "$($answer.GetResponseHeader('X-Nowhere'))"
    $answer.Close()
} catch [Net.WebException] {
    if ($_.Exception.Response) { "failed $([int]$_.Exception.Response.StatusCode)" } else { $_.Exception.Message }
}
"""


def test_a_node_asks_its_own_sites(portal: Lab) -> None:
    own = portal.world.machine("Portal1").address

    def fetch(port: int, *, trusting: bool = True) -> list[Any]:
        return _run(portal, ASK, {"address": own, "port": port, "trusting": trusting})

    assert fetch(30091) == ["answered 302, log on", ""]
    assert fetch(30004) == ["failed 401"]
    assert fetch(30099) == ["Unable to connect to the remote server"]
    assert "trust relationship" in fetch(30091, trusting=False)[0]
    portal.sql.primary = "SQL2"
    assert fetch(30091) == ["failed 500"]
