"""No import circle but the T-SQL binder's, and no registry that imports what registers itself there."""

from __future__ import annotations

import pytest

from lab.tests.imports import circles, graph

BINDER = "lab.sql.engine.query"
"""A query has expressions, an expression may be a query: this package is recursive by nature."""
REGISTRIES = {
    "lab.sql.engine.parse.parser": "lab.sql.engine.statements",
    "lab.sql.engine.catalog.registry": "lab.sql.engine.catalog",
    "lab.sql.engine.functions.registry": "lab.sql.engine.functions",
    "lab.sql.engine.procedures.registry": "lab.sql.engine.procedures",
    "lab.sql.engine.files": "lab.sql.engine.group.progress",
    "lab.powershell.api": "lab.windows",
}
"""Registry → how the names of those begin that register themselves there."""


def test_the_binder_is_the_only_circle() -> None:
    found = graph()
    assert len(found) > 300
    others = [sorted(circle) for circle in circles(found) if not all(one.startswith(f"{BINDER}.") for one in circle)]
    assert others == []


@pytest.mark.parametrize("registry", REGISTRIES)
def test_a_registry_does_not_know_who_registers(registry: str) -> None:
    found = graph()
    registrants = {one for one in found if one.startswith(REGISTRIES[registry])} - {registry}
    assert registrants
    assert found[registry] & registrants == set()


def test_circles_are_found() -> None:
    assert circles({"a": {"b"}, "b": {"c"}, "c": {"b"}, "d": {"a", "e"}, "e": {"f"}, "f": {"d"}}) == [
        {"d", "e", "f"},
        {"b", "c"},
    ]
    assert circles({"a": {"b"}, "b": {"c"}, "c": set()}) == []
