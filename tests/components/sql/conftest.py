"""SQL Servers of a small lab, for the tests of resources that meet them over the engine alone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from lab.testing.worlds import begin_sql, close, small_world
from tests.components.sql.in_process import Servers


@pytest.fixture
def servers(tmp_path: Path) -> Iterator[Servers]:
    world = small_world(tmp_path / "lab")
    begin_sql(world)
    yield Servers(world)
    close(world)
