"""Statements and commands of PowerShell 3.0, and ``parse``: text in, tree out, or the error PowerShell gives.

Written for this lab because the grammar it would otherwise use (tree-sitter-powershell 0.26) rejects valid scripts,
for instance ``function f { param($A) $A }`` and ``Select-Object a,b``. The tests compare the two where that grammar
reads a script, and check texts with Microsoft's parser where it is at hand.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NoReturn

from lab.powershell.api import NotModelledError
from lab.powershell.expressions import ExpressionParser
from lab.powershell.scanner import DASH, DOUBLE, SINGLE
from lab.powershell.syntax import (
    Argument,
    ArrayLiteral,
    Assignment,
    AttributeUse,
    Block,
    Cast,
    Command,
    Constant,
    Expression,
    For,
    ForEach,
    Function,
    If,
    Index,
    Leave,
    Loop,
    Member,
    Parameter,
    Pipeline,
    Redirection,
    Script,
    Splat,
    Statement,
    Switch,
    Trap,
    Try,
    TypeName,
    Value,
    Variable,
)

_ASSIGN = re.compile(r"(?:[-+*/%]|)=(?!=)")
_REDIRECT = re.compile(r"(?P<from>[1-5*])?>(?:&(?P<into>[1-6])|(?P<append>>)?)")
_PARAMETER = re.compile(rf"[{DASH}]([A-Za-z_?][^\s{{}}();,|&.\[:]*)")
_LABEL = re.compile(r":([A-Za-z_]\w*)")
_KEYWORD = re.compile(r"[A-Za-z]+(?![\w\-.\\/:*?])")
_LOOPS = ("foreach", "for", "while", "do", "switch")
_NOT_MODELLED = ("data", "workflow", "parallel", "sequence", "inlinescript", "dynamicparam")


class Parser(ExpressionParser):
    """The statement half."""

    # -- blocks

    def script(self) -> Script:
        """The whole text."""
        found = self._script_body("")
        if self.pos < self.length:
            raise self.unexpected()
        return found

    def script_block(self) -> Script:
        found = self._script_body("}")
        if not self.take("}"):
            raise self._unclosed()
        return found

    def _unclosed(self) -> NoReturn:
        if self.pos < self.length:
            raise self.unexpected()
        raise self.error("Missing closing '}' in statement block.", "MissingEndCurlyBrace", max(0, self.length - 1))

    def _script_body(self, closing: str) -> Script:
        start = self.pos
        attributes, parameters = self._parameter_block()
        begin = process = end = None
        self._separators()
        if self._keyword() in ("begin", "process", "end", "dynamicparam"):
            while (word := self._keyword()) in ("begin", "process", "end", "dynamicparam"):
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
                self._separators()
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
        if self._keyword() != "param":
            self.pos = before
            return (), ()
        self.pos += len("param")
        self.skip_lines()
        if not self.take("("):
            raise self.error("Missing '(' after 'param'.", "MissingOpenParenthesisAfterParam")
        return tuple(attributes), self._parameters()

    def _parameters(self) -> tuple[Parameter, ...]:
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

    def _separators(self) -> None:
        while True:
            self.skip_lines()
            if not self.take(";"):
                return

    def statements(self, closing: str) -> Block:
        """Up to the closing bracket (which stays) or the end of the text."""
        found: list[Statement] = []
        traps: list[Trap] = []
        while True:
            self._separators()
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

    # -- statements

    def _keyword(self) -> str:
        match = _KEYWORD.match(self.text, self.pos)
        return match[0].lower() if match else ""

    def statement(self) -> Statement:
        label = ""
        match = _LABEL.match(self.text, self.pos)
        if match:
            before, self.pos = self.pos, match.end()
            self.skip_lines()
            if self._keyword() not in _LOOPS:
                self.pos = before
                raise self.unexpected()
            label = match[1]
        word = self._keyword()
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
                f"Missing condition in {owner} statement after '{owner} ('.", f"{owner.title()}StatementMissingCondition"
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
            word = self._keyword()
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
        word = self._keyword()
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
        if self._keyword() != "in":
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
            self._separators()
            if self.take("}"):
                return Switch(mode, sensitive, value, tuple(clauses), label, at)
            if self.pos >= self.length:
                raise self.error("Missing condition in switch statement clause.", "MissingSwitchConditionExpression")
            if self._keyword() == "default":
                self.pos += len("default")
                condition: Expression | None = None
            else:
                condition = self._argument_value()
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
            word = self._keyword()
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
            label = self._argument_value()
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
            parameters = self._parameters()
            self.skip_lines()
        if not self.take("{"):
            raise self.error("Missing function body in function declaration.", "MissingFunctionBody")
        script = self.script_block()
        if parameters:
            script.parameters = parameters
        return Function(match[0], script, is_filter, at)

    def _filter_statement(self, at: int) -> Statement:
        return self._function_statement(at, is_filter=True)

    # -- pipelines

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
                        "The ampersand (&) character is not allowed. The & operator is reserved for future use; wrap an "
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
        first = self._argument_value()
        items = [first]
        while True:
            before = self.pos
            self.skip()
            if not self.take(","):
                self.pos = before
                return first if len(items) == 1 else ArrayLiteral(tuple(items))
            self.skip_lines()
            if not self.peek() or self.peek() in ";|)}":
                raise self.error("Missing expression after ','.", "MissingExpressionAfterToken", self.pos - 1)
            items.append(self._argument_value())

    def _argument_value(self) -> Expression:
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
        return Redirection(stream, None, self._argument_value(), append=bool(match["append"]))


_STATEMENTS = frozenset(
    ["if", "while", "do", "for", "foreach", "switch", "try", "trap", "return", "throw", "exit", "break", "continue", "function", "filter"]
)


def _assignable(target: Expression) -> bool:
    if isinstance(target, ArrayLiteral):
        return all(_assignable(item) for item in target.items)
    if isinstance(target, Cast):
        return _assignable(target.operand)
    return isinstance(target, Variable | Member | Index)


@lru_cache(maxsize=512)
def parse(text: str) -> Script:
    """The tree of a script. Raises ParseError as PowerShell would; the tree of a text is made once and never changed."""
    return Parser(text).script()
