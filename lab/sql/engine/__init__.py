"""SQL Server 2012 SP1 Enterprise as the lab stands in for it: what other parts of the lab may call.

The state is in the documents of the machines (kinds ``sql-…``), of the group (owner ``ag:<name>``) and, for what is in
databases, in SQLite files below ``<lab directory>/sql/<machine>``. It survives a restart of the process.
"""

from __future__ import annotations

from lab.sql.engine import topics  # noqa: F401 - registers them
from lab.sql.engine.connect import connect
from lab.sql.engine.instance import (
    Instance,
    instance_of,
)
from lab.sql.engine.listener import Listener, listeners, on_primary_changed, owners, primary_behind
from lab.sql.engine.logon import Door, door_of
from lab.sql.engine.service import start, stop
from lab.sql.engine.start_stop import start_instance, stop_instance

__all__ = [
    "Door",
    "Instance",
    "Listener",
    "connect",
    "door_of",
    "instance_of",
    "listeners",
    "on_primary_changed",
    "owners",
    "primary_behind",
    "start",
    "start_instance",
    "stop",
    "stop_instance",
]
