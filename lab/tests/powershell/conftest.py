"""A machine that is on no network, for scripts that need none."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lab.powershell.api import Session
from lab.powershell.console import dummy_session
from lab.powershell.runspace import Result, Runspace


@pytest.fixture
def session(tmp_path: Path) -> Iterator[Session]:
    made = dummy_session(tmp_path)
    yield made
    made.machine.world.close()


@pytest.fixture
def run(session: Session) -> Any:
    def go(script: str, **arguments: Any) -> Result:
        return Runspace(session).run(script, arguments)

    return go


@pytest.fixture
def output(run: Any) -> Any:
    """The output of a script that must end without any error."""

    def go(script: str, **arguments: Any) -> list[Any]:
        result = run(script, **arguments)
        assert result.terminated is None, result.terminated
        assert [str(error) for error in result.errors] == []
        found: list[Any] = result.output
        return found

    return go
