"""What the health task's script decides, in the engine of real PowerShell: its text, with cmdlets that replay a state.

Where that engine is not at hand the test is skipped: ``test_node_health_on_the_lab`` goes through the same states.
"""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from components.nlb.node_health import SCRIPT
from components.steps import load_script

ENGINES = (folder / "shared" / "tools" / "real-powershell" / "run" for folder in Path(__file__).resolve().parents)
ENGINE = next((file for file in ENGINES if file.is_file()), None)
LIMIT = 3
LEASE = '{"stack": "farm", "expires": "%s", "health_goes_on": %s}'
CMDLETS = """
$env:COMPUTERNAME = 'PORTAL2'
$did = [System.Collections.ArrayList]@()
$settings = [pscustomobject]@{{
    interface = 'Ethernet'; address = '127.0.0.1'; ports = {ports}; failures = {limit}; answer_seconds = 1
    drain_minutes = 1; others = @([pscustomobject]@{{ machine = 'Portal1'; address = '127.0.0.1' }})
}}
function Join-Path($Path, $Name) {{ '{empty}' }}
function ConvertFrom-Json($Text) {{ $settings }}
function Test-Path($Path) {{ $true }}
function Get-ItemProperty($Path) {{
    if ($Path -like '*\\Marks') {{ {mark} }}
    elseif ($Path -like '*\\Lease') {{ {lease} }}
    else {{ [pscustomobject]@{{ MayStart = {may_start}; Failed = {failed} }} }}
}}
function Set-ItemProperty($Path, $Name, $Value) {{ [void]$did.Add("$Name $Value") }}
function Get-NlbClusterNode($HostName, $InterfaceName) {{
    [pscustomobject]@{{ Name = 'PORTAL1'; State = '{other}' }}
    [pscustomobject]@{{ Name = 'PORTAL2'; State = '{own}' }}
}}
function Start-NlbClusterNode($HostName, $InterfaceName) {{ [void]$did.Add('start') }}
function Stop-NlbClusterNode($HostName, $InterfaceName, [switch] $Drain, $Timeout) {{ [void]$did.Add("drain $Drain") }}
& {{
{script}
}} 'folder'
$did -join ', '
"""


@dataclass(frozen=True)
class State:
    answers: bool
    own: str
    other: str = "Converged"
    may_start: bool = False
    failed: int = 0
    mark: str = ""
    expires: str = ""
    drill: bool = False

    def script(self, empty: Path) -> str:
        """A site without ports answers; one at a port where nobody listens fails, and the other node's answers."""
        text = load_script(SCRIPT).replace("Test-Sites $other.address", "$true")
        lease = LEASE % (self.expires, json.dumps(self.drill))
        return CMDLETS.format(
            ports="@()" if self.answers else "@(1)",
            limit=LIMIT,
            empty=empty,
            mark=f"[pscustomobject]@{{ '{self.mark}' = 'x' }}" if self.mark else "$null",
            lease=f"[pscustomobject]@{{ Text = '{lease}' }}" if self.expires else "$null",
            may_start=int(self.may_start),
            failed=self.failed,
            other=self.other,
            own=self.own,
            script=text,
        )


CASES = {
    "it serves": (State(True, "Converged(default)"), "Failed 0, MayStart 0"),
    "after a boot, its sites answer": (State(True, "Stopped", may_start=True), "Failed 0, MayStart 1, start"),
    "after a boot, its sites fail": (State(False, "Stopped", may_start=True, failed=8), "Failed 9, MayStart 1"),
    "after a boot, its sites fail and nobody else takes clients": (
        State(False, "Stopped", "Unreachable", may_start=True, failed=2),
        "Failed 3, MayStart 1, start",
    ),
    "the same before the limit": (State(False, "Stopped", "Stopped", may_start=True), "Failed 1, MayStart 1"),
    "stopped by an operator": (State(True, "Stopped"), "Failed 0, MayStart 0"),
    "suspended by an operator": (State(True, "Suspended", may_start=True), "Failed 0, MayStart 0"),
    "its sites begin to fail": (State(False, "Converged"), "Failed 1, MayStart 0"),
    "its sites fail for too long": (State(False, "Converged", failed=2), "Failed 3, MayStart 1, drain True"),
    "the same while it converges": (State(False, "Converging", failed=2), "Failed 3, MayStart 1, drain True"),
    "the same, and it is the last one": (State(False, "Converged", "Stopped", failed=2), "Failed 3, MayStart 0"),
    "the same, and the other one leaves": (State(False, "Converged", "Draining", failed=2), "Failed 3, MayStart 0"),
    "it leaves": (State(False, "Draining", may_start=True, failed=3), "Failed 4, MayStart 1"),
    "an operator started what the task took out": (
        State(False, "Converged", may_start=True, failed=8),
        "Failed 1, MayStart 0",
    ),
    "in maintenance": (State(True, "Stopped", may_start=True, mark="maintenance"), ""),
    "another mark": (State(True, "Stopped", may_start=True, mark="nlb"), "Failed 0, MayStart 1, start"),
    "an up is at work": (State(True, "Stopped", may_start=True, expires="2999-01-01T00:00:00"), ""),
    "a drill is at work": (
        State(True, "Stopped", may_start=True, expires="2999-01-01T00:00:00", drill=True),
        "Failed 0, MayStart 1, start",
    ),
    "an up was killed": (
        State(True, "Stopped", may_start=True, expires="2001-01-01T00:00:00"),
        "Failed 0, MayStart 1, start",
    ),
}


@pytest.mark.skipif(ENGINE is None, reason="the engine of real PowerShell is not at hand")
def test_the_script_decides(tmp_path: Path) -> None:
    empty, file = tmp_path / "empty", tmp_path / "cases.txt"
    empty.write_text("", encoding="utf-8")
    file.write_text(
        "".join(f"%% {name}\n{state.script(empty)}" for name, (state, _) in CASES.items()), encoding="utf-8"
    )
    assert ENGINE is not None
    done = subprocess.run([ENGINE, file], capture_output=True, text=True, check=True, timeout=100)
    found = [json.loads(line) for line in done.stdout.splitlines()]
    assert [one["id"] for one in found if one["errors"] or one["terminated"]] == []
    said = {one["id"]: one["output"][-1]["value"] for one in found}
    assert said == {name: expected for name, (_, expected) in CASES.items()}
