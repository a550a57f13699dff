"""Previews one after the other: what they leave behind on the machines and on this computer.

    python -m tests.benchmarks.leftovers [--times 50]

Counted after the first preview and after the last one: shells that the lab's machines still keep, processes below this
one, file descriptors and memory of the lab, and the files of the project and the backend. The lab writes a journal of
everything that reaches it, for the tests; that file grows by design and is not counted.
"""

from __future__ import annotations

import argparse
import os
from dataclasses import dataclass
from pathlib import Path

from lab.testing.process import status
from tests.benchmarks.farm_size import PACE, farm_of, lab_process, run
from tests.benchmarks.processes import descendants
from tests.e2e.farm import Farm

NETWORK = 58


@dataclass(frozen=True)
class Left:
    """What there is at one moment."""

    shells: int
    processes: int
    descriptors: int
    lab_megabytes: float
    files: int
    kilobytes: float


def left(farm: Farm) -> Left:
    lab = lab_process(farm)
    files = [file for folder in (farm.project, farm.folder / "state") for file in _own_files(folder)]
    return Left(
        shells=sum(machine["shells"] for machine in status(farm.lab_folder)["machines"]),
        processes=len(descendants(os.getpid())),
        descriptors=len(list(Path(f"/proc/{lab}/fd").iterdir())),
        lab_megabytes=_resident(lab),
        files=len(files),
        kilobytes=sum(file.stat().st_size for file in files) / 1000,
    )


def _own_files(folder: Path) -> list[Path]:
    return [file for file in folder.rglob("*") if file.is_file() and not file.is_symlink()]


def _resident(pid: int) -> float:
    status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    return int(status.partition("VmRSS:")[2].split()[0]) / 1000


def measured(times: int) -> tuple[Left, Left]:
    """After the first preview, and after so many more."""
    with farm_of(2, PACE, NETWORK) as farm:
        run(farm, 2, "up", "up", "--yes", "--skip-preview")
        run(farm, 2, "preview", "preview", "--expect-no-changes")
        before = left(farm)
        for _ in range(times):
            run(farm, 2, "preview", "preview", "--expect-no-changes")
        return before, left(farm)


def report(times: int) -> str:
    """Markdown: both moments, side by side."""
    first, last = measured(times)
    lines = [f"| | after 1 preview | after {times} more |", "|---|---|---|"]
    for name in Left.__dataclass_fields__:
        lines.append(f"| {name.replace('_', ' ')} | {getattr(first, name):g} | {getattr(last, name):g} |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--times", type=int, default=50)
    print(report(parser.parse_args().times))


if __name__ == "__main__":
    main()
