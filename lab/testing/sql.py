"""SQL Server of a lab in this process: sessions from a machine, the availability group's bad days, many documents."""

from __future__ import annotations

from datetime import timedelta

from lab import identity
from lab.sql import engine
from lab.sql.api import Session, SqlError
from lab.sql.engine.files import files_of
from lab.sql.engine.group.progress import DETECTION_SECONDS, advance, become_primary
from lab.sql.engine.group.quorum import force_quorum
from lab.sql.engine.group.state import ONLINE_SECONDS, Group, find_group
from lab.sql.engine.storage.space import ServerSpace, Space
from lab.world import World

__all__ = [
    "Session",
    "Space",
    "SqlError",
    "age_database",
    "connect",
    "database_space",
    "detect_failure",
    "fail_over",
    "force_quorum",
    "server_space",
    "suspend",
]


def connect(
    world: World, machine: str, server: str, *, windows_user: str = "", login: str = "", password: str = ""
) -> Session:
    """A session of SqlClient on a machine: as a Windows account that is logged on there, or with a SQL login. Raises
    SqlError, with the number that the client gets."""
    source = world.machine(machine)
    if login:
        return engine.connect(world, source, server, user=login, password=password)
    return engine.connect(world, source, server, identity=identity.identity(world, source, windows_user))


def detect_failure(world: World) -> None:
    """Returns when a replica that cannot be reached has been noticed, and its partner has taken over if it may."""
    advance(world)
    world.clock.sleep(2 * DETECTION_SECONDS)
    advance(world)


def fail_over(world: World, group: str) -> None:
    """The group fails over to its other replica, here and now, from within the lab. Raises KeyError without a group."""
    found = find_group(world, group)
    if found is None:
        raise KeyError(group)
    become_primary(world, found, next(name for name in found.replica_names() if name != found.primary))
    world.clock.sleep(2 * ONLINE_SECONDS)


def suspend(world: World, group: str, replica: str, database: str, reason: str) -> None:
    """Data movement to a replica stops for a reason that nothing in the lab has, such as ``SUSPEND_FROM_REDO``."""
    Group(world, group).set_link(replica, database, suspended=reason)


def age_database(world: World, machine: str, database: str, days: float) -> None:
    """A database, and every backup of it that its server remembers, is so many days old. Raises KeyError for an unknown
    one."""
    then = (world.clock.now() - timedelta(days=days)).replace(tzinfo=None).isoformat()
    here = world.machine(machine)
    here.collection("sql-database").change(database.lower(), created=then)
    space = ServerSpace(here)
    for key, backup in space.items("backupset"):
        if backup["database"].lower() == database.lower():
            here.collection("sql-backupset").change(key, start=then, finish=then)


def server_space(world: World, machine: str) -> Space:
    """What belongs to an instance and not to a database, such as logins: documents by kind and key."""
    return ServerSpace(world.machine(machine))


def database_space(world: World, machine: str, database: str) -> Space:
    """What is in a database, such as users. Raises KeyError for an unknown one."""
    found = files_of(world, world.machine(machine)).by_name(database)
    if found is None:
        raise KeyError(database)
    return found
