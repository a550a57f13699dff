"""``python -m operations audit``: rows, exit codes and both forms of output, without any machine."""

from __future__ import annotations

import json
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from components.topology import load
from components.topology.model import Topology
from operations import __main__ as operations
from operations import audit
from operations.audits import machines
from operations.audits.finding import Answer, Finding, Question, Risk, Verdict
from remote.errors import MachineError
from remote.secret import Secret
from tests.components.program import ROOT

RISK = Risk("SQL1 is alone", "Every site answers HTTP 500.", "Add a server.")


def well() -> Answer:
    return Answer("2 of [them]")


def risky() -> Answer:
    return Answer("", (RISK,))


def raising(error: Exception) -> Callable[[], Answer]:
    def answer() -> Answer:
        raise error

    return answer


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[Callable[[], Answer]]:
    given: list[Callable[[], Answer]] = []
    level = SimpleNamespace(questions=lambda *_: [Question("SQL Server", "who takes over", one) for one in given])
    monkeypatch.setattr(audit, "LEVELS", (level,))
    monkeypatch.setattr(operations, "from_stack", lambda _: None)
    return given


def run(*arguments: str) -> Any:
    return CliRunner().invoke(operations.app, ["audit", *arguments], env={"COLUMNS": "200"})


@pytest.mark.parametrize(
    ("given", "code", "line"),
    [
        ([well], 0, "no risks found."),
        ([well, risky], 1, "1 risk found."),
        ([well, raising(MachineError("SQL1", "ask", "no"))], 2, "no risks found, 1 row unknown."),
        ([risky, risky, raising(ZeroDivisionError())], 1, "2 risks found, 1 row unknown."),
    ],
)
def test_exit_codes(asked: list[Any], given: list[Any], code: int, line: str) -> None:
    asked += given
    done = run()
    assert (done.exit_code, done.stdout.splitlines()[-1]) == (code, line)


def test_a_table_says_what_it_does_and_what_to_do(asked: list[Any]) -> None:
    asked += [well, risky]
    done = run()
    for text in (RISK.what, RISK.effect, RISK.remedy, "2 of [them]"):
        assert text in done.stdout


def test_json(asked: list[Any]) -> None:
    asked += [risky, raising(MachineError("SQL1", "ask", "no"))]
    document = json.loads(run("--json").stdout)
    assert document["summary"] == "1 risk found, 1 row unknown."
    row = {"level": "SQL Server", "looked_at": "who takes over"}
    risk = {"verdict": "risk", "what": RISK.what, "effect": RISK.effect, "remedy": RISK.remedy}
    assert document["rows"] == [
        {**row, **risk},
        {**row, "verdict": "unknown", "what": "SQL1: ask: no.", "effect": "", "remedy": ""},
    ]


def test_what_a_machine_says_is_data(asked: list[Any]) -> None:
    Secret("Audit-Secret-1!")
    (row,) = Question("level", "x", lambda: Answer("\x1b[2J Audit-Secret-1!\nsecond")).findings()
    assert row == Finding("level", "x", Verdict.WELL, r"\x1b[2J *** second")


class Machines(machines.Machines):
    """Machines that say the same of themselves, but for what a test has otherwise."""

    def __init__(self, **otherwise: dict[str, Any]) -> None:
        self.otherwise = otherwise
        self.look = self.said  # type: ignore[assignment]

    def said(self, name: str) -> machines.Machine:
        own: dict[str, Any] = {"host": f"HOST-{name}", "windows": "6.2", "cards": 2, "dns": ("a", "b"), "products": ()}
        return machines.Machine(**{**own, **self.otherwise.get(name, {})})


def risks(machines_otherwise: dict[str, dict[str, Any]], spf: tuple[str, ...] = ("SPF1", "SPF2")) -> list[str]:
    document = yaml.safe_load((ROOT / "topologies" / "single-domain.yaml").read_text(encoding="utf-8"))
    document["spf"]["servers"] = spf
    context: Any = SimpleNamespace(topology=Topology.model_validate(document))
    questions = machines.questions(context, Machines(**machines_otherwise))
    return [row.what for one in questions for row in one.findings() if row.verdict is Verdict.RISK]


def test_two_of_each_on_hosts_of_their_own_are_no_risk() -> None:
    assert risks({}) == []


def test_one_server_is_alone() -> None:
    assert risks({}, ("SPF1",)) == ["SPF1 is the only server of Service Provider Foundation"]


@pytest.mark.parametrize(
    ("otherwise", "found"),
    [
        (
            {"SQL1": {"host": "Host1"}, "SQL2": {"host": "HOST1"}},
            ["the Hyper-V host Host1 runs SQL1 and SQL2"],
        ),
        ({"SQL1": {"host": ""}, "SQL2": {"host": ""}}, []),  # a physical machine does not say
        ({"Portal2": {"dns": ("a",)}}, ["Portal2 knows only the DNS server a"]),
        ({"Portal2": {"windows": "6.3"}}, ["Windows of the tier portal differs: Portal1: 6.2, Portal2: 6.3"]),
        (
            {"Portal1": {"products": ("Pack 1",)}, "Portal2": {"products": ("Pack 2",)}},
            ["the portal's packages of the tier portal differs: Portal1: Pack 1, Portal2: Pack 2"],
        ),
        (
            {"Portal1": {"products": ("Pack 1", "Site 1")}, "Portal2": {"products": ("Pack 1",)}},
            ["the portal's packages of the tier portal differs: Portal1: Site 1, Portal2: nothing else"],
        ),
    ],
)
def test_what_servers_have_in_common(otherwise: dict[str, dict[str, Any]], found: list[str]) -> None:
    assert risks(otherwise) == found


@pytest.mark.parametrize(
    ("addresses", "verdict", "found"),
    [
        (["172.21.5.10", "172.21.5.11", "fe80::1"], "ok", "Portal1 finds 172.21.5.10, 172.21.5.11"),
        (["172.21.5.10", "fe80::1"], "risk", "hyper-v.nu has one domain controller, 172.21.5.10"),
        ([], "unknown", "Portal1: look up the controllers of hyper-v.nu: No such host is known."),
    ],
)
def test_the_controllers_of_a_domain(addresses: list[str], verdict: str, found: str) -> None:
    def run(_script: str, given: dict[str, str], **_: Any) -> list[Any]:
        assert given == {"Name": "hyper-v.nu"}
        return [{"addresses": addresses, "error": "" if addresses else "No such host is known"}]

    remote = SimpleNamespace(powershell=lambda machine: SimpleNamespace(run=run))
    context: Any = SimpleNamespace(topology=load(ROOT / "topologies" / "single-domain.yaml"), remote=remote)
    (question,) = [one for one in machines.questions(context, Machines()) if "controllers" in one.looked_at]
    (row,) = question.findings()
    assert (row.verdict, row.what[: len(found)]) == (verdict, found)


def test_every_part_is_asked_about() -> None:
    context: Any = SimpleNamespace(topology=load(ROOT / "topologies" / "distributed.yaml"), remote=None)
    looked_at = [one.looked_at for level in audit.LEVELS for one in level.questions(context, Machines())]
    tiers = [f"the tier {tier.name}: Hyper-V hosts" for tier in context.topology.portal.tiers]
    assert {*tiers, "SQL Server: Hyper-V hosts", "DNS servers", "logins", "backups", "builds", "share"} <= {*looked_at}
    assert len(looked_at) == len(set(looked_at))
