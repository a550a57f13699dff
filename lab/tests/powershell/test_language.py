"""The language beyond the recorded cases, from the specification of 3.0 and Microsoft's about_ pages."""

from __future__ import annotations

from typing import Any

import pytest

CASES: list[tuple[str, list[Any]]] = [
    # scopes and functions
    ("$global:g = 1; function f { $global:g++; $g }; f; $g", [2, 2]),
    ("$b = { param($x) $x * $y }; $y = 3; $c = $b.GetNewClosure(); $y = 10; & $b 4; & $c 4", [40, 12]),
    ("function fact($n) { if ($n -le 1) { 1 } else { $n * (fact ($n - 1)) } }; fact 10", [3628800]),
    (
        'function g { param([Parameter(ValueFromPipeline=$true)]$X) process { "<$X>" } }; 1,2 | g; g 5',
        ["<1>", "<2>", "<5>"],
    ),
    ("function f { return ,(1,2) }; (f).Count; @(f).Count", [2, 1]),
    ('& { param($a, [switch]$b) "$a $b" } 1 -b', ["1 True"]),
    ("filter Add-One { $_ + 1 }; 1,2 | Add-One", [2, 3]),
    ("$x = 5; $r = [ref]$x; $r.Value = 6; $x", [6]),
    ('$a, $b = 1, 2, 3; "$a|$b"; $a, $b = $b[0], $a; "$a|$b"', ["1|2 3", "2|1"]),
    # flow
    (
        ':outer foreach ($i in 1..3) { foreach ($j in 1..3) { if ($j -eq 2) { continue outer }; "$i$j" } }',
        ["11", "21", "31"],
    ),
    ("$i = 0; do { $i++; if ($i -eq 2) { continue }; $i } while ($i -lt 4)", [1, 3, 4]),
    ("switch -regex ('abc','xyz') { '^a' { \"A:$_\" } 'z$' { \"Z:$_\" } default { 'd' } }", ["A:abc", "Z:xyz"]),
    ("trap { \"trapped: $_\"; continue } throw 'x'; 'after'", ["trapped: x", "after"]),
    ("1..10 | Select-Object -First 2 | ForEach-Object { $_ }; 'then'", [1, 2, "then"]),
    ("$n = 0; 1..1000 | ForEach-Object { $n++; $_ } | Select-Object -First 3 | Out-Null; $n", [3]),
    # values and conversions
    ('2147483647 + 1; "$([long]2147483647 + 1)"; 7 / 2; 6 / 3', [2147483648.0, "2147483648", 3.5, 2]),
    ("[int]'0x10'; [int]' 5 '; [int]5.5; [int]6.5; [int]'5.7'", [16, 5, 6, 6, 6]),
    ('"$(1/3) $(1e20) $(1.0) $(0.1+0.2) $(1e-5)"', ["0.333333333333333 1E+20 1 0.3 1E-05"]),
    (
        "\"$([datetime]'2013-06-05 10:20:30') $([timespan]'1.02:03:04') $true $null|\"",
        ["06/05/2013 10:20:30 1.02:03:04 True |"],
    ),
    ("$o = [pscustomobject]@{a=1;b='x';c=@(1,2);d=$null}; \"$o\"", ["@{a=1; b=x; c=System.Object[]; d=}"]),
    ("[int[]]$x = 1,2; $x += '4'; $x.GetType().Name; $x[2].GetType().Name", ["Int32[]", "Int32"]),
    ("[char]97 + 1; 'a' + [char]98; [string][char]97 + 'b'", [98, "ab", "ab"]),
    ("1kb; 0xff; 1e3; 1.5", [1024, 255, 1000.0, 1.5]),
    ("$null -lt 1; $null -gt -1; $null -eq @()", [True, True, False]),
    # text
    (
        "'{0:N1}|{1,5}|{2:yyyy}|{3:x}|{4:000}|{5:P0}' -f 1234.567, 'x', [datetime]'2013-01-01', 255, 5, 0.5",
        ["1,234.6|    x|2013|ff|005|50 %"],
    ),
    ("'a,b,,c'.Split(',', [StringSplitOptions]::RemoveEmptyEntries) -join '|'", ["a|b|c"]),
    ("'a1b2' -split '\\d' -join '|'; 'a  b' -split ' +' -join '|'; -split ' a  b '", ["a|b|", "a|b", "a", "b"]),
    ("[regex]::Match('a=1;b=2', 'b=(?<v>\\d)').Groups['v'].Value", ["2"]),
    ("'John Smith' -replace '(?<f>\\w+) (\\w+)', '$1 ${f}'", ["Smith John"]),
    # collections
    ("$l = New-Object System.Collections.ArrayList; [void]$l.Add(1); $l.Add(2); $l.Count", [1, 2]),
    (
        "$l = New-Object 'System.Collections.Generic.List[string]'; $l.Add('a'); $l.Add(5); $l[1].GetType().Name",
        ["String"],
    ),
    ("$h = @{}; $h['x'] = 1; $h.y = 2; @($h.Keys | Sort-Object) -join ','; $h.ContainsKey('X')", ["x,y", True]),
    ("$h = @{a=1}; $h.Remove('a'); $h.Count; $h.Clear(); $h.Count", [0, 0]),
    (
        "'A','b','a' | Sort-Object -Unique; 'a','B','a' | Group-Object | ForEach-Object { \"$($_.Name) $($_.Count)\" }",
        ["A", "b", "a 2", "B 1"],
    ),
    (
        "[pscustomobject]@{a=1;b=2} | Select-Object a, @{n='c';e={$_.b * 2}} | ForEach-Object { \"$($_.a) $($_.c)\" }",
        ["1 4"],
    ),
    ("@(1,2,3)[1..2]; (1..5)[-2..-1]", [2, 3, 4, 5]),
    # objects of .NET
    (
        "$u = [uri]'https://spf.hyper-v.nu:8090/x?y=1'; $u.Host; $u.Port; \"$u\"",
        ["spf.hyper-v.nu", 8090, "https://spf.hyper-v.nu:8090/x?y=1"],
    ),
    (
        (
            "$p = New-Object System.Management.Automation.PSCredential 'D\\u', (ConvertTo-SecureString 'x' "
            "-AsPlainText -Force);"
            "$p.GetNetworkCredential().UserName; $p.GetNetworkCredential().Domain; $p.GetNetworkCredential().Password"
        ),
        ["u", "D", "x"],
    ),
    (
        (
            "[Convert]::ToBase64String([byte[]](1,2,3)); "
            "[Text.Encoding]::UTF8.GetString([Convert]::FromBase64String('w6k='))"
        ),
        ["AQID", "é"],
    ),
    (
        r"[IO.Path]::GetFullPath('\\F\S\a\b\..\../c\d.msi'); [IO.Path]::GetFullPath('C:/a/./b')",
        ["\\\\F\\S\\c\\d.msi", "C:\\a\\b"],
    ),
    (
        "[IO.Path]::Combine('C:\\a', 'b.txt'); [IO.Path]::GetFileNameWithoutExtension('C:\\a\\b.txt')",
        ["C:\\a\\b.txt", "b"],
    ),
    ("[Environment]::MachineName; [Environment]::NewLine.Length", ["LAB", 2]),
    ("$env:X = 'a'; [Environment]::GetEnvironmentVariable('X'); $env:X = ''; $null -eq $env:X", ["a", True]),
    ("[Math]::Max(1, 2.5); [Math]::Round(2.5); [Math]::Floor(-1.5)", [2.5, 2.0, -2.0]),
    (
        "'System.Text.Encoding' -as [type] | ForEach-Object { $_.FullName }; $null -eq ('Nope.Nope' -as [type])",
        ["System.Text.Encoding", True],
    ),
]


@pytest.mark.parametrize(("script", "expected"), CASES)
def test_script(script: str, expected: list[Any], output: Any) -> None:
    found = output(script)
    assert [(type(a), a) for a in found] == [(type(b), b) for b in expected]


def test_times(output: Any) -> None:
    found = output(
        "(Get-Date '2013-06-05').ToString('yyyy-MM-ddTHH:mm:ss.fffK'); \"$(([datetime]'2013-06-05').DayOfWeek)\""
    )
    assert found == ["2013-06-05T00:00:00.000", "Wednesday"]


def test_kinds_of_times(output: Any) -> None:
    script = (
        "(Get-Date), [datetime]::UtcNow, [datetime]'2013-06-05' | ForEach-Object { \"$($_.Kind)$($_.ToString('%K'))\" }"
    )
    assert output(script) == ["Local+00:00", "UtcZ", "Unspecified"]


def test_state_of_a_runspace_stays(session: Any) -> None:
    from lab.powershell.runspace import Runspace

    runspace = Runspace(session)
    runspace.run("$x = 5; function f { $x + 1 }")
    assert runspace.run("f").output == [6]
    assert Runspace(session).run("$null -eq $x").output == [True]


def test_arguments_and_input_of_a_run(session: Any) -> None:
    from lab.powershell.runspace import Runspace

    assert Runspace(session).run("param([int]$A, $B) $A + $B", {"A": "1", "B": 2}).output == [3]
    assert Runspace(session).run("param($A) $args.Count; $A", ["x", "y"]).output == [1, "x"]
    assert Runspace(session).run("process { $_ * 2 }", input=[1, 2]).output == [2, 4]


def test_deep_recursion_is_an_error_of_the_script(run: Any) -> None:
    result = run("function f { f }; f; 'after'")
    assert [error.error_id for error in result.errors] == ["CallDepthOverflow"]


def test_values_of_other_parts_are_not_changed_by_scripts(output: Any) -> None:
    """A script's array operators make new arrays."""
    assert output("$a = 1,2; $b = $a; $b += 3; $a.Count; $b.Count") == [2, 3]
