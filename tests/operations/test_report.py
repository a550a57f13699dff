"""``python -m operations report``: the page, its pictures, exit codes, and what cannot be looked at."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Callable
from datetime import timedelta
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from xml.etree import ElementTree

import pytest
from cryptography import x509
from typer.testing import CliRunner

from components import stack_configuration
from components.portal.databases import DATABASES
from components.sql.group import DatabaseReplica, Group
from components.sql.log_backups import LogState
from components.step_log import Entry, StepLog, entries
from operations import __main__ as operations
from operations import configuration
from operations.audits.finding import Finding, Verdict
from operations.checks import sql
from operations.checks.machines import managed
from operations.clients import Asked
from operations.drill import measure, store
from operations.drill.store import Drill
from operations.report import certificates as shown_certificates
from operations.report import charts, command, history, look, page
from operations.report.content import Content, Copy
from operations.report.html import VOID, Html, escaped, tag
from operations.row import Row, Status, UncheckedError
from operations.verify import Report
from remote import handshakes
from remote.errors import MachineError, UnreachableError
from remote.http import HttpError
from remote.secret import Secret
from tests.operations.made_up import DAY, HOSTILE, NOW, SHOWN, certificate, content, drill
from tests.operations.test_drill import START, TOPOLOGY, asked
from tests.operations.test_verify import CREDENTIALS
from tests.operations.test_verify import certificate as der


class Page(HTMLParser):
    """A page taken apart: every element with its attributes, the text, and what is not closed in order."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.said: list[str] = []
        self.unclosed: list[str] = []
        self.problems: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))
        if tag not in VOID:
            self.unclosed.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        if not self.unclosed or self.unclosed.pop() != tag:
            self.problems.append(f"</{tag}> at {self.getpos()}")

    def handle_data(self, data: str) -> None:
        self.said.append(data)

    def named(self, *names: str) -> list[dict[str, str]]:
        return [attributes for name, attributes in self.elements if name in names]


def pages() -> list[Any]:
    empty = Content("dev", NOW, content().topology, content(well=True).verification, ())
    made = {"hostile": content(), "well": content(well=True), "distributed": content("distributed"), "empty": empty}
    return [pytest.param(one, id=name) for name, one in made.items()]


every = pytest.mark.parametrize("made", pages())


@every
def test_every_tag_is_closed_and_every_section_is_there(made: Content) -> None:
    found = Page(page.written(made))
    assert (found.problems, found.unclosed) == ([], [])
    ids = [attributes["id"] for _, attributes in found.elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    links = [attributes["href"] for attributes in found.named("a")]
    assert links == [f"#{name}" for name, _, _ in page.SECTIONS]
    assert {link.removeprefix("#") for link in links} <= set(ids)


@every
def test_nothing_is_loaded_and_nothing_runs(made: Content) -> None:
    text = page.written(made)
    found = Page(text)
    assert found.named("script", "link", "img", "iframe", "object", "embed", "base", "form", "use", "image") == []
    for name, attributes in found.elements:
        assert not [key for key in attributes if key.startswith("on")], name
        assert not {"src", "srcset", "xlink:href", "style", "data", "action"} & attributes.keys(), name
    style = page.STYLE.read_text(encoding="utf-8")
    assert style in text
    assert not re.search(r"@import|url\(|expression|</", style)
    (policy,) = [one["content"] for one in found.named("meta") if one.get("http-equiv") == "Content-Security-Policy"]
    assert policy == "default-src 'none'; style-src 'unsafe-inline'"


@every
def test_headings_are_in_order_tables_and_pictures_have_names(made: Content) -> None:
    text = page.written(made)
    found = Page(text)
    levels = [int(name[1]) for name, _ in found.elements if re.fullmatch("h[1-6]", name)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))
    assert all(head.get("scope") in ("col", "row") for head in found.named("th"))
    assert len(found.named("caption")) == len(found.named("table"))
    regions = [one["aria-label"] for one in found.named("div") if one.get("role") == "region"]
    assert len(regions) == len(set(regions)), "a reader of names tells them apart"
    pictures = [ElementTree.fromstring(one) for one in re.findall(r"(?s)<svg .*?</svg>", text)]
    assert pictures
    for picture in pictures:
        assert picture.get("role") == "img"
        assert (picture[0].tag.endswith("title"), bool(picture[0].text)) == (True, True)
    assert ("html", {"lang": "en"}) in found.elements


def test_what_machines_say_is_text() -> None:
    text = page.written(content())
    found = Page(text)
    said = "".join(found.said)
    assert SHOWN in said
    assert said.count(SHOWN) >= 12, "logins, rows, risks, databases, certificates, drills, steps, troubles"
    assert "\x1b" not in text
    assert "\u202e" not in text
    assert not re.search("<script", text, re.IGNORECASE)


def test_a_picture_escapes_texts_and_titles() -> None:
    one = dataclasses.replace(drill().servers[1], machine=HOSTILE)
    hostile = dataclasses.replace(one, services=(dataclasses.replace(one.services[0], service=HOSTILE),))
    root = ElementTree.fromstring(charts.strips(hostile))
    assert SHOWN in (root[0].text or "")
    assert {child.tag.rpartition("}")[2] for child in root.iter()} == {"svg", "title", "rect", "path", "text"}
    ElementTree.fromstring(charts.certificates([certificate(-1, 1, HOSTILE)], NOW))


def test_text_and_attributes_are_escaped_and_secrets_masked() -> None:
    Secret("Report-Secret-1!")
    made = tag("p", 'a<b> "c" Report-Secret-1!\x07', Html("<br>"), title="\"><script>Report-Secret-1!'", class_="x")
    assert made.markup == (
        '<p title="&quot;&gt;&lt;script&gt;***&#x27;" class="x">a&lt;b&gt; &quot;c&quot; ***\\x07<br></p>'
    )
    assert tag("br").markup == "<br>"
    assert escaped("a\nb") == "a\\nb"


# The time line and the strips -----------------------------------------------------------------------------------------


def bars(svg: str) -> list[tuple[float, float, str]]:
    """From, to and colour of each filled area that has no frame."""
    found = [one.attrib for one in ElementTree.fromstring(svg).iter() if one.tag.endswith("rect") and "x" in one.attrib]
    return [(float(one["x"]), float(one["x"]) + float(one["width"]), one["fill"]) for one in found]


def today(svg: str) -> float:
    (dashed,) = re.findall(r'<path d="M([\d.]+) [^>]*dasharray', svg)
    return float(dashed)


@pytest.mark.parametrize(
    ("begins", "ends", "color", "side", "status"),
    [
        (10, 375, "var(--wrong)", "after", Status.WRONG),
        (-400, -5, "var(--wrong)", "before", Status.WRONG),
        (-335, 20, "var(--warning)", "around", Status.WARNING),
        (-100, 265, "var(--ok)", "around", Status.OK),
        (-1, 36500, "var(--ok)", "around", Status.OK),
        (0, 0, "var(--warning)", "around", Status.WARNING),
    ],
)
def test_one_certificate_on_the_time_line(begins: int, ends: int, color: str, side: str, status: Status) -> None:
    one = certificate(begins, ends)
    svg = charts.certificates([one], NOW)
    track, bar = bars(svg)
    assert (bar[2], one.status(NOW)) == (color, status)
    assert track[0] <= bar[0] < bar[1] <= track[1]
    at = today(svg)
    assert track[0] <= at <= track[1]
    assert {"after": at < bar[0], "before": bar[1] < at, "around": bar[0] <= at <= bar[1]}[side]
    assert f"today, {NOW:%Y-%m-%d}" in svg


@pytest.mark.parametrize("days", [0, 1, 40, 300, 801, 4000, 40000])
def test_ticks_are_few_and_in_order(days: int) -> None:
    ticks = charts.Scale(NOW - days * DAY, NOW, 300, 1000).ticks()
    assert ticks == sorted(ticks)
    assert len(ticks) <= 14
    assert all(NOW - days * DAY <= tick <= NOW + DAY for tick in ticks)


def test_a_strip_shows_requests_failures_and_events() -> None:
    server = drill().servers[1]
    svg = charts.strips(server)
    assert [color for *_, color in bars(svg)].count("var(--wrong)") == 3
    for event in ("shut down 0 s", "off 5 s", "switched on 65 s", "redundant again 93 s", "✕ 22 of 1000 failed"):
        assert f">{event}</text>" in svg
    assert svg.count("dasharray") == 4


def test_a_strip_of_an_earlier_result_shows_from_the_first_to_the_last_failure() -> None:
    server = drill().servers[1]
    bare = dataclasses.replace(server.services[0], requests_by_second=(), failures_by_second=())
    svg = charts.strips(dataclasses.replace(server, services=(bare,), on_seconds=None))
    ((begins, ends, _),) = [bar for bar in bars(svg) if bar[2] == "var(--wrong)"]
    assert ends > begins
    assert "switched on" not in svg


def test_labels_of_events_lie_beside_or_below_each_other() -> None:
    server = dataclasses.replace(drill().servers[0], off_seconds=0.1, on_seconds=0.2, redundant_seconds=90)
    texts = [one.attrib | {"text": one.text or ""} for one in ElementTree.fromstring(charts.strips(server)).iter()]
    labels = [one for one in texts if one["text"].endswith(" s")]
    assert len(labels) == 4
    places = [(one["y"], float(one["x"]), float(one["x"]) + 11 * 0.62 * len(one["text"])) for one in labels]
    for index, (y, begins, ends) in enumerate(places):
        for other_y, other_begins, other_ends in places[:index]:
            assert y != other_y or ends <= other_begins or other_ends <= begins


def test_requests_are_counted_by_second() -> None:
    found = Asked(asked((-0.5, ""), (0.2, "no"), (2.9, ""), (2.1, "no")))
    server = measure.server(
        TOPOLOGY, "Portal1", found, ordered=START, off_seconds=1, redundant_seconds=2, planned=True, on_seconds=61.04
    )
    (service,) = server.services
    assert (service.requests_by_second, service.failures_by_second) == ((2, 0, 2), (1, 0, 1))
    assert server.on_seconds == 61.0


# The content ----------------------------------------------------------------------------------------------------------


def test_a_machine_has_the_worst_state_of_its_rows() -> None:
    states = {one.name: (one.status, one.said) for one in content().machines}
    assert states["SPF2"] == (Status.WRONG, "1 of 2 checks; WinRM answers: does not answer")
    assert states["SQL1"] == (Status.WARNING, "1 of 2 checks; its services start with it: restart pending")
    assert states["Portal1"] == (Status.OK, "1 check")
    assert states["FILE"] == (Status.UNCHECKED, "this program does not manage it")


RISK = Finding("level", "x", Verdict.RISK, "what", "effect", "remedy")
UNKNOWN = Finding("level", "x", Verdict.UNKNOWN, "why")


@pytest.mark.parametrize(
    ("made", "code", "verdict"),
    [
        (content(well=True), 0, "Every check holds, and the audit found no risk."),
        (content(well=True, findings=(RISK,)), 1, "Every check holds; the audit found 1 risk."),
        (content(well=True, findings=(RISK, UNKNOWN)), 1, "Every check holds; the audit found 1 risk."),
        (content(well=True, findings=(UNKNOWN,)), 2, "Every check holds; 1 thing could not be looked at."),
        (
            content(well=True, troubles={"history": ("no", "no")}),
            2,
            "Every check holds; 2 things could not be looked at.",
        ),
        (content(), 1, "The farm is not as it should be: 3 of 16 checks do not hold."),
    ],
)
def test_the_verdict_and_the_exit_code(made: Content, code: int, verdict: str) -> None:
    assert (made.exit_code(), made.verdict()) == (code, verdict)
    assert verdict in "".join(Page(page.written(made)).said)


def test_what_was_not_checked_is_not_called_wrong() -> None:
    well = content(well=True)
    unchecked = Row("portal", "Portal1", "IIS runs", Status.UNCHECKED, "no answer")
    rows = dataclasses.replace(well.verification, rows=(*well.verification.rows, unchecked))
    made = dataclasses.replace(well, verification=rows)
    assert made.verdict() == "Nothing wrong was found, but 1 of 13 checks could not be made."
    assert made.exit_code() == 1


def test_without_drills_the_report_says_so() -> None:
    assert "No drill of this farm is kept" in page.written(content(well=True, drills=()))


def test_a_drill_that_ended_early_says_why_and_what_is_off() -> None:
    said = "".join(Page(page.written(content(drills=(drill(error="SQL1: wait: no.", off="SQL1"),)))).said)
    assert "It ended early: SQL1: wait: no." in said
    assert "SQL1 is off" in said
    assert "not finished" in said


def test_a_database_that_is_not_ready_says_so_on_its_replica() -> None:
    (database, *_) = content().databases
    assert database.copies[1] == Copy("SQL2", "secondary", "suspended, SUSPEND_FROM_USER", False)
    assert "not ready for a failover" in page.written(content())


def test_a_certificate_names_each_machine_once() -> None:
    assert "Portal1: A, B<br>Portal2: A" in page.written(
        content(well=True, certificates=(certificate(-1, 90, "x", "Portal1, A", "Portal1, B", "Portal2, A"),))
    )


def test_the_same_content_as_data() -> None:
    plain = json.loads(json.dumps(content().plain()))
    assert plain["ok"] is False
    assert plain["logins"]["differing"][0]["name"] == HOSTILE
    assert [one["status"] for one in plain["certificates"]] == ["wrong", "warning", "wrong", "ok", "ok"]
    assert plain["databases"][1]["log_age"] == "2 hours"
    assert plain["updates"][1]["failed"][0]["failed"] is True
    assert plain["not_looked_at"]["certificates"] == ["SPF2 does not answer"]


# Looking --------------------------------------------------------------------------------------------------------------


def test_one_section_that_fails_hides_no_other() -> None:
    def raising(error: Exception) -> Callable[[], str]:
        def answer() -> str:
            raise error

        return answer

    Secret("Report-Secret-1!")
    troubles = look.Troubles()
    assert troubles.guard("a", lambda: "x", "") == "x"
    assert troubles.guard("b", raising(MachineError("SQL1", "ask", "no\x1b")), "") == ""
    assert troubles.guard("b", raising(HttpError("closed")), "") == ""
    assert troubles.guard("c", raising(ZeroDivisionError("Report-Secret-1!")), "-") == "-"
    assert troubles.found == {
        "b": ("SQL1: ask: no\\x1b.", "closed"),
        "c": ("an error of the program itself: ZeroDivisionError: ***. Report it.",),
    }


def test_certificates_are_asked_of_machines_that_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = der(100), der(50)

    def https(machine: str, port: int, **_: Any) -> Any:
        if machine == "Portal1":
            raise HttpError("no answer\n")
        return SimpleNamespace(certificate=first)

    def shake(host: str, *_: Any, **__: Any) -> Any:
        if host == "SQL2":
            raise UnreachableError(host, "try", "no connection")
        return SimpleNamespace(certificate=second)

    monkeypatch.setattr(handshakes, "winrm", shake)
    monkeypatch.setattr(handshakes, "sql", shake)
    topology = content().topology
    hosts = type("Hosts", (dict,), {"authorities": ""})({machine.name: machine.name for machine in topology.machines})
    context: Any = SimpleNamespace(
        topology=topology, down=frozenset({"SPF2", "Portal2"}), remote=SimpleNamespace(https=https, hosts=hosts)
    )
    found, missing = shown_certificates.shown(context)
    ends = [x509.load_der_x509_certificate(one).not_valid_after_utc for one in (second, first)]
    assert [one.ends for one in found] == ends, "the one that ends first before the other"
    assert {place.split(",")[0] for one in found for place in one.places} == {"Portal1", "SPF1", "SQL1"}
    assert [why for why in missing if "SPF2" in why or "Portal2" in why] == [
        "Portal2 does not answer",
        "SPF2 does not answer",
    ]
    assert {"SQL2, WinRM: no connection", "SQL2, SQL Server: no connection"} < set(missing)
    assert "Portal1, MgmtSvc-TenantSite: no answer" in missing


def test_a_farm_that_is_down_has_its_report(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    topology = content().topology
    names = managed(topology)
    unreachable = tuple(Row("machines", name, "WinRM answers", Status.WRONG, "no answer") for name in sorted(names))

    def nobody(*_: Any) -> Any:
        raise UncheckedError("no replica answers (SQL1, SQL2)")

    def no_cli(*_: Any) -> Any:
        raise MachineError("this computer", "read the stack's history", "there is no pulumi on PATH")

    monkeypatch.setattr(look, "verified", lambda *_: Report(unreachable, (), frozenset(names)))
    monkeypatch.setattr(look, "audited", lambda *_: [UNKNOWN])
    monkeypatch.setattr(sql, "group_now", nobody)
    monkeypatch.setattr(sql, "logins_now", nobody)
    monkeypatch.setattr(history, "run", no_cli)
    values = {"topology": "topologies/single-domain.yaml", "credentials": CREDENTIALS}
    made = look.looked(configuration.context(values), look.Kept("", "dev", tmp_path / "dev.log", tmp_path))
    assert made.troubles == {
        "certificates": tuple(f"{name} does not answer" for name in sorted(names)),
        "databases": ("no replica answers (SQL1, SQL2)",),
        "logins": ("no replica answers (SQL1, SQL2)",),
        "history": ("this computer: read the stack's history: there is no pulumi on PATH.",),
    }
    assert made.exit_code() == 1
    said = "".join(Page(page.written(made)).said)
    for text in ("Clients can use: no name that clients use.", "Not looked at: no replica answers (SQL1, SQL2)"):
        assert text in said
    states = {machine.name: machine.status for machine in made.machines}
    assert states == {**dict.fromkeys(names, Status.WRONG), "FILE": Status.UNCHECKED}


def test_databases_are_shown_as_the_group_has_them(monkeypatch: pytest.MonkeyPatch) -> None:
    def copy(machine: str, **otherwise: Any) -> DatabaseReplica:
        values = {"joined": True, "failover_ready": True, "synchronization": "SYNCHRONIZED", "suspended": False}
        return DatabaseReplica(DATABASES[0].upper(), machine, **{**values, **otherwise})

    copies = (
        copy("SQL1"),
        copy("SQL2", suspended=True, suspend_reason="SUSPEND_FROM_USER", failover_ready=False),
        copy("SQL3"),
        copy("SQL4", joined=False, synchronization="", failover_ready=False),
    )
    log = LogState(timedelta(hours=5), True, None, "NOTHING", 1, 2)
    monkeypatch.setattr(sql, "group_now", lambda _: Group("SQL", "SQL1", (), copies))
    monkeypatch.setattr(sql, "logs_now", lambda *_: {DATABASES[0].lower(): log})
    context: Any = SimpleNamespace(down=frozenset({"SQL3"}))
    late = Row("SQL Server", DATABASES[0], "its log is backed up", Status.WRONG, "late")
    first, second, *_ = look.databases(context, Report((late,), ()))
    assert [(one.machine, one.role, one.state, one.ready) for one in first.copies] == [
        ("SQL1", "primary", "SYNCHRONIZED", True),
        ("SQL2", "secondary", "suspended, SUSPEND_FROM_USER", False),
        ("SQL3", "secondary", "does not answer", False),
        ("SQL4", "secondary", "not joined", False),
    ]
    assert (first.status, first.log_age, first.log) == (Status.WRONG, timedelta(hours=5), str(log))
    assert (second.copies, second.log_age, second.log) == ((), None, "the primary does not tell")


def test_drills_are_read_as_they_were_kept_and_a_broken_file_is_named(tmp_path: Path) -> None:
    kept = [drill(began=f"2026-11-{day:02}T21:00:00+00:00") for day in range(10, 20)]
    for one in kept:
        store.Store(tmp_path, one).save()
    store.Store(tmp_path, drill(farm="single-domain-2")).save()
    (tmp_path / "single-domain-2026-11-30T210000Z.json").write_text("{}", encoding="utf-8")
    troubles = look.Troubles()
    assert look.drills("single-domain", tmp_path, troubles) == tuple(reversed(kept[-look.DRILLS :]))
    (why,) = troubles.found["drills"]
    assert why.startswith(f"this computer: read the drill {tmp_path}/single-domain-2026-11-30T210000Z.json: KeyError")
    assert look.drills("another", tmp_path, look.Troubles()) == ()


def test_a_result_of_before_seconds_were_kept_is_read(tmp_path: Path) -> None:
    store.Store(tmp_path, drill()).save()
    (file,) = store.files(tmp_path, "single-domain")
    values = json.loads(file.read_text(encoding="utf-8"))
    for server in values["servers"]:
        del server["on_seconds"]
        for service in server["services"]:
            del service["requests_by_second"], service["failures_by_second"]
    file.write_text(json.dumps(values), encoding="utf-8")
    (server, _) = store.read(file).servers
    assert (server.on_seconds, server.services[0].requests_by_second) == (None, ())


def test_another_farms_server_is_not_switched_on(tmp_path: Path) -> None:
    store.Store(tmp_path, Drill("farm-2", "2026-11-20T21:00:00+00:00", True, off="SQL1")).save()
    assert store.left_off(tmp_path, "farm") == []
    assert [machine for _, machine in store.left_off(tmp_path, "farm-2")] == ["SQL1"]


def test_the_history_counts_the_steps_of_each_update(monkeypatch: pytest.MonkeyPatch) -> None:
    printed = [
        {
            "kind": "update",
            "startTime": "2026-11-30T11:00:00.000Z",
            "endTime": "2026-11-30T11:05:00.000Z",
            "result": "failed",
            "resourceChanges": {"create": 3, "same": 1},
            "version": 7,
            "config": {"secret": "never shown"},
        },
        {"kind": "destroy", "startTime": "2026-11-30T12:00:00.000Z", "result": "in-progress", "version": 8},
    ]
    monkeypatch.setattr(history, "run", lambda question, stack: json.dumps(printed))
    at = NOW - timedelta(minutes=58)
    steps = [Entry(at, "r", "SQL1", "done in 1.0 s", "a"), Entry(at, "r", "SQL1", "failed after 1.0 s: no", "b")]
    first, second = history.updates("", [*steps, Entry(NOW - 3 * DAY, "r", "SQL1", "done", "c")])
    assert (first.version, first.result, first.steps, first.failed) == (7, "failed", 2, (steps[1],))
    assert (second.ended, second.changes) == (None, {})
    monkeypatch.setattr(history, "run", lambda question, stack: '[{"kind": 1}]')
    with pytest.raises(MachineError, match="read the stack's history: KeyError"):
        history.updates("", [])


def test_the_log_is_read_as_it_was_written(tmp_path: Path) -> None:
    log = StepLog(tmp_path / "dev.log", "drill")
    with log.act("SQL1", "Shut SQL1 down.\t\x1b"):
        pass
    with pytest.raises(MachineError), log.act("SQL1", "Switch SQL1 on."):
        raise MachineError("SQL1", "switch it on", "no")
    assert log.file is not None
    with log.file.open("a", encoding="utf-8") as file:
        file.write("half a li")
    done, failed = entries(log.file)
    assert (done.resource, done.machine, done.sentence, done.failed) == (
        "drill",
        "SQL1",
        "Shut SQL1 down. \\x1b",
        False,
    )
    assert (failed.sentence, failed.failed) == ("Switch SQL1 on.", True)
    assert entries(tmp_path / "other.log") == []


# The command ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def farm(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., Any]:
    """Runs the command with what ``looked`` gives or raises."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(command, "from_stack", lambda stack: None)
    monkeypatch.setattr(command, "name_of", lambda stack: "dev")
    monkeypatch.setattr(stack_configuration, "run", lambda *_: "dev\n")

    def run(made: Content, *arguments: str) -> Any:
        monkeypatch.setattr(command, "looked", lambda *_: made)
        return CliRunner().invoke(operations.app, ["report", *arguments])

    return run


@pytest.mark.parametrize(("well", "code"), [(True, 0), (False, 1)])
def test_the_file_is_written_whatever_was_found(farm: Callable[..., Any], well: bool, code: int) -> None:
    made = content(well=well)
    done = farm(made)
    assert (done.exit_code, done.stdout) == (code, f"{made.verdict()} The report is in report.html.\n")
    assert Path("report.html").read_text(encoding="utf-8") == page.written(made)
    assert [path.name for path in Path().iterdir()] == ["report.html"]


def test_json_is_printed_and_the_file_written_too(farm: Callable[..., Any]) -> None:
    done = farm(content(), "--json", "--file", "other.html")
    assert json.loads(done.stdout) == json.loads(json.dumps(content().plain()))
    assert done.stderr.endswith("The report is in other.html.\n")
    assert Path("other.html").exists()


def test_a_file_that_cannot_be_written_is_one_line(farm: Callable[..., Any]) -> None:
    done = farm(content(well=True), "--file", "no/such/folder.html")
    assert (done.exit_code, done.stderr.count("\n")) == (2, 1)
    assert "no/such/folder.html" in done.stderr


def test_a_stack_that_cannot_be_read_is_one_line(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def answer(*_: Any) -> str:
        raise MachineError("this computer", "read the stack's configuration", "no stack selected")

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(command, "from_stack", answer)
    done = CliRunner().invoke(operations.app, ["report"])
    assert (done.exit_code, list(tmp_path.iterdir())) == (2, [])
    assert done.stderr == "error: this computer: read the stack's configuration: no stack selected.\n"
