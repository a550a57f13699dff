"""Every design with Pulumi's mocks: one code builds them all, and nothing in it asks which design it is."""

from __future__ import annotations

from pathlib import Path

import pytest

from components.topology import load
from tests.components.program import ROOT, Program, run

OWN = sorted((Path(__file__).parent / "topologies").glob("*.yaml"))
TOPOLOGIES = [*OWN, ROOT / "topologies" / "your-own.yaml"]


@pytest.fixture(params=TOPOLOGIES, ids=lambda file: file.stem)
def file(request: pytest.FixtureRequest) -> Path:
    chosen: Path = request.param
    return chosen


@pytest.fixture
def program(file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Program:
    return run(tmp_path, monkeypatch, topology=file)


def test_every_node_has_its_software_configuration_and_operators(program: Program, file: Path) -> None:
    topology = load(file)
    for tier in topology.portal.tiers:
        for node in tier.nodes:
            assert program.one("portal:Software", f"{node}-software").inputs["features"] == list(tier.features)
            assert program.one("portal:Configuration", f"{node}-configuration").inputs["machine"] == node
            assert program.one("windows:GroupMembers", f"{node}-operators")


def test_the_first_node_of_every_role_comes_before_every_other_node(program: Program, file: Path) -> None:
    topology = load(file)
    firsts = [program.one("portal:Configuration", f"{t.nodes[0]}-configuration") for t in topology.portal.tiers]
    others = [
        program.one("portal:Configuration", f"{node}-configuration")
        for tier in topology.portal.tiers
        for node in tier.nodes[1:]
    ]
    for other in others:
        assert all(program.is_before(first, other) for first in firsts), other.name


def test_a_cluster_for_each_tier_that_has_one(program: Program, file: Path) -> None:
    topology = load(file)
    clusters = [tier.cluster.name for tier in topology.portal.tiers if tier.cluster is not None]
    assert sorted(cluster.name for cluster in program.all("nlb:Cluster")) == sorted(clusters)


def test_only_tiers_with_the_tenants_site_publish_it(program: Program, file: Path) -> None:
    topology = load(file)
    nodes = [node for tier in topology.portal.tiers if "tenant-site" in tier.roles for node in tier.nodes]
    assert sorted(binding.inputs["machine"] for binding in program.all("windows:SiteBinding")) == sorted(nodes)


def test_no_two_resources_have_one_name(program: Program) -> None:
    names = [(resource.type, resource.name) for resource in program.resources]
    assert len(names) == len(set(names))
