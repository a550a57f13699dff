"""Every recorded case: the result of real PowerShell, or "not supported", never a wrong answer.

The cases were recorded on PowerShell 7 on Linux; where Windows PowerShell 3.0 answers otherwise, ``DIFFERENT`` says
how and why. ``UNSUPPORTED`` lists the cases the evaluator refuses: a change of either set is seen here.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from lab.powershell.api import Session
from lab.powershell.console import answer

CASES: list[dict[str, Any]] = json.loads(Path(__file__).with_name("vectors.json").read_text(encoding="utf-8"))["cases"]

# -NoEnumerate is not in the published table of 3.0 for Write-Output, and nothing at hand proves that it is.
UNSUPPORTED = {"pipeline/out-null-write-output"}


def text(value: str) -> dict[str, Any]:
    return {"type": "String", "value": value}


def whole(value: int) -> dict[str, Any]:
    return {"type": "Int32", "value": value}


TRUE = {"type": "Boolean", "value": True}
NOT_A_NUMBER = 'Cannot convert value "abc" to type "System.Int32". Error: "Input string was not in a correct format."'
UNKNOWN = (
    "The term 'No-SuchCommand' is not recognized as the name of a cmdlet, function, script file, or operable program. "
    "Check the spelling of the name, or if a path was included, verify that the path is correct and try again."
)
INDENTED = """{
    "a":  1,
    "b":  [
              1,
              2
          ],
    "c":  {
              "d":  "x"
          },
    "e":  [

          ],
    "f":  {

          }
}""".replace("\n", "\r\n")

DIFFERENT: dict[str, dict[str, Any]] = {
    # Texts of .NET Framework 4 and of 3.0's resources.
    "operators/cast-fail": {"errors": [{"message": NOT_A_NUMBER, "id": "InvalidCastFromStringToInteger"}]},
    "errors/unknown-command": {
        "output": [
            text("CommandNotFoundException"),
            text("CommandNotFoundException"),
            text(UNKNOWN),
            text("ObjectNotFound"),
        ]
    },
    # 3.0 ends its lines as Windows does; the evaluator stops at the first mistake, whose id is that of the whole.
    "errors/parse-error": {
        "terminated": {
            "message": "At line:1 char:8\r\n+ if ($x { 'broken'\r\n+        ~\r\n"
            "Unexpected token '{' in expression or statement.",
            "id": "UnexpectedToken",
        }
    },
    # JavaScriptSerializer instead of Newtonsoft's.
    "json/to-indented": {"output": [text(INDENTED)]},
    "json/to-unicode": {"output": [text('"é\u2013\\"\\\\/\\u003c\\u003e\\u0026\\u0027"')]},
    "json/to-long-and-double": {"output": [text("9007199254740993"), text("1E+20"), text("0.1"), text("3")]},
    "json/from-object": {
        "output": [whole(1), text("x"), whole(2), TRUE, TRUE, text("Int32"), text("PSCustomObject")],
    },
    "json/from-scalars": {"output": [text("a"), whole(5), TRUE, TRUE]},
    "json/iterate-properties": {"output": [whole(2), whole(2)]},
    # Recorded on Linux, where "sort" is a program that writes text; on Windows it is the alias of Sort-Object.
    "commands/aliases": {"output": [whole(2), whole(2), text("x"), whole(1)]},
    # The order of @{} is that of its hashes, which PowerShell 7 draws again for each process: nothing to compare with.
    "idioms/null-list-trap": {"output": [text('{"nodes":null,"wrapped":[]}')]},
}


@pytest.mark.parametrize("case", CASES, ids=[case["id"] for case in CASES])
def test_recorded_case(case: dict[str, Any], session: Session) -> None:
    found = answer(session, case)
    if case["id"] in UNSUPPORTED:
        assert "unsupported" in found
        return
    expected = {key: case[key] for key in ("output", "errors", "terminated")} | DIFFERENT.get(case["id"], {})
    assert {key: found.get(key) for key in expected} == expected, found.get("unsupported")


def test_every_difference_is_one() -> None:
    """A case listed as different really differs from the record, and says so unless a comment explains it here."""
    by_id = {case["id"]: case for case in CASES}
    for name, parts in DIFFERENT.items():
        assert any(by_id[name][key] != value for key, value in parts.items()), name
    unnoted = {name for name in DIFFERENT if "windows_powershell_3" not in by_id[name]}
    assert unnoted == {"commands/aliases", "idioms/null-list-trap"}


def test_nearly_all_are_supported() -> None:
    assert len(UNSUPPORTED) <= 0.05 * len(CASES)


def test_the_copy_is_the_reference() -> None:
    """Where the reference is at hand, the copy in this folder must equal it."""
    reference = Path(__file__).resolve().parents[4] / "shared" / "reference" / "powershell-vectors.json"
    if not reference.exists():
        pytest.skip("the reference is not at hand")
    assert json.loads(reference.read_text(encoding="utf-8"))["cases"] == CASES
