"""``operations doctor`` on the lab: a farm where all is well, and one where everything is wrong that it looks at.

The lab is in this process; the command runs as an operator runs it, and its checks once more from here.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from lab.testing import changes, power
from lab.testing.authority import authority_of
from lab.testing.tls import sql_server
from lab.testing.windows import disk_path, failed_log_ons, leave_pending_renames
from lab.testing.winrm import listener_certificate
from operations.configuration import Context, context
from operations.doctor import output
from operations.doctor.check import Row, Verdict
from operations.doctor.run import examined
from tests.e2e.changes import differences
from tests.e2e.farm import SECRETS
from tests.e2e.lab_here import FarmHere
from tests.e2e.lab_state import documents, files

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]

GUEST = r"HKLM\SOFTWARE\Microsoft\Virtual Machine\Guest\Parameters"
FRAMEWORK = r"HKLM\SOFTWARE\Microsoft\NET Framework Setup\NDP\v4\Full"
SECONDS = 60


@pytest.fixture(scope="module")
def farm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FarmHere]:
    farm = FarmHere(tmp_path_factory.mktemp("doctor"))
    with farm.running():
        farm.make_stack()
        yield farm


def values(farm: FarmHere) -> dict[str, Any]:
    """The stack's configuration, as the CLI would give it."""
    certificates = {
        name: {"file": str(farm.lab_folder / "certificates" / f"{name}.pfx"), "password": SECRETS["pfx"]}
        for name in farm.certificates
    }
    secrets = {key: SECRETS[key] for key in ("passphrase", "spfAccountPassword")}
    return {**json.loads(farm.settings()), **secrets, "certificates": certificates}


def context_of(farm: FarmHere, **changed: Any) -> Context:
    return context({**values(farm), **changed})


def rows(farm: FarmHere, **changed: Any) -> dict[tuple[str, str], Row]:
    found = context_of(farm, **changed)
    found.remote.close()  # what was remembered of the time before a test broke something
    return {(row.machine, row.looked_at): row for row in examined(found)}


def test_all_is_well_and_nothing_is_changed(farm: FarmHere) -> None:
    """Through the command line; the farm is not built, and only the file server and the machines' logs tell of it."""
    before, kept = documents(farm), files(farm)
    began = time.monotonic()
    done = farm.operations("doctor", "--json")
    took = time.monotonic() - began
    answer = json.loads(done.output)
    unwell = [row for row in answer["rows"] if row["verdict"] != "ok"]
    # The lab's authority is no client's: only `authorities` names it.
    assert [(row["looked_at"], row["verdict"]) for row in unwell] == [("certificate portal, to clients", "warning")]
    assert (answer["ok"], done.code) == (True, 0)
    assert took < SECONDS
    machines = {row["machine"] for row in answer["rows"]}
    assert machines == {"this computer", "Portal1", "Portal2", "SPF1", "SPF2", "SQL1", "SQL2"}
    assert {row["part"] for row in answer["rows"]} == {"reach", "machine", "SQL Server", "portal"}
    quiet = {"event", "account", "sql-errorlog"}
    assert [str(one) for one in differences(before, documents(farm)) if one.kind not in quiet] == []
    assert files(farm) == kept
    for secret in (*SECRETS.values(), "Lab-Installer-2013!"):
        assert secret not in done.output


def test_what_is_wrong_is_a_row_each_and_none_keeps_another_from_being_seen(farm: FarmHere, tmp_path: Path) -> None:
    world = farm.world
    undo = ExitStack()
    for change in (
        # Machines
        changes.network_card(world, "Portal1", "Ethernet", dhcp=True),
        changes.no_hotfix(world, "Portal1", "KB2842230"),
        changes.clock(world, "Portal1", ahead_seconds=400),
        changes.registry_value(world, "Portal2", FRAMEWORK, "Release", 1),
        changes.free_space(world, "Portal2", "C", 5 << 30),
        changes.network_card(world, "Portal2", "Ethernet", name="LAN"),
        changes.registry_value(world, "SPF1", GUEST, "PhysicalHostName", "HV7"),
        changes.shell_memory(world, "SPF1", megabytes=150),
        changes.no_group(world, "SPF1", "SPF_VMM"),
        changes.listener(world, "Portal1", 30091),
        # Names, SQL Server, the share, and what exists already
        changes.dns(world, "spf.hyper-v.nu", "172.21.5.9"),
        changes.sql_server(world, "SQL2", edition="Standard Edition (64-bit)"),
        changes.service(world, "SQL2", "MSSQLSERVER", account=r"NT SERVICE\MSSQLSERVER"),
        changes.service(world, "SQL2", "ClusSvc", status="Stopped"),
        changes.firewall_off(world, "SQL2", 5022),
        changes.share_access(world, "FILE", "SQLAG", {}),
        changes.free_space(world, "SQL1", "C", 50 << 20),
        changes.local_account(world, "SPF1", "SVC_SPF_REG", "Another-Pass-1!"),
    ):
        undo.enter_context(change)
    leave_pending_renames(world, "SQL1", [r"\??\C:\x.dll", ""])
    undo.callback(leave_pending_renames, world, "SQL1", [])
    # The source
    feed = disk_path(world, "FILE", r"C:\WebPI\installers\MgmtSvc-TenantSite\MgmtSvc-TenantSite.msi")
    feed.rename(tmp_path / "away")
    undo.callback((tmp_path / "away").rename, feed)
    power.stop(world, "SPF2")
    undo.callback(power.start, world, "SPF2")

    soon = authority_of(world).server_certificate(["spf1.hyper-v.nu"], 10, datetime.now(UTC) - timedelta(days=1))
    (tmp_path / "none.pfx").write_bytes(b"none")
    broken = {"portal": {"file": str(tmp_path / "none.pfx"), "password": "Another-Pfx-1!"}}
    with undo, listener_certificate(world, "SPF1", soon), sql_server(world, "SQL1", build=(11, 0, 3000)):
        found = rows(farm, certificates=broken)

    expected = {
        ("SPF2", "TLS of WinRM"): ("wrong", "does not answer"),
        ("SPF2", "log-on over WinRM"): ("wrong", "does not answer"),
        ("SPF2", "free disk"): ("unknown", "not looked at"),
        ("SPF2", "Service Provider Foundation"): ("wrong", ""),
        ("SPF1", "TLS of WinRM"): ("warning", "certificate until"),
        ("SQL1", "TLS of SQL Server"): ("wrong", "no TLS connection"),
        ("Portal1", "clock"): ("wrong", "400 s ahead"),
        ("Portal1", "clock of the domain"): ("wrong", "400 s behind"),
        ("Portal1", "spf.hyper-v.nu, from there"): ("wrong", "172.21.5.9"),
        ("Portal1", "Service Provider Foundation, port 8090, from there"): ("wrong", "actively refused"),
        ("Portal1", "network card"): ("wrong", "from DHCP"),
        ("Portal1", "memory of a remote shell"): ("warning", "KB2842230 not listed"),
        ("Portal1", "ports that the portal needs"): ("wrong", "30091"),
        ("Portal1", "source of the software"): ("wrong", "MgmtSvc-TenantSite.msi"),
        ("Portal2", "Windows, PowerShell, .NET"): ("wrong", ".NET 1"),
        ("Portal2", "free disk"): ("warning", "C: 5 GB"),
        ("Portal2", "network card"): ("wrong", "LAN"),
        ("SPF1", "Windows, PowerShell, .NET"): ("ok", "on HV7"),
        ("SPF1", "memory of a remote shell"): ("warning", "150 MB configured"),
        ("SPF1", "groups of SPF"): ("wrong", "SPF_VMM missing"),
        ("SPF1", "existing: the local account SVC_SPF_REG"): ("wrong", "exists already"),
        ("SQL1", "restart that Windows waits for"): ("warning", "x.dll"),
        ("SQL1", "endpoint of SQL2, from there"): ("wrong", "no answer in 5 s"),
        ("SQL1", r"\\FILE\SQLAG, as the service account"): ("wrong", "not readable"),
        ("SQL1", r"\\FILE\SQLAG, rights of the service account"): ("wrong", "nobody may change it"),
        ("SQL1", "room for the databases"): ("wrong", "C:\\ 50 MB free"),
        ("SQL1", "failover cluster"): ("wrong", "SQL2 Down"),
        ("SQL1", "quorum"): ("warning", "SQL2 is down"),
        ("Portal1", "root authority of the certificate portal"): ("unknown", "cannot be read here"),
        ("SQL2", "version and edition"): ("wrong", "Standard"),
        ("SQL2", "service account"): ("warning", "NT SERVICE"),
        ("SQL2", "the same as on SQL1"): ("warning", "version"),
        ("this computer", "certificate portal"): ("wrong", "no PFX file"),
    }
    assert expected.keys() - found.keys() == set()
    other = [found[key] for key, (verdict, text) in expected.items()
             if (found[key].verdict, text in found[key].found) != (verdict, True)]  # fmt: skip
    assert other == []
    to_do = found["SPF1", "existing: the local account SVC_SPF_REG"].to_do
    assert to_do.startswith("Add `adopt: true` to spf (")
    assert [row for row in found.values() if row.verdict in (Verdict.WRONG, Verdict.WARNING) and not row.to_do] == []
    # What nobody broke is well, beside all this.
    assert found["SQL2", "free disk"].verdict is Verdict.OK
    assert output.code(list(found.values())) == 1


def test_who_may_change_the_share_and_who_is_trusted(farm: FarmHere) -> None:
    """What cannot be known without a change is unknown, with the reason."""
    world = farm.world
    rights = r"\\FILE\SQLAG, rights of the service account"
    with (
        changes.domain_clock(world, "hyper-v.nu", ahead_seconds=45),
        changes.no_root_certificates(world, "Portal2"),
        changes.share_access(world, "FILE", "SQLAG", {r"HYPERVNU\Backup Writers": "change"}),
    ):
        found = rows(farm)
        row = found["SQL2", rights]
        assert (row.verdict, "whether HYPERVNU\\SVC_SQL is among them is not looked at" in row.found) == (
            "unknown",
            True,
        )
    with changes.share_access(world, "FILE", "SQLAG", {"Everyone": "read"}):
        assert rows(farm)["SQL2", rights].verdict is Verdict.WRONG
        power.stop(world, "FILE")
        try:
            assert (rows(farm)["SQL2", rights].verdict, rows(farm)["SQL1", rights].verdict) == ("unknown", "unknown")
        finally:
            power.start(world, "FILE")
    row = found["Portal2", "root authority of the certificate portal"]
    assert (row.verdict, "is not in LocalMachine\\Root" in row.found) == ("warning", True)
    assert found["Portal1", "root authority of the certificate portal"].verdict is Verdict.OK
    row = found["SPF1", "clock of the domain"]
    assert (row.verdict, row.found[3:]) == ("warning", "s ahead")


def test_the_right_to_make_the_listener_is_unknown_while_there_is_none(farm: FarmHere) -> None:
    farm.sql("SQL1", "ALTER AVAILABILITY GROUP [SQL] REMOVE LISTENER 'SQL'")
    row = rows(farm)["SQL1", "computer object of the listener"]
    assert (row.verdict, "it has no second hop" in row.found, "sqlcluster$" in row.to_do) == ("unknown", True, True)


def test_a_refused_account_is_one_failed_log_on(farm: FarmHere) -> None:
    who = {"hyper-v.nu": {"username": r"HYPERVNU\operator", "password": "Lab-Operator-2013!"}}
    found = rows(farm, credentials=who)
    shells = [row for (_, what), row in found.items() if what == "log-on over WinRM"]
    assert {(row.verdict, "not as an administrator" in row.found) for row in shells} == {(Verdict.WRONG, True)}
    wrong = {"hyper-v.nu": {"username": r"HYPERVNU\operator", "password": "Wrong-Operator-2013!"}}
    found = rows(farm, credentials=wrong)
    assert failed_log_ons(farm.world, "hyper-v.nu")["operator"] == 1
    assert found["Portal1", "clock"].verdict is Verdict.UNKNOWN


def test_a_replica_of_another_collation_and_an_account_that_is_not_sysadmin(farm: FarmHere) -> None:
    changes.sql_server(farm.world, "SQL2", collation="Latin1_General_CI_AS")
    row = rows(farm)["SQL2", "the same as on SQL1"]
    assert (row.verdict, "collation Latin1" in row.found) == (Verdict.WRONG, True)
    farm.sql("SQL2", r"ALTER SERVER ROLE sysadmin DROP MEMBER [HYPERVNU\installer]")
    row = rows(farm)["SQL2", "administrator"]
    assert (row.verdict, row.found) == (Verdict.WRONG, r"HYPERVNU\installer, not sysadmin")
