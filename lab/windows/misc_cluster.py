"""The failover cluster below SQL Server, to look at: Get-Cluster, Get-ClusterNode, Get-ClusterGroup,
Get-ClusterResource, Get-ClusterParameter.

The cluster is the topology's ``sql.cluster`` with the replicas as nodes; each availability group is a cluster group
with a resource of the same name, and each address of its listener one of the type IP Address. The cluster's own group
has its name and its address, named as Windows in English does. Properties and defaults: Microsoft, "Failover Cluster
properties" (FailoverThreshold 0xFFFFFFFF: one less than there are nodes; FailoverPeriod: six hours), "Configure
HealthCheckTimeout Property Settings", "Mechanics and guidelines of lease, cluster, and health check timeouts"
(LeaseTimeout 20000 ms).
Unproven: the name of a listener's address. Not modelled: a listener's network name, and the groups of the cluster
itself as groups.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from typing import Any

from lab.machines import is_reachable
from lab.powershell.api import Call, NotModelledError, PowerShellError, PSObject, cmdlet
from lab.powershell.values import SizedInt
from lab.replicas import replicas
from lab.sql.engine.group import quorum
from lab.sql.engine.group.progress import FAILURE_PERIOD_HOURS, advance
from lab.sql.engine.group.state import Group, groups
from lab.windows.values import enum_type, matches, member, text, texts
from lab.world import Machine, World

SPACE = "Microsoft.FailoverClusters.PowerShell"
GROUP_STATE = enum_type(f"{SPACE}.ClusterGroupState", "Online", "Offline", "Failed", "PartialOnline", "Pending")
RESOURCE_STATE = enum_type(f"{SPACE}.ClusterResourceState", "Online", "Offline", "Failed")
NO_LIMIT = 0xFFFFFFFF
"""FailoverThreshold of a new group."""
LEASE_MILLISECONDS = 20000
NODE_STATE = enum_type(f"{SPACE}.ClusterNodeState", "Up", "Down", "Paused", "Joining")


def _nodes(world: World) -> list[Machine]:
    return [world.machine(replica.machine) for replica in replicas(world.topology)]


def _up(machine: Machine) -> bool:
    service = machine.collection("service").get("ClusSvc")
    return is_reachable(machine) and (service is None or service["status"] == "Running")


def _cluster(call: Call) -> dict[str, Any]:
    """The cluster of the session's machine; -Cluster and -Name of another one are a second hop."""
    cluster: dict[str, Any] = (call.machine.world.topology.get("sql") or {}).get("cluster") or {}
    wanted = text(call.get("Cluster") or (call.get("Name") if call.name == "Get-Cluster" else ""))
    local = call.machine in _nodes(call.machine.world)
    if wanted and wanted.lower() not in (".", cluster.get("name", "").lower(), call.machine.name.lower()):
        raise NotModelledError("failover clusters other than the one of SQL Server")
    if not local or not _up(call.machine) or not cluster or not quorum.has_quorum(call.machine.world):
        raise PowerShellError(
            "The cluster service is not running.  Make sure that the service is running on all nodes in the cluster.",
            f"{call.name},{SPACE}.{call.name.replace('-', '')}Command",
            category="ObjectNotFound",
            exception_type=f"{SPACE}.ClusterCmdletException",
        )
    return cluster


@cmdlet("Get-Cluster")
def get_cluster(call: Call) -> Iterator[PSObject]:
    cluster = _cluster(call)
    yield PSObject(
        f"{SPACE}.Cluster", {"Name": cluster["name"], "Domain": call.machine.domain}, text=str(cluster["name"])
    )


@cmdlet("Get-ClusterNode")
def get_node(call: Call) -> Iterator[PSObject]:
    cluster = _cluster(call)
    wanted = texts(call.get("Name"))
    votes = {member.name.lower(): (member.votes, member.counting) for member in quorum.members(call.machine.world)}
    for number, machine in enumerate(_nodes(call.machine.world), start=1):
        if not wanted or any(matches(name, machine.name) for name in wanted):
            weight, dynamic = votes.get(machine.name.lower(), (1, 1))
            yield PSObject(
                f"{SPACE}.ClusterNode",
                {
                    "Cluster": cluster["name"],
                    "Name": machine.name,
                    "NodeName": machine.name,
                    "Id": str(number),
                    "State": member(NODE_STATE, "Up" if _up(machine) else "Down"),
                    "NodeWeight": SizedInt(weight, "UInt32"),
                    "DynamicWeight": SizedInt(dynamic, "UInt32"),
                },
                text=machine.name,
            )


def _groups(call: Call) -> Iterator[Group]:
    """The availability groups that a command names; all of them without a name."""
    _cluster(call)
    advance(call.machine.world)
    wanted = texts(call.get("Name"))
    for group in groups(call.machine.world):
        if not wanted or any(matches(name, group.name) for name in wanted):
            yield group


def _state(group: Group) -> str:
    return "Online" if group.online else "Failed" if group.failed else "Offline"


@cmdlet("Get-ClusterGroup")
def get_group(call: Call) -> Iterator[PSObject]:
    for group in _groups(call):
        document = group.document
        yield PSObject(
            f"{SPACE}.ClusterGroup",
            {
                "Cluster": (call.machine.world.topology.get("sql") or {}).get("cluster", {}).get("name"),
                "Name": group.name,
                "OwnerNode": group.machine(group.primary).name if group.primary else None,
                "State": member(GROUP_STATE, _state(group)),
                "FailoverThreshold": SizedInt(document.get("failover_threshold", NO_LIMIT), "UInt32"),
                "FailoverPeriod": SizedInt(document.get("failover_period", FAILURE_PERIOD_HOURS), "UInt32"),
            },
            text=group.name,
        )


@cmdlet("Get-ClusterResource")
def get_resource(call: Call) -> Iterator[PSObject]:
    for group in _groups(call):
        yield _resource(group.name, group.name, "SQL Server Availability Group", _state(group))
    wanted = texts(call.get("Name"))
    for name, owner, kind, state, _ in _further(call.machine.world, _cluster(call)):
        if not wanted or any(matches(one, name) for one in wanted):
            yield _resource(name, owner, kind, state)


def _resource(name: str, owner: str, kind: str, state: str) -> PSObject:
    values = {"Name": name, "OwnerGroup": owner, "ResourceType": kind, "State": member(RESOURCE_STATE, state)}
    return PSObject(f"{SPACE}.ClusterResource", values, text=name)


def _further(world: World, cluster: dict[str, Any]) -> Iterator[tuple[str, str, str, str, dict[str, Any]]]:
    """Name, group, type, state and private properties of what is no availability group."""
    address = {"Address": cluster["address"], "SubnetMask": _mask(world)}
    yield "Cluster IP Address", "Cluster Group", "IP Address", "Online", address
    yield (
        "Cluster Name",
        "Cluster Group",
        "Network Name",
        "Online",
        {"Name": cluster["name"], "DnsName": cluster["name"]},
    )
    for group in groups(world):
        for listener in group.of("listener").values():
            for one in listener["addresses"]:
                name, private = f"{group.name}_{one['address']}", {"Address": one["address"], "SubnetMask": one["mask"]}
                yield name, group.name, "IP Address", _state(group), private


def _mask(world: World) -> str:
    """Of the domain of the nodes."""
    domain = _nodes(world)[0].domain.lower()
    subnet = next(one["subnet"] for one in world.topology["domains"] if one["name"].lower() == domain)
    return str(ipaddress.IPv4Network(subnet).netmask)


@cmdlet("Get-ClusterParameter")
def get_parameter(call: Call) -> Iterator[PSObject]:
    """The private properties of a resource that Get-ClusterResource gives."""
    given = call.get("InputObject")
    resources = [one for one in ([given] if given is not None else call.input) if isinstance(one, PSObject)]
    if not resources or any("ResourceType" not in one.properties for one in resources):
        raise NotModelledError("Get-ClusterParameter of anything but resources in the pipeline")
    for resource in resources:
        yield from _parameters(call, text(resource.properties["Name"]))


def _parameters(call: Call, name: str) -> Iterator[PSObject]:
    wanted = texts(call.get("Name"))
    further = {known: private for known, *_, private in _further(call.machine.world, _cluster(call))}
    if name in further:
        for key, value in further[name].items():
            if not wanted or any(matches(one, key) for one in wanted):
                parameter = {"ClusterObject": name, "Name": key, "Value": value, "ParameterType": "String"}
                yield PSObject(f"{SPACE}.ClusterParameter", parameter, text=key)
        return
    document = Group(call.machine.world, name).document
    values = {
        "LeaseTimeout": document.get("lease_timeout", LEASE_MILLISECONDS),
        "FailureConditionLevel": document["failure_condition"],
        "HealthCheckTimeout": document["health_timeout"],
    }
    for key, value in values.items():
        if not wanted or any(matches(one, key) for one in wanted):
            yield PSObject(
                f"{SPACE}.ClusterParameter",
                {"ClusterObject": name, "Name": key, "Value": SizedInt(value, "UInt32"), "ParameterType": "UInt32"},
                text=key,
            )
