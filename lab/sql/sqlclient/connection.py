"""SqlConnection: opening as whom, closing, and the state in between."""

from __future__ import annotations

import weakref
from typing import Any, ClassVar

from lab.powershell import api
from lab.powershell.api import DotNet, NotModelledError, PSObject, dotnet
from lab.sql import engine
from lab.sql.api import ResultSet, Session, SqlError
from lab.sql.sqlclient import enums, errors, strings
from lab.world import Identity, Machine

ANONYMOUS = Identity("NT AUTHORITY\\ANONYMOUS LOGON", "S-1-5-7")
_SYSTEM = {"nt authority\\system", "nt authority\\networkservice", "nt authority\\network service"}
_LOCAL = {"", ".", "(local)", "localhost", "127.0.0.1", "::1"}


def host_of(server: str) -> str:
    """The host in a Data Source: without protocol, port and instance."""
    host = server.strip()
    for prefix in ("tcp:", "np:", "lpc:", "admin:"):
        if host.lower().startswith(prefix):
            host = host[len(prefix) :]
    return host.split(",")[0].split("\\")[0].strip()


def is_local(machine: Machine, server: str) -> bool:
    """Whether a Data Source is the machine itself. A listener's name is not, even on the primary."""
    own = {machine.name.lower(), machine.fqdn, machine.address, machine.loopback}
    return host_of(server).lower() in _LOCAL | own


def identity_for(session: api.Session, server: str) -> Identity:
    """As whom integrated security arrives at a server.

    A network log-on has no credentials to pass on, so another machine sees nobody (the second hop); services without an
    account of their own are their machine's account in the domain.
    """
    if is_local(session.machine, server):
        return session.identity
    if session.logon == "network":
        return ANONYMOUS
    if session.identity.user.lower() in _SYSTEM:
        machine = session.machine
        return Identity(f"{machine.netbios}\\{machine.name.upper()}$", "")
    return session.identity


class Connection(PSObject):
    """A SqlConnection. ``reader`` is the open SqlDataReader: one at a time (no MARS)."""

    command: ClassVar[type[Any]]
    """What CreateCommand makes; ``lab.sql.sqlclient.command`` sets it."""

    def __init__(self, session: api.Session, text: str) -> None:
        self._session = session
        self.sql: Session | None = None
        self.reader: Any = None
        self._full_string = text
        self.machine = ""
        """The name of the server that answered (@@SERVERNAME), for the journal."""
        self._finalizer: weakref.finalize[[], Connection] | None = None

        def create_command() -> Any:
            return self.command(session, "", self)

        super().__init__(
            "System.Data.SqlClient.SqlConnection",
            {
                "ConnectionString": text,
                "ConnectionTimeout": 15,
                "Database": "",
                "DataSource": "",
                "ServerVersion": None,
                "State": enums.STATE.of(0),
                "WorkstationId": session.machine.name.upper(),
                "FireInfoMessageEventOnUserErrors": False,
            },
            {
                "Open": self.open,
                "Close": self.close,
                "Dispose": self.close,
                "CreateCommand": create_command,
                "ChangeDatabase": self.change_database,
                "BeginTransaction": _not_modelled("SqlConnection.BeginTransaction (use BEGIN TRANSACTION)"),
                "add_InfoMessage": _not_modelled("SqlConnection.add_InfoMessage"),
            },
            text="System.Data.SqlClient.SqlConnection",
        )
        if text:
            self._describe(text)

    def set(self, name: str, value: Any) -> None:
        if name.lower() not in {"connectionstring", "fireinfomessageeventonusererrors"}:
            raise errors.read_only(name)
        if name.lower() == "connectionstring":
            if self.sql is not None:
                message = (
                    "Not allowed to change the 'ConnectionString' property. The connection's current state is open."
                )
                raise errors.invalid_operation(message)
            value = str(value or "")
            self._describe(value)
        super().set(name, value)

    def _describe(self, text: str) -> None:
        found = strings.settings(text)
        self.properties.update(
            Database=found.database, DataSource=found.server, ConnectionTimeout=found.timeout_seconds
        )

    def open(self) -> None:
        """Raises SqlException (53, 18456, 4060 …) or InvalidOperationException."""
        if self.sql is not None:
            message = "The connection was not closed. The connection's current state is open."
            raise errors.invalid_operation(message)
        text = str(self.get("ConnectionString") or "")
        if not text:
            raise errors.invalid_operation("The ConnectionString property has not been initialized.")
        wanted = strings.settings(text)
        who: dict[str, Any] = {"user": wanted.user, "password": wanted.password}
        if wanted.integrated:
            who = {"identity": identity_for(self._session, wanted.server)}
        try:
            sql = engine.connect(
                self._session.machine.world,
                self._session.machine,
                wanted.server,
                database=wanted.database,
                program=wanted.program,
                **who,
            )
        except SqlError as error:
            raise errors.sql_exception([error], wanted.server) from error
        self.sql = sql
        self.machine = self._ask_name(sql)
        # A script that forgets Close must not keep the session for ever: .NET's finalizer ends it too.
        self._finalizer = weakref.finalize(self, sql.close)
        self.properties.update(
            State=enums.STATE.of(1),
            Database=sql.database,
            ServerVersion=self._ask_version(sql),
            ConnectionString=strings.without_password(text),
        )
        self._full_string = text

    @staticmethod
    def _ask_version(sql: Session) -> str:
        """``11.00.7001``: major and minor number have two digits here."""
        text = "SELECT CAST(SERVERPROPERTY('ProductVersion') AS nvarchar(30))"
        rows = [event.rows for event in sql.execute(text) if isinstance(event, ResultSet)]
        major, minor, build, _ = str(rows[0][0][0]).split(".")
        return f"{int(major):02}.{int(minor):02}.{int(build):04}"

    @staticmethod
    def _ask_name(sql: Session) -> str:
        rows = [event.rows for event in sql.execute("SELECT @@SERVERNAME") if isinstance(event, ResultSet)]
        return str(rows[0][0][0])

    def close(self) -> None:
        """Harmless on a closed connection."""
        if self.reader is not None:
            self.reader.abandon()
        if self._finalizer is not None:
            self._finalizer()
        if self.sql is not None:
            self.properties["ConnectionString"] = self._full_string
        self.sql = None
        self.properties["State"] = enums.STATE.of(0)

    def change_database(self, name: Any) -> None:
        quoted = str(name).replace("]", "]]")
        self.command(self._session, f"USE [{quoted}]", self).execute_non_query()

    def opened(self, method: str) -> Session:
        """The session, or the error of a command on a connection that is not open."""
        if self.sql is None:
            message = f"{method} requires an open and available Connection. The connection's current state is closed."
            raise errors.invalid_operation(message)
        if self.reader is not None:
            message = "There is already an open DataReader associated with this Command which must be closed first."
            raise errors.invalid_operation(message)
        return self.sql

    def journal(self, text: str) -> None:
        """Record the text of a statement, as the wire does."""
        self._session.machine.world.journal(self.machine, "sql", text)

    def broken(self) -> None:
        """The server ended the session."""
        self.close()


def _not_modelled(what: str) -> Any:
    def refuse(*_: Any) -> Any:
        raise NotModelledError(what)

    return refuse


@dotnet("System.Data.SqlClient.SqlConnection")
class SqlConnection(DotNet):
    @classmethod
    def create(cls, session: api.Session, *arguments: Any) -> Any:
        if len(arguments) > 1:
            raise NotModelledError("a SqlConnection with a SqlCredential")
        return Connection(session, str(arguments[0] or "") if arguments else "")
