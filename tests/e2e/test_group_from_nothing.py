"""A farm on a failover cluster that is only prepared: the group is made, grows, shrinks, and goes with the stack.

The lab has three SQL Servers on its cluster. The topology begins with two of them. The tests run in the order of the
file, on one farm.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from components.portal.databases import DATABASES
from tests.e2e.changes import Allowed, differences, roles, unexpected
from tests.e2e.drifts import DISABLE_HADR, RESTART_SQL
from tests.e2e.farm import NETWORK, ROOT, Farm, Result, operations
from tests.e2e.lab_state import OURS, Documents, documents
from tests.e2e.runs import CLOSING

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]

THIRD = "{machine: SQL3, failover: manual}"
GROUP = {
    "SQL-alwayson", "SQL-authentication", "SQL-administrator", "SQL-cluster", "SQL", "SQL-listener", "SQL-primary",
    "SQL-failover-cluster", "SQL-backup-share",
    "SQL1-endpoint", "SQL2-endpoint", *DATABASES, "logins", "logins-after-joining", "failover-proof",
    "Portal1-configuration", "Portal2-configuration",
    "Portal1-installers-rules", "Portal2-installers-rules",  # looked at when a node was configured
}  # fmt: skip
"""Everything that manages the group as a whole, or asks every replica for the stores."""
VERIFICATION = "verification"
STAYS = (
    Allowed("sql", "sql-instance", "mssqlserver", "hadr,mixed,started", "AlwaysOn stays enabled"),
    Allowed("sql", "registry", r".*\\mssqlserver\\hadr", "values", "AlwaysOn stays enabled"),
    Allowed("sql", "sql-permission", r"100:0:\d+:(view server state|alter any availability group)", "new",
            "the cluster's rights stay"),
)  # fmt: skip
"""What destroy leaves of the way to a group, beside what it leaves of any farm."""


def topology(*replicas: str) -> str:
    """The single-domain design with a third SQL Server, and nothing to adopt."""
    text = (ROOT / "topologies" / "single-domain.yaml").read_text(encoding="utf-8")
    for old, new in (
        ("replicas: [SQL1, SQL2]", f"replicas: [{', '.join(replicas)}]"),
        ("  - {name: FILE,", "  - {name: SQL3, domain: hyper-v.nu, address: 172.21.5.123}\n  - {name: FILE,"),
        ("  adopt: true                  # the article's group", "  adopt: false  # no group"),
    ):
        assert text.count(old) == 1
        text = text.replace(old, new)
    return text


@dataclass
class Built:
    farm: Farm
    before: Documents
    first: Result

    def up(self) -> tuple[Result, dict[str, str]]:
        """An ``up``, and what it did to which resource, apart from what ends every ``up`` that changed something."""
        log = self.farm.folder / "events.jsonl"
        log.unlink(missing_ok=True)
        done = self.farm.pulumi("up", "--yes", "--skip-preview", "--diff", "--event-log", str(log))
        assert done.ok, done.output[-6000:]
        return done, {name: how for name, how in operations(log).items() if name != CLOSING}

    def replicas(self) -> list[tuple[str, str, str, str]]:
        """As the primary sees them: name, modes, and whether it is connected."""
        rows = self.farm.sql(
            "SQL1",
            "SELECT r.replica_server_name AS name, r.availability_mode_desc AS availability, r.failover_mode_desc AS"
            " failover, s.connected_state_desc AS connected FROM sys.availability_replicas AS r"
            " JOIN sys.dm_hadr_availability_replica_states AS s ON s.replica_id = r.replica_id ORDER BY 1",
        )
        return [(row["name"], row["availability"], row["failover"], row["connected"]) for row in rows]

    def synchronized(self, machine: str) -> set[str]:
        """The databases that a server could take over now."""
        rows = self.farm.sql(
            "SQL1",
            "SELECT d.database_name AS name FROM sys.dm_hadr_database_replica_cluster_states AS d"
            " JOIN sys.availability_replicas AS r ON r.replica_id = d.replica_id"
            f" WHERE r.replica_server_name = N'{machine}' AND d.is_failover_ready = 1",
        )
        return {row["name"] for row in rows}


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Built]:
    farm = Farm(tmp_path_factory.mktemp("from-nothing"))
    farm.environment["PULUMI_DEBUG_COMMANDS"] = "1"  # for --event-log
    farm.write_topology(topology("SQL1", "SQL2", "SQL3"))
    with farm.running():
        farm.write_topology(topology("SQL1", "SQL2"))
        before = documents(farm)
        farm.make_stack()
        yield Built(farm, before, farm.up())


def test_up_makes_the_group(built: Built) -> None:
    assert built.first.ok, built.first.output[-6000:]
    reported = built.first.output
    for sentence in (
        "On SQL1, enable AlwaysOn Availability Groups.",
        "On SQL2, create the endpoint Hadr_endpoint on port 5022.",
        "On SQL1, create the availability group SQL.",
        "On SQL2, join the availability group SQL.",
        f"On SQL1, add the listener SQL at 172.{NETWORK}.5.50:1433 to SQL.",
    ):
        assert sentence in reported
    offline = {"SQL1": "; offline meanwhile: SCSPFDB, VirtualManagerDB.", "SQL2": "."}
    for machine, what in offline.items():
        assert reported.count(f"On {machine}, restart SQL Server") == 1, (
            "it serves AlwaysOn and the authentication mode"
        )
        assert f"On {machine}, restart SQL Server{what}" in reported
    assert built.replicas() == [
        ("SQL1", "SYNCHRONOUS_COMMIT", "AUTOMATIC", "CONNECTED"),
        ("SQL2", "SYNCHRONOUS_COMMIT", "AUTOMATIC", "CONNECTED"),
    ]
    assert built.synchronized("SQL2") == set(DATABASES), "those of the other services stand alone"
    assert built.farm.operations("verify").ok


def test_a_second_up_changes_nothing(built: Built) -> None:
    assert built.up()[1] == {}


def test_a_third_replica_gets_everything_and_nothing_else_is_touched(built: Built) -> None:
    built.farm.write_topology(topology("SQL1", "SQL2", THIRD))
    done, touched = built.up()
    assert touched == {
        **dict.fromkeys(GROUP, "update"), "server-tls": "update",
        "SQL3-endpoint": "create", VERIFICATION: touched[VERIFICATION],
    }  # fmt: skip
    assert "On SQL1, restart SQL Server" not in done.output
    assert "On SQL2, restart SQL Server" not in done.output
    assert "fail SQL over" not in done.output
    assert built.replicas()[2] == ("SQL3", "SYNCHRONOUS_COMMIT", "MANUAL", "CONNECTED")
    assert built.synchronized("SQL3") == set(DATABASES)
    logins = "SELECT name, CONVERT(nvarchar(200), sid, 1) AS sid FROM sys.sql_logins WHERE name LIKE N'MgmtSvc-%'"
    first, third = (sorted((row["name"], row["sid"]) for row in built.farm.sql(m, logins)) for m in ("SQL1", "SQL3"))
    assert first == third
    assert len(third) > 5
    # Over ODBC, as the administrator: mixed mode, and the login with its password.
    rows = built.farm.remote.sql_odbc("SQL3").rows("SELECT SUSER_SNAME() AS who", attempted="log on")
    assert rows == [{"who": "sa"}]
    assert built.farm.operations("verify").ok


def test_alwayson_disabled_by_hand_on_a_secondary_is_shown_and_repaired(built: Built) -> None:
    built.farm.powershell("SQL3", DISABLE_HADR)
    built.farm.powershell("SQL3", RESTART_SQL)
    preview = built.farm.preview()
    assert preview.ok, preview.output[-4000:]
    assert '"disabled on SQL3" => "enabled"' in preview.output
    done, touched = built.up()
    assert set(touched) == {"SQL-alwayson", *DATABASES, VERIFICATION}
    assert "On SQL3, enable AlwaysOn Availability Groups." in done.output
    assert built.synchronized("SQL3") == set(DATABASES)


def test_a_replica_removed_by_hand_is_shown_and_comes_back(built: Built) -> None:
    built.farm.sql("SQL1", "ALTER AVAILABILITY GROUP [SQL] REMOVE REPLICA ON N'SQL3'")
    verified = built.farm.operations("verify")
    assert not verified.ok
    assert "SQL3 is not a replica of it" in verified.output
    done, touched = built.up()
    assert set(touched) == {"SQL", *DATABASES, VERIFICATION}
    assert "On SQL1, add the replica SQL3 to SQL." in done.output
    assert "create" not in touched.values()
    assert built.synchronized("SQL3") == set(DATABASES)


def test_a_replica_that_leaves_the_topology_leaves_the_group(built: Built) -> None:
    built.farm.write_topology(topology("SQL1", "SQL2"))
    done, touched = built.up()
    assert touched == {
        **dict.fromkeys(GROUP, "update"), "server-tls": "update",
        "SQL3-endpoint": "delete", VERIFICATION: touched[VERIFICATION],
    }  # fmt: skip
    assert "On SQL1, remove the replica SQL3 from SQL." in done.output
    assert [name for name, *_ in built.replicas()] == ["SQL1", "SQL2"]
    left = built.farm.sql("SQL3", "SELECT DISTINCT state_desc AS state FROM sys.databases WHERE database_id > 4")
    assert left == [{"state": "RESTORING"}]
    assert built.farm.operations("verify").ok


def test_destroy_drops_what_was_made(built: Built) -> None:
    done = built.farm.destroy()
    assert done.ok, done.output[-4000:]
    assert "On SQL1, drop the availability group SQL." in done.output
    after = documents(built.farm)
    known = roles(built.farm.model)
    found = [one for one in differences(built.before, after) if one.owner != "sql3"]
    assert (
        unexpected([one for one in found if not any(rule.covers(one, known) for rule in STAYS)], built.farm.model) == []
    )
    assert [rule for rule in STAYS if not any(rule.covers(one, known) for one in found)] == []
    assert [key for key in after if key[0].startswith("ag:") or key[1] == "availability-group"] == []
    for machine in ("sql1", "sql2", "sql3"):
        assert [key for key in after if key[0] == machine and key[1] == "sql-endpoint"] == []
        assert (machine, "sql-login", r"hypervnu\svc_sql") not in after
        assert [key for key in after if key[0] == machine and OURS.lower() in key[2]] == []
