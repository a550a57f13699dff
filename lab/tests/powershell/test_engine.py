"""Constructs of the language and of parameter binding, compared with the engine of real PowerShell.

``engine_cases.txt`` holds the scripts (a line ``%% name`` begins one), ``engine_vectors.json`` what the engine of
PowerShell 7.6 made of them. Where that engine is at hand, the record is compared with it too; after a change of the
scripts, ``python -m lab.tests.powershell.test_engine`` writes the record again.
"""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from lab.powershell.api import Session
from lab.powershell.console import answer

HERE = Path(__file__).resolve()
CASES = HERE.with_name("engine_cases.txt")
RECORD = HERE.with_name("engine_vectors.json")
VECTORS: list[dict[str, Any]] = json.loads(RECORD.read_text(encoding="utf-8"))


def tool() -> Path | None:
    """The program that runs a file of cases in real PowerShell: beside one of the folders above this repository."""
    found = (folder / "shared" / "tools" / "real-powershell" / "run" for folder in HERE.parents)
    return next((path for path in found if path.exists()), None)


def recorded(program: Path) -> list[dict[str, Any]]:
    done = subprocess.run([program, CASES], capture_output=True, text=True, check=True, timeout=100)
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.mark.parametrize("case", VECTORS, ids=[case["id"] for case in VECTORS])
def test_the_lab_answers_as_the_engine(case: dict[str, Any], session: Session) -> None:
    found = answer(session, case)
    assert "unsupported" not in found, found["unsupported"]
    ended = found["terminated"]
    assert {
        "output": found["output"],
        "errors": [{"id": error["id"], "message": error["message"]} for error in found["errors"]],
        "terminated": ended and f"{ended['id']}: {ended['message']}",
    } == {key: case[key] for key in ("output", "errors", "terminated")}


def test_every_case_is_recorded() -> None:
    names = [line[3:] for line in CASES.read_text(encoding="utf-8").splitlines() if line.startswith("%% ")]
    assert names == [case["id"] for case in VECTORS]
    assert len(set(names)) == len(names)


def test_the_record_is_what_the_engine_says() -> None:
    program = tool()
    if program is None:
        pytest.skip("the engine of real PowerShell is not at hand")
    assert recorded(program) == VECTORS


if __name__ == "__main__":
    found_tool = tool()
    assert found_tool is not None, "the engine of real PowerShell is not at hand"
    lines = ",\n".join(json.dumps(case, sort_keys=True) for case in recorded(found_tool))
    RECORD.write_text(f"[\n{lines}\n]\n", encoding="utf-8")
