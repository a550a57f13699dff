"""The resident PowerShell of a host: when a shell is used again, and when none is left behind."""

from __future__ import annotations

import json
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import requests.exceptions

from remote.errors import UnreachableError
from remote.hosts import Host, Hosts
from remote.secret import Secret
from remote.session import Remote

HOSTS = Hosts({name: Host(name, f"{name}.test", "127.0.0.1", "who", Secret("")) for name in ("sql1", "sql2")})


class Shell:
    """Answers every request with its own number."""

    def __init__(self, opened: list[Shell]) -> None:
        opened.append(self)
        self.opened, self.usable, self.closed = opened, True, False

    def send(self, line: bytes) -> None:
        self.request = json.loads(line)

    def receive(self, identifier: int, _: float) -> dict[str, Any]:
        assert identifier == self.request["id"]
        return {"id": identifier, "error": None, "output": [self.opened.index(self)]}

    def close(self) -> None:
        self.closed = True


@pytest.fixture
def opened() -> list[Shell]:
    return []


@pytest.fixture
def remote(opened: list[Shell]) -> Remote:
    return Remote(HOSTS, open_shell=lambda *_: Shell(opened))


def test_a_shell_that_windows_may_have_ended_by_now_is_not_used_again(remote: Remote, opened: list[Shell]) -> None:
    assert [remote.powershell("SQL1").run("x", attempted="try") for _ in range(2)] == [[0], [0]]
    opened[0].usable = False
    assert remote.powershell("SQL1").run("x", attempted="try") == [1]
    assert [shell.closed for shell in opened] == [True, False]


def test_no_shell_is_left_behind(remote: Remote, opened: list[Shell]) -> None:
    for machine in ("SQL1", "SQL2"):
        remote.powershell(machine).run("x", attempted="try")
    remote.close()
    assert [shell.closed for shell in opened] == [True, True]


def test_who_waited_while_a_machine_could_not_be_reached_does_not_wait_again() -> None:
    tried: list[str] = []

    def dead(host: Host, *_: str) -> Shell:
        tried.append(host.name)
        time.sleep(0.3)
        raise requests.exceptions.ConnectTimeout("timed out")

    one = Remote(HOSTS, open_shell=dead).powershell("SQL1")

    def look(number: int) -> str:
        with pytest.raises(UnreachableError) as caught:
            one.run("x", attempted=f"read {number}")
        return str(caught.value)

    with ThreadPoolExecutor(4) as pool:
        said = list(pool.map(look, range(4)))
    assert tried == ["sql1"]
    assert said[3].startswith("sql1: read 3: WinRM at 127.0.0.1:5986 does not answer (timed out)")
    look(4)
    assert tried == ["sql1", "sql1"], "who asks later tries again"
