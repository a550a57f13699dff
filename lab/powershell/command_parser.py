"""Pipelines, commands and their arguments: from text to tree."""

from __future__ import annotations

import re

from lab.powershell.expressions import ExpressionParser
from lab.powershell.scanner import DASH, DOUBLE, SINGLE
from lab.powershell.syntax import (
    Argument,
    ArrayLiteral,
    Assignment,
    Cast,
    Command,
    Expression,
    Index,
    Member,
    Pipeline,
    Redirection,
    Splat,
    Statement,
    Value,
    Variable,
)

_ASSIGN = re.compile(r"(?:[-+*/%]|)=(?!=)")
_REDIRECT = re.compile(r"(?P<from>[1-5*])?>(?:&(?P<into>[1-6])|(?P<append>>)?)")
_PARAMETER = re.compile(rf"[{DASH}]([A-Za-z_?][^\s{{}}();,|&.\[:]*)")


class CommandParser(ExpressionParser):
    """Pipelines and commands."""

    def pipeline(self) -> Statement:
        at = self.pos
        elements: list[Command | Value] = []
        while True:
            self.skip()
            if self._is_expression():
                expression = self.expression()
                before = self.pos
                self.skip()
                match = _ASSIGN.match(self.text, self.pos)
                if match and not elements:
                    if not _assignable(expression):
                        raise self.error(
                            "The assignment expression is not valid. The input to an assignment operator must be an "
                            "object that is able to accept assignments, such as a variable or a property.",
                            "InvalidLeftHandSide",
                            at,
                            before - at,
                        )
                    self.pos = match.end()
                    self.skip_lines()
                    if self.pos >= self.length or self.peek() in ";)}":
                        raise self.error(
                            f"You must provide a value expression on the right-hand side of the '{match[0]}' operator.",
                            "ExpectedValueExpression",
                            match.start(),
                        )
                    return Assignment(expression, match[0], self.value_statement(), at)
                if elements:
                    raise self.error(
                        "Expressions are only allowed as the first element of a pipeline.",
                        "ExpressionsMustBeFirstInPipeline",
                        at,
                        before - at,
                    )
                elements.append(Value(expression, self._redirections()))
            else:
                elements.append(self._command())
            self.skip()
            if self.starts("||") or self.starts("&&"):
                token = self.text[self.pos : self.pos + 2]
                raise self.error(
                    f"The token '{token}' is not a valid statement separator in this version.",
                    "InvalidEndOfLine",
                    length=2,
                )
            if not self.take("|"):
                if self.pos < self.length and self.peek() not in ";\n)}":
                    raise self.unexpected()
                return Pipeline(tuple(elements), at, self.pos)
            self.skip_lines()
            if self.pos >= self.length or self.peek() in ";)}|":
                raise self.error("An empty pipe element is not allowed.", "EmptyPipeElement", self.pos - 1)

    def _is_expression(self) -> bool:
        char = self.peek()
        if not char:
            return False
        if char in SINGLE + DOUBLE + "$@({!,[":
            return True
        if char.isdigit() or (char == "." and self.peek(1).isdigit()):
            before = self.pos
            literal = self.number()
            self.pos = before
            return literal is not None
        if char in DASH:
            following = self.peek(1)
            return (
                following.isdigit()
                or following in tuple("$(. " + DASH)
                or self._operator()[0] in ("not", "bnot", "join", "split", "csplit", "isplit")
            )
        return char == "+" and self.peek(1) != ""

    def _command(self) -> Command:
        at = self.pos
        operator = ""
        if self.starts("&") or (self.starts(".") and self.peek(1) in tuple(" \t$({" + SINGLE + DOUBLE)):
            operator = self.peek()
            self.pos += 1
            self.skip()
        char = self.peek()
        if operator and char and char in SINGLE + DOUBLE + "$({":
            name = self.postfix(self.primary())
        elif char and char not in ";\n)}|,<":
            name = self.generic()
        else:
            raise self.unexpected()
        arguments: list[Argument] = []
        redirections: list[Redirection] = []
        while True:
            self.skip()
            redirect = self._redirection()
            if redirect is not None:
                redirections.append(redirect)
                continue
            char = self.peek()
            if not char or char in ";\n|)}" or self.starts("&&"):
                return Command(name, tuple(arguments), tuple(redirections), operator, at, self.pos)
            if char in "&<":
                if char == "&":
                    raise self.error(
                        "The ampersand (&) character is not allowed. The & operator is reserved for future use; "
                        "wrap an "
                        'ampersand in double quotation marks ("&") to pass it as part of a string.',
                        "AmpersandNotAllowed",
                    )
                raise self.error("The '<' operator is reserved for future use.", "RedirectionNotSupported")
            if char == ",":
                raise self.error("Missing argument in parameter list.", "MissingArgument")
            arguments.append(self._argument())

    def _argument(self) -> Argument:
        at = self.pos
        match = _PARAMETER.match(self.text, at)
        if match:
            self.pos = match.end()
            if self.peek() == ":":
                self.pos += 1
                self.skip()
                if not self.peek() or self.peek() in ";\n|)}":
                    raise self.error(
                        f"Parameter '-{match[1]}' requires an argument.".replace("-", "", 0),
                        "ParameterRequiresArgument",
                    )
                return Argument(match[1], self._argument_list(), at)
            return Argument(match[1], None, at)
        return Argument(None, self._argument_list(), at)

    def _argument_list(self) -> Expression:
        return self.comma_list(self.argument_value, ";|)}")

    def argument_value(self) -> Expression:
        """One word of an argument list."""
        char, start = self.peek(), self.pos
        if char == "@":
            match = re.compile(r"@(?:(\w+):)?([A-Za-z_]\w*)").match(self.text, start)
            if match:
                self.pos = match.end()
                return Splat(Variable((match[1] or "").lower(), match[2], start))
            if self.peek(1) in tuple("({" + SINGLE + DOUBLE):
                return self.postfix(self.primary())
            raise self.error("Unrecognized token in source text.", "UnrecognizedToken")
        if char == "$":
            value = self.primary()
            if isinstance(value, Variable) and self.peek() and self.peek() not in ".[:(){};,|& \t\r\n\f\v`":
                self.pos = start
                return self.generic()
            return self.postfix(value)
        if char in SINGLE + DOUBLE + "({":
            return self.postfix(self.primary())
        return self.generic()

    def _redirections(self) -> tuple[Redirection, ...]:
        found: list[Redirection] = []
        while True:
            before = self.pos
            self.skip()
            redirect = self._redirection()
            if redirect is None:
                self.pos = before
                return tuple(found)
            found.append(redirect)

    def _redirection(self) -> Redirection | None:
        match = _REDIRECT.match(self.text, self.pos)
        if match is None:
            return None
        self.pos = match.end()
        stream = 0 if match["from"] == "*" else int(match["from"] or 1)
        if match["into"]:
            return Redirection(stream, int(match["into"]), None)
        self.skip()
        if not self.peek() or self.peek() in ";\n|)}":
            raise self.error("Missing file specification after redirection operator.", "MissingFileSpecification")
        return Redirection(stream, None, self.argument_value(), append=bool(match["append"]))


def _assignable(target: Expression) -> bool:
    if isinstance(target, ArrayLiteral):
        return all(_assignable(item) for item in target.items)
    if isinstance(target, Cast):
        return _assignable(target.operand)
    return isinstance(target, Variable | Member | Index)
