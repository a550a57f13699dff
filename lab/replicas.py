"""The topology's SQL Servers, with the defaults that its keys have when they are left out.

The lab reads only what it needs itself; what may be written there is the program's to check.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

DEFAULT_INSTANCE = "MSSQLSERVER"


@dataclass(frozen=True)
class Replica:
    """One SQL Server of the topology: an instance on a machine and its part in the availability group."""

    machine: str
    instance: str = DEFAULT_INSTANCE
    port: int = 1433
    endpoint_port: int = 5022
    synchronous: bool = True
    automatic: bool = True


def replicas(topology: Mapping[str, Any]) -> list[Replica]:
    """Every replica, in the order of the topology. A machine's name alone stands for all defaults."""
    entries = (topology.get("sql") or {}).get("replicas", [])
    return [_replica(entry if isinstance(entry, dict) else {"machine": entry}) for entry in entries]


def _replica(entry: Mapping[str, Any]) -> Replica:
    synchronous = entry.get("commit", "synchronous") == "synchronous"
    return Replica(
        machine=str(entry["machine"]),
        instance=str(entry.get("instance") or DEFAULT_INSTANCE),
        port=int(entry.get("port", 1433)),
        endpoint_port=int(entry.get("endpoint_port", 5022)),
        synchronous=synchronous,
        automatic=(entry.get("failover") or ("automatic" if synchronous else "manual")) == "automatic",
    )
