"""A farm of a release without cmdlets: every stop says what to click, and every ``up`` goes on where the last ended.

One farm for the whole module; the tests run in the order of the file, and the real CLI works on a lab in this process.
"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Iterator

import pytest

from lab.testing import portal
from tests.e2e import by_hand
from tests.e2e.farm import ROOT, Result
from tests.e2e.lab_here import FarmHere

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]

PLAN = "Hosting plan for testing HA"


@pytest.fixture(scope="module")
def farm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FarmHere]:
    farm = FarmHere(tmp_path_factory.mktemp("by-hand"), source=ROOT / "topologies" / "wa4ws.yaml")
    with farm.running():
        portal.without_cmdlets(farm.world)
        farm.make_stack()
        yield farm


def reported(stopped: Result) -> str:
    """What an ``up`` that stopped says, in one line; each error is a sentence without Python in it."""
    assert not stopped.ok, stopped.output
    assert "Traceback" not in stopped.output
    return " ".join(stopped.output.split())


def created(done: Result) -> int:
    found = re.search(r"\+ (\d+) created", done.output)
    return int(found[1]) if found else 0


def in_stack(farm: FarmHere) -> set[str]:
    resources = farm.export()["deployment"]["resources"]
    return {resource["urn"].rpartition("::")[2] for resource in resources}


@pytest.mark.parametrize("node", ["Portal1", "Portal2"])
def test_a_node_is_configured_in_the_browser(farm: FarmHere, node: str) -> None:
    stopped = farm.up()
    text = reported(stopped)
    assert f"Log on to {node} as an administrator and open https://localhost:30101/. Enter the database server" in text
    assert "sql.hyper-v.nu, select SQL Server Authentication, enter the user name sa" in text
    assert "Then run `pulumi up` again: it resumes." in text
    assert created(stopped) > 5
    made = in_stack(farm)
    assert f"{node}-software" in made
    assert f"{node}-configuration" not in made
    by_hand.configure(farm, node)


def test_the_plan_and_the_registration_come_last_and_together(farm: FarmHere) -> None:
    text = reported(farm.up())
    assert f"click Create A New Hosting Plan, give it the name {PLAN}, select MYSQL Servers as its services" in text
    assert "click Register Service Provider Foundation, enter https://spf.hyper-v.nu:8090, the user name" in text
    assert {"Portal1-tenant-site", "Portal2-tenant-site", "logins-after-joining"} <= in_stack(farm)


def test_one_of_the_two_is_not_enough_and_stays(farm: FarmHere) -> None:
    by_hand.make_plan(farm)
    stopped = farm.up()
    text = reported(stopped)
    assert "Create A New Hosting Plan" not in text
    assert "click Register Service Provider Foundation" in text
    assert created(stopped) == 1
    by_hand.register(farm)
    finished = farm.up()
    assert finished.ok, finished.output[-4000:]
    assert created(finished) == 2  # with the verification
    assert "mysqlservers" not in finished.output


def test_then_nothing_is_left_to_do(farm: FarmHere) -> None:
    done = farm.up()
    assert done.ok, done.output[-4000:]
    assert re.search(r"\n +\d+ unchanged\n", done.output), done.output[-1500:]
    assert not re.search(r"\d+ (created|updated|deleted|replaced)", done.output), done.output[-1500:]
    assert farm.operations("verify").ok


def test_what_is_removed_by_hand_is_shown_and_asked_for_again(farm: FarmHere) -> None:
    by_hand.unclick(farm)
    farm.powershell("Portal2", "Stop-Website 'MgmtSvc-AdminSite'")
    preview = farm.preview()
    assert preview.ok, preview.output[-4000:]
    assert len(re.findall(r"~ made *: false => true", preview.output)) == 2, preview.output
    assert re.search(r'\+ \[1\]: "Portal2"', preview.output), preview.output
    assert re.search(r'[+~] \[\d+\]: ("TenantSite" => )?"AdminSite"', preview.output), preview.output
    verified = farm.operations("verify")
    assert not verified.ok
    assert "the stores have 0 plans of this name" in verified.output
    assert "the stores have no systemcenter" in verified.output
    farm.powershell("Portal2", "Start-Website 'MgmtSvc-AdminSite'")
    assert f"give it the name {PLAN}" in reported(farm.up())
    by_hand.click(farm)
    done = farm.up()
    assert done.ok, done.output[-4000:]


def test_a_wait_goes_on_when_the_person_is_done(farm: FarmHere) -> None:
    """With ``waits.manual_seconds`` the step waits: nothing has to be run again."""
    plan = farm.pieces()["plan"]
    by_hand.unclick(farm)
    waiting = plan.but(timeout_seconds=120.0, name="Waited for", adopt=False)
    outs: list[dict[str, object]] = []
    thread = threading.Thread(target=lambda: outs.append(waiting.create()))
    thread.start()
    time.sleep(1)
    assert thread.is_alive()
    done = farm.lab("click", "create-plan", "Portal1", "--name", "Waited for", "--service", "mysqlservers")
    assert done.ok, done.output
    thread.join(60)
    assert not thread.is_alive()
    assert outs[0]["plan_id"]


def test_who_may_not_enter_the_site_clicks_in_vain(farm: FarmHere) -> None:
    form = ("--name", "Other", "--service", "mysqlservers", "--user", r"HYPERVNU\SVC_SPF")
    done = farm.lab("click", "create-plan", "Portal1", *form)
    assert not done.ok
    assert "HTTP 403" in done.output
