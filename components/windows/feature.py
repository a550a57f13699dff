"""Guarantees that a Windows feature is installed on one machine, with its management tools.

Leaves alone every other feature. Restarts the machine only when the installation asks for it. Delete removes the
feature, which Windows finishes at the next restart.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

from components.resource import FarmResource, Inputs, ReplaceOn, Resource
from components.steps import Restart, Script, Step, load_script
from remote.session import Remote


class FeatureInputs(Inputs):
    machine: Annotated[str, ReplaceOn()]
    """The machine, by its name in the topology."""
    feature: Annotated[str, ReplaceOn()]
    """The feature's name as ``Get-WindowsFeature`` gives it (``NLB``)."""


@dataclass(frozen=True)
class FeatureFacts:
    installed: bool
    """``InstallState`` of Get-WindowsFeature is Installed: usable now."""
    restart_pending: bool
    """``InstallState`` is InstallPending: installed only after a restart."""


class FeatureResource(Resource[FeatureInputs, FeatureFacts]):
    def display_name(self, inputs: FeatureInputs) -> str:
        return f"the Windows feature {inputs.feature}"

    def resource_id(self, inputs: FeatureInputs) -> str:
        return f"{inputs.machine}/feature/{inputs.feature}".lower()

    def observe(self, inputs: FeatureInputs, remote: Remote) -> FeatureFacts:
        state = remote.powershell(inputs.machine).run(
            load_script("windows/read_feature.ps1"),
            {"Name": inputs.feature},
            attempted=f"read {self.display_name(inputs)}",
        )[0]
        return FeatureFacts(state["installed"], state["restartPending"])

    def plan(self, inputs: FeatureInputs, facts: FeatureFacts) -> list[Step]:
        name, machine = inputs.feature, inputs.machine
        if not facts.installed and not facts.restart_pending:
            action = Script(machine, "windows/install_feature.ps1", {"Name": name}, timeout_seconds=1800)
            return [Step(f"On {machine}, install the Windows feature {name}.", action)]
        if facts.restart_pending:
            return [Step(f"Restart {machine} to finish the installation of {name}.", Restart(machine))]
        return []

    def plan_delete(self, inputs: FeatureInputs, facts: FeatureFacts, baseline: dict[str, Any]) -> list[Step]:
        if not facts.installed:
            return []
        action = Script(inputs.machine, "windows/remove_feature.ps1", {"Name": inputs.feature}, timeout_seconds=1800)
        return [Step(f"On {inputs.machine}, remove the Windows feature {inputs.feature}.", action)]

    def actual(self, inputs: FeatureInputs, facts: FeatureFacts) -> dict[str, Any] | None:
        return {} if facts.installed else None


class Feature(FarmResource[FeatureInputs], module="windows", name="Feature"):
    """A Windows feature on one machine."""

    implementation = FeatureResource
