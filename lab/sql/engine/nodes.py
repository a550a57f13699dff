"""Parsed T-SQL: expressions, conditions and queries. Statements are classes of their own beside their behaviour."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from lab.sql.engine.types import SqlType


class Expression:
    """A value or a condition."""


@dataclass(frozen=True)
class Literal(Expression):
    value: Any
    type: SqlType


@dataclass(frozen=True)
class Variable(Expression):
    """``@x`` or ``@@ROWCOUNT``."""

    name: str


@dataclass(frozen=True)
class Name(Expression):
    """A column, with up to three qualifiers."""

    parts: tuple[str, ...]


@dataclass(frozen=True)
class Star(Expression):
    qualifier: str | None = None


@dataclass(frozen=True)
class Unary(Expression):
    op: str
    operand: Expression


@dataclass(frozen=True)
class Binary(Expression):
    op: str
    left: Expression
    right: Expression


@dataclass(frozen=True)
class Window:
    partition: tuple[Expression, ...]
    order: tuple[OrderItem, ...]


@dataclass(frozen=True)
class Call(Expression):
    """A function. ``star`` is COUNT(*)."""

    name: str
    arguments: tuple[Expression, ...]
    star: bool = False
    distinct: bool = False
    over: Window | None = None


@dataclass(frozen=True)
class Cast(Expression):
    operand: Expression
    type: SqlType
    style: Expression | None = None
    forgiving: bool = False


@dataclass(frozen=True)
class Case(Expression):
    subject: Expression | None
    branches: tuple[tuple[Expression, Expression], ...]
    otherwise: Expression | None


@dataclass(frozen=True)
class Subquery(Expression):
    query: Query


@dataclass(frozen=True)
class Collate(Expression):
    operand: Expression
    collation: str


@dataclass(frozen=True)
class Condition(Expression):
    """Something true, false or unknown."""


@dataclass(frozen=True)
class Logical(Condition):
    """``op`` is AND or OR."""

    op: str
    left: Expression
    right: Expression


@dataclass(frozen=True)
class Not(Condition):
    operand: Expression


@dataclass(frozen=True)
class Compare(Condition):
    op: str
    left: Expression
    right: Expression
    quantifier: str | None = None


@dataclass(frozen=True)
class InList(Condition):
    operand: Expression
    items: tuple[Expression, ...]
    query: Query | None
    negated: bool


@dataclass(frozen=True)
class Like(Condition):
    operand: Expression
    pattern: Expression
    escape: Expression | None
    negated: bool


@dataclass(frozen=True)
class Between(Condition):
    operand: Expression
    low: Expression
    high: Expression
    negated: bool


@dataclass(frozen=True)
class IsNull(Condition):
    operand: Expression
    negated: bool


@dataclass(frozen=True)
class Exists(Condition):
    query: Query


@dataclass(frozen=True)
class OrderItem:
    expression: Expression
    descending: bool


@dataclass(frozen=True)
class SelectItem:
    """``variable`` is the target of ``SELECT @x = …``."""

    expression: Expression
    alias: str | None = None
    variable: str | None = None


class Source:
    """What may stand in FROM."""


@dataclass(frozen=True)
class TableSource(Source):
    """A table, view, ``#temporary``, ``@variable`` or common table expression."""

    parts: tuple[str, ...]
    alias: str | None = None


@dataclass(frozen=True)
class FunctionSource(Source):
    parts: tuple[str, ...]
    arguments: tuple[Expression, ...]
    alias: str | None = None


@dataclass(frozen=True)
class DerivedSource(Source):
    query: Query
    alias: str
    columns: tuple[str, ...] = ()


@dataclass(frozen=True)
class Join(Source):
    """``kind`` is INNER, LEFT, RIGHT, FULL, CROSS, CROSS APPLY or OUTER APPLY."""

    kind: str
    left: Source
    right: Source
    on: Expression | None


class Query:
    """Something that gives rows."""


@dataclass(frozen=True)
class Select(Query):
    items: tuple[SelectItem, ...]
    source: Source | None = None
    where: Expression | None = None
    group: tuple[Expression, ...] = ()
    having: Expression | None = None
    distinct: bool = False
    top: Expression | None = None
    percent: bool = False
    into: tuple[str, ...] = ()


@dataclass(frozen=True)
class Values(Query):
    rows: tuple[tuple[Expression, ...], ...]


@dataclass(frozen=True)
class SetOperation(Query):
    """``op`` is UNION, UNION ALL, INTERSECT or EXCEPT."""

    op: str
    left: Query
    right: Query


@dataclass(frozen=True)
class Ordered(Query):
    """A query with ORDER BY, OFFSET, FETCH or common table expressions around it."""

    query: Query
    order: tuple[OrderItem, ...] = ()
    offset: Expression | None = None
    fetch: Expression | None = None
    ctes: tuple[tuple[str, tuple[str, ...], Query], ...] = ()
    line: int = 1
    extra: dict[str, Any] = field(default_factory=dict, hash=False, compare=False)
