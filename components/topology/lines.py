"""YAML values that know the line they stand in."""

from __future__ import annotations

from typing import Any

import yaml

from components.topology.problem import Location, shown

MOST_VALUES, DEEPEST = 100_000, 50
"""A topology of a thousand machines has ten thousand values, six levels deep."""


class TooDeepError(Exception):
    """A file is nested deeper than any topology; ``line`` is where."""

    def __init__(self, line: int) -> None:
        self.line = line
        super().__init__(line)


class ShallowLoader(yaml.SafeLoader):
    """Composes nodes, and raises ``TooDeepError`` instead of following a file as deep as the stack goes, or deeper."""

    _depth = 0

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        self._depth += 1
        try:
            if self._depth > DEEPEST:
                raise TooDeepError(self.peek_event().start_mark.line + 1)  # type: ignore[no-untyped-call]
            return super().compose_node(parent, index)
        finally:
            self._depth -= 1


def too_large(root: yaml.Node) -> str:
    """Why a file's values are not read, aliases followed; empty for a file of any reasonable size. A few lines of
    aliases of aliases stand for more values than a computer has memory."""
    sizes: dict[int, tuple[int, int]] = {}

    def measured(node: yaml.Node, depth: int) -> tuple[int, int]:
        """How many values a node stands for, and how deep they are nested."""
        if id(node) in sizes or depth > DEEPEST:
            return sizes.get(id(node), (1, 1))
        sizes[id(node)] = 1, 1  # one that contains itself is ``Source``'s to report
        count, deepest = 1, 0
        for child in node.value if isinstance(node, yaml.CollectionNode) else ():
            for part in child if isinstance(child, tuple) else (child,):
                values, levels = measured(part, depth + 1)
                count, deepest = count + values, max(deepest, levels)
        sizes[id(node)] = count, deepest + 1
        return sizes[id(node)]

    count, levels = measured(root, 1)
    if count > MOST_VALUES:
        return f"stands for more than {MOST_VALUES} values, through aliases or by itself; write out what is meant."
    if levels > DEEPEST:
        return f"is nested more than {DEEPEST} levels deep; no topology is."
    return ""


class Source:
    """The file's values and the line of each.

    ``problems`` has what YAML itself would pass over or trip over: (line, place and sentence).
    """

    def __init__(self, root: yaml.MappingNode) -> None:
        self.problems: list[tuple[int, str]] = []
        self._lines: dict[Location, int] = {}
        self._open: list[yaml.Node] = []
        self._scalars = yaml.SafeLoader("")
        self.value = self._read(root, ())

    def line(self, at: Location) -> int:
        """The line of a place, or of the innermost part around it that the file has."""
        while at not in self._lines:
            at = at[:-1]
        return self._lines[at]

    def has(self, at: Location) -> bool:
        """Whether the file itself has this place."""
        return at in self._lines

    def _read(self, node: yaml.Node, at: Location) -> Any:
        line = self._lines.setdefault(at, node.start_mark.line + 1)
        if node in self._open:
            self.problems.append((line, f"{shown(at)}: contains itself through an alias; write it out."))
            return None
        self._open.append(node)
        value = self._value(node, at, line)
        self._open.pop()
        return value

    def _value(self, node: yaml.Node, at: Location, line: int) -> Any:
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, at)
        if isinstance(node, yaml.SequenceNode):
            return [self._read(item, (*at, index)) for index, item in enumerate(node.value)]
        try:
            return self._scalars.construct_object(node)
        except (yaml.YAMLError, ValueError):  # a tag of another program, or a day that no month has
            self.problems.append((line, f"{shown(at)}: {node.value!r} is not a YAML value; put text in quotes."))
            return node.value

    def _mapping(self, node: yaml.MappingNode, at: Location) -> dict[str, Any]:
        values: dict[str, Any] = {}
        for key_node, value_node in node.value:
            key, line = str(key_node.value), key_node.start_mark.line + 1
            if key in values:
                first = self._lines[(*at, key)]
                text = f"is given twice, first in line {first}; keep one of the two."
                self.problems.append((line, f"{shown((*at, key))}: {text}"))
                continue
            self._lines[(*at, key)] = line
            values[key] = self._read(value_node, (*at, key))
        return values
