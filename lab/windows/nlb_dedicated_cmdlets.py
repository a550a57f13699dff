"""The NLB cmdlets for the dedicated addresses of nodes, which NLB never balances: what goes to any other address of a
node is spread over the cluster (Get-NlbClusterNodeDip).

Parameters and outputs: Microsoft's pages of NetworkLoadBalancingClusters for Windows Server 2012. A node has the static
address of its card from the beginning (New-NlbCluster, -DedicatedIP). Unproven: every error, and that an address which
another node has is taken. Limits: TCP/IP keeps its addresses, so a node whose dedicated address was removed stays
reachable (the real one is not reachable by it: Remove-NlbClusterNodeDip); nothing balances traffic to it. No IPv6.
"""

from __future__ import annotations

from collections.abc import Iterator

from lab.powershell.api import Call, NotModelledError, PSObject
from lab.windows import nlb
from lab.windows.nlb_objects import (
    NlbObject,
    changeable,
    cluster_cmdlet,
    confirmed,
    dip_not_found,
    dip_object,
)
from lab.windows.values import given_objects, text
from lab.world import Document, Machine


@cluster_cmdlet("Get-NlbClusterNodeDip")
def get_dip(call: Call, host: Machine, node: Document) -> Iterator[PSObject]:
    """Of all nodes, as the driver of the host that is asked knows them (example 1)."""
    wanted, address = text(call.get("NodeName")).lower(), text(call.get("IP"))
    found = [
        (machine, member, dip)
        for machine, member in nlb.members(host.world, node["cluster"])
        if wanted in ("", machine.name.lower(), machine.fqdn)
        for dip in nlb.dedicated_addresses(machine, member)
        if address in ("", dip["address"])
    ]
    if address and not found:
        raise dip_not_found(address)
    for machine, member, dip in found:
        yield dip_object(machine, member, dip)


@cluster_cmdlet("Add-NlbClusterNodeDip")
def add_dip(call: Call, host: Machine, node: Document) -> Iterator[PSObject]:
    changeable(call, node["cluster"])
    known = nlb.dedicated_addresses(host, node)
    new = {"address": _ipv4(text(call.get("IP"))), "mask": text(call.get("SubnetMask")) or _mask(host, node)}
    if new["address"] in [dip["address"] for dip in known]:
        raise nlb.NlbError("DipExists", f"Host {host.name} has the dedicated IP address {new['address']}.")
    nlb.set_dedicated(host, node, [*known, new])
    yield dip_object(host, node, new)


@cluster_cmdlet("Set-NlbClusterNodeDip")
def set_dip(call: Call, host: Machine, node: Document) -> Iterator[PSObject]:
    changeable(call, node["cluster"])
    old = _meant(call, host, node)
    new = {**old, "address": _ipv4(text(call.get("NewDip")))}
    nlb.set_dedicated(host, node, [new if dip == old else dip for dip in nlb.dedicated_addresses(host, node)])
    yield dip_object(host, node, new)


@cluster_cmdlet("Remove-NlbClusterNodeDip")
def remove_dip(call: Call, host: Machine, node: Document) -> Iterator[PSObject]:
    confirmed(call)
    changeable(call, node["cluster"])
    gone = _meant(call, host, node)
    nlb.set_dedicated(host, node, [dip for dip in nlb.dedicated_addresses(host, node) if dip != gone])
    if call.get("PassThru"):
        yield dip_object(host, node, gone)


def _meant(call: Call, host: Machine, node: Document) -> Document:
    given = next(iter(given_objects(call)), None)
    address = given.text if isinstance(given, NlbObject) else text(call.get("IP"))
    found = next((dip for dip in nlb.dedicated_addresses(host, node) if dip["address"] == address), None)
    if found is None:
        raise dip_not_found(str(address))
    return found


def _ipv4(address: str) -> str:
    if ":" in address:
        raise NotModelledError("an IPv6 address of an NLB node")
    return address


def _mask(host: Machine, node: Document) -> str:
    return str(host.collection("interface")[node["interface"]]["mask"])
