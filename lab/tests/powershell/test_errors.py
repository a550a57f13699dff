"""Errors: which ones end a statement, which ones end a script, what a catch block sees."""

from __future__ import annotations

from typing import Any

import pytest

from lab.powershell.api import NotModelledError


def ids(result: Any) -> list[str]:
    return [error.error_id for error in result.errors]


def test_a_failed_statement_does_not_end_the_script(run: Any) -> None:
    result = run("'a'; [int]'x'; 'b'")
    assert result.output == ["a", "b"]
    assert ids(result) == ["InvalidCastFromStringToInteger"]
    assert result.terminated is None


def test_throw_ends_the_script(run: Any) -> None:
    result = run("'a'; throw 'boom'; 'b'")
    assert result.output == ["a"]
    assert result.terminated.message == "boom"


def test_output_before_an_error_in_a_pipeline_is_kept(run: Any) -> None:
    result = run("1..3 | ForEach-Object { if ($_ -eq 3) { throw 'x' }; $_ }")
    assert result.output == [1, 2]
    assert result.terminated is not None


@pytest.mark.parametrize("preference", ["SilentlyContinue", "Ignore"])
def test_silent_errors(run: Any, preference: str) -> None:
    result = run(f"Write-Error 'x' -ErrorAction {preference}; $?; $Error.Count")
    assert result.errors == []
    assert result.output == [False, 0 if preference == "Ignore" else 1]


def test_stop_turns_a_soft_error_into_a_terminating_one(run: Any) -> None:
    result = run("$ErrorActionPreference = 'Stop'; try { Write-Error 'x'; 'no' } catch { \"c: $_\" }")
    assert result.output == ["c: x"]
    assert run("$ErrorActionPreference = 'Stop'; [int]'x'; 'no'").terminated is not None


def test_typed_catch_sees_the_inner_exception(run: Any) -> None:
    script = """
    try { [int]::Parse('x') } catch [System.FormatException] { $_.Exception.GetType().Name }
    try { [int]::Parse('x') } catch { $_.Exception.GetType().Name }
    try { throw (New-Object System.IO.FileNotFoundException 'gone') } catch [System.IO.IOException] { "io: $_" }
    try { try { throw 'a' } catch [System.IO.IOException] { 'no' } } catch { 'outer' }
    """
    assert run(script).output == ["FormatException", "MethodInvocationException", "io: gone", "outer"]


def test_finally_runs_on_every_way_out(run: Any) -> None:
    result = run("function f { try { return 1 } finally { 'f' } }; f; try { throw 'x' } finally { 'g' }")
    assert result.output == [1, "f", "g"]
    assert result.terminated.message == "x"


def test_error_record(run: Any) -> None:
    script = "\n".join(
        [
            "try {",
            "    Get-Variable nothing -ErrorAction Stop",
            "} catch {",
            "    $_.CategoryInfo.Category; $_.CategoryInfo.Activity; $_.TargetObject",
            "    $_.InvocationInfo.ScriptLineNumber; $_.FullyQualifiedErrorId",
            "}",
        ]
    )
    category, *rest = run(script).output
    assert str(category) == "ObjectNotFound"
    assert rest == ["Get-Variable", "nothing", 2, "VariableNotFound,Microsoft.PowerShell.Commands.GetVariableCommand"]


def test_error_variable_and_redirection(run: Any) -> None:
    result = run(
        "Write-Error 'a' -ErrorVariable e -ErrorAction SilentlyContinue; \"$($e[0])\"; $r = Write-Error 'b' 2>&1; "
        '"$r"'
    )
    assert result.output == ["a", "b"]
    assert result.errors == []


def test_error_action_of_streaming_cmdlets(run: Any) -> None:
    script = "1, 2 | Select-Object -ExpandProperty Nope"
    identity = "ExpandPropertyNotFound,Microsoft.PowerShell.Commands.SelectObjectCommand"
    assert ids(run(script)) == [identity, identity]
    assert ids(run(f"{script} -ErrorAction SilentlyContinue")) == []
    assert run(f"{script} -ErrorAction Stop; 'no'").terminated.error_id == identity


def test_warnings(run: Any) -> None:
    result = run(
        "Write-Warning 'w'; Write-Warning 'v' 3>$null; Write-Warning 'u' -WarningAction SilentlyContinue; "
        "Write-Verbose 'x'"
    )
    assert result.warnings == ["w"]


def test_exit_gives_the_code(run: Any) -> None:
    result = run("'a'; & { exit 3 }; 'b'")
    assert (result.output, result.exit_code, result.terminated) == (["a"], 3, None)


def test_a_script_cannot_catch_the_labs_limits(run: Any) -> None:
    with pytest.raises(NotModelledError, match="Show-Command"):
        run("try { Show-Command } catch { 'caught' } finally { 'f' }")


@pytest.mark.parametrize(
    ("script", "error_id"),
    [
        ("1/0", "RuntimeException"),
        ("$null.Foo()", "InvokeMethodOnNull"),
        ("'a'.Foo()", "MethodNotFound"),
        ("'abc'.Substring(5)", "ArgumentOutOfRangeException"),
        ("'abc'.Substring('a', 'b', 'c')", "MethodCountCouldNotFindBest"),
        ("$null[0]", "NullArray"),
        ("[Nope]::X", "TypeNotFound"),
        ("$a = @(1); $a[5] = 1", "System.IndexOutOfRangeException"),
        ("@{a=1} + 1", "AddHashTableToNonHashTable"),
        ("'a' -match '('", "RuntimeException"),
        ("1 -lt 'x'", "ComparisonFailure"),
        ("[datetime]'nonsense'", "InvalidCastParseTargetInvocationWithFormatProvider"),
        ("& 'Get-Nope'", "CommandNotFoundException"),
        ("$true = 1", "VariableNotWritable"),
        ("New-Object Nope.Nope", "TypeNotFound,Microsoft.PowerShell.Commands.NewObjectCommand"),
        ("Import-Module Nope", "Modules_ModuleNotFound,Microsoft.PowerShell.Commands.ImportModuleCommand"),
        ("Set-StrictMode -Version 2; $undefined", "VariableIsUndefined"),
        ("[scriptblock]::Create('if (')", "ParseException"),
        ("[System.DayOfWeek]'Nonday'", "SubstringDisambiguationEnumParseThrewAnException"),
    ],
)
def test_error_ids(run: Any, script: str, error_id: str) -> None:
    result = run(script)
    assert ids(result) == [error_id]
