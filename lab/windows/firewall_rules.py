"""The firewall rules of the beginning, and those that roles and products bring.

Sources: names and groups of Windows' own rules as Get-NetFirewallRule shows them (IIS-WebServerRole-…, WINRM-…, FPS-…,
WMI-…, FileServer-…). What an administrator has opened before the program comes: WinRM over HTTPS, and 1433 and 5022 as
the article's series does. Unproven: the rules that the feature NLB brings and their names, the name of SPF's rule and
who makes it, and that rules of a role go when the role is removed.
"""

from __future__ import annotations

from collections.abc import Iterable

from lab.firewall import PROFILE, RPC
from lab.replicas import Replica, replicas
from lab.windows import features
from lab.world import Document, Machine, World

WEB = "World Wide Web Services (HTTP)"
SECURE_WEB = "Secure World Wide Web Services (HTTPS)"
WINRM = "Windows Remote Management"
SHARING = "File and Printer Sharing"
FILE_SERVER = "File Server Remote Management"
WMI = "Windows Management Instrumentation (WMI)"
NLB = "Network Load Balancing"


def begin(world: World) -> None:
    """Every machine filters; what is open was opened by Windows, by the machine's role or by its administrator."""
    for machine in world.machines.values():
        machine.collection("firewall-profile")[PROFILE] = {"enabled": True}
        serves = "file" in machine.roles
        add(machine, "WINRM-HTTP-In-TCP", "Windows Remote Management (HTTP-In)", [5985], WINRM)
        add(machine, "WINRM-HTTPS-In-TCP-Prepared", "Windows Remote Management (HTTPS-In)", [5986])
        add(machine, "FPS-SMB-In-TCP", f"{SHARING} (SMB-In)", [445], SHARING, enabled=serves)
        if serves:
            add(machine, "FileServer-ServerManager-SMB-TCP-In", f"{FILE_SERVER} (SMB-In)", [445], FILE_SERVER)
        _management(machine, "WMI", "Windows Management Instrumentation", WMI, enabled=False)
    for replica in replicas(world.topology):
        _sql_server(world, replica)


def _sql_server(world: World, replica: Replica) -> None:
    """The ports of an instance, of the listener that may come to it, and of its endpoint for the other replicas."""
    machine = world.machine(replica.machine)
    for port in dict.fromkeys([replica.port, world.topology["sql"]["listener"]["port"]]):
        add(machine, f"SQL-Server-{port}", f"SQL Server (TCP {port})", [port])
    endpoint = replica.endpoint_port
    add(machine, f"SQL-Server-{endpoint}", f"SQL Server AlwaysOn endpoint (TCP {endpoint})", [endpoint])


def _management(machine: Machine, prefix: str, display: str, group: str, *, enabled: bool = True) -> None:
    """DCOM to the management service of a machine: the endpoint mapper and a dynamic port."""
    add(machine, f"{prefix}-RPCSS-In-TCP", f"{display} (DCOM-In)", [135], group, enabled=enabled)
    add(machine, f"{prefix}-WINMGMT-In-TCP", f"{display} (WMI-In)", [RPC], group, enabled=enabled)


@features.on_installed("NLB")
def _nlb_installed(machine: Machine) -> None:
    _management(machine, "NLB", NLB, NLB)


@features.on_removed("NLB")
def _nlb_removed(machine: Machine) -> None:
    remove(machine, ["NLB-RPCSS-In-TCP", "NLB-WINMGMT-In-TCP"])


@features.on_installed("Web-WebServer")
def _web_server_installed(machine: Machine) -> None:
    display = "World Wide Web Services (HTTP{} Traffic-In)"
    add(machine, "IIS-WebServerRole-HTTP-In-TCP", display.format(""), [80], WEB)
    add(machine, "IIS-WebServerRole-HTTPS-In-TCP", display.format("S"), [443], SECURE_WEB)


@features.on_removed("Web-WebServer")
def _web_server_removed(machine: Machine) -> None:
    remove(machine, ["IIS-WebServerRole-HTTP-In-TCP", "IIS-WebServerRole-HTTPS-In-TCP"])


def add(
    machine: Machine,
    name: str,
    display: str,
    ports: Iterable[int | str],
    group: str | None = None,
    *,
    remote: str = "Any",
    enabled: bool = True,
) -> None:
    """An inbound rule that allows TCP. One of this name that is there already stays as it is."""
    rules = machine.collection("firewall")
    if name not in rules:
        rules[name] = _document(name, display, [str(port) for port in ports], group, remote, enabled)


def remove(machine: Machine, names: Iterable[str]) -> None:
    for name in names:
        machine.collection("firewall").pop(name, None)


def _document(name: str, display: str, ports: list[str], group: str | None, remote: str, enabled: bool) -> Document:
    return {
        "name": name,
        "display": display,
        "group": group,
        "description": None,
        "enabled": str(enabled),
        "profile": "Any",
        "direction": "Inbound",
        "action": "Allow",
        "protocol": "TCP",
        "local_port": ports,
        "remote_port": ["Any"],
        "local_address": ["Any"],
        "remote_address": [remote],
    }
