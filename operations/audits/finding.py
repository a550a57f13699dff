"""One line of an audit: what was looked at, and what of it is still single or weak."""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from remote.errors import MachineError
from remote.http import HttpError
from remote.secret import redact
from remote.text import one_line


class Verdict(enum.StrEnum):
    """What came of a question."""

    WELL = "ok"
    RISK = "risk"
    UNKNOWN = "unknown"
    """It could not be looked at; what was found says why."""


@dataclass(frozen=True)
class Risk:
    """What may fail while the farm still works."""

    what: str
    """What may fail, as a clause with the names of what it concerns."""
    effect: str
    """What clients notice when it does."""
    remedy: str
    """What the administrator does about it, as a sentence."""


@dataclass(frozen=True)
class Answer:
    """What was found, as the row of a question without a risk has it; no risk where all is well."""

    found: str
    """``what`` of the one row where there is no risk."""
    risks: tuple[Risk, ...] = ()
    """A row for each; empty: all is well."""


@dataclass(frozen=True)
class Finding:
    """One row: a risk, or what is well or unknown."""

    level: str
    """The part of the farm: machines, load balancing, SQL Server."""
    looked_at: str
    """The question in a few words, with the name of what it is about."""
    verdict: Verdict
    """One ``risk`` makes the command end with 1, else one ``unknown`` with 2."""
    what: str
    """What may fail; of a row without a risk, what was found."""
    effect: str = ""
    """What clients or administrators notice of it; empty without a risk."""
    remedy: str = ""
    """What to do about it; empty without a risk."""

    def plain(self) -> dict[str, str]:
        """The row as ``--json`` has it."""
        return {
            "level": self.level,
            "looked_at": self.looked_at,
            "verdict": str(self.verdict),
            "what": self.what,
            "effect": self.effect,
            "remedy": self.remedy,
        }


@dataclass(frozen=True)
class Question:
    """One thing to look at; its rows have its level and what is looked at."""

    level: str
    """The part of the farm: machines, load balancing, SQL Server."""
    looked_at: str
    """The question in a few words, with the name of what it is about."""
    look: Callable[[], Answer]
    """Looks and judges. Raises ``MachineError`` or ``HttpError`` where it cannot be looked at: then it is unknown."""

    def findings(self) -> list[Finding]:
        """A row for each risk, or one. What machines say is data: secrets masked, control characters escaped."""
        try:
            answer = self.look()
        except (MachineError, HttpError) as error:
            return [self._row(Verdict.UNKNOWN, str(error))]
        except Exception as error:  # one question that fails for an unforeseen reason hides no other
            text = f"an error of the program itself: {type(error).__name__}: {error}. Report it."
            return [self._row(Verdict.UNKNOWN, text)]
        if not answer.risks:
            return [self._row(Verdict.WELL, answer.found)]
        return [self._row(Verdict.RISK, risk.what, risk.effect, risk.remedy) for risk in answer.risks]

    def _row(self, verdict: Verdict, *texts: str) -> Finding:
        return Finding(self.level, one_line(redact(self.looked_at)), verdict, *(one_line(redact(t)) for t in texts))


def findings(questions: Iterable[Question]) -> list[Finding]:
    """Ask all questions, several at a time; the rows are in the order of the questions."""
    with ThreadPoolExecutor(max_workers=8) as pool:
        return [row for rows in pool.map(Question.findings, questions) for row in rows]
