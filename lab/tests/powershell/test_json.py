"""JSON as Windows PowerShell 3.0 reads and writes it."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        ("@{a=@{b=@{c=@{d=1}}}} | ConvertTo-Json -Compress", '{"a":{"b":{"c":"System.Collections.Hashtable"}}}'),
        ("ConvertTo-Json @(1) -Compress", "[1]"),
        ("1,2 | ConvertTo-Json -Compress", "[1,2]"),
        (",@(1) | ConvertTo-Json -Compress", "[1]"),
        ("ConvertTo-Json @() -Compress", "[]"),
        ("ConvertTo-Json 1.5 -Compress", "1.5"),
        ("ConvertTo-Json ([datetime]'1970-01-02') -Compress", '"\\/Date(86400000)\\/"'),
        (
            "ConvertTo-Json ([guid]'12345678-1234-1234-1234-123456789012') -Compress",
            '"12345678-1234-1234-1234-123456789012"',
        ),
        ("function f([switch]$S) { $S }; ConvertTo-Json (f -S) -Compress", '{"IsPresent":true}'),
    ],
)
def test_writing(output: Any, script: str, expected: str) -> None:
    assert output(script) == [expected]


def test_reading(output: Any) -> None:
    assert output("param($T) ConvertFrom-Json $T", T="1.5") == [Decimal("1.5")]
    assert output("param($T) (ConvertFrom-Json $T).Count", T="[1,2]") == [2]
    assert output("ConvertFrom-Json '[1,2]' | ForEach-Object { $_.Count }") == [2]
    assert output('(ConvertFrom-Json \'{"d":"2013-06-05T00:00:00"}\').d.GetType().Name') == ["String"]
    assert output("'{', '\"a\":1}' | ConvertFrom-Json | ForEach-Object { $_.a }") == [1]


@pytest.mark.parametrize("text", ["{bad", "[1,", '{"a":}', '"open', "nope", '{"a":1} x', '{"a":"\\q"}'])
def test_bad_input(run: Any, text: str) -> None:
    result = run("param($T) ConvertFrom-Json $T", T=text)
    assert [e.error_id for e in result.errors] == [
        "System.ArgumentException,Microsoft.PowerShell.Commands.ConvertFromJsonCommand"
    ]


def test_keys_that_differ_by_case(run: Any) -> None:
    result = run('ConvertFrom-Json \'{"a":1,"A":2}\'')
    assert result.errors[0].error_id.startswith("DuplicateKeysInJsonString")


def test_the_limit_of_two_megabytes(run: Any) -> None:
    fits, too_long = '"' + "x" * 2097150 + '"', '"' + "x" * 2097151 + '"'
    assert run("param($T) (ConvertFrom-Json $T).Length", T=fits).output == [2097150]
    assert "maxJsonLength" in run("param($T) ConvertFrom-Json $T", T=too_long).errors[0].message
    assert "maxJsonLength" in run("param($T) ConvertTo-Json $T", T="x" * 2097151).errors[0].message
    assert run("param($T) (ConvertTo-Json $T).Length", T="x" * 2097150).output == [2097152]
