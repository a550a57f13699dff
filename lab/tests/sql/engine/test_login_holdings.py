"""What a login may own, be granted and be mapped to; what keeps it from being dropped, and what goes with it."""

from __future__ import annotations

import pytest

from lab.sql.api import Session
from lab.tests.sql.engine.conftest import ok, run


@pytest.fixture
def app(session: Session) -> Session:
    for name in ("app", "other", "third"):
        ok(session, f"CREATE LOGIN {name} WITH PASSWORD = N'Secret-Word-1'")
    return session


@pytest.mark.parametrize(
    ("give", "number", "give_back"),
    [
        ("CREATE DATABASE Shop; ALTER AUTHORIZATION ON DATABASE::Shop TO app", 15174,
         "ALTER AUTHORIZATION ON DATABASE::Shop TO sa"),
        ("ALTER AUTHORIZATION ON ENDPOINT::Hadr_endpoint TO app", 15141,
         "ALTER AUTHORIZATION ON ENDPOINT::Hadr_endpoint TO sa"),
        ("CREATE SERVER ROLE operators AUTHORIZATION app", 15141,
         "ALTER AUTHORIZATION ON SERVER ROLE::operators TO sa"),
        ("ALTER AUTHORIZATION ON AVAILABILITY GROUP::[SQL] TO app", 15141,
         "ALTER AUTHORIZATION ON AVAILABILITY GROUP::[SQL] TO sa"),
        ("EXEC msdb.dbo.sp_add_job @job_name = N'nightly', @owner_login_name = N'app'", 15170,
         "EXEC msdb.dbo.sp_update_job @job_name = N'nightly', @owner_login_name = N'sa'"),
        ("GRANT ALTER TRACE TO app WITH GRANT OPTION; GRANT ALTER TRACE TO other AS app", 15173,
         "REVOKE ALTER TRACE FROM other AS app"),
    ],
    ids=["database", "endpoint", "server role", "availability group", "job", "permission granted"],
)  # fmt: skip
def test_what_keeps_a_login_from_being_dropped(app: Session, give: str, number: int, give_back: str) -> None:
    ok(app, give)
    assert run(app, "DROP LOGIN app").numbers == [number]
    ok(app, give_back)
    ok(app, "DROP LOGIN app")


def test_owners_are_shown(app: Session) -> None:
    ok(app, "ALTER AUTHORIZATION ON AVAILABILITY GROUP::[SQL] TO app")
    ok(app, "CREATE SERVER ROLE operators AUTHORIZATION app")
    ok(app, "EXEC msdb.dbo.sp_add_job @job_name = N'nightly', @owner_login_name = N'app'")
    for query in (
        "SELECT owner_sid FROM sys.availability_replicas WHERE replica_metadata_id IS NOT NULL",
        "SELECT owner_sid FROM msdb.dbo.sysjobs WHERE name = N'nightly'",
    ):
        assert ok(app, f"SELECT SUSER_SNAME(({query}))").value == "app"
    owner = "SELECT owning_principal_id FROM sys.server_principals WHERE name = 'operators'"
    assert ok(app, f"SELECT SUSER_NAME(({owner}))").value == "app"


def test_an_owner_has_to_exist_and_so_has_what_is_owned(app: Session) -> None:
    assert run(app, "ALTER AUTHORIZATION ON SERVER ROLE::operators TO app").numbers == [15151]
    assert run(app, "ALTER AUTHORIZATION ON AVAILABILITY GROUP::[None] TO app").numbers == [15151]
    assert run(app, "ALTER AUTHORIZATION ON AVAILABILITY GROUP::[SQL] TO nobody").numbers == [15151]
    assert run(app, "CREATE SERVER ROLE operators AUTHORIZATION nobody").numbers == [15151]


def test_jobs_are_found_by_name_or_number_and_nothing_else(app: Session) -> None:
    ok(app, "EXEC msdb.dbo.sp_add_job @job_name = N'nightly'")
    assert run(app, "EXEC msdb.dbo.sp_add_job @job_name = N'NIGHTLY'").numbers == [14261]
    assert run(app, "EXEC msdb.dbo.sp_update_job @job_name = N'daily', @enabled = 0").numbers == [14262]
    assert run(app, "EXEC msdb.dbo.sp_update_job @enabled = 0").numbers == [14294]
    assert run(app, "EXEC msdb.dbo.sp_update_job @job_name = N'nightly', @owner_login_name = N'no'").numbers == [14234]
    assert run(app, "EXEC msdb.dbo.sp_add_job @job_name = N'a', @delete_level = 3").numbers == [999999]
    number = ok(app, "SELECT job_id FROM msdb.dbo.sysjobs").value
    ok(app, f"EXEC msdb.dbo.sp_update_job @job_id = '{number}', @new_name = N'daily', @owner_login_name = N'app'")
    assert ok(app, "SELECT name, SUSER_SNAME(owner_sid) FROM msdb.dbo.sysjobs").rows == [("daily", "app")]
    ok(app, "EXEC msdb.dbo.sp_delete_job @job_name = N'daily'")
    assert ok(app, "SELECT COUNT(*) FROM msdb.dbo.sysjobs").value == 0


def test_a_login_is_mapped_to_a_credential_that_exists(app: Session) -> None:
    mapped = (
        "SELECT credentials.name FROM sys.server_principals AS logins"
        " JOIN sys.credentials ON credentials.credential_id = logins.credential_id WHERE logins.name = N'app'"
    )
    assert run(app, "ALTER LOGIN app WITH CREDENTIAL = proxy").numbers == [15151]
    ok(app, "CREATE CREDENTIAL proxy WITH IDENTITY = N'HYPERVNU\\backup', SECRET = N'not shown'")
    assert run(app, "CREATE CREDENTIAL proxy WITH IDENTITY = N'x'").numbers == [15530]
    ok(app, "ALTER LOGIN app WITH CREDENTIAL = proxy")
    assert ok(app, mapped).rows == [("proxy",)]
    assert run(app, "DROP CREDENTIAL proxy").numbers == [15141]
    ok(app, "ALTER LOGIN app WITH NO CREDENTIAL")
    assert ok(app, mapped).rows == []
    ok(app, "DROP CREDENTIAL proxy")


GRANTS = (
    "SELECT grantees.name, grantors.name, permissions.state FROM sys.server_permissions AS permissions"
    " JOIN sys.server_principals AS grantees ON grantees.principal_id = permissions.grantee_principal_id"
    " JOIN sys.server_principals AS grantors ON grantors.principal_id = permissions.grantor_principal_id"
    " WHERE permissions.permission_name = N'ALTER TRACE' ORDER BY grantees.principal_id, grantors.principal_id"
)


def test_who_granted_is_kept_and_only_who_may_grant_grants(app: Session) -> None:
    ok(app, "GRANT ALTER TRACE TO app")
    assert run(app, "GRANT ALTER TRACE TO other AS app").numbers == [4613], "without the grant option"
    ok(app, "GRANT ALTER TRACE TO app WITH GRANT OPTION")
    ok(app, "GRANT ALTER TRACE TO other WITH GRANT OPTION AS app; GRANT ALTER TRACE TO third AS other")
    ok(app, "GRANT ALTER TRACE TO third")
    expected = [("app", "sa", "W"), ("other", "app", "W"), ("third", "sa", "G"), ("third", "other", "G")]
    assert ok(app, GRANTS).rows == expected
    ok(app, "REVOKE ALTER TRACE FROM third AS other")
    assert ok(app, GRANTS).rows == expected[:3], "sa's grant is another one"


def test_revoking_what_was_granted_on_takes_cascade(app: Session) -> None:
    ok(app, "GRANT ALTER TRACE TO app WITH GRANT OPTION; GRANT ALTER TRACE TO other WITH GRANT OPTION AS app")
    ok(app, "GRANT ALTER TRACE TO third AS other")
    assert run(app, "REVOKE ALTER TRACE FROM app").numbers == [4611]
    ok(app, "REVOKE ALTER TRACE FROM app CASCADE")
    assert ok(app, GRANTS).rows == []


GROUP_OF = (
    "SELECT ag.name FROM sys.availability_replicas AS replicas JOIN sys.availability_groups AS ag"
    " ON ag.group_id = replicas.group_id WHERE replicas.replica_metadata_id = "
)


@pytest.mark.parametrize(
    ("on", "number", "name"),
    [
        ("LOGIN::other", 101, "SELECT name FROM sys.server_principals WHERE principal_id = "),
        ("SERVER ROLE::sysadmin", 101, "SELECT name FROM sys.server_principals WHERE principal_id = "),
        ("ENDPOINT::Hadr_endpoint", 105, "SELECT name FROM sys.endpoints WHERE endpoint_id = "),
        ("AVAILABILITY GROUP::[SQL]", 108, GROUP_OF),
    ],
    ids=["login", "server role", "endpoint", "availability group"],
)  # fmt: skip
def test_permissions_on_one_securable(app: Session, on: str, number: int, name: str) -> None:
    ok(app, f"GRANT VIEW DEFINITION ON {on} TO app")
    row = ok(app, "SELECT class, major_id FROM sys.server_permissions WHERE permission_name = N'VIEW DEFINITION'").rows
    assert row[0][0] == number
    assert ok(app, f"{name}{row[0][1]}").value == on.split("::")[1].strip("[]")
    ok(app, f"REVOKE VIEW DEFINITION ON {on} FROM app")
    assert run(app, f"GRANT VIEW DEFINITION ON {on.split('::')[0]}::[Nothing] TO app").numbers == [15151]


def test_two_groups_of_a_server_have_permissions_of_their_own(app: Session) -> None:
    replicas = ", ".join(
        f"N'{name}' WITH (ENDPOINT_URL = N'TCP://{name}.hyper-v.nu:5022', AVAILABILITY_MODE = ASYNCHRONOUS_COMMIT,"
        " FAILOVER_MODE = MANUAL)"
        for name in ("SQL1", "SQL2")
    )
    ok(app, f"CREATE AVAILABILITY GROUP [Own] FOR REPLICA ON {replicas}")
    for name in ("SQL", "Own"):
        ok(app, f"GRANT ALTER ON AVAILABILITY GROUP::[{name}] TO app")
    of = f"SELECT ({GROUP_OF}p.major_id) FROM sys.server_permissions AS p WHERE p.class = 108 ORDER BY 1"
    assert [row[0] for row in ok(app, of).rows] == ["Own", "SQL"]
    ok(app, "DROP AVAILABILITY GROUP [Own]")
    assert [row[0] for row in ok(app, of).rows] == ["SQL"]


def test_permissions_of_and_on_a_login_go_with_it(app: Session) -> None:
    ok(app, "GRANT IMPERSONATE ON LOGIN::app TO other; GRANT CONNECT ON ENDPOINT::Hadr_endpoint TO app")
    ok(app, "DROP LOGIN app")
    left = "SELECT COUNT(*) FROM sys.server_permissions WHERE class = 101 OR permission_name = N'CONNECT'"
    before = ok(app, left).value
    ok(app, "DROP LOGIN other")
    assert ok(app, left).value == before, "the one on app went with app already"
    assert ok(app, "SELECT COUNT(*) FROM sys.server_permissions WHERE class = 101").value == 0


def test_extended_properties_of_msdb_follow_the_transaction(app: Session) -> None:
    """Of the database that the procedure's name names, which is the current one again afterwards."""
    read = "SELECT value FROM msdb.sys.extended_properties WHERE class = 0 AND name = N'mark'"
    ok(app, "EXEC msdb.sys.sp_addextendedproperty @name = N'mark', @value = N'one'")
    assert ok(app, "SELECT DB_NAME()").value == "master"
    assert run(app, "EXEC msdb.sys.sp_addextendedproperty @name = N'mark', @value = N'two'").numbers == [15233]
    ok(app, "BEGIN TRANSACTION; EXEC msdb.sys.sp_updateextendedproperty @name = N'mark', @value = N'two'; ROLLBACK")
    assert ok(app, read).rows == [("one",)]
    assert ok(app, "SELECT COUNT(*) FROM sys.extended_properties WHERE name = N'mark'").value == 0
    assert run(app, "EXEC nowhere.sys.sp_dropextendedproperty @name = N'mark'").numbers == [911]
    ok(app, "EXEC msdb.sys.sp_dropextendedproperty @name = N'mark'")
    assert ok(app, read).rows == []
    assert run(app, "EXEC msdb.sys.sp_dropextendedproperty @name = N'mark'").numbers == [15217]


@pytest.mark.parametrize("verb", ["add", "update", "drop"])
def test_no_transaction_takes_an_extended_property_of_master(app: Session, verb: str) -> None:
    ok(app, "EXEC sys.sp_addextendedproperty @name = N'mark', @value = N'one'")
    value = "" if verb == "drop" else ", @value = N'two'"
    statement = f"EXEC sys.sp_{verb}extendedproperty @name = N'mark'{value}"
    for begun in ("BEGIN TRANSACTION", "SET IMPLICIT_TRANSACTIONS ON; SELECT TOP (1) name FROM sys.databases"):
        assert run(app, f"{begun}; {statement}; ROLLBACK; SET IMPLICIT_TRANSACTIONS OFF").numbers == [15002]
    ok(app, "EXEC sys.sp_updateextendedproperty @name = N'mark', @value = N'two'")
    ok(app, "EXEC sys.sp_dropextendedproperty @name = N'mark'")


def test_a_login_made_and_given_rights_is_rolled_back_whole(app: Session) -> None:
    ok(app, "CREATE SERVER ROLE operators")
    marks = "msdb.sys.extended_properties"
    tables = ("sys.server_principals", "sys.server_role_members", "sys.server_permissions", marks)
    counts = " UNION ALL ".join(f"SELECT COUNT(*) FROM {table}" for table in tables)
    before = ok(app, counts).rows
    failed = run(
        app,
        "SET XACT_ABORT ON; BEGIN TRANSACTION; CREATE LOGIN new WITH PASSWORD = N'Secret-Word-1';"
        " ALTER SERVER ROLE operators ADD MEMBER new; GRANT ALTER TRACE TO new;"
        " EXEC msdb.sys.sp_addextendedproperty @name = N'mark', @value = N'new'; GRANT ALTER TRACE TO nobody; COMMIT",
    )
    assert failed.numbers == [15151]
    assert ok(app, "SELECT @@TRANCOUNT").value == 0
    assert ok(app, counts).rows == before
