"""SELECT and what stands in FROM."""

from __future__ import annotations

from lab.sql.engine.errors import not_modelled
from lab.sql.engine.nodes import (
    Binary,
    DerivedSource,
    Expression,
    FunctionSource,
    Join,
    Ordered,
    OrderItem,
    Query,
    Select,
    SelectItem,
    SetOperation,
    Source,
    TableSource,
    Values,
    Variable,
)
from lab.sql.engine.parse.expressions import Expressions

JOINS = {
    ("INNER", "JOIN"): "INNER", ("JOIN",): "INNER", ("LEFT", "JOIN"): "LEFT", ("LEFT", "OUTER", "JOIN"): "LEFT",
    ("RIGHT", "JOIN"): "RIGHT", ("RIGHT", "OUTER", "JOIN"): "RIGHT", ("FULL", "JOIN"): "FULL",
    ("FULL", "OUTER", "JOIN"): "FULL", ("CROSS", "JOIN"): "CROSS", ("CROSS", "APPLY"): "CROSS APPLY",
    ("OUTER", "APPLY"): "OUTER APPLY",
}  # fmt: skip
HINTS = frozenset(
    [
        "NOLOCK",
        "READUNCOMMITTED",
        "UPDLOCK",
        "HOLDLOCK",
        "ROWLOCK",
        "TABLOCK",
        "TABLOCKX",
        "READPAST",
        "SERIALIZABLE",
        "READCOMMITTED",
        "REPEATABLEREAD",
        "PAGLOCK",
        "XLOCK",
        "NOWAIT",
        "INDEX",
        "FORCESEEK",
        "NOEXPAND",
    ]
)


class Queries(Expressions):
    """Parses queries."""

    def query(self) -> Query:
        line = self.token.line
        ctes = self._ctes() if self.at("WITH") else ()
        query = self._union()
        order: tuple[OrderItem, ...] = ()
        offset = fetch = None
        if self.accept("ORDER"):
            order = self.order_items()
            if self.accept("OFFSET"):
                offset = self.expression()
                self.one_of("ROW", "ROWS")
                if self.accept("FETCH"):
                    self.one_of("FIRST", "NEXT")
                    fetch = self.expression()
                    self.one_of("ROW", "ROWS")
                    self.expect("ONLY")
        if self.at("FOR", "XML") or self.at("FOR", "BROWSE"):
            raise not_modelled(f"FOR {self.peek().upper}")
        if self.at("OPTION", "("):
            self.next()
            self.skip_parentheses()
        return Ordered(query, order, offset, fetch, ctes, line)

    def _ctes(self) -> tuple[tuple[str, tuple[str, ...], Query], ...]:
        self.expect("WITH")
        found = []
        while True:
            name = self.name()
            columns = self.name_list() if self.at("(") else ()
            self.expect("AS", "(")
            found.append((name, columns, self.query()))
            self.expect(")")
            if not self.accept(","):
                return tuple(found)

    def ctes(self) -> tuple[tuple[str, tuple[str, ...], Query], ...]:
        """The common table expressions before INSERT, UPDATE or DELETE."""
        return self._ctes() if self.at("WITH") else ()

    def name_list(self) -> tuple[str, ...]:
        self.expect("(")
        found = [self.name()]
        while self.accept(","):
            found.append(self.name())
        self.expect(")")
        return tuple(found)

    def order_items(self) -> tuple[OrderItem, ...]:
        self.expect("BY")
        found: list[OrderItem] = []
        while True:
            value = self.expression()
            descending = self.accept("DESC")
            if not descending:
                self.accept("ASC")
            found.append(OrderItem(value, descending))
            if not self.accept(","):
                return tuple(found)

    def _union(self) -> Query:
        left = self._intersection()
        while self.at_any("UNION", "EXCEPT"):
            op = self.next().upper
            if op == "UNION" and self.accept("ALL"):
                op = "UNION ALL"
            left = SetOperation(op, left, self._intersection())
        return left

    def _intersection(self) -> Query:
        left = self._block()
        while self.accept("INTERSECT"):
            left = SetOperation("INTERSECT", left, self._block())
        return left

    def _block(self) -> Query:
        if self.accept("("):
            query = self._union()
            self.expect(")")
            return query
        return self.select()

    def select(self) -> Select:
        self.expect("SELECT")
        distinct = self.accept("DISTINCT")
        if not distinct:
            self.accept("ALL")
        top, percent = self.top()
        items = [self.select_item()]
        while self.accept(","):
            items.append(self.select_item())
        into = self.names(3) if self.accept("INTO") else ()
        source = self.source() if self.accept("FROM") else None
        where = self.condition() if self.accept("WHERE") else None
        group: list[Expression] = []
        if self.accept("GROUP"):
            self.expect("BY")
            group.append(self.expression())
            while self.accept(","):
                group.append(self.expression())
        having = self.condition() if self.accept("HAVING") else None
        return Select(tuple(items), source, where, tuple(group), having, distinct, top, percent, into)

    def top(self) -> tuple[Expression | None, bool]:
        if not self.accept("TOP"):
            return None, False
        if self.accept("("):
            count = self.expression()
            self.expect(")")
        else:
            count = self._primary()
        percent = self.accept("PERCENT")
        if self.at("WITH", "TIES"):
            raise not_modelled("TOP … WITH TIES")
        return count, percent

    def select_item(self) -> SelectItem:
        star = self.star()
        if star is not None:
            return SelectItem(star)
        if self.token.kind == "variable" and self.peek().kind == "op" and self.peek().text in ("=", "+="):
            name = self.next().text
            op = self.next().text
            value = self.expression()
            if op == "+=":
                value = Binary("+", Variable(name), value)
            return SelectItem(value, variable=name)
        if (self.at_name() or self.token.kind == "string") and self.peek().kind == "op" and self.peek().text == "=":
            alias = self.next().text
            self.next()
            return SelectItem(self.expression(), alias)
        value = self.expression()
        if self.accept("AS"):
            if self.token.kind in ("string", "nstring"):
                return SelectItem(value, self.next().text)
            return SelectItem(value, self.name())
        if self.at_name() or self.token.kind in ("string", "nstring"):
            return SelectItem(value, self.next().text)
        return SelectItem(value)

    def source(self) -> Source:
        left = self._joined()
        while self.accept(","):
            left = Join("CROSS", left, self._joined(), None)
        return left

    def _joined(self) -> Source:
        left = self._single()
        while True:
            words = next((words for words in JOINS if self.at(*words)), None)
            if words is None:
                return left
            self.position += len(words)
            kind = JOINS[words]
            right = self._single() if kind.startswith(("CROSS", "OUTER")) else self._joined_right()
            on = None
            if not kind.startswith(("CROSS", "OUTER")):
                self.expect("ON")
                on = self.condition()
            left = Join(kind, left, right, on)

    def _joined_right(self) -> Source:
        return self._single()

    def _single(self) -> Source:
        if self.accept("("):
            if self.at_any("SELECT", "WITH"):
                query = self.query()
                self.expect(")")
                return self._derived(query)
            if self.at("VALUES"):
                values = self.values()
                self.expect(")")
                return self._derived(values)
            inner = self.source()
            self.expect(")")
            return inner
        if self.token.kind == "variable":
            return TableSource((self.next().text,), self._alias())
        parts = self.names()
        if self.at("(") and not (self.peek().kind == "word" and self.peek().upper in HINTS):
            return FunctionSource(parts, self._arguments(), self._alias())
        alias = self._alias()
        self.table_hints()
        return TableSource(parts, alias)

    def table_hints(self) -> None:
        if self.at("WITH", "(") and self.peek(2).upper in HINTS:
            self.next()
            self.skip_parentheses()
        elif self.at("(") and self.peek().kind == "word" and self.peek().upper in HINTS:
            self.skip_parentheses()

    def _derived(self, query: Query) -> DerivedSource:
        alias = self._alias()
        if alias is None:
            self.fail()
        return DerivedSource(query, alias, self.name_list() if self.at("(") else ())

    def _alias(self) -> str | None:
        if self.accept("AS"):
            return self.name()
        return self.name() if self.at_name() and not self.at_any("OUTPUT", "OPTION", "APPLY") else None

    def values(self) -> Values:
        self.expect("VALUES")
        rows = []
        while True:
            self.expect("(")
            row = [self.value_or_default()]
            while self.accept(","):
                row.append(self.value_or_default())
            self.expect(")")
            rows.append(tuple(row))
            if not self.accept(","):
                return Values(tuple(rows))

    def value_or_default(self) -> Expression:
        return self.expression()
