"""Stages: each says what it does, how long it took, and stops everything with one clear sentence when it fails."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from tools.bootstrap.project import ROOT

_HEARTBEAT_SECONDS = 30
"""Seconds between two signs of life of a long command without output."""


class StageError(Exception):
    """A stage cannot be done. The text says what was found and what to do."""


def check_writable(folder: Path = ROOT) -> None:
    """Raises StageError where nothing can be written to the project folder."""
    if not os.access(folder, os.W_OK):
        raise StageError(
            f"{folder} cannot be written to, by its rights or because it is on a read-only file system. Tools, Pulumi's"
            " state and the lab's files go there: clone the project to a folder of your own."
        )


def say(text: str) -> None:
    print(text, flush=True)


_times: dict[str, float] = {}


@contextmanager
def stage(title: str) -> Iterator[None]:
    """Print what begins and how long it took. Stages may run side by side, so the end names its stage again."""
    say(f"== {title}")
    begun = time.monotonic()
    yield
    _times[title] = time.monotonic() - begun
    say(f"   {title}: done in {_times[title]:.1f} s")


def summary() -> str:
    """Every stage that ended well, with its seconds."""
    return "\n".join(f"   {seconds:7.1f} s  {title}" for title, seconds in _times.items())


def run(command: Sequence[str | Path], env: Mapping[str, str] | None = None, hint: str = "") -> None:
    """Run a command with its output shown. Raises StageError when it is missing or fails."""
    try:
        done = subprocess.run(  # noqa: S603 - every command is written in this package
            [str(part) for part in command], env=_env(env), cwd=ROOT, stdin=subprocess.DEVNULL
        )
    except FileNotFoundError:
        raise StageError(f"{command[0]} is not installed. {hint}".strip()) from None
    if done.returncode:
        raise StageError(f"{_short(command)} ended with exit status {done.returncode}. {hint}".strip())


def quiet(
    command: Sequence[str | Path],
    env: Mapping[str, str] | None = None,
    cwd: Path = ROOT,
    timeout_seconds: float | None = None,
) -> str:
    """Run a command and give back what it printed. A sign of life appears when it takes long.

    Raises StageError with the end of its output when it is missing, fails or takes longer than ``timeout_seconds``.
    """
    over = threading.Event()
    watch = threading.Thread(target=_signs_of_life, args=(Path(str(command[0])).name, over), daemon=True)
    watch.start()
    try:
        done = subprocess.run(  # noqa: S603 - as above
            [str(part) for part in command],
            env=_env(env),
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            timeout=timeout_seconds,
        )
    except FileNotFoundError:
        raise StageError(f"{command[0]} is not installed.") from None
    except subprocess.TimeoutExpired:
        raise StageError(f"{_short(command)} was not done after {timeout_seconds:.0f} s.") from None
    finally:
        over.set()
    if done.returncode:
        end = "\n".join(done.stdout.strip().splitlines()[-15:])
        raise StageError(f"{_short(command)} ended with exit status {done.returncode}:\n{end}")
    return done.stdout


def _signs_of_life(name: str, over: threading.Event) -> None:
    begun = time.monotonic()
    while not over.wait(_HEARTBEAT_SECONDS):
        say(f"   … {name} is at work since {time.monotonic() - begun:.0f} s")


def _env(env: Mapping[str, str] | None) -> dict[str, str]:
    return {**os.environ, **(env or {})}


def _short(command: Sequence[str | Path]) -> str:
    words = [Path(str(part)).name if os.path.isabs(str(part)) else str(part) for part in command]
    return " ".join(words[:4])


def fail(error: StageError) -> int:
    """Print why nothing further is done; the exit status for it."""
    sys.stdout.flush()
    print(f"\nStopped: {error}", file=sys.stderr, flush=True)
    return 1
