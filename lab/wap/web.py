"""HTTPS from a machine of the lab to a machine, a cluster's name or an address, as .NET's HttpClient would do it.

Everything goes over the loopback network: the virtual address is the balancer's, the certificate is the site's, trust
is what the calling machine has in its Root store. Errors carry the texts of System.Net.WebException.
"""

from __future__ import annotations

import http.client
import ipaddress
import secrets
import socket
import ssl
from dataclasses import dataclass
from urllib.parse import urlsplit
from weakref import WeakKeyDictionary

from lab import routes
from lab.addresses import loopback_of
from lab.powershell.api import Session
from lab.windows.logons import ANONYMOUS, account_towards
from lab.world import Identity, Machine, Response, World

_RESOLVE = "The remote name could not be resolved: '{host}'"
_CONNECT = "Unable to connect to the remote server"
TRUST = "The underlying connection was closed: Could not establish trust relationship for the SSL/TLS secure channel."
_SEND = "The underlying connection was closed: An unexpected error occurred on a send."
_RECEIVE = "The underlying connection was closed: An unexpected error occurred on a receive."
_TIMEOUT = "The operation has timed out"
_LEAST_SECONDS, _GREETING_SECONDS = 1.0, 15.0
"""Of this computer, not of the lab: it may have other work to do."""


class WebError(Exception):
    """The request got no answer. ``message`` is that of the WebException."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


def _clusters(world: World) -> dict[str, str]:
    """Names that the administrator put into DNS for virtual addresses, by lower-case name."""
    names = {name.lower(): document["address"] for name, document in world.collection("nlb", "cluster").items()}
    spf = world.topology.get("spf")
    if spf:
        names.setdefault(spf["name"].lower(), spf["address"])
    for tier in world.topology.get("portal", {}).get("tiers", []):
        if front := tier.get("cluster") or tier.get("load_balancer"):
            names.setdefault(front["name"].lower(), front["address"])
    return names


def address_of(machine: Machine, host: str) -> str | None:
    """The loopback address that a name means to a machine, None for an unknown name.

    A node of an NLB cluster that connects to the cluster's address reaches itself: its own card has the address.
    """
    world, host = machine.world, host.lower()
    if host in ("localhost", "127.0.0.1", "."):
        return machine.loopback
    clusters = _clusters(world)
    for name, address in clusters.items():
        if host in (name, address):
            return machine.loopback if _is_node(machine, name) else loopback_of(address)
    known = routes.named(machine, host)
    if known is not None:
        return known.loopback
    try:
        return loopback_of(str(ipaddress.IPv4Address(host)))
    except ValueError:
        return None


def _is_node(machine: Machine, cluster: str) -> bool:
    return any(
        node.get("cluster", "").lower() == cluster and node.get("state") not in ("Stopped", "Suspended")
        for node in machine.collection("nlb-node").values()
    )


def _trust(machine: Machine) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    for certificate in machine.collection("certificate").values():
        if certificate.get("store", "").lower() in ("root", "authroot", "ca"):  # CA completes a path, and ends none
            context.load_verify_locations(cadata=certificate["pem"])
    return context


class _Connection(http.client.HTTPSConnection):
    """HTTPS to an address of our choice, from the machine's own address, with the host name of the URL."""

    def __init__(
        self, machine: Machine, address: str, host: str, port: int, verify: bool, timeout_seconds: float
    ) -> None:
        context = _trust(machine)
        if not verify:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        super().__init__(host, port, timeout=timeout_seconds, context=context)
        self._tls, self._from, self._to = context, machine.loopback, address
        self._pace = machine.world.clock.pace

    def connect(self) -> None:
        patience = routes.CONNECT_SECONDS * self._pace
        raw = socket.create_connection((self._to, self.port), max(_LEAST_SECONDS, patience), (self._from, 0))
        try:
            # A virtual address accepts before it knows whether its node lets the client in: then nobody greets.
            raw.settimeout(_GREETING_SECONDS + patience)
            self.sock = self._tls.wrap_socket(raw, server_hostname=self.host)
            self.sock.settimeout(self.timeout)
        except BaseException:
            raw.close()
            raise


def fetch(
    machine: Machine,
    url: str,
    method: str = "GET",
    headers: dict[str, str] | None = None,
    body: bytes = b"",
    *,
    verify: bool = True,
    timeout_seconds: float = 60,
) -> Response:
    """One request; redirects are not followed. Raises WebError when no answer comes."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    if parts.scheme != "https" or not host:
        raise WebError("Invalid URI: The format of the URI could not be determined.")
    address = address_of(machine, host)
    if address is None:
        raise WebError(_RESOLVE.format(host=host))
    power = machine.collection("power").get("state", {})
    if power.get("disconnected") and address != machine.loopback:
        raise WebError(_CONNECT)
    connection = _Connection(machine, address, host, parts.port or 443, verify, timeout_seconds)
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    try:
        connection.connect()
    except ssl.SSLCertVerificationError:
        raise WebError(TRUST) from None
    except TimeoutError:
        raise WebError(_CONNECT if connection.sock is None else _TIMEOUT) from None
    except ssl.SSLError:
        raise WebError(_SEND) from None
    except ConnectionResetError:
        raise WebError(_SEND) from None
    except OSError:
        raise WebError(_CONNECT) from None
    try:
        connection.request(method, target, body or None, headers or {})
        answer = connection.getresponse()
        return Response(answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read())
    except TimeoutError:
        raise WebError(_TIMEOUT) from None
    except (OSError, http.client.HTTPException):
        raise WebError(_RECEIVE) from None
    finally:
        connection.close()


def status_message(response: Response) -> str:
    """What a WebException says of an answer that is an error."""
    reason = http.client.responses.get(response.status, "")
    return f"The remote server returned an error: ({response.status}) {reason}."


@dataclass(frozen=True)
class _Ticket:
    session: Session
    user: str | None
    password: str | None


_tickets: WeakKeyDictionary[World, dict[str, _Ticket]] = WeakKeyDictionary()


def negotiate(session: Session, user: str | None = None, password: str | None = None) -> str:
    """An ``Authorization`` header that stands for a completed Negotiate exchange of this session.

    With ``user`` it is that account's password log-on. SPNEGO itself is not spoken between machines of the lab: the
    header holds a random number that only this process can redeem.
    """
    number = secrets.token_urlsafe(24)
    with session.machine.world.lock:
        _tickets.setdefault(session.machine.world, {})[number] = _Ticket(session, user, password)
    return f"Negotiate {number}"


def redeem(machine: Machine, header: str) -> Identity | None:
    """Who stands behind a Negotiate header at ``machine``; None for nobody. A header counts once."""
    from lab import identity

    scheme, _, number = header.partition(" ")
    with machine.world.lock:
        ticket = _tickets.get(machine.world, {}).pop(number, None)
    if scheme.lower() != "negotiate" or ticket is None:
        return None
    if ticket.user is not None:
        return identity.authenticate(machine.world, machine, ticket.user, ticket.password or "")
    account = account_towards(ticket.session, machine)
    if account == ANONYMOUS:
        return None
    here = ticket.session.machine.name == machine.name
    if not here and account.split("\\")[0].lower() == ticket.session.machine.name.lower():
        return None  # a local account of another machine is unknown here
    try:
        return identity.over_the_network(machine.world, ticket.session.machine, machine, account)
    except identity.UnknownAccountError:
        return None
