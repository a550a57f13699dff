"""All checks of a farm."""

from __future__ import annotations

from itertools import chain

from operations.configuration import Context
from operations.doctor import machine, portal, reach, sql
from operations.doctor.check import Row, look_at
from operations.doctor.farm import Farm

PARTS = ("reach", "machine", "SQL Server", "portal")


def examined(context: Context) -> list[Row]:
    """Every row, part by part in the order of ``PARTS``, and in each machine by machine."""
    farm = Farm(context)
    others = (reach, machine, sql, portal)
    rows = look_at(list(reach.first(farm)), lambda: chain.from_iterable(part.checks(farm) for part in others))
    order = [found.name for found in farm.machines]
    return sorted(
        rows, key=lambda row: (PARTS.index(row.part), order.index(row.machine) if row.machine in order else -1)
    )
