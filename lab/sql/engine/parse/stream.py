"""Walking over tokens, with the syntax errors of SQL Server."""

from __future__ import annotations

from typing import NoReturn

from lab.sql.engine.errors import error
from lab.sql.engine.lexer import Token, tokens
from lab.sql.engine.types import MAX, SqlType, sized


class Stream:
    """The tokens of one batch and a position in them."""

    def __init__(self, text: str, *, quoted_identifier: bool = True) -> None:
        self.text = text
        self.tokens = tokens(text, quoted_identifier=quoted_identifier)
        self.position = 0

    @property
    def token(self) -> Token:
        return self.tokens[self.position]

    def peek(self, ahead: int = 1) -> Token:
        return self.tokens[min(self.position + ahead, len(self.tokens) - 1)]

    def next(self) -> Token:
        token = self.token
        if token.kind != "end":
            self.position += 1
        return token

    def at(self, *words: str) -> bool:
        """Do the next tokens read like this? Words without case, operators as they are."""
        return all(self._is(self.peek(ahead), word) for ahead, word in enumerate(words))

    def at_any(self, *words: str) -> bool:
        return any(self._is(self.token, word) for word in words)

    @staticmethod
    def _is(token: Token, word: str) -> bool:
        return (token.kind == "word" and token.upper == word) or (token.kind == "op" and token.text == word)

    def accept(self, *words: str) -> bool:
        if not self.at(*words):
            return False
        self.position += len(words)
        return True

    def expect(self, *words: str) -> None:
        for word in words:
            if not self.at(word):
                self.fail()
            self.position += 1

    def one_of(self, *words: str) -> str:
        """The next word, which must be one of these; upper case."""
        if not self.at_any(*words):
            self.fail()
        return self.next().upper

    def fail(self, token: Token | None = None) -> NoReturn:
        """The syntax error at a token (the next one)."""
        token = token or self.token
        if token.kind == "end" and self.position:
            token = self.tokens[self.position - 1]
        if token.reserved:
            raise error(156, token.text, line=token.line)
        raise error(102, token.text, line=token.line)

    def at_name(self) -> bool:
        return self.token.kind == "name" or (self.token.kind == "word" and not self.token.reserved)

    def name(self) -> str:
        """An identifier."""
        if not self.at_name():
            self.fail()
        return self.next().text

    def word(self) -> str:
        """Any unquoted word, reserved or not; upper case."""
        if self.token.kind != "word":
            self.fail()
        return self.next().upper

    def names(self, most: int = 4) -> tuple[str, ...]:
        """An identifier of several parts; an omitted part (``master..t``) is empty."""
        parts = [self.name()]
        while self.at(".") and len(parts) < most:
            self.next()
            parts.append("" if self.at(".") else self.name())
        return tuple(parts)

    def string(self) -> str:
        if self.token.kind not in ("string", "nstring"):
            self.fail()
        return self.next().text

    def integer(self) -> int:
        negative = self.accept("-")
        if self.token.kind != "number" or not self.token.text.isdigit():
            self.fail()
        number = int(self.next().text)
        return -number if negative else number

    def binary(self) -> bytes:
        if self.token.kind != "hex":
            self.fail()
        digits = self.next().text[2:]
        return bytes.fromhex(digits.rjust(len(digits) + len(digits) % 2, "0"))

    def on_off(self) -> bool:
        return self.one_of("ON", "OFF") == "ON"

    def skip_parentheses(self) -> None:
        """Over a balanced pair, for hints that change no result."""
        self.expect("(")
        depth = 1
        while depth:
            if self.token.kind == "end":
                self.fail()
            token = self.next()
            if token.kind == "op":
                depth += {"(": 1, ")": -1}.get(token.text, 0)

    def data_type(self, *, default_length: int = 1) -> SqlType:
        """A type with its length, precision and scale."""
        start = self.token
        parts = self.names(2)
        if start.kind == "end":
            self.fail()
        name = parts[-1].lower()
        length, scale = None, None
        if self.accept("("):
            length = MAX if self.accept("MAX") else self.integer()
            if self.accept(","):
                scale = self.integer()
            self.expect(")")
        return sized(name, length, scale, default=default_length)
