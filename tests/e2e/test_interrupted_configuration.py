"""A SQL Server goes while the portal is being configured: whatever happens, there is one set of stores in the end.

Until the farm's databases are in the availability group, a failover moves the listener and leaves them behind. Here
the primary restarts, loses its cable, or a person fails the group over, at a sentence between the first feature and
the last join; then ``up`` runs again. Everything is the program's own but the engine: ``Stack.up`` refreshes, creates
and updates the pieces in their order, as the engine does.

Few features are configured, which make all five databases. Each case goes on from the farm that the one before left:
the portal's databases are dropped and its features forgotten, or databases taken out of the group again.

Every feature is interrupted in every way. The databases go into the group with the same ten sentences each, so those of
one of them stand for all: some are in the group by then, and one more is not; the ways take turns. And one design
stands for all, since they have these resources in common. ``INTERRUPTED=every`` takes every sentence of every database
in every way, and the other designs.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from components import resource
from components.failover_proof import ask
from components.portal.databases import DATABASES
from lab import machines
from lab.sql.engine.group.progress import DETECTION_SECONDS, advance
from remote.errors import MachineError
from tests.e2e.lab_here import FarmHere, Piece

NETWORK = 62
EVERY = os.environ.get("INTERRUPTED") == "every"

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(3600 if EVERY else 600)]

SERVERS = ("SQL1", "SQL2")
FEATURES = {"AdminAPI": 30004, "WebAppGallery": 30018, "UsageService": 30022, "TenantSite": 30081}
"""Few features that make all five databases, with the ports of their sites."""
PRIMARY, WHO, SOFTWARE = "SQL-primary", "Portal1-configuration", "Portal1-software"
ROLE = "SELECT role_desc AS role FROM sys.dm_hadr_availability_replica_states WHERE is_local = 1"


@dataclass
class Stack:
    """Some of the program's pieces, and what the engine knows of them."""

    farm: FarmHere
    pieces: dict[str, Piece]
    outs: dict[str, dict[str, Any]] = field(default_factory=dict)

    def up(self, until: str) -> None:
        """What comes after a piece is left for later. Raises the first error: what comes after it is not tried, where
        the engine would try what is independent."""
        changed = {name: self._refresh(name) for name in self.outs.copy()}
        for name, piece in self.pieces.items():
            if name not in self.outs:
                self.outs[name] = piece.create()
            elif changed[name]:
                provider = piece.provider()
                news = provider.check({}, dict(piece.inputs)).inputs
                self.outs[name] = dict(provider.update("", self.outs[name], news).outs or {})
            if name == until:
                return

    def _refresh(self, name: str) -> bool:
        """Whether an update is due; what is gone is forgotten."""
        found = self.pieces[name].drift(self.outs[name])
        if "the whole thing" in found:
            del self.outs[name]
        return bool(found)

    def take_out(self, *databases: str) -> None:
        """Databases are as the configuration leaves them: on the primary, not in the group, with no log chain."""
        for database in databases:
            if database in self.outs:
                self.pieces[database].delete(self.outs.pop(database))
            self.farm.sql(primary(self.farm), f"ALTER DATABASE [{database}] SET RECOVERY SIMPLE")

    def unconfigure(self) -> None:
        """Back to before the first feature: no databases, no logins, and no feature knows of any."""
        for name in reversed([WHO, *DATABASES]):
            if name in self.outs:
                self.pieces[name].delete(self.outs.pop(name))
        for machine in SERVERS:
            self.drop(machine)
        self.farm.world.machine("Portal1").collection("wap-feature").clear()

    def drop(self, machine: str) -> None:
        """What is there of the portal."""
        drop = """
DECLARE @text nvarchar(max) = N'';
SELECT @text = @text + N'DROP DATABASE ' + QUOTENAME(name) + N';' FROM sys.databases WHERE name LIKE 'Microsoft.MgmtSvc.%';
SELECT @text = @text + N'DROP LOGIN ' + QUOTENAME(name) + N';' FROM sys.server_principals
 WHERE type = 'S' AND (name LIKE 'MgmtSvc-%' OR name LIKE '%NotificationServiceUser');
EXEC (@text);"""  # noqa: E501
        self.pieces[WHO].provider().remote.log_off()
        deadline = time.monotonic() + 20
        while True:
            try:
                self.farm.sql(machine, drop)
            except MachineError as error:  # in use: the server is still ending what was logged off
                if error.number != 3702 or time.monotonic() > deadline:
                    raise
            else:
                return


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    farm = FarmHere(tmp_path_factory.mktemp("interrupted"), NETWORK)
    with farm.running():
        pieces = farm.pieces()
        outs = {name: pieces[name].create() for name in pieces if name in pieces[WHO].after}
        names = [PRIMARY, SOFTWARE, WHO, *DATABASES]
        stack = Stack(farm, {name: pieces[name] for name in names}, {name: outs[name] for name in (PRIMARY, SOFTWARE)})
        stack.pieces[WHO] = pieces[WHO].but(features=list(FEATURES))
        yield stack


# What happens ------------------------------------------------------------------------------------------------------


def primary(farm: FarmHere) -> str:
    return next(machine for machine in SERVERS if farm.sql(machine, ROLE)[0]["role"] == "PRIMARY")


def fail_over(farm: FarmHere) -> None:
    """By hand; SQL Server refuses it (41142) while something would be lost, and then nothing has happened."""
    to = next(machine for machine in SERVERS if machine != primary(farm))
    try:
        farm.sql(to, "ALTER AVAILABILITY GROUP [SQL] FAILOVER")
    except MachineError as error:
        if error.number != 41142:
            raise


def restart(farm: FarmHere) -> None:
    machines.restart(farm.world, farm.world.machine(primary(farm)))


def pull_the_cable(farm: FarmHere) -> None:
    """And see the partner take over, if it may."""
    machines.disconnect(farm.world, farm.world.machine(primary(farm)))
    advance(farm.world)
    farm.world.clock.sleep(2 * DETECTION_SECONDS)
    advance(farm.world)


WAYS: dict[str, Callable[[FarmHere], None]] = {"restart": restart, "cable": pull_the_cable, "by hand": fail_over}


class Interruption:
    """Lets something happen when the n-th sentence is told (from 0), before it is carried out."""

    def __init__(self, farm: FarmHere, number: int, way: str) -> None:
        self._farm, self._number, self._way = farm, number, way
        self._told = 0
        self.sentence = ""

    def __call__(self, sentence: str) -> None:
        if sentence.startswith(("SQL1: ", "SQL2: ", "Portal1: ")):
            return  # what is waited for
        if self._told == self._number:
            self.sentence = sentence
            WAYS[self._way](self._farm)
        self._told += 1


# One set of stores -------------------------------------------------------------------------------------------------

READ = """
SELECT name FROM sys.databases
 WHERE name LIKE 'Microsoft.MgmtSvc.%' AND group_database_id IS NULL AND state_desc = N'ONLINE'"""


def outside(farm: FarmHere) -> dict[str, set[str]]:
    """The open databases that are not in the group, by server."""
    return {machine: {row["name"] for row in farm.sql(machine, READ)} for machine in SERVERS}


def one_set(farm: FarmHere) -> None:
    there = outside(farm)
    assert not (there["SQL1"] and there["SQL2"]), f"two sets of stores: {there}"


def works(stack: Stack) -> None:
    """Every site has its database, and nothing is left to do."""
    one_set(stack.farm)
    assert {name: found for name in stack.outs if (found := stack.pieces[name].drift(stack.outs[name]))} == {}
    assert {feature: ask(stack.farm.remote, "Portal1", port) for feature, port in FEATURES.items()} == dict.fromkeys(
        FEATURES, ""
    )


def interrupted(stack: Stack, until: str, number: int, way: str, patch: pytest.MonkeyPatch) -> list[str]:
    """Interrupt an ``up`` at a sentence, and run it again until it ends well; the errors on the way."""
    errors: list[str] = []
    told = Interruption(stack.farm, number, way)

    def up() -> bool:
        try:
            stack.up(until)
        except MachineError as error:
            errors.append(str(error))
            return False
        return True

    with patch.context() as telling:
        telling.setattr(resource, "report", told)
        done = up()
    assert told.sentence, f"there is no sentence {number}"
    if way == "cable":
        if not done:
            assert not up(), "a machine is away"
        for machine in SERVERS:
            machines.connect(stack.farm.world, stack.farm.world.machine(machine))
    one_set(stack.farm)
    done = done or up()
    print(f"{way}: {told.sentence}", *errors, sep="\n")
    assert done, errors
    works(stack)
    return errors


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("number", range(len(FEATURES)), ids=FEATURES)
def test_while_a_feature_is_configured(stack: Stack, number: int, way: str, monkeypatch: pytest.MonkeyPatch) -> None:
    stack.unconfigure()
    stack.up(SOFTWARE)
    interrupted(stack, WHO, number, way, monkeypatch)


SENTENCES = 10
"""To put one database into the group."""
SOME = [(DATABASES[3], number, list(WAYS)[number % len(WAYS)]) for number in range(SENTENCES)]
ALL = [(database, number, way) for database in DATABASES for number in range(SENTENCES) for way in WAYS]


@pytest.mark.parametrize(("database", "number", "way"), ALL if EVERY else SOME)
def test_while_a_database_goes_into_the_group(
    stack: Stack, database: str, number: int, way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if WHO not in stack.outs:
        stack.up(WHO)
    *before, _ = DATABASES[: DATABASES.index(database) + 1]
    if before:
        stack.up(before[-1])
    stack.take_out(*DATABASES[len(before) :])
    interrupted(stack, DATABASES[-1], number, way, monkeypatch)
    assert not any(outside(stack.farm).values()), "all of them are in the group"
