"""What the servers of a group carry beside it: other availability groups, and databases that are in no group.

A restart of SQL Server concerns all of these. Other groups may have replicas on servers that this program does not
know: it moves such a group only between servers that it knows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from components.sql import group as groups
from components.sql.group import Group
from components.sql.replicas import OnReplicas, query_each
from components.steps import load_script
from remote.session import Remote
from remote.sql import Row


@dataclass(frozen=True)
class Carried:
    """Beside one group."""

    others: tuple[Group, ...] = ()
    """Other groups of these servers; ``primary`` is empty where no server that was asked has that role."""
    roles: Mapping[tuple[str, str], str] = field(default_factory=dict)
    """(group, machine) → the machine's own role in it."""
    alone: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Machine → its user databases that are in no group."""

    def on(self, machine: str) -> tuple[Group, ...]:
        """The groups with a replica on a machine."""
        return tuple(one for one in self.others if (one.name, machine) in self.roles)

    def led_by(self, machine: str) -> tuple[Group, ...]:
        """The groups whose primary a machine has."""
        return tuple(one for one in self.others if one.primary == machine)

    def named(self, name: str) -> Group:
        return next((one for one in self.others if one.name == name), Group(name, "", (), ()))


NOTHING = Carried()


def observe(remote: Remote, inputs: OnReplicas, machines: Sequence[str], name: str) -> Carried:
    """Ask servers that answered a moment ago, with integrated security. ``name`` is the group that is left out. Raises
    as ``replicas.query_each`` does; a server that does not answer any more is missing in ``alone``."""
    attempted = "read which availability groups and databases it carries"

    def carried(machine: str) -> list[Row]:
        return remote.sql_integrated(machine).rows(load_script("sql/read_carried.sql"), name, attempted=attempted)

    given = query_each(inputs, machines, carried).given
    roles = {
        (row["name"], machine): row["role"] or ""
        for machine, rows in given.items()
        for row in rows
        if row["kind"] == "GROUP"
    }
    alone = {
        machine: tuple(sorted(row["name"] for row in rows if row["kind"] == "DATABASE"))
        for machine, rows in given.items()
    }
    names = sorted({group for group, _ in roles})
    others = tuple(groups.observe(remote, tuple(given), one, integrated=True) for one in names)
    return Carried(others, roles, alone)
