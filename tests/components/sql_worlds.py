"""The cases of the SQL Server resources: groups of two replicas, SQL1 and SQL2, with one database."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from components.sql.administrator import AdministratorInputs, AdministratorResource, LoginState
from components.sql.authentication_mode import AuthenticationModeFacts, AuthenticationModeResource, ServerMode
from components.sql.availability_database import AvailabilityDatabaseFacts, AvailabilityDatabaseResource, Copy
from components.sql.group import DatabaseReplica, Group, Replica
from components.sql.leftover import Past
from components.sql.listener import ListenerFacts, ListenerResource
from components.sql.login import Login, Logins, Permission
from components.sql.login_mirror import LoginMirrorResource
from components.sql.login_set import LoginMirrorFacts
from components.sql.primary import PrimaryResource
from components.sql.seeding import Seed
from components.sql.whereabouts import Whereabouts
from components.steps import Sql, SqlTransaction
from remote.secret import Secret
from tests.components.contract import Case

MACHINES = ["SQL1", "SQL2"]
STORE = "Microsoft.MgmtSvc.Store"
SHARE = r"\\FILE\SQLAG"


def replica(machine: str, primary: str, **changes: Any) -> Replica:
    role = "PRIMARY" if machine == primary else "SECONDARY"
    return replace(Replica(machine, machine, role, True, "SYNCHRONOUS_COMMIT", "AUTOMATIC"), **changes)


def on(machine: str, database: str = "VMM", **changes: Any) -> DatabaseReplica:
    """A database that follows on a replica."""
    return replace(DatabaseReplica(database, machine, True, True, "SYNCHRONIZED", False), **changes)


def group(primary: str = "SQL1", *databases: DatabaseReplica, machines: tuple[str, ...] = ("SQL1", "SQL2")) -> Group:
    given = databases or tuple(on(machine) for machine in machines)
    return Group("SQL", primary, tuple(replica(machine, primary) for machine in machines), given)


def failed_over(before: Group, target: str) -> Group:
    """What a planned failover does; the real one refuses a target that is not ready."""
    assert not before.not_ready(target), "a planned failover to a replica that is not ready"
    assert before.primary != target, "a failover to the primary itself"
    replicas = tuple(replace(r, role="PRIMARY" if r.machine == target else "SECONDARY") for r in before.replicas)
    return replace(before, primary=target, replicas=replicas)


def copy(**changes: Any) -> Copy:
    """A database that may enter a group: ONLINE, FULL, its chain started."""
    return replace(Copy("ONLINE", "FULL", False, "MULTI_USER", False, False, True), **changes)


def database_facts(
    copies: dict[str, Copy], *members: DatabaseReplica, machines: tuple[str, ...] = ("SQL1", "SQL2")
) -> AvailabilityDatabaseFacts:
    others = tuple(on(machine) for machine in machines)
    return AvailabilityDatabaseFacts(group("SQL1", *others, *members, machines=machines), copies, "2013-06-05T10:00:00")


def _copied(facts: AvailabilityDatabaseFacts, machine: str, **changes: Any) -> AvailabilityDatabaseFacts:
    return replace(facts, copies={**facts.copies, machine: replace(facts.copies[machine], **changes)})


def _member(facts: AvailabilityDatabaseFacts, member: DatabaseReplica) -> AvailabilityDatabaseFacts:
    kept = tuple(one for one in facts.group.databases if (one.database, one.machine) != (STORE, member.machine))
    return replace(facts, group=replace(facts.group, databases=(*kept, member)))


def _added(facts: AvailabilityDatabaseFacts, action: Sql) -> AvailabilityDatabaseFacts:
    primary = facts.copies["SQL1"]
    assert (primary.recovery_model, primary.chain_started) == ("FULL", True), "refused with 1475 on the real one"
    there = _copied(facts, "SQL1", in_group=True)
    there = _member(there, on("SQL1", STORE))
    return _member(there, on("SQL2", STORE, joined=False, failover_ready=False, synchronization=""))


def _joined(facts: AvailabilityDatabaseFacts, action: Sql) -> AvailabilityDatabaseFacts:
    assert facts.copies["SQL2"].state == "RESTORING", "only a restoring copy can be joined"
    return _member(_copied(facts, "SQL2", in_group=True, state="ONLINE"), on("SQL2", STORE))


def _removed(facts: AvailabilityDatabaseFacts, action: Sql) -> AvailabilityDatabaseFacts:
    kept = tuple(one for one in facts.group.databases if one.database != STORE)
    there = replace(facts, group=replace(facts.group, databases=kept))
    return _copied(_copied(there, "SQL1", in_group=False), "SQL2", in_group=False, state="RESTORING")


def _without(facts: AvailabilityDatabaseFacts, machine: str) -> AvailabilityDatabaseFacts:
    return replace(facts, copies={name: kept for name, kept in facts.copies.items() if name != machine})


FORK, LSN = "5A7F0000-0000-0000-0000-000000000001", 33000000008000001


def _started(facts: AvailabilityDatabaseFacts, action: Sql) -> AvailabilityDatabaseFacts:
    return _copied(facts, "SQL1", chain_started=True, past=Past(FORK, FORK, log_start=LSN))


def _restored(facts: AvailabilityDatabaseFacts, machine: str) -> AvailabilityDatabaseFacts:
    assert facts.seed is not None, "no file on the share"
    there = copy(state="RESTORING", past=Past(FORK, next_lsn=LSN + 1))
    return replace(facts, copies={**facts.copies, machine: there})


AVAILABILITY_DATABASE = Case(
    AvailabilityDatabaseResource,
    {"database": STORE, "group": "SQL", "machines": MACHINES, "share": SHARE},
    database_facts({"SQL1": copy(recovery_model="SIMPLE", chain_started=False)}),
    {
        "sql/set_recovery_full.sql": lambda f, a: _copied(f, "SQL1", recovery_model="FULL"),
        "sql/backup_database.sql": _started,
        "sql/backup_database_copy.sql": lambda f, a: replace(f, seed=Seed(FORK, LSN + 1)),
        "sql/backup_log_copy.sql": lambda f, a: f,
        "sql/restore_database.sql": lambda f, a: _restored(f, a.machine),
        "sql/restore_log.sql": lambda f, a: f,
        "sql/add_database.sql": _added,
        "sql/join_database.sql": _joined,
        "sql/remove_database.sql": _removed,
        "sql/drop_copy.sql": lambda f, a: _without(f, a.machine),
    },
    again=("sql/backup_log_copy.sql", "sql/restore_log.sql"),  # small, and joins best when it is of this moment
    gone=database_facts({"SQL1": copy()}),
)


def _servers(facts: AuthenticationModeFacts, machine: str, **changes: str) -> AuthenticationModeFacts:
    return replace(facts, servers={**facts.servers, machine: replace(facts.servers[machine], **changes)})


def _service_restarted(facts: AuthenticationModeFacts, action: Any) -> AuthenticationModeFacts:
    assert facts.group.primary != action.machine, "the primary is never restarted"
    return _servers(facts, action.machine, running=facts.servers[action.machine].configured)


AUTHENTICATION_MODE = Case(
    AuthenticationModeResource,
    {"group": "SQL", "machines": MACHINES},
    AuthenticationModeFacts({m: ServerMode("windows", "windows") for m in MACHINES}, group("SQL2")),
    {
        "sql/set_authentication.sql": lambda f, a: _servers(f, a.machine, configured="mixed"),
        "sql/failover.sql": lambda f, a: replace(f, group=failed_over(f.group, a.machine)),
        "sql/restart_service.ps1": _service_restarted,
    },
    leaves=True,
)

ADMINISTRATOR_INPUTS = {"machines": MACHINES, "login": "farmadmin", "password": "Sql-Pass-1!"}
DEDICATED = AdministratorInputs.model_validate(ADMINISTRATOR_INPUTS)


def administrator(name: str = "farmadmin", **changes: Any) -> LoginState:
    """A login that is as declared."""
    return replace(LoginState(name, DEDICATED.sid, False, True, True), **changes)


ADMINISTRATOR = Case(
    AdministratorResource,
    ADMINISTRATOR_INPUTS,
    {"SQL1": None, "SQL2": None},
    {
        "sql/create_administrator.sql": lambda f, a: {**f, a.machine: administrator()},
        "sql/drop_login.sql": lambda f, a: {**f, a.machine: None},
    },
    gone={"SQL1": None, "SQL2": None},
)


LISTENER = Case(
    ListenerResource,
    {
        "group": "SQL",
        "machines": MACHINES,
        "listener": "SQL",
        "address": "172.21.5.50",
        "mask": "255.255.255.0",
        "port": 1433,
    },
    ListenerFacts("SQL1"),
    {
        "sql/add_listener.sql": lambda f, a: ListenerFacts("SQL1", a.values[1], a.values[4], (a.values[2],)),
        "sql/remove_listener.sql": lambda f, a: ListenerFacts("SQL1"),
    },
    gone=ListenerFacts("SQL1"),
)

PRIMARY = Case(
    PrimaryResource,
    {"group": "SQL", "machine": "SQL1", "machines": MACHINES, "policy": "always"},
    Whereabouts(group("SQL2")),
    {"sql/failover.sql": lambda f, a: replace(f, group=failed_over(f.group, a.machine))},
    leaves=True,
)

SID = "0x00A1B2C3D4E5F60718293A4B5C6D7E8F"
HASH = "0x0200" + "AB" * 68


def login(name: str = "MgmtSvc-AdminAPI", **changes: Any) -> Login:
    plain = Login(
        name, SID, Secret(HASH), True, False, False, "master", "2013-06-05T10:00:00", frozenset(),
        rights("CONNECT SQL"),
    )  # fmt: skip
    return replace(plain, **changes)


def rights(*given: str | Permission) -> frozenset[Permission]:
    """Permissions on the server; a text alone is granted by ``sa``."""
    return frozenset(Permission("GRANT", one) if isinstance(one, str) else one for one in given)


def logins(*given: Login, **changes: Any) -> Logins:
    """A server with these logins."""
    return replace(Logins({one.name.lower(): one for one in given}), **changes)


def mirror_facts(
    servers: dict[str, Logins], users: dict[str, str] | None = None, primary: str = "SQL1"
) -> LoginMirrorFacts:
    return LoginMirrorFacts(primary, {SID: "MgmtSvc-AdminAPI"} if users is None else users, servers)


def _on(facts: LoginMirrorFacts, machine: str, **changes: Any) -> LoginMirrorFacts:
    return replace(facts, servers={**facts.servers, machine: replace(facts.servers[machine], **changes)})


def _changed(facts: LoginMirrorFacts, machine: str, login: Login) -> LoginMirrorFacts:
    return _on(facts, machine, by_name=facts.servers[machine].by_name | {login.name.lower(): login})


def _made(facts: LoginMirrorFacts, machine: str, values: tuple[Any, ...]) -> LoginMirrorFacts:
    name, sid, hashed, database, language, policy, expiration = values
    assert facts.servers[machine].named(name) is None, "refused on the real one: 15025"
    assert isinstance(hashed, Secret)
    options = {"policy": policy == "ON", "expiration": expiration == "ON", "language": language}
    return _changed(facts, machine, login(name, sid=sid, hash=hashed, default_database=database, **options))


def _login_of(facts: LoginMirrorFacts, machine: str, name: str) -> Login:
    found = facts.servers[machine].named(name)
    assert found is not None, "refused on the real one: 15151"
    return found


def _role_member(facts: LoginMirrorFacts, machine: str, values: tuple[Any, ...]) -> LoginMirrorFacts:
    have = _login_of(facts, machine, values[1])
    return _changed(facts, machine, replace(have, roles=have.roles | {values[0]}))


def _permission(facts: LoginMirrorFacts, machine: str, values: tuple[Any, ...]) -> LoginMirrorFacts:
    verb, right, kind, securable, name, grantor = values
    have = _login_of(facts, machine, name)
    kept = frozenset(one for one in have.permissions if (one.right, one.grantor) != (right, grantor))
    given = frozenset() if verb == "REVOKE" else frozenset({Permission(verb, right, grantor, kind, securable)})
    return _changed(facts, machine, replace(have, permissions=kept | given))


def _dropped(facts: LoginMirrorFacts, machine: str, values: tuple[Any, ...]) -> LoginMirrorFacts:
    assert not _login_of(facts, machine, values[0]).holdings.owned, "refused on the real one: 15174 and others"
    kept = {key: one for key, one in facts.servers[machine].by_name.items() if one.name != values[0]}
    return _on(facts, machine, by_name=kept)


def _marked(facts: LoginMirrorFacts, machine: str, values: tuple[Any, ...]) -> LoginMirrorFacts:
    marks = facts.servers[machine].marks | {_login_of(facts, machine, values[0]).sid}
    return _on(facts, machine, marks=marks, made=marks)


def _unmarked(facts: LoginMirrorFacts, machine: str, values: tuple[Any, ...]) -> LoginMirrorFacts:
    marks = facts.servers[machine].marks - {values[0]}
    return _on(facts, machine, marks=marks, made=facts.servers[machine].made & marks)


LOGIN_EFFECTS = {
    "sql/drop_login.sql": _dropped,
    "sql/create_login.sql": _made,
    "sql/add_role_member.sql": _role_member,
    "sql/set_permission.sql": _permission,
    "sql/mark_login.sql": _marked,
    "sql/unmark_login.sql": _unmarked,
}


def _transaction(facts: LoginMirrorFacts, action: SqlTransaction) -> LoginMirrorFacts:
    for path, values in action.parts:
        facts = LOGIN_EFFECTS[path](facts, action.machine, values)
    return facts


UNNEEDED = "0x" + "44" * 16
LOGIN_MIRROR = Case(
    LoginMirrorResource,
    {"group": "SQL", "machines": MACHINES, "databases": [STORE], "further": ["Reader"], "drop": True},
    mirror_facts(
        {
            "SQL1": logins(
                login(
                    roles=frozenset({"dbcreator"}),
                    permissions=rights("VIEW ANY DATABASE", Permission("DENY", "CONNECT SQL")),
                ),
                login("Reader", sid="0x" + "11" * 16),
            ),
            "SQL2": logins(
                login(sid="0x" + "22" * 16),
                login("Extra", sid="0x" + "33" * 16),
                login("Gone", sid=UNNEEDED),
                marks=frozenset({UNNEEDED}),
                made=frozenset({UNNEEDED}),
            ),
        }
    ),
    {
        "together": _transaction,
        "sql/unmark_logins.sql": lambda f, a: _on(f, a.machine, marks=frozenset(), made=frozenset()),
    },
)

SQL_CASES = [
    AUTHENTICATION_MODE,
    ADMINISTRATOR,
    LISTENER,
    PRIMARY,
    AVAILABILITY_DATABASE,
    LOGIN_MIRROR,
]
