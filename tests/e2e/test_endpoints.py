"""After the tenants' site moved, nothing leads to the first machine's name, and the farm does without that machine.

The lab in this process, the program's resources one by one; the tests run in the order of the file. First everything
but the endpoints, as the counter-proof: the same questions lead to Portal1 then, and find nobody when it is stopped.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest

from components import settings
from components.portal.federation import FederationResource
from components.portal.provider_endpoints import ProviderEndpointsResource
from components.portal.public_endpoint_name import PublicEndpointNameResource
from lab.testing import network, power
from operations.checks import sign_in
from operations.configuration import context
from operations.row import Row
from remote.errors import MachineError
from tests.e2e.farm import SECRETS
from tests.e2e.lab_here import FarmHere, Piece

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]

KINDS = (PublicEndpointNameResource, FederationResource, ProviderEndpointsResource)


@dataclass
class Built:
    """The farm; ``endpoints`` are made only when a test says so."""

    farm: FarmHere
    endpoints: list[Piece]
    outs: dict[str, dict[str, Any]] = field(default_factory=dict)

    def sign_in(self) -> list[Row]:
        """What ``operations verify`` says of signing in."""
        values = {
            **json.loads(self.farm.settings()),
            **{key: SECRETS[key] for key in ("passphrase", "spfAccountPassword")},
        }
        return [check.row() for check in sign_in.checks(context(values))]

    def hosting_servers(self) -> list[Any]:
        """What the first administrator's cmdlet that needs a resource provider gives through Portal2."""
        script = """
$credential = New-Object System.Management.Automation.PSCredential $User, (ConvertTo-SecureString $Password -AsPlainText -Force)
$how = @{ AdminUri = 'https://localhost:30004'; DisableCertificateValidation = $true }
$how.Token = Get-MgmtSvcToken -Type Windows -AuthenticationSite 'https://localhost:30072' -ClientRealm 'http://azureservices/AdminSite' -User $credential -DisableCertificateValidation
Get-MgmtSvcMySqlHostingServer @how
'done'
"""  # noqa: E501
        return self.farm.powershell("Portal2", script, User=r"HYPERVNU\installer", Password=SECRETS["installer"])

    def administrator(self) -> str:
        """What an administrator sees who signs in with a browser on the file server."""
        site = "https://portal.hyper-v.nu:30091/"
        return network.sign_in(self.farm.world, "FILE", r"HYPERVNU\installer", site)

    @contextmanager
    def without(self, name: str) -> Iterator[None]:
        """While a machine is stopped, and the others have noticed."""
        world = self.farm.world
        power.stop(world, name)
        try:
            until(lambda: name not in network.serving(world, "portal.hyper-v.nu"))
            yield
        finally:
            power.start(world, name)
            until(lambda: name in network.serving(world, "portal.hyper-v.nu"))
            for remote in (self.farm.remote, settings.remote(self.farm.settings())):
                remote.forget(name)  # its shells ended with it


def until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Built]:
    farm = FarmHere(tmp_path_factory.mktemp("endpoints"))
    with farm.running():
        outs: dict[str, dict[str, Any]] = {}
        endpoints = []
        for name, piece in farm.pieces().items():
            if piece.kind in KINDS:
                endpoints.append(piece)
                continue
            known = {"plan_id": outs["plan"]["plan_id"]} if "plan_id" in piece.inputs else {}
            outs[name] = piece.but(**known).create()
        yield Built(farm, endpoints)


def test_before_everything_leads_to_the_first_machine(built: Built) -> None:
    for row in built.sign_in():
        assert not row.ok
        assert re.fullmatch(
            r"it sends a visitor to https://portal1\.hyper-v\.nu:3007[12]/wsfederation/issue, "
            r"which is the name of Portal1",
            row.found,
        )
    assert "Ready" in built.administrator()
    assert built.hosting_servers() == ["done"]


def test_before_nothing_works_without_the_first_machine(built: Built) -> None:
    with built.without("Portal1"):
        assert not any(row.ok for row in built.sign_in())
        with pytest.raises(network.WebError, match="Unable to connect"):
            built.administrator()
        with pytest.raises(MachineError, match="Unable to connect to the remote server"):
            built.hosting_servers()


def test_every_endpoint_is_given_its_load_balanced_name(built: Built) -> None:
    assert len(built.endpoints) == 14
    for piece in built.endpoints:
        built.outs[piece.name] = piece.create()
        assert piece.drift(built.outs[piece.name]) == {}
    rows = {row.checked: row for row in built.sign_in()}
    assert {(name, row.ok, row.found) for name, row in rows.items()} == {
        (
            "MgmtSvc-AdminSite leads to no machine's own name",
            True,
            "https://portal.hyper-v.nu:30072/wsfederation/issue answers HTTP 401",
        ),
        (
            "MgmtSvc-TenantSite leads to no machine's own name",
            True,
            "https://portal.hyper-v.nu:30071/wsfederation/issue answers HTTP 200",
        ),
    }


@pytest.mark.parametrize("name", ["Portal1", "Portal2"])
def test_the_farm_does_without_either_machine(built: Built, name: str) -> None:
    with built.without(name):
        assert [row.found for row in built.sign_in() if not row.ok] == []
        assert "Ready" in built.administrator()
        if name != "Portal2":
            assert built.hosting_servers() == ["done"]


def test_no_password_reaches_a_text(built: Built) -> None:
    lines = (built.farm.lab_folder / "journal.jsonl").read_text(encoding="utf-8")
    assert "Set-MgmtSvcFqdn" in lines
    for secret in SECRETS.values():
        assert secret not in lines


def test_delete_sets_back_what_can_be_set_back(built: Built) -> None:
    for piece in reversed(built.endpoints):
        piece.delete(built.outs[piece.name])
    names = built.farm.sql(
        "SQL1",
        "SELECT [Namespace], [Value] FROM [Config].[Settings] WHERE [Name] = N'Fqdn'",
        database="Microsoft.MgmtSvc.PortalConfigStore",
    )
    hosts = {row["Namespace"]: json.loads(row["Value"])["Host"] for row in names}
    sites = ("AdminSite", "TenantSite", "AuthSite", "WindowsAuthSite")
    assert {site: hosts[site] for site in sites} == dict.fromkeys(sites, "portal1.hyper-v.nu")
    apis = ("AdminAPI", "TenantAPI", "TenantPublicAPI")  # there was no name before: it stays
    assert {api: hosts[api] for api in apis} == dict.fromkeys(apis, "portal.hyper-v.nu")
    providers = built.farm.sql(
        "SQL1", "SELECT [Configuration] FROM [mp].[ResourceProviders]", database="Microsoft.MgmtSvc.Store"
    )
    addresses = [
        value["ForwardingAddress"]
        for row in providers
        for key, value in json.loads(row["Configuration"]).items()
        if key.endswith("Endpoint") and value
    ]
    assert len([one for one in addresses if one.startswith("https://portal1.hyper-v.nu:")]) == 10
    assert not any("portal.hyper-v.nu" in one for one in addresses)
    assert all(row.ok for row in built.sign_in()), "the trust stays under the names that work"
