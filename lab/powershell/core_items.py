"""Items behind a path: the item cmdlets, which hand the work to the drives other parts of the lab register."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from lab.powershell.api import (
    DRIVES,
    Call,
    Drive,
    HashTable,
    NotModelledError,
    PowerShellError,
    PSObject,
    Session,
    cmdlet,
)
from lab.powershell.convert import to_list, to_text
from lab.powershell.core_select import evaluator_of, input_of
from lab.powershell.patterns import has_wildcard, wildcard
from lab.powershell.text_form import text_of
from lab.powershell.values import NOTHING

if TYPE_CHECKING:
    from lab.powershell.evaluator import Evaluator

_MODULE_DRIVES = {"iis": "WebAdministration"}
_PROVIDERS = {
    "registry": {"hkey_local_machine": "hklm", "hkey_current_user": "hkcu"},
    "microsoft.powershell.core\\registry": {"hkey_local_machine": "hklm", "hkey_current_user": "hkcu"},
}


def locate(path: str, evaluator: Evaluator) -> tuple[Drive, str, str]:
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
    drive, prefix, inner = locate(head + ("\\" if head.endswith(":") else ""), evaluator_of(call))
    test = wildcard(last)
    return [f"{head}\\{_name(child)}" for child in drive.children(call.session, inner) if test.fullmatch(_name(child))]


def _name(item: PSObject) -> str:
    return to_text(item.get("PSChildName") if item.get("PSChildName") is not None else item.get("Name"))


def _each(call: Call) -> Iterator[tuple[Drive, str, str]]:
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
    for drive, inner, path in _each(call):
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
    for drive, inner, path in _each(call):
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
        name, container = _name(child), child.get("PSIsContainer") is not False
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
    for drive, inner, path in _each(call):
        if drive.item(call.session, inner) is None:
            call.runtime.write_error(missing(path))
        else:
            drive.remove(call.session, inner, recurse=bool(call.get("Recurse")))


@cmdlet("Get-ItemProperty")
def get_item_property(call: Call) -> Iterator[Any]:
    names = [to_text(name) for name in to_list(call.get("Name"))]
    for drive, inner, path in _each(call):
        found = drive.properties(call.session, inner)
        if found is None:
            call.runtime.write_error(missing(path))
            continue
        if not names:
            yield found
            continue
        made = PSObject(found.type_name, methods=found.methods)
        for name in names:
            matching = [key for key in found.properties if wildcard(name).fullmatch(key)]
            if not matching and not has_wildcard(name):
                call.runtime.write_error(_no_property(name, path))
            made.properties.update({key: found.properties[key] for key in matching})
        if any(not key.startswith("PS") for key in made.properties):
            for key in ("PSPath", "PSParentPath", "PSChildName", "PSDrive", "PSProvider"):
                if key in found.properties:
                    made.properties[key] = found.properties[key]
            yield made


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
    for drive, inner, path in _each(call):
        if drive.item(call.session, inner) is None:
            call.runtime.write_error(missing(path))
            continue
        for name, value in values.items():
            kind = call.get("Type")
            drive.set_property(call.session, inner, name, value, None if kind is None else to_text(kind))


@cmdlet("New-ItemProperty")
def new_item_property(call: Call) -> Iterator[Any]:
    name = to_text(call.get("Name"))
    for drive, inner, path in _each(call):
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
    for drive, inner, path in _each(call):
        known = drive.properties(call.session, inner)
        if known is None:
            call.runtime.write_error(missing(path))
            continue
        for name in map(to_text, to_list(call.get("Name"))):
            if known.name_of(name) is None:
                call.runtime.write_error(_no_property(name, path))
            else:
                drive.remove_property(call.session, inner, name)


# -- content


@cmdlet("Get-Content")
def get_content(call: Call) -> Iterator[Any]:
    for unused in ("Delimiter", "Wait", "Stream", "ReadCount"):
        if unused in call.parameters:
            raise NotModelledError(f"Get-Content -{unused}")
    if to_text(call.get("Encoding")).lower() == "byte":
        raise NotModelledError("Get-Content -Encoding Byte")
    for drive, inner, path in _each(call):
        if drive.item(call.session, inner) is None:
            call.runtime.write_error(missing(path))
            continue
        text = drive.read_text(call.session, inner)
        if call.get("Raw"):
            yield text
            continue
        lines = text.replace("\r\n", "\n").split("\n")
        if lines and not lines[-1]:
            lines.pop()
        if call.get("TotalCount") is not None:
            lines = lines[: call.get("TotalCount")]
        if call.get("Tail") is not None:
            lines = lines[-call.get("Tail") :] if call.get("Tail") else []
        yield from lines


def _content(call: Call) -> str:
    values = to_list(call.get("Value")) if "Value" in call.parameters else call.input
    if to_text(call.get("Encoding")).lower() == "byte":
        raise NotModelledError("-Encoding Byte")
    return "".join(f"{to_text(value)}\r\n" for value in values)


def _content_paths(call: Call) -> list[str]:
    return [to_text(path) for path in to_list(call.get("LiteralPath") or call.get("Path"))]


@cmdlet("Set-Content")
def set_content(call: Call) -> None:
    for path in _content_paths(call):
        drive, _, inner = locate(path, evaluator_of(call))
        drive.write_text(call.session, inner, _content(call))


@cmdlet("Add-Content")
def add_content(call: Call) -> None:
    for path in _content_paths(call):
        _append(call.session, *locate(path, evaluator_of(call)), _content(call))


def _append(session: Session, drive: Drive, _: str, inner: str, text: str) -> None:
    before = drive.read_text(session, inner) if drive.item(session, inner) is not None else ""
    drive.write_text(session, inner, before + text)


@cmdlet("Out-File")
def out_file(call: Call) -> None:
    path = to_text(call.get("LiteralPath") or call.get("FilePath"))
    drive, prefix, inner = locate(path, evaluator_of(call))
    text = "".join(f"{line}\r\n" for item in input_of(call) for line in text_of(item))
    if call.get("NoClobber") and drive.item(call.session, inner) is not None:
        raise PowerShellError(
            f"The file '{path}' already exists.",
            "NoClobber",
            category="ResourceExists",
            exception_type="System.IO.IOException",
        )
    if call.get("Append"):
        _append(call.session, drive, prefix, inner, text)
    else:
        drive.write_text(call.session, inner, text)


def start_file(evaluator: Evaluator, path: str) -> None:
    """``> path``: the file begins empty."""
    drive, _, inner = locate(path, evaluator)
    drive.write_text(evaluator.session, inner, "")


def append_line(evaluator: Evaluator, path: str, item: Any) -> None:
    drive, prefix, inner = locate(path, evaluator)
    _append(evaluator.session, drive, prefix, inner, "".join(f"{line}\r\n" for line in text_of(item)))


@cmdlet("Copy-Item")
def copy_item(call: Call) -> None:
    """Copies single files; folders are not modelled."""
    target = to_text(call.get("Destination"))
    for drive, inner, path in _each(call):
        item = drive.item(call.session, inner)
        if item is None:
            call.runtime.write_error(missing(path))
            continue
        copy = getattr(drive, "copy", None)
        to_drive, _, to_inner = locate(target, evaluator_of(call))
        if copy is not None and to_drive is drive:
            copy(call.session, inner, to_inner)
            continue
        if item.get("PSIsContainer") is not False:
            raise NotModelledError("Copy-Item of a folder")
        existing = to_drive.item(call.session, to_inner)
        if existing is not None and existing.get("PSIsContainer"):
            to_inner = f"{to_inner.rstrip(chr(92))}\\{_name(item)}"
        to_drive.write_text(call.session, to_inner, drive.read_text(call.session, inner))


# -- paths as text


@cmdlet("Join-Path")
def join_path(call: Call) -> Iterator[str]:
    paths = to_list(call.get("Path")) if "Path" in call.parameters else call.input
    for path in map(to_text, paths):
        drive, colon, _ = path.partition(":")
        if colon and len(drive) > 1 and drive.lower() not in DRIVES:
            locate(path, evaluator_of(call))
        child = to_text(call.get("ChildPath")).replace("/", "\\").lstrip("\\")
        joined = f"{path.replace('/', chr(92)).rstrip(chr(92))}\\{child}"
        if call.get("Resolve"):
            raise NotModelledError("Join-Path -Resolve")
        yield joined


@cmdlet("Split-Path")
def split_path(call: Call) -> Iterator[Any]:
    paths = to_list(call.get("LiteralPath") or call.get("Path")) if "Path" in call.parameters or "LiteralPath" in call.parameters else call.input  # fmt: skip
    for path in (to_text(one).replace("/", "\\") for one in paths):
        head, _, last = path.rstrip("\\").rpartition("\\")
        if call.get("Leaf"):
            yield last
        elif call.get("Qualifier"):
            yield path.partition(":")[0] + ":"
        elif call.get("NoQualifier"):
            yield path.partition(":")[2] if ":" in path else path
        elif call.get("IsAbsolute"):
            yield ":" in path or path.startswith("\\\\")
        else:
            yield head + "\\" if head.endswith(":") else head


@cmdlet("Resolve-Path")
def resolve_path(call: Call) -> Iterator[Any]:
    for drive, inner, path in _each(call):
        if drive.item(call.session, inner) is None:
            call.runtime.write_error(missing(path))
        else:
            yield PSObject("System.Management.Automation.PathInfo", {"Path": path, "ProviderPath": path}, text=path)


@cmdlet("Get-Location")
def get_location(call: Call) -> Iterator[Any]:
    yield evaluator_of(call).variable_named("PWD")


@cmdlet("Set-Location")
def set_location(call: Call) -> None:
    path = to_text(call.get("LiteralPath") or call.get("Path"))
    evaluator = evaluator_of(call)
    drive, prefix, inner = locate(path, evaluator)
    if drive.item(call.session, inner) is None:
        raise missing(path)
    whole = prefix + inner
    evaluator.global_scope.set("PWD", PSObject("System.Management.Automation.PathInfo", {"Path": whole}, text=whole))


__all__ = ["NOTHING", "append_line", "locate", "missing", "start_file"]
