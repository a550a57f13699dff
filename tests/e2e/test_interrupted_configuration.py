"""A SQL Server goes while the portal is being configured: whatever happens, there is one set of stores in the end.

Until the farm's databases are in the availability group, a failover moves the listener and leaves them behind. Here the
primary restarts, loses its cable, or an administrator fails the group over, at a sentence between the first feature and
the last join; then ``up`` runs again. Everything is the program's own but the engine: ``Stack.up`` refreshes, creates
and updates the pieces in their order, as the engine does.

Few features are configured, which make all five databases. Each case begins with the farm that the one before left:
the portal's databases are dropped and its features forgotten, or databases taken out of the group again.

Every feature is interrupted in every way. The databases go into the group with the same ten sentences each, so those of
one of them stand for all: some are in the group by then, and one more is not; the ways take turns. And one design
stands for all, since they have these resources in common. ``INTERRUPTED=every`` takes every sentence of every database
in every way, and the other designs.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from components import progress
from components.portal.databases import DATABASES
from components.site_probe import probe_site
from components.sql.primary import PrimaryResource
from lab.testing import portal, power, sql
from remote.errors import MachineError
from tests.e2e.farm import ROOT
from tests.e2e.lab_here import FarmHere, Piece

NETWORK = 62
EVERY = os.environ.get("INTERRUPTED") == "every"

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(3600 if EVERY else 600)]

FEATURES = {"AdminAPI": 30004, "WebAppGallery": 30018, "UsageService": 30022, "TenantSite": 30081}
"""Few features that make all five databases, with the ports of their sites."""
PRIMARY, SOFTWARE, WHO, LOGINS = "SQL-primary", "Portal1-software", "Portal1-configuration", "logins"
ROLE = "SELECT role_desc AS role FROM sys.dm_hadr_availability_replica_states WHERE is_local = 1"


@dataclass
class Stack:
    """The program's pieces up to the logins, and what the engine knows of them."""

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
        for name in (LOGINS, *DATABASES, WHO):
            if name in self.outs:
                self.pieces[name].delete(self.outs.pop(name))
        for machine in servers(self.farm):
            self.drop(machine)
        portal.forget_features(self.farm.world, "Portal1")

    def drop(self, machine: str) -> None:
        """What exists of the portal."""
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
        names = [PRIMARY, SOFTWARE, WHO, *DATABASES, LOGINS]
        stack = Stack(farm, {name: pieces[name] for name in names}, {name: outs[name] for name in (PRIMARY, SOFTWARE)})
        stack.pieces[WHO] = pieces[WHO].but(features=list(FEATURES))
        yield stack


# What happens ------------------------------------------------------------------------------------------------------


def servers(farm: FarmHere) -> list[str]:
    return [replica.machine for replica in farm.model.replicas]


def primary(farm: FarmHere) -> str:
    return next(machine for machine in servers(farm) if farm.sql(machine, ROLE)[0]["role"] == "PRIMARY")


FAIL_OVER = "ALTER AVAILABILITY GROUP [SQL] FAILOVER"


def fail_over(farm: FarmHere) -> None:
    """By hand; SQL Server refuses it (41142) while something would be lost, and then nothing has happened."""
    to = next(machine for machine in servers(farm) if machine != primary(farm))
    try:
        farm.sql(to, FAIL_OVER)
    except MachineError as error:
        if error.number != 41142:
            raise


def restart(farm: FarmHere) -> None:
    power.restart(farm.world, primary(farm))


def pull_the_cable(farm: FarmHere) -> None:
    """And see the partner take over, if it may."""
    power.disconnect(farm.world, primary(farm))
    sql.detect_failure(farm.world)


WAYS: dict[str, Callable[[FarmHere], None]] = {"restart": restart, "cable": pull_the_cable, "by hand": fail_over}


class Interruption:
    """Lets something happen when the n-th sentence is told (from 0), before it is carried out."""

    def __init__(self, farm: FarmHere, number: int, way: str) -> None:
        self._farm, self._number, self._way = farm, number, way
        self._reported = 0
        self.sentence = ""

    def __call__(self, sentence: str) -> None:
        if sentence.startswith(tuple(f"{machine.name}: " for machine in self._farm.model.machines)):
            return  # what is waited for
        if self._reported == self._number:
            self.sentence = sentence
            WAYS[self._way](self._farm)
        self._reported += 1


# One set of stores -------------------------------------------------------------------------------------------------

READ = """
SELECT name FROM sys.databases
 WHERE name LIKE 'Microsoft.MgmtSvc.%' AND group_database_id IS NULL AND state_desc = N'ONLINE'"""


def outside(farm: FarmHere) -> dict[str, set[str]]:
    """The open databases that are not in the group, by server."""
    return {machine: {row["name"] for row in farm.sql(machine, READ)} for machine in servers(farm)}


def one_set(farm: FarmHere) -> None:
    there = {machine: databases for machine, databases in outside(farm).items() if databases}
    assert len(there) < 2, f"two sets of stores: {there}"


def works(stack: Stack) -> None:
    """Every site has its database, and nothing is left to do."""
    one_set(stack.farm)
    assert {name: found for name in stack.outs if (found := stack.pieces[name].drift(stack.outs[name]))} == {}
    assert {
        feature: probe_site(stack.farm.remote, "Portal1", port) for feature, port in FEATURES.items()
    } == dict.fromkeys(FEATURES, "")


def refused(stack: Stack, until: str) -> str:
    """What an ``up`` fails with; empty where it ends well."""
    try:
        stack.up(until)
    except MachineError as error:
        return str(error)
    return ""


def interrupted(stack: Stack, until: str, number: int, way: str, patch: pytest.MonkeyPatch) -> list[str]:
    """Interrupt an ``up`` at a sentence, and run it again until it ends well; the errors on the way."""
    errors: list[str] = []
    reported = Interruption(stack.farm, number, way)

    def up() -> bool:
        if error := refused(stack, until):
            errors.append(error)
        return not error

    with progress.listening(reported):
        done = up()
    assert reported.sentence, f"there is no sentence {number}"
    if way == "cable":
        if not done:
            assert not up(), "a machine is away"
        for machine in servers(stack.farm):
            power.connect(stack.farm.world, machine)
    one_set(stack.farm)
    done = done or up()
    print(f"{way}: {reported.sentence}", *errors, sep="\n")
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


# Manual steps -------------------------------------------------------------------------------------------------------


def policy(stack: Stack, **changed: Any) -> Stack:
    """The same farm with another policy for its primary."""
    return Stack(stack.farm, {**stack.pieces, PRIMARY: stack.pieces[PRIMARY].but(**changed)}, stack.outs)


def test_a_primary_that_this_program_never_moves(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    stack.unconfigure()
    never = policy(stack, policy="never")
    never.up(SOFTWARE)
    holder = primary(stack.farm)
    with progress.listening(Interruption(stack.farm, 2, "restart")):
        assert refused(never, WHO).startswith("Portal1: bring about the configuration of Portal1: ")
    for _ in range(2):
        said = refused(never, WHO)
        assert f"are on {holder}, but the primary of SQL is {primary(stack.farm)}. Fail SQL over to {holder}" in said
        assert f"on {holder}, run {FAIL_OVER} (" in said
    stack.farm.sql(holder, FAIL_OVER)
    never.up(WHO)
    works(never)


def test_a_primary_that_is_always_where_it_is_wanted_waits_for_the_databases(stack: Stack) -> None:
    stack.unconfigure()
    stack.up(WHO)
    holder = primary(stack.farm)
    wanted = next(machine for machine in servers(stack.farm) if machine != holder)
    always = policy(stack, policy="always", machine=wanted)
    always.up(DATABASES[-2])
    assert primary(stack.farm) == holder
    always.up(DATABASES[-1])
    assert primary(stack.farm) == holder, "the engine looked before the last one was in the group"
    always.up(LOGINS)
    assert primary(stack.farm) == wanted
    works(always)


DROP = re.compile(r"; drop ([\w.]+(?:, [\w.]+)*) on (\w+), then run `pulumi up` again\.")


def drop_as_told(stack: Stack, said: str) -> None:
    found = DROP.search(said)
    assert found, said
    stack.pieces[WHO].provider().remote.log_off()
    for database in found[1].split(", "):
        stack.farm.sql(found[2], f"DROP DATABASE [{database}]")


@pytest.mark.parametrize("before", ["the second database is made", "the feature is configured"])
def test_nothing_can_be_looked_at_while_a_feature_is_configured(stack: Stack, before: str) -> None:
    """The group fails over between two connections of the product's own: two servers have databases then."""
    stack.unconfigure()
    happens = partial(sql.fail_over, stack.farm.world, "SQL")
    of_database = before == "the second database is made"
    with portal.before_database(2, happens) if of_database else portal.before_feature(3, happens):
        first = refused(stack, WHO)
    assert first
    said = refused(stack, WHO)
    print(first, said, sep="\n")
    drop_as_told(stack, said)
    stack.up(WHO)
    one_set(stack.farm)
    if before == "the feature is configured":
        assert probe_site(stack.farm.remote, "Portal1", FEATURES["UsageService"]) == "HTTP 500 on port 30022"
        assert "Where a site answers 500 after that, uninstall the portal's software on its server" in said
        stack.pieces[SOFTWARE].delete(stack.outs.pop(SOFTWARE))
        stack.up(WHO)
    works(stack)


# The other designs ---------------------------------------------------------------------------------------------------

DESIGNS = [file.stem for file in sorted((ROOT / "topologies").glob("*.yaml")) if file.stem != "single-domain"]


@pytest.mark.skipif(not EVERY, reason="INTERRUPTED=every: these resources are the same in every design")
@pytest.mark.parametrize("design", DESIGNS)
def test_other_designs(design: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A restart at the third feature, and one while the second database goes into the group."""
    farm = FarmHere(tmp_path / design, NETWORK, ROOT / "topologies" / f"{design}.yaml")
    with farm.running():
        pieces = farm.pieces()
        configurations = [name for name in pieces if name.endswith("-configuration")]
        configurations = [name for name in configurations if name in pieces[DATABASES[0]].after]
        needed = [name for name in pieces if name in pieces[configurations[-1]].after and name not in configurations]
        moved = next(name for name in pieces if pieces[name].kind is PrimaryResource)
        outs = {name: pieces[name].create() for name in needed}
        names = [moved, *configurations, *DATABASES]
        stack = Stack(farm, {name: pieces[name] for name in names}, {moved: outs[moved]})
        for until, number in ((configurations[-1], 2), (DATABASES[-1], 16)):
            reported = Interruption(farm, number, "restart")
            with progress.listening(reported):
                said = refused(stack, until)
            print(reported.sentence, said, sep="\n")
            assert reported.sentence
            one_set(farm)
            stack.up(until)
            one_set(farm)
        assert not any(outside(farm).values()), "all of them are in the group"
        assert {name: found for name in stack.outs if (found := pieces[name].drift(stack.outs[name]))} == {}
