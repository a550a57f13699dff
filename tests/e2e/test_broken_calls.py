"""Every kind of resource with the connection broken at each of its requests, before and after the request's effect.

In the farm's order, so that each kind finds what it needs. One create without a fault tells which requests there are;
then, for each of them: bring the lab back to before, break that request, create, create again. The second create has
to end in the desired state: a read finds no drift, and the lab has the same objects as after the create without fault.

``BROKEN_CALLS=every`` breaks at each request. Otherwise requests with the same text are broken at their first and,
where they change something, last occurrence (one script configures every feature of a node); a request that only reads
is broken before its effect only, since it has none.
"""

from __future__ import annotations

import json
import os
import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import pytest

import components
import remote
from components.portal.databases import DATABASES
from components.server_tls_check import ServerTlsCheckResource
from lab.testing import faults, snapshot
from lab.testing.farm import Lab
from lab.testing.faults import Call, Fault
from remote.errors import MachineError
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
def test_a_broken_create_is_finished_by_the_next(built: Built, name: str, capfd: pytest.CaptureFixture[str]) -> None:
    undo, changed = CASES[name]
    built.before(name)
    world, folder = built.farm.world, built.farm.lab_folder
    requests = requests_of(world, lambda: built.make(name, **changed))
    assert requests
    expected = objects(folder)
    for request, moment in chosen(requests):
        undo(built, name)
        number = faults.add(world, Fault(request.machine, request.wire, request.nth, moment))
        where = f"{name}: {request.wire} request {request.nth} of {request.machine}, {moment}: {request.text[:80]}"
        try:
            built.make(name, **changed)
        except MachineError as error:
            message = str(error)
            assert "\n" not in message, where
            assert request.machine in message, where
        fired = not faults.stands(world, number)
        faults.clear(world)
        assert fired or request.polled, f"{where}: no such request came"
        built.outs.pop(name, None)
        built.make(name, **changed)
        assert not built.piece(name).but(**changed).drift(built.outs[name]), where
        assert objects(folder) == expected, where
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


# What comes over the wires --------------------------------------------------------------------------------------------

FILES = [file for place in (components, remote) for file in Path(place.__file__ or "").parent.rglob("*.*s*")]
SCRIPTS = {file.read_text(encoding="utf-8"): file.stem for file in FILES if file.suffix in (".ps1", ".sql")}
"""The program's leaf scripts by their text: what reads is named so."""
READS = re.compile(r"(task_)?(read|list|try)(_|$)")
PRELUDE = "the prelude of a new shell"
PARAMETER = re.compile(r"@[Pp]\d+")


def requests_of(world: Lab, call: Callable[[], object]) -> list[Request]:
    """The requests that a call makes, on the wires on which faults are ordered here."""
    with faults.recorded(world) as calls:
        call()
    found: list[Request] = []
    for one in calls:
        if one.wire in ("winrm", "sql"):
            text, changes = meaning(one)
            mine = [earlier for earlier in found if (earlier.machine, earlier.wire) == (one.machine, one.wire)]
            # The next call finds the shell open: it has a request less.
            polled = text == PRELUDE or any(earlier.polled or earlier.text == text for earlier in mine)
            found.append(Request(one.machine, one.wire, len(mine) + 1, text, changes, polled))
    return found


def meaning(call: Call) -> tuple[str, bool]:
    """The script or statement of a call, and whether it may change something: what is no leaf script may, unless it is
    a SELECT alone."""
    if call.wire == "sql":
        text = PARAMETER.sub("?", call.text)
        return text, not (text.startswith("SELECT ") or READS.match(SCRIPTS.get(text, "")))
    request = json.loads(call.text)
    if "script" not in request:
        return PRELUDE, False
    script: str = request["script"]
    statement = request["arguments"].get("Statement")  # SQL Server's, through PowerShell
    decides = script if statement is None else PARAMETER.sub("?", statement)
    return script, not READS.match(SCRIPTS.get(decides, ""))


def objects(folder: Path) -> Counter[str]:
    """What there is in the lab of a folder, without contents, history and generated parts of names."""
    names = [f"{owner}/{kind}/{name.lower()}" for owner, kind, name in snapshot.names(folder) if kind not in HISTORY]
    files = [file for file in snapshot.files(folder) if "Shares" not in file.split("/")]
    return Counter(one for name in (*names, *files) if (one := without_generated(name)))


@cache
def without_generated(name: str) -> str:
    """A name without its generated parts; empty for what does not count."""
    if RESTART in name.replace("\\", "/").lower():
        return ""
    return re.sub(r"[0-9A-Fa-f]{32,}|[0-9a-fA-F-]{36}|\d{3,}", "#", name)
