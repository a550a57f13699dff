"""Guarantees that what a portal node's software is installed from is there, whole, before anything is touched.

Looked at by a scheduled task under the account and on the node that install later: a share, for instance, cannot be
read from a remote log-on. Everything that is missing is said at once: the installer, the feed, products that the feed
has not, files that it names, packages. Nothing is looked at any more once the node's software is installed, nor in a
preview, and a feed on a web server is left to the installer. It changes nothing. Delete has nothing to undo.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from components.portal.software import SoftwareParts, installed
from components.progress import report
from components.resource import FarmResource, Probe
from components.steps import Step, WaitFor, load_script
from remote.detached import run_detached
from remote.errors import MachineError
from remote.names import folded
from remote.session import Remote

WHOLE = "whole"
TASK = "Portal software source"


class SoftwareSourceInputs(SoftwareParts):
    state: str = WHOLE
    """What is declared; a drifted state names what is missing."""


@dataclass(frozen=True)
class SoftwareSourceFacts:
    missing: tuple[str, ...]
    """A few words for each thing that is not there."""


class SoftwareSourceResource(Probe[SoftwareSourceInputs, SoftwareSourceFacts]):
    def display_name(self, inputs: SoftwareSourceInputs) -> str:
        return f"the source of the portal's software for {inputs.machine}"

    def resource_id(self, inputs: SoftwareSourceInputs) -> str:
        return f"{inputs.machine}/portal-software-source".lower()

    def observe(self, inputs: SoftwareSourceInputs, remote: Remote) -> SoftwareSourceFacts:
        attempted = f"read {self.display_name(inputs)}"
        powershell, host = remote.powershell(inputs.machine), remote.hosts[inputs.machine]
        software = installed(remote, inputs.machine, inputs.features, inputs.packages, attempted)
        if not software.missing(inputs.features):
            return SoftwareSourceFacts(())
        if inputs.source == "webpi":
            script = "portal/read_feed.ps1"
            arguments: dict[str, Any] = {"Feed": "" if _on_the_web(inputs.feed) else inputs.feed}
        else:
            script = "portal/read_packages.ps1"
            arguments = {"Folder": inputs.folder, "Packages": list(inputs.packages)}
        (found,) = run_detached(
            powershell,
            host,
            TASK,
            load_script(script),
            arguments,
            attempted=attempted,
            timeout_seconds=300,
            report=lambda progress: report(f"{inputs.machine}: {progress}"),
        )
        lacks = _feed_lacks if inputs.source == "webpi" else _folder_lacks
        return SoftwareSourceFacts(tuple(lacks(inputs, found, host.username)))

    def plan(self, inputs: SoftwareSourceInputs, facts: SoftwareSourceFacts) -> list[Step]:
        if not facts.missing:
            return []
        what = f"See that everything that {inputs.machine} installs from is there."
        return [Step(what, WaitFor(inputs.machine, _Whole(inputs.machine), 0))]

    def actual(self, inputs: SoftwareSourceInputs, facts: SoftwareSourceFacts) -> dict[str, Any]:
        return {"state": f"without {'; '.join(facts.missing)}"} if facts.missing else {}


def _on_the_web(feed: str) -> bool:
    return feed.lower().startswith(("http://", "https://"))


def _feed_lacks(inputs: SoftwareSourceInputs, found: Mapping[str, Any], account: str) -> Iterator[str]:
    """What is missing for an installation with the Web Platform Installer."""
    feed = inputs.feed
    if not found["installer"]:
        yield f"the Web Platform Installer (it is not in {found['folder']})"
    if not feed or _on_the_web(feed):
        return
    if found["error"]:
        yield f"the offline feed {feed}, which {account} cannot read ({found['error'].rstrip('. ')})"
        return
    entries = {folded(entry["id"]): entry for entry in found["entries"]}
    for product in inputs.products:
        if folded(product) not in entries:
            yield f"the product {product} (the feed {feed} has no such entry)"
    for file in dict.fromkeys(_missing_files(inputs.products, entries)):
        yield f"the installer {file} (the feed names it)"


def _missing_files(products: Sequence[str], entries: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    """The missing files of products and of all that they need, as far as the feed has entries for it."""
    asked, due = set(), [folded(product) for product in products]
    while due:
        name = due.pop(0)
        if name not in asked and (entry := entries.get(name)):
            yield from entry["missing"]
            due += [folded(need) for need in entry["needs"]]
        asked.add(name)


def _folder_lacks(inputs: SoftwareSourceInputs, found: Mapping[str, Any], account: str) -> Iterator[str]:
    """What is missing for an installation from packages."""
    if not found["readable"]:
        yield f"the folder {inputs.folder} (it is not there, or {account} cannot read it)"
        return
    for package in found["missing"]:
        yield f"the package {package} (it is not in {inputs.folder})"


@dataclass(frozen=True)
class _Whole:
    """Refuses at once: what is missing does not come by itself."""

    machine: str

    def __call__(self, facts: SoftwareSourceFacts) -> str:
        if facts.missing:
            raise MachineError(
                self.machine,
                "see that everything that the portal's software is installed from is there",
                f"missing are {'; '.join(facts.missing)}",
                "Nothing was touched yet. Put it there, or correct `portal.software` in the topology, and run "
                "`pulumi up` again.",
            )
        return ""


class SoftwareSource(FarmResource[SoftwareSourceInputs], module="portal", name="SoftwareSource"):
    """What the portal's software on one node is installed from."""

    implementation = SoftwareSourceResource
