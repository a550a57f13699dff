"""What came of each login: the rows that `pulumi stack output loginReport` shows. Pure, and without any secret."""

from __future__ import annotations

from collections.abc import Iterable

from components.sql.login_plan import Finding

Report = list[dict[str, str]]


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
    same = "the same on every replica that answers" if unknown else "the same"
    return [
        {
            "name": name,
            "action": ", ".join(dict.fromkeys(actions or (["unknown"] if unknown else ["none"]))),
            "why": "; ".join([*(why or [same]), *notes.get(name, []), *unknown]),
        }
        for name, (actions, why) in rows.items()
    ]


def merged(first: Report | None, second: Report | None) -> Report:
    """The rows of two mirrors of one farm: for each login what the later one says, unless only the earlier one had
    something to do."""
    rows = {row["name"]: row for row in first or []}
    for row in second or []:
        if row["action"] != "none" or row["name"] not in rows:
            rows[row["name"]] = row
    return sorted(rows.values(), key=lambda row: row["name"].lower())
