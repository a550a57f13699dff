"""The error numbers of SQL Server that the engine raises, with severity and text as in sys.messages.

Texts are those SQL Server 2012 documents or prints; which number belongs to which situation is in docs/lab/sql.md.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, NoReturn

from lab.sql.api import SqlError

NOT_MODELLED = 999_999
"""Number of the lab's own error: SQL Server could do this, the lab cannot."""


def _read() -> dict[int, tuple[int, str]]:
    found: dict[int, tuple[int, str]] = {}
    for line in Path(__file__).with_name("messages.tsv").read_text(encoding="utf-8").splitlines():
        if not line.startswith("#"):
            number, severity, text = line.split("\t")
            found[int(number)] = (int(severity), text)
    return found


MESSAGES = _read()
"""Severity and text by number."""


def error(number: int, *values: Any, state: int = 1, line: int = 1, level: int | None = None) -> SqlError:
    """The error of that number with its text filled in."""
    severity, text = MESSAGES[number]
    return SqlError(number, text.format(*values), level=severity if level is None else level, state=state, line=line)


def not_modelled(what: str) -> SqlError:
    """An error that says plainly that the lab is the limit, not SQL Server."""
    return SqlError(NOT_MODELLED, f"The lab does not model {what}. SQL Server 2012 would accept it.", level=16)


def refuse(number: int, *values: Any) -> NoReturn:
    raise error(number, *values)


class SeveralErrors(SqlError):  # noqa: N818 - it is several
    """What ended a statement after other errors were reported: a client sees all, CATCH only the last."""

    def __init__(self, *failures: SqlError) -> None:
        last = failures[-1]
        super().__init__(last.number, last.message, level=last.level, state=last.state, line=last.line)
        self.leading = failures[:-1]
