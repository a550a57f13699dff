"""Guarantees an availability group: that it is there, that every replica is joined, and the modes of each.

Where no server has it, it is created on the preferred primary; replicas are added, and their servers joined, one after
the other. An existing group is changed in place, never dropped and recreated. A replica that leaves the topology is
removed when this stack added it, else it is left; its databases stay there in the state RESTORING. Leaves alone the
databases in the group and its backup preferences, and brings none to a new replica: the program that
added them does that. Where a replica does not answer, `sql.unreachable` says whether that stops everything.

Delete drops a group that this stack made: its databases stay online on the primary, those of the other replicas stay in
the state RESTORING. A group that was adopted stays as it is, with the replicas that were added.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import Annotated, Any, Literal

import pulumi

from components.patience import Patience
from components.resource import Adoptable, FarmResource, InputPart, PlansByChange, ReplaceOn, WithOrphan
from components.sql import group as groups
from components.sql.group import Group, Replica
from components.sql.hopeless import AWAY_SECONDS, causes
from components.sql.primary import LogToGo
from components.sql.replicas import OnReplicas, marks
from components.steps import Script, Sql, Step, WaitFor
from components.topology import Topology
from components.topology.problem import Location
from remote.errors import MachineError, UnreachableError
from remote.names import same
from remote.session import Remote

CONNECTED = "every replica"


class ReplicaInputs(InputPart):
    machine: str
    """The machine that it runs on, by its name in the topology."""
    url: str
    """Where the other replicas reach its endpoint; of a replica that is there already only the port matters."""
    availability_mode: Literal["SYNCHRONOUS_COMMIT", "ASYNCHRONOUS_COMMIT"] = "SYNCHRONOUS_COMMIT"
    """Whether a commit on the primary waits until this replica has written the log."""
    failover_mode: Literal["AUTOMATIC", "MANUAL"] = "AUTOMATIC"
    """Whether the cluster makes it the primary by itself. AUTOMATIC takes a synchronous replica."""


class AvailabilityGroupInputs(OnReplicas):
    group: Annotated[str, ReplaceOn()]
    """The group's name in SQL Server and in the failover cluster."""
    replicas: tuple[ReplicaInputs, ...]
    """All replicas with their modes; the first becomes the primary of a new group."""
    lost: tuple[str, ...] = ()
    """Machines that will not come back: their replicas are removed, also those that another program added."""
    added: tuple[str, ...] = ()
    """Set for an update: the replicas that this stack added, as the state knows it. Counts where the machine that kept
    it is lost."""
    connection: str = CONNECTED
    """What is declared of the replicas; a drifted state names those that the primary does not reach, with the error."""
    timeout_seconds: float = 600
    """How long a replica may take to connect, or to become synchronised after it was made synchronous."""

    @property
    def machines(self) -> tuple[str, ...]:
        return tuple(replica.machine for replica in self.replicas)


@dataclass(frozen=True)
class AvailabilityGroupFacts:
    group: Group
    """As the replicas that answer see it."""
    added: frozenset[str] = frozenset()
    """The machines of the replicas that this stack added, those that it created the group with included."""
    keeper: str = ""
    """The machine that keeps which these are."""


@dataclass(frozen=True)
class Connected:
    """Waits until a replica is joined and the primary reaches it. Raises ``MachineError`` where its SQL Server stays
    unreachable, or the group without a primary: that does not come by waiting."""

    machine: str
    """The replica's, by its name in the topology."""
    patience: Patience = field(default_factory=Patience, compare=False)
    """Since when this wait has seen each cause that ends it early."""

    def __call__(self, facts: AvailabilityGroupFacts) -> str:
        servers = replace(facts.group, replicas=(), databases=())  # that it is cut off is what the wait is for
        self.patience.look(causes(servers, [self.machine], f"connect to {facts.group.name}"))
        replica = facts.group.replica(self.machine)
        there = replica is not None and replica.joined and replica.connected
        why = f" ({replica.trouble})" if replica is not None and replica.trouble else ""
        return "" if there else f"{self.machine} to connect to {facts.group.primary or 'a primary'}{why}"


@dataclass(frozen=True)
class Synchronised:
    """Waits until no database of a replica lags. One that is suspended or not joined is its own resource's business.
    Raises ``MachineError`` where its server stays away."""

    machine: str
    """The replica's, by its name in the topology."""
    patience: Patience = field(default_factory=Patience, compare=False)
    """Since when this wait has seen each cause that ends it early."""

    def __call__(self, facts: AvailabilityGroupFacts) -> str:
        group = replace(facts.group, databases=())
        self.patience.look(causes(group, [self.machine], f"have it synchronised in {group.name}"))
        lagging = [
            one.database
            for one in facts.group.databases
            if one.machine == self.machine and not one.suspended and one.synchronization == "SYNCHRONIZING"
        ]
        return f"{', '.join(lagging)} on {self.machine}" if lagging else ""


class AvailabilityGroupResource(
    Adoptable[AvailabilityGroupInputs, AvailabilityGroupFacts],
    WithOrphan[AvailabilityGroupInputs, AvailabilityGroupFacts],
    PlansByChange[AvailabilityGroupInputs, AvailabilityGroupFacts],
):
    COMPUTED = ("primary", "added_replicas")

    def display_name(self, inputs: AvailabilityGroupInputs) -> str:
        return f"the availability group {inputs.group}"

    def resource_id(self, inputs: AvailabilityGroupInputs) -> str:
        return f"availability-group/{inputs.group}".lower()

    def owner_machine(self, inputs: AvailabilityGroupInputs) -> str:
        return inputs.machines[0]

    def observe(self, inputs: AvailabilityGroupInputs, remote: Remote) -> AvailabilityGroupFacts:
        group = groups.observe(remote, inputs.machines, inputs.group)
        kept = marks(inputs, inputs.machines, remote, _mark(inputs), f"read {self.display_name(inputs)}").given
        # While its keeper does not answer, no replica is known to be ours, and none is removed.
        keeper = next(iter(kept), "")
        added = kept[keeper].split(",") if keeper else inputs.added
        return AvailabilityGroupFacts(group, frozenset(added), keeper)

    def inputs_of_update(self, olds: dict[str, Any], inputs: AvailabilityGroupInputs) -> AvailabilityGroupInputs:
        keeper = next((replica["machine"] for replica in olds.get("replicas") or ()), "")
        added = tuple(olds.get("added_replicas") or ()) if keeper in inputs.lost else ()
        return inputs.model_copy(update={"added": added})

    def plan(self, inputs: AvailabilityGroupInputs, facts: AvailabilityGroupFacts) -> list[Step]:
        group = facts.group
        self._refuse(inputs, group)
        lacking = [one for one in inputs.replicas if group.replica(one.machine) is None]
        leaves = facts.added | {*(one.machine for one in group.replicas if _is_in(one.machine, inputs.lost))}
        gone = [one for one in group.replicas if one.machine not in inputs.machines and one.machine in leaves]
        added = facts.added | {one.machine for one in lacking}
        primary = group.primary or self.owner_machine(inputs)
        owner = self.owner_machine(inputs)
        steps = [] if added == facts.added and (facts.keeper == owner or not added) else [self._keep(inputs, added)]
        if facts.keeper not in ("", owner):
            steps += self.plan_orphan(inputs, facts)
        for left in gone:
            what = f"On {primary}, remove the replica {left.machine} from {inputs.group}."
            steps.append(Step(what, Sql(primary, "sql/remove_replica.sql", (inputs.group, left.server))))
        # A group takes three synchronous replicas and two automatic ones: those that stop being so come first.
        for one in sorted(inputs.replicas, key=_demands):
            if replica := group.replica(one.machine):
                steps += self._change(inputs, primary, one, replica)
        for one in inputs.replicas:
            replica = group.replica(one.machine)
            if replica is None or not replica.joined:
                steps += self._bring(inputs, group, primary, one)
            elif one.machine in group.disconnected:
                steps.append(_connected(inputs, one, primary, min(AWAY_SECONDS, inputs.timeout_seconds)))
        if left_over := added - {*inputs.machines}:
            steps.append(self._keep(inputs, added - left_over))
        return steps

    def _bring(self, inputs: AvailabilityGroupInputs, group: Group, primary: str, wanted: ReplicaInputs) -> list[Step]:
        """What makes a server a replica that is joined and connected."""
        name = inputs.group
        if not group.exists and wanted.machine == primary:
            what = f"On {primary}, create the availability group {name}."
            return [Step(what, _with(wanted, primary, "sql/create_group.sql", inputs, group), _WATCHED)]
        steps = []
        if group.replica(wanted.machine) is None:
            what = f"On {primary}, add the replica {wanted.machine} to {name}."
            steps.append(Step(what, _with(wanted, primary, "sql/add_replica.sql", inputs, group)))
        what = f"On {wanted.machine}, join the availability group {name}."
        steps.append(Step(what, Sql(wanted.machine, "sql/join_group.sql", (name,))))
        return [*steps, _connected(inputs, wanted, primary, inputs.timeout_seconds)]

    def _change(
        self, inputs: AvailabilityGroupInputs, primary: str, wanted: ReplicaInputs, replica: Replica
    ) -> list[Step]:
        """What leads a replica that is there to its address and modes."""
        steps = []
        if _port(replica.url) != _port(wanted.url):
            what = f"On {primary}, set the endpoint URL of {wanted.machine} in {inputs.group} to {wanted.url}."
            action = Sql(primary, "sql/set_replica_url.sql", (inputs.group, replica.server, wanted.url))
            steps.append(Step(what, action))
        changes: list[tuple[str, str]] = []
        if replica.failover_mode != wanted.failover_mode:
            changes.append(("failover", wanted.failover_mode))
        if replica.availability_mode != wanted.availability_mode:
            # Automatic failover needs synchronous commit: it goes off before, and comes on after.
            first = wanted.availability_mode == "SYNCHRONOUS_COMMIT"
            changes.insert(0 if first else len(changes), ("availability", wanted.availability_mode))
        for kind, mode in changes:
            what = f"On {primary}, set the {kind} mode of {wanted.machine} in {inputs.group} to {mode}."
            action = Sql(primary, _SET_MODE[kind], (inputs.group, replica.server, mode))
            steps.append(Step(what, action))
        if ("availability", "SYNCHRONOUS_COMMIT") in changes:
            what = f"Wait until {wanted.machine} is synchronised in {inputs.group}."
            steps.append(
                Step(what, WaitFor(primary, Synchronised(wanted.machine), inputs.timeout_seconds, to_go=LogToGo()))
            )
        return steps

    def _refuse(self, inputs: AvailabilityGroupInputs, group: Group) -> None:
        attempted = f"bring {self.display_name(inputs)} to its declared state"
        for machine in inputs.machines:
            server = group.servers.get(machine)
            if server and not server.hadr:
                raise MachineError(
                    machine,
                    attempted,
                    "AlwaysOn Availability Groups is not enabled for this instance",
                    "Run `pulumi up` again, which enables it first.",
                )
        if group.exists and not group.primary:
            raise MachineError(
                self.owner_machine(inputs),
                attempted,
                f"none of {', '.join(inputs.machines)} says that it is the primary",
                "Bring the group online, with one of these as its primary; look at the cluster first.",
            )

    def _keep(self, inputs: AvailabilityGroupInputs, added: frozenset[str]) -> Step:
        names, owner = sorted(added), self.owner_machine(inputs)
        what = f"On {owner}, record that this program added {', '.join(names) or 'no replica'} to {inputs.group}."
        if not names:
            return Step(what, Script(owner, "windows/remove_mark.ps1", {"Name": _mark(inputs)}))
        arguments = {"Name": _mark(inputs), "Text": ",".join(names)}
        return Step(what, Script(owner, "windows/write_mark.ps1", arguments))

    def plan_delete(
        self, inputs: AvailabilityGroupInputs, facts: AvailabilityGroupFacts, baseline: dict[str, Any]
    ) -> list[Step]:
        steps = []
        if facts.group.exists:
            if not facts.group.primary:
                raise MachineError(
                    self.owner_machine(inputs),
                    f"drop {self.display_name(inputs)}",
                    "no replica says that it is the primary",
                    "Bring the group online, or drop it yourself; then run it again.",
                )
            what = f"On {facts.group.primary}, drop the availability group {inputs.group}."
            steps.append(Step(what, Sql(facts.group.primary, "sql/drop_group.sql", (inputs.group,))))
        return [*steps, *self.plan_orphan(inputs, facts)]

    def plan_orphan(self, inputs: AvailabilityGroupInputs, facts: AvailabilityGroupFacts) -> list[Step]:
        if not facts.added:
            return []
        what = f"On {facts.keeper}, remove the record of the replicas that this program added to {inputs.group}."
        return [Step(what, Script(facts.keeper, "windows/remove_mark.ps1", {"Name": _mark(inputs)}))]

    def adoption(self, inputs: AvailabilityGroupInputs, topology: Topology) -> Location:
        return ("sql",)

    def actual(self, inputs: AvailabilityGroupInputs, facts: AvailabilityGroupFacts) -> dict[str, Any] | None:
        if not facts.group.exists:
            return None
        if not facts.group.primary:
            return {}
        replicas = []
        for wanted in inputs.replicas:
            replica = facts.group.replica(wanted.machine)
            if replica is not None and replica.joined:
                url = wanted.url if _port(replica.url) == _port(wanted.url) else replica.url
                modes = {"availability_mode": replica.availability_mode, "failover_mode": replica.failover_mode}
                replicas.append({"machine": wanted.machine, "url": url, **modes})
        live: dict[str, Any] = {"replicas": replicas}
        if away := facts.group.disconnected:
            live["connection"] = "; ".join(f"not {machine} ({why or 'no error yet'})" for machine, why in away.items())
        return live

    def outputs(self, inputs: AvailabilityGroupInputs, facts: AvailabilityGroupFacts) -> dict[str, Any]:
        return {"primary": facts.group.primary, "added_replicas": sorted(facts.added)}


def _connected(inputs: AvailabilityGroupInputs, wanted: ReplicaInputs, primary: str, timeout_seconds: float) -> Step:
    """The endpoints and their logins were looked at before: what remains is between them."""
    what = f"Wait until {wanted.machine} is connected in {inputs.group}."
    ports = {one.machine: _port(one.url) for one in inputs.replicas}
    remedy = (
        f"Endpoints and logins are in order. See that the firewalls let {primary} reach TCP {ports[wanted.machine]} of "
        f"{wanted.machine}, and {wanted.machine} TCP {ports.get(primary, '5022')} of {primary}, by the names of their "
        "URLs; then run `pulumi up` again."
    )
    return Step(what, WaitFor(primary, Connected(wanted.machine), timeout_seconds), remedy)


def _demands(wanted: ReplicaInputs) -> tuple[bool, bool]:
    """Sorts those to the end that take one of the group's few places."""
    return wanted.availability_mode == "SYNCHRONOUS_COMMIT", wanted.failover_mode == "AUTOMATIC"


_SET_MODE = {"availability": "sql/set_availability_mode.sql", "failover": "sql/set_failover_mode.sql"}
_WATCHED = (
    "Where it says 41131, see that the cluster's service, which is LocalSystem, may log on to SQL Server; SQL Server's "
    "error log and the cluster's have the rest. Then run `pulumi up` again."
)


def _mark(inputs: AvailabilityGroupInputs) -> str:
    return f"availability-group/{inputs.group}/added".lower()


def _is_in(machine: str, machines: tuple[str, ...]) -> bool:
    """A server's name for its machine may be spelled in another way than the topology's."""
    return any(same(machine, other) for other in machines)


def _port(url: str) -> str:
    found = re.search(r":(\d+)/?$", url)
    return found[1] if found else ""


def _with(one: ReplicaInputs, on: str, script: str, inputs: AvailabilityGroupInputs, group: Group) -> Sql:
    server = group.servers.get(one.machine)
    if server is None:
        raise UnreachableError(one.machine, f"make it a replica of {inputs.group}", "SQL Server does not answer")
    values = (inputs.group, server.name, one.url, one.availability_mode, one.failover_mode)
    return Sql(on, script, values, timeout_seconds=inputs.timeout_seconds)


class AvailabilityGroup(FarmResource[AvailabilityGroupInputs], module="sql", name="AvailabilityGroup"):
    """An availability group with its replicas and their modes."""

    implementation = AvailabilityGroupResource
    primary: pulumi.Output[str]
    """The machine that has the role now."""
    added_replicas: pulumi.Output[list[str]]
    """The machines of the replicas that this stack added."""
