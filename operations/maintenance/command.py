"""The command line of ``maintenance``."""

from __future__ import annotations

import dataclasses
import json
import shlex
from typing import Annotated

import typer

from components import stack_configuration
from components.resource.lease import CommandLease
from components.step_log import StepLog
from operations.configuration import Context, from_stack, step_log
from operations.errors import one_line_errors
from operations.maintenance.plan import LEVELS, Kind, Order
from operations.maintenance.runner import Runner, Turn
from remote.errors import LostAnswerError, MachineError, RefusedError, UnreachableError, UntrustedError
from remote.secret import redact
from remote.text import one_line

COULD_NOT_LOOK = (UnreachableError, LostAnswerError, RefusedError, UntrustedError)
"""Errors that tell nothing of the farm's state."""


def maintenance(
    machine: Annotated[str, typer.Argument(help="The server to take out of the farm.")] = "",
    level: Annotated[str, typer.Option(help="Every server of a level, one after the other: sql, spf or portal.")] = "",
    everything: Annotated[bool, typer.Option("--all", help="Every server, one after the other.")] = False,
    restart: Annotated[bool, typer.Option("--restart", help="Restart each server while it is out.")] = False,
    command: Annotated[
        str, typer.Option(help="Run a command on this computer while each is out; {machine} in it is the server.")
    ] = "",
    hold: Annotated[bool, typer.Option("--hold", help="End with the server out, until --resume.")] = False,
    resume: Annotated[str, typer.Option(metavar="MACHINE", help="Bring back a server that is out.")] = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be done.")] = False,
    drain_minutes: Annotated[
        int, typer.Option(min=1, help="How long clients of a server may take to finish before they are cut off.")
    ] = 5,
    patience_seconds: Annotated[
        float,
        typer.Option(min=0, help="How long to wait until it is safe to take a server out. 0: `waits.site_seconds`."),
    ] = 0,
    taken_out: Annotated[
        bool, typer.Option("--taken-out", help="Another load balancer sends this server no clients any more.")
    ] = False,
    stack: Annotated[str, typer.Option(help="The stack; without it the selected one.")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object at the end.")] = False,
) -> None:
    """Take servers out of the farm, one at a time and without a failed request, and bring them back.

    Exits with 1 when a server cannot be taken out safely or did not come back, with 2 when that could not be found out.
    """
    usage = _usage(machine, level, everything, restart, command, hold, resume, dry_run, taken_out)
    if usage:
        typer.echo(f"error: {usage}", err=True)
        raise typer.Exit(2)
    with one_line_errors():
        context = from_stack(stack)
        name = "" if dry_run else stack_configuration.name_of(stack)
    kind: Kind = "restart" if restart else "command" if command else "hold"
    order = Order(
        kind,
        machine,
        "all" if everything else level,
        command,
        drain_minutes,
        taken_out,
        patience_seconds or context.topology.waits.site_seconds,
    )
    raise typer.Exit(_run(context, order, resume, as_json, name, dry_run=dry_run))


def _usage(
    machine: str,
    level: str,
    everything: bool,
    restart: bool,
    command: str,
    hold: bool,
    resume: str,
    dry_run: bool,
    taken_out: bool,
) -> str:
    """What is wrong with the options; empty where nothing is."""
    scopes, ways = [machine, level, everything], [restart, command, hold]
    if resume:
        return "--resume takes no other order" if any((*scopes, *ways, dry_run, taken_out)) else ""
    if sum(map(bool, scopes)) != 1:
        return "name one server, or --level, or --all"
    if level and level not in LEVELS:
        return f"--level is one of {', '.join(LEVELS)}"
    if sum(map(bool, ways)) != 1:
        return "say what happens while a server is out: --restart, --command or --hold"
    try:
        shlex.split(command)
    except ValueError as error:
        return f"--command cannot be read: {error}"
    if (hold or taken_out) and not machine:
        return f"{'--hold' if hold else '--taken-out'} takes one server"
    return ""


def _run(context: Context, order: Order, resume: str, as_json: bool, stack: str, *, dry_run: bool) -> int:
    """Carry it out and tell what came of it; the exit code. ``stack`` is its name."""

    def tell(sentence: str) -> None:
        if not (dry_run and as_json):
            typer.echo(_shown(sentence), err=not dry_run)

    log = StepLog() if dry_run else step_log(stack, "maintenance")
    lease = CommandLease(context.remote, context.topology, stack, "maintenance", tell)
    runner = Runner(context, tell, log, lease)

    def work() -> None:
        if resume:
            runner.resume(resume)
        elif dry_run:
            runner.dry_run(order)
        else:
            runner.maintain(order)

    code, why = 0, ""
    try:
        work()
    except MachineError as error:
        code, why = (2 if isinstance(error, COULD_NOT_LOOK) else 1), _shown(str(error))
    except KeyboardInterrupt:
        code, why = 1, "interrupted; the next `maintenance` says which server is out and how it comes back"
    if as_json:
        typer.echo(
            json.dumps({"ok": not code, "servers": [_plain(turn) for turn in runner.turns], "error": why}, indent=2)
        )
    if why:
        typer.echo(f"error: {why}", err=True)
    elif not dry_run:
        for turn in runner.turns:
            further = f": `maintenance --resume {turn.machine}` brings it back" if turn.ended == "held" else ""
            typer.echo(f"{turn.machine}: {turn.ended}{further}", err=as_json)
    return code


def _plain(turn: Turn) -> dict[str, object]:
    return {**dataclasses.asdict(turn), "said": [_shown(sentence) for sentence in turn.said]}


def _shown(sentence: str) -> str:
    """One line, secrets masked: part of it may come from a machine."""
    return one_line(redact(sentence))
