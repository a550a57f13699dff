"""How long a mirror of many logins takes, and how often it goes over the wire.

    python -m tests.benchmarks.login_mirror [--logins 10000] [--different 100]

Two SQL Servers of the lab in this process, reached with pyodbc over TDS with TLS as the real ones are. The logins are
made with T-SQL, equal on both; of the different ones a third is missing on the secondary, a third has another password
and a third another SID. Then: one look that finds nothing to do, one repair, and the look after it.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from components.resource import Provider
from components.sql.login_mirror import LoginMirrorInputs
from components.steps import run as run_step
from remote.session import Remote
from tests.e2e.lab_here import FarmHere

NETWORK = 48
BATCH = 200
HASH = "0x0200" + "A1B2C3D4" + "{:0128X}"


@dataclass(frozen=True)
class Measured:
    what: str
    seconds: float
    round_trips: dict[str, int]
    """Requests to each replica."""
    steps: int = 0

    def __str__(self) -> str:
        trips = ", ".join(f"{machine} {count}" for machine, count in sorted(self.round_trips.items()))
        steps = f", {self.steps} steps" if self.steps else ""
        return f"{self.what}: {self.seconds:.1f} s, round trips: {trips}{steps}"


class Bench:
    """A farm with two replicas, a primary on SQL1, and a database Shop that has a user for each login."""

    def __init__(self, farm: FarmHere, logins: int) -> None:
        self.farm, self.count = farm, logins
        pieces = farm.pieces()
        for name, piece in pieces.items():
            if name in pieces["SQL-primary"].after or name == "SQL-primary":
                piece.create()
        self._piece = pieces["logins"].but(databases=["Shop"])
        self.provider: Provider[Any, Any] = self._piece.provider()
        self.inputs = LoginMirrorInputs.model_validate(self._piece.inputs)

    @property
    def remote(self) -> Remote:
        return self.provider.remote

    def fill(self) -> None:
        """The logins on both replicas, and their users in Shop."""
        self._sql("SQL1", "CREATE DATABASE Shop")
        for machine in ("SQL1", "SQL2"):
            self._in_batches(machine, "master", self._create)
        self._in_batches("SQL1", "Shop", lambda n: f"CREATE USER [bench {n}] FOR LOGIN [bench {n}];")

    def differ(self, different: int) -> None:
        """On the secondary: missing, another password, another SID, in turn."""
        for number in range(different):
            kind = number % 3
            if kind == 1:
                other = f"ALTER LOGIN [bench {number}] WITH CHECK_POLICY = OFF; "
                other += f"ALTER LOGIN [bench {number}] WITH PASSWORD = {HASH.format(self.count + number)} HASHED; "
                self._sql(
                    "SQL2", other + f"ALTER LOGIN [bench {number}] WITH CHECK_POLICY = ON, CHECK_EXPIRATION = OFF"
                )
                continue
            self._sql("SQL2", f"DROP LOGIN [bench {number}]")
            if kind == 2:
                self._sql("SQL2", self._create(number, sid=self.count + number))

    def look(self, what: str) -> Measured:
        with self._measured(what) as measure:
            facts = self.provider.observe(self.inputs, self.remote)
            plan = self.provider.plan(self.inputs, facts)
        return measure(len(plan))

    def repair(self, what: str) -> Measured:
        with self._measured(what) as measure:
            facts = self.provider.observe(self.inputs, self.remote)
            plan = self.provider.plan(self.inputs, facts)
            for step in plan:
                run_step(step, self.remote, lambda: self.provider.observe(self.inputs, self.remote), lambda _: None)
        return measure(len(plan))

    @contextmanager
    def _measured(self, what: str) -> Iterator[Callable[[int], Measured]]:
        before, started = len(self.farm.journal()), time.monotonic()
        taken: list[float] = []

        def measure(steps: int) -> Measured:
            sent = [entry["machine"] for entry in self.farm.journal()[before:] if entry["kind"] == "sql"]
            return Measured(what, taken[0], dict(Counter(sent)), steps)

        yield measure
        taken.append(time.monotonic() - started)

    @staticmethod
    def _create(number: int, sid: int | None = None) -> str:
        number_of_sid = number if sid is None else sid
        return (
            f"CREATE LOGIN [bench {number}] WITH PASSWORD = {HASH.format(number)} HASHED, "
            f"SID = 0x{number_of_sid + 1:032X}, CHECK_POLICY = ON, CHECK_EXPIRATION = OFF;"
        )

    def _in_batches(self, machine: str, database: str, statement: Callable[[int], str]) -> None:
        for first in range(0, self.count, BATCH):
            last = min(first + BATCH, self.count)
            body = " ".join(statement(number) for number in range(first, last))
            self._sql(machine, f"BEGIN TRANSACTION; {body} COMMIT TRANSACTION", database)

    def _sql(self, machine: str, statement: str, database: str = "master") -> None:
        self.farm.remote.sql_odbc(machine, database).run(statement, attempted="prepare", seconds=600)


def measure(folder: Path, logins: int, different: int, network: int = NETWORK) -> list[Measured]:
    farm = FarmHere(folder, network)
    farm.start_lab()
    try:
        bench = Bench(farm, logins)
        started = time.monotonic()
        bench.fill()
        filled = Measured("made for the benchmark", time.monotonic() - started, {})
        same = bench.look("nothing differs")
        bench.differ(different)
        return [filled, same, bench.repair(f"{different} repaired"), bench.look("nothing differs any more")]
    finally:
        farm.stop_lab()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--logins", type=int, default=10_000)
    parser.add_argument("--different", type=int, default=100)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="benchmark-") as folder:
        for line in measure(Path(folder), given.logins, given.different):
            print(line, flush=True)


if __name__ == "__main__":
    main()
