"""Content of files, copies, and paths as text."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from lab.powershell.api import (
    DRIVES,
    Call,
    Drive,
    NotModelledError,
    PowerShellError,
    PSObject,
    Session,
    cmdlet,
)
from lab.powershell.convert import to_list, to_text
from lab.powershell.core_items import each, locate, missing, name_of
from lab.powershell.core_select import evaluator_of, input_of
from lab.powershell.interpreter import Interpreter
from lab.powershell.text_form import text_of


@cmdlet("Get-Content")
def get_content(call: Call) -> Iterator[Any]:
    for unused in ("Delimiter", "Wait", "Stream", "ReadCount"):
        if unused in call.parameters:
            raise NotModelledError(f"Get-Content -{unused}")
    if to_text(call.get("Encoding")).lower() == "byte":
        raise NotModelledError("Get-Content -Encoding Byte")
    for drive, inner, path in each(call):
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
        drive.write_text(call.session, inner, _content(call), _encoding(call, "Default"))


@cmdlet("Add-Content")
def add_content(call: Call) -> None:
    for path in _content_paths(call):
        _append(call.session, *locate(path, evaluator_of(call)), _content(call), _encoding(call, "Default"))


def _encoding(call: Call, usual: str) -> str:
    """-Encoding, or the usual one: the ANSI code page for content cmdlets, UTF-16 for Out-File and redirections."""
    return to_text(call.get("Encoding")) or usual


def _append(session: Session, drive: Drive, _: str, inner: str, text: str, encoding: str) -> None:
    before = drive.read_text(session, inner) if drive.item(session, inner) is not None else ""
    drive.write_text(session, inner, before + text, encoding)


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
        _append(call.session, drive, prefix, inner, text, _encoding(call, "Unicode"))
    else:
        drive.write_text(call.session, inner, text, _encoding(call, "Unicode"))


def start_file(evaluator: Interpreter, path: str) -> None:
    """``> path``: the file begins empty."""
    drive, _, inner = locate(path, evaluator)
    drive.write_text(evaluator.session, inner, "", "Unicode")


def append_line(evaluator: Interpreter, path: str, item: Any) -> None:
    drive, prefix, inner = locate(path, evaluator)
    _append(evaluator.session, drive, prefix, inner, "".join(f"{line}\r\n" for line in text_of(item)), "Unicode")


@cmdlet("Copy-Item")
def copy_item(call: Call) -> None:
    """Copies single files; folders are not modelled."""
    target = to_text(call.get("Destination"))
    for drive, inner, path in each(call):
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
            to_inner = f"{to_inner.rstrip(chr(92))}\\{name_of(item)}"
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
    paths = (
        to_list(call.get("LiteralPath") or call.get("Path"))
        if "Path" in call.parameters or "LiteralPath" in call.parameters
        else call.input
    )
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
    for drive, inner, path in each(call):
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
