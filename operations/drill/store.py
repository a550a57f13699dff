"""The results of drills: one JSON file each, named by its date, in a folder.

The file is written before a server is shut down, with the server's name as ``off``. So a run that was killed is seen by
the next one.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from operations.drill.measure import Server


@dataclass
class Drill:
    """One drill, finished or not."""

    farm: str
    began: str
    """Time in UTC, ISO 8601."""
    planned: bool
    """Whether servers were shut down in order; else their power was cut."""
    off: str = ""
    """The server that is off now."""
    error: str = ""
    servers: list[Server] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        return not self.error and not self.off and all(server.within for server in self.servers)

    def plain(self) -> dict[str, Any]:
        servers = [{**asdict(server), "within_budget": server.within} for server in self.servers]
        return {**asdict(self), "servers": servers, "ok": self.ok}


class Store:
    """The file of one drill."""

    def __init__(self, folder: Path, drill: Drill) -> None:
        name = f"{drill.farm}-{drill.began.replace(':', '').replace('+0000', 'Z')}.json"
        self.file, self.drill = folder / name, drill

    def save(self) -> None:
        self.file.parent.mkdir(parents=True, exist_ok=True)
        new = self.file.with_suffix(".new")
        new.write_text(json.dumps(self.drill.plain(), indent=2) + "\n", encoding="utf-8")
        new.rename(self.file)  # whole or not at all


def begin(folder: Path, farm: str, *, planned: bool) -> Store:
    return Store(folder, Drill(farm, datetime.now(UTC).isoformat(timespec="seconds"), planned))


def left_off(folder: Path, farm: str) -> list[tuple[Path, str]]:
    """The servers that a killed drill of this farm shut down and did not switch on, each with the drill's file."""
    found = []
    for file in sorted(folder.glob(f"{farm}-*.json")):
        values = json.loads(file.read_text(encoding="utf-8"))
        if values["off"]:
            found.append((file, str(values["off"])))
    return found


def switched_on(file: Path) -> None:
    """The server that a killed drill left off is on again; the drill stays one without a result."""
    values = json.loads(file.read_text(encoding="utf-8"))
    values |= {"error": values["error"] or f"killed while {values['off']} was off", "off": ""}
    file.write_text(json.dumps(values, indent=2) + "\n", encoding="utf-8")
