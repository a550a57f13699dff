"""Values that are easily got wrong: what does not fit, rounding of moments, and what a forced failover leaves.

Source: SQL Server documentation, "CAST and CONVERT" (truncating and rounding results), "datetime", "smalldatetime",
"ALTER AVAILABILITY GROUP".
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from lab.sql.api import Session, SqlError
from lab.tests.sql.engine.conftest import Servers, ok, run


@pytest.fixture
def session(servers: Servers) -> Session:
    return servers.as_installer("SQL1")


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("CAST(123456 AS varchar(3))", "*"),
        ("CAST(-12 AS varchar(2))", "*"),
        ("CAST(CAST(123 AS tinyint) AS char(2))", "* "),
        ("CONVERT(varchar(2), CAST(1000 AS smallint))", "*"),
        ("CAST(123 AS varchar(3))", "123"),
        ("CAST('abcdef' AS varchar(3))", "abc"),
        ("CONVERT(varchar(23), CAST('1998-01-01 23:59:59.995' AS datetime), 121)", "1998-01-01 23:59:59.997"),
        ("CONVERT(varchar(23), CAST('1998-01-01 23:59:59.994' AS datetime), 121)", "1998-01-01 23:59:59.993"),
        ("CONVERT(varchar(23), CAST('1998-01-01 23:59:59.998' AS datetime), 121)", "1998-01-01 23:59:59.997"),
        ("CONVERT(varchar(23), CAST('1998-01-01 23:59:59.999' AS datetime), 121)", "1998-01-02 00:00:00.000"),
        ("CONVERT(varchar(23), CAST('1998-01-01 00:00:00.001' AS datetime), 121)", "1998-01-01 00:00:00.000"),
        ("CONVERT(varchar(23), CAST('1998-01-01 00:00:00.002' AS datetime), 121)", "1998-01-01 00:00:00.003"),
        ("CONVERT(varchar(23), CAST('1998-01-01 00:00:00.005' AS datetime), 121)", "1998-01-01 00:00:00.007"),
        ("CONVERT(varchar(16), CAST('2000-05-08 12:35:30' AS smalldatetime), 120)", "2000-05-08 12:36"),
        ("CONVERT(varchar(16), CAST('2000-05-08 12:35:29.998' AS smalldatetime), 120)", "2000-05-08 12:35"),
        ("SUBSTRING(0x010203, 2, 1)", b"\x02"),
        ("SUBSTRING(0x, 1, 5)", b""),
        ("ROUND(748.58, -4)", Decimal("0.00")),
        ("CHOOSE('2', 'a', 'b')", "b"),
    ],
)
def test_value(session: Session, expression: str, value: Any) -> None:
    assert ok(session, f"SELECT {expression}").value == value


@pytest.mark.parametrize(
    ("expression", "number"),
    [
        ("CAST(123456 AS nvarchar(3))", 8115),
        ("CAST(CAST(123456 AS bigint) AS varchar(3))", 8115),
        ("CAST(123.45 AS varchar(3))", 8115),
        ("CAST(NEWID() AS varchar(10))", 8170),
        ("CAST('1700-01-01' AS datetime)", 242),
        ("CAST(CAST('1700-01-01' AS date) AS datetime)", 242),
        ("CAST('1752-12-31 23:59:59.999' AS datetime)", 242),
        ("CAST('1899-12-31' AS smalldatetime)", 242),
        ("CAST('2079-06-07' AS smalldatetime)", 242),
        ("CAST('2020-01-01 00:00:00.1234' AS datetime)", 241),
        ("CAST('9999-12-31 23:59:59.999' AS datetime)", 242),
        ("1e400", 168),
        ("1e308 * 10", 8115),
        ("1.5 & 2", 402),
        ("ABS('x')", 8114),
        ("ABS(GETDATE())", 8116),
        ("SQRT(-1)", 3623),
        ("POWER(2, 1000)", 232),
        ("ABS(CAST(-2147483648 AS int))", 8115),
        ("CHOOSE()", 189),
        ("CAST('2020-01-01 00:00:00.1234567' AS datetime2)", 999999),
    ],
)
def test_error(session: Session, expression: str, number: int) -> None:
    assert run(session, f"SELECT {expression}").numbers[:1] == [number]


def test_raiserror_and_throw_want_whole_numbers(session: Session) -> None:
    assert run(session, "RAISERROR('a', 'x', 1)").numbers == [245]
    assert run(session, "DECLARE @d datetime = '2020-01-01'; RAISERROR('%s', 16, 1, @d)").numbers == [2748]
    assert run(session, "DECLARE @n varchar(9) = 'x'; THROW @n, 'a', 1").numbers == [245]


def test_a_forced_failover_returns_when_the_role_is_primary(servers: Servers) -> None:
    session = servers.as_installer("SQL1" if servers.primary() == "SQL2" else "SQL2")
    ok(session, "ALTER AVAILABILITY GROUP [SQL] FORCE_FAILOVER_ALLOW_DATA_LOSS")
    local = "SELECT role_desc FROM sys.dm_hadr_availability_replica_states WHERE is_local = 1"
    assert ok(session, local).value == "PRIMARY"


def test_a_log_on_to_a_secondarys_database_is_976(servers: Servers) -> None:
    secondary = "SQL1" if servers.primary() == "SQL2" else "SQL2"
    with pytest.raises(SqlError) as caught:
        servers.as_installer(secondary, "SCSPFDB")
    assert caught.value.number == 976
    with pytest.raises(SqlError) as missing:
        servers.as_installer(secondary, "Nowhere")
    assert missing.value.number == 4060
