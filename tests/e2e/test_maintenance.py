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

import pytest

from operations.clients import Asked, asking, targets
from operations.maintenance.record import kept
from tests.e2e.farm import ROOT, Farm

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]

PACE = "0.02"
"""Slower than other end-to-end tests: a server that is down must be down for a while."""
SOURCES = [f"127.0.9.{number}" for number in range(1, 9)]
"""Clients outside of every domain's network, as tenants are: the firewall allows them the tenants' sites."""
TENANTS = (443, 30006, 30071, 8090)
EACH_SECOND = 1.0
SERVERS = ["SQL2", "SQL1", "SPF1", "SPF2", "Portal1", "Portal2"]
EVERY = os.environ.get("MAINTENANCE") == "every"
SCOPE, RESTARTED = (("--all",), SERVERS) if EVERY else (("--level", "portal"), SERVERS[-2:])
"""All six servers take ten minutes: ``MAINTENANCE=every``, before a release and after a change of maintenance."""


@pytest.fixture(scope="module")
def farm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Farm]:
    farm = Farm(tmp_path_factory.mktemp("maintenance"))
    farm.bring_up()
    with farm.running(pace=PACE):
        yield farm


@contextmanager
def clients(farm: Farm, each_second: float = EACH_SECOND) -> Iterator[Asked]:
    wanted = [one for one in targets(farm.model, farm.remote.hosts) if one.port in TENANTS]
    with asking(wanted, SOURCES, each_second) as asked:
        yield asked
    print(f"{len(asked.requests)} requests, {len(asked.repeated)} repeated", Counter(r.error for r in asked.failed))


def notes(farm: Farm) -> list[str]:
    """The servers with a note of a maintenance."""
    return list(kept(farm.remote, SERVERS))


def down(farm: Farm) -> list[str]:
    """How often each server was told to restart, so far."""
    return [entry["machine"] for entry in farm.journal() if "Restart-Computer" in entry.get("text", "")]


def test_a_restart_without_it_fails_requests(farm: Farm) -> None:
    """Else the next test would prove nothing."""
    with clients(farm, each_second=10) as asked:  # NLB notices within 0.1 s at this pace
        time.sleep(1)
        assert farm.lab("fault", "restart", "Portal1").ok
        time.sleep(2)
    assert asked.failed


def test_every_server_restarts_without_a_failed_request(farm: Farm) -> None:
    """Apart from what the planned failover cuts: a site answers HTTP 500 then, and all of these come at once."""
    before = len(down(farm))
    with clients(farm) as asked:
        done = farm.operations("maintenance", *SCOPE, "--restart")
    print(f"maintenance {' '.join(SCOPE)} --restart: {done.seconds:.0f} s")
    assert done.ok, done.output[-4000:]
    assert down(farm)[before:] == RESTARTED
    assert {(request.source, request.target.level) for request in asked.requests} == {
        (source, level) for source in SOURCES for level in ("portal", "spf")
    }
    moments = [request.began for request in asked.failed]
    assert {request.error for request in asked.failed} <= ({"HTTP 500"} if EVERY else set())
    assert max(moments, default=0) - min(moments, default=0) < 10
    assert notes(farm) == []


def test_it_is_not_safe_while_a_partner_is_away(farm: Farm) -> None:
    before = len(down(farm))
    card = "-HostName $env:COMPUTERNAME -InterfaceName Ethernet"
    farm.powershell("Portal2", f"[void](Stop-NlbClusterNode {card})")
    done = farm.operations("maintenance", "Portal1", "--restart", "--patience", "1")
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


def test_an_up_ends_before_its_first_step_while_a_server_is_out(farm: Farm) -> None:
    """It would let clients come to a node that the operator works on."""
    assert farm.operations("maintenance", "Portal2", "--hold").ok
    nodes = "Get-NlbClusterNode -HostName $env:COMPUTERNAME -InterfaceName Ethernet"
    refused = farm.up()
    assert not refused.ok
    assert "Portal2: begin to change the farm: it is out of the farm for a maintenance, which" in refused.output
    assert "`python -m operations maintenance --resume Portal2`" in refused.output
    states = farm.powershell("Portal2", f'{nodes} | ForEach-Object {{ "$($_.Name) $($_.State)" }}')
    assert "PORTAL2 STOPPED" in [str(one).upper() for one in states]
    done = farm.operations("maintenance", "--resume", "Portal2")
    assert done.ok, done.output[-3000:]
    assert farm.up().ok
    assert notes(farm) == []


@pytest.mark.skipif(not EVERY, reason="MAINTENANCE=every: its clients need addresses that the firewall allows")
def test_a_drill_and_one_that_was_killed(farm: Farm) -> None:
    """What the article promises, with what clients notice of it: an orderly shutdown is no drain."""
    on = f"sh -c 'cd {ROOT} && {sys.executable} -m lab fault start {{machine}} --directory {farm.lab_folder}'"
    sources = [word for source in SOURCES[:4] for word in ("--source", source)]
    options = ["--on", on, "--down", "1", "--each-second", "5", *sources, "--yes"]
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
