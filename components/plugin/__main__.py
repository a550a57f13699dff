"""Start Pulumi's own plugin of dynamic providers, with this project's answers in between."""

from __future__ import annotations

import runpy
from typing import Any

from pulumi.runtime.proto import provider_pb2_grpc

from components.plugin.servicer import Servicer

grpc_module: Any = provider_pb2_grpc


def main() -> None:
    add = grpc_module.add_ResourceProviderServicer_to_server

    def add_ours(pulumis: Any, server: Any) -> None:
        add(Servicer(pulumis), server)

    # Pulumi's module serves as soon as it is imported, so nothing of it can be taken over before.
    grpc_module.add_ResourceProviderServicer_to_server = add_ours
    runpy.run_module("pulumi.dynamic", run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
