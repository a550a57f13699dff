"""What an `up` and a preview without a change take beside a bare program with as many resources that do nothing.

    python -m tests.benchmarks.floor [--times 5]

The shipped design with two nodes against ``bare``: the same CLI, SDK and Python, `refresh: always` in both. The two run
in turn, so that the same load meets both; the medians are compared.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from statistics import median

from tests.benchmarks.farm_size import PACE, farm_of, run
from tests.benchmarks.processes import Cost, measure
from tests.e2e.farm import ROOT, Farm
from tools.bootstrap.project import environment

NETWORK = 57
QUIET = ("--non-interactive", "--suppress-outputs", "--suppress-progress")
COMMANDS = {
    "no-op up": ("up", "--yes", "--skip-preview", "--expect-no-changes"),
    "no-op preview": ("preview", "--expect-no-changes"),
}
BARE = Path(__file__).parent / "bare"


def pulumi(folder: Path, env: Mapping[str, str], *command: str) -> Cost:
    cost = measure(["pulumi", *command, *QUIET[:1]], folder, env)
    assert cost.code == 0, cost.output[-3000:]
    return cost


@contextmanager
def bare(resources: int) -> Iterator[tuple[Path, dict[str, str]]]:
    """The bare program with so many resources, after its first ``up``: its folder and its environment."""
    with tempfile.TemporaryDirectory(prefix="bare-") as name:
        folder = Path(name)
        (folder / "state").mkdir()
        for file in (*BARE.glob("*.py"), BARE / "Pulumi.yaml", ROOT / ".venv"):
            (folder / file.name).symlink_to(file)
        env = {**os.environ, **environment(), "PULUMI_BACKEND_URL": f"file://{folder}/state"}
        env |= {"PULUMI_CONFIG_PASSPHRASE": "bare", "NO_COLOR": "1"}
        pulumi(folder, env, "stack", "init", "bare", "--secrets-provider", "passphrase")
        pulumi(folder, env, "config", "set", "resources", str(resources), "--stack", "bare")
        pulumi(folder, env, "up", "--yes", "--skip-preview", "--stack", "bare")
        yield folder, env


def compared(times: int) -> Iterator[tuple[str, list[Cost], list[Cost]]]:
    """For each command: what it cost each time on the farm, and on the bare program."""
    with farm_of(2, PACE, NETWORK) as farm:
        run(farm, 2, "up", "up", "--yes", "--skip-preview")
        with bare(resources(farm)) as (folder, env):
            for name, command in COMMANDS.items():
                ours, theirs = [], []
                for _ in range(times):
                    ours.append(pulumi(farm.project, farm.environment, *command, "--stack", "e2e"))
                    theirs.append(pulumi(folder, env, *command, "--stack", "bare"))
                yield name, ours, theirs


def resources(farm: Farm) -> int:
    """The farm's dynamic resources: components and the stack are no work for a provider."""
    return sum("dynamic" in resource["type"] for resource in farm.export()["deployment"]["resources"])


def report(times: int) -> str:
    """Markdown: the medians and their ratio, in seconds and in CPU seconds."""
    lines = ["| command | seconds | bare | ratio | CPU | bare | ratio |", "|---|---|---|---|---|---|---|"]
    for name, ours, theirs in compared(times):
        wall, bare_wall = median(one.seconds for one in ours), median(one.seconds for one in theirs)
        cpu, bare_cpu = (median(sum(one.cpu.values()) for one in costs) for costs in (ours, theirs))
        cells = [name, f"{wall:.1f}", f"{bare_wall:.1f}", f"{wall / bare_wall:.1f} x"]
        cells += [f"{cpu:.1f}", f"{bare_cpu:.1f}", f"{cpu / bare_cpu:.1f} x"]
        lines.append(f"| {' | '.join(cells)} |")
        print(name, [one.cpu for one in ours], [one.cpu for one in theirs], flush=True)
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--times", type=int, default=5)
    print(report(parser.parse_args().times))


if __name__ == "__main__":
    main()
