"""Expressions and conditions."""

from __future__ import annotations

import math
from decimal import Decimal
from typing import TYPE_CHECKING

from lab.sql.engine.errors import error, not_modelled
from lab.sql.engine.nodes import (
    Between,
    Binary,
    Call,
    Case,
    Cast,
    Collate,
    Compare,
    Condition,
    Exists,
    Expression,
    InList,
    IsNull,
    Like,
    Literal,
    Logical,
    Name,
    Not,
    OrderItem,
    Query,
    Star,
    Subquery,
    Unary,
    Variable,
    Window,
)
from lab.sql.engine.parse.stream import Stream
from lab.sql.engine.types import FLOAT, INT, SqlType, nvarchar, varbinary, varchar

COMPARISONS = ("=", "<>", "!=", "<", ">", "<=", ">=", "!<", "!>")
NORMAL = {"!=": "<>", "!<": ">=", "!>": "<="}
NILADIC = {"CURRENT_TIMESTAMP": "GETDATE", "CURRENT_USER": "USER_NAME", "SESSION_USER": "USER_NAME",
           "USER": "USER_NAME", "SYSTEM_USER": "SUSER_SNAME"}  # fmt: skip
RESERVED_FUNCTIONS = ("LEFT", "RIGHT", "COALESCE", "NULLIF")


class Expressions(Stream):
    """Parses values and conditions; ``query`` is supplied by the class that parses queries."""

    if TYPE_CHECKING:

        def query(self) -> Query: ...

        def order_items(self) -> tuple[OrderItem, ...]: ...

    def condition(self) -> Expression:
        left = self._conjunction()
        while self.accept("OR"):
            left = Logical("OR", left, self._conjunction())
        return left

    def _conjunction(self) -> Expression:
        left = self._negation()
        while self.accept("AND"):
            left = Logical("AND", left, self._negation())
        return left

    def _negation(self) -> Expression:
        return Not(self._negation()) if self.accept("NOT") else self._predicate()

    def _predicate(self) -> Expression:
        if self.accept("EXISTS"):
            self.expect("(")
            query = self.query()
            self.expect(")")
            return Exists(query)
        if self.at("(") and not self.at("(", "SELECT"):
            start = self.position
            try:
                self.next()
                inner = self.condition()
                self.expect(")")
            except Exception:
                inner = None
            if inner is not None and not self._goes_on_as_value():
                return inner
            self.position = start
        left = self.expression()
        return self._comparison(left)

    def _goes_on_as_value(self) -> bool:
        return (self.token.kind == "op" and self.token.text in (*COMPARISONS, "+", "-", "*", "/", "%", "&", "|",
                                                                "^")) or (
            self.at_any("IS", "IN", "LIKE", "BETWEEN", "COLLATE") or self.at("NOT", "IN") or self.at("NOT", "LIKE")
            or self.at("NOT", "BETWEEN")
        )  # fmt: skip

    def _comparison(self, left: Expression) -> Condition:
        if self.token.kind == "op" and self.token.text in COMPARISONS:
            op = self.next().text
            quantifier = self.one_of("ALL", "ANY", "SOME") if self.at_any("ALL", "ANY", "SOME") else None
            return Compare(NORMAL.get(op, op), left, self.expression(), quantifier)
        if self.accept("IS"):
            negated = self.accept("NOT")
            self.expect("NULL")
            return IsNull(left, negated)
        negated = self.accept("NOT")
        if self.accept("IN"):
            return self._in(left, negated)
        if self.accept("LIKE"):
            pattern = self.expression()
            escape = self.expression() if self.accept("ESCAPE") else None
            return Like(left, pattern, escape, negated)
        if self.accept("BETWEEN"):
            low = self.expression()
            self.expect("AND")
            return Between(left, low, self.expression(), negated)
        if negated:
            self.fail()
        token = self.token if self.token.kind != "end" else self.tokens[self.position - 1]
        raise error(4145, token.text, line=token.line)

    def _in(self, left: Expression, negated: bool) -> Condition:
        self.expect("(")
        if self.at_any("SELECT", "WITH"):
            query = self.query()
            self.expect(")")
            return InList(left, (), query, negated)
        items = [self.expression()]
        while self.accept(","):
            items.append(self.expression())
        self.expect(")")
        return InList(left, tuple(items), None, negated)

    def expression(self) -> Expression:
        left = self._product()
        while self.token.kind == "op" and self.token.text in ("+", "-", "&", "|", "^"):
            left = Binary(self.next().text, left, self._product())
        return left

    def _product(self) -> Expression:
        left = self._unary()
        while self.token.kind == "op" and self.token.text in ("*", "/", "%"):
            left = Binary(self.next().text, left, self._unary())
        return left

    def _unary(self) -> Expression:
        if self.token.kind == "op" and self.token.text in ("-", "+", "~"):
            return Unary(self.next().text, self._unary())
        value = self._primary()
        while self.accept("COLLATE"):
            value = Collate(value, "DATABASE_DEFAULT" if self.accept("DATABASE_DEFAULT") else self.name())
        return value

    def _primary(self) -> Expression:
        token = self.token
        if token.kind in ("string", "nstring"):
            self.next()
            length = max(1, len(token.text))
            return Literal(token.text, nvarchar(length) if token.kind == "nstring" else varchar(length))
        if token.kind == "number":
            self.next()
            return self._number(token.text)
        if token.kind == "hex":
            data = self.binary()
            return Literal(data, varbinary(max(1, len(data))))
        if token.kind == "variable":
            self.next()
            return Variable(token.text)
        if self.accept("("):
            if self.at_any("SELECT", "WITH"):
                query = self.query()
                self.expect(")")
                return Subquery(query)
            value = self.expression()
            self.expect(")")
            return value
        if token.kind == "word":
            special = self._special()
            if special is not None:
                return special
        if not self.at_name():
            self.fail()
        return self._name_or_call()

    @staticmethod
    def _number(text: str) -> Literal:
        if "e" in text.lower():
            number = float(text)
            if math.isinf(number):
                raise error(168, text, 8)
            return Literal(number, FLOAT)
        if "." in text:
            value = Decimal(text)
            scale = len(text.split(".")[1])
            return Literal(
                value, SqlType("numeric", None, max(len(text.replace(".", "").lstrip("0")), scale, 1), scale)
            )
        number = int(text)
        if number < 2**31:
            return Literal(number, INT)
        return Literal(Decimal(number), SqlType("numeric", None, len(text), 0))

    def _special(self) -> Expression | None:
        """Forms that begin with a word of the grammar."""
        if self.accept("NULL"):
            return Literal(None, INT)
        if self.at("CASE"):
            return self._case()
        if self.at_any("CAST", "TRY_CAST") and self.peek().text == "(":
            forgiving = self.next().upper == "TRY_CAST"
            self.expect("(")
            operand = self.expression()
            self.expect("AS")
            target = self.data_type(default_length=30)
            self.expect(")")
            return Cast(operand, target, None, forgiving)
        if self.at_any("PARSE", "TRY_PARSE") and self.peek().text == "(":
            raise not_modelled(f"the function {self.token.upper}")
        if self.at_any("CONVERT", "TRY_CONVERT"):
            forgiving = self.next().upper == "TRY_CONVERT"
            self.expect("(")
            target = self.data_type(default_length=30)
            self.expect(",")
            operand = self.expression()
            style = self.expression() if self.accept(",") else None
            self.expect(")")
            return Cast(operand, target, style, forgiving)
        if self.at("IIF", "("):
            self.next()
            self.expect("(")
            condition = self.condition()
            self.expect(",")
            yes = self.expression()
            self.expect(",")
            no = self.expression()
            self.expect(")")
            return Case(None, ((condition, yes),), no)
        if self.token.upper in NILADIC:
            return Call(NILADIC[self.next().upper], ())
        if self.token.upper in RESERVED_FUNCTIONS:
            name = self.next().upper
            return Call(name, self._arguments())
        return None

    def _case(self) -> Case:
        self.expect("CASE")
        subject = None if self.at("WHEN") else self.expression()
        branches: list[tuple[Expression, Expression]] = []
        while self.accept("WHEN"):
            when = self.condition() if subject is None else self.expression()
            self.expect("THEN")
            branches.append((when, self.expression()))
        if not branches:
            self.fail()
        otherwise = self.expression() if self.accept("ELSE") else None
        self.expect("END")
        return Case(subject, tuple(branches), otherwise)

    def _arguments(self) -> tuple[Expression, ...]:
        self.expect("(")
        found: list[Expression] = []
        while not self.at(")"):
            found.append(self.expression())
            if not self.accept(","):
                break
        self.expect(")")
        return tuple(found)

    def _name_or_call(self) -> Expression:
        parts = self.names()
        if not self.at("("):
            return Name(parts)
        name = ".".join(parts).lower()
        if self.at("(", "*", ")"):
            self.position += 3
            return Call(name.upper(), (), star=True, over=self._over())
        if self.peek().kind == "word" and self.peek().upper in ("DISTINCT", "ALL"):
            self.next()
            distinct = self.next().upper == "DISTINCT"
            value = self.expression()
            self.expect(")")
            return Call(name.upper(), (value,), distinct=distinct, over=self._over())
        return Call(name.upper(), self._arguments(), over=self._over())

    def _over(self) -> Window | None:
        if not self.accept("OVER"):
            return None
        self.expect("(")
        partition: list[Expression] = []
        if self.accept("PARTITION"):
            self.expect("BY")
            partition.append(self.expression())
            while self.accept(","):
                partition.append(self.expression())
        order = self.order_items() if self.accept("ORDER") else ()
        self.expect(")")
        return Window(tuple(partition), order)

    def star(self) -> Star | None:
        """``*`` or ``t.*`` of a select list."""
        if self.accept("*"):
            return Star()
        if self.at_name() and self.peek().text == "." and self.peek(2).text == "*" and self.peek(2).kind == "op":
            qualifier = self.name()
            self.position += 2
            return Star(qualifier)
        return None
