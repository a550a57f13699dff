"""From requests to what clients noticed: failures and outages of each service, and a verdict. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

from components.topology import Topology
from operations.clients import Asked, Request, Target
from operations.maintenance.parts import levels_of


@dataclass(frozen=True)
class Service:
    """What clients noticed of one site behind a name, while one server was shut down and came back. Times are seconds
    since the shutdown was ordered."""

    level: str
    """``portal`` or ``spf``."""
    service: str
    """The site's name in IIS; ``SPF`` for that of Service Provider Foundation."""
    name: str
    """The DNS name that clients use."""
    port: int
    """The TCP port that clients use."""
    requests: int
    """How many were sent from before the order until the farm was redundant again."""
    repeated: int
    """Requests on a kept connection that had been closed; the client sent them again, and nobody noticed."""
    failed: int
    """How many of them had no answer, or one of HTTP 500 and more."""
    first_failure_seconds: float | None
    """When the first request that failed was sent; None where none failed."""
    last_failure_seconds: float | None
    """When the last one was sent; None where none failed."""
    longest_outage_seconds: float
    """The longest time in which no request of one client was answered well."""
    errors: dict[str, int]
    """Text of an error → how many requests failed with it."""
    requests_by_second: tuple[int, ...] = ()
    """How many were sent in each second after the order; those that were sent before it count in the first."""
    failures_by_second: tuple[int, ...] = ()
    """Of those, how many failed."""


@dataclass(frozen=True)
class Server:
    """One server's part of a drill. Times are seconds."""

    machine: str
    """Its name in the topology."""
    levels: tuple[str, ...]
    """What it is part of: ``sql``, ``spf``, ``portal``."""
    off_seconds: float
    """When the server did not answer any more, after the order."""
    redundant_seconds: float
    """When the whole farm was as it should be again, after the order to switch it on."""
    budget_seconds: float
    """The outage that the topology's `drill` allows: the largest budget of its levels."""
    longest_outage_seconds: float
    """The longest of all services."""
    services: tuple[Service, ...]
    """Every site that was asked, also those without a failure."""
    on_seconds: float | None = None
    """When it was ordered to switch on, after the order to shut down; None in results of before this was kept."""

    @property
    def within(self) -> bool:
        return self.longest_outage_seconds <= self.budget_seconds


def services(asked: Asked, ordered: float) -> tuple[Service, ...]:
    """By service. ``ordered`` is when the shutdown was ordered, in seconds since the epoch."""
    targets = dict.fromkeys(request.target for request in asked.requests)
    return tuple(_service(target, asked, ordered) for target in targets)


def _service(target: Target, asked: Asked, ordered: float) -> Service:
    own = sorted((one for one in asked.requests if one.target == target), key=lambda one: one.began)
    failures = [one for one in own if one.error]
    return Service(
        target.level,
        target.service,
        target.name,
        target.port,
        len(own),
        sum(one.target == target for one in asked.repeated),
        len(failures),
        round(failures[0].began - ordered, 1) if failures else None,
        round(failures[-1].began - ordered, 1) if failures else None,
        round(max((outage(requests) for requests in _by_client(own)), default=0), 1),
        dict(Counter(one.error for one in failures)),
        _by_second(own, own, ordered),
        _by_second(failures, own, ordered),
    )


def _by_second(counted: Sequence[Request], every: Sequence[Request], ordered: float) -> tuple[int, ...]:
    """How many of the counted were sent in each second, until the last second of every one of them."""
    seconds = [max(0, int(one.began - ordered)) for one in every]
    found = Counter(max(0, int(one.began - ordered)) for one in counted)
    return tuple(found[second] for second in range(max(seconds, default=-1) + 1))


def _by_client(requests: Sequence[Request]) -> list[list[Request]]:
    clients = dict.fromkeys(request.source for request in requests)
    return [[request for request in requests if request.source == client] for client in clients]


def outage(requests: Sequence[Request]) -> float:
    """The longest time without a good answer to one client: from its first failed request until the next one that
    succeeded was sent, or until the last one that failed had ended. Never shorter than the outage was."""
    longest, position = 0.0, 0
    for failed, group in groupby(requests, key=lambda one: bool(one.error)):
        run = list(group)
        position += len(run)
        if failed:
            end = requests[position].began if position < len(requests) else run[-1].began + run[-1].took_seconds
            longest = max(longest, end - run[0].began)
    return longest


def server(
    topology: Topology,
    machine: str,
    asked: Asked,
    *,
    ordered: float,
    off_seconds: float,
    redundant_seconds: float,
    planned: bool,
    on_seconds: float | None = None,
) -> Server:
    """A server's part: the budget is that of its levels, the largest where it has several.

    ``ordered`` is when the shutdown was ordered, in seconds since the epoch; ``off_seconds`` and ``on_seconds``
    count from then, ``redundant_seconds`` from the order to switch it on.
    """
    levels = levels_of(topology, machine)
    budget = topology.drill.planned if planned else topology.drill.unplanned
    found = services(asked, ordered)
    longest = max((one.longest_outage_seconds for one in found), default=0.0)
    seconds = max(float(getattr(budget, f"{level}_seconds")) for level in levels)
    on = None if on_seconds is None else round(on_seconds, 1)
    return Server(
        machine, tuple(levels), round(off_seconds, 1), round(redundant_seconds, 1), seconds, longest, found, on
    )
