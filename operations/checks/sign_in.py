"""Signing in: where the portal sites send a visitor, followed from outside through the load-balanced names."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urljoin, urlsplit

from components.portal.federation import PAIRS
from operations.configuration import Context
from operations.row import Check, WrongError
from remote.http import Answer, get
from remote.names import same

LEVEL = "sign-in"
HOPS = 5
"""How often a visitor is sent on before it is a circle."""


def checks(context: Context) -> Iterator[Check]:
    portal = context.topology.portal
    namespaces = {site.namespace for _, site, _ in portal.published()}
    for tier, site, port in portal.published():
        for pair in PAIRS:
            if site.namespace == pair.site and pair.authentication in namespaces:
                what = f"{site.name} leads to no machine's own name"
                start = f"https://{tier.front.name}:{port}/"
                yield Check(LEVEL, tier.front.name, what, _Visitor(context, start), common=True)


class _Visitor:
    """Follows what the sites answer, and looks at every name and certificate on the way."""

    def __init__(self, context: Context, start: str) -> None:
        self.context, self.start = context, start
        self.names = {tier.front.name for tier in context.topology.portal.tiers}

    def __call__(self) -> str:
        url = self.start
        for _ in range(HOPS):
            answer = self._request(url)
            if not answer.location:
                break
            url = urljoin(url, answer.location)
        else:
            raise WrongError(f"it sends a visitor on more than {HOPS} times, last to {_place(url)}")
        if answer.status >= 400 and answer.status != 401:  # the administrators' authentication site asks who it is
            raise WrongError(f"{_place(url)} answers HTTP {answer.status}")
        return f"{_place(url)} answers HTTP {answer.status}"

    def _request(self, url: str) -> Answer:
        parts = urlsplit(url)
        host, hosts = parts.hostname or "", self.context.remote.hosts
        if host not in self.names:
            whose = f"the name of {machine}" if (machine := self._machine(host)) else "no load-balanced name"
            raise WrongError(f"it sends a visitor to {_place(url)}, which is {whose}")
        path = f"{parts.path or '/'}{'?' if parts.query else ''}{parts.query}"
        return get(hosts.resolve(host), parts.port or 443, host, path, authorities=hosts.authorities)

    def _machine(self, host: str) -> str:
        for machine in self.context.topology.machines:
            if same(host, machine.name) or same(host, machine.fqdn):
                return machine.name
        return ""


def _place(url: str) -> str:
    """An address without what the sites add to it for themselves."""
    parts = urlsplit(url)
    return f"https://{parts.hostname}:{parts.port or 443}{parts.path}"
