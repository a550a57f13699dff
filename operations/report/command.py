"""The command line of ``report``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from components.stack_configuration import name_of
from operations.configuration import from_stack, step_log
from operations.errors import one_line_errors
from operations.report.look import Kept, looked
from operations.report.page import written
from operations.verify import progressing


def report(
    stack: Annotated[str, typer.Option(help="The stack; without it the selected one.")] = "",
    file: Annotated[Path, typer.Option(help="Where the report is written.")] = Path("report.html"),
    drills: Annotated[Path, typer.Option(help="Where the results of drills are kept.")] = Path("drills"),
    as_json: Annotated[bool, typer.Option("--json", help="The same content as one JSON object as well.")] = False,
) -> None:
    """Write the farm's state to one HTML file: verification, audit, databases, logins, certificates, drills, history.

    Exits with 0 when every row holds and there is no risk, 1 when something is wrong, 2 when it could not look.
    """
    with one_line_errors():
        context = from_stack(stack)
        name = name_of(stack)
        kept = Kept(stack, name, step_log(name, "report").file, drills)
        with progressing() as progress:
            content = looked(context, kept, progress)
        new = file.with_name(f"{file.name}.new")
        new.write_text(written(content), encoding="utf-8")
        new.rename(file)  # whole or not at all
    if as_json:
        typer.echo(json.dumps(content.plain(), indent=2))
    typer.echo(f"{content.verdict()} The report is in {file}.", err=as_json)
    raise typer.Exit(content.exit_code())
