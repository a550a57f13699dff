"""What a person does around ``pulumi up``.

``python -m operations verify`` looks at the farm from outside, level by level and member by member; ``load-balancer``
prints what an external load balancer has to carry.
"""

from __future__ import annotations

import dataclasses
import json
import sys
from pathlib import Path
from typing import Annotated, NoReturn

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from components.connection_problems import ConfigurationError
from components.topology import TopologyError, load
from components.topology.balancing import instructions, virtual_servers
from operations.checks import balancing, machines, portal, sign_in, spf, sql, unverified
from operations.configuration import Context, from_stack, topology_of_stack
from operations.contract import reports
from operations.contract.case import cases
from operations.contract.runner import run_all
from operations.doctor import output
from operations.doctor.run import examined
from operations.leftovers import Leftovers
from operations.row import Row, rows
from remote.errors import MachineError

LEVELS = (machines, balancing, sql, spf, portal, sign_in, unverified)

app = typer.Typer(add_completion=False, help="What a person does around pulumi up.", no_args_is_help=True)


@app.callback()
def main() -> None:
    """Commands around ``pulumi up``."""


@app.command()
def verify(
    stack: Annotated[str, typer.Option(help="The stack; without it the selected one.")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object instead of a table.")] = False,
) -> None:
    """Check every level of the farm and each member by itself. Exits with 1 when anything is not as it should be."""
    found = verified(_context(stack))
    failed = [row for row in found if not row.ok]
    if as_json:
        typer.echo(json.dumps({"ok": not failed, "rows": [dataclasses.asdict(row) for row in found]}, indent=2))
    else:
        _show(found)
    for row in failed:
        typer.echo(f"not as it should be: {row.member}: {row.checked}: {row.found}", err=True)
    raise typer.Exit(1 if failed else 0)


@app.command()
def doctor(
    stack: Annotated[str, typer.Option(help="The stack; without it the selected one.")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object instead of a table.")] = False,
    contract: Annotated[
        str, typer.Option(help="Instead: run the contract cases on this machine, which may be lost.")
    ] = "",
    report: Annotated[str, typer.Option(help="With --contract: write what came of the cases to this file.")] = "",
) -> None:
    """Look whether `up` will work on these machines. Changes nothing, but with --contract.

    Exits with 0 when nothing is wrong, 1 when something is, 2 when something could not be looked at.
    """
    context = _context(stack)
    if contract:
        _contract(context, contract, report, as_json=as_json)
    rows = examined(context)
    if as_json:
        typer.echo(output.as_json(rows))
    else:
        output.show(rows)
    raise typer.Exit(output.code(rows))


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


def _contract(context: Context, machine: str, file: str, *, as_json: bool) -> NoReturn:
    """Run the contract cases on one machine. 0: every case that ran held; 1: one did not; 2: the machine cannot be
    asked, or something that a case made could not be taken away."""
    told = (lambda _: None) if as_json else reports.tell
    try:
        results = run_all(context.remote, machine, cases(), told)
        text = reports.report(context.remote, machine, results)
        if file:
            Path(file).write_text(text, encoding="utf-8")
    except (MachineError, OSError) as error:
        typer.echo(f"error: {error}", err=True)
        raise typer.Exit(2) from None
    typer.echo(text if as_json else reports.summary(results, file))
    raise typer.Exit(reports.code(results))


def _context(stack: str) -> Context:
    """The stack's configuration; one that cannot be read ends the command with 2."""
    try:
        return from_stack(stack)
    except (MachineError, TopologyError, ConfigurationError) as error:
        typer.echo(f"error: {error}", err=True)
        raise typer.Exit(2) from None


@app.command()
def leftovers(
    stack: Annotated[str, typer.Option(help="The stack; without it the selected one.")] = "",
    remove: Annotated[bool, typer.Option("--remove", help="Take it away, newest first.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object instead of lines.")] = False,
) -> None:
    """List what machines still hold for the stack that its state does not know. Exits with 0 when there is nothing,
    with 1 when something is left, and with 2 when a machine could not be asked."""
    try:
        of_stack = Leftovers.of_stack(stack)
        look = of_stack.look()
    except (MachineError, TopologyError, ConfigurationError) as error:
        typer.echo(f"error: {error}", err=True)
        raise typer.Exit(2) from None
    found = []
    for one in look.left:
        why = of_stack.remove(one) if remove else ""
        state = f"stays: {why}" if why else "removed" if remove else "left"
        found.append({"machine": one.machine, "id": one.resource_id, "state": state, "text": str(one)})
        if not as_json:
            typer.echo(f"{state}: {one}")
    if as_json:
        unread = [str(away) for away in look.unread]
        typer.echo(json.dumps({"stack": of_stack.stack.name, "leftovers": found, "unread": unread}, indent=2))
    elif not look.left and not look.unread:
        typer.echo(f"No machine holds anything for {of_stack.stack.name} that its state does not know.")
    for away in look.unread:
        typer.echo(f"not asked: {away}", err=True)
    if look.unread:
        raise typer.Exit(2)
    raise typer.Exit(1 if any(one["state"] != "removed" for one in found) else 0)


def verified(context: Context) -> list[Row]:
    """Ask everything there is to ask."""
    return rows(check for level in LEVELS for check in level.checks(context))


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
