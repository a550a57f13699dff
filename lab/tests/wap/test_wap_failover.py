"""Against the lab's own SQL Server engine: a farm, a failover, logins that are missing and then mirrored.

Nothing in ``lab.wap`` or here decides that a site fails: the engine refuses the login, or lets it in.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lab import boot
from lab.sql import engine
from lab.sql.api import ResultSet, SqlError
from lab.tests.wap.conftest import Lab, topology
from lab.wap.catalogue import DATABASES
from lab.world import World

SA = "Lab-Sql-Administrator-2013!"
SHARE = "\\\\FILE\\SQLAG"


class Server:
    """Statements as the administrator on one server, or through the listener."""

    def __init__(self, lab: Lab, name: str) -> None:
        self._lab, self._name = lab, name

    def run(self, text: str, database: str = "") -> list[tuple[Any, ...]]:
        session = self._lab.session(self._name if self._name != "SQL" else "FILE")
        found = engine.connect(
            self._lab.world, session.machine, self._name, identity=session.identity, database=database
        )
        rows: list[tuple[Any, ...]] = []
        try:
            for event in found.execute(text):
                if isinstance(event, SqlError):
                    raise event
                if isinstance(event, ResultSet):
                    rows = event.rows
        finally:
            found.close()
        return rows


@pytest.fixture
def real(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Lab]:
    """The beginning of the whole lab without WinRM, SQL Server in mixed mode, primary on SQL1."""
    world = World(tmp_path / "lab", topology(), pace=0)
    boot.populate(world)
    monkeypatch.setattr(boot, "SERVICES", ("lab.sql.service", "lab.windows.service", "lab.wap.service", "lab.balancer"))
    boot.start(world)
    lab = Lab(world, None)  # type: ignore[arg-type]  # the stand-in is not used here
    for name in ("SQL1", "SQL2"):
        server = Server(lab, name)
        server.run(
            "EXEC xp_instance_regwrite N'HKEY_LOCAL_MACHINE', N'Software\\Microsoft\\MSSQLServer\\MSSQLServer',"
            " N'LoginMode', REG_DWORD, 2"
        )
        server.run(f"ALTER LOGIN sa ENABLE; ALTER LOGIN sa WITH PASSWORD = N'{SA}'")
        engine.stop_instance(world, world.machine(name))
        engine.start_instance(world, world.machine(name))
    _failover(lab, "SQL1")
    yield lab
    boot.stop(world)
    world.close()


def _failover(lab: Lab, to: str) -> None:
    primary = engine.primary_behind(lab.world, "SQL")
    if primary is None or primary.name != to:
        Server(lab, to).run("ALTER AVAILABILITY GROUP [SQL] FAILOVER")
    found = engine.primary_behind(lab.world, "SQL")
    assert found is not None
    assert found.name == to


def _protect(lab: Lab) -> None:
    """The five databases into the group."""
    one, two = Server(lab, "SQL1"), Server(lab, "SQL2")
    for name in DATABASES:
        file = f"{SHARE}\\{name}"
        one.run(f"ALTER DATABASE [{name}] SET RECOVERY FULL")
        one.run(f"BACKUP DATABASE [{name}] TO DISK = N'{file}.bak' WITH FORMAT, INIT")
        one.run(f"BACKUP LOG [{name}] TO DISK = N'{file}.trn' WITH FORMAT, INIT")
        one.run(f"ALTER AVAILABILITY GROUP [SQL] ADD DATABASE [{name}]")
        two.run(f"RESTORE DATABASE [{name}] FROM DISK = N'{file}.bak' WITH NORECOVERY")
        two.run(f"RESTORE LOG [{name}] FROM DISK = N'{file}.trn' WITH NORECOVERY")
        two.run(f"ALTER DATABASE [{name}] SET HADR AVAILABILITY GROUP = [SQL]")


def _mirror(lab: Lab) -> None:
    one, two = Server(lab, "SQL1"), Server(lab, "SQL2")
    rows = one.run(
        "SELECT name, CONVERT(varchar(514), password_hash, 1), CONVERT(varchar(172), sid, 1) FROM sys.sql_logins"
        " WHERE name LIKE 'MgmtSvc-%' OR name LIKE '%NotificationServiceUser'"
    )
    assert len(rows) == 17
    for name, hashed, sid in rows:
        two.run(f"CREATE LOGIN [{name}] WITH PASSWORD = {hashed} HASHED, SID = {sid}, CHECK_POLICY = OFF")


def test_sites_fail_after_a_failover_until_the_logins_are_mirrored(real: Lab) -> None:
    real.install()
    real.configure(Password=SA)
    assert real.events() == []
    assert (real.get("Portal1", "30091/").status, real.events()) == (302, [])
    [plan] = real.api("Add-MgmtSvcPlan", DisplayName="High availability check")
    _protect(real)
    token = real.token()

    _failover(real, "SQL2")
    assert real.get("Portal1", "30091/").status == 500
    with pytest.raises(Exception, match="500"):
        real.api("Get-MgmtSvcPlan", token=token)
    assert real.events() == ["Login failed for user 'MgmtSvc-AdminSite'.", "Login failed for user 'MgmtSvc-AdminAPI'."]

    _mirror(real)
    before = real.events()
    assert real.get("Portal1", "30091/").status == 302
    [seen] = real.api("Get-MgmtSvcPlan")
    assert seen.get("Id") == plan.get("Id")
    assert real.events() == before

    real.install("Portal2")
    real.configure("Portal2", Password=SA)  # the store is on SQL2 now: found, not recreated
    assert real.api("Get-MgmtSvcPlan", machine="Portal2")[0].get("Id") == plan.get("Id")
    _failover(real, "SQL1")
    assert real.get("Portal2", "30081/ping").status == 200


def test_sql_server_in_windows_only_mode_refuses_the_configuration(real: Lab) -> None:
    server = Server(real, "SQL1")
    server.run(
        "EXEC xp_instance_regwrite N'HKEY_LOCAL_MACHINE', N'Software\\Microsoft\\MSSQLServer\\MSSQLServer',"
        " N'LoginMode', REG_DWORD, 1"
    )
    engine.stop_instance(real.world, real.world.machine("SQL1"))
    engine.start_instance(real.world, real.world.machine("SQL1"))
    _failover(real, "SQL1")
    real.install()
    with pytest.raises(Exception, match="Login failed for user 'sa'"):
        real.configure(Password=SA)


def test_spf_uses_its_database_through_the_listener(real: Lab) -> None:
    from lab.tests.wap.conftest import basic
    from lab.tests.wap.test_wap_admin_api import SPF_PASSWORD, _local_account

    _local_account(real, "SPF1", "SPF_Admin")
    path, headers = "8090/SC2012/Admin/Microsoft.Management.Odata.svc/", basic("SVC_SPF_REG", SPF_PASSWORD)
    assert real.get("SPF1", path, headers=headers).status == 200
    for name in ("SQL1", "SQL2"):
        engine.stop_instance(real.world, real.world.machine(name))
    assert real.get("SPF1", path, headers=headers).status == 500
