"""The content of a report of a farm that never was: every section has something, and some of it is hostile."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime, timedelta
from typing import Any

from components.portal.databases import DATABASES
from components.step_log import Entry
from components.topology import load
from operations.audits.finding import Finding, Verdict
from operations.checks import unverified
from operations.checks.machines import managed
from operations.checks.sql import Mirror
from operations.drill.measure import Server, Service
from operations.drill.store import Drill
from operations.report.content import Certificate, Content, Copy, Database, Update
from operations.report.look import machine_states
from operations.row import Row, Status
from operations.verify import Report
from tests.components.program import ROOT

NOW = datetime(2026, 11, 30, 12, 0, tzinfo=UTC)
DAY = timedelta(days=1)
SCRIPT = "<script>alert('\"logins\"')</script>"
HOSTILE = f"{SCRIPT}\x1b[2J\u202e&amp;"
SHOWN = r"<script>alert('\"logins\"')</script>\x1b[2J\u202e&amp;".replace('\\"', '"')
"""What the reader sees of it."""


def certificate(begins: int, ends: int, name: str = "*.hyper-v.nu", *places: str) -> Certificate:
    """One that is valid from so many days before (or after) now."""
    places = places or ("Portal1, MgmtSvc-TenantSite", "Portal2, MgmtSvc-TenantSite")
    return Certificate(f"{begins + 9000:X}{ends + 9000:X}" * 5, (name,), NOW + begins * DAY, NOW + ends * DAY, places)


def service(name: str, port: int, failing: dict[int, int], *, seconds: int = 100) -> Service:
    """Ten requests a second, of which in some seconds so many fail."""
    return Service(
        "portal",
        name,
        "portal.hyper-v.nu",
        port,
        10 * seconds,
        3,
        sum(failing.values()),
        float(min(failing)) if failing else None,
        float(max(failing)) if failing else None,
        float(len(failing)),
        {"HTTP 500": sum(failing.values())} if failing else {},
        tuple(10 for _ in range(seconds)),
        tuple(failing.get(second, 0) for second in range(seconds)),
    )


def drill(**changes: Any) -> Drill:
    """A drill of two servers, within the budget."""
    sites = (service("MgmtSvc-TenantSite", 443, {}), service("MgmtSvc-AdminSite", 30091, {}))
    broken = (service("MgmtSvc-TenantSite", 443, {4: 3, 5: 10, 6: 9}), service("SPF", 8090, {}))
    servers = [
        Server("Portal1", ("portal",), 4.2, 31.5, 15, 0.0, sites, 64.4),
        Server("SQL1", ("sql",), 5.0, 28.0, 30, 3.0, broken, 65.0),
    ]
    return dataclasses.replace(Drill("single-domain", "2026-11-20T21:00:00+00:00", True, servers=servers), **changes)


def rows(design: str, down: tuple[str, ...]) -> tuple[Row, ...]:
    topology = load(ROOT / "topologies" / f"{design}.yaml")
    found = []
    for machine in topology.machines:
        if machine.name in down:
            found.append(Row("machines", machine.name, "WinRM answers", Status.WRONG, "does not answer"))
            found.append(Row("portal", machine.name, "IIS runs", Status.UNCHECKED, f"{machine.name} does not answer"))
        elif machine.name in managed(topology):
            found.append(Row("machines", machine.name, "WinRM answers", Status.OK, "its clock says 2026-11-30"))
    found.append(Row("SQL Server", "SQL1", "its services start with it", Status.WARNING, "restart pending"))
    found.append(Row("SQL Server", DATABASES[0], "its log is backed up", Status.WARNING, "no log backup in 2 days"))
    found.append(Row(unverified.LEVEL, "every portal server", unverified.BETWEEN_SITES[0], Status.OK, "why"))
    found += [Row("SQL Server", name, "follows on every replica", Status.OK, "on 2 replicas") for name in DATABASES]
    return tuple(found)


def content(design: str = "single-domain", *, well: bool = False, hostile: str = HOSTILE, **changes: Any) -> Content:
    """A report's content; with ``well`` of a farm without any trouble."""
    topology = load(ROOT / "topologies" / f"{design}.yaml")
    found = tuple(row for row in rows(design, () if well else ("SPF2",)) if row.status is Status.OK or not well)
    if not well:
        found += (
            Row("SQL Server", "logins", "the same on every replica", Status.WRONG, f"{hostile} on SQL2: missing"),
        )
    verification = Report(found, ("portal.hyper-v.nu", "sql.hyper-v.nu"), frozenset() if well else frozenset({"SPF2"}))
    risk = Finding("SQL Server", "logins", Verdict.RISK, f"{hostile} is missing", "Log-ons fail.", "Run `pulumi up`.")
    unknown = Finding("machines", "DNS servers", Verdict.UNKNOWN, "SPF2: read what it is: no answer.")
    fine = Finding("SQL Server", "SQL: who takes over", Verdict.WELL, "SQL1 is the primary, SQL2 takes over by itself")
    copies = (Copy("SQL1", "primary", "SYNCHRONIZED", True), Copy("SQL2", "secondary", "SYNCHRONIZED", True))
    late = (copies[0], Copy("SQL2", "secondary", "suspended, SUSPEND_FROM_USER", False))
    log = "last log backup 2 hours ago, waits for NOTHING, 120 of 1024 KB of the log used"
    databases = [Database(name, Status.OK, copies, timedelta(hours=2), log) for name in DATABASES]
    entry = Entry(NOW - DAY, "logins", "SQL2", "done in 1.2 s", "On SQL2, make the login MgmtSvc-Usage.")
    failed = Entry(NOW - 2 * DAY, "logins", "SQL2", f"failed after 1.0 s: {hostile}", f"On SQL2, make {hostile}.")
    updates = [Update(2, "update", "succeeded", NOW - DAY, NOW - DAY + timedelta(minutes=3), {"update": 1}, 1, ())]
    names = tuple(f"MgmtSvc-{name}" for name in ("AdminAPI", "Config", "Store", "TenantAPI", "Usage"))
    made: dict[str, Any] = {
        "machines": machine_states(topology, verification),
        "findings": (fine,),
        "databases": tuple(databases),
        "logins": Mirror(names, (), ()),
        "certificates": (certificate(-100, 265), certificate(-30, 700, "SQL1.hyper-v.nu", "SQL1, SQL Server")),
        "drills": (drill(),),
        "updates": tuple(updates),
        "steps": (entry,),
    }
    if not well:
        broken = drill(error=f"SQL1: wait: {hostile}", began="2026-10-01T21:00:00+00:00", planned=False)
        stopped = Update(1, "update", "failed", NOW - 2 * DAY, None, {"create": 80}, 41, (failed,))
        made |= {
            "findings": (risk, unknown, fine),
            "databases": (Database(DATABASES[0], Status.WARNING, late, None, hostile), *databases[1:]),
            "logins": Mirror((*names, hostile), (), ({"name": hostile, "action": "due", "why": f"{hostile} missing"},)),
            "certificates": (
                certificate(-400, -5, hostile),
                certificate(-340, 20, "portal.hyper-v.nu"),
                certificate(10, 375, "new.hyper-v.nu", "Portal1, SPF"),
                *made["certificates"],
            ),
            "drills": (drill(), broken),
            "updates": (*updates, stopped),
            "steps": (entry, failed),
            "troubles": {"certificates": ("SPF2 does not answer",), "history": (hostile,)},
        }
    return Content("dev", NOW, topology, verification, **{**made, **changes})
