"""Host name → address, credentials and trust: everything needed to reach a machine, and nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from remote.errors import MachineError
from remote.secret import Secret

NOTHING = Secret("")


@dataclass(frozen=True)
class Host:
    """One machine as this computer reaches it.

    ``fqdn`` is the name its certificates must carry, ``address`` what is dialled (a name or an IP address).
    """

    name: str
    fqdn: str
    address: str
    username: str
    password: Secret
    winrm_port: int = 5986
    sql_port: int = 1433
    sql_instance: str = ""
    """Name of the instance of SQL Server; empty for the default instance."""
    sql_username: str = ""
    sql_password: Secret = NOTHING
    verify: bool = True
    """Check the machine's certificate. ``operations verify`` complains about every host where this is off."""


@dataclass(frozen=True)
class Hosts:
    """All machines by lower-case name, and the file of authorities they are trusted by."""

    machines: Mapping[str, Host]
    names: Mapping[str, str] = field(default_factory=dict)
    """Lower-case name of a cluster or listener → the address to dial, where it is not the name itself."""
    authorities: str = ""
    """A PEM file with every authority to trust; empty: those of the operating system."""

    def __getitem__(self, name: str) -> Host:
        host = self.machines.get(name.lower())
        if host is None:
            known = ", ".join(sorted(host.name for host in self.machines.values()))
            raise MachineError(
                name,
                "find out how to reach it",
                "no such machine in this stack's configuration",
                f"Known are: {known}. A machine that leaves the farm stays listed until `pulumi up` has cleared it.",
            )
        return host

    def dial(self, name: str) -> str:
        """The address under which this computer reaches a cluster or listener."""
        return self.names.get(name.lower(), name)
