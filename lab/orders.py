"""What the command line orders from a running lab: look at it, switch its machines, make faults, click in a browser.

Every order takes the world and the request's other keys, and gives what JSON can hold. A mistake of the operator is an
OrderError with one sentence.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from lab import files, load_balancer, machines, state, version
from lab.addresses import loopback_of
from lab.client import LabError
from lab.faults import Fault
from lab.winrm.service import open_shells

if TYPE_CHECKING:
    from lab.world import Machine, World

WIRES = ("winrm", "sql", "http")
MOMENTS = ("before", "after")


class OrderError(Exception):
    """The order cannot be carried out; the message says what would be possible."""


def status(world: World) -> dict[str, Any]:
    """The state of everything at a glance; tests and the program's set-up read it as JSON."""
    return {
        "topology": world.topology.get("name", ""),
        "program": version.program(),
        "begun_by": world.collection("lab", "lab")["begun"].get("program", ""),
        "pace": world.clock.pace,
        "machines": [_machine(world, machine) for machine in world.machines.values()],
        "nlb": [_cluster(world, name) for name in world.collection("nlb", "cluster")],
        "balancers": balancers(world),
        "sql": _sql(world),
        "faults": {str(number): vars(fault) for number, fault in world.faults.standing().items()},
    }


def power(world: World, machine: str, change: str) -> str:
    """``change`` is stop, cut, start, restart, disconnect or connect; returns when it is done."""
    known = _find(world, machine)
    actions: dict[str, Callable[[World, Machine], None]] = {
        "stop": machines.stop,
        "cut": machines.cut,
        "start": machines.start,
        "restart": machines.restart,
        "disconnect": machines.disconnect,
        "connect": machines.connect,
    }
    if change not in actions:
        raise OrderError(f"unknown change {change}; possible: {', '.join(actions)}")
    actions[change](world, known)
    return f"{known.name}: {change} done."


def break_wire(world: World, machine: str, wire: str, nth: int = 1, moment: str = "before") -> str:
    known = _find(world, machine)
    _check_wire(wire)
    if moment not in MOMENTS:
        raise OrderError(f"unknown moment {moment}; possible: {', '.join(MOMENTS)}")
    if nth < 1:
        raise OrderError(f"--nth {nth}: the next call is 1")
    world.faults.add(Fault(known.name, wire, nth, moment))
    return f"{known.name}: call {nth} from now on {wire} breaks {moment} its effect."


def slow(world: World, machine: str, delay_seconds: float, wire: str = "winrm") -> str:
    known = _find(world, machine)
    _check_wire(wire)
    world.faults.add(Fault(known.name, wire, delay_seconds=delay_seconds))
    return f"{known.name}: every call on {wire} takes {delay_seconds:g} modelled seconds longer."


def fill(world: World, machine: str, full: bool = True) -> str:
    known = _find(world, machine)
    files.fill(known, full=full)
    return f"{known.name}: the disk {'is full' if full else 'has room again'}."


def service(world: World, machine: str, name: str, change: str) -> str:
    """Stop or start a Windows service through the lab's service control manager."""
    from lab.windows import services

    known = _find(world, machine)
    if name not in known.collection("service"):
        raise OrderError(f"{known.name} has no service {name}; it has: {', '.join(known.collection('service'))}")
    if change not in ("stop", "start"):
        raise OrderError(f"unknown change {change}; possible: stop, start")
    try:
        (services.stop if change == "stop" else services.start)(known, name)
    except services.ServiceError as error:
        raise OrderError(f"{known.name}: service {name}: {error}") from error
    return f"{known.name}: service {name}: {change} done."


def balancer(world: World, servers: list[dict[str, Any]]) -> str:
    """Configure the external load balancer: it carries these virtual servers and no others."""
    try:
        load_balancer.load_balancer_of(world).configure(servers)
    except load_balancer.ConfigurationError as error:
        raise OrderError(f"the load balancer refuses its configuration: {error}") from error
    except OSError as error:
        raise OrderError(f"the load balancer cannot use an address: {error}") from error
    carried = ", ".join(f"{server['name']} at {server['address']}" for server in servers)
    return f"The load balancer carries {carried or 'nothing'}."


def balancers(world: World) -> list[dict[str, Any]]:
    """What the external load balancer carries; nothing in a lab without one."""
    try:
        return load_balancer.load_balancer_of(world).status()
    except KeyError:
        return []


def click(world: World, machine: str, user: str, site: str, form: str, fields: dict[str, str]) -> str:
    """What an administrator does in the administrators' or the configuration site, in a browser on a machine where
    ``user`` is logged on."""
    from lab.wap import browser

    known = _find(world, machine)
    try:
        browser.submit(known, user or f"{known.netbios}\\installer", form, site=site, **fields)
    except browser.ClickError as error:
        raise OrderError(f"{known.name}: the site ({site}): {error}") from error
    return f"{known.name}: done."


def run(world: World, machine: str, powershell: str = "", sql: str = "", database: str = "master") -> str:
    """What an administrator does by hand: a PowerShell script or a T-SQL batch on one machine, as its domain's account
    installer."""
    known = _find(world, machine)
    if bool(powershell) == bool(sql):
        raise OrderError("give either powershell or sql")
    try:
        state.carry_out(world, [state.Entry("by hand", known.name, powershell, sql, database)])
    except LabError as error:
        raise OrderError(str(error)) from None
    return f"{known.name}: done."


def clear(world: World) -> str:
    """No fault stands any more: wires, disks, cables; machines that are off are started."""
    world.faults.clear()
    for machine in world.machines.values():
        files.fill(machine, full=False)
        machines.connect(world, machine)
        machines.start(world, machine)
    return "No faults any more; every machine runs and is connected."


def _find(world: World, name: str) -> Machine:
    try:
        return world.machine(name)
    except KeyError:
        known = ", ".join(machine.name for machine in world.machines.values())
        raise OrderError(f"unknown machine {name}; there are: {known}") from None


def _check_wire(wire: str) -> None:
    if wire not in WIRES:
        raise OrderError(f"unknown wire {wire}; possible: {', '.join(WIRES)}")


def _machine(world: World, machine: Machine) -> dict[str, Any]:
    state = machine.collection("power")["state"]
    ports = sorted(e.port for e in world.network.endpoints() if e.owner == machine.name.lower())
    return {
        "name": machine.name,
        "fqdn": machine.fqdn,
        "domain": machine.domain,
        "roles": list(machine.roles),
        "address": machine.address,
        "loopback": machine.loopback,
        "running": machine.running,
        "disconnected": bool(state.get("disconnected", False)),
        "ports": ports,
        "shells": open_shells(machine),
        "services": {
            document.get("name", name): document.get("status", "")
            for name, document in machine.collection("service").items()
        },
    }


def _cluster(world: World, name: str) -> dict[str, Any]:
    document = world.collection("nlb", "cluster")[name]
    loopback = loopback_of(document["address"])
    nodes = {}
    for member in document["nodes"]:
        bindings = world.machine(member).collection("nlb-node").values()
        nodes[member] = [each["state"] for each in bindings if each["cluster"].lower() == name.lower()]
    return {
        "name": document["name"],
        "address": document["address"],
        "loopback": loopback,
        "ports": sorted(e.port for e in world.network.endpoints() if e.address == loopback),
        "nodes": {member: ", ".join(states) for member, states in nodes.items()},
    }


def _sql(world: World) -> dict[str, Any]:
    from lab.sql import engine

    instances = {}
    for machine in world.machines.values():
        if "sql" in machine.roles:
            instance = engine.instance_of(world, machine)
            instances[machine.name] = "stopped" if instance is None else instance.mode
    found = []
    for listener in engine.listeners(world):
        primary = engine.primary_behind(world, listener.name)
        found.append(
            {
                "name": listener.name,
                "address": listener.address,
                "loopback": loopback_of(listener.address),
                "port": listener.port,
                "primary": None if primary is None else primary.name,
            }
        )
    return {"instances": instances, "listeners": found}


ORDERS: dict[str, Callable[..., Any]] = {
    "status": status,
    "power": power,
    "break": break_wire,
    "slow": slow,
    "fill": fill,
    "service": service,
    "balancer": balancer,
    "click": click,
    "run": run,
    "clear": clear,
}
