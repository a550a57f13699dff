"""The portal's stores, read through the group's listener: what the operator created in the administrators' site.

Where the product has no interface but a browser, a row of the stores and the administrators' site of every node are
all that can be seen from outside.
"""

from __future__ import annotations

from typing import TypedDict

from components.resource import ThroughFarm
from components.site_probe import probe_site
from components.steps import load_script
from components.topology.roles import ROLES
from remote.session import Remote
from remote.sql import Row

DATABASE = "Microsoft.MgmtSvc.Store"
SITE_PORT = ROLES["admin-site"].ports[0]
"""Where the administrators' site is on every node."""


class Place(TypedDict):
    """Where the operator creates something, as the inputs of ``MadeByHand`` name it."""

    machine: str
    """The portal node whose site the operator opens."""
    nodes: tuple[str, ...]
    """Every node with the administrators' site, by its name in the topology."""
    replica: str
    """The preferred primary: the listener admits whom it admits."""
    listener: str
    """The listener's full DNS name."""
    port: int
    """The listener's TCP port."""
    timeout_seconds: float
    """`waits.manual_seconds` of the topology; 0: do not wait."""


class MadeByHand(ThroughFarm):
    """Base of the inputs of what the operator creates in the administrators' site."""

    machine: str
    """The portal node in whose administrators' site it is made."""
    nodes: tuple[str, ...]
    """Every node with the administrators' site. Each has to work with the stores; a drifted state has those that do."""
    replica: str
    """A replica of the availability group; the listener admits whom it admits."""
    listener: str
    """The listener's full name."""
    port: int
    """The listener's port."""
    made: bool = True
    """Whether it is there. What was removed by hand is a difference, not gone: the next ``up`` asks for it again, and
    delete forgets it."""
    timeout_seconds: float = 0
    """How long to wait for the operator. 0: do not wait, end with the instructions."""

    @property
    def site(self) -> str:
        """How the operator enters the site."""
        return (
            f"Log on to {self.machine} as a member of its local group MgmtSvc Operators and open "
            f"https://localhost:{SITE_PORT}/."
        )


def rows(inputs: MadeByHand, remote: Remote, path: str, value: str, attempted: str) -> list[Row]:
    """What a statement with one value finds in the stores."""
    server = remote.listener(inputs.replica, inputs.listener, inputs.port, DATABASE)
    return server.rows(load_script(path), value, attempted=attempted)


def working(inputs: MadeByHand, remote: Remote) -> tuple[str, ...]:
    """The nodes whose administrators' site answers."""
    return tuple(node for node in inputs.nodes if not probe_site(remote, node, SITE_PORT))
