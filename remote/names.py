"""Names of Windows, which compares them without case: those of machines, accounts, groups, sites and features.

The names of a topology need none of this among themselves: ``load`` brings each to one spelling. It is for what a
machine says, and for what an operator typed elsewhere.
"""

from __future__ import annotations


def folded(name: str) -> str:
    """The form in which two spellings of one name are equal."""
    return name.lower()


def same(one: str, other: str) -> bool:
    """Whether two names are one for Windows."""
    return folded(one) == folded(other)
