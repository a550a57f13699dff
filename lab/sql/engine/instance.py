"""One SQL Server service: its files, sessions and the door through which logins come in."""

from __future__ import annotations

import itertools
import threading
from datetime import datetime, timedelta

from lab.sql.api import SqlError
from lab.sql.engine.accounts import tokens
from lab.sql.engine.database import Database
from lab.sql.engine.engine import engine_of
from lab.sql.engine.errors import error
from lab.sql.engine.files import files_of
from lab.sql.engine.group.progress import advance
from lab.sql.engine.group.state import find_group, groups
from lab.sql.engine.passwords import verify
from lab.sql.engine.principal import Principal
from lab.sql.engine.session import Session
from lab.sql.engine.storage.file import DatabaseFile
from lab.sql.engine.storage.space import ServerSpace
from lab.sql.installation import Installation, installed, server_name
from lab.world import Document, Identity, Machine, World

START_SECONDS, STOP_SECONDS = 8.0, 3.0
"""Modelled time of the service's start (recovery of all databases) and stop: the lab's estimates."""
FIRST_SPID = 51


class Instance:
    """A running SQL Server of one machine (see ``lab.sql.api.Instance``)."""

    def __init__(self, world: World, machine: Machine, *, mixed: bool, started: datetime) -> None:
        self.world, self.machine, self.mixed, self.started = world, machine, mixed, started
        self.space = ServerSpace(machine)
        self.sessions: dict[int, Session] = {}
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

    # -- logging on

    def login(self, user: str, password: str, database: str = "", *, host: str = "", program: str = "") -> Session:
        """SQL Server authentication. Raises SqlError 18456, 18470, 18486, 18488, 4060, 4064."""
        document = self.space.get("login", user.lower())
        if not self.mixed:
            raise self._refused(
                user,
                58,
                "An attempt to login using SQL authentication failed. "
                "Server is configured for Windows authentication only.",
            )
        if document is None or document["type"] != "S":
            raise self._refused(user, 5, "Could not find a login matching the name provided.")
        if not verify(password, bytes.fromhex(document["hash"])):
            self._count_failure(document)
            raise self._refused(user, 8, "Password did not match that for the login provided.")
        if document.get("bad_passwords"):
            self.machine.collection("sql-login").change(document["name"], bad_passwords=0)
        if document["disabled"]:
            self._refused(user, 7, "The account is disabled.")
            raise error(18470, user)
        if document["locked"]:
            raise error(18486, user)
        if document["must_change"]:
            raise error(18488, user)
        sid = bytes.fromhex(document["sid"])
        principal = Principal(document["name"], sid, False, frozenset({sid}))
        return self._open(principal, [document], user, database, host, program)

    def login_windows(self, identity: Identity, database: str = "", host: str = "", program: str = "") -> Session:
        """Windows authentication of an identity that Windows has vouched for. Raises SqlError 18456, 4060, 4064."""
        held = tokens(self.world, self.machine, identity)
        logins = [
            one for _, one in self.space.items("login") if one["type"] != "S" and bytes.fromhex(one["sid"]) in held
        ]
        name = identity.user
        if not logins:
            raise self._refused(name, 11, "Login is valid but server access failed.")
        from lab.sql.engine.accounts import find_sid, sid_bytes

        text = identity.sid if identity.sid.startswith("S-") else find_sid(self.world, self.machine, name) or "S-1-0-0"
        own = sid_bytes(text)
        if any(one["disabled"] and one["sid"] == own.hex() for one in logins):
            raise error(18470, name)
        mine = next((one["name"] for one in logins if one["sid"] == own.hex()), name)
        return self._open(Principal(mine, own, True, held), logins, name, database, host, program)

    def _open(
        self, principal: Principal, logins: list[Document], shown: str, database: str, host: str, program: str
    ) -> Session:
        session = self._new_session(principal, host, program)
        try:
            if not principal.may(session.server, "CONNECT SQL"):
                raise self._refused(shown, 11, "Login lacks permission to connect.")  # noqa: TRY301
            wanted = database or self.default_database(principal)
            try:
                session.use(wanted)
            except SqlError as failure:
                self._refused(shown, 38 if database else 40, f"Failed to open the database '{wanted}'.")
                if failure.number == 976:  # of a group's database on a secondary the client is told that
                    raise
                raise (error(4060, wanted) if database else error(4064)) from failure
        except BaseException:
            session.close()
            raise
        self.connections += 1
        return session

    def _count_failure(self, login: Document) -> None:
        now = self.world.clock.now().replace(tzinfo=None).isoformat()
        count = int(login.get("bad_passwords", 0)) + 1
        self.machine.collection("sql-login").change(login["name"], bad_passwords=count, bad_password_time=now)

    def default_database(self, principal: Principal) -> str:
        document = self.space.get("login", principal.name.lower())
        return str(document["default_database"]) if document else "master"

    def _new_session(self, principal: Principal, host: str, program: str) -> Session:
        with engine_of(self.world).lock:
            spid = next(number for number in itertools.count(FIRST_SPID) if number not in self.sessions)
            session = Session(self, principal, spid, host=host, program=program)
            self.sessions[spid] = session
            return session

    def _refused(self, user: str, state: int, reason: str) -> SqlError:
        """The client sees state 1; the error log says why (documented for 18456)."""
        self.log("Logon", f"Error: 18456, Severity: 14, State: {state}.")
        self.log("Logon", f"Login failed for user '{user}'. Reason: {reason}")
        self.world.log_event(self.machine, "Application", self.installation.service, 18456, "Information",
                             f"Login failed for user '{user}'. Reason: {reason}")  # fmt: skip
        return error(18456, user)

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

    def find(self, session: Session, name: str) -> Database | None:
        return session.find_database(name)


def instance_of(world: World, machine: Machine) -> Instance | None:
    """The instance of a machine, or None while its service or the machine is stopped, or there is none."""
    engine = engine_of(world)
    with engine.lock:  # a state read before the lock could be that of before a restart
        installation = installed(machine)
        state = installation.document if installation else {}
        if not state.get("running") or not (machine.collection("power").get("state") or {"running": True})["running"]:
            return None
        if machine.name.lower() not in engine.instances:
            started = datetime.fromisoformat(state["started"])
            engine.instances[machine.name.lower()] = Instance(world, machine, mixed=state["mixed"], started=started)
        return engine.instances[machine.name.lower()]


def start_instance(world: World, machine: Machine) -> None:
    """The service starts: modelled time for recovery, then databases of the group resynchronise. Harmless twice."""
    installation = installed(machine)
    if installation is None or installation.document["running"]:
        return
    world.clock.sleep(START_SECONDS)
    registry = machine.collection("registry").get(installation.settings_key) or {"values": {}}
    values = {name.lower(): value for name, value in registry["values"].items()}
    mode = int((values.get("loginmode") or {"data": 1})["data"])
    hadr = installation.hadr_configured
    now = world.clock.now()
    with engine_of(world).lock:
        _fresh_tempdb(world, machine)
        _suspended_before(world, machine)
        port = installation.configured_port
        installation.change(running=True, mixed=mode == 2, hadr=hadr, started=now.isoformat(), port=port)
        instance = instance_of(world, machine)
        if instance is not None:
            authentication = "MIXED" if mode == 2 else "WINDOWS-ONLY"
            instance.log("Server", installation.title)
            instance.log("Server", f"Authentication mode is {authentication}.")
    advance(world)


def _suspended_before(world: World, machine: Machine) -> None:
    """A copy that was suspended when the service ended shows that for its reason (SUSPEND_FROM_RESTART)."""
    own = server_name(machine)
    for group in groups(world):
        if own.lower() == (group.primary or "").lower():
            continue
        for database in group.of("database"):
            link = group.link(own, database) or {}
            if link.get("suspended") and not link.get("pending") and not link.get("by_primary"):
                group.set_link(own, database, suspended="SUSPEND_FROM_RESTART")


def _fresh_tempdb(world: World, machine: Machine) -> None:
    file = files_of(world, machine).by_name("tempdb")
    model = files_of(world, machine).by_name("model")
    if file is not None and model is not None:
        snapshot = model.snapshot()
        snapshot["entries"] = {
            **snapshot["entries"],
            "option": {"database": {**snapshot["entries"]["option"]["database"], "recovery": "SIMPLE"}},
        }
        file.load({**snapshot, "family": file.family, "fork": file.fork})


def stop_instance(world: World, machine: Machine) -> None:
    """The service stops: its sessions end at once, open transactions are rolled back. Harmless twice."""
    installation = installed(machine)
    if installation is None or not installation.document["running"]:
        return
    engine = engine_of(world)
    with engine.lock:
        instance = engine.instances.pop(machine.name.lower(), None)
        installation.change(running=False)
        for session in list(instance.sessions.values()) if instance else []:
            session.close()
    advance(world)
    world.clock.sleep(STOP_SECONDS)
    advance(world)
