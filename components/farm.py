"""The farm, in the article's order. Read it from top to bottom: every step is one statement.

Nothing here asks which design a topology describes: an express farm has one tier with every role, a distributed one
several; the first node of each comes first, in the documented order of the roles.
"""

from __future__ import annotations

import pulumi

from components.administration import admin_node, administration
from components.component import Component
from components.failover_proof import FailoverProof, FailoverProofInputs
from components.portal.databases import DATABASES
from components.portal.endpoints import Endpoints
from components.portal.portal_node import PortalNode, software_source
from components.portal.portal_tier import PortalTier
from components.resource.closing import Closing
from components.resource.stack import StackIdentity
from components.secrets import FarmSecrets
from components.server_tls_check import server_tls_check
from components.spf.service_provider_foundation import ServiceProviderFoundation
from components.sql.backup_share_check import BackupShareCheck, share_inputs
from components.sql.login_report import merged
from components.sql.sql_availability_group import SqlAvailabilityGroup
from components.topology import Topology
from components.topology.portal import Tier
from components.topology.roles import ROLES


class Farm(Component):
    """A highly available Windows Azure Pack."""

    def __init__(
        self,
        name: str,
        topology: Topology,
        secrets: FarmSecrets,
        *,
        proof: str,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("index:Farm", name, opts)
        self.topology = topology
        names = [topology.sql.group, *(machine.name for machine in topology.machines)]
        closing = Closing("closing", names, self.child())
        self.first = [closing]
        self.owner = StackIdentity("stack", self.child()).owner

        # Before anything is touched: can every server be trusted, and are the share of the backups and all that the
        # portal's software is installed from there?
        trusted = server_tls_check("server-tls", topology, self.child())
        self.first = [closing, trusted]
        sources = [software_source(node, topology, tier, self.child()) for tier, node in _portal_nodes(topology)]
        share = BackupShareCheck(f"{topology.sql.group}-backup-share", share_inputs(topology), self.child())
        self.first = [closing, self.stage("sources-seen", trusted, share, *sources)]

        # Load balancing, the SPF account and SQL Server have nothing to do with each other yet: they run side by side.
        tiers = [PortalTier(tier.key, topology, tier, secrets, self.child()) for tier in _in_order(topology)]
        spf = ServiceProviderFoundation("spf", topology, secrets, self.child())
        sql = SqlAvailabilityGroup("sql", topology, secrets, DATABASES, self.child())

        # The first node of every role, while the primary is where the portal's logins are to be made. Their software
        # is installed side by side; they are configured one after the other, in the order of their roles.
        first: list[PortalNode] = []
        configured: pulumi.Resource = sql.primary
        for tier in tiers:
            node = tier.add_first(software_after=sql.primary, configured_after=configured)
            first.append(node)
            configured = node.usable
        portal = administration(topology, secrets, spf, self.child)
        admitted = portal.admit(configured)

        # Their databases into the group, their logins to every replica, and the proof that this was enough.
        databases = sql.add_databases(DATABASES, configured)
        mirrored = sql.mirror_logins("logins", DATABASES, *databases)
        # While the partner is lost there is nothing to fail over to.
        proved: pulumi.Resource = self.stage("mirrored", mirrored, admitted)
        if topology.partner is not None:
            inputs = FailoverProofInputs(
                group=topology.sql.group,
                machines=sql.machines,
                machine=topology.sql.preferred_primary,
                partner=topology.partner.machine,
                sites=tuple(site for node in first for site in node.sites()),
                marker=proof,
                unreachable=topology.sql.unreachable,
                failover_seconds=topology.waits.failover_seconds,
                site_seconds=topology.waits.site_seconds,
            )
            proved = FailoverProof("failover-proof", inputs, self.child(proved))
        plan = portal.make_plan(proved)

        # Every further node joins; whatever that did to the logins is mirrored again.
        others = [node for tier in tiers for node in tier.add_others(plan)]
        joined = self.stage("joined", mirrored, *(node.usable for node in others))
        self.logins = sql.mirror_logins(
            "logins-after-joining",
            DATABASES,
            joined,
            revisions=[node.configuration.revision for node in sorted([*first, *others], key=lambda node: node.name)],
        )
        registered = self.stage("registered", portal.register(others, self.logins))
        for node in (*first, *others):
            node.publish(registered)

        # Clients come to a node last, and leave it first.
        load_balanced = self.stage("load-balanced", *(tier.join_load_balancing() for tier in tiers))

        # From here on nothing leads to a machine's own name any more. The operator's steps come last.
        Endpoints("endpoints", topology, secrets, admin_node(topology), load_balanced, self.child())
        portal.leave_to_operator(*self.resources())

        self.primary, self.plan_id = sql.primary.current, portal.plan_id
        self.login_report = pulumi.Output.all(mirrored.report, self.logins.report).apply(lambda both: merged(*both))
        closing.declare(resource.pulumi_resource_name for resource in self.resources())
        self.register_outputs({"primary": self.primary})


def _portal_nodes(topology: Topology) -> list[tuple[Tier, str]]:
    """Every portal node with its tier."""
    return [(tier, node) for tier in _in_order(topology) for node in tier.nodes]


def _in_order(topology: Topology) -> list[Tier]:
    """The tiers by the earliest of their roles in the documented order."""
    order = list(ROLES)
    return sorted(topology.portal.tiers, key=lambda tier: min(order.index(role) for role in tier.roles))
