"""HTTP.sys of one machine: takes TLS and HTTP on a port and hands requests to the site that they belong to.

The certificate is looked up at each handshake and the site at each request, so a change of a binding needs no restart.
A handshake without a certificate for the address fails; the real driver closes the connection, TLS here adds an alert.
"""

from __future__ import annotations

import asyncio
import logging
import ssl
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from aiohttp import web

from lab import schannel
from lab.faults import BrokenWireError
from lab.windows import certificates, iis_config
from lab.world import Request, Response

if TYPE_CHECKING:
    from lab.network import Endpoint
    from lab.world import Machine, World

_log = logging.getLogger(__name__)
_HTML = "<!DOCTYPE html><html><head><title>{title}</title></head><body><h2>{title}</h2><p>{text}</p></body></html>"


def page(status: int, title: str, text: str) -> Response:
    """An error page in the manner of IIS: a heading and a sentence."""
    body = _HTML.format(title=title, text=text).encode()
    return Response(status, {"Content-Type": "text/html; charset=utf-8"}, body)


def start_page(_: Machine, request: Request) -> Response:
    """The Default Web Site has nothing but its start page."""
    if request.path in ("/", "/iisstart.htm"):
        return page(200, "IIS Windows Server", "Internet Information Services")
    return page(404, "404 - File or directory not found.", "The resource you are looking for is not here.")


class Handshakes:
    """TLS contexts of one machine, one for each certificate, chosen at the handshake."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        self._contexts: dict[str, ssl.SSLContext] = {}

    def context(self, port: int) -> ssl.SSLContext:
        """A context without a certificate of its own, which takes the one that HTTP.sys holds at that moment."""
        outer = schannel.server_context()

        def chosen(connection: ssl.SSLObject, name: str | None, _: ssl.SSLContext) -> int | None:
            key = iis_config.certificate_key(self._machine, port, name)
            inner = self._of(key) if key else None
            if inner is None:
                return ssl.ALERT_DESCRIPTION_HANDSHAKE_FAILURE
            connection.context = inner
            return None

        outer.sni_callback = chosen
        return outer

    def _of(self, key: str) -> ssl.SSLContext | None:
        held = self._machine.collection("sslbinding")[key]
        found = certificates.find(self._machine, held["store"], held["thumbprint"])
        if found is None or not found.get("key_pem"):
            return None  # Schannel cannot use it either: event 36870 on the real machine
        path = found["pem"] + "\n" + certificates.sent_along(self._machine, found["pem"])
        if path not in self._contexts:
            self._contexts[path] = schannel.server_context(path, found["key_pem"])
        return self._contexts[path]


class PortServer:
    """One port of one machine that HTTP.sys listens on for the running sites."""

    def __init__(self, world: World, machine: Machine, port: int, tls: Handshakes | None, pool: ThreadPoolExecutor):
        self._world, self._machine, self.port, self._pool = world, machine, port, pool
        self.tls = tls is not None
        self._server = web.Server(self._handle, loop=world.network.loop, access_log=None)
        context = tls.context(port) if tls else None
        self.endpoint: Endpoint = world.network.listen_protocol(
            machine.name, machine.loopback, port, self._server, context
        )

    def close(self) -> None:
        self._world.network.close(self.endpoint)

    async def _handle(self, incoming: web.BaseRequest) -> web.StreamResponse:
        request = Request(
            method=incoming.method,
            path=incoming.path,
            query=dict(incoming.query),
            headers={name.lower(): value for name, value in incoming.headers.items()},
            body=await incoming.content.read(),
            client=incoming.remote or "",
            port=self.port,
        )
        loop = asyncio.get_running_loop()
        try:
            response = await loop.run_in_executor(self._pool, self._answer, request, incoming.path_qs)
        except BrokenWireError as error:
            _log.info("%s", error)
            if incoming.transport is not None:
                incoming.transport.abort()
            return web.Response(status=500)  # nobody reads it: the connection is gone
        headers = {"Server": "Microsoft-IIS/8.0", **response.headers}
        return web.Response(status=response.status, headers=headers, body=response.body)

    def _answer(self, request: Request, target: str) -> Response:
        world, machine = self._world, self._machine
        world.journal(machine.name, "http", f"{request.method} {target} on port {self.port}")
        world.faults.trip(machine.name, "http", "before", f"{request.method} {target}")
        response = self._route(request)
        world.faults.trip(machine.name, "http", "after")
        return response

    def _route(self, request: Request) -> Response:
        host = request.headers.get("host", "").rsplit(":", 1)[0]
        site = iis_config.served_by(self._machine, self.port, host)
        if site is None:
            return page(400, "Bad Request - Invalid Hostname", "HTTP Error 400. The request hostname is invalid.")
        pool = self._machine.collection("apppool").get(site.get("pool") or "")
        if pool is not None and pool["state"] != "Started":
            return page(503, "Service Unavailable", "HTTP Error 503. The service is unavailable.")
        handler = self._world.site_handlers.get(site["name"].lower())
        if handler is None:
            return page(404, "404 - File or directory not found.", "The resource you are looking for is not here.")
        return handler(self._machine, request)
