"""The life of a farm: from nothing, again without a change, without a secret to be seen, away again, and back.

One farm for the whole module; the tests run in the order of the file.
"""

from __future__ import annotations

import json
import re
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest

from components.portal.databases import DATABASES
from tests.e2e.changes import ALLOWED, differences, roles, unexpected, unexpected_files
from tests.e2e.farm import NETWORK, ROOT, Farm, Result
from tests.e2e.lab_state import (
    OURS,
    Documents,
    Seen,
    documents,
    files,
    in_state,
    leaks,
    on_machines,
    on_wires,
    secrets,
    watched,
)
from tests.test_dialect import CMDLETS, DIALECT, findings

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]

PACE = "0.02"
"""Slower than other end-to-end tests: an installation must take long enough for its progress to be seen at all."""
COUNTER = """#!/bin/sh
echo started >> {log}
exec {plugin} "$@"
"""


@dataclass
class Life:
    """The farm and what was kept of its history."""

    farm: Farm
    before: Documents
    files_before: set[str]
    first: Result
    seen: Seen
    entries: list[dict[str, str]]
    """The journal of the first ``up``."""
    plugins: int
    """Processes of the dynamic provider that the first ``up`` started."""
    outputs: list[tuple[str, str]] = field(default_factory=list)
    """What every command printed."""

    def run(self, what: str) -> tuple[Result, list[dict[str, str]], int]:
        """Run ``up``, ``preview`` or ``destroy``: its result, its part of the journal, its plugin processes."""
        lines, plugins = len(self.farm.journal()), started(self.farm)
        done: Result = getattr(self.farm, what)()
        self.outputs.append((what, done.output))
        return done, self.farm.journal()[lines:], started(self.farm) - plugins


def started(farm: Farm) -> int:
    """How many processes of the dynamic provider were started so far."""
    log = farm.folder / "plugins.log"
    return len(log.read_text().splitlines()) if log.exists() else 0


def count_plugins(farm: Farm) -> None:
    """Put a program before the project's plugin that notes each start."""
    folder, name = farm.folder / "count", "pulumi-resource-pulumi-python"
    folder.mkdir()
    program, project = folder / name, farm.project / "Pulumi.yaml"
    program.write_text(COUNTER.format(log=farm.folder / "plugins.log", plugin=ROOT / "components" / "plugin" / name))
    program.chmod(0o755)
    text = project.read_text(encoding="utf-8")
    assert "path: components/plugin" in text
    project.unlink()  # a link to the program's own
    project.write_text(text.replace("path: components/plugin", f"path: {folder}"), encoding="utf-8")


@pytest.fixture(scope="module")
def life(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Life]:
    farm = Farm(tmp_path_factory.mktemp("life"))
    count_plugins(farm)
    with farm.running(pace=PACE):
        before, files_before = documents(farm), files(farm)
        farm.make_stack()
        with watched(farm) as seen:
            # Without --diff: only that display shows the progress of a resource.
            first = farm.pulumi("up", "--yes", "--skip-preview")
        made = Life(farm, before, files_before, first, seen, farm.journal(), started(farm), [("up", first.output)])
        yield made


# Coming into being -------------------------------------------------------------------------------------------


def test_up_from_nothing(life: Life) -> None:
    assert life.first.ok, life.first.output[-4000:]
    print(f"up from nothing: {life.first.seconds:.0f} s at pace {PACE}")


def test_outputs(life: Life) -> None:
    found = life.farm.outputs()
    assert found["portal"] == "https://portal.hyper-v.nu"
    assert found["addresses"] == {"portal.hyper-v.nu": f"172.{NETWORK}.5.150"}
    assert found["primary"] == "SQL1"
    assert found["databases"] == list(DATABASES)
    on_server = life.farm.sql("SQL1", "SELECT name FROM sys.sql_logins WHERE name LIKE N'MgmtSvc-%'")
    assert {row["name"] for row in on_server} <= set(found["mirroredLogins"].split(", "))
    assert len(on_server) > 10
    on_secondary = {row["name"] for row in life.farm.sql("SQL2", "SELECT name FROM sys.sql_logins")}
    assert set(found["mirroredLogins"].split(", ")) <= on_secondary
    plans = life.farm.sql("SQL1", "SELECT COUNT(*) AS n FROM mp.Plans", database="Microsoft.MgmtSvc.Store")
    assert plans[0]["n"] == 1
    assert found["plan"]
    line = r"[-\d]+ [:\d]+ UTC: (\d+) of \1 hold(, \d+ of them with a warning)?\."
    assert re.fullmatch(line, found["verification"]), "one line with its time"


def test_progress_is_told_in_sentences(life: Life) -> None:
    reported = life.first.output
    assert "On SQL2, join Microsoft.MgmtSvc.Store to SQL." in reported
    assert "See every site of the portal work with SQL2 as the primary." in reported
    for node in ("Portal1", "Portal2"):
        shares = [int(text) for text in re.findall(rf"{node}: installing Windows Azure Pack, (\d+) % \(", reported)]
        # How many of them a loaded machine gets to see is chance; tests/remote/test_detached.py has every one told.
        assert shares, f"{node}: no progress"
        assert shares == sorted(shares)


def test_verification_from_outside(life: Life) -> None:
    done = life.farm.operations("verify", "--json")
    life.outputs.append(("verify", done.output))
    assert done.ok, done.output
    report = json.loads(done.output)
    assert report["ok"]
    assert all(row["ok"] for row in report["rows"])
    members = {row["member"] for row in report["rows"]}
    assert members >= {"Portal1", "Portal2", "SPF1", "SPF2", "SQL1", "SQL2", "portal.hyper-v.nu", "spf.hyper-v.nu"}
    assert members >= {"sql.hyper-v.nu", *DATABASES}


def made(life: Life) -> int:
    """How many resources the first ``up`` made, the stack itself included."""
    reported = re.search(r"\+ (\d+) created", life.first.output)
    assert reported, life.first.output[-1500:]
    return int(reported[1])


def test_the_second_up_changes_nothing(life: Life) -> None:
    own = open_shells(life.farm)  # of the tests themselves
    done, entries, plugins = life.run("up")
    assert done.ok, done.output[-4000:]
    assert f" {made(life)} unchanged\n" in done.output, done.output[-1500:]
    assert not re.search(r"^ +(\+|-|~) \d+ (created|updated|deleted|replaced)", done.output, re.MULTILINE)
    print(f"up without changes: {done.seconds:.1f} s (10 s on an idle machine), {plugins} plugin processes")
    assert done.seconds < 60
    # No verification either; every host's PowerShell was started once.
    assert Counter(entry["machine"] for entry in shells(entries)) == dict.fromkeys(MANAGED, 1)
    # And none was left behind: Windows gives an account thirty shells on a machine.
    deadline = time.monotonic() + 10
    while (left := open_shells(life.farm)) != own:
        assert time.monotonic() < deadline, left
        time.sleep(0.2)


def open_shells(farm: Farm) -> dict[str, int]:
    status = json.loads(farm.lab("status", "--json").output)
    return {machine["name"]: machine["shells"] for machine in status["machines"] if machine["shells"]}


MANAGED = ("Portal1", "Portal2", "SPF1", "SPF2", "SQL1", "SQL2")


def shells(entries: list[dict[str, str]]) -> list[dict[str, str]]:
    """Starts of the resident PowerShell: not those of scheduled tasks, which run a file."""
    return [entry for entry in entries if entry["kind"] == "start" and "-EncodedCommand" in entry["text"]]


def test_one_powershell_per_host_and_plugin_process(life: Life) -> None:
    assert life.plugins == 1
    starts = Counter(entry["machine"] for entry in shells(life.entries))
    for machine in MANAGED:
        # One for the provider, one for the verification at the end; and one more for each connection that the farm
        # breaks: a restart of the machine, and on a portal node the load balancing that takes its network card.
        restarts = sum(
            document["id"] == 7036 and document["message"].startswith("The Windows Remote Management")
            for (owner, kind, _), document in documents(life.farm).items()
            if (owner, kind) == (machine.lower(), "event") and "running" in document["message"]
        )
        broken = restarts + (1 if machine.startswith("Portal") else 0)
        assert 2 <= starts[machine] <= 2 + broken, f"{machine}: {starts[machine]} starts, {restarts} restarts"


# Secrets -----------------------------------------------------------------------------------------------------


def test_no_secret_is_seen_anywhere(life: Life) -> None:
    preview, _, _ = life.run("preview")
    assert preview.ok, preview.output[-4000:]
    export = life.farm.pulumi("stack", "export")
    life.outputs += [("export", export.output), ("verification", life.farm.outputs()["verification"])]
    kept = secrets(life.farm)
    assert len([what for what in kept if what.startswith("hash of")]) > 30
    assert len([what for what in kept if what.startswith("password of")]) > 10
    assert any("run.ps1" in place for place, _ in life.seen.texts)  # tasks were seen while they ran
    assert any("arguments.json" in place for place, _ in life.seen.texts)
    everywhere = [
        *life.outputs,
        *life.seen.texts,
        *on_machines(life.farm),
        *on_wires(life.farm.journal()),
        *in_state(life.farm),
    ]
    assert leaks(everywhere, kept) == []


@pytest.mark.parametrize("what", ["passphrase", "local administrator", "hash of sa on sql2", "portal.pfx in base64"])
def test_a_planted_secret_is_found(life: Life, what: str) -> None:
    kept = secrets(life.farm)
    path = r"C:\Windows\Temp\planted.txt"
    life.farm.powershell("Portal1", "Set-Content $Path $Text", Path=path, Text=f"before {kept[what]} after")
    try:
        assert leaks(on_machines(life.farm), kept) == [f"{what} in file files/portal1/C/Windows/Temp/planted.txt"]
    finally:
        life.farm.powershell("Portal1", "Remove-Item $Path", Path=path)


def test_a_planted_command_line_and_token_are_found(life: Life) -> None:
    kept = secrets(life.farm)
    entry = {"kind": "start", "machine": "SQL1", "text": f"net user a {kept['spfAccountPassword']} /add"}
    assert leaks(on_wires([entry]), kept) == ["spfAccountPassword in start on SQL1"]
    token = {"kind": "script", "machine": "SQL1", "text": "-Token eyJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJodHRwIn0.xyz"}
    assert leaks(on_wires([token]), kept) == ["a token in script on SQL1"]


# What was sent -----------------------------------------------------------------------------------------------


@pytest.mark.skipif(not (DIALECT.is_file() and CMDLETS.is_file()), reason="the checker is not beside this project")
@pytest.mark.parametrize(("kind", "least"), [("sql", 25), ("composed", 15)])
def test_every_statement_is_transact_sql_of_2012(life: Life, kind: str, least: int) -> None:
    """Also the statements that were put together on the server; the SQL client sent none of its own."""
    texts = sorted({entry["text"] for entry in life.farm.journal() if entry["kind"] == kind})
    assert len(texts) >= least
    lines = "".join(json.dumps({"name": f"{kind} {n}", "text": text}) + "\n" for n, text in enumerate(texts))
    assert findings("tsql", "-", text=lines) == []


# Away and back -----------------------------------------------------------------------------------------------


def test_destroy_leaves_only_what_is_documented(life: Life) -> None:
    done, _, _ = life.run("destroy")
    assert done.ok, done.output[-4000:]
    assert f"- {made(life)} deleted" in done.output
    found = list(differences(life.before, documents(life.farm)))
    assert unexpected(found, life.farm.model) == []
    known = roles(life.farm.model)
    unused = [rule for rule in ALLOWED if not any(rule.covers(one, known) for one in found)]
    assert unused == []  # a rule that covers nothing hides something else one day
    assert unexpected_files(files(life.farm) - life.files_before, life.farm.model) == set()
    assert life.files_before <= files(life.farm)


def test_no_object_of_ours_is_left(life: Life) -> None:
    left = [key for key in documents(life.farm) if OURS.lower() in key[2] or "svc_spf_reg" in key[2]]
    assert left == []
    assert [document for (_, kind, _), document in documents(life.farm).items() if kind == "task"] == []
    for machine in ("SQL1", "SQL2"):
        groups = life.farm.sql(machine, "SELECT database_name FROM sys.availability_databases_cluster")
        assert sorted(row["database_name"] for row in groups) == ["SCSPFDB", "VirtualManagerDB"]
    copies = life.farm.sql("SQL2", "SELECT name FROM sys.databases WHERE name LIKE N'Microsoft.MgmtSvc%'")
    assert copies == []
    kept = life.farm.sql("SQL1", "SELECT name FROM sys.databases WHERE name LIKE N'Microsoft.MgmtSvc%'")
    assert {row["name"] for row in kept} == set(DATABASES)
    rows = life.farm.sql("SQL1", "SELECT COUNT(*) AS n FROM mp.Plans", database="Microsoft.MgmtSvc.Store")
    assert rows[0]["n"] == 0


def test_the_allowed_differences_would_not_hide_ours(life: Life) -> None:
    """The comparison is worth something: these would be found."""
    before: Documents = {("spf1", "service", "w3svc"): {"status": "Running"}}
    after: Documents = {
        ("spf1", "service", "w3svc"): {"status": "Stopped"},
        ("portal1", "registry", r"hklm\software\windowsazurepackha\claims"): {"values": {}},
        ("sql2", "sql-database", "microsoft.mgmtsvc.store"): {"state": "RESTORING"},
    }
    assert unexpected(differences(before, after), life.farm.model) == [
        r"portal1 registry hklm\software\windowsazurepackha\claims: new",
        "spf1 service w3svc: status",
        "sql2 sql-database microsoft.mgmtsvc.store: new",
    ]
    leftovers = {"file/C/Shares/SQLAG/arguments.json", "portal1/C/ProgramData/WindowsAzurePackHA", "sql1/C/inetpub"}
    assert unexpected_files(leftovers, life.farm.model) == leftovers


def test_up_again(life: Life) -> None:
    done, _, _ = life.run("up")
    assert done.ok, done.output[-4000:]
    assert life.farm.operations("verify").ok
