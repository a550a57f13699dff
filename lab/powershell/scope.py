"""Variables and functions by scope. Names are without case; a child scope sees its parents' (dynamic scoping)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any


class Cell:
    """One variable; ``convert`` keeps a declared type on every assignment."""

    __slots__ = ("convert", "name", "value")

    def __init__(self, name: str, value: Any, convert: Callable[[Any], Any] | None = None) -> None:
        self.name, self.value, self.convert = name, value, convert


class Scope:
    """One level of variables and functions."""

    __slots__ = ("cells", "functions", "parent")

    def __init__(self, parent: Scope | None = None) -> None:
        self.parent = parent
        self.cells: dict[str, Cell] = {}
        self.functions: dict[str, Any] = {}

    def chain(self) -> Iterator[Scope]:
        scope: Scope | None = self
        while scope is not None:
            yield scope
            scope = scope.parent

    def find(self, name: str) -> Cell | None:
        scope: Scope | None = self
        while scope is not None:
            cell = scope.cells.get(name)
            if cell is not None:
                return cell
            scope = scope.parent
        return None

    def function(self, name: str) -> Any:
        scope: Scope | None = self
        while scope is not None:
            found = scope.functions.get(name)
            if found is not None:
                return found
            scope = scope.parent
        return None

    def set(self, name: str, value: Any) -> None:
        """Assign in this scope; a typed variable converts the value."""
        key = name.lower()
        cell = self.cells.get(key)
        if cell is None:
            self.cells[key] = Cell(name, value)
        else:
            cell.value = value if cell.convert is None else cell.convert(value)

    def top(self) -> Scope:
        scope = self
        while scope.parent is not None:
            scope = scope.parent
        return scope
