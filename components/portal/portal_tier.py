"""A tier of portal servers: the cluster in front of them, and its nodes, the first before the others."""

from __future__ import annotations

import pulumi

from components.component import Component
from components.nlb.nlb_cluster import NlbCluster
from components.portal.external_load_balancer_check import ExternalLoadBalancerCheck, ExternalLoadBalancerCheckInputs
from components.portal.portal_node import PortalNode
from components.secrets import FarmSecrets
from components.topology import Topology
from components.topology.portal import Tier


class PortalTier(Component):
    """Nodes with the same roles behind one name."""

    def __init__(
        self,
        name: str,
        topology: Topology,
        tier: Tier,
        secrets: FarmSecrets,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("portal:PortalTier", name, opts)
        self._topology, self._secrets, self.tier = topology, secrets, tier
        self.nodes: list[PortalNode] = []
        self._cluster: NlbCluster | None = None
        if tier.cluster is not None:
            self._cluster = NlbCluster(tier.key, topology, tier, tier.cluster, self.child())
        self.register_outputs({"name": tier.front.name, "address": str(tier.front.address)})

    def add_first(self, software_after: pulumi.Resource, configured_after: pulumi.Resource) -> PortalNode:
        """The node that makes the stores, or the first of its role."""
        return self._add(self.tier.nodes[0], software_after, configured_after)

    def add_others(self, software_after: pulumi.Resource) -> list[PortalNode]:
        """Every further node, each joined with the passphrase."""
        return [self._add(machine, software_after, None) for machine in self.tier.nodes[1:]]

    def join_load_balancing(self) -> pulumi.Resource:
        """Add every node to the cluster: clients come to it from then on, so everything else is before it. Returns what
        comes last.

        Deletions go the other way round: a node is without clients before anything on it is taken away.
        """
        if self._cluster is None:
            return self._external_load_balancer()
        for node in self.nodes:
            self._cluster.join_load_balancing(node.name, node.published)
        return self._cluster.watch_health()

    def _external_load_balancer(self) -> pulumi.Resource:
        """It is not configured but checked once every node has a site that answers."""
        return ExternalLoadBalancerCheck(
            f"{self.tier.key}-load-balancer",
            ExternalLoadBalancerCheckInputs(
                machine=self.tier.nodes[0],
                nodes=self.tier.nodes,
                name=self.tier.front.name,
                ports=self._topology.portal.ports(self.tier),
                timeout_seconds=self._topology.waits.site_seconds,
            ),
            self.child(*(node.published for node in self.nodes)),
        )

    def _add(
        self, machine: str, software_after: pulumi.Resource, configured_after: pulumi.Resource | None
    ) -> PortalNode:
        node = PortalNode(
            machine,
            self._topology,
            self.tier,
            self._secrets,
            self.child(),
            software_after=software_after,
            balancing=self._cluster.prepared[machine] if self._cluster else None,
            configured_after=configured_after,
            neighbour=self.nodes[-1] if self.nodes else None,
        )
        self.nodes.append(node)
        return node
