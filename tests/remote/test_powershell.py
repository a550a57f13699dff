"""The resident PowerShell of a host: when a shell is used again, and when none is left behind."""

from __future__ import annotations

import json
from typing import Any

import pytest

from remote import powershell
from remote.hosts import Host, Hosts
from remote.secret import Secret
from remote.session import Remote

HOSTS = Hosts({name: Host(name, f"{name}.test", "127.0.0.1", "who", Secret("")) for name in ("sql1", "sql2")})


class Shell:
    """Answers every request with its own number."""

    opened: list[Shell]

    def __init__(self, *_: object) -> None:
        self.opened.append(self)
        self.usable, self.closed = True, False

    def send(self, line: bytes) -> None:
        self.request = json.loads(line)

    def receive(self, identifier: int, _: float) -> dict[str, Any]:
        assert identifier == self.request["id"]
        return {"id": identifier, "error": None, "output": [self.opened.index(self)]}

    def close(self) -> None:
        self.closed = True


@pytest.fixture(autouse=True)
def opened(monkeypatch: pytest.MonkeyPatch) -> list[Shell]:
    monkeypatch.setattr(Shell, "opened", [], raising=False)
    monkeypatch.setattr(powershell, "_Shell", Shell)
    return Shell.opened


def test_a_shell_that_windows_may_have_ended_by_now_is_not_used_again(opened: list[Shell]) -> None:
    remote = Remote(HOSTS)
    assert [remote.powershell("SQL1").run("x", attempted="try") for _ in range(2)] == [[0], [0]]
    opened[0].usable = False
    assert remote.powershell("SQL1").run("x", attempted="try") == [1]
    assert [shell.closed for shell in opened] == [True, False]


def test_no_shell_is_left_behind(opened: list[Shell]) -> None:
    remote = Remote(HOSTS)
    for machine in ("SQL1", "SQL2"):
        remote.powershell(machine).run("x", attempted="try")
    remote.close()
    assert [shell.closed for shell in opened] == [True, True]
