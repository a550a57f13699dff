"""``operations audit``: what is still single, or would make a failure worse, without touching anything."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from operations.audits import balancing, machines, sql
from operations.audits.finding import Finding, Verdict, findings
from operations.configuration import Context
from operations.verify import PIPE_WIDTH

LEVELS = (machines, balancing, sql)
MARKS = {
    Verdict.WELL: "[green]ok[/green]",
    Verdict.RISK: "[red]risk[/red]",
    Verdict.UNKNOWN: "[yellow]?[/yellow]",
}


def audited(context: Context) -> list[Finding]:
    """Ask everything there is to ask."""
    looked = machines.Machines(context)
    return findings(question for level in LEVELS for question in level.questions(context, looked))


def closing_line(found: Sequence[Finding]) -> str:
    risks, unknown = (sum(row.verdict is one for row in found) for one in (Verdict.RISK, Verdict.UNKNOWN))
    text = f"{risks or 'no'} {'risk' if risks == 1 else 'risks'} found"
    return f"{text}, {unknown} {'row' if unknown == 1 else 'rows'} unknown." if unknown else f"{text}."


def exit_code(found: Sequence[Finding]) -> int:
    """0: nothing found; 1: risks; 2: no risk, but something could not be looked at."""
    verdicts = {row.verdict for row in found}
    return 1 if Verdict.RISK in verdicts else 2 if Verdict.UNKNOWN in verdicts else 0


def run(context: Context, *, as_json: bool) -> int:
    """Audit and show; gives the exit code."""
    found = audited(context)
    if as_json:
        document = {"summary": closing_line(found), "rows": [row.plain() for row in found]}
        typer.echo(json.dumps(document, indent=2))
    else:
        Console(width=None if sys.stdout.isatty() or "COLUMNS" in os.environ else PIPE_WIDTH).print(_table(found))
        typer.echo(closing_line(found))
    return exit_code(found)


def _table(found: Sequence[Finding]) -> Table:
    table = Table("", "looked at", "what may fail, or was found", "effect", "remedy")
    level = ""
    for row in found:
        if row.level != level:
            level = row.level
            table.add_section()
            table.add_row("", f"[bold]{escape(level)}[/bold]", "", "", "")
        table.add_row(MARKS[row.verdict], *map(escape, (row.looked_at, row.what, row.effect, row.remedy)))
    return table
