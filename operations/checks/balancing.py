"""Load balancing: every node converged with the same rules, and every name and port that clients use.

What an external load balancer does is seen from its answers only: its name leads to the declared address, and every
connection is answered, also while a member is down.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

from cryptography import x509

from components.nlb import state
from components.nlb.nlb_cluster import health_inputs
from components.nlb.node import deviations, undedicated
from components.nlb.node_health import MISSING, NodeHealthResource
from components.portal.external_load_balancer_check import HINT
from components.portal.front import unanswered
from components.topology.portal import Cluster, Tier
from components.windows.pfx import ends_soon
from operations.configuration import Context
from operations.row import Check, WrongError, expect
from remote.errors import MachineError
from remote.http import Answer, HttpError, get
from remote.names import folded

LEVEL = "load balancing"


def checks(context: Context) -> Iterator[Check]:
    for tier in context.topology.portal.tiers:
        if tier.cluster is not None:
            for node in tier.nodes:
                what = "converged, all nodes seen, declared port rules"
                yield Check(LEVEL, node, what, _Node(context, tier, node), machine=node)
        else:
            yield Check(LEVEL, tier.front.name, f"leads to {tier.front.address}", _Name(context, tier), common=True)
        what = "every connection to every port is answered"
        yield Check(LEVEL, tier.front.name, what, _Front(context, tier), common=True)
        what = f"every site answers with the certificate {tier.certificate}, verified"
        yield Check(LEVEL, tier.front.name, what, _Certified(context, tier), common=True)


class _Node:
    def __init__(self, context: Context, tier: Tier, node: str) -> None:
        self.context, self.tier, self.node = context, tier, node

    def __call__(self) -> str:
        cluster = self.tier.cluster
        assert isinstance(cluster, Cluster)
        machine = self.context.topology.machine(self.node)
        view = state.observe(self.context.remote, machine.name, machine.interface or "", "read its cluster")
        if view.missing_card:
            raise MachineError(self.node, "read its cluster", *state.no_card([view]))
        declared = {
            state.PortRule(rule.start, rule.end, rule.protocol, "multiple", rule.affinity)
            for rule in cluster.port_rules
        }
        down = {folded(node) for node in self.context.down}
        unseen = [node for node in self.tier.nodes if folded(node) not in down and not view.sees(node)]
        unconverged = [text for text in view.unconverged if folded(text.split(" ")[0]) not in down]
        return expect(
            [
                "" if view.bound else "its card is not bound to a cluster",
                f"it does not see {', '.join(unseen)}" if unseen else "",
                f"not converged: {', '.join(unconverged)}" if unconverged else "",
                "" if view.rules == declared else "its port rules are not the declared ones",
                deviations(view, view),
                f"its dedicated addresses: {wrong}" if (wrong := self._undedicated(view)) else "",
                "" if view.starts or cluster.health else "it does not start with its machine",
                *(self._health(view) if cluster.health else []),
                "" if view.address == str(cluster.address) else f"its virtual address is {view.address}",
            ],
            f"converged at {view.address}, {len(view.rules)} port rules",
            unasked=self.context.down & {*self.tier.nodes},
        )

    def _undedicated(self, view: state.NodeView) -> str:
        machine = self.context.topology.machine(self.node)
        return undedicated(view, machine.name, str(machine.address)) if view.bound else ""

    def _health(self, view: state.NodeView) -> list[str]:
        """What keeps its health task from starting it after a boot, and NLB from starting it too early."""
        resource, inputs = NodeHealthResource(), health_inputs(self.context.topology, self.tier, self.node)
        found = resource.actual(inputs, resource.observe(inputs, self.context.remote)) or {"task": MISSING}
        wrong = [f"{part}: {text}" for part, text in found.items() if text != getattr(inputs, part)]
        return [
            f"its health task is not as declared ({'; '.join(wrong)})" if wrong else "",
            "it starts with its machine, before its sites answer" if view.starts else "",
        ]


class _Name:
    """The name leads to the declared address, for this computer."""

    def __init__(self, context: Context, tier: Tier) -> None:
        self.hosts, self.name, self.address = context.remote.hosts, tier.front.name, str(tier.front.address)

    def __call__(self) -> str:
        address = self.hosts.resolve(self.name)
        if address != self.name:
            return f"`hosts` of this stack says {address}; DNS was not asked"
        try:
            found = sorted({str(entry[4][0]) for entry in socket.getaddrinfo(self.name, None, socket.AF_INET)})
        except OSError as error:
            raise WrongError(f"nothing resolves it ({error.strerror})") from None
        return expect(["" if found == [self.address] else f"it leads to {', '.join(found)}"], "so it does")


class _Front:
    """Through the name, every connection to every port is answered."""

    def __init__(self, context: Context, tier: Tier) -> None:
        self.context, self.tier = context, tier

    def __call__(self) -> str:
        ports, nodes = self.context.topology.portal.ports(self.tier), self.tier.nodes
        wrong = unanswered(self.context.remote, self.tier.front.name, ports, nodes)
        if wrong and self.tier.load_balancer is not None:
            wrong.append(HINT)
        return expect(wrong, f"{len(nodes) + 1} connections to each of {len(ports)} ports")


class _Certified:
    """Every site through the tier's name, its certificate verified by this computer's authorities."""

    def __init__(self, context: Context, tier: Tier) -> None:
        self.context, self.tier = context, tier

    def __call__(self) -> str:
        hosts, name = self.context.remote.hosts, self.tier.front.name
        return certified(
            self.context, self.tier, lambda port: get(hosts.resolve(name), port, name, authorities=hosts.authorities)
        )


def certified(context: Context, tier: Tier, request: Callable[[int], Answer]) -> str:
    """Ask every site of a tier by its port, as a client that verifies certificates does. A certificate that ends soon
    is a warning; one that has ended is not accepted."""
    wrong, ends, sites = (
        [],
        set(),
        [(site, port) for of, site, port in context.topology.portal.published() if of is tier],
    )
    for site, port in sites:
        try:
            answer = request(port)
        except HttpError as error:
            wrong.append(f"{site.name}, port {port}: {error}")
        else:
            wrong += [f"{site.name}, port {port}: HTTP {answer.status}"] if answer.status >= 500 else []
            ends.add(x509.load_der_x509_certificate(answer.certificate).not_valid_after_utc)
    found = f"{len(sites)} sites, certificate verified"
    if not ends:
        return expect(wrong, found)
    first = min(ends)
    return expect(wrong, f"{found}, valid until {first:%Y-%m-%d}", soon=[ends_soon(first, datetime.now(UTC))])
