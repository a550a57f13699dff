"""``python -m operations drill``: what clients noticed, judged; and that a server is switched on whatever happens."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from typer.testing import CliRunner

from components import stack_configuration
from components.resource.lease import Lease
from components.steps import load_script
from components.topology import load
from operations import __main__ as operations
from operations.clients import Asked, Request, Target, paced, unreachable
from operations.drill import command, measure, run, store
from remote.errors import LostAnswerError, MachineError, UnreachableError
from tests.components.program import ROOT
from tests.operations.lease_book import LeaseBook, up_begins

TOPOLOGY = load(ROOT / "topologies" / "single-domain.yaml")
SITE = Target("portal", "MgmtSvc-TenantSite", "portal.hyper-v.nu", 443, "127.0.0.1")
SPF = Target("spf", "SPF", "spf.hyper-v.nu", 8090, "127.0.0.1")
START = 1000.0


def asked(*requests: tuple[float, str], target: Target = SITE, source: str = "A") -> list[Request]:
    """Requests sent at these seconds after the order, each a tenth of a second long, with these errors."""
    return [Request(target, source, START + at, 0.1, error) for at, error in requests]


@pytest.mark.parametrize(
    ("requests", "longest"),
    [
        ([], 0),
        ([(0, ""), (1, "")], 0),
        ([(0, ""), (1, "no"), (3, "")], 2),  # until the next one that succeeded was sent: never shorter than it was
        ([(0, "no"), (1, "no"), (3.5, ""), (4, "no"), (5, "")], 3.5),
        ([(0, ""), (2, "no"), (4, "no")], 2.1),  # nothing succeeded any more
    ],
)
def test_the_longest_outage_of_one_client(requests: list[tuple[float, str]], longest: float) -> None:
    assert measure.outage(asked(*requests)) == pytest.approx(longest)


def test_each_service_is_judged_by_its_worst_client() -> None:
    found = Asked(
        [
            *asked((0, ""), (1, "reset"), (2, "")),
            *asked((0, ""), (2, "reset"), (3, "HTTP 500"), (9.04, ""), source="B"),
            *asked((0, ""), target=SPF),
        ],
        asked((1, "closed")),
    )
    server = measure.server(
        TOPOLOGY, "Portal1", found, ordered=START, off_seconds=4.44, redundant_seconds=70, planned=True
    )
    site, spf = server.services
    assert (site.requests, site.failed, site.repeated, site.errors) == (7, 3, 1, {"reset": 2, "HTTP 500": 1})
    assert (site.first_failure_seconds, site.last_failure_seconds, site.longest_outage_seconds) == (1, 3, 7.0)
    assert (spf.failed, spf.first_failure_seconds, spf.last_failure_seconds, spf.longest_outage_seconds) == (
        0,
        None,
        None,
        0,
    )
    assert (server.off_seconds, server.longest_outage_seconds, server.budget_seconds, server.within) == (
        4.4,
        7,
        15,
        True,
    )


@pytest.mark.parametrize(
    ("planned", "machine", "budget"), [(True, "SQL1", 30), (False, "SQL1", 60), (True, "SPF1", 15)]
)
def test_the_budget_is_that_of_the_level(planned: bool, machine: str, budget: float) -> None:
    found = Asked(asked((0, "no"), (budget + 0.1, "")))
    server = measure.server(
        TOPOLOGY, machine, found, ordered=START, off_seconds=0, redundant_seconds=0, planned=planned
    )
    assert (server.budget_seconds, server.within) == (budget, False)


# The run --------------------------------------------------------------------------------------------------------------


@dataclass
class Switched:
    """A farm whose servers are on or off; what was done, and what goes wrong."""

    off: set[str] = field(default_factory=set)
    did: list[str] = field(default_factory=list)
    wrong: dict[str, BaseException] = field(default_factory=dict)
    """By act, once: ``off Portal1``, ``on Portal1``, ``sleep``."""
    ill: bool = False
    noticed: list[Request] = field(default_factory=list)
    unreachable: list[str] = field(default_factory=list)
    leases: LeaseBook = field(default_factory=LeaseBook)
    meanwhile: Callable[[str], None] = lambda _act: None
    """Called at each act."""

    def act(self, what: str) -> None:
        self.did.append(what)
        self.meanwhile(what)
        if what in self.wrong:
            raise self.wrong.pop(what)

    def powershell(self, machine: str) -> Any:
        def run_script(script: str, arguments: Mapping[str, Any] | None = None, **_: Any) -> list[Any]:
            if machine in self.off:
                raise UnreachableError(machine, "ask", "no answer", "")
            if (lease := self.leases.answer(machine, script, arguments or {})) is not None:
                return lease
            if script == load_script("windows/shut_down.ps1"):
                self.off.add(machine)
                self.act(f"off {machine}")
            return ["now"]

        return SimpleNamespace(run=run_script)

    def forget(self, machine: str) -> None:
        """Connections of a machine that is off."""


@pytest.fixture
def farm(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Switched:
    farm = Switched()
    farm.hosts = SimpleNamespace(resolve=str)  # type: ignore[attr-defined]
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(command, "from_stack", lambda stack: SimpleNamespace(topology=TOPOLOGY, remote=farm))
    monkeypatch.setattr(stack_configuration, "name_of", lambda stack: "dev")
    monkeypatch.setattr("signal.signal", lambda *_: None)
    monkeypatch.setattr(run, "wrong", lambda context: ["SQL2: admits sa: no"] if farm.ill else [])
    # Not of the module `time` itself: another thread of this process may sleep, too.
    clock = SimpleNamespace(time=lambda: START, sleep=lambda seconds: farm.act("sleep"))
    monkeypatch.setattr("operations.drill.run.time", clock)

    def switched(machine: str, words: str) -> None:
        farm.act(f"{words} {machine}")
        (farm.off.add if words == "off" else farm.off.discard)(machine)

    monkeypatch.setattr(run, "run_here", switched)

    @contextmanager
    def asking(*_: Any) -> Iterator[Asked]:
        yield Asked(farm.noticed)

    monkeypatch.setattr(run, "asking", asking)
    monkeypatch.setattr(run, "unreachable", lambda wanted, sources: farm.unreachable)
    return farm


def drill(*arguments: str, text: str = "") -> Any:
    return CliRunner().invoke(operations.app, ["drill", *arguments, "--on", "on"], input=text)


def kept() -> dict[str, Any]:
    (file,) = Path("drills").glob("single-domain-*.json")
    found: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return found


ALL = ["SQL2", "SQL1", "SPF1", "SPF2", "Portal1", "Portal2"]


def test_every_server_once_and_the_result_is_kept(farm: Switched) -> None:
    farm.noticed = asked((0, "reset"), (2, ""))
    done = drill("--all", "--yes", "--json")
    assert (done.exit_code, farm.off) == (0, set())
    assert farm.did == [act for machine in ALL for act in (f"off {machine}", "sleep", f"on {machine}")]
    result = json.loads(done.stdout)
    assert result == kept()
    assert (result["ok"], result["off"], [server["machine"] for server in result["servers"]]) == (True, "", ALL)
    assert result["servers"][0]["within_budget"]
    assert result["servers"][0]["services"][0]["longest_outage_seconds"] == 2


def test_a_result_that_cannot_be_written_is_found_out_before_a_server_is_off(farm: Switched) -> None:
    Path("drills").touch()  # where the folder would be
    done = drill("--all", "--yes")
    assert (done.exit_code, farm.did) == (2, [])
    assert done.stderr.splitlines()[-1] == (
        "error: the drill's result: drills: File exists. Name another folder with --folder."
    )


def test_every_step_is_a_line_of_the_log(farm: Switched) -> None:
    assert drill("Portal1", "--yes").exit_code == 0
    lines = [line.split("\t") for line in Path("logs/dev.log").read_text(encoding="utf-8").splitlines()]
    assert {(name, machine, result.split(" ")[0]) for _, name, machine, result, _ in lines} == {
        ("drill", "Portal1", "done")
    }
    sentences = [sentence for *_, sentence in lines]
    assert sentences.index("Shut Portal1 down.") < sentences.index("Switch Portal1 on.")


def test_a_running_up_refuses_it(farm: Switched) -> None:
    up = up_begins(farm, "SPF2")
    done = drill("Portal1", "--yes")
    assert (done.exit_code, farm.did, farm.leases.held) == (1, [], {"SPF2"})
    lines = done.stderr.splitlines()
    assert [line for line in lines if "error" in line] == lines[:1]
    assert lines[0].startswith("error: SPF2: begin to change the farm: another operator is at work: ")
    assert kept()["error"].startswith("SPF2: begin to change the farm")
    up.release()


@pytest.mark.parametrize("error", [None, KeyboardInterrupt()])
def test_it_refuses_an_up(farm: Switched, error: BaseException | None) -> None:
    """Also one of its own stack; whatever ends it gives the leases back."""
    refused = []

    def meanwhile(what: str) -> None:
        with pytest.raises(MachineError, match=r"another operator is at work: .*@.* with the stack dev, command drill"):
            up_begins(farm, "SQL1")
        lease = Lease.parse(farm.leases.texts["SPF1"])
        assert lease, "the health tasks go on: what they do belongs to the drill"
        assert lease.health_goes_on
        refused.append(what)

    farm.meanwhile, farm.wrong = meanwhile, {"sleep": error} if error else {}
    assert drill("Portal1", "--yes").exit_code == int(error is not None)
    assert (refused, farm.off, farm.leases.held) == (["off Portal1", "sleep", "on Portal1"], set(), set())
    up_begins(farm, "SQL1").release()


def test_beyond_the_budget(farm: Switched) -> None:
    farm.noticed = asked((0, "reset"), (15.2, ""))
    done = drill("Portal1", "--yes")
    assert done.exit_code == 1
    assert done.stdout == "NO  Portal1: longest outage 15.2 s (budget 15 s), redundant again after 0.0 s\n"


def test_the_farms_name_is_asked_for(farm: Switched) -> None:
    done = drill("Portal1", text="another\n")
    assert (done.exit_code, farm.did) == (2, [])
    assert "error: the farm is not called so, but single-domain\n" in done.stderr
    assert drill("Portal1", text="single-domain\n").exit_code == 0


def test_a_farm_that_is_not_well_is_left_alone(farm: Switched) -> None:
    farm.ill = True
    done = drill("Portal1", "--yes", "--patience-seconds", "0")
    assert (done.exit_code, [act for act in farm.did if act != "sleep"]) == (1, [])
    assert "See the whole farm before Portal1 is shut down as it should be" in done.stderr


def test_a_source_that_a_firewall_keeps_off_is_found_out_before_a_server_is_off(farm: Switched) -> None:
    """Else every request of it would count as an outage."""
    farm.unreachable = ["MgmtSvc-AdminSite (portal.hyper-v.nu:30091) from 10.0.0.8: timed out", "SPF"]
    done = drill("Portal1", "--yes")
    assert (done.exit_code, farm.did) == (1, [])
    assert done.stderr.splitlines()[-2] == (
        "error: Portal1: ask the farm's sites before it is shut down: MgmtSvc-AdminSite (portal.hyper-v.nu:30091) from "
        "10.0.0.8: timed out and 1 more. Ask from addresses that the firewalls on the way allow (--source); nothing "
        "was shut down."
    )


def test_a_client_keeps_its_pace_however_long_a_request_takes() -> None:
    """Ten a second are ten a second; what a slow answer made it miss is not asked all at once."""
    now, takes = 0.0, [0.06, 0.06, 0.35, 0.01, 0.01, 0.01]
    began: list[float] = []

    def wait(seconds: float) -> bool:
        nonlocal now
        now += seconds
        return len(began) == len(takes)

    def request() -> None:
        nonlocal now
        began.append(round(now, 2))
        now += takes[len(began) - 1]

    paced(SimpleNamespace(wait=wait), 0.1, request, lambda: now)
    assert began == [0, 0.1, 0.2, 0.55, 0.65, 0.75]


def test_what_cannot_be_asked_from_where() -> None:
    with socket.create_server(("127.0.0.1", 0)) as nobody:
        port = nobody.getsockname()[1]
    closed = Target("spf", "SPF", "spf.hyper-v.nu", port, "127.0.0.1")
    assert unreachable([closed], ["127.0.0.1", ""]) == [
        f"SPF (spf.hyper-v.nu:{port}) from 127.0.0.1: Connection refused",
        f"SPF (spf.hyper-v.nu:{port}) from this computer: Connection refused",
    ]


@pytest.mark.parametrize("error", [KeyboardInterrupt(), MachineError("Portal1", "x", "no", ""), ZeroDivisionError()])
def test_whatever_ends_it_the_server_is_switched_on(farm: Switched, error: BaseException) -> None:
    farm.wrong = {"sleep": error}
    done = drill("Portal1", "Portal2", "--yes")
    assert done.exit_code == 1
    assert (farm.did, farm.off) == (["off Portal1", "sleep", "on Portal1"], set())
    result = kept()
    assert (result["ok"], result["off"], bool(result["error"])) == (False, "", True)


def test_an_order_without_an_answer_was_one(farm: Switched) -> None:
    farm.wrong = {"off Portal1": LostAnswerError("Portal1", "shut it down", "no answer", "")}
    assert drill("Portal1", "--yes").exit_code == 0
    assert farm.did == ["off Portal1", "sleep", "on Portal1"]


def test_one_that_could_not_be_shut_down_is_not_waited_for(farm: Switched) -> None:
    farm.wrong = {"off Portal1": MachineError("Portal1", "run off", "it ended with 1", "")}
    done = drill("Portal1", "--yes", "--off", "off", "--power")
    assert (done.exit_code, farm.did) == (1, ["off Portal1"])


def test_what_a_killed_drill_left_off_is_switched_on_first(farm: Switched) -> None:
    killed = store.Store(Path("drills"), store.Drill("single-domain", "2013-11-25T09:00:00+00:00", True, off="Portal2"))
    killed.save()
    farm.off.add("Portal2")
    done = drill("SPF1", "--yes")
    assert (done.exit_code, farm.did) == (0, ["on Portal2", "off SPF1", "sleep", "on SPF1"])
    assert "A drill was killed while Portal2 was off: it is switched on first." in done.stderr
    assert store.left_off(Path("drills"), "single-domain") == []
    assert json.loads(killed.file.read_text())["error"] == "killed while Portal2 was off"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--yes"], "name servers, or --level, or --all"),
        (["Portal1", "--all"], "name servers, or --level, or --all"),
        (["--level", "x"], "--level is one of sql, spf, portal"),
        (["Portal1", "--power"], "--power needs --off, the command that cuts a server's power"),
        (["Portal1", "--off", "'"], "--off cannot be read: No closing quotation"),
    ],
)
def test_usage(farm: Switched, arguments: list[str], said: str) -> None:
    done = drill(*arguments)
    assert (done.exit_code, done.stderr, farm.did) == (2, f"error: {said}\n", [])


def test_without_a_way_back_nothing_begins(farm: Switched) -> None:
    done = CliRunner().invoke(operations.app, ["drill", "Portal1", "--yes"])
    assert (done.exit_code, done.stderr) == (2, "error: say with --on how a server is switched on again\n")


def test_a_server_that_no_other_stands_in_for(farm: Switched) -> None:
    done = drill("FILE", "--yes")
    assert (done.exit_code, farm.did) == (2, [])
    assert "FILE: take it out of the farm: no server of topology single-domain" in done.stderr
