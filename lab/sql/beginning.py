"""What SQL Server is before anybody touches the farm: where the article begins.

Two (or more) instances of SQL Server 2012 SP1 Enterprise in Windows-only mode, sa disabled, on the nodes of a failover
cluster; the databases of Virtual Machine Manager and Service Provider Foundation with their domain logins on every
server. Source: reference wap.md sections 0 and 7, the article's earlier parts.

Where the topology adopts (``sql.adopt``), there is an availability group with a listener, these databases in it, and
the primary is not the preferred one. Where it does not, the cluster is only prepared: AlwaysOn is not enabled, nobody
made an endpoint, and the databases stand alone on the first server. Where SPF is in another domain, its databases are
there too, on a SQL Server that is no part of the lab, and these servers have no database yet.
"""

from __future__ import annotations

import json
import uuid
from typing import Any

from lab import files
from lab.replicas import Replica, replicas
from lab.sql.api import SqlError
from lab.sql.engine.accounts import find_sid, sid_bytes
from lab.sql.engine.client_session import ClientSession
from lab.sql.engine.database import OPTIONS, SYSTEM, new_contents
from lab.sql.engine.files import files_of
from lab.sql.engine.group.state import Group
from lab.sql.engine.instance import instance_of
from lab.sql.engine.passwords import hash_password
from lab.sql.engine.principal import FIXED_SERVER_ROLES
from lab.sql.engine.session import Session
from lab.sql.engine.statements.availability_create import WATCHING, create_group
from lab.sql.engine.statements.availability_group import new_replica
from lab.sql.engine.statements.database import default_files
from lab.sql.engine.statements.endpoint import DEFAULTS as ENDPOINT
from lab.sql.engine.statements.login import grant_server, new_login
from lab.sql.installation import NAMES_KEY, Names, installed, server_name
from lab.world import Document, Machine, World

SERVICE_DATABASES = {
    "VirtualManagerDB": (
        "SVC_VMM",
        """CREATE TABLE dbo.tbl_ADHC_Host (HostID uniqueidentifier NOT NULL PRIMARY KEY,
        ComputerName nvarchar(256) NOT NULL);
        CREATE TABLE dbo.tbl_WLC_VObject (ObjectId uniqueidentifier NOT NULL PRIMARY KEY, Name nvarchar(256) NOT NULL);
        INSERT dbo.tbl_ADHC_Host VALUES ('6f1f4b8e-5d36-4f0a-9b5e-0a6f0e1d2c31', N'HYPERV1');""",
    ),
    "SCSPFDB": (
        "SVC_SPF",
        """CREATE SCHEMA scspf;
        CREATE TABLE scspf.Stamps (Id uniqueidentifier NOT NULL PRIMARY KEY, Name nvarchar(256) NOT NULL);
        CREATE TABLE scspf.Tenants (Id uniqueidentifier NOT NULL PRIMARY KEY, Name nvarchar(256) NOT NULL);""",
    ),
}
"""Database: the service account whose login uses it, and a few tables (names only stand for the real ones)."""
INTERNAL_LOGINS = ("##MS_PolicyEventProcessingLogin##", "##MS_PolicyTsqlExecutionLogin##")
SERVICES = ("SQLWriter", "Winmgmt")
"""Services beside those of the instance whose accounts setup makes administrators of it."""


def begin(world: World) -> None:
    """Write the state of a fresh lab. Accounts of the domain (``lab.identity``) must be there already."""
    sql: dict[str, Any] = world.topology["sql"]
    known = replicas(world.topology)
    machines = [world.machine(replica.machine) for replica in known]
    grouped = bool(sql.get("adopt", False))
    for replica, machine in zip(known, machines, strict=True):
        _instance(world, machine, replica)
        if grouped:
            _alwayson(world, machine, replica)
    world.collection("lab", "sql-cluster")["cluster"] = {
        "name": sql["cluster"]["name"], "address": sql["cluster"]["address"],
        "members": [machine.name for machine in machines], "witness": sql.get("backup_share", ""),
    }  # fmt: skip
    if not grouped:
        for database, (account, script) in _service_databases(machines[0]).items():
            _lone_database(world, machines[0], database, account, script)
        return
    preferred = str(sql["preferred_primary"]).lower()
    others = [replica for replica in known if replica.machine.lower() != preferred and replica.synchronous]
    primary = world.machine((others or known)[0].machine)
    _group(world, sql, known, primary)
    for database, (account, script) in _service_databases(primary).items():
        _service_database(world, sql["group"], primary, machines, database, account, script)


def _service_databases(replica: Machine) -> dict[str, tuple[str, str]]:
    """Those that the group has: their services log on as accounts of its domain, so they are in it too."""
    servers = [machine for machine in replica.world.machines.values() if "spf" in machine.roles]
    beside = not servers or any(server.domain.lower() == replica.domain.lower() for server in servers)
    return SERVICE_DATABASES if beside else {}


def _instance(world: World, machine: Machine, replica: Replica) -> None:
    now = world.clock.now().isoformat()
    names = Names(replica.instance)
    registry = machine.collection("registry")
    values = (registry.get(names.settings_key) or {"values": {}})["values"]
    values["LoginMode"] = {"type": "DWord", "data": 1}
    values["BackupDirectory"] = {"type": "String", "data": names.folder + "\\Backup"}
    values["DefaultData"] = {"type": "String", "data": names.folder + "\\DATA"}
    values["DefaultLog"] = {"type": "String", "data": names.folder + "\\DATA"}
    registry[names.settings_key] = {"values": values}
    for folder in ("BackupDirectory", "DefaultData"):
        files.resolve_new(machine, values[folder]["data"]).mkdir(parents=True, exist_ok=True)
    port = {"TcpPort": {"type": "String", "data": str(replica.port)}, "TcpDynamicPorts": {"type": "String", "data": ""}}
    registry[names.port_key] = {"values": port}
    registry[names.hadr_key] = {"values": {"HADR_Enabled": {"type": "DWord", "data": 0}}}
    registry[NAMES_KEY] = {"values": {names.instance: {"type": "String", "data": names.id}}}
    machine.collection("sql-instance")[names.instance] = {
        "running": True, "mixed": False, "hadr": False, "started": now, "port": replica.port,
    }  # fmt: skip
    _system_databases(world, machine, names, now)
    session = _setup_session(world, machine)
    _run(session, lambda: _logins(world, machine, names, session, now))
    session.close()


def _alwayson(world: World, machine: Machine, replica: Replica) -> None:
    """The administrator's part on every replica: the endpoint, and who may use it and watch the instance."""
    installation = installed(machine)
    assert installation is not None, "it was installed above"
    installation.change(hadr=True)
    installation.configure_hadr(enabled=True)
    now = world.clock.now().isoformat()
    machine.collection("sql-endpoint")["hadr_endpoint"] = {
        **ENDPOINT, "name": "Hadr_endpoint", "id": 65536, "port": replica.endpoint_port, "state": "STARTED",
        "role": "ALL", "algorithm": "AES",
        "owner_id": machine.collection("sql-login")[f"{machine.netbios}\\installer".lower()]["id"],
    }  # fmt: skip
    session = _setup_session(world, machine)

    def grant() -> None:
        server = session.server
        system = server.get("login", "NT AUTHORITY\\SYSTEM")
        assert system is not None
        for permission in WATCHING:
            if permission != "CONNECT SQL":  # it has that from the beginning
                grant_server(server, system["id"], permission, "G")
        name = f"{machine.netbios}\\SVC_SQL"
        sid = find_sid(world, machine, name)
        assert sid is not None
        login = new_login(server, name, "U", sid_bytes(sid), now)
        grant_server(server, login["id"], "CONNECT", "G", kind=105, major=65536)

    _run(session, grant)
    session.close()


def _system_databases(world: World, machine: Machine, names: Names, now: str) -> None:
    for name, number in SYSTEM.items():
        files = [{**one, "path": one["path"]} for one in default_files(names, name)]
        document = {"name": name, "id": number, "state": "ONLINE", "owner": "01", "created": now, "files": files,
                    "file": f"system-{name}.sqlite", "group": None, "group_database": None}  # fmt: skip
        recovery = "FULL" if name == "model" else "SIMPLE"
        entries = new_contents(b"\x01", now, **{**OPTIONS, "recovery": recovery})
        files_of(world, machine).by_document(document).commit({(kind, key): entry for kind, key, entry in entries})
        machine.collection("sql-database")[name] = document


def _setup_session(world: World, machine: Machine) -> ClientSession:
    """A session of sa, as setup has it before the service serves anybody."""
    from lab.sql.engine.principal import Principal

    instance = instance_of(world, machine)
    assert instance is not None
    server_logins = machine.collection("sql-login")
    if "sa" not in server_logins:
        now = world.clock.now().isoformat()
        server_logins["sa"] = {
            "name": "sa", "id": 1, "type": "S", "sid": "01", "disabled": True, "created": now, "modified": now,
            "default_database": "master", "default_language": "us_english", "policy": True, "expiration": False,
            "hash": hash_password(uuid.uuid4().hex).hex(), "must_change": False, "locked": False, "bad_passwords": 0,
            "password_set": now,
        }  # fmt: skip
        machine.collection("sql-server-role-member")["3:1"] = {
            "role_id": FIXED_SERVER_ROLES["sysadmin"],
            "member_id": 1,
        }
    session = ClientSession(instance, Principal("sa", b"\x01", False, frozenset({b"\x01"})), 50)
    session.login = "sa"
    return session


def _run(session: Session, work: Any) -> None:
    session.begin()
    work()
    session.commit()


def _logins(world: World, machine: Machine, names: Names, session: Session, now: str) -> None:
    server = session.server
    grant_server(server, 1, "CONNECT SQL", "G")
    grant_server(server, 2, "VIEW ANY DATABASE", "G")
    for number in (2, 3, 4, 5):
        grant_server(server, 2, "CONNECT", "G", kind=105, major=number)
    for index, name in enumerate(INTERNAL_LOGINS):
        new_login(server, name, "S", uuid.uuid5(uuid.NAMESPACE_OID, name).bytes_le, now, id=256 + index, disabled=True,
                  policy=True, hash=hash_password(uuid.uuid4().hex).hex())  # fmt: skip
    services = (*SERVICES, names.service, names.agent)
    windows = [f"{machine.netbios}\\installer", "NT AUTHORITY\\SYSTEM", *(f"NT SERVICE\\{name}" for name in services)]
    windows += [f"{machine.netbios}\\{account}" for account, _ in _service_databases(machine).values()]
    for name in windows:
        sid = find_sid(world, machine, name)
        if sid is None:
            raise LookupError(f"{machine.name}: no Windows account {name}; lab.identity begins before lab.sql")
        login = new_login(server, name, "U", sid_bytes(sid), now)
        if name.endswith("\\installer") or name.startswith("NT SERVICE\\"):
            server.put("server-role-member", f"3:{login['id']}", {"role_id": 3, "member_id": login["id"]})


def _group(world: World, sql: dict[str, Any], known: list[Replica], primary: Machine) -> None:
    """The group as its administrator made it: every replica with the modes that the topology has for it."""
    documents = [
        new_replica(
            server_name(world.machine(one.machine)), f"TCP://{world.machine(one.machine).fqdn}:{one.endpoint_port}",
            availability_mode="SYNCHRONOUS_COMMIT" if one.synchronous else "ASYNCHRONOUS_COMMIT",
            failover_mode="AUTOMATIC" if one.automatic else "MANUAL", joined=True,
        )
        for one in known
    ]  # fmt: skip
    mask = _mask(world, primary)
    listener = {"id": str(uuid.uuid4()), "name": sql["listener"]["name"], "port": sql["listener"]["port"],
                "addresses": [{"address": sql["listener"]["address"], "mask": mask}]}  # fmt: skip
    create_group(world, sql["group"], {}, documents, listener, server_name(primary))


def _mask(world: World, machine: Machine) -> str:
    import ipaddress

    subnet = next(d["subnet"] for d in world.topology["domains"] if d["name"].lower() == machine.domain.lower())
    return str(ipaddress.ip_network(subnet).netmask)


def _service_database(
    world: World, group_name: str, primary: Machine, machines: list[Machine], database: str, account: str, script: str
) -> None:
    """Made on the primary, copied to the others as its backup would be, in the group and synchronised."""
    _lone_database(world, primary, database, account, script)
    databases = primary.collection("sql-database")
    document = databases[database.lower()]
    file = files_of(world, primary).by_document(document)
    file.commit({("option", "chain"): {"last_log_backup_lsn": file.lsn, "differential_base_lsn": file.lsn}})
    group = Group(world, group_name)
    number = str(uuid.uuid4())
    group.of("database")[database] = {"id": number, "name": database, "family": file.family}
    databases.change(database.lower(), group=group_name, group_database=number)
    snapshot = json.loads(json.dumps(file.snapshot()))
    for machine in machines:
        if machine is primary:
            continue
        counter = machine.collection("sql-counter").get("database-file") or {"last": 0}
        machine.collection("sql-counter")["database-file"] = {"last": counter["last"] + 1}
        copy = {**document, "group": group_name, "group_database": number, "file": f"{counter['last'] + 1:05d}.sqlite"}
        copy["files"] = _in_folder_of(machine, copy["files"])
        files_of(world, machine).by_document(copy).load(snapshot)
        machine.collection("sql-database")[database.lower()] = copy
        group.set_link(
            server_name(machine),
            database,
            joined=True,
            phase="SYNCHRONIZED" if group.synchronous(server_name(machine)) else "SYNCHRONIZING",
            since=world.clock.now().isoformat(),
            suspended=None,
        )


def _lone_database(world: World, primary: Machine, database: str, account: str, script: str) -> None:
    """Made on one server, as the setup of the service does it."""
    session = _setup_session(world, primary)
    user = f"[{primary.netbios}\\{account}]"
    statements = [
        f"CREATE DATABASE [{database}]", f"ALTER DATABASE [{database}] SET RECOVERY FULL", f"USE [{database}]",
        *[part.strip() for part in script.split(";") if part.strip()], f"CREATE USER {user} FOR LOGIN {user}",
        f"ALTER ROLE db_owner ADD MEMBER {user}", "USE master",
    ]  # fmt: skip
    for text in statements:
        failures = [event for event in session.execute(text) if isinstance(event, SqlError)]
        if failures:
            raise RuntimeError(f"{primary.name}: {text}: {failures[0]}")
    session.close()


def _in_folder_of(machine: Machine, files: list[Document]) -> list[Document]:
    """The files of a database as a restore with MOVE puts them into the folder of a machine's own instance."""
    installation = installed(machine)
    assert installation is not None, "it was installed above"
    return [{**one, "path": f"{installation.folder}\\DATA\\{one['path'].rpartition(chr(92))[2]}"} for one in files]
