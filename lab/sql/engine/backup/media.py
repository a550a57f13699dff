"""Backup files on disks and shares: a sequence of backup sets, one JSON line each.

The form is the lab's own; what matters is what it holds: a full backup the documents of a database at an LSN, a log
backup the records between two LSNs. The account that reads and writes is the service account of SQL Server.
"""

from __future__ import annotations

import json
import uuid
from pathlib import Path
from typing import Any

from lab.sql.engine.errors import SeveralErrors, error
from lab.world import Document, Machine, World

MAGIC = "LAB-SQL-MEDIA-1"
NUL = "NUL"
"""The device that discards what is written to it. Source: Microsoft, BACKUP (Transact-SQL)."""


def service_account(machine: Machine) -> str:
    return f"{machine.netbios}\\SVC_SQL"


def locate(world: World, machine: Machine, path: str, *, write: bool) -> Path:
    """Where a device's file is. Raises lab.files.LabFileError with the Windows error code."""
    from lab import files

    return files.resolve(world, machine, path, service_account(machine), write)


def open_device(world: World, machine: Machine, path: str, verb: str, *, write: bool) -> Path:
    """Like ``locate``, with SQL Server's errors: 3201 and 3013."""
    from lab import files

    try:
        found = locate(world, machine, path, write=write)
        if not write and not found.is_file():
            raise files.LabFileError(2, "The system cannot find the file specified.")  # noqa: TRY301
    except files.LabFileError as failure:
        text = str(failure.args[-1]) if failure.args else str(failure)
        raise SeveralErrors(error(3201, path, failure.code, text, state=1), error(3013, verb)) from None
    return found


def read_sets(file: Path, path: str, verb: str) -> tuple[Document, list[Document]]:
    """The media header and the backup sets. Raises 3241 and 3013 for a file that is no backup."""
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
        header, *sets = [json.loads(line) for line in lines]
    except (ValueError, UnicodeDecodeError):
        header, sets = {}, []
    if header.get("magic") != MAGIC:
        raise SeveralErrors(error(3241, path), error(3013, verb))
    return header, sets


def write_set(file: Path | None, backup: Document, *, fresh: bool, path: str) -> tuple[Document, int]:
    """Append a set (or overwrite the file); gives the media header and the set's position, from 1. No file is NUL."""
    if file is None or fresh or not file.is_file() or file.stat().st_size == 0:
        header: Document = {"magic": MAGIC, "media_set": str(uuid.uuid4()), "family": str(uuid.uuid4())}
        if file is None:
            return header, 1
        sets: list[Any] = []
    else:
        header, sets = read_sets(file, path, "BACKUP DATABASE")
    sets.append(backup)
    temporary = file.with_name(file.name + ".partial")
    temporary.write_text("\n".join(json.dumps(line) for line in [header, *sets]) + "\n", encoding="utf-8")
    temporary.replace(file)
    return header, len(sets)
