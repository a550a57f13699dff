"""The door of an instance, through which logins come in and become sessions."""

from __future__ import annotations

import itertools

from lab.sql.api import SqlError
from lab.sql.engine.accounts import find_sid, sid_bytes, tokens
from lab.sql.engine.client_session import ClientSession
from lab.sql.engine.engine import engine_of
from lab.sql.engine.errors import error
from lab.sql.engine.instance import Instance, instance_of
from lab.sql.engine.passwords import verify
from lab.sql.engine.principal import Principal
from lab.world import Document, Identity, Machine, World

FIRST_SPID = 51


class Door:
    """An instance as the wire sees it (``lab.sql.api.Instance``)."""

    def __init__(self, instance: Instance) -> None:
        self.instance = instance

    @property
    def version(self) -> tuple[int, int, int]:
        return self.instance.version

    def login(
        self, user: str, password: str, database: str = "", *, host: str = "", program: str = ""
    ) -> ClientSession:
        """SQL Server authentication. Raises SqlError 18456, 18470, 18486, 18488, 4060, 4064."""
        document = self.instance.space.get("login", user.lower())
        if not self.instance.mixed:
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
            self.instance.machine.collection("sql-login").change(document["name"], bad_passwords=0)
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

    def login_windows(self, identity: Identity, database: str = "", host: str = "", program: str = "") -> ClientSession:
        """Windows authentication of an identity that Windows has vouched for. Raises SqlError 18456, 4060, 4064."""
        world, machine = self.instance.world, self.instance.machine
        held = tokens(world, machine, identity)
        windows = [one for _, one in self.instance.space.items("login") if one["type"] != "S"]
        logins = [one for one in windows if bytes.fromhex(one["sid"]) in held]
        name = identity.user
        if not logins:
            raise self._refused(name, 11, "Login is valid but server access failed.")
        text = identity.sid if identity.sid.startswith("S-") else find_sid(world, machine, name) or "S-1-0-0"
        own = sid_bytes(text)
        if any(one["disabled"] and one["sid"] == own.hex() for one in logins):
            raise error(18470, name)
        mine = next((one["name"] for one in logins if one["sid"] == own.hex()), name)
        return self._open(Principal(mine, own, True, held), logins, name, database, host, program)

    def _open(
        self, principal: Principal, logins: list[Document], shown: str, database: str, host: str, program: str
    ) -> ClientSession:
        session = self._new_session(principal, host, program)
        try:
            if not principal.may(session.server, "CONNECT SQL"):
                raise self._refused(shown, 11, "Login lacks permission to connect.")  # noqa: TRY301
            wanted = database or self.instance.default_database(principal)
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
        self.instance.connections += 1
        return session

    def _count_failure(self, login: Document) -> None:
        now = self.instance.world.clock.now().replace(tzinfo=None).isoformat()
        count = int(login.get("bad_passwords", 0)) + 1
        self.instance.machine.collection("sql-login").change(login["name"], bad_passwords=count, bad_password_time=now)

    def _new_session(self, principal: Principal, host: str, program: str) -> ClientSession:
        with engine_of(self.instance.world).lock:
            spid = next(number for number in itertools.count(FIRST_SPID) if number not in self.instance.sessions)
            session = ClientSession(self.instance, principal, spid, host=host, program=program)
            self.instance.sessions[spid] = session
            return session

    def _refused(self, user: str, state: int, reason: str) -> SqlError:
        """The client sees state 1; the error log says why (documented for 18456)."""
        instance, why = self.instance, f"Login failed for user '{user}'. Reason: {reason}"
        instance.log("Logon", f"Error: 18456, Severity: 14, State: {state}.")
        instance.log("Logon", why)
        service = instance.installation.service
        instance.world.log_event(instance.machine, "Application", service, 18456, "Information", why)
        return error(18456, user)


def door_of(world: World, machine: Machine) -> Door | None:
    """The door of a machine's instance; None while none runs."""
    instance = instance_of(world, machine)
    return Door(instance) if instance is not None else None
