"""Statements: which parser serves which leading words. Each topic of the engine registers its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from lab.sql.api import Event
from lab.sql.engine.frame import Frame
from lab.sql.engine.parse.queries import Queries


class Statement:
    """One parsed statement. ``run`` does it and yields what the client sees; it raises SqlError."""

    line: int = 1
    compound = False
    """True for control flow: the statements inside handle their own errors and transactions."""

    def run(self, frame: Frame) -> Iterator[Event]:
        raise NotImplementedError


ParseStatement = Callable[["Parser"], Statement]
STATEMENTS: dict[tuple[str, ...], ParseStatement] = {}


def statement(*words: str) -> Callable[[ParseStatement], ParseStatement]:
    """Register the parser of statements that begin with these words; it is called after them."""

    def register(parse: ParseStatement) -> ParseStatement:
        STATEMENTS[words] = parse
        return parse

    return register


class Parser(Queries):
    """Parses a batch."""

    def __init__(self, text: str, *, quoted_identifier: bool = True) -> None:
        super().__init__(text, quoted_identifier=quoted_identifier)
        self.loops = 0

    def batch(self) -> list[Statement]:
        """All statements. Raises the first syntax error."""
        found: list[Statement] = []
        while True:
            while self.accept(";"):
                pass
            if self.token.kind == "end":
                return found
            found.append(self.statement(first=not found))

    def statement(self, *, first: bool = False) -> Statement:
        token = self.token
        parse = None
        if token.kind == "word":
            for length in (3, 2, 1):
                words = tuple(self.peek(ahead).upper for ahead in range(length))
                if words in STATEMENTS and all(self.peek(ahead).kind == "word" for ahead in range(length)):
                    parse = STATEMENTS[words]
                    self.position += length
                    break
        if parse is None:
            parse = self._other(first)
        result = parse(self)
        result.line = token.line
        while self.accept(";"):
            pass
        return result

    def _other(self, first: bool) -> ParseStatement:
        if self.at("(") or self.at("SELECT") or self.at("WITH"):
            return STATEMENTS[("SELECT",)]
        if first and self.at_name():  # a batch may begin with a procedure's name, without EXECUTE
            return STATEMENTS[("EXEC",)]
        return self.fail()
