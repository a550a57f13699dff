"""What an administrator may alter by hand behind Pulumi's back: one entry for each property that can drift.

Each drift says in which resource which line of ``pulumi preview --diff`` shows it. Drifts that do not disturb each
other are made together, in rounds: an ``up`` takes its time.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from components.portal.databases import DATABASES
from remote.detached import run_detached
from tests.e2e.farm import SECRETS, Farm

SITE = "MgmtSvc-TenantSite"
PLAN = "High availability check"
OTHER = "Set-By-Hand-Password-1!"
MADE = "~ present: false => true"
"""The whole thing is gone, and is made again."""

Hand = Callable[[Farm], object]


@dataclass(frozen=True)
class Drift:
    name: str
    resource: str
    """Its name in the stack."""
    line: str
    """A line of the resource's part of the preview, single-spaced."""
    by_hand: Hand | None
    """None: it follows from another drift of the same round."""


# Hands: what an administrator would type ---------------------------------------------------------------------------


def shell(machine: str, script: str) -> Hand:
    return lambda farm: farm.powershell(machine, script)


def sql(machine: str, *statements: str) -> Hand:
    return lambda farm: [farm.sql(machine, statement) for statement in statements]


def console(machine: str, script: str) -> Hand:
    """At the machine itself: what reaches a second machine cannot be done through WinRM."""

    def act(farm: Farm) -> object:
        text = f"param($ProgressFile)\n{script}"
        powershell, host = farm.remote.powershell(machine), farm.remote.hosts[machine]
        attempted = "do by hand at the console"
        return run_detached(
            powershell, host, "By hand", text, {}, attempted=attempted, timeout_seconds=120, report=print
        )

    return act


def balancing(machine: str, *changes: str) -> Hand:
    """Changes of a load balancing cluster, each while no node is converging: else the cluster refuses it."""
    begin = """
$card = @{ HostName = $env:COMPUTERNAME; InterfaceName = 'Ethernet' }
function Wait-Cluster {
    while (@(Get-NlbClusterNode @card | Where-Object { "$($_.State)" -eq 'Converging' }).Count) { Start-Sleep -Milliseconds 200 }
}
"""  # noqa: E501
    return console(machine, begin + "\nWait-Cluster\n".join(["", *changes, ""]))


def portal(script: str) -> Hand:
    """With the administrators' cmdlets on the first portal node; ``@how`` is where and who."""
    begin = """
$credential = New-Object System.Management.Automation.PSCredential $User, (ConvertTo-SecureString $Password -AsPlainText -Force)
$how = @{ AdminUri = 'https://localhost:30004'; DisableCertificateValidation = $true }
$how.Token = Get-MgmtSvcToken -Type Windows -AuthenticationSite 'https://localhost:30072' -ClientRealm 'http://azureservices/AdminSite' -User $credential -DisableCertificateValidation
$plan = Get-MgmtSvcPlan @how | Where-Object { $_.DisplayName -eq 'High availability check' }
$spf = Get-MgmtSvcResourceProvider @how | Where-Object { $_.Name -eq 'systemcenter' }
"""  # noqa: E501
    who = {"User": r"HYPERVNU\installer", "Password": SECRETS["installer"], "Account": SECRETS["spfAccountPassword"]}
    return lambda farm: farm.powershell("Portal1", begin + script, **who)


def firewall(machine: str, whose: str, verb: str, change: str = "") -> Hand:
    """One of the program's two rules on a portal node."""
    return shell(machine, f"{verb}-NetFirewallRule -Name 'Windows Azure Pack HA ({whose})' {change}")


def account(script: str) -> str:
    return f'$account = [ADSI]"WinNT://$env:COMPUTERNAME/SVC_SPF_REG,user"\n{script}'


def certificate(script: str) -> str:
    find = "Get-ChildItem Cert:\\LocalMachine\\My | Where-Object { $_.Subject -like 'CN=portal.hyper-v.nu*' }"
    return f'$ours = {find}\n$path = "Cert:\\LocalMachine\\My\\$($ours.Thumbprint)"\n{script}'


def stores(script: str) -> Hand:
    """With the cmdlets that work on the stores themselves; ``$portal`` and ``$store`` are their connection strings."""
    begin = """
$builder = New-Object System.Data.SqlClient.SqlConnectionStringBuilder
$builder['Data Source'] = 'sql.hyper-v.nu'
$builder['Initial Catalog'] = 'Microsoft.MgmtSvc.PortalConfigStore'
$builder['User ID'] = 'sa'
$builder['Password'] = $Password
$portal = $builder.ConnectionString
$builder['Initial Catalog'] = 'Microsoft.MgmtSvc.Store'
$store = $builder.ConnectionString
"""
    return lambda farm: farm.powershell("Portal1", begin + script, Password=SECRETS["sqlAdministratorPassword"])


def store(principal: str, verb: str) -> Hand:
    return stores(f"[void]({verb}-MgmtSvcAdminUser -Principal '{principal}' -ConnectionString $store)")


def name_of(namespace: str, change: str) -> Hand:
    both = "-PortalConnectionString $portal -ManagementConnectionString $store"
    return stores(f"Set-MgmtSvcFqdn -Namespace {namespace} {change} {both}")


def trust(namespace: str, setting: str) -> Hand:
    return stores(f"""
$known = Get-MgmtSvcDatabaseSetting -Namespace {namespace} -Name {setting} -ConnectionString $portal
$other = $known.Value -replace 'portal\\.hyper-v\\.nu', 'portal2.hyper-v.nu'
Set-MgmtSvcDatabaseSetting -Namespace {namespace} -Name {setting} -Value $other -ConnectionString $portal""")


def provider(name: str, endpoint: str, address: str) -> Hand:
    return portal(f"""
$provider = Get-MgmtSvcResourceProvider -Name {name} -IncludeSystemResourceProviders @how
$provider.{endpoint}Endpoint.ForwardingAddress = '{address}'
[void](Set-MgmtSvcResourceProvider -ResourceProvider $provider -Force @how)""")


REGISTRY = r"N'HKEY_LOCAL_MACHINE', N'Software\Microsoft\MSSQLServer\MSSQLServer', N'LoginMode', REG_DWORD"
WINDOWS_ONLY = f"EXEC master.dbo.xp_instance_regwrite {REGISTRY}, 1"
DISABLE_HADR = r"""
$settings = Get-WmiObject -Namespace root\Microsoft\SqlServer\ComputerManagement11 -Class HADRServiceSettings
[void]$settings.ChangeHADRService(0)
"""
RESTART_SQL = "Restart-Service MSSQLSERVER -Force"
REPLICA = "ALTER AVAILABILITY GROUP [SQL] MODIFY REPLICA ON N'SQL2' WITH"
SITES = ("AdminSite", "WindowsAuthSite", "TenantSite", "AuthSite")
PROVIDERS = ("marketplace", "monitoring", "usageservice", "sqlservers", "mysqlservers")
SAME = "the same on every replica"
COMPARED = r'~ \[1\]: ".+" => \[unknown\]'
"""The revision of the second node's configuration."""
CONFIGURED = r'~ configured: ".+" => \[unknown\]'


def login(how: str, name: str, *statements: str) -> list[Drift]:
    """A login that differs on the secondary; of the two mirrors one shows it."""
    line = rf'~ state: ".*{name} on SQL2: {how}[;"].*=> "{SAME}"'
    return [Drift(f"login: {how}", "logins", line, sql("SQL2", *statements))]


# What is not ours, made before everything else and to be left alone ---------------------------------------------------

FOREIGN: dict[str, Hand] = {
    "a member of the operators": shell(
        "Portal1", '([ADSI]"WinNT://$env:COMPUTERNAME/MgmtSvc Operators,group").Add("WinNT://HYPERVNU/SVC_SPF")'
    ),
    "a member of a group of SPF": shell(
        "SPF1", '([ADSI]"WinNT://$env:COMPUTERNAME/SPF_VMM,group").Add("WinNT://HYPERVNU/SVC_SQL")'
    ),
    "logins on either replica": lambda farm: [
        farm.sql(machine, f"CREATE LOGIN [NotOurs] WITH PASSWORD = N'{OTHER}'") for machine in ("SQL1", "SQL2")
    ],
    "a principal of the administrators' site": store(r"HYPERVNU\Domain Admins", "Add"),
    "a plan": portal("[void](Add-MgmtSvcPlan -DisplayName 'Not ours' -State Private @how)"),
    "another rule of another cluster": balancing(
        "SPF1",
        "Get-NlbClusterPortRule @card | Remove-NlbClusterPortRule -Force",
        "[void](Get-NlbCluster @card | "
        "Add-NlbClusterPortRule -StartPort 8090 -EndPort 8090 -Protocol Tcp -Mode Multiple -Affinity Single)",
    ),
    "a web site": shell(
        "Portal2",
        "[void](New-Website -Name 'NotOurs' -Port 8088 -PhysicalPath 'C:\\inetpub\\wwwroot')\n"
        "New-WebBinding -Name 'NotOurs' -Protocol https -Port 443 -IPAddress '[fe80::1]'\n"
        "New-WebBinding -Name 'NotOurs' -Protocol https -Port 443 -HostHeader 'notours.hyper-v.nu' -SslFlags 1",
    ),
}

# The rounds -----------------------------------------------------------------------------------------------------------

ALTERED = [
    # The portal tries an endpoint before it takes it, so these come before what alters the account and the firewall.
    Drift(
        "registration: address",
        "spf-registration",
        '~ url : "https://spf1.hyper-v.nu:8090/.+" => "https://spf.hyper-v.nu:8090"',
        portal("""
$spf.AdminEndpoint.ForwardingAddress = 'https://spf1.hyper-v.nu:8090/SC2012/Admin/Microsoft.Management.Odata.svc/'
$spf.AdminEndpoint.AuthenticationPassword = $Account
$spf.TenantEndpoint.AuthenticationPassword = $Account
[void](Set-MgmtSvcResourceProvider -ResourceProvider $spf -Force @how)"""),
    ),
    Drift(
        "registration: disabled",
        "spf-registration",
        "~ enabled: false => true",
        portal("""
$spf.Enabled = $false
$spf.AdminEndpoint.AuthenticationPassword = $Account
$spf.TenantEndpoint.AuthenticationPassword = $Account
[void](Set-MgmtSvcResourceProvider -ResourceProvider $spf -Force @how)"""),
    ),
    Drift(
        "provider: endpoint of the administrators",
        "mysqlservers-endpoints",
        '~ url: "Admin: https://portal2.hyper-v.nu:30012/" => "https://portal.hyper-v.nu:30012"',
        provider("mysqlservers", "Admin", "https://portal2.hyper-v.nu:30012/"),
    ),
    Drift(
        "provider: endpoint of the tenants",
        "marketplace-endpoints",
        '~ url: "Tenant: https://portal2.hyper-v.nu:30018/subscriptions" => "https://portal.hyper-v.nu:30018"',
        provider("marketplace", "Tenant", "https://portal2.hyper-v.nu:30018/subscriptions"),
    ),
    Drift(
        "account: password",
        "SPF2-account",
        r"~ password: \[secret\] => \[secret\]",
        shell("SPF2", account(f'$account.SetPassword("{OTHER}")')),
    ),
    Drift(
        "account: expires",
        "SPF1-account",
        "~ never_expires: false => true",
        shell("SPF1", account("$account.UserFlags.Value = $account.UserFlags.Value -bxor 0x10000; $account.SetInfo()")),
    ),
    Drift(
        "account: has an end",
        "SPF2-account",
        '~ expires *: "2030-01-31 00:00:00" => "never"',
        shell(
            "SPF2",
            "Add-Type -AssemblyName System.DirectoryServices.AccountManagement\n"
            "$context = New-Object System.DirectoryServices.AccountManagement.PrincipalContext 'Machine'\n"
            "$users = [System.DirectoryServices.AccountManagement.UserPrincipal]\n"
            "$account = $users::FindByIdentity($context, 'SVC_SPF_REG')\n"
            "$account.AccountExpirationDate = [datetime]'2030-01-31'; $account.Save()",
        ),
    ),
    Drift(
        "account: disabled",
        "SPF2-account",
        "~ enabled : false => true",
        shell("SPF2", account("$account.UserFlags.Value = $account.UserFlags.Value -bor 2; $account.SetInfo()")),
    ),
    Drift(
        "account: out of a group",
        "SPF1-account",
        r'\+ \[2\]: "SPF_VMM"',
        shell(
            "SPF1", '([ADSI]"WinNT://$env:COMPUTERNAME/SPF_VMM,group").Remove("WinNT://$env:COMPUTERNAME/SVC_SPF_REG")'
        ),
    ),
    Drift(
        "account: description",
        "SPF1-account",
        '~ description : "something else" => ".+"',
        shell("SPF1", account('$account.Description = "something else"; $account.SetInfo()')),
    ),
    Drift(
        "operators: member removed",
        "Portal1-operators",
        r'\+ \[0\]: "HYPERVNU\\\\WAP Administrators"',
        shell(
            "Portal1",
            '([ADSI]"WinNT://$env:COMPUTERNAME/MgmtSvc Operators,group").Remove("WinNT://HYPERVNU/WAP Administrators")',
        ),
    ),
    Drift(
        "site: another certificate",
        "Portal1-tenant-site",
        r'~ thumbprint: "[0-9A-F]{40}" => "[0-9A-F]{40}"',
        shell(
            "Portal1",
            f"""
$other = (Get-WebBinding -Name 'MgmtSvc-ConfigSite' -Protocol 'https').certificateHash
$binding = Get-WebBinding -Name '{SITE}' -Protocol 'https'
$binding.RemoveSslCertificate()
$binding.AddSslCertificate($other, 'My')""",
        ),
    ),
    Drift(
        "authentication site: the installer's kind of certificate",
        "Portal2-site-certificates",
        r'~ thumbprint: "[0-9A-F]{40} on MgmtSvc-AuthSite" => "[0-9A-F]{40}"',
        shell(
            "Portal2",
            """
$other = (Get-WebBinding -Name 'MgmtSvc-ConfigSite' -Protocol 'https').certificateHash
$binding = Get-WebBinding -Name 'MgmtSvc-AuthSite' -Protocol 'https'
$binding.RemoveSslCertificate()
$binding.AddSslCertificate($other, 'My')""",
        ),
    ),
    Drift(
        "administrators' site: stopped",
        "Portal1-site-certificates",
        "~ started: false => true",
        shell("Portal1", "Stop-Website 'MgmtSvc-AdminSite'"),
    ),
    Drift(
        "site: bound back",
        "Portal2-tenant-site",
        "~ port : 30081 => 443",
        shell(
            "Portal2",
            f"Set-WebBinding -Name '{SITE}' -BindingInformation '*:443:' -PropertyName Port -Value 30081",
        ),
    ),
    Drift(
        "site: stopped", "Portal2-tenant-site", "~ started: false => true", shell("Portal2", f"Stop-Website '{SITE}'")
    ),
    Drift(
        "site: application pool stopped",
        "Portal1-site-certificates",
        "~ started *: false => true",
        shell("Portal1", "Stop-WebAppPool -Name MgmtSvc-AdminSite"),
    ),
    Drift(
        "firewall: for one program",
        "Portal2-firewall-servers",
        r'- \[0\]: "Program C:.+notepad.exe"',
        firewall("Portal2", "servers", "Set", r"-Program C:\Windows\notepad.exe"),
    ),
    Drift(
        "firewall: disabled",
        "Portal1-firewall-clients",
        "~ enabled: false => true",
        firewall("Portal1", "clients", "Disable"),
    ),
    Drift(
        "firewall: a port missing",
        "Portal1-firewall-clients",
        r'\+ \[2\]: "30071"',
        firewall("Portal1", "clients", "Set", "-Protocol TCP -LocalPort 443,30006"),
    ),
    Drift(
        "firewall: blocks",
        "Portal2-firewall-clients",
        '~ action : "Block" => "Allow"',
        firewall("Portal2", "clients", "Set", "-Action Block"),
    ),
    Drift(
        "firewall: on one kind of network",
        "Portal2-firewall-clients",
        '~ profile: "Domain" => "Any"',
        firewall("Portal2", "clients", "Set", "-Profile Domain"),
    ),
    Drift(
        "firewall: administrators from anywhere",
        "Portal2-firewall-administrators",
        r'~ \[0\]: "Any" => "172\.\d+\.5\.0/24"',
        firewall("Portal2", "administrators", "Set", "-RemoteAddress Any"),
    ),
    Drift(
        "firewall: a rule of the installer is on again",
        "Portal1-installers-rules",
        r'- \[0\]: "MgmtSvc-AdminAPI \(HTTPS-In\)"',
        shell("Portal1", "Enable-NetFirewallRule -DisplayName 'MgmtSvc-AdminAPI (HTTPS-In)'"),
    ),
    Drift(
        "firewall: from anywhere",
        "Portal1-firewall-servers",
        r'~ \[0\]: "Any" => "172\.\d+\.5\.0/24"',
        firewall("Portal1", "servers", "Set", "-RemoteAddress Any"),
    ),
    Drift(
        "firewall: another protocol",
        "Portal2-firewall-servers",
        '~ protocol : "UDP" => "TCP"',
        firewall("Portal2", "servers", "Set", "-Protocol UDP"),
    ),
    Drift(
        "firewall: another direction",
        "Portal2-firewall-servers",
        '~ direction: "Outbound" => "Inbound"',
        firewall("Portal2", "servers", "Set", "-Direction Outbound"),
    ),
    Drift(
        "authentication: restart pending",
        "SQL-authentication",
        '~ restart: "pending on SQL1" => "none pending"',
        sql("SQL1", WINDOWS_ONLY),
    ),
    Drift(
        "administrator: password",
        "SQL-administrator",
        r"~ password: \[secret\] => \[secret\]",
        sql("SQL2", f"ALTER LOGIN [sa] WITH PASSWORD = N'{OTHER}'"),
    ),
    Drift(
        "administrator: disabled",
        "SQL-administrator",
        "~ enabled : false => true",
        sql("SQL2", "ALTER LOGIN [sa] DISABLE"),
    ),
    Drift(
        "AlwaysOn: restart pending",
        "SQL-alwayson",
        '~ restart: "pending on SQL1" => "none pending"',
        shell("SQL1", DISABLE_HADR),
    ),
    Drift(
        "cluster: rights",
        "SQL-cluster",
        '~ access: "missing: VIEW SERVER STATE on SQL2" => "granted"',
        sql("SQL2", r"REVOKE VIEW SERVER STATE FROM [NT AUTHORITY\SYSTEM]"),
    ),
    Drift(
        "endpoint: role",
        "SQL1-endpoint",
        '~ role: "PARTNER" => "ALL"',
        sql("SQL1", "ALTER ENDPOINT [Hadr_endpoint] FOR DATABASE_MIRRORING (ROLE = PARTNER)"),
    ),
    Drift(
        "group: failover mode",
        "SQL",
        '~ failover_mode : "MANUAL" => "AUTOMATIC"',
        sql("SQL1", f"{REPLICA} (FAILOVER_MODE = MANUAL)"),
    ),
    Drift(
        "group: availability mode",
        "SQL",
        '~ availability_mode: "ASYNCHRONOUS_COMMIT" => "SYNCHRONOUS_COMMIT"',
        sql("SQL1", f"{REPLICA} (AVAILABILITY_MODE = ASYNCHRONOUS_COMMIT)"),
    ),
    Drift(
        "database: suspended",
        "Microsoft.MgmtSvc.Usage",
        r'~ replicas: "SQL2: suspended \(SUSPEND_FROM_USER\)" => "synchronized"',
        sql("SQL2", "ALTER DATABASE [Microsoft.MgmtSvc.Usage] SET HADR SUSPEND"),
    ),
    *login("missing", "MgmtSvc-MySQL", "DROP LOGIN [MgmtSvc-MySQL]"),
    *login(
        "another SID",
        "MgmtSvc-Usage",
        "DROP LOGIN [MgmtSvc-Usage]",
        f"CREATE LOGIN [MgmtSvc-Usage] WITH PASSWORD = N'{OTHER}'",
    ),
    *login("password", "MgmtSvc-AdminAPI", f"ALTER LOGIN [MgmtSvc-AdminAPI] WITH PASSWORD = N'{OTHER}'"),
    *login("enabled or disabled", "MgmtSvc-AdminSite", "ALTER LOGIN [MgmtSvc-AdminSite] DISABLE"),
    *login("password policy", "MgmtSvc-Monitoring", "ALTER LOGIN [MgmtSvc-Monitoring] WITH CHECK_POLICY = OFF"),
    *login("password expiration", "MgmtSvc-SQLServer", "ALTER LOGIN [MgmtSvc-SQLServer] WITH CHECK_EXPIRATION = ON"),
    *login("default database", "MgmtSvc-AuthSite", "ALTER LOGIN [MgmtSvc-AuthSite] WITH DEFAULT_DATABASE = [tempdb]"),
    *login(
        "default language",
        "MgmtSvc-UsageCollector",
        "ALTER LOGIN [MgmtSvc-UsageCollector] WITH DEFAULT_LANGUAGE = [Deutsch]",
    ),
    *login(
        "server roles: drop dbcreator",
        "MgmtSvc-TenantAPI",
        "ALTER SERVER ROLE dbcreator ADD MEMBER [MgmtSvc-TenantAPI]",
    ),
    *login(
        "server permissions: drop grant VIEW SERVER STATE",
        "MgmtSvc-TenantSite",
        "GRANT VIEW SERVER STATE TO [MgmtSvc-TenantSite]",
    ),
    *login(
        "server permissions: add grant CONNECT SQL, drop deny CONNECT SQL",
        "MgmtSvc-WebAppGallery",
        "DENY CONNECT SQL TO [MgmtSvc-WebAppGallery]",
    ),
    Drift(
        "plan: state",
        "plan",
        '~ state : "Private" => "Public"',
        portal("$plan.State = 'Private'\n[void](Set-MgmtSvcPlan -Plan $plan @how)"),
    ),
    Drift(
        "plan: service removed",
        "plan",
        r'\+ \[0\]: "mysqlservers"',
        portal("Remove-MgmtSvcPlanService -PlanId $plan.Id -ServiceName mysqlservers -Confirm:$false @how"),
    ),
    Drift(
        "administrators: principal removed",
        "administrators",
        r'\+ \[0\]: "HYPERVNU\\\\WAP Administrators"',
        store(r"HYPERVNU\WAP Administrators", "Remove"),
    ),
    Drift(
        "name: host",
        "AdminAPI-name",
        '~ fqdn: "portal2.hyper-v.nu" => "portal.hyper-v.nu"',
        name_of("AdminAPI", "-FullyQualifiedDomainName portal2.hyper-v.nu"),
    ),
    Drift("name: port", "TenantSite-name", "~ port: 30081 => 443", name_of("TenantSite", "-Port 30081")),
    Drift(
        "trust: where users sign in",
        "AdminSite-trust",
        '~ sign_in: "portal2.hyper-v.nu:30072" => "portal.hyper-v.nu:30072"',
        trust("AdminSite", "Authentication.IdentityProvider"),
    ),
    Drift(
        "trust: where they are sent back to",
        "TenantSite-trust",
        '~ reply_to: "portal2.hyper-v.nu:443" => "portal.hyper-v.nu:443"',
        trust("AuthSite", "Authentication.RelyingParty.Primary"),
    ),
    Drift(
        "port rules: affinity",
        "admin-api-port-rules",
        '~ affinity: "none" => "single"',
        balancing(
            "Portal1",
            "[void](Get-NlbClusterPortRule @card | Where-Object { $_.StartPort -eq 443 } | "
            "Set-NlbClusterPortRule -NewAffinity None)",
        ),
    ),
    Drift(
        "port rules: rule removed",
        "admin-api-port-rules",
        r"\+ \[5\]: \{",
        balancing(
            "Portal1",
            "Get-NlbClusterPortRule @card | Where-Object { $_.StartPort -eq 30091 } | Remove-NlbClusterPortRule -Force",
        ),
    ),
    Drift(
        "node: a rule switched off",
        "Portal1-node",
        '~ rules: "30071-30072 tcp multiple single is switched off" => ".+"',
        balancing("Portal1", "[void](Disable-NlbClusterPortRule @card -Port 30071)"),
    ),
    Drift(
        "node: stopped",
        "Portal2-node",
        "~ started: false => true",
        shell("Portal2", "[void](Stop-NlbClusterNode -HostName $env:COMPUTERNAME -InterfaceName Ethernet)"),
    ),
]
"""Single properties, each for itself."""

HIDDEN = {
    "administrators": "Portal1",
    "Portal1-configuration": "Portal1",
    "Portal2-configuration": "Portal2",
    "plan": "Portal1",
    "Portal2-plan-replication": "Portal2",
    "spf-registration": "Portal1",
    **{f"{name}-name": "Portal1" for name in (*SITES, "AdminAPI", "TenantAPI", "TenantPublicAPI")},
    **{f"{name}-trust": "Portal1" for name in ("AdminSite", "TenantSite")},
    **{f"{name}-endpoints": "Portal1" for name in PROVIDERS},
}
"""What can be read only through the listener, and the machine that says so."""

BROKEN = [
    Drift(
        "account: deleted on one server",
        "SPF2-account",
        MADE,
        shell("SPF2", '([ADSI]"WinNT://$env:COMPUTERNAME,computer").Delete("User", "SVC_SPF_REG")'),
    ),
    # Nobody can be served by a site whose certificate is gone, so this takes the interfaces with it.
    Drift("certificate: removed", "Portal1-certificate", MADE, shell("Portal1", certificate("Remove-Item $path"))),
    Drift(
        "certificate: without its key",
        "Portal2-certificate",
        "~ private_key: false => true",
        shell(
            "Portal2",
            certificate("""
$public = New-Object System.Security.Cryptography.X509Certificates.X509Certificate2 (,$ours.RawData)
Remove-Item $path
$store = New-Object System.Security.Cryptography.X509Certificates.X509Store 'My', 'LocalMachine'
$store.Open('ReadWrite')
$store.Add($public)
$store.Close()"""),
        ),
    ),
    Drift(
        "port rules: rule added",
        "admin-api-port-rules",
        r"- \[6\]: \{",
        balancing(
            "Portal1",
            "[void](Get-NlbCluster @card | "
            "Add-NlbClusterPortRule -StartPort 40000 -EndPort 40010 -Protocol Tcp -Mode Multiple -Affinity Single)",
        ),
    ),
    Drift(
        "cluster: mode",
        "admin-api-cluster",
        '~ mode: "multicast" => "unicast"',
        balancing("Portal1", "[void](Get-NlbCluster @card | Set-NlbCluster -OperationMode Multicast)"),
    ),
    Drift(
        "node: the first one suspended",
        "Portal1-node",
        "~ started: false => true",
        shell("Portal1", "[void](Suspend-NlbClusterNode -HostName $env:COMPUTERNAME -InterfaceName Ethernet)"),
    ),
    Drift(
        "feature: removed",
        "Portal2-nlb",
        MADE,
        shell("Portal2", "if (-not (Uninstall-WindowsFeature -Name NLB).Success) { throw 'not removed' }"),
    ),
    Drift("node: gone with the feature", "Portal2-node", MADE, None),
    Drift(
        "authentication: Windows only",
        "SQL-authentication",
        '~ mode: "windows" => "mixed"',
        lambda farm: [farm.sql("SQL2", WINDOWS_ONLY), farm.powershell("SQL2", "Restart-Service MSSQLSERVER -Force")],
    ),
    Drift(
        "administrator: password on the primary",
        "SQL-administrator",
        r"~ password: \[secret\] => \[secret\]",
        sql("SQL1", f"ALTER LOGIN [sa] WITH PASSWORD = N'{OTHER}'"),
    ),
    Drift(
        "administrator: disabled on the primary",
        "SQL-administrator",
        "~ enabled : false => true",
        sql("SQL1", "ALTER LOGIN [sa] DISABLE"),
    ),
    Drift(
        "AlwaysOn: disabled on a secondary",
        "SQL-alwayson",
        '~ alwayson: "disabled on SQL2" => "enabled"',
        lambda farm: [farm.powershell("SQL2", DISABLE_HADR), farm.powershell("SQL2", RESTART_SQL)],
    ),
    Drift(
        "endpoint: stopped",
        "SQL2-endpoint",
        '~ state : "STOPPED" => "STARTED"',
        sql("SQL2", "ALTER ENDPOINT [Hadr_endpoint] STATE = STOPPED"),
    ),
    Drift(
        "endpoint: port",
        "SQL2-endpoint",
        "~ port : 5099 => 5022",
        sql("SQL2", "ALTER ENDPOINT [Hadr_endpoint] AS TCP (LISTENER_PORT = 5099)"),
    ),
    Drift(
        "endpoint: encryption",
        "SQL2-endpoint",
        '~ encryption: "RC4" => "AES"',
        sql("SQL2", "ALTER ENDPOINT [Hadr_endpoint] FOR DATABASE_MIRRORING (ENCRYPTION = REQUIRED ALGORITHM RC4)"),
    ),
    Drift(
        "endpoint: access",
        "SQL1-endpoint",
        r'~ access: "missing for HYPERVNU\\\\SVC_SQL" => "granted"',
        sql("SQL1", r"REVOKE CONNECT ON ENDPOINT::[Hadr_endpoint] FROM [HYPERVNU\SVC_SQL]"),
    ),
    *(
        Drift(
            f"database: a replica away ({name})", name, '~ replicas: "SQL2: NOT SYNCHRONIZING" => "synchronized"', None
        )
        for name in DATABASES
    ),
    Drift(
        "listener: port",
        "SQL-listener",
        "~ port: 1444 => 1433",
        sql("SQL1", "ALTER AVAILABILITY GROUP [SQL] MODIFY LISTENER N'SQL' (PORT = 1444)"),
    ),
    Drift("logins: compared when a node was configured", "logins-after-joining", COMPARED, None),
    *(
        Drift(f"firewall: looked at when {node} was configured", f"{node}-installers-rules", CONFIGURED, None)
        for node in ("Portal1", "Portal2")
    ),
    *(
        Drift(f"hidden: {name}", name, rf'~ reading: "fails: {machine}: read .+" => "works"', None)
        for name, machine in HIDDEN.items()
    ),
]
"""What takes other things with it, or out of sight."""

GONE = [
    Drift(
        "node: out of the cluster",
        "Portal2-node",
        MADE,
        balancing(
            "Portal1",
            "[void](Get-NlbClusterNode @card | Where-Object { $_.Name -eq 'Portal2' } | Remove-NlbClusterNode -Force)",
        ),
    ),
    Drift(
        "software: a component uninstalled",
        "Portal2-software",
        r'~ \[\d+\]: "AdminSite" => "MySQL"',
        console(
            "Portal2",
            r"$product = (Get-ItemProperty 'HKLM:\SOFTWARE\Microsoft\MgmtSvc\MySQL').ProductCode"
            "\n& msiexec.exe /q /x $product REBOOT=ReallySuppress | Out-Null\n"
            'if ($LASTEXITCODE) { throw "msiexec ended with $LASTEXITCODE" }',
        ),
    ),
    Drift(
        "configuration: a feature that is no longer there",
        "Portal2-configuration",
        r'~ \[\d+\]: "AdminSite" => "MySQL"',
        None,
    ),
    Drift(
        "certificates: a site that is no longer there",
        "Portal2-site-certificates",
        r'~ thumbprint: "\(none\) on MgmtSvc-MySQL" => "[0-9A-F]{40}"',
        None,
    ),
    Drift("firewall: rule removed", "Portal2-firewall-clients", MADE, firewall("Portal2", "clients", "Remove")),
    Drift("logins: compared when a node was configured", "logins-after-joining", COMPARED, None),
    Drift("firewall: looked at when a node was configured", "Portal2-installers-rules", CONFIGURED, None),
    Drift("plan: removed", "plan", MADE, portal("Remove-MgmtSvcPlan -PlanId $plan.Id -Confirm:$false @how")),
    Drift(
        "plan: not seen through the other node",
        "Portal2-plan-replication",
        r'~ plan_id: "\(none\)" => \[unknown\]',
        None,
    ),
    Drift(
        "registration: removed",
        "spf-registration",
        MADE,
        portal("Remove-MgmtSvcResourceProvider -Name systemcenter -InstanceId $spf.InstanceId -Confirm:$false @how"),
    ),
    Drift(
        "database: out of the group",
        "Microsoft.MgmtSvc.Usage",
        MADE,
        sql(
            "SQL1",
            "ALTER AVAILABILITY GROUP [SQL] REMOVE DATABASE [Microsoft.MgmtSvc.Usage]",
            "ALTER DATABASE [Microsoft.MgmtSvc.Usage] SET RECOVERY SIMPLE",
        ),
    ),
]
"""Whole things."""

ROUNDS = {"altered": ALTERED, "broken": BROKEN, "gone": GONE}

LASTING = {
    # Windows wants a restart after a feature was removed, also when it was installed again meanwhile.
    "broken": r"portal2/registry/.*\\RebootPending:",
    # The installer makes another certificate of its own for the component's site.
    "gone": r"portal2/(certificate/[0-9A-F]{40}: .*'MgmtSvc-MySQL'|sslbinding/0\.0\.0\.0:30012:)",
}
"""What a drift does for good; nobody can undo it."""

REFUSED = [
    ("sa out of sysadmin", "SQL2", "ALTER SERVER ROLE sysadmin DROP MEMBER [sa]", 15405),
    ("recovery model in the group", "SQL1", "ALTER DATABASE [Microsoft.MgmtSvc.Store] SET RECOVERY SIMPLE", 1468),
]
"""What cannot drift, since SQL Server does not let it: name, machine, statement, error number."""
