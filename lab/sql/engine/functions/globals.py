"""The @@ functions."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from lab.sql.engine.errors import error
from lab.sql.engine.frame import Frame
from lab.sql.engine.types import INT, SqlType, nvarchar
from lab.sql.installation import Installation

Reader = Callable[[], Any]


def read_global(frame: Frame, name: str) -> tuple[SqlType, Reader]:
    """Type and reader of ``@@name``. Raises 137 for one that does not exist."""
    session = frame.session
    found: dict[str, tuple[SqlType, Reader]] = {
        "@@SERVERNAME": (nvarchar(128), lambda: session.instance.server_name),
        "@@SERVICENAME": (nvarchar(128), lambda: session.instance.installation.instance.upper()),
        "@@VERSION": (nvarchar(300), lambda: _version(session.instance.installation)),
        "@@MICROSOFTVERSION": (INT, lambda: (11 << 24) + session.instance.installation.build[2]),
        "@@ROWCOUNT": (INT, lambda: session.rowcount),
        "@@ERROR": (INT, lambda: session.error_number),
        "@@TRANCOUNT": (INT, lambda: session.trancount),
        "@@SPID": (SqlType("smallint"), lambda: session.spid),
        "@@NESTLEVEL": (INT, lambda: session.depth),
        "@@IDENTITY": (SqlType("numeric", None, 38, 0), lambda: _decimal(session.identity_value)),
        "@@LANGUAGE": (nvarchar(128), lambda: "us_english"),
        "@@LOCK_TIMEOUT": (INT, lambda: session.settings["LOCK_TIMEOUT"]),
        "@@MAX_PRECISION": (SqlType("tinyint"), lambda: 38),
        "@@OPTIONS": (INT, lambda: 5496 + (512 if session.settings["NOCOUNT"] else 0)),
        "@@PROCID": (INT, lambda: 0),
        "@@FETCH_STATUS": (INT, lambda: -1),
        "@@CONNECTIONS": (INT, lambda: session.instance.connections),
        "@@TEXTSIZE": (INT, lambda: -1),
        "@@DATEFIRST": (SqlType("tinyint"), lambda: 7),
        "@@LANGID": (SqlType("smallint"), lambda: 0),
    }
    one = found.get(name.upper())
    if one is None:
        raise error(137, name)
    return one


def _version(installed: Installation) -> str:
    """The date of the build is that of Service Pack 1, whatever is installed."""
    return (
        f"{installed.title} \n\tOct 19 2012 13:38:57 \n\t"
        "Copyright (c) Microsoft Corporation"
        "\n\tEnterprise Edition (64-bit) on Windows NT 6.2 <X64> (Build 9200: ) (Hypervisor)\n"
    )


def _decimal(value: Any) -> Decimal | None:
    return None if value is None else Decimal(value)
