"""The leases of machines that are stand-ins: they compare and set, as the leaf scripts do."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from components.resource.lease import Leases
from components.resource.ownership import Owner
from components.steps import load_script

SCRIPTS = {load_script(f"windows/{name}_lease.ps1"): name for name in ("read", "write", "remove")}
NOW = "2026-01-02T10:00:00"
UP = Owner("windows-azure-pack-ha/dev", "1" * 32)


@dataclass
class LeaseBook:
    """By machine, the text of the lease there."""

    texts: dict[str, str] = field(default_factory=dict)
    maintenance: Callable[[str], str] = lambda _machine: ""
    """What ``operations maintenance`` keeps on a machine."""

    def answer(self, machine: str, script: str, arguments: Mapping[str, Any]) -> list[Any] | None:
        """What a script about the lease gives; None for any other script."""
        known, there = SCRIPTS.get(script), self.texts.get(machine, "")
        if known == "read":
            return [{"text": there, "maintenance": self.maintenance(machine), "now": NOW}]
        if known == "write":
            self.texts[machine] = arguments["Text"] if there == arguments["Expected"] else there
            return [self.texts[machine]]
        if known == "remove":
            self.texts[machine] = "" if there == arguments["Text"] else there
            return []
        return None

    @property
    def held(self) -> set[str]:
        """The machines with a lease."""
        return {machine for machine, text in self.texts.items() if text}


def up_begins(remote: Any, machine: str) -> Leases:
    """A run of ``pulumi up`` takes its leases, as its first change on a machine does. Raises ``MachineError``."""
    leases = Leases(remote, [machine], lambda _sentence: None)
    leases.take(UP, machine)
    return leases
