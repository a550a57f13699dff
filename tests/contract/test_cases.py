"""Every contract case against the lab: it holds, and nothing of it is left."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from operations.contract.case import Case, cases
from operations.contract.runner import Outcome, run
from tests.e2e.changes import differences
from tests.e2e.lab_here import FarmHere
from tests.e2e.lab_state import documents, files

pytestmark = pytest.mark.timeout(300)

WHERE = {"nothing": "SPF1", "SQL Server": "SQL1", "AlwaysOn": "SQL2", "IIS": "SPF2", "SPF": "SPF1"}
"""What needs a portal server is tried on a whole farm (``tests/e2e/test_verify_rows.py``)."""
HERE = [case for case in cases() if case.needs in WHERE]


@pytest.fixture(scope="module")
def farm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FarmHere]:
    farm = FarmHere(tmp_path_factory.mktemp("contract"))
    with farm.running():
        yield farm


@pytest.mark.parametrize("case", HERE, ids=lambda case: case.name)
def test_it_holds_in_the_lab_and_leaves_nothing(farm: FarmHere, case: Case) -> None:
    before, kept = documents(farm), files(farm)
    result = run(farm.remote, WHERE[case.needs], case)
    assert result.outcome is Outcome.HELD, result.came
    assert result.left == ""
    quiet = {"event", "sql-errorlog", "sql-counter", "sql-instance", "account"}
    assert [str(one) for one in differences(before, documents(farm)) if one.kind not in quiet] == []
    assert files(farm) == kept
