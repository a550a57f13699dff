"""What came of each login: the rows that `pulumi stack output loginReport` shows. Pure, and without any secret."""

from __future__ import annotations

from collections.abc import Iterable

from components.sql.login_plan import Finding
from remote.names import folded

Report = list[dict[str, str]]
_SAME = "the same"
_OPEN = {"due", "left", "refused", "unknown"}
"""Actions of a row that say how a login is, not what was done about it."""


def report(
    names: Iterable[str], findings: Iterable[Finding], done: Iterable[Finding], unreachable: Iterable[str]
) -> Report:
    """A row for each login: its name, what was done or is due, and why."""
    rows: dict[str, tuple[list[str], list[str]]] = {name: ([], []) for name in names}
    notes: dict[str, list[str]] = {}
    for finding in done:
        actions, why = rows.setdefault(finding.name, ([], []))
        actions.append(finding.action)
        why.append(finding.done)
    for finding in findings:
        actions, why = rows.setdefault(finding.name, ([], [])) if finding.steps or finding.done else ([], [])
        if finding.action in ("left", "refused"):
            actions.append(finding.action)
            why.append(finding.done if finding.action == "left" else f"on {finding.machine}: {finding.done}")
        elif finding.steps:
            actions.append("due")
            why.append(f"{finding.how} on {finding.machine}")
        if finding.note:
            notes.setdefault(finding.name, []).append(finding.note)
    unknown = [f"{machine} does not answer" for machine in unreachable]
    same = "the same on every replica that answers" if unknown else _SAME
    return [
        {
            "name": name,
            "action": ", ".join(dict.fromkeys(actions or (["unknown"] if unknown else ["none"]))),
            "why": "; ".join([*(why or [same]), *notes.get(name, []), *unknown]),
        }
        for name, (actions, why) in rows.items()
    ]


def done_before(rows: Report | None) -> Report:
    """Of earlier rows those that say what was done."""
    return [row for row in rows or [] if not _is_open(row)]


def _is_open(row: dict[str, str]) -> bool:
    return not _OPEN.isdisjoint(row["action"].split(", "))


def merged(first: Report | None, second: Report | None) -> Report:
    """The rows of two reports, each login once: what is due or left now goes before what was done, and the second
    report before the first. A login about which neither has anything to say has no row."""
    rows: dict[str, dict[str, str]] = {}
    shown = [row for row in (*(first or []), *(second or [])) if row["why"] != _SAME]
    for row in sorted(shown, key=_is_open):
        rows[row["name"]] = row
    return sorted(rows.values(), key=lambda row: folded(row["name"]))
