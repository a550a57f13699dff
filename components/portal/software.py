"""Guarantees that the portal's software is installed on one node: every feature of the node's roles.

It comes through the Web Platform Installer (with an offline feed: its catalogue was closed in 2022) or from MSI
packages. Either refuses to run in a remote log-on, so it runs as a scheduled task. A restart that the installation
asks for is part of it, and so is going on after one. Delete uninstalls what this stack installed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, TypedDict

import pulumi

from components.inputs import Inputs
from components.resource import Managed, Provider
from components.steps import Detached, Restart, Step, leaf
from components.topology import Topology
from components.topology.problem import Location
from remote.session import Remote


class Parts(TypedDict):
    """What the software of a node consists of, and where it comes from, as ``SoftwareParts`` has it."""

    source: str
    products: list[str]
    feed: str
    folder: str
    packages: list[str]
    features: list[str]


class SoftwareParts(Inputs):
    """Base of the inputs of what installs the software, and of what looks for its source."""

    machine: str
    """The portal node."""
    source: Literal["webpi", "msi"]
    """``webpi``: Web Platform Installer; ``msi``: the packages in a folder."""
    products: tuple[str, ...] = ()
    """WebPI product IDs."""
    feed: str = ""
    """WebPI's offline feed. Empty: the installer's own."""
    folder: str = ""
    """The folder or share of the MSI packages."""
    features: tuple[str, ...]
    """The features that the software consists of: where all are there, it is installed."""
    packages: tuple[str, ...] = ()
    """File names of the MSI packages that belong to the features, in their order."""


class SoftwareInputs(SoftwareParts):
    seconds: float = 3600
    """How long the installation may take."""
    restart_seconds: float = 900
    """How long a restart of the machine may take."""


@dataclass(frozen=True)
class SoftwareFacts:
    features: tuple[str, ...]
    restart_pending: bool

    def missing(self, wanted: tuple[str, ...]) -> list[str]:
        have = {feature.lower() for feature in self.features}
        return [feature for feature in wanted if feature.lower() not in have]


def installed(
    remote: Remote, machine: str, features: tuple[str, ...], packages: tuple[str, ...], attempted: str
) -> SoftwareFacts:
    """Read what is installed on a machine.

    A release without the product's cmdlets cannot tell its features: then all of them are there when all of their
    packages are, and until then the packages stand for them.
    """
    state = remote.powershell(machine).run(leaf("portal/read_software.ps1"), attempted=attempted)[0]
    found = state["features"]
    if found is None:
        there = {package.lower() for package in state["packages"]}
        whole = bool(packages) and all(package.lower() in there for package in packages)
        found = features if whole else state["packages"]
    return SoftwareFacts(tuple(found), state["restartPending"])


class SoftwareProvider(Provider[SoftwareInputs, SoftwareFacts]):
    INPUTS = SoftwareInputs
    IDENTITY = ("machine",)

    def title(self, inputs: SoftwareInputs) -> str:
        return f"the portal's software on {inputs.machine}"

    def key(self, inputs: SoftwareInputs) -> str:
        return f"{inputs.machine}/portal-software".lower()

    def home(self, inputs: SoftwareInputs) -> str:
        return inputs.machine

    def observe(self, inputs: SoftwareInputs, remote: Remote) -> SoftwareFacts:
        attempted = f"read {self.title(inputs)}"
        return installed(remote, inputs.machine, inputs.features, inputs.packages, attempted)

    def plan(self, inputs: SoftwareInputs, facts: SoftwareFacts) -> list[Step]:
        machine = inputs.machine
        if facts.restart_pending:
            return [Step(f"Restart {machine}, as an installation asked for.", Restart(machine, inputs.restart_seconds))]
        missing = facts.missing(inputs.features)
        if not missing:
            return []
        if inputs.source == "webpi":
            arguments: dict[str, Any] = {"Products": list(inputs.products), "Feed": inputs.feed}
            arguments["Packages"] = list(inputs.packages)  # what its progress is measured by
            script = "portal/install_webpi.ps1"
        else:
            arguments = {"Packages": list(inputs.packages), "Folder": inputs.folder}
            script = "portal/install_msi.ps1"
        action = Detached(machine, "Portal installation", script, arguments, inputs.seconds)
        return [Step(f"On {machine}, install Windows Azure Pack ({', '.join(missing)}).", action)]

    def remove(self, inputs: SoftwareInputs, facts: SoftwareFacts, before: dict[str, Any]) -> list[Step]:
        if not facts.features:
            return []
        action = Detached(inputs.machine, "Portal removal", "portal/uninstall.ps1", {}, inputs.seconds)
        return [Step(f"On {inputs.machine}, uninstall Windows Azure Pack.", action)]

    def adoption(self, inputs: SoftwareInputs, topology: Topology) -> Location:
        return topology.tier_at(inputs.machine)

    def present(self, inputs: SoftwareInputs, facts: SoftwareFacts) -> bool:
        return bool(facts.features)

    def found(self, inputs: SoftwareInputs, facts: SoftwareFacts) -> dict[str, Any]:
        missing = {feature.lower() for feature in facts.missing(inputs.features)}
        return {"features": [feature for feature in inputs.features if feature.lower() not in missing]}


class Software(Managed, module="portal", name="Software"):
    """The portal's software on one node."""

    provider_class = SoftwareProvider

    def __init__(
        self,
        name: str,
        *,
        machine: str,
        parts: Parts,
        seconds: float,
        restart_seconds: float,
        adopt: bool,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        how = {"seconds": seconds, "restart_seconds": restart_seconds, "adopt": adopt}
        super().__init__(name, {"machine": machine, **parts, **how}, opts)
