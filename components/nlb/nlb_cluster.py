"""A load balancing cluster as a whole: the feature on every node, the cluster, its port rules, its further nodes."""

from __future__ import annotations

import pulumi

from components.component import Component
from components.nlb.cluster import Cluster
from components.nlb.node import Node
from components.nlb.port_rules import PortRules
from components.topology import Topology
from components.topology.portal import Cluster as ClusterOf
from components.topology.portal import Tier
from components.windows.feature import Feature


class NlbCluster(Component):
    """The cluster in front of a tier. ``nodes`` are its members' resources by machine."""

    def __init__(
        self, name: str, topology: Topology, tier: Tier, cluster: ClusterOf, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("nlb:NlbCluster", name, opts)
        machines = [topology.machine(node) for node in tier.nodes]
        first = machines[0]
        seconds = topology.waits.convergence
        features = {
            machine.name: Feature(f"{machine.name}-nlb", machine=machine.name, feature="NLB", opts=self.child())
            for machine in machines
        }
        made = Cluster(
            cluster.name,
            machine=first.name,
            interface=first.interface or "",
            cluster=cluster.name,
            address=str(cluster.address),
            mask=topology.domain_of(first.name).mask,
            mode=cluster.mode,
            seconds=seconds,
            adopt=cluster.adopt,
            opts=self.child([features[first.name]]),
        )
        rules = PortRules(
            f"{cluster.name}-port-rules",
            machine=first.name,
            interface=first.interface or "",
            cluster=cluster.name,
            rules=[rule.model_dump(mode="json") for rule in cluster.port_rules],
            seconds=seconds,
            opts=self.child([made]),
        )
        self.nodes: dict[str, pulumi.Resource] = {first.name: rules}
        last: pulumi.Resource = rules
        for machine in machines[1:]:
            # One after the other: a cluster that is converging takes no further change.
            last = self.nodes[machine.name] = Node(
                f"{machine.name}-node",
                machine=machine.name,
                interface=machine.interface or "",
                cluster=cluster.name,
                first=first.name,
                first_interface=first.interface or "",
                seconds=seconds,
                opts=self.child([last, features[machine.name]]),
            )
        self.register_outputs({"address": str(cluster.address)})
