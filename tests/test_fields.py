"""Every public field of the program says something that its name does not: unit, format, limits, source."""

from __future__ import annotations

import ast
import re
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).resolve().parents[1]
CODE = ("components/*.py", "lab/testing/*.py", "operations/*.py", "policy/*.py", "remote/*.py", "tools/*.py")
EMPTY = {
    "a",
    "an",
    "and",
    "for",
    "in",
    "is",
    "it",
    "its",
    "of",
    "on",
    "or",
    "that",
    "the",
    "this",
    "to",
    "which",
    "with",
}
"""Words that say nothing by themselves."""


class Field(NamedTuple):
    place: str
    """``file Class.field``."""
    sentence: str
    """Its docstring, or the class's where that names the field as ``field``."""


def fields(source: str, file: str) -> Iterator[Field]:
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.ClassDef) or node.name.startswith("_"):
            continue
        of_class = ast.get_docstring(node) or ""
        for index, one in enumerate(node.body):
            match one:
                case ast.AnnAssign(target=ast.Name(id=name), annotation=kind) if not name.startswith("_"):
                    if "ClassVar" not in ast.unparse(kind):
                        said = docstring(node.body[index + 1 :]) or of_class * (f"``{name}``" in of_class)
                        yield Field(f"{file} {node.name}.{name}", said)


def docstring(following: Sequence[ast.stmt]) -> str:
    match following[:1]:
        case [ast.Expr(value=ast.Constant(value=str(text)))]:
            return text
    return ""


def is_empty(field: Field) -> bool:
    """Whether the sentence has no word that the names of the field and its class do not have."""
    names = re.findall(r"[a-z]+", re.sub(r"([A-Z])", r" \1", field.place.rpartition(" ")[2]).lower())
    words = set(re.findall(r"\w+", field.sentence.lower())) - EMPTY
    return all(any(word.rstrip("s") == name.rstrip("s") for name in names) for word in words)


def test_every_field_says_what_its_name_does_not() -> None:
    listed = subprocess.run(["git", "ls-files", *CODE], cwd=ROOT, capture_output=True, text=True, check=True)
    found = [one for file in listed.stdout.split() for one in fields((ROOT / file).read_text(encoding="utf-8"), file)]
    assert len(found) > 1000
    assert [one.place for one in found if is_empty(one)] == [], (
        "write a sentence below it: unit, format, limits, source"
    )


@pytest.mark.parametrize(
    ("source", "empty"),
    [
        ("class A:\n    port: int", True),
        ("class A:\n    port: int\n    'The port.'", True),
        ("class Binding:\n    port: int\n    'The port of the binding.'", True),
        ("class A:\n    port: int\n    'TCP.'", False),
        ("class A:\n    'Has a ``port``, TCP.'\n    port: int", False),
        ("class A:\n    'Has a port, TCP.'\n    port: int", True),
    ],
)
def test_a_field_that_says_nothing_is_found(source: str, empty: bool) -> None:
    assert [is_empty(one) for one in fields(source, "f")] == [empty]
