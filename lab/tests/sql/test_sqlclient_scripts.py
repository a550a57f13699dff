"""System.Data.SqlClient from PowerShell scripts, as an administrator writes them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import lab.sql.sqlclient
from lab.powershell import api
from lab.powershell.runspace import Result, Runspace
from lab.sql import engine
from lab.sql.api import Column, Done, Event, Parameter, ResultSet, Session, SqlError
from lab.testing.tds import FakeInstance, FakeSession
from lab.world import Identity, Machine, World

assert lab.sql.sqlclient  # importing it registers the types

COLUMNS = (Column("name", "sysname"), Column("sid", "varbinary(85)"), Column("size", "bigint"))


def handler(session: FakeSession, text: str, parameters: tuple[Parameter, ...]) -> Iterator[Event]:
    if text == "SELECT @@SERVERNAME":
        yield ResultSet((Column("", "nvarchar(128)"),), [("SQL1",)])
    elif text == "rows":
        yield ResultSet(COLUMNS, [("sa", b"\x01\x02", 2**40), ("other", None, 1)])
        yield Done(2)
        yield ResultSet((Column("n", "int"),), [(7,)])
        yield Done(1)
    elif "SERVERPROPERTY('ProductVersion')" in text:
        yield ResultSet((Column("", "nvarchar(30)"),), [("11.0.7001.0",)])
        yield Done(1)
    elif text == "echo":
        columns = tuple(Column(one.name, one.type) for one in parameters)
        yield ResultSet(columns, [tuple(one.value for one in parameters)])
    elif text == "fail":
        yield SqlError(15025, "The server principal 'x' already exists.", state=2)
        yield SqlError(3013, "And another.")
    yield Done(1)


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    world = World(tmp_path, {}, 0)
    machine = Machine(world, "SQL1", "test", "TEST", "127.42.5.131", "127.42.5.131", ("sql",))
    world.add(machine)
    instance = FakeInstance(handler)

    def connect(world: World, from_machine: Machine, server: str, **options: Any) -> Session:
        if server == "nowhere":
            raise SqlError(53, "A network-related or instance-specific error occurred.", level=20, state=0)
        return instance.login("sa", "right", options["database"])

    monkeypatch.setattr(engine, "connect", connect)
    space = Runspace(api.Session(machine, Identity("TEST\\installer", "S-1-5-21-1")))

    def run(script: str, arguments: dict[str, Any] | None = None) -> Result:
        found = space.run(script, arguments)
        assert found.terminated is None, found.terminated.message
        assert not found.errors
        return found

    yield run
    world.network.stop()


OPEN = "$c = New-Object System.Data.SqlClient.SqlConnection 'Server=.;Integrated Security=SSPI'; $c.Open();"


def test_rows_as_a_table_of_values(run: Any) -> None:
    found = run(
        OPEN
        + """
        $command = $c.CreateCommand()
        $command.CommandText = 'rows'
        $reader = $command.ExecuteReader()
        $out = do {
            while ($reader.Read()) {
                $row = @{}
                for ($i = 0; $i -lt $reader.FieldCount; $i++) {
                    $value = $reader.GetValue($i)
                    if ($value -is [DBNull]) { $value = $null }
                    if ($value -is [byte[]]) { $value = '0x' + (($value | ForEach-Object { '{0:X2}' -f $_ }) -join '') }
                    $row[$reader.GetName($i)] = $value
                }
                New-Object psobject -Property $row
            }
        } while ($reader.NextResult())
        $reader.Close()
        $c.Close()
        $out | ForEach-Object { "$($_.name)|$($_.sid)|$($_.size)|$($_.n)" }
        $c.State -eq 'Closed'
        """
    )
    assert found.output == ["sa|0x0102|1099511627776|", "other||1|", "|||7", True]


def test_parameters_and_scalar(run: Any) -> None:
    found = run(
        "param($text, $number)"
        + OPEN
        + """
        $command = New-Object System.Data.SqlClient.SqlCommand 'echo', $c
        [void]$command.Parameters.AddWithValue('@text', $text)
        $command.Parameters.AddWithValue('@number', $number) | Out-Null
        $command.Parameters.Add('@bytes', [Data.SqlDbType]::VarBinary, 85).Value = [byte[]](1, 2, 255)
        $command.Parameters.Add('@none', [System.Data.SqlDbType]::NVarChar, 10).Value = [DBNull]::Value
        $command.ExecuteScalar()
        $r = $command.ExecuteReader()
        $null = $r.Read()
        $r['@text']; $r[1]; $r[2].Length; $r.IsDBNull(3); $r['@none'] -eq [DBNull]::Value
        $r.Dispose()
        """,
        {"text": "It's; DROP", "number": 7},
    )
    assert found.output == ["It's; DROP", "It's; DROP", 7, 3, True, True]


def test_error_numbers_reach_the_catch_block(run: Any) -> None:
    found = run(
        OPEN
        + """
        $command = New-Object System.Data.SqlClient.SqlCommand('fail', $c)
        try { [void]$command.ExecuteNonQuery() } catch {
            $_.Exception.GetType().FullName
            $_.Exception.InnerException.GetType().FullName
            $_.Exception.InnerException.Number
            $_.Exception.InnerException.Errors.Count
            $_.Exception.InnerException.Errors[1].Number
            $_.FullyQualifiedErrorId
        }
        try { [void]$command.ExecuteNonQuery() }
        catch [System.Data.SqlClient.SqlException] { "typed $($_.Exception.Number)" }
        try { (New-Object Data.SqlClient.SqlConnection 'Server=nowhere;Integrated Security=true').Open() }
        catch { $_.Exception.Message }
        """
    )
    assert found.output == [
        "System.Management.Automation.MethodInvocationException",
        "System.Data.SqlClient.SqlException",
        15025,
        2,
        3013,
        "SqlException",
        "typed 15025",
        'Exception calling "Open" with "0" argument(s): "A network-related or instance-specific error occurred."',
    ]


def test_the_builder(run: Any) -> None:
    found = run(
        """
        $b = New-Object System.Data.SqlClient.SqlConnectionStringBuilder
        $b['Data Source'] = 'SQL1'
        $b['Integrated Security'] = $true
        $b.ConnectionString
        try { $b.DataSource = 'x' } catch { $_.Exception.Message }
        $c = New-Object System.Data.SqlClient.SqlConnection $b.ConnectionString
        $c.DataSource
        """
    )
    assert found.output[0] == "Data Source=SQL1;Integrated Security=True"
    assert "Keyword not supported: 'datasource'" in found.output[1]
    assert found.output[2] == "SQL1"
