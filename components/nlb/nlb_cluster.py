"""A load balancing cluster as a whole: the feature on every node, the cluster, its port rules, who takes part."""

from __future__ import annotations

from collections.abc import Sequence

import pulumi

from components.component import Component
from components.nlb.cluster import Cluster, ClusterInputs, NodeInput
from components.nlb.node import Node, NodeInputs
from components.nlb.node_health import NodeHealth, NodeHealthInputs, OtherNode
from components.nlb.port_rules import PortRules, PortRulesInputs, RuleInputs
from components.topology import Topology
from components.topology.portal import Cluster as ClusterOf
from components.topology.portal import Tier
from components.windows.feature import Feature, FeatureInputs


class NlbCluster(Component):
    """The cluster in front of a tier. ``prepared`` is by machine what comes before the software of a node."""

    def __init__(
        self, name: str, topology: Topology, tier: Tier, cluster: ClusterOf, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("nlb:NlbCluster", name, opts)
        machines = [topology.machine(node) for node in tier.nodes]
        self._nodes = [NodeInput(machine=machine.name, interface=machine.interface or "") for machine in machines]
        self._topology, self._tier, self._cluster = topology, tier, cluster
        self.prepared: dict[str, pulumi.Resource] = {
            machine.name: Feature(
                f"{machine.name}-nlb",
                FeatureInputs(
                    machine=machine.name,
                    feature="NLB",
                ),
                self.child(),
            )
            for machine in machines
        }
        first, *others = self._nodes
        made = Cluster(
            f"{tier.key}-cluster",
            ClusterInputs(
                tier=tier.key,
                machine=first.machine,
                interface=first.interface,
                others=tuple(others),
                cluster=cluster.name,
                address=str(cluster.address),
                mask=topology.domain_of(first.machine).mask,
                mode=cluster.mode,
                timeout_seconds=topology.waits.convergence_seconds,
                adopt=cluster.adopt,
            ),
            self.child(*self.prepared.values()),
        )
        rules = PortRules(
            f"{tier.key}-port-rules",
            PortRulesInputs(
                machine=first.machine,
                interface=first.interface,
                tier=tier.key,
                cluster=cluster.name,
                rules=tuple(RuleInputs(**rule.model_dump()) for rule in cluster.port_rules),
                timeout_seconds=topology.waits.convergence_seconds,
            ),
            self.child(made),
        )
        self._last: pulumi.Resource = rules
        # Binding the network card drops every connection, and the first node's is bound when the cluster is made.
        self.prepared[first.machine] = rules
        self.register_outputs({"address": str(cluster.address)})

    def join_load_balancing(self, machine: str, depends_on: pulumi.Resource) -> Node:
        """Add a machine of the tier to the cluster. One after the other: a cluster that is converging
        takes no further change."""
        cluster = self._cluster
        node = Node(
            f"{machine}-node",
            node_inputs(self._topology, self._tier.key, cluster.name, self._tier.nodes, machine, health=cluster.health),
            self.child(self._last, depends_on),
        )
        self._last = node
        return node

    def watch_health(self) -> pulumi.Resource:
        """Let every node start and stop itself by the state of its sites, where the topology wants it; once all nodes
        are in the cluster, since a node looks at the others. The last of what the cluster needs."""
        if not self._cluster.health:
            return self._last
        tasks = [
            NodeHealth(f"{node}-health", health_inputs(self._topology, self._tier, node), self.child(self._last))
            for node in self._tier.nodes
        ]
        return self.stage(f"{self._tier.key}-health", *tasks)


def node_inputs(
    topology: Topology, tier: str, cluster: str, nodes: Sequence[str], node: str, *, health: bool = False
) -> NodeInputs:
    """A node of the cluster of this name, which balances ``nodes``. ``health``: its health task starts it."""
    own, first = topology.machine(node), topology.machine(nodes[0])
    return NodeInputs(
        machine=own.name,
        interface=own.interface or "",
        address=str(own.address),
        tier=tier,
        cluster=cluster,
        first=first.name,
        first_interface=first.interface or "",
        starts=not health,
        timeout_seconds=topology.waits.convergence_seconds,
    )


def health_inputs(topology: Topology, tier: Tier, node: str) -> NodeHealthInputs:
    """The health task of a node: it looks at its own sites, then at those of the tier's other nodes."""
    own, interval = topology.machine(node), NodeHealthInputs.model_fields["interval_seconds"].default
    machines = [topology.machine(name) for name in tier.nodes]
    return NodeHealthInputs(
        machine=own.name,
        tier=tier.key,
        interface=own.interface or "",
        address=str(own.address),
        ports=topology.portal.ports(tier),
        others=tuple(OtherNode(machine=one.name, address=str(one.address)) for one in machines if one is not own),
        offset_seconds=machines.index(own) * interval // len(machines),
    )
