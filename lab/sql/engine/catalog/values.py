"""Small conversions that many views need."""

from __future__ import annotations

import uuid
from datetime import datetime
from decimal import Decimal
from functools import lru_cache

from lab.sql.engine.values import quantum


@lru_cache(maxsize=65536)
def moment(text: str | None) -> datetime | None:
    """An ISO text as a datetime column holds it."""
    return quantum(datetime.fromisoformat(text)) if text else None


def guid(text: str | None) -> uuid.UUID | None:
    return uuid.UUID(text) if text else None


def lsn(value: int | None) -> Decimal | None:
    return None if value is None else Decimal(value)


def raw(text: str | None) -> bytes | None:
    return bytes.fromhex(text) if text else None
