"""The streams of a runspace beside its output."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from lab.powershell.values import ErrorRecord


@dataclass
class Streams:
    """Where errors and messages go while a command runs."""

    error: Callable[[ErrorRecord], None]
    warning: Callable[[Any], None]
    verbose: Callable[[Any], None]
    debug: Callable[[Any], None]
