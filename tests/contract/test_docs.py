"""Every rule of docs/lab that is marked unproven names its contract case, or says why there is none."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from operations.contract.case import cases

DOCS = Path(__file__).parents[2] / "docs"
PAGES = [DOCS / "lab.md", *sorted((DOCS / "lab").glob("*.md"))]
CASE = re.compile(r"\bcases? ((?:`[a-z0-9-]+`(?:, | and )?)+)")
NAME = re.compile(r"`([a-z0-9-]+)`")
NONE = re.compile(r"\bno case: \w+", re.IGNORECASE)
EXPLAINS = ("Nobody has compared", "source, or unproven", "marked unproven", "marks what no source", '"Unproven" means')
"""Parts of the sentences that say what the word means."""


@dataclass(frozen=True)
class Entry:
    page: str
    text: str
    opening: str
    """The first paragraph below its heading, which may speak for all of the section."""

    @property
    def marked(self) -> bool:
        return any(pattern.search(self.text) for pattern in (CASE, NONE)) or NONE.match(self.opening) is not None

    @property
    def cases(self) -> list[str]:
        return [name for found in CASE.findall(self.text) for name in NAME.findall(found)]


def entries(page: Path) -> Iterator[Entry]:
    """Table rows, list items and paragraphs that are unproven: by their own word or by their heading."""
    for section in re.split(r"^(?=#)", page.read_text(encoding="utf-8"), flags=re.MULTILINE):
        heading, _, body = section.partition("\n")
        paragraphs = [text for text in re.split(r"\n\s*\n", body) if text.strip()]
        opening = paragraphs[0].strip() if paragraphs else ""
        for paragraph in paragraphs:
            for text in re.split(r"\n(?=\s*(?:[-*|]|\d+\.) ?)", paragraph.strip()):
                by_word, by_heading = "unproven" in text.lower(), "unproven" in heading.lower()
                ruler = set(text) <= set("|-: ") or text.startswith(("| choice", "| what"))
                if (by_word or by_heading) and not ruler and not any(said in text for said in EXPLAINS):
                    yield Entry(page.name, " ".join(text.split()), opening)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_unproven_rule_has_a_case_or_a_reason(page: Path) -> None:
    assert [entry.text for entry in entries(page) if not entry.marked] == []


def test_cases_and_pages_know_each_other() -> None:
    named = {name for page in PAGES for entry in entries(page) for name in entry.cases}
    known = {case.name for case in cases()}
    assert named - known == set(), "a page names a case that does not exist"
    everywhere = "".join(page.read_text(encoding="utf-8") for page in PAGES)
    assert [name for name in sorted(known) if f"`{name}`" not in everywhere] == []
    assert len(known) >= 25
