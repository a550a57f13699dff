"""What processes cost: CPU seconds by kind, of a command with everything it starts, and of a process that runs on.

Seconds on the clock of a shared machine say little; CPU seconds can be compared. Read from /proc, so only on Linux.
"""

from __future__ import annotations

import os
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")
_LOOK_SECONDS = 0.1
"""How often a running command's processes are looked at: what one uses after the last look does not count."""
KINDS = {
    "components.plugin": "plugin",
    "pulumi-language-python-exec": "program",
    "pulumi-language-python": "CLI",
    "operations": "verification",
    "pulumi-resource-command": "verification",
    "pulumi": "CLI",
    " -m pip ": "CLI",
}
"""What a command line has in it → the kind of process, the first that fits. The CLI asks pip what is installed."""


@dataclass
class Cost:
    """What one command took."""

    code: int
    output: str
    seconds: float
    cpu: dict[str, float] = field(default_factory=dict)
    """CPU seconds by kind of process."""


def measure(command: Sequence[str], folder: Path, environment: Mapping[str, str]) -> Cost:
    """Run a command to its end; the CPU time of every process below it, by kind."""
    started = time.monotonic()
    process = subprocess.Popen(
        command,
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    seen: dict[int, tuple[str, float]] = {}
    ended = threading.Event()

    def look() -> None:
        while not ended.wait(_LOOK_SECONDS):
            for pid in [process.pid, *descendants(process.pid)]:
                if used := cpu(pid):
                    kind = _kind(pid)  # a process that has just ended has no command line any more
                    seen[pid] = kind if kind != "other" or pid not in seen else seen[pid][0], used

    watcher = threading.Thread(target=look, daemon=True)
    watcher.start()
    output, _ = process.communicate()
    ended.set()
    watcher.join()
    totals: Counter[str] = Counter()
    for kind, used in seen.values():
        totals[kind] += used  # type: ignore[assignment]  # a Counter of seconds
    return Cost(process.returncode, output, time.monotonic() - started, dict(totals))


def cpu(pid: int) -> float:
    """CPU seconds of a process so far, without its children; 0 where there is none."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / _TICKS


def descendants(pid: int) -> list[int]:
    """The processes below one."""
    found, todo = [], [pid]
    while todo:
        for task in Path(f"/proc/{todo.pop()}/task").glob("*/children"):
            try:
                children = [int(child) for child in task.read_text().split()]
            except OSError:  # a thread that ended in this moment
                continue
            found += children
            todo += children
    return found


def _kind(pid: int) -> str:
    try:
        command = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    except OSError:
        return "other"
    return next((kind for part, kind in KINDS.items() if part in command), "other")
