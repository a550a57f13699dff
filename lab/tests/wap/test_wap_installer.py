"""The installers: what they refuse, what they leave behind."""

from __future__ import annotations

from typing import Any

import pytest

from lab.files import resolve
from lab.powershell.api import AVAILABLE, PROGRAMS, NotModelledError
from lab.tests.wap.conftest import Lab
from lab.wap import beginning
from lab.wap.catalogue import COMPONENTS
from lab.windows import registry

EXPRESS = "/Products:WAP_SingleMachineInstallation"


def _feed(farm: Lab) -> str:
    return "/XML:" + beginning.feed_path(farm.world, farm.world.machine("Portal1"))


def _available(farm: Lab, name: str = "Get-MgmtSvcFeature") -> bool:
    return all(available(farm.session(), name) for available in AVAILABLE)


def test_the_feed_is_on_the_file_server_of_the_domain(farm: Lab) -> None:
    assert _feed(farm) == "/XML:\\\\FILE\\WebPI\\feeds\\latest\\webproductlist.xml"


def test_express_installs_every_component(farm: Lab) -> None:
    assert not _available(farm)
    result = farm.install()
    machine = farm.world.machine("Portal1")
    assert result.exit_code == 0
    assert result.output[-1] == "Install of Products: SUCCESS"
    assert sorted(machine.collection("wap-component")) == sorted(COMPONENTS)
    assert registry.value(machine, "HKLM\\SOFTWARE\\Microsoft\\MgmtSvc\\AdminAPI", "ProductCode")
    assert machine.collection("group")["MgmtSvc Operators"]["members"] == []
    assert _available(farm)
    states = {name: site["state"] for name, site in machine.collection("site").items() if name.startswith("MgmtSvc")}
    assert len(states) == 14
    assert [name for name, state in states.items() if state == "Started"] == ["MgmtSvc-ConfigSite"]


def test_the_first_installation_leaves_a_restart_pending(farm: Lab) -> None:
    farm.install()
    pending = registry.value(farm.world.machine("Portal1"), registry.SESSION_MANAGER, "PendingFileRenameOperations")
    assert pending
    assert (
        registry.value(farm.world.machine("Portal2"), registry.SESSION_MANAGER, "PendingFileRenameOperations") is None
    )


def test_a_network_logon_is_refused_and_changes_nothing(farm: Lab) -> None:
    result = farm.webpi("/Install", EXPRESS, "/AcceptEula", _feed(farm), on=farm.session(logon="network"))
    assert result.exit_code != 0
    assert "0x80070005" in result.output[-1]
    assert len(farm.world.machine("Portal1").collection("wap-component")) == 0


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (("/Install", EXPRESS, "/AcceptEula"), "Failed to Load feed: https://go.microsoft.com/?linkid=9842185"),
        (("/Install", EXPRESS, "/AcceptEula", "/XML:C:\\nothing.xml"), "Could not find file 'C:\\nothing.xml'."),
        (("/Install", "/Products:WAP_Express", "/AcceptEula", "FEED"), "No products to be installed"),
        (("/Install", EXPRESS, "FEED"), "license"),
        (("/Install", EXPRESS, "/Whatever"), "Invalid option: /Whatever"),
        (("/Install", "FEED"), "/Products"),
        ((), "/Install"),
    ],
)
def test_what_it_says_when_it_cannot(farm: Lab, arguments: tuple[str, ...], text: str) -> None:
    result = farm.webpi(*[_feed(farm) if argument == "FEED" else argument for argument in arguments])
    assert text in "\n".join(result.output)
    assert "SUCCESS" not in "\n".join(result.output)
    assert len(farm.world.machine("Portal1").collection("wap-component")) == 0


def test_lists_and_a_second_installation(farm: Lab) -> None:
    available = farm.webpi("/List", "/ListOption:Available", _feed(farm)).output
    assert any(line.startswith("WAP_SingleMachineInstallation ") for line in available)
    farm.install()
    installed = farm.webpi("/List", "/ListOption:Installed", _feed(farm)).output
    assert any(line.startswith("WAP_SingleMachineInstallation ") for line in installed)
    assert farm.install().output[-1].startswith("No products to be installed")


def test_the_log_grows_while_it_works(farm: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    machine, seen = farm.world.machine("Portal1"), []
    log = resolve(farm.world, machine, "C:\\Windows\\Temp\\webpi.log", "SYSTEM", True)
    monkeypatch.setattr(farm.world.clock, "sleep", lambda seconds: seen.append(log.read_text().count("\n")))
    farm.webpi("/Install", EXPRESS, "/AcceptEula", _feed(farm), "/Log:C:\\Windows\\Temp\\webpi.log")
    assert len(seen) == 1 + len(COMPONENTS)
    assert seen == sorted(set(seen))
    assert "SUCCESS" in log.read_text()


def test_a_machine_that_goes_down_keeps_what_was_finished(farm: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    machine, naps = farm.world.machine("Portal1"), []

    def sleep(seconds: float) -> None:
        naps.append(seconds)
        if len(naps) == 4:
            machine.collection("power").change("state", running=False)

    with monkeypatch.context() as patch:
        patch.setattr(farm.world.clock, "sleep", sleep)
        assert farm.install().output[-1] == "Install of Products: FAILURE"
    assert len(machine.collection("wap-component")) == 2
    machine.collection("power").change("state", running=True)
    assert farm.install().output[-1] == "Install of Products: SUCCESS"
    assert len(machine.collection("wap-component")) == len(COMPONENTS)


def test_one_role_installs_only_its_own(farm: Lab) -> None:
    farm.webpi("/Install", "/Products:WAP_TenantSite_Bundle", "/AcceptEula", _feed(farm))
    names = [feature.get("Name") for feature in farm.call("Get-MgmtSvcFeature")]
    assert names == ["TenantSite"]


def _msi(farm: Lab, *arguments: str, **options: Any) -> int:
    return PROGRAMS["msiexec.exe"](farm.session(**options), list(arguments)).exit_code


def test_msi_files_do_the_same(farm: Lab) -> None:
    folder = "\\\\FILE\\WebPI\\WindowsAzurePack2013"
    first = f"{folder}\\MgmtSvc-PowerShellAPI.msi"
    assert _msi(farm, "/q", "/lv", "C:\\Windows\\Temp\\x.log", "/i", first, "ALLUSERS=2") == 3010
    assert _msi(farm, "/q", "/i", f"{folder}\\MgmtSvc-AdminAPI.msi") == 0
    assert [feature.get("Name") for feature in farm.call("Get-MgmtSvcFeature")] == ["AdminAPI"]
    assert _msi(farm, "/q", "/i", f"{folder}\\nothing.msi") == 1619
    assert _msi(farm, "/q", "/i", "\\\\FILE\\WebPI\\feeds\\latest\\webproductlist.xml") == 1620
    assert _msi(farm, "/q", "/i", first, logon="network") == 1619  # the second hop
    assert _msi(farm, "/q") == 1639
    with pytest.raises(NotModelledError):
        _msi(farm, "/f", first)


def test_a_product_is_removed_by_its_code(farm: Lab) -> None:
    farm.webpi("/Install", "/Products:WAP_TenantSite_Bundle", "/AcceptEula", _feed(farm))
    machine = farm.world.machine("Portal1")
    codes = {name: document["product_code"] for name, document in machine.collection("wap-component").items()}
    certificates = len(machine.collection("certificate"))
    assert "MgmtSvc-TenantSite" in machine.collection("site")
    assert _msi(farm, "/q", "/x", "{00000000-0000-0000-0000-000000000000}") == 1605
    assert _msi(farm, "/q", "/x", codes["MgmtSvc-TenantSite"]) == 0
    assert "MgmtSvc-TenantSite" not in machine.collection("site")
    assert "0.0.0.0:30081" not in machine.collection("sslbinding")
    assert len(machine.collection("certificate")) == certificates - 1
    assert "MgmtSvc Operators" in machine.collection("group")
    for name, code in codes.items():
        if name != "MgmtSvc-TenantSite":
            assert _msi(farm, "/q", "/x", code) == 0
    assert "MgmtSvc Operators" not in machine.collection("group")
    assert _msi(farm, "/q", "/x", codes["MgmtSvc-TenantSite"]) == 1605
