"""What machines still hold for a stack, by its claims: of killed runs that no state knows, of deletes that broke.

Nothing here knows how a thing is taken away: that is the delete of its resource, with the inputs that the claim keeps.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from components.progress import Report
from components.resource import fields
from components.resource.contract import Resource
from components.resource.lease import leases_of
from components.resource.machine_claims import MachineClaims, machines
from components.resource.ownership import Claim, Ownership
from components.resource.pulumi_adapter import Adapter
from components.topology import Topology
from remote.errors import MachineError
from remote.session import Remote

NOT_KEPT = "(not kept)"
"""Stands for a secret that a claim does not have and that is not known otherwise: no delete needs it."""


@dataclass(frozen=True)
class Leftover:
    """One claim."""

    machine: str
    """The one that keeps the claim, by its name in the topology."""
    resource_id: str
    """The key under which the machine keeps it (``Resource.resource_id``)."""
    claim: Claim
    """As the machine's registry has it."""

    def __str__(self) -> str:
        claim = self.claim
        what = "only the claim: it was there before" if claim.adopted else claim.kind
        return f"{self.machine}: {self.resource_id} ({what}, {claim.owner.resource}, since {claim.since})"


@dataclass(frozen=True)
class Look:
    """What was found on all machines, newest first, and the machines that could not be asked."""

    left: tuple[Leftover, ...]
    """Newest first: the order in which they can be taken away."""
    unread: tuple[MachineError, ...]
    """The error of each such machine: whether it holds anything is unknown."""


def find(remote: Remote, topology: Topology, belongs: Callable[[Claim], bool]) -> Look:
    """The claims that belong to a stack. Newest first is the order in which they can be taken away."""
    claims = MachineClaims(remote)

    def look(machine: str) -> list[Leftover] | MachineError:
        try:
            found = claims.all(machine)
        except MachineError as error:
            return error
        return [Leftover(machine, key, claim) for key, claim in found.items() if belongs(claim)]

    with ThreadPoolExecutor(max_workers=8) as pool:
        looks = list(pool.map(look, machines(topology)))
    left = [one for found in looks if isinstance(found, list) for one in found]
    unread = tuple(error for error in looks if isinstance(error, MachineError))
    return Look(tuple(sorted(left, key=lambda one: one.claim.since, reverse=True)), unread)


def remove(
    leftover: Leftover,
    kinds: Iterable[type[Resource[Any, Any]]],
    connection: str,
    secrets: Mapping[str, str],
    report: Report,
) -> None:
    """Take one away as its resource's delete does. ``secrets`` are by field, or by kind and field
    (``Registration.password``). Raises ``MachineError``."""
    claim, machine = leftover.claim, leftover.machine
    by_name = {kind.__name__.removesuffix("Resource"): kind for kind in kinds}
    if claim.kind not in by_name:
        raise MachineError(
            machine, f"remove {leftover.resource_id}", f"this version of the program has no resource {claim.kind!r}"
        )
    kind = by_name[claim.kind]
    known = {
        name: secrets.get(f"{claim.kind}.{name}") or secrets.get(name) or NOT_KEPT
        for name in fields.secrets(kind.INPUTS)
    }
    # A run of this very stack may be at work: Pulumi's lock was not asked for.
    leases_of(connection, report).take(claim.owner, machine, own=False)
    ownership = Ownership(claim.adopted, claim.baseline, machine, claim.token)
    adapter = Adapter(kind, connection=connection, report=report, left=report)
    adapter.delete(leftover.resource_id, {**claim.inputs, **known, "ownership": ownership.dump()})
