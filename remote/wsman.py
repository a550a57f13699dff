"""HTTPS to a WinRM listener: the machine's own certificate, one NTLM log-on for a connection, and nothing else.

pywinrm builds the envelopes; the session that carries them is this one. It follows no redirect, takes nothing from the
shell's environment (proxies, ``.netrc``, other programs' authorities), reads no endless answer, and logs on only where
it is asked to and where the account was not refused already.
"""

from __future__ import annotations

import base64
import binascii
import time
from collections.abc import Iterator
from typing import Any

import requests
import spnego
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from requests.adapters import HTTPAdapter
from requests.auth import AuthBase
from spnego.channel_bindings import GssChannelBindings
from spnego.exceptions import SpnegoError

from remote import tls
from remote.hosts import Host
from remote.logons import LOG_ONS, Account, Kind, RefusedLogOn

MOST_BYTES = 4 << 20
"""Of one answer. Server 2012 sends envelopes of 500 KB at most; its answers to this program are 150 KB."""
_PIECE = 1 << 16
_UNAUTHORIZED = 401


class WrongAnswerError(Exception):
    """What answers does not behave like a WinRM listener. The text says how; the connection is given up."""


class _Adapter(HTTPAdapter):
    """Checks the certificate against the machine's full name, whatever its address; ends an answer that does not."""

    def __init__(self, host: Host, authorities: str) -> None:
        self._context = tls.context(authorities, verify=host.verify)
        self._name = host.fqdn
        super().__init__(pool_connections=1, pool_maxsize=1)  # one connection: NTLM authenticates connections

    def init_poolmanager(self, *args: Any, **options: Any) -> None:
        super().init_poolmanager(*args, **options, ssl_context=self._context, server_hostname=self._name)

    def cert_verify(self, *_: Any) -> None:
        """Whom to trust is in the context; requests would add its own list of authorities."""

    def build_connection_pool_key_attributes(self, *args: Any, **options: Any) -> Any:
        return super().build_connection_pool_key_attributes(*args, **options)[0], {}

    def send(self, request: requests.PreparedRequest, *args: Any, **options: Any) -> requests.Response:
        options["stream"] = True
        response = super().send(request, *args, **options)
        response.channel = _channel(response)  # type: ignore[attr-defined]  # known only until the answer is read
        response._content = b"".join(_pieces(response, _deadline(options.get("timeout"))))
        response._content_consumed = True  # type: ignore[attr-defined]
        return response


def _deadline(timeout: Any) -> float:
    timeout_seconds = timeout[-1] if isinstance(timeout, tuple) else timeout
    return time.monotonic() + float(timeout_seconds or 60)


def _pieces(response: requests.Response, deadline: float) -> Iterator[bytes]:
    size = 0
    for piece in response.iter_content(_PIECE):
        size += len(piece)
        if size > MOST_BYTES or time.monotonic() > deadline:
            response.close()
            raise WrongAnswerError(f"its answer does not end (after {size} bytes)")
        yield piece


def _channel(response: requests.Response) -> bytes:
    """The hash of the server's certificate that binds a log-on to this TLS connection (RFC 5929, tls-server-end-point),
    so that a machine in between cannot relay the log-on."""
    connection = response.raw.connection
    if connection is None or connection.sock is None:
        return b""
    der = connection.sock.getpeercert(True)  # type: ignore[union-attr]  # an SSLSocket: there is no other adapter
    try:
        used = x509.load_der_x509_certificate(der).signature_hash_algorithm
    except ValueError as error:
        raise WrongAnswerError(f"its certificate cannot be read ({error})") from None
    weak = used is None or used.name in ("md5", "sha1")
    digest = hashes.Hash(hashes.SHA256() if weak or used is None else used)
    digest.update(der)
    return digest.finalize()


class LogOn(AuthBase):
    """NTLM for the connections to one host."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._done = False

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Connection"] = "Keep-Alive"
        request.register_hook("response", self._answered)  # type: ignore[no-untyped-call]
        return request

    def _answered(self, response: requests.Response, **options: Any) -> requests.Response:
        if 300 <= response.status_code < 400:
            raise WrongAnswerError(f"it sends the client on to {response.headers.get('Location') or 'nowhere'}")
        if response.status_code == _UNAUTHORIZED:
            return LOG_ONS.run(self.account, self._host.name, lambda: self._log_on(response, options))
        if not self._done:
            raise WrongAnswerError(f"it asks for no log-on (HTTP {response.status_code})")
        return response

    @property
    def account(self) -> Account:
        return windows_account(self._host)

    def _log_on(self, response: requests.Response, options: dict[str, Any]) -> requests.Response:
        scheme = _scheme(response)
        host = self._host
        client = spnego.client(
            host.username,
            host.password.reveal(),
            protocol="ntlm",
            hostname=host.fqdn,
            service="http",
            channel_bindings=_bindings(response),
            options=spnego.NegotiateOptions.use_ntlm,
        )
        try:
            challenge = self._again(response, scheme, client.step(), options)
            if challenge.status_code != _UNAUTHORIZED:
                raise WrongAnswerError(f"it answers HTTP {challenge.status_code} before a log-on is complete")
            final = self._again(challenge, scheme, client.step(_token(challenge, scheme)), options)
        except SpnegoError as error:
            raise WrongAnswerError(f"its NTLM message cannot be read ({error})") from None
        if final.status_code == _UNAUTHORIZED:
            raise RefusedLogOn(f"does not accept the user name or password of {host.username}")
        self._done = True
        return final

    @staticmethod
    def _again(
        response: requests.Response, scheme: str, token: bytes | None, options: dict[str, Any]
    ) -> requests.Response:
        """The same request on the same connection with an NTLM message."""
        request = response.request.copy()
        request.headers["Authorization"] = f"{scheme} {base64.b64encode(token or b'').decode()}"
        sent: requests.Response = response.connection.send(request, **options)
        return sent


def _scheme(response: requests.Response) -> str:
    offered = [part.split()[0].lower() for part in _offers(response)]
    for scheme in ("NTLM", "Negotiate"):
        if scheme.lower() in offered:
            return scheme
    raise WrongAnswerError(f"it offers no NTLM log-on, only {', '.join(offered) or 'none'}")


def _token(response: requests.Response, scheme: str) -> bytes:
    for part in _offers(response):
        found, _, value = part.partition(" ")
        if found.lower() == scheme.lower() and value:
            try:
                return base64.b64decode(value, validate=True)
            except binascii.Error:
                break
    raise WrongAnswerError("it answers a log-on without an NTLM challenge")


def _offers(response: requests.Response) -> list[str]:
    parts = response.headers.get("WWW-Authenticate", "").split(",")
    return [part.strip() for part in parts if part.strip()]


def _bindings(response: requests.Response) -> GssChannelBindings | None:
    channel: bytes = response.channel  # type: ignore[attr-defined]
    return GssChannelBindings(application_data=b"tls-server-end-point:" + channel) if channel else None


def windows_account(host: Host) -> Account:
    """The account with which a host is reached, as the directory that counts its failed log-ons knows it."""
    realm, user = host.directory_account
    return Account(Kind.ONE_DIRECTORY, realm, user, host.password)


def session(host: Host, authorities: str) -> requests.Session:
    """A session for ``https://<address>:<port>/wsman`` of a host."""
    made = requests.Session()
    made.trust_env = False
    made.max_redirects = 0
    made.auth = LogOn(host)
    adapter = _Adapter(host, authorities)
    made.mount("https://", adapter)
    made.headers.update({"Content-Type": "application/soap+xml;charset=UTF-8", "User-Agent": "Python WinRM client"})
    return made
