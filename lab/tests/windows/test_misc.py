"""Environment, ping, WMI, shares, firewall, power and the failover cluster."""

from __future__ import annotations

import time
from typing import Any

import pytest

from lab import firewall, machines
from lab.powershell.api import PROGRAMS, TYPES, NotModelledError, PowerShellError
from lab.windows import misc, nlb
from lab.windows.firewall_rules import WMI
from lab.world import World


def test_environment_and_hostname(shell: Any) -> None:
    session = shell("Portal1").session
    found = misc.environment(session)
    assert (found["COMPUTERNAME"], found["USERDOMAIN"], found["USERNAME"]) == ("PORTAL1", "HYPERVNU", "installer")
    system = shell("Portal1", user="SYSTEM", logon="service").session
    assert misc.environment(system)["USERNAME"] == "PORTAL1$"
    assert PROGRAMS["hostname.exe"](session, []).output == ("Portal1",)


def test_ping_knows_machines_and_clusters(world: World, shell: Any) -> None:
    run = shell("Portal1")
    assert run("Test-Connection", ComputerName=["SQL1", "sql.hyper-v.nu", "nowhere"], Quiet=True) == [True, True, False]
    world.machine("SQL1").collection("power").change("state", running=False)
    assert run("Test-Connection", ComputerName=["SQL1"], Quiet=True, Count=1) == [False]
    assert run("Test-Connection", ComputerName=["SQL1"], Count=1) == []
    assert run.recorder.errors[0].error_id.startswith("TestConnectionException,")
    world.collection("nlb", "cluster")["www.hyper-v.nu"] = {
        "name": "www.hyper-v.nu", "address": "172.45.5.150", "mask": "255.255.255.0", "mode": "UNICAST",
        "mac": nlb.cluster_mac("172.45.5.150", "UNICAST"), "nodes": ["Portal2"],
    }  # fmt: skip
    (answer,) = run("Test-Connection", ComputerName=["www.hyper-v.nu"], Count=1)
    assert str(answer.get("IPV4Address")) == "172.45.5.150"


def test_wmi_filters_and_times(shell: Any) -> None:
    run = shell("SQL1")
    (service,) = run("Get-WmiObject", Class="Win32_Service", Filter="Name='MSSQLSERVER' AND State = 'Running'")
    assert service.get("StartName") == "HYPERVNU\\SVC_SQL"
    assert run("Get-CimInstance", Query="SELECT Name FROM Win32_Service WHERE Name LIKE 'SQL%'")[0].get("State") is None
    (system,) = run("Get-WmiObject", Class="Win32_OperatingSystem")
    (same,) = run("Get-CimInstance", ClassName="Win32_OperatingSystem")
    booted = system.methods["converttodatetime"](system.get("LastBootUpTime"))
    assert booted == same.get("LastBootUpTime")
    with pytest.raises(NotModelledError):
        run("Get-WmiObject", Class="Win32_Product")
    with pytest.raises(PowerShellError, match="RPC server is unavailable"):  # the firewall of a fresh machine
        run("Get-WmiObject", Class="Win32_OperatingSystem", ComputerName=["FILE"])
    shell("FILE")("Enable-NetFirewallRule", DisplayGroup=[WMI])
    with pytest.raises(PowerShellError, match="Access is denied"):
        run("Get-WmiObject", Class="Win32_OperatingSystem", ComputerName=["FILE"])


def test_alwayson_is_configured_through_wmi(world: World, shell: Any) -> None:
    where = {"Namespace": r"root\Microsoft\SqlServer\ComputerManagement11", "Class": "HADRServiceSettings"}
    world.machine("SQL1").collection("sql-instance")["MSSQLSERVER"] = {"running": True, "mixed": False}
    run = shell("SQL1")

    def settings() -> Any:
        (found,) = run("Get-WmiObject", **where)
        return found

    assert (settings().get("InstanceName"), settings().get("HADRServiceEnabled")) == ("MSSQLSERVER", False)
    assert settings().get("WindowsFailoverClusterName") is None
    assert int(settings().methods["changehadrservice"](1).get("ReturnValue")) == 1, "no node of a cluster"
    assert settings().get("HADRServiceEnabled") is False
    world.collection("lab", "sql-cluster")["cluster"] = {"name": "sqlcluster", "members": ["SQL1"]}
    assert int(settings().methods["changehadrservice"](1).get("ReturnValue")) == 0
    assert settings().get("HADRServiceEnabled") is True
    assert settings().get("WindowsFailoverClusterName") == "sqlcluster"
    with pytest.raises(NotModelledError, match="HADRServiceSettings"):
        shell("Portal1")("Get-WmiObject", **where)
    with pytest.raises(NotModelledError, match="computermanagement10"):
        run("Get-WmiObject", **{**where, "Namespace": r"root\Microsoft\SqlServer\ComputerManagement10"})


def test_firewall_rules(shell: Any) -> None:
    run = shell("Portal1")
    run("New-NetFirewallRule", DisplayName="Portal", Direction="Inbound", Protocol="TCP", LocalPort=["443"])
    (rule,) = run("Get-NetFirewallRule", DisplayName=["Portal"])
    (ports,) = run("Get-NetFirewallPortFilter", rule)
    assert (str(rule.get("Enabled")), str(rule.get("Action")), ports.get("LocalPort")) == ("True", "Allow", "443")
    name = {"Name": [rule.get("Name")]}
    run("Set-NetFirewallRule", **name, Protocol="UDP", Direction="Outbound", Action="Block", Profile="Domain")
    run("Set-NetFirewallRule", **name, LocalPort=["1-9", "443"], RemoteAddress=["172.45.5.0/24", "10.0.0.1-10.0.0.9"])
    (rule,) = run("Get-NetFirewallRule", **name)
    assert [str(rule.get(key)) for key in ("Direction", "Action", "Profile")] == ["Outbound", "Block", "Domain"]
    (ports,) = run("Get-NetFirewallPortFilter", AssociatedNetFirewallRule=rule)
    assert (ports.get("Protocol"), ports.get("LocalPort")) == ("UDP", ["1-9", "443"])
    (addresses,) = run("Get-NetFirewallAddressFilter", AssociatedNetFirewallRule=rule)
    assert addresses.get("RemoteAddress") == ["172.45.5.0/255.255.255.0", "10.0.0.1-10.0.0.9"]
    assert addresses.get("LocalAddress") == "Any"
    run("Disable-NetFirewallRule", DisplayName=["Portal"])
    assert str(run("Get-NetFirewallRule", DisplayName=["Portal"])[0].get("Enabled")) == "False"
    run("Remove-NetFirewallRule", DisplayName=["Portal"])
    assert run("Get-NetFirewallRule", DisplayName=["Portal"]) == []
    assert run.recorder.errors[0].error_id == "CmdletizationQuery_NotFound_DisplayName,Get-NetFirewallRule"
    for address in ("172.45.5.0/24", "172.45.5.0/255.255.255.0", "172.45.5.1-172.45.5.9", "LocalSubnet"):
        run("New-NetFirewallRule", DisplayName="From", RemoteAddress=[address])
    for address in ("portal.hyper-v.nu", "172.45.5.300", "172.45.5.1-9"):
        with pytest.raises(PowerShellError, match="The address is invalid"):
            run("New-NetFirewallRule", DisplayName="From", RemoteAddress=[address])
    with pytest.raises(NotModelledError):
        run("New-NetFirewallRule", DisplayName="From", RemoteAddress=["Internet"])


LIMITS: list[tuple[str, dict[str, Any], str, str]] = [
    ("Application", {"Program": r"C:\Windows\notepad.exe"}, r"C:\Windows\notepad.exe", "Any"),
    ("Service", {"Service": "W3SVC"}, "W3SVC", "Any"),
    ("Interface", {"InterfaceAlias": ["Ethernet 2"]}, "Ethernet 2", "Any"),
    ("InterfaceType", {"InterfaceType": "Wireless"}, "Wireless", "Any"),
    ("Security", {"Authentication": "Required"}, "Required", "NotRequired"),
    ("Security", {"Encryption": "Required"}, "Required", "NotRequired"),
    ("Security", {"LocalUser": "D:(A;;CC;;;BA)"}, "D:(A;;CC;;;BA)", "Any"),
    ("Security", {"RemoteUser": "D:(A;;CC;;;BA)"}, "D:(A;;CC;;;BA)", "Any"),
    ("Security", {"RemoteMachine": "D:(A;;CC;;;BA)"}, "D:(A;;CC;;;BA)", "Any"),
    ("Address", {"LocalAddress": ["172.45.5.9"]}, "172.45.5.9", "Any"),
    ("Port", {"RemotePort": ["9"]}, "9", "Any"),
]


@pytest.mark.parametrize(("kind", "limit", "shown", "none"), LIMITS, ids=[next(iter(one[1])) for one in LIMITS])
def test_a_rule_that_is_limited(
    world: World, shell: Any, kind: str, limit: dict[str, Any], shown: str, none: str
) -> None:
    run, (name, _) = shell("Portal1"), *limit.items()
    rule = {"Name": "Portal", "DisplayName": "Portal", "Protocol": "TCP", "LocalPort": ["443"]}
    made = run("New-NetFirewallRule", **rule)[0]
    world.machine("Portal1").collection("firewall-profile")["Domain"] = {"enabled": True}
    (found,) = run(f"Get-NetFirewall{kind}Filter", AssociatedNetFirewallRule=made)
    assert str(found.get(name)) == none
    assert firewall.admits(world.machine("Portal1"), "172.45.5.7", 443)
    run("Set-NetFirewallRule", Name=["Portal"], **limit)
    (found,) = run(f"Get-NetFirewall{kind}Filter", AssociatedNetFirewallRule=made)
    assert str(found.get(name)) == shown
    assert not firewall.admits(world.machine("Portal1"), "172.45.5.7", 443)
    run("Set-NetFirewallRule", Name=["Portal"], **{name: [none] if isinstance(limit[name], list) else none})
    (found,) = run(f"Get-NetFirewall{kind}Filter", AssociatedNetFirewallRule=made)
    assert str(found.get(name)) == none
    run("Remove-NetFirewallRule", Name=["Portal"])
    (again,) = run("New-NetFirewallRule", **rule, **limit)
    (found,) = run(f"Get-NetFirewall{kind}Filter", AssociatedNetFirewallRule=again)
    assert str(found.get(name)) == shown


def test_a_rule_for_the_card_that_the_machine_has(world: World, shell: Any) -> None:
    run = shell("Portal1")
    world.machine("Portal1").collection("firewall-profile")["Domain"] = {"enabled": True}
    for limit in ({"InterfaceAlias": ["ether*"]}, {"InterfaceType": "Wired"}):
        run("New-NetFirewallRule", Name="Portal", DisplayName="Portal", Protocol="TCP", LocalPort=["443"], **limit)
        assert firewall.admits(world.machine("Portal1"), "172.45.5.7", 443)
        run("Remove-NetFirewallRule", Name=["Portal"])


def test_a_restart_is_ordered_and_comes(world: World, shell: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    ordered: list[str] = []
    monkeypatch.setattr(machines, "restart", lambda _, machine: ordered.append(machine.name))
    shell("Portal1")("Restart-Computer", Force=True)
    PROGRAMS["shutdown.exe"](shell("Portal2").session, ["/r", "/t", "0"])
    for _ in range(200):
        if len(ordered) == 2:
            break
        time.sleep(0.005)
    assert sorted(ordered) == ["Portal1", "Portal2"]
    with pytest.raises(PowerShellError, match="RPC server is unavailable"):
        shell("Portal1")("Restart-Computer", ComputerName=["SQL1"])
    shell("SQL1")("Enable-NetFirewallRule", DisplayGroup=[WMI])
    with pytest.raises(PowerShellError, match="Access is denied"):
        shell("Portal1")("Restart-Computer", ComputerName=["SQL1"])


def test_the_cluster_of_sql_server(world: World, shell: Any) -> None:
    run = shell("SQL1")
    assert run("Get-Cluster")[0].get("Name") == "sqlcluster"
    assert [str(node.get("State")) for node in run("Get-ClusterNode")] == ["Up"]
    addresses = [one for one in run("Get-ClusterResource") if one.get("ResourceType") == "IP Address"]
    assert [one.get("Name") for one in addresses] == ["Cluster IP Address"]
    (address,) = run("Get-ClusterParameter", *addresses, Name=["Address"])
    assert address.get("Value") == world.topology["sql"]["cluster"]["address"]
    with pytest.raises(PowerShellError, match="cluster service is not running"):
        shell("Portal1")("Get-Cluster")


def test_what_a_firewall_allows_is_read_at_once(world: World, shell: Any) -> None:
    run = shell("SQL1")
    run("New-NetFirewallRule", Name="Endpoint", DisplayName="Endpoint", Protocol="TCP", LocalPort=["5022"])
    store = {"PolicyStore": "ActiveStore"}
    assert "Endpoint" in [rule.get("InstanceID") for rule in run("Get-NetFirewallRule", **store)]
    ports = {one.get("InstanceID"): one.get("LocalPort") for one in run("Get-NetFirewallPortFilter", **store)}
    programs = {one.get("InstanceID"): one.get("Program") for one in run("Get-NetFirewallApplicationFilter", **store)}
    assert (ports["Endpoint"], programs["Endpoint"]) == ("5022", "Any")
    profiles = {one.get("Name"): str(one.get("Enabled")) for one in run("Get-NetFirewallProfile", **store)}
    assert profiles == {"Domain": "True", "Private": "True", "Public": "True"}
    world.machine("SQL1").collection("firewall-profile")["Domain"] = {"enabled": False}
    assert str(run("Get-NetFirewallProfile", Name=["Domain"])[0].get("Enabled")) == "False"
    with pytest.raises(NotModelledError):
        run("Get-NetFirewallRule", PolicyStore="RSOP")


def test_files_through_dotnet(shell: Any) -> None:
    session = shell("Portal1").session
    file, directory = TYPES["system.io.file"].statics, TYPES["system.io.directory"].statics
    directory["CreateDirectory"](session, "C:\\Work\\Deep")
    file["WriteAllText"](session, "C:\\Work\\a.txt", "Grüße")
    assert file["ReadAllText"](session, "C:\\Work\\a.txt") == "Grüße"
    assert bytes(file["ReadAllBytes"](session, "C:\\Work\\a.txt")) == "Grüße".encode()
    file["WriteAllBytes"](session, "C:\\Work\\b.bin", [0, 255])
    assert list(file["ReadAllBytes"](session, "C:\\Work\\b.bin")) == [0, 255]
    with pytest.raises(PowerShellError, match="Could not find file"):
        file["ReadAllText"](session, "C:\\Work\\none.txt")
    with pytest.raises(PowerShellError, match="part of the path"):
        file["WriteAllText"](session, "C:\\None\\a.txt", "x")
    file["Delete"](session, "C:\\Work\\none.txt")
    file["Copy"](session, "C:\\Work\\a.txt", "C:\\Work\\c.txt")
    file["Move"](session, "C:\\Work\\c.txt", "C:\\Work\\d.txt")
    assert (file["Exists"](session, "C:\\Work\\c.txt"), file["Exists"](session, "C:\\Work\\d.txt")) == (False, True)
    with pytest.raises(PowerShellError, match="already exists"):
        file["Move"](session, "C:\\Work\\d.txt", "C:\\Work\\a.txt")
    with pytest.raises(PowerShellError, match="Could not find file"):
        file["Move"](session, "C:\\Work\\c.txt", "C:\\Work\\e.txt")
    with pytest.raises(PowerShellError, match="not empty"):
        directory["Delete"](session, "C:\\Work")
    directory["Delete"](session, "C:\\Work", True)
    assert not directory["Exists"](session, "C:\\Work")


def test_names_resolve_through_dotnet(shell: Any) -> None:
    find = TYPES["system.net.dns"].statics["GetHostAddresses"]
    session = shell("Portal1").session
    assert [str(address) for address in find(session, "sql")] == ["172.45.5.50"]
    with pytest.raises(PowerShellError, match="No such host"):
        find(session, "nowhere.hyper-v.nu")
    assert [str(address) for address in find(session, "Hyper-V.nu")] == ["172.45.5.10", "172.45.5.11"]
    session.machine.world.collection("lab", "dns")["hyper-v.nu"] = {"address": "172.45.5.10"}
    assert [str(address) for address in find(session, "hyper-v.nu")] == ["172.45.5.10"], "one controller"


def test_assemblies(shell: Any) -> None:
    run = shell("Portal1")
    run("Add-Type", AssemblyName=["System.DirectoryServices.AccountManagement"])
    with pytest.raises(PowerShellError, match="could not be found"):
        run("Add-Type", AssemblyName=["Contoso.Tools"])
    with pytest.raises(NotModelledError):
        run("Add-Type", TypeDefinition="public class X {}")
