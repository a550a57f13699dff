"""Installing components as WebPI and msiexec both do: one after the other, each in its time."""

from __future__ import annotations

from collections.abc import Callable

from lab.wap import local
from lab.wap.catalogue import Component
from lab.world import Document, Machine

ROLE_SERVICES = (
    "Web-WebServer",
    "Web-Default-Doc",
    "Web-Static-Content",
    "Web-Stat-Compression",
    "Web-Dyn-Compression",
    "Web-Filtering",
    "Web-Windows-Auth",
    "Web-Basic-Auth",
    "NET-Framework-45-ASPNET",
    "Web-Net-Ext45",
    "Web-ISAPI-Ext",
    "Web-ISAPI-Filter",
    "Web-Asp-Net45",
    "Web-Metabase",
    "Web-Mgmt-Console",
)
"""From the published split-role example; the installer takes care of them itself."""

PREREQUISITE_SECONDS = 30.0
_MODEL: Document = {"restart_after_install": True, "cmdlets": True}


def model(machine: Machine) -> Document:
    """Choices of the lab that no source decides, to be changed in the state by who wants the other way.

    ``restart_after_install``: the first installation on a machine leaves files to be replaced at the next start.
    ``cmdlets``: the product brings its configuration cmdlets (open for the release before Windows Azure Pack).
    """
    return {**_MODEL, **machine.world.collection("wap", "model").get("model", {})}


def install(machine: Machine, components: list[Component], tell: Callable[[str], None]) -> bool:
    """Install what is missing; False when the machine went down meanwhile (what was installed by then stays)."""
    from lab.windows import features, registry

    first = not len(machine.collection("wap-component"))
    booted = machine.collection("power")["state"].get("booted")

    def alive() -> bool:
        return machine.running and machine.collection("power")["state"].get("booted") == booted

    if first and components:
        tell("Installing: Windows features that the products need")
        machine.world.clock.sleep(PREREQUISITE_SECONDS)
        if not alive():
            return False
        features.install(machine, ROLE_SERVICES)
    for component in components:
        tell(f"Installing: {component.title}")
        machine.world.clock.sleep(component.install_seconds)
        if not alive():
            return False
        local.install(machine, component)
        tell(f"Installed: {component.title}")
    if first and components and model(machine)["restart_after_install"]:
        registry.write(
            machine,
            registry.SESSION_MANAGER,
            "PendingFileRenameOperations",
            ["\\??\\C:\\Windows\\Temp\\MgmtSvc-ConfigSite.tmp", ""],
            "MultiString",
        )
    return True
