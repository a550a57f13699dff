"""The quorum of the failover cluster below an availability group: who votes, and what the loss of one server does.

Without quorum the cluster stops, and the group with it, however healthy its replicas are. (SQL Server documentation:
"WSFC Quorum Modes and Voting Configuration", sys.dm_hadr_cluster, sys.dm_hadr_cluster_members.)
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from components.steps import load_script
from remote.names import folded
from remote.session import Remote
from remote.sql import Row

NODE, FILE_SHARE = 0, 2
"""Types of a member (sys.dm_hadr_cluster_members); 1 is a disk."""
_SHARE = re.compile(r"\\\\([^\\.]+)")


@dataclass(frozen=True)
class Member:
    name: str
    """A computer, a drive, or a file share."""
    kind: int
    """``member_type`` of sys.dm_hadr_cluster_members: 0 a node, 1 a disk, 2 a file share."""
    up: bool
    """``member_state``."""
    votes: int
    """``number_of_quorum_votes``; 0 where the view has NULL."""

    @property
    def server(self) -> str:
        """The computer that this member goes down with, as the cluster names it; empty for a disk."""
        if self.kind == NODE:
            return self.name
        found = _SHARE.search(self.name)
        return found[1] if found else ""


@dataclass(frozen=True)
class Quorum:
    """The cluster as one of its nodes sees it; without members where that node has no quorum."""

    cluster: str
    """``cluster_name`` of sys.dm_hadr_cluster; empty without members."""
    kind: str
    """NODE_MAJORITY, NODE_AND_FILE_SHARE_MAJORITY, …"""
    state: str
    """NORMAL_QUORUM, FORCED_QUORUM or UNKNOWN_QUORUM_STATE."""
    members: tuple[Member, ...]
    """Every node and the witness, those that are down as well."""

    @property
    def witness(self) -> Member | None:
        return next((member for member in self.members if member.kind != NODE), None)

    @property
    def down(self) -> list[str]:
        return [member.name for member in self.members if not member.up]

    def survives(self, *servers: str) -> bool:
        """Whether more than half of the votes are left when these servers, with everything on them, are lost now and
        at once. Windows Server 2012 takes votes away from nodes that went down before; that is not counted on here."""
        lost = {folded(server) for server in servers}
        left = sum(one.votes for one in self.members if one.up and folded(one.server) not in lost)
        return left * 2 > sum(one.votes for one in self.members)

    def fatal(self) -> list[str]:
        """The servers of which the loss of one stops the cluster."""
        servers: dict[str, str] = {}
        for member in self.members:
            if member.server and member.up:
                servers.setdefault(folded(member.server), member.server)
        return [server for server in servers.values() if not self.survives(server)]


def observe(remote: Remote, machine: str) -> Quorum:
    """The cluster as the node of this machine sees it. Raises ``MachineError``."""
    return of(
        remote.sql(machine).rows(load_script("sql/read_cluster.sql"), attempted="read the failover cluster's quorum")
    )


def of(rows: Sequence[Row]) -> Quorum:
    """From the rows of ``sql/read_cluster.sql``."""
    if not rows:
        return Quorum("", "", "", ())
    members = tuple(
        Member(row["member"], int(row["member_type"]), row["member_state"] == 1, int(row["votes"] or 0)) for row in rows
    )
    return Quorum(rows[0]["name"], rows[0]["quorum"], rows[0]["state"], members)
