"""Microsoft's own parsers over every leaf script, where the checker is at hand (it is no part of this project)."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SHARED = ROOT.parent / "shared"
DIALECT, CMDLETS = SHARED / "tools" / "dialect", SHARED / "reference" / "cmdlets-ws2012.json"

pytestmark = pytest.mark.skipif(
    not (DIALECT.is_file() and CMDLETS.is_file()), reason="the checker of dialects is not beside this project"
)


def files(pattern: str) -> list[str]:
    return sorted(str(file) for folder in ("components", "remote") for file in (ROOT / folder).rglob(pattern))


def findings(*arguments: str, text: str = "") -> list[str]:
    """What the checker says, one line a finding."""
    done = subprocess.run([str(DIALECT), *arguments], input=text, capture_output=True, text=True, timeout=100)
    assert done.returncode in (0, 1), done.stderr
    found = done.stdout.splitlines()
    assert bool(found) == bool(done.returncode)
    return found


def test_powershell_is_that_of_windows_server_2012() -> None:
    scripts = files("*.ps1")
    assert len(scripts) > 40
    assert [found for found in findings("powershell", str(CMDLETS), *scripts) if not dynamic(found)] == []


def dynamic(finding: str) -> bool:
    """Whether a finding is about a parameter that a drive's provider adds to a cmdlet: the table has none of these.

    ``-DeleteKey`` is one of the certificate provider in Windows PowerShell 3.0 ("about_Certificate_Provider").
    """
    said = json.loads(finding)
    return said["kind"] == "binding" and "'DeleteKey'" in said["message"] and "Cert:" in said["text"]


def test_sql_is_that_of_sql_server_2012() -> None:
    statements = files("*.sql")
    assert len(statements) > 30
    assert findings("tsql", *statements) == []


@pytest.mark.parametrize(
    "text",
    [
        "Get-Service -Nmae MSSQLSERVER",
        "Get-Srvice",
        "$a = $b ?? 1",
        "if ($true) { 1",
    ],
)
def test_a_planted_error_in_powershell_is_found(text: str) -> None:
    assert findings("powershell", str(CMDLETS), "-", text=json.dumps({"name": "planted", "text": text}) + "\n")


@pytest.mark.parametrize(
    "text",
    [
        "ALTER AVAILABILITY GROUP [g] MODIFY REPLICA ON N'x' WITH (SEEDING_MODE = AUTOMATIC);",
        "SELECT * FORM sys.databases;",
        "DROP LOGIN IF EXISTS a;",
    ],
)
def test_a_planted_error_in_sql_is_found(text: str) -> None:
    assert findings("tsql", "-", text=json.dumps({"name": "planted", "text": text}) + "\n")
