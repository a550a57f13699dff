"""One spelling for each name of a topology file: that of the entry that it refers to.

Windows compares names without case, and so may an operator. Here every reference to a machine, a certificate or a
domain's NetBIOS name is written as ``machines``, ``certificates`` or ``domains`` have it, before anything is checked.
Everything after compares names of the topology plainly.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from remote.names import folded

_EACH = "[]"
"""In a path: every entry of a list."""

_Path = tuple[str, ...]

_REFERENCES: tuple[tuple[_Path, tuple[_Path, ...]], ...] = (
    (
        ("machines", _EACH, "name"),
        (
            ("sql", "replicas", _EACH),  # a machine's name alone is a replica
            ("sql", "replicas", _EACH, "machine"),
            ("sql", "preferred_primary"),
            ("spf", "servers", _EACH),
            ("portal", "tiers", _EACH, "nodes", _EACH),
        ),
    ),
    (("certificates", _EACH, "name"), (("portal", "tiers", _EACH, "certificate"),)),
)
_PRINCIPALS: tuple[_Path, ...] = (("portal", "operators", _EACH), ("portal", "administrators", _EACH))


def as_declared(value: Any) -> Any:
    """The values of a file, of whatever shape they are, with every name that refers to an entry in the spelling of
    that entry. A name that refers to none stays as it is."""
    for declared, references in _REFERENCES:
        spelling = _spelling(value, declared)
        for path in references:
            value = _replaced(value, path, partial(_known, spelling))
    domains = _spelling(value, ("domains", _EACH, "netbios"))
    for path in _PRINCIPALS:
        value = _replaced(value, path, partial(_principal, domains))
    return value


def _known(spelling: Mapping[str, str], name: str) -> str:
    return spelling.get(folded(name), name)


def _principal(domains: Mapping[str, str], name: str) -> str:
    domain, backslash, account = name.partition("\\")
    return f"{_known(domains, domain)}{backslash}{account}"


def _spelling(value: Any, path: _Path) -> dict[str, str]:
    """Folded name → the name as it is declared first."""
    found: dict[str, str] = {}

    def keep(name: str) -> str:
        found.setdefault(folded(name), name)
        return name

    _replaced(value, path, keep)
    return found


def _replaced(value: Any, path: _Path, change: Callable[[str], str]) -> Any:
    """The same value with each text at the path changed; what has another shape stays."""
    if not path:
        return change(value) if isinstance(value, str) else value
    step, *rest = path
    if step == _EACH:
        return [_replaced(item, tuple(rest), change) for item in value] if isinstance(value, list) else value
    if not isinstance(value, dict) or step not in value:
        return value
    return {**value, step: _replaced(value[step], tuple(rest), change)}
