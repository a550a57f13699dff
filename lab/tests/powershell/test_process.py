"""powershell.exe: command lines, streams, exit codes, and a resident loop that serves requests."""

from __future__ import annotations

import base64
import io
import itertools
import json
import threading
import time
from typing import Any

import pytest

from lab.powershell import console
from lab.powershell.api import DRIVES, Session
from lab.powershell.process import run

LOOP = r"""
$ErrorActionPreference = 'Stop'
while ($true) {
    $line = [Console]::In.ReadLine()
    if ($null -eq $line) { break }
    $answer = @{ id = $null }
    try {
        $request = $line | ConvertFrom-Json
        $answer.id = $request.id
        $arguments = @{}
        foreach ($property in $request.arguments.PSObject.Properties) { $arguments[$property.Name] = $property.Value }
        $answer.output = @(& ([scriptblock]::Create($request.script)) @arguments)
    } catch {
        $answer.error = @{
            message = $_.Exception.Message; id = $_.FullyQualifiedErrorId
            type = $_.Exception.GetType().FullName; trace = $_.ScriptStackTrace
        }
    }
    $json = ConvertTo-Json $answer -Compress -Depth 10
    $json = [regex]::Replace($json, '[^\x20-\x7e]', { param($match) '\u{0:x4}' -f [int][char]$match.Value })
    [Console]::Out.WriteLine($json)
    [Console]::Out.Flush()
}
"""
SWITCHES = [
    "-NoLogo",
    "-NoProfile",
    "-NonInteractive",
    "-InputFormat",
    "None",
    "-OutputFormat",
    "Text",
    "-ExecutionPolicy",
    "Bypass",
]


def encoded(script: str) -> str:
    return base64.b64encode(script.encode("utf-16-le")).decode()


def start(session: Session, *arguments: str, lines: Any = ()) -> tuple[int, str, str]:
    out: list[str] = []
    err: list[str] = []
    waiting = iter(lines)
    code = run(session, ["powershell.exe", *arguments], lambda: next(waiting, None), out.append, err.append)
    return code, "".join(out), "".join(err)


def serve(session: Session, *requests: dict[str, Any]) -> list[dict[str, Any]]:
    lines = [json.dumps(request) for request in requests]
    code, out, err = start(session, *SWITCHES, "-EncodedCommand", encoded(LOOP), lines=lines)
    assert (code, err) == (0, "")
    assert out.isascii()
    assert out.endswith("\r\n")
    return [json.loads(line) for line in out.split("\r\n")[:-1]]


def request(script: str, number: int = 1, **arguments: Any) -> dict[str, Any]:
    return {"id": number, "script": script, "arguments": arguments}


def test_resident_loop(session: Session) -> None:
    answers = serve(
        session,
        request("param($a) $a * 2", 1, a=21),
        request('param($n)\n\nthrow "kein $n"', 2, n="Größe"),
        request("Get-Nothing", 3),
        request("if (", 4),
        request("'é', 'b'", 5),
    )
    assert answers[0] == {"id": 1, "output": [42]}
    error = answers[1]["error"]
    assert (error["message"], error["id"]) == ("kein Größe", "kein Größe")
    assert error["type"] == "System.Management.Automation.RuntimeException"
    assert error["trace"].startswith("at <ScriptBlock>, <No file>: line 3")
    assert answers[2]["error"]["type"] == "System.Management.Automation.CommandNotFoundException"
    assert answers[3]["error"]["id"] == "ParseException"
    assert answers[4]["output"] == ["é", "b"]


def test_a_request_takes_a_few_milliseconds(session: Session) -> None:
    body = "\n".join(
        f'$v{n} = @({n}, {n + 1}) | Where-Object {{ $_ -gt 1 }} | ForEach-Object {{ "<$_>" }}' for n in range(38)
    )
    script = "param($a)\n" + body + "\n@{ value = $v3 -join ','; count = $a }"
    lines = [json.dumps(request(script, n, a=n)) for n in range(40)]
    times: list[float] = []

    def feed() -> Any:
        for line in lines:
            times.append(time.monotonic())
            yield line
        times.append(time.monotonic())

    start(session, "-EncodedCommand", encoded(LOOP), lines=feed())
    fastest = min(after - before for before, after in itertools.pairwise(times[1:]))
    assert fastest < 0.05


def test_two_processes_at_once_do_not_meet(session: Session) -> None:
    answers: dict[int, list[dict[str, Any]]] = {}

    def work(number: int) -> None:
        script = "param($n) $x = $n; 1..50 | ForEach-Object { $x += 0 }; $x"
        answers[number] = serve(session, *[request(script, at, n=number) for at in range(5)])

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {number: [a["output"] for a in found] for number, found in answers.items()} == {
        number: [[number]] * 5 for number in range(4)
    }


@pytest.mark.parametrize(
    ("arguments", "code", "out", "err"),
    [
        (["-Command", "'a'; 5; $true; exit 4"], 4, "a\r\n5\r\nTrue\r\n", ""),
        (["-c", "throw 'x'"], 1, "", "x\r\nAt line:1 char:1"),
        (["-Command", "Write-Error 'soft'; 'after'"], 0, "after\r\n", "Write-Error : soft"),
        (["-Command", "'a'; Get-Nope"], 1, "a\r\n", "The term 'Get-Nope'"),
        (["'plain'"], 0, "plain\r\n", ""),
        (["-NoP", "-NonI", "-Ex", "Bypass", "-e", encoded("'é'")], 0, "é\r\n", ""),
        (["-EncodedCommand", "???"], 1, "", "not properly encoded"),
        (["-OutputFormat", "Nope", "-Command", "1"], 1, "", "-outputformat is not correct"),
        (["-Nope"], 1, "", "The term '-Nope'"),
        (["-Command", "Write-Host 'hi'; Write-Warning 'w'"], 0, "hi\r\nWARNING: w\r\n", ""),
        (["-Command", "[pscustomobject]@{a=1}"], 70, "", "The lab does not model"),
        (["-Command", "Show-Command"], 70, "", "The lab does not model the cmdlet Show-Command"),
        (["-Command", "if ("], 1, "", "Missing condition"),
    ],
)
def test_command_lines(session: Session, arguments: list[str], code: int, out: str, err: str) -> None:
    found = start(session, *arguments)
    assert found[:2] == (code, out)
    assert (err in found[2]) if err else found[2] == ""


def test_script_files(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    from lab.tests.powershell.test_items import Memory

    drive = Memory()
    drive.texts["C:\\s.ps1"] = 'param([string]$Name, [int]$N, [switch]$S) "$Name $N $S"; exit 7'
    monkeypatch.setitem(DRIVES, "filesystem", drive)
    assert start(session, "-File", "C:\\s.ps1", "-Name", "a", "-N", "2", "-S") == (7, "a 2 True\r\n", "")
    assert start(session, "-File", "C:\\s.ps1", "b") == (7, "b 0 False\r\n", "")
    drive.texts["C:\\f.ps1"] = "function Twice($N) { 2 * $N }; $seen = 1"
    assert start(session, "-Command", ". C:\\f.ps1; Twice 4; $seen") == (0, "8\r\n1\r\n", "")  # about_Scopes
    code, out, err = start(session, "-Command", "& C:\\f.ps1; $seen; Twice 4")
    assert (code, out) == (1, "")
    assert "'Twice' is not recognized" in err
    code, _, err = start(session, "-File", "C:\\nope.ps1")
    assert code == 1
    assert "does not exist" in err


def test_the_journal_has_one_start_and_every_script(session: Session) -> None:
    serve(session, request("1 + 1", a=1), request("2 + 2"))
    journal = session.machine.world.directory / "journal.jsonl"
    entries = [json.loads(line) for line in journal.read_text(encoding="utf-8").splitlines()]
    assert [entry["kind"] for entry in entries] == ["start", "script", "script", "script"]
    assert entries[1]["text"] == LOOP
    assert [entry["text"] for entry in entries[2:]] == ["1 + 1", "2 + 2"]


def test_json_lines() -> None:
    out = io.StringIO()
    lines = [
        json.dumps({"id": "a", "script": "1; 'x'; [int]'q'"}),
        "",
        json.dumps({"id": "b", "script": "Show-Command"}),
    ]
    console.main(lines, out)
    first, second = [json.loads(line) for line in out.getvalue().splitlines()]
    assert first["output"] == [{"type": "Int32", "value": 1}, {"type": "String", "value": "x"}]
    assert first["errors"][0]["id"] == "InvalidCastFromStringToInteger"
    assert first["terminated"] is None
    assert second == {"id": "b", "unsupported": "the cmdlet Show-Command"}
