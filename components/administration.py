"""What is administered in the portal once for the whole farm: who may, a plan, and the registration of SPF.

Two ways with one form, and ``administration`` chooses by what the release of the product offers: with its cmdlets, at
the places of the article's order, or by the operator in the browser. The operator's steps come last, when everything
else is done, and all of it at once.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

import pulumi

from components.portal.administrators import Administrators, AdministratorsInputs
from components.portal.interface import interface
from components.portal.plan import Plan, PlanInputs
from components.portal.plan_by_hand import PlanByHand, PlanByHandInputs
from components.portal.plan_replication_check import PlanReplicationCheck, PlanReplicationCheckInputs
from components.portal.portal_node import PortalNode
from components.portal.stores import Place
from components.resource import later, later_secret
from components.secrets import FarmSecrets
from components.spf.service_provider_foundation import ServiceProviderFoundation
from components.topology import Topology

Child = Callable[..., pulumi.ResourceOptions]
"""``Component.child`` of the farm."""


class Administration(Protocol):
    """Each step gives what comes last in it, and what it waits for where the release has or needs no such step."""

    @property
    def plan_id(self) -> pulumi.Output[str]:
        """The portal's own id of the plan."""

    def admit(self, depends_on: pulumi.Resource) -> pulumi.Resource:
        """Who may use the administrators' site, after the first node of every role."""

    def make_plan(self, depends_on: pulumi.Resource) -> pulumi.Resource:
        """The plan, before further nodes join."""

    def register(self, others: Sequence[PortalNode], depends_on: pulumi.Resource) -> pulumi.Resource:
        """The plan seen through every further node, and the registration of SPF."""

    def leave_to_operator(self, *depends_on: pulumi.Resource) -> None:
        """What is left to the operator, after everything else."""


def administration(
    topology: Topology, secrets: FarmSecrets, spf: ServiceProviderFoundation, child: Child
) -> Administration:
    kind = ByOperator if topology.release.by_hand else WithCmdlets
    return kind(topology, secrets, spf, child)


def admin_node(topology: Topology) -> str:
    """The portal node through which the farm is administered: the first that has the administrators' interface."""
    return topology.portal.tier_of("admin-api").nodes[0]


def made_where(topology: Topology) -> Place:
    """Where the operator creates something, where its effect is seen, and how long to wait for it."""
    nodes = topology.portal.tier_of("admin-site").nodes
    return {
        "machine": nodes[0],
        "nodes": nodes,
        "replica": topology.sql.preferred_primary,
        "listener": topology.listener_fqdn,
        "port": topology.sql.listener.port,
        "timeout_seconds": topology.waits.manual_seconds,
    }


class WithCmdlets:
    """Everything with the administrators' cmdlets on one node."""

    def __init__(self, topology: Topology, secrets: FarmSecrets, spf: ServiceProviderFoundation, child: Child) -> None:
        self._topology, self._secrets, self._spf, self._child = topology, secrets, spf, child
        self._machine = admin_node(topology)
        self._plan: Plan | None = None

    @property
    def plan_id(self) -> pulumi.Output[str]:
        assert self._plan is not None, "the plan is made first"
        return self._plan.plan_id

    def admit(self, depends_on: pulumi.Resource) -> pulumi.Resource:
        topology = self._topology
        return Administrators(
            "administrators",
            AdministratorsInputs(
                machine=self._machine,
                principals=topology.portal.administrators,
                server=topology.listener_address,
                login=topology.sql.administrator,
                password=later_secret(self._secrets.sql_password),
            ),
            self._child(depends_on),
        )

    def make_plan(self, depends_on: pulumi.Resource) -> pulumi.Resource:
        plan = self._topology.portal.plan
        self._plan = Plan(
            "plan",
            PlanInputs(
                **interface(self._topology, self._machine),
                name=plan.name,
                services=plan.services,
                adopt=plan.adopt,
            ),
            self._child(depends_on),
        )
        return self._plan

    def register(self, others: Sequence[PortalNode], depends_on: pulumi.Resource) -> pulumi.Resource:
        topology = self._topology
        seen = [
            PlanReplicationCheck(
                f"{node.name}-plan-replication",
                PlanReplicationCheckInputs(
                    **interface(topology, node.name),
                    name=topology.portal.plan.name,
                    plan_id=later(self.plan_id),
                ),
                self._child(depends_on),
            )
            for node in others
            if node.name in topology.portal.tier_of("admin-api").nodes
        ]
        return self._spf.register(self._machine, depends_on, *seen)

    def leave_to_operator(self, *depends_on: pulumi.Resource) -> None:
        pass


class ByOperator:
    """Everything by the operator in the administrators' site, after all the rest; the operators may use it."""

    def __init__(self, topology: Topology, secrets: FarmSecrets, spf: ServiceProviderFoundation, child: Child) -> None:
        self._topology, self._spf, self._child = topology, spf, child
        self._plan: PlanByHand | None = None

    @property
    def plan_id(self) -> pulumi.Output[str]:
        assert self._plan is not None, "the operator creates the plan first"
        return self._plan.plan_id

    def admit(self, depends_on: pulumi.Resource) -> pulumi.Resource:
        return depends_on

    def make_plan(self, depends_on: pulumi.Resource) -> pulumi.Resource:
        return depends_on

    def register(self, others: Sequence[PortalNode], depends_on: pulumi.Resource) -> pulumi.Resource:
        return depends_on

    def leave_to_operator(self, *depends_on: pulumi.Resource) -> None:
        topology = self._topology
        plan, where = topology.portal.plan, made_where(topology)
        self._plan = PlanByHand(
            "plan",
            PlanByHandInputs(
                **where,
                name=plan.name,
                services=plan.services,
                adopt=plan.adopt,
            ),
            self._child(*depends_on),
        )
        self._spf.ask_for_registration(where, *depends_on)
