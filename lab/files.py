"""Disks and shares: Windows paths of a machine as files below ``<lab>/files/<machine>/<drive letter>/``.

Documents: ``machine.collection("share")[name]`` = {"name", "path", "access": {"HYPERVNU\\SVC_SQL": "change", …}} on the
machine that serves it (rights: read, change, full); ``machine.collection("volume")["C"]`` = {"full": bool, "free":
bytes}.

Rules of the real thing: names are found without case and keep the case they were made with; a trailing dot or space of
a name does not count; a share is reached under any name of its machine, while that machine runs and is connected.
Not modelled: NTFS permissions (every account reaches every local file; share permissions are checked; below
``%ProgramData%`` owners and rights are kept and read, ``lab.windows.ntfs``), locks, short names. The second hop of a
network log-on is the caller's affair: only the caller knows the log-on.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from lab import routes
from lab.identity import UnknownAccountError, over_the_network

if TYPE_CHECKING:
    from lab.world import Document, Identity, Machine, World

MESSAGES = {
    2: "The system cannot find the file specified.",
    3: "The system cannot find the path specified.",
    5: "Access is denied.",
    53: "The network path was not found.",
    67: "The network name cannot be found.",
    112: "There is not enough space on the disk.",
    123: "The filename, directory name, or volume label syntax is incorrect.",
    161: "The specified path is invalid.",
    1326: "The user name or password is incorrect.",
}
"""System error codes and their texts (Microsoft: System Error Codes 0-499)."""

SIZE, FREE = 127 << 30, 90 << 30
"""Bytes of a disk as Hyper-V makes one, and what a fresh server leaves of it."""
SMB = 445
_RIGHTS = {"read": 1, "change": 2, "full": 3}
_DEVICES = re.compile(r"(con|prn|aux|nul|com[1-9]|lpt[1-9])(\..*)?", re.IGNORECASE)
_FOLDERS = (
    "Windows/System32",
    "Windows/Temp",
    "Program Files",
    "Program Files (x86)",
    "ProgramData/Microsoft/Crypto/RSA/MachineKeys",
    "Users/Public",
)


class LabFileError(OSError):
    """A Windows system error: ``code`` and ``message``."""

    def __init__(self, code: int, path: str = "") -> None:
        super().__init__(MESSAGES[code])
        self.code, self.message, self.path = code, MESSAGES[code], path

    def __str__(self) -> str:
        return self.message


def resolve(world: World, machine: Machine, path: str, account: str, write: bool) -> Path:
    """The file of this computer that stands for a Windows path as a program on ``machine`` sees it.

    ``account`` (``HYPERVNU\\SVC_SQL``, ``NT AUTHORITY\\SYSTEM``) matters for shares. To read, the file or directory
    must exist; to write, its directory must. Raises LabFileError: 2 no such file, 3 no such directory or drive, 5 no
    right to the share, 53 no such server (or it is down or unplugged), 67 no such share, 112 the disk is full (when
    writing), 123 and 161 for what is no path.
    """
    path = path.replace("/", "\\")
    if path.startswith("\\\\?\\"):
        path = path[4:]
    if path.startswith("\\\\"):
        server, start, rest = _share(world, machine, path, account, write)
    else:
        match = re.fullmatch(r"([A-Za-z]):(\\.*)?", path, re.DOTALL)
        if match is None:
            raise LabFileError(161, path)  # only absolute paths: the current directory is the caller's
        server, start, rest = machine, _drive(world, machine, match[1], path), match[2] or ""
    found = _walk(start, rest, path, write)
    if write and server.collection("volume").get("C", {}).get("full"):
        raise LabFileError(112, path)
    return found


def fill(machine: Machine, *, full: bool = True) -> None:
    """Fill the machine's disks, or make room again: every later attempt to write fails with 112."""
    machine.collection("volume")["C"] = {"full": full}


def free_bytes(machine: Machine) -> int:
    """Free space of the machine's one volume: ``volume`` may say how much; else there is plenty."""
    volume = machine.collection("volume").get("C") or {}
    return 0 if volume.get("full") else int(volume.get("free", FREE))


def share(machine: Machine, name: str, path: str, access: dict[str, str]) -> None:
    """Make a directory and share it. ``access`` maps accounts or groups to read, change or full."""
    folder = resolve_new(machine, path)
    folder.mkdir(parents=True, exist_ok=True)
    machine.collection("share")[name] = {"name": name, "path": path, "access": access}


def resolve_new(machine: Machine, path: str) -> Path:
    """The file for a local path whose directories need not exist (for ``begin`` of the lab's parts)."""
    drive, _, rest = path.replace("/", "\\").partition(":")
    place = _root(machine.world, machine) / drive.upper()
    for name in _names(rest, path):
        place = place / (_child(place, name) or name)
    return place


def begin(world: World) -> None:
    """The system drive of every machine, and the share for backups that the article's file server offers."""
    for machine in world.machines.values():
        for folder in _FOLDERS:
            (_root(world, machine) / "C" / folder).mkdir(parents=True, exist_ok=True)
        machine.collection("volume")["C"] = {"full": False}
    backup = world.topology.get("sql", {}).get("backup_share")
    if backup:
        server, name = backup.strip("\\").split("\\")[:2]
        machine = world.machine(server)
        access = {f"{machine.netbios}\\SVC_SQL": "change", "BUILTIN\\Administrators": "full"}
        share(machine, name, f"C:\\Shares\\{name}", access)


def _root(world: World, machine: Machine) -> Path:
    return world.directory / "files" / machine.name.lower()


def _drive(world: World, machine: Machine, letter: str, path: str) -> Path:
    place = _root(world, machine) / letter.upper()
    if not place.is_dir():
        raise LabFileError(3, path)
    return place


def _share(world: World, machine: Machine, path: str, account: str, write: bool) -> tuple[Machine, Path, str]:
    server_name, _, rest = path[2:].partition("\\")
    name, _, rest = rest.partition("\\")
    if not server_name or not name:
        raise LabFileError(161, path)
    server = routes.named(machine, server_name)
    if server is None:
        raise LabFileError(53, path)
    remote = server.name != machine.name
    if remote and not (_reachable(server) and _reachable(machine)):
        raise LabFileError(53, path)
    if not routes.passes(machine, server, SMB):
        routes.time_out(world)
        raise LabFileError(53, path)
    known = server.collection("share").get(name)
    if known is None and re.fullmatch(r"[A-Za-z]\$", name):
        known = {"path": f"{name[0]}:\\", "access": {"BUILTIN\\Administrators": "full"}}
    if known is None:
        raise LabFileError(67, path)
    _authorise(world, machine, server, known, account, path, write)
    drive, _, folder = known["path"].partition(":")
    return server, _walk(_drive(world, server, drive, path), folder, path, write=False), rest


def _authorise(
    world: World, machine: Machine, server: Machine, known: Document, account: str, path: str, write: bool
) -> None:
    who = _over_the_network(world, machine, server, account, path)
    holders = {who.user.lower()} | {group.lower() for group in who.groups}
    granted = max((_RIGHTS[right] for name, right in known["access"].items() if name.lower() in holders), default=0)
    if granted < (_RIGHTS["change"] if write else _RIGHTS["read"]):
        raise LabFileError(5, path)


def _over_the_network(world: World, machine: Machine, server: Machine, account: str, path: str) -> Identity:
    """SYSTEM and NETWORK SERVICE are the computer's account to other machines (Microsoft: LocalSystem Account)."""
    if server.name != machine.name and account.lower().rsplit("\\", 1)[-1] in ("system", "network service"):
        account = f"{machine.netbios}\\{machine.name}$"
    try:
        return over_the_network(world, machine, server, account)
    except UnknownAccountError:
        raise LabFileError(1326, path) from None


def _reachable(machine: Machine) -> bool:
    return machine.running and not machine.collection("power")["state"].get("disconnected", False)


def _walk(start: Path, rest: str, path: str, write: bool) -> Path:
    place = start
    names = _names(rest, path)
    for index, name in enumerate(names):
        last = index == len(names) - 1
        found = _child(place, name)
        if found is None and last and write:
            return place / name
        if found is None:
            raise LabFileError(2 if last else 3, path)
        place = place / found
        if not last and not place.is_dir():
            raise LabFileError(3, path)
    return place


def _names(rest: str, path: str) -> list[str]:
    """The parts of a path below its drive; ``..`` never leaves the drive."""
    names: list[str] = []
    for raw in rest.split("\\"):
        if raw == "..":
            del names[-1:]
            continue
        name = raw.rstrip(". ")
        if not name:
            continue
        if re.search(r'[<>:"|?*\x00-\x1f]', name) or _DEVICES.fullmatch(name):
            raise LabFileError(123, path)
        names.append(name)
    return names


def _child(place: Path, name: str) -> str | None:
    if not place.is_dir():
        return None
    if (place / name).exists():
        return name
    return next((entry.name for entry in place.iterdir() if entry.name.lower() == name.lower()), None)
