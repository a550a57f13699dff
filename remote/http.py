"""One HTTPS request from this computer, to an address and under a name of one's choice."""

from __future__ import annotations

import ssl
from dataclasses import dataclass

import urllib3

from remote.secret import Secret


class HttpError(Exception):
    """No answer: nothing listens, the certificate is not trusted, or the time was up. The text says which."""


@dataclass(frozen=True)
class Answer:
    status: int
    body: bytes
    certificate: bytes
    """The server's certificate, DER."""


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
        urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    headers = {"Host": name if port == 443 else f"{name}:{port}"}
    if account is not None:
        headers |= urllib3.make_headers(basic_auth=f"{account[0]}:{account[1].reveal()}")
    pool = urllib3.HTTPSConnectionPool(
        address,
        port,
        ssl_context=context,
        server_hostname=name,
        assert_hostname=name if verify else False,
        timeout=urllib3.Timeout(total=seconds),
        retries=False,
    )
    try:
        with pool.request("GET", path, headers=headers, redirect=False, preload_content=False) as response:
            socket = getattr(response.connection, "sock", None)
            certificate = socket.getpeercert(binary_form=True) if socket is not None else b""
            return Answer(response.status, response.read(), certificate or b"")
    except (urllib3.exceptions.HTTPError, OSError) as error:
        reason = error.args[-1] if error.args else error
        raise HttpError(str(getattr(reason, "strerror", "") or reason).split(": ", 1)[-1]) from None
    finally:
        pool.close()
