"""What an administrator alters by hand is shown by the next preview, property by property, and repaired by the next up.

And nothing else: the up touches exactly the altered resources, every machine is as it was before, and what is not ours
stays as it is. The verification runs again after every up that changed something.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest

from remote.errors import MachineError
from tests.e2e import runs
from tests.e2e.drifts import FOREIGN, LASTING, REFUSED, ROUNDS, Drift
from tests.e2e.far_side import Snapshot, differences, snapshot
from tests.e2e.farm import Farm
from tests.e2e.runs import VERIFICATION, Run

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]


@dataclass
class Outcome:
    """What came of one round of drifts."""

    before: Snapshot
    drifted: Snapshot
    preview: Run
    up: Run
    after: Snapshot
    again: Run


@dataclass
class Rounds:
    """The farm, and the rounds that were run on it; each is run once, when the first test asks for it."""

    farm: Farm
    done: dict[str, Outcome | Exception] = field(default_factory=dict)

    def preview(self) -> Run:
        return runs.preview(self.farm)

    def up(self) -> Run:
        return runs.up(self.farm)

    def now(self) -> Snapshot:
        return snapshot(self.farm.lab_folder)

    def outcome(self, name: str) -> Outcome:
        if name not in self.done:
            try:
                self.done[name] = self._round(name)
            except (MachineError, AssertionError) as error:
                self.done[name] = error  # a round that failed is not run again for every test of it
        done = self.done[name]
        if isinstance(done, Exception):
            raise done
        return done

    def _round(self, name: str) -> Outcome:
        before = self.now()
        for drift in ROUNDS[name]:
            if drift.by_hand:
                drift.by_hand(self.farm)
        drifted = self.now()
        preview, up = self.preview(), self.up()
        assert up.result.ok, f"{preview.result.output}\n{up.result.output}"
        return Outcome(before, drifted, preview, up, self.now(), self.preview())


@pytest.fixture(scope="module")
def rounds(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rounds]:
    farm = Farm(tmp_path_factory.mktemp("drift"))
    farm.bring_up()
    with farm.running():
        for hand in FOREIGN.values():
            hand(farm)
        yield Rounds(farm)


CASES = [pytest.param(name, drift, id=f"{name}-{drift.name}") for name, drifts in ROUNDS.items() for drift in drifts]
each_round = pytest.mark.parametrize("name", ROUNDS)


def test_what_is_not_ours_is_no_drift(rounds: Rounds) -> None:
    quiet = rounds.preview()
    assert quiet.result.ok, quiet.result.output
    assert quiet.operations == {}


@pytest.mark.parametrize(("what", "machine", "statement", "number"), REFUSED, ids=[one[0] for one in REFUSED])
def test_what_sql_server_does_not_let_drift(
    rounds: Rounds, what: str, machine: str, statement: str, number: int
) -> None:
    with pytest.raises(MachineError) as refused:
        rounds.farm.sql(machine, statement)
    assert refused.value.number == number


@pytest.mark.parametrize(("name", "drift"), CASES)
def test_preview_shows_the_property(rounds: Rounds, name: str, drift: Drift) -> None:
    preview = rounds.outcome(name).preview
    assert preview.result.ok, preview.result.output
    assert preview.operations[drift.resource] == "update"
    part = preview.parts[drift.resource]
    assert re.search(rf"^ ?{drift.line}$", part, re.MULTILINE), part


@each_round
def test_preview_shows_nothing_else(rounds: Rounds, name: str) -> None:
    preview = rounds.outcome(name).preview
    expected = {drift.resource for drift in ROUNDS[name]}
    if "plan" in expected:
        expected.add("Portal2-plan-replication")  # the plan's id is not known before the plan was changed
    assert preview.touched == expected
    assert VERIFICATION in preview.operations


@each_round
def test_up_touches_nothing_else(rounds: Rounds, name: str) -> None:
    up = rounds.outcome(name).up
    assert up.touched == {drift.resource for drift in ROUNDS[name]}
    assert VERIFICATION in up.operations, "what was changed is verified"


@each_round
def test_far_side_is_as_before(rounds: Rounds, name: str) -> None:
    outcome = rounds.outcome(name)
    assert differences(outcome.before, outcome.drifted), "the drifts are seen by this comparison"
    left = [one for one in differences(outcome.before, outcome.after) if not re.match(LASTING.get(name, "$"), one)]
    assert left == [], "\n".join(left)


@each_round
def test_no_change_afterwards(rounds: Rounds, name: str) -> None:
    again = rounds.outcome(name).again
    assert again.result.ok, again.result.output
    assert again.operations == {}


def test_primary_moved_by_hand_is_reported_and_stays(rounds: Rounds) -> None:
    farm = rounds.farm
    farm.sql("SQL2", "ALTER AVAILABILITY GROUP [SQL] FAILOVER")
    preview, up = rounds.preview(), rounds.up()
    assert (preview.result.ok, preview.operations) == (True, {}), preview.result.output
    assert '"SQL1" => "SQL2"' in preview.result.output
    assert (up.result.ok, up.operations) == (True, {}), up.result.output
    assert farm.outputs()["primary"] == "SQL2"
    farm.sql("SQL1", "ALTER AVAILABILITY GROUP [SQL] FAILOVER")
    assert rounds.up().operations == {}
    assert farm.outputs()["primary"] == "SQL1"


@pytest.mark.parametrize(
    ("machine", "commands"),
    [
        ("Portal2", ("preview", "up")),
        ("SPF2", ("up",)),
        ("SQL2", ("preview",)),  # one is enough: each resource that asks this server waits for the driver's log-on
    ],
)
def test_a_machine_that_does_not_answer_is_an_error_and_never_gone(
    rounds: Rounds, machine: str, commands: tuple[str, ...]
) -> None:
    farm = rounds.farm
    before = farm.export()["deployment"]["resources"]
    assert farm.lab("fault", "disconnect", machine).ok
    try:
        runs = [rounds.preview() if command == "preview" else rounds.up() for command in commands]
    finally:
        assert farm.lab("fault", "connect", machine).ok
    for run in runs:
        assert not run.result.ok
        assert f"{machine}: " in run.result.output
        assert "does not answer" in run.result.output
        assert run.operations == {}, "nothing is planned, and nothing is done"
    assert [one["urn"] for one in farm.export()["deployment"]["resources"]] == [one["urn"] for one in before]
    quiet = rounds.preview()
    assert (quiet.result.ok, quiet.operations) == (True, {}), quiet.result.output
