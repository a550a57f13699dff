"""Every design of ``topologies/``, whole: up from nothing, verified, up again without a change, and away again.

A design is here as soon as its topology file is. The single-domain one has modules of its own (test_life and others).
The tests of one design run in the order of the file, on one farm.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.e2e import by_hand
from tests.e2e.changes import differences, unexpected, unexpected_files
from tests.e2e.farm import ROOT, Farm, Result
from tests.e2e.lab_state import OURS, Documents, documents, files

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]

DESIGNS = [file for file in sorted((ROOT / "topologies").glob("*.yaml")) if file.stem != "single-domain"]


@dataclass
class Built:
    """The farm of a design, and what its lab knew before there was one."""

    farm: Farm
    before: Documents
    files_before: set[str]
    ups: list[Result]
    """One, or two with the manual steps between them."""


@pytest.fixture(scope="module", params=DESIGNS, ids=lambda file: file.stem)
def built(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Built]:
    source: Path = request.param
    farm = Farm(tmp_path_factory.mktemp(source.stem), source=source)
    with farm.running():
        before, files_before = documents(farm), files(farm)
        farm.make_stack()
        yield Built(farm, before, files_before, by_hand.up(farm))


def test_up_from_nothing(built: Built) -> None:
    assert built.ups[-1].ok, built.ups[-1].output[-4000:]
    took = " and ".join(f"{up.seconds:.0f} s" for up in built.ups)
    print(f"{built.farm.model.name}, up from nothing: {took}")


def test_a_person_is_told_what_to_click_when_all_else_is_done(built: Built) -> None:
    model = built.farm.model
    if not model.release.by_hand:
        assert len(built.ups) == 1, "nobody was asked for anything"
        return
    asked, finished = built.ups
    node, reported = model.portal.tier_of("admin-site").nodes[0], " ".join(asked.output.split())
    assert not asked.ok
    assert "Traceback" not in reported
    for click in (
        f"Log on to {node} as a member of its local group MgmtSvc Operators and open https://localhost:30091/.",
        f"click Create A New Hosting Plan, give it the name {model.portal.plan.name}, select MYSQL Servers",
        f"click Register Service Provider Foundation, enter {model.spf.url}, the user name {model.spf.account}",
        "Then run `pulumi up` again: it resumes.",
    ):
        assert click in reported
    assert finished.ok, finished.output[-4000:]
    assert re.search(r"\+ 3 created\n", finished.output), finished.output[-1500:]  # both, and the verification


def test_every_member_is_verified(built: Built) -> None:
    done = built.farm.operations("verify", "--json")
    assert done.ok, done.output
    report = json.loads(done.output)
    assert [row for row in report["rows"] if not row["ok"]] == []
    model = built.farm.model
    machines = {machine.name for machine in (*model.portal_nodes, *model.spf_servers)}
    machines |= {replica.machine for replica in model.replicas}
    fronts = {tier.front.name for tier in model.portal.tiers} | {model.spf.name, model.listener_fqdn}
    assert {row["member"] for row in report["rows"]} >= machines | fronts


def test_the_second_up_changes_nothing(built: Built) -> None:
    done = built.farm.up()
    assert done.ok, done.output[-4000:]
    assert re.search(r"\n +\d+ unchanged\n", done.output), done.output[-1500:]
    assert not re.search(r"\d+ (created|updated|deleted|replaced)", done.output), done.output[-1500:]


def test_destroy_leaves_no_object_of_the_program(built: Built) -> None:
    farm = built.farm
    done = by_hand.destroy(farm)
    assert done[-1].ok, done[-1].output[-4000:]
    if farm.model.release.by_hand:
        assert "DELETE FROM mp.ResourceProviders WHERE Name = 'systemcenter'" in " ".join(done[0].output.split())
    after = documents(farm)
    assert unexpected(differences(built.before, after), farm.model) == []
    ours = (OURS.lower(), farm.model.spf.account.lower())
    assert [key for key in after if any(name in key[2] for name in ours)] == []
    assert [document for (_, kind, _), document in after.items() if kind == "task"] == []
    assert unexpected_files(files(farm) - built.files_before, farm.model) == set()
    assert built.files_before <= files(farm)
