"""Small things around a script: the environment, hostname, whoami, ping, Add-Type."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator

from lab import outsiders
from lab.addresses import loopback_of
from lab.machines import is_reachable
from lab.powershell.api import (
    ENVIRONMENT,
    Call,
    NotModelledError,
    PowerShellError,
    ProgramResult,
    PSObject,
    Session,
    cmdlet,
    program,
)
from lab.replicas import replicas
from lab.windows import nlb
from lab.windows.logons import is_system
from lab.windows.values import ip_address, text, texts
from lab.world import Machine, World

ASSEMBLIES = frozenset(
    """microsoft.csharp microsoft.visualbasic microsoft.web.administration mscorlib system system.configuration
    system.core system.data system.directoryservices system.directoryservices.accountmanagement system.drawing
    system.identitymodel system.management system.net.http system.security system.serviceprocess system.transactions
    system.web system.web.extensions system.windows.forms system.xml system.xml.linq presentationframework
    """.split()  # noqa: SIM905 - a list of forty words reads better so
)
"""Assemblies of the .NET Framework 4.5 (and of IIS) that a script may name; their types are modelled or not."""


def environment(session: Session) -> dict[str, str]:
    """``$env:`` of a process on a machine."""
    machine, user = session.machine, session.identity.user
    prefix, _, name = user.rpartition("\\")
    system = is_system(user)
    profile = "C:\\Windows\\system32\\config\\systemprofile" if system else f"C:\\Users\\{name}"
    return {
        "ALLUSERSPROFILE": "C:\\ProgramData",
        "APPDATA": f"{profile}\\AppData\\Roaming",
        "CommonProgramFiles": "C:\\Program Files\\Common Files",
        "COMPUTERNAME": machine.name.upper(),
        "ComSpec": "C:\\Windows\\system32\\cmd.exe",
        "LOCALAPPDATA": f"{profile}\\AppData\\Local",
        "NUMBER_OF_PROCESSORS": "2",
        "OS": "Windows_NT",
        "Path": "C:\\Windows\\system32;C:\\Windows;C:\\Windows\\System32\\Wbem;"
        "C:\\Windows\\System32\\WindowsPowerShell\\v1.0\\",
        "PATHEXT": ".COM;.EXE;.BAT;.CMD;.VBS;.VBE;.JS;.JSE;.WSF;.WSH;.MSC",
        "PROCESSOR_ARCHITECTURE": "AMD64",
        "ProgramData": "C:\\ProgramData",
        "ProgramFiles": "C:\\Program Files",
        "ProgramFiles(x86)": "C:\\Program Files (x86)",
        "ProgramW6432": "C:\\Program Files",
        "PSModulePath": "C:\\Windows\\system32\\WindowsPowerShell\\v1.0\\Modules\\",
        "PUBLIC": "C:\\Users\\Public",
        "SystemDrive": "C:",
        "SystemRoot": "C:\\Windows",
        "TEMP": "C:\\Windows\\Temp" if system else f"{profile}\\AppData\\Local\\Temp",
        "TMP": "C:\\Windows\\Temp" if system else f"{profile}\\AppData\\Local\\Temp",
        "USERDNSDOMAIN": machine.domain.upper(),
        "USERDOMAIN": machine.netbios if system else prefix,
        "USERNAME": f"{machine.name.upper()}$" if system else name,
        "USERPROFILE": profile,
        "windir": "C:\\Windows",
    }


ENVIRONMENT.append(environment)


@program("hostname.exe")
def hostname(session: Session, arguments: list[str]) -> ProgramResult:
    if arguments:
        raise NotModelledError("hostname.exe with arguments")
    return ProgramResult((session.machine.name,))


@program("whoami.exe")
def whoami(session: Session, arguments: list[str]) -> ProgramResult:
    if arguments:
        raise NotModelledError("whoami.exe with arguments")
    return ProgramResult((session.identity.user.lower(),))


def resolve(world: World, name: str) -> str | None:
    """The address behind a host name: a machine, an NLB cluster, the failover cluster or the listener of SQL Server."""
    wanted = name.lower().rstrip(".")
    try:
        return world.machine(wanted).address
    except KeyError:
        pass
    known = {cluster["name"].lower(): cluster["address"] for cluster in world.collection("nlb", "cluster").values()}
    sql, spf = world.topology.get("sql") or {}, world.topology.get("spf") or {}
    # The administrators of DNS have put the names of the topology there, before anything is made that they belong to.
    fronts = [
        tier.get("cluster") or tier.get("load_balancer") for tier in world.topology.get("portal", {}).get("tiers", [])
    ]
    for front in [*fronts, spf]:
        if front and "name" in front:
            known.setdefault(front["name"].lower(), front["address"])
    domains = {machine.domain.lower() for machine in world.machines.values()}
    for key in ("listener", "cluster"):
        entry = sql.get(key) or {}
        if "name" in entry:
            names = [entry["name"].lower(), *(f"{entry['name'].lower()}.{domain}" for domain in domains)]
            known |= dict.fromkeys(names, entry["address"])
    known |= {name: entry["address"] for name, entry in world.collection("lab", "dns").items()}
    return known.get(wanted) or (wanted if wanted in known.values() else None)


def domain_controllers(world: World, domain: str) -> list[str]:
    """The addresses of a domain's controllers, which are its DNS servers: two, near the beginning of its subnet (the
    lab's own choice), or what a test has put into DNS for the domain's name. Each controller registers its address
    under that name ([MS-ADTS] 6.3.1.10, LdapIpAddress). Raises KeyError for another name."""
    subnets = {str(one["name"]).lower(): one["subnet"] for one in world.topology["domains"] if "subnet" in one}
    network = ipaddress.ip_network(subnets[domain.lower()])
    if given := world.collection("lab", "dns").get(domain.lower()):
        return [given["address"]]
    return [str(network[10]), str(network[11])]


def answers(world: World, address: str) -> bool:
    """Whether something with an address answers a ping: a reachable machine, or a cluster with a reachable one."""
    for machine in world.machines.values():
        if machine.address == address:
            return is_reachable(machine)
    for cluster in world.collection("nlb", "cluster").values():
        if any(vip["address"] == address for vip in nlb.virtual_addresses(cluster)):
            return any(is_reachable(world.machine(node)) for node in cluster["nodes"])
    return any(is_reachable(world.machine(replica.machine)) for replica in replicas(world.topology))


def _way(machine: Machine, address: str) -> bool:
    domain = outsiders.domain_at(machine.world.topology, loopback_of(address))
    return domain is None or outsiders.between(machine.world.topology, machine.domain, domain, "ICMP")


@cmdlet("Test-Connection")
def test_connection(call: Call) -> Iterator[PSObject | bool]:
    """Echo requests; every machine of the lab lets them through, the way into another domain does not."""
    world = call.machine.world
    count = int(call.get("Count") or 4)
    for name in texts(call.get("ComputerName")):
        address = call.machine.address if name.lower() in (".", "localhost") else resolve(world, name)
        alive = (
            address is not None
            and is_reachable(call.machine)
            and _way(call.machine, address)
            and answers(world, address)
        )
        if call.get("Quiet"):
            yield alive
            continue
        if address is None or not alive:
            reason = "No such host is known" if address is None else "Error due to lack of resources"
            call.runtime.write_error(
                PowerShellError(
                    f"Testing connection to computer '{name}' failed: {reason}",
                    "TestConnectionException,Microsoft.PowerShell.Commands.TestConnectionCommand",
                    category="ResourceUnavailable",
                    exception_type="System.Net.NetworkInformation.PingException",
                    target=name,
                )
            )
            continue
        for _ in range(count):
            yield PSObject(
                "System.Management.ManagementObject",
                {
                    "Address": name,
                    "ProtocolAddress": address,
                    "IPV4Address": ip_address(address),
                    "ResponseTime": 0,
                    "StatusCode": 0,
                    "PSComputerName": call.machine.name.upper(),
                },
            )


@cmdlet("Add-Type")
def add_type(call: Call) -> None:
    """-AssemblyName only: compiling code is beyond the lab."""
    names = texts(call.get("AssemblyName"))
    if not names:
        raise NotModelledError("Add-Type with source code")
    for name in names:
        short = name.split(",")[0].strip().lower()
        if short not in ASSEMBLIES:
            raise PowerShellError(
                f"Cannot add type. The assembly '{text(name)}' could not be found.",
                "ASSEMBLY_NOT_FOUND,Microsoft.PowerShell.Commands.AddTypeCommand",
                category="ObjectNotFound",
                exception_type="System.Exception",
                target=name,
            )
