"""Progress from inside a provider's process: sentences that the engine shows while a step runs."""

from __future__ import annotations

import sys
import threading
from functools import cache

from remote.secret import redact

_lock = threading.Lock()


def report(sentence: str) -> None:
    """Show a sentence in Pulumi's display. Outside a provider's process it goes to standard error."""
    text = redact(sentence)
    engine = _engine(sys.argv[-1]) if len(sys.argv) > 1 else None
    if engine is None:
        print(text, file=sys.stderr, flush=True)
        return
    from pulumi.runtime.proto import engine_pb2

    with _lock:
        engine.Log(engine_pb2.LogRequest(severity=engine_pb2.INFO, message=text, ephemeral=True), timeout=5)


@cache
def _engine(address: str):  # type: ignore[no-untyped-def]  # generated gRPC stubs carry no types
    """The engine that started this process: its address is the last argument (``python -m pulumi.dynamic``)."""
    host, _, port = address.rpartition(":")
    if not host or not port.isdigit():
        return None
    import grpc
    from pulumi.runtime.proto import engine_pb2_grpc

    return engine_pb2_grpc.EngineStub(grpc.insecure_channel(address))
