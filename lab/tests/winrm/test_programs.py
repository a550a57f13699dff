"""Command lines."""

from __future__ import annotations

import pytest

from lab.winrm.programs import split


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        # The table of Microsoft's page "Parsing C command-line arguments", and its neighbours.
        ('"a b c" d e', ["a b c", "d", "e"]),
        (r'"ab\"c" "\\" d', ['ab"c', "\\", "d"]),
        (r'a\\\b d"e f"g h', ["a\\\\\\b", "de fg", "h"]),
        (r"a\\\"b c d", ['a\\"b', "c", "d"]),
        (r'a\\\\"b c" d e', ["a\\\\b c", "d", "e"]),
        ('a"b"" c d', ['ab" c d']),
        ("", []),
        ("   a \t b  ", ["a", "b"]),
        ('a "" b', ["a", "", "b"]),
        (r"C:\Windows\ x", ["C:\\Windows\\", "x"]),
    ],
)
def test_split(line: str, expected: list[str]) -> None:
    assert split(line) == expected
