"""What is in a lab behind its wires: documents, files on machines; and where a secret can be seen."""

from __future__ import annotations

import base64
import json
import re
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lab.testing import snapshot
from tests.e2e.farm import SECRETS, Farm

Documents = dict[tuple[str, str, str], dict[str, Any]]
"""(owner, kind, name) in lower case → document."""
OURS = "WindowsAzurePackHA"


def documents(farm: Farm) -> Documents:
    """Everything the lab knows at this moment."""
    known = snapshot.documents(farm.lab_folder)
    return {(owner, kind, name.lower()): document for (owner, kind, name), document in known.items()}


def files(farm: Farm) -> set[str]:
    """Every file and folder on the disks of the machines: ``portal1/C/ProgramData/…``."""
    return snapshot.files(farm.lab_folder)


# Secrets -------------------------------------------------------------------------------------------------------


def secrets(farm: Farm) -> dict[str, str]:
    """Every secret of the farm by what it is: chosen by the operator, known to the lab, or made by the portal."""
    found = dict(SECRETS)
    for domain in snapshot.domains():
        found |= {f"account {account.name}": account.password for account in snapshot.accounts(domain).values()}
    found["local administrator"] = snapshot.local_administrator_password()
    for (owner, kind, name), document in documents(farm).items():
        if kind == "sql-login" and document.get("hash"):
            found[f"hash of {name} on {owner}"] = document["hash"]
        if kind == "wap-feature":
            found |= {f"password of {login}": text for login, text in (document.get("logins") or {}).items()}
            found |= {f"{key} of {name}": text for key, text in (document.get("keys") or {}).items()}
            single = {"token key": document.get("token_key"), "provider password": document.get("provider_password")}
            found |= {f"{what} of {name}": text for what, text in single.items() if text}
    for file in (farm.lab_folder / "certificates").glob("*.pfx"):
        text = base64.b64encode(file.read_bytes()).decode()
        # A piece from its middle finds it however its lines are broken or what stands before it.
        found[f"{file.name} in base64"] = text[len(text) // 2 :][:60]
    return found


_TOKEN = re.compile(r"eyJ[\w-]{10,}\.eyJ[\w-]{10,}")
"""A JSON web token: both of its first parts are objects in base64."""


def leaks(seen: Iterable[tuple[str, str]], kept: dict[str, str]) -> list[str]:
    """Which secrets stand in which of the (place, text) pairs; never the secret itself."""
    found = []
    for place, text in seen:
        lower = text.lower()
        for what, secret in kept.items():
            forms = {secret, json.dumps(secret)[1:-1], base64.b64encode(secret.encode("utf-16-le")).decode()[:-4]}
            if any(form in text for form in forms) or (what.startswith("hash") and secret.lower() in lower):
                found.append(f"{what} in {place}")
        if _TOKEN.search(text):
            found.append(f"a token in {place}")
    return found


def on_machines(farm: Farm) -> Iterator[tuple[str, str]]:
    """What lies about on the machines: our files, the registry, event logs, tasks, certificates' names, web sites.

    Not what Windows and the portal themselves keep secret: accounts, credentials of tasks, web.config.
    """
    for file in (farm.lab_folder / "files").rglob("*"):
        if file.is_file():
            yield f"file {file.relative_to(farm.lab_folder)}", file.read_text(encoding="utf-8", errors="replace")
    for (owner, kind, name), document in documents(farm).items():
        if kind in ("registry", "event", "sql-errorlog", "site", "apppool", "sql-database", "sql-backupset"):
            yield f"{kind} {name} of {owner}", json.dumps(document, ensure_ascii=False)
        if kind == "task":
            yield f"task {name} of {owner}", json.dumps({k: v for k, v in document.items() if k != "password"})


def on_wires(entries: Iterable[dict[str, str]]) -> Iterator[tuple[str, str]]:
    """Command lines (decoded where they are encoded), scripts, SQL and request lines that the lab received."""
    for entry in entries:
        text = entry["text"]
        yield f"{entry['kind']} on {entry['machine']}", text
        if encoded := re.search(r"-EncodedCommand (\S+)", text):
            yield f"encoded command on {entry['machine']}", base64.b64decode(encoded[1]).decode("utf-16-le")


def in_state(farm: Farm) -> Iterator[tuple[str, str]]:
    """The stack's file, its history and backups, as they lie on the disk, and its configuration."""
    for file in [*(farm.folder / "state").rglob("*"), farm.config]:
        if file.is_file():
            yield str(file.relative_to(farm.folder)), file.read_text(encoding="utf-8", errors="replace")


@dataclass
class Seen:
    """What was on machines for a moment only: files and tasks of ours while something ran."""

    texts: set[tuple[str, str]] = field(default_factory=set)


@contextmanager
def watched(farm: Farm) -> Iterator[Seen]:
    """Look at our folders and the tasks of every machine all the time."""
    seen, done = Seen(), threading.Event()

    def look() -> None:
        while not done.wait(0.02):
            for folder in (farm.lab_folder / "files").glob(f"*/C/ProgramData/{OURS}"):
                _add(seen, farm, folder)
            for (owner, kind, name), document in documents(farm).items():
                if kind == "task":
                    kept = {key: value for key, value in document.items() if key != "password"}
                    seen.texts.add((f"task {name} of {owner}", json.dumps(kept, sort_keys=True)))

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield seen
    finally:
        done.set()
        thread.join()


def _add(seen: Seen, farm: Farm, folder: Path) -> None:
    try:
        for file in folder.rglob("*"):
            if file.is_file():
                text = file.read_text(encoding="utf-8", errors="replace")
                seen.texts.add((f"file {file.relative_to(farm.lab_folder)}", text))
    except FileNotFoundError:
        return  # gone between two looks; the rest is looked at the next time
