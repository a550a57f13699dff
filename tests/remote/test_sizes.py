"""No value is cut off without a word by a statement that declares less room than it has."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, NoReturn

import pytest

import components
from lab.testing import sql as lab_sql
from lab.testing.worlds import begin_sql, close, small_world
from remote.errors import MachineError
from remote.hosts import Host, Hosts
from remote.secret import Secret
from remote.session import Remote
from remote.sizes import MARKER, sizes
from remote.sql import SqlServer

SCRIPTS = sorted(Path(components.__file__).parent.rglob("*.sql"))
SIZED = [(file, at, size) for file in SCRIPTS for at, size in enumerate(sizes(file.read_text("utf-8"))) if size]


def test_a_variable_and_a_cast_have_a_size() -> None:
    text = "-- ?\nDECLARE @a sysname = ?, @b nvarchar(9) = N'?', @c int = ?; SELECT CAST(? AS nvarchar(70)), ?"
    assert sizes(text) == (128, None, 70, None)


@pytest.mark.parametrize("file", SCRIPTS, ids=lambda file: file.stem)
def test_no_declared_size_is_passed_over(file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    markers = [one.start(1) for one in MARKER.finditer(text) if one[1]]
    for at, size in zip(markers, sizes(text), strict=True):
        sized = re.search(r"(sysname|\(\d+\))\s*=\s*$", text[:at]) or re.match(
            r"\?\s+AS\s+(sysname|\w+\(\d)", text[at:]
        )
        assert (size is not None) == bool(sized), text[max(0, at - 30) : at + 30]


def unasked(_: str) -> NoReturn:
    raise AssertionError("it was sent")


HOST = Host("SQL1", "sql1.test", "127.0.0.1", "who", Secret("only-for-tests"))


@pytest.mark.parametrize(("file", "at", "size"), SIZED, ids=lambda one: str(getattr(one, "stem", one)))
def test_a_longer_value_is_refused_on_every_way(file: Path, at: int, size: int) -> None:
    text = file.read_text(encoding="utf-8")
    values: list[Any] = ["x"] * len(sizes(text))
    values[at] = Secret("s" * (size + 1))
    server, remote = SqlServer(HOST, connect=unasked), Remote(Hosts({"sql1": HOST}))
    for act in (
        lambda: server.rows(text, *values, attempted="set it"),
        lambda: server.run(text, *values, attempted="set it"),
        lambda: server.run_watched(text, *values, attempted="set it", stall_seconds=1, report=print),
        lambda: server.together([(text, tuple(values))], attempted="set it"),
        lambda: server.apart([[(text, tuple(values))]], attempted="set it"),
        lambda: remote.sql_integrated("SQL1").run(text, *values, attempted="set it"),
    ):
        with pytest.raises(MachineError, match=f"^SQL1: set it: a value for it has {size + 1} characters") as caught:
            act()
        assert "sss" not in str(caught.value)
    values[at] = "s" * size
    with pytest.raises(AssertionError, match="it was sent"):
        server.run(text, *values, attempted="set it")


def test_sql_server_would_cut_it_off(tmp_path: Path) -> None:
    """What it is about: without the refusal a login gets a password that nobody knows."""
    world = small_world(tmp_path / "lab")
    begin_sql(world)
    session = lab_sql.connect(world, "SQL1", "SQL1", windows_user=r"HYPERVNU\installer")
    assert lab_sql.query(session, "DECLARE @a nvarchar(3) = ?; SELECT @a AS a", "abcdef") == [{"a": "abc"}]
    session.close()
    close(world)
