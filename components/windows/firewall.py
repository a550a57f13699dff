"""What the Windows Firewall of a machine allows: a look at all of its rules, of every origin.

A member of a domain uses the profile Domain. Addresses are not looked at: a rule for some of the farm's machines alone
counts as one that allows the port.
"""

from __future__ import annotations

from typing import Any

from components.steps import load_script
from remote.names import folded
from remote.session import Remote

PROFILE = "domain"


def allows(remote: Remote, machine: str, port: int, program: str, attempted: str) -> bool:
    """Whether an inbound TCP port is open for a program (``sqlservr.exe``). Raises ``MachineError``."""
    (found,) = remote.powershell(machine).run(load_script("windows/read_open_ports.ps1"), attempted=attempted)
    return is_open(found, port, program)


def is_open(found: dict[str, Any], port: int, program: str) -> bool:
    """The same for what ``read_open_ports.ps1`` gave. Pure."""
    if any(folded(one["name"]) == PROFILE and folded(one["enabled"]) != "true" for one in found["profiles"]):
        return True
    programs = {one["rule"]: folded(one["program"]) for one in found["programs"]}
    enabled = set(found["rules"])
    return any(
        _admits(one, programs.get(one["rule"], "any"), port, program)
        for one in found["ports"]
        if one["rule"] in enabled
    )


def _admits(rule: dict[str, Any], of: str, port: int, program: str) -> bool:
    meant = of in ("", "any") or of.endswith(f"\\{folded(program)}")
    tcp = folded(rule["protocol"]) in ("tcp", "6", "any")
    return meant and tcp and any(_covers(spec, port) for spec in rule["ports"])


def _covers(spec: str, port: int) -> bool:
    """Of one port, a range, or ``Any``; the words for other ports cover none."""
    if folded(spec) == "any":
        return True
    first, _, last = spec.partition("-")
    return first.isdigit() and int(first) <= port <= int(last or first)
