"""What a check gives back, how a place is written, and what stops a check that meets a value which is wrong itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from components.topology.model import Topology

Location = tuple[str | int, ...]
"""A place in a topology file: ``("portal", "tiers", 0, "cluster", "address")``."""

Problem = tuple[Location, str]
"""Where, and a sentence: what was found and what to do, with the valid choices where there are any."""

Check = Callable[[Topology], Iterator[Problem]]
"""Looks at the relations between values. Never raises for a bad topology, except UnusableError (see there)."""


class UnusableError(Exception):
    """A value that is missing or wrong itself was used. It is reported anyway, so a check passes over it.

    A check wraps each entry it looks at in ``contextlib.suppress(UnusableError)``, so that one bad entry does not
    hide what is wrong with the next.
    """


def one_of(names: list[str]) -> str:
    """The valid choices, as the end of a sentence."""
    return f"choose one of {', '.join(names)}" if len(names) > 1 else f"choose {names[0]}" if names else "add it first"


def shown(at: Location) -> str:
    """A place as people write it: ``portal.tiers[0].cluster.address``."""
    text = ""
    for step in at:
        text += f"[{step}]" if isinstance(step, int) else f".{step}" if text else step
    return text or "the file"
