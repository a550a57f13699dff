"""Tests use what they test as its users do: they neither patch nor read a private name, nor override one.

The lab's own tests may read what is private in the lab; they patch nothing of it either.
"""

from __future__ import annotations

import ast
import importlib
import inspect
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PROGRAM = ("components", "remote", "operations", "tools", "lab")
PATCHES = {"setattr", "delattr", "patch", "object", "dict", "multiple"}
"""The last part of a call's name: of ``monkeypatch`` and of ``unittest.mock``."""
REACHES = {"getattr", "hasattr", "attrgetter", "methodcaller"}
EXCEPTIONS = {
    # A lab without SQL Server, as a process of its own: its engine takes a second to import.
    "lab/tests/small_lab.py": {"_sql"},
    # An endpoint that another thread opens in the midst of a listing: no call hits that moment.
    "lab/tests/test_network.py": {"_endpoints"},
}


NAMED_TUPLES = {"_asdict", "_fields", "_make", "_replace"}
"""Public for all their underscore, so that they do not clash with fields (Python: ``collections.namedtuple``)."""


def private(name: str) -> bool:
    return name.startswith("_") and name not in NAMED_TUPLES and not (name.startswith("__") and name.endswith("__"))


def patched(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Line and name of what is patched, by a call or by an assignment to an attribute of something else."""
    yield from called(tree, PATCHES)
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and not isinstance(node.ctx, ast.Load) and foreign(node):
            yield node.lineno, node.attr


def reached(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Line and name of what is read, imported or taken out of a namespace."""
    yield from called(tree, REACHES)
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Load) and foreign(node):
            yield node.lineno, node.attr
        elif isinstance(node, ast.ImportFrom):
            names = [*(node.module or "").split("."), *(alias.name for alias in node.names)]
            yield from ((node.lineno, name) for name in names if private(name))
        elif isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Constant):
            space = ast.unparse(node.value)
            if (space.startswith("vars(") or space.endswith(".__dict__")) and private(str(node.slice.value)):
                yield node.lineno, str(node.slice.value)


def foreign(node: ast.Attribute) -> bool:
    """A private attribute of something else than the object or class itself."""
    own = isinstance(node.value, ast.Name) and node.value.id in ("self", "cls")
    return private(node.attr) and not own


def called(tree: ast.AST, functions: set[str]) -> Iterator[tuple[int, str]]:
    """Private names in the texts that these functions are given, also as the end of a path with dots."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and ast.unparse(node.func).rpartition(".")[2] in functions:
            named = [keyword.arg for keyword in node.keywords if keyword.arg]
            given = [one.value for one in node.args if isinstance(one, ast.Constant) and isinstance(one.value, str)]
            parts = [part for text in (*named, *given) for part in text.split(".")]
            yield from ((node.lineno, part) for part in parts if private(part))


def overridden(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Private names of a class of the program that a class derived from it has as well."""
    imported = {
        alias.asname or alias.name: (node.module, alias.name)
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module and node.module.partition(".")[0] in PROGRAM
        for alias in node.names
    }
    for node in ast.walk(tree):
        if not isinstance(node, ast.ClassDef):
            continue
        for base in node.bases:
            module, name = imported.get(ast.unparse(base).partition("[")[0], ("", ""))
            if not module:
                continue
            theirs = own(getattr(importlib.import_module(module), name))
            yield from ((line, one) for one, line in privates(node).items() if one in theirs)


def own(kind: type) -> set[str]:
    """The private names of a class and of what it is derived from in the program."""
    found: set[str] = set()
    for one in inspect.getmro(kind):
        if one.__module__.partition(".")[0] in PROGRAM:
            found |= privates(ast.parse(textwrap.dedent(inspect.getsource(one)))).keys()
    return found


def privates(tree: ast.AST) -> dict[str, int]:
    """The private names that a class defines, as methods or as attributes of its objects, with a line of each."""
    found = {
        node.name: node.lineno
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and private(node.name)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and ast.unparse(node.value) == "self" and private(node.attr):
            found.setdefault(node.attr, node.lineno)
    return found


def files(folder: str) -> list[Path]:
    return sorted((ROOT / folder).rglob("*.py"))


def reported(file: Path, found: Iterator[tuple[int, str]]) -> list[str]:
    name = str(file.relative_to(ROOT))
    return [f"{name}:{line}: {one}" for line, one in found if one not in EXCEPTIONS.get(name, ())]


@pytest.mark.parametrize("file", files("tests"), ids=lambda file: str(file.relative_to(ROOT)))
def test_no_private_name_is_used(file: Path) -> None:
    tree = ast.parse(file.read_text(encoding="utf-8"))
    found = [*reported(file, patched(tree)), *reported(file, reached(tree)), *reported(file, overridden(tree))]
    assert found == [], "use a public name, or give the code one: CONTRIBUTING.md, Tests"


def test_the_labs_own_tests_patch_no_private_name() -> None:
    found = [
        line
        for folder in ("lab/tests", "lab/client_tests")
        for file in files(folder)
        for line in reported(file, patched(ast.parse(file.read_text(encoding="utf-8"))))
    ]
    assert found == []


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("monkeypatch.setattr(secret, '_known', set())", ["_known"]),
        ("monkeypatch.setattr('remote.sql._SILENT', {})", ["_SILENT"]),
        ("mock.patch.object(sql, '_connect')", ["_connect"]),
        ("mock.patch('remote.sql._connect')", ["_connect"]),
        ("mock.patch.multiple(sql, _connect=1)", ["_connect"]),
        ("machine._read = removed", ["_read"]),
        ("server._take('x')", ["_take"]),
        ("from remote.powershell import _short", ["_short"]),
        ("getattr(detached, '_START')", ["_START"]),
        ("vars(sql)['_SILENT']", ["_SILENT"]),
        ("from remote.sql import SqlServer\nclass Unasked(SqlServer):\n    def _do(self): ...", ["_do"]),
        ("from remote.sql import SqlServer as S\nclass Unasked(S):\n    def do(self): self._looks = 1", ["_looks"]),
        ("class Own:\n    def _do(self): self._x = cls._y.__name__", []),
        ("monkeypatch.setattr(secret, 'known', set())", []),
    ],
)
def test_what_is_found(text: str, names: list[str]) -> None:
    tree = ast.parse(text)
    assert [name for _, name in (*patched(tree), *reached(tree), *overridden(tree))] == names
