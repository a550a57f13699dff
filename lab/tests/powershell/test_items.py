"""The item cmdlets over a drive that keeps its items in memory, and console programs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from lab.powershell.api import DRIVES, PROGRAMS, Drive, ProgramResult, PSObject, Session, StreamingProgram
from lab.powershell.runspace import Runspace


class Memory(Drive):
    """Folders with properties, and texts."""

    def __init__(self) -> None:
        self.folders: dict[str, dict[str, Any]] = {"": {}, "Software": {}, "Software\\A": {"V": 1}, "Software\\B": {}}
        self.texts: dict[str, str] = {}
        self.encodings: list[str | None] = []

    def item(self, session: Session, path: str) -> PSObject | None:
        found = next((name for name in (*self.folders, *self.texts) if name.lower() == path.lower()), None)
        if found is None:
            return None
        last = found.rpartition("\\")[2]
        return PSObject(
            "Item", {"PSChildName": last, "PSIsContainer": found in self.folders, "PSPath": f"HKLM:\\{found}"}
        )

    def children(self, session: Session, path: str) -> Iterator[PSObject]:
        for name in self.folders:
            if name and name.rpartition("\\")[0].lower() == path.lower():
                found = self.item(session, name)
                assert found is not None
                yield found

    def properties(self, session: Session, path: str) -> PSObject | None:
        found = self.item(session, path)
        return None if found is None else PSObject("Values", dict(self.folders[path]))

    def set_property(self, session: Session, path: str, name: str, value: Any, kind: str | None) -> None:
        self.folders[path][name] = value

    def remove_property(self, session: Session, path: str, name: str) -> None:
        del self.folders[path][name]

    def new(self, session: Session, path: str, **options: Any) -> PSObject:
        self.folders[path] = {}
        found = self.item(session, path)
        assert found is not None
        return found

    def remove(self, session: Session, path: str, *, recurse: bool) -> None:
        del self.folders[path]

    def read_text(self, session: Session, path: str) -> str:
        return self.texts[path]

    def write_text(self, session: Session, path: str, text: str, encoding: str | None = None) -> None:
        self.texts[path] = text
        self.encodings.append(encoding)


@pytest.fixture
def drive(monkeypatch: pytest.MonkeyPatch) -> Memory:
    made = Memory()
    monkeypatch.setitem(DRIVES, "hklm", made)
    monkeypatch.setitem(DRIVES, "filesystem", made)
    return made


BRACKETS = (
    "foreach ($n in 'x a', 'x [ab]') { [void](New-ItemProperty HKLM:\\Software\\A -Name $n -Value ($n.Length - 1)) }\n"
)
"""Two properties, one with a name that is a pattern for the other."""


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        ("Test-Path HKLM:\\Software\\A; Test-Path HKLM:\\Nope; Test-Path Nope:\\x", [True, False, False]),
        ("Get-ChildItem HKLM:\\Software | ForEach-Object { $_.PSChildName }", ["A", "B"]),
        ("(Get-ChildItem HKLM:\\ -Recurse).Count", [3]),
        ("(Get-ItemProperty HKLM:\\Software\\A).V; (Get-ItemProperty -Path HKLM:\\Software\\A -Name V).V", [1, 1]),
        ("(Get-Item 'Registry::HKEY_LOCAL_MACHINE\\Software\\B').PSChildName", ["B"]),
        ("Set-ItemProperty HKLM:\\Software\\A V 2 -Type DWord; (Get-ItemProperty HKLM:\\Software\\A).V", [2]),
        (
            BRACKETS
            + "Remove-ItemProperty HKLM:\\Software\\A -Name 'x [ab]'; (Get-ItemProperty HKLM:\\Software\\A).'x [ab]'",
            [5],
        ),
        (
            BRACKETS + "Remove-ItemProperty -LiteralPath HKLM:\\Software\\A -Name 'x [ab]'; "
            "$left = Get-ItemProperty HKLM:\\Software\\A; @($left.PSObject.Properties | ForEach-Object { $_.Name })",
            ["V", "x a"],
        ),
        (BRACKETS + "(Get-ItemProperty HKLM:\\Software\\A -Name 'x [ab]').'x a'", [2]),
        (BRACKETS + "(Get-ItemProperty -LiteralPath HKLM:\\Software\\A -Name 'x [ab]').'x [ab]'", [5]),
        ("New-Item HKLM:\\Software\\C -Force | Out-Null; Test-Path HKLM:\\Software\\C", [True]),
        ("Remove-Item HKLM:\\Software\\B; Test-Path HKLM:\\Software\\B", [False]),
        ("Get-Item HKLM:\\Software\\* | ForEach-Object { $_.PSChildName }", ["A", "B"]),
        ("Get-Item HKLM:\\Software\\A | Remove-Item; Test-Path HKLM:\\Software\\A", [False]),
        ("Set-Content C:\\a.txt 'x','y'; Get-Content C:\\a.txt; (Get-Content C:\\a.txt -Raw).Length", ["x", "y", 6]),
        ("Add-Content C:\\b.txt 'x'; Add-Content C:\\b.txt 'y'; @(Get-Content C:\\b.txt).Count", [2]),
        ("'a' > C:\\c.txt; 'b' >> C:\\c.txt; (Get-Content C:\\c.txt) -join ','", ["a,b"]),
        ("Join-Path C:\\a b; Split-Path C:\\a\\b.txt; Split-Path C:\\a\\b.txt -Leaf", ["C:\\a\\b", "C:\\a", "b.txt"]),
    ],
)
def test_items(session: Session, drive: Memory, script: str, expected: list[Any]) -> None:
    result = Runspace(session).run(script)
    assert (result.output, [str(error) for error in result.errors]) == (expected, [])


@pytest.mark.parametrize(
    ("script", "error_id"),
    [
        ("Get-Item HKLM:\\Nope", "PathNotFound,Microsoft.PowerShell.Commands.GetItemCommand"),
        ("Get-Item Nope:\\x", "DriveNotFound,Microsoft.PowerShell.Commands.GetItemCommand"),
        ("Get-ChildItem IIS:\\Sites", "DriveNotFound,Microsoft.PowerShell.Commands.GetChildItemCommand"),
        (
            "Get-ItemProperty HKLM:\\Software\\A -Name Nope",
            "System.Management.Automation.PSArgumentException,Microsoft.PowerShell.Commands.GetItemPropertyCommand",
        ),
        ("Remove-Item HKLM:\\Nope", "PathNotFound,Microsoft.PowerShell.Commands.RemoveItemCommand"),
    ],
)
def test_missing_items(session: Session, drive: Memory, script: str, error_id: str) -> None:
    result = Runspace(session).run(script)
    assert [error.error_id for error in result.errors] == [error_id]


def test_encodings_of_written_files(session: Session, drive: Memory) -> None:
    """Content cmdlets write in the ANSI code page, Out-File and redirections in UTF-16, unless told otherwise."""
    Runspace(session).run(
        "Set-Content C:\\a 'x'; Set-Content C:\\b 'x' -Encoding UTF8; 'x' | Out-File C:\\c; 'x' > C:\\d"
    )
    assert [str(name).lower() for name in drive.encodings] == ["default", "utf8", "unicode", "unicode", "unicode"]


@pytest.fixture
def tool(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    seen: list[list[str]] = []

    def run(_: Session, arguments: list[str]) -> ProgramResult:
        seen.append(arguments)
        return ProgramResult(("out",), ("bad",), 3)

    monkeypatch.setitem(PROGRAMS, "tool.exe", run)
    return seen


def test_programs(session: Session, tool: list[list[str]]) -> None:
    result = Runspace(session).run(
        "$x = 'a b'; tool /Install \"/Products:$x\" -v 1.10 a,b 2>$null; $?; $LASTEXITCODE; $all = tool.exe 2>&1; "
        "$all.Count; $all[1].GetType().Name"
    )
    assert tool[0] == ["/Install", "/Products:a b", "-v", "1.10", "a", "b"]
    assert result.output == ["out", False, 3, 2, "ErrorRecord"]


def test_lines_of_a_program_come_while_it_works(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    happened: list[str] = []

    def work(_: Session, __: list[str], write: Callable[[str], None]) -> ProgramResult:
        for part in ("half", "whole"):
            write(part)
            happened.append(f"went on after {part}")
        return ProgramResult(("end",), (), 2)

    def note(_: Session, arguments: list[str]) -> ProgramResult:
        happened.append(f"read {arguments[0]}")
        return ProgramResult()

    monkeypatch.setitem(PROGRAMS, "work.exe", StreamingProgram(work))
    monkeypatch.setitem(PROGRAMS, "note.exe", note)
    result = Runspace(session).run("work | ForEach-Object { note $_ }; work; $LASTEXITCODE")
    assert happened[:5] == ["read half", "went on after half", "read whole", "went on after whole", "read end"]
    assert result.output == ["half", "whole", "end", 2]


def test_a_program_by_its_path_must_be_there(session: Session, drive: Memory, tool: list[list[str]]) -> None:
    script = "& 'C:\\Program Files\\tool.exe' x"
    assert [error.error_id for error in Runspace(session).run(script).errors] == ["CommandNotFoundException"]
    drive.texts["C:\\Program Files\\tool.exe"] = ""
    assert Runspace(session).run(script).output == ["out"]


def test_standard_error_and_stop(session: Session, tool: list[list[str]]) -> None:
    """With 2>&1 and Stop a line on standard error ends the script, as it does in Windows PowerShell."""
    result = Runspace(session).run("$ErrorActionPreference = 'Stop'; $x = tool 2>&1; 'no'")
    assert result.terminated is not None
    assert result.terminated.error_id == "NativeCommandError"
