"""Network Load Balancing: clusters, nodes, port rules and their convergence.

Documents (``lab/balancer.py`` forwards by them):

- ``world.collection("nlb", "cluster")[name]`` = {"name", "address", "mask", "mode", "mac", "nodes": [machines],
  "further": [{"address", "mask"}]}: ``address`` is the primary one, ``further`` (may be missing) the other virtual ones
- machine collection ``nlb-node`` by interface = {"cluster", "interface", "state", "converged_at", "host_priority",
  "initial_state", "retain_suspended", "dedicated": [{"address", "mask"}] (may be missing: the card's own),
  "port_rules": [{"start", "end", "protocol", "mode", "affinity", "timeout",
  "address", "enabled", "weight", "priority"}]}

States: Converging, Converged, Draining, Stopped, Suspended. Every change makes the running nodes converge
again; a further change before they have is refused (Microsoft's pages of the cmdlets: no further operation until all
nodes are converged).
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import timedelta
from weakref import WeakKeyDictionary

from lab.world import Document, Machine, World

CONVERGENCE_SECONDS = 10.0
"""From the convergence history on Microsoft's page of Get-NlbClusterDriverInfo: ten seconds for one node."""
PROTOCOLS = {"tcp": "TCP", "udp": "UDP", "both": "Both"}
MODES = {"multiple": "Multiple", "single": "Single", "disabled": "Disabled"}
AFFINITIES = {"none": "None", "single": "Single", "network": "Network"}
ALL = "255.255.255.255"
"""The virtual address of a rule for every address of the cluster."""

Member = tuple[Machine, Document]

_timers: WeakKeyDictionary[World, list[threading.Timer]] = WeakKeyDictionary()


class NlbError(Exception):
    """A refusal of NLB; ``reason`` becomes part of the error's identifier."""

    def __init__(self, reason: str, message: str, category: str = "InvalidOperation") -> None:
        super().__init__(message)
        self.reason, self.category = reason, category


def cluster_mac(address: str, mode: str) -> str:
    """Unicast 02-bf + the address's octets, multicast 03-bf, IGMP 01-00-5e-7f + the last two (Microsoft KB 283028)."""
    octets = [int(part) for part in address.split(".")]
    if mode == "IGMPMULTICAST":
        return "-".join(f"{byte:02x}" for byte in (0x01, 0x00, 0x5E, 0x7F, *octets[2:]))
    return "-".join(f"{byte:02x}" for byte in (0x02 if mode == "UNICAST" else 0x03, 0xBF, *octets))


def default_rule() -> Document:
    return rule(0, 65535)


def rule(
    start: int,
    end: int,
    protocol: str = "Both",
    mode: str = "Multiple",
    affinity: str = "Single",
    timeout: int = 0,
    address: str = "All",
) -> Document:
    return {
        "start": start,
        "end": end,
        "protocol": PROTOCOLS[protocol.lower()],
        "mode": MODES[mode.lower()],
        "affinity": AFFINITIES[affinity.lower()],
        "timeout": timeout,
        "address": "All" if address in (ALL, "All") else address,
        "enabled": True,
        "weight": None,
        "priority": None,
    }


def check_rules(rules: list[Document]) -> None:
    """Refuse ranges that are none and rules that overlap on one virtual address."""
    for one in rules:
        if not 0 <= one["start"] <= one["end"] <= 65535:
            raise NlbError(
                "InvalidPortRange",
                f"The port range {one['start']}-{one['end']} is not valid: it must lie in 0-65535 and begin before it"
                " ends.",
                "InvalidArgument",
            )
    for index, one in enumerate(rules):
        for other in rules[index + 1 :]:
            if one["address"] == other["address"] and one["start"] <= other["end"] and other["start"] <= one["end"]:
                raise NlbError(
                    "PortRuleOverlap",
                    f"The port rule {one['start']}-{one['end']} conflicts with the port rule"
                    f" {other['start']}-{other['end']}: port ranges of rules for one virtual IP address cannot"
                    " overlap.",
                    "InvalidArgument",
                )


def bindings(machine: Machine) -> list[Document]:
    """The interfaces of a machine to which NLB is bound, settled."""
    settle(machine.world)
    return list(machine.collection("nlb-node").values())


def binding(machine: Machine, interface: str | None) -> Document | None:
    """The binding on a named interface, or the machine's first one."""
    found = bindings(machine)
    if interface is not None:
        found = [node for node in found if node["interface"].lower() == interface.lower()]
    return found[0] if found else None


def cluster_of(world: World, name: str) -> Document:
    return world.collection("nlb", "cluster")[name]


def members(world: World, name: str) -> Iterator[Member]:
    """The nodes of a cluster with their machines, by host priority."""
    found: list[Member] = []
    for machine in world.machines.values():
        for node in machine.collection("nlb-node").values():
            if node["cluster"].lower() == name.lower():
                found.append((machine, node))
    yield from sorted(found, key=lambda member: int(member[1]["host_priority"]))


def settle(world: World) -> None:
    """Nodes whose time to converge has passed are converged."""
    now = world.clock.now().isoformat()
    with world.lock:
        for machine in world.machines.values():
            nodes = machine.collection("nlb-node")
            for interface, node in list(nodes.items()):
                if node["state"] == "Converging" and node["converged_at"] <= now:
                    nodes.change(interface, state="Converged")


def converge(world: World, name: str, *, without: str = "") -> None:
    """Make the running nodes of a cluster converge again; they are converged after the modelled time."""
    real = CONVERGENCE_SECONDS * world.clock.pace
    until = (world.clock.now() + timedelta(seconds=real)).isoformat()
    with world.lock:
        for machine, node in members(world, name):
            if node["state"] in ("Converged", "Converging") and machine.running and machine.name != without:
                machine.collection("nlb-node").change(node["interface"], state="Converging", converged_at=until)
    if real:
        timer = threading.Timer(real + 0.005, settle, (world,))
        timer.daemon = True
        with world.lock:
            waiting = _timers.setdefault(world, [])
            waiting[:] = [other for other in waiting if other.is_alive()] + [timer]
            timer.start()
    else:
        settle(world)


def lab_stopping(world: World) -> None:
    """Nothing waits for the end of a convergence any more; the next start of the lab goes on with it."""
    for timer in _timers.pop(world, []):
        timer.cancel()


def resume_after_start(world: World) -> None:
    """The lab was started again: nodes that were converging go on doing so."""
    for name in list(world.collection("nlb", "cluster")):
        if any(node["state"] == "Converging" for _, node in members(world, name)):
            converge(world, name)


def require_converged(world: World, name: str) -> None:
    """Refuse a change while a node is still converging."""
    settle(world)
    for machine, node in members(world, name):
        if node["state"] == "Converging" and machine.running:
            raise NlbError(
                "Converging",
                f"The operation cannot be carried out: host {machine.name} of cluster {name} is still converging. Wait"
                " until all hosts are converged.",
            )


def shown_state(machine: Machine, node: Document) -> str:
    """The state as Get-NlbClusterNode shows it, the default host marked."""
    if not machine.running or machine.collection("power")["state"].get("disconnected"):
        return "Unreachable"
    if node["state"] == "Converged" and default_host(machine.world, node["cluster"]) == machine.name:
        return "Converged(default)"
    return str(node["state"])


def default_host(world: World, name: str) -> str | None:
    """The converged host of the lowest priority number: it takes what no rule covers."""
    for machine, node in members(world, name):
        if node["state"] == "Converged" and machine.running:
            return machine.name
    return None


def bind(machine: Machine, interface: str, cluster: str, priority: int, rules: list[Document]) -> None:
    """Put a machine's interface into a cluster. Its card is set up again, so its connections are lost."""
    world = machine.world
    with world.lock:
        machine.collection("nlb-node")[interface] = {
            "cluster": cluster,
            "interface": interface,
            "state": "Converging",
            "converged_at": world.clock.now().isoformat(),
            "host_priority": priority,
            "initial_state": "Started",
            "retain_suspended": True,
            "port_rules": rules,
        }
        clusters = world.collection("nlb", "cluster")
        document = clusters[cluster]
        clusters.change(cluster, nodes=[*document["nodes"], machine.name])
    converge(world, cluster)
    world.network.drop(machine.name)


def unbind(machine: Machine, interface: str) -> None:
    """Take an interface out of its cluster; a cluster without nodes is gone. Its connections are lost."""
    world = machine.world
    with world.lock:
        node = machine.collection("nlb-node")[interface]
        del machine.collection("nlb-node")[interface]
        clusters = world.collection("nlb", "cluster")
        name = node["cluster"]
        left = [other for other in clusters[name]["nodes"] if other.lower() != machine.name.lower()]
        if left:
            clusters.change(name, nodes=left)
        else:
            del clusters[name]
    if left:
        converge(world, name)
    world.network.drop(machine.name)


OF_A_NODE = ("enabled", "weight", "priority")
"""What each node has of its own in a rule; the rest is the same on every node."""


def same_rule(one: Document, other: Document) -> bool:
    """Whether two nodes mean the same rule of their cluster."""
    return {key: one.get(key) for key in one.keys() | other.keys() if key not in OF_A_NODE} == {
        key: other.get(key) for key in one.keys() | other.keys() if key not in OF_A_NODE
    }


def change_rules(world: World, name: str, rules: list[Document]) -> None:
    """Give every node of a cluster these rules: the number and kind of rules are the same on each. What a node has of
    its own in a rule that stays, stays (unproven)."""
    check_rules(rules)
    with world.lock:
        for machine, node in members(world, name):
            kept = [next((own for own in node["port_rules"] if same_rule(own, one)), one) for one in rules]
            machine.collection("nlb-node").change(node["interface"], port_rules=[dict(one) for one in kept])
    converge(world, name)


def change_own_rule(machine: Machine, interface: str, rule: Document, **own: object) -> Document:
    """Change what one node has of its own in a rule; gives the rule afterwards."""
    nodes = machine.collection("nlb-node")
    rules = [{**one, **own} if same_rule(one, rule) else one for one in nodes[interface]["port_rules"]]
    nodes.change(interface, port_rules=rules)
    return next(one for one in rules if same_rule(one, rule))


def virtual_addresses(cluster: Document) -> list[Document]:
    """Every virtual address of a cluster with its mask, the primary one first."""
    primary = {"address": cluster["address"], "mask": cluster.get("mask", "255.255.255.0")}
    return [primary, *cluster.get("further", [])]


def dedicated_addresses(machine: Machine, node: Document) -> list[Document]:
    """The addresses of a node that NLB does not balance; at first the static one of its card (New-NlbCluster)."""
    card = machine.collection("interface").get(node["interface"])
    own = [{"address": card["address"], "mask": card["mask"]}] if card is not None else []
    return list(node.get("dedicated", own))


def set_dedicated(machine: Machine, node: Document, addresses: list[Document]) -> None:
    machine.collection("nlb-node").change(node["interface"], dedicated=addresses)
    converge(machine.world, node["cluster"])


def set_state(machine: Machine, interface: str, state: str) -> None:
    """Draining, Stopped or Suspended at once, and the others converge; Converging begins to converge."""
    node = machine.collection("nlb-node").change(interface, state=state)
    converge(machine.world, node["cluster"])


def machine_started(machine: Machine) -> None:
    """A node that came up joins its cluster again, if its initial state says so."""
    for interface, node in list(machine.collection("nlb-node").items()):
        initial = node.get("initial_state", "Started")
        state = "Converging" if initial == "Started" else initial
        if node["state"] == "Suspended" and node.get("retain_suspended", True):
            state = "Suspended"
        set_state(machine, interface, state)


def machine_stopping(machine: Machine) -> None:
    """The others notice the missing heartbeats and converge without it."""
    for node in machine.collection("nlb-node").values():
        converge(machine.world, node["cluster"], without=machine.name)
