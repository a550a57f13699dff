"""The README: its first screen, and the errors that it and docs/troubleshooting.md explain are the program's."""

from __future__ import annotations

import ast
import functools
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
OTHERS = (ROOT / "docs" / "troubleshooting.md").read_text(encoding="utf-8")
SCREEN_LINES = 45
HEAD = "| the error says | why | what to do |"


def rows(page: str) -> list[str]:
    """The first cells of the tables of errors."""
    found, inside = [], False
    for line in page.splitlines():
        inside = line.startswith("|") and (inside or line == HEAD)
        if inside and line != HEAD and not line.startswith("|---"):
            found.append(line.removeprefix("| ").partition(" | ")[0])
    return found


def test_the_first_screen_says_what_it_is_how_to_try_it_and_what_to_read() -> None:
    screen = "\n".join(README.splitlines()[:SCREEN_LINES])
    for part in (
        "# Windows",
        "![The design",
        "    make up ",
        "    make test ",
        "```console\n",
        "\n```\n",
        "docs/operations.md",
    ):
        assert part in screen


def test_the_ten_errors_that_people_meet_first_stand_in_the_readme_alone() -> None:
    first, others = rows(README), rows(OTHERS)
    assert len(first) == 10
    assert len(others) >= 10
    assert {*first}.isdisjoint(others)


@functools.cache
def messages() -> str:
    """Every text of the program, with … for what is filled in."""
    return "\n".join(
        text
        for folder in ("components", "operations", "remote")
        for file in sorted((ROOT / folder).rglob("*.py"))
        for text in texts(ast.parse(file.read_text(encoding="utf-8")))
    )


def texts(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        match node:
            case ast.JoinedStr(values=values):
                yield "".join(one.value if isinstance(one, ast.Constant) else "…" for one in values)  # type: ignore[misc]
            case ast.Constant(value=str(text)):
                yield text


def fragments(cell: str) -> list[str]:
    """The parts of the quoted messages that are the same in every error."""
    return [
        part.strip() for quoted in re.findall(r"`(.+?)`", cell) for part in quoted.split("…") if len(part.strip()) > 5
    ]


@pytest.mark.parametrize("cell", [*rows(README), *rows(OTHERS)])
def test_an_error_that_is_explained_is_one_of_the_program(cell: str) -> None:
    missing = [part for part in fragments(cell) if part not in messages()]
    assert missing == []
