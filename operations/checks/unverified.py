"""What stays unverified although the farm is in order: connections whose server shows no certificate that is checked.

Nothing is asked here. The rows say it where an operator looks, and docs/operations.md says it in the same words.
"""

from __future__ import annotations

from collections.abc import Iterator

from operations.configuration import Context
from operations.row import Check

LEVEL = "not verified"
OWN_INTERFACE = (
    "calls of its own interfaces",
    "a node calls itself by its own name, for which its sites have no certificate; nothing leaves the machine",
)
CONFIGURATION = (
    "the portal's connections to SQL Server",
    "Windows Azure Pack writes its own connection strings, which ask for no verified certificate",
)
BETWEEN_SITES = (
    "calls between the portal's services",
    "the services of Windows Azure Pack check each other's certificates only where their settings say so",
)
ANSWERS = (
    "whether a site answers at all",
    (
        "the failover proof, a drill, the audit, the report and the look at a load balancer send no account; the "
        "certificates are rows of their own"
    ),
)


def checks(context: Context) -> Iterator[Check]:
    portal = context.topology.portal
    for tier in portal.tiers:
        if {"admin-api", "admin-auth"} & set(tier.roles):
            yield from (_row(node, OWN_INTERFACE) for node in tier.nodes)
    for entry in (CONFIGURATION, BETWEEN_SITES, ANSWERS):
        yield _row("every portal server", entry)


def _row(member: str, entry: tuple[str, str]) -> Check:
    return Check(LEVEL, member, entry[0], lambda: entry[1])
