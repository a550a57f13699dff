"""Expressions of PowerShell: from text to tree, by the precedence the language specification gives (3.0, §7).

From loose to tight: logical, bitwise, comparison, additive, multiplicative, format, range, comma, unary, member access.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from lab.powershell.scanner import DASH, DOUBLE, SINGLE, Scanner
from lab.powershell.syntax import (
    ArrayLiteral,
    ArrayOf,
    Binary,
    BlockLiteral,
    Cast,
    Constant,
    Expression,
    HashLiteral,
    Index,
    Invoke,
    Member,
    Paren,
    Script,
    Statement,
    Step,
    SubExpression,
    TypeLiteral,
    TypeName,
    Unary,
)

_COMPARISONS = [
    "eq",
    "ne",
    "gt",
    "ge",
    "lt",
    "le",
    "like",
    "notlike",
    "match",
    "notmatch",
    "replace",
    "contains",
    "notcontains",
    "in",
    "notin",
    "split",
]
_LEVELS: tuple[frozenset[str], ...] = (
    frozenset({"and", "or", "xor"}),
    frozenset({"band", "bor", "bxor"}),
    frozenset(
        [prefix + name for name in _COMPARISONS for prefix in ("", "c", "i")]
        + ["is", "isnot", "as", "join", "shl", "shr"]
    ),
    frozenset({"+", "-"}),
    frozenset({"*", "/", "%"}),
    frozenset({"f"}),
    frozenset({".."}),
)
_OPERATOR = re.compile(rf"[{DASH}]([A-Za-z]+)(?![\w])|\.\.|[-+*/%{DASH}]")
_UNARY_WORDS = {"not", "bnot", "join", "split", "csplit", "isplit"}
_UNARY = re.compile(rf"[{DASH}]({'|'.join(_UNARY_WORDS)})(?![\w])", re.I)
_TYPE_START = re.compile(r"\[\s*[A-Za-z_]")
_TYPE_NAME = re.compile(r"[A-Za-z_][\w.+`/]*")
_MEMBER_NAME = re.compile(r"[A-Za-z_]\w*")


class ExpressionParser(Scanner):
    """The expression half of the parser."""

    def script_block(self) -> Script:
        """The inside of a script block after its opening brace. Given by the statement half."""
        raise NotImplementedError

    def value_statement(self) -> Statement:
        raise NotImplementedError

    def pipeline(self) -> Statement:
        raise NotImplementedError

    # -- operators with two sides

    def expression(self, *, comma: bool = True) -> Expression:
        return self._binary(0, comma)

    def _operator(self) -> tuple[str, int]:
        """The operator at the cursor, in lower case without its dash, and the offset behind it."""
        match = _OPERATOR.match(self.text, self.pos)
        if match is None:
            return "", self.pos
        if match[1]:
            return match[1].lower(), match.end()
        return ("-" if match[0] in DASH else match[0]), match.end()

    def _binary(self, level: int, comma: bool) -> Expression:
        if level == len(_LEVELS):
            return self._comma() if comma else self.unary()
        left = self._binary(level + 1, comma)
        while True:
            before = self.pos
            self.skip()
            at = self.pos
            operator, end = self._operator()
            if operator not in _LEVELS[level] or (operator in "+-" and self.text[end : end + 1] == "="):
                if operator.isalpha() and not any(operator in names for names in _LEVELS):
                    raise self.unexpected()
                self.pos = before
                return left
            if operator in ("*", "/", "%") and self.text[end : end + 1] == "=":
                self.pos = before
                return left
            self.pos = end
            self.skip_lines()
            if self.pos >= self.length or self.peek() in ")};":
                raise self.error(
                    f"You must provide a value expression on the right-hand side of the '{self.text[at:end]}' "
                    f"operator.",
                    "ExpectedValueExpression",
                    at,
                )
            left = Binary(operator, left, self._binary(level + 1, comma), at)

    def _comma(self) -> Expression:
        return self.comma_list(self.unary, ")};")

    def comma_list(self, item: Callable[[], Expression], closing: str) -> Expression:
        """One item, or several with commas between them as an array; none of ``closing`` may stand after a comma."""
        items = [item()]
        while True:
            before = self.pos
            self.skip()
            if not self.take(","):
                self.pos = before
                return items[0] if len(items) == 1 else ArrayLiteral(tuple(items))
            self.skip_lines()
            if not self.peek() or self.peek() in closing:
                raise self.error("Missing expression after ','.", "MissingExpressionAfterToken", self.pos - 1)
            items.append(item())

    # -- operators with one side

    def unary(self) -> Expression:
        self.skip()
        char = self.peek()
        if char == "!":
            self.pos += 1
            self.skip_lines()
            return Unary("not", self.unary())
        if char == ",":
            self.pos += 1
            self.skip_lines()
            return Unary(",", self.unary())
        if char and (char in DASH or char == "+"):
            return self._signed()
        if char == "[" and _TYPE_START.match(self.text, self.pos):
            return self._type_or_cast()
        return self.postfix(self.primary())

    def _signed(self) -> Expression:
        match = _UNARY.match(self.text, self.pos)
        if match:
            self.pos = match.end()
            self.skip_lines()
            return Unary(match[1].lower(), self.unary())
        first, second = self.peek(), self.peek(1)
        minus = first in DASH
        if second and (second in DASH if minus else second == "+"):
            self.pos += 2
            self.skip()
            return Step(self.unary(), -1 if minus else 1, prefix=True)
        at = self.pos
        self.pos += 1
        if minus:
            literal = self.number()
            if literal is not None and literal.value is not None:
                # -2147483648 is an Int32 although 2147483648 alone is not.
                negative = Constant(type(literal.value)(-literal.value), text=self.text[at : self.pos])
                return self.postfix(negative)
        self.skip_lines()
        return Unary("-" if minus else "+", self.unary())

    def _type_or_cast(self) -> Expression:
        at = self.pos
        literal = TypeLiteral(self.type_literal(), at)
        if self.starts("::") or self.starts("."):
            return self.postfix(literal)
        before = self.pos
        self.skip()
        if self._operand_follows():
            return Cast(literal.type, self.unary(), at)
        self.pos = before
        return literal

    def _operand_follows(self) -> bool:
        char = self.peek()
        if not char:
            return False
        if char in SINGLE + DOUBLE + "$(!{" or char.isdigit():
            return True
        if char == "@":
            return self.peek(1) in tuple("({" + SINGLE + DOUBLE)
        if char == "[":
            return _TYPE_START.match(self.text, self.pos) is not None
        if char in DASH:
            operator = self._operator()[0]
            return operator in _UNARY_WORDS or self.peek(1).isdigit()
        return char == "." and self.peek(1).isdigit()

    def type_literal(self) -> TypeName:
        """``[name]`` with the cursor on the bracket."""
        at = self.pos
        self.pos += 1
        found = self._type_name()
        self.skip()
        if not self.take("]"):
            raise self.error("Missing ] at end of type token.", "EndSquareBracketExpectedAtEndOfType", at)
        return found

    def _type_name(self) -> TypeName:
        self.skip()
        match = _TYPE_NAME.match(self.text, self.pos)
        if match is None:
            raise self.error("Missing type name after '['.", "MissingTypename")
        self.pos = match.end()
        arguments: list[TypeName] = []
        rank = 0
        while True:
            self.skip()
            if self.starts("[]"):
                self.pos += 2
                rank += 1
            elif self.starts("[") and not arguments and not rank:
                self.pos += 1
                arguments.append(self._argument_type())
                while self.take(","):
                    arguments.append(self._argument_type())
                self.skip()
                if not self.take("]"):
                    raise self.error("Missing ] at end of type token.", "EndSquareBracketExpectedAtEndOfType")
            else:
                return TypeName(match[0], tuple(arguments), rank)

    def _argument_type(self) -> TypeName:
        self.skip()
        return self.type_literal() if self.starts("[") else self._type_name()

    # -- what binds tightest

    def primary(self) -> Expression:
        char = self.peek()
        if char == "$":
            if self.starts("$("):
                self.pos += 2
                return SubExpression(self.block_until(")"))
            found = self.variable()
            if found is None:
                raise self.unexpected()
            return found
        if char and char in SINGLE:
            return Constant(self.single_quoted())
        if char and char in DOUBLE:
            return self.double_quoted()
        if char == "(":
            return self._paren()
        if char == "{":
            self.pos += 1
            return BlockLiteral(self.script_block())
        if char == "@":
            return self._at()
        if char == "[" and _TYPE_START.match(self.text, self.pos):
            at = self.pos
            return TypeLiteral(self.type_literal(), at)
        literal = self.number()
        if literal is not None:
            return literal
        raise self.unexpected()

    def _paren(self) -> Expression:
        at = self.pos
        self.pos += 1
        self.skip_lines()
        if self.starts(")"):
            raise self.error("An expression was expected after '('.", "ExpectedExpression")
        inner = self.value_statement()
        self.skip_lines()
        if not self.take(")"):
            if self.pos < self.length:
                raise self.unexpected()
            raise self.error("Missing closing ')' in expression.", "MissingEndParenthesisInExpression", at)
        return Paren(inner)

    def _at(self) -> Expression:
        if self.starts("@("):
            self.pos += 2
            return ArrayOf(self.block_until(")"))
        if self.starts("@{"):
            return self._hash()
        text = self.here_string()
        if text is not None:
            return text
        if self.peek(1) and (self.peek(1).isalnum() or self.peek(1) == "_"):
            name = _MEMBER_NAME.match(self.text, self.pos + 1)
            raise self.error(
                f"The splatting operator '@' cannot be used to reference variables in an expression. "
                f"'@{name[0] if name else ''}' can be used only as an argument to a command. To reference variables in "
                f"an expression use '${name[0] if name else ''}'.",
                "SplattingNotPermitted",
            )
        raise self.error("Unrecognized token in source text.", "UnrecognizedToken")

    def _hash(self) -> Expression:
        at = self.pos
        self.pos += 2
        pairs: list[tuple[Expression, Statement]] = []
        while True:
            self.skip_lines()
            while self.take(";"):
                self.skip_lines()
            if self.take("}"):
                return HashLiteral(tuple(pairs), at)
            if self.pos >= self.length:
                raise self.error("The hash literal was incomplete.", "IncompleteHashLiteral", at)
            key = self._hash_key()
            self.skip_lines()
            if not self.take("="):
                raise self.error("Missing '=' operator after key in hash literal.", "MissingEqualsInHashLiteral")
            self.skip_lines()
            pairs.append((key, self.value_statement()))
            self.skip()
            if self.pos < self.length and self.peek() not in "};\n":
                raise self.unexpected()

    def _hash_key(self) -> Expression:
        match = re.compile(r"[A-Za-z_][\w-]*").match(self.text, self.pos)
        if match:
            self.pos = match.end()
            return Constant(match[0])
        return self.unary()

    def postfix(self, target: Expression) -> Expression:
        """Members, indexes, calls and ``++`` directly behind an expression."""
        while True:
            char = self.peek()
            static = char == ":" and self.peek(1) == ":"
            if (char == "." and self.peek(1) != ".") or static:
                at = self.pos
                self.pos += 2 if static else 1
                self.skip_lines()
                name = self._member_name()
                if self.starts("("):
                    self.pos += 1
                    target = Invoke(target, name, self._arguments(), static, at)
                else:
                    target = Member(target, name, static, at)
            elif char == "[":
                at = self.pos
                self.pos += 1
                self.skip_lines()
                if self.starts("]"):
                    raise self.error("Array index expression is missing or not valid.", "MissingArrayIndexExpression")
                index = self.expression()
                self.skip_lines()
                if not self.take("]"):
                    raise self.error("Missing ']' after array index expression.", "MissingEndSquareBracket")
                target = Index(target, index, at)
            elif char == "+" and self.peek(1) == "+":
                self.pos += 2
                target = Step(target, 1, prefix=False)
            elif char and char in DASH and self.peek(1) and self.peek(1) in DASH:
                self.pos += 2
                target = Step(target, -1, prefix=False)
            else:
                return target

    def _member_name(self) -> Expression:
        match = _MEMBER_NAME.match(self.text, self.pos)
        if match:
            self.pos = match.end()
            return Constant(match[0])
        char = self.peek()
        if char and char in SINGLE:
            return Constant(self.single_quoted())
        if char and char in DOUBLE:
            return self.double_quoted()
        if char in ("$", "("):
            return self.primary()
        raise self.error("Missing property name after reference operator.", "MissingPropertyName", self.pos - 1)

    def _arguments(self) -> tuple[Expression, ...]:
        found: list[Expression] = []
        self.skip_lines()
        if self.take(")"):
            return ()
        while True:
            self.skip_lines()
            found.append(self.expression(comma=False))
            self.skip_lines()
            if self.take(")"):
                return tuple(found)
            if not self.take(","):
                raise self.error("Missing ')' in method call.", "MissingEndParenthesisInMethodCall")
