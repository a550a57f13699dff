"""What a person does around ``pulumi up``.

``python -m operations verify`` looks at the farm from outside, level by level and member by member; ``load-balancer``
prints what an external load balancer has to carry; ``maintenance`` takes servers out and back, one at a time; ``drill``
shuts each down and tells what clients notice.
"""

from __future__ import annotations

import dataclasses
import json
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from components.topology import TopologyError, load
from components.topology.balancing import instructions, virtual_servers
from operations.configuration import Context, from_stack, from_text, topology_of_stack
from operations.drill.command import drill
from operations.levels import checks
from operations.maintenance.command import maintenance
from operations.row import Row, rows
from remote.errors import MachineError

app = typer.Typer(add_completion=False, help="What a person does around pulumi up.", no_args_is_help=True)
app.command()(maintenance)
app.command()(drill)


@app.callback()
def main() -> None:
    """Commands around ``pulumi up``."""


@app.command()
def verify(
    stack: Annotated[str, typer.Option(help="The stack; without it the selected one.")] = "",
    configuration: Annotated[str, typer.Option(help="- reads the stack's configuration from standard input.")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object instead of a table.")] = False,
) -> None:
    """Check every level of the farm and each member by itself. Exits with 1 when anything is not as it should be."""
    try:
        context = from_text(sys.stdin.read()) if configuration == "-" else from_stack(stack)
    except MachineError as error:
        typer.echo(f"error: {error}", err=True)
        raise typer.Exit(2) from None
    found = verified(context)
    failed = [row for row in found if not row.ok]
    if as_json:
        typer.echo(json.dumps({"ok": not failed, "rows": [dataclasses.asdict(row) for row in found]}, indent=2))
    else:
        _show(found)
    for row in failed:
        typer.echo(f"not as it should be: {row.member}: {row.checked}: {row.found}", err=True)
    raise typer.Exit(1 if failed else 0)


@app.command("load-balancer")
def load_balancer(
    topology: Annotated[str, typer.Option(help="A topology file; without it the one of the stack.")] = "",
    stack: Annotated[str, typer.Option(help="The stack; without it the selected one.")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="The same as JSON.")] = False,
) -> None:
    """Print what to configure on a load balancer of your own: addresses, ports, members, probes, persistence."""
    try:
        file = topology or topology_of_stack(stack)
        servers = virtual_servers(load(Path(file)))
    except (MachineError, TopologyError) as error:
        typer.echo(f"error: {error}", err=True)
        raise typer.Exit(2) from None
    if as_json:
        typer.echo(json.dumps([server.plain() for server in servers], indent=2))
    else:
        typer.echo(instructions(servers) or f"No tier of {file} is behind an external load balancer.")


def verified(context: Context) -> list[Row]:
    """Ask everything there is to ask."""
    return rows(checks(context))


def _show(found: list[Row]) -> None:
    table = Table("", "member", "checked", "found")
    level = ""
    for row in found:
        if row.level != level:
            level = row.level
            table.add_section()
            table.add_row("", f"[bold]{escape(level)}[/bold]", "", "")
        mark = "[green]ok[/green]" if row.ok else "[red]NO[/red]"
        table.add_row(mark, escape(row.member), escape(row.checked), escape(row.found))
    Console(width=None if sys.stdout.isatty() else 160).print(table)


if __name__ == "__main__":
    app()
