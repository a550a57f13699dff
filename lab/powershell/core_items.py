"""Items behind a path: the item cmdlets, which hand the work to the drives other parts of the lab register."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from lab.powershell.api import (
    DRIVES,
    Call,
    Drive,
    HashTable,
    NotModelledError,
    PowerShellError,
    PSObject,
    cmdlet,
)
from lab.powershell.convert import to_list, to_text
from lab.powershell.core_select import evaluator_of
from lab.powershell.interpreter import Interpreter
from lab.powershell.patterns import has_wildcard, wildcard

_ADDED = ("PSPath", "PSParentPath", "PSChildName", "PSDrive", "PSProvider")
"""What PowerShell adds to the properties of an item."""
_MODULE_DRIVES = {"iis": "WebAdministration"}
_PROVIDERS = {
    "registry": {"hkey_local_machine": "hklm", "hkey_current_user": "hkcu"},
    "microsoft.powershell.core\\registry": {"hkey_local_machine": "hklm", "hkey_current_user": "hkcu"},
}


def locate(path: str, evaluator: Interpreter) -> tuple[Drive, str, str]:
    """The drive of a path, its prefix (``HKLM:\\``) and the path inside. Raises DriveNotFound."""
    text = path.replace("/", "\\")
    provider, double, rest = text.partition("::")
    if double:
        if provider.lower().endswith("filesystem"):
            return locate(rest, evaluator)
        hive, _, inner = rest.partition("\\")
        name = _PROVIDERS.get(provider.lower(), {}).get(hive.lower())
        if name is None or name not in DRIVES:
            raise NotModelledError(f"the path '{path}'")
        return DRIVES[name], f"{name.upper()}:\\", inner.strip("\\")
    if text.startswith("\\\\"):
        return _filesystem(), "", text
    name, colon, inner = text.partition(":")
    if not colon:
        if text.startswith("\\"):
            return _filesystem(), "", f"C:{text}"
        location = to_text(evaluator.variable_named("PWD")).rstrip("\\")
        trimmed = text[2:] if text.startswith(".\\") else "" if text == "." else text
        return locate(f"{location}\\{trimmed}" if trimmed else location, evaluator)
    if name.lower() in _MODULE_DRIVES and _MODULE_DRIVES[name.lower()] not in evaluator.modules:
        raise no_drive(name)  # a module's drive is there once the module is loaded
    if name.lower() in DRIVES:
        return DRIVES[name.lower()], f"{name}:\\", inner.strip("\\")
    if len(name) == 1:
        return _filesystem(), "", text
    if name.lower() in ("env", "variable", "function", "alias", "wsman", "hklm", "hkcu", "cert"):
        raise NotModelledError(f"the drive {name}: in an item cmdlet")
    raise no_drive(name)


def no_drive(name: str) -> PowerShellError:
    return PowerShellError(
        f"Cannot find drive. A drive with the name '{name}' does not exist.",
        "DriveNotFound",
        category="ObjectNotFound",
        exception_type="System.Management.Automation.DriveNotFoundException",
        target=name,
    )


def _filesystem() -> Drive:
    drive = DRIVES.get("filesystem")
    if drive is None:
        raise NotModelledError("the file system")
    return drive


def missing(path: str) -> PowerShellError:
    return PowerShellError(
        f"Cannot find path '{path}' because it does not exist.",
        "PathNotFound",
        category="ObjectNotFound",
        exception_type="System.Management.Automation.ItemNotFoundException",
        target=path,
    )


def _paths(call: Call) -> list[tuple[str, bool]]:
    """The paths a call names, and whether wildcards count in them."""
    if "LiteralPath" in call.parameters:
        return [(to_text(path), False) for path in to_list(call.get("LiteralPath"))]
    if "Path" in call.parameters:
        return [(to_text(path), True) for path in to_list(call.get("Path"))]
    found = []
    for item in call.input:
        if isinstance(item, PSObject):
            named = item.get("PSPath") or item.get("FullName")
            if named is None:
                raise NotModelledError("an object without PSPath as a path")
            found.append((to_text(named), False))
        else:
            found.append((to_text(item), True))
    return found


def _expand(call: Call, path: str, wild: bool) -> list[str]:
    """The existing paths that a pattern in the last part of a path stands for; other paths as they are."""
    if not wild or not has_wildcard(path):
        return [path]
    head, _, last = path.replace("/", "\\").rpartition("\\")
    if has_wildcard(head):
        raise NotModelledError(f"wildcards before the last part of a path: {path}")
    drive, _, inner = locate(head + ("\\" if head.endswith(":") else ""), evaluator_of(call))
    test = wildcard(last)
    return [
        f"{head}\\{name_of(child)}" for child in drive.children(call.session, inner) if test.fullmatch(name_of(child))
    ]


def name_of(item: PSObject) -> str:
    return to_text(item.get("PSChildName") if item.get("PSChildName") is not None else item.get("Name"))


def each(call: Call) -> Iterator[tuple[Drive, str, str]]:
    """Drive, path inside and whole path of every named path. A path whose drive is missing is a written error."""
    for path, wild in _paths(call):
        try:
            for one in _expand(call, path, wild):
                drive, _, inner = locate(one, evaluator_of(call))
                yield drive, inner, one
        except PowerShellError as error:
            call.runtime.write_error(error)


@cmdlet("Test-Path")
def test_path(call: Call) -> Iterator[bool]:
    kind = to_text(call.get("PathType")).lower() or "any"
    for unused in ("OlderThan", "NewerThan", "IsValid", "Filter", "Include", "Exclude"):
        if unused in call.parameters:
            raise NotModelledError(f"Test-Path -{unused}")
    for path, wild in _paths(call):
        try:
            found = [item for one in _expand(call, path, wild) if (item := _item(call, one)) is not None]
        except PowerShellError as error:
            if error.error_id not in ("DriveNotFound", "PathNotFound"):
                raise
            found = []
        if kind != "any":
            container = kind == "container"
            found = [item for item in found if bool(item.get("PSIsContainer")) == container]
        yield bool(found)


def _item(call: Call, path: str) -> PSObject | None:
    drive, _, inner = locate(path, evaluator_of(call))
    return drive.item(call.session, inner)


@cmdlet("Get-Item")
def get_item(call: Call) -> Iterator[Any]:
    for drive, inner, path in each(call):
        found = drive.item(call.session, inner)
        if found is None:
            call.runtime.write_error(missing(path))
        else:
            yield found


@cmdlet("Get-ChildItem")
def get_child_item(call: Call) -> Iterator[Any]:
    evaluator = evaluator_of(call)
    if not _paths(call):
        call.parameters["Path"] = [evaluator.variable_named("PWD")]
    for drive, inner, path in each(call):
        item = drive.item(call.session, inner)
        if item is None:
            call.runtime.write_error(missing(path))
            continue
        if item.get("PSIsContainer") is False:
            yield item
            continue
        yield from _children(call, drive, inner, bool(call.get("Recurse")))


def _children(call: Call, drive: Drive, inner: str, recurse: bool) -> Iterator[Any]:
    tests = [wildcard(to_text(call.get("Filter")))] if call.get("Filter") else []
    includes = [wildcard(to_text(name)) for name in to_list(call.get("Include"))]
    excludes = [wildcard(to_text(name)) for name in to_list(call.get("Exclude"))]
    for child in drive.children(call.session, inner):
        name, container = name_of(child), child.get("PSIsContainer") is not False
        keep = all(test.fullmatch(name) for test in tests)
        keep &= not includes or any(test.fullmatch(name) for test in includes)
        keep &= not any(test.fullmatch(name) for test in excludes)
        keep &= not (call.get("File") and container) and not (call.get("Directory") and not container)
        if keep:
            yield name if call.get("Name") else child
        if recurse and container:
            yield from _children(call, drive, f"{inner}\\{name}" if inner else name, recurse)


@cmdlet("New-Item")
def new_item(call: Call) -> Iterator[Any]:
    evaluator = evaluator_of(call)
    name = call.get("Name")
    paths = [to_text(path) for path in to_list(call.get("Path"))] or [to_text(evaluator.variable_named("PWD"))]
    known = {"Path", "Name", "ItemType", "Value", "Force", "Credential", "Confirm", "WhatIf", "UseTransaction"}
    piped = call.input[0] if len(call.input) == 1 else call.input or None  # -Value takes pipeline input by value
    options: dict[str, Any] = {
        "type": call.get("ItemType"),
        "value": call.get("Value", piped),
        "force": bool(call.get("Force")),
        **{key: value for key, value in call.parameters.items() if key not in known},
    }
    for path in paths:
        whole = f"{path.rstrip(chr(92))}\\{to_text(name)}" if name is not None else path
        drive, _, inner = locate(whole, evaluator)
        yield drive.new(call.session, inner, **{key: value for key, value in options.items() if value is not None})


@cmdlet("Remove-Item")
def remove_item(call: Call) -> None:
    for unused in ("Filter", "Include", "Exclude"):
        if unused in call.parameters:
            raise NotModelledError(f"Remove-Item -{unused}")
    for drive, inner, path in each(call):
        if drive.item(call.session, inner) is None:
            call.runtime.write_error(missing(path))
        elif call.get("DeleteKey"):
            drive.remove_with_key(call.session, inner)
        else:
            drive.remove(call.session, inner, recurse=bool(call.get("Recurse")))


@cmdlet("Get-ItemProperty")
def get_item_property(call: Call) -> Iterator[Any]:
    names = [to_text(name) for name in to_list(call.get("Name"))]
    for drive, inner, path in each(call):
        found = drive.properties(call.session, inner)
        if found is None:
            call.runtime.write_error(missing(path))
            continue
        if not names:
            yield found
            continue
        made = PSObject(found.type_name, methods=found.methods)
        for name in names:
            matching = _named(call, found, name)
            if not matching and not _is_pattern(call, name):
                call.runtime.write_error(_no_property(name, path))
            made.properties.update({key: found.properties[key] for key in matching})
        if any(not key.startswith("PS") for key in made.properties):
            for key in _ADDED:
                if key in found.properties:
                    made.properties[key] = found.properties[key]
            yield made


def _is_pattern(call: Call, name: str) -> bool:
    """Whether a property's name is a pattern: with -LiteralPath it is none either (PowerShell's RegistryProvider)."""
    return "LiteralPath" not in call.parameters and has_wildcard(name)


def _named(call: Call, found: PSObject, name: str) -> list[str]:
    """The properties that a name or a pattern means."""
    if _is_pattern(call, name):
        return [key for key in found.properties if wildcard(name).fullmatch(key)]
    return [key for key in found.properties if key.lower() == name.lower()]


def _no_property(name: str, path: str) -> PowerShellError:
    return PowerShellError(
        f"Property {name} does not exist at path {path}.",
        "System.Management.Automation.PSArgumentException",
        category="InvalidArgument",
        exception_type="System.Management.Automation.PSArgumentException",
        target=name,
    )


@cmdlet("Set-ItemProperty")
def set_item_property(call: Call) -> None:
    given = call.get("InputObject")
    values = dict(given.properties) if isinstance(given, PSObject) else {to_text(call.get("Name")): call.get("Value")}
    if isinstance(given, HashTable):
        raise NotModelledError("Set-ItemProperty -InputObject with a hash table")
    for drive, inner, path in each(call):
        if drive.item(call.session, inner) is None:
            call.runtime.write_error(missing(path))
            continue
        for name, value in values.items():
            kind = call.get("Type")
            drive.set_property(call.session, inner, name, value, None if kind is None else to_text(kind))


@cmdlet("New-ItemProperty")
def new_item_property(call: Call) -> Iterator[Any]:
    name = to_text(call.get("Name"))
    for drive, inner, path in each(call):
        known = drive.properties(call.session, inner)
        if known is None:
            call.runtime.write_error(missing(path))
            continue
        if known.name_of(name) is not None and not call.get("Force"):
            call.runtime.write_error(
                PowerShellError(
                    "The property already exists.",
                    "System.IO.IOException",
                    category="WriteError",
                    exception_type="System.IO.IOException",
                    target=path,
                )
            )
            continue
        kind = call.get("PropertyType")
        drive.set_property(call.session, inner, name, call.get("Value"), None if kind is None else to_text(kind))
        after = drive.properties(call.session, inner)
        if after is not None:
            yield PSObject("System.Management.Automation.PSCustomObject", {name: after.get(name)})


@cmdlet("Remove-ItemProperty")
def remove_item_property(call: Call) -> None:
    for drive, inner, path in each(call):
        known = drive.properties(call.session, inner)
        if known is None:
            call.runtime.write_error(missing(path))
            continue
        for name in map(to_text, to_list(call.get("Name"))):
            matching = _named(call, known, name)
            if not matching and not _is_pattern(call, name):
                call.runtime.write_error(_no_property(name, path))
            for one in (key for key in matching if key not in _ADDED):
                drive.remove_property(call.session, inner, one)
