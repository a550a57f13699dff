"""Joins on equal columns give what comparing every row with every row would, whatever the columns hold."""

from __future__ import annotations

import pytest

from lab.sql.api import Session
from lab.tests.sql.engine.conftest import ok, run


@pytest.fixture
def tables(database: Session) -> Session:
    ok(database, "CREATE TABLE a (id int, name nvarchar(20)); CREATE TABLE b (id decimal(5, 1), name varchar(20))")
    ok(database, "INSERT INTO a VALUES (1, N'One'), (2, N'two'), (NULL, N'three'), (4, NULL), (2, N'TWO ')")
    ok(database, "INSERT INTO b VALUES (1.0, 'one'), (2.0, 'Two'), (2.5, 'two'), (NULL, NULL), (4.0, 'four')")
    return database


def joined(session: Session, kind: str, on: str) -> list[tuple[object, ...]]:
    query = f"SELECT a.id, a.name, CAST(b.id * 10 AS int), b.name FROM a {kind} JOIN b ON {on}"
    return sorted(ok(session, query).rows, key=repr)


@pytest.mark.parametrize("kind", ["INNER", "LEFT", "RIGHT", "FULL"])
@pytest.mark.parametrize(
    "on",
    [
        "a.id = b.id",
        "b.name = a.name",
        "a.id = b.id AND a.name = b.name",
        "a.id = b.id AND b.name <> 'one'",
        "a.name = b.name AND a.id = 2 AND 1 = 1",
    ],
)
def test_as_comparing_all_rows(tables: Session, kind: str, on: str) -> None:
    """NOT NOT has the same meaning, and says nothing about equal columns that could be looked up."""
    assert joined(tables, kind, on) == joined(tables, kind, f"NOT (NOT ({on}))")


def test_what_the_keys_match(tables: Session) -> None:
    assert joined(tables, "INNER", "a.id = b.id") == [
        (1, "One", 10, "one"), (2, "TWO ", 20, "Two"), (2, "two", 20, "Two"), (4, None, 40, "four"),
    ]  # fmt: skip
    assert len(joined(tables, "INNER", "a.name = b.name")) == 5, "without case, without trailing blanks, not NULL"


def test_an_ambiguous_name_is_still_an_error(tables: Session) -> None:
    assert run(tables, "SELECT 1 FROM a JOIN b ON id = b.id").numbers == [209]
    assert run(tables, "SELECT 1 FROM a JOIN b ON nowhere = b.id").numbers == [207]


def test_a_column_of_the_query_around_is_no_column_of_a_side(tables: Session) -> None:
    counted = "SELECT a.id, (SELECT COUNT(*) FROM b AS x JOIN b AS y ON x.id = y.id AND x.id = a.id) FROM a"
    assert ok(tables, counted).rows == [(1, 1), (2, 1), (None, 0), (4, 1), (2, 1)]
