"""A small world for the tests of IIS, certificates and accounts: two machines on 127.47.5.0/24."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lab import files, identity
from lab.addresses import loopback_of
from lab.powershell.api import Call, PowerShellError, Session
from lab.windows import certificates, iis
from lab.world import Machine, World

PFX_PASSWORD = "Pfx-of-the-tests-1"


class FakeRuntime:
    """What a cmdlet may ask of the evaluator, for calls made by hand."""

    def __init__(self) -> None:
        self.errors: list[PowerShellError] = []

    def invoke(self, block: Any, *arguments: Any, item: Any = None) -> list[Any]:
        return list(block(*arguments))

    def text(self, value: Any) -> str:
        return str(value)

    def write_error(self, error: PowerShellError) -> None:
        self.errors.append(error)

    def write_warning(self, message: str) -> None:
        raise AssertionError(message)


def make(directory: Path, third: int = 5) -> World:
    """Portal1 and Portal2 of hyper-v.nu with the accounts of the lab."""
    world = World(directory, {"name": "test", "domains": [{"name": "hyper-v.nu", "netbios": "HYPERVNU"}]}, pace=0)
    for name, last in (("Portal1", 151), ("Portal2", 152)):
        address = f"172.47.{third}.{last}"
        world.add(Machine(world, name, "hyper-v.nu", "HYPERVNU", address, loopback_of(address), ("portal",)))
    identity.begin(world)
    files.begin(world)
    return world


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = make(tmp_path / "lab")
    iis.start(made)
    yield made
    iis.stop(made)
    made.close()


def session(
    world: World, machine: str = "Portal1", user: str = "HYPERVNU\\installer", logon: str = "network"
) -> Session:
    found = world.machine(machine)
    return Session(found, identity.identity(world, found, user), logon)


def call(on: Session, cmdlet: str, input: list[Any] | None = None, **parameters: Any) -> list[Any]:  # noqa: A002
    """Run a cmdlet by hand, with errors raised."""
    from lab.powershell.api import CMDLETS

    runtime = FakeRuntime()
    made = Call(cmdlet, parameters, input or [], on, runtime, frozenset(parameters))
    output = list(CMDLETS[cmdlet.lower()](made) or [])
    if runtime.errors:
        raise runtime.errors[0]
    return output


def certificate(world: World, machine: Machine, *names: str, store: str = "My") -> str:
    """Put a certificate of the lab's authority with its key into a store; gives the thumbprint."""
    issued = world.authority.server_certificate(list(names))
    held = certificates.open_certificate(issued.certificate.encode())
    assert held is not None
    certificates.add(machine, store, certificates.Held(held.certificate, issued.key))
    return held.thumbprint


def site(machine: Machine, name: str, port: int, *, number: int = 1, state: str = "Started", **binding: Any) -> None:
    """Write a site with one https binding as an installer does."""
    machine.collection("site")[name] = {
        "name": name,
        "id": number,
        "state": state,
        "path": f"C:\\inetpub\\{name}",
        "pool": name,
        "bindings": [{"protocol": "https", "address": "*", "port": port, "host": "", "flags": 0, **binding}],
    }
