"""The cases of what makes an availability group: AlwaysOn, endpoints, the cluster's rights, the group itself."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from components.sql.always_on import AlwaysOnFacts, AlwaysOnResource
from components.sql.authentication_mode import ServerMode
from components.sql.availability_group import AvailabilityGroupFacts, AvailabilityGroupResource
from components.sql.backup_share_check import BackupShareCheckFacts, BackupShareCheckResource
from components.sql.cluster_access import RIGHTS, ClusterAccessResource, SystemLogin
from components.sql.endpoint import Endpoint, MirroringEndpointFacts, MirroringEndpointResource
from components.sql.failover_cluster_check import FailoverClusterCheckFacts, FailoverClusterCheckResource
from components.sql.group import Group, Replica, Server
from components.steps import Script, Sql
from tests.components.contract import Case

MACHINES = ["SQL1", "SQL2"]
SERVERS = {machine: Server(machine, True, False) for machine in MACHINES}
"""AlwaysOn is enabled, and nobody made a group yet."""


def url(machine: str, port: int = 5022) -> str:
    return f"TCP://{machine.lower()}.hyper-v.nu:{port}"


def _grouped(facts: AvailabilityGroupFacts, **changes: Any) -> AvailabilityGroupFacts:
    return replace(facts, group=replace(facts.group, **changes))


def _knows(facts: AvailabilityGroupFacts, machine: str, role: str) -> dict[str, Server]:
    return {**facts.group.servers, machine: replace(facts.group.servers[machine], knows=True, role=role)}


def _new(action: Sql, **changes: Any) -> Replica:
    _, server, address, mode, failover = (str(value) for value in action.values)
    return Replica(server, server, "", True, mode, failover, url=address, **changes)


def _created(facts: AvailabilityGroupFacts, action: Sql) -> AvailabilityGroupFacts:
    assert not facts.group.exists, "refused on the real one: 41114"
    made = replace(_new(action), role="PRIMARY")
    return _grouped(facts, primary="SQL1", replicas=(made,), servers=_knows(facts, "SQL1", "PRIMARY"))


def _replica_added(facts: AvailabilityGroupFacts, action: Sql) -> AvailabilityGroupFacts:
    assert action.machine == facts.group.primary, "refused on the real one: 41140"
    made = replace(_new(action), joined=False, connected=False)
    return _grouped(facts, replicas=(*facts.group.replicas, made))


def _replica_joined(facts: AvailabilityGroupFacts, action: Sql) -> AvailabilityGroupFacts:
    found = facts.group.replica(action.machine)
    assert found is not None, "refused on the real one: the group has no such replica"
    joined = replace(found, joined=True, connected=True, role="SECONDARY")
    replicas = tuple(joined if one is found else one for one in facts.group.replicas)
    return _grouped(facts, replicas=replicas, servers=_knows(facts, action.machine, "SECONDARY"))


def _marked(facts: AvailabilityGroupFacts, action: Script) -> AvailabilityGroupFacts:
    return replace(facts, added=frozenset(action.arguments["Text"].split(",")), keeper=action.machine)


AVAILABILITY_GROUP = Case(
    AvailabilityGroupResource,
    {
        "group": "SQL",
        "replicas": [
            {"machine": "SQL1", "url": url("SQL1")},
            {
                "machine": "SQL2",
                "url": url("SQL2"),
                "availability_mode": "ASYNCHRONOUS_COMMIT",
                "failover_mode": "MANUAL",
            },
        ],
    },
    AvailabilityGroupFacts(Group("SQL", "", (), (), SERVERS)),
    {
        "windows/write_mark.ps1": _marked,
        "windows/remove_mark.ps1": lambda f, a: replace(f, added=frozenset(), keeper=""),
        "sql/create_group.sql": _created,
        "sql/add_replica.sql": _replica_added,
        "sql/join_group.sql": _replica_joined,
        "sql/drop_group.sql": lambda f, a: _grouped(f, primary="", replicas=(), servers=SERVERS),
    },
    gone=AvailabilityGroupFacts(Group("SQL", "", (), (), SERVERS)),
)


def _always_on_restarted(facts: AlwaysOnFacts, action: Any) -> AlwaysOnFacts:
    machine = action.machine
    servers = {**facts.group.servers, machine: replace(facts.group.servers[machine], hadr=facts.configured[machine])}
    mode = replace(facts.modes[machine], running=facts.modes[machine].configured)
    return replace(facts, modes={**facts.modes, machine: mode}, group=replace(facts.group, servers=servers))


def _mode_configured(facts: AlwaysOnFacts, action: Sql) -> AlwaysOnFacts:
    mode = replace(facts.modes[action.machine], configured="mixed")
    return replace(facts, modes={**facts.modes, action.machine: mode})


HADR = Case(
    AlwaysOnResource,
    {"group": "SQL", "machines": MACHINES},
    AlwaysOnFacts(
        dict.fromkeys(MACHINES, False),
        {machine: ServerMode("windows", "windows") for machine in MACHINES},
        Group("SQL", "", (), (), {machine: Server(machine, False, False) for machine in MACHINES}),
    ),
    {
        "sql/enable_always_on.ps1": lambda f, a: replace(f, configured={**f.configured, a.machine: True}),
        "sql/set_authentication.sql": _mode_configured,
        "sql/restart_service.ps1": _always_on_restarted,
    },
    leaves=True,
)

ACCOUNT = r"HYPERVNU\SVC_SQL"


def _admitted(facts: MirroringEndpointFacts, action: Sql) -> MirroringEndpointFacts:
    assert facts.endpoint is not None, "refused on the real one: 15151"
    assert facts.logins[ACCOUNT], "refused on the real one: 15151"
    return replace(facts, admitted=facts.admitted | {str(action.values[1])})


MIRRORING_ENDPOINT = Case(
    MirroringEndpointResource,
    {"machine": "SQL1", "port": 5022, "partners": [{"machine": "SQL2", "computer": r"HYPERVNU\SQL2$"}]},
    MirroringEndpointFacts(None, {ACCOUNT: ""}, frozenset()),
    {
        "sql/create_endpoint.sql": lambda f, a: replace(
            f, endpoint=Endpoint(a.values[0], a.values[1], "STARTED", "ALL", "AES")
        ),
        "sql/create_windows_login.sql": lambda f, a: replace(f, logins={a.values[0]: a.values[0]}),
        "sql/grant_endpoint.sql": _admitted,
        "sql/drop_endpoint.sql": lambda f, a: replace(f, endpoint=None, admitted=frozenset()),
        "sql/drop_login.sql": lambda f, a: replace(f, logins={ACCOUNT: ""}),
    },
    gone=MirroringEndpointFacts(None, {ACCOUNT: ""}, frozenset()),
)

SYSTEM = r"NT AUTHORITY\SYSTEM"


def _granted(facts: dict[str, SystemLogin], action: Sql) -> dict[str, SystemLogin]:
    login = facts[action.machine]
    assert login.exists, "refused on the real one: 15151"
    missing = tuple(right for right in login.missing if right != action.values[1])
    return {**facts, action.machine: replace(login, missing=missing)}


CLUSTER_ACCESS = Case(
    ClusterAccessResource,
    {"group": "SQL", "machines": MACHINES},
    {"SQL1": SystemLogin(SYSTEM, True, RIGHTS[1:]), "SQL2": SystemLogin(SYSTEM, False, RIGHTS)},
    {
        "sql/create_windows_login.sql": lambda f, a: {**f, a.machine: SystemLogin(SYSTEM, True, RIGHTS)},
        "sql/set_permission.sql": _granted,
    },
    leaves=True,
)

FAILOVER_CLUSTER = Case(
    FailoverClusterCheckResource,
    {"machines": MACHINES, "cluster": "sqlcluster", "address": "172.21.5.120"},
    FailoverClusterCheckFacts("SQL1", "other", ("172.21.5.120", "172.21.5.50")),
    {"until": lambda f, a: replace(f, name="SQLCLUSTER")},
    leaves=True,
)

BACKUP_SHARE = Case(
    BackupShareCheckResource,
    {"machines": MACHINES, "share": r"\\FILE\SQLAG"},
    BackupShareCheckFacts(("SQL2",)),
    {"until": lambda f, a: BackupShareCheckFacts(())},
    leaves=True,
)

GROUP_CASES = [HADR, MIRRORING_ENDPOINT, CLUSTER_ACCESS, FAILOVER_CLUSTER, BACKUP_SHARE, AVAILABILITY_GROUP]
