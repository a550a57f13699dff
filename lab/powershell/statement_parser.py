"""Statements that begin with a keyword: conditions, loops, errors, functions."""

from __future__ import annotations

import re

from lab.powershell.api import NotModelledError
from lab.powershell.block_parser import BlockParser
from lab.powershell.scanner import DASH
from lab.powershell.syntax import (
    Block,
    Expression,
    For,
    ForEach,
    Function,
    If,
    Leave,
    Loop,
    Parameter,
    Statement,
    Switch,
    Trap,
    Try,
    TypeName,
)

_PARAMETER = re.compile(rf"[{DASH}]([A-Za-z_?][^\s{{}}();,|&.\[:]*)")
_LABEL = re.compile(r":([A-Za-z_]\w*)")
_LOOPS = ("foreach", "for", "while", "do", "switch")
_NOT_MODELLED = ("data", "workflow", "parallel", "sequence", "inlinescript", "dynamicparam")


_STATEMENTS = frozenset(
    [
        "if",
        "while",
        "do",
        "for",
        "foreach",
        "switch",
        "try",
        "trap",
        "return",
        "throw",
        "exit",
        "break",
        "continue",
        "function",
        "filter",
    ]
)


class StatementParser(BlockParser):
    """The statements. Pipelines and arguments come from the command half."""

    def argument_value(self) -> Expression:
        raise NotImplementedError

    def statement(self) -> Statement:
        label = ""
        match = _LABEL.match(self.text, self.pos)
        if match:
            before, self.pos = self.pos, match.end()
            self.skip_lines()
            if self.keyword() not in _LOOPS:
                self.pos = before
                raise self.unexpected()
            label = match[1]
        word = self.keyword()
        if word in _NOT_MODELLED and re.compile(r"\w+\s*(\w+\s*)?\{").match(self.text, self.pos):
            raise NotModelledError(f"the statement '{word}'")
        handler = getattr(self, f"_{word}_statement", None) if word in _STATEMENTS else None
        if handler is None:
            return self.pipeline()
        at = self.pos
        self.pos += len(word)
        found: Statement = handler(at, label) if word in _LOOPS else handler(at)
        return found

    def value_statement(self) -> Statement:
        """What may stand on the right of ``=``, in parentheses or behind a key: any statement with a value."""
        return self.statement()

    def _condition(self, owner: str) -> Statement:
        self.skip_lines()
        if not self.take("("):
            raise self.error(
                f"Missing '(' after '{owner}' in {owner} statement.", "MissingOpenParenthesisInIfStatement"
            )
        self.skip_lines()
        if self.pos >= self.length or self.peek() == ")":
            raise self.error(
                f"Missing condition in {owner} statement after '{owner} ('.",
                f"{owner.title()}StatementMissingCondition",
            )
        condition = self.pipeline()
        self.skip_lines()
        if not self.take(")"):
            if self.pos < self.length:
                raise self.unexpected()
            raise self.error(
                f"Missing closing ')' after expression in '{owner}' statement.",
                "MissingEndParenthesisAfterStatement",
            )
        self.skip_lines()
        return condition

    def _if_statement(self, at: int) -> Statement:
        clauses = [(self._condition("if"), self.braced("if"))]
        otherwise = None
        while True:
            before = self.pos
            self.skip_lines()
            word = self.keyword()
            if word == "elseif":
                self.pos += len(word)
                clauses.append((self._condition("elseif"), self.braced("elseif")))
                continue
            if word == "else":
                self.pos += len(word)
                self.skip_lines()
                otherwise = self.braced("else")
                break
            self.pos = before
            break
        return If(tuple(clauses), otherwise, at)

    def _while_statement(self, at: int, label: str) -> Statement:
        return Loop(self._condition("while"), self.braced("while"), False, False, label, at)

    def _do_statement(self, at: int, label: str) -> Statement:
        self.skip_lines()
        body = self.braced("do")
        self.skip_lines()
        word = self.keyword()
        if word not in ("while", "until"):
            raise self.error("Missing while or until keyword in do loop.", "MissingWhileOrUntilInDoWhile")
        self.pos += len(word)
        before_lines = self._do_condition(word)
        return Loop(before_lines, body, True, word == "until", label, at)

    def _do_condition(self, word: str) -> Statement:
        condition = self._condition(word)
        # The blanks behind the condition end the statement: give the line end back.
        while self.pos > 0 and self.text[self.pos - 1] in " \t\r\n":
            self.pos -= 1
        return condition

    def _for_statement(self, at: int, label: str) -> Statement:
        self.skip_lines()
        if not self.take("("):
            raise self.error("Missing opening '(' after keyword 'for'.", "MissingOpenParenthesisAfterKeyword")
        parts: list[Statement | None] = []
        for closing in (";", ";", ")"):
            self.skip_lines()
            parts.append(None if self.peek() in (closing, ")") else self.pipeline())
            self.skip_lines()
            if closing == ";" and self.peek() == ")":
                continue
            if not self.take(closing):
                raise self.error("Missing ')' in for statement.", "MissingEndParenthesisAfterStatement")
        self.skip_lines()
        return For(parts[0], parts[1], parts[2], self.braced("for"), label, at)

    def _foreach_statement(self, at: int, label: str) -> Statement:
        self.skip_lines()
        if self.starts("-"):
            raise NotModelledError("foreach -parallel")
        if not self.take("("):
            raise self.error("Missing opening '(' after keyword 'foreach'.", "MissingOpenParenthesisAfterKeyword")
        self.skip_lines()
        variable = self.variable()
        if variable is None:
            raise self.error("Missing variable name after foreach.", "MissingVariableNameAfterForeach")
        self.skip_lines()
        if self.keyword() != "in":
            raise self.error("Missing 'in' after variable in foreach loop.", "MissingInInForeach")
        self.pos += 2
        self.skip_lines()
        items = self.pipeline()
        self.skip_lines()
        if not self.take(")"):
            raise self.error("Missing ')' after expression in foreach loop.", "MissingEndParenthesisAfterForeach")
        self.skip_lines()
        return ForEach(variable, items, self.braced("foreach"), label, at)

    def _switch_statement(self, at: int, label: str) -> Statement:
        mode, sensitive = "exact", False
        self.skip_lines()
        while (match := _PARAMETER.match(self.text, self.pos)) is not None:
            option = match[1].lower()
            known = [
                name for name in ("regex", "wildcard", "exact", "casesensitive", "file") if name.startswith(option)
            ]
            if not known:
                raise self.error(f"The switch statement parameter '{match[1]}' is not valid.", "InvalidSwitchFlag")
            if known[0] == "file":
                raise NotModelledError("switch -File")
            sensitive |= known[0] == "casesensitive"
            mode = known[0] if known[0] in ("regex", "wildcard", "exact") else mode
            self.pos = match.end()
            self.skip_lines()
        value = self._condition("switch")
        if not self.take("{"):
            raise self.error("Missing opening '{' in switch statement.", "MissingCurlyBraceInSwitchStatement")
        clauses: list[tuple[Expression | None, Block]] = []
        while True:
            self.separators()
            if self.take("}"):
                return Switch(mode, sensitive, value, tuple(clauses), label, at)
            if self.pos >= self.length:
                raise self.error("Missing condition in switch statement clause.", "MissingSwitchConditionExpression")
            if self.keyword() == "default":
                self.pos += len("default")
                condition: Expression | None = None
            else:
                condition = self.argument_value()
            self.skip_lines()
            clauses.append((condition, self.braced("switch")))

    def _try_statement(self, at: int) -> Statement:
        self.skip_lines()
        body = self.braced("try")
        catches: list[tuple[tuple[TypeName, ...], Block]] = []
        final = None
        while True:
            before = self.pos
            self.skip_lines()
            word = self.keyword()
            if word == "catch":
                self.pos += len(word)
                self.skip_lines()
                types: list[TypeName] = []
                while self.starts("["):
                    types.append(self.type_literal())
                    self.skip_lines()
                    if self.take(","):
                        self.skip_lines()
                catches.append((tuple(types), self.braced("catch")))
            elif word == "finally":
                self.pos += len(word)
                self.skip_lines()
                final = self.braced("finally")
                break
            else:
                self.pos = before
                break
        if not catches and final is None:
            raise self.error("The Try statement is missing its Catch or Finally block.", "MissingCatchOrFinally")
        return Try(body, tuple(catches), final, at)

    def _trap_statement(self, at: int) -> Statement:
        self.skip_lines()
        kind = self.type_literal() if self.starts("[") else None
        self.skip_lines()
        return Trap(kind, self.braced("trap"), at)

    def _leave(self, word: str, at: int) -> Statement:
        self.skip()
        value = None
        if self.pos < self.length and self.peek() not in ";\n)}":
            value = self.pipeline()
        return Leave(word, value, None, at, self.pos)

    def _return_statement(self, at: int) -> Statement:
        return self._leave("return", at)

    def _throw_statement(self, at: int) -> Statement:
        return self._leave("throw", at)

    def _exit_statement(self, at: int) -> Statement:
        return self._leave("exit", at)

    def _jump(self, word: str, at: int) -> Statement:
        self.skip()
        label = None
        if self.pos < self.length and self.peek() not in ";\n)}":
            label = self.argument_value()
        return Leave(word, None, label, at, self.pos)

    def _break_statement(self, at: int) -> Statement:
        return self._jump("break", at)

    def _continue_statement(self, at: int) -> Statement:
        return self._jump("continue", at)

    def _function_statement(self, at: int, *, is_filter: bool = False) -> Statement:
        self.skip_lines()
        match = re.compile(r"[^\s(){}]+").match(self.text, self.pos)
        if match is None:
            raise self.error("Missing name after function keyword.", "MissingNameAfterKeyword")
        self.pos = match.end()
        self.skip_lines()
        parameters: tuple[Parameter, ...] = ()
        if self.take("("):
            parameters = self.parameters()
            self.skip_lines()
        if not self.take("{"):
            raise self.error("Missing function body in function declaration.", "MissingFunctionBody")
        script = self.script_block()
        if parameters:
            script.parameters = parameters
        return Function(match[0], script, is_filter, at)

    def _filter_statement(self, at: int) -> Statement:
        return self._function_statement(at, is_filter=True)
