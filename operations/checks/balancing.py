"""Load balancing: every node converged with the same rules, and every name and port that clients use.

What somebody else's load balancer does is seen from its answers only: its name leads to the declared address, and every
connection is answered, also while a member is down.
"""

from __future__ import annotations

import socket
from collections.abc import Iterator

from cryptography import x509

from components.failover_proof import ask
from components.nlb import state
from components.topology.portal import Cluster, Tier
from components.windows.pfx import covers
from operations.configuration import Context
from operations.row import Check, WrongError, expect
from remote.http import HttpError, get

LEVEL = "load balancing"


def checks(context: Context) -> Iterator[Check]:
    for tier in context.topology.portal.tiers:
        if tier.cluster is not None:
            for node in tier.nodes:
                yield Check(LEVEL, node, "converged, all nodes seen, declared port rules", _Node(context, tier, node))
        else:
            yield Check(LEVEL, tier.front.name, f"leads to {tier.front.address}", _Name(context, tier))
        yield Check(LEVEL, tier.front.name, "every connection to every port is answered", _Front(context, tier))
        if "tenant-site" in tier.roles:
            port = context.topology.portal.tenant_site_port
            what = f"answers on port {port} with the public certificate"
            yield Check(LEVEL, tier.front.name, what, _Public(context, tier, tier.front.name))


class _Node:
    def __init__(self, context: Context, tier: Tier, node: str) -> None:
        self.context, self.tier, self.node = context, tier, node

    def __call__(self) -> str:
        cluster = self.tier.cluster
        assert isinstance(cluster, Cluster)
        machine = self.context.topology.machine(self.node)
        view = state.observe(self.context.remote, machine.name, machine.interface or "", "read its cluster")
        declared = {
            state.PortRule(rule.start, rule.end, rule.protocol, "multiple", rule.affinity)
            for rule in cluster.port_rules
        }
        unseen = [node for node in self.tier.nodes if not view.sees(node)]
        return expect(
            [
                "" if view.bound else "its card is not bound to a cluster",
                f"it does not see {', '.join(unseen)}" if unseen else "",
                f"not converged: {', '.join(view.unconverged)}" if view.unconverged else "",
                "" if view.rules == declared else "its port rules are not the declared ones",
                "" if view.address == str(cluster.address) else f"its virtual address is {view.address}",
            ],
            f"converged at {view.address}, {len(view.rules)} port rules",
        )


class _Name:
    """The name leads to the declared address, for this computer."""

    def __init__(self, context: Context, tier: Tier) -> None:
        self.hosts, self.name, self.address = context.remote.hosts, tier.front.name, str(tier.front.address)

    def __call__(self) -> str:
        dialled = self.hosts.dial(self.name)
        if dialled != self.name:
            return f"`hosts` of this stack says {dialled}; DNS was not asked"
        try:
            found = sorted({str(entry[4][0]) for entry in socket.getaddrinfo(self.name, None, socket.AF_INET)})
        except OSError as error:
            raise WrongError(f"nothing resolves it ({error.strerror})") from None
        return expect(["" if found == [self.address] else f"it leads to {', '.join(found)}"], "so it does")


class _Front:
    """Through the name, as many connections to each port as the tier has nodes, and one more: all are answered.

    A balancer that still sends clients to a member that is down leaves one of them without an answer.
    """

    def __init__(self, context: Context, tier: Tier) -> None:
        self.context, self.tier, self.tries = context, tier, len(tier.nodes) + 1

    def __call__(self) -> str:
        ports = self.context.topology.portal.ports(self.tier)
        wrong = [self._port(port) for port in ports]
        if any(wrong) and self.tier.load_balancer is not None:
            wrong.append("`python -m operations load-balancer` prints what it has to carry")
        return expect(wrong, f"{self.tries} connections to each of {len(ports)} ports")

    def _port(self, port: int) -> str:
        errors = [error for error in (self._ask(port) for _ in range(self.tries)) if error]
        if not errors:
            return ""
        working = [node for node in self.tier.nodes if not ask(self.context.remote, node, port)]
        direct = f"these answer: {', '.join(working)}" if working else "none answers"
        return f"TCP {port}: {len(errors)} of {self.tries} unanswered ({errors[0]}); of its servers, {direct}"

    def _ask(self, port: int) -> str:
        hosts, name = self.context.remote.hosts, self.tier.front.name
        try:
            # Most sites have the certificates that the portal's installer makes; the public one is checked apart.
            answer = get(hosts.dial(name), port, name, authorities=hosts.authorities, verify=False)
        except HttpError as error:
            return str(error)
        return f"HTTP {answer.status}" if answer.status >= 500 else ""


class _Public:
    """The tenants' site through a name, its certificate verified by this computer's authorities."""

    def __init__(self, context: Context, tier: Tier, name: str) -> None:
        self.context, self.tier, self.name = context, tier, name

    def __call__(self) -> str:
        hosts = self.context.remote.hosts
        port = self.context.topology.portal.tenant_site_port
        answer = get(hosts.dial(self.name), port, self.name, authorities=hosts.authorities)
        return public(answer.status, answer.certificate, self.name)


def public(status: int, certificate: bytes, name: str) -> str:
    names = x509.load_der_x509_certificate(certificate).extensions.get_extension_for_class(x509.SubjectAlternativeName)
    covered = any(covers(pattern, name) for pattern in names.value.get_values_for_type(x509.DNSName))
    return expect(
        [f"HTTP {status}" if status >= 400 else "", "" if covered else "the certificate is for another name"],
        f"HTTP {status}, certificate verified",
    )
