"""Reading little-endian fields one after the other from a message."""

from __future__ import annotations

import struct
from typing import Any

from lab.sql.tds.packets import ProtocolError


class Cursor:
    """A position in a message. Reading past the end is a ProtocolError."""

    def __init__(self, data: bytes, position: int = 0) -> None:
        self.data, self.position = data, position

    @property
    def left(self) -> int:
        return len(self.data) - self.position

    def take(self, count: int) -> bytes:
        if count < 0 or count > self.left:
            raise ProtocolError(f"{count} bytes wanted where {self.left} are left")
        found = self.data[self.position : self.position + count]
        self.position += count
        return found

    def unpack(self, form: str) -> Any:
        """One value of a ``struct`` format without byte order."""
        return struct.unpack("<" + form, self.take(struct.calcsize("<" + form)))[0]

    def byte(self) -> int:
        return self.take(1)[0]

    def ushort(self) -> int:
        return int(self.unpack("H"))

    def ulong(self) -> int:
        return int(self.unpack("I"))

    def text(self, characters: int) -> str:
        return self.take(characters * 2).decode("utf-16-le", "surrogatepass")

    def short_text(self) -> str:
        """B_VARCHAR: a count of characters in one byte, then the text."""
        return self.text(self.byte())

    def skip_headers(self) -> None:
        """ALL_HEADERS in front of a request ([MS-TDS] 2.2.5.3): the lab needs none of them."""
        total = self.ulong()
        self.take(total - 4)
