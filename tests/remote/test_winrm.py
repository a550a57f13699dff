"""The program's own WinRM client on the wire: whom it logs on to, how often, and what it makes of wrong answers."""

from __future__ import annotations

import json
import ssl
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from lab.testing import winrm, worlds
from lab.testing.windows import failed_log_ons, keep_full_tokens, local_administrator
from lab.testing.worlds import Lab
from remote import wsman
from remote.errors import LostAnswerError, MachineError, RefusedError, UntrustedError
from remote.hosts import Host, Hosts
from remote.looks import shared
from remote.secret import Secret
from remote.session import Remote
from remote.shell import Shell
from tests.remote import tls_faults
from tests.remote.servers import Handler, Reply, serving

RIGHT, WRONG = "Lab-Installer-2013!", "Wrong-Installer-1!"
ADDRESS, ELSEWHERE = "127.49.8.1", "127.49.8.2"
Lines = Callable[[dict[str, Any]], Iterator[str]]


class Program:
    """Stands for ``loop.ps1``: answers a request with lines of the test's own."""

    lines: Lines

    def run(
        self,
        session: winrm.Session,
        argv: list[str],
        stdin: Callable[[], str | None],
        stdout: Callable[[str], None],
        stderr: Callable[[str], None],
    ) -> int:
        assert json.loads(stdin() or "").keys() == {"prelude"}
        while (line := stdin()) is not None:
            for answer in self.lines(json.loads(line)):
                stdout(answer)
        return 0


def sound(request: dict[str, Any]) -> Iterator[str]:
    yield json.dumps({"id": request["id"], "error": None, "output": [request["script"]]}) + "\r\n"


@pytest.fixture
def program() -> Iterator[Program]:
    made = Program()
    made.lines = sound
    with winrm.standing_for_powershell(made.run):
        yield made


@pytest.fixture
def world(tmp_path: Path, program: Program) -> Iterator[Lab]:
    with winrm.serving(tmp_path) as world:
        yield world


def authorities(world: Lab) -> str:
    return str(worlds.authorities(world))


def remote(world: Lab, password: str = RIGHT, **changed: Any) -> Remote:
    machines = {
        name: Host(
            machine.name,
            **{"fqdn": machine.fqdn, "address": machine.address, **changed},
            username=rf"{machine.netbios}\installer",
            password=Secret(password),
            netbios=machine.netbios,
        )
        for name, machine in worlds.machines(world).items()
    }
    return Remote(Hosts(machines, authorities=authorities(world)))


def failed(world: Lab) -> int:
    return failed_log_ons(world, "hyper-v.nu")["installer"]


# Whom it logs on to, and how often -----------------------------------------------------------------------------------


def test_a_machine_is_dialled_by_its_address_and_proves_its_name(world: Lab) -> None:
    assert remote(world).powershell("SQL1").run("hello", attempted="read it") == ["hello"]
    assert failed(world) == 0


def test_readers_of_a_moment_share_an_answer_until_something_is_changed(world: Lab, program: Program) -> None:
    asked: list[str] = []

    def counted(request: dict[str, Any]) -> Iterator[str]:
        asked.append(request["script"])
        return sound(request)

    program.lines = counted
    connections = remote(world)
    with shared():
        for machine in ("SQL1", "SQL1", "SQL2"):
            connections.powershell(machine).run("read", attempted="read it")
        connections.powershell("SQL2").run("change", attempted="change it", changes=True)
        connections.powershell("SQL1").run("read", attempted="read it")
    assert asked == ["read", "read", "change", "read"]


def test_the_certificate_of_another_machine_is_not_taken(world: Lab) -> None:
    with pytest.raises(UntrustedError, match=r"Give the machine a certificate for sql9\.hyper-v\.nu"):
        remote(world, fqdn="sql9.hyper-v.nu").powershell("SQL1").run("hello", attempted="read it")


def test_a_local_administrator_with_a_filtered_token_gets_one_clear_line(world: Lab) -> None:
    local_administrator(world, "SPF1", "second", "Second-Pass-1!")
    machine = worlds.machines(world)["spf1"]
    host = Host("SPF1", machine.fqdn, machine.address, r"SPF1\second", Secret("Second-Pass-1!"))
    asked = Remote(Hosts({"spf1": host}, authorities=authorities(world))).powershell("SPF1")
    with pytest.raises(RefusedError) as caught:
        asked.run("hello", attempted="read it")
    assert str(caught.value) == (
        f"SPF1: read it: WinRM at {machine.address}:5986 knows SPF1\\second, but not as an administrator (Access is "
        "denied). Use an account that is an administrator there. A local one, unless it is the built-in Administrator, "
        "is none over the network before LocalAccountTokenFilterPolicy is 1 "
        r"(HKLM\SOFTWARE\Microsoft\Windows\CurrentVersion\Policies\System, a DWORD)."
    )
    keep_full_tokens(world, "SPF1")
    assert asked.run("hello", attempted="read it") == ["hello"]


def test_a_wrong_password_is_one_failed_log_on_of_the_account_on_all_machines(world: Lab) -> None:
    machines = [machine.name for machine in worlds.machines(world).values()]
    assert len(machines) > 3
    connections = remote(world, WRONG)

    def fetch(machine: str) -> str:
        with pytest.raises(RefusedError) as caught:
            connections.powershell(machine).run("hello", attempted="read it")
        return str(caught.value)

    with ThreadPoolExecutor(8) as pool:
        said = list(pool.map(fetch, machines * 3))
    assert failed(world) == 1
    assert fetch(machines[0]) == said[0]
    assert failed(world) == 1
    first = next(text for text in said if "it is not tried here" not in text)
    who = first.split(":", 1)[0]
    for text in said:
        assert r"does not accept the user name or password of HYPERVNU\installer" in text
        assert text.endswith("Correct `credentials` in this stack's configuration.")
        assert text.startswith(f"{who}: ") or f": {who} does not accept" in text
    # Another set of connections of the same process, as another stack or a test has it.
    with pytest.raises(RefusedError):
        remote(world, WRONG).powershell("SQL1").run("hello", attempted="read it")
    assert failed(world) == 1
    assert remote(world).powershell("SQL1").run("hello", attempted="read it") == ["hello"], "the right password works"


def test_a_log_on_is_good_for_this_tls_connection_only(world: Lab) -> None:
    """A machine in between has another certificate; the log-on that it relays names that one."""
    with winrm.bound_to_another_certificate(world, "SQL1"), pytest.raises(RefusedError):
        remote(world).powershell("SQL1").run("hello", attempted="read it")


def test_the_shells_variables_for_other_programs_change_nothing(
    world: Lab, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    address = worlds.machines(world)["sql1"].address
    netrc = tmp_path / "netrc"
    netrc.write_text(f"machine {address} login another password else\n")
    netrc.chmod(0o600)
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.49.8.9:9")
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE", "SSL_CERT_DIR"):
        monkeypatch.setenv(name, str(tmp_path / "nowhere.pem"))
    monkeypatch.setenv("NETRC", str(netrc))
    assert remote(world).powershell("SQL1").run("hello", attempted="read it") == ["hello"]


def test_without_authorities_the_operating_systems_count(world: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    unknown = Remote(Hosts(remote(world).hosts.machines))
    with pytest.raises(UntrustedError, match="unable to get local issuer certificate"):
        unknown.powershell("SQL1").run("hello", attempted="read it")
    system = ssl.get_default_verify_paths()._replace(openssl_cafile=authorities(world))
    monkeypatch.setattr(ssl, "get_default_verify_paths", lambda: system)
    assert unknown.powershell("SQL2").run("hello", attempted="read it") == ["hello"]


# What is no WinRM listener -------------------------------------------------------------------------------------------


def fetch(
    tmp_path: Path, reply: Callable[[Handler], Reply], kind: type[MachineError] = MachineError
) -> tuple[str, list[str]]:
    """What comes of a request to a server that is trusted and answers so: the error, and what was asked there."""
    file = tmp_path / "authorities.pem"
    file.write_bytes(tls_faults.authority_pem())
    with serving(ADDRESS, tls_faults.context(tmp_path, "sound"), reply) as (port, seen):
        host = Host("SQL1", tls_faults.NAME, ADDRESS, r"HYPERVNU\installer", Secret(RIGHT), winrm_port=port)
        with pytest.raises(MachineError) as caught:
            Remote(Hosts({"sql1": host}, authorities=str(file))).powershell("SQL1").run("hello", attempted="read it")
    assert type(caught.value) is kind
    text = str(caught.value)
    assert text.startswith(f"SQL1: read it: WinRM at {ADDRESS}:{port} ")
    assert "\n" not in text
    return text, seen


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_no_redirect_is_followed(tmp_path: Path, status: int, scheme: str) -> None:
    context = tls_faults.context(tmp_path, "sound") if scheme == "https" else None
    with serving(ELSEWHERE, context, lambda _: (401, {"WWW-Authenticate": "Negotiate"}, b"")) as (port, there):
        onward = f"{scheme}://{ELSEWHERE}:{port}/wsman"
        text, seen = fetch(tmp_path, lambda _: (status, {"Location": onward}, b""))
    assert there == []
    assert len(seen) == 1
    assert f"it sends the client on to {onward}" in text


def test_no_redirect_is_followed_after_a_log_on_began(tmp_path: Path) -> None:
    def reply(request: Handler) -> Reply:
        if request.headers.get("Authorization"):
            return 302, {"Location": f"http://{ELSEWHERE}:9/"}, b""
        return 401, {"WWW-Authenticate": "Negotiate"}, b""

    text, seen = fetch(tmp_path, reply)
    assert len(seen) == 2
    assert "it answers HTTP 302 before a log-on is complete" in text


@pytest.mark.parametrize("status", [200, 404, 500, 503])
def test_a_server_that_asks_for_no_log_on_is_refused(tmp_path: Path, status: int) -> None:
    text, seen = fetch(tmp_path, lambda _: (status, {}, b"<s:Envelope/>"))
    assert f"is not understood: it asks for no log-on (HTTP {status})" in text
    assert len(seen) == 1


@pytest.mark.parametrize("offered", ["Basic realm=x", "Kerberos", ""])
def test_a_server_that_wants_another_log_on_gets_no_password(tmp_path: Path, offered: str) -> None:
    text, seen = fetch(tmp_path, lambda _: (401, {"WWW-Authenticate": offered}, b""))
    assert "it offers no NTLM log-on, only " in text
    assert [entry.rsplit(" ", 1)[1] for entry in seen] == ["-"]


@pytest.mark.parametrize("token", ["", " !!!", " TlRMTVNTUAADAAAA"])
def test_a_challenge_that_is_none(tmp_path: Path, token: str) -> None:
    text, _ = fetch(tmp_path, lambda _: (401, {"WWW-Authenticate": f"Negotiate{token}"}, b""))
    assert "is not understood: it" in text


def test_an_endless_answer_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wsman, "MOST_BYTES", 1000)
    text, _ = fetch(tmp_path, lambda _: (401, {"WWW-Authenticate": "Negotiate"}, b"x" * 5000))
    assert "its answer does not end" in text


# What is no answer of ours -------------------------------------------------------------------------------------------


@pytest.fixture
def nonsense() -> Iterator[list[bytes]]:
    """Bodies that the lab's listener sends, after a real log-on, instead of the next envelopes."""
    bodies: list[bytes] = []
    with winrm.answering(bodies):
        yield bodies


@pytest.mark.parametrize(
    "body",
    [b"", b"not XML", b"<a/>", b'{"id": 1}', b"<a>" * 5000 + b"</a>" * 5000, b"\x00\xff"],
    ids=["empty", "no XML", "other XML", "JSON", "deep", "bytes"],
)
def test_an_envelope_that_is_none(world: Lab, nonsense: list[bytes], body: bytes) -> None:
    nonsense.append(body)
    with pytest.raises(MachineError) as caught:
        remote(world).powershell("SQL1").run("hello", attempted="read it")
    assert " is not understood: its answer is not an envelope of a remote shell (" in str(caught.value)
    assert "\n" not in str(caught.value)


def deep(_: dict[str, Any]) -> Iterator[str]:
    yield "[" * 200_000 + "]" * 200_000 + "\r\n"


def endless(_: dict[str, Any]) -> Iterator[str]:
    for _number in range(40):
        yield "x" * 100_000


def answers(text: str) -> Lines:
    return lambda request: iter([text.replace("ID", str(request["id"])) + "\r\n"])


WRONG_ANSWERS: dict[str, Lines] = {
    "no JSON": answers("Windows PowerShell terminated"),
    "a list": answers("[1, 2]"),
    "a number": answers("7"),
    "no id": answers('{"output": [], "error": null}'),
    "an id that is none": answers('{"id": "one", "output": [], "error": null}'),
    "no output": answers('{"id": ID, "error": null}'),
    "an output that is none": answers('{"id": ID, "output": "x", "error": null}'),
    "no error": answers('{"id": ID, "output": {}}'),
    "an error that is none": answers('{"id": ID, "output": [], "error": ["x"]}'),
    "an error without its parts": answers('{"id": ID, "output": [], "error": {"message": "x"}}'),
    "deeply nested": deep,
    "endless": endless,
}


@pytest.mark.parametrize("kind", WRONG_ANSWERS)
@pytest.mark.parametrize("changes", [False, True])
def test_an_answer_of_another_kind_is_the_machines_error(
    world: Lab, program: Program, kind: str, *, changes: bool
) -> None:
    program.lines = WRONG_ANSWERS[kind]
    connections = Remote(remote(world).hosts, open_shell=partial(Shell, most_bytes=1_000_000))
    with pytest.raises(MachineError) as caught:
        connections.powershell("SQL1").run("hello", attempted="read it", changes=changes)
    text = str(caught.value)
    assert type(caught.value) is (LostAnswerError if changes else MachineError), "a change may have happened"
    assert text.startswith("SQL1: read it: WinRM at ")
    assert "is not understood: its answer" in text
    assert "\n" not in text
    assert len(text) < 400
    program.lines = sound
    assert connections.powershell("SQL1").run("hello", attempted="read it") == ["hello"], "a new shell answers"


def test_rows_that_are_none_are_the_machines_error(world: Lab, program: Program) -> None:
    program.lines = answers('{"id": ID, "output": [1, "x"], "error": null}')
    with pytest.raises(
        MachineError, match=r"^SQL1: read it: PowerShell returned something other than rows of SQL Server"
    ):
        remote(world).sql_integrated("SQL1").rows("SELECT 1", attempted="read it")


def test_what_a_machine_says_does_not_reach_the_terminal_as_a_command(world: Lab, program: Program) -> None:
    message = f"\x1b[2J\x1b]0;title\x07 {RIGHT} \u202egnp"
    answer = {"id": 1, "output": [], "error": {"message": message, "id": "X", "number": "many"}}
    program.lines = lambda _: iter([json.dumps(answer) + "\r\n"])
    with pytest.raises(MachineError) as caught:
        remote(world).powershell("SQL1").run("hello", attempted="read it")
    assert str(caught.value) == r"SQL1: read it: \x1b[2J\x1b]0;title\x07 *** \u202egnp."
    assert caught.value.number == 0
