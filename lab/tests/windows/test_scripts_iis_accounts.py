"""Whole scripts of an administrator on IIS, certificates and accounts, run by the evaluator."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from lab import files, identity
from lab.powershell.api import NotModelledError, PowerShellError
from lab.tests.windows.iis_world import PFX_PASSWORD, certificate, session, site, world
from lab.tests.windows.test_iis_serving import get, refused
from lab.windows import certificates, features, iis
from lab.world import World

__all__ = ["world"]

runspace = pytest.importorskip("lab.powershell.runspace")

PASSWORD = "Spf-Registration-2013!"


def run(world: World, script: str, user: str = "HYPERVNU\\installer", **arguments: Any) -> list[Any]:
    """The output of a script on Portal1; its first error is raised."""
    result = runspace.Runspace(session(world, user=user)).run(script, arguments)
    if result.terminated is not None:
        raise result.terminated
    if result.errors:
        raise result.errors[0]
    return list(result.output)


@pytest.fixture
def web(world: World) -> World:
    """Portal1 with the web server, the tenant site on 30081 with the certificate of the portal."""
    machine = world.machine("Portal1")
    features.install(machine, ["Web-WebServer"])
    made = certificate(world, machine, "portal.hyper-v.nu")
    site(machine, "MgmtSvc-TenantSite", 30081, number=2)
    machine.collection("sslbinding")["0.0.0.0:30081"] = {"thumbprint": made, "store": "My"}
    iis.refresh(world, machine)
    return world


def test_the_tenant_site_moves_to_443_without_a_moment_without_binding(web: World) -> None:
    thumbprint = run(web, "(Get-ChildItem Cert:\\LocalMachine\\My | Where-Object { $_.HasPrivateKey }).Thumbprint")[0]
    run(
        web,
        """param($Site, $Thumbprint)
        New-WebBinding -Name $Site -Protocol https -Port 443 -IPAddress '*'
        (Get-WebBinding -Name $Site -Protocol https -Port 443).AddSslCertificate($Thumbprint, 'My')
        Get-WebBinding -Name $Site -Protocol https -Port 30081 | Remove-WebBinding""",
        Site="MgmtSvc-TenantSite",
        Thumbprint=thumbprint,
    )
    shown = run(
        web,
        """$site = Get-Website | Where-Object { $_.Name -eq 'MgmtSvc-TenantSite' }
        $site.bindings.Collection | ForEach-Object { $_.bindingInformation }""",
    )
    assert shown == ["*:443:"]
    assert get(web, web.machine("Portal1"), port=443).status_code == 404
    assert refused(web.machine("Portal1"), 30081)


def test_com_errors_reach_catch_with_their_text(web: World) -> None:
    output = run(
        web,
        """try { (Get-WebBinding -Name 'MgmtSvc-TenantSite').AddSslCertificate(('0' * 40), 'My') }
        catch { $_.Exception.Message; $_.Exception.InnerException.GetType().FullName }""",
    )
    assert output[0] == (
        'Exception calling "AddSslCertificate" with "2" argument(s): "A specified logon session does not exist. It may '
        'already have been terminated. (Exception from HRESULT: 0x80070520)"'
    )
    assert output[1:] == ["System.Runtime.InteropServices.COMException"]


def test_cmdlets_of_webadministration_are_unknown_without_the_role(world: World) -> None:
    with pytest.raises(PowerShellError) as caught:
        run(world, "Get-Website")
    assert caught.value.error_id == "CommandNotFoundException"


def test_the_certificate_of_the_drive_goes_into_http_sys(web: World) -> None:
    machine = web.machine("Portal1")
    other = certificate(web, machine, "other.hyper-v.nu")
    run(
        web,
        f"""Import-Module WebAdministration
        Get-Item Cert:\\LocalMachine\\My\\{other} | New-Item IIS:\\SslBindings\\0.0.0.0!8443 | Out-Null""",
    )
    assert machine.collection("sslbinding")["0.0.0.0:8443"]["thumbprint"] == other
    assert run(web, "Import-Module WebAdministration; Test-Path IIS:\\SslBindings\\0.0.0.0!8443") == [True]
    run(web, "Import-Module WebAdministration; Remove-Item IIS:\\SslBindings\\0.0.0.0!8443")
    assert run(web, "Import-Module WebAdministration; Test-Path IIS:\\SslBindings\\0.0.0.0!8443") == [False]


def test_iisreset_gives_lines_and_an_exit_code(web: World) -> None:
    output = run(web, "iisreset /restart | Where-Object { $_ -match 'success.*restarted' }; $LASTEXITCODE")
    assert output == ["Internet services successfully restarted", 0]


def test_a_certificate_is_imported_from_text(world: World) -> None:
    pfx = base64.b64encode(world.authority.pfx(["portal.hyper-v.nu"], PFX_PASSWORD)).decode()
    output = run(
        world,
        """param($Pfx, $Password)
        $flags = [System.Security.Cryptography.X509Certificates.X509KeyStorageFlags]'MachineKeySet, PersistKeySet'
        $certificate = New-Object System.Security.Cryptography.X509Certificates.X509Certificate2
        $certificate.Import([Convert]::FromBase64String($Pfx), $Password, $flags)
        $store = New-Object System.Security.Cryptography.X509Certificates.X509Store 'My', 'LocalMachine'
        $store.Open('ReadWrite')
        try { $store.Add($certificate) } finally { $store.Close() }
        $certificate.Thumbprint""",
        Pfx=pfx,
        Password=PFX_PASSWORD,
    )
    document = certificates.find(world.machine("Portal1"), "My", output[0])
    assert document is not None
    assert document["key_pem"]


def test_a_wrong_pfx_password_says_so(world: World) -> None:
    machine = world.machine("Portal1")
    file = files.resolve(world, machine, "C:\\p.pfx", "HYPERVNU\\installer", True)
    file.write_bytes(world.authority.pfx(["portal.hyper-v.nu"], PFX_PASSWORD))
    script = """param($Password)
    $secure = ConvertTo-SecureString $Password -AsPlainText -Force
    $store = 'Cert:\\LocalMachine\\My'
    (Import-PfxCertificate -FilePath C:\\p.pfx -CertStoreLocation $store -Password $secure)[0].Subject"""
    with pytest.raises(PowerShellError, match="requires either a different password"):
        run(world, script, Password="wrong")
    assert run(world, script, Password=PFX_PASSWORD) == ["CN=portal.hyper-v.nu"]


CREATE = """param($Name, $Password)
$computer = [ADSI]"WinNT://$env:COMPUTERNAME"
$user = $computer.Create('User', $Name)
$user.SetPassword($Password)
$user.SetInfo()
$user.UserFlags = $user.UserFlags.Value -bor 0x10000
$user.SetInfo()
foreach ($group in 'Users', 'Remote Desktop Users') {
    ([ADSI]"WinNT://./$group,group").Add("WinNT://$env:COMPUTERNAME/$Name,user")
}
"""


def test_an_account_with_its_groups(world: World) -> None:
    run(world, CREATE, Name="SVC_SPF_REG", Password=PASSWORD)
    token = identity.authenticate(world, world.machine("Portal1"), "SVC_SPF_REG", PASSWORD)
    assert token is not None
    assert identity.in_group(token, "Remote Desktop Users")
    members = """$group = [ADSI]'WinNT://./Remote Desktop Users,group'
    $group.Invoke('Members') | ForEach-Object {
        $_.GetType().InvokeMember('ADsPath', 'GetProperty', $null, $_, $null) }"""
    assert run(world, members) == ["WinNT://HYPERVNU/PORTAL1/SVC_SPF_REG"]
    assert run(world, "([ADSI]'WinNT://./SVC_SPF_REG,user').UserFlags.Value -band 0x10000") == [0x10000]


def test_directory_errors_reach_catch_with_their_text(world: World) -> None:
    run(world, CREATE, Name="SVC", Password=PASSWORD)
    output = run(
        world,
        """try { ([ADSI]'WinNT://./Users,group').Add('WinNT://./SVC') }
        catch { $_.Exception.Message
            '{0:X}' -f $_.Exception.InnerException.ErrorCode }
        try { ([ADSI]'WinNT://./nobody,user').SetInfo() }
        catch { $_.Exception.Message; $_.FullyQualifiedErrorId }
        try { [ADSI]::Exists('WinNT://./nobody,user') } catch { $_.Exception.Message }
        [ADSI]::Exists('WinNT://./nobody,group')""",
    )
    assert output[0].startswith(
        'Exception calling "Add" with "1" argument(s): "The specified account name is already a member'
    )
    assert output[1] == "80070562"
    assert output[2].startswith(
        'The following exception occurred while retrieving member "SetInfo": "The user name could not'
    )
    assert output[3] == "CatchFromBaseGetMember"
    assert output[4].startswith('Exception calling "Exists" with "1" argument(s): "The user name could not be found')
    assert output[5] is False


def test_an_entry_is_found_by_its_name_among_the_children(world: World) -> None:
    script = """$computer = [ADSI]"WinNT://$env:COMPUTERNAME,computer"
    $computer.Children | Where-Object { $_.SchemaClassName -eq 'Group' -and $_.Name -eq 'Users' } | ForEach-Object {
        "$($_.Name)" }"""
    assert run(world, script) == ["Users"]


def test_account_management_in_a_script(world: World) -> None:
    output = run(
        world,
        """param($Password)
        Add-Type -AssemblyName System.DirectoryServices.AccountManagement
        $context = New-Object System.DirectoryServices.AccountManagement.PrincipalContext 'Machine'
        $principal = New-Object System.DirectoryServices.AccountManagement.UserPrincipal $context
        $principal.SamAccountName = 'svc'
        $principal.SetPassword($Password)
        $principal.Save()
        $principal.PasswordNeverExpires = $true
        $principal.Save()
        $again = [System.DirectoryServices.AccountManagement.UserPrincipal]::FindByIdentity($context, 'svc')
        $again.PasswordNeverExpires
        $again.LastPasswordSet.ToString('yyyy')
        $context.ValidateCredentials('svc', $Password)
        $context.ValidateCredentials('svc', 'wrong')
        $null -eq [System.DirectoryServices.AccountManagement.UserPrincipal]::FindByIdentity($context, 'nobody')""",
        Password=PASSWORD,
    )
    assert output == [True, str(world.clock.now().year), True, False, True]


def test_a_stopped_site_and_its_application_pool_are_seen(web: World) -> None:
    state = """Get-Website | Where-Object { $_.Name -eq 'MgmtSvc-TenantSite' } | ForEach-Object {
        $pool = Get-WebAppPoolState -Name $_.applicationPool -ErrorAction SilentlyContinue
        "$($_.State) $($pool.Value)" }"""
    pool = {"name": "MgmtSvc-TenantSite", "state": "Started"}
    web.machine("Portal1").collection("apppool")["MgmtSvc-TenantSite"] = pool
    assert run(web, state) == ["Started Started"]
    run(web, "Stop-Website -Name MgmtSvc-TenantSite")
    assert run(web, state) == ["Stopped Started"]
    run(web, "Stop-WebAppPool -Name (Get-Website | Where-Object { $_.Name -eq 'MgmtSvc-TenantSite' }).applicationPool")
    assert run(web, state) == ["Stopped Stopped"]


def test_anybody_reads_the_domains_clock_from_the_root_dse(world: World) -> None:
    """Of LDAP nothing else is there."""
    read = """$root = New-Object System.DirectoryServices.DirectoryEntry('LDAP://RootDSE', $null, $null, 'Anonymous')
        "$($root.currentTime)"; "$($root.defaultNamingContext)" """
    now, context = run(world, read)
    assert now[:8] == f"{datetime.now(UTC):%Y%m%d}"
    assert now.endswith(".0Z")
    assert context == "DC=hyper-v,DC=nu"
    world.collection("hyper-v.nu", "clock")["state"] = {"ahead": 86400}
    assert run(world, read)[0][:8] == f"{datetime.now(UTC) + timedelta(days=1):%Y%m%d}"
    with pytest.raises(NotModelledError, match="credentials"):
        run(world, read.replace("$null, $null, 'Anonymous'", "'x', 'y', 'Secure'"))
