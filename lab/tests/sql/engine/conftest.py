"""Two SQL Servers of the article in process, without a network; time stands still (pace 0: every duration is over)."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from lab import files, identity
from lab.addresses import loopback_of
from lab.sql import beginning, engine
from lab.sql.api import Event, Message, Parameter, ResultSet, Session, SqlError
from lab.world import Machine, World

TOPOLOGY: dict[str, Any] = {
    "domains": [{"name": "hyper-v.nu", "netbios": "HYPERVNU", "subnet": "172.43.5.0/24"}],
    "machines": [
        {"name": "SQL1", "address": "172.43.5.121", "roles": ("sql",)},
        {"name": "SQL2", "address": "172.43.5.122", "roles": ("sql",)},
        {"name": "FILE", "address": "172.43.5.110", "roles": ("file",)},
        {"name": "Portal1", "address": "172.43.5.151", "roles": ("portal",)},
    ],
    "sql": {
        "replicas": ["SQL1", "SQL2"],
        "cluster": {"name": "sqlcluster", "address": "172.43.5.120"},
        "group": "SQL",
        "listener": {"name": "SQL", "address": "172.43.5.50", "port": 1433},
        "backup_share": r"\\FILE\SQLAG",
        "preferred_primary": "SQL1",
        "adopt": True,
    },
    "spf": {"groups": [], "servers": []},
}
FIVE: dict[str, Any] = {
    **TOPOLOGY,
    "machines": [
        *TOPOLOGY["machines"],
        *({"name": f"SQL{n}", "address": f"172.43.5.12{n}", "roles": ("sql",)} for n in (3, 4, 5)),
    ],
    "sql": {
        **TOPOLOGY["sql"],
        "replicas": [
            "SQL1",
            {"machine": "SQL2", "instance": "WAP", "port": 10001, "endpoint_port": 5023},
            {"machine": "SQL3", "failover": "manual"},
            {"machine": "SQL4", "commit": "asynchronous"},
            {"machine": "SQL5", "commit": "asynchronous"},
        ],
    },
}
"""Five replicas, as many as SQL Server 2012 allows; one is a named instance, two commit asynchronously."""
SA_PASSWORD = "Sa-Password-2013!"


PREPARED = {**TOPOLOGY, "sql": {**TOPOLOGY["sql"], "adopt": False}}
"""The same servers on a cluster that is only prepared: without a group."""


def make_world(directory: Path, pace: float = 0, topology: dict[str, Any] = TOPOLOGY) -> World:
    world = World(directory, topology, pace)
    for one in topology["machines"]:
        world.add(
            Machine(
                world, one["name"], "hyper-v.nu", "HYPERVNU", one["address"], loopback_of(one["address"]), one["roles"]
            )
        )
    return world


@dataclass
class Answer:
    """What a batch gave, sorted."""

    results: list[ResultSet] = field(default_factory=list)
    errors: list[SqlError] = field(default_factory=list)
    messages: list[Message] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)

    @property
    def rows(self) -> list[tuple[Any, ...]]:
        return self.results[-1].rows

    @property
    def value(self) -> Any:
        return self.rows[0][0]

    @property
    def numbers(self) -> list[int]:
        return [failure.number for failure in self.errors]


def run(session: Session, text: str, *parameters: Parameter) -> Answer:
    """Run a batch and keep everything, errors too."""
    answer = Answer()
    for event in session.execute(text, parameters):
        answer.events.append(event)
        if isinstance(event, ResultSet):
            answer.results.append(event)
        elif isinstance(event, SqlError):
            answer.errors.append(event)
        elif isinstance(event, Message):
            answer.messages.append(event)
    return answer


def ok(session: Session, text: str, *parameters: Parameter) -> Answer:
    """Run a batch that must not fail."""
    answer = run(session, text, *parameters)
    assert not answer.errors, [f"{one.number} {one.message}" for one in answer.errors]
    return answer


@dataclass
class Servers:
    world: World

    def machine(self, name: str) -> Machine:
        return self.world.machine(name)

    def as_installer(self, name: str, database: str = "", server: str = ".") -> Session:
        machine = self.machine(name)
        who = identity.identity(self.world, machine, "HYPERVNU\\installer")
        return engine.connect(self.world, machine, server, identity=who, database=database)

    def login(self, name: str, user: str, password: str, database: str = "") -> Session:
        return engine.connect(
            self.world, self.machine("Portal1"), name, user=user, password=password, database=database
        )

    def mixed(self) -> None:
        """Mixed mode and sa on both, as the farm sets it up; the primary ends on SQL1."""
        for name in ("SQL1", "SQL2"):
            session = self.as_installer(name)
            ok(
                session,
                "EXEC xp_instance_regwrite N'HKEY_LOCAL_MACHINE', N'Software\\Microsoft\\MSSQLServer\\MSSQLServer',"
                " N'LoginMode', REG_DWORD, 2",
            )
            ok(session, f"ALTER LOGIN sa WITH PASSWORD = N'{SA_PASSWORD}'; ALTER LOGIN sa ENABLE")
            self.restart(name)

    def restart(self, name: str) -> None:
        engine.stop_instance(self.world, self.machine(name))
        engine.start_instance(self.world, self.machine(name))

    def primary(self) -> str:
        machine = engine.primary_behind(self.world, "SQL")
        return machine.name if machine else ""


@pytest.fixture(scope="session")
def beginning_of_the_lab(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The state at the beginning, on disk; each test works on a copy."""
    return begun(tmp_path_factory.mktemp("beginning"), TOPOLOGY)


def begun(directory: Path, topology: dict[str, Any]) -> Path:
    """Write the beginning into a directory, which it gives back."""
    world = make_world(directory, topology=topology)
    identity.begin(world)
    files.begin(world)
    beginning.begin(world)
    engine.stop(world)
    world.close()
    return directory


@pytest.fixture(scope="session")
def beginning_of_five(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return begun(tmp_path_factory.mktemp("five"), FIVE)


@pytest.fixture
def servers(tmp_path: Path, beginning_of_the_lab: Path) -> Iterator[Servers]:
    directory = tmp_path / "lab"
    shutil.copytree(beginning_of_the_lab, directory)
    world = make_world(directory)
    yield Servers(world)
    engine.stop(world)
    world.close()


@pytest.fixture
def five_servers(tmp_path: Path, beginning_of_five: Path) -> Iterator[Servers]:
    directory = tmp_path / "lab"
    shutil.copytree(beginning_of_five, directory)
    world = make_world(directory, topology=FIVE)
    yield Servers(world)
    engine.stop(world)
    world.close()


@pytest.fixture
def prepared(tmp_path: Path) -> Iterator[Servers]:
    """The servers before anybody made a group."""
    world = make_world(tmp_path / "prepared", topology=PREPARED)
    identity.begin(world)
    files.begin(world)
    beginning.begin(world)
    yield Servers(world)
    engine.stop(world)
    world.close()


@pytest.fixture
def session(servers: Servers) -> Session:
    """A session of an administrator on SQL2, the primary at the beginning."""
    return servers.as_installer("SQL2")


@pytest.fixture
def database(session: Session) -> Session:
    """The same session in a new database of its own."""
    ok(session, "CREATE DATABASE Work")
    ok(session, "USE Work")
    return session
