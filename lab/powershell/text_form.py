"""The text form of objects that have a plain one. Tables and lists of composite objects are not modelled."""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from lab.powershell.api import EnumValue, HashTable, NotModelledError, PSObject
from lab.powershell.convert import to_text
from lab.powershell.formatting import format_date
from lab.powershell.values import Char, ErrorRecord, OutputRecord, Switch, plain, type_name


def error_text(record: ErrorRecord) -> str:
    """An error as the console shows it, without the line breaks a narrow window would add."""
    from lab.powershell.value_members import category_view

    who = f"{record.activity} : " if record.activity else ""
    place = f"{record.place.get('PositionMessage')}\r\n" if record.place is not None else ""
    return (
        f"{who}{record}\r\n{place}    + CategoryInfo          : {to_text(category_view(record))}\r\n"
        f"    + FullyQualifiedErrorId : {record.error_id}\r\n \r\n"
    )


def text_of(value: Any) -> list[str]:
    """The lines that stand for a value on the console. Raises NotModelledError for an object shown as a table."""
    value = plain(value)
    if value is None:
        return []
    if isinstance(value, str | Char):
        return value.replace("\r\n", "\n").split("\n")
    if isinstance(value, bool | int | float | Decimal | EnumValue | Switch):
        return [to_text(value)]
    if isinstance(value, OutputRecord):
        return [f"{value.kind.upper()}: {value.message}"]
    if isinstance(value, ErrorRecord):
        return error_text(value).removesuffix("\r\n").split("\r\n")
    if isinstance(value, list):
        return [line for item in value for line in text_of(item)]
    if isinstance(value, datetime):
        return ["", format_date(value, "F"), "", ""]
    if isinstance(value, PSObject) and not isinstance(value, HashTable) and value.text is not None:
        raise NotModelledError(f"the console's view of {value.type_name}")
    if isinstance(value, uuid.UUID | timedelta):
        raise NotModelledError(f"the console's view of {type_name(value)}")
    raise NotModelledError(f"the console's view of {type_name(value)}")
