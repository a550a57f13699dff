"""One HTTPS request from this computer, to an address and under a name of one's choice."""

from __future__ import annotations

import base64
import socket
import ssl
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException

from remote.secret import Secret


class HttpError(Exception):
    """No answer: nothing listens, the certificate is not trusted, or the time was up. The text says which."""


@dataclass(frozen=True)
class Answer:
    status: int
    body: bytes
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
    seconds: float = 20,
) -> Answer:
    """GET ``https://name:port/path`` from an address, following no redirect. ``account`` is for basic authentication.

    ``verify`` off is for the self-signed certificates that the portal's own installer makes; the caller says so where
    it reports. Raises ``HttpError``.
    """
    context = ssl.create_default_context(cafile=authorities or None)
    if not verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    headers = {"Host": name if port == 443 else f"{name}:{port}", "Connection": "close"}
    if account is not None:
        text = f"{account[0]}:{account[1].reveal()}"
        headers["Authorization"] = f"Basic {base64.b64encode(text.encode()).decode()}"
    connection = HTTPConnection(name, port)
    try:
        # The socket is made here, because the address and the name are two things, and for its certificate.
        plain = socket.create_connection((address, port), timeout=seconds)
        connection.sock = plain
        connection.sock = secured = context.wrap_socket(plain, server_hostname=name)
        certificate = secured.getpeercert(binary_form=True) or b""
        connection.request("GET", path, headers=headers)
        response = connection.getresponse()
        onward = response.getheader("Location") or "" if 300 <= response.status < 400 else ""
        return Answer(response.status, response.read(), certificate, onward)
    except ssl.SSLCertVerificationError as error:
        raise HttpError(f"certificate verify failed: {error.verify_message.rstrip('.')}") from None
    except (OSError, HTTPException) as error:
        raise HttpError(getattr(error, "strerror", "") or str(error) or type(error).__name__) from None
    finally:
        connection.close()
