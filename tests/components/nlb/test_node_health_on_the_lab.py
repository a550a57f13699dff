"""The health task of two nodes, on the lab: when it starts its node, when it takes it out, and when it does nothing.

Each test runs the task itself, as often as a limit takes: its repetition is put off.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from components.nlb.cluster import ClusterResource
from components.nlb.node import NodeResource
from components.nlb.node_health import DECLARED, TASK, NodeHealthInputs, NodeHealthResource
from components.resource import Resource, lease
from components.resource.pulumi_adapter import Adapter
from components.step_runner import StepRunner
from components.steps import Step
from lab.testing import ntfs, power
from lab.testing.farm import Farm
from lab.testing.windows import tasks_queue_for, tasks_repeat_after
from operations.maintenance import record
from remote.session import Remote
from tests.components.nlb.two_nodes import ADDRESSES, CLUSTER, connection
from tests.components.program import ROOT

SHIPPED = ROOT / "topologies" / "single-domain.yaml"
NODES = tuple(ADDRESSES)
SITE = """
[void](Install-WindowsFeature Web-Server, NLB -IncludeManagementTools)
$thumbprint = @(Get-ChildItem Cert:\\LocalMachine\\My | Where-Object { $_.HasPrivateKey })[0].Thumbprint
New-WebBinding -Name 'Default Web Site' -Protocol https -Port 443 -IPAddress '*'
(Get-WebBinding -Name 'Default Web Site' -Protocol https).AddSslCertificate($thumbprint, 'My')
[void](New-NetFirewallRule -DisplayName sites -Name sites -Direction Inbound -Action Allow -Protocol TCP -LocalPort 443)
"""
LIMIT = 3


def health(machine: str) -> dict[str, Any]:
    others = [{"machine": name, "address": address} for name, address in ADDRESSES.items() if name != machine]
    how = {"interface": "Ethernet", "address": ADDRESSES[machine], "ports": [443], "others": others}
    return {"machine": machine, "tier": "admin-api", **how, "failures": LIMIT, "offset_seconds": 30 * len(others)}


class Nodes:
    """Two nodes of a cluster, each with a site and its health task."""

    def __init__(self, farm: Farm) -> None:
        self.farm = farm
        self.connection = connection(farm)
        self.outs: dict[str, dict[str, Any]] = {}

    def adapter(self, kind: type[Resource[Any, Any]]) -> Adapter:
        return Adapter(kind, connection=self.connection, report=lambda _: None, left=lambda _: None)

    @property
    def remote(self) -> Remote:
        return self.adapter(NodeHealthResource).remote

    def build(self) -> None:
        for machine in NODES:
            self.run(machine, SITE)
        first, second = NODES
        where = {"machine": first, "interface": "Ethernet", "others": [{"machine": second, "interface": "Ethernet"}]}
        at = {"address": "172.21.5.150", "mask": "255.255.255.0", "mode": "multicast"}
        self.adapter(ClusterResource).create({**CLUSTER, **where, **at})
        card = {"interface": "Ethernet", "first": first, "first_interface": "Ethernet", "starts": False}
        for machine in NODES:
            address = ADDRESSES[machine]
            self.adapter(NodeResource).create({**CLUSTER, **card, "machine": machine, "address": address})
        for machine in NODES:
            self.outs[machine] = self.adapter(NodeHealthResource).create(health(machine)).outs or {}
        lease.give_back()

    def run(self, machine: str, script: str) -> list[Any]:
        return list(self.remote.powershell(machine).run(script, {}, attempted="do by hand", changes=True))

    def take(self, step: Step) -> None:
        StepRunner(self.remote, lambda _: None).run_all([step], lambda: None)

    def states(self) -> dict[str, str]:
        """Of every node, as the first one sees them; nobody converges any more."""
        look = 'Get-NlbClusterNode | ForEach-Object { @{ name = "$($_.Name)"; state = "$($_.State)" } }'
        end = time.monotonic() + 30
        while True:
            found = {one["name"]: one["state"].partition("(")[0] for one in self.run(NODES[0], look)}
            if "Converging" not in found.values():
                return found
            assert time.monotonic() < end
            time.sleep(0.02)

    def check(self, machine: str, times: int = 1) -> dict[str, str]:
        """Let the task of a node look so many times."""
        for _ in range(times):
            self.ended(machine)
            self.run(machine, f"Start-ScheduledTask -TaskName '{TASK}'")
            assert self.ended(machine) == 0
        return self.states()

    def ended(self, machine: str) -> int:
        """The result of the task's last run, once it does not run."""
        look = f"""
"$((Get-ScheduledTask -TaskName '{TASK}').State)"
(Get-ScheduledTaskInfo -TaskName '{TASK}').LastTaskResult
"""
        end = time.monotonic() + 30
        while True:
            state, result = self.run(machine, look)
            if state not in ("Running", "Queued"):
                return int(result)
            assert time.monotonic() < end
            time.sleep(0.02)

    def restart(self, machine: str) -> None:
        """Until the task has looked at start-up."""
        power.restart(self.farm.world, machine)
        self.remote.forget(machine)
        assert self.ended(machine) == 0

    def site(self, machine: str, *, answers: bool, at_boot: bool = True) -> None:
        self.run(machine, f"Set-Service W3SVC -StartupType {'Automatic' if at_boot else 'Manual'}")
        self.run(machine, "Start-Service W3SVC" if answers else "Stop-Service W3SVC -Force")

    def by_hand(self, machine: str, verb: str) -> None:
        self.run(machine, f"[void]({verb}-NlbClusterNode -HostName $env:COMPUTERNAME -InterfaceName Ethernet)")


@pytest.fixture(scope="module")
def built() -> Iterator[Nodes]:
    with tasks_repeat_after(3600), tasks_queue_for(0), Farm(SHIPPED, pace=0.002) as farm:
        found = Nodes(farm)
        found.build()
        yield found


@pytest.fixture
def nodes(built: Nodes) -> Nodes:
    """Both take clients, and the limit begins again."""
    for machine in NODES:
        built.site(machine, answers=True)
        if built.states()[machine] == "Suspended":
            built.by_hand(machine, "Resume")
        if built.states()[machine] == "Stopped":
            built.by_hand(machine, "Start")
    for machine in NODES:
        assert built.check(machine) == dict.fromkeys(NODES, "Converged")
    return built


def both(first: str, second: str) -> dict[str, str]:
    return {"Portal1": first, "Portal2": second}


def test_after_a_boot_no_client_comes_before_the_sites_answer(nodes: Nodes) -> None:
    nodes.site("Portal2", answers=True, at_boot=False)
    nodes.restart("Portal2")
    assert nodes.states() == both("Converged", "Stopped")
    assert nodes.check("Portal2", LIMIT + 1) == both("Converged", "Stopped")
    nodes.site("Portal2", answers=True)
    assert nodes.check("Portal2") == both("Converged", "Converged")


def test_after_a_boot_with_sites_that_answer_it_starts_by_itself(nodes: Nodes) -> None:
    nodes.restart("Portal2")
    assert nodes.check("Portal2") == both("Converged", "Converged")


def test_a_node_whose_sites_fail_leaves_and_comes_back(nodes: Nodes) -> None:
    nodes.site("Portal2", answers=False)
    assert nodes.check("Portal2", LIMIT - 1) == both("Converged", "Converged")
    assert nodes.check("Portal2") == both("Converged", "Stopped")
    assert nodes.check("Portal2", LIMIT) == both("Converged", "Stopped")
    nodes.site("Portal2", answers=True)
    assert nodes.check("Portal2") == both("Converged", "Converged")


def test_one_that_answers_in_between_stays(nodes: Nodes) -> None:
    for _ in range(2):
        nodes.site("Portal2", answers=False)
        nodes.check("Portal2", LIMIT - 1)
        nodes.site("Portal2", answers=True)
        assert nodes.check("Portal2") == both("Converged", "Converged")


def test_where_all_fail_nobody_leaves(nodes: Nodes) -> None:
    for machine in NODES:
        nodes.site(machine, answers=False)
    for _ in range(LIMIT + 1):
        for machine in NODES:
            assert nodes.check(machine) == both("Converged", "Converged")


def test_the_last_one_stays(nodes: Nodes) -> None:
    """Although the sites of the other one answer: it takes no clients."""
    nodes.by_hand("Portal1", "Stop")
    nodes.site("Portal2", answers=False)
    for _ in range(LIMIT + 1):
        assert nodes.check("Portal2") == both("Stopped", "Converged")


def test_one_that_left_comes_back_where_it_is_the_last(nodes: Nodes) -> None:
    nodes.site("Portal2", answers=False)
    assert nodes.check("Portal2", LIMIT) == both("Converged", "Stopped")
    nodes.by_hand("Portal1", "Stop")
    assert nodes.check("Portal2") == both("Stopped", "Converged")


def test_after_a_boot_with_sites_that_fail_it_starts_where_nobody_else_takes_clients(nodes: Nodes) -> None:
    nodes.site("Portal2", answers=True, at_boot=False)
    nodes.by_hand("Portal1", "Stop")
    nodes.restart("Portal2")
    assert nodes.states() == both("Stopped", "Stopped")
    assert nodes.check("Portal2", LIMIT - 1) == both("Stopped", "Converged")


@pytest.mark.parametrize(("verb", "state"), [("Stop", "Stopped"), ("Suspend", "Suspended")])
def test_what_an_operator_has_taken_out_stays_out(nodes: Nodes, verb: str, state: str) -> None:
    nodes.by_hand("Portal2", verb)
    assert nodes.check("Portal2", LIMIT) == both("Converged", state)
    nodes.restart("Portal2")
    after = both("Converged", "Converged" if state == "Stopped" else "Suspended")
    assert nodes.check("Portal2") == after


def test_what_an_operator_starts_has_its_limit_again(nodes: Nodes) -> None:
    nodes.site("Portal2", answers=False)
    assert nodes.check("Portal2", LIMIT + 2) == both("Converged", "Stopped")
    nodes.by_hand("Portal2", "Start")
    assert nodes.check("Portal2", LIMIT - 1) == both("Converged", "Converged")
    assert nodes.check("Portal2") == both("Converged", "Stopped")
    nodes.site("Portal2", answers=True)
    assert nodes.check("Portal2") == both("Converged", "Converged")


def test_while_it_is_in_maintenance_the_task_does_nothing(nodes: Nodes) -> None:
    nodes.take(record.write("Portal2", record.begin("Portal2 --restart", balanced=True), "it is in maintenance"))
    nodes.site("Portal2", answers=False)
    assert nodes.check("Portal2", LIMIT + 1) == both("Converged", "Converged")
    nodes.by_hand("Portal2", "Stop")
    nodes.site("Portal2", answers=True)
    nodes.restart("Portal2")
    assert nodes.check("Portal2") == both("Converged", "Stopped")
    nodes.take(record.forget("Portal2"))
    assert nodes.check("Portal2") == both("Converged", "Converged")


def test_while_up_is_at_work_the_task_does_nothing(nodes: Nodes) -> None:
    now = datetime.now(UTC)

    def leased(until: datetime, *, drill: bool = False) -> None:
        expires = until.strftime("%Y-%m-%dT%H:%M:%S")
        held = lease.Lease("farm", "identity", "run", "operator", "now", expires, health_goes_on=drill)
        write = f"Set-ItemProperty $path -Name Text -Value '{held.dump()}'"
        path = r"HKLM:\SOFTWARE\WindowsAzurePackHA\Lease"
        nodes.run("Portal2", f"$path = '{path}'\nif (-not (Test-Path $path)) {{ [void](New-Item $path) }}\n{write}")

    leased(now + timedelta(minutes=5))
    nodes.restart("Portal2")
    assert nodes.check("Portal2") == both("Converged", "Stopped")
    leased(now - timedelta(minutes=5))
    assert nodes.check("Portal2") == both("Converged", "Converged")
    nodes.restart("Portal2")
    leased(now + timedelta(minutes=5), drill=True)
    assert nodes.check("Portal2") == both("Converged", "Converged"), "a drill waits for what the task does"
    nodes.run("Portal2", r"Remove-Item HKLM:\SOFTWARE\WindowsAzurePackHA\Lease")


FOLDER = rf"C:\ProgramData\WindowsAzurePackHA\{TASK}"
REGISTER = f"""
$task = Get-ScheduledTask -TaskName '{TASK}'
$action, $principal, $triggers = $task.Actions, $task.Principal, $task.Triggers
$boot = New-ScheduledTaskTrigger -AtStartup
function New-Again($Minutes) {{
    $each, $long = (New-TimeSpan -Minutes $Minutes), (New-TimeSpan -Days 9)
    New-ScheduledTaskTrigger -Once -At 2026-01-01T00:00:30 -RepetitionInterval $each -RepetitionDuration $long
}}
$how = @{{ TaskName = '{TASK}'; Settings = $task.Settings; Force = $true }}
%s
"""
SETTINGS = f"""
$file = '{FOLDER}\\settings.json'
[IO.File]::WriteAllText($file, [IO.File]::ReadAllText($file).Replace('"failures": 3', '"failures": 300'))
"""
ACCOUNT = "-User 'HYPERVNU\\installer' -Password 'Lab-Installer-2013!'"
WHOLE = "[void](Register-ScheduledTask @how -Action $action -Principal $principal -Trigger %s)"
DRIFTS: dict[str, tuple[str, dict[str, str]]] = {
    "gone": (f"Unregister-ScheduledTask -TaskName '{TASK}' -Confirm:$false", {"task": "missing"}),
    "disabled": (f"[void](Disable-ScheduledTask -TaskName '{TASK}')", {"task": "disabled"}),
    "altered script": (f"Add-Content '{FOLDER}\\node_health.ps1' 'exit'", {"script": "*"}),
    "script gone": (f"Remove-Item '{FOLDER}\\node_health.ps1'", {"script": "missing"}),
    "altered settings": (SETTINGS, {"settings": "altered: failures"}),
    "another interval": (REGISTER % WHOLE % "@($boot, (New-Again 5))", {"task": "repeated each PT5M from *"}),
    "not at start-up": (REGISTER % WHOLE % "(New-Again 1)", {"task": "not at start-up"}),
    "another account": (
        REGISTER % f"[void](Register-ScheduledTask @how -Action $action -Trigger $triggers {ACCOUNT})",
        {"task": "runs as installer; without the highest privileges"},
    ),
    "another program": (
        REGISTER % ("$action = New-ScheduledTaskAction -Execute cmd.exe\n" + WHOLE % "$triggers"),
        {"task": "runs cmd.exe *"},
    ),
}


@pytest.mark.parametrize("case", DRIFTS)
def test_what_is_altered_by_hand_is_seen_and_repaired(nodes: Nodes, case: str) -> None:
    script, expected = DRIFTS[case]
    nodes.run("Portal1", script)
    adapter, outs = nodes.adapter(NodeHealthResource), nodes.outs["Portal1"]
    found = adapter.read("id", outs).inputs or {}
    declared = {name: outs[name] for name in ("script", "settings", "task", "folder")}
    seen = {name: found[name] for name in declared if found[name] != declared[name]}
    assert set(seen) == set(expected)
    for name, text in expected.items():
        assert seen[name].startswith(text.rstrip("*")), seen
    nodes.outs["Portal1"] = adapter.update("id", outs, health("Portal1")).outs or {}
    lease.give_back()
    again = adapter.read("id", nodes.outs["Portal1"]).inputs or {}
    assert {name: again[name] for name in declared} == {**declared, "settings": DECLARED, "task": DECLARED}
    assert nodes.check("Portal1") == both("Converged", "Converged")


def test_only_administrators_may_change_what_runs(nodes: Nodes) -> None:
    facts = NodeHealthResource().observe(NodeHealthInputs.model_validate(health("Portal1")), nodes.remote)
    assert facts.rights == "O:BAG:BAD:P(A;OICI;FA;;;SY)(A;OICI;FA;;;BA)"
    assert facts.own == ntfs.rights(nodes.farm.world, "Portal1", FOLDER)
    assert json.loads(facts.settings)["others"] == [{"machine": "Portal2", "address": "172.21.5.152"}]


def test_delete_leaves_nothing_of_it(nodes: Nodes) -> None:
    """The last test: without its task the node stays as it is."""
    for machine in NODES:
        nodes.adapter(NodeHealthResource).delete("id", nodes.outs[machine])
    lease.give_back()
    look = f"""
@(Get-ScheduledTask | Where-Object {{ $_.TaskName -eq '{TASK}' }}).Count
Test-Path '{FOLDER}'
Test-Path 'HKLM:\\SOFTWARE\\WindowsAzurePackHA\\NodeHealth'
"""
    assert nodes.run("Portal2", look) == [0, False, False]
    assert nodes.states() == both("Converged", "Converged")
