"""WebAdministration, the IIS: drive and iisreset, called as the evaluator calls them."""

from __future__ import annotations

from typing import Any

import pytest
import requests

from lab.powershell.api import DRIVES, PROGRAMS, NotModelledError, PowerShellError, Session
from lab.tests.windows.iis_world import call, certificate, session, site, world
from lab.tests.windows.test_iis_serving import get, refused
from lab.windows import (
    certificates,
    features,
    iis,
    iis_bindings,
    iis_drive,
    iis_reset,
    iis_settings,
    iis_setup,
    iis_sites,
    services,
)
from lab.world import Machine, World

__all__ = ["iis_bindings", "iis_drive", "iis_reset", "iis_settings", "iis_setup", "iis_sites", "world"]

TENANT = "MgmtSvc-TenantSite"


@pytest.fixture
def here(world: World) -> Session:
    return session(world)


@pytest.fixture
def thumbprint(world: World, here: Session) -> str:
    """The portal's certificate; the tenant site runs on 30081 with it."""
    made = certificate(world, here.machine, "portal.hyper-v.nu")
    site(here.machine, TENANT, 30081)
    here.machine.collection("sslbinding")["0.0.0.0:30081"] = {"thumbprint": made, "store": "My"}
    iis.refresh(world, here.machine)
    return made


def informations(machine: Machine, name: str = TENANT) -> list[str]:
    return [f"{b['address']}:{b['port']}:{b['host']}" for b in machine.collection("site")[name]["bindings"]]


def test_a_new_binding_with_its_certificate_answers(world: World, here: Session, thumbprint: str) -> None:
    call(here, "New-WebBinding", Name=TENANT, Protocol="https", Port=443, IPAddress="*")
    bound = call(here, "Get-WebBinding", Name=TENANT, Port="443", Protocol="https")
    assert [b.get("bindingInformation") for b in bound] == ["*:443:"]
    assert bound[0].get("certificateHash") == ""
    bound[0].methods["addsslcertificate"](thumbprint.lower(), "my")
    again = call(here, "Get-WebBinding", Name=TENANT, Port="443")[0]
    assert (again.get("certificateHash"), again.get("certificateStoreName")) == (thumbprint, "My")
    assert get(world, here.machine, port=443).status_code == 404
    assert informations(here.machine) == ["*:30081:", "*:443:"]


def test_a_binding_that_exists_is_a_duplicate(here: Session, thumbprint: str) -> None:
    with pytest.raises(PowerShellError, match="respectively set to 'https, \\*:30081:'"):
        call(here, "New-WebBinding", Name=TENANT, Protocol="https", Port=30081)
    assert informations(here.machine) == ["*:30081:"]


def test_a_binding_for_a_missing_site(here: Session, thumbprint: str) -> None:
    with pytest.raises(PowerShellError, match="IIS:\\\\Sites\\\\Nope"):
        call(here, "New-WebBinding", Name="Nope", Protocol="https", Port=1)


def test_set_web_binding_moves_the_port_but_not_the_certificate(world: World, here: Session, thumbprint: str) -> None:
    call(here, "Set-WebBinding", Name=TENANT, BindingInformation="*:30081:", PropertyName="Port", Value="443")
    moved = call(here, "Get-WebBinding", Name=TENANT)[0]
    assert (moved.get("bindingInformation"), moved.get("certificateHash")) == ("*:443:", "")
    assert refused(here.machine, 30081)
    assert "0.0.0.0:30081" in here.machine.collection("sslbinding")


def test_set_web_binding_needs_exactly_one(here: Session, thumbprint: str) -> None:
    with pytest.raises(PowerShellError, match="no binding found"):
        call(here, "Set-WebBinding", Name=TENANT, BindingInformation="*:1:", PropertyName="Port", Value="443")
    with pytest.raises(PowerShellError, match="0x8007000D"):
        call(here, "Set-WebBinding", Name=TENANT, BindingInformation="*:30081:", PropertyName="Port", Value="https")
    assert informations(here.machine) == ["*:30081:"]


def test_remove_web_binding_by_object_and_by_property(here: Session, thumbprint: str) -> None:
    call(here, "New-WebBinding", Name=TENANT, Protocol="https", Port=443)
    call(here, "Remove-WebBinding", call(here, "Get-WebBinding", Name=TENANT, Port="30081"))
    assert informations(here.machine) == ["*:443:"]
    call(here, "Remove-WebBinding", Name=TENANT, Port="8080")
    assert informations(here.machine) == ["*:443:"]
    call(here, "Remove-WebBinding", Name=TENANT, Protocol="https", Port="443")
    assert informations(here.machine) == []
    assert "0.0.0.0:30081" in here.machine.collection("sslbinding"), "HTTP.sys keeps its entry"


@pytest.mark.parametrize(
    ("wanted", "store", "code"),
    [("00" * 20, "My", "0x80070520"), ("xyz", "My", "0x8007000D"), (None, "Root", "0x80070520")],
)
def test_a_certificate_that_cannot_be_bound(
    here: Session, thumbprint: str, wanted: str | None, store: str, code: str
) -> None:
    binding = call(here, "Get-WebBinding", Name=TENANT)[0]
    with pytest.raises(PowerShellError, match=code):
        binding.methods["addsslcertificate"](wanted or thumbprint, store)
    assert here.machine.collection("sslbinding")["0.0.0.0:30081"]["thumbprint"] == thumbprint


def test_a_certificate_without_its_key_cannot_be_bound(here: Session, thumbprint: str) -> None:
    here.machine.collection("certificate").change(thumbprint, key_pem=None, key_lost=True)
    with pytest.raises(PowerShellError, match="0x80070520"):
        call(here, "Get-WebBinding", Name=TENANT)[0].methods["addsslcertificate"](thumbprint, "My")


def test_remove_ssl_certificate(here: Session, thumbprint: str) -> None:
    binding = call(here, "Get-WebBinding", Name=TENANT)[0]
    binding.methods["removesslcertificate"]()
    assert "0.0.0.0:30081" not in here.machine.collection("sslbinding")
    with pytest.raises(PowerShellError, match="0x80070002"):
        binding.methods["removesslcertificate"]()


def test_a_site_whose_binding_is_taken_does_not_start(here: Session, thumbprint: str) -> None:
    site(here.machine, "Other", 30081, number=2, state="Stopped")
    with pytest.raises(PowerShellError, match="0x800700B7") as caught:
        call(here, "Start-Website", Name="Other")
    assert caught.value.exception_type == "System.Runtime.InteropServices.COMException"
    assert call(here, "Get-Website", Name="Other")[0].get("state") == "Stopped"
    call(here, "Stop-Website", Name=TENANT)
    call(here, "Start-Website", Name="Other")
    assert call(here, "Get-Website", Name="Other")[0].get("state") == "Started"


def test_start_and_stop_of_a_missing_site(here: Session) -> None:
    for command in ("Start-Website", "Stop-Website", "Remove-Website"):
        with pytest.raises(PowerShellError, match="does not exist"):
            call(here, command, Name="Nope")
    assert call(here, "Get-Website", Name="Nope") == []


def test_get_website_shows_its_bindings(here: Session, thumbprint: str) -> None:
    shown = call(here, "Get-Website")[0]
    assert [b.get("bindingInformation") for b in shown.get("bindings").get("Collection")] == ["*:30081:"]
    assert (shown.get("name"), shown.get("id"), shown.get("applicationPool")) == (TENANT, 1, TENANT)


def test_new_website_is_started_unless_its_binding_is_taken(here: Session) -> None:
    first = call(here, "New-Website", Name="A", Port=8080)[0]
    second = call(here, "New-Website", Name="B", Port=8080)[0]
    assert (first.get("state"), second.get("state"), second.get("id")) == ("Started", "Stopped", 2)
    assert not refused(here.machine, 8080)
    with pytest.raises(PowerShellError, match='use "force" parameter'):
        call(here, "New-Website", Name="A", Port=8081)


def test_only_administrators_see_the_configuration(world: World, thumbprint: str) -> None:
    with pytest.raises(PowerShellError, match="elevated status"):
        call(session(world, user="HYPERVNU\\operator"), "Get-Website")


def test_the_drive_comes_with_the_role(here: Session, thumbprint: str) -> None:
    with pytest.raises(PowerShellError, match="A drive with the name 'IIS' does not exist"):
        DRIVES["iis"].item(here, "Sites")
    features.install(here.machine, ["Web-WebServer"])
    assert DRIVES["iis"].item(here, "Sites") is not None


def test_the_role_brings_services_and_the_default_site(here: Session) -> None:
    features.install(here.machine, ["Web-WebServer"])
    assert [services.get(here.machine, name)["status"] for name in ("WAS", "W3SVC")] == ["Running", "Running"]  # type: ignore[index]
    assert requests.get(f"http://{here.machine.loopback}/", timeout=5).status_code == 200
    assert requests.get(f"http://{here.machine.loopback}/x", timeout=5).status_code == 404
    services.stop(here.machine, "WAS")
    assert refused(here.machine, 80)
    services.start(here.machine, "W3SVC")
    assert not refused(here.machine, 80)
    features.remove(here.machine, ["Web-WebServer"])
    assert refused(here.machine, 80)


def test_the_drive_binds_a_certificate_by_address(world: World, here: Session, thumbprint: str) -> None:
    features.install(here.machine, ["Web-WebServer"])
    drive = DRIVES["iis"]
    shown = drive.item(here, "SslBindings\\0.0.0.0!30081")
    assert shown is not None
    assert (shown.get("Thumbprint"), shown.get("Port"), shown.get("Sites")) == (thumbprint, 30081, [TENANT])
    item = certificates.stored_object(here.machine, "My", thumbprint)
    with pytest.raises(PowerShellError, match="0x800700B7"):
        drive.new(here, "SslBindings\\0.0.0.0!30081", value=item)
    drive.remove(here, "SslBindings\\0.0.0.0!30081", recurse=False)
    assert drive.item(here, "SslBindings\\0.0.0.0!30081") is None
    drive.new(here, "SslBindings\\*!30081", value=item)
    assert get(world, here.machine).status_code == 404
    assert [item.get("name") for item in drive.children(here, "Sites")] == [TENANT, "Default Web Site"]


def test_settings_of_a_site_and_of_the_server(here: Session) -> None:
    section = "/system.webServer/security/authentication/basicAuthentication"

    def enabled(**where: Any) -> object:
        return call(here, "Get-WebConfigurationProperty", Filter=[section], Name=["enabled"], **where)[0].get("Value")

    assert enabled() is False
    call(
        here,
        "Set-WebConfigurationProperty",
        Filter=[section],
        Name="enabled",
        Value="True",
        PSPath=["IIS:\\"],
        Location=["SPF"],
    )
    assert (enabled(), enabled(Location="SPF"), enabled(PSPath="IIS:\\Sites\\SPF")) == (False, True, True)
    with pytest.raises(PowerShellError, match="locked"):
        call(
            here,
            "Set-WebConfigurationProperty",
            Filter=[section],
            Name="enabled",
            Value=True,
            PSPath=["IIS:\\Sites\\SPF"],
        )
    with pytest.raises(PowerShellError, match="does not have the property"):
        call(here, "Get-WebConfigurationProperty", Filter=[section], Name=["nope"])
    with pytest.raises(NotModelledError):
        call(here, "Get-WebConfigurationProperty", Filter=["/system.webServer/nope"], Name=["enabled"])


def test_iisreset_stops_and_starts_the_service(world: World, here: Session, thumbprint: str) -> None:
    services.add(here.machine, "W3SVC", "World Wide Web Publishing Service")
    assert PROGRAMS["iisreset.exe"](here, ["/stop"]).exit_code == 0
    assert refused(here.machine, 30081)
    assert PROGRAMS["iisreset.exe"](here, ["/start"]).exit_code == 0
    assert get(world, here.machine).status_code == 404
    assert "Internet services successfully restarted" in PROGRAMS["iisreset.exe"](here, []).output
    assert PROGRAMS["iisreset.exe"](session(world, user="HYPERVNU\\operator"), []).exit_code == 5
