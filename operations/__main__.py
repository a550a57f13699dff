"""What an operator does around ``pulumi up``.

``python -m operations verify`` looks at the farm from outside, level by level and member by member; ``audit`` shows
what is still single; ``runbook`` prints what ``up`` would do; ``load-balancer`` prints what an external load balancer
has to carry.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from pulumi import RunError

from components.topology import TopologyError, load
from components.topology.balancing import instructions, virtual_servers
from operations import audit as auditing
from operations import runbook as planning
from operations import verify as verification
from operations.configuration import (
    Context,
    context,
    from_stack,
    from_text,
    topology_of_stack,
    values_of_stack,
    values_of_text,
)
from remote.errors import MachineError

app = typer.Typer(add_completion=False, help="What an operator does around pulumi up.", no_args_is_help=True)

Stack = Annotated[str, typer.Option(help="The stack; without it the selected one.")]
Configuration = Annotated[str, typer.Option(help="- reads the stack's configuration from standard input.")]
Json = Annotated[bool, typer.Option("--json", help="One JSON object instead of a table.")]


@app.callback()
def main() -> None:
    """Commands around ``pulumi up``."""


@app.command()
def verify(
    stack: Stack = "",
    configuration: Configuration = "",
    as_json: Json = False,
    failed: Annotated[
        bool, typer.Option("--failed", help="Only the rows that do not hold, and the last line.")
    ] = False,
) -> None:
    """Check every level of the farm and each member by itself. Exits with 1 when anything is not as it should be."""
    raise typer.Exit(verification.run(_context(stack, configuration), as_json=as_json, failed=failed))


@app.command()
def audit(stack: Stack = "", configuration: Configuration = "", as_json: Json = False) -> None:
    """Show what is still single: servers, hosts, votes, backups. Exits with 1 when there is a risk, changes nothing."""
    raise typer.Exit(auditing.run(_context(stack, configuration), as_json=as_json))


@app.command()
def runbook(stack: Stack = "", configuration: Configuration = "") -> None:
    """Print as Markdown what `pulumi up` would do now, machine by machine. Exits with 2 when it could not look."""
    with _one_line_errors():
        values = values_of_text(sys.stdin.read()) if configuration == "-" else values_of_stack(stack)
        known = context(values)
        try:
            text = planning.written(values, known.remote, known.topology.name)
        except RunError as error:
            raise MachineError("this computer", "run the program", str(error)) from None
    typer.echo(text)


@app.command("load-balancer")
def load_balancer(
    topology: Annotated[str, typer.Option(help="A topology file; without it the one of the stack.")] = "",
    stack: Stack = "",
    as_json: Annotated[bool, typer.Option("--json", help="The same as JSON.")] = False,
) -> None:
    """Print what to configure on a load balancer of your own: addresses, ports, members, probes, persistence."""
    with _one_line_errors():
        file = topology or topology_of_stack(stack)
        servers = virtual_servers(load(Path(file)))
    if as_json:
        typer.echo(json.dumps([server.plain() for server in servers], indent=2))
    else:
        typer.echo(instructions(servers) or f"No tier of {file} is behind an external load balancer.")


def _context(stack: str, configuration: str) -> Context:
    with _one_line_errors():
        return from_text(sys.stdin.read()) if configuration == "-" else from_stack(stack)


@contextmanager
def _one_line_errors() -> Iterator[None]:
    """What keeps a command from looking at all is one line, and exit code 2."""
    try:
        yield
    except TopologyError as error:
        first, *others = error.problems
        more = f" ({len(others)} more; `pulumi preview` lists all)" if others else ""
        typer.echo(f"error: {first}{more}", err=True)
        raise typer.Exit(2) from None
    except MachineError as error:
        typer.echo(f"error: {error}", err=True)
        raise typer.Exit(2) from None


if __name__ == "__main__":
    app()
