"""Progress from inside a provider's process: sentences that the engine shows in the row of their resource."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache

from remote.secret import redact
from remote.text import one_line

Report = Callable[[str], None]
"""Takes a sentence of progress."""

_lock = threading.Lock()


_urn: ContextVar[str] = ContextVar("urn", default="")
"""The resource that this thread works on."""
_warned: set[str] = set()
_listeners: list[Report] = []


@contextmanager
def about(urn: str) -> Iterator[None]:
    """What this thread reports meanwhile is about the resource with this URN; empty: about the stack."""
    before = _urn.set(urn)
    try:
        yield
    finally:
        _urn.reset(before)


def report(sentence: str) -> None:
    """Show a sentence in Pulumi's display, in one line, secrets masked and control characters escaped: part of it may
    come from a machine. Outside a provider's process it goes to standard error."""
    _report(sentence, _urn.get())


def report_here() -> Report:
    """``report`` about the resource that this thread works on now, to be called from any thread."""
    urn = _urn.get()
    return lambda sentence: _report(sentence, urn)


def _report(sentence: str, urn: str) -> None:
    text = one_line(redact(sentence))
    for listener in _listeners:
        listener(text)
    _show(text, urn, lasting=False)


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
    _show(text, "", lasting=True)


def forget_warnings() -> None:
    """Show each warning again, as a new process does."""
    with _lock:
        _warned.clear()


def _show(text: str, urn: str, *, lasting: bool) -> None:
    engine = _engine(sys.argv[-1]) if len(sys.argv) > 1 else None
    if engine is None:
        print(text, file=sys.stderr, flush=True)
        return
    from pulumi.runtime.proto import engine_pb2

    severity = engine_pb2.WARNING if lasting else engine_pb2.INFO
    with _lock:
        request = engine_pb2.LogRequest(severity=severity, message=text, urn=urn, ephemeral=not lasting)
        engine.Log(request, timeout=5)


@cache
def _engine(address: str):  # type: ignore[no-untyped-def]  # generated gRPC stubs carry no types
    """The engine that started this process: its address is the last argument (``python -m pulumi.dynamic``)."""
    host, _, port = address.rpartition(":")
    if not host or not port.isdigit():
        return None
    import grpc
    from pulumi.runtime.proto import engine_pb2_grpc

    return engine_pb2_grpc.EngineStub(grpc.insecure_channel(address))
