"""WinRM alone: listeners with a program of the test's own behind them, wrong answers, other certificates."""

from __future__ import annotations

import asyncio
import importlib
import sys
import time
import types
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol
from unittest.mock import patch

from lab import identity
from lab.authority import Issued, thumbprint
from lab.powershell import process
from lab.powershell.api import Session
from lab.testing.handle import AnyLab, Lab, inside
from lab.testing.worlds import begin_winrm, small_world
from lab.winrm import operations, service
from lab.winrm.http import Listener

__all__ = [
    "Program",
    "Session",
    "answering",
    "bound_to_another_certificate",
    "far_away",
    "listener_certificate",
    "serving",
    "standing_for_powershell",
    "written",
]


class Program(Protocol):
    """What runs in a remote shell: ``stdin`` gives a line, or None at the end; the result is the exit code."""

    def __call__(
        self,
        session: Session,
        argv: list[str],
        stdin: Callable[[], str | None],
        stdout: Callable[[str], None],
        stderr: Callable[[str], None],
    ) -> int: ...


@contextmanager
def standing_for_powershell(program: Program) -> Iterator[None]:
    """A program of the test's own runs wherever a client starts powershell.exe."""
    module: Any = types.ModuleType("lab.powershell.process")
    module.run = program
    name = "lab.powershell.process"
    kept = sys.modules.get(name)
    sys.modules[name] = module
    try:
        yield
    finally:
        del sys.modules[name]
        if kept is not None:
            sys.modules[name] = kept


def written(lab: AnyLab, machine: str, user: str, command: str, *lines: str) -> str:
    """What powershell.exe -Command writes in a remote shell of a user for lines of standard input, without a wire
    between."""
    world = inside(lab)
    importlib.import_module("lab.windows")  # its cmdlets
    here, given, output = world.machine(machine), iter(lines), list[str]()
    session = Session(here, identity.identity(world, here, user))
    process.run(session, ["powershell.exe", "-Command", command], lambda: next(given, None), output.append, print)
    return "".join(output)


@contextmanager
def serving(directory: Path) -> Iterator[Lab]:
    """The machines of a small world, with WinRM and nothing else."""
    lab = small_world(directory)
    world = inside(lab)
    begin_winrm(lab)
    service.start(world)
    yield lab
    service.stop(world)
    world.close()


@contextmanager
def answering(bodies: list[bytes]) -> Iterator[None]:
    """Listeners send these, one after the other, after a log-on in due form, instead of their next envelopes."""
    original = operations.perform

    async def perform(*arguments: Any) -> bytes:
        answer = await original(*arguments)
        return bodies.pop(0) if bodies else answer

    with patch.object(operations, "perform", perform):
        yield


@contextmanager
def bound_to_another_certificate(lab: AnyLab, machine: str) -> Iterator[None]:
    """The listener expects log-ons for another certificate than it shows, as a server does to which a machine
    in between relays them."""
    world = inside(lab)
    listening, here = service.service_of(world), world.machine(machine)
    original = service._tls

    def tls(certificate: dict[str, str]) -> tuple[Any, bytes]:
        return original(certificate)[0], b"another certificate"

    listening.stopped(here)
    with patch.object(service, "_tls", tls):
        listening.listen(here)
        yield


@contextmanager
def far_away(round_trip_seconds: float, start_seconds: float) -> Iterator[None]:
    """Every answer of WinRM comes later by a round trip, every PowerShell by the time that one takes to start."""
    handle: Any = Listener._handle
    run: Callable[..., int] = process.run

    async def later(self: Listener, request: Any) -> Any:
        await asyncio.sleep(round_trip_seconds)
        return await handle(self, request)

    def started_later(*arguments: Any) -> int:
        time.sleep(start_seconds)
        return run(*arguments)

    with patch.object(Listener, "_handle", later), patch.object(process, "run", started_later):
        yield


@contextmanager
def listener_certificate(lab: AnyLab, machine: str, issued: Issued) -> Iterator[None]:
    """The listener has another certificate meanwhile."""
    world = inside(lab)
    listening, here = service.service_of(world), world.machine(machine)
    kept, other = here.collection("winrm")["listener"], thumbprint(issued.certificate)
    here.collection("certificate")[other] = {"store": "My", "pem": issued.certificate, "key_pem": issued.key}
    try:
        listening.stopped(here)
        here.collection("winrm")["listener"] = {**kept, "thumbprint": other}
        listening.listen(here)
        yield
    finally:
        listening.stopped(here)
        here.collection("winrm")["listener"] = kept
        del here.collection("certificate")[other]
        listening.listen(here)
