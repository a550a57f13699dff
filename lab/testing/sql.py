"""SQL Server of a lab in this process: sessions from a machine, the availability group's bad days, many logins."""

from __future__ import annotations

import itertools
import re
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from lab import identity
from lab.sql import engine
from lab.sql.api import Parameter, ResultSet, Session, SqlError
from lab.sql.engine.files import files_of
from lab.sql.engine.group.progress import DETECTION_SECONDS, advance, become_primary
from lab.sql.engine.group.quorum import force_quorum
from lab.sql.engine.group.state import ONLINE_SECONDS, Group, find_group
from lab.sql.engine.storage.space import ServerSpace, Space
from lab.sql.installation import installed
from lab.testing.handle import AnyLab, inside

__all__ = [
    "Session",
    "SqlError",
    "age_database",
    "connect",
    "copy_login",
    "copy_user",
    "create_group",
    "detect_failure",
    "error_log",
    "fail_over",
    "force_quorum",
    "query",
    "set_service_account",
    "suspend",
]


def connect(
    lab: AnyLab, machine: str, server: str, *, windows_user: str = "", login: str = "", password: str = ""
) -> Session:
    """A session of SqlClient on a machine: as a Windows account that is logged on there, or with a SQL login. Raises
    SqlError, with the number that the client gets."""
    world = inside(lab)
    source = world.machine(machine)
    if login:
        return engine.connect(world, source, server, user=login, password=password)
    return engine.connect(world, source, server, identity=identity.identity(world, source, windows_user))


_MARKER = re.compile(r"N?'(?:[^']|'')*'|\[[^\]]*\]|--[^\n]*|(\?)")


def query(session: Session, text: str, *values: str | int) -> list[dict[str, Any]]:
    """Run a batch with the values of its ``?`` markers, as ODBC sends it; the rows of all its results. Raises the first
    SqlError, as ODBC does."""
    numbers = itertools.count(1)
    named = _MARKER.sub(lambda found: f"@P{next(numbers)}" if found.group(1) else found.group(), text)
    parameters = tuple(
        Parameter(f"@P{number}", "int" if isinstance(value, int) else "nvarchar(4000)", value)
        for number, value in enumerate(values, 1)
    )
    rows: list[dict[str, Any]] = []
    failed: SqlError | None = None
    for event in session.execute(named, parameters):
        if isinstance(event, SqlError):
            failed = failed or event
        elif isinstance(event, ResultSet):
            names = [column.name for column in event.columns]
            rows += [dict(zip(names, row, strict=True)) for row in event.rows]
    if failed:
        raise failed
    return rows


def create_group(lab: AnyLab, name: str, servers: Sequence[str], *, database: str = "", user: str) -> None:
    """Another availability group, as an administrator makes it with T-SQL: synchronous replicas with manual failover,
    the first server is the primary. ``database`` is created there and copied to the others through a backup in
    ``\\\\FILE\\SQLAG``. ``user`` is a Windows account that administers every server. Raises SqlError."""
    world = inside(lab)

    def run(server: str, text: str) -> None:
        session = connect(world, server, server, windows_user=user)
        try:
            for event in session.execute(text):
                if isinstance(event, SqlError):
                    raise event
        finally:
            session.close()

    primary, *others = servers
    members = ", ".join(
        f"N'{server}' WITH (ENDPOINT_URL = N'TCP://{world.machine(server).fqdn}:5022', "
        "AVAILABILITY_MODE = SYNCHRONOUS_COMMIT, FAILOVER_MODE = MANUAL)"
        for server in servers
    )
    of = f"FOR DATABASE [{database}] " if database else "FOR "
    share = f"N'\\\\FILE\\SQLAG\\{database}"
    if database:
        run(primary, f"CREATE DATABASE [{database}]")
        run(primary, f"ALTER DATABASE [{database}] SET RECOVERY FULL")
        run(primary, f"BACKUP DATABASE [{database}] TO DISK = {share}.bak'")
    run(primary, f"CREATE AVAILABILITY GROUP [{name}] {of}REPLICA ON {members}")
    for other in others:
        run(other, f"ALTER AVAILABILITY GROUP [{name}] JOIN")
    if not database:
        return
    run(primary, f"BACKUP LOG [{database}] TO DISK = {share}.trn'")
    for other in others:
        run(other, f"RESTORE DATABASE [{database}] FROM DISK = {share}.bak' WITH NORECOVERY")
        run(other, f"RESTORE LOG [{database}] FROM DISK = {share}.trn' WITH NORECOVERY")
        run(other, f"ALTER DATABASE [{database}] SET HADR AVAILABILITY GROUP = [{name}]")


def detect_failure(lab: AnyLab) -> None:
    """Returns when a replica that cannot be reached has been noticed, and its partner has taken over if it may."""
    world = inside(lab)
    advance(world)
    world.clock.sleep(2 * DETECTION_SECONDS)
    advance(world)


def fail_over(lab: AnyLab, group: str) -> None:
    """The group fails over to its other replica, here and now, from within the lab. Raises KeyError without a group."""
    world = inside(lab)
    found = find_group(world, group)
    if found is None:
        raise KeyError(group)
    become_primary(world, found, next(name for name in found.replica_names() if name != found.primary))
    world.clock.sleep(2 * ONLINE_SECONDS)


def set_service_account(lab: AnyLab, machine: str, account: str) -> None:
    r"""The service of the machine's SQL Server has another account, written as an administrator writes it
    (``name@full.domain``, ``.\\name``, ``NT Service\\MSSQLSERVER``). Raises KeyError without SQL Server."""
    world = inside(lab)
    here = world.machine(machine)
    found = installed(here)
    if found is None:
        raise KeyError(machine)
    services = here.collection("service")
    kept = services.get(found.service) or {"name": found.service, "status": "Running"}
    services[found.service] = {**kept, "account": account}


def suspend(lab: AnyLab, group: str, replica: str, database: str, reason: str) -> None:
    """Data movement to a replica stops for a reason that nothing in the lab has, such as ``SUSPEND_FROM_REDO``."""
    world = inside(lab)
    Group(world, group).set_link(replica, database, suspended=reason)


def age_database(lab: AnyLab, machine: str, database: str, age_days: float) -> None:
    """A database, and every backup of it that its server remembers, is this old. Raises KeyError for an unknown
    one."""
    world = inside(lab)
    then = (world.clock.now() - timedelta(days=age_days)).replace(tzinfo=None).isoformat()
    here = world.machine(machine)
    here.collection("sql-database").change(database.lower(), created=then)
    space = ServerSpace(here)
    for key, backup in space.items("backupset"):
        if backup["database"].lower() == database.lower():
            here.collection("sql-backupset").change(key, start=then, finish=then)


def error_log(lab: AnyLab, machine: str) -> list[str]:
    """The error log of a machine's SQL Server, oldest first."""
    log = inside(lab).machine(machine).collection("sql-errorlog")
    return [str(entry["text"]) for _, entry in sorted(log.items())]


def copy_login(lab: AnyLab, machine: str, login: str, copies: Mapping[str, tuple[str, str]]) -> None:
    """Many logins at once, with the options and permissions of one: by name, the SID and the hash of the password, each
    in hexadecimal digits. Raises KeyError for an unknown login."""
    changed = {name: {"sid": sid, "hash": hashed} for name, (sid, hashed) in copies.items()}
    _copy(ServerSpace(inside(lab).machine(machine)), "login", login, changed)


def copy_user(lab: AnyLab, machine: str, database: str, user: str, copies: Mapping[str, str]) -> None:
    """The same for users of a database: by name, the SID. Raises KeyError for an unknown database or user."""
    world = inside(lab)
    space = files_of(world, world.machine(machine)).by_name(database)
    if space is None:
        raise KeyError(database)
    _copy(space, "user", user, {name: {"sid": sid} for name, sid in copies.items()})


def _copy(space: Space, kind: str, name: str, copies: Mapping[str, dict[str, str]]) -> None:
    first = space.get(kind, name)
    if first is None:
        raise KeyError(name)
    next_id = max(document["id"] for _, document in space.items(kind)) + 1000
    permissions = [(key, one) for key, one in space.items("permission") if one["grantee_id"] == first["id"]]
    documents: dict[tuple[str, str], dict[str, Any] | None] = {}
    for number, (copy, changed) in enumerate(copies.items(), next_id):
        documents[kind, copy] = {**first, "name": copy, "id": number, **changed}
        for key, one in permissions:
            documents["permission", f"{key} of {copy}"] = {**one, "grantee_id": number}
    space.commit(documents)
