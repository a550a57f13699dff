"""The tables of the operator's commands, and the exit code of what they show."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Sequence

from rich.console import Console
from rich.markup import escape
from rich.table import Table

PIPE_WIDTH = 160
"""Of a table that goes into a file or a pipe, where neither a terminal nor COLUMNS says otherwise."""


def console() -> Console:
    return Console(width=None if sys.stdout.isatty() or "COLUMNS" in os.environ else PIPE_WIDTH)


def sectioned(columns: Sequence[str], rows: Iterable[tuple[str, str, Sequence[str]]]) -> Table:
    """A table with a column of marks before the named ones. A row is its section, its mark as rich's markup, and its
    texts; every section begins with its name."""
    table = Table("", *columns)
    begun = ""
    for section, mark, texts in rows:
        if section != begun:
            begun = section
            table.add_section()
            table.add_row("", f"[bold]{escape(section)}[/bold]")
        table.add_row(mark, *map(escape, texts))
    return table


def exit_code(*, wrong: bool, unknown: bool) -> int:
    """0: all is well; 1: something is wrong; 2: nothing is wrong, but something could not be looked at."""
    return 1 if wrong else 2 if unknown else 0
