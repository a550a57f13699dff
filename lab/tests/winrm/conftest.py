"""A lab with WinRM on every machine, and real pywinrm as the client."""

from __future__ import annotations

import json
import sys
import threading
import types
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from requests.adapters import HTTPAdapter
from winrm.protocol import Protocol

from lab.powershell import api
from lab.testing.worlds import begin_winrm
from lab.tests.worlds import small_world
from lab.winrm import service
from lab.world import World

DONE: list[object] = []
"""The requests that the stand-in below has carried out."""

INSTALLER = ("HYPERVNU\\installer", "Lab-Installer-2013!")


def resident(
    session: api.Session,
    argv: list[str],
    stdin: Callable[[], str | None],
    stdout: Callable[[str], None],
    stderr: Callable[[str], None],
) -> int:
    """Stands for powershell.exe in tests of the wire: answers JSON lines until its input ends."""
    session.machine.world.journal(session.machine.name, "start", " ".join(argv))
    while (line := stdin()) is not None:
        request = json.loads(line)
        if "exit" in request:
            return int(request["exit"])
        if "error" in request:
            stderr(request["error"])
        if "wait" in request:
            threading.Event().wait(request["wait"])
        if "size" in request:
            stdout("x" * request["size"] + "\r\n")
        DONE.append(request.get("id"))
        if "silent" in request:
            continue
        stdout(json.dumps({"id": request.get("id"), "user": session.identity.user}, ensure_ascii=False) + "\r\n")
    return 7


@pytest.fixture
def powershell(monkeypatch: pytest.MonkeyPatch) -> None:
    """Replace the evaluator by the small resident above: these tests are about the wire."""
    module: Any = types.ModuleType("lab.powershell.process")
    module.run = resident
    monkeypatch.setitem(sys.modules, "lab.powershell.process", module)


class Named(HTTPAdapter):
    """Checks a server's certificate for a name, whatever address is connected to."""

    def __init__(self, name: str) -> None:
        self._name = name
        super().__init__()

    def init_poolmanager(self, *args: Any, **options: Any) -> None:
        super().init_poolmanager(*args, **options, server_hostname=self._name, assert_hostname=self._name)


@pytest.fixture
def world(tmp_path: Path, powershell: None) -> Iterator[World]:
    world = small_world(tmp_path)
    begin_winrm(world)
    service.start(world)
    yield world
    service.stop(world)
    world.close()


@pytest.fixture
def connect(world: World) -> Iterator[Callable[..., Protocol]]:
    """Open a pywinrm connection: ``connect("Portal1", user, password, **options)``."""
    opened: list[Protocol] = []

    def open_connection(
        machine: str, user: str = INSTALLER[0], password: str = INSTALLER[1], **options: Any
    ) -> Protocol:
        client = Protocol(
            f"https://{world.machine(machine).loopback}:5986/wsman",
            transport=options.pop("transport", "ntlm"),
            username=user,
            password=password,
            ca_trust_path=str(world.directory / "authority" / "ca.pem"),
            proxy=None,
            **options,
        )
        client.transport.build_session().mount("https://", Named(world.machine(machine).fqdn))
        opened.append(client)
        return client

    yield open_connection
    for client in opened:
        client.transport.close_session()
