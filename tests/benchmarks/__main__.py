"""Runs the benchmarks one after the other, prints what they measure, and writes it to docs/performance.md.

    python -m tests.benchmarks [name …]        # all of them without a name; the others' parts of the page stay

Every figure is of one run on one machine under whatever load there was: ratios can be compared, seconds hardly.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from tests.benchmarks import farm_size, floor, leftovers, login_mirror, plain_winrm

PAGE = Path(__file__).parents[2] / "docs" / "performance.md"


def growth() -> str:
    return farm_size.table(list(farm_size.rows()))


def logins() -> str:
    with tempfile.TemporaryDirectory(prefix="benchmark-") as folder:
        return "\n".join(f"- {line}" for line in login_mirror.measure(Path(folder), 10_000, 100))


BENCHMARKS: dict[str, Callable[[], str]] = {
    "farm_size": growth,
    "floor": lambda: floor.report(5),
    "plain_winrm": plain_winrm.report,
    "leftovers": lambda: leftovers.report(50),
    "login_mirror": logins,
}


def write(name: str, text: str) -> None:
    """Put a benchmark's result between its marks on the page."""
    page = PAGE.read_text(encoding="utf-8")
    begin, end = f"<!-- measured: {name} -->", f"<!-- end of {name} -->"
    assert begin in page, f"{PAGE.name} has no place for {name}"
    when = f"{datetime.now(UTC):%Y-%m-%d}, {os.cpu_count()} cores, load {os.getloadavg()[1]:.0f}"
    result = f"{begin}\n\n{text}\n\n*{when}*\n\n{end}"
    PAGE.write_text(
        re.sub(re.escape(begin) + ".*?" + re.escape(end), lambda _: result, page, flags=re.S), encoding="utf-8"
    )


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", choices=[*BENCHMARKS, []], metavar="name")
    names = parser.parse_args().names or list(BENCHMARKS)
    if len(names) > 1:
        # Each in a process of its own: the ODBC driver reads its authorities once in a process.
        return max(
            subprocess.run([sys.executable, "-m", "tests.benchmarks", name], check=False).returncode for name in names
        )
    (name,) = names
    print(f"== {name}", flush=True)
    text = BENCHMARKS[name]()
    print(text, flush=True)
    write(name, text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
