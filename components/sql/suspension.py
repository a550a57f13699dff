"""What may be done about a suspended copy of a database, by the reason that SQL Server gives.

RESUME has a copy roll back what its primary does not have, for good. A copy is therefore resumed only where nothing
can be lost by it: a user suspended it, or an error stopped it, for which Microsoft documents RESUME first and the error
log where it stops again ("Availability database is suspended"). After a forced failover the decision is the operator's
("Perform a Forced Manual Failover of an Availability Group"): RESUME by hand is the consent, and holds for this one
time. Reasons: documentation of sys.dm_hadr_database_replica_states.
"""

from __future__ import annotations

from collections.abc import Iterable

from components.sql.group import DatabaseReplica, Group
from remote.errors import MachineError

BY_USER = "SUSPEND_FROM_USER"
BY_PARTNER = "SUSPEND_FROM_PARTNER"
BY_ERROR = {
    "SUSPEND_FROM_REDO": "an error stopped the redo of its log",
    "SUSPEND_FROM_APPLY": "an error stopped the writing of its log",
    "SUSPEND_FROM_CAPTURE": "an error stopped the reading of the log on the primary",
    "SUSPEND_FROM_UNDO": "an error stopped the undo of its log",
}
"""After these RESUME loses nothing: what undo takes back, a failover gave up before."""
APART = {
    "SUSPEND_FROM_REVALIDATION": "its log differs from the primary's",
    "SUSPEND_FROM_XRF_UPDATE": "its log and the primary's have no point in common",
}


def resumable(group: Group, copies: Iterable[DatabaseReplica]) -> list[DatabaseReplica]:
    """Those of the copies of one database that RESUME lets go on without a loss; the primary's takes nothing back."""
    return [one for one in copies if one.joined and one.suspended and (one.machine == group.primary or _harmless(one))]


def held(group: Group, copies: Iterable[DatabaseReplica]) -> list[DatabaseReplica]:
    """Those of the copies of one database that only the operator may resume or give up. One that is suspended together
    with its primary goes on with it, and is none."""
    known = list(copies)
    stopped = any(one.suspended for one in known if one.machine == group.primary)
    return [
        one
        for one in known
        if one.joined and one.suspended and one.machine != group.primary and not _harmless(one)
        if not (stopped and one.suspend_reason == BY_PARTNER)
    ]


def refuse_loss(group: Group, copies: Iterable[DatabaseReplica], attempted: str) -> None:
    """Raises ``MachineError`` for such copies, with what could be lost and how to consent."""
    if kept := held(group, copies):
        found = "; ".join(_found(group, one) for one in kept)
        raise MachineError(kept[0].machine, attempted, found, _remedy(kept))


def stays_suspended(group: Group, one: DatabaseReplica, attempted: str) -> MachineError:
    """The error for a copy that does not go on although it was let go on."""
    if not _harmless(one):
        return MachineError(one.machine, attempted, _found(group, one), _remedy([one]))
    why = BY_ERROR.get(one.suspend_reason, "it stays suspended")
    return MachineError(
        one.machine,
        attempted,
        f"{one.database} there is suspended: {why} ({one.suspend_reason or 'no reason given'})",
        f"See the error log of SQL Server on {one.machine} and on {group.primary} for the reason, and correct it; then "
        f"run `pulumi up` again. A copy that cannot be brought to follow again is taken out with {_out(one)}, and the "
        "next `pulumi up` makes a new one.",
    )


def _harmless(one: DatabaseReplica) -> bool:
    return one.suspend_reason == BY_USER or one.suspend_reason in BY_ERROR


def _found(group: Group, one: DatabaseReplica) -> str:
    where, lost = f"{one.database} on {one.machine}", f"what {one.machine} has and {group.primary} does not"
    if one.suspend_reason == BY_PARTNER:
        return (
            f"{where} is suspended since a failover to {group.primary} was forced (SUSPEND_FROM_PARTNER), and RESUME "
            f"rolls back for good {lost}"
        )
    if one.suspend_reason in APART:
        return f"{where} is suspended because {APART[one.suspend_reason]} ({one.suspend_reason}): it may have {lost}"
    if one.suspend_reason == "SUSPEND_FROM_RESTART":
        return (
            f"{where} was suspended before SQL Server started there, for a reason that no longer shows "
            f"(SUSPEND_FROM_RESTART): if a failover was forced, RESUME rolls back for good {lost}"
        )
    return f"{where} is suspended for a reason that this program does not know ({one.suspend_reason or 'none given'})"


def _remedy(kept: list[DatabaseReplica]) -> str:
    """What the operator does, for each copy by its own statement."""
    parts = ["Save from it first what is needed; a database snapshot of the copy can be read."]
    for one in kept:
        if one.suspend_reason in APART:
            parts.append(
                f"See the error log of SQL Server on {one.machine}. To give this copy up, run there {_out(one)}."
            )
        else:
            parts.append(
                f"To give up the rest, run on {one.machine}: ALTER DATABASE {quoted(one.database)} SET HADR RESUME."
            )
    return " ".join([*parts, "Then run `pulumi up` again."])


def _out(one: DatabaseReplica) -> str:
    return f"ALTER DATABASE {quoted(one.database)} SET HADR OFF; DROP DATABASE {quoted(one.database)}"


def quoted(name: str) -> str:
    """A name as an administrator writes it in a statement."""
    return "[" + name.replace("]", "]]") + "]"
