"""Where the farm's databases are while not all of them are in the availability group.

Until then a failover moves the listener and leaves databases behind. A client of the listener finds a
server without them, and the portal's configuration makes a second set there. So every replica is asked. Once all
databases are in the group they are where the primary is, and nobody is asked.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from components.sql import group as groups
from components.sql.group import Group
from components.sql.replicas import OnReplicas, query_each
from components.steps import load_script
from remote.errors import MachineError
from remote.names import folded
from remote.session import Remote
from remote.sql import Row


@dataclass(frozen=True)
class Outside:
    """A database of the farm on one server, in no group: open, or at least no copy that waits for a restore."""

    machine: str
    """By its name in the topology."""
    database: str
    """In the spelling of the topology."""
    age_seconds: float
    """Since the database was created or restored, by that server's own clock."""


@dataclass(frozen=True)
class Whereabouts:
    """The group, and the farm's databases that are not in it."""

    group: Group
    """With the databases that are in it."""
    outside: tuple[Outside, ...] = ()
    """Empty once every database of the farm is in the group: then no replica is asked."""
    unreachable: tuple[str, ...] = ()
    """Replicas that do not answer while databases are missing. They may have them."""

    @property
    def machines(self) -> tuple[str, ...]:
        """The servers with databases outside the group, the one with the oldest first."""
        oldest = sorted(self.outside, key=lambda one: -one.age_seconds)
        return tuple(dict.fromkeys(one.machine for one in oldest))

    @property
    def holder(self) -> str:
        """Where the primary has to be; empty where no database is outside the group."""
        return next(iter(self.machines), "")

    def on(self, machine: str) -> tuple[str, ...]:
        return tuple(one.database for one in self.outside if one.machine == machine)

    def has(self, database: str) -> bool:
        """Whether a client of the listener finds a database."""
        return bool(self.group.of(database)) or database in self.on(self.group.primary)

    @property
    def astray(self) -> str:
        """What is wrong, in a clause; empty while everything is where the primary is."""
        if len(self.machines) > 1:
            return "; ".join(f"{machine} has {', '.join(self.on(machine))}" for machine in self.machines)
        if self.holder and self.holder != self.group.primary:
            where = f"the primary of {self.group.name} is {self.group.primary or 'nowhere'}"
            return f"{', '.join(self.on(self.holder))} {_is(self.on(self.holder))} on {self.holder}, but {where}"
        return ""


def observe(
    remote: Remote, inputs: OnReplicas, machines: Sequence[str], group: str, databases: Sequence[str], attempted: str
) -> Whereabouts:
    """Look for the farm's databases. Raises as ``groups.observe`` and ``replicas.query_each`` do."""
    found = groups.observe(remote, machines, group)
    wanted = {folded(database): database for database in databases if not found.of(database)}
    if not wanted:
        return Whereabouts(found)

    def outside(machine: str) -> list[Outside]:
        rows = remote.sql(machine).rows(load_script("sql/read_databases_outside.sql"), attempted=attempted)
        known = ((wanted.get(folded(row["name"])), row) for row in rows)
        return [Outside(machine, database, _age_seconds(row)) for database, row in known if database]

    answers = query_each(inputs, machines, outside)
    return Whereabouts(found, tuple(one for given in answers.given.values() for one in given), answers.unreachable)


def refuse_two_sets(stores: Whereabouts, attempted: str) -> None:
    """Raises ``MachineError`` where more than one server has databases of the farm outside the group."""
    if len(stores.machines) < 2:
        return
    first, *others = stores.machines
    dropped = " and ".join(f"{', '.join(stores.on(machine))} on {machine}" for machine in others)
    raise MachineError(
        first,
        attempted,
        f"the farm's databases, which are not in {stores.group.name} yet, are on several servers: {stores.astray}",
        f"Those on {first} were made first: the portal works with them, unless another installation left them there. "
        f"Check whether the others hold data that is needed; drop {dropped}, then run `pulumi up` again. Where a "
        "site answers 500 after that, uninstall the portal's software on its server and run `pulumi up` once more: the "
        "site was configured against what is dropped now.",
    )


def to_bring_back(stores: Whereabouts) -> str:
    """What the operator does so that the primary is where the databases are."""
    group, holder = stores.group.name, stores.holder
    quoted = group.replace("]", "]]")
    return (
        f"Fail {group} over to {holder}: on {holder}, run ALTER AVAILABILITY GROUP [{quoted}] FAILOVER (`pulumi up` "
        "does it by itself, unless the topology has `primary_policy: never`). Then run `pulumi up` again."
    )


def _age_seconds(row: Row) -> float:
    return (datetime.fromisoformat(row["now"]) - datetime.fromisoformat(row["made"])).total_seconds()


def _is(names: Sequence[str]) -> str:
    return "is" if len(names) == 1 else "are"
