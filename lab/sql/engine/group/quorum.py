"""The quorum of the failover cluster below availability groups.

Each node has a vote, and so has the file share witness where there is one. While the members that reach each other have
not more than half of the votes, the cluster's service ends on every node, and every group is offline: its replicas are
RESOLVING (SQL Server documentation: "WSFC Quorum Modes and Voting Configuration"; sys.dm_hadr_cluster: a node majority
sustains failures of half the nodes, rounding up, minus one; with a witness of half the nodes, rounding up).

Windows Server 2012 adjusts the votes while nodes fail one after the other (dynamic quorum, on unless switched off): a
node that went down loses its vote, and without a witness one of an even number of voters loses its own; with a witness
never fewer than two votes decide (Microsoft, askcore: "Behavior of Dynamic Witness"). Unproven: which node loses its
vote (the last one here), that the cluster is back by itself as soon as enough members are, and that
sys.dm_hadr_cluster_members shows the votes that were configured and not those that count at the moment.

The cluster is the lab's document ``sql-cluster``: ``members``, ``witness`` (a share, or nothing), ``votes`` by node
where one was taken away by hand, ``counting`` by node: the votes that count now; ``forced``: quorum
was forced.
"""

from __future__ import annotations

from dataclasses import dataclass

from lab.world import Document, Machine, World

NODE, FILE_SHARE = 0, 2
"""Types of a member, as sys.dm_hadr_cluster_members numbers them."""


@dataclass(frozen=True)
class Member:
    name: str
    kind: int
    up: bool
    votes: int
    """Configured."""
    counting: int
    """What counts of them now."""


def node_is_up(machine: Machine) -> bool:
    """Whether the other nodes reach a node and its cluster service runs."""
    power = machine.collection("power").peek("state") or {"running": True}
    service = machine.collection("service").peek("ClusSvc")
    reached = bool(power["running"]) and not power.get("disconnected", False)
    return reached and (service is None or service["status"] == "Running")


def members(world: World) -> list[Member]:
    """Nodes first, then the witness; none where there is no cluster."""
    cluster = _cluster(world)
    if cluster is None:
        return []
    votes, counting = cluster.get("votes", {}), cluster.get("counting", {})
    found = []
    for name in cluster["members"]:
        own = int(votes.get(name, 1))
        found.append(Member(name, NODE, node_is_up(world.machine(name)), own, int(counting.get(name, own))))
    if share := cluster.get("witness"):
        found.append(Member(share, FILE_SHARE, _share_answers(world, share), 1, 1))
    return found


def has_quorum(world: World) -> bool:
    """Whether the members that reach each other are the cluster. Without a cluster there is none to lose."""
    return world.memo.get("quorum", lambda: _has_quorum(world))


def _has_quorum(world: World) -> bool:
    found = members(world)
    total = sum(member.counting for member in found)
    needed = total // 2 + 1
    if is_forced(world):
        return any(member.counting for member in found if member.up)
    if any(member.kind != NODE for member in found) and len(found) > 2:
        needed = max(needed, 2)
    return not found or sum(member.counting for member in found if member.up) >= needed


def is_forced(world: World) -> bool:
    """Whether the quorum was forced; it is an ordinary one again when every node is back."""
    return bool((_cluster(world) or {}).get("forced"))


def regroup(world: World) -> None:
    """What the cluster makes of its votes after a node came or went, as long as it has quorum."""
    cluster = _cluster(world)
    if cluster is None or not has_quorum(world):
        return
    found = members(world)
    counting = {member.name: member.votes if member.up else 0 for member in found if member.kind == NODE}
    voters = [name for name, votes in counting.items() if votes]
    if len(found) == len(counting) and voters and len(voters) % 2 == 0:
        counting[voters[-1]] = 0
    forced = bool(cluster.get("forced")) and not all(member.up for member in found)
    if counting != cluster.get("counting") or forced != bool(cluster.get("forced")):
        world.collection("lab", "sql-cluster").change("cluster", counting=counting, forced=forced)


def force_quorum(world: World) -> None:
    """What an administrator does on a node that is left of a cluster without quorum (Start-ClusterNode -FixQuorum): the
    members that are up are the cluster now ("WSFC Disaster Recovery through Forced Quorum")."""
    counting = {member.name: int(member.up) for member in members(world) if member.kind == NODE}
    world.collection("lab", "sql-cluster").change("cluster", counting=counting, forced=True)


def _cluster(world: World) -> Document | None:
    return world.collection("lab", "sql-cluster").peek("cluster")


def _share_answers(world: World, share: str) -> bool:
    """Whether the server of a share is reached; one that the lab does not have is."""
    server = share.strip("\\").split("\\")[0].lower()
    machine = world.machines.get(server)
    if machine is None:
        return True
    power = machine.collection("power").peek("state") or {"running": True}
    return bool(power["running"]) and not power.get("disconnected", False)
