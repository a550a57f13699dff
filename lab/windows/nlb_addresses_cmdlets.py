"""The NLB cmdlets for a cluster's virtual addresses. One of them is the primary one (Set-NlbCluster chooses it).

Parameters and outputs: Microsoft's pages of NetworkLoadBalancingClusters for Windows Server 2012. Unproven: every
error, among them that the primary address cannot be removed. Not modelled: IPv6.
"""

from __future__ import annotations

from collections.abc import Iterator

from lab.powershell.api import Call, NotModelledError, PSObject, cmdlet
from lab.windows import nlb
from lab.windows.nlb_objects import (
    NlbObject,
    confirmed,
    errors,
    found_node,
    free_address,
    one_at_a_time,
    reach_all,
    vip_object,
)
from lab.windows.values import given_objects, text
from lab.world import Document, Machine


@cmdlet("Get-NlbClusterVip")
@one_at_a_time
def get_vip(call: Call) -> Iterator[PSObject]:
    with errors(call):
        host, node = found_node(call)
        wanted = text(call.get("IP"))
        found = [
            vip
            for vip in nlb.virtual_addresses(nlb.cluster_of(host.world, node["cluster"]))
            if wanted in ("", vip["address"])
        ]
        if not found:
            raise _not_found(wanted)
        for vip in found:
            yield vip_object(host, node, vip)


@cmdlet("Add-NlbClusterVip")
@one_at_a_time
def add_vip(call: Call) -> Iterator[PSObject]:
    with errors(call):
        host, node = found_node(call)
        address = text(call.get("IP"))
        if ":" in address:
            raise NotModelledError("an IPv6 address of an NLB cluster")
        card = host.collection("interface")[node["interface"]]
        mask = text(call.get("SubnetMask")) or card["mask"]
        cluster = _changeable(call, host, node)
        free_address(host, address, card, mask)
        vip = {"address": address, "mask": mask}
        _change(host, node, [*cluster.get("further", []), vip])
        yield vip_object(host, node, vip)


@cmdlet("Remove-NlbClusterVip")
@one_at_a_time
def remove_vip(call: Call) -> Iterator[PSObject]:
    with errors(call):
        host, node = found_node(call)
        confirmed(call)
        given = next(iter(given_objects(call)), None)
        address = given.text if isinstance(given, NlbObject) else text(call.get("IP"))
        cluster = _changeable(call, host, node)
        gone = [vip for vip in nlb.virtual_addresses(cluster) if vip["address"] == address]
        if not gone:
            raise _not_found(str(address))
        if address == cluster["address"]:
            raise nlb.NlbError(
                "PrimaryVip", f"The IP address {address} is the primary IP address of the cluster.", "InvalidOperation"
            )
        _change(host, node, [vip for vip in cluster["further"] if vip["address"] != address])
        if call.get("PassThru"):
            yield vip_object(host, node, gone[0])


def _changeable(call: Call, host: Machine, node: Document) -> Document:
    reach_all(call, node["cluster"])
    nlb.require_converged(host.world, node["cluster"])
    return nlb.cluster_of(host.world, node["cluster"])


def _change(host: Machine, node: Document, further: list[Document]) -> None:
    host.world.collection("nlb", "cluster").change(node["cluster"], further=further)
    nlb.converge(host.world, node["cluster"])


def _not_found(address: str) -> nlb.NlbError:
    return nlb.NlbError(
        "VipNotFound", f"The IP address {address} is not a virtual IP address of the cluster.", "ObjectNotFound"
    )
