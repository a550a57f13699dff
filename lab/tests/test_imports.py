"""No import circle but the T-SQL binder's, imports for a type included, and no registry that imports what registers
itself there."""

from __future__ import annotations

import pytest

from lab.tests.imports import circles, graph, imports

QUERY = "lab.sql.engine.query"
ALLOWED = [
    # The T-SQL binder is recursive by nature: a query has expressions (bind: of a call, of an aggregate) and sources
    # (a derived table, a table function, a view), and each of them may be a query (select).
    {f"{QUERY}.{name}" for name in ("aggregate", "bind", "call", "lookup", "select", "source", "table_functions")},
]
"""The circles that may be, each with all its modules."""
REGISTRIES: dict[str, str | tuple[str, ...]] = {
    "lab.sql.engine.parse.parser": "lab.sql.engine.statements",
    "lab.sql.engine.catalog.registry": "lab.sql.engine.catalog",
    "lab.sql.engine.functions.registry": "lab.sql.engine.functions",
    "lab.sql.engine.procedures.registry": "lab.sql.engine.procedures",
    "lab.sql.engine.files": "lab.sql.engine.group.progress",
    "lab.powershell.api": ("lab.powershell.core_", "lab.sql.sqlclient", "lab.wap", "lab.windows"),
    "lab.windows.features": ("lab.windows.firewall_rules", "lab.windows.iis_setup"),
    "lab.world": ("lab.balancer", "lab.sql", "lab.wap", "lab.windows", "lab.winrm"),
}
"""Registry → how the names of those begin that register themselves there."""


def test_the_binder_is_the_only_circle() -> None:
    found = graph()
    assert len(found) > 300
    assert [sorted(circle) for circle in circles(found)] == [sorted(circle) for circle in ALLOWED]


def test_an_import_counts_wherever_it_stands() -> None:
    text = (
        "if TYPE_CHECKING:\n    from lab.one import One\n"
        "def late():\n    from lab import two\n    import lab.three\n    import json\n"
    )
    assert imports("lab.sample", text, {"lab.one", "lab.two", "lab.three"}) == {"lab.one", "lab.two", "lab.three"}


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
