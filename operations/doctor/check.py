"""What a check is: something of one machine that is looked at, and a pure judgement of what was found."""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from remote.errors import MachineError
from remote.http import HttpError
from remote.secret import redact
from remote.text import one_line


class Verdict(enum.StrEnum):
    OK = "ok"
    WARNING = "warning"
    """``up`` works, or may: what to look at before it."""
    WRONG = "wrong"
    """``up`` will fail, or will not do what the topology says."""
    UNKNOWN = "unknown"
    """It could not be looked at."""


@dataclass(frozen=True)
class Row:
    """What came of one check. Its texts are one line each, secrets masked."""

    part: str
    """Reach, machine, SQL Server, portal."""
    machine: str
    """Its name in the topology, or ``this computer``."""
    looked_at: str
    """What of the machine, in a few words."""
    verdict: Verdict
    """One ``wrong`` makes the command end with 1, else one ``unknown`` with 2."""
    found: str
    """How it is; where it could not be looked at, why."""
    needed: str
    """How ``up`` needs it."""
    to_do: str = ""
    """What the operator does about it; empty where nothing is to be done."""


@dataclass(frozen=True)
class Judged:
    """What comes of one look: the fields of its row."""

    verdict: Verdict
    """Whether ``up`` works with what was found."""
    found: str
    """How it is, as a clause."""
    to_do: str = ""
    """What the operator does about it, as a sentence; empty: nothing."""


def ok(found: str) -> Judged:
    return Judged(Verdict.OK, found)


def warning(found: str, to_do: str) -> Judged:
    return Judged(Verdict.WARNING, found, to_do)


def wrong(found: str, to_do: str) -> Judged:
    return Judged(Verdict.WRONG, found, to_do)


def unknown(found: str, to_do: str = "") -> Judged:
    return Judged(Verdict.UNKNOWN, found, to_do)


@dataclass(frozen=True)
class Check:
    """``look`` reads, ``judge`` decides. What ``look`` raises is judged by ``failed``: without one it is unknown. The
    other fields are those of its row."""

    part: str
    """The part of the farm, by which rows are grouped."""
    machine: str
    """Whom the row is about, by its name in the topology."""
    looked_at: str
    """What is looked at, in a few words."""
    needed: str
    """How ``up`` needs it."""
    look: Callable[[], Any]
    judge: Callable[[Any], Judged]
    failed: Callable[[MachineError | HttpError], Judged] = lambda error: unknown(_found(error), _to_do(error))
    through: str = ""
    """The machine whose remote shell it goes through; empty where it needs none."""

    def row(self, unreachable: Iterable[str] = ()) -> Row:
        """The row, whatever happens. Everything in it that came from a machine is data. ``unreachable`` are the
        machines to whose remote shell no log-on was possible."""
        if self.through and self.through in unreachable:
            return self._row(unknown(f"not looked at: nothing can be asked of {self.through}"))
        try:
            return self._row(self.judge(self.look()))
        except (MachineError, HttpError) as error:
            return self._row(self.failed(error))
        except Exception as error:  # a check of another program's machines must not keep the others from being seen
            said = f"the check itself failed ({type(error).__name__}: {error})"
            return self._row(unknown(said, "Report it."))

    def _row(self, judged: Judged) -> Row:
        texts = (self.machine, self.looked_at, judged.found, self.needed, judged.to_do)
        machine, looked_at, found, needed, to_do = (one_line(redact(text)) for text in texts)
        return Row(self.part, machine, looked_at, judged.verdict, found, needed, to_do)


def _found(error: MachineError | HttpError) -> str:
    return error.found if isinstance(error, MachineError) else str(error)


def _to_do(error: MachineError | HttpError) -> str:
    return error.remedy if isinstance(error, MachineError) else ""


def as_wrong(error: MachineError | HttpError) -> Judged:
    """For a look that is itself what has to work."""
    return wrong(_found(error), _to_do(error) or "See why, and run it again.")


WORKERS = 16


def look_at(first: Sequence[Check], others: Callable[[], Iterator[Check]]) -> list[Row]:
    """The rows of all checks. ``first`` opens the shells; a machine whose row is not well is asked nothing more. Checks
    of different machines go side by side, and the order is theirs."""
    with ThreadPoolExecutor(max_workers=WORKERS) as pool:
        rows = list(pool.map(lambda check: check.row(), first))
        shut = {
            check.through or check.machine
            for check, row in zip(first, rows, strict=True)
            if row.verdict in (Verdict.WRONG, Verdict.UNKNOWN) and check.looked_at == SHELL
        }
        return rows + list(pool.map(lambda check: check.row(shut), others()))


SHELL = "log-on over WinRM"
"""What the first of a machine's checks looks at: without it there are no others."""
