"""Microsoft's own parsers over every leaf script, where the checker is at hand (it is no part of this project)."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SHARED = ROOT.parent / "shared"
DIALECT, CMDLETS = SHARED / "tools" / "dialect", SHARED / "reference" / "cmdlets-ws2012.json"
PRELUDES = sorted(file for folder in ("components", "remote") for file in (ROOT / folder).rglob("prelude.ps1"))

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


SPLATTED = {
    "@how": "-AdminUri 'u' -Token 't' -DisableCertificateValidation",
    "@stores": "-PortalConnectionString 'p' -ManagementConnectionString 'm'",
}
"""What functions of the prelude give to be splatted. The checker takes a splatted table for one more argument."""


def prelude() -> str:
    return "\n".join(file.read_text(encoding="utf-8") for file in PRELUDES)


def with_prelude(name: str, script: str) -> str:
    """A script as the checker takes it from standard input, together with the functions that it may call."""
    for splatted, parameters in SPLATTED.items():
        script = script.replace(splatted, parameters)
    return json.dumps({"name": name, "text": f"{script}\n{prelude()}"}) + "\n"


def test_powershell_is_that_of_windows_server_2012() -> None:
    scripts = files("*.ps1")
    assert len(scripts) > 40
    text = "".join(
        with_prelude(file, Path(file).read_text(encoding="utf-8")) for file in scripts if Path(file) not in PRELUDES
    )
    assert [found for found in findings("powershell", str(CMDLETS), "-", text=text) if not dynamic(found)] == []


def test_what_is_splatted_is_what_the_prelude_gives() -> None:
    given = set(re.findall(r"(\w+) = ", prelude()))
    assert given >= {name for parameters in SPLATTED.values() for name in re.findall(r"-(\w+)", parameters)}


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
        "Get-KeptTxt 'Claims' $Key",
        "Get-Service @how",
    ],
)
def test_a_planted_error_in_powershell_is_found(text: str) -> None:
    assert findings("powershell", str(CMDLETS), "-", text=with_prelude("planted", text))


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
