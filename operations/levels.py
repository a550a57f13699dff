"""Every check of the farm, level by level: what ``verify`` shows, and what ``maintenance`` and ``drill`` wait for.

Machines are reached first. What only a machine that does not answer could tell is not asked: such a machine is one row,
and the other rows of it are "not checked".
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from operations.checks import balancing, machines, portal, sign_in, spf, sql, unverified
from operations.configuration import Context
from operations.row import Check, Checks, Progress, Row, quiet, rows

LEVELS: tuple[Checks, ...] = (
    balancing.checks,
    sql.checks,
    spf.checks,
    portal.checks,
    sign_in.checks,
    unverified.checks,
)
"""After the machines themselves."""


@dataclass(frozen=True)
class Asked:
    """Questions and their answers, in the same order."""

    checks: tuple[Check, ...]
    """In the order of the levels."""
    rows: tuple[Row, ...]
    """One for each check, in the same order."""
    down: frozenset[str]
    """The machines that do not answer."""


def every(_: Check) -> bool:
    return True


def asked(context: Context, progress: Progress = quiet, concerns: Callable[[Check], bool] = every) -> Asked:
    """Ask everything there is to ask, of what concerns the caller; every machine is reached in any case."""
    reached = machines.reach(context)
    first = rows((one.check for one in reached), progress=progress)
    down = frozenset(one.machine for one in reached if one.down)
    context = replace(context, down=down)
    checks = [check for level in LEVELS for check in level(context) if concerns(check)]
    trouble = {one.machine: one.trouble for one in reached}
    answers = iter(rows((check for check in checks if check.machine not in down), trouble, progress, len(first)))
    others = [
        check.unchecked(f"{check.machine} does not answer") if check.machine in down else next(answers)
        for check in checks
    ]
    both = zip((*(one.check for one in reached), *checks), (*first, *others), strict=True)
    found = [(check, row) for check, row in both if concerns(check)]
    return Asked(tuple(check for check, _ in found), tuple(row for _, row in found), down)


def wrong(context: Context, concerns: Callable[[Check], bool] = every) -> list[str]:
    """What does not hold now, of the checks that concern the caller: ``SQL2: admits sa: …``."""
    found = asked(context, concerns=concerns).rows
    return [f"{row.member}: {row.checked}: {row.found}" for row in found if not row.ok]
