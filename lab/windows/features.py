"""Roles and features of a machine: what is installed, and what happens when that changes.

State: collection ``feature``, a document ``{"installed": bool}`` by name; a feature without a document is as Windows
delivers it. Other parts of the lab hang what a feature brings (services, sites) on ``on_installed``/``on_removed``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from lab.powershell.api import AVAILABLE, Session
from lab.windows import registry
from lab.windows.features_catalogue import (
    INSTALLED_AT_FIRST,
    REMOVED_AT_FIRST,
    RESTART_ON_REMOVAL,
    below,
    catalogue,
)
from lab.world import Machine

Effect = Callable[[Machine], None]
_INSTALLED: dict[str, list[Effect]] = {}
_REMOVED: dict[str, list[Effect]] = {}

WEB_UTILITIES = frozenset({"invoke-webrequest", "new-webserviceproxy"})
"""Cmdlets of Microsoft.PowerShell whose names begin like those of WebAdministration."""


def on_installed(name: str) -> Callable[[Effect], Effect]:
    """Register what happens on a machine right after a feature was installed."""

    def register(effect: Effect) -> Effect:
        _INSTALLED.setdefault(name, []).append(effect)
        return effect

    return register


def on_removed(name: str) -> Callable[[Effect], Effect]:
    """Register what happens on a machine right after a feature was removed."""

    def register(effect: Effect) -> Effect:
        _REMOVED.setdefault(name, []).append(effect)
        return effect

    return register


def installed(machine: Machine, name: str) -> bool:
    document = machine.collection("feature").get(name)
    if document is not None:
        return bool(document["installed"])
    feature = catalogue().get(name.lower())
    return feature is not None and feature.name in INSTALLED_AT_FIRST


def on_disk(machine: Machine, name: str) -> bool:
    """Whether the files of a feature are in the side-by-side store, so that no source is needed."""
    return catalogue()[name.lower()].name not in REMOVED_AT_FIRST or name in machine.collection("feature")


def install(machine: Machine, names: Iterable[str]) -> list[str]:
    """Install features at once, without modelled time; give the names that were not installed before."""
    new: list[str] = []
    for name in names:
        name = catalogue()[name.lower()].name
        with machine.world.lock:
            if installed(machine, name):
                continue
            machine.collection("feature")[name] = {"installed": True}
        new.append(name)
    for name in new:
        for effect in _INSTALLED.get(name, []):
            effect(machine)
    return new


def remove(machine: Machine, names: Iterable[str]) -> tuple[list[str], bool]:
    """Remove features with everything below them; give the removed names, and whether a restart is due."""
    gone: list[str] = []
    for name in names:
        for feature in (*reversed(below(name)), catalogue()[name.lower()]):
            with machine.world.lock:
                if installed(machine, feature.name):
                    machine.collection("feature")[feature.name] = {"installed": False}
                    gone.append(feature.name)
    for name in gone:
        for effect in _REMOVED.get(name, []):
            effect(machine)
    restart = any(name in RESTART_ON_REMOVAL for name in gone)
    if restart:
        machine.collection("registry")[registry.SERVICING + "\\RebootPending"] = {"values": {}}
    return gone, restart


def machine_started(machine: Machine) -> None:
    """A restart finishes what servicing left to it: the marks of a pending restart go.

    A program that writes its entry again at every start (a printer driver, a virus scanner) is in the document
    ``power`` as ``"renames_again": [entries]``.
    """
    registry.remove_key(machine, registry.SERVICING + "\\RebootPending")
    registry.erase(machine, registry.SESSION_MANAGER, "PendingFileRenameOperations")
    if again := machine.collection("power")["state"].get("renames_again"):
        registry.write(machine, registry.SESSION_MANAGER, "PendingFileRenameOperations", again, "MultiString")


def _module_installed(session: Session, name: str) -> bool:
    """Cmdlets of a module that comes with a feature are found only when the feature is there.

    NetworkLoadBalancingClusters and FailoverClusters come with the administration tools, WebAdministration with the
    web server (which of its role services brings it is unproven).
    """
    name = name.lower()
    noun = name.partition("-")[2]
    if noun.startswith("nlb"):
        return installed(session.machine, "RSAT-NLB")
    if noun.startswith("web") and name not in WEB_UTILITIES:
        return installed(session.machine, "Web-WebServer")
    if noun.startswith("cluster"):
        return installed(session.machine, "RSAT-Clustering-PowerShell")
    return True


AVAILABLE.append(_module_installed)
