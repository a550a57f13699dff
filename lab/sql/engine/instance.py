"""One SQL Server service that runs: its build, its files, its error log, who is connected."""

from __future__ import annotations

import threading
from datetime import datetime, timedelta
from typing import Protocol
from weakref import WeakKeyDictionary

from lab.sql.engine.engine import engine_of
from lab.sql.engine.files import files_of
from lab.sql.engine.group.state import find_group
from lab.sql.engine.principal import Principal
from lab.sql.engine.storage.file import DatabaseFile
from lab.sql.engine.storage.space import ServerSpace
from lab.sql.installation import Installation, installed, server_name
from lab.world import Document, Machine, World


class Connected(Protocol):
    """A session as its instance and the other sessions see it (``lab.sql.engine.session.Session``)."""

    spid: int
    host: str
    program: str
    database: str
    original: Principal
    """Who logged on."""
    running: bool
    """Whether a batch is under way."""

    @property
    def dead(self) -> bool: ...

    @property
    def command(self) -> tuple[str, float]: ...

    def writes_to(self, names: set[str]) -> bool: ...

    def close(self) -> None: ...


class Instance:
    """A running SQL Server of one machine. Logins come in through ``lab.sql.engine.logon``."""

    def __init__(self, world: World, machine: Machine, *, mixed: bool, started: datetime) -> None:
        self.world, self.machine, self.mixed, self.started = world, machine, mixed, started
        self.space = ServerSpace(machine)
        self.sessions: dict[int, Connected] = {}
        """By number (@@SPID)."""
        self.numbering = threading.Lock()
        self.chosen_numbers: dict[int, str] = {}
        """Database numbers that statements under way have chosen, with the lower-case name each is for."""
        self.connections = 0
        self.process_id = 1200 + len(machine.name)

    @property
    def installation(self) -> Installation:
        found = installed(self.machine)
        assert found is not None, "an instance that runs is installed"
        return found

    @property
    def version(self) -> tuple[int, int, int]:
        return self.installation.build

    @property
    def server_name(self) -> str:
        """What @@SERVERNAME gives, and what availability groups know it by."""
        return server_name(self.machine)

    @property
    def hadr(self) -> bool:
        """Whether AlwaysOn was enabled when it started."""
        return bool(self.installation.document.get("hadr", True))

    # -- files

    @property
    def mode(self) -> str:
        """The authentication mode it runs in: ``mixed`` or ``windows``."""
        return "mixed" if self.mixed else "windows"

    def file(self, document: Document) -> DatabaseFile:
        return files_of(self.world, self.machine).by_document(document)

    def forget(self, document: Document) -> None:
        """A database was dropped: its file goes."""
        with engine_of(self.world).lock:  # the log of a group is copied under this lock
            files_of(self.world, self.machine).drop(document)

    def truncate(self, document: Document, file: DatabaseFile, lsn: int) -> None:
        """Cut the log that a log backup holds, as far as every replica has it."""
        current = self.machine.collection("sql-database").get(document["name"].lower()) or document
        group = find_group(self.world, current["group"]) if current.get("group") else None
        if group is not None:
            for replica in group.secondaries():
                other = files_of(self.world, group.machine(replica)).by_name(document["name"])
                lsn = min(lsn, other.lsn) if other is not None else lsn
        file.cut_log(lsn)

    # -- what logins and sessions ask

    def default_database(self, principal: Principal) -> str:
        document = self.space.get("login", principal.name.lower())
        return str(document["default_database"]) if document else "master"

    def now(self) -> datetime:
        """What the machine's clock shows in its time zone, ``zone_minutes`` of the document ``power`` ahead of UTC:
        GETDATE, and the times of logins, databases and backups. Not modelled: the other times, which are UTC; summer
        time."""
        power = self.machine.collection("power").get("state") or {}
        return self.world.clock.now() + timedelta(minutes=power.get("zone_minutes", 0))

    def log(self, source: str, text: str) -> None:
        """Append to the error log."""
        with self.world.lock:
            log = self.machine.collection("sql-errorlog")
            log[f"{len(log) + 1:08d}"] = {"time": self.world.clock.now().isoformat(), "source": source, "text": text}


_INSTANCES: WeakKeyDictionary[World, dict[str, Instance]] = WeakKeyDictionary()


def instances(world: World) -> dict[str, Instance]:
    """The running ones by lower-case machine name. To be used under the engine's lock."""
    return _INSTANCES.setdefault(world, {})


def instance_of(world: World, machine: Machine) -> Instance | None:
    """The instance of a machine, or None while its service or the machine is stopped, or there is none."""
    with engine_of(world).lock:  # a state read before the lock could be that of before a restart
        installation = installed(machine)
        state = installation.document if installation else {}
        if not state.get("running") or not (machine.collection("power").get("state") or {"running": True})["running"]:
            return None
        running = instances(world)
        if machine.name.lower() not in running:
            started = datetime.fromisoformat(state["started"])
            running[machine.name.lower()] = Instance(world, machine, mixed=state["mixed"], started=started)
        return running[machine.name.lower()]
