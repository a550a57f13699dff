"""Types of .NET that scripts use for files and names: System.IO.File, System.IO.Directory, System.Net.Dns."""

from __future__ import annotations

import contextlib
from typing import Any

from lab import files
from lab.powershell.api import DotNet, NotModelledError, PowerShellError, PSObject, Session, dotnet
from lab.windows import misc, ntfs
from lab.windows.filesystem import FileSystem, failure, locate, read_bytes, write_bytes
from lab.windows.values import byte_array, ip_address, text

_drive = FileSystem()


def _present(session: Session, path: Any, *, directory: bool) -> bool:
    """``Exists`` never throws: what cannot be reached does not exist."""
    try:
        found = locate(session, text(path), write=False)
    except files.LabFileError:
        return False
    return found.is_dir() if directory else found.is_file()


def _encoding(rest: tuple[Any, ...]) -> str:
    """The codec of a System.Text.Encoding argument; without one .NET writes UTF-8 without a mark."""
    if not rest:
        return "utf-8"
    name = (text(getattr(rest[0], "get", lambda _: None)("WebName")) or text(rest[0])).lower()
    for known, codec in (
        ("utf-16", "utf-16"),
        ("unicode", "utf-16"),
        ("utf-8", "utf-8-sig"),
        ("utf8", "utf-8-sig"),
        ("ascii", "ascii"),
    ):
        if known in name:
            return codec
    raise NotModelledError(f"writing files with the encoding {name}")


def _write_text(session: Session, path: Any, content: Any, *rest: Any) -> None:
    write_bytes(session, text(path), text(content).encode(_encoding(rest), "replace"))


def _append_text(session: Session, path: Any, content: Any, *rest: Any) -> None:
    before = read_bytes(session, text(path)) if _present(session, path, directory=False) else b""
    codec = _encoding(rest)
    added = text(content).encode("utf-8" if codec == "utf-8-sig" and before else codec, "replace")
    write_bytes(session, text(path), before + added)


def _read_text(session: Session, path: Any, *_: Any) -> str:
    content = read_bytes(session, text(path))
    for mark, codec in ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16")):
        if content.startswith(mark):
            return content.decode(codec, "replace")
    return content.decode("utf-8", "replace")


def _delete(session: Session, path: Any) -> None:
    """Deleting a file that is not there is no error in .NET."""
    if _present(session, path, directory=False):
        _drive.remove(session, text(path), recurse=False)


def _copy(session: Session, source: Any, target: Any, overwrite: Any = False) -> None:
    content = read_bytes(session, text(source))
    if not overwrite and _present(session, target, directory=False):
        raise PowerShellError(
            f"The file '{text(target)}' already exists.",
            "IOException",
            exception_type="System.IO.IOException",
            target=text(target),
        )
    write_bytes(session, text(target), content)


def _move(session: Session, source: Any, target: Any) -> None:
    if _present(session, target, directory=False) or _present(session, target, directory=True):
        raise PowerShellError(
            "Cannot create a file when that file already exists.\r\n",
            "IOException",
            exception_type="System.IO.IOException",
            target=text(target),
        )
    read_bytes(session, text(source))  # the error of a source that is not there
    try:
        found, wanted = locate(session, text(source), write=True), locate(session, text(target), write=True)
    except files.LabFileError as error:
        raise failure(error.code, error.message, text(target)) from None
    found.rename(wanted)


def _delete_directory(session: Session, path: Any, recursive: Any = False) -> None:
    if not _present(session, path, directory=True):
        raise failure(3, "", text(path))
    if not recursive and any(locate(session, text(path), write=False).iterdir()):
        raise PowerShellError(
            "The directory is not empty.\r\n", "IOException", exception_type="System.IO.IOException", target=text(path)
        )
    _drive.remove(session, text(path), recurse=True)


def _create_directory(session: Session, path: Any, *security: Any) -> PSObject:
    """With a DirectorySecurity the new folder has it from its first moment; one that exists is left as it is."""
    there = _present(session, path, directory=True)
    made = _drive.new(session, text(path), type="Directory", force=True)
    if security and not there:
        ntfs.protect(session.machine, text(path), text(security[0].get("Sddl")))
    return made


@dotnet("System.IO.File", "IO.File")
class File(DotNet):
    statics = {  # noqa: RUF012 - a constant table
        "Exists": lambda session, path: _present(session, path, directory=False),
        "ReadAllBytes": lambda session, path: byte_array(read_bytes(session, text(path))),
        "WriteAllBytes": lambda session, path, content: write_bytes(session, text(path), bytes(content)),
        "ReadAllText": _read_text,
        "WriteAllText": _write_text,
        "AppendAllText": _append_text,
        "Delete": _delete,
        "Copy": _copy,
        "Move": _move,
    }


@dotnet("System.IO.Directory", "IO.Directory")
class Directory(DotNet):
    statics = {  # noqa: RUF012 - a constant table
        "Exists": lambda session, path: _present(session, path, directory=True),
        "CreateDirectory": _create_directory,
        "Delete": _delete_directory,
    }


def _addresses(session: Session, name: Any) -> list[Any]:
    with contextlib.suppress(KeyError):
        return [ip_address(one) for one in misc.domain_controllers(session.machine.world, text(name).rstrip("."))]
    address = misc.resolve(session.machine.world, text(name) or session.machine.name)
    if address is None:
        raise PowerShellError(
            "No such host is known", "SocketException", exception_type="System.Net.Sockets.SocketException"
        )
    return [ip_address(address)]


@dotnet("System.Net.Dns", "Net.Dns")
class Dns(DotNet):
    statics = {  # noqa: RUF012 - a constant table
        "GetHostName": lambda session: session.machine.name,
        "GetHostAddresses": _addresses,
    }
