"""The parser: what it accepts, where it says a mistake is, and two other parsers' opinion."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import tree_sitter
import tree_sitter_powershell

from lab.powershell.api import NotModelledError
from lab.powershell.parser import parse
from lab.powershell.scanner import ParseError
from lab.powershell.syntax import (
    Assignment,
    BlockLiteral,
    Command,
    Constant,
    Expandable,
    Function,
    HashLiteral,
    Pipeline,
)

ROOT = Path(__file__).resolve().parents[3]
CASES: list[dict[str, Any]] = json.loads(Path(__file__).with_name("vectors.json").read_text(encoding="utf-8"))["cases"]
VALID = [
    "function f { param($A) $A }",
    "function f {\n param($A) $A }",
    "switch ($x) { 'a' { 1 } 'b' { 2 } default { 3 } }",
    "switch -Wildcard ($x) {\n 'a*' { 1; break }\n $y { 2 }\n default { 3 }\n}",
    "Get-Thing |\n  Select-Object a,b,@{ n = 'c'; e = { $_.d } } |\n  Sort-Object a -Descending",
    "f -Name a,b -X 1",
    "f a$($x)b $x/y pre$x.txt",
    "& 'C:\\Program Files\\x.exe' /Install /Products:a,b",
    'netsh advfirewall set rule name="x y" new enable=yes',
    ":outer foreach ($i in 1..3) { continue outer }",
    "$x = if ($a) { 1 } else { 2 }",
    "[Collections.Generic.List[string]]$x = New-Object 'Collections.Generic.List[string]'",
    "try { a } catch [X], [Y] { b } finally { c }",
    "$x = Get-Thing `\n   -A 1 `\n   -B 2",
    "param(\n  [Parameter(Mandatory = $true)] [ValidateSet('a', 'b')] [string] $Name,\n  [switch] $Force\n)\n$Name",
    '$x = @\'\na $x "b"\n\'@\n$y = @"\n$($x | ForEach-Object { "<$_>" })\n"@',
    "f 2>&1 | g 3>$null > $null",
    "while (-not $done) { Start-Sleep -Seconds 1 }; do { a } until ($x -gt 1)",
    "$result.Add([pscustomobject]@{ a = $b.c; d = [bool]$e })",
    "@{ a = 1; 'b c' = 2; $k = 3\n 5 = if ($x) { 1 } else { 2 } }",
]
NEWER = ("a && b", "$a ?? $b", "f & g")
"""Mistakes in 3.0 that later versions accept."""
INVALID = [
    ("if ($x { 'a' }", "UnexpectedToken"),
    ("'abc", "TerminatorExpectedAtEndOfString"),
    ("$x = ", "ExpectedValueExpression"),
    ("f |", "EmptyPipeElement"),
    ("a && b", "InvalidEndOfLine"),
    ("function { }", "MissingNameAfterKeyword"),
    ("try { 1 }", "MissingCatchOrFinally"),
    ('"$p: x"', "InvalidVariableReferenceWithDrive"),
    ("{ 1", "MissingEndCurlyBrace"),
    ("(1", "MissingEndParenthesisInExpression"),
    ("1 = 2", "InvalidLeftHandSide"),
    ("@{ a 1 }", "MissingEqualsInHashLiteral"),
    ("f & g", "AmpersandNotAllowed"),
    ("1 | 2", "ExpressionsMustBeFirstInPipeline"),
    ("if (", "IfStatementMissingCondition"),
    ("$a ?? $b", "UnexpectedToken"),
    ("<# open", "MissingEndMultiLineComment"),
]


@pytest.mark.parametrize("text", VALID)
def test_valid(text: str) -> None:
    parse(text)


@pytest.mark.parametrize(("text", "error_id"), INVALID, ids=[text for text, _ in INVALID])
def test_invalid(text: str, error_id: str) -> None:
    with pytest.raises(ParseError) as caught:
        parse(text)
    assert caught.value.error_id == error_id
    assert caught.value.message.startswith("At line:1 char:")


def test_the_place_of_a_mistake() -> None:
    with pytest.raises(ParseError) as caught:
        parse("'fine'\n$x = (1 2)\n'fine'")
    assert caught.value.message == (
        "At line:2 char:9\r\n+ $x = (1 2)\r\n+         ~\r\nUnexpected token '2' in expression or statement."
    )


def test_statements_of_later_versions_or_beyond_the_lab() -> None:
    with pytest.raises(NotModelledError, match="workflow"):
        parse("workflow w { 1 }")


def _command(text: str) -> Command:
    pipeline = parse(text).end
    assert pipeline is not None
    statement = pipeline.statements[0]
    assert isinstance(statement, Pipeline)
    command = statement.elements[0]
    assert isinstance(command, Command)
    return command


def test_arguments_are_words() -> None:
    values = [
        argument.value for argument in _command("f C:\\a.txt /F:v --long=3 10.0.0.1 1.10 '1' $x.y \"a$b\"").arguments
    ]
    assert [value.value for value in values[:4] if isinstance(value, Constant)] == [
        "C:\\a.txt",
        "/F:v",
        "--long=3",
        "10.0.0.1",
    ]
    number = values[4]
    assert isinstance(number, Constant)
    assert (number.value, number.text) == (1.1, "1.10")
    assert isinstance(values[7], Expandable)


def test_parameters_with_and_without_a_value() -> None:
    arguments = _command("f -A -B:1 -C: x -5").arguments
    assert [(a.name, a.value is not None) for a in arguments] == [("A", False), ("B", True), ("C", True), (None, True)]


def test_a_text_is_parsed_once() -> None:
    assert parse("1 + 1") is parse("1 + 1")


# -- the opinion of other parsers


def _counts(node: tree_sitter.Node, found: dict[str, int]) -> dict[str, int]:
    if node.type in (
        "function_statement",
        "assignement_operator",
        "script_block_expression",
        "hash_literal_expression",
    ):
        found[node.type] = found.get(node.type, 0) + 1
    for child in node.children:
        _counts(child, found)
    return found


def _ours(node: Any, found: dict[str, int]) -> dict[str, int]:
    kinds = {
        Function: "function_statement",
        Assignment: "assignement_operator",
        BlockLiteral: "script_block_expression",
        HashLiteral: "hash_literal_expression",
    }
    if type(node) in kinds:
        found[kinds[type(node)]] = found.get(kinds[type(node)], 0) + 1
    slots = getattr(type(node), "__slots__", ())
    children = [getattr(node, slot) for slot in slots if slot not in ("cache", "source", "text")]
    for child in children:
        for one in _flat(child):
            _ours(one, found)
    return found


def _flat(value: Any) -> list[Any]:
    if isinstance(value, tuple | list):
        return [one for item in value for one in _flat(item)]
    return [value] if hasattr(type(value), "__slots__") and not isinstance(value, str) else []


def test_tree_sitter_sees_the_same_structure() -> None:
    """Where the public grammar reads a script rightly, functions, assignments, blocks and tables are as many."""
    parser = tree_sitter.Parser(tree_sitter.Language(tree_sitter_powershell.language()))
    compared = 0
    for text in [case["script"] for case in CASES] + VALID:
        root = parser.parse((text + "\n").encode()).root_node
        # Without an error it still takes "if (…) { … }" on one line for a command with a block as its argument.
        if root.has_error or re.search(r"\b(if|foreach|while|for|switch|else|do|until)\b|[&.] ", text):
            continue
        assert _ours(parse(text), {}) == _counts(root, {}), text
        compared += 1
    assert compared > 50


def test_microsofts_parser_agrees() -> None:
    """Texts that Microsoft's parser accepts are accepted, others are not."""
    tools = ROOT.parent / "shared"
    dialect = tools / "tools" / "dialect"
    if not dialect.exists():
        pytest.skip("Microsoft's parser is not at hand")
    texts = [case["script"] for case in CASES] + VALID + [text for text, _ in INVALID if text not in NEWER]
    lines = "".join(json.dumps({"name": str(at), "text": text}) + "\n" for at, text in enumerate(texts))
    table = str(tools / "reference" / "cmdlets-ws2012.json")
    done = subprocess.run(
        [str(dialect), "powershell", table, "-"], input=lines, capture_output=True, text=True, check=False, timeout=60
    )
    findings = [json.loads(line) for line in done.stdout.splitlines()]
    refused = {int(finding["file"]) for finding in findings if finding["kind"] == "parse"}
    assert refused
    for at, text in enumerate(texts):
        try:
            parse(text)
            accepted = True
        except ParseError:
            accepted = False
        assert accepted == (at not in refused), text
