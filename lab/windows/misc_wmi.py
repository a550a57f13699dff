"""Get-WmiObject and Get-CimInstance for a few classes: the operating system, the computer, services, network cards,
disks and updates; and SQL Server's settings for availability groups.

Any other class is beyond the lab. Filters are WQL conditions joined by AND.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import partial
from typing import Any

from lab import files
from lab.powershell.api import Call, NotModelledError, PowerShellError, PSObject, cmdlet
from lab.powershell.values import NetArray, SizedInt
from lab.windows.logons import administers, managed
from lab.windows.misc import domain_controllers
from lab.windows.values import local_time, matches, text, texts
from lab.world import Machine

CIM = "root/cimv2"
Rows = Iterator[dict[str, Any]]
_CONDITION = re.compile(r"\s*(\w+)\s*(=|<>|!=|LIKE)\s*('[^']*'|\"[^\"]*\"|\S+)\s*$", re.IGNORECASE)
_QUERY = re.compile(r"\s*SELECT\s+(.+?)\s+FROM\s+(\w+)(?:\s+WHERE\s+(.+))?\s*$", re.IGNORECASE | re.DOTALL)


def _operating_system(machine: Machine) -> Rows:
    booted = datetime.fromisoformat(machine.collection("power")["state"]["booted"])
    yield {
        "Caption": "Microsoft Windows Server 2012 Datacenter",
        "Version": "6.2.9200",
        "BuildNumber": "9200",
        "OSArchitecture": "64-bit",
        "CSName": machine.name.upper(),
        "ServicePackMajorVersion": SizedInt(0, "UInt16"),
        "ProductType": SizedInt(3, "UInt32"),
        "OperatingSystemSKU": SizedInt(8, "UInt32"),
        "LastBootUpTime": booted,
        "LocalDateTime": machine.world.clock.now(),
        "SystemDirectory": "C:\\Windows\\system32",
        "WindowsDirectory": "C:\\Windows",
        "Status": "OK",
    }


def _services(machine: Machine) -> Rows:
    for service in machine.collection("service").values():
        state = {"StartPending": "Start Pending", "StopPending": "Stop Pending"}.get(
            service["status"], service["status"]
        )
        yield {
            "Name": service["name"],
            "DisplayName": service["display"],
            "State": state,
            "Started": service["status"] == "Running",
            "StartMode": service["start_type"],
            "StartName": service.get("account", "LocalSystem"),
            "Status": "OK",
        }


def _network(machine: Machine) -> Rows:
    for card in machine.collection("interface").values():
        dns = card.get("dns", domain_controllers(machine.world, machine.domain))
        yield {
            "Description": "Microsoft Hyper-V Network Adapter",
            "DHCPEnabled": card["dhcp"],
            "IPAddress": NetArray([card["address"]], "System.String"),
            "IPSubnet": NetArray([card["mask"]], "System.String"),
            "IPEnabled": True,
            "DNSServerSearchOrder": NetArray(list(dns), "System.String"),
            "MACAddress": card["mac"].replace("-", ":"),
            "DNSHostName": machine.name,
            "DNSDomain": machine.domain,
            "InterfaceIndex": SizedInt(card["index"], "UInt32"),
        }


def _adapters(machine: Machine) -> Rows:
    for card in machine.collection("interface").values():
        yield {
            "Name": "Microsoft Hyper-V Network Adapter",
            "NetConnectionID": card["name"],
            "NetConnectionStatus": SizedInt(
                7 if machine.collection("power")["state"].get("disconnected") else 2, "UInt16"
            ),
            "MACAddress": card["mac"].replace("-", ":"),
            "NetEnabled": True,
            "InterfaceIndex": SizedInt(card["index"], "UInt32"),
        }


def _disks(machine: Machine) -> Rows:
    """The system drive; a full one (``lab fault fill``) has no free byte."""
    yield {
        "DeviceID": "C:",
        "DriveType": SizedInt(3, "UInt32"),
        "FileSystem": "NTFS",
        "FreeSpace": SizedInt(files.free_bytes(machine), "UInt64"),
        "Size": SizedInt(files.SIZE, "UInt64"),
        "VolumeName": "",
    }


def _volumes(machine: Machine) -> Rows:
    """The system drive, which has no volume mounted below a folder."""
    yield {
        "Name": "C:\\",
        "DriveLetter": "C:",
        "DriveType": SizedInt(3, "UInt32"),
        "FileSystem": "NTFS",
        "FreeSpace": SizedInt(files.free_bytes(machine), "UInt64"),
        "Capacity": SizedInt(files.SIZE, "UInt64"),
        "Label": "",
    }


def _updates(machine: Machine) -> Rows:
    """Get-HotFix shows the same. What is installed is in the collection ``hotfix``."""
    for number, update in machine.collection("hotfix").items():
        yield {
            "HotFixID": number,
            "Description": update["description"],
            "CSName": machine.name.upper(),
            "InstalledBy": "NT AUTHORITY\\SYSTEM",
        }


def _availability(machine: Machine) -> Rows:
    """HADRServiceSettings of SQL Server's WMI provider for configuration management. Its properties and its method are
    those that SMO's Service.IsHadrEnabled and ChangeHadrServiceSetting use; whether AlwaysOn is enabled is what the
    next start of the service reads. Unproven: 0 for success, and 1 on a machine that is no node of a cluster."""
    from lab.sql.installation import installed

    cluster = machine.world.collection("lab", "sql-cluster").get("cluster") or {"members": []}
    node = machine.name.lower() in [name.lower() for name in cluster["members"]]
    if installation := installed(machine):
        yield {
            "InstanceName": installation.instance,
            "HADRServiceEnabled": installation.hadr_configured,
            "WindowsFailoverClusterName": cluster["name"] if node else None,
        }


def _change_availability(machine: Machine, value: Any) -> PSObject:
    from lab.sql.installation import installed

    cluster = machine.world.collection("lab", "sql-cluster").get("cluster") or {"members": []}
    node = machine.name.lower() in [name.lower() for name in cluster["members"]]
    installation = installed(machine)
    if node and installation is not None:
        installation.configure_hadr(enabled=bool(value))
    return PSObject(
        "System.Management.ManagementBaseObject",
        {"ReturnValue": SizedInt(int(not node), "UInt32")},
        text="__PARAMETERS",
    )


METHODS: dict[str, dict[str, Callable[[Machine, Any], PSObject]]] = {
    "HADRServiceSettings": {"ChangeHADRService": _change_availability}
}
"""The methods of a class that Get-WmiObject's objects have, each with one argument."""
SQL_2012 = "root/microsoft/sqlserver/computermanagement11"
CLASSES: dict[tuple[str, str], tuple[str, Callable[[Machine], Rows]]] = {
    (space, name.lower()): (name, rows)
    for space, name, rows in (
        (SQL_2012, "HADRServiceSettings", _availability),
        (CIM, "Win32_OperatingSystem", _operating_system),
        (CIM, "Win32_Service", _services),
        (CIM, "Win32_NetworkAdapterConfiguration", _network),
        (CIM, "Win32_NetworkAdapter", _adapters),
        (CIM, "Win32_LogicalDisk", _disks),
        (CIM, "Win32_Volume", _volumes),
        (CIM, "Win32_QuickFixEngineering", _updates),
    )
}


def _accepts(row: dict[str, Any], condition: str) -> bool:
    parsed = _CONDITION.match(condition)
    if parsed is None:
        raise NotModelledError(f"the WQL condition {condition}")
    name, operator, literal = parsed[1], parsed[2].upper(), parsed[3].strip("'\"")
    key = next((key for key in row if key.lower() == name.lower()), None)
    if key is None:
        raise NotModelledError(f"the property {name} of this WMI class")
    value = text(row[key])
    if operator == "LIKE":
        return matches(literal.replace("%", "*").replace("_", "?"), value)
    return (value.lower() == literal.lower()) == (operator == "=")


def _select(call: Call, machine: Machine) -> tuple[str, Rows, list[str]]:
    """Class name, rows and the asked-for properties (none: all)."""
    class_name = text(call.get("Class") or call.get("ClassName"))
    condition, properties = text(call.get("Filter")), texts(call.get("Property"))
    if call.get("Query") is not None:
        parsed = _QUERY.match(text(call.get("Query")))
        if parsed is None:
            raise NotModelledError("this WQL query")
        properties = [] if parsed[1].strip() == "*" else [name.strip() for name in parsed[1].split(",")]
        class_name, condition = parsed[2], parsed[3] or ""
    namespace = (text(call.get("Namespace")) or CIM).replace("\\", "/").lower()
    if (namespace, class_name.lower()) not in CLASSES or (namespace == SQL_2012 and "sql" not in machine.roles):
        raise NotModelledError(f"the WMI class {class_name} in {namespace}")
    name, rows = CLASSES[namespace, class_name.lower()]
    conditions = re.split(r"\s+AND\s+", condition, flags=re.IGNORECASE) if condition else []
    chosen = (row for row in rows(machine) if all(_accepts(row, one) for one in conditions))
    return name, chosen, [one for one in properties if one != "*"]


def _targets(call: Call) -> Iterator[Machine]:
    for computer in texts(call.get("ComputerName")) or ["."]:
        if computer.lower() in (".", "localhost", call.machine.name.lower(), call.machine.fqdn):
            yield call.machine
            continue
        machine = managed(call, computer)
        if machine is None:
            raise PowerShellError(
                "The RPC server is unavailable. (Exception from HRESULT: 0x800706BA)",
                f"GetWMICOMException,Microsoft.PowerShell.Commands.{_command(call)}",
                category="InvalidOperation",
                exception_type="System.Runtime.InteropServices.COMException",
            )
        if not administers(call.session, machine):
            raise PowerShellError(
                "Access is denied. (Exception from HRESULT: 0x80070005 (E_ACCESSDENIED))",
                f"System.UnauthorizedAccessException,Microsoft.PowerShell.Commands.{_command(call)}",
                category="PermissionDenied",
                exception_type="System.UnauthorizedAccessException",
            )
        yield machine


def _command(call: Call) -> str:
    return f"{call.name.replace('-', '')}Command"


def _dmtf(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y%m%d%H%M%S.%f+000")


def _shown(row: dict[str, Any], properties: list[str], time: Callable[[datetime], Any]) -> dict[str, Any]:
    return {
        key: time(value) if isinstance(value, datetime) else value for key, value in _narrow(row, properties).items()
    }


@cmdlet("Get-CimInstance")
def get_cim(call: Call) -> Iterator[PSObject]:
    """Times are DateTime objects."""
    for machine in _targets(call):
        name, rows, properties = _select(call, machine)
        for row in rows:
            shown = _shown(row, properties, local_time)
            yield PSObject(
                "Microsoft.Management.Infrastructure.CimInstance",
                shown | {"PSComputerName": None},
                text=name,
            )


@cmdlet("Get-WmiObject")
def get_wmi(call: Call) -> Iterator[PSObject]:
    """Times are DMTF text; ``ConvertToDateTime`` reads it."""
    for machine in _targets(call):
        name, rows, properties = _select(call, machine)
        for row in rows:
            shown = _shown(row, properties, _dmtf)
            yield PSObject(
                "System.Management.ManagementObject",
                {"__CLASS": name, "__SERVER": machine.name.upper(), **shown, "PSComputerName": machine.name.upper()},
                {"ConvertToDateTime": _from_dmtf, **_methods(machine, name)},
            )


def _methods(machine: Machine, class_name: str) -> dict[str, Callable[..., Any]]:
    return {name: partial(method, machine) for name, method in METHODS.get(class_name, {}).items()}


def _from_dmtf(value: Any) -> datetime:
    return local_time(datetime.strptime(text(value)[:21], "%Y%m%d%H%M%S.%f").replace(tzinfo=UTC))


def _narrow(row: dict[str, Any], properties: list[str]) -> dict[str, Any]:
    wanted = [name.lower() for name in properties]
    return {key: value for key, value in row.items() if not wanted or key.lower() in wanted}
