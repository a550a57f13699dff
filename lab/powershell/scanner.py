"""Characters of a PowerShell script: white space, comments, names, numbers, strings.

Windows PowerShell reads text in two modes. Where an expression stands, ``-eq`` is an operator and ``a`` an error;
where a command's arguments stand, almost everything is a string. The scanner offers the pieces of both; the parser
decides which one it wants. Source: PowerShell language specification 3.0, chapters 2 and 8.
"""

from __future__ import annotations

import re
from typing import Any

from lab.powershell.api import Int64, PowerShellError
from lab.powershell.syntax import Block, Constant, Expandable, Expression, SubExpression, Variable

SINGLE, DOUBLE, DASH = "'\u2018\u2019\u201a\u201b", '"\u201c\u201d\u201e', "-\u2013\u2014\u2015"
_SPACE = re.compile(r"(?:[ \t\f\v\u00a0\u0085\r]|`\r?\n|<#.*?#>|#[^\n]*)+", re.S)
_SPACE_AND_LINES = re.compile(r"(?:[ \t\f\v\u00a0\u0085\r\n]|`\r?\n|<#.*?#>|#[^\n]*)+", re.S)
_WORD = re.compile(r"[A-Za-z_]\w*")
_VARIABLE = re.compile(r"\$(?:(?P<scope>\w+):(?=[\w?]))?(?P<name>[\w?]+|[$^])")
_NUMBER = re.compile(
    r"(?P<hex>0[xX][0-9a-fA-F]+)(?P<hexlong>[lL]?)(?P<hexunit>[kKmMgGtTpP][bB])?"
    r"|(?P<digits>(?:\d+\.(?!\.)\d*|\.\d+|\d+)(?:[eE][+-]?\d+)?)(?P<suffix>[dDlL]?)(?P<unit>[kKmMgGtTpP][bB])?"
)
_ENDS_NUMBER = set(" \t\r\n\f\v()[]{}|&;,+-*/%=<>.!#:'\"")
_UNITS = {"kb": 1 << 10, "mb": 1 << 20, "gb": 1 << 30, "tb": 1 << 40, "pb": 1 << 50}
_ESCAPES = {"0": "\0", "a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}
_WORD_ENDS = set(" \t\f\v\r\n\u00a0(){};,|&")


class ParseError(PowerShellError):
    """A script that PowerShell would not parse; the message carries the place as PowerShell prints it."""

    def __init__(self, source: str, at: int, length: int, message: str, error_id: str) -> None:
        line_number = source.count("\n", 0, at) + 1
        start = source.rfind("\n", 0, at) + 1
        line = source[start:].split("\n", 1)[0].rstrip("\r")
        mark = " " * (at - start) + "~" * max(1, min(length, len(line) - (at - start)))
        place = f"At line:{line_number} char:{at - start + 1}\r\n+ {line}\r\n+ {mark}\r\n"
        super().__init__(
            place + message,
            error_id,
            category="ParserError",
            exception_type="System.Management.Automation.ParseException",
        )
        self.plain = message


def number(text: str) -> Any:
    """The value of a number as it is written, or None: Int32, Int64, Decimal (``d``), Double."""
    match = _NUMBER.fullmatch(text)
    return None if match is None else _value(match)


def _value(match: re.Match[str]) -> Any:
    unit = _UNITS.get((match["hexunit"] or match["unit"] or "").lower(), 1)
    if match["hex"]:
        whole = int(match["hex"], 16)
        bits = 64 if match["hexlong"] or whole >= 1 << 32 else 32
        if whole >= 1 << (bits - 1):
            whole -= 1 << bits
        whole *= unit
        return Int64(whole) if match["hexlong"] else whole
    digits, suffix = match["digits"], (match["suffix"] or "").lower()
    if suffix == "d":
        from decimal import Decimal

        return Decimal(digits) * unit
    if re.search(r"[.eE]", digits):
        real = float(digits) * unit
        return Int64(round(real)) if suffix == "l" else real
    whole = int(digits) * unit
    if suffix == "l":
        return Int64(whole)
    if whole < 1 << 63:
        return whole
    from decimal import Decimal

    return Decimal(whole) if whole < 1 << 96 else float(whole)


class Scanner:
    """A cursor over the text of a script."""

    def __init__(self, text: str) -> None:
        self.text, self.pos, self.length = text, 0, len(text)

    def block_until(self, closing: str) -> Block:
        """Statements up to a closing bracket, which is consumed. Given by the parser."""
        raise NotImplementedError

    # -- errors

    def error(self, message: str, error_id: str, at: int | None = None, length: int = 1) -> ParseError:
        return ParseError(self.text, self.pos if at is None else at, length, message, error_id)

    def unexpected(self) -> ParseError:
        match = re.compile(r"[A-Za-z_]\w*|\S").match(self.text, self.pos)
        token = match[0] if match else ""
        return self.error(
            f"Unexpected token '{token}' in expression or statement.", "UnexpectedToken", length=len(token)
        )

    # -- small pieces

    def peek(self, ahead: int = 0) -> str:
        at = self.pos + ahead
        return self.text[at] if at < self.length else ""

    def starts(self, text: str) -> bool:
        return self.text.startswith(text, self.pos)

    def skip(self) -> bool:
        """Blanks and comments within a line. True when there were any."""
        match = _SPACE.match(self.text, self.pos)
        if match:
            self.pos = match.end()
        if self.starts("<#"):
            raise self.error("The terminator '#>' is missing from the multiline comment.", "MissingEndMultiLineComment")
        return match is not None

    def skip_lines(self) -> None:
        """Blanks, comments and line ends."""
        match = _SPACE_AND_LINES.match(self.text, self.pos)
        if match:
            self.pos = match.end()

    def word(self) -> str:
        """The identifier at the cursor in lower case, or an empty string; nothing is consumed."""
        match = _WORD.match(self.text, self.pos)
        return match[0].lower() if match else ""

    def take(self, text: str) -> bool:
        if self.starts(text):
            self.pos += len(text)
            return True
        return False

    # -- numbers and variables

    def number(self) -> Constant | None:
        match = _NUMBER.match(self.text, self.pos)
        if match is None:
            return None
        following = self.text[match.end() : match.end() + 1]
        if following and following not in _ENDS_NUMBER:
            return None
        self.pos = match.end()
        return Constant(_value(match), text=match[0])

    def variable(self) -> Variable | None:
        """``$x``, ``$env:x``, ``${any name}``, ``$_``, ``$?``, or None."""
        at = self.pos
        if self.starts("${"):
            end = self.text.find("}", at)
            if end < 0:
                raise self.error(
                    "The variable reference is missing its closing brace.", "IncompleteDollarSubexpressionReference"
                )
            self.pos = end + 1
            name = re.sub(r"`(.)", r"\1", self.text[at + 2 : end])
            scope, colon, rest = name.partition(":")
            return Variable(scope.lower(), rest, at) if colon and rest else Variable("", name, at)
        match = _VARIABLE.match(self.text, at)
        if match is None:
            return None
        self.pos = match.end()
        return Variable((match["scope"] or "").lower(), match["name"], at)

    # -- strings

    def single_quoted(self) -> str:
        at = self.pos
        self.pos += 1
        parts: list[str] = []
        while True:
            if self.pos >= self.length:
                raise self.error("The string is missing the terminator: '.", "TerminatorExpectedAtEndOfString", at)
            char = self.text[self.pos]
            if char in SINGLE:
                if self.peek(1) and self.peek(1) in SINGLE:
                    self.pos += 1
                else:
                    self.pos += 1
                    return "".join(parts)
            parts.append(char)
            self.pos += 1

    def escape(self) -> str:
        """What the backtick at the cursor and the character behind it stand for."""
        char = self.peek(1)
        self.pos += 2
        return _ESCAPES.get(char, char)

    def dollar(self) -> str | Expression:
        """What the dollar at the cursor begins inside a string."""
        if self.starts("$("):
            self.pos += 2
            return SubExpression(self.block_until(")"))
        at = self.pos
        found = self.variable()
        if found is None:
            self.pos += 1
            return "$"
        if not found.scope and self.text[at + 1] != "{" and self.peek() == ":" and self.peek(1) != ":":
            raise self.error(
                "Variable reference is not valid. ':' was not followed by a valid variable name character. "
                "Consider using ${} to delimit the name.",
                "InvalidVariableReferenceWithDrive",
                at,
                self.pos - at + 1,
            )
        return found

    def double_quoted(self) -> Expression:
        at = self.pos
        self.pos += 1
        parts: list[str | Expression] = []
        while True:
            if self.pos >= self.length:
                raise self.error('The string is missing the terminator: ".', "TerminatorExpectedAtEndOfString", at)
            char = self.text[self.pos]
            if char in DOUBLE:
                if self.peek(1) and self.peek(1) in DOUBLE:
                    parts.append(char)
                    self.pos += 2
                    continue
                self.pos += 1
                return _string(parts)
            self._piece(char, parts)

    def _piece(self, char: str, parts: list[str | Expression]) -> None:
        if char == "`":
            parts.append(self.escape())
        elif char == "$":
            parts.append(self.dollar())
        else:
            parts.append(char)
            self.pos += 1

    def here_string(self) -> Expression | None:
        """``@'`` … ``'@`` or ``@"`` … ``"@``, or None when there is none at the cursor."""
        quote = self.peek(1)
        if not quote or quote not in SINGLE + DOUBLE:
            return None
        head = re.compile(r"@.[ \t]*\r?\n").match(self.text, self.pos)
        if head is None:
            raise self.error(
                "No characters are allowed after a here-string header but before the end of the line.",
                "UnexpectedCharactersAfterHereStringHeader",
            )
        quotes = SINGLE if quote in SINGLE else DOUBLE
        closing = re.compile(rf"\r?\n[{quotes}]@")
        # An empty here-string closes on the line after its head, whose line end is both head and foot.
        at, self.pos = self.pos, head.end()
        first = re.compile(rf"[{quotes}]@").match(self.text, self.pos)
        if first:
            self.pos = first.end()
            return Constant("")
        if quotes is SINGLE:
            foot = closing.search(self.text, self.pos)
            if foot is None:
                raise self._endless(at, quote)
            content = self.text[self.pos : foot.start()]
            self.pos = foot.end()
            return Constant(content)
        parts: list[str | Expression] = []
        while True:
            if self.pos >= self.length:
                raise self._endless(at, quote)
            foot = closing.match(self.text, self.pos)
            if foot:
                self.pos = foot.end()
                return _string(parts)
            self._piece(self.text[self.pos], parts)

    def _endless(self, at: int, quote: str) -> ParseError:
        return self.error(f"The string is missing the terminator: {quote}@.", "TerminatorExpectedAtEndOfString", at)

    def generic(self) -> Expression:
        """A word in argument mode: everything up to a blank or one of ``( ) { } ; , | &``, with values inside."""
        parts: list[str | Expression] = []
        quoted = False
        while self.pos < self.length:
            char = self.text[self.pos]
            if char in _WORD_ENDS:
                break
            if char == "`" and self.peek(1) in ("\n", "\r", ""):
                break
            if char in SINGLE:
                parts.append(self.single_quoted())
                quoted = True
            elif char in DOUBLE:
                inner = self.double_quoted()
                parts.append(inner.value if isinstance(inner, Constant) else inner)
                quoted = True
            else:
                self._piece(char, parts)
        string = _string(parts)
        if isinstance(string, Constant) and not quoted:
            value = number(string.value)
            if value is not None:
                return Constant(value, text=string.value, bare=True)
            return Constant(string.value, bare=True)
        return string


def _string(parts: list[str | Expression]) -> Constant | Expandable:
    joined: list[str | Expression] = []
    for part in parts:
        if isinstance(part, str) and joined and isinstance(joined[-1], str):
            joined[-1] += part
        else:
            joined.append(part)
    if not joined:
        return Constant("")
    if len(joined) == 1 and isinstance(joined[0], str):
        return Constant(joined[0])
    return Expandable(tuple(joined))
