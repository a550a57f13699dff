"""Hand-made states: what an administrator did by hand on the lab's machines before the program came.

A file is a list of entries, carried out in order, in a fresh lab after its beginning:

    - machine: Portal1
      powershell: |
        Install-WindowsFeature NLB
    - machine: SQL1
      sql: CREATE DATABASE [Shop]
      database: master

Each is run by the lab's own evaluators as the domain's account installer, logged on at the machine. Nothing is written
into the lab past them: a state that this cannot make is none that an administrator can have made.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import yaml

from lab import identity
from lab.client import LabError
from lab.world import Identity, Machine, World

_KEYS = {"machine", "powershell", "sql", "database"}


@dataclass(frozen=True)
class Entry:
    """One thing done by hand; ``at`` is its file and line."""

    at: str
    machine: str
    powershell: str = ""
    sql: str = ""
    database: str = "master"


def read(file: Path) -> list[Entry]:
    """The entries of a file. Raises LabError with file and line for what is no entry."""
    try:
        root = yaml.compose(file.read_text(encoding="utf-8"), Loader=yaml.SafeLoader)
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise LabError(f"{file}: {' '.join(str(error).split())}") from None
    if not isinstance(root, yaml.SequenceNode):
        raise LabError(f"{file}: is no list of entries {{machine, powershell or sql}} (docs/lab.md)")
    return [_entry(f"{file}:{node.start_mark.line + 1}", node) for node in root.value]


def _entry(at: str, node: yaml.Node) -> Entry:
    value = yaml.SafeLoader("").construct_object(node, deep=True)
    if not isinstance(value, dict) or not all(isinstance(text, str) for text in value.values()):
        raise LabError(f"{at}: an entry is a mapping of texts: machine, and powershell or sql")
    if unknown := sorted(set(value) - _KEYS, key=str):
        raise LabError(f"{at}: unknown key {unknown[0]}; possible are {', '.join(sorted(_KEYS))}")
    if "machine" not in value or ("powershell" in value) == ("sql" in value):
        raise LabError(f"{at}: give a machine, and either powershell or sql")
    if "database" in value and "sql" not in value:
        raise LabError(f"{at}: database goes with sql")
    return Entry(at, **value)


def carry_out(world: World, entries: list[Entry]) -> None:
    """Run the entries in order. Raises LabError at the first that fails; what ran before it has happened."""
    for entry in entries:
        try:
            machine = world.machine(entry.machine)
        except KeyError:
            known = ", ".join(one.name for one in world.machines.values())
            raise LabError(f"{entry.at}: there is no machine {entry.machine}; the lab has {known}") from None
        who = identity.identity(world, machine, f"{machine.netbios}\\installer")
        wrong = _powershell(machine, who, entry) if entry.powershell else _sql(machine, who, entry)
        if wrong:
            raise LabError(f"{entry.at}: on {machine.name}: {' '.join(wrong.split())}")


def _powershell(machine: Machine, who: Identity, entry: Entry) -> str:
    from lab.powershell.api import NotModelledError, Session
    from lab.powershell.runspace import Runspace

    try:
        result = Runspace(Session(machine, who, logon="interactive")).run(entry.powershell)
    except NotModelledError as error:
        return str(error)
    failed = [*result.errors, *([result.terminated] if result.terminated else [])]
    return failed[0].message if failed else ""


def _sql(machine: Machine, who: Identity, entry: Entry) -> str:
    from lab.sql import engine
    from lab.sql.api import SqlError

    try:
        session = engine.connect(machine.world, machine, machine.fqdn, database=entry.database, identity=who)
    except SqlError as error:
        return f"{error.message} ({error.number})"
    try:
        for event in session.execute(entry.sql):
            if isinstance(event, SqlError):
                return f"{event.message} ({event.number})"
    except SqlError as error:
        return f"{error.message} ({error.number})"
    finally:
        session.close()
    return ""
