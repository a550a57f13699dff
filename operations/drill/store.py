"""The results of drills: one JSON file each, named by its date, in a folder.

The file is written before a server is shut down, with the server's name as ``off``. So a run that was killed is seen by
the next one.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from glob import escape
from pathlib import Path
from typing import Any

from operations.drill.measure import Server, Service
from remote.errors import MachineError


@dataclass
class Drill:
    """One drill, finished or not."""

    farm: str
    """The topology's name."""
    began: str
    """Time in UTC, ISO 8601."""
    planned: bool
    """Whether servers were shut down in order; else their power was cut."""
    off: str = ""
    """The server that is off now."""
    error: str = ""
    """Why it ended before all servers had their turn; empty where it did not."""
    servers: list[Server] = field(default_factory=list)
    """Those that had their turn, in that order."""

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
    for file in sorted(folder.glob(f"{escape(farm)}-*.json")):
        values = json.loads(file.read_text(encoding="utf-8"))
        if values["off"] and values["farm"] == farm:  # another farm's name may begin like this one's
            found.append((file, str(values["off"])))
    return found


def files(folder: Path, farm: str) -> list[Path]:
    """The files that may be of drills of this farm, the last one first."""
    return sorted(folder.glob(f"{escape(farm)}-*.json"), reverse=True)


def read(file: Path) -> Drill:
    """The drill of a file. Raises ``MachineError`` for one that cannot be read."""
    try:
        values = json.loads(file.read_text(encoding="utf-8"))
        del values["ok"]
        return Drill(**{**values, "servers": [_server(server) for server in values["servers"]]})
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise MachineError(
            "this computer", f"read the drill {file}", f"{type(error).__name__}: {error}", "Remove the file."
        ) from None


def _server(values: dict[str, Any]) -> Server:
    del values["within_budget"]
    services = (Service(**{**one, **_tuples(one)}) for one in values["services"])
    return Server(**{**values, "levels": tuple(values["levels"]), "services": tuple(services)})


def _tuples(service: Mapping[str, Any]) -> dict[str, tuple[int, ...]]:
    names = ("requests_by_second", "failures_by_second")
    return {name: tuple(int(number) for number in service.get(name, ())) for name in names}


def switched_on(file: Path) -> None:
    """The server that a killed drill left off is on again; the drill stays one without a result."""
    values = json.loads(file.read_text(encoding="utf-8"))
    values |= {"error": values["error"] or f"killed while {values['off']} was off", "off": ""}
    file.write_text(json.dumps(values, indent=2) + "\n", encoding="utf-8")
