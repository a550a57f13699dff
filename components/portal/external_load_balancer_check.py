"""Guarantees that an external load balancer carries a tier: through its name, every port is answered.

It changes nothing. A load balancer takes a moment to find its members, so this waits; when a port stays without an
answer, the error says which, and where the instructions for the load balancer are. Delete has nothing to undo.
"""

from __future__ import annotations

from typing import Annotated, Any

from components.portal.front import unanswered
from components.resource import FarmResource, Inputs, Probe, ReplaceOn
from components.steps import Step, WaitFor
from remote.session import Remote

ALL = "every port"
HINT = "`python -m operations load-balancer` prints what it has to carry"


class ExternalLoadBalancerCheckInputs(Inputs):
    machine: str
    """The tier's first node, by its name in the topology."""
    nodes: tuple[str, ...]
    """The tier's servers, by their names in the topology."""
    name: Annotated[str, ReplaceOn()]
    """The name that the load balancer carries."""
    ports: tuple[int, ...]
    """The ports on which the tier is reached."""
    answered: str = ALL
    """What is answered through the name; a drifted state says what is not."""
    timeout_seconds: float = 180
    """How long the load balancer may take to find its members."""


def waiting(facts: tuple[str, ...]) -> str:
    return f"{'; '.join(facts)} ({HINT})" if facts else ""


class ExternalLoadBalancerCheckResource(Probe[ExternalLoadBalancerCheckInputs, tuple[str, ...]]):
    """Facts: what is unanswered."""

    def display_name(self, inputs: ExternalLoadBalancerCheckInputs) -> str:
        return f"what the load balancer of {inputs.name} carries"

    def resource_id(self, inputs: ExternalLoadBalancerCheckInputs) -> str:
        return f"balancer-seen/{inputs.name}".lower()

    def observe(self, inputs: ExternalLoadBalancerCheckInputs, remote: Remote) -> tuple[str, ...]:
        return tuple(unanswered(remote, inputs.name, inputs.ports, inputs.nodes))

    def plan(self, inputs: ExternalLoadBalancerCheckInputs, facts: tuple[str, ...]) -> list[Step]:
        if not facts:
            return []
        said = f"See every port of {inputs.name} answered through the load balancer."
        return [Step(said, WaitFor(inputs.machine, waiting, inputs.timeout_seconds))]

    def actual(self, inputs: ExternalLoadBalancerCheckInputs, facts: tuple[str, ...]) -> dict[str, Any]:
        return {"answered": f"not {'; '.join(facts)}" if facts else ALL}


class ExternalLoadBalancerCheck(
    FarmResource[ExternalLoadBalancerCheckInputs], module="portal", name="ExternalLoadBalancerCheck"
):
    """An external load balancer, as a client sees it."""

    implementation = ExternalLoadBalancerCheckResource
