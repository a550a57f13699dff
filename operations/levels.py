"""Every check of the farm, level by level: what ``verify`` shows, and what ``maintenance`` and ``drill`` wait for."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from operations.checks import balancing, machines, portal, sign_in, spf, sql
from operations.configuration import Context
from operations.row import Check, rows

LEVELS = (machines, balancing, sql, spf, portal, sign_in)


def checks(context: Context) -> Iterator[Check]:
    for level in LEVELS:
        yield from level.checks(context)


def every(_: Check) -> bool:
    return True


def wrong(context: Context, concerns: Callable[[Check], bool] = every) -> list[str]:
    """What is not as it should be now, of the checks that concern the caller: ``SQL2: admits sa: …``."""
    found = rows(check for check in checks(context) if concerns(check))
    return [f"{row.member}: {row.checked}: {row.found}" for row in found if not row.ok]
