"""A secret is secret in its type: it prints as ``***``, and its text is kept out of every message."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from functools import cache
from typing import Any
from xml.sax.saxutils import escape, quoteattr

from pydantic import GetCoreSchemaHandler
from pydantic_core import PydanticCustomError, core_schema

MASK = "***"
_known: set[str] = set()
_lock = threading.Lock()


class Secret:
    """A text that must not be seen. ``reveal`` is the only way to it; pydantic models take and dump it as text."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text
        if text:
            with _lock:
                _known.add(text)

    def reveal(self) -> str:
        return self._text

    def __repr__(self) -> str:
        return MASK

    __str__ = __repr__

    def __bool__(self) -> bool:
        return bool(self._text)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._text == self._text

    def __hash__(self) -> int:
        return hash(self._text)

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:
        return core_schema.no_info_plain_validator_function(
            cls._taken, serialization=core_schema.plain_serializer_function_ser_schema(cls.reveal)
        )

    @classmethod
    def _taken(cls, value: object) -> Secret:
        """From a text; anything else is an error that does not repeat the value."""
        if isinstance(value, Secret):
            return value
        if isinstance(value, str):
            return cls(value)
        raise PydanticCustomError("secret_type", "Input should be a text")


def forget() -> None:
    """Mask only secrets that are made from now on: what follows has nothing to do with what came before."""
    with _lock:
        _known.clear()


def redact(text: str) -> str:
    """The text with every secret this process knows masked, also where it stands escaped: as in JSON, in Python's
    ``repr``, in XML, in a T-SQL literal, or with its white space made into single spaces.

    Masks what it finds in this text: redact a text before it is shortened, escaped or joined.
    """
    with _lock:
        # A mirror of logins knows thousands of hashes, longer than most texts. White space is made shorter in a form.
        known = {secret for secret in _known if len(secret) <= len(text) or len(secret.split()) > 1}
    for form in sorted({form for secret in known for form in _forms(secret)}, key=len, reverse=True):
        text = text.replace(form, MASK)
    return text


@cache
def _forms(secret: str) -> tuple[str, ...]:
    return tuple(_escaped(secret))


def _escaped(secret: str) -> Iterator[str]:
    yield secret
    yield json.dumps(secret)[1:-1]
    yield json.dumps(secret, ensure_ascii=False)[1:-1]
    for one in (secret, secret.encode()):
        quoted = repr(one)
        yield quoted[quoted.index(quoted[-1]) + 1 : -1]
    yield secret.replace("\\", "\\\\").replace("'", "\\'")  # repr of a longer text that has both kinds of quotes
    yield escape(secret)
    yield escape(secret, {'"': "&quot;", "'": "&apos;"})
    yield quoteattr(secret)[1:-1]
    yield secret.replace("'", "''")
    yield " ".join(secret.split()) or secret


def plain(value: Any) -> Any:
    """A JSON-able value with each ``Secret`` in it revealed: for the wire only."""
    if isinstance(value, Secret):
        return value.reveal()
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return value
