"""``operations audit``: what is still single, or would make a failure worse, without touching anything."""

from __future__ import annotations

import json
from collections.abc import Sequence

import typer

from operations import table
from operations.audits import balancing, machines, sql
from operations.audits.finding import Finding, Verdict, findings
from operations.configuration import Context

LEVELS = (machines, balancing, sql)
_COLUMNS = ("looked at", "what may fail, or was found", "effect", "remedy")
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
    return table.exit_code(wrong=Verdict.RISK in verdicts, unknown=Verdict.UNKNOWN in verdicts)


def run(context: Context, *, as_json: bool) -> int:
    """Audit and show; gives the exit code."""
    found = audited(context)
    if as_json:
        document = {"summary": closing_line(found), "rows": [row.plain() for row in found]}
        typer.echo(json.dumps(document, indent=2))
    else:
        lines = [(row.level, MARKS[row.verdict], (row.looked_at, row.what, row.effect, row.remedy)) for row in found]
        table.console().print(table.sectioned(_COLUMNS, lines))
        typer.echo(closing_line(found))
    return exit_code(found)
