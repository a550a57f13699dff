"""Service Provider Foundation: what the portal's account has to be there."""

from __future__ import annotations

from collections.abc import Iterator

from components.topology.model import Topology
from components.topology.problem import Check, Problem
from remote.names import folded

REQUIRED = ("SPF_Admin", "SPF_Provider", "SPF_VMM")
"""The local groups of the web services that the portal calls (Microsoft, dn554315; jj642904)."""


def groups(topology: Topology) -> Iterator[Problem]:
    """Each web service of SPF admits the members of its own group; the portal tries them before it takes an address."""
    have = {folded(group) for group in topology.spf.groups}
    if missing := [group for group in REQUIRED if folded(group) not in have]:
        text = f"without {' and '.join(missing)} SPF refuses {topology.spf.account}, and the portal its registration"
        yield ("spf", "groups"), f"{text}; add {'them' if len(missing) > 1 else 'it'}."


CHECKS: tuple[Check, ...] = (groups,)
