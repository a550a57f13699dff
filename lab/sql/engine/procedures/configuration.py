"""sp_configure. A changed value is used after RECONFIGURE, of some options after a restart."""

from __future__ import annotations

from lab.sql.api import Column, Message, ResultSet
from lab.sql.engine.errors import error
from lab.sql.engine.frame import Frame
from lab.sql.engine.procedures.registry import Arguments, Run, procedure
from lab.sql.engine.types import INT
from lab.sql.engine.values import convert, type_of

DEFAULTS: dict[str, tuple[int, int, int, int, bool, bool]] = {
    "recovery interval (min)": (101, 0, 32767, 0, True, True),
    "allow updates": (102, 0, 1, 0, True, False),
    "user connections": (103, 0, 32767, 0, False, True),
    "locks": (106, 5000, 2147483647, 0, False, True),
    "open objects": (107, 0, 2147483647, 0, False, True),
    "fill factor (%)": (109, 0, 100, 0, False, True),
    "nested triggers": (115, 0, 1, 1, True, False),
    "remote access": (117, 0, 1, 1, False, False),
    "default language": (124, 0, 9999, 0, True, False),
    "max worker threads": (503, 128, 65535, 0, True, True),
    "remote login timeout (s)": (1519, 0, 2147483647, 10, True, False),
    "remote query timeout (s)": (1520, 0, 2147483647, 600, True, False),
    "max degree of parallelism": (1539, 0, 32767, 0, True, True),
    "max server memory (MB)": (1544, 128, 2147483647, 2147483647, True, True),
    "min server memory (MB)": (1543, 0, 2147483647, 0, True, True),
    "cost threshold for parallelism": (1538, 0, 32767, 5, True, True),
    "show advanced options": (518, 0, 1, 0, True, False),
    "clr enabled": (1562, 0, 1, 0, True, False),
    "remote admin connections": (1576, 0, 1, 0, True, False),
    "backup compression default": (1579, 0, 1, 0, True, False),
    "filestream access level": (1580, 0, 2, 0, True, False),
    "optimize for ad hoc workloads": (1581, 0, 1, 0, True, True),
    "contained database authentication": (16393, 0, 1, 0, True, False),
    "Database Mail XPs": (16386, 0, 1, 0, True, True),
    "Agent XPs": (16384, 0, 1, 1, True, True),
    "xp_cmdshell": (16390, 0, 1, 0, True, True),
    "Ole Automation Procedures": (16388, 0, 1, 0, True, True),
}
"""Option: number, minimum, maximum, value, dynamic, advanced (defaults of SQL Server 2012)."""
STATIC = frozenset(name.lower() for name, (_, _, _, _, dynamic, _) in DEFAULTS.items() if not dynamic)
COLUMNS = (Column("name", "nvarchar(35)"), Column("minimum", "int"), Column("maximum", "int"),
           Column("config_value", "int"), Column("run_value", "int"))  # fmt: skip


@procedure("sp_configure", "@configname", "@configvalue")
def _sp_configure(frame: Frame, a: Arguments) -> Run:
    session = frame.session
    server = session.server
    shown = server.get("configuration", "show advanced options") or {"in_use": 0}
    rows = [row for row in server.documents("configuration") if not row["advanced"] or shown["in_use"]]
    name = a.name("@configname") if a.get("@configname") is not None else None
    if name is not None:
        matching = [row for row in rows if row["name"].lower().startswith(name.lower())]
        exact = [row for row in matching if row["name"].lower() == name.lower()] or matching
        if len(exact) != 1:
            raise error(15123, name)
        rows = exact
    if not a.has("@configvalue"):
        ordered = sorted(rows, key=lambda row: row["name"].lower())
        yield ResultSet(COLUMNS, [(r["name"], r["minimum"], r["maximum"], r["value"], r["in_use"]) for r in ordered])
        return 0
    session.require("ALTER SETTINGS")
    row, given = rows[0], a.get("@configvalue", 0)
    value = int(convert(given, type_of(given), INT))
    if not row["minimum"] <= value <= row["maximum"]:
        raise error(15129, value, row["name"])
    server.change("configuration", row["name"], value=value)
    yield Message(
        15457,
        f"Configuration option '{row['name']}' changed from {row['value']} to {value}. "
        "Run the RECONFIGURE statement to install.",
        0,
        1,
    )
    return 0
