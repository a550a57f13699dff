"""Get-, Install- and Uninstall-WindowsFeature with their objects and errors.

Texts and identifiers are those administrators published (MicrosoftDocs/windowsserverdocs issue 2316, awsdocs pull
request 9, blogs on 0x800F0906). The durations are the lab's own.
"""

from __future__ import annotations

from collections.abc import Iterator

from lab.powershell.api import Call, EnumType, NotModelledError, PowerShellError, PSObject, cmdlet
from lab.windows import features
from lab.windows.features_catalogue import MANAGEMENT_TOOLS, Feature, below, catalogue, closure
from lab.windows.filesystem import FileSystem
from lab.windows.values import matches, member, text, texts
from lab.world import Machine

FIRST_SECONDS, EACH_SECONDS = 30.0, 2.0
"""Modelled duration of one installation, and of each feature in it."""
SPACE = "Microsoft.Windows.ServerManager.Commands"
STATE = EnumType(f"{SPACE}.InstallState", {"Available": 0, "Installed": 1, "Removed": 5})
RESTART = EnumType(f"{SPACE}.RestartState", {"No": 0, "Yes": 1, "Maybe": 2})
EXIT_CODE = EnumType(
    f"{SPACE}.FeatureExitCode",
    {"Success": 0, "Failed": 1, "InvalidArgs": 87, "NoChangeNeeded": 1003, "SuccessRestartRequired": 3010},
)
"""The names are published, most of the numbers are not."""


def _object(machine: Machine, feature: Feature) -> PSObject:
    is_installed = features.installed(machine, feature.name)
    state = "Installed" if is_installed else "Available" if features.on_disk(machine, feature.name) else "Removed"
    return PSObject(
        f"{SPACE}.Feature",
        {
            "Name": feature.name,
            "DisplayName": feature.display,
            "Description": "",
            "Installed": is_installed,
            "InstallState": member(STATE, state),
            "FeatureType": feature.kind,
            "Path": feature.path,
            "Depth": feature.depth,
            "DependsOn": [],
            "Parent": feature.parent or None,
            "SubFeatures": [child.name for child in below(feature.name) if child.parent == feature.name],
            "SystemService": [],
            "AdditionalInfo": None,
        },
        text=feature.name,
    )


def _local_only(call: Call) -> None:
    for parameter in ("Vhd", "ConfigurationFilePath", "Credential"):
        if call.get(parameter) is not None:
            raise NotModelledError(f"{call.name} -{parameter}")
    computer = text(call.get("ComputerName"))
    if computer and computer.lower() not in (".", "localhost", call.machine.name.lower(), call.machine.fqdn):
        raise NotModelledError(f"{call.name} -ComputerName of another machine")


@cmdlet("Get-WindowsFeature")
def get_feature(call: Call) -> Iterator[PSObject]:
    """An unknown name gives nothing and no error, as on Windows."""
    _local_only(call)
    wanted = _names(call)
    for feature in catalogue().values():
        if not wanted or any(matches(pattern, feature.name) for pattern in wanted):
            yield _object(call.machine, feature)


def _names(call: Call) -> list[str]:
    given = call.get("Name")
    items = call.input if given is None else given if isinstance(given, list) else [given]
    return [text(item.get("Name")) if isinstance(item, PSObject) else text(item) for item in items]


def _known(call: Call, command: str) -> list[str] | None:
    """The named features; None after the error for a name that does not exist (nothing is done then)."""
    names = [name.strip() for name in _names(call)]
    for name in names:
        if name.lower() not in catalogue():
            call.runtime.write_error(
                PowerShellError(
                    f"ArgumentNotValid: The role, role service, or feature name is not valid: '{name}'. The name was"
                    " not found.",
                    f"NameDoesNotExist,{SPACE}.{command}",
                    category="InvalidArgument",
                    exception_type="System.Exception",
                    target=name,
                )
            )
            return None
    return names


def _result(changed: list[str], exit_code: str, *, restart: bool = False) -> PSObject:
    results = []
    for name in changed:
        feature = catalogue()[name.lower()]
        results.append(
            PSObject(
                "Microsoft.Windows.ServerManager.Commands.FeatureResult",
                {
                    "DisplayName": feature.display,
                    "Message": [],
                    "Name": feature.name,
                    "RestartNeeded": restart,
                    "SkipReason": "NotSkipped",
                    "Success": True,
                },
            )
        )
    return PSObject(
        "Microsoft.Windows.ServerManager.Commands.FeatureOperationResult",
        {
            "ExitCode": member(EXIT_CODE, exit_code),
            "FeatureResult": results,
            "RestartNeeded": member(RESTART, "Yes" if restart else "No"),
            "Success": exit_code in ("Success", "NoChangeNeeded", "SuccessRestartRequired"),
        },
    )


def _elevated(call: Call) -> None:
    if not call.session.identity.administrator:
        raise PowerShellError(
            "Because of security restrictions imposed by User Account Control on the specified server, you must run"
            " add-WindowsFeature, remove-WindowsFeature, and export-WindowsFeature operations in a Windows PowerShell"
            " session opened with elevated rights.",
            f"DISMAPI_Error__Cbs_Access_Denied,{SPACE}.AddWindowsFeatureCommand",
            category="PermissionDenied",
            exception_type="System.UnauthorizedAccessException",
        )


def _has_source(call: Call) -> str | None:
    """None when a -Source that exists was given, else the error code of servicing."""
    sources = texts(call.get("Source"))
    if not sources:
        return "0x800f0906"
    drive = FileSystem()
    for source in sources:
        path = source.split(":", 1)[1].rsplit(":", 1)[0] if source.lower().startswith("wim:") else source
        if drive.item(call.session, path) is not None:
            return None
    return "0x800f081f"


@cmdlet("Install-WindowsFeature")
def install_feature(call: Call) -> Iterator[PSObject]:
    _local_only(call)
    _elevated(call)
    names = _known(call, "AddWindowsFeatureCommand")
    if names is None:
        yield _result([], "InvalidArgs")
        return
    wanted: dict[str, None] = {}
    for name in names:
        all_parts, tools = bool(call.get("IncludeAllSubFeature")), bool(call.get("IncludeManagementTools"))
        wanted |= dict.fromkeys(closure(name, all_parts=all_parts, tools=tools))
    new = [name for name in wanted if not features.installed(call.machine, name)]
    if not new:
        yield _result([], "NoChangeNeeded")
        return
    if call.get("WhatIf"):
        yield _result(new, "Success")
        return
    missing = [name for name in new if not features.on_disk(call.machine, name)]
    code = _has_source(call) if missing else None
    if code is not None:
        call.runtime.write_error(_no_source(code))
        yield _result([], "Failed")
        return
    call.machine.world.clock.sleep(FIRST_SECONDS + EACH_SECONDS * len(new))
    yield _result(features.install(call.machine, new), "Success")


def _no_source(code: str) -> PowerShellError:
    downloaded = "downloaded" if code == "0x800f0906" else "found"
    kind = "Failed_To_Download" if code == "0x800f0906" else "Source_Missing"
    return PowerShellError(
        "The request to add or remove features on the specified server failed.\nInstallation of one or more roles, role"
        f' services, or features failed.\nThe source files could not be {downloaded}.\nUse the "source" option to'
        " specify the location of the files that are required to restore the feature. For more information on"
        " specifying a source location, see http://go.microsoft.com/fwlink/?LinkId=243077. Error: " + code,
        f"DISMAPI_Error__{kind},{SPACE}.AddWindowsFeatureCommand",
        category="InvalidOperation",
        exception_type="System.Exception",
    )


@cmdlet("Uninstall-WindowsFeature")
def uninstall_feature(call: Call) -> Iterator[PSObject]:
    _local_only(call)
    _elevated(call)
    names = _known(call, "RemoveWindowsFeatureCommand")
    if names is None:
        yield _result([], "InvalidArgs")
        return
    if call.get("Remove"):
        raise NotModelledError("Uninstall-WindowsFeature -Remove")
    chosen = list(names)
    if call.get("IncludeManagementTools"):
        chosen += [
            tool for name in names for tool in closure(name, all_parts=False, tools=True) if _is_tool(name, tool)
        ]
    present = [name for name in chosen if features.installed(call.machine, name)]
    if not present:
        yield _result([], "NoChangeNeeded")
        return
    if call.get("WhatIf"):
        yield _result(present, "Success")
        return
    call.machine.world.clock.sleep(FIRST_SECONDS)
    gone, restart = features.remove(call.machine, present)
    if restart:
        call.runtime.write_warning("You must restart this server to finish the removal process.")
    yield _result(gone, "SuccessRestartRequired" if restart else "Success", restart=restart)


def _is_tool(name: str, tool: str) -> bool:
    return tool in MANAGEMENT_TOOLS.get(catalogue()[name.lower()].name, ())
