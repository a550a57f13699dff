"""Machines that differ from what the program expects, on the lab: renamed cards, members that are gone, taken ports."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from components import settings
from components.iis.site_binding import SiteBindingResource
from components.nlb import state
from components.nlb.cluster import ClusterResource
from components.nlb.node import NodeResource
from components.nlb.without_clients import serves_beside_others
from components.portal.software import SoftwareFacts
from components.resource import Resource, lease
from components.resource.pulumi_adapter import Adapter
from components.windows.group_members import GroupMembersResource
from lab.testing import changes, windows
from lab.testing.farm import Farm
from remote.errors import MachineError
from tests.components.program import ROOT

SHIPPED = ROOT / "topologies" / "single-domain.yaml"
MACHINE, ADDRESS = "Portal1", "172.21.5.151"


@pytest.fixture(scope="module")
def farm() -> Iterator[Farm]:
    with Farm(SHIPPED, pace=0.002) as farm:
        yield farm


@pytest.fixture(scope="module")
def connection(farm: Farm) -> str:
    username, password = farm.credentials()
    return settings.connection_settings(
        {
            "topology": str(SHIPPED),
            "hosts": {name: {"address": farm.address(name)} for name in (MACHINE, "SPF1")},
            "credentials": {"hyper-v.nu": {"username": username, "password": password}},
            "authorities": str(farm.authority),
            "sqlAdministratorPassword": "unused",
        }.get
    )


def adapter(kind: type[Resource[Any, Any]], connection: str) -> Adapter:
    return Adapter(kind, connection=connection, report=lambda _: None, left=lambda _: None)


def test_a_member_whose_account_is_gone(farm: Farm, connection: str) -> None:
    members = adapter(GroupMembersResource, connection)
    sid = windows.leave_orphan(farm.world, "SPF1", "SPF_Admin")
    ours = {"machine": "SPF1", "group": "SPF_Admin", "members": [r"HYPERVNU\installer"]}
    outs = members.create(ours).outs or {}
    found = members.read("id", outs)
    assert found.inputs is not None
    assert found.inputs["members"] == ours["members"]
    assert windows.members(farm.world, "SPF1", "SPF_Admin") == [sid, r"HYPERVNU\installer"]
    members.delete("id", outs)
    assert windows.members(farm.world, "SPF1", "SPF_Admin") == [sid]


def test_a_renamed_card(farm: Farm, connection: str) -> None:
    where = {"machine": MACHINE, "interface": "Ethernet"}
    cluster = {"tier": "admin-api", "cluster": "portal.hyper-v.nu"}
    at = {"address": "172.21.5.150", "mask": "255.255.255.0", "mode": "multicast", "others": []}
    clusters, nodes = adapter(ClusterResource, connection), adapter(NodeResource, connection)
    clusters.remote.powershell(MACHINE).run(
        "[void](Install-WindowsFeature NLB -IncludeManagementTools)", {}, attempted="prepare", changes=True
    )
    clusters.create({**cluster, **at, **where})
    node = {**cluster, **where, "first": MACHINE, "first_interface": "Ethernet", "address": ADDRESS}
    nodes.create(node)
    lease.give_back()

    windows.rename_card(farm.world, MACHINE, "Ethernet", "LAN")
    nowhere = f"{MACHINE} has no network card named Ethernet (it has LAN). Name the right card as the machine's "
    for kind, inputs in ((clusters, {**cluster, **at, **where}), (nodes, node)):
        with pytest.raises(MachineError) as refused:
            kind.create(inputs)
        assert nowhere in str(refused.value)
    # Whether clients come to it cannot be told, so no resource changes its sites or restarts it under them.
    view = state.observe(clusters.remote, MACHINE, "Ethernet", "look")
    with pytest.raises(MachineError, match=r"see whether clients come to it: .*\(it has LAN\)"):
        serves_beside_others(SoftwareFacts((), node=view))
    assert state.observe(clusters.remote, MACHINE, "LAN", "look").bound


def test_a_port_of_a_site_that_another_program_has(farm: Farm, connection: str) -> None:
    sites = adapter(SiteBindingResource, connection)
    shell = sites.remote.powershell(MACHINE)
    (thumbprint,) = shell.run(
        """[void](Install-WindowsFeature Web-Server -IncludeManagementTools)
        @(Get-ChildItem Cert:\\LocalMachine\\My | Where-Object { $_.HasPrivateKey })[0].Thumbprint""",
        {},
        attempted="prepare",
        changes=True,
    )
    changes.listener(farm.world, MACHINE, 443)
    binding = {"machine": MACHINE, "site": "Default Web Site", "port": 443, "old_port": 30081}
    with pytest.raises(MachineError) as refused:
        sites.create({**binding, "thumbprint": thumbprint})
    assert "another program has one of the site's ports" in str(refused.value)
