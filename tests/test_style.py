"""The words of STYLE.md: what its table has replaced everywhere does not come back."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PAGE = (ROOT / "STYLE.md").read_text(encoding="utf-8")
ENFORCED = re.findall(r"(?m)^\| (.+?) \* \|", PAGE)
OUTSIDE = ("STYLE.md", "CHANGELOG.md", "tests/test_style.py")


def occurrences(phrase: str) -> list[str]:
    """Where a phrase stands in a file of the project."""
    listed = subprocess.run(
        ["git", "grep", "-nIiwF", "-e", phrase, "--", ".", *(f":!{name}" for name in OUTSIDE)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert listed.returncode in (0, 1), listed.stderr
    return listed.stdout.splitlines()


def test_the_page_enforces_something() -> None:
    assert len(ENFORCED) >= 5


@pytest.mark.parametrize("phrase", ENFORCED)
def test_a_phrase_that_was_replaced_does_not_come_back(phrase: str) -> None:
    assert occurrences(phrase) == [], "STYLE.md says what to write instead"


def test_the_search_finds_what_is_there() -> None:
    assert occurrences("The words of STYLE") == []
    assert any("CONTRIBUTING.md" in line for line in occurrences("The quick loop"))
