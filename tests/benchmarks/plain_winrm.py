"""The whole `up` beside as many scripts through pywinrm's plain ``run_ps``, on machines as far away as real ones are.

    python -m tests.benchmarks.plain_winrm [--round-trip 0.02] [--start 0.4] [--at-a-time 1]

The lab delays every answer of WinRM by a round trip, and every start of a PowerShell. Then `up` is timed, and as many
scripts as it sent go to the same machines with ``run_ps``, which for each opens a shell, starts a PowerShell and closes
the shell. These scripts do nothing, while those of `up` do their work and `up` waits for SQL Server, restarts and the
CLI besides: the comparison is in favour of the plain way.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import winrm

from lab.testing.winrm import far_away
from tests.benchmarks.farm_size import PACE, topology
from tests.e2e.lab_here import FarmHere

NETWORK = 59
AT_A_TIME = 1
"""As an administrator's script would; the plugin has four calls on their way at a time."""
ROUND_TRIP, START = 0.02, 0.4
"""Seconds: a network between two sites, and a PowerShell 3.0 on a server that has other work to do."""


def upped(farm: FarmHere) -> tuple[float, Counter[str]]:
    """Seconds of the ``up``, and how many scripts it sent to each machine."""
    begun = len(farm.journal())
    result = farm.up()
    assert result.ok, result.output[-3000:]
    sent: Counter[str] = Counter()
    for entry in farm.journal()[begun:]:
        sent[entry["machine"]] += {"script": 1, "start": -1}.get(entry["kind"], 0)  # a start's own script is no request
    return result.seconds, sent


def plainly(farm: FarmHere, scripts: Counter[str], at_a_time: int) -> float:
    """Seconds for as many ``run_ps``."""

    def look(machine: str) -> None:
        host = farm.remote.hosts[machine]
        session = winrm.Session(
            f"https://{host.address}:{host.winrm_port}/wsman",
            auth=(host.username, host.password.reveal()),
            transport="ntlm",
            ca_trust_path=farm.remote.hosts.authorities,
        )
        answer = session.run_ps("'done'")
        assert answer.status_code == 0, answer.std_err

    started = time.monotonic()
    with ThreadPoolExecutor(at_a_time) as pool:
        list(pool.map(look, scripts.elements()))
    return time.monotonic() - started


def report(round_trip: float = ROUND_TRIP, start: float = START, at_a_time: int = AT_A_TIME) -> str:
    """Markdown: both, and their ratio."""
    with tempfile.TemporaryDirectory(prefix="plain-winrm-") as name:
        source = Path(name) / "source.yaml"
        source.write_text(topology(2), encoding="utf-8")
        farm = FarmHere(Path(name), NETWORK, source)
        with far_away(round_trip, start):
            farm.start_lab(PACE)
            try:
                farm.make_stack()
                ours, scripts = upped(farm)
                theirs = plainly(farm, scripts, at_a_time)
            finally:
                farm.stop_lab()
    lines = ["| | scripts | seconds |", "|---|---|---|", f"| `up`, everything in it | {scripts.total()} | {ours:.0f} |"]
    lines += [f"| the scripts alone through `run_ps`, {at_a_time} at a time | {scripts.total()} | {theirs:.0f} |"]
    lines += [f"| `up` takes of that | | {ours / theirs:.2f} |"]
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--round-trip", type=float, default=ROUND_TRIP)
    parser.add_argument("--start", type=float, default=START)
    parser.add_argument("--at-a-time", type=int, default=AT_A_TIME)
    given = parser.parse_args()
    print(report(given.round_trip, given.start, given.at_a_time))


if __name__ == "__main__":
    main()
