"""One HTTPS request from this computer, to an address and under a name of one's choice."""

from __future__ import annotations

import base64
import socket
import time
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException, HTTPResponse

from remote import tls
from remote.logons import LOG_ONS, Account, Kind, RefusedLogOn
from remote.secret import Secret, redact
from remote.text import one_line

MOST_BYTES = 16 << 20
"""Of one answer."""
_PIECE = 1 << 16
_UNAUTHORIZED = 401


class HttpError(Exception):
    """No answer: nothing listens, or the time was up. The text says which, in one line."""

    def __init__(self, text: str) -> None:
        super().__init__(one_line(redact(text)))


class UntrustedSiteError(HttpError):
    """No TLS connection that can be trusted. The text says why, and what to do."""


class RefusedAccountError(HttpError):
    """The account was refused at this address before, and is not tried again. The text has the first answer."""


@dataclass(frozen=True)
class Answer:
    status: int
    """HTTP's; no redirect is followed."""
    body: bytes
    """As it came, ``MOST_BYTES`` at most."""
    certificate: bytes
    """The server's certificate, DER."""
    location: str = ""
    """Where the answer sends the client on to; empty for an answer that does not."""


def get(
    address: str,
    port: int,
    name: str,
    path: str = "/",
    *,
    authorities: str = "",
    verify: bool = True,
    account: tuple[str, Secret] | None = None,
    leads_to: frozenset[str] = frozenset(),
    timeout_seconds: float = 20,
) -> Answer:
    """GET ``https://name:port/path`` from an address, following no redirect. ``account`` is for basic authentication.

    ``verify`` off is for the self-signed certificates that the portal's own installer makes; the caller says so where
    it reports. An account that an address answered with HTTP 401 is not sent there again in this process: the answer
    is the same. ``leads_to`` are the servers (``address:port``) of which this one is a common name: an account that one
    of them refused is not sent there either. ``authorities`` is a PEM file; empty: those of the operating system.
    ``timeout_seconds`` is for the connection, for each wait for the server, and for the whole of a long answer. Raises
    ``HttpError``.
    """
    if account is None:
        return _get(address, port, name, path, {}, authorities, timeout_seconds, verify=verify)
    user, password = account
    basic = base64.b64encode(f"{user}:{password.reveal()}".encode()).decode()
    first: Answer | None = None

    def log_on() -> Answer:
        nonlocal first
        first = _get(
            address, port, name, path, {"Authorization": f"Basic {basic}"}, authorities, timeout_seconds, verify=verify
        )
        if first.status == _UNAUTHORIZED:
            raise RefusedLogOn(f"HTTP 401 for {user}")
        return first

    try:
        return LOG_ONS.run(
            Account(Kind.EACH_SERVER, "Basic", user, password), f"{address}:{port}", log_on, before=leads_to
        )
    except RefusedLogOn as refusal:
        if first is not None:
            return first
        text = f"{refusal.why} from {refusal.by} before; it is not tried again, so that the account is not locked out"
        raise RefusedAccountError(text) from None


def _get(
    address: str,
    port: int,
    name: str,
    path: str,
    further: dict[str, str],
    authorities: str,
    timeout_seconds: float,
    *,
    verify: bool,
) -> Answer:
    headers = {"Host": name if port == 443 else f"{name}:{port}", "Connection": "close", **further}
    connection = HTTPConnection(name, port)
    deadline = time.monotonic() + timeout_seconds
    try:
        context = tls.context(authorities, verify=verify)
        # The socket is made here, because the address and the name are two things, and for its certificate.
        plain = socket.create_connection((address, port), timeout=timeout_seconds)
        connection.sock = plain
        connection.sock = secured = context.wrap_socket(plain, server_hostname=name)
        certificate = secured.getpeercert(binary_form=True) or b""
        connection.request("GET", path, headers=headers)
        response = connection.getresponse()
        onward = response.getheader("Location") or "" if 300 <= response.status < 400 else ""
        return Answer(response.status, _body(response, deadline), certificate, onward)
    except (OSError, HTTPException) as error:
        if said := tls.words(error):
            found, remedy = tls.explained(said, f"{name} at {address}:{port}", name)
            raise UntrustedSiteError(f"{found}. {remedy}") from None
        raise HttpError(getattr(error, "strerror", "") or str(error) or type(error).__name__) from None
    finally:
        connection.close()


def _body(response: HTTPResponse, deadline: float) -> bytes:
    """All of an answer that ends in time. Raises ``HttpError`` for one that does not."""
    body = bytearray()
    while piece := response.read1(_PIECE):
        body += piece
        if len(body) > MOST_BYTES or time.monotonic() > deadline:
            raise HttpError(f"the answer does not end (after {len(body)} bytes)")
    return bytes(body)
