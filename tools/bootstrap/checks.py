"""What ``make check`` and ``make test`` run: style, types and tests, the quick ones first.

Tests run in several processes (``lab.testing.isolation`` gives each a network of its own).
"""

from __future__ import annotations

import os

from tools.bootstrap.project import PYTHON, ROOT, environment
from tools.bootstrap.stage import run, stage

_SOURCES = ("components", "remote", "operations", "lab", "tools", "tests", "__main__.py")
_PROGRAM = (
    "tests/components",
    "tests/remote",
    "tests/operations",
    "tests/test_bootstrap.py",
    "tests/test_dialect.py",
    "tests/test_lab_catalog.py",
    "tests/test_lab_cmdlets.py",
)
"""The tests of the program that need neither the Pulumi CLI nor a whole lab."""
_SLOWEST = 20
_END_TO_END = str(2 * (os.cpu_count() or 1))
"""Processes for all tests: those with the real CLI wait for the lab's clock half of their time."""


def check() -> None:
    """What a change should pass every few minutes. Raises StageError at the first stage that fails."""
    _style_and_types()
    with stage("Tests of the program: pytest"):
        _pytest(*_PROGRAM)


def test() -> None:
    """Every check, the tests with the real CLI included. Raises StageError at the first stage that fails."""
    _style_and_types()
    with stage("Tests: pytest"):
        _pytest(processes=_END_TO_END)


def clients() -> None:
    """Other SQL Server clients against the lab; apart from the tests, because it installs them. Raises StageError."""
    env, folder = environment(), ROOT / ".tools" / "clients"
    with stage("Clients: install"):
        run([PYTHON, "-m", "lab.client_tests.install", str(folder)], env)
    with stage("Clients: pytest"):
        run([PYTHON, "-m", "pytest", "-q", "-rs", "lab/client_tests"], env | {"LAB_CLIENTS": str(folder)})


def _style_and_types() -> None:
    env = environment()
    with stage("Style: ruff"):
        run([PYTHON, "-m", "ruff", "check"], env)
        run([PYTHON, "-m", "ruff", "format", "--check"], env)
    with stage("Types: mypy"):
        run([PYTHON, "-m", "mypy", *(name for name in _SOURCES if _has_python(name))], env)
        if _has_python("policy"):
            # a run of its own: it has a __main__.py too, and one run takes one module of that name
            run([PYTHON, "-m", "mypy", "policy"], env)


def _pytest(*paths: str, processes: str = "auto") -> None:
    options = ["-q", "--numprocesses", processes, f"--durations={_SLOWEST}"]
    run([PYTHON, "-m", "pytest", *options, *paths], environment())


def _has_python(name: str) -> bool:
    path = ROOT / name
    return path.is_file() or any(path.rglob("*.py"))
