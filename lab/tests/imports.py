"""The lab's import graph as its sources have it, and the circles in it."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Set
from functools import cache
from pathlib import Path

LAB = Path(__file__).parents[1]


@cache
def graph() -> dict[str, set[str]]:
    """Module → the modules of the lab that it imports, within functions too. What only a type checker sees is left out,
    and so is that a package is imported before its modules."""
    files = {_name(file): file for file in LAB.rglob("*.py") if LAB / "tests" not in file.parents}
    return {module: set(_imports(module, file, files)) - {module} for module, file in files.items()}


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


def _imports(module: str, file: Path, files: Mapping[str, Path]) -> Iterator[str]:
    for node in _run(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in files)
        elif isinstance(node, ast.ImportFrom):
            assert node.module, f"{module}: absolute imports only"
            names = [f"{node.module}.{alias.name}" for alias in node.names]
            yield from (name for name in names if name in files)
            if node.module in files and any(name not in files for name in names):
                yield node.module


def _run(node: ast.AST) -> Iterator[ast.AST]:
    """Every node that runs: not what stands below ``if TYPE_CHECKING``."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.If) and isinstance(child.test, ast.Name) and child.test.id == "TYPE_CHECKING":
            continue
        yield child
        yield from _run(child)
