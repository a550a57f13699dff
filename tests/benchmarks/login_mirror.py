"""How long a mirror of many logins takes, and how often it goes over the wire.

    python -m tests.benchmarks.login_mirror [--logins 10000] [--different 100]

Two SQL Servers of the lab in this process, reached with pyodbc over TDS with TLS as the real ones are. One login and
its user are made with T-SQL; the others are copies of what the lab wrote down for these, with a name, SID and hash of
their own. Of the different ones a third is missing on the secondary, a third has another password and a third another
SID. Then: one look that finds nothing to do, the program's own part in it (the same answers once more, from memory),
one repair, and the look after it.
"""

from __future__ import annotations

import argparse
import gc
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from components.sql.login_mirror import LoginMirrorInputs
from components.step_runner import StepRunner
from lab.testing import sql
from remote.session import Remote
from remote.sql import Row, Value
from tests.e2e.lab_here import FarmHere

NETWORK = 48
HASH = "0x0200" + "A1B2C3D4" + "{:0128X}"


@dataclass(frozen=True)
class Measured:
    what: str
    timeout_seconds: float
    round_trips: dict[str, int]
    """Requests to each replica."""
    steps: int = 0
    processor: float = 0
    """Seconds of processor time, of the program and the lab together."""

    def __str__(self) -> str:
        trips = ", ".join(f"{machine} {count}" for machine, count in sorted(self.round_trips.items()))
        steps = f", {self.steps} steps" if self.steps else ""
        how_long = f"{self.timeout_seconds:.1f} s, {self.processor:.1f} s of them computing"
        return f"{self.what}: {how_long}, round trips: {trips or 'none'}{steps}"


class Bench:
    """A farm with two replicas, a primary on SQL1, and a database Shop that has a user for each login."""

    def __init__(self, farm: FarmHere, logins: int) -> None:
        self.farm, self.count = farm, logins
        pieces = farm.pieces()
        for name, piece in pieces.items():
            if name in pieces["SQL-primary"].after or name == "SQL-primary":
                piece.create()
        self._piece = pieces["logins"].but(databases=["Shop"])
        self.provider = self._piece.provider()
        self.resource = self.provider.resource
        self.inputs = LoginMirrorInputs.model_validate(self._piece.inputs)

    @property
    def remote(self) -> Remote:
        return self.provider.remote

    def fill(self) -> None:
        """The logins on both replicas, and their users in Shop."""
        self._sql("SQL1", "CREATE DATABASE Shop")
        self._sql("SQL1", f"{self._create(0)} USE Shop; CREATE USER [bench 0] FOR LOGIN [bench 0]")
        self._sql("SQL2", self._create(0))
        numbers = {f"bench {number}": number for number in range(1, self.count)}
        sids = {name: f"{number + 1:032x}" for name, number in numbers.items()}
        logins = {name: (sids[name], HASH.format(number)[2:].lower()) for name, number in numbers.items()}
        for machine in ("SQL1", "SQL2"):
            sql.copy_login(self.farm.world, machine, "bench 0", logins)
        sql.copy_user(self.farm.world, "SQL1", "Shop", "bench 0", sids)
        gc.freeze()  # or Python looks through all of these again and again, in the program's time and the lab's

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
        with self.measured(what) as measure:
            facts = self.resource.observe(self.inputs, self.remote)
            plan = self.resource.plan(self.inputs, facts)
        return measure(len(plan))

    def own(self, what: str) -> Measured:
        """What the program alone needs for a look: nothing is sent, the answers of another look are there already."""
        recorded = Recorded(self.remote)
        self.resource.observe(self.inputs, recorded)
        recorded.replaying = True
        with self.measured(what) as measure:
            facts = self.resource.observe(self.inputs, recorded)
            plan = self.resource.plan(self.inputs, facts)
        return measure(len(plan))

    def repair(self, what: str) -> Measured:
        with self.measured(what) as measure:
            facts = self.resource.observe(self.inputs, self.remote)
            plan = self.resource.plan(self.inputs, facts)
            observe = partial(self.resource.observe, self.inputs, self.remote)
            StepRunner(self.remote, lambda _: None).run_all(plan, observe)
        return measure(len(plan))

    @contextmanager
    def measured(self, what: str) -> Iterator[Callable[[int], Measured]]:
        before, started, began = len(self.farm.journal()), time.monotonic(), time.process_time()
        taken: list[float] = []

        def measure(steps: int) -> Measured:
            sent = [entry["machine"] for entry in self.farm.journal()[before:] if entry["kind"] == "sql"]
            return Measured(what, taken[0], dict(Counter(sent)), steps, taken[1])

        yield measure
        taken.extend((time.monotonic() - started, time.process_time() - began))

    @staticmethod
    def _create(number: int, sid: int | None = None) -> str:
        number_of_sid = number if sid is None else sid
        return (
            f"CREATE LOGIN [bench {number}] WITH PASSWORD = {HASH.format(number)} HASHED, "
            f"SID = 0x{number_of_sid + 1:032X}, CHECK_POLICY = ON, CHECK_EXPIRATION = OFF;"
        )

    def _sql(self, machine: str, statement: str, database: str = "master") -> None:
        self.farm.remote.sql_odbc(machine, database).run(statement, attempted="prepare", timeout_seconds=600)


class Recorded(Remote):
    """The connections of another remote; what they answered comes again from memory while ``replaying``."""

    def __init__(self, remote: Remote) -> None:
        super().__init__(remote.hosts)
        self._remote, self.replaying = remote, False
        self._answers: dict[tuple[Any, ...], list[Row]] = {}

    def sql(self, machine: str, database: str = "master") -> Any:
        return _Server(self, machine, database)

    def rows(self, machine: str, database: str, statement: str, values: tuple[Value, ...], attempted: str) -> list[Row]:
        asked = (machine, database, statement, values)
        if not self.replaying:
            self._answers[asked] = self._remote.sql(machine, database).rows(statement, *values, attempted=attempted)
        return self._answers[asked]


@dataclass(frozen=True)
class _Server:
    recorded: Recorded
    machine: str
    database: str

    def rows(self, statement: str, *values: Value, attempted: str) -> list[Row]:
        return self.recorded.rows(self.machine, self.database, statement, values, attempted)


def measure(folder: Path, logins: int, different: int, network: int = NETWORK) -> list[Measured]:
    farm = FarmHere(folder, network)
    farm.start_lab()
    try:
        bench = Bench(farm, logins)
        with bench.measured("made for the benchmark") as filled:
            bench.fill()
        same = bench.look("nothing differs")
        own = bench.own("of that the program's own time")
        bench.differ(different)
        return [filled(0), same, own, bench.repair(f"{different} repaired"), bench.look("nothing differs any more")]
    finally:
        gc.unfreeze()
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
