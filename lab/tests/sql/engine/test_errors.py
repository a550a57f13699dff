"""Every error number that the engine raises has its text."""

from __future__ import annotations

import re
from pathlib import Path

import lab.sql.engine
from lab.sql.engine.errors import MESSAGES

CALL = re.compile(r"\berror\(\s*(\d+)((?: if [^,()]+ else \d+)*)")


def test_every_number_has_a_text() -> None:
    used: set[int] = set()
    for file in Path(str(lab.sql.engine.__file__)).parent.rglob("*.py"):
        for match in CALL.finditer(file.read_text(encoding="utf-8")):
            used.add(int(match[1]))
            used.update(int(number) for number in re.findall(r"else (\d+)", match[2]))
    assert len(used) > 150
    assert used <= MESSAGES.keys(), sorted(used - MESSAGES.keys())
