"""What `up` and `preview` cost as a tier grows: CPU seconds by kind of process, requests, and what the state weighs.

    python -m tests.benchmarks.farm_size [--nodes 2 8 32] [--pace 0.02]

The shipped design with N nodes in its one tier, each size on a fresh lab with the real CLI: `up`, then a preview and an
`up` that find nothing to do. Everything of one size runs before the next one, in one run under whatever load there is,
so compare the rows and not the seconds.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from lab.testing.process import process_id
from tests.benchmarks.processes import cpu, measure
from tests.e2e.farm import ROOT, Farm

NETWORK = 56
SIZES = (2, 8, 32)
PACE = "0.02"
KINDS = ("CLI", "program", "plugin", "verification", "lab")
_QUIET = ("--non-interactive", "--suppress-outputs", "--suppress-progress")


@dataclass
class Row:
    """One command on a farm of one size."""

    nodes: int
    command: str
    resources: int
    edges: int
    state: int
    """Bytes of the state, as the CLI writes it at every step."""
    seconds: float
    requests: int
    """Scripts and statements that reached the lab."""
    starts: int
    """Times that a PowerShell was started."""
    cpu: dict[str, float] = field(default_factory=dict)

    @property
    def total(self) -> float:
        return sum(self.cpu.values())


def topology(nodes: int) -> str:
    """The shipped design with so many nodes in its tier."""
    declared = yaml.safe_load((ROOT / "topologies" / "single-domain.yaml").read_text(encoding="utf-8"))
    names = [f"Portal{number}" for number in range(1, nodes + 1)]
    known = {machine["name"] for machine in declared["machines"]}
    declared["machines"] += [
        {"name": name, "domain": "hyper-v.nu", "address": f"172.21.5.{150 + number}", "interface": "Ethernet"}
        for number, name in enumerate(names, 1)
        if name not in known
    ]
    declared["portal"]["tiers"][0]["nodes"] = names
    return yaml.safe_dump(declared, sort_keys=False)


@contextmanager
def farm_of(nodes: int, pace: str = PACE, network: int = NETWORK) -> Iterator[Farm]:
    """A fresh lab and an empty stack for a farm of this size."""
    with tempfile.TemporaryDirectory(prefix="farm-size-") as folder:
        source = Path(folder) / "source.yaml"
        source.write_text(topology(nodes), encoding="utf-8")
        farm = Farm(Path(folder), network, source)
        farm.start_lab(pace)
        try:
            farm.make_stack()
            yield farm
        finally:
            farm.stop_lab()


def run(farm: Farm, nodes: int, name: str, *command: str) -> Row:
    """Run one command of the CLI on a farm; raises AssertionError with its output when it fails."""
    lab = lab_process(farm)
    before, used = len(farm.journal()), cpu(lab)
    cost = measure(["pulumi", *command, "--stack", "e2e", *_QUIET], farm.project, farm.environment)
    assert cost.code == 0, cost.output[-3000:]
    sent = Counter(entry["kind"] for entry in farm.journal()[before:])
    deployment = farm.export()["deployment"]
    return Row(
        nodes,
        name,
        len(resources := deployment.get("resources", [])),
        sum(edges(resource) for resource in resources),
        len(json.dumps(deployment)),
        cost.seconds,
        sent["script"] + sent["sql"],
        sent["start"],
        {**cost.cpu, "lab": cpu(lab) - used},
    )


def edges(resource: dict[str, Any]) -> int:
    """How often a resource of the state names another one that it depends on."""
    by_property = resource.get("propertyDependencies") or {}
    return len(resource.get("dependencies") or []) + sum(len(urns or []) for urns in by_property.values())


def lab_process(farm: Farm) -> int:
    return process_id(farm.lab_folder)


def rows(sizes: Sequence[int] = SIZES, pace: str = PACE) -> Iterator[Row]:
    """``up``, a preview and an ``up`` without a change, at each size."""
    for nodes in sizes:
        with farm_of(nodes, pace) as farm:
            yield run(farm, nodes, "up", "up", "--yes", "--skip-preview")
            yield run(farm, nodes, "preview", "preview", "--expect-no-changes")
            yield run(farm, nodes, "no-op up", "up", "--yes", "--skip-preview", "--expect-no-changes")


def table(measured: Sequence[Row]) -> str:
    """Markdown: one line for each command and size, and how the largest size compares with the smallest."""
    head = ["command", "nodes", "resources", "edges", "state", "requests", "PowerShells", "seconds"]
    head += [f"CPU {kind}" for kind in KINDS] + ["CPU"]
    lines = [f"| {' | '.join(head)} |", f"|{'---|' * len(head)}"]
    for command in dict.fromkeys(row.command for row in measured):
        of = [row for row in measured if row.command == command]
        for row in of:
            cells = [command, row.nodes, row.resources, row.edges, f"{row.state / 1000:.0f} KB", row.requests]
            cells += [row.starts, f"{row.seconds:.0f}", *(f"{row.cpu.get(kind, 0):.1f}" for kind in KINDS)]
            lines.append(f"| {' | '.join(str(cell) for cell in [*cells, f'{row.total:.1f}'])} |")
        if len(of) > 1:
            lines.append(_growth(of[0], of[-1]))
    return "\n".join(lines)


def _growth(small: Row, large: Row) -> str:
    def ratio(after: float, before: float) -> str:
        return f"{after / before:.1f} x" if before else ""

    cells = [
        f"{small.nodes} to {large.nodes}",
        ratio(large.nodes, small.nodes),
        ratio(large.resources, small.resources),
        ratio(large.edges, small.edges),
        ratio(large.state, small.state),
        ratio(large.requests, small.requests),
        ratio(large.starts, small.starts),
        ratio(large.seconds, small.seconds),
        *(ratio(large.cpu.get(kind, 0), small.cpu.get(kind, 0)) for kind in KINDS),
        ratio(large.total, small.total),
    ]
    return f"| {' | '.join(cells)} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--nodes", type=int, nargs="+", default=SIZES)
    parser.add_argument("--pace", default=PACE)
    given = parser.parse_args()
    measured = []
    for row in rows(given.nodes, given.pace):
        print(row, flush=True)
        measured.append(row)
    print(table(measured))


if __name__ == "__main__":
    main()
