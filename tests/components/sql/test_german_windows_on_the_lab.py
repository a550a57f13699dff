"""A server whose Windows is German: nothing is found by the English name of a built-in account."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from components.sql.cluster_access import ClusterAccessInputs, ClusterAccessResource
from components.sql.endpoint import MirroringEndpointInputs, MirroringEndpointResource, PartnerInputs
from components.sql.service_account import network_account
from components.steps import Sql, load_script
from lab.testing import sql, windows
from lab.testing.worlds import begin_sql, close, small_world
from operations.doctor.sql import on_the_network
from tests.components.contract import sentences
from tests.components.sql.in_process import Servers

SYSTEM = r"NT-AUTORITÄT\SYSTEM"
COMPUTER = r"HYPERVNU\SQL2$"


@pytest.fixture
def servers(tmp_path: Path) -> Iterator[Servers]:
    world = small_world(tmp_path / "lab")
    begin_sql(world)
    for machine in ("SQL1", "SQL2"):
        windows.speak_german(world, machine)
    yield Servers(world)
    close(world)


def test_the_rights_of_the_cluster(servers: Servers) -> None:
    resource, inputs = ClusterAccessResource(), ClusterAccessInputs(group="SQL", machines=("SQL1", "SQL2"))
    assert resource.plan(inputs, resource.observe(inputs, servers)) == []
    servers.by_hand("SQL2", r"DROP LOGIN [NT AUTHORITY\SYSTEM]")
    steps = resource.plan(inputs, resource.observe(inputs, servers))
    assert sentences(steps)[0] == f"On SQL2, create a login for the Windows account {SYSTEM}."
    for step in steps:
        assert isinstance(step.action, Sql)
        servers.by_hand("SQL2", load_script(step.action.path), *map(str, step.action.values))
    assert resource.plan(inputs, resource.observe(inputs, servers)) == []


def test_a_service_as_network_service(servers: Servers) -> None:
    sql.set_service_account(servers.world, "SQL2", r"NT AUTHORITY\NETWORK SERVICE")
    (row,) = servers.by_hand("SQL2", load_script("sql/read_service_account.sql"), COMPUTER)
    assert row["name"] == r"NT-AUTORITÄT\NETZWERKDIENST"
    assert network_account(servers, "SQL2", COMPUTER).name == COMPUTER
    assert on_the_network(row["account"], row["name"], COMPUTER) == COMPUTER
    resource = MirroringEndpointResource()
    partner = PartnerInputs(machine="SQL2", computer=COMPUTER)
    inputs = MirroringEndpointInputs(machine="SQL1", port=5022, partners=(partner,))
    assert sentences(resource.plan(inputs, resource.observe(inputs, servers))) == [
        f"On SQL1, create a login for the Windows account {COMPUTER}.",
        f"On SQL1, let {COMPUTER} connect to the endpoint Hadr_endpoint.",
    ]
