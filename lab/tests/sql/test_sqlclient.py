"""System.Data.SqlClient as scripts use it: connection strings, log-on as whom, commands, readers, errors."""

from __future__ import annotations

import gc
import threading
import time
from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

import lab.sql.sqlclient
from lab.powershell import api
from lab.powershell.api import Int64, NotModelledError, PowerShellError, PSObject
from lab.powershell.values import NetArray, SizedInt
from lab.sql import engine
from lab.sql.api import Column, DatabaseChanged, Done, Event, Message, Parameter, ResultSet, Session, SqlError
from lab.sql.sqlclient import enums, strings
from lab.testing.tds import FakeInstance, FakeSession
from lab.world import Identity, Machine, World

assert lab.sql.sqlclient  # importing it registers the types


class Server:
    """What engine.connect was asked, and a session whose answers a test writes."""

    def __init__(self) -> None:
        self.asked: list[dict[str, Any]] = []
        self.refusal: SqlError | None = None
        self.events: dict[str, list[Event]] = {}
        self.instance = FakeInstance(self._handler)

    def connect(self, world: World, from_machine: Machine, server: str, **options: Any) -> Session:
        self.asked.append({"from": from_machine.name, "server": server, **options})
        if self.refusal is not None:
            raise self.refusal
        return self.instance.login("sa", "right", options["database"])

    def _handler(self, session: FakeSession, text: str, parameters: tuple[Parameter, ...]) -> Iterator[Event]:
        if text == "SELECT @@SERVERNAME":
            yield ResultSet((Column("", "nvarchar(128)"),), [("SQL1",)])
            yield Done(1)
        elif "SERVERPROPERTY('ProductVersion')" in text:
            yield ResultSet((Column("", "nvarchar(30)"),), [("11.0.7001.0",)])
            yield Done(1)
        elif text == "wait":
            session.cancelled.wait(10)
        else:
            yield from self.events.get(text, [Done(None)])

    @property
    def session(self) -> FakeSession:
        return self.instance.sessions[-1]


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Server:
    found = Server()
    monkeypatch.setattr(engine, "connect", found.connect)
    return found


@pytest.fixture
def world(tmp_path: Path) -> World:
    world = World(tmp_path, {}, 0)
    for name, address in (("SQL1", "127.42.5.131"), ("Portal1", "127.42.5.132")):
        world.add(Machine(world, name, "hyper-v.nu", "HYPERVNU", address, address, ()))
    return world


def session(
    world: World, machine: str = "SQL1", logon: str = "network", user: str = "HYPERVNU\\installer"
) -> api.Session:
    return api.Session(world.machine(machine), Identity(user, "S-1-5-21-1-2-3-1104"), logon)


def new(name: str, at: api.Session, *arguments: Any) -> Any:
    """New-Object."""
    return api.TYPES[f"system.data.{name}".lower()].create(at, *arguments)


def call(target: PSObject, method: str, *arguments: Any) -> Any:
    return target.methods[method.lower()](*arguments)


def opened(world: World, text: str = "Server=.;Integrated Security=SSPI") -> Any:
    connection = new("SqlClient.SqlConnection", session(world), text)
    call(connection, "Open")
    return connection


def command(connection: Any, text: str) -> Any:
    made = call(connection, "CreateCommand")
    made.set("commandtext", text)
    return made


# --- connection strings -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Server=SQL1;Database=x", {"Data Source": "SQL1", "Initial Catalog": "x"}),
        (" data source = tcp:SQL1,1433 ; UID=sa;pwd='a;b''c'", {"Password": "a;b'c", "User ID": "sa"}),
        ('Password="q""uote";', {"Password": 'q"uote'}),
        ("Server=a;Data Source=b", {"Data Source": "b"}),
        ("", {}),
    ],
)
def test_connection_strings(text: str, expected: dict[str, str]) -> None:
    found = strings.parse(text)
    assert {name: found[name] for name in expected} == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("Servr=x", "Keyword not supported: 'servr'."),
        ("Server", "Format of the initialization string does not conform to specification starting at index 0."),
        ("Server=x;Connect Timeout=soon", "Invalid value for key 'connect timeout'."),
        ("Server=x;Integrated Security=maybe", "Invalid value for key 'integrated security'."),
    ],
)
def test_wrong_connection_strings(world: World, text: str, message: str) -> None:
    with pytest.raises(PowerShellError) as caught:
        new("SqlClient.SqlConnection", session(world), text)
    assert caught.value.message == message
    assert caught.value.exception_type == "System.ArgumentException"


def test_the_builder_is_a_dictionary_of_keywords(world: World) -> None:
    builder = new("SqlClient.SqlConnectionStringBuilder", session(world), "Server=SQL1")
    builder["Initial Catalog"] = "semi;colon"
    builder["Integrated Security"] = True
    assert builder.get("ConnectionString") == 'Data Source=SQL1;Initial Catalog="semi;colon";Integrated Security=True'
    assert strings.parse(str(builder.text))["Initial Catalog"] == "semi;colon"
    with pytest.raises(PowerShellError, match="Keyword not supported: 'datasource'"):
        builder["DataSource"] = "x"


# --- log-on -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name", [".", "(local)", "localhost", "SQL1", "sql1.hyper-v.nu", "tcp:SQL1,1433", ".\\MSSQLSERVER"]
)
def test_integrated_security_on_the_machine_itself(world: World, server: Server, name: str) -> None:
    opened(world, f"Server={name};Integrated Security=true;Database=farm;Application Name=me")
    assert server.asked[0] == {
        "from": "SQL1",
        "server": name,
        "database": "farm",
        "program": "me",
        "identity": session(world).identity,
    }


@pytest.mark.parametrize(
    ("logon", "user", "arrives"),
    [
        ("network", "HYPERVNU\\installer", "NT AUTHORITY\\ANONYMOUS LOGON"),
        ("batch", "HYPERVNU\\installer", "HYPERVNU\\installer"),
        ("interactive", "HYPERVNU\\installer", "HYPERVNU\\installer"),
        ("service", "NT AUTHORITY\\SYSTEM", "HYPERVNU\\PORTAL1$"),
    ],
)
def test_as_whom_integrated_security_reaches_another_machine(
    world: World, server: Server, logon: str, user: str, arrives: str
) -> None:
    at = session(world, "Portal1", logon, user)
    call(new("SqlClient.SqlConnection", at, "Server=SQL1;Integrated Security=SSPI"), "Open")
    assert server.asked[0]["identity"].user == arrives


def test_a_sql_login_may_hop(world: World, server: Server) -> None:
    connection = new("SqlClient.SqlConnection", session(world, "Portal1"), "Server=SQL;User ID=sa;Password=p w")
    call(connection, "Open")
    assert (server.asked[0]["user"], server.asked[0]["password"]) == ("sa", "p w")
    assert "identity" not in server.asked[0]
    assert "p w" not in str(connection.get("ConnectionString"))
    call(connection, "Close")
    assert "p w" in str(connection.get("ConnectionString"))  # as on .NET: it can be opened again


def test_a_refused_log_on_is_a_sql_exception_with_its_number(world: World, server: Server) -> None:
    server.refusal = SqlError(18456, "Login failed for user 'x'.", level=14)
    connection = new("SqlClient.SqlConnection", session(world), "Server=.;Integrated Security=SSPI")
    with pytest.raises(PowerShellError, match=r"Login failed for user 'x'\.") as caught:
        call(connection, "Open")
    assert caught.value.exception_type == "System.Data.SqlClient.SqlException"
    assert caught.value.error_id == "SqlException"
    assert (caught.value.data["Number"], caught.value.data["Class"]) == (18456, 14)
    assert caught.value.data["Errors"][0].get("Number") == 18456
    assert connection.get("State") == enums.STATE.of(0)


def test_states_of_a_connection(world: World, server: Server) -> None:
    connection = opened(world, "Server=.;Integrated Security=SSPI;Database=farm")
    assert str(connection.get("State")) == "Open"
    assert connection.get("Database") == "farm"
    with pytest.raises(PowerShellError, match="The connection was not closed"):
        call(connection, "Open")
    with pytest.raises(PowerShellError, match="Not allowed to change the 'ConnectionString'"):
        connection.set("ConnectionString", "Server=x")
    call(connection, "Dispose")
    assert str(connection.get("State")) == "Closed"
    assert server.session.closed.is_set()
    with pytest.raises(PowerShellError, match="ExecuteNonQuery requires an open and available Connection"):
        call(command(connection, "x"), "ExecuteNonQuery")
    with pytest.raises(PowerShellError, match="ConnectionString property has not been initialized"):
        call(new("SqlClient.SqlConnection", session(world)), "Open")


def test_read_only_properties(world: World, server: Server) -> None:
    connection = opened(world)
    for target, name in ((connection, "State"), (command(connection, "x"), "Parameters")):
        with pytest.raises(PowerShellError, match=f"'{name}' is a ReadOnly property"):
            target.set(name, None)


def test_a_forgotten_connection_ends_its_session(world: World, server: Server) -> None:
    connection = opened(world)
    kept = server.session
    del connection
    gc.collect()
    assert kept.closed.is_set()


# --- commands ---------------------------------------------------------------------------------------------------------


def test_execute_non_query_counts_changed_rows(world: World, server: Server) -> None:
    connection = opened(world)
    server.events["two"] = [Done(2), ResultSet((Column("n", "int"),), [(1,)]), Done(1), Done(3)]
    assert call(command(connection, "two"), "ExecuteNonQuery") == 5
    assert call(command(connection, "ddl"), "ExecuteNonQuery") == -1


def test_execute_scalar(world: World, server: Server) -> None:
    connection = opened(world)
    columns = (Column("a", "bigint"), Column("b", "int"))
    server.events["one"] = [ResultSet(columns, [(7, 8), (9, 10)]), Done(2)]
    server.events["none"] = [ResultSet(columns), Done(0)]
    server.events["null"] = [ResultSet(columns, [(None, 1)]), Done(1)]
    found = call(command(connection, "one"), "ExecuteScalar")
    assert (found, type(found)) == (7, Int64)
    assert call(command(connection, "none"), "ExecuteScalar") is None
    assert call(command(connection, "null"), "ExecuteScalar") is enums.DB_NULL


def test_what_is_set_on_a_command_takes_effect(world: World, server: Server) -> None:
    connection = opened(world)
    made = new("SqlClient.SqlCommand", session(world), "first", connection)
    made.set("CommandText", "second")
    call(made, "ExecuteNonQuery")
    assert server.session.seen[-1] == ("second", ())
    bare = new("SqlClient.SqlCommand", session(world))
    with pytest.raises(PowerShellError, match="ExecuteScalar: Connection property has not been initialized"):
        call(bare, "ExecuteScalar")
    bare.set("Connection", connection)
    with pytest.raises(PowerShellError, match="ExecuteScalar: CommandText property has not been initialized"):
        call(bare, "ExecuteScalar")


def test_parameters_carry_types_and_values(world: World, server: Server) -> None:
    connection = opened(world)
    made = command(connection, "SELECT @s")
    parameters = made.get("Parameters")
    for name, value in {
        "@s": "abc",
        "n": 7,
        "@big": 2**40,
        "@flag": True,
        "@real": 1.5,
        "@exact": Decimal("12.50"),
        "@when": datetime(2013, 10, 18),  # noqa: DTZ001
        "@bytes": NetArray([SizedInt(1, "Byte"), SizedInt(255, "Byte")], "System.Byte"),
        "@nothing": enums.DB_NULL,
        "@empty": "",
    }.items():
        call(parameters, "AddWithValue", name, value)
    call(parameters, "Add", "@later", enums.SQL_DB_TYPE.find("VarBinary"), 85).set("value", enums.DB_NULL)
    call(parameters, "Add", "@old", "a value")
    call(parameters, "Add", new("SqlClient.SqlParameter", session(world), "@own", "x"))
    call(parameters, "Add", "@max", "NVarChar", -1).set("Value", "y")
    assert parameters.get("Count") == 14
    call(made, "ExecuteNonQuery")
    assert server.session.seen[-1][1] == (
        Parameter("@s", "nvarchar(3)", "abc"),
        Parameter("@n", "int", 7),
        Parameter("@big", "bigint", 2**40),
        Parameter("@flag", "bit", True),
        Parameter("@real", "float", 1.5),
        Parameter("@exact", "decimal(4,2)", Decimal("12.50")),
        Parameter("@when", "datetime", datetime(2013, 10, 18)),  # noqa: DTZ001
        Parameter("@bytes", "varbinary(2)", b"\x01\xff"),
        Parameter("@nothing", "nvarchar(4000)", None),
        Parameter("@empty", "nvarchar(4000)", ""),
        Parameter("@later", "varbinary(85)", None),
        Parameter("@old", "nvarchar(7)", "a value"),
        Parameter("@own", "nvarchar(1)", "x"),
        Parameter("@max", "nvarchar(max)", "y"),
    )


def test_a_null_that_is_not_dbnull_is_not_supplied(world: World, server: Server) -> None:
    made = command(opened(world), "SELECT @p")
    call(made.get("Parameters"), "AddWithValue", "@p", None)
    with pytest.raises(PowerShellError, match="expects the parameter '@p', which was not supplied") as caught:
        call(made, "ExecuteScalar")
    assert caught.value.data["Number"] == 8178


def test_output_parameters_and_procedures(world: World, server: Server) -> None:
    connection = opened(world)
    made = command(connection, "dbo.one")
    made.set("CommandType", "StoredProcedure")
    parameters = made.get("Parameters")
    call(parameters, "AddWithValue", "@in", 1)
    out = call(parameters, "Add", "@out", "Int")
    out.set("Direction", enums.DIRECTION.find("Output"))
    status = call(parameters, "Add", "@rc", "Int")
    status.set("Direction", "ReturnValue")

    def handler(at: FakeSession, text: str, parameters: tuple[Parameter, ...]) -> Iterator[Event]:
        at.outputs = {"@OUT": 42, "@RETURN_STATUS": 3}
        yield Done(None)

    server.instance.handler = handler
    call(made, "ExecuteNonQuery")
    assert server.session.seen[-1][0] == "EXECUTE @RETURN_STATUS = dbo.one @in = @in, @out = @out OUTPUT"
    assert (out.get("Value"), status.get("Value")) == (42, 3)


def test_all_errors_of_a_batch_are_in_one_exception(world: World, server: Server) -> None:
    server.events["backup"] = [
        SqlError(3201, "Cannot open.", state=1),
        SqlError(3013, "Terminating.", line=2),
        Done(None),
    ]
    with pytest.raises(PowerShellError) as caught:
        call(command(opened(world), "backup"), "ExecuteNonQuery")
    assert caught.value.message == "Cannot open.\r\nTerminating."
    assert [one.get("Number") for one in caught.value.data["Errors"]] == [3201, 3013]
    assert caught.value.data["Errors"][1].get("LineNumber") == 2


def test_messages_and_changes_of_the_database(world: World, server: Server) -> None:
    connection = opened(world)
    server.events["USE [a]]b]"] = [DatabaseChanged("a]b"), Message(0, "10 percent"), Done(None)]
    call(connection, "ChangeDatabase", "a]b")
    assert connection.get("Database") == "a]b"


def test_a_fatal_error_closes_the_connection(world: World, server: Server) -> None:
    connection = opened(world)
    server.events["x"] = [SqlError(10054, "gone", level=20)]
    with pytest.raises(PowerShellError, match="gone"):
        call(command(connection, "x"), "ExecuteNonQuery")
    assert str(connection.get("State")) == "Closed"


def test_the_time_limit_is_number_minus_two_and_the_connection_stays(world: World, server: Server) -> None:
    connection = opened(world)
    made = command(connection, "wait")
    made.set("CommandTimeout", 1)
    begun = time.monotonic()
    with pytest.raises(PowerShellError, match="Timeout expired") as caught:
        call(made, "ExecuteNonQuery")
    assert time.monotonic() - begun < 5
    assert caught.value.data["Number"] == -2
    call(command(connection, "fine"), "ExecuteNonQuery")
    for timer in [one for one in threading.enumerate() if isinstance(one, threading.Timer)]:
        timer.join(5)  # cancelled ones end at once; one that was forgotten would last for 30 seconds
        assert not timer.is_alive()


def test_a_mistake_of_the_lab_is_not_an_sql_error(world: World, server: Server) -> None:
    def handler(at: FakeSession, text: str, parameters: tuple[Parameter, ...]) -> Iterator[Event]:
        raise NotModelledError("full-text search")
        yield

    connection = opened(world)
    server.instance.handler = handler
    with pytest.raises(NotModelledError):
        call(command(connection, "x"), "ExecuteNonQuery")


def test_statements_are_in_the_journal_without_values(world: World, server: Server) -> None:
    made = command(opened(world), "SELECT @secret AS quiet")
    call(made.get("Parameters"), "AddWithValue", "@secret", "not-for-the-journal")
    call(made, "ExecuteNonQuery")
    journal = (world.directory / "journal.jsonl").read_text()
    assert '"machine": "SQL1", "kind": "sql", "text": "SELECT @secret AS quiet"' in journal
    assert "not-for-the-journal" not in journal


# --- readers ----------------------------------------------------------------------------------------------------------


def test_a_reader_goes_through_rows_and_results(world: World, server: Server) -> None:
    connection = opened(world)
    columns = (Column("name", "sysname"), Column("sid", "varbinary(85)"), Column("size", "tinyint"))
    server.events["two"] = [
        *(ResultSet(columns, [("sa", b"\1", 5), ("b", None, None)]), Done(2)),
        *(ResultSet((Column("n", "int"),), [(1,)]), Done(1)),
    ]
    reader = call(command(connection, "two"), "ExecuteReader")
    assert (reader.get("FieldCount"), reader.get("HasRows")) == (3, True)
    assert call(reader, "GetName", 1) == "sid"
    assert call(reader, "GetOrdinal", "SID") == 1
    assert call(reader, "GetDataTypeName", 0) == "nvarchar"
    with pytest.raises(PowerShellError, match="Invalid attempt to read when no data is present"):
        call(reader, "GetValue", 0)
    assert call(reader, "Read")
    assert call(reader, "Item", "name") == "sa"
    assert call(reader, "GetValue", 1) == [1]
    assert call(reader, "GetValue", 1).element == "System.Byte"
    assert call(reader, "GetValue", 2).kind == "Byte"
    assert call(reader, "Read")
    assert call(reader, "IsDBNull", 1)
    with pytest.raises(PowerShellError, match="Data is Null"):
        call(reader, "GetString", 1)
    assert not call(reader, "Read")
    assert call(reader, "NextResult")
    assert call(reader, "Read")
    assert call(reader, "GetInt32", 0) == 1
    with pytest.raises(PowerShellError) as caught:
        call(reader, "GetValue", 1)
    assert caught.value.exception_type == "System.IndexOutOfRangeException"
    assert not call(reader, "NextResult")
    with pytest.raises(PowerShellError, match="already an open DataReader"):
        call(command(connection, "two"), "ExecuteReader")
    call(reader, "Close")
    with pytest.raises(PowerShellError, match="Invalid attempt to call Read when reader is closed"):
        call(reader, "Read")
    call(command(connection, "fine"), "ExecuteNonQuery")


def test_an_error_in_the_middle_comes_when_the_reader_reaches_it(world: World, server: Server) -> None:
    server.events["late"] = [ResultSet((Column("n", "int"),), [(1,)]), Done(1), SqlError(50000, "late"), Done(None)]
    reader = call(command(opened(world), "late"), "ExecuteReader")
    assert call(reader, "Read")
    with pytest.raises(PowerShellError, match="late"):
        call(reader, "NextResult")


def test_closing_a_reader_lets_the_rest_of_the_batch_run(world: World, server: Server) -> None:
    ran = threading.Event()

    def handler(at: FakeSession, text: str, parameters: tuple[Parameter, ...]) -> Iterator[Event]:
        yield ResultSet((Column("n", "int"),), [(1,)])
        yield Done(1)
        ran.set()
        yield Done(4)

    connection = opened(world)
    server.instance.handler = handler
    reader = call(command(connection, "x"), "ExecuteReader")
    assert not ran.is_set()
    call(reader, "Close")
    assert ran.is_set()
    assert reader.get("RecordsAffected") == 4


def test_closing_the_connection_under_a_reader(world: World, server: Server) -> None:
    connection = opened(world)
    server.events["x"] = [ResultSet((Column("n", "int"),), [(1,)]), Done(1)]
    reader = call(command(connection, "x"), "ExecuteReader")
    call(connection, "Close")
    assert reader.get("IsClosed")
    assert server.session.closed.is_set()
