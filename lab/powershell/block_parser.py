"""Blocks of statements, parameter lists and attributes: from text to tree."""

from __future__ import annotations

import re
from typing import NoReturn

from lab.powershell.api import NotModelledError
from lab.powershell.expressions import ExpressionParser
from lab.powershell.syntax import (
    AttributeUse,
    Block,
    Constant,
    Expression,
    For,
    ForEach,
    Function,
    If,
    Loop,
    Parameter,
    Script,
    Statement,
    Switch,
    Trap,
    Try,
    TypeName,
)

_KEYWORD = re.compile(r"[A-Za-z]+(?![\w\-.\\/:*?])")


class BlockParser(ExpressionParser):
    """Blocks. The statements themselves come from the classes that build on this one."""

    def statement(self) -> Statement:
        raise NotImplementedError

    def keyword(self) -> str:
        """The keyword at the cursor in lower case, or an empty string; nothing is consumed."""
        match = _KEYWORD.match(self.text, self.pos)
        return match[0].lower() if match else ""

    def script_block(self) -> Script:
        found = self.script_body("}")
        if not self.take("}"):
            raise self._unclosed()
        return found

    def _unclosed(self) -> NoReturn:
        if self.pos < self.length:
            raise self.unexpected()
        raise self.error("Missing closing '}' in statement block.", "MissingEndCurlyBrace", max(0, self.length - 1))

    def script_body(self, closing: str) -> Script:
        start = self.pos
        attributes, parameters = self._parameter_block()
        begin = process = end = None
        self.separators()
        if self.keyword() in ("begin", "process", "end", "dynamicparam"):
            while (word := self.keyword()) in ("begin", "process", "end", "dynamicparam"):
                if word == "dynamicparam":
                    raise NotModelledError("dynamicparam")
                self.pos += len(word)
                self.skip_lines()
                block = self.braced(word)
                begin, process, end = (
                    block if word == "begin" else begin,
                    block if word == "process" else process,
                    block if word == "end" else end,
                )
                self.separators()
            if self.pos < self.length and self.peek() != closing:
                raise self.unexpected()
        else:
            end = self.statements(closing)
        text = self.text[start : self.pos]
        return Script(parameters, attributes, begin, process, end, text, self.text)

    def _parameter_block(self) -> tuple[tuple[AttributeUse, ...], tuple[Parameter, ...]]:
        before = self.pos
        self.skip_lines()
        attributes: list[AttributeUse] = []
        while self.starts("["):
            try:
                found = self._attribute()
            except NotModelledError:
                raise
            except Exception as error:
                if not hasattr(error, "plain"):
                    raise
                found = None  # not an attribute: an expression that begins with a type
            if not isinstance(found, AttributeUse):
                break
            attributes.append(found)
            self.skip_lines()
        if self.keyword() != "param":
            self.pos = before
            return (), ()
        self.pos += len("param")
        self.skip_lines()
        if not self.take("("):
            raise self.error("Missing '(' after 'param'.", "MissingOpenParenthesisAfterParam")
        return tuple(attributes), self.parameters()

    def parameters(self) -> tuple[Parameter, ...]:
        """Behind the opening parenthesis."""
        found: list[Parameter] = []
        while True:
            self.skip_lines()
            if self.take(")"):
                return tuple(found)
            if self.pos >= self.length:
                raise self.error(
                    "Missing ')' in function parameter list.", "MissingEndParenthesisInFunctionParameterList"
                )
            kind: TypeName | None = None
            attributes: list[AttributeUse] = []
            while self.starts("["):
                use = self._attribute()
                if isinstance(use, AttributeUse):
                    attributes.append(use)
                else:
                    kind = kind or use
                self.skip_lines()
            variable = self.variable() if self.starts("$") else None
            if variable is None:
                raise self.unexpected()
            self.skip_lines()
            default = None
            if self.take("="):
                self.skip_lines()
                default = self.expression(comma=False)
                self.skip_lines()
            found.append(Parameter(variable.name, kind, tuple(attributes), default))
            if not self.starts(")") and not self.take(","):
                raise self.error(
                    "Missing ')' in function parameter list.", "MissingEndParenthesisInFunctionParameterList"
                )

    def _attribute(self) -> AttributeUse | TypeName:
        start = self.pos
        self.pos += 1
        name = self._type_name()
        self.skip_lines()
        if not self.take("("):
            self.pos = start
            return self.type_literal()
        positional: list[Expression] = []
        named: dict[str, Expression] = {}
        while True:
            self.skip_lines()
            if self.take(")"):
                break
            match = re.compile(r"([A-Za-z_]\w*)\s*(=)?").match(self.text, self.pos)
            if match:
                self.pos = match.end()
                self.skip_lines()
                value: Expression = Constant(True)
                if match[2]:
                    value = self.expression(comma=False)
                named[match[1].lower()] = value
            else:
                positional.append(self.expression(comma=False))
            self.skip_lines()
            if not self.take(",") and not self.starts(")"):
                raise self.unexpected()
        self.skip_lines()
        if not self.take("]"):
            raise self.error(
                "Missing ] at end of attribute or type literal.", "EndSquareBracketExpectedAtEndOfAttribute"
            )
        return AttributeUse(name.name.lower().removesuffix("attribute"), tuple(positional), named)

    def separators(self) -> None:
        while True:
            self.skip_lines()
            if not self.take(";"):
                return

    def statements(self, closing: str) -> Block:
        """Up to the closing bracket (which stays) or the end of the text."""
        found: list[Statement] = []
        traps: list[Trap] = []
        while True:
            self.separators()
            if self.pos >= self.length or (closing and self.peek() == closing):
                return Block(tuple(found), tuple(traps))
            statement = self.statement()
            if isinstance(statement, Trap):
                traps.append(statement)
            else:
                found.append(statement)
            self.skip()
            if self.pos < self.length and self.peek() not in ";\n" and self.peek() != closing:
                blockish = isinstance(statement, If | Loop | For | ForEach | Switch | Try | Function | Trap)
                if not blockish or self.peek() in ")}|&,":
                    raise self.unexpected()

    def block_until(self, closing: str) -> Block:
        at = self.pos
        block = self.statements(closing)
        if not self.take(closing):
            raise self.error(
                f"Missing closing '{closing}' in subexpression.", "MissingEndParenthesisInSubexpression", at
            )
        return block

    def braced(self, owner: str) -> Block:
        if not self.take("{"):
            raise self.error(f"Missing statement block after '{owner}'.", "MissingStatementBlock")
        block = self.statements("}")
        if not self.take("}"):
            raise self._unclosed()
        return block
