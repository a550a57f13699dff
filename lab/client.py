"""Talk to a running lab: one JSON request and one JSON answer over its Unix socket."""

from __future__ import annotations

import contextlib
import json
import os
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

SOCKET = "control.sock"


class LabError(Exception):
    """The lab refused a request, or none runs. The message is for the operator."""


class NotRunningError(LabError):
    """Nothing answers in this directory."""


def call(directory: Path, request: dict[str, Any], timeout_seconds: float = 300.0) -> Any:
    """Send ``{"request": name, …}`` and give the result. Raises NotRunningError, or LabError in the lab's words."""
    try:
        with socket.socket(socket.AF_UNIX) as connection, short_path(directory) as folder:
            connection.settimeout(timeout_seconds)
            connection.connect(f"{folder}/{SOCKET}")
            connection.sendall(json.dumps(request).encode() + b"\n")
            with connection.makefile("rb") as stream:
                line = stream.readline()
    except (FileNotFoundError, ConnectionRefusedError) as error:
        raise NotRunningError(f"no lab runs in {directory}; start one with: python -m lab up") from error
    except OSError as error:
        raise LabError(f"the lab in {directory} does not answer: {error}") from error
    if not line:
        raise LabError(f"the lab in {directory} ended while it worked on {request.get('request')}; see its lab.log")
    answer = json.loads(line)
    if "error" in answer:
        raise LabError(answer["error"])
    return answer["result"]


@contextlib.contextmanager
def short_path(directory: Path) -> Iterator[str]:
    """A short name for a directory: the path of a Unix socket may have 107 bytes only."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{descriptor}"
    finally:
        os.close(descriptor)
