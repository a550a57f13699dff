"""Start Pulumi's own plugin of dynamic providers, with this project's answers in between."""

from __future__ import annotations

import os
import runpy
import signal
import sys
import threading
import time
from typing import Any

from pulumi.runtime.proto import provider_pb2_grpc

from components.plugin.servicer import Servicer

grpc_module: Any = provider_pb2_grpc


LOOK_SECONDS = 2


def end_with_the_engine() -> None:
    """End this process soon after the engine that started it: one that was killed tells nobody, and its plugin would
    work on, with the secrets in its memory. A step that is under way is finished first."""
    engine = os.getppid()
    signal.signal(signal.SIGUSR1, signal.default_int_handler)  # Pulumi's module waits for a KeyboardInterrupt

    def watch() -> None:
        while os.getppid() == engine:
            time.sleep(LOOK_SECONDS)
        os.kill(os.getpid(), signal.SIGUSR1)

    threading.Thread(target=watch, name="engine", daemon=True).start()


def main() -> None:
    end_with_the_engine()
    add = grpc_module.add_ResourceProviderServicer_to_server

    def add_ours(pulumis: Any, server: Any) -> None:
        add(Servicer(pulumis), server)

    # Pulumi's module serves as soon as it is imported, so nothing of it can be taken over before.
    grpc_module.add_ResourceProviderServicer_to_server = add_ours
    try:
        runpy.run_module("pulumi.dynamic", run_name="__main__", alter_sys=True)
    finally:
        if module := sys.modules.get("components.resource.lease"):  # else this process had no resource to work for
            module.give_back()


if __name__ == "__main__":
    main()
