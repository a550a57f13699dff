"""The lab's import graph as its sources have it, and the circles in it."""

from __future__ import annotations

import ast
from collections.abc import Container, Mapping, Set
from functools import cache
from pathlib import Path

LAB = Path(__file__).parents[1]


@cache
def graph() -> dict[str, set[str]]:
    """Module → the modules of the lab that it imports, within functions and for a type only, too. That a package is
    imported before its modules is left out."""
    files = {_name(file): file for file in LAB.rglob("*.py") if LAB / "tests" not in file.parents}
    return {
        module: imports(module, file.read_text(encoding="utf-8"), files) - {module} for module, file in files.items()
    }


def imports(module: str, text: str, known: Container[str]) -> set[str]:
    """The known modules that the text of a module names in an import statement, wherever it stands."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names if alias.name in known}
        elif isinstance(node, ast.ImportFrom):
            assert node.module, f"{module}: absolute imports only"
            names = [f"{node.module}.{alias.name}" for alias in node.names]
            found |= {name for name in names if name in known}
            if node.module in known and any(name not in known for name in names):
                found.add(node.module)
    return found


def circles(found: Mapping[str, Set[str]]) -> list[set[str]]:
    """The strongly connected components of more than one module, the largest first (Tarjan's algorithm)."""
    order: dict[str, int] = {}
    lowest: dict[str, int] = {}
    stack: list[str] = []
    components: list[set[str]] = []

    def visit(module: str) -> None:
        order[module] = lowest[module] = len(order)
        stack.append(module)
        for other in sorted(found[module]):
            if other not in order:
                visit(other)
                lowest[module] = min(lowest[module], lowest[other])
            elif other in stack:
                lowest[module] = min(lowest[module], order[other])
        if lowest[module] == order[module]:
            at = stack.index(module)
            components.append(set(stack[at:]))
            del stack[at:]

    for module in sorted(found):
        if module not in order:
            visit(module)
    return sorted((one for one in components if len(one) > 1), key=lambda one: (-len(one), min(one)))


def _name(file: Path) -> str:
    parts = ("lab", *file.relative_to(LAB).with_suffix("").parts)
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
