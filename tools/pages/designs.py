"""The designs: where their pictures lie, and the README's table of them."""

from __future__ import annotations

import itertools
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FOLDER, README = ROOT / "docs" / "designs", ROOT / "README.md"
BEGIN, END = "<!-- made by: python -m tools.pages -->", "<!-- end of the designs -->"


def table() -> str:
    """The README's table of designs; what each is for is the first sentence of its topology file."""
    rows = "".join(
        f"| [`{file.stem}`](topologies/{file.name}) | {purpose(file)} | [picture](docs/designs/{file.stem}.svg) |"
        f" `make up DESIGN={file.stem}` |\n"
        for file in designs()
    )
    return f"\n| design | what it is | | try it |\n|---|---|---|---|\n{rows}"


def designs() -> list[Path]:
    """The topologies of the project, the default one first."""
    return sorted((ROOT / "topologies").glob("*.yaml"), key=lambda file: (file.stem != "single-domain", file.stem))


def purpose(file: Path) -> str:
    lines = itertools.takewhile(lambda line: line.startswith("#"), file.read_text(encoding="utf-8").splitlines())
    said = " ".join(line.lstrip("# ") for line in lines)
    return said.partition(". ")[0].rstrip(".") + "."


def in_readme(readme: str) -> str:
    """The README with the table of designs between its two marks."""
    before, _, rest = readme.partition(BEGIN)
    _, end, after = rest.partition(END)
    assert end, f"README.md has no {BEGIN} and {END}"
    return f"{before}{BEGIN}\n{table()}\n{END}{after}"


def picture_of(file: Path) -> Path:
    """Where the picture of a topology lies."""
    return FOLDER / f"{file.stem}.svg"
