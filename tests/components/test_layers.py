"""Who knows what: in the resource package the loop neither Pulumi nor how a machine is reached; no circles anywhere."""

from __future__ import annotations

import ast
from collections.abc import Mapping, Set
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "components" / "resource"
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


def imports(folder: str) -> dict[str, set[str]]:
    """Module → the modules of the same folder that it names, within functions and for a type only, too."""
    files = {".".join(file.relative_to(ROOT).with_suffix("").parts): file for file in (ROOT / folder).rglob("*.py")}
    modules = {name.removesuffix(".__init__"): file for name, file in files.items()}
    found: dict[str, set[str]] = {}
    for module, file in modules.items():
        named: set[str] = set()
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                named |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module:
                below = {f"{node.module}.{alias.name}" for alias in node.names}
                named |= below & modules.keys() or {node.module}
        found[module] = (named & modules.keys()) - {module}
    return found


def circle(graph: Mapping[str, Set[str]]) -> list[str]:
    """One circle of the graph; empty where there is none."""
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return list(error.args[1])
    return []


@pytest.mark.parametrize("folder", ["components", "remote", "operations"])
def test_no_module_imports_itself_through_others(folder: str) -> None:
    graph = imports(folder)
    assert len(graph) > 10
    assert circle(graph) == []


def test_the_parts_of_the_farm_depend_one_way() -> None:
    parts: dict[str, set[str]] = {}
    for module, named in imports("components").items():
        part = ".".join(module.split(".")[:2])
        parts.setdefault(part, set()).update({".".join(one.split(".")[:2]) for one in named} - {part})
    assert {"components.iis", "components.nlb", "components.portal", "components.spf"} <= parts.keys()
    assert circle(parts) == []
    assert "components.spf" not in parts["components.portal"]


def test_a_circle_is_found() -> None:
    assert circle({"a": {"b"}, "b": {"c"}, "c": {"a"}})
    assert not circle({"a": {"b"}, "b": {"c"}, "c": set()})
