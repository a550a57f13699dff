"""HTTP.sys of the lab: what a client on the network gets from a machine's sites."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest
import requests
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, pkcs12

from lab.faults import Fault
from lab.testing import faults
from lab.tests.windows.iis_world import certificate, site, world
from lab.windows import certificates, iis
from lab.world import Machine, Request, Response, World

__all__ = ["world"]

PORT = 30081


@pytest.fixture
def portal(world: World) -> Machine:
    machine = world.machine("Portal1")
    thumbprint = certificate(world, machine, "portal.hyper-v.nu")
    machine.collection("sslbinding")[f"0.0.0.0:{PORT}"] = {"thumbprint": thumbprint, "store": "My"}
    site(machine, "MgmtSvc-TenantSite", PORT)

    def answer(of: Machine, request: Request) -> Response:
        text = f"{of.name} {request.method} {request.path} {request.query} {request.body.decode()}"
        return Response(200, {"Content-Type": "text/plain"}, text.encode())

    world.site_handlers["mgmtsvc-tenantsite"] = answer
    iis.refresh(world, machine)
    return machine


def get(
    world: World, machine: Machine, port: int = PORT, name: str = "portal.hyper-v.nu", path: str = "/"
) -> requests.Response:
    """An HTTPS request to the machine's address with the certificate checked for a name."""
    from requests.adapters import HTTPAdapter

    class Named(HTTPAdapter):
        def init_poolmanager(self, *arguments: object, **options: object) -> None:
            super().init_poolmanager(*arguments, server_hostname=name, assert_hostname=name, **options)  # type: ignore[arg-type]

    ca = world.directory / "authority" / "ca.pem"
    with requests.Session() as client:
        client.mount("https://", Named())
        return client.get(f"https://{machine.loopback}:{port}{path}", headers={"Host": name}, verify=str(ca), timeout=5)


def refused(machine: Machine, port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(2)
        return probe.connect_ex((machine.loopback, port)) != 0


def test_a_started_site_answers_with_the_bound_certificate(world: World, portal: Machine) -> None:
    answer = get(world, portal, path="/login?next=1")
    assert (answer.status_code, answer.text) == (200, "Portal1 GET /login {'next': '1'} ")
    assert answer.headers["Server"] == "Microsoft-IIS/8.0"


def test_a_client_follows_the_path_that_the_machine_has(world: World, portal: Machine) -> None:
    """A certificate of the issuing authority is good only where that one's certificate is sent along (store CA)."""
    issued = pkcs12.load_pkcs12(world.authority.pfx(["portal.hyper-v.nu"], "x"), b"x")
    assert issued.cert is not None
    assert isinstance(issued.key, rsa.RSAPrivateKey)
    key = issued.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    held = certificates.Held(issued.cert.certificate, key)
    certificates.add(portal, "My", held)
    portal.collection("sslbinding")[f"0.0.0.0:{PORT}"] = {"thumbprint": held.thumbprint, "store": "My"}
    with pytest.raises(requests.exceptions.SSLError, match="unable to get local issuer certificate"):
        get(world, portal)
    issuing = x509.load_pem_x509_certificate(world.authority.issuing.encode())
    certificates.add(portal, "My", certificates.Held(issuing))
    with pytest.raises(requests.exceptions.SSLError, match="unable to get local issuer certificate"):
        get(world, portal)  # in the wrong store
    certificates.add(portal, "CA", certificates.Held(issuing))
    assert get(world, portal).status_code == 200


def test_the_request_is_in_the_journal(world: World, portal: Machine) -> None:
    get(world, portal, path="/ping")
    assert f"GET /ping on port {PORT}" in (world.directory / "journal.jsonl").read_text()


def test_a_site_without_handler_gives_404(world: World, portal: Machine) -> None:
    world.site_handlers.clear()
    assert get(world, portal).status_code == 404


def test_a_stopped_site_is_not_listened_for(world: World, portal: Machine) -> None:
    assert not refused(portal, PORT)
    iis.stop_site(portal, "MgmtSvc-TenantSite")
    assert refused(portal, PORT)


def test_without_a_certificate_the_handshake_fails(world: World, portal: Machine) -> None:
    del portal.collection("sslbinding")[f"0.0.0.0:{PORT}"]
    with pytest.raises(requests.exceptions.SSLError):
        get(world, portal)


def test_a_certificate_whose_key_is_gone_fails_the_handshake(world: World, portal: Machine) -> None:
    thumbprint = portal.collection("sslbinding")[f"0.0.0.0:{PORT}"]["thumbprint"]
    portal.collection("certificate").change(thumbprint, key_pem=None)
    with pytest.raises(requests.exceptions.SSLError):
        get(world, portal)


def test_an_expired_certificate_is_served_and_the_client_notices(world: World, portal: Machine) -> None:
    from datetime import UTC, datetime

    from lab.windows import certificates

    issued = world.authority.server_certificate(
        ["portal.hyper-v.nu"], valid_days=1, not_before=datetime(2013, 1, 1, tzinfo=UTC)
    )
    held = certificates.open_certificate(issued.certificate.encode())
    assert held is not None
    certificates.add(portal, "My", certificates.Held(held.certificate, issued.key))
    portal.collection("sslbinding").change(f"0.0.0.0:{PORT}", thumbprint=held.thumbprint)
    with pytest.raises(requests.exceptions.SSLError, match="expired"):
        get(world, portal)


def test_the_certificate_by_server_name_comes_before_the_one_by_address(world: World, portal: Machine) -> None:
    named = certificate(world, portal, "wap.contoso.com")
    portal.collection("sslbinding")[f"wap.contoso.com:{PORT}"] = {"thumbprint": named, "store": "My"}
    assert get(world, portal, name="wap.contoso.com").status_code == 200
    assert get(world, portal).status_code == 200


def test_an_unknown_host_is_refused_when_only_names_are_bound(world: World, portal: Machine) -> None:
    site(portal, "MgmtSvc-TenantSite", PORT, host="wap.contoso.com")
    assert get(world, portal).status_code == 400


def test_a_stopped_pool_is_unavailable(world: World, portal: Machine) -> None:
    portal.collection("apppool")["MgmtSvc-TenantSite"] = {"name": "MgmtSvc-TenantSite", "state": "Stopped"}
    assert get(world, portal).status_code == 503


def test_the_second_site_on_a_prefix_is_disabled_and_logged(world: World, portal: Machine) -> None:
    site(portal, "Default Web Site", PORT, number=7)
    iis.refresh(world, portal)
    assert portal.collection("site")["Default Web Site"]["state"] == "Stopped"
    assert portal.collection("site")["MgmtSvc-TenantSite"]["state"] == "Started"
    assert [event["id"] for event in portal.collection("event").values()] == [1004]
    assert get(world, portal).text.startswith("Portal1 GET")


def test_who_holds_a_prefix_keeps_it_even_against_a_lower_site_number(world: World, portal: Machine) -> None:
    site(portal, "Zero", PORT, number=0)
    iis.refresh(world, portal)
    assert portal.collection("site")["Zero"]["state"] == "Stopped"


def test_two_machines_serve_the_same_port(world: World, portal: Machine) -> None:
    other = world.machine("Portal2")
    thumbprint = certificate(world, other, "portal.hyper-v.nu")
    other.collection("sslbinding")[f"0.0.0.0:{PORT}"] = {"thumbprint": thumbprint, "store": "My"}
    site(other, "MgmtSvc-TenantSite", PORT)
    iis.refresh(world, other)
    assert get(world, other).text.startswith("Portal2")
    assert get(world, portal).text.startswith("Portal1")


def test_an_unplugged_machine_comes_back_with_its_ports(world: World, portal: Machine) -> None:
    world.network.unplug(portal.name)
    iis.refresh(world, portal)
    assert refused(portal, PORT)
    world.network.plug(portal.name)
    assert get(world, portal).status_code == 200
    assert portal.collection("site")["MgmtSvc-TenantSite"]["state"] == "Started"


def test_a_machine_that_was_shut_down_serves_again_after_its_start(world: World, portal: Machine) -> None:
    iis.stop_machine(portal)
    world.network.close_all(portal.name)
    assert refused(portal, PORT)
    iis.start_machine(portal)
    assert get(world, portal).status_code == 200


def test_the_service_decides_whether_ports_are_open(world: World, portal: Machine) -> None:
    portal.collection("service")["W3SVC"] = {"name": "W3SVC", "status": "Stopped"}
    iis.refresh(world, portal)
    assert refused(portal, PORT)


@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_fault_cuts_the_connection_before_or_after_the_effect(world: World, portal: Machine, moment: str) -> None:
    seen: list[str] = []

    def answer(_: Machine, request: Request) -> Response:
        seen.append(request.path)
        return Response()

    world.site_handlers["mgmtsvc-tenantsite"] = answer
    world.faults.add(Fault("portal1", "http", moment=moment))
    with faults.recorded(world) as calls, pytest.raises(requests.exceptions.ConnectionError):
        get(world, portal)
    assert [(one.wire, one.text) for one in calls] == [("http", "GET /")]
    assert seen == ([] if moment == "before" else ["/"])
    assert get(world, portal).status_code == 200


def test_sites_are_served_after_a_restart_of_the_lab(tmp_path: Path) -> None:
    from lab.tests.windows.iis_world import make

    first = make(tmp_path / "lab", third=6)
    machine = first.machine("Portal1")
    thumbprint = certificate(first, machine, "portal.hyper-v.nu")
    machine.collection("sslbinding")[f"0.0.0.0:{PORT}"] = {"thumbprint": thumbprint, "store": "My"}
    site(machine, "A", PORT)
    iis.start(first)
    assert not refused(machine, PORT)
    iis.stop(first)
    first.close()
    second = World(tmp_path / "lab", {}, pace=0)
    second.add(Machine(second, "Portal1", "hyper-v.nu", "HYPERVNU", machine.address, machine.loopback, ()))
    iis.start(second)
    assert get(second, second.machine("Portal1")).status_code == 404
    iis.stop(second)
    second.close()
