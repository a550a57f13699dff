"""The rows for people and for programs."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence

from operations import table
from operations.doctor.check import Row, Verdict

_STYLE = {Verdict.OK: "green", Verdict.WARNING: "yellow", Verdict.WRONG: "red", Verdict.UNKNOWN: "magenta"}


def as_json(rows: Sequence[Row]) -> str:
    return json.dumps({"ok": code(rows) == 0, "rows": [dataclasses.asdict(row) for row in rows]}, indent=2)


def code(rows: Sequence[Row]) -> int:
    """0: nothing keeps ``up`` from working; 1: something is wrong; 2: something could not be looked at."""
    verdicts = {row.verdict for row in rows}
    return table.exit_code(wrong=Verdict.WRONG in verdicts, unknown=Verdict.UNKNOWN in verdicts)


def show(rows: Sequence[Row]) -> None:
    """A table of all rows, and below it what to do, most urgent first."""
    console = table.console()
    console.print(
        table.sectioned(
            ("machine", "looked at", "found", "needed"),
            [
                (
                    row.part,
                    f"[{_STYLE[row.verdict]}]{row.verdict}[/{_STYLE[row.verdict]}]",
                    (row.machine, row.looked_at, row.found, row.needed),
                )
                for row in rows
            ],
        )
    )
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
