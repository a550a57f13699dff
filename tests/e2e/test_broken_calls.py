"""Every kind of resource with the connection broken at each of its requests, before and after the request's effect.

In the farm's order, so that each kind finds what it needs. One create without a fault tells which requests there are;
then, for each of them: bring the lab back to before, break that request, create, create again. The second create has
to end in the desired state: a read finds no drift, and the lab has the same objects as after the create without fault.

``BROKEN_CALLS=every`` breaks at each request. Otherwise requests with the same text are broken at their first and,
where they change something, last occurrence (one script configures every feature of a node); a request that only reads
is broken before its effect only, since it has none.
"""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from components.portal.databases import DATABASES
from components.server_tls_check import ServerTlsCheckResource
from lab.testing.farm import World
from lab.testing.faults import Fault
from remote import sql as wire
from remote.errors import MachineError
from remote.powershell import PowerShell
from remote.sql import SqlServer
from tests.e2e.drifts import DISABLE_HADR, RESTART_SQL, Hand, shell, sql
from tests.e2e.lab_here import FarmHere, Piece

MOMENTS = ("before", "after")
EVERY = os.environ.get("BROKEN_CALLS") == "every"

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(1800 if EVERY else 600)]

RESTART = "component based servicing/rebootpending"
"""Taking a feature away leaves a restart pending, which only the tests do that often."""
HISTORY = ("event", "power", "sql-backupmedia", "sql-backupset", "sql-errorlog", "sql-counter", "sql-restorehistory")
"""What grows with everything that happens; the rest of the lab's documents are objects."""


@dataclass(frozen=True)
class Request:
    machine: str
    wire: str
    nth: int
    """Counted by machine and wire."""
    text: str
    changes: bool
    polled: bool
    """It comes after a repeated one: perhaps a wait, whose number of requests varies."""


@dataclass
class Built:
    """The farm as far as it is built; every test builds what comes before its own resource."""

    farm: FarmHere
    pieces: dict[str, Piece]
    outs: dict[str, dict[str, Any]] = field(default_factory=dict)

    def before(self, name: str) -> None:
        for other in self.pieces:
            if other in self.pieces[name].after:
                self.make(other)

    def make(self, name: str, **changed: Any) -> dict[str, Any]:
        if name not in self.outs:
            self.outs[name] = self.piece(name).but(**changed).create()
        return self.outs[name]

    def unmake(self, name: str) -> None:
        self.piece(name).delete(self.outs.pop(name))

    def piece(self, name: str) -> Piece:
        piece = self.pieces[name]
        known = {"plan_id": self.outs["plan"]["plan_id"]} if "plan_id" in piece.inputs else {}
        return piece.but(**known)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Built]:
    farm = FarmHere(tmp_path_factory.mktemp("broken"))
    with farm.running():
        yield Built(farm, farm.pieces())


# How each kind is brought back to before its create ------------------------------------------------------------------

Undo = Callable[[Built, str], None]


def delete(built: Built, name: str) -> None:
    built.unmake(name)


def set_otherwise(**other: Any) -> Undo:
    """A setting stays when its resource goes: the same resource sets it to something else, then goes."""

    def undo(built: Built, name: str) -> None:
        built.unmake(name)
        built.make(name, **other)
        built.unmake(name)

    return undo


def by_hand(*hands: Hand) -> Undo:
    """An administrator undoes it on the machines; then the resource goes."""

    def undo(built: Built, name: str) -> None:
        for hand in hands:
            hand(built.farm)
        built.unmake(name)

    return undo


def lose_logins(built: Built, name: str) -> None:
    """The mirrored logins vanish from the secondary."""
    logins = built.outs[name]["logins"]
    built.unmake(name)
    for login in logins:
        built.farm.sql("SQL2", f"DROP LOGIN [{login}]")


def make_simple(built: Built, name: str) -> None:
    """Out of the group, its log chain broken."""
    built.unmake(name)
    built.farm.sql("SQL1", f"ALTER DATABASE [{name}] SET RECOVERY SIMPLE")


def install_again(built: Built, name: str) -> None:
    """Only a new installation has features that are not configured; on the first node the stores go as well."""
    node = name.removesuffix("-configuration")
    built.unmake(name)
    built.unmake(f"{node}-software")
    if node == "Portal1":
        for database in DATABASES:
            built.farm.sql("SQL1", f"IF DB_ID('{database}') IS NOT NULL DROP DATABASE [{database}]")
        ours = "SELECT name FROM sys.server_principals WHERE type = 'S' AND name LIKE 'MgmtSvc-%'"
        for login in built.farm.sql("SQL1", ours):
            built.farm.sql("SQL1", f"DROP LOGIN [{login['name']}]")
    built.make(f"{node}-software")


def name_the_first_machine(built: Built, name: str) -> None:
    """Both sides of a trust know the other by the first machine's name, as before."""
    built.unmake(name)
    built.farm.sql(
        "SQL1",
        "UPDATE [Config].[Settings] SET [Value] = REPLACE([Value], N'portal.hyper-v.nu', N'portal1.hyper-v.nu')"
        " WHERE [Name] LIKE N'Authentication.%'",
        database="Microsoft.MgmtSvc.PortalConfigStore",
    )


FEW = {"features": ["AdminAPI", "WebAppGallery", "Monitoring"]}
"""Enough features to break a configuration between them."""
RULES = [{"start": 443, "end": 443, "protocol": "tcp", "affinity": "single"}]
MANUAL = [
    {"machine": machine, "url": f"TCP://{machine.lower()}.hyper-v.nu:5022", "failover_mode": "MANUAL"}
    for machine in ("SQL1", "SQL2")
]

CASES: dict[str, tuple[Undo, dict[str, Any]]] = {
    "Portal1-software-source": (delete, {}),
    "SQL-backup-share": (delete, {}),
    "SPF2-account": (delete, {}),
    "Portal1-certificate": (delete, {}),
    "Portal1-firewall-clients": (delete, {}),
    "Portal1-nlb": (delete, {}),
    "admin-api-cluster": (delete, {}),
    "admin-api-port-rules": (delete, {"rules": RULES}),
    "SQL-failover-cluster": (delete, {}),
    "SQL-alwayson": (by_hand(shell("SQL1", DISABLE_HADR), shell("SQL1", RESTART_SQL)), {}),
    "SQL-authentication": (set_otherwise(mode="windows"), {}),
    "SQL-administrator": (set_otherwise(password="Another-Password-1!"), {}),
    "SQL-cluster": (
        by_hand(
            sql("SQL1", r"REVOKE VIEW SERVER STATE FROM [NT AUTHORITY\SYSTEM]"),
            sql("SQL2", r"DROP LOGIN [NT AUTHORITY\SYSTEM]"),
        ),
        {},
    ),
    "SQL2-endpoint": (
        by_hand(
            sql("SQL2", "ALTER ENDPOINT [Hadr_endpoint] STATE = STOPPED AS TCP (LISTENER_PORT = 5099)"),
            sql("SQL2", r"DROP LOGIN [HYPERVNU\SVC_SQL]"),
        ),
        {},
    ),
    "SQL": (set_otherwise(replicas=MANUAL), {}),
    "SQL-listener": (set_otherwise(port=1444), {}),
    "SQL-primary": (set_otherwise(machine="SQL2"), {}),
    "Portal1-software": (delete, {}),
    "Portal1-configuration": (install_again, FEW),
    "Portal1-operators": (delete, {}),
    "Portal1-site-certificates": (delete, {}),
    "administrators": (delete, {}),
    "Microsoft.MgmtSvc.Store": (make_simple, {}),
    "logins": (lose_logins, {}),
    "failover-proof": (delete, {}),
    "plan": (delete, {}),
    "Portal2-configuration": (install_again, FEW),
    "Portal2-plan-replication": (delete, {}),
    "spf-registration": (delete, {}),
    "Portal1-tenant-site": (delete, {}),
    "Portal1-installers-rules": (delete, {}),
    "Portal2-node": (delete, {}),
    "AdminSite-name": (delete, {}),
    "TenantSite-trust": (name_the_first_machine, {}),
    "marketplace-endpoints": (delete, {}),
}
"""One of every kind, in the farm's order: how its create is undone, and what its inputs are but the farm's."""


def test_every_kind_is_here(built: Built) -> None:
    # The check of TLS makes handshakes only: no request that could break.
    assert {built.pieces[name].kind for name in CASES} | {ServerTlsCheckResource} == {
        piece.kind for piece in built.pieces.values()
    }


@pytest.mark.parametrize("name", CASES)
def test_a_broken_create_is_finished_by_the_next(
    built: Built, name: str, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    undo, changed = CASES[name]
    built.before(name)
    world = built.farm.world
    requests = Recorder(world, monkeypatch).requests(lambda: built.make(name, **changed))
    assert requests
    expected = objects(world)
    for request, moment in chosen(requests):
        undo(built, name)
        number = world.faults.add(Fault(request.machine, request.wire, request.nth, moment))
        where = f"{name}: {request.wire} request {request.nth} of {request.machine}, {moment}: {request.text[:80]}"
        try:
            built.make(name, **changed)
        except MachineError as error:
            message = str(error)
            assert "\n" not in message, where
            assert request.machine in message, where
        fired = number not in world.faults.standing()
        world.faults.clear()
        assert fired or request.polled, f"{where}: no such request came"
        built.outs.pop(name, None)
        built.make(name, **changed)
        assert not built.piece(name).but(**changed).drift(built.outs[name]), where
        assert objects(world) == expected, where
    if changed:
        built.outs.pop(name)
        built.make(name)


def chosen(requests: list[Request]) -> list[tuple[Request, str]]:
    """What is broken, and when. Of all requests with the same text to the same machine the first one; of those that
    change something the last one as well, before and after."""
    if EVERY:
        return [(request, moment) for request in requests for moment in MOMENTS]
    first: dict[tuple[str, str], Request] = {}
    last: dict[tuple[str, str], Request] = {}
    for request in requests:
        first.setdefault((request.machine, request.text), request)
        last[(request.machine, request.text)] = request
    some = {id(request) for request in (*first.values(), *(one for one in last.values() if one.changes))}
    return [
        (request, moment)
        for request in requests
        if id(request) in some
        for moment in (MOMENTS if request.changes else MOMENTS[:1])
    ]


class Recorder:
    """Writes down which requests reach the lab, as its faults count them."""

    def __init__(self, world: World, patch: pytest.MonkeyPatch) -> None:
        self._world, self._patch = world, patch
        self._now: tuple[str, bool] = ("", False)
        """The text that is on its way, and whether it changes something: there is one at a time."""

    def requests(self, call: Callable[[], object]) -> list[Request]:
        """The requests that a call makes, on the wires on which faults can be ordered."""
        found: list[Request] = []
        trip, run, handled, together, apart, rows = (
            self._world.faults.trip, PowerShell._run, SqlServer._call, SqlServer.together, SqlServer.apart,
            wire._all_rows,
        )  # fmt: skip

        def ran(powershell: PowerShell, script: str, arguments: Any, attempted: str, changes: bool, *rest: Any) -> Any:
            self._now = (script, changes)
            return run(powershell, script, arguments, attempted, changes, *rest)

        def asked(server: SqlServer, statement: str, *rest: Any, changes: bool) -> Any:
            self._now = (statement, changes)
            return handled(server, statement, *rest, changes=changes)

        def in_one(server: SqlServer, statements: Any, **rest: Any) -> None:
            self._now = ("", True)
            together(server, statements, **rest)

        def each(server: SqlServer, transactions: Any, **rest: Any) -> Any:
            self._now = ("", True)
            return apart(server, transactions, **rest)

        def sent(connection: Any, statement: str, values: Any) -> Any:
            self._now = (statement, self._now[1])
            return rows(connection, statement, values)

        def tripped(machine: str, wire: str, moment: str) -> None:
            if moment == "before" and wire in ("winrm", "sql"):
                mine = [one for one in found if (one.machine, one.wire) == (machine, wire)]
                polled = any(one.polled or one.text == self._now[0] for one in mine)
                found.append(Request(machine, wire, len(mine) + 1, *self._now, polled))
            trip(machine, wire, moment)

        with self._patch.context() as patch:
            patch.setattr(PowerShell, "_run", ran)
            patch.setattr(SqlServer, "_call", asked)
            patch.setattr(SqlServer, "together", in_one)
            patch.setattr(SqlServer, "apart", each)
            patch.setattr(wire, "_all_rows", sent)
            patch.setattr(self._world.faults, "trip", tripped)
            self._world.faults.add(Fault("nobody", "winrm"))  # the wires look for faults only while one stands
            call()
            self._world.faults.clear()
        return found


def objects(world: World) -> Counter[str]:
    """What there is in the lab, without contents, history and generated parts of names."""
    with world.lock:
        documents = list(world.store._documents.items())
        names = [f"{owner}/{kind}/{name}" for (owner, kind), d in documents if kind not in HISTORY for name in d]
    folder = world.directory / "files"
    files = [str(file.relative_to(folder)) for file in folder.rglob("*") if "Shares" not in file.parts]
    everything = [name for name in (*names, *files) if RESTART not in name.replace("\\", "/").lower()]
    return Counter(re.sub(r"[0-9A-Fa-f]{32,}|[0-9a-fA-F-]{36}|\d{3,}", "#", name) for name in everything)
