"""SQL Server clients that this project did not write, against the lab: ``make clients``. Not a part of ``make test``.

LAB_CLIENTS names the folder that ``lab.client_tests.install`` has filled (``.tools/clients`` of the repository).
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lab.testing.farm import Farm

HERE = Path(__file__).resolve().parent
FOLDER = Path(os.environ.get("LAB_CLIENTS", HERE.parents[1] / ".tools" / "clients"))
PASSWORD = "Client-Tests-2012"
PYTHON = [str(FOLDER / "python" / "bin" / "python"), str(HERE / "client.py")]
CLIENTS = {
    "pymssql": [*PYTHON, "pymssql"],
    "python-tds": [*PYTHON, "pytds"],
    "mssql-python": [*PYTHON, "mssql_python"],
    "go-mssqldb": [str(FOLDER / "go" / "client")],
    "tedious": ["node", str(FOLDER / "node" / "client.js")],
    "mssql-jdbc": ["java", "-cp", f"{FOLDER}/java/lib/*", str(HERE / "java" / "Client.java")],
}
NEEDED = {"tedious": FOLDER / "node" / "node_modules" / "tedious", "mssql-jdbc": FOLDER / "java" / "lib"}


@pytest.fixture(scope="module")
def farm() -> Iterator[Farm]:
    with Farm() as made:
        made.use_sql_logins("SQL1", PASSWORD)
        yield made


@pytest.mark.parametrize("name", CLIENTS)
def test_client(farm: Farm, name: str) -> None:
    """Rows of columns with and without NULL, a parameter, an error, a cancelled statement and one after it."""
    command = CLIENTS[name]
    if not NEEDED.get(name, Path(command[0])).exists():
        pytest.skip(f"{name} is not installed in {FOLDER}")
    done = subprocess.run(
        [*command, farm.address("SQL1"), PASSWORD], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]
    found: dict[str, Any] = json.loads(done.stdout)
    assert "Divide by zero" in found.pop("error")
    assert found.pop("rows") >= 5
    assert found == {"one": 1, "parameter": "master", "cancelled": True, "after": 2}
