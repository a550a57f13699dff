"""The NLB cmdlets for clusters, nodes and interfaces (port rules: ``nlb_rules_cmdlets``, virtual addresses:
``nlb_addresses_cmdlets``, dedicated ones: ``nlb_dedicated_cmdlets``).

Parameters and outputs: Microsoft's pages of NetworkLoadBalancingClusters for Windows Server 2012. Not modelled: driver
information, IPv6.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

from lab import balancer
from lab.powershell.api import Call, NotModelledError, PSObject, cmdlet
from lab.windows import nlb
from lab.windows.nlb_objects import (
    NlbObject,
    changeable,
    cluster_cmdlet,
    cluster_object,
    confirmed,
    errors,
    free_address,
    host_of,
    node_now,
    node_object,
    one_at_a_time,
    reach,
    reach_all,
    require_feature,
    vip_not_found,
)
from lab.windows.values import text
from lab.world import Document, Machine


@cmdlet("Get-NlbClusterNodeNetworkInterface")
@one_at_a_time
def get_interface(call: Call) -> Iterator[PSObject]:
    with errors(call):
        given = call.get("InputObject") or (call.input[0] if call.input else None)
        if given is not None and not isinstance(given, NlbObject):
            raise nlb.NlbError(
                "InputObjectNotBound",
                "The input object is no node of a cluster.",
                "InvalidArgument",
            )
        host = given.host if given is not None else host_of(call)
        require_feature(host)
        wanted = call.get("InterfaceName")
        for card in host.collection("interface").values():
            if wanted is not None and card["name"].lower() != text(wanted).lower():
                continue
            node = nlb.binding(host, card["name"])
            cluster = nlb.cluster_of(host.world, node["cluster"]) if node else None
            yield PSObject(
                "Microsoft.NetworkLoadBalancingClusters.PowerShell.NetworkInterface",
                {
                    "InterfaceName": card["name"],
                    "NlbBound": node is not None,
                    "Cluster": cluster["name"] if cluster else None,
                    "DhcpEnabled": card["dhcp"],
                    "InterfaceIP": card["address"],
                    "InterfaceSubnetMask": card["mask"],
                    "ClusterPrimaryIP": cluster["address"] if cluster else None,
                    "ClusterSubnetMask": cluster.get("mask") if cluster else None,
                },
            )


def _card(machine: Machine, name: str, call: Call) -> Document:
    """An interface that can be bound now."""
    card = machine.collection("interface").get(name)
    if card is None:
        raise nlb.NlbError(
            "InterfaceNotFound", f"The interface {name} was not found on host {machine.name}.", "ObjectNotFound"
        )
    if nlb.binding(machine, name) is not None:
        raise nlb.NlbError(
            "AlreadyBound", f"The interface {name} of host {machine.name} is already bound to NLB.", "ResourceExists"
        )
    if card["dhcp"]:
        confirmed(call)
    return card


@cmdlet("New-NlbCluster")
def new_cluster(call: Call) -> Iterator[PSObject]:
    with errors(call):
        if call.get("DedicatedIP") is not None or call.get("DedicatedIPSubnetMask") is not None:
            raise NotModelledError("New-NlbCluster -DedicatedIP")
        host = host_of(call)
        reach(call, host)
        require_feature(host)
        card = _card(host, text(call.get("InterfaceName")), call)
        address = text(call.get("ClusterPrimaryIP"))
        mask = text(call.get("SubnetMask")) or card["mask"]
        name = text(call.get("ClusterName")) or address
        mode = (text(call.get("OperationMode")) or "UNICAST").upper()
        free_address(host, address, card, mask)
        clusters = host.world.collection("nlb", "cluster")
        with host.world.lock:
            if name in clusters:
                # Windows keeps clusters of equal names apart by their address; the lab knows them by name.
                raise NotModelledError(f"a second NLB cluster named {name}")
            clusters[name] = {
                "name": name,
                "address": address,
                "mask": mask,
                "mode": mode,
                "mac": nlb.cluster_mac(address, mode),
                "nodes": [],
                "further": [],
            }
        nlb.bind(host, card["name"], name, 1, [nlb.default_rule()])
        node = nlb.binding(host, card["name"])
        assert node is not None
        yield cluster_object(host, node)


@cluster_cmdlet("Get-NlbCluster")
def get_cluster(call: Call, host: Machine, node: Document) -> Iterator[PSObject]:
    if call.get("InterfaceName") is not None:
        yield cluster_object(host, node)
        return
    for each in nlb.bindings(host):
        yield cluster_object(host, each)


@cluster_cmdlet("Set-NlbCluster")
def set_cluster(call: Call, host: Machine, node: Document) -> Iterator[PSObject]:
    world, old = host.world, node["cluster"]
    cluster = changeable(call, old)
    name = text(call.get("Name")) or cluster["name"]
    address = text(call.get("ClusterPrimaryIP")) or cluster["address"]
    mode = (text(call.get("OperationMode")) or cluster["mode"]).upper()
    virtual = {vip["address"]: vip for vip in nlb.virtual_addresses(cluster)}
    if address not in virtual:  # Set-NlbCluster: "must be one of the existing virtual IP addresses on the cluster"
        raise vip_not_found(address)
    clusters = world.collection("nlb", "cluster")
    members = list(nlb.members(world, old))
    rebound = (address, mode) != (cluster["address"], cluster["mode"])
    with world.lock:
        if name != old:
            if name in clusters and name.lower() != old.lower():
                raise NotModelledError(f"a second NLB cluster named {name}")
            del clusters[old]
            for machine, member in members:
                machine.collection("nlb-node").change(member["interface"], cluster=name)
        clusters[name] = {
            **cluster,
            "name": name,
            "address": address,
            "mask": virtual[address]["mask"],
            "mode": mode,
            "mac": nlb.cluster_mac(address, mode),
            "further": [vip for vip in virtual.values() if vip["address"] != address],
        }
    nlb.converge(world, name)
    for machine, _ in members:
        if rebound:
            world.network.drop(machine.name)
    found = nlb.binding(host, node["interface"])
    assert found is not None
    yield cluster_object(host, found)


@cluster_cmdlet("Remove-NlbCluster")
def remove_cluster(call: Call, host: Machine, node: Document) -> Iterator[PSObject]:
    confirmed(call)
    reach_all(call, node["cluster"])
    gone = cluster_object(host, node)
    for machine, member in list(nlb.members(host.world, node["cluster"])):
        nlb.unbind(machine, member["interface"])
    if call.get("PassThru"):
        yield gone


@cluster_cmdlet("Get-NlbClusterNode")
def get_node(call: Call, host: Machine, node: Document) -> Iterator[PSObject]:
    """All nodes as the driver of the host that is asked knows them from their heartbeats (unproven for WinRM)."""
    wanted = text(call.get("NodeName"))
    names = {node["cluster"]}
    if call.get("InterfaceName") is None and call.get("InputObject") is None and not call.input:
        names = {each["cluster"] for each in nlb.bindings(host)}
    found = False
    for name in sorted(names):
        for machine, member in nlb.members(host.world, name):
            if not wanted or wanted.lower() in (machine.name.lower(), machine.fqdn):
                found = True
                yield node_object(machine, member)
    if not found:
        raise nlb.NlbError("NodeNotFound", f"The node {wanted} was not found in the cluster.", "ObjectNotFound")


@cluster_cmdlet("Add-NlbClusterNode")
def add_node(call: Call, host: Machine, node: Document) -> Iterator[PSObject]:
    new = host_of(call, text(call.get("NewNodeName")))
    reach(call, new)
    require_feature(new)
    changeable(call, node["cluster"])
    card = _card(new, text(call.get("NewNodeInterface")), call)
    taken = {int(member["host_priority"]) for _, member in nlb.members(host.world, node["cluster"])}
    priority = next((number for number in range(1, 33) if number not in taken), None)
    if priority is None:
        raise nlb.NlbError("ClusterFull", "An NLB cluster has at most 32 hosts.", "LimitsExceeded")
    nlb.bind(new, card["name"], node["cluster"], priority, [dict(one) for one in node["port_rules"]])
    yield node_now(new, card["name"])


@cluster_cmdlet("Remove-NlbClusterNode")
def remove_node(call: Call, host: Machine, node: Document) -> Iterator[PSObject]:
    confirmed(call)
    reach(call, host)
    nlb.require_converged(host.world, node["cluster"])
    gone = node_object(host, node)
    nlb.unbind(host, node["interface"])
    if call.get("PassThru"):
        yield gone


@cluster_cmdlet("Set-NlbClusterNode")
def set_node(call: Call, host: Machine, node: Document) -> Iterator[PSObject]:
    reach(call, host)
    nlb.require_converged(host.world, node["cluster"])
    changes: dict[str, object] = {}
    if call.get("HostPriority") is not None:
        priority = int(call.get("HostPriority"))
        others = {m["host_priority"] for machine, m in nlb.members(host.world, node["cluster"]) if machine != host}
        if not 1 <= priority <= 32 or priority in others:
            raise nlb.NlbError(
                "InvalidHostPriority",
                f"The host priority {priority} is not in 1-32 or belongs to another host of the cluster.",
                "InvalidArgument",
            )
        changes["host_priority"] = priority
    if call.get("InitialHostState") is not None:
        changes["initial_state"] = text(call.get("InitialHostState")).capitalize()
    if call.get("RetainSuspended") is not None:
        changes["retain_suspended"] = bool(call.get("RetainSuspended"))
    host.collection("nlb-node").change(node["interface"], **changes)
    nlb.converge(host.world, node["cluster"])
    yield node_now(host, node["interface"])


def _drain(call: Call, machine: Machine, node: Document) -> None:
    """No new clients; the node stops when the last of its clients has gone, or when the time is up (then at once).

    The clients' clock is a real one, so this time-out is not scaled by the lab's pace.
    """
    if node["state"] not in ("Converged", "Converging"):
        return
    nlb.set_state(machine, node["interface"], "Draining")
    minutes = call.get("Timeout")
    deadline = None if minutes is None else time.monotonic() + 60 * int(minutes)
    while not balancer.drained(machine.world, node["cluster"], machine.name):
        if deadline is not None and time.monotonic() > deadline:
            return
        time.sleep(0.05)


def _control(verb: str, state: str, refused: dict[str, str]) -> Callable[[Machine, Document], None]:
    """The change of state behind a verb. ``refused`` tells the states in which it does not apply."""

    def apply(machine: Machine, node: Document) -> None:
        if node["state"] in refused:
            raise nlb.NlbError(f"{verb}Refused", f"Host {machine.name}: {refused[node['state']]}")
        running = node["state"] in ("Converged", "Converging")
        if (state == "Converging" and running) or node["state"] == state:
            return
        nlb.set_state(machine, node["interface"], state)

    return apply


_SUSPENDED = {"Suspended": "cluster operations are suspended; resume them first."}
_VERBS = {
    "Start": _control("Start", "Converging", _SUSPENDED),
    "Stop": _control("Stop", "Stopped", _SUSPENDED),
    "Suspend": _control("Suspend", "Suspended", {}),
    "Resume": _control("Resume", "Stopped", {}),
}


def _resumable(verb: str, node: Document) -> bool:
    """Resume leaves a node alone that was not suspended; a resumed one is stopped (Resume-NlbClusterNode)."""
    return verb != "Resume" or node["state"] == "Suspended"


def _register(verb: str) -> None:
    @cluster_cmdlet(f"{verb}-NlbClusterNode")
    def one(call: Call, host: Machine, node: Document) -> Iterator[PSObject]:
        reach(call, host)
        if call.get("Drain"):
            _drain(call, host, node)
        if _resumable(verb, node):
            _VERBS[verb](host, node)
        yield node_now(host, node["interface"])

    @cluster_cmdlet(f"{verb}-NlbCluster")
    def whole(call: Call, host: Machine, node: Document) -> Iterator[PSObject]:
        reach_all(call, node["cluster"])
        for machine, member in list(nlb.members(host.world, node["cluster"])):
            if call.get("Drain"):
                _drain(call, machine, member)
            if _resumable(verb, member):
                _VERBS[verb](machine, member)
        for machine, member in nlb.members(host.world, node["cluster"]):
            yield node_object(machine, member)


for _verb in _VERBS:
    _register(_verb)
