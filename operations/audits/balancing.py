"""Load balancing and certificates: what a node's failure does to clients of its tier."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import partial

from cryptography import x509
from cryptography.hazmat.primitives import hashes

from components.nlb import state
from components.nlb.nlb_cluster import health_inputs
from components.nlb.node_health import NodeHealthResource
from components.topology.portal import Cluster, Tier
from components.windows.pfx import ends_soon, unusable
from operations.audits.finding import Answer, Question, Risk
from operations.audits.machines import Machines
from operations.configuration import Context

LEVEL = "load balancing"


def questions(context: Context, machines: Machines) -> Iterator[Question]:
    for tier in context.topology.portal.tiers:
        if tier.cluster is not None:
            yield Question(LEVEL, f"{tier.front.name}: its nodes", partial(_nodes, context, machines, tier))
        yield Question(LEVEL, f"{tier.front.name}: certificates", partial(_certificates, context, tier))


def _nodes(context: Context, machines: Machines, tier: Tier) -> Answer:
    cluster = tier.cluster
    assert isinstance(cluster, Cluster)
    risks: list[Risk] = []
    for node in tier.nodes:
        card = context.topology.machine(node).interface or ""
        view = state.observe(context.remote, node, card, "read its cluster")
        if view.missing_card:
            found, remedy = state.no_card([view])
            risks.append(Risk(found, "`pulumi up` changes no site of it.", remedy))
            continue
        if not view.bound:
            effect = "The other nodes carry its clients."
            risks.append(Risk(f"{node} is in no cluster", effect, "Run `pulumi up`."))
            continue
        if cluster.health:
            risks += _health(context, tier, node, view)
        elif not view.starts:
            effect = "After a restart it takes no clients until an administrator starts it."
            risks.append(Risk(f"{node} does not start load balancing with Windows", effect, "Run `pulumi up`."))
        alone = [rule for rule in view.rules if rule.mode != "multiple"]
        if alone:
            effect = "One node carries all clients of these ports, or none does."
            what = f"on {node}, port rules for one node only: {', '.join(sorted(map(str, alone)))}"
            risks.append(Risk(what, effect, "Run `pulumi up`, which sets the declared port rules."))
        if view.mode == "unicast" and machines.look(node).cards < 2:
            effect = (
                "In unicast mode nodes of one cluster do not reach each other over the card that is balanced, and "
                "switches send the cluster's traffic to every port."
            )
            remedy = "Give each node a second card, or set the cluster's `mode` to multicast."
            risks.append(Risk(f"{node} has one network card in a unicast cluster", effect, remedy))
    return Answer(f"{len(tier.nodes)} nodes, {cluster.mode}", tuple(risks))


def shown_by(context: Context, tier: Tier, node: str, port: int) -> x509.Certificate:
    """The certificate that clients of a tier see of one node on one port. Raises ``HttpError``."""
    answer = context.remote.https(node, port, name=tier.front.name, verify=False)
    return x509.load_der_x509_certificate(answer.certificate)


def thumbprint_of(certificate: x509.Certificate) -> str:
    """Upper-case hexadecimal digits, as Windows shows it."""
    return certificate.fingerprint(hashes.SHA1()).hex().upper()  # noqa: S303 - Windows' name for a certificate


def _health(context: Context, tier: Tier, node: str, view: state.NodeView) -> Iterator[Risk]:
    """A node that its health task has to start after a boot."""
    resource, inputs = NodeHealthResource(), health_inputs(context.topology, tier, node)
    if resource.plan(inputs, resource.observe(inputs, context.remote)):
        effect = "After a restart it may take no clients, and while its sites fail clients may come to it."
        yield Risk(f"the health task of {node} is not as declared", effect, "Run `pulumi up`.")
    if view.starts:
        effect = "After a restart clients come to it before its sites answer."
        yield Risk(f"{node} starts load balancing with Windows", effect, "Run `pulumi up`.")


def _certificates(context: Context, tier: Tier) -> Answer:
    ports, now = [port for of, _, port in context.topology.portal.published() if of is tier], datetime.now(UTC)
    found: dict[str, x509.Certificate] = {}
    where: dict[str, list[str]] = {}
    for node, port in itertools.product(tier.nodes, ports):
        one = shown_by(context, tier, node, port)
        thumbprint = thumbprint_of(one)
        found[thumbprint] = one
        where.setdefault(thumbprint, []).append(f"{node}:{port}")
    risks = []
    if len(found) > 1:
        text = "; ".join(f"{thumbprint} on {', '.join(places)}" for thumbprint, places in where.items())
        effect = "Clients see another certificate when another node serves them; one of the two ends first."
        risks.append(Risk(f"the nodes have different certificates ({text})", effect, "Run `pulumi up`."))
    for thumbprint, one in found.items():
        until = one.not_valid_after_utc
        if why := unusable(one.not_valid_before_utc, until, now) or ends_soon(until, now):
            remedy = f"Renew it: put the new PFX file where `certificates.{tier.certificate}.file` says, and run `up`."
            effect = "From then on every browser warns, and clients that verify it fail."
            risks.append(Risk(f"certificate {thumbprint}: {why}", effect, remedy))
    first = min(one.not_valid_after_utc for one in found.values())
    return Answer(f"the same for every site on each node, valid until {first:%Y-%m-%d}", tuple(risks))
