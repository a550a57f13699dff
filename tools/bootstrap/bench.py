"""What ``make bench`` runs: the benchmarks of tests/benchmarks, whose results it writes to docs/performance.md."""

from __future__ import annotations

from tools.bootstrap.project import PYTHON, environment
from tools.bootstrap.stage import run, stage


def bench() -> None:
    """Measure. Raises StageError where a benchmark fails."""
    with stage("Benchmarks"):
        run([PYTHON, "-m", "tests.benchmarks"], environment())
