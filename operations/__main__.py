"""What an operator does around ``pulumi up``.

``python -m operations verify`` looks at the farm from outside, level by level and member by member; ``audit`` shows
what is still single; ``runbook`` prints what ``up`` would do; ``doctor`` looks whether it will work; ``leftovers``
lists what machines still hold for a stack; ``load-balancer`` prints what an external load balancer has to carry;
``maintenance`` takes servers out and back, one at a time; ``drill`` shuts each down and tells what clients notice;
``report`` writes all that is known of the farm to one HTML file.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, NoReturn

import typer
from pulumi import RunError

from components.topology import load
from components.topology.balancing import instructions, virtual_servers
from operations import audit as auditing
from operations import runbook as planning
from operations import verify as verification
from operations.configuration import Context, context, from_stack, topology_of_stack, values_of_stack
from operations.contract import reports
from operations.contract.case import cases
from operations.contract.runner import run_all
from operations.doctor import output
from operations.doctor.run import examined
from operations.drill.command import drill
from operations.errors import one_line_errors
from operations.leftovers import Leftovers
from operations.maintenance.command import maintenance
from operations.report.command import report
from operations.stack_state import state_of
from remote.errors import MachineError
from remote.secret import redact
from remote.text import one_line

app = typer.Typer(add_completion=False, help="What an operator does around pulumi up.", no_args_is_help=True)
app.command()(maintenance)
app.command()(drill)
app.command()(report)

Stack = Annotated[str, typer.Option(help="The stack; without it the selected one.")]
Json = Annotated[bool, typer.Option("--json", help="One JSON object instead of a table.")]


@app.callback()
def main() -> None:
    """Commands around ``pulumi up``."""


@app.command()
def verify(
    stack: Stack = "",
    as_json: Json = False,
    failed: Annotated[
        bool, typer.Option("--failed", help="Only the rows that do not hold, and the last line.")
    ] = False,
) -> None:
    """Check every level of the farm and each member by itself. Exits with 1 when anything is not as it should be."""
    raise typer.Exit(verification.run(_context(stack), as_json=as_json, failed=failed))


@app.command()
def audit(stack: Stack = "", as_json: Json = False) -> None:
    """Show what is still single: servers, hosts, votes, backups. Exits with 1 when there is a risk, changes nothing."""
    raise typer.Exit(auditing.run(_context(stack), as_json=as_json))


@app.command()
def runbook(
    stack: Stack = "",
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object instead of Markdown.")] = False,
) -> None:
    """Print as Markdown what `pulumi up` would do now, machine by machine. Exits with 1 when `up` would stop with an
    error, with 2 when something could not be looked at."""
    with one_line_errors():
        values = values_of_stack(stack)
        known = context(values)
        try:
            plans = planning.planned(values, known.remote, known.topology, state_of(stack))
        except RunError as error:
            raise MachineError("this computer", "run the program", str(error)) from None
    write = planning.as_json if as_json else planning.markdown
    typer.echo(write(plans, known.topology.name, datetime.now(UTC)))
    raise typer.Exit(planning.exit_code(plans))


@app.command()
def doctor(
    stack: Stack = "",
    as_json: Json = False,
    contract: Annotated[
        str, typer.Option(help="Instead: run the contract cases on this machine, which may be lost.")
    ] = "",
    report: Annotated[str, typer.Option(help="With --contract: write what came of the cases to this file.")] = "",
) -> None:
    """Look whether `up` will work on these machines. Changes nothing, but with --contract.

    Exits with 0 when nothing is wrong, 1 when something is, 2 when something could not be looked at.
    """
    known = _context(stack)
    if contract:
        _contract(known, contract, report, as_json=as_json)
    rows = examined(known)
    if as_json:
        typer.echo(output.as_json(rows))
    else:
        output.show(rows)
    raise typer.Exit(output.code(rows))


@app.command("load-balancer")
def load_balancer(
    topology: Annotated[str, typer.Option(help="A topology file; without it the one of the stack.")] = "",
    stack: Stack = "",
    as_json: Annotated[bool, typer.Option("--json", help="The same as JSON.")] = False,
) -> None:
    """Print what to configure on a load balancer of your own: addresses, ports, members, probes, persistence."""
    with one_line_errors():
        file = topology or topology_of_stack(stack)
        servers = virtual_servers(load(Path(file)))
    if as_json:
        typer.echo(json.dumps([server.plain() for server in servers], indent=2))
    else:
        typer.echo(instructions(servers) or f"No tier of {file} is behind an external load balancer.")


@app.command()
def leftovers(
    stack: Stack = "",
    remove: Annotated[bool, typer.Option("--remove", help="Take it away, newest first.")] = False,
    state_lost: Annotated[
        bool, typer.Option("--state-lost", help="With --remove: also where the stack's state does not say whose it is.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object instead of lines.")] = False,
) -> None:
    """List what machines still hold for the stack that its state does not know. Exits with 0 when there is nothing,
    with 1 when something is left, and with 2 when a machine could not be asked."""
    with one_line_errors():
        of_stack = Leftovers.of_stack(stack)
        look = of_stack.look()
        if remove and not state_lost:
            of_stack.refuse_of_namesakes(look)
    found = []
    for one in look.left:
        why = of_stack.remove(one) if remove else ""
        state = f"stays: {why}" if why else "removed" if remove else "left"
        found.append({"machine": one.machine, "id": one.resource_id, "state": state, "text": str(one)})
        if not as_json:
            typer.echo(one_line(redact(f"{state}: {one}")))
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


def _context(stack: str) -> Context:
    """The stack's configuration; one that cannot be read ends the command with 2."""
    with one_line_errors():
        return from_stack(stack)


def _contract(context: Context, machine: str, file: str, *, as_json: bool) -> NoReturn:
    """Run the contract cases on one machine. 0: every case that ran held; 1: one did not; 2: the machine cannot be
    asked, or something that a case made could not be taken away."""
    report = (lambda _: None) if as_json else reports.tell
    with one_line_errors():
        if file:
            Path(file).touch()  # before the cases: what cannot be written is found out now
        results = run_all(context.remote, machine, cases(), report)
        text = reports.report(context.remote, machine, results)
        if file:
            Path(file).write_text(text, encoding="utf-8")
    typer.echo(text if as_json else reports.summary(results, file))
    raise typer.Exit(reports.code(results))


if __name__ == "__main__":
    app()
