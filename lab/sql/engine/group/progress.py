"""Time passing in availability groups: copies catch up, a lost primary is replaced.

Everything is worked out from the documents and the clock when they are read (``advance``), so the state is the same
after a restart of the process. Durations are the lab's estimates; the states and their order are documented
(sys.dm_hadr_database_replica_states). Unproven: that a restart of the primary's service alone fails the group over.

A cluster fails a group over only so often: "maximum failures in the specified period", unless changed one less than
there are nodes, in six hours; then the group stays failed until an administrator brings it online or fails it over
(SQL Server documentation: "Flexible Failover Policy for Automatic Failover of an Availability Group"; Microsoft,
psssql: "Maximum Failovers Within Specified Period"). Unproven: that the loss of a whole node is no failure of the
group.
"""

from __future__ import annotations

from lab.sql.engine.engine import engine_of
from lab.sql.engine.files import HARDENED, files_of
from lab.sql.engine.group.connection import talks_to_primary
from lab.sql.engine.group.quorum import has_quorum, members, node_is_up, regroup
from lab.sql.engine.group.state import ONLINE_SECONDS, Group, available, groups
from lab.sql.engine.instance import instances
from lab.sql.engine.storage.file import DatabaseFile, Record
from lab.sql.installation import installed
from lab.world import Machine, World

INITIALIZING_SECONDS = 1.0
SYNCHRONIZING_SECONDS = 2.0
SENDING_SECONDS = 1.0
"""From a commit until a replica with asynchronous commit has it."""
DETECTION_SECONDS = 5.0
"""From the loss of a primary until the cluster starts its partner."""
FAILURE_PERIOD_HOURS = 6
"""The period in which failures of a group are counted (``FailoverPeriod`` of a new cluster group)."""
_LONGEST_SECONDS = max(INITIALIZING_SECONDS, SYNCHRONIZING_SECONDS, SENDING_SECONDS, DETECTION_SECONDS, ONLINE_SECONDS)
_MARGIN_SECONDS = 0.5
"""Of the real world: several looks of the watcher."""


def advance(world: World) -> None:
    """Let every group become what time has made of it. Harmless at any moment, and nothing while nothing changes: what
    happens to a group begins with a change of a document and ends within the longest of the durations."""
    engine = engine_of(world)
    with engine.lock:
        if engine.quiet.holds(_LONGEST_SECONDS * world.clock.pace + _MARGIN_SECONDS, world.network.version):
            return
        with engine.quiet.look():
            _look(world)


def _look(world: World) -> None:
    regroup(world)
    for group in groups(world):
        _watch_primary(world, group)
        if group.online:
            for replica in group.secondaries():
                reached = talks_to_primary(group, replica)
                for database in list(group.of("database")):
                    if reached and (group.link(replica, database) or {}).get("pending"):
                        group.set_link(replica, database, pending=False)
                    _catch_up(world, group, replica, database, reached=reached)
        _notify(world, group)


def _notify(world: World, group: Group) -> None:
    engine = engine_of(world)
    primary = group.primary
    now = primary if group.online else None
    known = group.document.get("announced", "")
    if known == (now or ""):
        return
    group.change(announced=now or "")
    machine = group.machine(now) if now else None
    for callback in list(engine.primary_callbacks):
        callback(group.name, machine)


def _watch_primary(world: World, group: Group) -> None:
    document = group.document
    primary = document["primary"]
    if group.failed or not has_quorum(world):
        return
    if primary is not None and available(world, group.machine(primary)):
        if document.get("down_since"):
            group.change(down_since=None)
        return
    if not document.get("down_since"):
        group.change(down_since=world.clock.now().isoformat())
        document = group.document
    if world.clock.elapsed(document["down_since"]) < DETECTION_SECONDS:
        return
    for name in group.joined_names():
        if name != primary and can_take_over(world, group, name, primary):
            if primary is not None and node_is_up(group.machine(primary)) and not _may_fail_again(world, group):
                group.change(failed=True)
                return
            become_primary(world, group, name)
            return


def failure_limit(world: World, group: Group) -> int:
    """How many failures of a group its cluster answers with a failover in the period."""
    nodes = sum(member.kind == 0 for member in members(world))
    return int(group.document.get("failover_threshold", max(nodes - 1, 1)))


def _may_fail_again(world: World, group: Group) -> bool:
    """Whether one more failure is within the limit; it is counted."""
    period = float(group.document.get("failover_period", FAILURE_PERIOD_HOURS)) * 3600
    recent = [moment for moment in group.document.get("failures", []) if world.clock.elapsed(moment) < period]
    if len(recent) >= failure_limit(world, group):
        return False
    group.change(failures=[*recent, world.clock.now().isoformat()])
    return True


def can_take_over(world: World, group: Group, name: str, primary: str | None) -> bool:
    """Automatic failover: both replicas synchronous and automatic, the target up, all its databases synchronised."""
    replicas = group.of("replica")
    for one in [name] + ([primary] if primary and primary in replicas else []):
        replica = replicas[one]
        if replica["failover_mode"] != "AUTOMATIC" or replica["availability_mode"] != "SYNCHRONOUS_COMMIT":
            return False
    return available(world, group.machine(name)) and not unready(group, name)


def unready(group: Group, replica: str) -> list[str]:
    """The databases that keep a replica from taking over without loss."""
    found = []
    for database in group.of("database"):
        link = group.link(replica, database)
        if link is None or not link["joined"] or link["suspended"] or link["phase"] != "SYNCHRONIZED":
            found.append(database)
    return found


def become_primary(world: World, group: Group, name: str, *, forced: bool = False) -> None:
    """Change the roles. Sessions in the group's databases on the old primary end.

    A forced one suspends every other copy, that of the former primary included, which learns of it when it is back
    ("Perform a Forced Manual Failover of an Availability Group"); and the new primary begins a history of its own.
    """
    engine = engine_of(world)
    with engine.lock:
        old = group.primary
        now = world.clock.now().isoformat()
        true_name = next(one for one in group.replica_names() if one.lower() == name.lower())
        group.change(primary=true_name, role_since=now, down_since=None, failed=None)
        for database in group.of("database"):
            group.drop_link(true_name, database)
            file = _file(group, true_name, database)
            if forced and file is not None:
                file.fork_off()
            for other in group.joined_names():
                if other.lower() == true_name.lower():
                    continue
                link = group.link(other, database)
                was_primary = old is not None and other.lower() == old.lower()
                if was_primary or (link is not None and link["joined"]):
                    suspended = "SUSPEND_FROM_PARTNER" if forced else (link or {}).get("suspended")
                    group.set_link(
                        other, database, joined=True, phase="NOT SYNCHRONIZING", since=None, suspended=suspended,
                        sending=None, by_primary=False, pending=forced and not available(world, group.machine(other)),
                    )  # fmt: skip
            _log_role(group.machine(true_name), database, "SECONDARY", "PRIMARY")
        if old is not None:
            _end_sessions(world, group.machine(old), group)


def _log_role(machine: Machine, database: str, before: str, after: str) -> None:
    installation = installed(machine)
    assert installation is not None, "a replica is an instance"
    machine.world.log_event(
        machine, "Application", installation.service, 1480, "Information",
        f'The availability group database "{database}" is changing roles from "{before}" to "{after}" because the '
        "mirroring session or availability group failed over due to role synchronization.",
    )  # fmt: skip


def _end_sessions(world: World, machine: Machine, group: Group) -> None:
    instance = instances(world).get(machine.name.lower())
    if instance is None:
        return
    names = {name.lower() for name in group.of("database")}
    for session in list(instance.sessions.values()):
        if session.database.lower() in names or session.writes_to(names):
            session.close()


def _file(group: Group, replica: str, database: str) -> DatabaseFile | None:
    return files_of(group.world, group.machine(replica)).by_name(database)


def _catch_up(world: World, group: Group, replica: str, database: str, *, reached: bool) -> None:
    link = group.link(replica, database)
    if link is None or not link["joined"]:
        return
    if link["suspended"] or not reached:
        if link["phase"] != "NOT SYNCHRONIZING":
            group.set_link(replica, database, phase="NOT SYNCHRONIZING", since=None)
        return
    clock = world.clock
    phase, since = link["phase"], link["since"]
    if phase == "NOT SYNCHRONIZING":
        phase, since = "INITIALIZING", clock.now().isoformat()
        group.set_link(replica, database, phase=phase, since=since, sending=None)
    if phase == "INITIALIZING" and clock.elapsed(since) >= INITIALIZING_SECONDS:
        if not copy_log(world, group, replica, database):
            return
        phase, since = "SYNCHRONIZING", clock.now().isoformat()
        group.set_link(replica, database, phase=phase, since=since)
    synchronous = group.waits_for(replica)
    if phase == "SYNCHRONIZED" and not synchronous:
        # A replica with asynchronous commit is never synchronised (SQL Server documentation, "Availability Modes").
        phase = "SYNCHRONIZING"
        group.set_link(replica, database, phase=phase, since=clock.now().isoformat())
    if phase == "SYNCHRONIZING" and not synchronous:
        _send(world, group, replica, database)
    elif phase == "SYNCHRONIZING":
        copy_log(world, group, replica, database)
        if clock.elapsed(since) >= SYNCHRONIZING_SECONDS:
            group.set_link(replica, database, phase="SYNCHRONIZED", since=clock.now().isoformat())


def _send(world: World, group: Group, replica: str, database: str) -> None:
    """What was committed a while ago reaches a replica that no commit waits for; what was committed since, later.

    ``sending`` of the link is what is on its way: up to which LSN, and since when.
    """
    source, target = _file(group, str(group.primary), database), _file(group, replica, database)
    if source is None or target is None:
        return
    sending = (group.link(replica, database) or {}).get("sending")
    if sending and world.clock.elapsed(sending["since"]) >= SENDING_SECONDS:
        copy_log(world, group, replica, database, until=sending["lsn"])
        group.set_link(replica, database, sending=None)
        sending = None
    if not sending and (source.lsn != target.lsn or source.fork != target.fork):
        group.set_link(replica, database, sending={"lsn": source.lsn, "since": world.clock.now().isoformat()})


def copy_log(world: World, group: Group, replica: str, database: str, *, until: int | None = None) -> bool:
    """Bring a copy up to the primary, or to an LSN. False when the log it lacks is gone from the primary."""
    source, target = _file(group, str(group.primary), database), _file(group, replica, database)
    if source is None or target is None:
        return False
    if target.fork != source.fork or target.lsn > source.lsn:
        target.load(source.snapshot())  # undo of what the other side never had, then its history
        return True
    if target.lsn < source.log_start:
        return False
    target.apply(source.records(target.lsn, until))
    return True


def unsent(group: Group, replica: str, database: str) -> int | None:
    """Bytes of the primary's log that a copy does not have; None when that cannot be told."""
    source, target = _file(group, str(group.primary), database), _file(group, replica, database)
    if source is None or target is None or source.fork != target.fork:
        return None
    return sum(len(str(record)) for record in source.records(target.lsn))


def ship(world: World, group_name: str, database: str, records: list[Record]) -> None:
    """After a commit on the primary: synchronised copies have it before the client hears of the commit."""
    group = Group(world, group_name)
    for replica in group.secondaries():
        link = group.link(replica, database)
        if link is None or link["phase"] not in ("SYNCHRONIZED", "SYNCHRONIZING") or link["suspended"]:
            continue
        if not talks_to_primary(group, replica):
            group.set_link(replica, database, phase="NOT SYNCHRONIZING", since=None)
            continue
        target = _file(group, replica, database)
        if target is not None and link["phase"] == "SYNCHRONIZED":
            copy_log(world, group, replica, database)
        elif not group.waits_for(replica):
            _send(world, group, replica, database)


HARDENED.append(ship)
