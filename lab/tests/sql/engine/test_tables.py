"""Tables: definitions, changes, constraints, transactions, permissions."""

from __future__ import annotations

import threading

import pytest

from lab.sql.api import Session
from lab.tests.sql.engine.conftest import Servers, ok, run


@pytest.fixture
def table(database: Session) -> Session:
    ok(database, """CREATE TABLE dbo.Customers (
        Id int IDENTITY(1,1) NOT NULL CONSTRAINT PK_Customers PRIMARY KEY CLUSTERED,
        Name nvarchar(10) NOT NULL CONSTRAINT UQ_Name UNIQUE,
        Level int NOT NULL CONSTRAINT DF_Level DEFAULT (1) CONSTRAINT CK_Level CHECK (Level BETWEEN 1 AND 9),
        Made datetime NULL DEFAULT GETDATE())""")  # fmt: skip
    ok(database, "INSERT INTO dbo.Customers (Name) VALUES (N'Ann'), (N'Bob')")
    return database


def test_insert_gives_identity_and_defaults(table: Session) -> None:
    answer = ok(table, "SELECT Id, Name, Level, CASE WHEN Made IS NULL THEN 0 ELSE 1 END FROM Customers")
    assert answer.rows == [(1, "Ann", 1, 1), (2, "Bob", 1, 1)]
    assert ok(table, "SELECT CAST(SCOPE_IDENTITY() AS int), CAST(@@IDENTITY AS int)").rows == [(2, 2)]


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("INSERT Customers (Name) VALUES ('ANN')", 2627),
        ("INSERT Customers (Name) VALUES (NULL)", 515),
        ("INSERT Customers (Name, Level) VALUES ('x', 10)", 547),
        ("INSERT Customers (Name) VALUES ('more than ten characters')", 8152),
        ("INSERT Customers (Id, Name) VALUES (9, 'x')", 544),
        ("INSERT Customers (Name, Nothing) VALUES ('x', 1)", 207),
        ("INSERT Customers (Name) VALUES ('x', 1)", 110),
        ("INSERT Customers VALUES ('x')", 213),
        ("UPDATE Customers SET Name = 'Bob' WHERE Id = 1", 2627),
        ("UPDATE Customers SET Id = 5", 8102),
        ("CREATE TABLE dbo.Customers (a int)", 2714),
        ("CREATE TABLE nowhere.t (a int)", 2760),
        ("CREATE TABLE t (a int, A int)", 2705),
        ("CREATE TABLE t (a nothing)", 2715),
        ("DROP TABLE nothing", 3701),
        ("ALTER TABLE Customers ADD x int NOT NULL", 4901),
        ("CREATE UNIQUE INDEX i ON Customers (Level)", 1505),
        ("INSERT sys.databases (name) VALUES ('x')", 4406),
        ("TRUNCATE TABLE nothing", 4701),
    ],
)
def test_what_breaks_a_rule_changes_nothing(table: Session, text: str, number: int) -> None:
    before = ok(table, "SELECT Id, Name, Level FROM Customers").rows
    assert number in run(table, text).numbers
    assert ok(table, "SELECT Id, Name, Level FROM Customers").rows == before


def test_update_delete_and_output(table: Session) -> None:
    answer = ok(
        table, "UPDATE c SET Level += 2 OUTPUT deleted.Level, inserted.Level FROM Customers AS c WHERE c.Name LIKE 'A%'"
    )
    assert answer.rows == [(1, 3)]
    ok(table, "UPDATE c SET Name = s.n FROM Customers c JOIN (VALUES (2, N'Zoe')) AS s(i, n) ON s.i = c.Id")
    assert ok(table, "SELECT Name, Level FROM Customers ORDER BY Id").rows == [("Ann", 3), ("Zoe", 1)]
    assert ok(table, "DELETE FROM Customers OUTPUT deleted.Name WHERE Id = 2").rows == [("Zoe",)]
    ok(table, "TRUNCATE TABLE Customers")
    assert ok(table, "SELECT COUNT(*) FROM Customers").value == 0


def test_foreign_keys(table: Session) -> None:
    ok(table, "CREATE TABLE Orders (Id int PRIMARY KEY, Customer int NOT NULL REFERENCES dbo.Customers (Id))")
    assert run(table, "INSERT Orders VALUES (1, 77)").numbers == [547]
    ok(table, "INSERT Orders VALUES (1, 1)")
    assert run(table, "DELETE Customers WHERE Id = 1").numbers == [547]
    assert run(table, "DROP TABLE Customers").numbers == [3726]


def test_columns_come_and_go(table: Session) -> None:
    ok(table, "ALTER TABLE Customers ADD Note nvarchar(20) NULL, Flag bit NOT NULL DEFAULT 1")
    assert ok(table, "SELECT Note, Flag FROM Customers").rows == [(None, True), (None, True)]
    ok(table, "ALTER TABLE Customers DROP COLUMN Note")
    assert run(table, "SELECT Note FROM Customers").numbers == [207]
    columns = ok(table, "SELECT * FROM Customers").results[0].columns
    assert [one.name for one in columns] == ["Id", "Name", "Level", "Made", "Flag"]


def test_temporary_tables_and_table_variables(table: Session) -> None:
    ok(table, "SELECT Id, Name INTO #c FROM Customers")
    assert ok(table, "INSERT #c (Id, Name) EXEC('SELECT 7, N''x'''); SELECT COUNT(*) FROM #c").value == 3
    assert ok(table, "DECLARE @t TABLE (a int); INSERT @t VALUES (1), (2); SELECT SUM(a) FROM @t").value == 3
    assert run(table, "EXEC('CREATE TABLE #inner (a int)'); SELECT * FROM #inner").numbers == [208]
    assert run(table, "SELECT * FROM @t").numbers == [1087]


def test_views_and_procedures(table: Session) -> None:
    ok(table, "CREATE VIEW dbo.Names AS SELECT Name FROM dbo.Customers")
    assert ok(table, "SELECT * FROM Names ORDER BY Name").rows == [("Ann",), ("Bob",)]
    ok(
        table,
        "CREATE PROCEDURE dbo.Find @id int, @name nvarchar(10) = NULL OUTPUT AS SELECT @name = Name FROM "
        "Customers WHERE Id = @id RETURN 5",
    )
    answer = ok(table, "DECLARE @n nvarchar(10), @r int; EXEC @r = dbo.Find @id = 2, @name = @n OUTPUT; SELECT @n, @r")
    assert answer.rows == [("Bob", 5)]
    assert run(table, "EXEC Find").numbers == [201]


def test_a_transaction_is_kept_whole_or_not_at_all(table: Session) -> None:
    ok(table, "BEGIN TRAN; DELETE Customers; ROLLBACK")
    assert ok(table, "SELECT COUNT(*) FROM Customers").value == 2
    ok(table, "BEGIN TRAN; DELETE Customers WHERE Id = 1; SAVE TRAN s; DELETE Customers; ROLLBACK TRAN s; COMMIT")
    assert ok(table, "SELECT COUNT(*), @@TRANCOUNT FROM Customers").rows == [(1, 0)]
    answer = run(
        table, "BEGIN TRAN; INSERT Customers (Name) VALUES ('C'); INSERT Customers (Name) VALUES ('C'); COMMIT"
    )
    assert answer.numbers == [2627]
    assert ok(table, "SELECT COUNT(*) FROM Customers").value == 2, "without XACT_ABORT only the statement is undone"
    run(
        table,
        "SET XACT_ABORT ON; BEGIN TRAN; INSERT Customers (Name) VALUES ('D'); INSERT Customers (Name) VALUES "
        "('D'); COMMIT",
    )
    assert ok(table, "SELECT COUNT(*), @@TRANCOUNT FROM Customers").rows == [(2, 0)]


def test_xact_abort_dooms_the_transaction_inside_try(table: Session) -> None:
    text = """SET XACT_ABORT ON;
    BEGIN TRY BEGIN TRAN; INSERT Customers (Name) VALUES ('Ann'); COMMIT; END TRY
    BEGIN CATCH SELECT XACT_STATE(); IF XACT_STATE() <> 0 ROLLBACK; END CATCH"""
    assert ok(table, text).rows == [(-1,)]


def test_others_see_what_is_committed_only_and_writers_wait(servers: Servers, table: Session) -> None:
    other = servers.as_installer("SQL2", "Work")
    ok(table, "BEGIN TRAN; DELETE Customers WHERE Id = 1")
    assert ok(other, "SELECT COUNT(*) FROM Customers").value == 2
    assert run(other, "SET LOCK_TIMEOUT 100; DELETE Customers WHERE Id = 2").numbers == [1222]
    threading.Timer(0.2, lambda: ok(table, "COMMIT")).start()
    ok(other, "SET LOCK_TIMEOUT -1; DELETE Customers WHERE Id = 2")
    assert ok(other, "SELECT COUNT(*) FROM Customers").value == 0


def test_implicit_transactions(table: Session) -> None:
    ok(table, "SET IMPLICIT_TRANSACTIONS ON")
    ok(table, "DELETE Customers")
    assert ok(table, "SELECT @@TRANCOUNT").value == 1
    ok(table, "IF @@TRANCOUNT > 0 ROLLBACK TRAN; SET IMPLICIT_TRANSACTIONS OFF")
    assert ok(table, "SELECT COUNT(*) FROM Customers").value == 2


def test_three_part_names(table: Session) -> None:
    ok(table, "USE master")
    assert ok(table, "SELECT Name FROM Work.dbo.Customers WHERE Work.dbo.Customers.Id = 1").rows == [("Ann",)]
    assert ok(table, "SELECT COUNT(*) FROM Work..Customers").value == 2


def test_users_reach_only_what_they_are_granted(servers: Servers, table: Session) -> None:
    ok(
        table,
        "CREATE USER reader WITHOUT LOGIN; CREATE USER nobody WITHOUT LOGIN; GRANT SELECT ON dbo.Customers TO reader",
    )
    ok(table, "EXECUTE AS USER = 'reader'; SELECT * FROM Customers; REVERT")
    assert run(table, "EXECUTE AS USER = 'reader'; DELETE Customers").numbers == [229]
    assert ok(table, "REVERT; SELECT USER_NAME()").value == "dbo"
    assert run(table, "EXECUTE AS USER = 'nobody'; SELECT * FROM Customers").numbers == [229]
    ok(table, "REVERT; ALTER ROLE db_datareader ADD MEMBER nobody; DENY SELECT ON SCHEMA::dbo TO nobody")
    assert run(table, "EXECUTE AS USER = 'nobody'; SELECT * FROM Customers").numbers == [229]
