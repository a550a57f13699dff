"""``python -m operations maintenance``: what a run does in which order, what it leaves behind when it fails or is
killed, and what the next one makes of that. Machines are
stand-ins that keep notes; the steps of parts are tested elsewhere."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from typer.testing import CliRunner

from components import stack_configuration
from components.resource.lease import LEASE_SECONDS, Lease
from components.steps import Script, Step, load_script
from components.topology import load
from operations import __main__ as operations
from operations.configuration import Context
from operations.maintenance import command, parts, plan, record, runner
from operations.maintenance.record import Note
from operations.row import Check, WrongError
from remote.errors import MachineError, UnreachableError
from tests.components.program import ROOT
from tests.operations.lease_book import NOW, LeaseBook, up_begins

TOPOLOGY = load(ROOT / "topologies" / "single-domain.yaml")
SCRIPTS = {load_script(f"windows/{name}_mark.ps1"): name for name in ("read", "write", "remove")}


SOON, EARLIER = "2026-01-02T10:03:00", "2026-01-02T09:00:00"


class KilledError(Exception):
    """No error of the program: nothing of it catches it."""


@dataclass
class FarmOfNotes:
    """Machines that keep notes; what was done to them, and at which act something goes wrong."""

    notes: dict[str, dict[str, str]] = field(default_factory=dict)
    did: list[str] = field(default_factory=list)
    wrong: dict[str, Exception] = field(default_factory=dict)
    """By act (``out Portal1``, ``restart Portal1``, ``back Portal1``), once."""
    ill: list[str] = field(default_factory=list)
    """Members that a verification finds wrong."""
    alone: dict[str, list[str]] = field(default_factory=dict)
    leases: LeaseBook = field(default_factory=LeaseBook)
    meanwhile: Callable[[str], None] = lambda _act: None
    """Called before each act."""

    def act(self, what: str) -> None:
        self.meanwhile(what)
        if what in self.wrong:
            raise self.wrong.pop(what)
        self.did.append(what)

    def powershell(self, machine: str) -> Any:
        def run(script: str, arguments: Mapping[str, Any] | None = None, **_: Any) -> list[Any]:
            known, named = SCRIPTS.get(script, ""), dict(arguments or {})
            if (lease := self.leases.answer(machine, script, named)) is not None:
                return lease
            kept = self.notes.setdefault(machine, {})
            if known == "read":
                if f"read {machine}" in self.wrong:
                    raise self.wrong[f"read {machine}"]
                return [kept[named["Name"]]] if named["Name"] in kept else []
            if known == "write":
                kept[named["Name"]] = named["Text"]
            elif known == "remove":
                kept.pop(named["Name"], None)
            else:
                self.act(f"{named['What']} {machine}")
            return []

        return SimpleNamespace(run=run)

    def sql(self, machine: str) -> Any:
        """A server whose databases in no group are ``alone``."""
        rows = [{"kind": "DATABASE", "name": name} for name in self.alone.get(machine, ())]
        return SimpleNamespace(rows=lambda *_, **__: [{"kind": "GROUP", "name": "SQL"}, *rows])

    def note(self, machine: str) -> Note | None:
        text = self.notes.get(machine, {}).get(record.MARK)
        return Note(**json.loads(text)) if text else None

    def forget(self, machine: str) -> None:
        """Connections of a machine that restarted."""


@dataclass(frozen=True)
class NotedPart:
    """A part whose steps are acts of ``FarmOfNotes``."""

    machine: str
    timeout_seconds: float = 120
    """How long each step may take."""

    def observe(self, remote: Any) -> str:
        return ""

    def take_out(self, facts: str) -> list[Step]:
        return [_act(self.machine, "out", self.timeout_seconds)]

    def taken_out(self, facts: str) -> str:
        return facts

    def bring_back(self, facts: str) -> list[Step]:
        return [_act(self.machine, "back", self.timeout_seconds)]


def _act(machine: str, what: str, timeout_seconds: float = 120) -> Step:
    script = Script(machine, "windows/read_clock.ps1", {"What": what}, timeout_seconds=timeout_seconds)
    return Step(f"On {machine}, {what}.", script)


@pytest.fixture
def farm(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> FarmOfNotes:
    farm = FarmOfNotes()
    farm.leases.maintenance = lambda machine: farm.notes.get(machine, {}).get(record.MARK, "")
    context = SimpleNamespace(topology=TOPOLOGY, remote=farm)
    monkeypatch.setattr(command, "from_stack", lambda stack: context)
    monkeypatch.setattr(stack_configuration, "name_of", lambda stack: "dev")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(parts, "primary", lambda topology, remote: "SQL1")
    monkeypatch.setattr(parts, "found_on", lambda topology, remote, machine, *_, **__: [NotedPart(machine)])
    monkeypatch.setattr(plan, "act", lambda topology, order, machine: [_act(machine, order.kind)])

    def wrong(_: Any, concerns: Callable[[Check], bool] = lambda check: True) -> list[str]:
        checks = [Check("portal", member, "answers", lambda: "") for member in farm.ill]
        return [f"{check.member}: answers: no" for check in checks if concerns(check)]

    monkeypatch.setattr(runner, "wrong", wrong)
    return farm


def run(*arguments: str) -> Any:
    return CliRunner().invoke(operations.app, ["maintenance", *arguments])


@pytest.mark.parametrize("how", [(), ("--dry-run",)])
def test_what_nothing_takes_over_is_told_before_the_server_is_out(farm: FarmOfNotes, how: tuple[str, ...]) -> None:
    farm.alone["SQL1"] = ["VirtualManagerDB", "SCSPFDB"]
    reported = run("SQL1", "--restart", *how).output.splitlines()
    line = "Offline while SQL Server of SQL1 does not run, since in no group: SCSPFDB, VirtualManagerDB."
    (when,) = [number for number, text in enumerate(reported) if line in text]
    assert not [text for text in reported[:when] if "On SQL1, out." in text]
    assert "in no group" not in run("SQL2", "--restart", *how).output


# One operator at a time -----------------------------------------------------------------------------------------------

AT_WORK = "another operator is at work: .*@.* with the stack {}, command maintenance since 2026-01-02T10:00:00 UTC"


@pytest.mark.parametrize("arguments", [("Portal1", "--restart"), ("--resume", "Portal1")])
def test_a_running_up_refuses_it(farm: FarmOfNotes, arguments: tuple[str, ...]) -> None:
    farm.notes["Portal1"] = {record.MARK: json.dumps(vars(record.begin("Portal1 --hold", balanced=True)))}
    before = dict(farm.notes["Portal1"])
    up = up_begins(farm, "SQL2")  # one of its machines is enough
    done = run(*arguments)
    assert (done.exit_code, farm.did, farm.notes["Portal1"]) == (1, [], before)
    assert done.stderr.startswith("error: SQL2: begin to change the farm: another operator is at work: ")
    assert len(done.stderr.splitlines()) == 1
    assert farm.leases.held == {"SQL2"}, "it leaves no lease"
    up.release()
    assert run("--resume", "Portal1").exit_code == 0


@pytest.mark.parametrize("act", ["out Portal1", "restart Portal1", "back Portal1"])
def test_it_refuses_an_up(farm: FarmOfNotes, act: str) -> None:
    """Also one of its own stack, whose lock in Pulumi this command does not hold."""
    refused = []

    def meanwhile(what: str) -> None:
        if what == act:
            assert farm.leases.held == {machine.name for machine in TOPOLOGY.machines if machine.name != "FILE"}
            with pytest.raises(MachineError, match=AT_WORK.format("dev")):
                up_begins(farm, "SPF2")
            refused.append(what)

    farm.meanwhile = meanwhile
    assert run("Portal1", "--restart").exit_code == 0
    assert (refused, farm.leases.held) == ([act], set())
    up_begins(farm, "SPF2").release()


def test_a_dry_run_takes_no_lease_and_is_not_refused(farm: FarmOfNotes) -> None:
    up = up_begins(farm, "SQL2")
    assert run("Portal1", "--restart", "--dry-run").exit_code == 0
    assert farm.leases.held == {"SQL2"}
    up.release()


@pytest.mark.parametrize("change", [{}, {"operator": "bob@elsewhere"}, {"process": os.getppid()}])
def test_the_lease_of_a_command_that_was_killed_here_is_over(farm: FarmOfNotes, change: dict[str, Any]) -> None:
    """One of another computer, and of a process that runs, is not."""
    lease = Lease("dev, command maintenance", "", "run 1", f"bob@{socket.gethostname()}", NOW, SOON, 4_190_000)
    farm.leases.texts["SPF1"] = replace(lease, **change).dump()
    done = run("Portal1", "--restart")
    assert (done.exit_code, farm.did) == ((1, []) if change else (0, of("Portal1")))


@pytest.mark.parametrize("moment", ["out Portal1", "restart Portal1", "back Portal1"])
def test_one_that_lost_its_lease_stops_before_its_next_step(
    farm: FarmOfNotes, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    """As after a sleep of the computer: the lease expired, and another operator began."""

    def meanwhile(what: str) -> None:
        if what == moment:
            farm.leases.texts["Portal1"] = Lease("p/test", "2", "run 2", "bob@there", NOW, SOON).dump()

    long = NotedPart("Portal1", LEASE_SECONDS)
    monkeypatch.setattr(parts, "found_on", lambda *_, **__: [long, long])
    farm.meanwhile = meanwhile
    done = run("Portal1", "--restart")
    acts = ["out Portal1", "out Portal1", "restart Portal1", "back Portal1", "back Portal1"]
    assert (done.exit_code, farm.did) == (1, acts[: acts.index(moment) + 1])
    assert "Portal1: keep the lease: it was taken over by bob@there with the stack p/test." in done.stderr
    assert done.stderr.endswith(f"{RESUME}\n")


# ----------------------------------------------------------------------------------------------------------------------


def of(machine: str, kind: str = "restart") -> list[str]:
    return [f"out {machine}", f"{kind} {machine}", f"back {machine}"]


ALL = ["SQL2", "SQL1", "SPF1", "SPF2", "Portal1", "Portal2"]


def test_one_after_the_other_and_nothing_is_left(farm: FarmOfNotes) -> None:
    done = run("--all", "--restart")
    assert (done.exit_code, farm.did) == (0, [act for machine in ALL for act in of(machine)])
    assert [farm.note(machine) for machine in ALL] == [None] * 6
    assert done.stderr.count("as it should be.\n") == 6 * 2 + 1, "the farm is seen once between two servers"


def test_not_while_an_up_is_at_work(farm: FarmOfNotes) -> None:
    """It would be met in the middle: `up` starts load balancing on a server that is out."""
    lease = Lease("p/prod", "1", "run", "alice@here", EARLIER, SOON)
    farm.leases.texts = {"Portal2": lease.dump()}
    done = run("--all", "--restart")
    assert (done.exit_code, farm.did, farm.note("SQL2")) == (1, [], None)
    assert "another operator is at work: alice@here with the stack p/prod" in done.stderr
    farm.leases.texts = {"Portal2": replace(lease, expires=EARLIER).dump()}
    assert run("Portal1", "--hold").exit_code == 0
    farm.leases.texts = {"SQL1": lease.dump()}
    assert run("--resume", "Portal1").exit_code == 1
    assert farm.note("Portal1") is not None


def test_every_step_is_a_line_of_the_log(farm: FarmOfNotes) -> None:
    farm.wrong = {"back Portal1": MachineError("Portal1", "start it", "no")}
    assert run("Portal1", "--restart").exit_code == 1
    lines = [line.split("\t") for line in Path("logs/dev.log").read_text(encoding="utf-8").splitlines()]
    assert {(name, machine) for _, name, machine, _, _ in lines} == {("maintenance", "Portal1")}
    ended = {sentence: result.split(" ")[0] for *_, result, sentence in lines}
    assert ended["On Portal1, out."] == ended["On Portal1, restart."] == "done"
    assert ended["On Portal1, back."] == "failed"


def test_the_operators_command_is_a_line_without_its_arguments(farm: FarmOfNotes) -> None:
    assert run("Portal1", "--command", "true 'Secret-Of-A-Command-1!'").exit_code == 0
    (log,) = Path("logs").iterdir()
    assert "\tRun true for Portal1 on this computer.\n" in log.read_text(encoding="utf-8")
    assert "Secret-Of-A-Command-1!" not in log.read_text(encoding="utf-8")


def test_a_dry_run_is_not_in_the_log(farm: FarmOfNotes) -> None:
    assert run("Portal1", "--restart", "--dry-run").exit_code == 0
    assert not Path("logs").exists()


def test_what_is_not_safe_changes_nothing(farm: FarmOfNotes) -> None:
    farm.ill = ["SQL2"]
    done = run("Portal1", "--restart", "--patience-seconds", "0.1")
    assert (done.exit_code, farm.did, farm.note("Portal1")) == (1, [], None)
    assert done.stderr.splitlines()[-1] == (
        "error: Portal1: See everything but Portal1 as it should be: after 0 seconds still waiting for "
        "SQL2: answers: no. When it has come about, run the same command again: it resumes."
    )


def test_what_is_wrong_with_the_server_itself_is_no_reason_not_to_take_it_out(farm: FarmOfNotes) -> None:
    farm.ill = ["SQL2"]
    farm.wrong = {"restart SQL2": KilledError()}
    run("SQL2", "--restart", "--patience-seconds", "0.1")
    assert farm.did == ["out SQL2"]


def test_a_server_that_cannot_be_taken_out_is_brought_back(farm: FarmOfNotes) -> None:
    farm.wrong = {"out SPF1": MachineError("SPF1", "drain it", "no", "Look.")}
    done = run("--level", "spf", "--restart")
    assert (done.exit_code, farm.did, farm.note("SPF1")) == (1, ["back SPF1"], None)
    assert done.stderr.endswith("error: SPF1: drain it: no. Look. SPF1 is back in the farm.\n")


RESUME = "Portal1 is out of the farm: `maintenance --resume Portal1` brings it back."


@pytest.mark.parametrize(
    ("act", "error"),
    [
        ("out Portal1", UnreachableError("Portal1", "drain it", "no answer", "Look.")),
        ("restart Portal1", MachineError("Portal1", "restart it", "no", "Look.")),
        ("back Portal1", MachineError("Portal1", "start it", "no", "Look.")),
    ],
)
def test_one_that_does_not_come_back_is_named_and_can_be_resumed(
    farm: FarmOfNotes, act: str, error: MachineError
) -> None:
    farm.wrong = {act: error}
    done = run("Portal1", "--restart")
    assert done.exit_code == 1
    assert done.stderr.endswith(f"Look. {RESUME}\n")
    assert farm.note("Portal1") is not None
    done = run("--resume", "Portal1")
    assert (done.exit_code, farm.did[-1], farm.note("Portal1")) == (0, "back Portal1", None)


def test_neither_out_nor_back(farm: FarmOfNotes) -> None:
    error = MachineError("Portal1", "drain it", "no", "Look.")
    farm.wrong = {"out Portal1": error, "back Portal1": MachineError("Portal1", "start it", "never", "Look.")}
    done = run("Portal1", "--restart")
    assert done.stderr.endswith(f"Look. It was not brought back either: never. {RESUME}\n")
    assert farm.note("Portal1") is not None


def killed(farm: FarmOfNotes, act: str, *arguments: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run that is killed at an act. Its process is another one than this."""
    farm.wrong = {act: KilledError()}
    with monkeypatch.context() as patch:
        patch.setattr(os, "getpid", lambda: 4_190_000)  # above the kernel's greatest number of a process here
        assert isinstance(run(*arguments).exception, KilledError)


def test_a_killed_run_is_seen_and_finished(farm: FarmOfNotes, monkeypatch: pytest.MonkeyPatch) -> None:
    killed(farm, "back SPF1", "--all", "--restart", monkeypatch=monkeypatch)
    left = farm.note("SPF1")
    assert left is not None
    assert (list(left.done), left.acted) == (["SQL2", "SQL1"], True)
    farm.did.clear()
    for other in (("--level", "spf", "--restart"), ("Portal1", "--hold")):
        done = run(*other)
        assert (done.exit_code, farm.did) == (1, [])
        assert "SPF1: begin a maintenance: SPF1 was taken out by `maintenance --all --restart`, begun" in done.stderr
        assert "Bring it back first: `maintenance --resume SPF1`." in done.stderr
    done = run("--all", "--restart")
    assert done.exit_code == 0
    assert farm.did == ["back SPF1", *(act for machine in ALL[3:] for act in of(machine))], "and none twice"


def test_one_that_was_killed_before_its_restart_restarts(farm: FarmOfNotes, monkeypatch: pytest.MonkeyPatch) -> None:
    killed(farm, "restart SQL2", "--level", "sql", "--restart", monkeypatch=monkeypatch)
    farm.did.clear()
    assert run("--level", "sql", "--restart").exit_code == 0
    assert farm.did == ["back SQL2", *of("SQL2"), *of("SQL1")]


@pytest.mark.parametrize("changed", [{"computer": "another"}, {"process": os.getppid()}])
def test_the_run_of_another_is_not_finished(
    farm: FarmOfNotes, monkeypatch: pytest.MonkeyPatch, changed: dict[str, Any]
) -> None:
    killed(farm, "back SPF1", "SPF1", "--restart", monkeypatch=monkeypatch)
    left = farm.note("SPF1")
    assert left is not None
    farm.notes["SPF1"][record.MARK] = json.dumps(vars(replace(left, **changed)))
    farm.did.clear()
    done = run("SPF1", "--restart")
    assert (done.exit_code, farm.did) == (1, [])
    resumed = run("--resume", "SPF1")
    if "process" in changed:  # it still runs
        assert "still runs" in done.stderr
        assert (resumed.exit_code, farm.did) == (1, [])
    else:
        assert (resumed.exit_code, farm.did) == (0, ["back SPF1"])


def test_hold_and_resume(farm: FarmOfNotes) -> None:
    done = run("Portal2", "--hold")
    assert (done.exit_code, farm.did) == (0, ["out Portal2"])
    assert done.stdout == "Portal2: held: `maintenance --resume Portal2` brings it back\n"
    again = run("Portal2", "--hold")
    assert again.exit_code == 1
    assert "Portal2 was held by `maintenance Portal2 --hold`" in again.stderr
    assert run("--resume", "portal2").exit_code == 0
    assert farm.did == ["out Portal2", "back Portal2"]
    done = run("--resume", "Portal2")
    assert done.exit_code == 1
    assert done.stderr == (
        "error: Portal2: bring it back into the farm: it is not in maintenance. Where it is out nevertheless, "
        "`pulumi up` brings it back.\n"
    )


def test_a_machine_that_does_not_answer_tells_nothing(farm: FarmOfNotes) -> None:
    farm.wrong = {"read SQL1": UnreachableError("SQL1", "read", "no answer", "Look.")}
    done = run("Portal1", "--restart")
    assert (done.exit_code, farm.did) == (2, [])


def test_a_note_of_another_kind_is_an_error(farm: FarmOfNotes) -> None:
    farm.notes["SQL1"] = {record.MARK: "[]"}
    done = run("Portal1", "--restart")
    assert (done.exit_code, farm.did) == (1, [])
    assert "SQL1: read whether it is in maintenance: its note of a maintenance was not written by" in done.stderr


def test_a_command_runs_here_with_the_servers_name(farm: FarmOfNotes, tmp_path: Path) -> None:
    file = tmp_path / "of"
    done = run("--level", "spf", "--command", f"sh -c 'echo {{machine}} >> {file}'")
    assert (done.exit_code, file.read_text()) == (0, "SPF1\nSPF2\n")
    failed = run("SPF1", "--command", "sh -c 'exit 3'")
    assert failed.exit_code == 1
    assert (
        "error: SPF1: run sh for it on this computer: it ended with 3. See what it wrote. SPF1 is out" in failed.stderr
    )
    assert farm.note("SPF1") is not None


def test_dry_run_and_json(farm: FarmOfNotes) -> None:
    done = run("--all", "--restart", "--dry-run", "--json")
    reported = json.loads(done.stdout)
    assert (done.exit_code, farm.did, [one["machine"] for one in reported["servers"]]) == (0, [], ALL)
    assert reported["servers"][0]["said"][1:4] == [
        "On SQL2, out.",
        "On SQL2, restart.",
        "On SQL2, back.",
    ]
    text = run("SPF1", "--restart", "--dry-run")
    assert text.stdout.splitlines()[0] == "See everything but SPF1 as it should be."
    farm.wrong = {"out SPF1": MachineError("SPF1", "drain it", "no \x1b[2J", "Look.")}
    failed = run("SPF1", "--restart", "--json")
    reported = json.loads(failed.stdout)
    assert (failed.exit_code, reported["ok"], reported["servers"][0]["ended"]) == (1, False, "back")
    assert reported["error"] == r"SPF1: drain it: no \x1b[2J. Look. SPF1 is back in the farm."


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "name one server, or --level, or --all"),
        (["Portal1", "--all", "--restart"], "name one server, or --level, or --all"),
        (["--level", "spv", "--restart"], "--level is one of sql, spf, portal"),
        (["Portal1"], "say what happens while a server is out: --restart, --command or --hold"),
        (["Portal1", "--restart", "--hold"], "say what happens while a server is out: --restart, --command or --hold"),
        (["Portal1", "--command", "x 'y"], "--command cannot be read: No closing quotation"),
        (["--all", "--hold"], "--hold takes one server"),
        (["--all", "--restart", "--taken-out"], "--taken-out takes one server"),
        (["Portal1", "--resume", "Portal1"], "--resume takes no other order"),
    ],
)
def test_usage(farm: FarmOfNotes, arguments: list[str], said: str) -> None:
    done = run(*arguments)
    assert (done.exit_code, done.stderr, farm.did) == (2, f"error: {said}\n", [])


def test_what_another_load_balancer_leads_to_is_refused(farm: FarmOfNotes, monkeypatch: pytest.MonkeyPatch) -> None:
    external = load(ROOT / "topologies" / "external-load-balancer.yaml")
    context = SimpleNamespace(topology=external, remote=farm)
    monkeypatch.setattr(command, "from_stack", lambda stack: context)
    for scope in (["--all"], ["Portal1"]):
        done = run(*scope, "--restart")
        assert (done.exit_code, farm.did) == (1, [])
        assert f"is balanced by something that this program does not reach. {parts.REMEDY_OTHER}" in done.stderr
    assert run("Portal1", "--restart", "--taken-out").exit_code == 0
    assert farm.did == of("Portal1")


def test_a_check_that_fails_is_a_text(monkeypatch: pytest.MonkeyPatch) -> None:
    from operations import levels

    def answer() -> str:
        raise WrongError("no")

    def unreachable() -> str:
        raise UnreachableError("C", "ask", "it does not answer")

    asked: list[str] = []
    checks = [
        Check("l", "A", "answers", answer),
        Check("l", "B", "x", str),
        Check("l", "C", "y", lambda: asked.append("C") or "", machine="C"),  # type: ignore[func-returns-value]
    ]
    reached = SimpleNamespace(machine="C", check=Check("m", "C", "WinRM answers", unreachable), down=True, trouble="")
    monkeypatch.setattr("operations.checks.machines.reach", lambda _: [reached])
    monkeypatch.setattr(levels, "LEVELS", (lambda _: iter(checks),))
    context = Context(*(None,) * 5)  # type: ignore[arg-type]
    assert levels.wrong(context) == [
        "C: WinRM answers: C: ask: it does not answer.",
        "A: answers: no",
        "C: y: C does not answer",
    ]
    assert levels.wrong(context, lambda check: check.member == "B") == []
    assert levels.wrong(context, lambda check: check.member == "A") == ["A: answers: no"]
    assert asked == []
