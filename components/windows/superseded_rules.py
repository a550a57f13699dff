"""Guarantees that rules of the Windows Firewall which another program made are disabled on one machine.

What one rule allows stays allowed, however narrow another one is. So the rules of the portal's installer, which open
every site's port to everybody, are off while this program's own rules say from where. A rule that is not there needs
nothing. Delete enables those that were enabled before.
"""

from __future__ import annotations

from typing import Annotated, Any

from components.resource import FarmResource, Inputs, Items, ReplaceOn, WithBaseline
from components.steps import Script, Step, load_script
from remote.session import Remote


class SupersededRulesInputs(Inputs):
    machine: Annotated[str, ReplaceOn()]
    """The machine, by its name in the topology."""
    rules: Annotated[tuple[str, ...], Items()]
    """The displayed names of the rules."""
    configured: str = ""
    """When the node was configured: the installer may have recreated its rules before that."""
    enabled: tuple[str, ...] = ()
    """Those that are enabled: none; a drifted state names them."""


class SupersededRulesResource(WithBaseline[SupersededRulesInputs, frozenset[str]]):
    """Facts: the displayed names of those that are enabled, in lower case."""

    def display_name(self, inputs: SupersededRulesInputs) -> str:
        return f"the firewall rules of the portal's installer on {inputs.machine}"

    def resource_id(self, inputs: SupersededRulesInputs) -> str:
        return f"{inputs.machine}/superseded-rules".lower()

    def observe(self, inputs: SupersededRulesInputs, remote: Remote) -> frozenset[str]:
        found = remote.powershell(inputs.machine).run(
            load_script("windows/read_enabled_rules.ps1"),
            {"Names": list(inputs.rules)},
            attempted=f"read {self.display_name(inputs)}",
        )
        return frozenset(name.lower() for name in found)

    def plan(self, inputs: SupersededRulesInputs, facts: frozenset[str]) -> list[Step]:
        return [
            self._step(inputs, rule, "disable", "windows/disable_firewall_rule.ps1")
            for rule in inputs.rules
            if rule.lower() in facts
        ]

    def plan_delete(self, inputs: SupersededRulesInputs, facts: frozenset[str], baseline: dict[str, Any]) -> list[Step]:
        before = baseline.get("enabled", {})
        return [
            self._step(inputs, rule, "enable", "windows/enable_firewall_rule.ps1")
            for rule in inputs.rules
            if before.get(rule.lower()) and rule.lower() not in facts
        ]

    @staticmethod
    def _step(inputs: SupersededRulesInputs, rule: str, verb: str, script: str) -> Step:
        what = f"On {inputs.machine}, {verb} the firewall rule {rule} of the portal's installer."
        return Step(what, Script(inputs.machine, script, {"DisplayName": rule}))

    def preexisting(self, inputs: SupersededRulesInputs, facts: frozenset[str]) -> bool:
        return False  # ``baseline`` keeps which of them were enabled

    def baseline(self, inputs: SupersededRulesInputs, facts: frozenset[str]) -> dict[str, Any]:
        return {"enabled": {rule.lower(): rule.lower() in facts for rule in inputs.rules}}

    def actual(self, inputs: SupersededRulesInputs, facts: frozenset[str]) -> dict[str, Any]:
        return {"enabled": [rule for rule in inputs.rules if rule.lower() in facts]}


class SupersededRules(FarmResource[SupersededRulesInputs], module="windows", name="SupersededRules"):
    """Rules of the Windows Firewall that are off, since the program's own say more."""

    implementation = SupersededRulesResource
