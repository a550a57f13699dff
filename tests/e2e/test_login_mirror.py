"""The login mirror on three real wires: what a plan says really happens, whole or not at all, and nothing else.

Three replicas with the group's databases out of the way; a database of the tests' own, Shop, says which logins are
needed. A login that is mirrored has to log on with its password.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from components.sql.login_mirror import LoginMirrorResource
from remote.errors import MachineError, UnreachableError
from remote.hosts import sql_server
from remote.logons import LOG_ONS
from remote.secret import Secret
from remote.sql import SqlServer
from tests.benchmarks import login_mirror
from tests.e2e.farm import ROOT
from tests.e2e.lab_here import FarmHere, Piece

PASSWORD = "Mirror-Word-2013!"
LATER = "Mirror-Word-2014!"

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]


def three_replicas() -> str:
    text = (ROOT / "topologies" / "single-domain.yaml").read_text(encoding="utf-8")
    machine = "  - {name: SQL2, domain: hyper-v.nu, address: 172.21.5.122}\n"
    text = text.replace(machine, machine + machine.replace("SQL2", "SQL3").replace("122", "123"))
    return text.replace("replicas: [SQL1, SQL2]", "replicas: [SQL1, SQL2, {machine: SQL3, failover: manual}]")


class Servers:
    """The farm's SQL Servers, as an administrator and as the logins reach them."""

    def __init__(self, farm: FarmHere) -> None:
        self.farm = farm
        self.pieces = farm.pieces()

    def sql(self, machine: str, statement: str, database: str = "master") -> list[dict[str, Any]]:
        return self.farm.remote.sql_odbc(machine, database).rows(statement, attempted="do by hand")

    def everywhere(self, statement: str, *machines: str) -> None:
        for machine in machines or ("SQL1", "SQL2", "SQL3"):
            self.sql(machine, statement)

    def drop_database(self, machine: str, name: str) -> None:
        """Also while idle connections are in it."""
        self.sql(machine, f"ALTER DATABASE {name} SET SINGLE_USER WITH ROLLBACK IMMEDIATE; DROP DATABASE {name}")

    def needed(self, name: str, *options: str) -> None:
        """A login on SQL1 that a user of Shop belongs to."""
        quoted = name.replace("]", "]]")
        self.sql("SQL1", f"CREATE LOGIN [{quoted}] WITH PASSWORD = N'{PASSWORD}'{''.join(f', {o}' for o in options)}")
        self.sql("SQL1", f"CREATE USER [{quoted}] FOR LOGIN [{quoted}]", "Shop")

    def wrong(self, name: str, machine: str = "SQL2") -> None:
        """A login of that name with a SID of its own."""
        self.sql(machine, f"CREATE LOGIN [{name}] WITH PASSWORD = N'{LATER}'")

    def piece(self, **changed: Any) -> Piece:
        return self.pieces["logins"].but(databases=["Shop"], timeout_seconds=2, **changed)

    def mirror(self, **changed: Any) -> dict[str, dict[str, str]]:
        """Mirror, and give the report's rows by login."""
        outs = self.piece(**changed).create()
        return {row["name"]: row for row in outs["report"]}

    def drift(self, **changed: Any) -> str:
        piece = self.piece(**changed)
        inputs = piece.provider().check({}, dict(piece.inputs)).inputs
        return str(piece.drift(inputs).get("state", ("", ""))[1])

    def logs_on(self, machine: str, name: str, password: str = PASSWORD) -> bool:
        host = self.farm.remote.hosts[machine]
        LOG_ONS.forget(sql_server(host))  # an application of its own tries, whatever was refused to others before
        one = replace(host, sql_username=name, sql_password=Secret(password))
        server = SqlServer(one, "master", str(self.farm.lab_folder / "authority" / "ca.pem"))
        try:
            return bool(server.rows("SELECT SUSER_SNAME() AS name", attempted="log on")[0]["name"] == name)
        except MachineError as error:
            if error.number not in (18456, 18486, 18488):
                raise
            return False
        finally:
            server.forget()

    def login(self, machine: str, name: str) -> dict[str, Any]:
        read = (
            "SELECT CONVERT(nvarchar(200), sid, 1) AS sid, CONVERT(nvarchar(600), password_hash, 1) AS hash,"
            " is_policy_checked AS policy, is_expiration_checked AS expiration, is_disabled AS disabled,"
            f" default_database_name AS database_name FROM sys.sql_logins WHERE name = N'{name}'"
        )
        rows = self.sql(machine, read)
        return rows[0] if rows else {}

    def roles(self, machine: str, name: str) -> set[str]:
        read = (
            "SELECT roles.name FROM sys.server_role_members AS m"
            " JOIN sys.server_principals AS roles ON roles.principal_id = m.role_principal_id"
            f" JOIN sys.server_principals AS logins ON logins.principal_id = m.member_principal_id"
            f" WHERE logins.name = N'{name}'"
        )
        return {row["name"] for row in self.sql(machine, read)}

    def permissions(self, machine: str, name: str) -> set[tuple[str, str, str]]:
        read = (
            "SELECT p.state_desc, p.permission_name, grantors.name FROM sys.server_permissions AS p"
            " JOIN sys.server_principals AS grantees ON grantees.principal_id = p.grantee_principal_id"
            " JOIN sys.server_principals AS grantors ON grantors.principal_id = p.grantor_principal_id"
            f" WHERE grantees.name = N'{name}'"
        )
        return {tuple(row.values()) for row in self.sql(machine, read)}


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    farm = FarmHere(tmp_path_factory.mktemp("logins"))
    farm.write_topology(three_replicas())
    with farm.running():
        servers = Servers(farm)
        for name, piece in servers.pieces.items():
            if name in servers.pieces["SQL-primary"].after or name == "SQL-primary":
                piece.create()
        yield servers


@pytest.fixture
def servers(built: Servers) -> Iterator[Servers]:
    """An empty Shop; afterwards the logins of the test are gone."""
    before = {machine: _names(built, machine) for machine in ("SQL1", "SQL2", "SQL3")}
    built.sql("SQL1", "CREATE DATABASE Shop")
    yield built
    built.drop_database("SQL1", "Shop")
    for machine, names in before.items():
        for name in _names(built, machine) - names:
            quoted = name.replace("]", "]]")
            built.sql(machine, f"DROP LOGIN [{quoted}]")


def _names(servers: Servers, machine: str) -> set[str]:
    return {row["name"] for row in servers.sql(machine, "SELECT name FROM sys.sql_logins")}


# Making ----------------------------------------------------------------------------------------------------------


def test_a_missing_login_is_made_on_every_replica_and_logs_on(servers: Servers) -> None:
    servers.needed("app", "CHECK_EXPIRATION = ON", "DEFAULT_DATABASE = tempdb")
    servers.sql("SQL1", "ALTER SERVER ROLE dbcreator ADD MEMBER app; GRANT VIEW SERVER STATE TO app WITH GRANT OPTION")
    rights = "(server role dbcreator, grant with grant option VIEW SERVER STATE)"
    assert servers.drift() == f"app on SQL2: missing {rights}; app on SQL3: missing {rights}"
    why = f"made on SQL2 {rights}; made on SQL3 {rights}"
    assert servers.mirror()["app"] == {"name": "app", "action": "made", "why": why}
    for machine in ("SQL2", "SQL3"):
        assert servers.logs_on(machine, "app")
        assert servers.login(machine, "app") == servers.login("SQL1", "app")
        assert servers.roles(machine, "app") == {"dbcreator"}
        assert servers.permissions(machine, "app") == servers.permissions("SQL1", "app")
    assert servers.drift() == ""
    assert "app" not in servers.mirror(), "what is the same has no row"


def test_a_sid_that_begins_with_zero_keeps_its_zeros(servers: Servers) -> None:
    """dbatools strips them from a SID given as text (reference: Convert-HexStringToByte)."""
    servers.needed("zero", "SID = 0x00000102030405060708090A0B0C0D0E")
    servers.mirror()
    assert servers.login("SQL2", "zero")["sid"] == "0x00000102030405060708090A0B0C0D0E"


@pytest.mark.parametrize("name", ["a]b[c", "O'Brien", "$pay'); DROP--", "Ünïcode", "with space", 'dou"ble'])
def test_a_name_with_every_kind_of_sign_is_the_same_login(servers: Servers, name: str) -> None:
    """dbatools deletes brackets from names, and doubles quotes inside brackets."""
    servers.needed(name)
    servers.mirror()
    assert servers.logs_on("SQL2", name)


def test_a_user_defined_role_comes_with_its_rights(servers: Servers) -> None:
    """dbatools skips a role that the target does not have: the login would lose what the role gives it."""
    servers.needed("worker")
    servers.sql("SQL1", "CREATE SERVER ROLE Workers; GRANT ALTER TRACE TO Workers")
    servers.sql("SQL1", "ALTER SERVER ROLE Workers ADD MEMBER worker")
    servers.mirror()
    for machine in ("SQL2", "SQL3"):
        assert servers.roles(machine, "worker") == {"Workers"}
        assert ("GRANT", "ALTER TRACE", "sa") in servers.permissions(machine, "Workers")
    servers.sql("SQL2", "REVOKE ALTER TRACE FROM Workers")
    assert servers.drift() == "the server role Workers on SQL2: server permissions: add grant ALTER TRACE"
    servers.mirror()
    assert servers.drift() == ""
    servers.everywhere("ALTER SERVER ROLE Workers DROP MEMBER worker; DROP SERVER ROLE Workers")


def test_extra_rights_go_although_the_authority_has_none(servers: Servers) -> None:
    """In dbatools the loop that revokes is inside the one that grants."""
    servers.needed("poor")
    servers.mirror()
    servers.sql("SQL1", "REVOKE CONNECT SQL FROM poor")
    servers.sql(
        "SQL2", "GRANT CONTROL SERVER TO poor; DENY ALTER TRACE TO poor; ALTER SERVER ROLE sysadmin ADD MEMBER poor"
    )
    servers.mirror()
    assert servers.permissions("SQL2", "poor") == set()
    assert servers.roles("SQL2", "poor") == set()


def test_who_granted_is_mirrored_too(servers: Servers) -> None:
    servers.needed("boss")
    servers.needed("a clerk")
    servers.sql("SQL1", "GRANT ALTER TRACE TO boss WITH GRANT OPTION; GRANT ALTER TRACE TO [a clerk] AS boss")
    servers.mirror()
    for machine in ("SQL2", "SQL3"):
        assert ("GRANT", "ALTER TRACE", "boss") in servers.permissions(machine, "a clerk")
    servers.everywhere("REVOKE ALTER TRACE FROM boss CASCADE")


# Rotation --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("expiration", ["ON", "OFF"])
def test_a_new_password_reaches_a_login_with_policy(servers: Servers, expiration: str) -> None:
    """A hash is refused while the policy is on (15118 here): off, hash, and both switches back."""
    servers.needed("rotated", f"CHECK_EXPIRATION = {expiration}")
    servers.mirror()
    servers.sql("SQL1", f"ALTER LOGIN rotated WITH PASSWORD = N'{LATER}'")
    assert servers.drift() == "rotated on SQL2: password; rotated on SQL3: password"
    row = servers.mirror()["rotated"]
    assert row["why"] == "password brought to SQL1's on SQL2; password brought to SQL1's on SQL3"
    assert servers.logs_on("SQL2", "rotated", LATER)
    assert not servers.logs_on("SQL2", "rotated")
    there = servers.login("SQL2", "rotated")
    assert (there["policy"], there["expiration"]) == (True, expiration == "ON")


def test_a_password_changed_on_a_secondary_is_the_primarys_again(servers: Servers) -> None:
    servers.needed("rotated")
    servers.mirror()
    servers.sql("SQL2", f"ALTER LOGIN rotated WITH PASSWORD = N'{LATER}', CHECK_POLICY = OFF")
    assert servers.drift() == "rotated on SQL2: password, password policy"
    servers.mirror()
    assert servers.logs_on("SQL2", "rotated")
    assert servers.login("SQL2", "rotated")["policy"] is True


def test_where_the_primary_has_another_login_the_last_password_counts(servers: Servers) -> None:
    servers.needed("moved")
    servers.mirror()
    sid = servers.login("SQL1", "moved")["sid"]
    servers.sql("SQL3", f"ALTER LOGIN moved WITH PASSWORD = N'{LATER}'")
    servers.sql("SQL1", f"DROP LOGIN moved; CREATE LOGIN moved WITH PASSWORD = N'{PASSWORD}'")
    rows = servers.mirror()
    assert rows["moved"]["why"] == "recreated on SQL1 with the SID it has on SQL3; password brought to SQL3's on SQL2"
    assert servers.login("SQL1", "moved")["sid"] == sid
    assert all(servers.logs_on(machine, "moved", LATER) for machine in ("SQL1", "SQL2", "SQL3"))


def test_a_password_that_has_to_be_changed_first_is_left_whole(servers: Servers) -> None:
    """The policy cannot be switched off then (15128): nothing of the login is touched, and the row says so."""
    servers.needed("waiting")
    servers.mirror()
    pending = f"ALTER LOGIN waiting WITH PASSWORD = N'{LATER}' MUST_CHANGE, CHECK_EXPIRATION = ON"
    servers.sql("SQL2", pending)
    servers.sql("SQL2", "ALTER SERVER ROLE dbcreator ADD MEMBER waiting")
    before = servers.login("SQL2", "waiting")
    with pytest.raises(MachineError) as caught:
        servers.sql("SQL2", "ALTER LOGIN waiting WITH CHECK_POLICY = OFF")
    assert caught.value.number == 15128
    row = servers.mirror()["waiting"]
    assert (row["action"], "has to be changed at the next log-on on SQL2" in row["why"]) == ("left", True)
    assert servers.login("SQL2", "waiting") == before
    assert servers.roles("SQL2", "waiting") == {"dbcreator"}
    assert servers.drift() == ""


# Another SID -----------------------------------------------------------------------------------------------------


def holdings(servers: Servers) -> dict[str, Any]:
    """What belongs to, is granted by and on, or is mapped to the login app on SQL2."""
    owners = {
        "job": "SELECT SUSER_SNAME(owner_sid) AS name FROM msdb.dbo.sysjobs",
        "database": "SELECT SUSER_SNAME(owner_sid) AS name FROM sys.databases WHERE name = N'Local'",
        "endpoint": "SELECT SUSER_NAME(principal_id) AS name FROM sys.endpoints WHERE name = N'Hadr_endpoint'",
        "role": "SELECT SUSER_NAME(owning_principal_id) AS name FROM sys.server_principals WHERE name = N'Workers'",
        "group": "SELECT SUSER_SNAME(owner_sid) AS name FROM sys.availability_replicas"
        " WHERE replica_metadata_id IS NOT NULL",
        "credential": "SELECT logins.name FROM sys.server_principals AS logins JOIN sys.credentials AS c"
        " ON c.credential_id = logins.credential_id",
    }
    found: dict[str, Any] = {key: [row["name"] for row in servers.sql("SQL2", read)] for key, read in owners.items()}
    found["app"] = servers.permissions("SQL2", "app")
    found["clerk"] = servers.permissions("SQL2", "clerk")
    return found


def test_a_login_with_another_sid_is_recreated_with_everything_it_had_there(servers: Servers) -> None:
    servers.needed("app")
    servers.sql("SQL1", "GRANT ALTER TRACE TO app WITH GRANT OPTION")
    servers.wrong("app")
    servers.wrong("clerk")
    for statement in (
        "CREATE DATABASE Local; ALTER AUTHORIZATION ON DATABASE::Local TO app",
        "EXEC msdb.dbo.sp_add_job @job_name = N'nightly', @owner_login_name = N'app'",
        "ALTER AUTHORIZATION ON ENDPOINT::Hadr_endpoint TO app",
        "CREATE SERVER ROLE Workers AUTHORIZATION app",
        "ALTER AUTHORIZATION ON AVAILABILITY GROUP::[SQL] TO app",
        "GRANT ALTER TRACE TO app WITH GRANT OPTION; GRANT ALTER TRACE TO clerk AS app",
        "GRANT CONNECT ON ENDPOINT::Hadr_endpoint TO app; GRANT IMPERSONATE ON LOGIN::app TO clerk",
        "CREATE CREDENTIAL proxy WITH IDENTITY = N'x', SECRET = N'y'; ALTER LOGIN app WITH CREDENTIAL = proxy",
    ):
        servers.sql("SQL2", statement)
    before = holdings(servers)
    assert all(owner == ["app"] for key, owner in before.items() if key not in ("app", "clerk"))
    rights = "(grant with grant option ALTER TRACE)"
    why = f"recreated on SQL2 with the SID it has on SQL1 {rights}; made on SQL3 {rights}"
    assert servers.mirror()["app"]["why"] == why
    assert holdings(servers) == before
    assert servers.login("SQL2", "app") == servers.login("SQL1", "app")
    assert servers.logs_on("SQL2", "app")
    for statement in (
        "ALTER DATABASE Local SET SINGLE_USER WITH ROLLBACK IMMEDIATE; DROP DATABASE Local",
        "EXEC msdb.dbo.sp_delete_job @job_name = N'nightly'",
        "ALTER AUTHORIZATION ON ENDPOINT::Hadr_endpoint TO sa",
        "DROP SERVER ROLE Workers",
        "ALTER AUTHORIZATION ON AVAILABILITY GROUP::[SQL] TO sa",
        "REVOKE ALTER TRACE FROM app CASCADE; ALTER LOGIN app WITH NO CREDENTIAL; DROP CREDENTIAL proxy",
    ):
        servers.sql("SQL2", statement)


def test_what_fails_in_between_leaves_the_login_as_it_was(servers: Servers) -> None:
    """A database of SQL2's own knows the right SID as a user, so its owner cannot become that one (15110)."""
    servers.needed("app")
    servers.wrong("app")
    sid = servers.login("SQL1", "app")["sid"]
    servers.sql("SQL2", f"CREATE LOGIN other WITH PASSWORD = N'{PASSWORD}', SID = {sid}; CREATE DATABASE Local")
    servers.sql("SQL2", "CREATE USER other FOR LOGIN other", "Local")
    servers.sql("SQL2", "DROP LOGIN other; ALTER AUTHORIZATION ON DATABASE::Local TO app")
    before = servers.login("SQL2", "app")
    servers.needed("good")
    with pytest.raises(MachineError) as caught:
        servers.mirror()
    assert caught.value.number == 15110
    assert servers.logs_on("SQL2", "good"), "in the same request, and for itself"
    assert "recreate the login app" in str(caught.value)
    assert servers.login("SQL2", "app") == before
    owner = servers.sql("SQL2", "SELECT SUSER_SNAME(owner_sid) AS name FROM sys.databases WHERE name = N'Local'")
    assert owner == [{"name": "app"}]
    assert servers.sql("SQL2", "SELECT @@TRANCOUNT AS open_ones") == [{"open_ones": 0}]
    servers.drop_database("SQL2", "Local")
    servers.mirror()
    assert servers.login("SQL2", "app")["sid"] == sid


def test_each_login_is_for_itself(servers: Servers) -> None:
    """One user without a login, one SID under two names, one login that is an administrator, one default database that
    only SQL1 has: what can be mirrored is, and what cannot is named at the end."""
    for name in ("gone", "twice", "admin"):
        servers.needed(name)
    servers.needed("fine", "DEFAULT_DATABASE = Shop")
    servers.sql("SQL1", "DROP LOGIN gone; ALTER SERVER ROLE sysadmin ADD MEMBER admin")
    sid = servers.login("SQL1", "twice")["sid"]
    servers.sql("SQL3", f"CREATE LOGIN another WITH PASSWORD = N'{PASSWORD}', SID = {sid}")
    with pytest.raises(MachineError) as caught:
        servers.mirror()
    assert "no replica has a login with the SID of the database user gone" in str(caught.value)
    assert "one SID belongs to different logins: another and twice" in str(caught.value)
    for machine in ("SQL2", "SQL3"):
        assert servers.logs_on(machine, "fine")
        assert servers.login(machine, "fine")["database_name"] == "master"
        assert servers.login(machine, "admin") == {}
    servers.sql("SQL3", "DROP LOGIN another")
    servers.sql("SQL1", "DROP USER gone", "Shop")
    rows = servers.mirror()
    assert rows["fine"]["action"] == "none"
    assert "its default database Shop is not on SQL2: there it is master" in rows["fine"]["why"]
    assert rows["admin"]["action"] == "left"
    assert "it is a member of sysadmin: name it in `sql.logins`" in rows["admin"]["why"]
    assert servers.mirror(further=["admin"])["admin"]["action"] == "made"
    assert servers.roles("SQL2", "admin") == {"sysadmin"}
    assert servers.drift(further=["admin"]) == ""


def test_a_windows_account_gets_its_login_everywhere(servers: Servers) -> None:
    """The article exports "domain and SQL accounts". An account of one server alone is refused by its name."""
    account, local = "HYPERVNU\\operator", "SQL1\\Administrator"
    for name in (account, local):
        servers.sql("SQL1", f"CREATE LOGIN [{name}] FROM WINDOWS WITH DEFAULT_DATABASE = tempdb")
        servers.sql("SQL1", f"CREATE USER [{name}] FOR LOGIN [{name}]", "Shop")
    try:
        with pytest.raises(MachineError, match=r"mirror the login SQL1\\Administrator: it is an account of SQL1 alone"):
            servers.mirror()
        read = f"SELECT default_database_name AS name FROM sys.server_principals WHERE name = N'{account}'"
        assert servers.sql("SQL2", read) == servers.sql("SQL3", read) == [{"name": "tempdb"}]
        servers.sql("SQL1", f"DROP USER [{local}]", "Shop")
        assert servers.drift() == ""
        servers.sql("SQL2", f"ALTER SERVER ROLE bulkadmin ADD MEMBER [{account}]")
        assert servers.drift() == f"{account} on SQL2: server roles: drop bulkadmin"
        servers.mirror()
        assert servers.roles("SQL2", account) == set()
    finally:
        servers.sql("SQL1", f"DROP LOGIN [{local}]")
        servers.everywhere(f"IF SUSER_ID(N'{account}') IS NOT NULL DROP LOGIN [{account}]")


def test_a_database_that_was_restored_gets_its_owner_back(servers: Servers) -> None:
    """RESTORE makes who runs it the owner, while the database goes on to know the one before as dbo."""
    backup = r"\\FILE\SQLAG\Shop.bak"
    servers.sql(
        "SQL1", f"CREATE LOGIN keeper WITH PASSWORD = N'{PASSWORD}'; ALTER SERVER ROLE sysadmin ADD MEMBER keeper"
    )
    servers.sql("SQL1", f"BACKUP DATABASE Shop TO DISK = N'{backup}'")
    servers.drop_database("SQL1", "Shop")
    host = servers.farm.remote.hosts["SQL1"]
    one = replace(host, sql_username="keeper", sql_password=Secret(PASSWORD))
    keeper = SqlServer(one, "master", str(servers.farm.lab_folder / "authority" / "ca.pem"))
    keeper.run(f"RESTORE DATABASE Shop FROM DISK = N'{backup}'", attempted="restore")
    keeper.forget()
    assert servers.drift() == "the owner of Shop on SQL1: another than the sa that the database knows as dbo"
    servers.mirror()
    owner = servers.sql("SQL1", "SELECT SUSER_SNAME(owner_sid) AS name FROM sys.databases WHERE name = N'Shop'")
    assert owner == [{"name": "sa"}]
    assert servers.drift() == ""


def test_what_cannot_be_given_back_is_said_before_it_is_dropped(servers: Servers) -> None:
    servers.needed("app")
    servers.needed("ready")
    servers.wrong("app")
    servers.wrong("clerk")
    servers.sql("SQL2", "GRANT SHUTDOWN TO app WITH GRANT OPTION; GRANT SHUTDOWN TO clerk AS app")
    with pytest.raises(MachineError, match="granted SHUTDOWN to clerk, which it may not grant where it is right"):
        servers.mirror()
    assert servers.logs_on("SQL2", "ready"), "that has nothing to do with it"
    assert servers.logs_on("SQL2", "app", LATER), "nothing was dropped"
    servers.sql("SQL2", "REVOKE SHUTDOWN FROM app CASCADE")


def test_an_open_session_is_waited_for_by_name(servers: Servers) -> None:
    servers.needed("app")
    servers.wrong("app")
    host = servers.farm.remote.hosts["SQL2"]
    one = replace(host, sql_username="app", sql_password=Secret(LATER))
    session = SqlServer(one, "master", str(servers.farm.lab_folder / "authority" / "ca.pem"))
    assert session.rows("SELECT 1 AS one", attempted="stay logged on")
    with pytest.raises(MachineError, match=r"waiting for .*Windows Azure Pack HA.* to log off from SQL2 as app"):
        servers.mirror()
    assert servers.logs_on("SQL2", "app", LATER), "nothing was dropped"
    session.forget()
    servers.mirror()
    assert servers.logs_on("SQL2", "app")


# A replica that does not answer ----------------------------------------------------------------------------------


def test_a_silent_replica_stops_everything_or_is_done_later(
    servers: Servers, capsys: pytest.CaptureFixture[str]
) -> None:
    servers.needed("app")
    farm = servers.farm
    farm.lab("fault", "stop", "SQL3")
    try:
        with pytest.raises(UnreachableError, match=r"^SQL3: "):
            servers.mirror()
        assert servers.login("SQL2", "app") == {}
        row = servers.mirror(unreachable="proceed")["app"]
        assert row == {"name": "app", "action": "made", "why": "made on SQL2; SQL3 does not answer"}
        assert servers.logs_on("SQL2", "app")
        assert servers.drift(unreachable="proceed") == "", "unknown is no difference"
        assert "SQL3 does not answer" in capsys.readouterr().err
        for name in ("SQL-authentication", "SQL-administrator"):
            with pytest.raises(UnreachableError, match=r"^SQL3: "):
                servers.pieces[name].create()
            piece = servers.pieces[name].but(unreachable="proceed")
            assert piece.drift(piece.create()) == {}
    finally:
        farm.lab("fault", "start", "SQL3")
    assert servers.drift(unreachable="proceed") == "app on SQL3: missing"
    assert servers.mirror(unreachable="proceed")["app"]["why"] == "made on SQL3"
    assert servers.logs_on("SQL3", "app")


# Deletions -------------------------------------------------------------------------------------------------------


def test_only_what_this_program_made_and_nobody_needs_is_dropped(servers: Servers) -> None:
    servers.wrong("by hand")
    for name in ("ours", "used elsewhere", "made again"):
        servers.needed(name)
    servers.mirror()
    sid = servers.login("SQL2", "made again")["sid"]
    for name in ("ours", "used elsewhere", "made again"):
        servers.sql("SQL1", f"DROP USER [{name}]", "Shop")
    servers.sql("SQL2", "DROP LOGIN [made again]; WAITFOR DELAY '00:00:01'")
    servers.sql("SQL2", f"CREATE LOGIN [made again] WITH PASSWORD = N'{PASSWORD}', SID = {sid}")
    servers.sql("SQL2", "CREATE DATABASE Local")
    servers.sql("SQL2", "CREATE USER [used elsewhere] FOR LOGIN [used elsewhere]", "Local")
    assert servers.drift() == "", "not asked for"
    assert servers.drift(drop=True) == (
        "made again on SQL3: no database needs it any more; ours on SQL2: no database needs it any more; "
        "ours on SQL3: no database needs it any more"
    )
    rows = servers.mirror(drop=True)
    assert rows["ours"]["action"] == "dropped"
    assert {"by hand", "made again", "used elsewhere"} <= _names(servers, "SQL2")
    assert {"ours", "used elsewhere", "made again"} <= _names(servers, "SQL1"), "the authority's own stay"
    assert "ours" not in _names(servers, "SQL2")
    assert servers.drift(drop=True) == ""
    servers.drop_database("SQL2", "Local")


def test_delete_leaves_the_logins_and_forgets_what_was_made(servers: Servers) -> None:
    servers.needed("app")
    piece = servers.piece()
    outs = piece.create()
    marks = "SELECT name FROM msdb.sys.extended_properties WHERE name LIKE N'Windows Azure Pack HA%'"
    assert servers.sql("SQL2", marks)
    piece.delete(outs)
    assert servers.sql("SQL2", marks) == []
    assert servers.logs_on("SQL2", "app")


# How much it costs -----------------------------------------------------------------------------------------------


def test_reading_is_one_query_a_replica_however_many_logins(servers: Servers) -> None:
    def round_trips() -> dict[str, int]:
        piece = servers.piece()
        provider, inputs = piece.provider(), LoginMirrorResource.INPUTS.model_validate(piece.inputs)
        before = len(servers.farm.journal())
        provider.resource.observe(inputs, provider.remote)
        sent = [entry for entry in servers.farm.journal()[before:] if entry["kind"] == "sql"]
        return {machine: sum(entry["machine"] == machine for entry in sent) for machine in ("SQL1", "SQL2", "SQL3")}

    servers.needed("one")
    servers.mirror()
    few = round_trips()
    for number in range(30):
        servers.needed(f"many {number}")
    assert round_trips() == few
    before = len(servers.farm.journal())
    servers.mirror()
    sent = [entry["machine"] for entry in servers.farm.journal()[before:] if entry["kind"] == "sql"]
    # All in one request. The rest is observing before and after.
    assert sent.count("SQL2") == 1 + 2 * few["SQL2"]


def test_the_benchmark_in_small(tmp_path: Path) -> None:
    _, same, own, repaired, after = login_mirror.measure(tmp_path, logins=40, different=6)
    observing = same.round_trips
    assert (same.steps, own.steps, after.steps) == (0, 0, 0)
    assert own.round_trips == {}
    assert observing["SQL1"] + observing["SQL2"] <= 8
    assert after.round_trips == observing
    assert repaired.steps == 6
    assert repaired.round_trips["SQL2"] == observing["SQL2"] + 1


def test_no_hash_and_no_password_is_sent_in_a_statements_text_or_told(servers: Servers) -> None:
    servers.needed("secretive")
    servers.needed("other")
    outs = servers.piece().create()
    digits = servers.login("SQL1", "secretive")["hash"][2:].lower()
    servers.everywhere(f"ALTER LOGIN secretive WITH PASSWORD = N'{LATER}'", "SQL1")
    servers.everywhere(f"ALTER LOGIN other WITH PASSWORD = N'{LATER}'", "SQL1")
    servers.piece().create()
    later = servers.login("SQL1", "secretive")["hash"][2:].lower()
    journal = Path(servers.farm.lab_folder / "journal.jsonl").read_text(encoding="utf-8")
    for one in (digits, later):
        assert one not in journal.lower()
        assert one not in json.dumps(outs).lower()
