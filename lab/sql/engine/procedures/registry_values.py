"""xp_instance_regread and xp_instance_regwrite, on the machine's registry documents.

Paths are translated as the real ones do: ``Software\\Microsoft\\MSSQLServer`` becomes the
instance's own key. A value of REG_DWORD is an int, of REG_SZ a text.
"""

from __future__ import annotations

from typing import Any

from lab.sql.api import Column, Message, ResultSet, SqlError
from lab.sql.engine.errors import error, not_modelled
from lab.sql.engine.frame import Frame
from lab.sql.engine.procedures.registry import Arguments, Run, procedure

ROOTS = {"hkey_local_machine": "HKLM", "hklm": "HKLM"}
KINDS = {"REG_DWORD": "DWord", "REG_SZ": "String", "REG_EXPAND_SZ": "ExpandString", "REG_MULTI_SZ": "MultiString",
         "REG_BINARY": "Binary"}  # fmt: skip


def full_key(frame: Frame, root: str, key: str) -> str:
    """``HKLM\\…`` of a root and a path. Raises the lab's own error for other roots."""
    top = ROOTS.get(root.lower())
    if top is None:
        raise not_modelled(f"the registry root {root}")
    path, own = key.strip("\\"), frame.session.instance.installation.key
    lowered = path.lower()
    if lowered.startswith("software\\microsoft\\mssqlserver\\"):
        return own + "\\" + path[len("software\\microsoft\\mssqlserver\\") :]
    if lowered == "software\\microsoft\\mssqlserver":
        return own
    return f"{top}\\{path}"


def _value(frame: Frame, a: Arguments) -> Any:
    key = full_key(frame, a.name("@rootkey"), a.name("@key"))
    machine = frame.session.instance.machine
    document = machine.collection("registry").get(key)
    name = str(a.get("@value_name", ""))
    if document is None:
        raise SqlError(22001, "RegOpenKeyEx() returned error 2, 'The system cannot find the file specified.'", level=1)
    found = {one.lower(): value for one, value in document["values"].items()}.get(name.lower())
    return None if found is None else found["data"]


@procedure("xp_instance_regread", "@rootkey", "@key", "@value_name", "@value", "@no_output")
def _read(frame: Frame, a: Arguments) -> Run:
    try:
        data = _value(frame, a)
    except SqlError as failure:
        if failure.number != 22001:
            raise
        yield Message(22001, failure.message, 1, 1)
        return 1
    if not a.give("@value", data):
        type_ = "int" if isinstance(data, int) else "nvarchar(4000)"
        yield ResultSet(
            (Column("Value", "nvarchar(128)"), Column("Data", type_)),
            [(a.get("@value_name"), data)] if data is not None else [],
        )
    return 0


@procedure("xp_instance_regwrite", "@rootkey", "@key", "@value_name", "@type", "@value")
def _write(frame: Frame, a: Arguments) -> Run:
    frame.session.require("CONTROL SERVER", 229, "EXECUTE", "xp_instance_regwrite", "mssqlsystemresource", "sys")
    key = full_key(frame, a.name("@rootkey"), a.name("@key"))
    kind = KINDS.get(str(a.required("@type")).upper())
    if kind is None:
        raise error(15021, "@type")
    value = a.required("@value")
    data = int(value) if kind == "DWord" else str(value)
    machine = frame.session.instance.machine
    with machine.world.lock:
        registry = machine.collection("registry")
        document = registry.get(key) or {"values": {}}
        name = str(a.required("@value_name"))
        existing = next((one for one in document["values"] if one.lower() == name.lower()), name)
        document["values"][existing] = {"type": kind, "data": data}
        registry[key] = document
    return 0
    yield
