"""``operations verify``: every level of the farm and each member by itself, as rows, and one closing line."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

import typer
from rich.console import Console
from rich.markup import escape

from operations import levels, table
from operations.configuration import Context
from operations.row import Check, Progress, Row, Status, quiet

MARKS = {
    Status.OK: "[green]ok[/green]",
    Status.WARNING: "[yellow]warn[/yellow]",
    Status.WRONG: "[red]NO[/red]",
    Status.UNCHECKED: "[yellow]?[/yellow]",
}


@dataclass(frozen=True)
class Report:
    """The rows, and the names that clients use and whose every row holds."""

    rows: tuple[Row, ...]
    """In the order of the levels."""
    working: tuple[str, ...]
    """Names in front of several machines (``Check.common``) of which every row holds."""
    down: frozenset[str] = frozenset()
    """The machines that do not answer."""

    @property
    def failed(self) -> list[Row]:
        return [row for row in self.rows if not row.ok]

    def closing_line(self) -> str:
        """How many rows hold, what fails, what still works."""
        text = f"{len(self.rows) - len(self.failed)} of {len(self.rows)} hold"
        if warnings := sum(row.status is Status.WARNING for row in self.rows):
            text += f", {warnings} of them with a warning"
        if not self.failed:
            return f"{text}."
        works = ", ".join(self.working) or "no name that clients use"
        return f"{text}; what fails: {', '.join(self._failing())}; what still works: {works}."

    def _failing(self) -> Iterator[str]:
        wrong: dict[str, list[Row]] = {}
        for row in self.failed:
            if row.status is Status.WRONG:
                wrong.setdefault(row.member, []).append(row)
        for member, found in wrong.items():
            why = found[0].checked if len(found) == 1 else f"{len(found)} rows"
            yield f"{member} ({'does not answer' if member in self.down else why})"
        if unchecked := len(self.failed) - sum(len(found) for found in wrong.values()):
            yield f"{unchecked} not checked"

    def plain(self) -> dict[str, object]:
        """The report as ``--json`` has it."""
        return {
            "ok": not self.failed,
            "summary": self.closing_line(),
            "working": list(self.working),
            "rows": [row.plain() for row in self.rows],
        }


def verified(context: Context, progress: Progress = quiet) -> Report:
    """Ask everything there is to ask."""
    found = levels.asked(context, progress)
    return Report(found.rows, _working(found.checks, found.rows), found.down)


def _working(checks: Sequence[Check], found: Sequence[Row]) -> tuple[str, ...]:
    holds: dict[str, bool] = {}
    for check, row in zip(checks, found, strict=True):
        if check.common:
            holds[row.member] = holds.get(row.member, True) and row.ok
    return tuple(member for member, well in holds.items() if well)


# Showing it ----------------------------------------------------------------------------------------------------------


def run(context: Context, *, as_json: bool, failed: bool) -> int:
    """Verify and show; gives the exit code: 1 when a row does not hold."""
    with progressing() as progress:
        report = verified(context, progress)
    console = table.console()
    if as_json:
        typer.echo(json.dumps(report.plain(), indent=2))
    else:
        shown = report.failed if failed else report.rows
        if shown and (console.is_terminal or not failed):
            lines = [(row.level, MARKS[row.status], (row.member, row.checked, row.found)) for row in shown]
            console.print(table.sectioned(("member", "checked", "found"), lines))
        typer.echo(f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC: {report.closing_line()}")
    if not console.is_terminal:  # there the table has it
        for row in report.failed:
            if row.status is Status.WRONG:
                typer.echo(f"not as it should be: {row.member}: {row.checked}: {row.found}", err=True)
    return 1 if report.failed else 0


@contextmanager
def progressing() -> Iterator[Progress]:
    """One line on a terminal that says how far it is; nothing where standard error is no terminal."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield quiet
        return
    with console.status("asking every machine") as status:

        def report(done: int, everything: int, row: Row) -> None:
            status.update(escape(f"{done} of {everything}: {row.member}: {row.checked}"))

        yield report
