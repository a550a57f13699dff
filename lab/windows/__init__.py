"""Windows Server 2012 as an administrator's scripts see it; importing the package registers all of it."""

from __future__ import annotations

import importlib

PARTS = (
    "registry",
    "registry_dotnet",
    "filesystem",
    "ntfs",
    "services_cmdlets",
    "features_cmdlets",
    "nlb_addresses_cmdlets",
    "nlb_dedicated_cmdlets",
    "nlb_cmdlets",
    "nlb_rules_cmdlets",
    "tasks_parts",
    "tasks_cmdlets",
    "events",
    "misc",
    "misc_power",
    "misc_wmi",
    "misc_cluster",
    "misc_dotnet",
    "sockets_dotnet",
    "wsman_drive",
    "network_firewall",
    "network_firewall_filters",
    "network_shares",
    "firewall_rules",
    "accounts_adsi",
    "accounts_management",
    "certificates_dotnet",
    "certificates_drive",
    "iis_bindings",
    "iis_drive",
    "iis_reset",
    "iis_settings",
    "iis_setup",
    "iis_sites",
    "xml_dotnet",
)


def register() -> None:
    """Import every module that registers cmdlets, drives, types or programs."""
    for part in PARTS:
        importlib.import_module(f"{__name__}.{part}")


register()
