"""The design with two domains: what crosses from the one into the other, and what happens when the way is shut.

One farm for the whole module, its lab in this process; the tests run in the order of the file.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from lab.testing import network, sql
from tests.e2e.farm import ROOT, SECRETS
from tests.e2e.lab_here import FarmHere

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]

SPF = "https://spf.hyper-v.nu:8090"
DECLARED = ("web.dmz", "hyper-v.nu", 8090)
CALLS = f"calls SPF at {SPF}"
"""The row of the verification that goes the way."""


def allow(farm: FarmHere, *flows: tuple[str, str, int]) -> None:
    """What the administrators of the network between the domains let through from now on."""
    network.permit(farm.world, flows)


@pytest.fixture(scope="module")
def farm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FarmHere]:
    farm = FarmHere(tmp_path_factory.mktemp("separate"), source=ROOT / "topologies" / "separate-domain.yaml")
    with farm.running():
        farm.make_stack()
        yield farm


def rows(farm: FarmHere, checked: str) -> dict[str, dict[str, Any]]:
    """The rows of ``operations verify`` that check this, by member."""
    report, _ = json.JSONDecoder().raw_decode(farm.operations("verify", "--json").output)  # errors come after it
    return {row["member"]: row for row in report["rows"] if row["checked"] == checked}


def test_without_the_flow_the_registration_fails_and_says_where(farm: FarmHere) -> None:
    """The topology declares the flow, but a firewall between the domains does not let it through."""
    allow(farm)
    done = farm.up()
    assert not done.ok
    errors = [line.strip() for line in done.output.splitlines() if re.match(r" *error: ", line)]
    (error,) = [line for line in errors if "Service Provider Foundation" in line]
    assert f"Portal1: Through Portal1, register Service Provider Foundation at {SPF}" in error
    assert "Unable to connect to the remote server" in error
    assert f"The portal calls {SPF} from Portal1: let that port pass all firewalls on the way" in error
    assert not any(secret in done.output for secret in SECRETS.values())
    made = {resource["urn"].rpartition("::")[2] for resource in farm.export()["deployment"]["resources"]}
    assert {"plan", "Portal2-plan-replication", "SPF1-account", "logins-after-joining"} <= made  # the rest was built
    assert "spf-registration" not in made


def test_with_the_flow_the_next_up_finishes(farm: FarmHere) -> None:
    allow(farm, DECLARED)
    done = farm.up()
    assert done.ok, done.output[-4000:]
    found = rows(farm, CALLS)
    assert {member: row["ok"] for member, row in found.items()} == {"Portal1": True, "Portal2": True}


def test_the_verification_goes_the_way(farm: FarmHere) -> None:
    allow(farm)
    found = rows(farm, CALLS)
    assert {member: row["ok"] for member, row in found.items()} == {"Portal1": False, "Portal2": False}
    assert all("Unable to connect to the remote server" in row["found"] for row in found.values())
    allow(farm, DECLARED)


def test_a_firewall_that_was_shut_on_one_server_is_seen(farm: FarmHere) -> None:
    """The controller, too, is outside of SPF2's firewall: its own row and no other says so."""
    farm.powershell("SPF2", "Disable-NetFirewallRule -DisplayName 'Service Provider Foundation (HTTPS-In)'")
    try:
        found = rows(farm, "lets SVC_SPF_REG in")
        assert not found["SPF2"]["ok"]
        assert found["SPF1"]["ok"]
    finally:
        farm.powershell("SPF2", "Enable-NetFirewallRule -DisplayName 'Service Provider Foundation (HTTPS-In)'")
    assert rows(farm, "lets SVC_SPF_REG in")["SPF2"]["ok"]


# What crosses, as the machines see it --------------------------------------------------------------------------------


def sql_error(farm: FarmHere, source: str, server: str, user: str) -> sql.SqlError:
    with pytest.raises(sql.SqlError) as caught:
        sql.connect(farm.world, source, server, windows_user=user)
    return caught.value


def test_only_spf_is_reached_from_the_portals_and_nothing_from_there(farm: FarmHere) -> None:
    assert network.fetch(farm.world, "Portal1", f"{SPF}/").status == 401
    assert network.fetch(farm.world, "Portal1", "https://spf1.hyper-v.nu:8090/").status == 401
    for source, url in (
        ("SPF1", "https://portal.web.dmz/"),
        ("SPF1", "https://portal1.web.dmz:30004/"),
        ("Portal1", "https://spf1.hyper-v.nu:5986/wsman"),
    ):
        with pytest.raises(network.WebError, match="Unable to connect to the remote server"):
            network.fetch(farm.world, source, url)
    with pytest.raises(network.LabFileError, match="network path was not found"):
        network.open_path(farm.world, "SPF1", r"\\file.web.dmz\SQLAG", r"HYPERVNU\installer")


def test_sql_server_is_not_reached_and_the_client_says_how(farm: FarmHere) -> None:
    given = sql_error(farm, "SPF1", "sql.web.dmz,1433", r"HYPERVNU\installer")
    assert given.number == 10060
    assert "the connected party did not properly respond after a period of time" in given.message
    assert sql_error(farm, "SPF1", "sql1.web.dmz", r"HYPERVNU\installer").number == 53


def test_an_account_of_the_other_domain_is_nobody_even_when_it_gets_through(farm: FarmHere) -> None:
    allow(farm, DECLARED, ("hyper-v.nu", "web.dmz", 1433))
    try:
        refused = sql_error(farm, "SPF1", "sql.web.dmz,1433", r"HYPERVNU\installer")
        assert (refused.number, "untrusted domain" in refused.message) == (18452, True)
        session = sql.connect(
            farm.world, "SPF1", "sql.web.dmz,1433", login="sa",
            password=SECRETS["sqlAdministratorPassword"],
        )  # fmt: skip
        session.close()
    finally:
        allow(farm, DECLARED)


def test_the_wrong_domains_administrator_is_refused(farm: FarmHere) -> None:
    """Credentials are per domain: those of the other one open no machine here."""
    other = farm.credentials["web.dmz"]
    done = farm.pieces()["SPF1-account"].reported(farm.settings(credentials={**farm.credentials, "SPF1": other}))
    with pytest.raises(Exception, match=r"SPF1: .*(user name|password|log on|log-on)"):
        done.provider().read("its id", dict(done.provider().check({}, dict(done.inputs)).inputs))
