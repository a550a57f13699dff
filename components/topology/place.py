"""Where a key of a topology file stands, for a message that asks to change it.

Looked up when the message is written, from the file as it is then: a line is no property of anything.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from components.topology.lines import Source
from components.topology.problem import Location


def to_set(file: Path, part: Location, key: str, value: str) -> str:
    """What to do so that a part of the file has a key with a value, as the beginning of a sentence.

    ``Set `adopt: true` in topologies/a.yaml:57 (portal > tiers > portal > cluster)``; where the key is not written,
    ``Add …`` with the line at which the part begins.
    """
    try:
        root = yaml.compose(file.read_text(encoding="utf-8"), Loader=yaml.SafeLoader)
    except (OSError, UnicodeDecodeError, yaml.YAMLError):
        root = None
    if not isinstance(root, yaml.MappingNode):  # it was read a moment ago: it is being edited right now
        return f"Set `{key}: {value}` in {file} ({' > '.join(str(step) for step in part)})"
    source = Source(root)
    names = " > ".join(_names(source.value, part))
    if source.has((*part, key)):
        return f"Set `{key}: {value}` in {file}:{source.line((*part, key))} ({names})"
    return f"Add `{key}: {value}` to {names} ({file}:{source.line(part)})"


def _names(value: Any, part: Location) -> Iterator[str]:
    """The steps to a part; an entry of a list by its name, where it has one."""
    for step in part:
        try:
            value = value[step]
        except (LookupError, TypeError):
            value = None
        yield str(value.get("name", step) if isinstance(step, int) and isinstance(value, dict) else step)
