"""Clients that use the farm through its names all the time, and what came of each request.

Each has a source address of its own, since affinity sends a client to one node. Half of them keep their connections,
half open one for each request. A kept connection that turns out to be closed when it is used again is opened once more
and the request repeated, as browsers and .NET do (RFC 7230, 6.3.1): that is counted, and no failure.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException
from socket import create_connection
from typing import Protocol

from components.topology import Topology
from remote import tls
from remote.hosts import Hosts
from remote.text import one_line

TIMEOUT_SECONDS = 20
USES = 20
"""Requests on a kept connection. Then the client leaves it: a node that drains waits for its clients to do so."""


@dataclass(frozen=True)
class Target:
    """One site behind a name that several servers share."""

    level: str
    """``portal`` or ``spf``."""
    service: str
    """The site's name in IIS."""
    name: str
    """The DNS name that clients use; it is in the TLS handshake and in the Host header."""
    port: int
    """The TCP port that clients use."""
    address: str
    """The IP address, or the name, that is connected to."""


def targets(topology: Topology, hosts: Hosts) -> list[Target]:
    """Every site that clients reach through a name in front of several servers."""
    found = [
        Target("portal", site.name, tier.front.name, port, hosts.resolve(tier.front.name))
        for tier, site, port in topology.portal.published()
    ]
    spf = topology.spf
    return [*found, Target("spf", "SPF", spf.name, spf.port, hosts.resolve(spf.name))]


@dataclass(frozen=True)
class Request:
    """One HTTPS request of one client."""

    target: Target
    """The site that was asked."""
    source: str
    """The address of this computer from which it was sent; empty where the operating system chose it."""
    began: float
    """When it was sent, as ``time.time`` of this computer gives it."""
    took_seconds: float
    """Until the end of the answer, or until the error."""
    error: str = ""
    """In one line: why there was no answer, or ``HTTP 503`` and others from 500 on; empty for a good answer."""


@dataclass
class Asked:
    """What came of all requests so far. Filled by several threads; lists are appended to only."""

    requests: list[Request] = field(default_factory=list)
    """Each once, with the outcome of its last attempt."""
    repeated: list[Request] = field(default_factory=list)
    """Requests on a kept connection that had been closed; each was sent again, and is in ``requests`` as well."""

    @property
    def failed(self) -> list[Request]:
        return [request for request in self.requests if request.error]


def unreachable(wanted: Sequence[Target], sources: Sequence[str]) -> list[str]:
    """What cannot be asked from where, each site asked once from every source address: ``MgmtSvc-AdminSite
    (portal.hyper-v.nu:30091) from 10.0.0.8: timed out``."""
    asked = Asked()
    clients = [_Client(wanted, source, number, asked) for number, source in enumerate(sources)]
    threads = [threading.Thread(target=client.round) for client in clients]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sorted(
        f"{one.target.service} ({one.target.name}:{one.target.port}) from {one.source or 'this computer'}: {one.error}"
        for one in asked.failed
    )


@contextmanager
def asking(wanted: Sequence[Target], sources: Sequence[str], requests_per_second: float) -> Iterator[Asked]:
    """Ask until the end of the block, ``requests_per_second`` requests from every source address (empty: this
    computer's), the targets in turn."""
    asked, ended = Asked(), threading.Event()
    clients = [_Client(wanted, source, number, asked) for number, source in enumerate(sources)]
    threads = [threading.Thread(target=client.run, args=(ended, 1 / requests_per_second)) for client in clients]
    for thread in threads:
        thread.start()
    try:
        yield asked
    finally:
        ended.set()
        for thread in threads:
            thread.join()


class Ended(Protocol):
    """As ``threading.Event``."""

    def wait(self, timeout_seconds: float, /) -> bool: ...


def paced(
    ended: Ended, pause_seconds: float, act: Callable[[], None], clock: Callable[[], float] = time.monotonic
) -> None:
    """Do something until the end, ``pause_seconds`` from one beginning to the next. What is missed while it takes
    longer is not made up for. ``clock`` gives seconds and never goes back."""
    due = clock()
    while not ended.wait(max(0.0, due - clock())):
        now = clock()
        due = due + pause_seconds if due + pause_seconds > now else now + pause_seconds
        act()


class _Client:
    def __init__(self, wanted: Sequence[Target], source: str, number: int, asked: Asked) -> None:
        self._wanted, self._source, self._asked = wanted, source, asked
        self._keeps, self._turn = number % 2 == 0, number
        self._kept: dict[Target, tuple[HTTPConnection, int]] = {}

    def run(self, ended: threading.Event, interval_seconds: float) -> None:
        paced(ended, interval_seconds, self._next)
        self._leave()

    def round(self) -> None:
        """Ask every target once."""
        for target in self._wanted:
            self._request(target)
        self._leave()

    def _next(self) -> None:
        self._request(self._wanted[self._turn % len(self._wanted)])
        self._turn += 1

    def _leave(self) -> None:
        for connection, _ in self._kept.values():
            connection.close()

    def _request(self, target: Target) -> None:
        began = time.time()
        connection, uses = self._kept.pop(target, (None, 0))
        if connection is not None:
            error, answered = self._send(connection, target, uses + 1)
            if error and not answered:
                self._asked.repeated.append(Request(target, self._source, began, time.time() - began, error))
                connection = None
        if connection is None:
            error, _ = self._anew(target)
        self._asked.requests.append(Request(target, self._source, began, time.time() - began, error))

    def _anew(self, target: Target) -> tuple[str, bool]:
        connection = HTTPConnection(target.name, target.port, timeout=TIMEOUT_SECONDS)
        try:
            source = (self._source, 0) if self._source else None
            plain = create_connection((target.address, target.port), TIMEOUT_SECONDS, source)
            connection.sock = plain
            # Whether it answers is asked here; `verify` has rows for the certificates.
            connection.sock = tls.context("", verify=False).wrap_socket(plain, server_hostname=target.name)
        except OSError as error:
            connection.close()
            return _words(error), False
        return self._send(connection, target, 1)

    def _send(self, connection: HTTPConnection, target: Target, uses: int) -> tuple[str, bool]:
        """The error of a request, and whether there was an answer at all."""
        host = target.name if target.port == 443 else f"{target.name}:{target.port}"
        keeps = self._keeps and uses < USES
        try:
            connection.request("GET", "/", headers={"Host": host, "Connection": "keep-alive" if keeps else "close"})
            response = connection.getresponse()
            response.read()
        except (OSError, HTTPException) as error:
            connection.close()
            return _words(error), False
        if keeps and not response.will_close:
            self._kept[target] = connection, uses
        else:
            connection.close()
        return (f"HTTP {response.status}" if response.status >= 500 else ""), True


def _words(error: Exception) -> str:
    return one_line(getattr(error, "strerror", "") or str(error) or type(error).__name__)
