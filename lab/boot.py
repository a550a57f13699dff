"""From a topology file to a running lab: machines with their roles, the beginning of every part, its services.

The parts are named here once, in order. A part offers ``begin(world)`` (state before anybody touched the farm, called
once for a fresh lab) or ``start(world)`` and ``stop(world)`` (services, each time the lab starts), or both.
"""

from __future__ import annotations

import importlib
import weakref
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from lab import machines, state, version
from lab.addresses import loopback_of
from lab.replicas import replicas
from lab.world import Machine, Store, World

BEGINNINGS = (
    "lab.identity",
    "lab.files",
    "lab.trust",
    "lab.winrm.service",
    "lab.windows.beginning",
    "lab.sql.beginning",
    "lab.wap.beginning",
)
SERVICES = (
    "lab.sql.service",
    "lab.windows.service",
    "lab.wap.service",
    "lab.winrm.service",
    "lab.balancer",
    "lab.load_balancer",
)
COMMANDS = ("lab.windows", "lab.wap", "lab.sql.sqlclient")
"""Importing these registers their cmdlets, types, drives and programs."""

DEFAULT_PACE = 0.02

_STARTED: weakref.WeakKeyDictionary[World, list[str]] = weakref.WeakKeyDictionary()


class TopologyError(Exception):
    """The lab cannot stand for this topology file. The message says where and why."""


_PORTS = {("sql", "listener"): 1433, ("spf",): 8090}
"""Ports that a topology may leave out."""


def read_topology(file: Path) -> dict[str, Any]:
    """The topology as plain data. The lab checks only what it needs itself: the program has the full model."""
    try:
        loaded = yaml.safe_load(file.read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError) as error:
        raise TopologyError(f"{file}: {error}") from error
    if not isinstance(loaded, dict) or not loaded.get("machines") or not loaded.get("domains"):
        raise TopologyError(f"{file}: no machines and domains in it; is it a topology?")
    for path, port in _PORTS.items():
        part: Any = loaded
        for name in path:
            part = part.get(name) if isinstance(part, dict) else None
        if not isinstance(part, dict):
            raise TopologyError(f"{file}: no {'.'.join(path)} in it; `pulumi preview` says all that is wrong with it")
        part.setdefault("port", port)
    return loaded


def populate(world: World) -> None:
    """Add the topology's machines to the world, each with the roles that other keys of the topology give it."""
    domains = {domain["name"].lower(): domain for domain in world.topology["domains"]}
    roles = _roles(world.topology)
    for known in world.topology["machines"]:
        domain = domains.get(known["domain"].lower())
        if domain is None:
            raise TopologyError(f"machine {known['name']}: no domain {known['domain']} in the topology")
        own = tuple(role for role, names in roles.items() if known["name"].lower() in names)
        loopback = loopback_of(known["address"])
        world.add(Machine(world, known["name"], domain["name"], domain["netbios"], known["address"], loopback, own))
    missing = sorted(set().union(*roles.values()) - set(world.machines))
    if missing:
        raise TopologyError(f"the topology uses machines that it does not list: {', '.join(missing)}")


def build(file: Path, directory: Path, pace: float = DEFAULT_PACE) -> World:
    """The world of a topology with the state of its directory; nothing of it runs yet."""
    world = World(directory, read_topology(file), pace)
    populate(world)
    return world


def start(world: World, by_hand: Sequence[state.Entry] = ()) -> None:
    """Make the beginning when the state is fresh, then start every part's services in order.

    ``by_hand`` is done after that in a fresh lab; until it is, the state is not complete.
    """
    program = version.program()  # now: later the files may be others than those that run
    for name in COMMANDS:
        importlib.import_module(name)
    lab = world.collection("lab", "lab")
    fresh = "begun" not in lab
    if fresh:
        for name in BEGINNINGS:
            importlib.import_module(name).begin(world)
    machines.begin_network(world)
    started = _STARTED.setdefault(world, [])
    for name in SERVICES:
        importlib.import_module(name).start(world)
        started.append(name)
    if fresh:
        state.carry_out(world, list(by_hand))
        lab["begun"] = {
            "time": world.clock.now().isoformat(),
            "topology": world.topology.get("name", ""),
            "machines": world.topology["machines"],
            "program": program,
        }


def stop(world: World) -> None:
    """End the services of every part that started, last first. The state stays."""
    for name in reversed(_STARTED.pop(world, [])):
        importlib.import_module(name).stop(world)


def begun(directory: Path) -> dict[str, Any] | None:
    """What the state in a directory was begun with ("machines", "topology", "time", "program"); None when it is not
    complete."""
    store = Store(directory / "state.sqlite")
    try:
        return store.read("lab", "lab", "begun")
    finally:
        store.close()


def _roles(topology: dict[str, Any]) -> dict[str, set[str]]:
    sql, spf = topology.get("sql") or {}, topology.get("spf") or {}
    tiers = (topology.get("portal") or {}).get("tiers", [])
    share = sql.get("backup_share", "")
    return {
        "sql": {replica.machine.lower() for replica in replicas(topology)},
        "spf": {_name(server) for server in spf.get("servers", [])},
        "portal": {_name(node) for tier in tiers for node in tier.get("nodes", [])},
        "file": {share.strip("\\").split("\\")[0].lower()} if share else set(),
    }


def _name(entry: Any) -> str:
    """A machine is named by text, or by a mapping with the key ``machine`` where it has more to say."""
    return str(entry["machine"] if isinstance(entry, dict) else entry).lower()
