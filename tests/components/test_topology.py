"""The topology: good files load, and whatever is wrong in one is named, all of it at once, with its line.

What must be said about wrong files stands in ``topology_problems.yaml``.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from components.topology import Topology, TopologyError, load
from components.topology.checks import CHECKS
from components.topology.problem import Check, Problem
from components.topology.roles import ROLES
from tools.pages.topology import FILE, render

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
SHIPPED = ROOT / "topologies" / "single-domain.yaml"
DESIGNS = [*sorted(SHIPPED.parent.glob("*.yaml")), *sorted((HERE / "topologies").glob("*.yaml"))]
CASES: list[dict[str, Any]] = yaml.safe_load((HERE / "topology_problems.yaml").read_text(encoding="utf-8"))


def base(case: dict[str, Any]) -> str:
    name = f"{case.get('base', 'express')}.yaml"
    file = HERE / "topologies" / name
    if not file.exists():
        file = SHIPPED.with_name(name)
    return file.read_text(encoding="utf-8")


def changed(case: dict[str, Any]) -> str:
    text = base(case)
    for change in case["change"]:
        assert change["from"] in text, f"{case['case']}: the file has no {change['from']!r} (any more)"
        text = text.replace(change["from"], change["to"], 1)
    return text


def problems(text: str, tmp_path: Path) -> list[str]:
    """What ``load`` says about a text: ``line: place: sentence``; nothing when it loads."""
    file = tmp_path / "t.yaml"
    file.write_text(text, encoding="utf-8")
    try:
        load(file)
    except TopologyError as error:
        return [problem.removeprefix(f"{file}:") for problem in str(error).split("\n")]
    return []


def expected(case: dict[str, Any], text: str) -> list[str]:
    lines = [line.strip() for line in text.split("\n")]
    return [f"{lines.index(problem['at']) + 1}: {problem['says']}" for problem in case["problems"]]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["case"])
def test_everything_wrong_is_said(case: dict[str, Any], tmp_path: Path) -> None:
    text = changed(case)
    assert problems(text, tmp_path) == expected(case, text)


@pytest.mark.parametrize("file", DESIGNS, ids=lambda file: file.stem)
def test_design_loads(file: Path) -> None:
    assert load(file).name == file.stem


def test_every_check_has_a_case(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said: set[str] = set()

    def recorded(check: Check) -> Check:
        def run(topology: Topology) -> Iterator[Problem]:
            for problem in check(topology):
                said.add(f"{check.__module__}.{check.__qualname__}")
                yield problem

        return run

    monkeypatch.setattr("components.topology.reading.CHECKS", tuple(recorded(check) for check in CHECKS))
    for case in CASES:
        problems(changed(case), tmp_path)
    assert said == {f"{check.__module__}.{check.__qualname__}" for check in CHECKS}


INDEPENDENT = [
    "port 0",
    "wait",
    "primary unknown",
    "login twice",
    "operator domain",
    "long plan",
    "machine domain",
    "group twice",
]


@pytest.mark.parametrize(("one", "other"), list(itertools.combinations(INDEPENDENT, 2)))
def test_one_problem_does_not_hide_another(one: str, other: str, tmp_path: Path) -> None:
    by_name = {case["case"]: case for case in CASES}
    both = {"change": by_name[one]["change"] + by_name[other]["change"]}
    said = {line.split(": ", 1)[1] for line in problems(changed(both), tmp_path)}
    for case in (by_name[one], by_name[other]):
        assert {problem["says"] for problem in case["problems"]} <= said


def test_problems_come_in_the_order_of_the_file(tmp_path: Path) -> None:
    case = next(case for case in CASES if case["case"] == "all broken at once")
    lines = [int(line.split(":")[0]) for line in problems(changed(case), tmp_path)]
    assert len(lines) > 3
    assert lines == sorted(lines)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "1: is not a topology; start with `name: …` (docs/topology.md)."),
        ("- a", "1: is not a topology; start with `name: …` (docs/topology.md)."),
        ("a: [", "1: is not YAML: expected the node content, but found '<stream end>'; look at this line and above."),
        (
            "a:\n\t- b",
            "2: is not YAML: found character '\\t' that cannot start any token; look at this line and above.",
        ),
        ("name: &a [*a]", "1: name[0]: contains itself through an alias; write it out."),
    ],
)
def test_no_topology_at_all(text: str, said: str, tmp_path: Path) -> None:
    assert said in problems(text, tmp_path)


def test_file_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(TopologyError, match=r"gone\.yaml: cannot be read \(No such file or directory\)"):
        load(tmp_path / "gone.yaml")
    latin = tmp_path / "latin.yaml"
    latin.write_bytes("name: Überprüfung".encode("latin-1"))
    with pytest.raises(TopologyError, match=r"is not UTF-8 text \(byte 6\)"):
        load(latin)


JUNK: list[Any] = [None, True, 0, -1, 1.5, "", "x", "1.2.3.4", "\\\\a\\b", [], ["x"], [None], {}, {"name": "x"}, 10**20]


@pytest.mark.parametrize("seed", range(100))
def test_no_junk_escapes_as_another_error(seed: int, tmp_path: Path) -> None:
    """Values of any kind in any place give TopologyError (or a topology), never another exception."""
    dice = random.Random(seed)
    document = yaml.safe_load(dice.choice(DESIGNS).read_text(encoding="utf-8"))
    for _ in range(dice.randint(1, 4)):
        spoil(document, dice)
    problems(yaml.safe_dump(document, allow_unicode=True), tmp_path)


def spoil(document: Any, dice: random.Random) -> None:
    """Replace, remove or repeat something at a random place."""
    part = document
    while True:
        keys = list(part) if isinstance(part, dict) else list(range(len(part)))
        key = dice.choice(keys)
        inner = part[key]
        if isinstance(inner, dict | list) and inner and dice.random() < 0.8:
            part = inner
            continue
        if dice.random() < 0.2 and len(keys) > 1:
            del part[key]
        elif isinstance(part, list) and dice.random() < 0.3:
            part.append(inner)
        else:
            part[key] = dice.choice(JUNK)
        return


@pytest.fixture(scope="module")
def shipped() -> Topology:
    return load(SHIPPED)


def test_what_components_ask_the_shipped_topology(shipped: Topology) -> None:
    tier = shipped.portal.tiers[0]
    assert [machine.fqdn for machine in shipped.portal_nodes] == ["portal1.hyper-v.nu", "portal2.hyper-v.nu"]
    assert [machine.name for machine in shipped.spf_servers] == ["SPF1", "SPF2"]
    assert shipped.machine("SQL1").address == "172.21.5.121"
    assert shipped.fqdn("SQL1") == "sql1.hyper-v.nu"
    assert shipped.domain_of("Portal1").netbios == "HYPERVNU"
    assert shipped.preferred_primary.machine == "SQL1"
    assert [replica.machine for replica in shipped.secondaries] == ["SQL2"]
    assert shipped.listener_fqdn == "sql.hyper-v.nu"
    assert shipped.spf.url == "https://spf.hyper-v.nu:8090"
    assert tier.front.name == "portal.hyper-v.nu"
    assert shipped.certificate(tier).dns_names == ("portal.hyper-v.nu",)
    assert shipped.portal.products(tier) == ("WAP_SingleMachineInstallation",)
    assert tier.features == tuple(feature for role in ROLES.values() for feature in role.features)
    assert 443 in shipped.portal.ports(tier)
    assert 30081 not in shipped.portal.ports(tier)
    assert shipped.portal.tier_of("admin-api") is tier


def test_what_components_ask_a_distributed_topology() -> None:
    topology = load(HERE / "topologies" / "distributed.yaml")
    api, administrators, tenants = topology.portal.tiers
    assert [replica.machine for replica in topology.replicas] == ["SQL2", "SQL1", "SQL3", "SQL4", "SQL5"]
    assert [replica.automatic for replica in topology.replicas] == [True, True, False, False, False]
    assert topology.replicas[0].instance == "WAP"
    assert [role.name for role in api.ordered_roles][:3] == ["admin-api", "tenant-api", "tenant-public-api"]
    assert topology.portal.products(tenants) == ("WAP_TenantSite_Bundle", "WAP_AuthSite_Bundle")
    assert tenants.cluster is None
    assert tenants.front.address == "10.1.2.3"
    assert topology.portal.ports(tenants) == (443, 30071)
    assert topology.portal.tier_of("admin-auth") is administrators
    assert topology.spf.account == "o'brien$"
    with pytest.raises(LookupError, match="no machine SQL9"):
        topology.machine("SQL9")


def test_a_topology_does_not_change(shipped: Topology) -> None:
    with pytest.raises(ValueError, match="frozen"):
        setattr(shipped, "name", "other")  # noqa: B010 - mypy refuses the plain assignment too


def test_documentation_is_up_to_date() -> None:
    assert FILE.read_text(encoding="utf-8") == render(), "run: .venv/bin/python -m tools.pages"


BOMB = "\n".join(
    ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    + [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 30)]
)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (BOMB, "1: stands for more than 100000 values, through aliases or by itself; write out what is meant."),
        ("name: " + "[" * 60 + "]" * 60, "1: is nested more than 50 levels deep; no topology is."),
        ("name: " + "[" * 50_000 + "]" * 50_000, "1: is nested more than 50 levels deep; no topology is."),
        ("name: &a [*a, *a]", "1: name[0]: contains itself through an alias; write it out."),
    ],
    ids=["aliases of aliases", "deep", "very deep", "itself"],
)
@pytest.mark.timeout(20)
def test_a_file_that_stands_for_more_than_anybody_can_read(text: str, says: str, tmp_path: Path) -> None:
    assert says in problems(text, tmp_path)


def test_aliases_as_such_are_no_problem(tmp_path: Path) -> None:
    assert problems(SHIPPED.read_text(encoding="utf-8").replace("hyper-v.nu", "&d hyper-v.nu", 1), tmp_path) == []
