"""A server is switched off and called lost: its things leave the state, and the group loses it through the primary."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from components import settings
from components.resource import Resource
from components.resource.pulumi_adapter import Adapter
from components.sql.availability_group import AvailabilityGroupResource
from components.windows.local_account import LocalAccountResource
from lab.testing import power, worlds
from lab.testing.farm import Farm
from remote.errors import UnreachableError
from tests.components.program import ROOT

SHIPPED = ROOT / "topologies" / "single-domain.yaml"
SA = "Sql-Pass-8!"


@pytest.fixture(scope="module")
def farm() -> Iterator[Farm]:
    with Farm(SHIPPED, pace=0.002) as farm:
        for machine in ("SQL1", "SQL2"):
            farm.use_sql_logins(machine, SA)
        yield farm


def connection(farm: Farm, topology: Path) -> str:
    username, password = farm.credentials()
    machines = [machine.name for machine in worlds.machines(farm.world).values()]
    return settings.connection_settings(
        {
            "topology": str(topology),
            "hosts": {machine: {"address": farm.address(machine)} for machine in machines},
            "credentials": {"hyper-v.nu": {"username": username, "password": password}},
            "authorities": str(farm.authority),
            "sqlAdministratorPassword": SA,
        }.get
    )


def without(machine: str, folder: Path) -> Path:
    declared = yaml.safe_load(SHIPPED.read_text(encoding="utf-8"))
    next(one for one in declared["machines"] if one["name"] == machine)["lost"] = True
    file = folder / "topology.yaml"
    file.write_text(yaml.safe_dump(declared), encoding="utf-8")
    return file


class Known:
    """One resource in the state, before its machine is lost and after."""

    def __init__(self, kind: type[Resource[Any, Any]], inputs: dict[str, Any], before: str, after: str) -> None:
        self.said: list[str] = []
        self.before, self.after = (
            Adapter(kind, connection=text, report=lambda _: None, left=self.said.append) for text in (before, after)
        )
        self.inputs = inputs
        self.outs: dict[str, Any] = self.before.create(inputs).outs or {}


def test_a_server_of_its_own_kind(farm: Farm, tmp_path: Path) -> None:
    connections = connection(farm, SHIPPED), connection(farm, without("SPF2", tmp_path))
    inputs = {"machine": "SPF2", "account": "SVC_SPF_REG", "password": "Account-Pass-8!", "groups": ["SPF_Admin"]}
    account = Known(LocalAccountResource, inputs, *connections)
    power.stop(farm.world, "SPF2")
    with pytest.raises(UnreachableError):
        account.before.read("id", account.outs)
    assert account.after.read("id", account.outs).outs == account.outs
    account.after.delete("id", account.outs)
    (said,) = account.said
    assert said.startswith("SPF2 is lost: ")
    # Reinstalled it has no such account; as it was, this stack takes its own work up again.
    power.start(farm.world, "SPF2")
    assert (account.before.create(inputs).outs or {})["ownership"]["owner_machine"] == "SPF2"


def test_the_group_loses_it_through_the_primary(farm: Farm, tmp_path: Path) -> None:
    connections = connection(farm, SHIPPED), connection(farm, without("SQL2", tmp_path))
    replicas = [{"machine": name, "url": f"TCP://{name.lower()}.hyper-v.nu:5022"} for name in ("SQL1", "SQL2")]
    group = Known(AvailabilityGroupResource, {"group": "SQL", "replicas": replicas, "adopt": True}, *connections)
    assert group.outs["ownership"]["adopted"]
    power.stop(farm.world, "SQL2")
    assert group.after.read("id", group.outs).outs == group.outs
    news = {**group.inputs, "replicas": replicas[:1], "lost": ["SQL2"]}
    outs = group.after.update("id", group.outs, news).outs or {}
    found = group.after.read("id", outs)
    assert found.inputs is not None
    assert (outs["primary"], found.inputs["replicas"]) == ("SQL1", outs["replicas"])
    primary = group.after.remote.sql("SQL1")
    rows = primary.rows("SELECT replica_server_name AS name FROM sys.availability_replicas", attempted="look")
    assert [row["name"] for row in rows] == ["SQL1"]
