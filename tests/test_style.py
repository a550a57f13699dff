"""The words of STYLE.md: what its tables have replaced everywhere does not come back."""

from __future__ import annotations

import ast
import re
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from components.resource import contract

ROOT = Path(__file__).resolve().parents[1]
PAGE = (ROOT / "STYLE.md").read_text(encoding="utf-8")
ENFORCED = re.findall(r"(?m)^\| (.+?) \* \|", PAGE)
NAMES = [
    (where, name)
    for names, where in re.findall(r"(?m)^\| (`.+`) \| .+ \| (anything|a class|a resource's|a component's) \|$", PAGE)
    for name in re.findall(r"`(\w+)`", names)
]
OUTSIDE = ("STYLE.md", "CHANGELOG.md", "tests/test_style.py")


def occurrences(phrase: str) -> list[str]:
    """Where a phrase stands in a file of the project."""
    listed = subprocess.run(
        ["git", "grep", "-nIiwF", "-e", phrase, "--", ".", *(f":!{name}" for name in OUTSIDE)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert listed.returncode in (0, 1), listed.stderr
    return listed.stdout.splitlines()


def test_the_page_enforces_something() -> None:
    assert len(ENFORCED) >= 5
    assert len(NAMES) >= 30
    assert len(NAMES) == len({*NAMES})


@pytest.mark.parametrize("phrase", ENFORCED)
def test_a_phrase_that_was_replaced_does_not_come_back(phrase: str) -> None:
    assert occurrences(phrase) == [], "STYLE.md says what to write instead"


def test_the_search_finds_what_is_there() -> None:
    assert occurrences("The words of STYLE") == []
    assert any("CONTRIBUTING.md" in line for line in occurrences("The quick loop"))


# Names in the code ---------------------------------------------------------------------------------------------------


def any_name(tree: ast.AST) -> Iterator[str]:
    """Of whatever a file defines or uses, without ``_`` before it."""
    for node in ast.walk(tree):
        match node:
            case ast.ClassDef(name=name) | ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                yield name.lstrip("_")
            case ast.arg(arg=name) | ast.Name(id=name) | ast.Attribute(attr=name) | ast.keyword(arg=str(name)):
                yield name.lstrip("_")


def class_name(tree: ast.AST) -> Iterator[str]:
    yield from (node.name.lstrip("_") for node in ast.walk(tree) if isinstance(node, ast.ClassDef))


RESOURCES = {
    name for name, one in vars(contract).items() if isinstance(one, type) and issubclass(one, contract.Resource)
}


def bases(node: ast.ClassDef) -> set[str]:
    return {ast.unparse(base).partition("[")[0] for base in node.bases}


def of_a_resource(tree: ast.AST) -> Iterator[str]:
    """Methods and class attributes of resources."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef) and (bases(node) & RESOURCES or node.name in RESOURCES):
            for one in node.body:
                match one:
                    case ast.FunctionDef(name=name) | ast.AnnAssign(target=ast.Name(id=name)):
                        yield name
                    case ast.Assign(targets=targets):
                        yield from (target.id for target in targets if isinstance(target, ast.Name))


def of_a_component(tree: ast.AST) -> Iterator[str]:
    """Parameters of a component's methods, and the attributes that it sets."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef) and (bases(node) & {"Component"} or node.name == "Component"):
            for one in ast.walk(node):
                match one:
                    case ast.arg(arg=name):
                        yield name
                    case ast.Attribute(value=ast.Name(id="self"), attr=name, ctx=ast.Store()):
                        yield name


PLACES: dict[str, Callable[[ast.AST], Iterator[str]]] = {
    "anything": any_name,
    "a class": class_name,
    "a resource's": of_a_resource,
    "a component's": of_a_component,
}


def wrong_names(source: str) -> set[tuple[str, str]]:
    tree = ast.parse(source)
    found = {(where, name) for where, names in PLACES.items() for name in names(tree)}
    return found & {*NAMES}


def test_a_name_that_was_replaced_does_not_come_back() -> None:
    listed = subprocess.run(["git", "ls-files", "*.py"], cwd=ROOT, capture_output=True, text=True, check=True)
    files = [name for name in listed.stdout.splitlines() if (ROOT / name).exists()]
    assert len(files) > 500
    wrong = {name: found for name in files if (found := wrong_names((ROOT / name).read_text(encoding="utf-8")))}
    assert wrong == {}, "STYLE.md says what to write instead"


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("def f(silent: bool) -> None: ...", {("anything", "silent")}),
        ("self._told = 1", {("anything", "told")}),
        ("class _Way: ...", {("a class", "Way")}),
        ("class A(Adoptable[I, F]):\n    PARTS = ()", {("a resource's", "PARTS")}),
        ("class A(Probe[I, F]):\n    def remove(self) -> None: ...", {("a resource's", "remove")}),
        ("class A(Other):\n    def remove(self) -> None: ...", set()),
        ("class A(Component):\n    def add(self, after: R) -> None: ...", {("a component's", "after")}),
        ("class A(Component):\n    def add(self) -> None:\n        self.ready = 1", {("a component's", "ready")}),
        ("def add(after: R) -> None: ...", set()),
    ],
)
def test_a_wrong_name_is_found(source: str, found: set[tuple[str, str]]) -> None:
    assert wrong_names(source) == found
