"""Text from machines, as a terminal may show it: data, never commands to the terminal."""

from __future__ import annotations

import unicodedata

_HIDDEN = {"Cc", "Cf", "Cs", "Zl", "Zp"}
"""Unicode's categories of control characters, of formatting that turns text around or hides it, and of line ends."""


def visible(text: str, *, keep: str = "") -> str:
    """The text with every character escaped that would control a terminal instead of being seen (``\\\\x1b``), except
    those in ``keep``."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(
        one if one in keep or unicodedata.category(one) not in _HIDDEN else one.encode("unicode_escape").decode()
        for one in text
    )


def one_line(text: str) -> str:
    """The text in one line: white space becomes single spaces, every other control character is shown escaped."""
    return visible(" ".join(text.split()))
