"""The example of lab/README.md runs as it stands and gives what the page says: in a process of its own, in an empty
folder, where nothing but the lab can be imported."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

LAB = Path(__file__).parents[1]
PAGE = (LAB / "README.md").read_text(encoding="utf-8")
EXAMPLE, AFTER = re.findall(r"```python\n(.*?)```\n(.*?)## ", PAGE, re.DOTALL)[0]


def test_the_example(tmp_path: Path) -> None:
    lines = [line for line in EXAMPLE.splitlines() if line and not line.startswith(("import", "from"))]
    assert len(lines) <= 10
    (tmp_path / "packages").mkdir()
    (tmp_path / "packages" / "lab").symlink_to(LAB)
    (tmp_path / "here").mkdir()
    done = subprocess.run(
        [sys.executable, "-P", "-c", EXAMPLE],
        cwd=tmp_path / "here",
        env={**os.environ, "PYTHONPATH": str(tmp_path / "packages")},
        capture_output=True,
        text=True,
        check=False,
        timeout=110,
    )
    assert done.returncode == 0, done.stderr
    shown, _, version = (line.strip() for line in AFTER.strip().rpartition("\n"))
    found = done.stdout.replace("\r", "")
    assert found.startswith("\n".join(line.strip() for line in shown.splitlines() if line.strip()) + "\n"), found
    assert version.removesuffix(" …") in found
