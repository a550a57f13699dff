"""The runner and the command: what does not hold is said, what cannot be undone too, and a report can be sent."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from operations.contract import reports
from operations.contract.case import Case, Failure, cases, fits
from operations.contract.runner import Outcome, Result, run, run_all
from tests.e2e.farm import SECRETS
from tests.e2e.lab_here import FarmHere

pytestmark = pytest.mark.timeout(300)


@pytest.fixture(scope="module")
def farm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FarmHere]:
    farm = FarmHere(tmp_path_factory.mktemp("contract-runner"))
    with farm.running():
        yield farm


def case(text: str, wire: str = "powershell", **further: object) -> Case:
    return Case.model_validate({"name": "one", "believed": "It holds.", "wire": wire, "run": text, **further})


@pytest.mark.parametrize(
    ("expected", "found", "fit"),
    [
        ("<number>", 3, True),
        ("<number>", True, False),
        ("<flag>", False, True),
        ("<nothing>", None, True),
        ("~^a.c$", "abc", True),
        ("~^a.c$", 3, False),
        ([1, "<text>"], [1, "x"], True),
        ([1], [1, 2], False),
        ({"a": 1}, {"a": 1}, True),
        ({"a": 1}, {"a": 1, "b": 2}, False),
        (1, True, False),
        (0, False, False),
    ],
)
def test_what_fits(expected: object, found: object, fit: bool) -> None:
    assert fits(expected, found) is fit


@pytest.mark.parametrize(
    ("tried", "came"),
    [
        (case("'a'", expect=["b"]), '["a"]'),
        (case("'a'", error={"message": "any"}), '["a"]'),
        (case("throw 'no'", expect=["b"]), "no: no"),
        (case("throw 'no'", error={"message": "yes"}), "no: no"),
        (case("exit 3", expect=["b"]), "no answer: the connection broke before the answer came"),
    ],
)
def test_what_differs_is_told(farm: FarmHere, tried: Case, came: str) -> None:
    result = run(farm.remote, "SPF1", tried)
    assert (result.outcome, result.left) == (Outcome.DIFFERS, "")
    assert result.came.startswith(came)


def test_another_error_of_sql_server_differs(farm: FarmHere) -> None:
    tried = case("SELECT 1 / 0 AS x", "sql", error={"number": 245})
    result = run(farm.remote, "SQL1", tried)
    assert (result.outcome, result.came.split(":")[0]) == (Outcome.DIFFERS, "error 8134")
    assert run(farm.remote, "SQL1", tried.model_copy(update={"error": Failure(number=8134)})).outcome is Outcome.HELD


def test_what_cannot_be_prepared_does_not_run_and_is_undone_all_the_same(farm: FarmHere) -> None:
    path = r"C:\Windows\Temp\wap-ha-contract.txt"
    tried = case(
        "1",
        expect=[1],
        touches="a file",
        given=(f"[IO.File]::WriteAllText('{path}', 'x')", "throw 'not today'"),
        undo=(f"[IO.File]::Delete('{path}')", "throw 'stays'"),
    )
    result = run(farm.remote, "SPF1", tried)
    assert (result.outcome, result.came) == (Outcome.NOT_RUN, "it could not be prepared: not today")
    assert result.left == "stays"
    assert farm.remote.powershell("SPF1").run(f"Test-Path '{path}'", attempted="look") == [False]
    assert reports.code([result]) == 2


def test_files_of_a_statement_are_cleaned_by_powershell(farm: FarmHere) -> None:
    tried = case("SELECT 1 AS x", "sql", expect=[{"x": 1}], clean=("1", "throw 'the file stays'"))
    result = run(farm.remote, "SQL1", tried)
    assert (result.outcome, result.left) == (Outcome.HELD, "the file stays")


def test_a_machine_without_what_a_case_needs(farm: FarmHere) -> None:
    reported: list[Result] = []
    results = run_all(farm.remote, "Portal1", [case("SELECT 1 AS x", "sql", needs="SQL Server")], reported.append)
    assert reported == results
    assert (results[0].outcome, results[0].came) == (Outcome.NOT_RUN, "Portal1 has no SQL Server")
    assert reports.code(results) == 0


def test_the_command_runs_all_of_them_and_writes_a_report(farm: FarmHere, tmp_path: Path) -> None:
    farm.make_stack()
    file = tmp_path / "report.json"
    done = farm.operations("doctor", "--contract", "SQL1", "--report", str(file))
    assert done.code == 0, done.output
    assert f"{len(cases())} cases:" in done.output
    written = json.loads(file.read_text(encoding="utf-8"))
    assert [one["case"] for one in written["cases"]] == [one.name for one in cases()]
    assert {one["outcome"] for one in written["cases"]} <= {"held", "not run"}
    assert written["versions"]["sql_server"] == "11.0.7001.0"
    for name in ("SQL1", "hyper-v.nu", "installer", farm.remote.hosts["SQL1"].address, *SECRETS.values()):
        assert name not in file.read_text(encoding="utf-8")
