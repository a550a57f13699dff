"""Values, conversions, control flow and errors of the language."""

from __future__ import annotations

import uuid
from datetime import datetime
from decimal import Decimal
from typing import Any

import pytest

from lab.sql.api import Done, Parameter, Session
from lab.tests.sql.engine.conftest import ok, run

VALUES: list[tuple[str, Any, str]] = [
    ("1 + 2 * 3", 7, "int"),
    ("7 / 2", 3, "int"),
    ("-7 / 2", -3, "int"),
    ("-7 % 3", -1, "int"),
    ("CAST(7 AS int) / 2.0", Decimal("3.500000"), "numeric(17,6)"),
    ("'a' + N'b'", "ab", "nvarchar(2)"),
    ("'1' + 1", 2, "int"),
    ("NULL + 1", None, "int"),
    ("CAST('12' AS int)", 12, "int"),
    ("CAST(3.7 AS int)", 3, "int"),
    ("CONVERT(nvarchar(10), 0x0102, 1)", "0x0102", "nvarchar(10)"),
    ("CONVERT(varchar(10), 0xAB, 2)", "AB", "varchar(10)"),
    ("CONVERT(varbinary(8), '0xAB01', 1)", b"\xab\x01", "varbinary(8)"),
    ("CONVERT(varbinary(8), 'AB01', 2)", b"\xab\x01", "varbinary(8)"),
    ("CAST(N'ab' AS varbinary(10))", b"a\0b\0", "varbinary(10)"),
    ("CAST(258 AS varbinary(4))", b"\0\0\x01\x02", "varbinary(4)"),
    ("CONVERT(varchar(30), CAST('2013-06-05 01:02:03' AS datetime), 120)", "2013-06-05 01:02:03", "varchar(30)"),
    ("CONVERT(varchar(30), CAST('2013-06-05 01:02:03.12' AS datetime), 121)", "2013-06-05 01:02:03.120", "varchar(30)"),
    ("CONVERT(varchar(30), CAST('2013-06-05 01:02:03' AS datetime), 126)", "2013-06-05T01:02:03", "varchar(30)"),
    ("ISNULL(CAST(NULL AS varchar(5)), 'x')", "x", "varchar(5)"),
    ("COALESCE(NULL, NULL, 'x')", "x", "varchar(1)"),
    ("CASE WHEN 1 = 2 THEN 'a' ELSE N'bc' END", "bc", "nvarchar(2)"),
    ("IIF(1 < 2, 'yes', 'no')", "yes", "varchar(3)"),
    ("QUOTENAME('a]b')", "[a]]b]", "nvarchar(258)"),
    ("QUOTENAME('a''b', '''')", "'a''b'", "nvarchar(258)"),
    ("LEN('abc  ')", 3, "int"),
    ("LEN(0x010203)", 3, "int"),
    ("DATALENGTH(N'abc')", 6, "int"),
    ("SUBSTRING('abcdef', 2, 3)", "bcd", "varchar(8000)"),
    ("REPLACE('aXbx', 'x', '-')", "a-b-", "varchar(8000)"),
    ("CHARINDEX('C', 'abc')", 3, "int"),
    ("STUFF('abcdef', 2, 2, 'ZZZ')", "aZZZdef", "varchar(8000)"),
    ("CONCAT('a', NULL, 1)", "a1", "varchar(8000)"),
    ("DATEDIFF(day, '2013-01-01', '2013-02-01')", 31, "int"),
    ("DATEADD(month, 1, CAST('2013-01-31' AS datetime))", datetime(2013, 2, 28), "datetime"),  # noqa: DTZ001
    (
        "CAST('6F9619FF-8B86-D011-B42D-00C04FC964FF' AS uniqueidentifier)",
        uuid.UUID("6f9619ff-8b86-d011-b42d-00c04fc964ff"),
        "uniqueidentifier",
    ),
    ("HASHBYTES('SHA1', 'abc')", bytes.fromhex("A9993E364706816ABA3E25717850C26C9CD0D89D"), "varbinary(8000)"),
    ("PWDCOMPARE(N'secret', PWDENCRYPT(N'secret'))", 1, "int"),
    ("PWDCOMPARE(N'Secret', PWDENCRYPT(N'secret'))", 0, "int"),
    ("DB_NAME()", "master", "nvarchar(128)"),
    ("SERVERPROPERTY('ProductVersion')", "11.0.7001.0", "sql_variant"),
    ("SERVERPROPERTY('Nonsense')", None, "sql_variant"),
    ("@@TRANCOUNT", 0, "int"),
    ("(SELECT COUNT(*) FROM (VALUES (1), (2)) AS v(x))", 2, "int"),
    ("CASE WHEN 'ABC' = 'abc  ' THEN 1 ELSE 0 END", 1, "int"),
    ("CASE WHEN 'ABC' = 'abc' COLLATE Latin1_General_BIN THEN 1 ELSE 0 END", 0, "int"),
    ("CASE WHEN 'a_c' LIKE 'a[_]c' AND 'abc' NOT LIKE 'a[_]c' THEN 1 END", 1, "int"),
    ("CASE WHEN NULL = NULL THEN 1 WHEN NOT (NULL = 1) THEN 2 ELSE 3 END", 3, "int"),
    ("CASE WHEN 1 NOT IN (2, NULL) THEN 1 ELSE 0 END", 0, "int"),
]


@pytest.mark.parametrize(("expression", "value", "kind"), VALUES)
def test_an_expression_has_its_value_and_its_type(session: Session, expression: str, value: Any, kind: str) -> None:
    answer = ok(session, f"SELECT {expression} AS x")
    assert answer.rows == [(value,)]
    assert answer.results[0].columns[0].type == kind
    assert answer.results[0].columns[0].name == "x"


ERRORS: list[tuple[str, list[int]]] = [
    ("SELECT 1/0", [8134]),
    ("SELECT CAST('x' AS int)", [245]),
    ("SELECT CAST('x' AS uniqueidentifier)", [8169]),
    ("SELECT CAST('2013-13-01' AS datetime)", [241]),
    ("SELECT 2147483647 + 1", [8115]),
    ("SELECT 'a' - 'b'", [8117]),
    ("SELECT 'x' + SERVERPROPERTY('ServerName')", [257]),
    ("DECLARE @b varbinary(8); SET @b = 'x'", [257]),
    ("SELECT nothing", [207]),
    ("SELECT a.name FROM sys.databases AS d", [4104]),
    ("SELECT name FROM sys.databases AS a CROSS JOIN sys.databases AS b", [209]),
    ("SELECT * FROM nowhere", [208]),
    ("SELECT * FROM sys.dm_hadr_automatic_seeding", [208]),
    ("SELECT seeding_mode FROM sys.availability_replicas", [207]),
    ("SELECT nofunction(1)", [195]),
    ("SELECT dbo.nofunction(1)", [4121]),
    ("SELECT LEN()", [174]),
    ("SELECT name, COUNT(*) FROM sys.databases", [8120]),
    ("SELECT 1 WHERE 1", [4145]),
    ("SELECT 1 LIMIT 5", [102]),
    ("SELECT 'a' || 'b'", [102]),
    ("SELEC 1", [2812]),
    ("SELECT FROM sys.databases", [156]),
    ("SELECT 'abc", [105]),
    ("SELECT 1 /* open", [113]),
    ("SELECT @x", [137]),
    ("DECLARE @x int, @x int", [134]),
    ("EXEC no_such_procedure", [2812]),
    ("EXEC sp_executesql 'SELECT 1'", [214]),
    ("EXEC sp_executesql N'SELECT @a', N'@a int'", [8178]),
    ("BREAK", [135]),
    ("COMMIT", [3902]),
    ("ROLLBACK", [3903]),
    ("SET NONSENSE ON", [195]),
    ("USE nowhere", [911]),
    ("SELECT (SELECT name FROM sys.databases)", [512]),
    ("SELECT * FROM (SELECT 1) AS d", [8155]),
    ("SELECT 1 UNION SELECT 1, 2", [205]),
    ("SELECT name FROM sys.databases ORDER BY 5", [108]),
    ("THROW 40000, N'too low', 1", [35100]),
    ("THROW", [10704]),
    ("GO", [2812]),
]


@pytest.mark.parametrize(("text", "numbers"), ERRORS)
def test_a_mistake_has_the_number_of_the_real_thing(session: Session, text: str, numbers: list[int]) -> None:
    assert run(session, text).numbers == numbers


def test_what_the_lab_cannot_do_is_not_a_success(session: Session) -> None:
    answer = run(session, "MERGE t USING s ON 1 = 1 WHEN MATCHED THEN DELETE;")
    assert answer.numbers == [999_999]
    assert "lab does not model" in answer.errors[0].message


def test_an_error_names_its_line(session: Session) -> None:
    assert run(session, "SELECT 1\nSELECT 2\n\nSELECT 1/0").errors[0].line == 4


def test_a_run_time_error_ends_the_statement_and_a_conversion_error_the_batch(session: Session) -> None:
    assert ok_rows(session, "SELECT 1/0; SELECT 2") == [(2,)]
    assert ok_rows(session, "SELECT CAST('x' AS int); SELECT 2") == []


def ok_rows(session: Session, text: str) -> list[tuple[Any, ...]]:
    answer = run(session, text)
    return [row for result in answer.results for row in result.rows]


def test_control_flow(session: Session) -> None:
    text = """
    DECLARE @i int = 0, @out nvarchar(100) = N'';
    WHILE @i < 10
    BEGIN
        SET @i += 1;
        IF @i % 2 = 0 CONTINUE;
        IF @i > 7 BREAK
        ELSE SET @out = @out + CAST(@i AS nvarchar(2));
    END
    PRINT @out;
    RETURN;
    PRINT 'never';
    """
    assert [message.message for message in ok(session, text).messages] == ["1357"]


def test_catch_sees_the_error_and_goes_on(session: Session) -> None:
    text = """
    BEGIN TRY
        SELECT 1/0;
    END TRY
    BEGIN CATCH
        SELECT ERROR_NUMBER(), ERROR_SEVERITY(), ERROR_LINE(), ERROR_MESSAGE();
    END CATCH
    SELECT ERROR_NUMBER();
    """
    answer = ok(session, text)
    assert answer.results[-2].rows == [(8134, 16, 3, "Divide by zero error encountered.")]
    assert answer.rows == [(None,)]


def test_throw_again_and_raiserror(session: Session) -> None:
    answer = run(
        session, "BEGIN TRY RAISERROR(N'%s is %d', 16, 3, N'x', 7) END TRY BEGIN CATCH THROW; END CATCH SELECT 1"
    )
    assert [(e.number, e.message, e.state) for e in answer.errors] == [(50000, "x is 7", 3)]
    assert not answer.results, "THROW ends the batch"
    answer = run(session, "RAISERROR(N'only news', 10, 1) WITH NOWAIT; RAISERROR('bad', 16, 1); SELECT 1")
    assert [message.message for message in answer.messages] == ["only news"]
    assert answer.numbers == [50000]
    assert answer.rows == [(1,)], "RAISERROR does not end the batch"


def test_an_error_of_compilation_is_caught_one_level_up_only(session: Session) -> None:
    assert run(session, "BEGIN TRY SELECT * FROM nowhere END TRY BEGIN CATCH PRINT 'no' END CATCH").numbers == [208]
    answer = ok(session, "BEGIN TRY EXEC('SELECT * FROM nowhere') END TRY BEGIN CATCH PRINT ERROR_NUMBER() END CATCH")
    assert [message.message for message in answer.messages] == ["208"]


def test_dynamic_sql_with_parameters_and_output(session: Session) -> None:
    text = """
    DECLARE @n int, @name sysname = N'master';
    EXEC sp_executesql N'SELECT @n = database_id FROM sys.databases WHERE name = @name', N'@name sysname, @n
        int OUTPUT',
        @name = @name, @n = @n OUTPUT;
    SELECT @n;
    EXEC('DECLARE @n int; USE msdb; SELECT DB_NAME()');
    SELECT DB_NAME();
    """
    answer = ok(session, text)
    assert [result.rows for result in answer.results] == [[(1,)], [("msdb",)], [("master",)]]


def test_parameters_of_the_client(session: Session) -> None:
    parameters = (
        Parameter("@a", "nvarchar(10)", "x'y"),
        Parameter("@b", "int", 4),
        Parameter("@c", "int", None, output=True),
    )
    answer = ok(session, "SET @c = @b * 2; SELECT @a, @b", *parameters)
    assert answer.rows == [("x'y", 4)]
    assert session.outputs == {"@c": 8}


def test_nocount_and_rowcount(session: Session) -> None:
    answer = ok(session, "SELECT 1; SELECT @@ROWCOUNT; SET NOCOUNT ON; SELECT 1")
    assert [event.count for event in answer.events if isinstance(event, Done)] == [1, 1, None]


def test_waiting_ends_when_the_client_cancels(session: Session) -> None:
    events = session.execute("PRINT 'a'; WHILE 1 = 1 PRINT 'b'")
    next(events)
    next(events)
    session.cancel()
    assert len(list(events)) < 50
    assert ok(session, "SELECT 1").value == 1


QUERIES: list[tuple[str, list[tuple[Any, ...]]]] = [
    ("SELECT x FROM (VALUES (3), (1), (2)) AS v(x) ORDER BY x DESC", [(3,), (2,), (1,)]),
    ("SELECT TOP (2) x FROM (VALUES (3), (1), (2)) AS v(x) ORDER BY x", [(1,), (2,)]),
    ("SELECT x FROM (VALUES (1), (2), (3)) AS v(x) ORDER BY x OFFSET 1 ROWS FETCH NEXT 1 ROWS ONLY", [(2,)]),
    ("SELECT DISTINCT x FROM (VALUES ('a'), ('A'), ('b')) AS v(x)", [("a",), ("b",)]),
    (("SELECT k, SUM(n), COUNT(*) FROM (VALUES ('a', 1), ('A', 2), ('b', 5)) AS v(k, n) GROUP BY k HAVING "
     "SUM(n) > 2 ORDER BY k"),
     [("a", 3, 2), ("b", 5, 1)]),
    ("SELECT MAX(x), MIN(x), AVG(x) FROM (VALUES (1), (2), (NULL)) AS v(x)", [(2, 1, 1)]),
    ("SELECT COUNT(*) FROM (VALUES (1)) AS v(x) WHERE x = 2", [(0,)]),
    (("SELECT a.x, b.y FROM (VALUES (1), (2)) AS a(x) LEFT JOIN (VALUES (2, 'two')) AS b(x, y) ON a.x = b.x "
     "ORDER BY a.x"),
     [(1, None), (2, "two")]),
    ("SELECT a.x, b.x FROM (VALUES (1), (2)) AS a(x) FULL OUTER JOIN (VALUES (2), (3)) AS b(x) ON a.x = b.x",
     [(1, None), (2, 2), (None, 3)]),
    (("WITH c AS (SELECT 1 AS x UNION ALL SELECT 2), d(y) AS (SELECT x * 10 FROM c) SELECT y FROM d ORDER BY "
     "y"), [(10,), (20,)]),
    ("SELECT x FROM (VALUES (1), (2)) AS v(x) EXCEPT SELECT 2", [(1,)]),
    (("SELECT v.x, w.m FROM (VALUES (1), (2)) AS v(x) CROSS APPLY (SELECT MAX(y) AS m FROM (VALUES (1), (5)) "
     "AS q(y) WHERE y >= v.x) AS w"),
     [(1, 5), (2, 5)]),
    ("SELECT x, ROW_NUMBER() OVER (PARTITION BY x % 2 ORDER BY x DESC) FROM (VALUES (1), (2), (3)) AS v(x) ORDER BY x",
     [(1, 2), (2, 1), (3, 1)]),
    (("SELECT x FROM (VALUES (1), (2), (3)) AS v(x) WHERE EXISTS (SELECT 1 FROM (VALUES (2), (3)) AS w(y) "
     "WHERE w.y = v.x)"),
     [(2,), (3,)]),
    ("SELECT x FROM (VALUES (1), (2), (3)) AS v(x) WHERE x >= ALL (SELECT y FROM (VALUES (2), (3)) AS w(y))", [(3,)]),
]  # fmt: skip


@pytest.mark.parametrize(("text", "rows"), QUERIES)
def test_queries(session: Session, text: str, rows: list[tuple[Any, ...]]) -> None:
    assert ok(session, text).rows == rows
