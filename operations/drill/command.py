"""The command line of ``drill``."""

from __future__ import annotations

import json
import shlex
import signal
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from components import stack_configuration
from components.resource.lease import CommandLease
from operations.configuration import Context, from_stack, step_log
from operations.drill.run import Runner, Settings, machines
from operations.errors import one_line_errors
from operations.maintenance.command import COULD_NOT_LOOK
from operations.maintenance.plan import LEVELS
from remote.errors import MachineError
from remote.secret import redact
from remote.text import one_line


def drill(
    servers: Annotated[list[str] | None, typer.Argument(help="The servers to shut down, one after the other.")] = None,
    level: Annotated[str, typer.Option(help="Every server of a level: sql, spf or portal.")] = "",
    everything: Annotated[bool, typer.Option("--all", help="Every server.")] = False,
    on: Annotated[
        str, typer.Option(help="Command on this computer that switches a server on; {machine} is its name.")
    ] = "",
    off: Annotated[
        str, typer.Option(help="Command that shuts one down; without it Windows on the server itself does.")
    ] = "",
    power: Annotated[bool, typer.Option("--power", help="--off cuts the power: the unplanned budget counts.")] = False,
    down_seconds: Annotated[float, typer.Option(min=0, help="How long each server stays off.")] = 60,
    source: Annotated[
        list[str] | None, typer.Option(help="Address of this computer to ask from; several for several clients.")
    ] = None,
    requests_per_second: Annotated[float, typer.Option(min=0.1, help="How many from each source.")] = 10,
    patience_seconds: Annotated[
        float, typer.Option(min=0, help="How long the verification may take to pass before each server.")
    ] = 60,
    folder: Annotated[Path, typer.Option(help="Where results are kept.")] = Path("drills"),
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask for the farm's name.")] = False,
    stack: Annotated[str, typer.Option(help="The stack; without it the selected one.")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="The result as JSON.")] = False,
) -> None:
    """Shut each server down once while clients ask, switch it on again, and judge what clients noticed.

    Exits with 1 when an outage was longer than the topology's budget or the farm was not well, with 2 when that could
    not be found out.
    """
    named = servers or []
    if usage := _usage(named, level, everything, on, off, power):
        _end(2, usage)
    with one_line_errors():
        context = from_stack(stack)
        chosen = machines(context, named, "all" if everything else level)
        stack_name = stack_configuration.name_of(stack)
    name = context.topology.name
    if not yes and typer.prompt(f"This shuts down {', '.join(chosen)}. The farm's name", err=True) != name:
        _end(2, f"the farm is not called so, but {name}")
    sources = tuple(source or [""])
    settings = Settings(
        chosen, on, off, not power, down_seconds, sources, requests_per_second, patience_seconds, folder
    )
    raise typer.Exit(_run(context, settings, stack_name, as_json))


def _end(code: int, why: str) -> NoReturn:
    typer.echo(f"error: {why}", err=True)
    raise typer.Exit(code)


def _usage(named: list[str], level: str, everything: bool, on: str, off: str, power: bool) -> str:
    """What is wrong with the options; empty where nothing is."""
    if sum(map(bool, (named, level, everything))) != 1:
        return "name servers, or --level, or --all"
    if level and level not in LEVELS:
        return f"--level is one of {', '.join(LEVELS)}"
    if not on:
        return "say with --on how a server is switched on again"
    if power and not off:
        return "--power needs --off, the command that cuts a server's power"
    for option, command in (("--on", on), ("--off", off)):
        try:
            shlex.split(command)
        except ValueError as error:
            return f"{option} cannot be read: {error}"
    return ""


def _run(context: Context, settings: Settings, stack: str, as_json: bool) -> int:
    """Carry it out and tell what came of it; the exit code. ``stack`` is its name."""

    def tell(sentence: str) -> None:
        typer.echo(one_line(redact(sentence)), err=True)

    lease = CommandLease(context.remote, context.topology, stack, "drill", tell, health_goes_on=True)
    runner = Runner(context, settings, tell, step_log(stack, "drill"), lease)
    # An end by `kill` is one like Ctrl-C: the server that is off is switched on.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    code, why = 0, ""
    try:
        runner.run()
    except OSError as error:  # the result cannot be written: nothing is shut down then
        return _end(2, f"the drill's result: {error.filename}: {error.strerror}. Name another folder with --folder.")
    except MachineError as error:
        code, why = (2 if isinstance(error, COULD_NOT_LOOK) else 1), one_line(redact(str(error)))
    except KeyboardInterrupt:
        code, why = 1, "interrupted; every server was switched on again"
    drill = runner.drill
    code = code or int(not drill.ok)
    if as_json:
        typer.echo(json.dumps(drill.plain(), indent=2))
    else:
        for server in drill.servers:
            verdict = "ok" if server.within else "NO"
            typer.echo(
                f"{verdict}  {server.machine}: longest outage {server.longest_outage_seconds} s "
                f"(budget {server.budget_seconds:.0f} s), redundant again after {server.redundant_seconds} s"
            )
    if why:
        typer.echo(f"error: {why}", err=True)
    typer.echo(f"The result is in {runner.store.file}.", err=True)
    return code
