"""What a fresh Windows Server 2012 of the farm holds, before anybody touched it."""

from __future__ import annotations

from typing import Any

from lab import identity
from lab.replicas import replicas
from lab.sql.installation import Names
from lab.windows import firewall_rules, network, registry, services
from lab.world import Machine, World

GUEST_KEY = r"HKLM\SOFTWARE\Microsoft\Virtual Machine\Guest\Parameters"
"""What the integration services of Hyper-V write into a guest at its start (Microsoft: IVMGuestOS::GetParameter)."""
VERSION_KEY = r"HKLM\SOFTWARE\Microsoft\Windows NT\CurrentVersion"
FRAMEWORK_KEY = r"HKLM\SOFTWARE\Microsoft\NET Framework Setup\NDP\v4\Full"
COMMON_SERVICES = (
    ("EventLog", "Windows Event Log", "Auto", "Running", (), "NT AUTHORITY\\LocalService"),
    ("LanmanServer", "Server", "Auto", "Running", (), "LocalSystem"),
    ("LanmanWorkstation", "Workstation", "Auto", "Running", (), "NT AUTHORITY\\NetworkService"),
    ("MpsSvc", "Windows Firewall", "Auto", "Running", (), "NT AUTHORITY\\LocalService"),
    ("Netlogon", "Netlogon", "Auto", "Running", ("LanmanWorkstation",), "LocalSystem"),
    ("RpcSs", "Remote Procedure Call (RPC)", "Auto", "Running", (), "NT AUTHORITY\\NetworkService"),
    ("Schedule", "Task Scheduler", "Auto", "Running", ("RpcSs", "EventLog"), "LocalSystem"),
    ("W32Time", "Windows Time", "Manual", "Running", (), "NT AUTHORITY\\LocalService"),
    (
        "WinRM",
        "Windows Remote Management (WS-Management)",
        "Auto",
        "Running",
        ("RpcSs",),
        "NT AUTHORITY\\NetworkService",
    ),
    ("wuauserv", "Windows Update", "Manual", "Stopped", ("RpcSs",), "LocalSystem"),
)


def begin(world: World) -> None:
    """Interfaces, firewall, services, registry and features of every machine, SQL Server's services on its machines."""
    network.begin(world)
    firewall_rules.begin(world)
    instances = {replica.machine.lower(): replica.instance for replica in replicas(world.topology)}
    for machine in world.machines.values():
        _services(machine)
        _registry(machine)
        _guest(world, machine)
        if "sql" in machine.roles:
            _sql_server(machine, Names(instances[machine.name.lower()]))


def _services(machine: Machine) -> None:
    for name, display, start_type, status, depends_on, account in COMMON_SERVICES:
        services.add(
            machine,
            name,
            display,
            start_type=start_type,
            status=status,
            depends_on=depends_on,
            account=account,
        )


def _registry(machine: Machine) -> None:
    values: dict[str, tuple[str, Any]] = {
        "ProductName": ("String", "Windows Server 2012 Datacenter"),
        "CurrentVersion": ("String", "6.2"),
        "CurrentBuild": ("String", "9200"),
        "CurrentBuildNumber": ("String", "9200"),
        "EditionID": ("String", "ServerDatacenter"),
        "InstallationType": ("String", "Server"),
    }
    for name, (kind, data) in values.items():
        registry.write(machine, VERSION_KEY, name, data, kind)
    # .NET 4.5, which Windows Server 2012 brings (Microsoft: "How to: Determine Which .NET Framework Versions Are
    # Installed"), and the updates of this lab's servers.
    registry.write(machine, FRAMEWORK_KEY, "Release", 378389, "DWord")
    registry.write(machine, FRAMEWORK_KEY, "Version", "4.5.50709", "String")
    for number in ("KB2842230", "KB3042058"):
        machine.collection("hotfix")[number] = {"description": "Hotfix" if number == "KB2842230" else "Security Update"}
    keys = machine.collection("registry")
    for key in (
        registry.SESSION_MANAGER,
        registry.SERVICING,
        identity.FILTER_POLICY_KEY,
        r"HKLM\SOFTWARE\Microsoft\Windows\CurrentVersion\Uninstall",
        r"HKLM\SYSTEM\CurrentControlSet\Services",
    ):
        if key not in keys:
            keys[key] = {"values": {}}
    computer = r"HKLM\SYSTEM\CurrentControlSet\Control\ComputerName\ActiveComputerName"
    registry.write(machine, computer, "ComputerName", machine.name.upper(), "String")


def host_of(world: World, machine: Machine) -> str:
    """The Hyper-V host that a machine runs on at the beginning: the servers of one kind are on two in turn."""
    alike = [one for one in world.machines.values() if one.roles == machine.roles]
    return f"HOST{alike.index(machine) % 2 + 1}"


def _guest(world: World, machine: Machine) -> None:
    host = host_of(world, machine)
    values = {
        "HostName": host,
        "PhysicalHostName": host,
        "PhysicalHostNameFullyQualified": f"{host}.{machine.domain}".lower(),
        "VirtualMachineName": machine.name,
    }
    for name, data in values.items():
        registry.write(machine, GUEST_KEY, name, data, "String")


def _sql_server(machine: Machine, names: Names) -> None:
    """The database engine and what depends on it, and the failover cluster service that groups need.

    Setup lets SQL Server Browser start by itself where it installs a named instance, and disables it elsewhere.
    """
    from lab.windows import features

    account = f"{machine.netbios}\\SVC_SQL"
    services.add(machine, names.service, f"SQL Server ({names.instance})", account=account)
    services.add(
        machine,
        names.agent,
        f"SQL Server Agent ({names.instance})",
        depends_on=(names.service,),
        account=account,
    )
    services.add(
        machine,
        "SQLBrowser",
        "SQL Server Browser",
        start_type="Disabled" if names.default else "Auto",
        status="Stopped" if names.default else "Running",
        account="NT AUTHORITY\\LOCALSERVICE",
    )
    services.add(machine, "ClusSvc", "Cluster Service", depends_on=("RpcSs",))
    features.install(
        machine,
        ["Failover-Clustering", "RSAT", "RSAT-Feature-Tools", "RSAT-Clustering", "RSAT-Clustering-Mgmt",
         "RSAT-Clustering-PowerShell"],
    )  # fmt: skip
