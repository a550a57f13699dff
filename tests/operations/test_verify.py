"""``python -m operations verify``: rows, exit codes and both forms of output, without any machine."""

from __future__ import annotations

import json
import re
import ssl
import threading
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from typer.testing import CliRunner

from components.topology import load
from lab.testing.authority import Authority
from operations import __main__ as operations
from operations import configuration, levels
from operations.checks import balancing, machines, portal, spf, sql, unverified
from operations.configuration import Context
from operations.row import Check, Row, SoonError, Status, UncheckedError, WrongError, expect, rows
from remote import session
from remote.errors import MachineError, RefusedError, UnreachableError
from remote.hosts import Host, Hosts
from remote.http import Answer, HttpError
from remote.logons import LOG_ONS
from remote.secret import Secret
from remote.session import Remote
from tests.components.program import ROOT
from tests.remote.servers import serving


def good() -> str:
    return "as it should be"


def raising(error: Exception) -> Any:
    def answer() -> str:
        raise error

    return answer


def test_expect() -> None:
    assert expect(["", ""], "found") == "found"
    with pytest.raises(WrongError) as caught:
        expect(["one", "", "two"], "found", soon=["three"], unasked={"SQL2"})
    assert str(caught.value) == "one; two"
    with pytest.raises(UncheckedError) as missing:
        expect([""], "found", soon=["three"], unasked={"SQL2", "SQL1"})
    assert str(missing.value) == "found; SQL1, SQL2 do not answer"
    with pytest.raises(SoonError) as warning:
        expect([""], "found", soon=["three", ""])
    assert str(warning.value) == "three"


@pytest.mark.parametrize(
    ("error", "found"),
    [
        (WrongError("one; two"), "one; two"),
        (HttpError("Connection refused"), "Connection refused"),
        (MachineError("SQL1", "log on", "no", "Look."), "SQL1: log on: no. Look."),
    ],
)
def test_a_row_that_fails_says_what_was_found(error: Exception, found: str) -> None:
    assert Check("level", "SQL1", "checked", raising(error)).row() == Row(
        "level", "SQL1", "checked", Status.WRONG, found
    )
    assert Check("level", "SQL1", "checked", good).row() == Row(
        "level", "SQL1", "checked", Status.OK, "as it should be"
    )


def test_what_a_machine_says_is_data_in_a_row() -> None:
    Secret("Row-Secret-1!")
    said = "\x1b[2J Row-Secret-1!\r\nsecond \u202eline"
    shown = r"\x1b[2J *** second \u202eline"
    failing = Check("level", "SQL1", "checked", raising(WrongError(said)))
    answering = Check("level", "SQL1", "checked", lambda: said)
    assert [failing.row().found, answering.row().found] == [shown, shown]


def test_an_error_of_the_program_is_a_row_and_hides_no_other() -> None:
    row = Check("level", "SQL1", "checked", raising(ZeroDivisionError("by zero"))).row()
    assert (row.status, row.found) == (
        Status.WRONG,
        "an error of the program itself: ZeroDivisionError: by zero. Report it.",
    )


def certified_rows(monkeypatch: pytest.MonkeyPatch, answer: Any) -> list[Row]:
    """The rows about certificates of the shipped distributed design, when a site's port answers so."""

    def get(address: str, port: int, name: str, path: str = "/", **options: Any) -> Answer:
        assert options.get("verify", True), "verification is on"
        found: Answer = answer(name, port)
        return found

    monkeypatch.setattr(balancing, "get", get)
    monkeypatch.setattr(session, "get", get)
    values = {"topology": "topologies/distributed.yaml", "credentials": CREDENTIALS}
    context = configuration.context(values)
    checks = [*balancing.checks(context), *portal.checks(context)]
    return [check.row() for check in checks if "verified" in check.checked]


CREDENTIALS = {"hyper-v.nu": {"username": "u", "password": "Installer-Pass-7!"}}


def certificate(days: int) -> bytes:
    """A certificate as a server shows it, which ends after so many days."""
    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([])
    now = datetime.now(UTC)
    made = x509.CertificateBuilder(name, name, key.public_key(), 1, now - timedelta(1), now + timedelta(days))
    return made.sign(key, hashes.SHA256()).public_bytes(Encoding.DER)


def test_every_site_is_verified_on_every_node_and_through_the_name(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: set[tuple[str, int]] = set()

    def answer(name: str, port: int) -> Answer:
        asked.add((name, port))
        return Answer(401, b"", shown)

    shown = certificate(100)
    found = certified_rows(monkeypatch, answer)
    assert {row.status for row in found} == {Status.OK}
    assert len(found) == 8 * 3, "eight tiers: the name and two nodes"
    topology = load(ROOT / "topologies" / "distributed.yaml")
    assert asked == {(tier.front.name, port) for tier, _, port in topology.portal.published()}


def test_a_site_with_another_certificate_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    shown = certificate(100)

    def answer(name: str, port: int) -> Answer:
        if port == 30071:
            raise HttpError("self-signed")
        return Answer(500 if port == 30072 else 200, b"", shown)

    wrong = {(row.member, row.found) for row in certified_rows(monkeypatch, answer) if not row.ok}
    auth, admin = "MgmtSvc-AuthSite, port 30071: self-signed", "MgmtSvc-WindowsAuthSite, port 30072: HTTP 500"
    names = {"portalauth.hyper-v.nu", "PortalAuth1", "PortalAuth2"}
    admins = {"adminauth.hyper-v.nu", "AdminAuth1", "AdminAuth2"}
    assert wrong == {(name, auth) for name in names} | {(name, admin) for name in admins}


def test_a_site_whose_certificate_ends_soon_is_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    good, ending = certificate(100), certificate(20)

    def answer(name: str, port: int) -> Answer:
        return Answer(200, b"", ending if port == 30071 else good)

    soon = [row for row in certified_rows(monkeypatch, answer) if row.status is Status.WARNING]
    assert {row.member for row in soon} == {"portalauth.hyper-v.nu", "PortalAuth1", "PortalAuth2"}
    assert {row.found for row in soon} == {f"it expires on {datetime.now(UTC) + timedelta(20):%Y-%m-%d}; renew it"}


def test_who_asks_without_verifying_is_listed() -> None:
    """The program itself: each is in the words of ``unverified.ANSWERS``, and sends no account."""
    sources = [file for part in ("components", "operations", "remote") for file in (ROOT / part).rglob("*.py")]
    asking = {str(file.relative_to(ROOT)): file.read_text(encoding="utf-8") for file in sources}
    without = {name for name, text in asking.items() if "verify=False" in text}
    assert without == {
        "components/portal/front.py",
        "components/site_probe.py",
        "operations/audits/balancing.py",
        "operations/clients.py",
        "operations/report/certificates.py",
    }
    assert not [name for name in without if "account=" in asking[name]]


def test_what_is_not_verified_is_said_in_the_documents_too(monkeypatch: pytest.MonkeyPatch) -> None:
    values = {"topology": "topologies/distributed.yaml", "credentials": CREDENTIALS}
    found = [check.row() for check in unverified.checks(configuration.context(values))]
    assert {row.member for row in found if row.checked == unverified.OWN_INTERFACE[0]} == {
        *("AdminApi1", "AdminApi2", "AdminAuth1", "AdminAuth2")
    }
    said = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    assert [row.checked for row in found if f"| {row.checked} | {row.found} |" not in said] == []


def test_rows_are_asked_together_and_answered_in_order() -> None:
    barrier = threading.Barrier(3)

    def answer(number: int) -> Any:
        def wait() -> str:
            barrier.wait(10)  # raises unless all three are asked at the same time
            return str(number)

        return wait

    found = rows(Check("level", str(number), "checked", answer(number)) for number in range(3))
    assert [(row.member, row.found, row.ok) for row in found] == [("0", "0", True), ("1", "1", True), ("2", "2", True)]


@dataclass
class Farm:
    """A farm of one level, and the machines that are reached before it; the context is read from anywhere."""

    checks: list[Check] = field(default_factory=list)
    machines: dict[str, Exception | None] = field(default_factory=dict)

    def reach(self, context: Any) -> list[Any]:
        return [self._reach(name, error) for name, error in self.machines.items()]

    @staticmethod
    def _reach(name: str, error: Exception | None) -> Any:
        return SimpleNamespace(
            machine=name,
            check=Check("machines", name, "WinRM answers", raising(error) if error else good),
            down=isinstance(error, UnreachableError),
            trouble=error.found if isinstance(error, MachineError) else "",
        )


@pytest.fixture
def farm(monkeypatch: pytest.MonkeyPatch) -> Farm:
    farm = Farm()

    def checks(context: Context) -> Iterator[Check]:
        down = {name for name, error in farm.machines.items() if isinstance(error, UnreachableError)}
        assert context.down == down, "every level knows which machines do not answer"
        yield from farm.checks

    monkeypatch.setattr(levels, "LEVELS", (checks,))
    monkeypatch.setattr(machines, "reach", farm.reach)
    monkeypatch.setattr(operations, "from_stack", lambda stack: CONTEXT)
    return farm


CONTEXT = Context(*(None,) * 5)  # type: ignore[arg-type]


def run(*arguments: str, **environment: str) -> Any:
    return CliRunner().invoke(operations.app, ["verify", *arguments], env=environment or None)


def configured(monkeypatch: pytest.MonkeyPatch, **values: Any) -> None:
    """The CLI gives this configuration."""
    monkeypatch.setattr(configuration, "values_of_stack", lambda stack: values)


def closing(done: Any) -> str:
    """The last line without its time."""
    stamp, _, text = str(done.stdout.splitlines()[-1]).partition(" UTC: ")
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d", stamp)
    return text


def test_all_well(farm: Farm) -> None:
    farm.checks.append(Check("SQL Server", "SQL1", "admits sa", good))
    done = run()
    assert done.exit_code == 0
    for text in ("SQL Server", "SQL1", "admits sa", "as it should be", "ok"):
        assert text in done.stdout
    assert done.stderr == ""
    assert closing(done) == "1 of 1 hold."


def test_one_row_that_fails_fails_the_command(farm: Farm) -> None:
    farm.checks += [
        Check("SQL Server", "SQL1", "admits sa", good),
        Check("SQL Server", "SQL2", "admits [sa]", raising(WrongError("[it] does not"))),
        Check("SQL Server", "sql.hyper-v.nu", "leads to the primary", good, common=True),
        Check("balancing", "portal.hyper-v.nu", "answers", good, common=True),
        Check("sign-in", "portal.hyper-v.nu", "leads there", raising(WrongError("no")), common=True),
    ]
    done = run()
    assert done.exit_code == 1
    assert done.stderr.splitlines()[0] == "not as it should be: SQL2: admits [sa]: [it] does not"
    assert "NO" in done.stdout
    assert "[it] does not" in done.stdout, "square brackets are no markup"
    assert closing(done) == (
        "3 of 5 hold; what fails: SQL2 (admits [sa]), portal.hyper-v.nu (leads there); "
        "what still works: sql.hyper-v.nu."
    )


def test_a_warning_holds(farm: Farm) -> None:
    farm.checks.append(Check("SQL Server", "store", "log backup", raising(SoonError("none yet"))))
    done = run()
    assert (done.exit_code, done.stderr) == (0, "")
    assert "none yet" in done.stdout
    assert closing(done) == "1 of 1 hold, 1 of them with a warning."


def test_a_machine_that_is_down_is_one_message(farm: Farm) -> None:
    farm.machines = {"SQL1": None, "SQL2": UnreachableError("SQL2", "ask", "it does not answer")}
    asked = []
    farm.checks += [
        Check("SQL Server", "SQL1", "admits sa", good, machine="SQL1"),
        *(Check("SQL Server", "SQL2", str(n), lambda: asked.append(1) or "", machine="SQL2") for n in range(30)),  # type: ignore[func-returns-value]
        Check("SQL Server", "SQL", "every replica follows", raising(UncheckedError("SQL2 does not answer"))),
    ]
    done = run()
    assert (done.exit_code, asked) == (1, [])
    assert done.stderr == "not as it should be: SQL2: WinRM answers: SQL2: ask: it does not answer.\n"
    assert closing(done) == (
        "2 of 34 hold; what fails: SQL2 (does not answer), 31 not checked; what still works: no name that clients use."
    )


def test_what_a_machine_refuses_is_said_once(farm: Farm) -> None:
    refused = RefusedError("SQL2", "ask", "it refuses the user name or password")
    farm.machines = {"SQL2": refused}
    farm.checks += [
        Check(
            "SQL Server", "SQL2", "its endpoint", raising(RefusedError("SQL2", "other", refused.found)), machine="SQL2"
        ),
        Check("SQL Server", "SQL2", "admits sa", raising(MachineError("SQL2", "log on", "no")), machine="SQL2"),
    ]
    rows = json.loads(run("--json").stdout)["rows"]
    assert [row["status"] for row in rows] == ["wrong", "not checked", "wrong"]


def test_only_what_fails(farm: Farm) -> None:
    farm.checks += [
        Check("SQL Server", "SQL1", "admits sa", good),
        Check("x", "SQL2", "no", raising(WrongError("bad"))),
    ]
    done = run("--failed")
    assert done.stderr == "not as it should be: SQL2: no: bad\n"
    assert len(done.stdout.splitlines()) == 1, "what a failed `up` shows: the closing line and the rows"


@pytest.mark.parametrize("columns", [80, 120])
def test_the_table_is_as_wide_as_told(farm: Farm, columns: int) -> None:
    farm.checks.append(Check("SQL Server", "SQL1", "admits sa", lambda: "word " * 50))
    widths = {len(line) for line in run(COLUMNS=str(columns)).stdout.splitlines()[:-1]}
    assert max(widths) <= columns
    assert max(widths) > columns - 10


def test_json(farm: Farm) -> None:
    farm.checks.append(Check("SQL Server", "SQL1", "admits sa", good))
    done = run("--json")
    assert (done.exit_code, json.loads(done.stdout)) == (
        0,
        {
            "ok": True,
            "summary": "1 of 1 hold.",
            "working": [],
            "rows": [
                {
                    "level": "SQL Server",
                    "member": "SQL1",
                    "checked": "admits sa",
                    "ok": True,
                    "status": "ok",
                    "found": "as it should be",
                }
            ],
        },
    )
    farm.checks.append(Check("SQL Server", "SQL2", "admits sa", raising(WrongError("no"))))
    done = run("--json")
    assert done.exit_code == 1
    assert [row["ok"] for row in json.loads(done.stdout)["rows"]] == [True, False]
    assert json.loads(done.stdout)["ok"] is False


def test_a_topology_that_cannot_be_loaded_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "bad.yaml"
    file.write_text("name: x\nproduct: other\n", encoding="utf-8")
    configured(monkeypatch, topology=str(file))
    done = run()
    assert (done.exit_code, done.stdout) == (2, "")
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"error: {file}:")
    assert line.endswith("more; `pulumi preview` lists all)")


def test_connections_that_cannot_be_made_are_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    configured(monkeypatch, topology=str(ROOT / "topologies" / "single-domain.yaml"), hosts="[x", credentials="[y")
    done = run()
    assert (done.exit_code, done.stdout) == (2, "")
    (line,) = done.stderr.splitlines()
    assert line.startswith("error: hosts: an object is expected")
    assert line.endswith(" (2 more; `pulumi preview` lists all)")


def test_a_configuration_that_cannot_be_read_is_another_code(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(stack: str) -> Any:
        raise MachineError("Portal1", "find out how to log on", "no user name", "Set `credentials`.")

    monkeypatch.setattr(operations, "from_stack", broken)
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
    context = configuration.context(values)
    assert context.passphrase.reveal() == "Pass-Phrase-4!"
    assert "Pass-Phrase-4!" not in repr(context)
    checks = [one.check for one in machines.reach(context)]
    checks += [check for level in levels.LEVELS for check in level(context)]
    asked = [(check.level, check.member) for check in checks]
    for member in ("Portal1", "Portal2", "SPF1", "SPF2", "SQL1", "SQL2"):
        assert ("machines", member) in asked
    for member in ("Portal1", "Portal2", "portal.hyper-v.nu"):
        assert ("load balancing", member) in asked
    assert ("sign-in", "portal.hyper-v.nu") in asked
    assert len({level for level, _ in asked}) == len(levels.LEVELS) + 1


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


def spf_farm(authorities: str = "", **addresses: str) -> Context:
    """A farm of which the SPF servers can be reached, at these addresses."""
    hosts = {name.lower(): Host(name, f"{name}.test", address, "", Secret("")) for name, address in addresses.items()}
    topology = load(ROOT / "topologies" / "single-domain.yaml")
    none = Secret("only-for-tests")
    return Context(topology, Remote(Hosts(hosts, {}, authorities)), none, none, none)


def rows_of(checks: Iterable[Check], what: str) -> list[Row]:
    """Of the questions that one machine is asked."""
    return [check.row() for check in checks if check.machine and check.checked.startswith(what)]


def test_an_account_that_spf_refuses_is_not_tried_through_the_portal(tmp_path: Path) -> None:
    """Two servers, two portal nodes, rows in any order: one failed log-on on each server that refuses it."""
    authority = Authority(tmp_path)
    issued = authority.server_certificate(["spf.hyper-v.nu"])
    (tmp_path / "server.pem").write_text(issued.certificate + issued.key)
    (tmp_path / "ca.pem").write_text(authority.certificate)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(tmp_path / "server.pem")
    context = spf_farm(str(tmp_path / "ca.pem"), SPF1="127.49.9.1", SPF2="127.49.9.2")
    LOG_ONS.forget_all()
    with (
        serving("127.49.9.1", tls, lambda _: (200, {}, b""), 8090),
        serving("127.49.9.2", tls, lambda _: (401, {}, b""), 8090) as (_, refused),
    ):
        rows = rows_of(portal.checks(context), "calls SPF at")
        assert [(row.ok, row.found.startswith("SPF2: HTTP 401 for SVC_SPF_REG")) for row in rows] == [(False, True)] * 2
        own = {row.member: row.ok for row in rows_of(spf.checks(context), "lets SVC_SPF_REG in")}
    assert own == {"SPF1": True, "SPF2": False}
    assert len(refused) == 1


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
    row = next(spf.checks(spf_farm(SPF1="127.0.0.1", SPF2="127.0.0.2"))).row()
    assert (row.ok, len(asked)) == (status == 200, paths)
    assert found in row.found
