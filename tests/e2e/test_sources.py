"""Where the portal's software comes from: every missing piece in one clear line before anything is touched, and MSIs.

The lab is in this process, the resources are called one by one, as the engine calls them.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from lab.testing import changes, portal, power
from lab.testing.authority import authority_of
from lab.testing.tls import sql_server
from lab.testing.windows import disk_path, failed_log_ons
from lab.testing.winrm import listener_certificate
from remote.errors import MachineError
from tests.e2e.changes import differences
from tests.e2e.lab_here import FarmHere, Piece
from tests.e2e.lab_state import documents, files

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]

WEBPI = "software: {source: webpi, products: [WAP_SingleMachineInstallation], feed: "
FEED = r"\\FILE\WebPI\feeds\latest\webproductlist.xml"
PACKAGES = r"\\FILE\WebPI\WindowsAzurePack2013"
MSI = f"software: {{source: msi, folder: {PACKAGES}}}"
BEGINNING = (
    "Portal1: see that everything that the portal's software is installed from is there: missing are {missing}. "
    "Nothing was touched yet. Put it there, or correct `portal.software` in the topology, and run `pulumi up` again."
)


@pytest.fixture(scope="module")
def farm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FarmHere]:
    farm = FarmHere(tmp_path_factory.mktemp("sources"))
    with farm.running():
        yield farm


def source_of(farm: FarmHere, software: str) -> Piece:
    """The resource that looks at the source of Portal1, in a farm with this line in its topology."""
    text = farm.source.read_text(encoding="utf-8")
    line = next(line for line in text.splitlines() if line.startswith("  software:"))
    farm.write_topology(text.replace(line, f"  {software}"))
    return farm.pieces()["Portal1-software-source"]


def refused(farm: FarmHere, piece: Piece) -> str:
    """The one line of the refusal; and nothing on any machine is otherwise than before."""
    before, kept = documents(farm), files(farm)
    with pytest.raises(MachineError) as caught:
        piece.create()
    # The machine's event log and first looks at an account apart; and no file, task or registry key of ours.
    quiet = {"event", "account"}
    assert [str(one) for one in differences(before, documents(farm)) if one.kind not in quiet] == []
    assert files(farm) == kept
    message = str(caught.value)
    assert "\n" not in message
    return message


def here(farm: FarmHere, machine: str, path: str) -> Path:
    """A file on a machine's disk."""
    return disk_path(farm.world, machine, path)


@pytest.fixture
def away(farm: FarmHere, tmp_path: Path) -> Iterator[list[Path]]:
    """Files and folders that are away during a test: append them with ``take``."""
    taken: list[Path] = []
    yield taken
    for number, path in enumerate(taken):
        shutil.move(tmp_path / str(number), path)


def take(away: list[Path], tmp_path: Path, path: Path) -> None:
    shutil.move(path, tmp_path / str(len(away)))
    away.append(path)


def test_a_whole_feed_is_passed_and_leaves_nothing(farm: FarmHere) -> None:
    before, kept = documents(farm), files(farm)
    outs = source_of(farm, f"{WEBPI}{FEED}}}").create()
    assert outs["state"] == "whole"
    assert {one.kind for one in differences(before, documents(farm))} <= {"event", "account"}
    assert files(farm) == kept


def test_a_feed_that_is_not_there(farm: FarmHere) -> None:
    feed = r"\\FILE\WebPI\feeds\nowhere.xml"
    missing = f"the offline feed {feed}, which HYPERVNU\\installer cannot read (Could not find file '{feed}')"
    assert refused(farm, source_of(farm, f"{WEBPI}{feed}}}")) == BEGINNING.format(missing=missing)


def test_a_share_that_the_account_may_not_read(farm: FarmHere) -> None:
    with changes.share_access(farm.world, "FILE", "WebPI", {"HYPERVNU\\SVC_SQL": "read"}):
        text = refused(farm, source_of(farm, f"{WEBPI}{FEED}}}"))
        assert text == BEGINNING.format(
            missing=f"the offline feed {FEED}, which HYPERVNU\\installer cannot read "
            f"(Access to the path '{FEED}' is denied)"
        )
        text = refused(farm, source_of(farm, MSI))
        assert text == BEGINNING.format(
            missing=f"the folder {PACKAGES} (it is not there, or HYPERVNU\\installer cannot read it)"
        )


def test_a_feed_that_is_no_feed(farm: FarmHere) -> None:
    text = refused(farm, source_of(farm, rf"{WEBPI}\\FILE\WebPI\WindowsAzurePack2013\MgmtSvc-AdminAPI.msi}}"))
    assert r"MgmtSvc-AdminAPI.msi, which HYPERVNU\installer cannot read (The document is not well-formed" in text


def test_products_installers_and_the_program_itself_all_at_once(
    farm: FarmHere, away: list[Path], tmp_path: Path
) -> None:
    installers = r"C:\WebPI\installers"
    for name in ("MgmtSvc-TenantSite", "MgmtSvc-AuthSite"):
        take(away, tmp_path, here(farm, "FILE", rf"{installers}\{name}\{name}.msi"))
    for name in ("WebpiCmd.exe", "WebpiCmd-x64.exe"):
        take(away, tmp_path, here(farm, "Portal1", rf"C:\Program Files\Microsoft\Web Platform Installer\{name}"))
    piece = source_of(farm, f"{WEBPI.replace('[', '[WAP_Express, ')}{FEED}}}")
    beside = r"\\FILE\WebPI\installers"
    assert refused(farm, piece) == BEGINNING.format(
        missing=r"the Web Platform Installer (it is not in C:\Program Files\Microsoft\Web Platform Installer); "
        f"the product WAP_Express (the feed {FEED} has no such entry); "
        rf"the installer {beside}\MgmtSvc-TenantSite\MgmtSvc-TenantSite.msi (the feed names it); "
        rf"the installer {beside}\MgmtSvc-AuthSite\MgmtSvc-AuthSite.msi (the feed names it)"
    )


def test_packages_that_are_missing(farm: FarmHere, away: list[Path], tmp_path: Path) -> None:
    for name in ("MgmtSvc-Usage", "MgmtSvc-ConfigSite"):
        take(away, tmp_path, here(farm, "FILE", rf"C:\WebPI\WindowsAzurePack2013\{name}.msi"))
    assert refused(farm, source_of(farm, MSI)) == BEGINNING.format(
        missing=f"the package MgmtSvc-Usage.msi (it is not in {PACKAGES}); "
        f"the package MgmtSvc-ConfigSite.msi (it is not in {PACKAGES})"
    )


def test_installed_from_packages_the_source_is_not_looked_at_any_more(
    farm: FarmHere, away: list[Path], tmp_path: Path
) -> None:
    source = source_of(farm, MSI)
    outs = source.create()
    installed = farm.pieces()["Portal1-software"]
    made = installed.create()
    assert len(portal.components(farm.world, "Portal1")) == 14
    take(away, tmp_path, here(farm, "FILE", r"C:\WebPI\WindowsAzurePack2013"))
    assert source.drift(outs) == {}
    installed.delete(made)
    assert portal.components(farm.world, "Portal1") == []
    assert source.drift(outs) == {
        "state": ("whole", f"without the folder {PACKAGES} (it is not there, or HYPERVNU\\installer cannot read it)")
    }


def test_what_is_wrong_with_tls_anywhere_is_one_message_before_anything_is_touched(farm: FarmHere) -> None:
    """Of WinRM and of SQL Server; a server that does not answer is not its business, and no account is tried."""
    world, check = farm.world, farm.pieces()["server-tls"]
    issuer = authority_of(world)
    expired = issuer.server_certificate(["spf1.hyper-v.nu"], 30, datetime.now(UTC) - timedelta(days=90))
    other = issuer.server_certificate(["other.hyper-v.nu"])
    power.stop(world, "SPF2")
    with (
        listener_certificate(world, "SPF1", expired),
        sql_server(world, "SQL1", build=(11, 0, 3000)),
        sql_server(world, "SQL2", issued=other),
    ):
        text = refused(farm, check)
        sql1, sql2, spf1 = (farm.remote.hosts[name].address for name in ("SQL1", "SQL2", "SPF1"))
        assert text == (
            "this computer: see that every server's TLS can be trusted: "
            f"(1) SPF1: the certificate of WinRM at {spf1}:5986 is not trusted (certificate has expired). Renew the "
            "certificate of spf1.hyper-v.nu. "
            f"(2) SQL1: no TLS connection with SQL Server at {sql1}:1433 (tlsv1 alert protocol version). Let "
            "sql1.hyper-v.nu offer TLS 1.2 with its usual cipher suites, in Schannel's settings. SQL Server 2012 needs "
            "the update of KB3135244 for it. "
            f"(3) SQL2: the certificate of SQL Server at {sql2}:1433 is not trusted (Hostname mismatch, certificate is "
            "not valid for 'sql2.hyper-v.nu'). Give the machine a certificate for sql2.hyper-v.nu, or correct its "
            "entry in `hosts`. Nothing was touched yet."
        )
        assert set(failed_log_ons(world, "hyper-v.nu").values()) == {0}
    power.start(world, "SPF2")
    outs = check.create()
    assert check.drift(outs) == {}
    with sql_server(world, "SQL2", build=(11, 0, 3000)):
        ((_, found),) = check.drift(outs).values()
        assert found.startswith("SQL2: no TLS connection with SQL Server")
