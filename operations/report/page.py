"""The whole page: the verdict in one sentence, what it rests on, and the sections."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from components.sql.log_backups import words
from operations.report import sections
from operations.report.content import Content
from operations.report.html import COLORS, SYMBOLS, Child, Html, tag, together
from operations.row import Status

STYLE = Path(__file__).with_name("style.css")
POLICY = "default-src 'none'; style-src 'unsafe-inline'"
"""No script runs and nothing is loaded, whatever a machine said."""

Section = Callable[[Content], Iterator[Child]]
SECTIONS: tuple[tuple[str, str, Section], ...] = (
    ("machines", "Machines", sections.machines),
    ("verification", "Verification", sections.verification),
    ("audit", "Audit", sections.audited),
    ("databases", "Databases", sections.databases),
    ("logins", "Logins", sections.logins),
    ("certificates", "Certificates", sections.certificates),
    ("drills", "Drills", sections.drills),
    ("history", "History", sections.history),
)


def written(content: Content) -> str:
    """The page as text."""
    title = f"{content.topology.name}: report of {content.at:{sections.TIME}} UTC"
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", http_equiv="Content-Security-Policy", content=POLICY),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name="color-scheme", content="light dark"),
        tag("title", title),
        tag("style", Html(STYLE.read_text(encoding="utf-8"))),
    )
    body = tag("body", _header(content), _contents(), tag("main", *_sections(content)), _footer())
    return f"<!DOCTYPE html>\n{tag('html', head, body, lang='en').markup}\n"


def _header(content: Content) -> Html:
    status = _status(content)
    sentence = tag("p", tag("span", SYMBOLS[status], aria_hidden="true"), f" {content.verdict()}", class_="sentence")
    works = ", ".join(content.verification.working) or "no name that clients use"
    verdict = tag("div", sentence, tag("p", f"Clients can use: {works}."), class_=f"verdict {COLORS[status]}")
    when = f"Stack {content.stack}, looked at {content.at:{sections.TIME}} UTC."
    return tag("header", tag("h1", content.topology.name), tag("p", when, class_="soft"), verdict, _tiles(content))


def _status(content: Content) -> Status:
    if content.wrong:
        return Status.WRONG
    if content.unchecked or (content.unknown and not content.risks):
        return Status.UNCHECKED
    return Status.WARNING if content.risks else Status.OK


def _tiles(content: Content) -> Html:
    rows = content.verification.rows
    warnings = sum(row.status is Status.WARNING for row in rows)
    tiles: list[tuple[str, str, str]] = [
        (
            "Verification",
            f"{len(rows) - len(content.verification.failed)} of {len(rows)} hold",
            f"{warnings} with a warning" if warnings else "no warning",
        ),
        ("Audit", _count(len(content.risks), "risk"), f"{len(content.findings)} rows"),
        ("Logins", f"{len(content.logins.names)} mirrored", _differ(len(content.logins.differing))),
        ("Oldest log backup", *_oldest_log(content)),
        ("First certificate to end", *_first_end(content)),
        ("Last drill", *_last_drill(content)),
    ]
    return tag(
        "dl",
        *(tag("div", tag("dt", name), tag("dd", said), tag("dd", more)) for name, said, more in tiles),
        class_="tiles",
    )


def _count(number: int, what: str) -> str:
    return f"{number or 'no'} {what if number == 1 else what + 's'}"


def _differ(number: int) -> str:
    return f"{number or 'none'} {'differs' if number < 2 else 'differ'}"


def _oldest_log(content: Content) -> tuple[str, str]:
    if not content.databases:
        return "unknown", "no database was read"
    without = [one.name for one in content.databases if one.log_age is None]
    if without:
        return "none", f"for {_count(len(without), 'database')}"
    oldest = max(content.databases, key=lambda one: one.log_age or content.at - content.at)
    return f"{words(oldest.log_age or content.at - content.at)} ago", oldest.name


def _first_end(content: Content) -> tuple[str, str]:
    if not content.certificates:
        return "unknown", "no certificate was read"
    first = min(content.certificates, key=lambda one: one.ends)
    days = (first.ends - content.at).days
    when = f"in {_count(days, 'day')}" if days > 0 else "today" if days == 0 else "expired"
    return when, f"{first.ends:%Y-%m-%d}, {first.names[0]}"


def _last_drill(content: Content) -> tuple[str, str]:
    if not content.drills:
        return "none", "no drill is kept here"
    last = content.drills[0]
    verdict = "within the budget" if last.ok else "not finished" if last.error or last.off else "beyond the budget"
    return last.began[:10], verdict


def _contents() -> Html:
    links = (tag("li", tag("a", title, href=f"#{name}")) for name, title, _ in SECTIONS)
    return tag("nav", tag("ul", *links), aria_label="Sections")


def _sections(content: Content) -> Iterator[Html]:
    for name, title, section in SECTIONS:
        troubles = [tag("p", f"Not looked at: {why}", class_="trouble") for why in content.troubles.get(name, ())]
        yield tag(
            "section",
            tag("h2", title, id=f"heading-{name}"),
            *troubles,
            together(section(content)),
            id=name,
            aria_labelledby=f"heading-{name}",
        )


def _footer() -> Html:
    return tag(
        "footer",
        tag(
            "p",
            "Written by `python -m operations report`. Nothing was changed on any machine. "
            "docs/operations.md describes the sections.",
        ),
    )
