"""The sections of a report, each from its part of the content."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from components.step_log import Entry
from operations import audit
from operations.audits.finding import Finding, Verdict
from operations.checks import unverified
from operations.drill.measure import Server
from operations.drill.store import Drill
from operations.picture.design import Mark, render
from operations.report import charts
from operations.report.content import Certificate, Content, Database, Update
from operations.report.html import COLORS, SYMBOLS, WORDS, Child, Html, chip, lines, state, table, tag, together, wide
from operations.row import Row, Status

TIME = "%Y-%m-%d %H:%M"
_RISK = {Verdict.RISK: ("warning", "!"), Verdict.UNKNOWN: ("unchecked", "?"), Verdict.WELL: ("ok", "✓")}


def machines(content: Content) -> Iterator[Child]:
    """The picture, and what it says as a table."""
    marks = {
        one.name: Mark(COLORS[one.status], f"{SYMBOLS[one.status]} {WORDS[one.status]}") for one in content.machines
    }
    title = f"The machines of {content.topology.name} and their states; the table below says the same"
    yield wide(
        "Picture of the farm", Html(render(content.topology, marks, title=title, colors=charts.THEME, kind="picture"))
    )
    heads = ("machine", "state", "address", "part", "what was found")
    rows = [(one.name, state(one.status), one.address, one.part, one.said) for one in content.machines]
    yield table("Machines", heads, rows)


def verification(content: Content) -> Iterator[Child]:
    """What does not hold first, then everything else, and what nothing looks at."""
    yield tag("p", content.verification.closing_line())
    attention = [row for row in content.verification.rows if row.status is not Status.OK]
    others = [row for row in content.verification.rows if row.status is Status.OK and row.level != unverified.LEVEL]
    unasked = [row for row in content.verification.rows if row.level == unverified.LEVEL]
    yield _rows("Needs attention", sorted(attention, key=lambda row: (row.status is not Status.WRONG, row.ok)))
    yield _rows("Holds", others)
    shown = [(row.member, row.checked, row.found) for row in unasked]
    yield table(f"Not verified ({len(shown)})", ("member", "what", "why"), shown)


def _rows(caption: str, rows: Sequence[Row]) -> Html:
    shown = [(row.member, state(row.status), row.level, row.checked, row.found) for row in rows]
    return table(f"{caption} ({len(rows)})", ("member", "state", "level", "checked", "found"), shown)


def audited(content: Content) -> Iterator[Child]:
    yield tag("p", audit.closing_line(content.findings))
    open_ = [*content.risks, *(row for row in content.findings if row.verdict is Verdict.UNKNOWN)]
    well = [row for row in content.findings if row.verdict is Verdict.WELL]
    heads = ("looked at", "verdict", "what may fail, or was found", "effect", "remedy")
    rows = [(row.looked_at, _verdict(row), row.what, row.effect, row.remedy) for row in open_]
    yield table(f"Risks, and what is unknown ({len(open_)})", heads, rows)
    found = [(row.looked_at, _verdict(row), row.what) for row in well]
    yield table(f"No risk ({len(well)})", ("looked at", "verdict", "found"), found)


def _verdict(row: Finding) -> Html:
    return chip(*_RISK[row.verdict], str(row.verdict))


def databases(content: Content) -> Iterator[Child]:
    machines = list(dict.fromkeys(copy.machine for one in content.databases for copy in one.copies))
    heads = ("database", "state", *(f"on {machine}" for machine in machines), "log")
    yield table("Databases of the farm", heads, [_database(one, machines) for one in content.databases])


def _database(database: Database, machines: Sequence[str]) -> list[Child]:
    copies: dict[str, Child] = {
        copy.machine: lines([f"{copy.role}, {copy.state}", "" if copy.ready else "not ready for a failover"])
        if not copy.ready
        else f"{copy.role}, {copy.state}"
        for copy in database.copies
    }
    cells = [copies.get(machine, "not there") for machine in machines]
    return [database.name, state(database.status), *cells, database.log]


def logins(content: Content) -> Iterator[Child]:
    names, differing = content.logins.names, content.logins.differing
    if differing:
        kinds = [(row["name"], chip("wrong", "✕", row["action"]), row["why"]) for row in differing]
        yield table(f"Differ, or are left to the administrator ({len(differing)})", ("login", "state", "why"), kinds)
    elif names:
        yield tag("p", state(Status.OK), " Every login is the same on every replica.")
    if names:
        yield tag("h3", f"Mirrored logins ({len(names)})")
        yield tag("ul", *(tag("li", name) for name in names), class_="names")


def certificates(content: Content) -> Iterator[Child]:
    if not content.certificates:
        return
    yield wide("Time line of the certificates", Html(charts.certificates(content.certificates, content.at)))
    heads = ("issued for", "state", "valid from", "until", "shown by", "thumbprint")
    yield table("Certificates", heads, [_certificate(one, content.at) for one in content.certificates])


def _certificate(one: Certificate, now: datetime) -> list[Child]:
    concern = one.concern(now)
    states: list[Child] = [state(one.status(now)), *((tag("br"), concern) if concern else ())]
    dates = (f"{one.begins:%Y-%m-%d}", f"{one.ends:%Y-%m-%d}")
    return [lines(one.names), together(states), *dates, lines(_by_machine(one.places)), one.thumbprint]


def _by_machine(places: Sequence[str]) -> list[str]:
    """``Portal1: MgmtSvc-AdminAPI, MgmtSvc-AdminSite``."""
    services: dict[str, list[str]] = {}
    for place in places:
        machine, _, service = place.partition(", ")
        services.setdefault(machine, []).append(service)
    return [f"{machine}: {', '.join(named)}" for machine, named in services.items()]


# Drills and history ---------------------------------------------------------------------------------------------------


def drills(content: Content) -> Iterator[Child]:
    if not content.drills:
        if "drills" not in content.troubles:
            yield tag("p", "No drill of this farm is kept on this computer.")
        return
    yield tag("p", "Low bars are the requests of each second, tall bars seconds with failures.", class_="soft")
    for drill in content.drills:
        yield from _drill(drill)


def drill_verdict(drill: Drill) -> Html:
    if drill.ok:
        return state(Status.OK, "within the budget")
    return state(Status.WRONG, "not finished" if drill.error or drill.off else "beyond the budget")


def _drill(drill: Drill) -> Iterator[Child]:
    how = "orderly shutdown" if drill.planned else "power cut"
    yield tag("h3", f"{_time(drill.began)}, {how}, ", drill_verdict(drill))
    if drill.off:
        yield tag("p", f"{drill.off} is off, or was when the drill was killed.", class_="trouble")
    if drill.error:
        yield tag("p", f"It ended early: {drill.error}", class_="trouble")
    heads = ("server", "verdict", "longest outage", "budget", "off after", "redundant again after")
    of = f"of the drill of {_time(drill.began)}"
    yield table("Servers", heads, [_server(one) for one in drill.servers], label=f"Servers {of}")
    for server in drill.servers:
        yield wide(f"{server.machine}, {of}", Html(charts.strips(server)))
        failing = [
            (one.service, one.name, "; ".join(f"{error}: {n}" for error, n in one.errors.items()))
            for one in server.services
            if one.failed
        ]
        caption = f"Errors while {server.machine} was off"
        yield table(caption, ("service", "name", "errors"), failing, label=f"{caption}, {of}")


def _server(server: Server) -> list[Child]:
    seconds = (server.longest_outage_seconds, server.budget_seconds, server.off_seconds, server.redundant_seconds)
    verdict = state(Status.OK, "within") if server.within else state(Status.WRONG, "beyond")
    return [server.machine, verdict, *(f"{one:g} s" for one in seconds)]


def _time(text: str) -> str:
    try:
        return f"{datetime.fromisoformat(text):{TIME}} UTC"
    except ValueError:
        return text


def history(content: Content) -> Iterator[Child]:
    if not content.updates and "history" not in content.troubles:
        yield tag("p", "Nothing was done with this stack yet.")
    heads = ("began (UTC)", "result", "what", "took", "resources", "steps")
    yield table("The last entries of the stack's history", heads, [_update(one) for one in content.updates])
    failed = [entry for update in content.updates for entry in update.failed]
    yield _steps(f"Steps that failed in them ({len(failed)})", failed)
    yield _steps("The last steps", content.steps)


def _update(update: Update) -> list[Child]:
    good = update.result == "succeeded"
    result = state(
        Status.OK if good else Status.WRONG if update.result == "failed" else Status.UNCHECKED, update.result
    )
    took = "" if update.ended is None else f"{(update.ended - update.began).total_seconds():.0f} s"
    changes = ", ".join(f"{number} {name}" for name, number in update.changes.items() if name != "same")
    steps = f"{update.steps}, {len(update.failed)} failed" if update.failed else str(update.steps)
    what = f"{update.kind} {update.version}" if update.version else update.kind  # a file backend counts none
    return [_unbroken(update.began), result, what, took, changes or "no change", steps]


def _unbroken(at: datetime) -> str:
    """A time that stays on one line."""
    return f"{at:{TIME}}".replace(" ", "\N{NO-BREAK SPACE}")


def _steps(caption: str, entries: Sequence[Entry]) -> Html:
    rows: list[list[Child]] = [
        [
            _unbroken(one.ended),
            chip("wrong", "✕", "failed") if one.failed else chip("ok", "✓", "done"),
            one.machine,
            one.sentence,
            one.result,
            one.resource,
        ]
        for one in entries
    ]
    return table(caption, ("ended (UTC)", "", "machine", "step", "result", "resource or command"), rows)
