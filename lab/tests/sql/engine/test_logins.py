"""Logins: their statements, passwords and hashes, who gets in and with which error, roles and permissions."""

from __future__ import annotations

import hashlib
import json

import pytest

from lab import identity
from lab.sql import engine
from lab.sql.api import Session, SqlError
from lab.tests.sql.engine.conftest import SA_PASSWORD, Servers, ok, run


@pytest.fixture
def mixed(servers: Servers) -> Servers:
    servers.mixed()
    return servers


@pytest.fixture
def sa(mixed: Servers) -> Session:
    return mixed.login("SQL2", "sa", SA_PASSWORD)


def refused(servers: Servers, user: str, password: str, database: str = "", server: str = "SQL2") -> int:
    with pytest.raises(SqlError) as caught:
        servers.login(server, user, password, database)
    return caught.value.number


def test_a_hash_has_the_documented_form(session: Session) -> None:
    ok(session, "CREATE LOGIN app WITH PASSWORD = N'Secret-Word-1'")
    stored = ok(session, "SELECT password_hash FROM sys.sql_logins WHERE name = 'APP'").value
    assert stored[:2] == b"\x02\x00"
    assert stored[6:] == hashlib.sha512("Secret-Word-1".encode("utf-16-le") + stored[2:6]).digest()
    assert ok(session, "SELECT LOGINPROPERTY('app', 'PasswordHash')").value == stored


def test_windows_only_mode_admits_no_sql_login_and_the_reason_is_in_the_error_log(
    servers: Servers, session: Session
) -> None:
    ok(session, f"ALTER LOGIN sa WITH PASSWORD = N'{SA_PASSWORD}'; ALTER LOGIN sa ENABLE")
    assert refused(servers, "sa", SA_PASSWORD) == 18456
    assert any("State: 58" in entry["text"] for entry in servers.machine("SQL2").collection("sql-errorlog").values())


def test_the_mode_changes_with_a_restart_not_with_the_registry(servers: Servers, session: Session) -> None:
    write = (
        "EXEC xp_instance_regwrite N'HKEY_LOCAL_MACHINE', N'Software\\Microsoft\\MSSQLServer\\MSSQLServer', "
        "N'LoginMode',"
        " REG_DWORD, 2"
    )
    read = (
        "DECLARE @m int; EXEC master.dbo.xp_instance_regread N'HKEY_LOCAL_MACHINE',"
        " N'Software\\Microsoft\\MSSQLServer\\MSSQLServer', N'LoginMode', @m OUTPUT; SELECT @m"
    )
    running = "SELECT CAST(SERVERPROPERTY('IsIntegratedSecurityOnly') AS int)"
    ok(session, write)
    assert (ok(session, read).value, ok(session, running).value) == (2, 1)
    engine.stop_instance(servers.world, servers.machine("SQL2"))
    engine.start_instance(servers.world, servers.machine("SQL2"))
    session = servers.as_installer("SQL2")
    assert (ok(session, read).value, ok(session, running).value) == (2, 0)


@pytest.mark.parametrize(
    ("prepare", "password", "number"),
    [
        ("", "Wrong-1", 18456),
        ("ALTER LOGIN app DISABLE", "Secret-Word-1", 18470),
        ("ALTER LOGIN app DISABLE", "Wrong-1", 18456),
        ("DENY CONNECT SQL TO app", "Secret-Word-1", 18456),
        ("ALTER LOGIN app WITH PASSWORD = 'Secret-Word-2' MUST_CHANGE, CHECK_EXPIRATION = ON", "Secret-Word-2", 18488),
        (
            "CREATE DATABASE gone; ALTER LOGIN app WITH DEFAULT_DATABASE = gone; DROP DATABASE gone",
            "Secret-Word-1",
            4064,
        ),
        ("DROP LOGIN app", "Secret-Word-1", 18456),
    ],
)
def test_who_is_refused(mixed: Servers, sa: Session, prepare: str, password: str, number: int) -> None:
    ok(sa, "CREATE LOGIN app WITH PASSWORD = N'Secret-Word-1'")
    if prepare:
        ok(sa, prepare)
    assert refused(mixed, "app", password) == number


def test_a_login_needs_a_user_in_the_database_it_asks_for(mixed: Servers, sa: Session) -> None:
    ok(sa, "CREATE LOGIN app WITH PASSWORD = N'Secret-Word-1'; CREATE DATABASE Work")
    assert refused(mixed, "app", "Secret-Word-1", "Work") == 4060
    app = mixed.login("SQL2", "app", "Secret-Word-1")
    assert run(app, "USE Work").numbers == [916]
    assert run(app, "SELECT * FROM Work.sys.tables").numbers == [916]
    ok(sa, "USE Work; CREATE USER app FOR LOGIN app; USE master")
    assert mixed.login("SQL2", "app", "Secret-Word-1", "Work").database == "Work"


def test_windows_logins_and_their_groups(servers: Servers) -> None:
    machine = servers.machine("SQL2")
    who = identity.identity(servers.world, machine, "HYPERVNU\\operator")
    with pytest.raises(SqlError) as caught:
        engine.connect(servers.world, machine, ".", identity=who)
    assert caught.value.number == 18456
    ok(servers.as_installer("SQL2"), "CREATE LOGIN [HYPERVNU\\WAP Administrators] FROM WINDOWS")
    session = engine.connect(servers.world, machine, ".", identity=who)
    assert ok(session, "SELECT SUSER_SNAME(), IS_SRVROLEMEMBER('sysadmin')").rows == [("HYPERVNU\\operator", 0)]


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("CREATE LOGIN sa WITH PASSWORD = 'Secret-Word-1'", 15025),
        ("CREATE LOGIN x WITH PASSWORD = 'short'", 15116),
        ("CREATE LOGIN x WITH PASSWORD = 'simplesimple'", 15118),
        ("CREATE LOGIN x WITH PASSWORD = 'Secret-Word-1', SID = 0x01", 15419),
        ("CREATE LOGIN x WITH PASSWORD = 'Secret-Word-1', DEFAULT_DATABASE = nowhere", 15010),
        ("CREATE LOGIN x WITH PASSWORD = 'Secret-Word-1', CHECK_POLICY = OFF, CHECK_EXPIRATION = ON", 15122),
        ("CREATE LOGIN x WITH PASSWORD = 0x0102 HASHED", 15021),
        ("CREATE LOGIN x WITH PASSWORD = 'Secret-Word-1', NONSENSE = ON", 102),
        ("CREATE LOGIN x WITH PASSWORD = @p", 102),
        ("CREATE LOGIN [HYPERVNU\\nobody] FROM WINDOWS", 15401),
        ("CREATE LOGIN nobody FROM WINDOWS", 15407),
        ("ALTER LOGIN nobody ENABLE", 15151),
        ("DROP LOGIN nobody", 15151),
        ("DROP LOGIN sa", 15405),
        ("ALTER SERVER ROLE nothing ADD MEMBER sa", 15151),
        ("ALTER SERVER ROLE sysadmin ADD MEMBER nobody", 15151),
        ("GRANT VIEW SERVER STATE TO nobody", 15151),
        ("GRANT NONSENSE TO sa", 102),
        ("CREATE USER u FOR LOGIN nobody", 15007),
        ("ALTER ROLE db_owner ADD MEMBER nobody", 15151),
        ("ALTER SERVER ROLE sysadmin ADD MEMBER unknown", 15151),
    ],
)
def test_statements_about_logins_that_fail(session: Session, text: str, number: int) -> None:
    assert run(session, text).numbers == [number]


def test_a_sid_belongs_to_one_login(session: Session) -> None:
    sid = "0x" + "0102030405060708" * 2
    ok(session, f"CREATE LOGIN one WITH PASSWORD = 'Secret-Word-1', SID = {sid}")
    assert run(session, f"CREATE LOGIN two WITH PASSWORD = 'Secret-Word-1', SID = {sid}").numbers == [15433]
    assert ok(session, "SELECT SUSER_SNAME(0x01020304050607080102030405060708)").value == "one"


def test_an_owner_of_a_database_is_not_dropped(session: Session) -> None:
    ok(session, "CREATE LOGIN owner1 WITH PASSWORD = 'Secret-Word-1'; CREATE DATABASE Work")
    ok(session, "ALTER AUTHORIZATION ON DATABASE::Work TO owner1")
    assert run(session, "DROP LOGIN owner1").numbers == [15174]


def test_a_hash_on_an_existing_login_needs_the_policy_off(session: Session) -> None:
    ok(session, "CREATE LOGIN app WITH PASSWORD = 'Secret-Word-1', CHECK_POLICY = ON")
    other = "0x" + (b"\x02\x00salt" + hashlib.sha512("Secret-Word-2".encode("utf-16-le") + b"salt").digest()).hex()
    assert run(session, f"ALTER LOGIN app WITH PASSWORD = {other} HASHED").numbers == [15118]
    ok(session, f"ALTER LOGIN app WITH CHECK_POLICY = OFF; ALTER LOGIN app WITH PASSWORD = {other} HASHED")
    ok(session, "ALTER LOGIN app WITH CHECK_POLICY = ON")
    look = "SELECT is_policy_checked, is_expiration_checked FROM sys.sql_logins WHERE name = 'app'"
    assert ok(session, look).rows == [(True, True)], "a policy that is switched on brings expiration along"
    ok(
        session,
        "ALTER LOGIN app WITH CHECK_POLICY = OFF; ALTER LOGIN app WITH CHECK_POLICY = ON, CHECK_EXPIRATION = OFF",
    )
    assert ok(session, look).rows == [(True, False)]
    row = ok(
        session,
        "SELECT PWDCOMPARE(N'Secret-Word-2', password_hash), is_policy_checked FROM sys.sql_logins WHERE name = 'app'",
    )
    assert row.rows == [(1, True)]


def test_a_mirrored_login_is_the_same_login(mixed: Servers, sa: Session) -> None:
    ok(sa, "CREATE LOGIN app WITH PASSWORD = N'Secret-Word-1', CHECK_POLICY = OFF")
    stored, sid = ok(sa, "SELECT password_hash, sid FROM sys.sql_logins WHERE name = 'app'").rows[0]
    other = mixed.login("SQL1", "sa", SA_PASSWORD)
    text = """DECLARE @sql nvarchar(max) = N'CREATE LOGIN [app] WITH PASSWORD = ' + CONVERT(nvarchar(max), @hash, 1)
        + N' HASHED, SID = ' + CONVERT(nvarchar(200), @sid, 1) + N', CHECK_POLICY = OFF'; EXEC (@sql)"""
    from lab.sql.api import Parameter

    ok(other, text, Parameter("@hash", "varbinary(256)", stored), Parameter("@sid", "varbinary(85)", sid))
    assert mixed.login("SQL1", "app", "Secret-Word-1").login == "app"
    assert ok(other, "SELECT sid FROM sys.server_principals WHERE name = 'app'").value == sid


def test_a_login_statement_goes_with_its_transaction(session: Session) -> None:
    ok(session, "BEGIN TRAN; CREATE LOGIN app WITH PASSWORD = 'Secret-Word-1'; ROLLBACK")
    assert ok(session, "SELECT COUNT(*) FROM sys.sql_logins WHERE name = 'app'").value == 0


def test_an_administrator_only_may(mixed: Servers, sa: Session) -> None:
    ok(sa, "CREATE LOGIN app WITH PASSWORD = N'Secret-Word-1'")
    app = mixed.login("SQL2", "app", "Secret-Word-1")
    for text, number in [
        ("CREATE LOGIN x WITH PASSWORD = 'Secret-Word-1'", 15247),
        ("ALTER LOGIN sa DISABLE", 15151),
        ("CREATE DATABASE x", 262),
        ("SELECT * FROM sys.dm_hadr_cluster", 300),
        ("ALTER AVAILABILITY GROUP [SQL] FAILOVER", 15151),
        ("EXECUTE AS LOGIN = 'sa'", 15406),
    ]:
        assert run(app, text).numbers == [number], text
    assert ok(app, "SELECT name FROM sys.sql_logins ORDER BY name").rows == [("app",), ("sa",)]
    assert ok(app, "SELECT COUNT(password_hash) FROM sys.sql_logins").value == 0
    ok(sa, "GRANT VIEW SERVER STATE TO app; ALTER SERVER ROLE securityadmin ADD MEMBER app")
    ok(app, "SELECT * FROM sys.dm_hadr_cluster; CREATE LOGIN x WITH PASSWORD = 'Secret-Word-1'")
    assert run(app, "ALTER LOGIN sa WITH PASSWORD = 'Secret-Word-1'").numbers == [15151], (
        "sysadmins need CONTROL SERVER"
    )


def test_execute_as_login_and_revert(session: Session) -> None:
    ok(session, "CREATE LOGIN app WITH PASSWORD = N'Secret-Word-1'")
    answer = ok(
        session,
        "EXECUTE AS LOGIN = 'app'; SELECT SUSER_SNAME(), ORIGINAL_LOGIN(), IS_SRVROLEMEMBER('sysadmin'); REVERT",
    )
    assert answer.rows == [("app", "HYPERVNU\\installer", 0)]
    assert ok(session, "SELECT SUSER_SNAME()").value == "HYPERVNU\\installer"


def test_server_roles_and_permissions_are_in_the_catalog(session: Session) -> None:
    ok(
        session,
        "CREATE LOGIN app WITH PASSWORD = N'Secret-Word-1'; CREATE SERVER ROLE helpers; ALTER SERVER ROLE "
        "helpers ADD MEMBER app",
    )
    ok(session, "GRANT ALTER ANY LOGIN TO helpers; DENY VIEW ANY DATABASE TO app")
    rows = ok(session, """SELECT r.name FROM sys.server_role_members m JOIN sys.server_principals r ON
        r.principal_id = m.role_principal_id
        WHERE m.member_principal_id = SUSER_ID('app')""").rows  # fmt: skip
    assert rows == [("helpers",)]
    rows = ok(
        session,
        "SELECT permission_name, state FROM sys.server_permissions WHERE grantee_principal_id = "
        "SUSER_ID('app') ORDER BY 1",
    ).rows
    assert rows == [("CONNECT SQL", "G"), ("VIEW ANY DATABASE", "D")]
    assert (
        ok(session, "EXECUTE AS LOGIN = 'app'; SELECT HAS_PERMS_BY_NAME(NULL, NULL, 'ALTER ANY LOGIN'); REVERT").value
        == 1
    )


def test_a_composed_statement_is_in_the_journal_without_its_secrets(servers: Servers, session: Session) -> None:
    """Passwords of any spelling, and hashes."""
    ok(session, "DECLARE @s nvarchar(max) = N'CREATE LOGIN a WITH PASSWORD = N''Secret-''''Word-1'''; EXEC (@s)")
    stored = ok(session, "SELECT CONVERT(nvarchar(600), password_hash, 1) FROM sys.sql_logins WHERE name = 'a'").value
    ok(session, f"DECLARE @s nvarchar(max) = N'CREATE LOGIN b WITH PASSWORD = {stored} HASHED'; EXEC (@s)")
    lines = (servers.world.directory / "journal.jsonl").read_text(encoding="utf-8").splitlines()
    texts = [entry["text"] for entry in map(json.loads, lines) if entry["kind"] == "composed"]
    assert texts == ["CREATE LOGIN a WITH PASSWORD = N'***'", "CREATE LOGIN b WITH PASSWORD = 0x00 HASHED"]


def test_windows_is_asked_for_the_name_of_an_account_without_a_login(session: Session) -> None:
    ok(session, r"DROP LOGIN [NT AUTHORITY\SYSTEM]")
    assert ok(session, "SELECT SUSER_SNAME(0x010100000000000512000000)").value == r"NT AUTHORITY\SYSTEM"
    assert ok(session, r"SELECT SUSER_SNAME(SUSER_SID(N'HYPERVNU\WAP Administrators'))").value == (
        r"HYPERVNU\WAP Administrators"
    )
    assert ok(session, "SELECT SUSER_SNAME(0x0105000000000005150000000102030405060708090A0B0CFFFF0000)").value is None
