# ruff: noqa: DTZ001 - the times of SQL Server have no zone
"""Types on the wire: there and back through the real driver, and by themselves."""

from __future__ import annotations

import datetime
import os
import struct
import uuid
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pyodbc
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab.powershell.api import NotModelledError
from lab.sql.api import Column, Done, Event, Parameter, ResultSet, SqlError
from lab.sql.tds import Server, decode, describe, types
from lab.sql.tds.cursor import Cursor
from lab.sql.tds.encode import encoder
from lab.sql.tds.rpc import Argument, bind, declarations
from lab.sql.tds.tokens import Rows
from lab.testing.tds import FakeInstance, FakeSession
from lab.tests.sql.tds_support import Authority, connect
from lab.world import Machine, World

ADDRESS = "127.42.5.4"
SOME_ID = uuid.UUID("3f2504e0-4f89-11d3-9a0c-0305e82c3301")
MOMENT = datetime.datetime(2013, 10, 18, 23, 59, 59, 123000)


@pytest.fixture(scope="module")
def instance(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FakeInstance]:
    directory = tmp_path_factory.mktemp("types")
    authority = Authority(directory)
    world = World(directory / "lab", {}, 0)
    machine = Machine(world, "SQL1", "test", "TEST", ADDRESS, ADDRESS, ("sql",))
    world.add(machine)
    found = FakeInstance()
    server = Server(world, machine, authority.context("sql1.test"), lambda: found)
    world.network.listen("SQL1", ADDRESS, 1433, server.talk)
    before = os.environ.get("SSL_CERT_FILE")
    os.environ["SSL_CERT_FILE"] = str(authority.file)
    yield found
    os.environ.pop("SSL_CERT_FILE")
    if before is not None:
        os.environ["SSL_CERT_FILE"] = before
    world.network.close_all("SQL1")


@pytest.fixture
def client(instance: FakeInstance) -> Iterator[pyodbc.Connection]:
    instance.sessions.clear()
    with connect(ADDRESS) as opened:
        yield opened


COLUMNS: list[tuple[str, Any]] = [
    ("tinyint", 255),
    ("smallint", -32768),
    ("int", 2147483647),
    ("bigint", -(2**63)),
    ("bit", True),
    ("bit", False),
    ("float", 1.5e300),
    ("real", 0.25),
    ("money", Decimal("-922337203685477.5808")),
    ("smallmoney", Decimal("214748.3647")),
    ("numeric(25,0)", Decimal("9999999999999999999999999")),
    ("decimal(38,10)", Decimal("-1234567890.0123456789")),
    ("nvarchar(128)", "Größe ☃ 𝄞"),
    ("nvarchar(128)", ""),
    ("sysname", "master"),
    ("nvarchar(max)", "x" * 100_000),
    ("varchar(20)", "café"),
    ("varchar(max)", "y" * 9000),
    ("nchar(5)", "ab   "),
    ("char(5)", "ab   "),
    ("varbinary(256)", bytes(range(256))),
    ("varbinary(max)", b"\0\1" * 50_000),
    ("binary(4)", b"\1\2\0\0"),
    ("uniqueidentifier", str(SOME_ID).upper()),
    ("datetime", MOMENT),
    ("smalldatetime", datetime.datetime(2079, 6, 6, 23, 59)),
    ("datetime2", MOMENT.replace(microsecond=123456)),
    ("datetime2(3)", MOMENT),
    ("datetime2(0)", MOMENT.replace(microsecond=0)),
    ("date", datetime.date(1, 1, 1)),
    ("date", datetime.date(9999, 12, 31)),
    ("time(0)", datetime.time(23, 59, 59)),
    ("ntext", "long " * 2000),
]


@pytest.mark.parametrize(("kind", "value"), COLUMNS, ids=[f"{kind}-{n}" for n, (kind, _) in enumerate(COLUMNS)])
def test_a_column_of_each_type(instance: FakeInstance, client: pyodbc.Connection, kind: str, value: Any) -> None:
    def handler(session: FakeSession, text: str, parameters: tuple[Parameter, ...]) -> Iterator[Event]:
        given = uuid.UUID(value) if kind == "uniqueidentifier" else value
        yield ResultSet((Column("v", kind), Column("n", kind), Column("end", "int")), [(given, None, 7)])
        yield Done(1)

    before, instance.handler = instance.handler, handler
    try:
        row = client.execute("SELECT").fetchone()
    finally:
        instance.handler = before
    assert row[0] == value
    assert type(row[0]) is type(value) or isinstance(value, bytes)
    assert row[1] is None
    assert row[2] == 7


@pytest.mark.parametrize(
    "value",
    [True, 1.5, "text", "", b"\x02\x00bytes", Decimal("12.50"), MOMENT, SOME_ID],
    ids=lambda value: type(value).__name__,
)
def test_a_sql_variant_of_each_base_type(instance: FakeInstance, client: pyodbc.Connection, value: Any) -> None:
    def handler(session: FakeSession, text: str, parameters: tuple[Parameter, ...]) -> Iterator[Event]:
        yield ResultSet((Column("v", "sql_variant"), Column("end", "int")), [(value, 7)])
        yield Done(1)

    before, instance.handler = instance.handler, handler
    try:
        row = client.execute("SELECT SERVERPROPERTY('x')").fetchone()
    finally:
        instance.handler = before
    assert row[0] == (str(value).upper() if isinstance(value, uuid.UUID) else value)
    assert row[1] == 7


def test_a_sql_variant_with_a_number_is_more_than_pyodbc_reads(
    instance: FakeInstance, client: pyodbc.Connection
) -> None:
    """SERVERPROPERTY gives numbers as sql_variant of int: the driver reports their C type (-16), which pyodbc does not
    know. To get them, write CAST, on the real server too."""

    def handler(session: FakeSession, text: str, parameters: tuple[Parameter, ...]) -> Iterator[Event]:
        yield ResultSet((Column("v", "sql_variant"),), [(1,)])
        yield Done(1)

    before, instance.handler = instance.handler, handler
    try:
        with pytest.raises(pyodbc.ProgrammingError, match="type -16 is not yet supported"):
            client.execute("SELECT SERVERPROPERTY('IsIntegratedSecurityOnly')").fetchone()
    finally:
        instance.handler = before


@pytest.mark.parametrize("value", [None, 7, -1, 2**40, True, "ä", b"\0", 1.5, Decimal("-1.50"), MOMENT, SOME_ID])
def test_a_sql_variant_by_itself(value: Any) -> None:
    assert there_and_back("sql_variant", value) == value


PARAMETERS: list[tuple[Any, str]] = [
    (7, "int"),
    (-(2**40), "bigint"),
    (True, "bit"),
    (1.5, "float"),
    ("abc", "nvarchar(6)"),
    ("☃𝄞", "nvarchar(6)"),
    ("", "nvarchar(1)"),
    ("x" * 5000, "ntext"),
    (b"abc", "varbinary(3)"),
    (b"", "varbinary(1)"),
    (b"y" * 9000, "image"),
    (Decimal("-12.345"), "numeric(5,3)"),
    (MOMENT.replace(microsecond=123456), "datetime2"),
    (datetime.date(2013, 10, 18), "date"),
    (datetime.time(1, 2, 3), "time"),
    (SOME_ID, "uniqueidentifier"),
    (None, "varchar(1)"),
]


@pytest.mark.parametrize(("value", "kind"), PARAMETERS, ids=[f"{kind}-{n}" for n, (_, kind) in enumerate(PARAMETERS)])
def test_a_parameter_of_each_kind(instance: FakeInstance, client: pyodbc.Connection, value: Any, kind: str) -> None:
    """The engine gets the type the driver declares and the value in Python's own type, and the echo comes back."""
    row = client.execute("SELECT ?, ?", value, 7).fetchone()
    text, parameters = instance.sessions[0].seen[-1]
    assert text == "SELECT @P1, @P2"
    assert parameters[0] == Parameter("@P1", kind, value)
    assert type(parameters[0].value) is type(value)
    assert row[0] == (str(value).upper() if isinstance(value, uuid.UUID) else value)


def test_typed_nulls_by_setinputsizes(instance: FakeInstance, client: pyodbc.Connection) -> None:
    cursor = client.cursor()
    cursor.setinputsizes([(pyodbc.SQL_VARBINARY, 85, 0)])
    assert cursor.execute("SELECT ?", None).fetchone()[0] is None
    assert instance.sessions[0].seen[-1][1][0].type.startswith("varbinary")


# --- there and back without a driver ----------------------------------------------------------------------------------


def there_and_back(text: str, value: Any) -> Any:
    info, encode = encoder(types.parse(text))
    cursor = Cursor(info + encode(value))
    kind, found = decode.parameter(cursor)
    assert cursor.left == 0
    assert types.parse(kind).name == types.parse(text).name
    return found


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=4000))
def test_any_text(value: str) -> None:
    assert there_and_back("nvarchar(max)", value) == value
    if len(value.encode("utf-16-le")) <= 8000:
        assert there_and_back("nvarchar(4000)", value) == value


@given(st.datetimes(datetime.datetime(1753, 1, 1), datetime.datetime(9999, 12, 31, 23, 59, 59)))
def test_any_moment(value: datetime.datetime) -> None:
    assert there_and_back("datetime2", value) == value
    rounded = there_and_back("datetime", value)
    assert abs(rounded - value) <= datetime.timedelta(milliseconds=2)
    assert there_and_back("datetime", rounded) == rounded  # what was rounded once stays


@given(st.decimals(-(10**20), 10**20, places=5))
def test_any_decimal(value: Decimal) -> None:
    assert there_and_back("decimal(38,5)", value) == value


@given(st.datetimes(datetime.datetime(2, 1, 1)), st.integers(-14 * 60, 14 * 60))
def test_any_moment_with_zone(value: datetime.datetime, minutes: int) -> None:
    zoned = value.replace(tzinfo=datetime.timezone(datetime.timedelta(minutes=minutes)))
    if 2 <= value.year <= 9998:
        assert there_and_back("datetimeoffset", zoned) == zoned


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("int", 2**31),
        ("tinyint", -1),
        ("nvarchar(3)", "four"),
        ("varbinary(1)", b"ab"),
        ("numeric(3,0)", Decimal(1000)),
        ("int", "7"),
        ("nvarchar(10)", 7),
        ("datetime", "2013-10-18"),
        ("datetimeoffset", MOMENT),
    ],
)
def test_a_value_that_does_not_fit_is_an_error_with_the_columns_name(kind: str, value: Any) -> None:
    with pytest.raises(ValueError, match="column 'c' of type"):
        Rows((Column("c", kind),)).row((value,))


def test_a_row_of_another_width_is_an_error() -> None:
    with pytest.raises(ValueError, match="2 values for 1 columns"):
        Rows((Column("c", "int"),)).row((1, 2))


@pytest.mark.parametrize("text", ["xml", "geography", "nvarchar(", "int; DROP TABLE x", "hierarchyid"])
def test_types_outside_the_lab(text: str) -> None:
    with pytest.raises(NotModelledError, match="SQL type"):
        types.parse(text)


@pytest.mark.parametrize("token", [0xF0, 0xF1, 0xF3, 0x99])
def test_parameters_outside_the_lab(token: int) -> None:
    with pytest.raises(NotModelledError):
        decode.parameter(Cursor(bytes([token]) + bytes(20)))


# --- declarations -----------------------------------------------------------------------------------------------------


def test_declarations_of_parameters() -> None:
    found = declarations("@P1 int,@name nvarchar(max), @n numeric(25, 0) OUTPUT ,@s sysname out")
    assert [(one.name, one.type, one.output) for one in found] == [
        ("@P1", "int", False),
        ("@name", "nvarchar(max)", False),
        ("@n", "numeric(25, 0)", True),
        ("@s", "sysname", True),
    ]
    assert declarations("") == []


def test_values_are_bound_by_name_and_by_position() -> None:
    declared = declarations("@a int, @b int")
    by_position = bind(declared, (Argument("", "int", 1), Argument("", "int", 2)), "x")
    by_name = bind(declared, (Argument("@B", "int", 2), Argument("@a", "int", 1)), "x")
    assert by_position == by_name == (Parameter("@a", "int", 1), Parameter("@b", "int", 2))


@pytest.mark.parametrize(
    ("given", "number"),
    [
        ((Argument("", "int", 1),), 8178),
        ((Argument("", "int", 1), Argument("", "int", 2), Argument("", "int", 3)), 8144),
        ((Argument("@a", "int", 1), Argument("@b", "int", 2), Argument("@c", "int", 3)), 8145),
    ],
)
def test_too_few_and_too_many_values(given: tuple[Argument, ...], number: int) -> None:
    with pytest.raises(SqlError) as caught:
        bind(declarations("@a int, @b int"), given, "SELECT @a, @b")
    assert caught.value.number == number


def test_metadata_procedures_describe_types_as_sys_types_does() -> None:
    result = next(describe.first_result_set((Column("name", "sysname", nullable=False), Column("n", "numeric(25,0)"))))
    assert isinstance(result, ResultSet)
    first, second = (dict(zip((c.name for c in result.columns), row, strict=True)) for row in result.rows)
    assert (first["system_type_id"], first["max_length"], first["is_nullable"]) == (231, 256, False)
    assert (second["system_type_name"], second["precision"], second["tds_type_id"]) == ("numeric(25,0)", 25, 0x6C)
    Rows(result.columns).row(result.rows[0])  # its own values fit its own columns
    deduced = next(describe.undeclared_parameters((Parameter("@P1", "varbinary(max)", None),)))
    assert isinstance(deduced, ResultSet)
    row = dict(zip((c.name for c in deduced.columns), deduced.rows[0], strict=True))
    assert (row["suggested_max_length"], row["suggested_tds_length"]) == (-1, 65535)


def test_datetime_is_three_hundredths_of_a_second() -> None:
    assert types.datetime_to_bytes(datetime.datetime(1900, 1, 2, 0, 0, 1)) == struct.pack("<iI", 1, 300)
    end = types.datetime_to_bytes(datetime.datetime(1900, 1, 1, 23, 59, 59, 999000))
    assert end == struct.pack("<iI", 1, 0)  # .999 rounds up to the next day, as documented
