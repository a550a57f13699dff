"""The NLB cmdlets for a cluster's virtual addresses. One of them is the primary one (Set-NlbCluster chooses it).

Parameters and outputs: Microsoft's pages of NetworkLoadBalancingClusters for Windows Server 2012. Unproven: every
error, among them that the primary address cannot be removed. Not modelled: IPv6.
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
    free_address,
    vip_not_found,
    vip_object,
)
from lab.windows.values import given_objects, text
from lab.world import Document, Machine


@cluster_cmdlet("Get-NlbClusterVip")
def get_vip(call: Call, host: Machine, node: Document) -> Iterator[PSObject]:
    wanted = text(call.get("IP"))
    found = [
        vip
        for vip in nlb.virtual_addresses(nlb.cluster_of(host.world, node["cluster"]))
        if wanted in ("", vip["address"])
    ]
    if not found:
        raise vip_not_found(wanted)
    for vip in found:
        yield vip_object(host, node, vip)


@cluster_cmdlet("Add-NlbClusterVip")
def add_vip(call: Call, host: Machine, node: Document) -> Iterator[PSObject]:
    address = text(call.get("IP"))
    if ":" in address:
        raise NotModelledError("an IPv6 address of an NLB cluster")
    card = host.collection("interface")[node["interface"]]
    mask = text(call.get("SubnetMask")) or card["mask"]
    cluster = changeable(call, node["cluster"])
    free_address(host, address, card, mask)
    vip = {"address": address, "mask": mask}
    _change(host, node, [*cluster.get("further", []), vip])
    yield vip_object(host, node, vip)


@cluster_cmdlet("Remove-NlbClusterVip")
def remove_vip(call: Call, host: Machine, node: Document) -> Iterator[PSObject]:
    confirmed(call)
    given = next(iter(given_objects(call)), None)
    address = given.text if isinstance(given, NlbObject) else text(call.get("IP"))
    cluster = changeable(call, node["cluster"])
    gone = [vip for vip in nlb.virtual_addresses(cluster) if vip["address"] == address]
    if not gone:
        raise vip_not_found(str(address))
    if address == cluster["address"]:
        raise nlb.NlbError(
            "PrimaryVip", f"The IP address {address} is the primary IP address of the cluster.", "InvalidOperation"
        )
    _change(host, node, [vip for vip in cluster["further"] if vip["address"] != address])
    if call.get("PassThru"):
        yield vip_object(host, node, gone[0])


def _change(host: Machine, node: Document, further: list[Document]) -> None:
    host.world.collection("nlb", "cluster").change(node["cluster"], further=further)
    nlb.converge(host.world, node["cluster"])
