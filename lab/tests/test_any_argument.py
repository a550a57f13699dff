"""Any argument of any modelled cmdlet gives a result or a PowerShell error.

An error of the lab's own (a Python exception) is neither: a script could not catch it.
"The lab does not model …" is an answer.
"""

from __future__ import annotations

import contextlib
import importlib
import uuid
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lab import boot, identity
from lab.powershell import table
from lab.powershell.api import CMDLETS, HashTable, Int64, NotModelledError, PSObject, SecureString, Session
from lab.powershell.core import STREAMING
from lab.powershell.parser import parse
from lab.powershell.runspace import Runspace
from lab.powershell.values import Char, NetArray, ScriptBlock, SizedInt, Version
from lab.tests import worlds
from lab.world import World

for part in boot.COMMANDS:
    importlib.import_module(part)

ENDING = {"restart-computer", "stop-computer", "start-sleep"}
"""Cmdlets that end the machine or wait for real."""
NAMES = sorted(name for name in {*CMDLETS, *STREAMING} - ENDING if table.find(name) is not None)
QUICK = settings(
    derandomize=True, deadline=None, database=None, suppress_health_check=list(HealthCheck), max_examples=500
)
TEXTS = [
    *[
        "",
        " ",
        "a",
        "*",
        "?",
        "[",
        "[a",
        "[1]",
        "a\0b",
        "\n",
        "'",
        '"',
        "$x",
        "%s{0}{",
        "é\U0001d11e",
        "\ud834",
        "x" * 300,
    ],
    *["0", "-1", "99999", "1e400", "True", "perhaps", "2026-01-01", "12:00", "172.44.5.121", "999.1.1.1"],
    *["C:\\", "C:\\x\\y", "HKLM:\\SOFTWARE\\a", "Cert:\\LocalMachine\\My", "IIS:\\Sites", "x:y", "\\\\FILE\\SQLAG"],
    *["Ethernet", "W3SVC", "MSSQLSERVER", "Portal1", "installer", "Administrators", "https", "*:443:", "NLB", "<a/>"],
    *["root\\cimv2", "Win32_Service", "select * from Win32_Service", "Server=SQL1"],
]
WORDS = st.sampled_from(TEXTS)
PLAIN = st.one_of(
    WORDS,
    WORDS,
    st.sampled_from([0, 1, -1, 80, 65536, 2147483647, -2147483648, 3000000000, 0.5, -1.5, 1e308]),
    st.sampled_from([True, False, None, float("nan"), float("inf"), Int64(7), SizedInt(5, "Byte"), Version(1, 2)]),
    st.sampled_from([datetime(2026, 1, 2), uuid.UUID(int=5), Char("a"), SecureString("x")]),  # noqa: DTZ001
    st.sampled_from(["$_", "1", "throw 'x'", ""]).map(lambda text: ScriptBlock(parse(text))),
)
VALUES = st.recursive(
    PLAIN,
    lambda inner: st.one_of(
        st.lists(inner, max_size=2),
        st.lists(inner, max_size=2).map(lambda items: NetArray(items, "System.Object")),
        st.dictionaries(WORDS, inner, max_size=2).map(lambda pairs: HashTable(pairs.items())),
        st.dictionaries(st.sampled_from(["Name", "Path", "Id"]), inner, max_size=2).map(
            lambda pairs: PSObject(properties=pairs)
        ),
    ),
    max_leaves=3,
)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    made = worlds.small_world(Path(tmp_path_factory.mktemp("any")))
    for name in boot.BEGINNINGS[3:]:
        importlib.import_module(name).begin(made)
    yield made
    made.close()


@st.composite
def calls(draw: st.DrawFn) -> tuple[str, HashTable, Any, bool]:
    """A cmdlet, its arguments (those of one parameter set, mostly with the mandatory ones) and what is piped to it."""
    name = draw(st.sampled_from(NAMES))
    info = table.find(name)
    assert info is not None
    one = draw(st.sampled_from(info.sets))
    wanted = [p.name for p in one if p.mandatory] if draw(st.integers(0, 4)) else []
    if one:
        wanted += draw(st.lists(st.sampled_from([p.name for p in one]), max_size=3))
    return name, HashTable((key, draw(VALUES)) for key in dict.fromkeys(wanted)), draw(VALUES), draw(st.booleans())


@QUICK
@given(called=calls(), logon=st.sampled_from(["network", "batch", "service"]))
def test_any_argument_of_any_cmdlet(world: World, called: tuple[str, HashTable, Any, bool], logon: str) -> None:
    name, arguments, item, piped = called
    machine = world.machine("Portal1")
    session = Session(machine, identity.identity(world, machine, "HYPERVNU\\installer"), logon)
    script = "param($n, $h, $i, $p) if ($p) { ,$i | & $n @h } else { & $n @h }"
    with contextlib.suppress(NotModelledError):
        Runspace(session).run(script, {"n": name, "h": arguments, "i": item, "p": piped})


@settings(QUICK, max_examples=100)
@given(
    keys=st.dictionaries(
        st.sampled_from(["LogName", "ProviderName", "Id", "Level", "StartTime", "EndTime"]), VALUES, min_size=1
    )
)
def test_any_filter_of_events(world: World, keys: dict[str, Any]) -> None:
    """A cmdlet whose arguments are inside of one."""
    machine = world.machine("Portal1")
    session = Session(machine, identity.identity(world, machine, "HYPERVNU\\installer"))
    table = HashTable({"LogName": "System", **keys}.items())
    with contextlib.suppress(NotModelledError):
        Runspace(session).run("param($t) Get-WinEvent -FilterHashtable $t", {"t": table})
