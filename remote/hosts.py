"""Host name → address, credentials and trust: everything needed to reach a machine, and nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from remote.errors import LostMachineError, MachineError
from remote.names import folded
from remote.secret import Secret

NOTHING = Secret("")


@dataclass(frozen=True)
class Host:
    """One machine as this computer reaches it.

    ``fqdn`` is the name its certificates must carry, ``address`` what is connected to (a name or an IP address).
    """

    name: str
    """As the topology writes it."""
    fqdn: str
    address: str
    username: str
    """The Windows account for WinRM (`credentials` of the stack's configuration)."""
    password: Secret
    """That of ``username``."""
    winrm_port: int = 5986
    """TCP port of the HTTPS listener."""
    sql_port: int = 1433
    """TCP port of the instance of SQL Server."""
    sql_instance: str = ""
    """Name of the instance of SQL Server; empty for the default instance."""
    sql_username: str = ""
    """The SQL administrator's login (`sql.administrator` of the topology)."""
    sql_password: Secret = NOTHING
    """That of ``sql_username`` (`sqlAdministratorPassword` of the stack's configuration)."""
    verify: bool = True
    """Check the machine's certificate. ``operations verify`` complains about every host where this is off."""
    replica: bool = False
    """It carries a replica of the availability group."""
    netbios: str = ""
    """The NetBIOS name of the machine's domain."""
    lost: bool = False
    """It will not come back: nothing tries to reach it."""

    @property
    def directory_account(self) -> tuple[str, str]:
        """Who counts the failed log-ons of ``username``, and under which name: a domain by its DNS name, or a machine.

        Windows takes a bare name for one of the machine's accounts and else for one of its domain. Here it is one of
        the domain: so it is tried no more often than either allows.
        """
        domain = folded(self.fqdn.partition(".")[2])
        prefix, backslash, name = folded(self.username).rpartition("\\")
        if not backslash:
            name, _, prefix = folded(self.username).partition("@")
        if prefix in ("", domain, folded(self.netbios)):
            return domain or folded(self.name), name
        return folded(self.name) if prefix == "." else prefix, name


@dataclass(frozen=True)
class Hosts:
    """All machines by lower-case name, and the file of authorities they are trusted by."""

    machines: Mapping[str, Host]
    """By folded (lower-case) name; a machine that left the topology may be among them."""
    names: Mapping[str, str] = field(default_factory=dict)
    """Lower-case name of a cluster or listener → the address it resolves to, where it is not the name itself."""
    authorities: str = ""
    """A PEM file with every authority to trust; empty: those of the operating system."""

    def __getitem__(self, name: str) -> Host:
        host = self.machines.get(folded(name))
        if host is None:
            known = ", ".join(sorted(host.name for host in self.machines.values()))
            raise MachineError(
                name,
                "find out how to reach it",
                "no such machine in this stack's configuration",
                f"Known are: {known}. A machine that leaves the farm stays listed until `pulumi up` has cleared it.",
            )
        if host.lost:
            raise LostMachineError(
                host.name,
                "find out how to reach it",
                "the topology says that this machine is lost",
                "Run `pulumi up`, which takes it out of the farm. Remove `lost` once Windows is reinstalled.",
            )
        return host

    def resolve(self, name: str) -> str:
        """The address under which this computer reaches a cluster or listener."""
        return self.names.get(folded(name), name)

    @property
    def sql_servers(self) -> frozenset[str]:
        """Where a SQL Server may be, as ``sql_server`` names them: a listener leads to one of these."""
        return frozenset(sql_server(host) for host in self.machines.values())


def sql_server(host: Host) -> str:
    """A SQL Server as this computer reaches it."""
    return f"{host.address}:{host.sql_port}"
