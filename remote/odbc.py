"""Microsoft's ODBC driver: where it is, how its connection strings are written, what its errors say."""

from __future__ import annotations

import platform
import re
import sysconfig
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from remote.errors import MachineError
from remote.secret import redact

if TYPE_CHECKING:
    import pyodbc

_NUMBER = re.compile(r"\((-?\d+)\) \(SQL\w+\)")
_PREFIX = re.compile(r"\[[^\]]*\]\[[^\]]*\](?:\[[^\]]*\])?")


def driver() -> str:
    """The file of the ODBC driver that the package ``mssql-python-odbc`` brings."""
    machine = {"x86_64": "x86_64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())
    libraries = Path(sysconfig.get_paths()["purelib"]) / "mssql_python_odbc" / "libs" / "linux"
    family = "debian_ubuntu"
    if Path("/etc/redhat-release").exists():
        family = "rhel"
    elif Path("/etc/SUSE-brand").exists():
        family = "suse"
    found = sorted((libraries / family / machine / "lib").glob("libmsodbcsql-18*.so*"))
    if not found:
        raise MachineError(
            "this computer",
            "find Microsoft's ODBC driver",
            f"none below {libraries}",
            "Install requirements.txt again.",
        )
    return str(found[0])


def connection_string(parts: Mapping[str, str]) -> str:
    """Keywords and values as the driver reads them; whatever a value contains, it stays one value."""
    return ";".join(f"{key}={{{value.replace('}', '}}')}}}" for key, value in parts.items())


def state(error: pyodbc.Error) -> str:
    """The SQLSTATE; empty for an error without one."""
    return str(error.args[0]) if error.args else ""


def message(error: pyodbc.Error) -> str:
    """What the server or the driver says, without the driver's own prefixes and without its numbers."""
    text = redact(str(error.args[-1] if error.args else error))  # before it is cut
    first = re.split(r" \(-?\d+\) \(SQL\w+\)", text)[0]
    return _PREFIX.sub("", re.sub(r"^\[\w{5}\] ", "", first)).strip()


def number(error: pyodbc.Error) -> int:
    """SQL Server's number or the operating system's; 0 for an error without one."""
    found = _NUMBER.search(str(error.args[-1] if error.args else ""))
    return int(found.group(1)) if found else 0
