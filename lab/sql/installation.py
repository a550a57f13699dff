"""How SQL Server's setup names things on a machine: the instance, its services, its key in the registry, its folder.

A machine of the lab has one instance, the default one or a named one. Names and paths: Microsoft, "File Locations for
Default and Named Instances of SQL Server" and "Configure Windows Service Accounts and Permissions" (2012).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from lab.replicas import DEFAULT_INSTANCE
from lab.world import Document, Machine

ROOT = r"HKLM\SOFTWARE\Microsoft\Microsoft SQL Server"
NAMES_KEY = ROOT + r"\Instance Names\SQL"
_PROGRAMS = r"C:\Program Files\Microsoft SQL Server"
DEFAULT_PORT = 1433
BUILD = (11, 0, 7001)
"""Service Pack 4 for SQL Server 2012, the first that always speaks TLS 1.2."""
_LEVELS = ((7001, "SP4"), (6020, "SP3"), (5058, "SP2"), (3000, "SP1"))
_TLS12 = ((5352, 5500), (5644, 6020), (6216, 6500), (6518, 100_000))
"""Builds that speak TLS 1.2: of each branch (SP2 and SP3, security updates and cumulative updates) those from the
update on that KB3135244 names."""


@dataclass(frozen=True)
class Names:
    """What follows from an instance's name."""

    instance: str

    @property
    def default(self) -> bool:
        return self.instance.lower() == DEFAULT_INSTANCE.lower()

    @property
    def id(self) -> str:
        return f"MSSQL11.{self.instance}"

    @property
    def key(self) -> str:
        return f"{ROOT}\\{self.id}"

    @property
    def settings_key(self) -> str:
        """Where the authentication mode and the default folders are."""
        return self.key + r"\MSSQLServer"

    @property
    def port_key(self) -> str:
        """Where the port of all addresses is."""
        return self.settings_key + r"\SuperSocketNetLib\Tcp\IPAll"

    @property
    def hadr_key(self) -> str:
        """Where the service reads at its start whether AlwaysOn is enabled: ``HADR_Enabled``. Unproven: the name."""
        return self.settings_key + r"\HADR"

    @property
    def folder(self) -> str:
        return f"{_PROGRAMS}\\{self.id}\\MSSQL"

    @property
    def service(self) -> str:
        return self.instance if self.default else f"MSSQL${self.instance}"

    @property
    def agent(self) -> str:
        return "SQLSERVERAGENT" if self.default else f"SQLAgent${self.instance}"


@dataclass(frozen=True)
class Installation(Names):
    """The instance of a machine."""

    machine: Machine

    @property
    def document(self) -> Document:
        return self.machine.collection("sql-instance").peek(self.instance) or {}

    def change(self, **values: Any) -> None:
        self.machine.collection("sql-instance").change(self.instance, **values)

    @property
    def port(self) -> int:
        """The TCP port it listens on, or listened on when it ran last."""
        return int(self.document.get("port", DEFAULT_PORT))

    @property
    def build(self) -> tuple[int, int, int]:
        """The version of the installed program files."""
        major, minor, number = self.document.get("build") or BUILD
        return int(major), int(minor), int(number)

    @property
    def level(self) -> str:
        """SERVERPROPERTY('ProductLevel')."""
        return next((level for first, level in _LEVELS if self.build[2] >= first), "RTM")

    @property
    def title(self) -> str:
        """The beginning of @@VERSION and of the error log."""
        return f"Microsoft SQL Server 2012 ({self.level}) - 11.0.{self.build[2]}.0 (X64)"

    @property
    def speaks_tls12(self) -> bool:
        """Before these builds SQL Server 2012 speaks TLS 1.0."""
        return any(first <= self.build[2] < end for first, end in _TLS12)

    @property
    def configured_port(self) -> int:
        """The TCP port it will listen on when it starts: the registry's."""
        values = (self.machine.collection("registry").get(self.port_key) or {"values": {}})["values"]
        return int((values.get("TcpPort") or {}).get("data") or self.port)

    @property
    def hadr_configured(self) -> bool:
        """Whether the next start of the service enables AlwaysOn."""
        values = (self.machine.collection("registry").get(self.hadr_key) or {"values": {}})["values"]
        return bool({name.lower(): value for name, value in values.items()}.get("hadr_enabled", {"data": 0})["data"])

    def configure_hadr(self, *, enabled: bool) -> None:
        """Decide whether the next start of the service enables AlwaysOn."""
        values = {"HADR_Enabled": {"type": "DWord", "data": int(enabled)}}
        self.machine.collection("registry")[self.hadr_key] = {"values": values}

    @property
    def server_name(self) -> str:
        return server_name(self.machine)


def installed(machine: Machine) -> Installation | None:
    """The instance of a machine; None where SQL Server is not installed."""
    for instance in machine.collection("sql-instance"):
        return Installation(instance, machine)
    return None


def server_name(machine: Machine) -> str:
    """What the instance calls itself (@@SERVERNAME), by which a group knows its replica: ``SQL2`` or ``SQL2\\WAP``."""
    found = installed(machine)
    computer = machine.name.upper()
    return computer if found is None or found.default else f"{computer}\\{found.instance.upper()}"
