"""How a thing differs from what is declared of it: the resource's own comparison, in words."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from components.resource import Inputs, Resource
from remote.session import Remote


def differences(resource: Resource[Any, Any], inputs: Inputs, remote: Remote) -> list[str]:
    """What ``pulumi preview`` would show of a resource. Raises ``MachineError``."""
    actual = resource.actual(inputs, resource.observe(inputs, remote))
    if actual is None:
        return [f"{resource.display_name(inputs)} is missing"]
    declared = inputs.model_dump(mode="json")
    return [text for name in actual for text in _compared(name, declared[name], actual[name])]


def _compared(name: str, declared: Any, found: Any) -> Iterator[str]:
    if not isinstance(declared, list) or not all(isinstance(one, dict) for one in declared):
        if found != declared:
            yield f"{_words(name)} is {found}, not {declared}"
        return
    there = {one["machine"]: one for one in found}
    for one in declared:
        machine, other = one["machine"], there.get(one["machine"])
        if other is None:
            yield f"{machine} is not among {_words(name)}"
            continue
        for key, value in one.items():
            if other[key] != value:
                yield f"{_words(key)} of {machine} is {other[key]}, not {value}"


def _words(name: str) -> str:
    return name.replace("_", " ")
