"""Every T-SQL script is one that the lab's SQL Server knows: each view, column, procedure and function of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from remote.errors import MachineError
from tests.components.sql.in_process import Servers

COMPONENTS = Path(__file__).parents[3] / "components"
READING = sorted(COMPONENTS.rglob("read_*.sql"))
VALUES = ("master", "0x00", 1)
"""Each for every parameter of a script: one of them gets past its conversions, and the statements are bound."""


def test_no_script_reads_what_the_lab_does_not_model(servers: Servers) -> None:
    assert len(READING) > 30
    refused = {}
    for file in READING:
        text = file.read_text(encoding="utf-8")
        for value in VALUES:
            try:
                servers.sql("SQL2").rows(text, *[value] * text.count("?"), attempted=f"read {file.name}")
            except MachineError as error:
                if "does not model" in error.found:
                    refused[file.name] = error.found
    assert refused == {}


def test_what_it_does_not_model_is_seen(servers: Servers) -> None:
    with pytest.raises(MachineError, match=r"does not model the column is_encrypted of sys\.databases"):
        servers.sql("SQL2").rows("SELECT is_encrypted FROM sys.databases", attempted="read it")
