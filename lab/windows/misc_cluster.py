"""The failover cluster below SQL Server, to look at: Get-Cluster, Get-ClusterNode.

The cluster is the topology's ``sql.cluster`` with the replicas as nodes.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from lab.machines import is_reachable
from lab.powershell.api import Call, NotModelledError, PowerShellError, PSObject, cmdlet
from lab.replicas import replicas
from lab.windows.values import enum_type, matches, member, text, texts
from lab.world import Machine, World

SPACE = "Microsoft.FailoverClusters.PowerShell"
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
    if not local or not _up(call.machine) or not cluster:
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
    for number, machine in enumerate(_nodes(call.machine.world), start=1):
        if not wanted or any(matches(name, machine.name) for name in wanted):
            yield PSObject(
                f"{SPACE}.ClusterNode",
                {
                    "Cluster": cluster["name"],
                    "Name": machine.name,
                    "NodeName": machine.name,
                    "Id": str(number),
                    "State": member(NODE_STATE, "Up" if _up(machine) else "Down"),
                },
                text=machine.name,
            )
