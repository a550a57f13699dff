"""The running lab's ear: a Unix socket that only its owner may use, one JSON request a connection.

Request ``{"request": "power", "machine": "SQL1", "change": "stop"}``, answer ``{"result": …}`` or ``{"error": "…"}``.
What can be requested stands in ``lab.orders``, plus ``stop``, which ends the lab.
"""

from __future__ import annotations

import contextlib
import inspect
import json
import logging
import socket
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lab.client import SOCKET, short_path
from lab.orders import ORDERS, OrderError

if TYPE_CHECKING:
    from lab.world import World

log = logging.getLogger("lab.control")


class Control:
    """Serves requests until ``close``. ``ended`` is set when a client asked the lab to stop."""

    def __init__(self, world: World, directory: Path) -> None:
        self._world, self._directory = world, directory
        self.ended = threading.Event()
        (directory / SOCKET).unlink(missing_ok=True)  # of a lab that was killed: its lock is free, or we were not here
        self._socket = socket.socket(socket.AF_UNIX)
        with short_path(directory) as folder:
            self._socket.bind(f"{folder}/{SOCKET}")
        (directory / SOCKET).chmod(0o600)
        self._socket.listen()
        threading.Thread(target=self._accept, name="control", daemon=True).start()

    def close(self) -> None:
        (self._directory / SOCKET).unlink(missing_ok=True)
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return  # closed
            threading.Thread(target=self._serve, args=(connection,), name="order", daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with connection, connection.makefile("rwb") as stream:
            try:
                answer = self._answer(json.loads(stream.readline()))
            except (OrderError, ValueError) as error:
                answer = {"error": str(error)}
            except Exception as error:
                log.exception("an order failed")
                answer = {"error": f"the lab failed: {type(error).__name__}: {error}; lab.log has more"}
            with contextlib.suppress(ConnectionError):
                stream.write(json.dumps(answer).encode() + b"\n")
                stream.flush()

    def _answer(self, request: dict[str, Any]) -> dict[str, Any]:
        name = request.pop("request", None)
        if name == "stop":
            self.ended.set()
            return {"result": "stopping"}
        order = ORDERS.get(str(name))
        if order is None:
            raise OrderError(f"unknown request {name}; possible: {', '.join([*ORDERS, 'stop'])}")
        try:
            inspect.signature(order).bind(self._world, **request)
        except TypeError as error:
            raise OrderError(f"request {name}: {error}") from error
        return {"result": order(self._world, **request)}
