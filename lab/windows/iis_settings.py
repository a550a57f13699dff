"""Get- and Set-WebConfigurationProperty for the sections that decide who may reach a site.

Machine document ``webconfig`` by ``location|section`` = attribute values that differ from the schema's default; the
location is empty for the server. A site's value comes from its own location, else from the server's.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from lab.powershell.api import Call, NotModelledError, PowerShellError, PSObject, cmdlet
from lab.windows.iis_errors import COM_EXCEPTION, require_administrator
from lab.windows.iis_objects import COMMANDS

_AUTHENTICATION = "system.webserver/security/authentication"
SECTIONS: dict[str, dict[str, Any]] = {
    f"{_AUTHENTICATION}/anonymousauthentication": {"enabled": True, "userName": "IUSR"},
    f"{_AUTHENTICATION}/basicauthentication": {"enabled": False, "realm": "", "defaultLogonDomain": ""},
    f"{_AUTHENTICATION}/windowsauthentication": {"enabled": False, "useKernelMode": True},
    "system.webserver/security/access": {"sslFlags": ""},
}
"""Defaults of the IIS 8 schema. All of them are locked below the server (overrideModeDefault Deny)."""


def value(call: Call, location: str, section: str, name: str) -> Any:
    """A setting as it applies to a location (a site's name, or empty for the server)."""
    documents = call.machine.collection("webconfig")
    for place in dict.fromkeys((location, "")):
        own = documents.get(f"{place}|{section}") or {}
        if name in own:
            return own[name]
    return SECTIONS[section][name]


def _targets(call: Call) -> list[tuple[str, str]]:
    """(section, location) of the call. A path of a site is a location whose own web.config is meant."""
    found = []
    filters = call.get("Filter")
    for text in filters if isinstance(filters, list) else [filters]:
        section = str(text).strip("/").lower()
        if section not in SECTIONS:
            raise NotModelledError(f"the configuration section {text}")
        given = call.get("Location")
        locations = given if isinstance(given, list) else [given]
        found += [(section, str(location or "")) for location in locations]
    return found


def _site_of_path(call: Call) -> str:
    paths = call.get("PSPath")
    path = str((paths[0] if isinstance(paths, list) else paths) or "").replace("/", "\\").strip("\\")
    lowered = path.lower()
    if lowered in ("", "iis:", "iis:\\sites", "machine\\webroot", "machine\\webroot\\apphost"):
        return ""
    for prefix in ("iis:\\sites\\", "machine\\webroot\\apphost\\"):
        if lowered.startswith(prefix):
            return path[len(prefix) :]
    raise NotModelledError(f"-PSPath {path} of a configuration cmdlet")


def _attribute(section: str, name: str, command: str) -> str:
    found = next((known for known in SECTIONS[section] if known.lower() == name.lower()), None)
    if found is None:
        raise PowerShellError(
            f"Target configuration object '{section}' does not have the property {name}.",
            f"System.ArgumentException,{COMMANDS}.{command}",
            category="InvalidArgument",
            exception_type="System.ArgumentException",
        )
    return found


@cmdlet("Get-WebConfigurationProperty")
def get_web_configuration_property(call: Call) -> Iterator[PSObject]:
    require_administrator(call.session)
    names = call.get("Name")
    site = _site_of_path(call)
    for section, location in _targets(call):
        for name in names if isinstance(names, list) else [names]:
            attribute = _attribute(section, str(name), "GetWebConfigurationPropertyCommand")
            held = value(call, site or location, section, attribute)
            yield PSObject(
                "Microsoft.IIs.PowerShell.Framework.ConfigurationAttribute",
                {"Name": attribute, "Value": held, "ItemXPath": f"/{section}", "IsInheritedFromDefaultValue": False},
                text="Microsoft.IIs.PowerShell.Framework.ConfigurationAttribute",
            )


@cmdlet("Set-WebConfigurationProperty")
def set_web_configuration_property(call: Call) -> None:
    """Change a setting in applicationHost.config (with -Location for one site). A site's own file is locked for it."""
    require_administrator(call.session)
    if call.get("InputObject") is not None or any(
        call.get(at) is not None for at in ("AtElement", "AtIndex", "AtName")
    ):
        raise NotModelledError("Set-WebConfigurationProperty on elements of a collection")
    if _site_of_path(call):
        raise PowerShellError(
            "This configuration section cannot be used at this path. This happens when the section is locked at a "
            'parent level. Locking is either by default (overrideModeDefault="Deny"), or set explicitly by a location '
            'tag with overrideMode="Deny" or the legacy allowOverride="false".\r\n',
            f"{COM_EXCEPTION},{COMMANDS}.SetWebConfigurationPropertyCommand",
            exception_type="System.IO.FileLoadException",
        )
    documents = call.machine.collection("webconfig")
    for section, location in _targets(call):
        attribute = _attribute(section, str(call.get("Name")), "SetWebConfigurationPropertyCommand")
        wanted = call.get("Value")
        if isinstance(SECTIONS[section][attribute], bool):
            wanted = str(wanted).lower() == "true" if not isinstance(wanted, bool) else wanted
        if not call.get("WhatIf"):
            key = f"{location}|{section}"
            documents[key] = {**(documents.get(key) or {}), attribute: wanted}
