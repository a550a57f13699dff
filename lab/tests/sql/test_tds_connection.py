"""The SQL wire from log-on to the end, with Microsoft's ODBC driver as the client."""

from __future__ import annotations

import contextlib
import os
import socket
import struct
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pyodbc
import pytest

from lab.faults import Fault
from lab.powershell.api import NotModelledError
from lab.sql.api import Column, DatabaseChanged, Done, Event, Message, Parameter, ResultSet, SqlError
from lab.sql.tds import Server
from lab.testing import faults
from lab.testing.tds import FakeInstance, FakeSession
from lab.tests.sql.tds_support import Authority, connect, diagnostics, number_of
from lab.world import Machine, World

ADDRESS = "127.42.5.1"
NUMBER = (Column("n", "int"),)


class Farm:
    """One server with an engine that the test scripts."""

    def __init__(self, directory: Path) -> None:
        self.authority = Authority(directory)
        self.world = World(directory / "lab", {}, 0)
        self.machine = Machine(self.world, "SQL1", "test", "TEST", ADDRESS, ADDRESS, ("sql",))
        self.world.add(self.machine)
        self.instance: FakeInstance | None = FakeInstance()
        context = self.authority.context("sql1.test")
        self.server = Server(self.world, self.machine, context, lambda: self.instance)
        self.world.network.listen("SQL1", ADDRESS, 1433, self.server.talk)

    @property
    def journal(self) -> str:
        return (self.world.directory / "journal.jsonl").read_text()


@pytest.fixture(scope="module")
def _farm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Farm]:
    farm = Farm(tmp_path_factory.mktemp("tds"))
    before = os.environ.get("SSL_CERT_FILE")
    os.environ["SSL_CERT_FILE"] = str(farm.authority.file)
    yield farm
    os.environ.pop("SSL_CERT_FILE")
    if before is not None:
        os.environ["SSL_CERT_FILE"] = before
    farm.world.network.close_all("SQL1")


@pytest.fixture
def farm(_farm: Farm) -> Farm:
    _farm.instance = FakeInstance()
    _farm.world.faults.clear()
    return _farm


def rows(cursor: pyodbc.Cursor) -> list[tuple[object, ...]]:
    return [tuple(row) for row in cursor.fetchall()]


def answer(farm: Farm, *events: Event) -> FakeInstance:
    """Let every statement of new sessions give these events."""

    def handler(session: FakeSession, text: str, parameters: tuple[Parameter, ...]) -> Iterator[Event]:
        yield from events

    farm.instance = FakeInstance(handler)
    return farm.instance


def one_session(farm: Farm) -> FakeSession:
    assert farm.instance is not None
    return farm.instance.sessions[0]


# --- log-on -----------------------------------------------------------------------------------------------------------


def test_log_on_with_a_verified_certificate(farm: Farm) -> None:
    with connect(ADDRESS, DATABASE="farm", APP="a program") as client:
        assert client.getinfo(pyodbc.SQL_DBMS_VER) == "11.00.3000"
        assert client.getinfo(pyodbc.SQL_DATABASE_NAME) == "farm"
        assert client.getinfo(pyodbc.SQL_SERVER_NAME) == "SQL1"
    assert farm.instance is not None
    assert farm.instance.programs == [(socket.gethostname(), "a program")]


def test_wrong_password_is_18456(farm: Farm) -> None:
    with pytest.raises(pyodbc.Error, match=r"Login failed for user 'sa'") as caught:
        connect(ADDRESS, PWD="wrong")
    assert number_of(caught.value) == 18456
    assert caught.value.args[0] == "28000"


def test_missing_database_is_4060_and_then_18456(farm: Farm) -> None:
    assert diagnostics(ADDRESS, DATABASE="missing") == [("42000", 4060), ("28000", 18456)]


def test_certificate_for_another_name_is_refused(farm: Farm) -> None:
    with pytest.raises(pyodbc.Error, match=r"certificate verify failed|subject name does not match"):
        connect(ADDRESS, HostNameInCertificate="sql2.test")


def test_certificate_of_an_unknown_authority_is_refused(farm: Farm, tmp_path: Path) -> None:
    os.environ["SSL_CERT_FILE"] = str(Authority(tmp_path).file)
    try:
        with pytest.raises(pyodbc.Error, match="certificate verify failed"):
            connect(ADDRESS)
    finally:
        os.environ["SSL_CERT_FILE"] = str(farm.authority.file)


def test_encryption_of_the_login_only(farm: Farm) -> None:
    with connect(ADDRESS, Encrypt="no", TrustServerCertificate="yes") as client:
        assert client.execute("SELECT ?", 7).fetchone()[0] == 7


def test_strict_encryption_is_not_known_to_2012(farm: Farm) -> None:
    with pytest.raises(pyodbc.Error, match=r"08001|08S01"):
        connect(ADDRESS, Encrypt="strict")


def test_stopped_service_cuts_the_connection(farm: Farm) -> None:
    farm.instance = None
    with pytest.raises(pyodbc.Error, match=r"08001|08S01"):
        connect(ADDRESS)


def test_integrated_security_is_18452(farm: Farm) -> None:
    """No client on Linux gets so far, so the bytes are written by hand: without encryption, with the SSPI flag."""
    with socket.create_connection((ADDRESS, 1433), 5) as wire:
        options = struct.pack(">BHH", 0, 11, 6) + struct.pack(">BHH", 1, 17, 1) + b"\xff"
        hello = options + bytes(6) + b"\x02"
        wire.sendall(struct.pack(">BBHHBB", 18, 1, 8 + len(hello), 0, 1, 0) + hello)
        assert wire.recv(4096)[0] == 4
        fixed = struct.pack("<IIIIIIBBBBii", 94, 0x74000004, 4096, 0, 0, 0, 0, 0x80, 0, 0, 0, 0)
        login = fixed + struct.pack("<HH", 94, 0) * 9 + bytes(6) + struct.pack("<HH", 94, 0) * 3 + bytes(4)
        wire.sendall(struct.pack(">BBHHBB", 16, 1, 8 + len(login), 0, 1, 0) + login)
        answer = wire.recv(4096)
    assert answer[8] == 0xAA
    assert struct.unpack_from("<i", answer, 11)[0] == 18452
    assert "untrusted domain" in answer.decode("utf-16-le", "ignore") + answer[1:].decode("utf-16-le", "ignore")


@pytest.mark.parametrize("noise", [b"GET / HTTP/1.0\r\n\r\n" * 9, bytes(64), b"\x12\x01\x00\x09\x00\x00\x01\x00\xff"])
def test_other_protocols_are_turned_away_and_do_no_harm(farm: Farm, noise: bytes) -> None:
    with socket.create_connection((ADDRESS, 1433), 5) as wire:
        wire.sendall(noise)
        wire.shutdown(socket.SHUT_WR)
        assert wire.recv(100) == b""
    connect(ADDRESS).close()


# --- results ----------------------------------------------------------------------------------------------------------


def test_several_result_sets_and_counts(farm: Farm) -> None:
    answer(
        farm,
        Done(None),
        ResultSet(NUMBER, [(1,), (2,)]),
        Done(2),
        Done(5),
        ResultSet((Column("", "nvarchar(10)"),), [("x",)]),
        Done(1),
    )
    cursor = connect(ADDRESS).execute("batch")
    assert [row[0] for row in cursor.fetchall()] == [1, 2]
    assert cursor.nextset()
    assert cursor.rowcount == 5
    assert cursor.description is None
    assert cursor.nextset()
    assert cursor.fetchall()[0][0] == "x"
    assert not cursor.nextset()


def test_an_empty_result_set_keeps_its_columns(farm: Farm) -> None:
    answer(farm, ResultSet(NUMBER), Done(0))
    cursor = connect(ADDRESS).execute("batch")
    assert [column[0] for column in cursor.description] == ["n"]
    assert cursor.fetchall() == []


def test_messages_of_the_server(farm: Farm) -> None:
    answer(farm, Message(0, "10 percent processed."), Message(3014, "done"), Done(None))
    cursor = connect(ADDRESS).execute("BACKUP")
    texts = [text for _, text in cursor.messages]
    while cursor.nextset():
        texts += [text for _, text in cursor.messages]
    assert any("10 percent processed." in text for text in texts)
    assert any("done" in text for text in texts)


def test_an_error_has_number_state_and_text(farm: Farm) -> None:
    answer(farm, SqlError(15025, "The server principal 'x' already exists.", state=2, line=3))
    with pytest.raises(pyodbc.Error, match=r"The server principal 'x' already exists\.") as caught:
        connect(ADDRESS).execute("CREATE LOGIN x")
    assert number_of(caught.value) == 15025


def test_two_errors_of_one_statement_come_together(farm: Farm) -> None:
    answer(farm, SqlError(3201, "Cannot open backup device."), SqlError(3013, "BACKUP DATABASE is terminating."))
    assert [number for _, number in diagnostics(ADDRESS, "BACKUP")] == [3201, 3013]


def test_an_error_after_a_result_set_is_seen_by_who_drains(farm: Farm) -> None:
    answer(farm, ResultSet(NUMBER, [(1,)]), Done(1), SqlError(50000, "late"), Done(None), Done(3))
    client = connect(ADDRESS)
    cursor = client.execute("batch")
    assert cursor.fetchall()[0][0] == 1
    with pytest.raises(pyodbc.Error, match="late"):
        cursor.nextset()
    assert client.execute("batch").fetchall()[0][0] == 1


def test_the_connection_goes_on_after_an_error_and_ends_after_a_fatal_one(farm: Farm) -> None:
    def handler(session: FakeSession, text: str, parameters: tuple[Parameter, ...]) -> Iterator[Event]:
        if text.isdigit():
            yield SqlError(50000, "no", level=int(text))
        yield Done(None)

    farm.instance = FakeInstance(handler)
    client = connect(ADDRESS)
    with pytest.raises(pyodbc.Error, match="no"):
        client.execute("16")
    client.execute("fine")
    with pytest.raises(pyodbc.Error, match="no"):
        client.execute("20")
    with pytest.raises(pyodbc.Error, match="08S01"):
        client.execute("gone")
    assert one_session(farm).closed.wait(5)


def test_use_changes_the_database_that_the_client_knows(farm: Farm) -> None:
    answer(farm, DatabaseChanged("farm"))
    client = connect(ADDRESS)
    client.execute("USE farm")
    assert client.getinfo(pyodbc.SQL_DATABASE_NAME) == "farm"


def test_a_large_result_and_one_that_nobody_reads_to_the_end(farm: Farm) -> None:
    columns = (Column("n", "int"), Column("text", "nvarchar(100)"))
    answer(farm, ResultSet(columns, [(n, "x" * 100) for n in range(20000)]), Done(20000))
    client = connect(ADDRESS)
    cursor = client.execute("all")
    assert cursor.fetchone()[0] == 0
    cursor.close()  # the driver sends an attention
    assert sum(row[0] for row in client.execute("all")) == sum(range(20000))


# --- where the lab ends -----------------------------------------------------------------------------------------------


def test_what_the_lab_does_not_model_is_said_and_the_connection_stays(farm: Farm) -> None:
    def handler(session: FakeSession, text: str, parameters: tuple[Parameter, ...]) -> Iterator[Event]:
        if text == "odd":
            raise NotModelledError("full-text search")
        yield Done(None)

    farm.instance = FakeInstance(handler)
    client = connect(ADDRESS)
    with pytest.raises(pyodbc.Error, match="The lab does not model full-text search") as caught:
        client.execute("odd")
    assert number_of(caught.value) == 59999
    client.execute("fine")


def test_a_value_that_is_not_of_its_column_type_is_loud(farm: Farm) -> None:
    answer(farm, ResultSet((Column("size", "int"),), [("four",)]), Done(1))
    with pytest.raises(pyodbc.Error, match="column 'size' of type int") as caught:
        connect(ADDRESS).execute("batch").fetchall()
    assert number_of(caught.value) == 59998


def test_a_procedure_is_called_through_the_engine(farm: Farm) -> None:
    cursor = connect(ADDRESS).cursor()
    cursor.execute("{CALL master.dbo.one (?)}", 1)
    cursor.execute("{CALL two (1, 'x')}")
    assert [text for text, _ in one_session(farm).seen] == [
        "EXECUTE @RETURN_STATUS = master.dbo.one @VALUE_0",
        "EXECUTE @RETURN_STATUS = two @VALUE_0, @VALUE_1",
    ]
    assert [parameter.value for parameter in one_session(farm).seen[1][1]] == [None, 1, "x"]


# --- interruptions ----------------------------------------------------------------------------------------------------


def waits(session: FakeSession, text: str, parameters: tuple[Parameter, ...]) -> Iterator[Event]:
    if text == "wait":
        session.cancelled.wait(20)
    yield ResultSet(NUMBER, [(1,)])
    yield Done(1)


def test_a_timeout_cancels_the_statement_and_keeps_the_connection(farm: Farm) -> None:
    farm.instance = FakeInstance(waits)
    client = connect(ADDRESS)
    client.timeout = 1
    begun = time.monotonic()
    with pytest.raises(pyodbc.Error, match="HYT00"):
        client.execute("wait")
    assert time.monotonic() - begun < 5
    assert one_session(farm).cancelled.is_set()
    client.timeout = 0
    assert rows(client.execute("go on")) == [(1,)]


def test_cancel_from_another_thread(farm: Farm) -> None:
    farm.instance = FakeInstance(waits)
    cursor = connect(ADDRESS).cursor()
    threading.Timer(0.3, cursor.cancel).start()
    begun = time.monotonic()
    with contextlib.suppress(pyodbc.Error):  # whether and which one depends on where the driver was just then
        cursor.execute("wait")
    assert time.monotonic() - begun < 5
    assert one_session(farm).cancelled.is_set()
    assert rows(cursor.connection.execute("go on")) == [(1,)]


def test_a_client_that_disappears_ends_its_statement_and_its_session(farm: Farm) -> None:
    farm.instance = FakeInstance(waits)
    client = connect(ADDRESS)
    session = one_session(farm)
    failed = threading.Event()

    def work() -> None:
        try:
            client.execute("wait")
        except pyodbc.Error:
            failed.set()

    thread = threading.Thread(target=work)
    thread.start()
    while not session.seen:
        time.sleep(0.01)
    farm.world.network.drop("SQL1")
    assert session.cancelled.wait(5)
    assert session.closed.wait(5)
    assert failed.wait(5)


@pytest.mark.parametrize(("moment", "reached"), [("before", False), ("after", True)])
def test_a_fault_breaks_the_connection_before_or_after_the_effect(farm: Farm, moment: str, reached: bool) -> None:
    client = connect(ADDRESS)
    farm.world.faults.add(Fault("SQL1", "sql", 2, moment))
    with faults.recorded(farm.world) as calls:
        client.execute("first")
        with pytest.raises(pyodbc.Error, match="08S01"):
            client.execute("second")
    assert [(one.wire, one.text) for one in calls] == [("sql", "first"), ("sql", "second")]
    texts = [text for text, _ in one_session(farm).seen]
    assert ("second" in texts) is reached
    connect(ADDRESS).execute("third")


# --- transactions, prepared statements --------------------------------------------------------------------------------


def test_manual_commit_becomes_transactions_of_the_engine(farm: Farm) -> None:
    client = connect(ADDRESS, autocommit=False)
    client.execute("INSERT one")
    client.commit()
    client.execute("INSERT two")
    client.rollback()
    texts = [text for text, _ in one_session(farm).seen]
    assert texts == [
        *("BEGIN TRANSACTION", "INSERT one", "COMMIT TRANSACTION"),
        *("BEGIN TRANSACTION", "INSERT two", "ROLLBACK TRANSACTION"),
        "BEGIN TRANSACTION",  # the driver asks for the next one together with the end of the last
    ]


def test_an_open_transaction_at_the_end_is_left_to_the_session(farm: Farm) -> None:
    client = connect(ADDRESS, autocommit=False)
    client.execute("INSERT one")
    session = one_session(farm)
    farm.world.network.drop("SQL1")
    assert session.closed.wait(5)
    assert "COMMIT TRANSACTION" not in [text for text, _ in session.seen]


def test_a_statement_is_prepared_once_and_run_with_other_values(farm: Farm) -> None:
    cursor = connect(ADDRESS).cursor()
    for number in (1, 2):
        assert rows(cursor.execute("SELECT ?", number)) == [(number,)]
    cursor.executemany("INSERT ?", [("a",), ("b",)])
    seen = one_session(farm).seen
    assert [parameters[0].value for _, parameters in seen] == [1, 2, "a", "b"]
    assert {text for text, _ in seen} == {"SELECT @P1", "INSERT @P1"}


def test_null_takes_the_type_that_the_engine_deduces(farm: Farm) -> None:
    assert farm.instance is not None
    farm.instance.deduced = (Parameter("@P1", "varbinary(85)", None),)
    client = connect(ADDRESS)
    assert client.execute("UPDATE x SET sid = ?", None).fetchall()[0][0] is None
    assert one_session(farm).seen[-1][1] == (Parameter("@P1", "varbinary(1)", None),)


# --- many, and what is written down -----------------------------------------------------------------------------------


def test_a_hundred_connections_at_the_same_time(farm: Farm) -> None:
    clients: list[pyodbc.Connection] = []
    errors: list[Exception] = []

    def work(first: int) -> None:
        try:
            for number in range(first, first + 25):
                client = connect(ADDRESS, login_timeout=30)
                clients.append(client)
                assert rows(client.execute("SELECT ?", number)) == [(number,)]
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=work, args=(first,)) for first in range(0, 100, 25)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors
    assert len(farm.server.connections) >= 100
    for client in clients:
        client.close()


def test_the_journal_has_texts_and_no_values(farm: Farm) -> None:
    client = connect(ADDRESS, PWD="right")
    client.execute("SELECT ? AS secretive", "Pa$$w0rd-in-a-parameter").fetchall()
    client.execute("plain batch")
    assert "SELECT @P1 AS secretive" in farm.journal
    assert "plain batch" in farm.journal
    assert "Pa$$w0rd-in-a-parameter" not in farm.journal


def test_the_end_of_the_lab_ends_running_statements(tmp_path: Path, farm: Farm) -> None:
    world = World(tmp_path, {}, 0)
    machine = Machine(world, "SQL9", "test", "TEST", "127.42.5.9", "127.42.5.9", ("sql",))
    world.add(machine)
    instance = FakeInstance(waits)
    server = Server(world, machine, farm.server.context, lambda: instance)
    world.network.listen("SQL9", "127.42.5.9", 1433, server.talk)
    client = connect("127.42.5.9")

    def work() -> None:
        with contextlib.suppress(pyodbc.Error):
            client.execute("wait")

    thread = threading.Thread(target=work)
    thread.start()
    while not instance.sessions[0].seen:
        time.sleep(0.01)
    begun = time.monotonic()
    world.network.stop()
    assert time.monotonic() - begun < 5
    assert instance.sessions[0].closed.wait(5)
    thread.join(5)
    assert not thread.is_alive()
