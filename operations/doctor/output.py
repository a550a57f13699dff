"""The rows for people and for programs."""

from __future__ import annotations

import dataclasses
import json
import sys
from collections.abc import Sequence

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from operations.doctor.check import Row, Verdict

_STYLE = {Verdict.OK: "green", Verdict.WARNING: "yellow", Verdict.WRONG: "red", Verdict.UNKNOWN: "magenta"}


def as_json(rows: Sequence[Row]) -> str:
    return json.dumps({"ok": code(rows) == 0, "rows": [dataclasses.asdict(row) for row in rows]}, indent=2)


def code(rows: Sequence[Row]) -> int:
    """0: nothing keeps ``up`` from working; 1: something is wrong; 2: something could not be looked at."""
    verdicts = {row.verdict for row in rows}
    return 1 if Verdict.WRONG in verdicts else 2 if Verdict.UNKNOWN in verdicts else 0


def show(rows: Sequence[Row]) -> None:
    """A table of all rows, and below it what to do, most urgent first."""
    table = Table("", "machine", "looked at", "found", "needed")
    part = ""
    for row in rows:
        if row.part != part:
            part = row.part
            table.add_section()
            table.add_row("", f"[bold]{escape(part)}[/bold]", "", "", "")
        mark = f"[{_STYLE[row.verdict]}]{row.verdict}[/{_STYLE[row.verdict]}]"
        table.add_row(mark, *(escape(text) for text in (row.machine, row.looked_at, row.found, row.needed)))
    console = Console(width=None if sys.stdout.isatty() else 160)
    console.print(table)
    for verdict in (Verdict.WRONG, Verdict.UNKNOWN, Verdict.WARNING):
        for row in rows:
            if row.verdict == verdict:
                line = f"{verdict}: {row.machine}: {row.looked_at}: {row.found}. {row.to_do}"
                console.print(line.strip(), markup=False, highlight=False, soft_wrap=True)
    counted = ", ".join(
        f"{sum(row.verdict == verdict for row in rows)} {verdict}"
        for verdict in Verdict
        if any(row.verdict == verdict for row in rows)
    )
    console.print(f"{len(rows)} rows: {counted}.", markup=False, highlight=False)
