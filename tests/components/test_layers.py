"""Who knows what in the resource package: the loop neither Pulumi nor how a machine is reached."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[2] / "components" / "resource"
HARMLESS = {"remote.errors", "remote.names", "remote.secret"}


def imported(file: str) -> set[str]:
    """The modules that a file of the package names, also those for a type only."""
    found: set[str] = set()
    for node in ast.walk(ast.parse((PACKAGE / file).read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        if isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
    return found


@pytest.mark.parametrize("file", ["fields.py", "ownership.py", "reconcile.py", "contract.py", "machine_claims.py"])
def test_only_the_adapter_knows_pulumi(file: str) -> None:
    found = imported(file)
    assert [name for name in found if name.partition(".")[0] == "pulumi" or name.endswith("pulumi_adapter")] == []
    assert "pulumi" in imported("pulumi_adapter.py")


@pytest.mark.parametrize("file", ["fields.py", "ownership.py", "reconcile.py"])
def test_the_loop_knows_no_machine(file: str) -> None:
    found = {name for name in imported(file) if name.partition(".")[0] == "remote"}
    assert found <= HARMLESS
    assert not imported(file) & {"components.step_runner", "components.progress", "components.resource.machine_claims"}
