"""Where the wire (``lab.sql.tds``) and the engine (``lab.sql.engine``) meet.

The wire turns what a client sends into ``Session.execute`` calls and writes the events that come back as tokens. The
engine knows nothing of packets, the wire nothing of T-SQL.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable


class SqlError(Exception):
    """An error of SQL Server: number, severity and state as documented."""

    def __init__(
        self, number: int, message: str, *, level: int = 16, state: int = 1, line: int = 1, procedure: str = ""
    ) -> None:
        super().__init__(message)
        self.number, self.message, self.level, self.state = number, message, level, state
        self.line, self.procedure = line, procedure


@dataclass(frozen=True)
class Column:
    """``type`` as T-SQL writes it: int, bigint, smallint, tinyint, bit, nvarchar(128), nvarchar(max), varbinary(256),
    varbinary(max), datetime, datetime2, uniqueidentifier, numeric(25,0), sysname, sql_variant, float …"""

    name: str
    type: str
    nullable: bool = True


@dataclass(frozen=True)
class ResultSet:
    """Values are Python's: int, str, bytes, bool, float, Decimal, datetime, uuid.UUID, None."""

    columns: tuple[Column, ...]
    rows: list[tuple[Any, ...]] = field(default_factory=list)


@dataclass(frozen=True)
class Done:
    """The end of one statement. ``count`` is None for a statement that counts no rows (or under NOCOUNT)."""

    count: int | None = None


@dataclass(frozen=True)
class Message:
    """PRINT, a RAISERROR up to severity 10, or the progress lines of BACKUP and RESTORE."""

    number: int
    message: str
    level: int = 0
    state: int = 1


@dataclass(frozen=True)
class DatabaseChanged:
    """USE took effect."""

    name: str


Event = ResultSet | Done | Message | DatabaseChanged | SqlError


@dataclass(frozen=True)
class Parameter:
    """One parameter of a parameterised statement, ``name`` with its @ (empty when positional)."""

    name: str
    type: str
    value: Any
    output: bool = False


class Session(Protocol):
    """One logged-on connection."""

    database: str
    login: str
    spid: int
    trancount: int
    """@@TRANCOUNT. The wire tells the client when a transaction begins and ends."""
    outputs: dict[str, Any]
    """Values of the output parameters (``Parameter.output``) of the last ``execute``, by name."""

    @property
    def dead(self) -> bool:
        """The server ended this session: the service stopped, KILL, or the database changed its role."""

    def execute(self, text: str, parameters: tuple[Parameter, ...] = ()) -> Iterator[Event]:
        """Run a batch. An error of the batch is yielded as ``SqlError``; the batch may go on after it, as the real one
        does for errors that end only a statement. Outside the batch's own errors nothing is raised."""

    def describe(self, text: str, parameters: tuple[Parameter, ...] = ()) -> tuple[Column, ...] | None:
        """Columns of the first result set (for sp_prepare and sp_describe_first_result_set), or None."""

    def reset(self) -> None:
        """sp_reset_connection: roll back, default options, the database of the log-on, no temporary tables."""

    def cancel(self) -> None:
        """Attention: the running batch ends soon."""

    def close(self) -> None: ...


@runtime_checkable
class DeducesParameters(Protocol):
    """What a session offers that can deduce types of undeclared parameters; without it drivers send NULL as varchar."""

    def describe_parameters(self, text: str) -> tuple[Parameter, ...]:
        """The @parameters that ``text`` uses without declaring them, in order of appearance, with the types
        sp_describe_undeclared_parameters deduces (a column's type where one is compared with or assigned to it).
        Raises SqlError where the real one does (11501 and its neighbours)."""


class Instance(Protocol):
    """One running SQL Server service."""

    @property
    def version(self) -> tuple[int, int, int]:
        """(11, 0, 7001) is SQL Server 2012 SP4."""

    def login(self, user: str, password: str, database: str = "", *, host: str = "", program: str = "") -> Session:
        """SQL Server authentication. Raises SqlError 18456 (and 18470, 18486 …), 4060 for the database."""
