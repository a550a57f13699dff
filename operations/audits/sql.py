"""The availability group: who takes over, what keeps the cluster from doing so, and what would be lost."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from functools import partial

from components.portal.databases import DATABASES
from components.sql import group as groups
from components.sql import log_backups, quorum
from components.sql.availability_group import AvailabilityGroupResource
from components.sql.group import Group
from components.sql.login_mirror import LoginMirrorResource
from components.sql.sql_availability_group import group_inputs
from components.steps import load_script
from operations.audits.finding import Answer, Question, Risk
from operations.audits.machines import Machines
from operations.checks.drift import differences
from operations.checks.sql import mirrored
from operations.configuration import Context
from remote.names import folded, same

LEVEL = "SQL Server"
LEAST_SESSION_SECONDS = 10
"""Below it replicas part over a short load ("Change the Session-Timeout Period for an Availability Replica")."""
DEFAULT_LEVEL, DEFAULT_HEALTH_SECONDS = 3, 30
"""Failure condition level and health check time-out of a new group ("Flexible Failover Policy")."""
NO_LIMIT = 0xFFFFFFFF
"""FailoverThreshold of a cluster group that nobody changed: one less than there are nodes."""
FULL_BACKUP_DUE = timedelta(days=8)


def questions(context: Context, machines: Machines) -> Iterator[Question]:
    name = context.topology.sql.group
    for looked_at, judge in (
        (f"{name}: who takes over", _partner),
        (f"{name}: modes", _modes),
        (f"{context.topology.sql.cluster.name}: quorum", _quorum),
        (f"{name}: when it fails over", _policy),
        (f"{name}: databases of the farm", _databases),
        ("logins", _logins),
        ("backups", _backups),
        ("builds", _builds),
        ("share", _share),
    ):
        yield Question(LEVEL, looked_at, partial(judge, context))
    yield Question(LEVEL, f"{context.topology.sql.cluster.name}: Hyper-V hosts", partial(_hosts, context, machines))


def _machines(context: Context) -> list[str]:
    return [replica.machine for replica in context.topology.replicas]


def _group(context: Context) -> Group:
    return groups.observe(context.remote, _machines(context), context.topology.sql.group)


def _partner(context: Context) -> Answer:
    group = _group(context)
    if not group.primary:
        effect = "Every site answers HTTP 500."
        return Answer("", (Risk(f"{group.name} has no primary", effect, "Look at the failover cluster."),))
    own = group.replica(group.primary)
    ready = [
        one.machine
        for one in group.secondaries
        if one.failover_mode == "AUTOMATIC" and one.synchronous and one.connected and not group.not_ready(one.machine)
    ]
    if ready and own is not None and own.failover_mode == "AUTOMATIC" and own.synchronous:
        return Answer(f"{group.primary} is the primary, {', '.join(ready)} takes over by itself")
    why = "; ".join(
        f"{one.machine} is {one.availability_mode}, {one.failover_mode}{'' if one.connected else ', not connected'}"
        for one in group.replicas
    )
    what = f"no replica takes over by itself from {group.primary} ({why})"
    effect = "When the primary stops, every site answers HTTP 500 until an administrator fails the group over."
    remedy = "Give two replicas synchronous commit and automatic failover, and see that the second one follows."
    return Answer("", (Risk(what, effect, remedy),))


def _modes(context: Context) -> Answer:
    inputs = group_inputs(context.topology)
    risks = tuple(
        Risk(text, "A failover does not go as the topology says, or does not happen.", "Run `pulumi up`.")
        for text in differences(AvailabilityGroupResource(), inputs, context.remote)
    )
    return Answer("as declared", risks)


def _observed(context: Context) -> quorum.Quorum:
    """The cluster as the first node with quorum sees it."""
    seen = [quorum.observe(context.remote, machine) for machine in _machines(context)]
    return next((one for one in seen if one.members), seen[0])


STOPS = "The cluster stops, and with it the group: every site answers HTTP 500, also where servers still run."


def _quorum(context: Context) -> Answer:
    return quorum_answer(_observed(context))


def quorum_answer(found: quorum.Quorum) -> Answer:
    """What the votes say. Pure; also ``doctor`` asks it."""
    if not found.members:
        remedy = "Bring enough nodes and the witness back; else force quorum, as Microsoft describes."
        return Answer("", (Risk("the failover cluster has no quorum", STOPS, remedy),))
    risks = []
    if found.state != "NORMAL_QUORUM":
        risks.append(Risk(f"its quorum is {found.state}", STOPS, "Bring the other nodes back into the cluster."))
    risks += [Risk(f"{name} is down", "Fewer losses stop the cluster.", "Bring it back.") for name in found.down]
    nodes = [member for member in found.members if member.kind == quorum.NODE]
    if found.witness is None and len(nodes) % 2 == 0:
        remedy = "Configure a file share witness on a server that is none of the nodes."
        risks.append(Risk(f"{len(nodes)} nodes vote and no witness does", STOPS, remedy))
    remedy = "Move the witness to a server of its own, or give another member a vote."
    risks += [Risk(f"the loss of {server} breaks the quorum", STOPS, remedy) for server in found.fatal()]
    votes = sum(member.votes for member in found.members)
    return Answer(f"{found.kind}, {votes} votes; the loss of any one server is survived", tuple(risks))


def _hosts(context: Context, machines: Machines) -> Answer:
    """Hosts that carry so many members of the quorum that their loss stops the cluster."""
    found = _observed(context)
    hosts: dict[str, list[str]] = {}
    for name in _machines(context):
        if host := machines.look(name).host:
            hosts.setdefault(host, []).append(name)
    risks = [
        Risk(f"the Hyper-V host {host} runs {' and '.join(names)}", STOPS, "Move one of them to another host.")
        for host, names in hosts.items()
        if found.members and len(names) > 1 and not found.survives(*names)
    ]
    return Answer("the loss of any one host is survived" if hosts else "no node names its host", tuple(risks))


def _policy(context: Context) -> Answer:
    name, group = context.topology.sql.group, _group(context)
    attempted = f"read the failover policy of {name}"
    primary = group.primary or _machines(context)[0]
    rows = context.remote.sql(primary).rows(load_script("sql/read_group_settings.sql"), name, attempted=attempted)
    cluster = context.remote.powershell(primary).run(
        load_script("sql/read_cluster_group.ps1"), {"Group": name}, attempted=attempted
    )[0]
    risks = []
    for row in rows:
        if row["session_seconds"] < LEAST_SESSION_SECONDS:
            what = f"session time-out of {row['replica']}: {row['session_seconds']} s"
            effect = "A short load peak disconnects the replicas; no failover is possible until they are synchronised."
            remedy = f"Set SESSION_TIMEOUT to {LEAST_SESSION_SECONDS} or more."
            risks.append(Risk(what, effect, remedy))
    level, health = rows[0]["failure_level"], rows[0]["health_check_milliseconds"] / 1000
    if level < DEFAULT_LEVEL:
        effect = "A SQL Server that hangs or has a critical error keeps the group, and no site works."
        remedy = f"Set FAILURE_CONDITION_LEVEL to {DEFAULT_LEVEL}, the default."
        risks.append(Risk(f"failure condition level {level}", effect, remedy))
    if health > 2 * DEFAULT_HEALTH_SECONDS:
        effect = f"A SQL Server that hangs is noticed after {health:g} s only."
        remedy = f"Set HEALTH_CHECK_TIMEOUT to {DEFAULT_HEALTH_SECONDS * 1000}, the default."
        risks.append(Risk(f"health check time-out {health:g} s", effect, remedy))
    limit = cluster["nodes"] - 1 if cluster["threshold"] == NO_LIMIT else cluster["threshold"]
    if limit < 1:
        effect = "The cluster does not fail the group over at all; an administrator has to."
        risks.append(Risk(f"{limit} failovers in {cluster['hours']} h", effect, "Raise the cluster group's limit."))
    return Answer(
        f"failure condition level {level}, health check {health:g} s, lease {cluster['lease'] / 1000:g} s, sessions "
        f"{min(row['session_seconds'] for row in rows)} s; {limit} failover(s) by itself in {cluster['hours']} h, the "
        "next failure waits for an administrator",
        tuple(risks),
    )


def _databases(context: Context) -> Answer:
    group = _group(context)
    outside = [database for database in DATABASES if not group.of(database)]
    risks = tuple(
        Risk(f"{database} is not in {group.name}", "A failover leads to a server without it.", "Run `pulumi up`.")
        for database in outside
    )
    return Answer(f"{len(DATABASES)} in the group", risks)


def _logins(context: Context) -> Answer:
    resource, inputs = LoginMirrorResource(), mirrored(context, _machines(context))
    facts = resource.observe(inputs, context.remote)
    effect = "After a failover, applications that log on with it are refused."
    risks = tuple(Risk(text, effect, "Run `pulumi up`.") for text in resource.concerns(inputs, facts))
    return Answer(f"{len(resource.outputs(inputs, facts)['logins'])} logins, the same on every replica", risks)


def _backups(context: Context) -> Answer:
    group = _group(context)
    states = log_backups.observe(context.remote, _machines(context), group.primary) if group.primary else {}
    risks = []
    for database in DATABASES:
        log = states.get(folded(database))
        if log is None:
            continue
        if log.remedy:
            effect = "The log grows until the disk is full; then the portal cannot write any more."
            risks.append(Risk(f"{database}: {log}", effect, f"{log.remedy}."))
        if log.full_age is None or log.full_age > FULL_BACKUP_DUE:
            age = "none" if log.full_age is None else f"{log_backups.words(log.full_age)} old"
            effect = "What is deleted or damaged on the primary is lost on every replica: no recent backup."
            remedy = "Add the database to the backup job."
            risks.append(Risk(f"{database}: last full or differential backup: {age}", effect, remedy))
    return Answer(f"{len(states)} databases asked", tuple(risks))


def _builds(context: Context) -> Answer:
    name = context.topology.sql.group
    builds = {}
    for machine in _machines(context):
        server = context.remote.sql(machine)
        rows = server.rows(load_script("sql/read_group_settings.sql"), name, attempted="read its build")
        if rows:
            builds[machine] = rows[0]["build"]
    text = ", ".join(f"{machine} {build}" for machine, build in builds.items())
    if len(set(builds.values())) < 2:
        return Answer(text)
    effect = "After a failover another build serves; one of them lacks fixes that the other has."
    return Answer(text, (Risk(f"the builds differ: {text}", effect, "Install the same updates on every replica."),))


def _share(context: Context) -> Answer:
    share = str(context.topology.sql.backup_share)
    server = share.strip("\\").split("\\")[0].split(".")[0]
    on = [machine for machine in _machines(context) if same(machine, server)]
    if not on:
        return Answer(f"{share} is on {server}; without it no replica can be added, and nothing else is lost")
    effect = "While it is down no database can be brought to another replica."
    remedy = "Use a share of a server that is no replica."
    return Answer(share, (Risk(f"{share} is on the replica {on[0]}", effect, remedy),))
