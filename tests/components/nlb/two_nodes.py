"""The two portal servers of the single-domain design on a lab in this process."""

from __future__ import annotations

from components import settings
from lab.testing.farm import Farm
from tests.components.program import ROOT

ADDRESSES = {"Portal1": "172.21.5.151", "Portal2": "172.21.5.152"}
CLUSTER = {"tier": "admin-api", "cluster": "portal.hyper-v.nu"}


def connection(farm: Farm) -> str:
    """The settings with which a resource's adapter reaches them."""
    username, password = farm.credentials()
    return settings.connection_settings(
        {
            "topology": str(ROOT / "topologies" / "single-domain.yaml"),
            "hosts": {machine: {"address": farm.address(machine)} for machine in ADDRESSES},
            "credentials": {"hyper-v.nu": {"username": username, "password": password}},
            "authorities": str(farm.authority),
            "sqlAdministratorPassword": "unused",
        }.get
    )
