"""The design your-own by its pieces: quotes, ``$``, brackets, spaces and umlauts, a named instance, a lagging replica.

Everything is made on the lab, altered by hand where names could get in the way, found, repaired, and taken away again.
One farm for the whole module; the tests run in the order of the file.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from tests.e2e.changes import differences, unexpected
from tests.e2e.drifts import Hand, shell, sql
from tests.e2e.farm import ROOT
from tests.e2e.lab_here import FarmHere, Piece
from tests.e2e.lab_state import OURS, Documents, documents

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]

GROUP, STORE = "Azure Pack [live]", "Microsoft.MgmtSvc.Store"
QUOTED = "[Azure Pack [live]]]"
WINDOWS_ONLY = (
    r"EXEC master.dbo.xp_instance_regwrite N'HKEY_LOCAL_MACHINE', N'Software\Microsoft\MSSQLServer\MSSQLServer', "
    "N'LoginMode', REG_DWORD, 1"
)
ACCOUNT = '$account = [ADSI]"WinNT://$env:COMPUTERNAME/o\'brien`$,user"\n'


@dataclass
class Made:
    farm: FarmHere
    before: Documents
    pieces: dict[str, Piece] = field(default_factory=dict)
    outs: dict[str, dict[str, Any]] = field(default_factory=dict)

    def create(self) -> None:
        for name, piece in self.farm.pieces().items():
            if "plan_id" in piece.inputs:  # the mocks' own answer, where the engine passes on the plan's
                piece = piece.but(plan_id=self.outs["plan"]["plan_id"])
            self.pieces[name] = piece
            self.outs[name] = piece.create()

    def repair(self, name: str) -> None:
        """What the engine does after a difference was found."""
        piece = self.pieces[name]
        given = piece.provider().check({}, dict(piece.inputs)).inputs
        self.outs[name] = dict(piece.provider().update("", self.outs[name], given).outs or {})

    def drift(self, name: str) -> dict[str, Any]:
        return self.pieces[name].drift(self.outs[name])


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Made]:
    farm = FarmHere(tmp_path_factory.mktemp("odd-names"), source=ROOT / "topologies" / "your-own.yaml")
    with farm.running():
        found = Made(farm, documents(farm))
        found.create()
        yield found


def test_at_rest_nothing_differs(made: Made) -> None:
    assert {name: found for name in made.pieces if (found := made.drift(name))} == {}


def test_the_copy_of_the_named_instance_is_in_its_own_folder(made: Made) -> None:
    files = "SELECT physical_name AS path FROM sys.master_files WHERE database_id = DB_ID(N'Microsoft.MgmtSvc.Store')"
    for machine, instance in (("DATA-1", "MSSQLSERVER"), ("DATA-2", "WAP"), ("DATA-4", "MSSQLSERVER")):
        folders = {row["path"].rpartition("\\")[0] for row in made.farm.sql(machine, files)}
        assert folders == {rf"C:\Program Files\Microsoft SQL Server\MSSQL11.{instance}\MSSQL\DATA"}


DRIFTS: dict[str, tuple[str, list[Hand], dict[str, Any]]] = {
    "authentication of the named instance": (
        f"{GROUP}-authentication",
        [sql("DATA-2", WINDOWS_ONLY), shell("DATA-2", "Restart-Service 'MSSQL$WAP' -Force")],
        {"mode": "windows"},
    ),
    "administrator with a quote": (
        f"{GROUP}-administrator",
        [
            sql("DATA-2", "ALTER LOGIN [o'neill$wap] DISABLE"),
            sql("DATA-3", "ALTER SERVER ROLE sysadmin DROP MEMBER [o'neill$wap]"),
            sql("DATA-4", "ALTER LOGIN [o'neill$wap] WITH PASSWORD = N'Set-By-Hand-1!'"),
        ],
        {"password": "(differs from the configuration)", "enabled": False, "sysadmin": False},
    ),
    "a mode of the named instance": (
        GROUP,
        [
            sql(
                "DATA-1",
                rf"ALTER AVAILABILITY GROUP {QUOTED} MODIFY REPLICA ON N'DATA-2\WAP' WITH (FAILOVER_MODE = MANUAL)",
            )
        ],
        {},
    ),
    "listener": (
        f"{GROUP}-listener",
        [sql("DATA-1", f"ALTER AVAILABILITY GROUP {QUOTED} MODIFY LISTENER N'WAPDATA' (PORT = 1444)")],
        {"port": 1444},
    ),
    "primary on the named instance": (
        f"{GROUP}-primary",
        [sql("DATA-2", f"ALTER AVAILABILITY GROUP {QUOTED} FAILOVER")],
        {"machine": "DATA-2"},
    ),
    "suspended where it is synchronous and where it lags": (
        STORE,
        [sql(machine, f"ALTER DATABASE [{STORE}] SET HADR SUSPEND") for machine in ("DATA-2", "DATA-4")],
        {"replicas": "DATA-2: suspended (SUSPEND_FROM_USER); DATA-4: suspended (SUSPEND_FROM_USER)"},
    ),
    "taken out where files move and where they lag": (
        STORE,
        [sql(machine, f"ALTER DATABASE [{STORE}] SET HADR OFF") for machine in ("DATA-2", "DATA-4")],
        {"replicas": "DATA-2: not joined; DATA-4: not joined"},
    ),
    "logins": (
        "logins",
        [
            sql("DATA-4", "ALTER LOGIN [MgmtSvc-AdminAPI] WITH PASSWORD = N'Set-By-Hand-1!'"),
            sql("DATA-2", "DROP LOGIN [MgmtSvc-AdminSite]"),
        ],
        {"state": "MgmtSvc-AdminAPI on DATA-4: password; MgmtSvc-AdminSite on DATA-2: missing"},
    ),
    "password of an account with a quote": (
        "ORCH-A-account",
        [shell("ORCH-A", ACCOUNT + "$account.SetPassword('Set-By-Hand-1!'); $account.SetInfo()")],
        {"password": "(differs from the configuration)"},
    ),
    "groups of an account with a quote": (
        "ORCH-B-account",
        [
            shell(
                "ORCH-B",
                '$group = [ADSI]"WinNT://$env:COMPUTERNAME/SPF_VMM,group"\n'
                '$group.Remove("WinNT://$env:COMPUTERNAME/o\'brien`$")',
            )
        ],
        {"groups": ["SPF_Admin", "SPF_Provider"]},
    ),
    "operators with umlauts": (
        "WEB-B-operators",
        [
            shell(
                "WEB-B",
                '$group = [ADSI]"WinNT://$env:COMPUTERNAME/MgmtSvc Operators,group"\n'
                "$group.Remove('WinNT://FABRIKAM/Clöud Operators (O''Neill & Söhne)')",
            )
        ],
        {"members": []},
    ),
}


@pytest.mark.parametrize("case", DRIFTS)
def test_what_is_altered_by_hand_is_found_and_repaired(made: Made, case: str) -> None:
    name, hands, expected = DRIFTS[case]
    for by_hand in hands:
        by_hand(made.farm)
    found = made.drift(name)
    assert found, "nothing was found"
    assert {key: found[key][1] for key in expected} == expected
    made.repair(name)
    assert made.drift(name) == {}


def test_the_primary_is_where_it_is_wanted_and_the_lagging_replica_lags(made: Made) -> None:
    states = """SELECT replicas.replica_server_name AS server, states.synchronization_state_desc AS state
          FROM sys.dm_hadr_database_replica_states AS states
          JOIN sys.availability_replicas AS replicas ON replicas.replica_id = states.replica_id
         WHERE states.database_id = DB_ID(N'Microsoft.MgmtSvc.Store')"""
    assert {row["server"]: row["state"] for row in made.farm.sql("DATA-1", states)} == {
        "DATA-1": "SYNCHRONIZED",
        r"DATA-2\WAP": "SYNCHRONIZED",
        "DATA-3": "SYNCHRONIZED",
        "DATA-4": "SYNCHRONIZING",
    }


def test_everything_goes_again(made: Made) -> None:
    for name in reversed(made.pieces):
        made.pieces[name].delete(made.outs[name])
    after = documents(made.farm)
    assert [key for key in after if OURS.lower() in key[2]] == [], "claims and marks, whatever is in their names"
    assert [str(one) for one in differences(made.before, after) if "o'" in one.name] == []
    assert unexpected(differences(made.before, after), made.farm.model) == []
