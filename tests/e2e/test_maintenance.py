"""``operations maintenance`` and ``drill`` on a whole farm that clients use all the time; and runs that are killed.

One farm for the module, a copy of the one that other modules use; the tests run in the order of the file.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from ipaddress import IPv4Network

import pytest

from components.step_log import entries
from operations.clients import Asked, asking, targets
from operations.maintenance.record import kept
from tests.e2e.farm import ROOT, Farm

PACE = os.environ.get("MAINTENANCE_PACE", "0.02")
"""Slower than other end-to-end tests: a server that is down must be down for a while."""
SERVERS = ["SQL2", "SQL1", "SPF1", "SPF2", "Portal1", "Portal2"]
EVERY = os.environ.get("MAINTENANCE", "")
"""A design of ``topologies/``: all its servers restart, and the clients ask ten times as often. That takes many
minutes; it is for a release, and for a change of maintenance."""
EACH_SECOND = 10.0 if EVERY else 1.0
SCOPE = ("--all",) if EVERY else ("--level", "portal")
TIMEOUT_SECONDS = 3600 if EVERY else 900
RECOVERY_SECONDS = 10
"""After a planned failover, until the last site has a connection to the new primary: seconds of this computer."""

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(TIMEOUT_SECONDS)]


@pytest.fixture(scope="module")
def farm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Farm]:
    source = ROOT / "topologies" / f"{EVERY or 'single-domain'}.yaml"
    farm = Farm(tmp_path_factory.mktemp("maintenance"), source=source)
    farm.bring_up()
    with farm.running(pace=PACE):
        yield farm


def sources(farm: Farm) -> list[str]:
    """Eight clients in the portal servers' network, as administrators are: the firewalls allow them every site."""
    network = IPv4Network(farm.model.domain_of(farm.model.portal.nodes[0]).subnet)[230]
    return [f"127.{str(network + number).partition('.')[2]}" for number in range(1, 9)]


@contextmanager
def clients(farm: Farm, requests_per_second: float = EACH_SECOND) -> Iterator[Asked]:
    with asking(targets(farm.model, farm.remote.hosts), sources(farm), requests_per_second) as asked:
        yield asked
    print(f"{len(asked.requests)} requests, {len(asked.repeated)} repeated", Counter(r.error for r in asked.failed))
    print("by client:", dict(sorted(Counter(r.source for r in asked.requests).items())))


def failovers(farm: Farm) -> list[tuple[float, float]]:
    """From when to when sites may be without SQL Server because of a planned failover, by the log of the steps."""
    log = entries(farm.project / "logs" / "e2e.log")
    steps = [one for one in log if one.resource == "maintenance" and one.sentence.endswith(" over to it.")]
    seconds = [float(one.result.removeprefix("done in ").removesuffix(" s")) for one in steps]
    ended = [one.ended.timestamp() for one in steps]  # whole seconds
    return [(end - took - 1, end + 1 + RECOVERY_SECONDS) for end, took in zip(ended, seconds, strict=True)]


def notes(farm: Farm) -> list[str]:
    """The servers with a note of a maintenance."""
    return list(kept(farm.remote, SERVERS))


def down(farm: Farm) -> list[str]:
    """How often each server was told to restart, so far."""
    return [entry["machine"] for entry in farm.journal() if "Restart-Computer" in entry.get("text", "")]


def test_a_restart_without_it_fails_requests(farm: Farm) -> None:
    """Else the next test would prove nothing."""
    with clients(farm, requests_per_second=10) as asked:  # NLB notices within 0.1 s at this pace
        time.sleep(1)
        assert farm.lab("fault", "restart", "Portal1").ok
        time.sleep(2)
    assert asked.failed


def test_every_server_restarts_without_a_failed_request(farm: Farm) -> None:
    """Apart from what a planned failover cuts: a site answers HTTP 500 until it has a new connection to SQL Server."""
    model, before = farm.model, len(down(farm))
    expected = [*(SERVERS[:2] if EVERY else []), *(model.spf.servers if EVERY else []), *model.portal.nodes]
    with clients(farm) as asked:
        done = farm.operations("maintenance", *SCOPE, "--restart", timeout=TIMEOUT_SECONDS)
    print(f"maintenance {' '.join(SCOPE)} --restart: {done.seconds:.0f} s, pace {PACE}, {len(expected)} servers")
    assert done.ok, done.output[-4000:]
    assert down(farm)[before:] == expected
    assert {(one.source, one.target) for one in asked.requests} == {
        (source, target) for source in sources(farm) for target in targets(model, farm.remote.hosts)
    }
    windows = failovers(farm)
    for one in asked.failed:
        print(f"{datetime.fromtimestamp(one.began, UTC):%H:%M:%S.%f} {one.took_seconds:.1f} s {one.source}", end=" ")
        print(f"{one.target.service}: {one.error}")
    assert len(windows) == (1 if EVERY else 0)
    cut = [one for one in asked.failed if any(begin < one.began < end for begin, end in windows)]
    assert {one.error for one in cut} <= {"HTTP 500"}
    assert [one for one in asked.failed if one not in cut] == []
    assert notes(farm) == []


def test_it_is_not_safe_while_a_partner_is_away(farm: Farm) -> None:
    before = len(down(farm))
    card = "-HostName $env:COMPUTERNAME -InterfaceName Ethernet"
    farm.powershell("Portal2", f"[void](Stop-NlbClusterNode {card})")
    done = farm.operations("maintenance", "Portal1", "--restart", "--patience-seconds", "1")
    assert done.code == 1
    assert "error: Portal1: See everything but Portal1 as it should be: after 1 seconds still waiting for Portal2" in (
        done.output
    )
    assert (down(farm)[before:], notes(farm)) == ([], [])
    farm.powershell("Portal2", f"[void](Start-NlbClusterNode {card})")


def test_a_killed_run_is_seen_and_finished(farm: Farm) -> None:
    command = [sys.executable, "-m", "operations", "maintenance", "Portal2", "--restart", "--stack", "e2e"]
    with (
        clients(farm) as asked,
        subprocess.Popen(
            command,
            cwd=farm.project,
            env=farm.environment,
            stderr=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            text=True,
        ) as process,
    ):
        assert process.stderr is not None
        for line in process.stderr:
            if line.startswith("Restart Portal2."):
                break
        process.kill()
        process.wait()
        assert notes(farm) == ["Portal2"]
        other = farm.operations("maintenance", "Portal1", "--restart")
        assert other.code == 1
        assert "Bring it back first: `maintenance --resume Portal2`." in other.output
        finished = farm.operations("maintenance", "Portal2", "--restart")
        assert finished.ok, finished.output[-3000:]
    assert asked.failed == []
    assert notes(farm) == []


def test_held_and_resumed(farm: Farm) -> None:
    assert farm.operations("maintenance", "SPF1", "--hold").ok
    with clients(farm) as asked:
        assert farm.lab("fault", "stop", "SPF1").ok  # the administrator works on it
        assert farm.lab("fault", "start", "SPF1").ok
        done = farm.operations("maintenance", "--resume", "SPF1")
    assert done.ok, done.output[-3000:]
    assert asked.failed == []
    assert notes(farm) == []


@pytest.mark.skipif(not EVERY, reason="takes minutes: MAINTENANCE=single-domain")
def test_a_drill_and_one_that_was_killed(farm: Farm) -> None:
    """What the article promises, with what clients notice of it: an orderly shutdown is no drain."""
    on = f"sh -c 'cd {ROOT} && {sys.executable} -m lab fault start {{machine}} --directory {farm.lab_folder}'"
    asking_from = [word for source in sources(farm)[:4] for word in ("--source", source)]
    options = ["--on", on, "--down-seconds", "1", "--requests-per-second", "5", *asking_from, "--yes"]
    command = [sys.executable, "-m", "operations", "drill", "SPF2", *options, "--stack", "e2e"]
    with subprocess.Popen(
        command, cwd=farm.project, env=farm.environment, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True
    ) as process:
        assert process.stderr is not None
        for line in process.stderr:
            if line.startswith("Shut SPF2 down."):
                break
        time.sleep(2)
        process.kill()
    done = farm.operations("drill", "Portal2", *options)
    assert "A drill was killed while SPF2 was off: it is switched on first." in done.output
    assert done.ok, done.output[-3000:]
    result = json.loads(max((farm.project / "drills").glob("*.json")).read_text(encoding="utf-8"))
    (server,) = result["servers"]
    print(f"{server['longest_outage_seconds']} s, {sum(one['failed'] for one in server['services'])} failed")
    assert result["ok"]
    assert server["machine"] == "Portal2"
    assert {one["service"] for one in server["services"]} >= {"SPF", "MgmtSvc-TenantSite", "MgmtSvc-AdminSite"}
    assert sum(one["failed"] + one["repeated"] for one in server["services"]) > 0, "clients notice a server that goes"
    assert [one["failed"] for one in server["services"] if one["level"] == "spf"] == [0]
