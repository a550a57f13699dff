"""One line of a verification: what was checked, on which member, and what came of it."""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass

from operations.configuration import Context
from remote.errors import MachineError
from remote.http import HttpError
from remote.secret import redact
from remote.text import one_line


class Status(enum.StrEnum):
    """What came of a check."""

    OK = "ok"
    WARNING = "warning"
    """It holds, and something about it has to be done soon."""
    WRONG = "wrong"
    UNCHECKED = "not checked"
    """The machine to ask does not answer, which is a row of its own."""


@dataclass(frozen=True)
class Row:
    """What came of one check. What machines say in it is one line each, secrets masked."""

    level: str
    """Machines, load balancing, SQL Server, Service Provider Foundation, portal, sign-in, not verified."""
    member: str
    """The machine, cluster or database by itself."""
    checked: str
    """What has to hold, in a few words."""
    status: Status
    """Decides the exit code of ``verify``: 1 where one does not hold."""
    found: str
    """How it is; where it does not hold, the error with what to do."""

    @property
    def ok(self) -> bool:
        """Whether it holds."""
        return self.status in (Status.OK, Status.WARNING)

    def plain(self) -> dict[str, object]:
        """The row as ``--json`` has it."""
        return {
            "level": self.level,
            "member": self.member,
            "checked": self.checked,
            "ok": self.ok,
            "status": str(self.status),
            "found": self.found,
        }


@dataclass(frozen=True)
class Check:
    """A question to one member; ``look`` gives what was found, and raises when it is not as it should be. Its other
    fields are those of its row."""

    level: str
    """The part of the farm, as in ``Row``."""
    member: str
    """The machine, cluster or database that the row is about."""
    checked: str
    """What has to hold, in a few words."""
    look: Callable[[], str]
    machine: str = ""
    """The one machine that is asked. While that does not answer, the question is not asked: one machine that is down is
    one row."""
    common: bool = False
    """Whether this is what clients of the farm use: a name in front of several machines."""

    def row(self, trouble: Mapping[str, str] | None = None) -> Row:
        """The row; everything in it that came from a machine is data: secrets masked, control characters escaped. An
        error that nobody foresaw is a row that fails.

        ``trouble`` is what was found when each machine was first reached and did not answer as it should; a question
        that ends in the same is not checked.
        """
        known = (trouble or {}).get(self.machine, "")
        try:
            status, found = Status.OK, self.look()
        except SoonError as warning:
            status, found = Status.WARNING, str(warning)
        except UncheckedError as missing:
            status, found = Status.UNCHECKED, str(missing)
        except MachineError as error:
            same = bool(known) and error.found == known
            status, found = (Status.UNCHECKED, known) if same else (Status.WRONG, str(error))
        except (HttpError, WrongError) as error:
            status, found = Status.WRONG, str(error)
        except Exception as error:  # unforeseen; it hides no other row
            status, found = Status.WRONG, f"an error of the program itself: {type(error).__name__}: {error}. Report it."
        return self._row(status, found)

    def unchecked(self, why: str) -> Row:
        return self._row(Status.UNCHECKED, why)

    def _row(self, status: Status, found: str) -> Row:
        member, checked, found = (one_line(redact(text)) for text in (self.member, self.checked, found))
        return Row(self.level, member, checked, status, found)


class WrongError(Exception):
    """Something was found that is not as it should be; the text says what."""


class SoonError(Exception):
    """It is as it should be, but not for long; the text says what was found and what to do."""


class UncheckedError(Exception):
    """All that could be asked is as it should be; the text says what was found, and which machine does not answer."""


def expect(wrong: Iterable[str], found: str, *, soon: Iterable[str] = (), unasked: Iterable[str] = ()) -> str:
    """``found`` when nothing is wrong, else a ``WrongError`` with everything that is. ``soon`` is what will be wrong
    later, ``unasked`` the machines that did not answer."""
    if texts := [text for text in wrong if text]:
        raise WrongError("; ".join(texts))
    if names := sorted(unasked):
        raise UncheckedError(f"{found}; {', '.join(names)} {'does' if len(names) == 1 else 'do'} not answer")
    if texts := [text for text in soon if text]:
        raise SoonError("; ".join(texts))
    return found


Checks = Callable[[Context], Iterator[Check]]
Progress = Callable[[int, int, Row], None]
"""Called after each answer: how many there are, how many there will be, the row."""


def quiet(_done: int, _all: int, _row: Row) -> None:
    """No progress."""


def rows(
    checks: Iterable[Check], trouble: Mapping[str, str] | None = None, progress: Progress = quiet, before: int = 0
) -> list[Row]:
    """Ask all questions, several at a time, and give the answers in the order of the questions. ``before`` is how many
    were answered earlier."""
    asked = list(checks)
    found: dict[int, Row] = {}
    with ThreadPoolExecutor(max_workers=8) as pool:
        running = {pool.submit(check.row, trouble): number for number, check in enumerate(asked)}
        for done in as_completed(running):
            row = found[running[done]] = done.result()
            progress(before + len(found), before + len(asked), row)
    return [found[number] for number in range(len(asked))]
