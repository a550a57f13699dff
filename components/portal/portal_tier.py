"""A tier of portal servers: the cluster in front of them, and its nodes, the first before the others."""

from __future__ import annotations

from collections.abc import Iterable

import pulumi

from components.component import Component
from components.nlb.nlb_cluster import NlbCluster
from components.portal.portal_node import PortalNode
from components.secrets import FarmSecrets
from components.topology import Topology
from components.topology.portal import Tier


class PortalTier(Component):
    """Nodes with the same roles behind one name. ``front`` is what a node needs before its software comes."""

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
        self._balanced: dict[str, pulumi.Resource] = {}
        if tier.cluster is not None:
            self._balanced = NlbCluster(tier.cluster.name, topology, tier, tier.cluster, self.child()).nodes
        self.register_outputs({"name": tier.front.name, "address": str(tier.front.address)})

    def add_first(self, after: Iterable[pulumi.Resource]) -> PortalNode:
        """The node that makes the stores, or the first of its role."""
        return self._add(self.tier.nodes[0], after)

    def add_others(self, after: Iterable[pulumi.Resource]) -> list[PortalNode]:
        """Every further node, each joined with the passphrase."""
        before = list(after)
        return [self._add(machine, before) for machine in self.tier.nodes[1:]]

    def _add(self, machine: str, after: Iterable[pulumi.Resource]) -> PortalNode:
        # Binding the network card drops every connection, so a node is balanced before its software comes.
        balanced = [self._balanced[machine]] if machine in self._balanced else []
        node = PortalNode(machine, self._topology, self.tier, self._secrets, [*after, *balanced], self.child())
        self.nodes.append(node)
        return node
