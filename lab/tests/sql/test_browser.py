"""SQL Server Browser on the wire: datagrams of [MC-SQLR], and Microsoft's ODBC driver that asks it for a port."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pyodbc
import pytest

from lab import machines
from lab.sql import engine, service
from lab.testing.clients import odbc_driver
from lab.tests.sql.engine.conftest import FIVE, SA_PASSWORD, Servers, begun, make_world, ok
from lab.windows import services
from lab.world import World

MODE = r"N'HKEY_LOCAL_MACHINE', N'Software\Microsoft\MSSQLServer\MSSQLServer'"
ADDRESS = "127.43.5.122"
ANSWER = b"ServerName;SQL2;InstanceName;WAP;IsClustered;No;Version;11.0.7001.0;tcp;10001;;"
RESPONSE = b"\x05" + len(ANSWER).to_bytes(2, "little") + ANSWER


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    servers = Servers(make_world(begun(tmp_path_factory.mktemp("browser"), FIVE), topology=FIVE))
    world, machine = servers.world, servers.machine("SQL2")
    services.add(machine, "SQLBrowser", "SQL Server Browser")
    session = servers.as_installer("SQL2", server=r".\WAP")
    ok(session, f"ALTER LOGIN sa WITH PASSWORD = N'{SA_PASSWORD}'; ALTER LOGIN sa ENABLE")
    ok(session, rf"EXEC xp_instance_regwrite {MODE}, N'LoginMode', REG_DWORD, 2")
    engine.stop_instance(world, machine)
    engine.start_instance(world, machine)
    assert "BEGIN CERTIFICATE" in world.authority.certificate
    service.start(world)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SSL_CERT_FILE", str(world.authority.directory / "ca.pem"))
        yield world
    service.stop(world)
    world.close()


def query(request: bytes) -> bytes | None:
    """The answer to one datagram; None for silence."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.settimeout(1)
        client.connect((ADDRESS, 1434))
        try:
            client.send(request)
            return client.recv(4096)
        except (TimeoutError, ConnectionRefusedError):
            return None


@pytest.mark.parametrize("request_", [b"\x04WAP\0", b"\x04wap\0", b"\x03", b"\x02"])
def test_it_tells_what_is_installed(world: World, request_: bytes) -> None:
    assert query(request_) == RESPONSE


@pytest.mark.parametrize("request_", [b"\x04OTHER\0", b"\x04" + b"W" * 33 + b"\0", b"\x0f\x01WAP\0", b"\x03?", b"\x09"])
def test_everything_else_is_met_with_silence(world: World, request_: bytes) -> None:
    assert query(request_) is None
    assert query(b"\x04WAP\0") == RESPONSE, "and it goes on"


def test_it_listens_while_its_service_runs_and_its_machine_is_reachable(world: World) -> None:
    machine = world.machine("SQL2")
    services.stop(machine, "SQLBrowser")
    assert query(b"\x03") is None
    services.start(machine, "SQLBrowser")
    assert query(b"\x03") == RESPONSE
    machines.disconnect(world, machine)
    assert query(b"\x03") is None
    machines.connect(world, machine)
    assert query(b"\x03") == RESPONSE


def test_microsofts_driver_finds_the_instance_by_its_name(world: World) -> None:
    text = f"DRIVER={odbc_driver()};UID=sa;PWD={SA_PASSWORD};Encrypt=yes;HostNameInCertificate=sql2.hyper-v.nu;SERVER="
    services.stop(world.machine("SQL2"), "SQLBrowser")
    with pytest.raises(pyodbc.Error):  # first: a port that it has learned once, the driver keeps
        pyodbc.connect(rf"{text}{ADDRESS}\WAP", timeout=2)
    for server in (f"{ADDRESS},10001", rf"{ADDRESS}\WAP"):
        connection = pyodbc.connect(f"{text}{server}", timeout=10)
        assert connection.execute("SELECT @@SERVERNAME").fetchval() == r"SQL2\WAP"
        connection.close()
        services.start(world.machine("SQL2"), "SQLBrowser")
