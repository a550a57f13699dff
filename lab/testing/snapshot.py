"""What is in a lab behind its wires, running or not: documents, files on machines, accounts with their passwords."""

from __future__ import annotations

import json
import os
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from lab import identity
from lab.sql.engine.passwords import verify

Documents = dict[tuple[str, str, str], dict[str, Any]]
"""(owner, kind, name) → document. Owners are in lower case; names as they were first written, compared without case."""


@dataclass(frozen=True)
class Account:
    """An account of a domain of the lab. Its password opens nothing but the lab."""

    name: str
    """Without the domain."""
    password: str
    """In clear, as ``lab/accounts.yaml`` has it."""


def documents(directory: Path) -> Documents:
    """Everything the lab of a directory knows at this moment."""
    with closing(_database(directory)) as database:
        rows = database.execute("SELECT owner, kind, name, body FROM document").fetchall()
    return {(owner, kind, name): json.loads(body) for owner, kind, name, body in rows}


def names(directory: Path) -> set[tuple[str, str, str]]:
    """(owner, kind, name) of everything that ``documents`` gives, at a tenth of its time."""
    with closing(_database(directory)) as database:
        return set(database.execute("SELECT owner, kind, name FROM document"))


def files(directory: Path) -> set[str]:
    """Every file and folder on the disks of the machines: ``portal1/C/ProgramData/…``."""
    root = str(directory / "files")
    found = [os.path.join(folder, name) for folder, *kinds in os.walk(root) for names in kinds for name in names]
    return {path[len(root) + 1 :] for path in found}


def accounts(domain: str) -> dict[str, Account]:
    """The accounts that a domain has from the beginning, one that the lab's accounts do not name too."""
    known = _known()["domains"].get(domain, _known()["any_other_domain"])["accounts"]
    return {name: Account(name, one["password"]) for name, one in known.items()}


def domains() -> list[str]:
    """The domains that have accounts from the beginning."""
    return list(_known()["domains"])


def local_administrator_password() -> str:
    """Of every machine's local account Administrator."""
    return str(_known()["local"]["Administrator"])


def is_password(password: str, login: dict[str, Any]) -> bool:
    """Whether the hash in a SQL login's document is that of a password."""
    return verify(password, bytes.fromhex(login["hash"]))


def _database(directory: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"file:{directory / 'state.sqlite'}?mode=ro", uri=True)


def _known() -> dict[str, Any]:
    known: dict[str, Any] = yaml.safe_load(identity.ACCOUNTS.read_text(encoding="utf-8"))
    return known
