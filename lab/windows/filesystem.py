"""The file system as PowerShell sees it: paths such as ``C:\\x`` and ``\\\\SERVER\\Share\\x``.

The bytes lie where ``lab.files`` puts them; here are the objects and the errors of the FileSystem provider. Which
account a share sees is decided by ``lab.windows.logons``: a network log-on is nobody on another machine.
"""

from __future__ import annotations

import ntpath
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from lab import files
from lab.powershell.api import Drive, Int64, NotModelledError, PowerShellError, PSObject, Session, drive
from lab.powershell.core_items import missing
from lab.windows import ntfs
from lab.windows.logons import ANONYMOUS, account_towards
from lab.windows.values import local_time
from lab.world import Machine

PROVIDER = "Microsoft.PowerShell.Core\\FileSystem"
NOT_FOUND = (2, 3, 53, 67)
"""Windows error codes on which Test-Path says False: file, path, network path, network name."""
ENCODINGS = {
    "default": "cp1252",
    "ascii": "ascii",
    "string": "utf-16",
    "unicode": "utf-16",
    "bigendianunicode": "utf-16-be",
    "utf8": "utf-8-sig",
    "utf32": "utf-32",
    "oem": "cp437",
}
"""Microsoft.PowerShell.Commands.FileSystemCmdletProviderEncoding; Windows PowerShell writes a byte order mark."""


def server_of(session: Session, path: str) -> Machine:
    """The machine on whose disk a path lies; the session's own when the server of a UNC path is unknown."""
    if path.startswith("\\\\"):
        try:
            return session.machine.world.machine(path[2:].split("\\", 1)[0])
        except KeyError:
            return session.machine
    return session.machine


def locate(session: Session, path: str, *, write: bool) -> Path:
    """The real file behind a path. Raises LabFileError with Windows' code."""
    path = path.replace("/", "\\")
    machine = session.machine
    account = account_towards(session, server_of(session, path))
    if account == ANONYMOUS:
        raise files.LabFileError(5, path)
    return files.resolve(machine.world, machine, path, account, write)


def read_bytes(session: Session, path: str) -> bytes:
    """The content of a file, with .NET's exceptions when it cannot be had."""
    try:
        found = locate(session, path, write=False)
    except files.LabFileError as error:
        raise failure(error.code, error.message, path) from None
    if found.is_dir():
        raise failure(5, "", path)
    if not found.exists():
        raise failure(2 if found.parent.is_dir() else 3, "", path)
    return found.read_bytes()


def write_bytes(session: Session, path: str, content: bytes) -> None:
    """Replace the content of a file; its directory must exist."""
    try:
        found = locate(session, path, write=True)
    except files.LabFileError as error:
        raise failure(error.code, error.message, path) from None
    if found.is_dir():
        raise failure(5, "", path)
    if not found.parent.is_dir():
        raise failure(3, "", path)
    found.write_bytes(content)


def decode(content: bytes) -> str:
    """Text as Windows PowerShell 3.0 reads it: by its byte order mark, else in the ANSI code page."""
    for mark, encoding in (
        (b"\xef\xbb\xbf", "utf-8-sig"),
        (b"\xff\xfe\x00\x00", "utf-32"),
        (b"\xff\xfe", "utf-16"),
        (b"\xfe\xff", "utf-16"),
    ):
        if content.startswith(mark):
            return content.decode(encoding, "replace")
    return content.decode("cp1252", "replace")


def failure(code: int, message: str, path: str) -> PowerShellError:
    """The exception that .NET makes of a Windows error code."""
    if code == 5:
        return PowerShellError(
            f"Access to the path '{path}' is denied.",
            "UnauthorizedAccess",
            category="PermissionDenied",
            exception_type="System.UnauthorizedAccessException",
            target=path,
        )
    if code == 2:
        return PowerShellError(
            f"Could not find file '{path}'.",
            "FileOpenFailure",
            category="ObjectNotFound",
            exception_type="System.IO.FileNotFoundException",
            target=path,
        )
    if code == 3:
        return PowerShellError(
            f"Could not find a part of the path '{path}'.",
            "FileOpenFailure",
            category="ObjectNotFound",
            exception_type="System.IO.DirectoryNotFoundException",
            target=path,
        )
    return PowerShellError(
        message or f"The file operation failed with Windows error {code}.",
        "System.IO.IOException",
        category="WriteError",
        exception_type="System.IO.IOException",
        target=path,
    )


def describe(path: str, found: Path, *, listed: bool = False, link: bool = False) -> PSObject:
    """A System.IO.FileInfo or DirectoryInfo. As text an item of a listing is its name, any other its whole path."""
    full = path.rstrip("\\") if len(path) > 3 else path
    parent, name = ntpath.split(full)
    name = name or full
    state = found.stat()
    written = datetime.fromtimestamp(state.st_mtime, UTC)
    created = datetime.fromtimestamp(state.st_ctime, UTC)
    shared = {
        "Name": name,
        "FullName": full,
        "Exists": True,
        "Extension": ntpath.splitext(name)[1],
        "CreationTime": local_time(created),
        "CreationTimeUtc": created,
        "LastWriteTime": local_time(written),
        "LastWriteTimeUtc": written,
        "PSPath": f"{PROVIDER}::{full}",
        "PSParentPath": f"{PROVIDER}::{parent}",
        "PSChildName": name,
    }
    shown = name if listed else full
    if found.is_dir():
        return PSObject(
            "System.IO.DirectoryInfo",
            {
                **shared,
                "Attributes": "Directory, ReparsePoint" if link else "Directory",
                "BaseName": name,
                "PSIsContainer": True,
            },
            {"ToString": lambda: shown},
            text=shown,
        )
    return PSObject(
        "System.IO.FileInfo",
        {
            **shared,
            "Length": Int64(state.st_size),
            "DirectoryName": parent,
            "BaseName": ntpath.splitext(name)[0],
            "IsReadOnly": False,
            "Attributes": "Archive",
            "PSIsContainer": False,
        },
        {"ToString": lambda: shown},
        text=shown,
    )


def _is_link(session: Session, path: str) -> bool:
    return not path.startswith("\\\\") and ntfs.is_link(session.machine, path)


@drive("filesystem")
class FileSystem(Drive):
    """Every disk and share. The path arrives whole: with its drive letter, or with its two backslashes."""

    def _find(self, session: Session, path: str, *, write: bool = False) -> Path | None:
        """The real path, None when there is nothing of that name. Access denied is an error, as on Windows."""
        try:
            found = locate(session, path, write=write)
        except files.LabFileError as error:
            if error.code in NOT_FOUND:
                return None
            if error.code == 5:
                raise PowerShellError(
                    "Access is denied",
                    "ItemExistsUnauthorizedAccessError",
                    category="PermissionDenied",
                    exception_type="System.UnauthorizedAccessException",
                    target=path,
                ) from None
            raise failure(error.code, error.message, path) from None
        return found if found.exists() else None

    def item(self, session: Session, path: str) -> PSObject | None:
        found = self._find(session, path)
        return None if found is None else describe(path, found, link=_is_link(session, path))

    def children(self, session: Session, path: str) -> Iterator[PSObject]:
        found = self._find(session, path)
        if found is None:
            raise missing(path)
        if not found.is_dir():
            yield describe(path, found)
            return
        entries = sorted(found.iterdir(), key=lambda entry: (entry.is_file(), entry.name.lower()))
        for entry in entries:
            yield describe(f"{path.rstrip(chr(92))}\\{entry.name}", entry, listed=True)

    def properties(self, session: Session, path: str) -> PSObject | None:
        return self.item(session, path)

    def read_text(self, session: Session, path: str) -> str:
        found = self._find(session, path)
        if found is None:
            raise missing(path)
        return decode(read_bytes(session, path))

    def write_text(self, session: Session, path: str, text: str, encoding: str | None = None) -> None:
        codec = ENCODINGS.get((encoding or "default").lower())
        if codec is None:
            raise NotModelledError(f"writing files with -Encoding {encoding}")
        content = text.encode(codec, "replace")
        if codec == "utf-16-be":
            content = b"\xfe\xff" + content
        write_bytes(session, path, content)

    def new(self, session: Session, path: str, **options: object) -> PSObject:
        """``type`` is -ItemType (Directory or File), ``force`` accepts what exists, ``value`` is the first content."""
        written = str(options.get("type") or "file").lower()
        # A beginning of the word is enough (FileSystemProvider.NewItem of PowerShell's published source).
        kinds = {"directory": "d", "container": "d", "file": "f"}
        kind = next((short for word, short in kinds.items() if word.startswith(written)), "")
        force = bool(options.get("force"))
        if kind == "d" or force:
            self._make_directories(session, ntpath.dirname(path.rstrip("\\")))
        try:
            found = locate(session, path, write=True)
        except files.LabFileError as error:
            raise failure(error.code, error.message, path) from None
        if kind == "d":
            if found.exists() and not (force and found.is_dir()):
                raise PowerShellError(
                    f"An item with the specified name {path} already exists.",
                    "DirectoryExist",
                    category="ResourceExists",
                    exception_type="System.IO.IOException",
                    target=path,
                )
            self._make(session, path, found)
        elif kind == "f":
            if found.exists() and not force:
                raise PowerShellError(
                    f"The file '{path}' already exists.",
                    "NewItemIOError",
                    category="WriteError",
                    exception_type="System.IO.IOException",
                    target=path,
                )
            write_bytes(session, path, str(options.get("value") or "").encode("utf-8"))
        else:
            raise PowerShellError(
                'The type is not a known type for the file system. Only "file" and "directory" can be specified.',
                "Argument",
                category="InvalidArgument",
                exception_type="System.Management.Automation.PSArgumentException",
                target=written,
            )
        return describe(path, found)

    def _make_directories(self, session: Session, path: str) -> None:
        if not path or self._find(session, path) is not None:
            return
        parent = ntpath.dirname(path)
        if parent and parent != path:
            self._make_directories(session, parent)
        try:
            self._make(session, path, locate(session, path, write=True))
        except files.LabFileError as error:
            raise failure(error.code, error.message, path) from None

    def _make(self, session: Session, path: str, found: Path) -> None:
        if found.exists():
            return
        found.mkdir()
        if not session.identity.administrator and path.lower().startswith(ntfs.ROOT):
            ntfs.own(session.machine, path, session.identity.sid)

    def remove(self, session: Session, path: str, *, recurse: bool) -> None:
        found = self._find(session, path, write=True)
        if found is None:
            raise missing(path)
        ntfs.forget(server_of(session, path), path)
        if not found.is_dir():
            found.unlink()
            return
        if any(found.iterdir()) and not recurse:
            raise PowerShellError(
                f"The item at {path} has children and the Recurse parameter was not specified. A non-interactive"
                " session cannot ask for confirmation.",
                "InvalidOperation",
                category="InvalidOperation",
                exception_type="System.Management.Automation.PSInvalidOperationException",
                target=path,
            )
        shutil.rmtree(found)
