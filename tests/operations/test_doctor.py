"""What becomes of a check, whatever happens in it; judgements and exit codes. The checks themselves: tests/e2e."""

from __future__ import annotations

import itertools
import json
import ssl
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from components.sql import quorum
from components.topology import load
from operations.configuration import Context
from operations.doctor import machine, output, portal, reach, sql
from operations.doctor.check import SHELL, Check, Judged, Row, Verdict, as_wrong, look_at, ok, warning, wrong
from operations.doctor.farm import Farm
from remote.errors import MachineError, UnreachableError
from remote.hosts import Hosts
from remote.secret import Secret
from remote.session import Remote
from tests.components.certificates import PASSWORD, authority, write_pfx
from tests.components.program import ROOT

TOPOLOGY = load(ROOT / "topologies" / "single-domain.yaml")
NONE = Secret("only-for-tests")
FARM = Farm(Context(TOPOLOGY, Remote(Hosts({})), NONE, NONE, NONE))


def judging(checks: Iterator[Check], looked_at: str) -> Callable[[Any], Judged]:
    """What judges the first check of this kind. The checks themselves reach no machine here."""
    return next(check.judge for check in checks if check.looked_at == looked_at)


def raising(error: Exception) -> Any:
    def look() -> Any:
        raise error

    return look


def check(look: Any, **further: Any) -> Check:
    return Check("machine", "SQL1", "it", "this", look, ok, **further)


def test_a_check_that_fails_is_a_row() -> None:
    error = MachineError("SQL1", "look at it", "no", "Do that.")
    assert check(raising(error)).row() == Row("machine", "SQL1", "it", Verdict.UNKNOWN, "no", "this", "Do that.")
    assert check(raising(error), failed=as_wrong).row().verdict is Verdict.WRONG
    unforeseen = check(raising(KeyError("x"))).row()
    assert (unforeseen.verdict, unforeseen.found) == (Verdict.UNKNOWN, "the check itself failed (KeyError: 'x')")


def test_what_a_machine_says_is_data() -> None:
    Secret("Doctor-Secret-1!")
    assert check(lambda: "\x1b[2J Doctor-Secret-1!\nline").row().found == r"\x1b[2J *** line"


def test_a_machine_without_a_shell_is_asked_nothing_more() -> None:
    asked: list[str] = []

    def other(name: str) -> Check:
        def look() -> str:
            asked.append(name)
            return name

        return Check("machine", name, "it", "this", look, ok, through=name)

    shells = [
        Check("reach", "SQL1", SHELL, "", raising(UnreachableError("SQL1", "look", "off")), ok, failed=as_wrong),
        Check("reach", "SQL2", SHELL, "", lambda: "in", ok),
        Check(
            "reach", "SQL2", "TLS of SQL Server", "", raising(MachineError("SQL2", "try", "no")), ok, failed=as_wrong
        ),
    ]
    rows = look_at(shells, lambda: iter([other("SQL1"), other("SQL2")]))
    assert asked == ["SQL2"]
    assert [(row.machine, str(row.verdict)) for row in rows[3:]] == [("SQL1", "unknown"), ("SQL2", "ok")]


@pytest.mark.parametrize(
    ("verdicts", "code"),
    [
        (["ok", "warning"], 0),
        (["ok", "unknown"], 2),
        (["wrong", "unknown"], 1),
        ([], 0),
    ],
)
def test_exit_codes(verdicts: list[str], code: int) -> None:
    rows = [Row("reach", "SQL1", "it", Verdict(verdict), "", "") for verdict in verdicts]
    assert output.code(rows) == code
    assert json.loads(output.as_json(rows))["ok"] is (code == 0)


@pytest.mark.parametrize(("seconds", "verdict"), [(0.4, "ok"), (-29, "ok"), (31, "warning"), (-301, "wrong")])
def test_clocks(seconds: float, verdict: str) -> None:
    assert str(judging(reach.checks(FARM), "clock")(seconds).verdict) == verdict


@pytest.mark.parametrize(
    ("version", "powershell", "framework", "verdict"),
    [
        ("6.2.9200", "3.0", 378389, "ok"),
        ("6.2.9200", "2.0", 378389, "wrong"),
        ("6.1.7601", "3.0", 378389, "wrong"),
        ("6.3.9600", "4.0", 378675, "warning"),
        ("10.0.17763", "5.1", 461814, "warning"),
    ],
)
def test_versions_of_windows(version: str, powershell: str, framework: int, verdict: str) -> None:
    said = {"caption": "", "version": version, "powershell": powershell, "framework": framework, "host": ""}
    judge = judging(machine.checks(FARM), "Windows, PowerShell, .NET")
    assert str(judge([said]).verdict) == verdict


def test_the_table_says_what_to_do_once(capsys: pytest.CaptureFixture[str]) -> None:
    judged = [ok("fine"), warning("low", "Make room."), wrong("none", "Put [it] there.")]
    rows = [Row("machine", "SQL1", "disk", one.verdict, one.found, "much", one.to_do) for one in judged]
    output.show(rows)
    reported = capsys.readouterr().out
    assert reported.count("Make room.") == reported.count("Put [it] there.") == 1
    assert reported.index("Put [it] there.") < reported.index("Make room.")
    assert "3 rows: 1 ok, 1 warning, 1 wrong." in reported


@pytest.mark.parametrize(
    ("system", "declared", "verdict", "found"),
    [
        ("issuer", "", "ok", "the operating system of this computer trusts it"),
        ("other", "issuer", "warning", "only `authorities` has its root"),
        ("other", "", "warning", "neither this operating system nor `authorities` has its root"),
        ("folder", "", "ok", "the operating system of this computer trusts it"),
    ],
)
def test_whether_clients_trust_a_certificate(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, system: str, declared: str, verdict: str, found: str
) -> None:
    """Through an authority that the file has, too, to a root that the operating system has or has not."""
    root, other = authority("root"), authority("another root")
    between = authority("between", root)
    file = write_pfx(tmp_path / "c.pfx", "portal.hyper-v.nu", issuer=between, others=[between])
    (tmp_path / "hashed").mkdir()
    (tmp_path / "hashed" / "README").write_text("no certificate")
    for name, one in {"issuer": root, "other": other, "hashed/0": other, "hashed/1": root}.items():
        (tmp_path / name).write_bytes(one.certificate.public_bytes(Encoding.PEM))
    nowhere = str(tmp_path / "nowhere")
    paths = ssl.get_default_verify_paths()._replace(
        openssl_cafile=nowhere if system == "folder" else str(tmp_path / system),
        openssl_capath=str(tmp_path / "hashed") if system == "folder" else nowhere,
    )
    monkeypatch.setattr(ssl, "get_default_verify_paths", lambda: paths)
    farm: Any = SimpleNamespace(
        topology=TOPOLOGY,
        context=SimpleNamespace(certificates={"portal": {"file": str(file), "password": PASSWORD}}),
        remote=SimpleNamespace(hosts=SimpleNamespace(authorities=str(tmp_path / declared) if declared else "")),
    )
    _, row = (one.row() for one in itertools.islice(portal.checks(farm), 2))
    assert (row.looked_at, str(row.verdict)) == ("certificate portal, to clients", verdict)
    assert found in row.found
    assert bool(row.to_do) is (verdict != "ok")


def member(name: str, kind: int = 0, *, up: bool = True) -> dict[str, Any]:
    return {"name": "c", "quorum": "NODE_MAJORITY", "state": "NORMAL_QUORUM", "member": name, "member_type": kind,
            "member_state": int(up), "votes": 1}  # fmt: skip


WITNESS = member(r"\\FILE\Witness", 2)


@pytest.mark.parametrize(
    ("rows", "verdict", "found"),
    [
        (None, "unknown", "AlwaysOn is not enabled yet"),
        ([], "wrong", "has no quorum"),
        ([member("SQL1"), member("SQL2"), WITNESS], "ok", "3 votes; the loss of any one server is survived"),
        ([member("SQL1"), member("SQL2")], "warning", "2 nodes vote and no witness does"),
        ([member("SQL1"), member("SQL2", up=False), WITNESS], "warning", "SQL2 is down"),
    ],
)
def test_the_votes_of_the_failover_cluster(rows: list[Any] | None, verdict: str, found: str) -> None:
    judged = judging(sql.checks(FARM), "quorum")(None if rows is None else quorum.of(rows))
    assert (judged.verdict, found in judged.found, bool(judged.to_do)) == (verdict, True, verdict != "ok")
