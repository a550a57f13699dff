"""Every package that is installed for the project is pinned: those it names, and those that they bring along."""

from __future__ import annotations

import importlib.metadata as metadata
import re
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]


def pins(*names: str) -> dict[str, str]:
    lines = [line for name in names for line in (ROOT / name).read_text(encoding="utf-8").splitlines()]
    found = [re.fullmatch(r"([A-Za-z0-9._-]+)==(\S+)", line) for line in lines]
    return {canonicalize_name(pin[1]): pin[2] for pin in found if pin}


NAMED = pins("requirements.txt", "requirements-dev.txt")
BROUGHT_ALONG = pins("constraints.txt")


def closure(names: set[str]) -> set[str]:
    """These packages with everything they need here, by what is installed."""
    found: set[str] = set()
    todo = [(name, "") for name in names]
    while todo:
        name, extra = todo.pop()
        if name in found and not extra:
            continue
        found.add(name)
        for text in metadata.requires(name) or []:
            needed = Requirement(text)
            if needed.marker is None or needed.marker.evaluate({"extra": extra}):
                todo += [(canonicalize_name(needed.name), wanted) for wanted in {"", *needed.extras}]
    return found


def test_everything_is_pinned_and_nothing_else_is() -> None:
    needed = closure(set(NAMED) - {"setuptools"})
    assert needed - set(NAMED) == set(BROUGHT_ALONG)


def test_the_pins_are_what_the_tests_run_with() -> None:
    pinned = {**BROUGHT_ALONG, **NAMED}
    del pinned["setuptools"]  # of no use to anything here
    assert {name: metadata.version(name) for name in pinned} == pinned


@pytest.mark.parametrize("name", ["constraints.txt", "requirements.txt", "requirements-dev.txt"])
def test_no_file_names_a_registry(name: str) -> None:
    text = (ROOT / name).read_text(encoding="utf-8")
    assert "://" not in text
    assert not re.search(r"^\s*(-i|--index|--extra-index|--find-links|-f)\b", text, re.MULTILINE)


def test_the_lab_carries_the_licence() -> None:
    """Its wheel is installed without the rest."""
    assert (ROOT / "lab" / "LICENSE").read_bytes() == (ROOT / "LICENSE").read_bytes()


def test_every_named_package_is_used() -> None:
    """By an import in the project, or by what the comment in the file says."""
    tools = {"pip", "setuptools", "pytest-timeout", "pytest-xdist", "pytest-random-order", "mypy", "ruff"}
    imports = {
        "mssql-python-odbc": "mssql_python_odbc",
        "pyyaml": "yaml",
        "pywinrm": "winrm",
        "pyspnego": "spnego",
        "types-pyyaml": "yaml",
        "types-requests": "requests",
    }
    sources = [
        file.read_text(encoding="utf-8")
        for folder in ("components", "remote", "operations", "policy", "lab", "tests", "tools")
        for file in (ROOT / folder).rglob("*.py")
        if file != Path(__file__)
    ]
    text = "\n".join([*sources, (ROOT / "__main__.py").read_text(encoding="utf-8")])
    for name in set(NAMED) - tools:
        module = imports.get(name, name.replace("-", "_"))
        assert re.search(rf"\b{module}\b", text), f"nothing uses {name}"
