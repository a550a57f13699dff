"""The administrators' interface on a portal node: where it is, and how leaf scripts ask it.

Every script gets a token at the administrators' authentication site as the account that works on the node, and calls
the interface with it (Windows Azure Pack, "Get-MgmtSvcToken").
"""

from __future__ import annotations

from typing import Any, TypedDict
from urllib.parse import urlsplit

from components.resource import ThroughFarm
from components.steps import load_script
from components.topology import Topology
from remote.session import Remote


class Interface(TypedDict):
    """Where a node's interface is, as the inputs of ``ThroughInterface`` name it."""

    machine: str
    """The portal node, by its name in the topology."""
    admin_api: str
    """https://…:30004, without a slash at its end."""
    authentication: str
    """https://…:30072, without a slash at its end."""


class ThroughInterface(ThroughFarm):
    """Base of the inputs of what is read and changed through the interface."""

    machine: str
    """The portal node whose interface is asked."""
    admin_api: str
    """Base address of the administrators' API on that node (https://…:30004)."""
    authentication: str
    """Base address of the administrators' authentication site (https://…:30072)."""

    @property
    def interface(self) -> Interface:
        return {"machine": self.machine, "admin_api": self.admin_api, "authentication": self.authentication}


def interface(topology: Topology, machine: str) -> Interface:
    """The interface that a portal node uses: its own, if it has one."""
    return {
        "machine": machine,
        "admin_api": topology.admin_api(machine),
        "authentication": topology.admin_authentication(machine),
    }


def admin_call(where: Interface, remote: Remote) -> dict[str, Any]:
    """The arguments with which a leaf script gets a token and calls the interface.

    A node calls itself by its own name, for which no certificate of its sites is issued; the connection does not leave
    the machine. Another tier is called by its name, and verified.
    """
    host = remote.hosts[where["machine"]]
    own = host.fqdn.lower()
    api = {
        "AdminUri": where["admin_api"],
        "VerifyApi": urlsplit(where["admin_api"]).hostname != own,
        "AuthenticationSite": where["authentication"],
        "VerifyAuthentication": urlsplit(where["authentication"]).hostname != own,
        "UserName": host.username,
        "Password": host.password,
    }
    return {"Api": api}


def read(
    inputs: ThroughInterface, remote: Remote, path: str, name: str, title: str
) -> tuple[dict[str, Any], list[Any]]:
    """What a leaf script finds of a name through the interface, and before that the arguments for the next call."""
    call = admin_call(inputs.interface, remote)
    return call, remote.powershell(inputs.machine).run(
        load_script(path), {**call, "Name": name}, attempted=f"read {title}"
    )
