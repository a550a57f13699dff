"""From a name in a statement to a table, with the permission it takes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from lab.sql.engine.catalog.registry import NOT_MODELLED, VIEWS, CatalogView
from lab.sql.engine.database import Database
from lab.sql.engine.elsewhere import INFORMATION_SCHEMA
from lab.sql.engine.elsewhere_views import COMPATIBILITY, SYS
from lab.sql.engine.errors import error, not_modelled
from lab.sql.engine.frame import Frame, Variable
from lab.sql.engine.parse.parser import Parser
from lab.sql.engine.query.scope import Scope
from lab.sql.engine.tables.stored import stored_table
from lab.sql.engine.tables.table import ColumnDefinition, Row, Table
from lab.sql.engine.types import INT
from lab.world import Document


@dataclass
class ComputedTable(Table):
    """A catalog view or a view: its rows are computed when it is read."""

    make: Callable[[], Iterable[Row]] = field(default=lambda: ())

    def rows(self) -> Iterator[tuple[str, Row]]:
        return ((str(index), row) for index, row in enumerate(self.make()))


def find_table(frame: Frame, parts: tuple[str, ...], permission: str) -> Table:
    """Raises 208 (or 1087 for @variables), 229, 911 and what opening the database raises."""
    name = parts[-1]
    if name.startswith("@"):
        table = frame.tables.get(name.lower())
        if table is None:
            raise error(1087, name)
        return table
    if name.startswith("#"):
        temporary = frame.session.temporary.get(name.lower())
        if temporary is None:
            raise error(208, name)
        return temporary
    if len(parts) > 3:
        raise not_modelled("a linked server")
    schema = parts[-2].lower() if len(parts) > 1 else ""
    database_name = parts[-3] if len(parts) > 2 and parts[-3] else frame.session.database
    view = find_view(schema, name.lower(), database_name.lower())
    if view is not None:
        return _catalog_table(frame, parts, view, database_name)
    database = frame.session.open(database_name)
    return _user_table(frame, database, parts, schema, permission)


def find_view(schema: str, name: str, database: str) -> CatalogView | None:
    """Raises "does not model" for a view that SQL Server has and the lab does not."""
    if schema not in ("", "dbo", "sys", "information_schema"):
        return None
    full = f"{schema}.{name}" if schema in ("sys", "information_schema") else f"{database}.dbo.{name}"
    if full in NOT_MODELLED:
        raise not_modelled(f"the view {full}")
    known = VIEWS.get(full)
    there = {"sys": SYS | COMPATIBILITY, "information_schema": INFORMATION_SCHEMA}.get(schema, COMPATIBILITY)
    if known is None and name in there:
        raise not_modelled(f"the view {full}")
    return known


def _catalog_table(frame: Frame, parts: tuple[str, ...], view: CatalogView, database_name: str) -> Table:
    session = frame.session
    database = session.open(database_name)
    session.access(database)
    if view.permission and not session.principal.may(session.server, view.permission):
        raise error(300, view.permission, "server", "master")
    columns = [ColumnDefinition(name_, type_) for name_, type_ in view.columns]
    columns += [ColumnDefinition(name_, INT, modelled=False) for name_ in view.not_modelled]
    names = [column.name for column in columns]
    known = frozenset(names)

    def make() -> Iterable[Row]:
        made = session.catalog.get((view.name, database.name)) if session.catalog is not None else None
        if made is None:
            made = []
            for row in view.rows(session, database):
                assert row.keys() <= known, f"{view.name} gives columns it does not have: {row.keys() - known}"
                made.append(tuple(map(row.get, names)))
            if session.catalog is not None:
                session.catalog[view.name, database.name] = made
        return made

    return ComputedTable(_full(parts, view), columns, database=database.name, insertable=False, make=make)


def _full(parts: tuple[str, ...], view: CatalogView) -> tuple[str, ...]:
    return tuple(view.name.split("."))


def find_object(frame: Frame, database: Database, schema: str, name: str) -> Document | None:
    """The document of an object; without a schema the user's default schema is tried, then dbo."""
    schemas = [schema] if schema else [default_schema(frame, database), "dbo"]
    for one in schemas:
        found = database.view.get("object", f"{one}.{name}")
        if found is not None:
            return found
    return None


def default_schema(frame: Frame, database: Database) -> str:
    access = frame.session.access(database)
    user = database.view.get("user", access.user)
    return str((user or {}).get("schema") or "dbo")


def check_permission(frame: Frame, database: Database, document: Document, permission: str) -> None:
    """Raises 229 when the session's user may not do that with an object."""
    access = frame.session.access(database)
    schema = database.view.get("schema", document["schema"]) or {"id": 1}
    if not access.may(database.view, permission, object_id=document["id"], schema_id=schema["id"]):
        raise error(229, permission, document["name"], database.name, document["schema"], state=5)


def _user_table(frame: Frame, database: Database, parts: tuple[str, ...], schema: str, permission: str) -> Table:
    frame.session.access(database)
    document = find_object(frame, database, schema, parts[-1])
    if document is None or document["type"] not in ("U", "V"):
        raise error(208, ".".join(parts))
    check_permission(frame, database, document, permission)
    if document["type"] == "V":
        return _view_table(frame, database, document)
    return stored_table(database.name, database.view, document)


def _view_table(frame: Frame, database: Database, document: Document) -> Table:
    from lab.sql.engine.query.select import plan_query

    if permission_chain_depth(frame) > 32:
        raise error(217)
    session = frame.session
    inner = Frame(session, document["definition"], variables={"@@nest": _nest(frame)})
    before, session.database = session.database, database.name
    try:
        plan = plan_query(Scope(inner), Parser(document["query"]).query())
    finally:
        session.database = before
    names = document.get("column_names") or [column.name for column in plan.columns]
    columns = [ColumnDefinition(n, c.type, c.nullable) for n, c in zip(names, plan.columns, strict=True)]

    def make() -> list[Any]:
        return plan.run(None)

    parts = (database.name, document["schema"], document["name"])
    return ComputedTable(parts, columns, database=database.name, insertable=False, make=make)


def permission_chain_depth(frame: Frame) -> int:
    nested = frame.variables.get("@@nest")
    return int(nested.value) if nested else 0


def _nest(frame: Frame) -> Any:
    return Variable(INT, permission_chain_depth(frame) + 1)
