"""One line of a verification: what was checked, on which member, and what came of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from operations.configuration import Context
from remote.errors import MachineError
from remote.http import HttpError
from remote.secret import redact
from remote.text import one_line


@dataclass(frozen=True)
class Row:
    level: str
    """Machines, load balancing, SQL Server, Service Provider Foundation, portal."""
    member: str
    """The machine, cluster or database by itself."""
    checked: str
    ok: bool
    found: str


@dataclass(frozen=True)
class Check:
    """A question to one member; ``ask`` gives what was found, and raises when it is not as it should be."""

    level: str
    member: str
    checked: str
    ask: Callable[[], str]

    def row(self) -> Row:
        """The row; everything in it that came from a machine is data: secrets masked, control characters escaped. An
        error that nobody foresaw is a row that fails."""
        try:
            ok, found = True, self.ask()
        except (MachineError, HttpError, WrongError) as error:
            ok, found = False, str(error)
        except Exception as error:
            ok, found = False, f"unforeseen, and not known to hold: {type(error).__name__}: {error}"
        member, checked, found = (one_line(redact(text)) for text in (self.member, self.checked, found))
        return Row(self.level, member, checked, ok, found)


class WrongError(Exception):
    """Something was found that is not as it should be; the text says what."""


def expect(wrong: Iterable[str], found: str) -> str:
    """``found`` when nothing is wrong, else a ``WrongError`` with everything that is."""
    texts = [text for text in wrong if text]
    if texts:
        raise WrongError("; ".join(texts))
    return found


Checks = Callable[[Context], Iterator[Check]]


def rows(checks: Iterable[Check]) -> list[Row]:
    """Ask all questions, several at a time, and give the answers in the order of the questions."""
    with ThreadPoolExecutor(max_workers=8) as pool:
        return list(pool.map(Check.row, checks))
