"""What ``pip install`` of the lab brings along is what the lab imports, and its tests import."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from collections.abc import Iterable
from pathlib import Path

LAB = Path(__file__).parents[1]
PROJECT = tomllib.loads((LAB / "pyproject.toml").read_text(encoding="utf-8"))["project"]
MODULES = {"pyspnego": "spnego", "pyyaml": "yaml", "pywinrm": "winrm", "pytest-xdist": "xdist"}
"""What is imported under another name than the package's."""
NOT_IMPORTED = {"windows-farm-lab", "mssql-python-odbc", "pytest-timeout"}
"""The lab itself with an extra, a driver that is found by its path, a plugin."""


def packages(requirements: Iterable[str]) -> set[str]:
    """The modules of requirements such as ``PyYAML>=6``."""
    names = {re.split(r"[\[<>=]", one)[0].lower() for one in requirements} - NOT_IMPORTED
    return {MODULES.get(name, name.replace("-", "_")) for name in names}


def imported(files: Iterable[Path]) -> set[str]:
    """The modules of other packages that run: not what a type checker alone reads."""
    found: set[str] = set()
    for file in files:
        for node in _run(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                found |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module:
                found.add(node.module.partition(".")[0])
    return found - sys.stdlib_module_names - {"lab"}


def _run(node: ast.AST) -> Iterable[ast.AST]:
    for child in ast.iter_child_nodes(node):
        if not (isinstance(child, ast.If) and ast.unparse(child.test) == "TYPE_CHECKING"):
            yield child
            yield from _run(child)


def test_the_dependencies_are_what_the_lab_imports() -> None:
    apart = {LAB / "tests", LAB / "client_tests"}
    files = [file for file in LAB.rglob("*.py") if not apart & {*file.parents}]
    assert len(files) > 300
    assert packages(PROJECT["dependencies"]) == imported(files)


def test_the_tests_find_what_they_import() -> None:
    extras = PROJECT["optional-dependencies"]
    known = packages([*PROJECT["dependencies"], *extras["clients"], *extras["test"]])
    assert imported((LAB / "tests").rglob("*.py")) <= known
