"""Catalog views: names without case, types for the wire, nothing from later versions."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lab.sql.api import Session
from lab.sql.engine.catalog.registry import NOT_MODELLED, VIEWS
from lab.sql.engine.procedures.registry import NOT_MODELLED as PROCEDURES_NOT_MODELLED
from lab.sql.engine.procedures.registry import PROCEDURES
from lab.sql.engine.types import parse_type
from lab.tests.sql.engine.conftest import ok, run


@pytest.mark.parametrize("name", sorted(view.name for view in VIEWS.values()))
def test_every_view_can_be_read_and_every_value_fits_its_type(session: Session, name: str) -> None:
    answer = ok(session, f"SELECT * FROM {name}")
    families = {"text": (str,), "binary": (bytes,), "integer": (int, bool), "variant": (object,)}
    for row in answer.rows:
        for column, value in zip(answer.results[0].columns, row, strict=True):
            allowed = families.get(parse_type(column.type).family)
            if value is not None and allowed:
                assert isinstance(value, allowed), (column, value)
                assert column.type != "bit" or isinstance(value, bool), (column, value)
                limit = parse_type(column.type).limit
                assert not limit or not isinstance(value, str | bytes) or len(value) <= limit, (column, value)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.randoms())
def test_names_are_found_whatever_their_case(session: Session, random: Random) -> None:
    def shake(text: str) -> str:
        return "".join(char.upper() if random.random() < 0.5 else char.lower() for char in text)

    text = (
        f"{shake('select')} {shake('name')} {shake('from')} {shake('sys.databases')} {shake('where')} "
        f"{shake('name')} = '{shake('master')}'"
    )
    assert ok(session, text).rows == [("master",)]
    assert run(
        session,
        f"SELECT {shake('d')}.{shake('name')} FROM {shake('master')}.{shake('sys')}.{shake('databases')} AS "
        f"{shake('d')}",
    ).rows


@pytest.mark.parametrize(
    "text",
    [
        "SELECT * FROM sys.dm_hadr_automatic_seeding",
        "SELECT * FROM sys.dm_hadr_physical_seeding_stats",
        "SELECT * FROM sys.database_scoped_configurations",
        "SELECT cluster_type FROM sys.availability_groups",
        "SELECT basic_features FROM sys.availability_groups",
        "SELECT seeding_mode FROM sys.availability_replicas",
        "SELECT secondary_lag_seconds FROM sys.dm_hadr_database_replica_states",
        "SELECT is_primary_replica FROM sys.dm_hadr_database_replica_states",
        "SELECT sys.fn_hadr_is_primary_replica('x')",
        "SELECT STRING_AGG(name, ',') FROM sys.databases",
    ],
)
def test_what_came_later_does_not_exist(session: Session, text: str) -> None:
    assert run(session, text).numbers[0] in (195, 207, 208, 4121)


def test_types_are_those_of_the_documentation(session: Session) -> None:
    answer = ok(
        session,
        "SELECT name, database_id, owner_sid, create_date, state_desc, group_database_id, is_read_only FROM "
        "sys.databases",
    )
    assert [column.type for column in answer.results[0].columns] == [
        "sysname",
        "int",
        "varbinary(85)",
        "datetime",
        "nvarchar(60)",
        "uniqueidentifier",
        "bit",
    ]
    assert (
        ok(session, "SELECT last_log_backup_lsn FROM sys.database_recovery_status").results[0].columns[0].type
        == "numeric(25,0)"
    )


def test_database_options_and_properties(database: Session) -> None:
    ok(database, "ALTER DATABASE Work SET RECOVERY BULK_LOGGED, AUTO_CLOSE ON")
    assert ok(database, "SELECT recovery_model_desc, is_auto_close_on FROM sys.databases WHERE name = 'Work'").rows == [
        ("BULK_LOGGED", True)
    ]
    assert run(database, "ALTER DATABASE nowhere SET RECOVERY FULL").numbers == [5011, 5069]
    assert run(database, "ALTER DATABASE Work SET NONSENSE").numbers == [102]
    assert run(database, "CREATE DATABASE work").numbers == [1801]
    assert run(database, "DROP DATABASE Work").numbers == [3702]


def test_describing_a_batch_runs_nothing(session: Session) -> None:
    columns = session.describe("CREATE DATABASE never; SELECT name, database_id AS n FROM sys.databases")
    assert columns is not None
    assert [(column.name, column.type) for column in columns] == [("name", "sysname"), ("n", "int")]
    assert session.describe("PRINT 'x'") is None
    assert ok(session, "SELECT DB_ID('never')").value is None


def test_builtin_permissions_of_the_server(session: Session) -> None:
    text = "SELECT permission_name, type, covering_permission_name FROM sys.fn_builtin_permissions(N'{}') ORDER BY 1"
    rows = run(session, text.format("server")).rows
    assert ("VIEW SERVER STATE", "VWSS", "ALTER SERVER STATE") in rows
    assert ("SHUTDOWN", "SHDN", "CONTROL SERVER") in rows
    assert len(rows) == 31
    ok(session, "CREATE LOGIN [grantee] WITH PASSWORD = N'Some-Password-1!'")
    for name, _, covering in rows:
        ok(session, f"GRANT {name} TO [grantee]")
        assert covering in {row[0] for row in rows} or name == "CONTROL SERVER"
    assert run(session, text.format("no such class")).rows == []
    assert "does not model" in str(run(session, text.format("DATABASE")).errors[0])
    assert "does not model" in str(run(session, "SELECT 1 FROM sys.fn_listextendedproperty(1)").errors[0])
    assert run(session, "SELECT 1 FROM sys.fn_nothing(1)").errors[0].number == 208


@pytest.mark.parametrize("name", ["sys.databases", "sys.dm_hadr_database_replica_states", "sp_executesql"])
def test_what_the_system_has_has_an_id(session: Session, name: str) -> None:
    assert ok(session, f"SELECT OBJECT_ID(N'{name}')").value is not None


@pytest.mark.parametrize(
    "name", ["sys.dm_os_wait_stats", "sys.all_objects", "sys.sp_tables", "sp_tables", "master..xp_cmdshell"]
)
def test_a_script_that_asks_whether_it_is_there_gets_no_false_no(session: Session, name: str) -> None:
    said = str(run(session, f"IF OBJECT_ID(N'{name}') IS NULL SELECT 1").errors[0].message)
    assert said.startswith("The lab does not model the ")


@pytest.mark.parametrize("name", ["dbo.Nothing", "sys.dm_hadr_automatic_seeding", "sp_my_own"])
def test_what_is_not_there_has_no_id(session: Session, name: str) -> None:
    assert ok(session, f"SELECT OBJECT_ID(N'{name}')").value is None


@pytest.mark.parametrize("name", sorted(NOT_MODELLED))
def test_a_view_that_nobody_needed_is_not_modelled(session: Session, name: str) -> None:
    assert name not in VIEWS
    said = str(run(session, f"SELECT * FROM {name}").errors[0].message)
    assert said == f"The lab does not model the view {name}. SQL Server 2012 would accept it."


@pytest.mark.parametrize("name", sorted(VIEWS))
def test_a_column_that_nobody_needed_is_not_modelled(session: Session, name: str) -> None:
    view = VIEWS[name]
    assert not {column.lower() for column, _ in view.columns} & set(view.not_modelled)
    for column in view.not_modelled:
        for text in (f"SELECT {column} FROM {name}", f"SELECT 1 FROM {name} AS v WHERE v.{column} IS NULL"):
            said = str(run(session, text).errors[0].message)
            assert said == f"The lab does not model the column {column} of {name}. SQL Server 2012 would accept it."
    everything = ok(session, f"SELECT * FROM {name}").results[0].columns
    assert [one.name for one in everything] == [column for column, _ in view.columns]
    assert run(session, f"SELECT no_such_column FROM {name}").numbers == [207]


def test_a_column_that_is_not_modelled_is_as_ambiguous_as_another(session: Session) -> None:
    text = "SELECT {} FROM sys.server_principals p JOIN sys.sql_logins l ON l.sid = p.sid"
    assert run(session, text.format("type_desc")).numbers == [209]
    assert run(session, text.format("l.type_desc")).numbers == [999999]


@pytest.mark.parametrize("name", ["sys.objects", "sys.triggers", "information_schema.columns"])
def test_a_view_that_is_not_modelled_is_not_denied_either(session: Session, name: str) -> None:
    assert run(session, f"SELECT OBJECT_ID('{name}')").numbers == [999999]
    assert ok(session, "SELECT OBJECT_ID('sys.databases')").value is not None


@pytest.mark.parametrize("name", sorted(PROCEDURES_NOT_MODELLED))
def test_a_procedure_that_nobody_needed_is_not_modelled(session: Session, name: str) -> None:
    assert name not in PROCEDURES
    said = str(run(session, f"EXEC master..{name}").errors[0].message)
    assert said == f"The lab does not model the procedure {name}. SQL Server 2012 would accept it."


@pytest.mark.parametrize(
    "text",
    [
        "SELECT * FROM sys.foreign_key_columns",
        "SELECT * FROM sys.dm_os_wait_stats",
        "SELECT * FROM INFORMATION_SCHEMA.ROUTINES",
        "IF EXISTS (SELECT * FROM sys.triggers) SELECT 1",
        "SELECT * FROM sys.selective_xml_index_paths",
        "SELECT * FROM sysobjects",
        "SELECT * FROM dbo.sysprocesses",
        "SELECT * FROM master..sysperfinfo",
        "SELECT EOMONTH(GETDATE())",
        "SELECT FORMAT(1, 'N')",
        "SELECT PARSE('1' AS int)",
        "EXEC sp_tables",
        "EXEC master.dbo.xp_cmdshell 'dir'",
    ],
)
def test_what_sql_server_has_and_the_lab_does_not_is_not_denied(session: Session, text: str) -> None:
    assert run(session, text).numbers == [999999]


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("SELECT * FROM sys.query_store_query", 208),
        ("SELECT * FROM sys.nothing", 208),
        ("SELECT * FROM sys.databasez", 208),
        ("SELECT * FROM sys.sysxlgns", 208),
        ("SELECT * FROM master.sys.dm_nothing", 208),
        ("SELECT * FROM INFORMATION_SCHEMA.NOTHING", 208),
        ("SELECT NO_SUCH_FUNCTION(1)", 195),
        ("SELECT STRING_AGG(name, ',') FROM sys.databases", 195),
        ("EXEC sp_no_such_procedure", 2812),
    ],
)
def test_what_2012_does_not_have_is_denied(session: Session, text: str, number: int) -> None:
    assert run(session, text).numbers == [number]
