"""Guarantees that the portal's software is installed on one node: every feature of the node's roles.

It comes through the Web Platform Installer (with an offline feed: its catalogue was closed in 2022) or from MSI
packages. Either refuses to run in a remote log-on, so it runs as a scheduled task. Delete uninstalls what this stack
installed.

The machine is restarted for two reasons only, for each of them once: something is to be installed while Windows waits
for a restart, or this installation left files that Windows replaces at the next start. A mark on the machine tells
them from what others left, also to a later run. A node that serves clients is drained before its machine restarts, and
taken back afterwards. Where Windows waits for a restart again after one, the files are named and the work goes on.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, replace
from typing import Annotated, Any, Literal, TypedDict

from components.nlb import state
from components.nlb.state import NodeView
from components.nlb.without_clients import TakenBack
from components.resource import Adoptable, FarmResource, Inputs, ReplaceOn, WithOrphan
from components.steps import Restart, ScheduledTask, Script, Step, WaitFor, load_script
from components.topology import Topology
from components.topology.problem import Location
from remote.names import folded
from remote.session import Remote


class SoftwareSpec(TypedDict):
    """What the software of a node consists of, and where it comes from, as the inputs of ``SoftwareParts`` name it."""

    source: Literal["webpi", "msi"]
    """Web Platform Installer, or packages in a folder."""
    products: tuple[str, ...]
    """Product IDs of the Web Platform Installer; not used with ``msi``."""
    feed: str
    """Of WebPI's offline cache; empty: the installer's own."""
    folder: str
    """A path on the node, or a share; not used with ``webpi``."""
    packages: tuple[str, ...]
    """File names in ``folder``, in the order in which they are installed; not used with ``webpi``."""
    features: tuple[str, ...]
    """As ``Get-MgmtSvcFeature`` names them."""


class SoftwareParts(Inputs):
    """Base of the inputs of what installs the software, and of what looks for its source."""

    machine: Annotated[str, ReplaceOn()]
    """The portal node, by its name in the topology."""
    source: Literal["webpi", "msi"]
    """``webpi``: Web Platform Installer; ``msi``: the packages in a folder."""
    products: tuple[str, ...] = ()
    """Product IDs of the Web Platform Installer (`WebpiCmd /List /ListOption:Available`)."""
    feed: str = ""
    """WebPI's offline feed. Empty: the installer's own."""
    folder: str = ""
    """The folder of the MSI packages: a path on the node, or a share that its account can read."""
    features: tuple[str, ...]
    """The features that the software consists of: where all are there, it is installed."""
    packages: tuple[str, ...] = ()
    """File names of the MSI packages that belong to the features, in their order."""


MARK = "portal-software"
"""The mark that tells how far an installation has come: its stage, and the files that Windows waited for before."""
INSTALLING, RESTARTED = "installing", "restarted"
NONE_DUE, DUE = "none due", "due after the installation"
DRAIN_MINUTES = 1
_NAME = re.compile(r"^!?(?:\\\?\?\\)?")
"""What Windows writes before a path in PendingFileRenameOperations."""


class SoftwareInputs(SoftwareParts):
    interface: str = ""
    """The network card that is bound to the cluster of the node's tier. Empty: there is none."""
    timeout_seconds: float = 3600
    """How long the installation may take."""
    restart_seconds: float = 900
    """How long a restart of the machine may take."""
    restart: str = NONE_DUE
    """Whether the installation still asks for a restart."""


@dataclass(frozen=True)
class Mark:
    """How far an installation of this program has come on a machine."""

    stage: str
    """``installing`` from before the installation, ``restarted`` after a restart of the machine."""
    known: tuple[str, ...] = ()
    """The files for which Windows waited for a restart before."""

    @property
    def text(self) -> str:
        return json.dumps({"stage": self.stage, "known": list(self.known)})


@dataclass(frozen=True)
class SoftwareFacts:
    features: tuple[str, ...]
    """As ``Get-MgmtSvcFeature`` names them. Without that cmdlet: the declared features where every package is
    installed, else the file names of those packages that are."""
    pending: tuple[str, ...] = ()
    """The files that Windows replaces or removes at the next start."""
    mark: Mark | None = None
    """None while no installation of this program is under way."""
    node: NodeView | None = None
    """The node of the tier's cluster that the machine is; None where there is no cluster."""

    @property
    def own(self) -> tuple[str, ...]:
        """The files that an installation of this program has left to the next start."""
        if self.mark is None or self.mark.stage != INSTALLING:
            return ()
        return tuple(file for file in self.pending if file not in self.mark.known)

    @property
    def serving(self) -> bool:
        """Whether clients come to the machine through the cluster."""
        return self.node is not None and self.node.bound and self._state.startswith(("Converged", "Converging"))

    @property
    def _state(self) -> str:
        return self.node.state_of(self.node.machine) if self.node is not None else ""

    def drained(self) -> str:
        """What to wait for until no client is left; empty when none is."""
        return "" if self._state in state.STANDING else f"{self._state or 'an unknown state'} to end"

    def missing(self, wanted: tuple[str, ...]) -> list[str]:
        have = {folded(feature) for feature in self.features}
        return [feature for feature in wanted if folded(feature) not in have]


def installed(
    remote: Remote, machine: str, features: tuple[str, ...], packages: tuple[str, ...], attempted: str
) -> SoftwareFacts:
    """Read what is installed on a machine.

    A release without the product's cmdlets cannot tell its features: then all of them are there when all of their
    packages are, and until then the packages stand for them.
    """
    read = remote.powershell(machine).run(load_script("portal/read_software.ps1"), attempted=attempted)[0]
    found = read["features"]
    if found is None:
        there = {folded(package) for package in read["packages"]}
        whole = bool(packages) and all(folded(package) in there for package in packages)
        found = features if whole else read["packages"]
    pending = (_NAME.sub("", file) for file in read["pending"])
    return SoftwareFacts(tuple(found), tuple(dict.fromkeys(file for file in pending if file)))


class SoftwareResource(Adoptable[SoftwareInputs, SoftwareFacts], WithOrphan[SoftwareInputs, SoftwareFacts]):
    def display_name(self, inputs: SoftwareInputs) -> str:
        return f"the portal's software on {inputs.machine}"

    def resource_id(self, inputs: SoftwareInputs) -> str:
        return f"{inputs.machine}/portal-software".lower()

    def observe(self, inputs: SoftwareInputs, remote: Remote) -> SoftwareFacts:
        attempted = f"read {self.display_name(inputs)}"
        facts = installed(remote, inputs.machine, inputs.features, inputs.packages, attempted)
        kept = remote.powershell(inputs.machine).run(
            load_script("windows/read_mark.ps1"), {"Name": MARK}, attempted=attempted
        )
        mark = json.loads(kept[0]) if kept else None
        node = state.observe(remote, inputs.machine, inputs.interface, attempted) if inputs.interface else None
        return replace(facts, mark=Mark(mark["stage"], tuple(mark["known"])) if mark else None, node=node)

    def plan(self, inputs: SoftwareInputs, facts: SoftwareFacts) -> list[Step]:
        machine, mark = inputs.machine, facts.mark
        missing = facts.missing(inputs.features)
        if facts.own:
            return self._restart(inputs, facts, "as the installation asks for", facts.own)
        if not missing:
            return self._forget(inputs, facts)
        if facts.pending and mark is None:
            return self._restart(inputs, facts, "before the installation", facts.pending)
        names = ", ".join(missing)
        steps = []
        if mark != (begun := Mark(INSTALLING, facts.pending)):
            steps.append(self._note(inputs, begun, f"note that {names} is about to be installed"))
        if inputs.source == "webpi":
            arguments: dict[str, Any] = {"Products": list(inputs.products), "Feed": inputs.feed}
            arguments["Packages"] = list(inputs.packages)  # what its progress is measured by
            script = "portal/install_webpi.ps1"
        else:
            arguments = {"Packages": list(inputs.packages), "Folder": inputs.folder}
            script = "portal/install_msi.ps1"
        action = ScheduledTask(machine, "Portal installation", script, arguments, inputs.timeout_seconds)
        again = f"Windows waits for a restart again after one, for {', '.join(facts.pending)}"
        remedy = f"{again}: find what puts that there, where the installer refuses for it." if facts.pending else ""
        returned = f", although {again}" if facts.pending else ""
        return [*steps, Step(f"On {machine}, install Windows Azure Pack ({names}){returned}.", action, remedy)]

    def _restart(self, inputs: SoftwareInputs, facts: SoftwareFacts, why: str, files: tuple[str, ...]) -> list[Step]:
        """A restart, on a node that takes no clients. It is noted afterwards: one that was cut short is made up for.

        Every sentence says why: one run may need a restart before the installation and another one after it.
        """
        machine, where = inputs.machine, {"Interface": inputs.interface}
        drain = ScheduledTask(
            machine,
            "Portal drain",
            "nlb/drain_node.ps1",
            {**where, "DrainMinutes": DRAIN_MINUTES},
            inputs.restart_seconds + 60 * DRAIN_MINUTES,
        )
        before = [
            Step(f"On {machine}, let clients finish and take no more: it restarts {why}.", drain),
            Step(
                f"Wait until {machine} has no client: it restarts {why}.",
                WaitFor(machine, SoftwareFacts.drained, inputs.restart_seconds),
            ),
        ]
        after = [
            Step(
                f"On {machine}, start load balancing after the restart {why}.",
                Script(machine, "nlb/start_node.ps1", where),
            ),
            Step(
                f"Wait until clients come to {machine} again after the restart {why}.",
                WaitFor(machine, TakenBack(), inputs.restart_seconds),
            ),
        ]
        sentence = f"Restart {machine}, {why}: Windows waits for it with {', '.join(files)}."
        noted = self._note(inputs, Mark(RESTARTED, facts.pending), f"note the restart {why}")
        restart = Step(sentence, Restart(machine, inputs.restart_seconds))
        return [*before, restart, *after, noted] if facts.serving else [restart, noted]

    @staticmethod
    def _note(inputs: SoftwareInputs, mark: Mark, what: str) -> Step:
        action = Script(inputs.machine, "windows/write_mark.ps1", {"Name": MARK, "Text": mark.text})
        return Step(f"On {inputs.machine}, {what}.", action)

    @staticmethod
    def _forget(inputs: SoftwareInputs, facts: SoftwareFacts) -> list[Step]:
        if facts.mark is None:
            return []
        again = f"; Windows waits for another restart, for {', '.join(facts.pending)}" if facts.pending else ""
        action = Script(inputs.machine, "windows/remove_mark.ps1", {"Name": MARK})
        return [Step(f"On {inputs.machine}, note the end of the installation{again}.", action)]

    def plan_delete(self, inputs: SoftwareInputs, facts: SoftwareFacts, baseline: dict[str, Any]) -> list[Step]:
        if not facts.features:
            return self._forget(inputs, facts)
        action = ScheduledTask(inputs.machine, "Portal removal", "portal/uninstall.ps1", {}, inputs.timeout_seconds)
        return [*self._forget(inputs, facts), Step(f"On {inputs.machine}, uninstall Windows Azure Pack.", action)]

    def plan_orphan(self, inputs: SoftwareInputs, facts: SoftwareFacts) -> list[Step]:
        return self._forget(inputs, facts)

    def adoption(self, inputs: SoftwareInputs, topology: Topology) -> Location:
        return topology.tier_at(inputs.machine)

    def actual(self, inputs: SoftwareInputs, facts: SoftwareFacts) -> dict[str, Any] | None:
        if not facts.features:
            return None
        missing = {folded(feature) for feature in facts.missing(inputs.features)}
        features = [feature for feature in inputs.features if folded(feature) not in missing]
        return {"features": features, "restart": DUE if facts.own else NONE_DUE}


class Software(FarmResource[SoftwareInputs], module="portal", name="Software"):
    """The portal's software on one node."""

    implementation = SoftwareResource
