"""Which roles and features Windows Server 2012 knows, and how they hang together.

The tree is data (``features.txt``: one feature a line, name and display name, indented below its parent; roles stand
above the line ``-``, features below it). Source: listings of Get-WindowsFeature that administrators published,
without what came with 2012 R2. What a feature needs and what it brings along follows Server Manager's dialogues
(Microsoft: "Install or Uninstall Roles, Role Services, or Features"); dependencies of features that this farm does
not use are left out.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

INSTALLED_AT_FIRST = frozenset(
    {
        "FileAndStorage-Services",
        "Storage-Services",
        "NET-Framework-45-Features",
        "NET-Framework-45-Core",
        "NET-WCF-Services45",
        "NET-WCF-TCP-PortSharing45",
        "User-Interfaces-Infra",
        "Server-Gui-Mgmt-Infra",
        "Server-Gui-Shell",
        "PowerShellRoot",
        "PowerShell",
        "PowerShell-V2",
        "PowerShell-ISE",
        "WoW64-Support",
    }
)
"""On a server with a desktop, before anybody added anything."""

REMOVED_AT_FIRST = frozenset({"NET-Framework-Core", "NET-HTTP-Activation", "NET-Non-HTTP-Activ"})
"""Their files are not on the disk (side-by-side store): they need a source."""

DEFAULT_PARTS = {
    "Web-Server": ("Web-WebServer",),
    "Web-WebServer": ("Web-Common-Http", "Web-Health", "Web-Performance", "Web-Security"),
    "Web-Common-Http": ("Web-Default-Doc", "Web-Dir-Browsing", "Web-Http-Errors", "Web-Static-Content"),
    "Web-Health": ("Web-Http-Logging",),
    "Web-Performance": ("Web-Stat-Compression",),
    "Web-Security": ("Web-Filtering",),
    "WAS": ("WAS-Process-Model", "WAS-Config-APIs"),
    "NET-Framework-Features": ("NET-Framework-Core",),
    "RSAT-Clustering": ("RSAT-Clustering-Mgmt", "RSAT-Clustering-PowerShell"),
}
"""What comes along when the feature itself is named."""

NEEDS = {
    "Web-Asp-Net45": ("Web-Net-Ext45", "Web-ISAPI-Ext", "Web-ISAPI-Filter", "NET-Framework-45-ASPNET"),
    "Web-Net-Ext45": ("NET-Framework-45-ASPNET", "Web-Filtering"),
    "Web-Asp-Net": ("Web-Net-Ext", "Web-ISAPI-Ext", "Web-ISAPI-Filter", "NET-Framework-Core"),
    "Web-Net-Ext": ("NET-Framework-Core", "Web-Filtering"),
    "Web-ASP": ("Web-ISAPI-Ext", "Web-Filtering"),
    "Web-Lgcy-Mgmt-Console": ("Web-Metabase",),
    "Web-WMI": ("Web-Metabase",),
    "WAS-NET-Environment": ("NET-Framework-Core", "WAS-Process-Model"),
    "NET-HTTP-Activation": ("NET-Framework-Core", "Web-Net-Ext", "WAS-NET-Environment"),
    "NET-WCF-HTTP-Activation45": ("Web-Net-Ext45", "WAS-Process-Model", "WAS-Config-APIs"),
    "ManagementOdata": ("Web-WebServer", "NET-WCF-HTTP-Activation45"),
    "Windows-Identity-Foundation": ("NET-Framework-Core",),
    "PowerShell-V2": ("NET-Framework-Core",),
}
MANAGEMENT_TOOLS = {
    "NLB": ("RSAT-NLB",),
    "Failover-Clustering": ("RSAT-Clustering-Mgmt", "RSAT-Clustering-PowerShell"),
    "Web-Server": ("Web-Mgmt-Console",),
    "Web-WebServer": ("Web-Mgmt-Console",),
    "SMTP-Server": ("RSAT-SMTP",),
    "DNS": ("RSAT-DNS-Server",),
    "DHCP": ("RSAT-DHCP",),
}
RESTART_ON_REMOVAL = frozenset({"NLB", "Failover-Clustering", "Web-WebServer", "WAS", "NET-Framework-45-Core"})
"""Unproven which removals ask for a restart; these hold drivers or files in use."""


@dataclass(frozen=True)
class Feature:
    name: str
    display: str
    kind: str
    """Role, Role Service or Feature."""
    parent: str
    depth: int
    path: str
    """Display names from the root, separated by backslashes."""


@cache
def catalogue() -> dict[str, Feature]:
    """Every feature by its lower-case name, in the order of Get-WindowsFeature."""
    found: dict[str, Feature] = {}
    trail: list[Feature] = []
    role = True
    for line in (Path(__file__).parent / "features.txt").read_text(encoding="utf-8").splitlines():
        if line == "-":
            role, trail = False, []
            continue
        depth = len(line) - len(line.lstrip())
        name, display = line.strip().split("|")
        trail = trail[:depth]
        kind = ("Role" if depth == 0 else "Role Service") if role else "Feature"
        parent = trail[-1].name if trail else ""
        path = "\\".join([*(feature.display for feature in trail), display])
        feature = Feature(name, display, kind, parent, depth + 1, path)
        found[name.lower()] = feature
        trail.append(feature)
    return found


def below(name: str) -> list[Feature]:
    """All features below a feature."""
    direct = [feature for feature in catalogue().values() if feature.parent.lower() == name.lower()]
    return [feature for child in direct for feature in (child, *below(child.name))]


def closure(name: str, *, all_parts: bool, tools: bool) -> list[str]:
    """What installing a feature installs: its parents, its usual parts, what those need; itself included."""
    found: dict[str, None] = {}

    def take(wanted: str, *, named: bool) -> None:
        feature = catalogue()[wanted.lower()]
        if feature.parent:
            take(feature.parent, named=False)
        if feature.name in found and not named:
            return
        found[feature.name] = None
        for needed in NEEDS.get(feature.name, ()):
            take(needed, named=False)
        if named:
            for part in DEFAULT_PARTS.get(feature.name, ()):
                take(part, named=True)

    take(name, named=True)
    if all_parts:
        for feature in below(name):
            take(feature.name, named=True)
    if tools:
        for tool in MANAGEMENT_TOOLS.get(catalogue()[name.lower()].name, ()):
            take(tool, named=False)
    return list(found)
