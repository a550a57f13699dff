"""Extended properties of a database: sp_addextendedproperty, sp_updateextendedproperty, sp_dropextendedproperty.

Rules: SQL Server documentation of the procedures, and of "Transact-SQL Statements Allowed in Transactions": no system
procedure that modifies master runs inside an explicit or implicit transaction. Unproven: that these procedures are
among those, and the error's number (that of sp_addsrvrolemember).
"""

from __future__ import annotations

from typing import Any

from lab.sql.engine.database import Database
from lab.sql.engine.errors import error, not_modelled
from lab.sql.engine.frame import Frame
from lab.sql.engine.procedures.registry import Arguments, Run, procedure
from lab.sql.engine.values import encode

LEVELS = [f"@level{level}{part}" for level in (0, 1, 2) for part in ("type", "name")]


def _target(frame: Frame, a: Arguments, procedure: str) -> tuple[Database, str]:
    """The current database, which has to be one's own, and the property's name."""
    if frame.session.trancount and frame.session.database.lower() == "master":
        raise error(15002, f"sys.{procedure}")
    if any(a.get(level) is not None for level in LEVELS):
        raise not_modelled("extended properties of anything but a database")
    database = frame.session.open()
    access = frame.session.access(database)
    if not (access.owner or "db_owner" in access.roles):
        raise error(15247)
    name = a.required("@name")
    if name is None:
        raise error(15004)
    return database, str(name)


def _put(database: Database, name: str, value: Any) -> None:
    database.view.put("extended-property", name, {"name": name, "value": encode(value)})


@procedure("sp_addextendedproperty", "@name", "@value", *LEVELS)
def _add(frame: Frame, a: Arguments) -> Run:
    database, name = _target(frame, a, "sp_addextendedproperty")
    if database.view.get("extended-property", name) is not None:
        raise error(15233, name, "object specified")
    _put(database, name, a.get("@value"))
    return 0
    yield


@procedure("sp_updateextendedproperty", "@name", "@value", *LEVELS)
def _update(frame: Frame, a: Arguments) -> Run:
    database, name = _target(frame, a, "sp_updateextendedproperty")
    if database.view.get("extended-property", name) is None:
        raise error(15217, name, "object specified")
    _put(database, name, a.get("@value"))
    return 0
    yield


@procedure("sp_dropextendedproperty", "@name", *LEVELS)
def _drop(frame: Frame, a: Arguments) -> Run:
    database, name = _target(frame, a, "sp_dropextendedproperty")
    if database.view.get("extended-property", name) is None:
        raise error(15217, name, "object specified")
    database.view.delete("extended-property", name)
    return 0
    yield
