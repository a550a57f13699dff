"""HTTP of the WinRM listener: one URL, authentication of a connection, envelopes in and out."""

from __future__ import annotations

import asyncio
import base64
import binascii
import logging
import weakref
from dataclasses import dataclass
from typing import TYPE_CHECKING

from aiohttp import web

from lab import identity
from lab.faults import BrokenWireError
from lab.network import reset
from lab.winrm import operations, soap
from lab.winrm.ntlm import Acceptor, NtlmError

if TYPE_CHECKING:
    from lab.winrm.shells import Shells
    from lab.world import Identity

MAX_ENVELOPE = 500 * 1024
"""MaxEnvelopeSizekb of Windows Server 2012."""
IDLE_CONNECTION_SECONDS = 120.0
"""Seconds after which HTTP.sys closes a connection that nobody uses."""

log = logging.getLogger("lab.winrm")


@dataclass
class _Connection:
    """What a TCP connection has proved: NTLM authenticates connections, not requests."""

    acceptor: Acceptor | None = None
    who: Identity | None = None


class Listener:
    """Answers the requests of one machine's listener. ``basic`` admits Basic authentication (off in Windows)."""

    def __init__(self, shells: Shells, certificate_der: bytes, *, basic: bool = False) -> None:
        self._shells, self._certificate, self._basic = shells, certificate_der, basic
        self._connections: weakref.WeakKeyDictionary[asyncio.BaseTransport, _Connection] = weakref.WeakKeyDictionary()
        self.server = web.Server(self._handle, handler_cancellation=True, keepalive_timeout=IDLE_CONNECTION_SECONDS)

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        if request.path.rstrip("/").lower() != "/wsman":
            return web.Response(status=404)
        if request.method != "POST":
            return web.Response(status=405)
        assert request.transport is not None
        connection = self._connections.setdefault(request.transport, _Connection())
        too_large = (request.content_length or 0) > MAX_ENVELOPE
        content = b"" if too_large else await request.read()
        header = request.headers.get("Authorization", "")
        if header or connection.who is None:
            # Off the loop: it needs the lab's lock, whose holder may just be waiting for this loop.
            challenge = await asyncio.to_thread(self._authenticate, connection, header)
            if challenge is not None:
                return challenge
        assert connection.who is not None
        if too_large:
            return web.Response(status=413)
        return await self._perform(request, connection.who, content)

    async def _perform(self, request: web.BaseRequest, who: Identity, content: bytes) -> web.StreamResponse:
        message: soap.Message | None = None
        try:
            message = soap.parse(content)
            return _envelope(200, await operations.perform(self._shells, who, message))
        except soap.Fault as problem:
            return _envelope(500, soap.fault(message, self._shells.machine.fqdn, problem))
        except BrokenWireError as broken:
            log.info("%s", broken)
            if request.transport is not None:
                reset(request.transport)
            raise asyncio.CancelledError from broken

    def _authenticate(self, connection: _Connection, header: str) -> web.Response | None:
        """None when the connection has an identity now, else the answer that asks for more."""
        scheme, _, value = header.partition(" ")
        connection.who = None
        try:
            token = base64.b64decode(value, validate=True)
        except binascii.Error:
            return self._refuse(connection)
        if scheme.lower() == "basic" and self._basic:
            user, _, password = token.decode("utf-8", "replace").partition(":")
            connection.who = self._from_afar(
                identity.authenticate(self._shells.machine.world, self._shells.machine, user, password)
            )
        elif scheme.lower() in ("negotiate", "ntlm"):
            try:
                if connection.acceptor is None:
                    connection.acceptor = Acceptor(self._shells.machine, self._certificate)
                    answer = base64.b64encode(connection.acceptor.challenge(token)).decode()
                    return web.Response(status=401, headers={"WWW-Authenticate": f"{scheme} {answer}"})
                connection.who = self._from_afar(connection.acceptor.authenticate(token))
            except (NtlmError, ValueError) as error:
                log.info("%s: %s", self._shells.machine.name, error)
        connection.acceptor = None
        return None if connection.who is not None else self._refuse(connection)

    def _from_afar(self, who: Identity | None) -> Identity | None:
        return None if who is None else identity.from_afar(self._shells.machine, who)

    def _refuse(self, connection: _Connection) -> web.Response:
        connection.acceptor = None
        response = web.Response(status=401)
        for scheme in ("Negotiate", "Kerberos", *(['Basic realm="WSMAN"'] if self._basic else [])):
            response.headers.add("WWW-Authenticate", scheme)
        return response


def _envelope(status: int, content: bytes) -> web.Response:
    return web.Response(
        status=status,
        body=content,
        headers={"Content-Type": "application/soap+xml;charset=UTF-8", "Server": "Microsoft-HTTPAPI/2.0"},
    )
