"""The program's SQL statements on the lab's engine in this process: no network, no driver, no waiting.

Two replicas of the group SQL, the primary on SQL2. What the program sends goes to a session of a Windows account that
administers the servers; errors come with their numbers.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import remote
from components.prelude import prelude
from lab.testing import sql
from lab.testing.winrm import written
from lab.testing.worlds import Lab
from remote.errors import MachineError
from remote.hosts import Hosts
from remote.session import Remote
from remote.sql import Row, Value

LOOP, ANY = ((Path(remote.__file__).parent / name).read_text(encoding="utf-8") for name in ("loop.ps1", "prelude.ps1"))
ADMINISTRATOR = r"HYPERVNU\installer"


@dataclass
class Servers(Remote):
    """Connections that are sessions of the lab's engine."""

    world: Lab
    meanwhile: dict[str, Callable[[], object]] = field(default_factory=dict)
    """What others do right after the program ran a script, by a part of its text."""

    def __post_init__(self) -> None:
        super().__init__(Hosts({}))

    def sql(self, machine: str, database: str = "master") -> Any:
        return Server(self, machine)

    def sql_odbc(self, machine: str, database: str = "master") -> Any:
        return Server(self, machine)

    def sql_integrated(self, machine: str, database: str = "master") -> Any:
        return Server(self, machine)

    def powershell(self, machine: str) -> Any:
        return Shell(self, machine)

    def by_hand(self, machine: str, text: str, *values: str | int) -> list[dict[str, Any]]:
        session = sql.connect(self.world, machine, machine, windows_user=ADMINISTRATOR)
        try:
            return sql.query(session, text, *values)
        finally:
            session.close()


@dataclass
class Shell:
    """One machine's PowerShell, as ``remote.powershell.PowerShell``."""

    servers: Servers
    machine: str

    def run(self, script: str, arguments: Mapping[str, Any] | None = None, *, attempted: str) -> list[Any]:
        request = json.dumps({"id": 1, "script": script, "arguments": dict(arguments or {})})
        functions = json.dumps({"prelude": f"{ANY}\n{prelude()}"})
        answer = json.loads(written(self.servers.world, self.machine, ADMINISTRATOR, LOOP, functions, request))
        if answer["error"]:
            raise MachineError(self.machine, attempted, answer["error"]["message"])
        output: list[Any] = answer["output"]
        return output


@dataclass
class Server:
    """One server, as ``remote.sql.SqlServer``."""

    servers: Servers
    machine: str

    def rows(self, statement: str, *values: Value, attempted: str) -> list[Row]:
        assert all(isinstance(value, str | int) for value in values)
        try:
            found = self.servers.by_hand(self.machine, statement, *(v for v in values if isinstance(v, str | int)))
        except sql.SqlError as error:
            raise MachineError(self.machine, attempted, error.message, number=error.number) from None
        for part, act in list(self.servers.meanwhile.items()):
            if part in statement:
                act()
        return found

    def run(self, statement: str, *values: Value, attempted: str, timeout_seconds: float = 120) -> None:
        self.rows(statement, *values, attempted=attempted)

    def run_watched(
        self, statement: str, *values: Value, attempted: str, stall_seconds: float, report: Callable[[int], None]
    ) -> None:
        self.rows(statement, *values, attempted=attempted)
