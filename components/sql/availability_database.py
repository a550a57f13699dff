"""Guarantees that a database is in the availability group: FULL, backed up, on every replica, synchronised.

A secondary is seeded by backup and restore through a share (SQL Server 2012 knows no automatic seeding). Where no log
chain has started, one ordinary full backup starts it and is kept; all other backups are copies only, so the owner's
own backup plan is not disturbed. The copies are restored before the database enters the group: should a restore
fail, no lone member is left behind. A half-made state of an earlier attempt is finished from where it stands: a full
backup, or a restored copy, from which the log goes on is not made again. A log backup that another program makes
meanwhile leaves a gap, which is seen and closed (``components.sql.log_chain``).

A suspended copy goes on where nothing can be lost by it; after a forced failover only the operator decides that
(``components.sql.suspension``). A wait ends early where a copy stays suspended or its replica stays cut off.

A replica that cannot take a copy (its version, its collation, a folder, its free space, the certificate of an encrypted
database) is refused before the first backup.

A replica that does not answer is unknown: `sql.unreachable` says whether that stops everything.

Leaves alone what has the database's name on a secondary and is none of its copies (``components.sql.leftover``): that
is refused, unless it is no more than this program's own seed of another database of this name. Delete takes the
database out of the group and drops its copies on the secondaries; the database itself stays, and so does its recovery
model.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Annotated, Any

from components.patience import Patience
from components.resource import FarmResource, Overtaken, ReplaceOn
from components.sql import group as groups
from components.sql.fitness import Encryption, Server, read_encryption, read_server, refuse_unfit
from components.sql.group import DatabaseReplica, Group
from components.sql.hopeless import causes
from components.sql.leftover import (
    NOTHING_TOLD,
    Kinship,
    Past,
    Restored,
    is_untouched_seed,
    kinship,
    past,
    read_restored,
)
from components.sql.log_chain import OVERTAKEN, LogBackup, missing, obstacle, read_log_backups
from components.sql.primary import LogToGo
from components.sql.remedies import of_seed
from components.sql.replicas import OnReplicas, query_each
from components.sql.seeding import (
    File,
    Folders,
    Seed,
    full_backup,
    further_folders,
    log_backup,
    moves,
    placed,
    read_files,
    read_folders,
    read_seed,
)
from components.sql.suspension import quoted, refuse_loss, resumable
from components.steps import Sql, Step, WaitFor, load_script
from remote.errors import MachineError
from remote.session import Remote
from remote.sql import Row

SYNCHRONIZED = "synchronized"


class AvailabilityDatabaseInputs(OnReplicas):
    database: Annotated[str, ReplaceOn()]
    """The database's name on every replica."""
    group: Annotated[str, ReplaceOn()]
    """The availability group's name in SQL Server."""
    machines: tuple[str, ...]
    """All replicas, by the names of their machines in the topology; the first keeps the claim."""
    share: str
    """Where backups pass from the primary to the others."""
    timeout_seconds: float = 600
    """How long a backup, a restore or a synchronisation may stand still."""
    recovery_model: str = "FULL"
    """The only one that a group takes."""
    replicas: str = SYNCHRONIZED
    """What is declared of every replica; a drifted state names the replicas and what is wrong with each."""


@dataclass(frozen=True)
class Copy:
    """The database as one server has it."""

    state: str
    """``state_desc`` of sys.databases: ONLINE, RESTORING, SUSPECT, …"""
    recovery_model: str
    """``recovery_model_desc``: FULL, BULK_LOGGED or SIMPLE."""
    read_only: bool
    """``is_read_only``; such a database enters no group."""
    user_access: str
    """``user_access_desc``: MULTI_USER, SINGLE_USER or RESTRICTED_USER."""
    auto_close: bool
    """``is_auto_close_on``; such a database enters no group."""
    in_group: bool
    """Whether it has a ``group_database_id``, of whichever group."""
    chain_started: bool
    """Whether it has a ``last_log_backup_lsn``: a full backup has begun its log chain."""
    past: Past = NOTHING_TOLD
    """Its recovery fork and LSNs; empty where the server does not tell them."""
    restored: tuple[Restored, ...] = ()
    """What was restored as it, of one that is restoring and in no group."""

    @property
    def is_leftover(self) -> bool:
        return self.state == "RESTORING" and not self.in_group


@dataclass(frozen=True)
class AvailabilityDatabaseFacts:
    group: Group
    """The group with all its databases, not only this one."""
    copies: dict[str, Copy]
    """By machine; a machine that has no such database is missing."""
    now: str
    """The primary's clock (UTC), ``2013-06-05T10:00:00``."""
    files: tuple[File, ...] = ()
    """The database's files on the primary. These, ``folders``, ``servers``, ``encryption``, ``seed``: read only while a
    replica has no copy."""
    folders: dict[str, Folders] = field(default_factory=dict)
    """By machine: where the instance puts new files."""
    servers: dict[str, Server] = field(default_factory=dict)
    """By machine: what it is."""
    encryption: Encryption | None = None
    """What protects the key of the primary's database, where it is encrypted."""
    seed: Seed | None = None
    """The full backup of an earlier seed on the share."""
    log_backups: tuple[LogBackup, ...] = ()
    """What other programs backed up of the log beyond the seed or a copy of it."""
    unreachable: tuple[str, ...] = ()
    """Replicas that do not answer."""

    @property
    def on_primary(self) -> Copy | None:
        return self.copies.get(self.group.primary)

    @property
    def past(self) -> Past | None:
        """Where the primary's database stands in its history."""
        return self.on_primary.past if self.on_primary else None

    def far(self, machine: str) -> tuple[str, int | None]:
        """How far a machine's copy is, by fork and LSN; nowhere where it has none."""
        copy = self.copies.get(machine)
        return (copy.past.fork, copy.past.next_lsn) if copy else ("", None)

    @property
    def seed_far(self) -> tuple[str, int | None]:
        """How far the full backup on the share is."""
        return (self.seed.fork, self.seed.last_lsn) if self.seed else ("", None)


@dataclass(frozen=True)
class Synchronized:
    """Waits until every replica of a database follows. Raises ``MachineError`` where one stays suspended (RESUME takes
    effect a while after it was accepted) or stays cut off from the primary: that does not come by waiting."""

    database: str
    """In the spelling of the topology."""
    patience: Patience = field(default_factory=Patience, compare=False)
    """Since when this wait has seen each cause that ends it early."""

    def __call__(self, facts: AvailabilityDatabaseFacts) -> str:
        group, attempted = facts.group, f"have {self.database} synchronised on every replica of {facts.group.name}"
        asked = [one for one in group.replicas if one.machine not in facts.unreachable]
        only = replace(group, databases=group.of(self.database))
        self.patience.look(causes(only, [one.machine for one in asked], attempted))
        behind = sum(one.to_send or 0 for one in only.databases if one.machine not in facts.unreachable)
        amount = f" ({behind // 1024} MB of log to send)" if behind >= 1024 else ""
        return f"{late}{amount}" if (late := ", ".join(lagging(group, self.database, facts.unreachable))) else ""


@dataclass(frozen=True)
class Visible:
    """Waits until a secondary knows that the database belongs to its group, which joining needs. Raises
    ``MachineError`` where its server stays away."""

    database: str
    """In the spelling of the topology."""
    machine: str
    """The secondary's, by its name in the topology."""
    patience: Patience = field(default_factory=Patience, compare=False)
    """Since when this wait has seen each cause that ends it early."""

    def __call__(self, facts: AvailabilityDatabaseFacts) -> str:
        self.patience.look(causes(facts.group, [self.machine], f"join {self.database} to {facts.group.name}"))
        if any(one.machine == self.machine for one in facts.group.of(self.database)):
            return ""
        return f"{self.machine} to learn that {self.database} is in {facts.group.name}"


def _to_seed(group: Group, database: str, unreachable: tuple[str, ...] = ()) -> list[str]:
    """The secondaries that have no copy of a database in the group; but those in ``unreachable``."""
    passed = {one.machine for one in group.of(database) if one.joined} | set(unreachable)
    return [replica.machine for replica in group.secondaries if replica.machine not in passed]


def lagging(group: Group, database: str, unreachable: tuple[str, ...] = ()) -> list[str]:
    """The replicas of a database that do not follow, each with what is wrong; but those in ``unreachable``."""
    have = {one.machine: one for one in group.of(database)}
    return [
        f"{replica.machine}: {wrong}"
        for replica in group.replicas
        if replica.machine not in unreachable
        if (wrong := _wrong(have.get(replica.machine), group.expected_sync_state(replica.machine)))
    ]


def _wrong(one: DatabaseReplica | None, expected_sync_state: str) -> str:
    if one is None or not one.joined:
        return "not joined"
    if one.suspended:
        return f"suspended ({one.suspend_reason})" if one.suspend_reason else "suspended"
    if one.synchronization != expected_sync_state:
        return one.synchronization or "state unknown"
    return "" if one.failover_ready or expected_sync_state == "SYNCHRONIZING" else "not ready for a failover"


def _ours(copy: Copy, primary: Past | None) -> bool:
    """Whether a copy outside the group holds nothing but what this program brought there."""
    kin = kinship(copy.past, primary)
    seed = kin is not Kinship.PARTED and is_untouched_seed(copy.past, copy.restored)
    return copy.is_leftover and (kin in (Kinship.SAME, Kinship.BROKEN) or seed)


def _copy(row: Row) -> Copy:
    return Copy(
        state=row["state"],
        recovery_model=row["recovery_model"],
        read_only=bool(row["read_only"]),
        user_access=row["user_access"],
        auto_close=bool(row["auto_close"]),
        in_group=bool(row["in_group"]),
        chain_started=bool(row["chain_started"]),
        past=past(row),
    )


class AvailabilityDatabaseResource(Overtaken[AvailabilityDatabaseInputs, AvailabilityDatabaseFacts]):
    def display_name(self, inputs: AvailabilityDatabaseInputs) -> str:
        return f"the database {inputs.database} in {inputs.group}"

    def resource_id(self, inputs: AvailabilityDatabaseInputs) -> str:
        return f"availability-database/{inputs.group}/{inputs.database}".lower()

    def owner_machine(self, inputs: AvailabilityDatabaseInputs) -> str:
        return inputs.machines[0]

    def observe(self, inputs: AvailabilityDatabaseInputs, remote: Remote) -> AvailabilityDatabaseFacts:
        attempted = f"read {self.display_name(inputs)}"
        group = groups.observe(remote, inputs.machines, inputs.group)
        if group.exists and not group.primary:
            raise MachineError(
                self.owner_machine(inputs), attempted, f"the availability group {inputs.group} has no primary"
            )

        def copy_on(machine: str) -> Copy | None:
            rows = remote.sql(machine).rows(load_script("sql/read_database.sql"), inputs.database, attempted=attempted)
            copy = _copy(rows[0]) if rows else None
            if copy is None or not copy.is_leftover:
                return copy
            return replace(copy, restored=read_restored(remote, machine, inputs.database, attempted))

        answers = query_each(inputs, inputs.machines, copy_on, primary=group.primary)
        copies = {machine: copy for machine, copy in answers.given.items() if copy is not None}
        on = group.primary or next(iter(answers.given))
        now = remote.sql(on).rows(load_script("sql/read_clock.sql"), attempted=attempted)[0]["now"]
        facts = AvailabilityDatabaseFacts(group, copies, now, unreachable=answers.unreachable)
        if not group.primary or not _to_seed(group, inputs.database, answers.unreachable):
            return facts
        file = full_backup(inputs.share, inputs.database)
        seed = read_seed(remote, group.primary, inputs.database, file, attempted)
        files = read_files(remote, group.primary, inputs.database, attempted)
        folders = {machine: read_folders(remote, machine, attempted) for machine in answers.given}
        encryption = read_encryption(remote, group.primary, inputs.database, attempted)
        servers = {}
        for machine, there in folders.items():
            copied = placed(files, folders[group.primary], there)
            needed = further_folders(copied, there)
            added = () if machine in copies else copied
            servers[machine] = read_server(remote, machine, needed, attempted, files=added, encryption=encryption)
        facts = replace(facts, files=files, folders=folders, servers=servers, encryption=encryption, seed=seed)
        return replace(facts, log_backups=self._log_backups(inputs, facts, remote, attempted))

    @staticmethod
    def _log_backups(
        inputs: AvailabilityDatabaseInputs, facts: AvailabilityDatabaseFacts, remote: Remote, attempted: str
    ) -> tuple[LogBackup, ...]:
        """What is missing between the seed, or a copy of it, and where the primary's log begins."""
        machines, past = _to_seed(facts.group, inputs.database, facts.unreachable), facts.past
        if past is None or past.log_start is None:
            return ()
        have = [facts.seed_far, *(facts.far(machine) for machine in machines)]
        behind = [lsn for fork, lsn in have if lsn is not None and fork == past.fork and lsn < past.log_start]
        if not behind:
            return ()
        return read_log_backups(remote, facts.group.primary, inputs.database, min(behind), machines, attempted)

    def plan(self, inputs: AvailabilityDatabaseInputs, facts: AvailabilityDatabaseFacts) -> list[Step]:
        database, primary = inputs.database, facts.group.primary
        copy = self._refuse(inputs, facts)
        known = {one.machine: one for one in facts.group.of(database)}
        asked = [one for one in known.values() if one.machine not in facts.unreachable]
        refuse_loss(facts.group, asked, f"have {database} follow on every replica of {inputs.group}")
        to_seed = _to_seed(facts.group, database, facts.unreachable)
        attempted = f"bring a copy of {database} to every replica of {inputs.group}"
        refuse_unfit(facts.servers, primary, to_seed, attempted, facts.encryption)
        remedies = of_seed(inputs.share)
        steps = []
        if copy.recovery_model != inputs.recovery_model:
            what = f"On {primary}, set the recovery model of {database} to FULL."
            steps.append(Step(what, Sql(primary, "sql/set_recovery_full.sql", (database,))))
        if self._starts_chain(inputs, copy):
            file = f"{inputs.share}\\{database}_{facts.now.replace(':', '').replace('-', '')}.bak"
            what = f"On {primary}, start the log chain of {database} with a full backup, kept as {file}."
            action = Sql(
                primary,
                "sql/backup_database.sql",
                (database, file),
                timeout_seconds=inputs.timeout_seconds,
                watched=True,
            )
            steps.append(Step(what, action, remedies=remedies))
        if to_seed:
            steps += [*self._clear(inputs, facts, to_seed), *self._seed(inputs, facts, to_seed)]
        if not copy.in_group:
            what = f"On {primary}, add {database} to {inputs.group}."
            moved = f"Where {primary} is not the primary any more, run `pulumi up` again."
            steps.append(Step(what, Sql(primary, "sql/add_database.sql", (inputs.group, database)), moved))
        for machine in to_seed:
            what = f"Wait until {machine} knows that {database} is in {inputs.group}."
            steps.append(Step(what, WaitFor(machine, Visible(database, machine), inputs.timeout_seconds)))
            what = f"On {machine}, join {database} to {inputs.group}."
            join = Sql(machine, "sql/join_database.sql", (inputs.group, database))
            steps.append(Step(what, join, remedies=remedies))
        for one in resumable(facts.group, asked):
            what = f"On {one.machine}, resume the synchronisation of {database}."
            steps.append(Step(what, Sql(one.machine, "sql/resume_database.sql", (database,))))
        if steps or lagging(facts.group, database, facts.unreachable):
            what = f"Wait until {database} is synchronised on every replica of {inputs.group}."
            wait = WaitFor(primary, Synchronized(database), inputs.timeout_seconds, to_go=LogToGo(database))
            steps.append(Step(what, wait))
        return steps

    @staticmethod
    def _starts_chain(inputs: AvailabilityDatabaseInputs, copy: Copy) -> bool:
        return copy.recovery_model != inputs.recovery_model or not copy.chain_started

    def _seed(
        self, inputs: AvailabilityDatabaseInputs, facts: AvailabilityDatabaseFacts, secondaries: list[str]
    ) -> list[Step]:
        database, primary, timeout_seconds = inputs.database, facts.group.primary, inputs.timeout_seconds
        remedies = of_seed(inputs.share)
        full, log = full_backup(inputs.share, database), log_backup(inputs.share, database)
        # Where the chain starts only now, nothing resumes what was there before.
        before = None if self._starts_chain(inputs, facts.copies[primary]) else facts.past

        def way(far: tuple[str, int | None], machine: str) -> tuple[LogBackup, ...] | None:
            return missing(*far, before, facts.log_backups, machine)

        copied = {one: logs for one in secondaries if (logs := way(facts.far(one), one)) is not None}
        whole = [one for one in secondaries if one not in copied]
        seeded = {one: logs for one in whole if (logs := way(facts.seed_far, one)) is not None}
        fresh = len(seeded) < len(whole)
        others: dict[str, tuple[LogBackup, ...]] = copied if fresh else copied | seeded

        def step(machine: str, what: str, script: str, file: str, *moved: str) -> Step:
            action = Sql(machine, script, (database, file, *moved), timeout_seconds=timeout_seconds, watched=True)
            where = f"{'to' if machine == primary else 'from'} {file}"
            moving = ", moving its files into the folders of this instance" if moved else ""
            return Step(f"On {machine}, {what} of {database} {where}{moving}.", action, remedies=remedies)

        steps = []
        if fresh:
            steps.append(step(primary, "write a copy-only full backup", "sql/backup_database_copy.sql", full))
        steps.append(step(primary, "write a copy-only log backup", "sql/backup_log_copy.sql", log))
        for machine in secondaries:
            moved: tuple[str, ...] = ()
            if facts.folders and machine in whole:
                moved = moves(machine, database, facts.files, facts.folders[primary], facts.folders[machine])
            script = "sql/restore_database_moved.sql" if moved else "sql/restore_database.sql"
            if machine in whole:
                steps.append(step(machine, "restore the full backup with NORECOVERY", script, full, *moved))
            for one in others.get(machine, ()):
                what = f"On {machine}, restore {one} of {database} with NORECOVERY."
                values = (database, one.device, one.position)
                action = Sql(machine, "sql/restore_log_set.sql", values, timeout_seconds=timeout_seconds, watched=True)
                steps.append(Step(what, action, remedies=remedies))
            steps.append(step(machine, "restore the log backup with NORECOVERY", "sql/restore_log.sql", log))
        return steps

    def _clear(
        self, inputs: AvailabilityDatabaseInputs, facts: AvailabilityDatabaseFacts, secondaries: list[str]
    ) -> list[Step]:
        """Drop this program's own leftovers of another database of the name. Raises ``MachineError`` for others."""
        steps, refused = [], []
        for machine in secondaries:
            copy = facts.copies.get(machine)
            kin = kinship(copy.past, facts.past) if copy else Kinship.SAME
            if copy is None or kin in (Kinship.SAME, Kinship.BROKEN):
                continue
            if kin is Kinship.OTHER and is_untouched_seed(copy.past, copy.restored):
                what = f"On {machine}, drop what a seed of another {inputs.database} left there."
                steps.append(Step(what, Sql(machine, "sql/drop_copy.sql", (inputs.database,))))
            else:
                refused.append((machine, kin))
        if refused:
            raise MachineError(
                refused[0][0],
                f"bring a copy of {inputs.database} to every replica of {inputs.group}",
                "; ".join(f"{machine} has a restoring copy that is {kin.value}" for machine, kin in refused),
                f"It is neither joined nor restored over. If it is needed, bring it online under another name (RESTORE "
                f"DATABASE … WITH RECOVERY, ALTER DATABASE … MODIFY NAME); if not, drop {quoted(inputs.database)} on "
                f"{' and '.join(machine for machine, _ in refused)}. Then run `pulumi up` again.",
            )
        return steps

    def _refuse(self, inputs: AvailabilityDatabaseInputs, facts: AvailabilityDatabaseFacts) -> Copy:
        """The copy on the primary; everything that makes a member of a group impossible, at once."""
        group, primary, database = facts.group, facts.group.primary, inputs.database
        copy = facts.on_primary
        if not group.exists:
            raise MachineError(
                self.owner_machine(inputs),
                f"add {database} to {inputs.group}",
                "there is no such availability group",
                "Run `pulumi up` again, which makes it first.",
            )
        if copy is None or (copy.state == "RESTORING" and not copy.in_group):  # or it was to be seeded there
            elsewhere = [m for m, c in facts.copies.items() if not c.in_group and c.state != "RESTORING"]
            if elsewhere:
                raise MachineError(
                    primary,
                    f"add {database} to {inputs.group}",
                    f"it is on {' and '.join(elsewhere)}, but the primary is {primary}",
                    f"Fail {inputs.group} over to {elsewhere[0]} (`pulumi up` does it by itself, unless the topology "
                    "has `primary_policy: never`), then run `pulumi up` again.",
                )
        if copy is None:
            raise MachineError(
                primary,
                f"add {database} to {inputs.group}",
                "there is no database of this name",
                "It is made by the configuration of the first portal node; see whether that one succeeded.",
            )
        wrong = []
        if copy.state != "ONLINE":
            wrong.append(f"it is {copy.state} on {primary}")
        if copy.read_only:
            wrong.append("it is read-only")
        if copy.user_access != "MULTI_USER":
            wrong.append(f"it is in {copy.user_access} mode")
        if copy.auto_close:
            wrong.append("AUTO_CLOSE is on")
        if copy.in_group and not facts.group.of(database):
            wrong.append("it belongs to another availability group")
        for replica in facts.group.secondaries:
            if replica.machine in facts.unreachable:
                continue
            other = facts.copies.get(replica.machine)
            if other and not other.in_group and other.state != "RESTORING":
                wrong.append(f"{replica.machine} has a database of this name of its own ({other.state})")
            if replica.machine in inputs.machines and not replica.connected:
                why = f" ({replica.trouble})" if replica.trouble else ""
                wrong.append(f"{replica.machine} is not connected to the primary{why}")
        if wrong:
            raise MachineError(
                primary, f"add {database} to {inputs.group}", "; ".join(wrong), "Correct this, then run again."
            )
        return copy

    def is_overtaken(self, error: MachineError) -> bool:
        return error.number in OVERTAKEN

    def patience_seconds(self, inputs: AvailabilityDatabaseInputs) -> float:
        return inputs.timeout_seconds

    def overtaken(
        self, inputs: AvailabilityDatabaseInputs, facts: AvailabilityDatabaseFacts, error: MachineError
    ) -> MachineError:
        """Names the log backup that is missing, and its device."""
        backups = facts.log_backups
        one = obstacle(*facts.far(error.machine), backups, error.machine) or (backups[-1] if backups else None)
        if one is None:
            return error
        return MachineError(
            error.machine,
            error.attempted,
            f"the copy lacks a part of the log, which is in {one} on {facts.group.primary} (error {error.number}: "
            f"{error.found.rstrip('.')})",
            f"Have the job that makes these backups pause while `pulumi up` seeds {inputs.database}, or write to a "
            "share that the service account of every SQL Server can read; then run `pulumi up` again: it resumes.",
            number=error.number,
        )

    def plan_delete(
        self, inputs: AvailabilityDatabaseInputs, facts: AvailabilityDatabaseFacts, baseline: dict[str, Any]
    ) -> list[Step]:
        steps = []
        database, primary = inputs.database, facts.group.primary
        members = [one for one in facts.group.of(database) if one.machine not in facts.unreachable]
        refuse_loss(facts.group, members, f"drop the copies of {database} on the secondaries of {inputs.group}")
        if facts.group.of(database):
            what = f"On {primary}, remove {database} from {inputs.group}."
            steps.append(Step(what, Sql(primary, "sql/remove_database.sql", (inputs.group, database))))
        for machine, copy in facts.copies.items():
            if machine != primary and (copy.in_group or _ours(copy, facts.past)):
                what = f"On {machine}, drop the restoring copy of {database}."
                steps.append(Step(what, Sql(machine, "sql/drop_copy.sql", (database,))))
        return steps

    def actual(self, inputs: AvailabilityDatabaseInputs, facts: AvailabilityDatabaseFacts) -> dict[str, Any] | None:
        if not facts.group.of(inputs.database):
            return None
        live: dict[str, Any] = {}
        if facts.on_primary and facts.on_primary.recovery_model != inputs.recovery_model:
            live["recovery_model"] = facts.on_primary.recovery_model
        asked = [machine for machine in inputs.machines if machine not in facts.unreachable]
        gone = [f"{machine}: no replica" for machine in asked if facts.group.replica(machine) is None]
        if behind := [*lagging(facts.group, inputs.database, facts.unreachable), *gone]:
            live["replicas"] = "; ".join(behind)
        return live


class AvailabilityDatabase(FarmResource[AvailabilityDatabaseInputs], module="sql", name="AvailabilityDatabase"):
    """A database in an availability group, synchronised on every replica."""

    implementation = AvailabilityDatabaseResource
