"""What is wrong with TLS is an error of its own kind, with its own remedy: for WinRM, SQL Server and sites."""

from __future__ import annotations

import os
import ssl
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import requests.exceptions

from components.sql.replicas import OnReplicas, query_each
from lab.testing.tds import FakeInstance, Server, listening
from remote import tls
from remote.errors import MachineError, RefusedError, UnreachableError, UntrustedError
from remote.hosts import Host
from remote.http import UntrustedSiteError, get
from remote.powershell import PowerShell
from remote.secret import Secret
from remote.sql import SqlServer
from tests.remote import tls_faults
from tests.remote.servers import serving
from tests.remote.tls_faults import FAULTS, NAME

ADDRESS, SQL_ADDRESS = "127.49.7.1", "127.49.7.2"

FOUND = {
    "old TLS": "no TLS connection with",
    "SHA-1": "is not trusted (",
    "short key": "is not trusted (EE certificate key too weak)",
    "expired": "is not trusted (certificate has expired)",
    "not yet valid": "is not trusted (certificate is not yet valid)",
    "self-signed": "is not trusted (self-signed certificate)",
    "wrong name": "is not trusted (",
    "unknown authority": "is not trusted (unable to get local issuer certificate)",
}
REMEDY = {
    "old TLS": f"Let {NAME} offer TLS 1.2",
    "SHA-1": f"Give {NAME} a certificate that is signed with SHA-256.",
    "short key": f"Give {NAME} a certificate with an RSA key of 2048 bits",
    "expired": f"Renew the certificate of {NAME}.",
    "not yet valid": "Correct the clock of this computer",
    "self-signed": f"Give {NAME} a certificate of an authority",
    "wrong name": f"Give the machine a certificate for {NAME}",
    "unknown authority": "Put the authority that issued it into the file that `authorities` names.",
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("tls")


@pytest.fixture(scope="module")
def authorities(folder: Path) -> str:
    file = folder / "authorities.pem"
    file.write_bytes(tls_faults.authority_pem())
    return str(file)


@pytest.fixture(scope="module")
def sql_server(folder: Path, authorities: str) -> Iterator[Server]:
    with listening(folder / "lab", SQL_ADDRESS, FakeInstance) as server, pytest.MonkeyPatch.context() as patch:
        patch.setenv("SSL_CERT_FILE", authorities)
        yield server


def winrm(context: ssl.SSLContext, authorities: str) -> None:
    with serving(ADDRESS, context, lambda _: (503, {}, b"")) as (port, seen):
        host = Host("SQL1", NAME, ADDRESS, r"TEST\installer", Secret("right"), winrm_port=port)
        try:
            PowerShell(host, authorities).run("1", attempted="read it")
        finally:
            assert seen == [], "nothing was sent to who is not trusted"


def site(context: ssl.SSLContext, authorities: str) -> None:
    with serving(ADDRESS, context, lambda _: (200, {}, b"")) as (port, _):
        get(ADDRESS, port, NAME, authorities=authorities)


@pytest.fixture
def sql(sql_server: Server) -> Callable[[ssl.SSLContext, str], None]:
    def connect(context: ssl.SSLContext, authorities: str) -> None:
        sql_server.context = context
        host = Host("SQL1", NAME, SQL_ADDRESS, "", Secret(""), sql_username="sa", sql_password=Secret("right"))
        SqlServer(host, "master", authorities).rows("SELECT 1", attempted="read it")

    return connect


@pytest.mark.parametrize("kind", FAULTS)
def test_sql_server(sql: Callable[[ssl.SSLContext, str], None], folder: Path, authorities: str, kind: str) -> None:
    with pytest.raises(UntrustedError) as caught:
        sql(tls_faults.context(folder, kind), authorities)
    expect(str(caught.value), kind, f"SQL1: read it: {begin(kind)}SQL Server at {SQL_ADDRESS}:1433")
    assert not isinstance(caught.value, UnreachableError)


@pytest.mark.parametrize("kind", FAULTS)
def test_winrm(folder: Path, authorities: str, kind: str) -> None:
    with pytest.raises(UntrustedError) as caught:
        winrm(tls_faults.context(folder, kind), authorities)
    expect(str(caught.value), kind, f"SQL1: read it: {begin(kind)}WinRM at {ADDRESS}:")
    assert not isinstance(caught.value, UnreachableError)


@pytest.mark.parametrize("kind", FAULTS)
def test_site(folder: Path, authorities: str, kind: str) -> None:
    with pytest.raises(UntrustedSiteError) as caught:
        site(tls_faults.context(folder, kind), authorities)
    expect(str(caught.value), kind, f"{begin(kind)}{NAME} at {ADDRESS}:")


# Variables of the operator's shell -----------------------------------------------------------------------------------

ASK = """
import sys
from remote.hosts import Host
from remote.secret import Secret
from remote.sql import SqlServer
name, address, authorities = sys.argv[1:]
host = Host("SQL1", name, address, "", Secret(""), sql_username="sa", sql_password=Secret("right"))
print(SqlServer(host, "master", authorities).rows("SELECT 1 AS one", attempted="read it"))
"""
"""The driver reads its authorities once in a process."""


@pytest.fixture(params=["SSL_CERT_FILE", "SSL_CERT_DIR"])
def shell(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[str, str]:
    """A variable by which OpenSSL would trust the tests' authority."""
    file = tmp_path / "authority.pem"
    file.write_bytes(tls_faults.authority_pem())
    command = ["openssl", "x509", "-noout", "-hash", "-in", str(file)]
    name = subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()
    folder = tmp_path / "hashed"
    folder.mkdir()
    (folder / f"{name}.0").write_bytes(file.read_bytes())
    return request.param, str(file if request.param == "SSL_CERT_FILE" else folder)


@pytest.mark.parametrize("connect", [winrm, site])
def test_no_variable_of_the_shell_makes_a_server_trusted(
    folder: Path,
    shell: tuple[str, str],
    monkeypatch: pytest.MonkeyPatch,
    connect: Callable[[ssl.SSLContext, str], None],
) -> None:
    monkeypatch.setenv(*shell)
    with pytest.raises((UntrustedError, UntrustedSiteError), match="unable to get local issuer certificate"):
        connect(tls_faults.context(folder, "sound"), "")


def of_another_process(shell: tuple[str, str], authorities: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", ASK, NAME, SQL_ADDRESS, authorities]
    environment = {**os.environ, shell[0]: shell[1]}
    return subprocess.run(command, capture_output=True, text=True, check=False, env=environment)


def test_nor_does_one_for_the_driver(
    sql_server: Server, folder: Path, shell: tuple[str, str], authorities: str
) -> None:
    """Neither without authorities nor beside those of the configuration."""
    tls_faults.context(folder, "self-signed")
    sql_server.context = tls_faults.context(folder, "sound")
    for trusted in ("", str(folder / "self-signed.pem")):
        refused = of_another_process(shell, trusted)
        assert "the certificate of SQL Server" in refused.stderr, refused.stderr + refused.stdout
    assert of_another_process(("X", "x"), authorities).returncode == 0


def test_another_program_gets_the_shells_own(monkeypatch: pytest.MonkeyPatch) -> None:
    before = {name: value for name, value in tls.shell_environment().items() if name.startswith("SSL_CERT")}
    tls.tell_driver("/nowhere/authorities.pem")
    assert os.environ["SSL_CERT_FILE"] == "/nowhere/authorities.pem"
    assert {name: value for name, value in tls.shell_environment().items() if name.startswith("SSL_CERT")} == before


def test_a_sound_server_is_trusted(sql: Callable[[ssl.SSLContext, str], None], folder: Path, authorities: str) -> None:
    sound = tls_faults.context(folder, "sound")
    sql(sound, authorities)
    site(sound, authorities)
    with pytest.raises(UnreachableError, match="does not answer"):
        winrm_without_tls(authorities)


@pytest.mark.parametrize("error", [UntrustedError, RefusedError])
@pytest.mark.parametrize("policy", [OnReplicas(), OnReplicas(unreachable="proceed")], ids=["stop", "proceed"])
def test_nothing_goes_on_without_a_replica_that_is_not_trusted(policy: OnReplicas, error: type[MachineError]) -> None:
    def question(machine: str) -> str:
        if machine == "SQL2":
            raise error(machine, "read it", "no")
        return machine

    with pytest.raises(error, match=r"^SQL2: "):
        query_each(policy, ["SQL1", "SQL2"], question)


def winrm_without_tls(authorities: str) -> None:
    """Nothing listens: that is unreachable, and no question of trust."""
    host = Host("SQL1", NAME, ADDRESS, r"TEST\installer", Secret("right"), winrm_port=9)
    PowerShell(host, authorities).run("1", attempted="read it")


def test_plain_http_is_no_tls(authorities: str) -> None:
    with serving(ADDRESS, None, lambda _: (200, {}, b"")) as (port, seen):
        host = Host("SQL1", NAME, ADDRESS, r"TEST\installer", Secret("right"), winrm_port=port)
        with pytest.raises(UntrustedError, match=r"no TLS connection with .* Something other than TLS answers there"):
            PowerShell(host, authorities).run("1", attempted="read it")
    assert seen == []


def begin(kind: str) -> str:
    return "no TLS connection with " if kind == "old TLS" else "the certificate of "


def expect(message: str, kind: str, beginning: str) -> None:
    assert message.startswith(beginning), message
    assert FOUND[kind] in message
    assert REMEDY[kind] in message
    others = [other for name, other in REMEDY.items() if name != kind and other in message]
    assert others == [], message
    assert "\n" not in message


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("SSL Provider: [error:0A000086:SSL routines::certificate verify failed:certificate has expired]", "expired"),
        ("SSL Provider: [error:0A00014D:SSL routines::legacy sigalg disallowed or unsupported]", "legacy sigalg"),
        ("SSL Provider: [error:0A000126:SSL routines::unexpected eof while reading]", ""),
        ("TCP Provider: Error code 0x2746", ""),
        ("Login timeout expired", ""),
    ],
)
def test_what_the_driver_says_about_tls(message: str, expected: str) -> None:
    said = tls.words_of_driver(message)
    assert expected in said
    assert bool(said) == bool(expected)


def test_a_server_that_hangs_up_during_the_handshake_is_no_question_of_trust() -> None:
    assert tls.words(ssl.SSLEOFError(8, "EOF occurred in violation of protocol (_ssl.c:1006)")) == ""
    assert tls.words(requests.exceptions.ConnectionError("Connection refused")) == ""
    assert tls.words(None) == ""


def test_no_variable_of_the_shell_has_keys_written_to_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSLKEYLOGFILE", str(tmp_path / "keys"))
    assert tls.context("").keylog_filename is None
