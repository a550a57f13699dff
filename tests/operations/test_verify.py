"""``python -m operations verify``: rows, exit codes and both forms of output, without any machine."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from typer.testing import CliRunner

from components.topology import load
from operations import __main__ as operations
from operations import configuration, levels
from operations.checks import spf, sql
from operations.row import Check, Row, WrongError, expect, rows
from remote.errors import MachineError
from remote.http import Answer, HttpError
from remote.secret import Secret
from tests.components.program import ROOT


def good() -> str:
    return "as it should be"


def raising(error: Exception) -> Any:
    def ask() -> str:
        raise error

    return ask


def test_expect() -> None:
    assert expect(["", ""], "found") == "found"
    with pytest.raises(WrongError) as caught:
        expect(["one", "", "two"], "found")
    assert str(caught.value) == "one; two"


@pytest.mark.parametrize(
    ("error", "found"),
    [
        (WrongError("one; two"), "one; two"),
        (HttpError("Connection refused"), "Connection refused"),
        (MachineError("SQL1", "log on", "no", "Look."), "SQL1: log on: no. Look."),
    ],
)
def test_a_row_that_fails_says_what_was_found(error: Exception, found: str) -> None:
    assert Check("level", "SQL1", "checked", raising(error)).row() == Row("level", "SQL1", "checked", False, found)
    assert Check("level", "SQL1", "checked", good).row() == Row("level", "SQL1", "checked", True, "as it should be")


def test_what_a_machine_says_is_data_in_a_row() -> None:
    Secret("Row-Secret-1!")
    said = "\x1b[2J Row-Secret-1!\r\nsecond \u202eline"
    shown = r"\x1b[2J *** second \u202eline"
    failing = Check("level", "SQL1", "checked", raising(WrongError(said)))
    answering = Check("level", "SQL1", "checked", lambda: said)
    assert [failing.row().found, answering.row().found] == [shown, shown]


def test_an_error_of_the_program_is_not_a_row() -> None:
    with pytest.raises(ZeroDivisionError):
        Check("level", "SQL1", "checked", raising(ZeroDivisionError())).row()


def test_rows_are_asked_together_and_answered_in_order() -> None:
    barrier = threading.Barrier(3)

    def ask(number: int) -> Any:
        def wait() -> str:
            barrier.wait(10)  # raises unless all three are asked at the same time
            return str(number)

        return wait

    found = rows(Check("level", str(number), "checked", ask(number)) for number in range(3))
    assert [(row.member, row.found, row.ok) for row in found] == [("0", "0", True), ("1", "1", True), ("2", "2", True)]


@pytest.fixture
def level(monkeypatch: pytest.MonkeyPatch) -> list[Check]:
    """The checks of the only level there is; the context is read from anywhere."""
    given: list[Check] = []

    def checks(context: Any) -> Iterator[Check]:
        assert context == "the context"
        yield from given

    monkeypatch.setattr(levels, "LEVELS", (SimpleNamespace(checks=checks),))
    monkeypatch.setattr(operations, "from_text", lambda text: "the context")
    return given


def run(*arguments: str, text: str = "{}") -> Any:
    return CliRunner().invoke(operations.app, ["verify", "--configuration", "-", *arguments], input=text)


def test_all_well(level: list[Check]) -> None:
    level.append(Check("SQL Server", "SQL1", "admits sa", good))
    done = run()
    assert done.exit_code == 0
    for text in ("SQL Server", "SQL1", "admits sa", "as it should be", "ok"):
        assert text in done.stdout
    assert done.stderr == ""


def test_one_row_that_fails_fails_the_command(level: list[Check]) -> None:
    level.append(Check("SQL Server", "SQL1", "admits sa", good))
    level.append(Check("SQL Server", "SQL2", "admits [sa]", raising(WrongError("[it] does not"))))
    done = run()
    assert done.exit_code == 1
    assert done.stderr == "not as it should be: SQL2: admits [sa]: [it] does not\n"
    assert "NO" in done.stdout
    assert "[it] does not" in done.stdout, "square brackets are no markup"


def test_json(level: list[Check]) -> None:
    level.append(Check("SQL Server", "SQL1", "admits sa", good))
    done = run("--json")
    assert (done.exit_code, json.loads(done.stdout)) == (
        0,
        {
            "ok": True,
            "rows": [
                {
                    "level": "SQL Server",
                    "member": "SQL1",
                    "checked": "admits sa",
                    "ok": True,
                    "found": "as it should be",
                }
            ],
        },
    )
    level.append(Check("SQL Server", "SQL2", "admits sa", raising(WrongError("no"))))
    done = run("--json")
    assert done.exit_code == 1
    assert [row["ok"] for row in json.loads(done.stdout)["rows"]] == [True, False]
    assert json.loads(done.stdout)["ok"] is False


def test_a_configuration_that_cannot_be_read_is_another_code(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(text: str) -> Any:
        raise MachineError("Portal1", "find out how to log on", "no user name", "Set `credentials`.")

    monkeypatch.setattr(operations, "from_text", broken)
    done = run()
    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr == "error: Portal1: find out how to log on: no user name. Set `credentials`.\n"


def test_without_pulumi_it_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    done = CliRunner().invoke(operations.app, ["verify"])
    assert done.exit_code == 2
    assert done.stderr == (
        "error: this computer: read the stack's configuration: there is no pulumi on PATH. "
        'For the lab, run: eval "$(make -s env)"; for machines of yours see docs/real-machines.md.\n'
    )


def test_every_level_asks_for_every_member() -> None:
    values = {
        "topology": "topologies/single-domain.yaml",
        "credentials": {"hyper-v.nu": {"username": "u", "password": "Installer-Pass-4!"}},
        "passphrase": "Pass-Phrase-4!",
    }
    context = configuration.from_text(json.dumps(values))
    assert context.passphrase.reveal() == "Pass-Phrase-4!"
    assert "Pass-Phrase-4!" not in repr(context)
    asked = [(check.level, check.member) for level in levels.LEVELS for check in level.checks(context)]
    for member in ("Portal1", "Portal2", "SPF1", "SPF2", "SQL1", "SQL2"):
        assert ("machines", member) in asked
    for member in ("Portal1", "Portal2", "portal.hyper-v.nu"):
        assert ("load balancing", member) in asked
    assert ("sign-in", "portal.hyper-v.nu") in asked
    assert len({level for level, _ in asked}) == len(levels.LEVELS)


@pytest.mark.parametrize(
    ("answers", "found"),
    [
        (r"DATA-2\WAP", ""),
        (r"data-2\wap", ""),
        (r"DATA-2\OTHER", r"on port 10001 answers DATA-2\OTHER, not DATA-2\WAP"),
        ("DATA-2", r"on port 10001 answers DATA-2, not DATA-2\WAP"),
    ],
)
def test_the_port_of_another_instance_is_found(answers: str, found: str) -> None:
    topology = load(ROOT / "topologies" / "your-own.yaml")
    rows = [{"windows_only": 0, "login_mode": 2, "server_name": answers}]
    server = SimpleNamespace(rows=lambda *_, **__: rows)
    context: Any = SimpleNamespace(topology=topology, remote=SimpleNamespace(sql_odbc=lambda _: server))
    row = next(check for check in sql.checks(context) if check.member == "DATA-2").row()
    assert (row.ok, row.found) == (not found, found or "logged on over TLS, certificate verified")


@pytest.mark.parametrize(
    ("status", "paths", "found"),
    [(200, 2, "both services answer"), (401, 1, "HTTP 401 for /SC2012/"), (500, 2, "HTTP 500 for /SC2012/")],
)
def test_an_account_that_spf_refuses_is_sent_once(
    monkeypatch: pytest.MonkeyPatch, status: int, paths: int, found: str
) -> None:
    asked: list[str] = []

    def get(_address: str, _port: int, _name: str, path: str, **_how: object) -> Answer:
        asked.append(path)
        return Answer(status, b"", b"")

    monkeypatch.setattr(spf, "get", get)
    context = SimpleNamespace(
        topology=load(ROOT / "topologies" / "single-domain.yaml"),
        remote=SimpleNamespace(hosts=SimpleNamespace(authorities="")),
        spf_password=Secret("x"),
    )
    row = Check("level", "SPF1", "checked", spf._Server(context, "127.0.0.1")).row()  # type: ignore[arg-type]
    assert (row.ok, len(asked)) == (status == 200, paths)
    assert found in row.found
