"""The files that use the lab: what they name, the lab has to have."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
USERS = (
    *("components", "remote", "operations", "tests", "policy", "examples", "docs", "README.md"),
    *("lab/README.md", "lab/client_tests", "lab/testing"),
)
ENDINGS = {".py", ".ps1", ".sql", ".md", ".go", ".js", ".java", ".yaml"}
LISTS = {ROOT / "tests" / "test_lab_cmdlets.py", ROOT / "tests" / "test_lab_catalog.py", ROOT / "docs" / "lab.md"}
"""These only list what the lab has, as do its own documents."""


def texts(*further: str) -> Iterator[str]:
    """Each file's text, in lower case; ``further`` are folders beside those above."""
    for name in (*USERS, *further):
        place = ROOT / name
        for file in [place] if place.is_file() else place.rglob("*"):
            if file.suffix in ENDINGS and file not in LISTS and ROOT / "docs" / "lab" not in file.parents:
                yield file.read_text(encoding="utf-8").lower()
