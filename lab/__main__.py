"""``python -m lab``: start, look at, disturb and end the lab."""

from __future__ import annotations

import json
import logging
import os
import sys
import time
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer
from rich.console import Console
from rich.table import Table

from lab import boot, daemon, version
from lab.client import LabError, call

app = typer.Typer(
    help="Stands in for the Windows machines of a topology, on loopback addresses.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
fault = typer.Typer(help="Make something go wrong: machines, wires, disks, services.", no_args_is_help=True)
app.add_typer(fault, name="fault")
clicks = typer.Typer(
    help="In a browser on a portal server: the manual steps of product wa4ws.",
    no_args_is_help=True,
)
app.add_typer(clicks, name="click")

console = Console()

Directory = Annotated[Path, typer.Option("--directory", envvar="LAB_DIRECTORY", help="Where the lab keeps its state.")]
Topology = Annotated[Path, typer.Option("--topology", envvar="LAB_TOPOLOGY", help="Which machines there are.")]
Pace = Annotated[
    float | None,
    typer.Option("--pace", envvar="LAB_PACE", min=0, help="Length of modelled durations; 1 is real time."),
]
State = Annotated[
    Path | None,
    typer.Option("--state", help="What was done by hand in a fresh lab (docs/lab.md)."),
]
HERE = Path(".lab")
SINGLE_DOMAIN = Path(__file__).parent / "topologies" / "single-domain.yaml"


@app.command()
def up(
    topology: Topology = SINGLE_DOMAIN,
    directory: Directory = HERE,
    pace: Pace = None,
    state: State = None,
    foreground: Annotated[bool, typer.Option(help="Stay in the foreground until Ctrl-C.")] = False,
) -> None:
    """Start the lab (in the background) and show what runs where. A lab that runs already is left alone."""
    if foreground:
        logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
        logging.getLogger("aiohttp").setLevel(logging.WARNING)
        daemon.run(topology, directory, boot.DEFAULT_PACE if pace is None else pace, by_hand=state)
        return
    begun = time.monotonic()
    found, already = daemon.up(topology, directory, pace, by_hand=state)
    _show(found)
    if already:
        console.print(f"The lab in {directory} ran already.")
    else:
        console.print(f"The lab in {directory} runs ({time.monotonic() - begun:.1f} s).")
    for note in other_versions(found):
        console.print(note)


@app.command()
def down(directory: Directory = HERE) -> None:
    """End the lab. Its state stays."""
    console.print("The lab has ended." if daemon.down(directory) else f"No lab runs in {directory}.")


@app.command()
def status(
    directory: Directory = HERE,
    as_json: Annotated[bool, typer.Option("--json", help="Everything, as JSON.")] = False,
) -> None:
    """Machines, addresses, ports, services, NLB and SQL Server."""
    found = call(directory, {"request": "status"})
    if as_json:
        print(json.dumps(found, indent=2))
    else:
        _show(found)


@app.command()
def reset(
    topology: Topology = SINGLE_DOMAIN,
    directory: Directory = HERE,
    pace: Pace = None,
    state: State = None,
    everything: Annotated[bool, typer.Option("--all", help="The certification authority too.")] = False,
) -> None:
    """End the lab, delete its state and start it again as it was at the beginning."""
    daemon.down(directory)
    daemon.wipe(directory, everything=everything)
    up(topology, directory, pace, state, foreground=False)


@app.command()
def balancer(
    configuration: Annotated[Path, typer.Argument(help="What `operations load-balancer --json` printed.")],
    directory: Directory = HERE,
) -> None:
    """Configure the external load balancer, a device of the lab's network."""
    try:
        servers = json.loads(configuration.read_text(encoding="utf-8"))
    except ValueError as error:
        raise LabError(f"{configuration} is not JSON: {error}") from error
    console.print(call(directory, {"request": "balancer", "servers": servers}))


@app.command()
def journal(
    directory: Directory = HERE,
    kind: Annotated[str | None, typer.Option(help="start, script, sql, composed or http.")] = None,
    machine: Annotated[str | None, typer.Option(help="Only this machine.")] = None,
) -> None:
    """What reached the lab over its wires, one JSON object a line."""
    file = directory / "journal.jsonl"
    if not file.exists():
        raise LabError(f"there is no journal in {directory}")
    with file.open(encoding="utf-8") as lines:
        for line in lines:
            entry = json.loads(line)
            if kind in (None, entry["kind"]) and (machine is None or machine.lower() == entry["machine"].lower()):
                print(line, end="")


@app.command()
def powershell(
    source: Annotated[str, typer.Argument(help="- reads JSON lines {id, script} from standard input.")] = "-",
) -> None:
    """Evaluate PowerShell as the lab's machines do, without a machine: JSON lines in, JSON lines out."""
    if source != "-":
        raise LabError("powershell reads standard input only: python -m lab powershell -")
    from lab.powershell.console import main as evaluate

    evaluate(sys.stdin, sys.stdout)


def _power(change: str, machine: str, directory: Path) -> None:
    console.print(call(directory, {"request": "power", "machine": machine, "change": change}))


@fault.command()
def stop(machine: str, directory: Directory = HERE) -> None:
    """Shut a machine down."""
    _power("stop", machine, directory)


@fault.command()
def cut(machine: str, directory: Directory = HERE) -> None:
    """Take a machine's power away."""
    _power("cut", machine, directory)


@fault.command()
def start(machine: str, directory: Directory = HERE) -> None:
    """Switch a machine on."""
    _power("start", machine, directory)


@fault.command()
def restart(machine: str, directory: Directory = HERE) -> None:
    """Shut a machine down and switch it on."""
    _power("restart", machine, directory)


@fault.command()
def disconnect(machine: str, directory: Directory = HERE) -> None:
    """Pull a machine's network cable."""
    _power("disconnect", machine, directory)


@fault.command()
def connect(machine: str, directory: Directory = HERE) -> None:
    """Put a machine's network cable back."""
    _power("connect", machine, directory)


@fault.command(name="break")
def break_(
    machine: str,
    wire: Annotated[str, typer.Option(help="winrm, sql or http.")],
    nth: Annotated[int, typer.Option(help="Which call from now on.")] = 1,
    moment: Annotated[str, typer.Option(help="before or after the effect of the call.")] = "before",
    directory: Directory = HERE,
) -> None:
    """Cut the connection at the n-th call."""
    order = {"request": "break", "machine": machine, "wire": wire, "nth": nth, "moment": moment}
    console.print(call(directory, order))


@fault.command()
def slow(
    machine: str,
    delay_seconds: Annotated[float, typer.Option(min=0, help="Modelled seconds by which each call takes longer.")],
    wire: Annotated[str, typer.Option(help="winrm, sql or http.")] = "winrm",
    directory: Directory = HERE,
) -> None:
    """Make every call on a wire take longer."""
    console.print(
        call(directory, {"request": "slow", "machine": machine, "delay_seconds": delay_seconds, "wire": wire})
    )


@fault.command()
def fill(
    machine: str,
    empty: Annotated[bool, typer.Option("--empty", help="Make room again.")] = False,
    directory: Directory = HERE,
) -> None:
    """Fill a machine's disk."""
    console.print(call(directory, {"request": "fill", "machine": machine, "full": not empty}))


@fault.command()
def service(machine: str, name: str, change: str, directory: Directory = HERE) -> None:
    """Stop or start a Windows service: service MACHINE NAME stop|start."""
    console.print(call(directory, {"request": "service", "machine": machine, "name": name, "change": change}))


@fault.command()
def clear(directory: Directory = HERE) -> None:
    """No fault any more; every machine runs and is connected."""
    console.print(call(directory, {"request": "clear"}))


@app.command()
def run(
    machine: str,
    powershell: Annotated[str, typer.Option(help="A PowerShell script.")] = "",
    sql: Annotated[str, typer.Option(help="A T-SQL batch.")] = "",
    database: Annotated[str, typer.Option(help="Where the batch runs.")] = "master",
    directory: Directory = HERE,
) -> None:
    """Change something by hand on a machine, as the domain's installer."""
    order = {"request": "run", "machine": machine, "powershell": powershell, "sql": sql, "database": database}
    console.print(call(directory, order))


User = Annotated[str, typer.Option(help="Who is logged on there; without it the domain's installer.")]
Plan = Annotated[str, typer.Option(help="The plan's name.")]


def _click(directory: Path, machine: str, user: str, form: str, *, site: str = "portal", **fields: str) -> None:
    order = {"request": "click", "machine": machine, "user": user, "site": site, "form": form, "fields": fields}
    console.print(call(directory, order))


@clicks.command()
def create_plan(
    machine: str,
    name: Plan,
    service: Annotated[list[str], typer.Option(help="What it offers, such as mysqlservers; may be repeated.")],
    user: User = "",
    directory: Directory = HERE,
) -> None:
    """PLANS, create a new hosting plan."""
    _click(directory, machine, user, "/Plans/Create", name=name, services=",".join(service))


@clicks.command()
def delete_plan(machine: str, name: Plan, user: User = "", directory: Directory = HERE) -> None:
    """PLANS, delete a plan."""
    _click(directory, machine, user, "/Plans/Delete", name=name)


@clicks.command()
def register_spf(
    machine: str,
    url: Annotated[str, typer.Option(help="Its address, such as https://spf.hyper-v.nu:8090.")],
    account: Annotated[
        str, typer.Option(help="The local account on its servers; its password is read from standard input.")
    ],
    user: User = "",
    directory: Directory = HERE,
) -> None:
    """VM CLOUDS, register Service Provider Foundation."""
    password = sys.stdin.readline().rstrip("\n")
    _click(directory, machine, user, "/VMClouds/Register", url=url, account=account, password=password)


@clicks.command()
def configure(
    machine: str,
    server: Annotated[str, typer.Option(help="Where the stores are, such as sql.hyper-v.nu.")],
    login: Annotated[
        str, typer.Option(help="Its administrator; password and passphrase are the lines of standard input.")
    ],
    user: User = "",
    directory: Directory = HERE,
) -> None:
    """The configuration site's wizard: database server, login, passphrase."""
    password, passphrase = (sys.stdin.readline().rstrip("\n") for _ in range(2))
    secret = {"password": password, "passphrase": passphrase}
    _click(directory, machine, user, "/", site="configuration", server=server, login=login, **secret)


def other_versions(found: dict[str, Any]) -> list[str]:
    """What to know of a lab that is not all this program's."""
    notes = []
    if found.get("program") != version.program():
        notes.append("What runs there is another version of the lab: python -m lab down, then start it again.")
    if found.get("begun_by") != version.program():
        notes.append("Another version of the lab began its state. If it fails for no reason: python -m lab reset.")
    return notes


def _show(found: dict[str, Any]) -> None:
    table = Table(title=f"{found['topology']}, pace {found['pace']:g}", box=None, title_justify="left")
    for heading in ("machine", "address", "here", "listens on", "state"):
        table.add_column(heading)
    for machine in found["machines"]:
        state = "runs" if machine["running"] else "off"
        ports = " ".join(str(port) for port in machine["ports"])
        table.add_row(
            machine["fqdn"],
            machine["address"],
            machine["loopback"],
            ports,
            f"{state}, no cable" if machine["disconnected"] else state,
        )
    for cluster in found["nlb"]:
        nodes = ", ".join(f"{name} {state}" for name, state in cluster["nodes"].items())
        ports = " ".join(str(port) for port in cluster["ports"])
        table.add_row(f"{cluster['name']} (NLB)", cluster["address"], cluster["loopback"], ports, nodes)
    for device in found["balancers"]:
        working = sorted({machine for machines in device["ports"].values() for machine in machines})
        members = ", ".join(working) or "no member works"
        ports = " ".join(device["ports"])
        table.add_row(f"{device['name']} (load balancer)", device["address"], device["loopback"], ports, members)
    for listener in found["sql"]["listeners"]:
        primary = f"primary {listener['primary']}" if listener["primary"] else "no primary"
        table.add_row(
            f"{listener['name']} (listener)", listener["address"], listener["loopback"], str(listener["port"]), primary
        )
    console.print(table)


def main() -> NoReturn:
    """One line for a mistake, no traceback: the log of the lab has it where it is the lab's fault."""
    try:
        app(prog_name="python -m lab")
    except (LabError, boot.TopologyError, OSError) as error:
        if os.environ.get("LAB_DEBUG"):
            raise
        print(f"error: {error}", file=sys.stderr)
        sys.exit(1)
    sys.exit(0)


if __name__ == "__main__":
    main()
