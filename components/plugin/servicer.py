"""What the engine asks the plugin: answered by Pulumi's own servicer, except where the configuration comes from.

The engine configures a plugin by what the state has of its provider whenever it has not run the program yet: at the
beginning of every ``up`` and ``preview``, and in all of ``refresh`` and ``destroy``. There a password that was changed
since would be the old one. So the state gets no configuration (``CheckConfig``), and the plugin takes it from the
program's run, or else asks the Pulumi CLI for it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Any

import grpc
from google.protobuf import struct_pb2
from pulumi.runtime import rpc
from pulumi.runtime.proto import provider_pb2

_CALLS = ("Check", "Diff", "Create", "Read", "Update", "Delete")
"""What needs the configuration."""
_OTHERS = "not looked at: the configuration of this stack cannot be used, as the error of another resource says"


class Servicer:
    """Between the engine and Pulumi's servicer of dynamic providers."""

    def __init__(self, pulumis: Any) -> None:
        self._pulumis = pulumis
        self._handed: Mapping[str, str] | None = None
        """The configuration with which the program runs; None where it has not run."""
        self._failed = ""
        self._lock = threading.Lock()

    def __getattr__(self, name: str) -> Any:
        answer = getattr(self._pulumis, name)
        return self._guarded(name, answer) if name in _CALLS else answer

    def CheckConfig(self, request: Any, context: Any) -> Any:  # noqa: N802 - gRPC's name
        """Takes the stack's configuration from the engine, and leaves nothing of it to the state."""
        news = rpc.deserialize_properties(request.news, True)
        self._handed = {key: rpc.unwrap_rpc_secret(value) for key, value in news.items()}
        return provider_pb2.CheckResponse(inputs=struct_pb2.Struct())

    def DiffConfig(self, request: Any, context: Any) -> Any:  # noqa: N802
        """A state that another program left may have a configuration: the next ``up`` removes it."""
        changes = provider_pb2.DiffResponse.DIFF_SOME if request.olds.fields else provider_pb2.DiffResponse.DIFF_NONE
        return provider_pb2.DiffResponse(changes=changes)

    def Configure(self, request: Any, context: Any) -> Any:  # noqa: N802
        """An error is kept for the resources' calls: the engine would repeat it for each of them."""
        # The engine starts a second plugin for CheckConfig alone: that one need not load what machines need.
        from components.plugin.configuration import configuration

        values, self._failed = configuration(request.urn, self._handed)
        args = struct_pb2.Struct()
        args.update(values)
        return self._pulumis.Configure(provider_pb2.ConfigureRequest(args=args), context)

    def _guarded(self, name: str, answer: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
        """What fails for the configuration is one message: the first call has it, and ends the command. A refresh asks
        for every resource all the same, and leaves the others as they are in the state."""

        def call(request: Any, context: Any) -> Any:
            with self._lock:
                failed, self._failed = self._failed, self._failed and _OTHERS
            if failed == _OTHERS and name == "Read":
                return provider_pb2.ReadResponse(id=request.id, properties=request.properties, inputs=request.inputs)
            if failed:
                context.abort(grpc.StatusCode.UNKNOWN, failed)
            return answer(request, context)

        return call
