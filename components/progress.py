"""Progress from inside a provider's process: sentences that the engine shows while a step runs."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache

from remote.secret import redact
from remote.text import one_line

Report = Callable[[str], None]
"""Takes a sentence of progress."""

_lock = threading.Lock()


_warned: set[str] = set()
_listeners: list[Report] = []


def report(sentence: str) -> None:
    """Show a sentence in Pulumi's display, in one line, secrets masked and control characters escaped: part of it may
    come from a machine. Outside a provider's process it goes to standard error."""
    text = one_line(redact(sentence))
    for listener in _listeners:
        listener(text)
    _show(text, lasting=False)


@contextmanager
def listening(listener: Report) -> Iterator[None]:
    """Give what is reported in this process to a listener as well, which may raise what then ends the step."""
    _listeners.append(listener)
    try:
        yield
    finally:
        _listeners.remove(listener)


def warn(sentence: str) -> None:
    """Show a warning that stays in Pulumi's display; the same one only once in a process."""
    text = one_line(redact(sentence))
    with _lock:
        if text in _warned:
            return
        _warned.add(text)
    _show(text, lasting=True)


def _show(text: str, *, lasting: bool) -> None:
    engine = _engine(sys.argv[-1]) if len(sys.argv) > 1 else None
    if engine is None:
        print(text, file=sys.stderr, flush=True)
        return
    from pulumi.runtime.proto import engine_pb2

    severity = engine_pb2.WARNING if lasting else engine_pb2.INFO
    with _lock:
        engine.Log(engine_pb2.LogRequest(severity=severity, message=text, ephemeral=not lasting), timeout=5)


@cache
def _engine(address: str):  # type: ignore[no-untyped-def]  # generated gRPC stubs carry no types
    """The engine that started this process: its address is the last argument (``python -m pulumi.dynamic``)."""
    host, _, port = address.rpartition(":")
    if not host or not port.isdigit():
        return None
    import grpc
    from pulumi.runtime.proto import engine_pb2_grpc

    return engine_pb2_grpc.EngineStub(grpc.insecure_channel(address))
