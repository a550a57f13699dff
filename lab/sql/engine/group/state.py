"""The documents of availability groups, and what role each replica plays now.

Owner ``ag:<name>``: kind ``group`` holds one document; kinds ``replica``,
``database`` and ``listener`` one by name; kind
``link`` one for each secondary's copy of a database: whether it joined, how far it is synchronised, why it is
suspended (``by_primary``: because the primary's database is; ``pending``: it was away when that happened), and one for
a primary's database that is suspended.
A replica's name is its server's: ``SQL1``, or ``SQL2\\WAP`` for a named instance.
"""

from __future__ import annotations

from typing import Any

from lab.sql.engine.engine import engine_of
from lab.sql.engine.group.quorum import has_quorum, node_is_up
from lab.sql.installation import installed
from lab.world import Collection, Document, Machine, World

ONLINE_SECONDS = 3.0
"""Modelled time from the change of role until the databases answer (the lab's estimate)."""


class Group:
    """One availability group, by name."""

    def __init__(self, world: World, name: str) -> None:
        self.world, self.name = world, name

    def of(self, kind: str) -> Collection:
        return self.world.collection(f"ag:{self.name}", kind)

    @property
    def document(self) -> Document:
        """To be read: ``change`` alters it. Raises KeyError for a group that is gone."""
        found = self.of("group").peek("group")
        if found is None:
            raise KeyError(self.name)
        return found

    def change(self, **values: Any) -> None:
        self.of("group").change("group", **values)

    @property
    def primary(self) -> str | None:
        name: str | None = self.document["primary"]
        return name

    def replica_names(self) -> list[str]:
        return list(self.of("replica"))

    def joined_names(self) -> list[str]:
        return [name for name, replica in self.of("replica").peek_all() if replica["joined"]]

    def secondaries(self) -> list[str]:
        primary = (self.primary or "").lower()
        return [name for name in self.joined_names() if name.lower() != primary]

    def machine(self, replica: str) -> Machine:
        """The machine of a replica. Raises KeyError for one that the lab does not have."""
        return self.world.machine(replica.partition("\\")[0])

    @property
    def primary_machine(self) -> Machine | None:
        return self.machine(self.primary) if self.primary else None

    def link(self, replica: str, database: str) -> Document | None:
        return self.of("link").peek(f"{replica}/{database}")

    def synchronous(self, replica: str) -> bool:
        return bool(self.of("replica")[replica]["availability_mode"] == "SYNCHRONOUS_COMMIT")

    def waits_for(self, replica: str) -> bool:
        """Whether commits wait for a secondary: both it and the primary must be synchronous ("Availability Modes")."""
        return self.synchronous(replica) and (self.primary is None or self.synchronous(self.primary))

    def set_link(self, replica: str, database: str, **values: Any) -> None:
        links = self.of("link")
        key = f"{replica}/{database}"
        kept = links.get(key) or {"joined": False, "phase": "NOT SYNCHRONIZING", "suspended": None, "since": None}
        flags = ("by_primary", "pending")
        links[key] = {name: value for name, value in {**kept, **values}.items() if value or name not in flags}

    def drop_link(self, replica: str, database: str) -> None:
        self.of("link").pop(f"{replica}/{database}", None)

    @property
    def failed(self) -> bool:
        """Whether it failed more often than its cluster fails it over; an administrator brings it back."""
        return bool(self.document.get("failed"))

    @property
    def online(self) -> bool:
        """Is there a primary whose databases answer?"""
        primary = self.primary_machine
        if primary is None or not available(self.world, primary) or self.failed:
            return False
        since = self.document.get("role_since")
        return since is None or self.world.clock.elapsed(since) >= ONLINE_SECONDS

    def role(self, machine: Machine) -> str:
        """PRIMARY, SECONDARY or RESOLVING of a replica's machine."""
        primary = self.primary_machine
        if primary is None or not available(self.world, machine):
            return "RESOLVING"
        if self.failed and primary == machine:
            return "RESOLVING"
        if primary == machine:
            return "PRIMARY" if self.online else "RESOLVING"
        return "SECONDARY" if available(self.world, primary) else "RESOLVING"


def names(world: World) -> list[str]:
    return list(world.collection("lab", "availability-group"))


def groups(world: World) -> list[Group]:
    return [Group(world, name) for name in names(world)]


def find_group(world: World, name: str) -> Group | None:
    known = world.collection("lab", "availability-group")
    return Group(world, str(known[name]["name"])) if name in known else None


def connected(machine: Machine) -> bool:
    """Is the machine up with its network cable in?"""
    state = machine.collection("power").peek("state") or {"running": True}
    return bool(state["running"]) and not state.get("disconnected", False)


def available(world: World, machine: Machine) -> bool:
    """Does an instance run there that the cluster can see, with AlwaysOn enabled? None does without quorum."""
    with engine_of(world).lock:  # a state read before the lock could be that of before a restart
        return world.memo.get(("available", machine.name), lambda: _available(world, machine))


def _available(world: World, machine: Machine) -> bool:
    installation = installed(machine)
    state = installation.document if installation else {}
    runs = bool(state.get("running")) and bool(state.get("hadr", True))
    return runs and connected(machine) and node_is_up(machine) and has_quorum(world)


def role_of(machine: Machine, document: Document) -> str | None:
    """The role of a machine's instance for one of its databases; None for one of no group (or not joined yet)."""
    if not document.get("group"):
        return None
    group = find_group(machine.world, document["group"])
    return group.role(machine) if group else None
