"""What clients of a lab need that their own packages do not tell."""

from __future__ import annotations

import sysconfig
from functools import cache
from pathlib import Path


@cache
def odbc_driver() -> str:
    """The path of Microsoft's ODBC Driver 18 in the PyPI package mssql-python-odbc, for ``DRIVER=``. Raises
    StopIteration when the package is not installed."""
    package = Path(sysconfig.get_paths()["purelib"]) / "mssql_python_odbc/libs/linux/debian_ubuntu"
    return str(next(package.glob("*/lib/libmsodbcsql-18*.so*")))
