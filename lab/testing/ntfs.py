"""Owners and rights of files and folders below ``%ProgramData%`` of a machine of a lab in this process."""

from __future__ import annotations

import shutil

from lab import files
from lab.testing.handle import AnyLab, inside
from lab.windows import ntfs


def rights(lab: AnyLab, machine: str, path: str) -> str:
    """Owner and rights of a file or folder, as SDDL."""
    world = inside(lab)
    return ntfs.sddl(world.machine(machine), path)


def plant(lab: AnyLab, machine: str, path: str, owner: str = "S-1-5-21-1-2-3-1001") -> None:
    """Create a folder as a user of that SID who is no administrator."""
    world = inside(lab)
    files.resolve_new(world.machine(machine), path).mkdir(parents=True, exist_ok=True)
    ntfs.own(world.machine(machine), path, owner)


def plant_link(lab: AnyLab, machine: str, path: str, *, shows: str) -> None:
    """Create a junction to a folder with these rights: what reads the rights of the junction gets the folder's."""
    world = inside(lab)
    files.resolve_new(world.machine(machine), path).mkdir(parents=True, exist_ok=True)
    world.machine(machine).collection("ntfs")[path.lower()] = {"sddl": shows, "link": True}


def remove(lab: AnyLab, machine: str, path: str) -> None:
    """Delete a folder with everything in it, as an administrator does."""
    world = inside(lab)
    shutil.rmtree(files.resolve_new(world.machine(machine), path), ignore_errors=True)
    ntfs.forget(world.machine(machine), path)


def files_below(lab: AnyLab, machine: str, path: str) -> list[str]:
    """Names of everything in a folder."""
    world = inside(lab)
    return [entry.name for entry in files.resolve_new(world.machine(machine), path).rglob("*")]
