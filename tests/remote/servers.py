"""Small HTTPS servers of the tests' own."""

from __future__ import annotations

import http.server
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

Reply = tuple[int, dict[str, str], bytes]


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    reply: Callable[[Handler], Reply]
    seen: list[str]

    def _answer(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.seen.append(f"{self.command} {self.path} {self.headers.get('Authorization', '-')[:12]}")
        status, headers, body = type(self).reply(self)
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST = _answer  # noqa: N815 - http.server's names

    def log_message(self, *_: Any) -> None:
        pass


class _Quiet(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: Any) -> None:
        """A client that does not like the handshake hangs up: that is what the tests are about."""


@contextmanager
def serving(
    address: str, context: ssl.SSLContext | None, reply: Callable[[Handler], Reply], port: int = 0
) -> Iterator[tuple[int, list[str]]]:
    """A server on a port of an address, any free one without: the port, and what it was asked. Without a context it
    speaks plain HTTP."""
    seen: list[str] = []
    server = _Quiet((address, port), type("Here", (Handler,), {"reply": staticmethod(reply), "seen": seen}))
    if context is not None:
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server.server_port, seen
    finally:
        server.shutdown()
        server.server_close()
