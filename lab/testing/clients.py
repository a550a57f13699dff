"""What clients of a lab need that their own packages do not tell."""

from __future__ import annotations

from functools import cache
from importlib.util import find_spec
from pathlib import Path

_PACKAGE = "mssql_python_odbc"


@cache
def odbc_driver() -> str:
    """The path of Microsoft's ODBC Driver 18 in the PyPI package mssql-python-odbc, for ``DRIVER=``. Raises
    ModuleNotFoundError when this Python does not have the package."""
    found = find_spec(_PACKAGE)
    for place in (found.submodule_search_locations or []) if found is not None else []:
        for driver in Path(place).glob("libs/linux/debian_ubuntu/*/lib/libmsodbcsql-18*.so*"):
            return str(driver)
    raise ModuleNotFoundError(
        "Microsoft's ODBC Driver 18 is not installed for this Python: pip install 'windows-farm-lab[clients]'",
        name=_PACKAGE,
    )
