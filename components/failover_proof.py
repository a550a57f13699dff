"""Guarantees that the farm was seen to work after a failover: to the partner, and back.

The proof runs when the farm is first built, and again only when the operator asks for it with another marker: never as
a surprise in production, whatever becomes of the replicas. After each failover every site of every portal node must
answer through the listener, and no site may write event 12 ("Login failed for user …"). When it fails, the primary goes
back to where it was, and the error names the logins and the databases. A replica that does not answer is unknown:
`sql.unreachable` says whether that stops everything. Delete forgets that it was proved.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Any

from components.patience import Patience
from components.resource import FarmResource, InputPart, PlansByChange, Recovers, ReplaceOn
from components.site_probe import probe_site
from components.sql import group as groups
from components.sql.group import Group
from components.sql.hopeless import causes
from components.sql.primary import move, refuse_loss
from components.sql.replicas import OnReplicas, marks
from components.steps import Script, Step, WaitFor, load_script
from remote.errors import MachineError
from remote.session import Remote

STOPPED_SECONDS = 15.0
"""How long a site may be stopped while it is waited for: one that the installer restarts is so for a moment."""


class SiteInputs(InputPart):
    machine: str
    """The portal node it runs on."""
    name: str
    """Its name in IIS."""
    ports: tuple[int, ...]
    """Where the site may be: its own port, and the one it moves to later."""


class FailoverProofInputs(OnReplicas):
    group: Annotated[str, ReplaceOn()]
    """The availability group's name in SQL Server."""
    machines: tuple[str, ...]
    """All replicas, by the names of their machines in the topology."""
    machine: str
    """Where the primary is to be before and after the proof."""
    partner: str
    """The replica that takes over."""
    sites: tuple[SiteInputs, ...]
    """What has to work after each failover."""
    marker: str
    """What the proof is kept under; another one asks for another proof."""
    kept: str = ""
    """Set for an update: the marker of the proof that the state knows of. Counts where the machine that kept it is no
    replica any more."""
    failover_seconds: float = 120
    """How long a failover may take, until the group is healthy again."""
    site_seconds: float = 180
    """How long the sites may take to work again."""


@dataclass(frozen=True)
class FailoverProofFacts:
    group: Group
    """Which replica is the primary, and whether the others follow it."""
    proved: str
    """The marker of the last proof, empty before the first."""
    troubles: tuple[str, ...]
    """Sites that do not answer, and the failed log-ons that the portal wrote to its event log meanwhile."""
    elsewhere: tuple[str, ...] = ()
    """The machines that keep the marker since they came first in the topology."""
    here: bool = True
    """Whether a replica keeps it at all."""
    stopped: tuple[tuple[str, str], ...] = ()
    """Of those sites, by machine: the ones that are stopped, or have a stopped application pool."""


@dataclass(frozen=True)
class SitesAnswer:
    """Waits until the group is with one machine and every site works there. Raises ``MachineError`` for a site that is
    stopped, and where a replica stays away."""

    machine: str
    """The machine that has to be the primary, by its name in the topology."""
    patience: Patience = field(default_factory=Patience, compare=False)
    """Since when this wait has seen each cause that ends it early."""

    def __call__(self, facts: FailoverProofFacts) -> str:
        attempted = f"see every site work with {self.machine} as the primary"
        away = causes(facts.group, {replica.machine for replica in facts.group.replicas}, attempted)
        stopped = {f"stopped {site}": (STOPPED_SECONDS, _stopped(*site, attempted)) for site in facts.stopped}
        self.patience.look({**away, **stopped})
        if facts.group.primary != self.machine:
            return f"{self.machine} to be the primary"
        return "; ".join((*facts.group.unhealthy(), *facts.troubles))


def _stopped(machine: str, site: str, attempted: str) -> MachineError:
    return MachineError(
        machine,
        attempted,
        f"{site} there is stopped, or its application pool is, and starts by itself no more",
        f"See the event log of {machine} (source WAS) for the reason; start it (Start-Website, Start-WebAppPool), then "
        "run `pulumi up` again.",
    )


class FailoverProofResource(
    Recovers[FailoverProofInputs, FailoverProofFacts], PlansByChange[FailoverProofInputs, FailoverProofFacts]
):
    def display_name(self, inputs: FailoverProofInputs) -> str:
        return f"the failover proof of {inputs.group}"

    def resource_id(self, inputs: FailoverProofInputs) -> str:
        return f"failover-proof/{inputs.group}".lower()

    def owner_machine(self, inputs: FailoverProofInputs) -> str:
        return inputs.machines[0]

    def observe(self, inputs: FailoverProofInputs, remote: Remote) -> FailoverProofFacts:
        attempted = f"read {self.display_name(inputs)}"
        group = groups.observe(remote, inputs.machines, inputs.group)
        kept = marks(inputs, inputs.machines, remote, self.resource_id(inputs), attempted)
        # That another replica was the first when it was proved is no reason to prove it again. Nor is an
        # unreachable one that may know of it.
        unknown = inputs.marker if kept.unreachable else ""
        proved = kept.given.get(self.owner_machine(inputs)) or next(iter(kept.given.values()), unknown or inputs.kept)
        # Sites are asked only while a proof is due: a converged farm is not touched by a refresh.
        troubles, stopped = ((), ()) if proved == inputs.marker else _troubles(inputs, remote, attempted)
        elsewhere = tuple(machine for machine in kept.given if machine != self.owner_machine(inputs))
        here = bool(kept.given or unknown or not proved)
        return FailoverProofFacts(group, proved, troubles, elsewhere, here, stopped)

    def inputs_of_update(self, olds: dict[str, Any], inputs: FailoverProofInputs) -> FailoverProofInputs:
        """A replica that left, and kept that the failover is proved, is no reason to prove it again."""
        keeper = next(iter(olds.get("machines") or ()), "")
        left = keeper not in inputs.machines
        return inputs.model_copy(update={"kept": str(olds.get("marker") or "") if left else ""})

    def plan(self, inputs: FailoverProofInputs, facts: FailoverProofFacts) -> list[Step]:
        if facts.proved == inputs.marker and facts.here and not facts.elsewhere:
            return []
        steps = [] if facts.proved == inputs.marker else self._prove(inputs, facts)
        arguments = {"Name": self.resource_id(inputs), "Text": inputs.marker}
        what = f"Record that the failover of {inputs.group} is proved."
        steps.append(Step(what, Script(self.owner_machine(inputs), "windows/write_mark.ps1", arguments)))
        return [*steps, *(self._forget(inputs, machine) for machine in facts.elsewhere)]

    def _prove(self, inputs: FailoverProofInputs, facts: FailoverProofFacts) -> list[Step]:
        attempted = f"bring about {self.display_name(inputs)}"
        for target in (inputs.machine, inputs.partner):
            refuse_loss(facts.group, target, attempted)
        steps = []
        if facts.group.primary != inputs.machine:
            steps += self._to(inputs, inputs.machine)
        steps += self._to(inputs, inputs.partner)
        return [*steps, *self._to(inputs, inputs.machine, back=True)]

    def _forget(self, inputs: FailoverProofInputs, machine: str) -> Step:
        what = f"On {machine}, remove the record that the failover of {inputs.group} was proved."
        return Step(what, Script(machine, "windows/remove_mark.ps1", {"Name": self.resource_id(inputs)}))

    def _to(self, inputs: FailoverProofInputs, target: str, *, back: bool = False) -> list[Step]:
        moved = move(inputs.group, target, inputs.failover_seconds)
        what = f"See every site of the portal work with {target} as the primary{' again' if back else ''}."
        return [*moved, Step(what, WaitFor(target, SitesAnswer(target), inputs.site_seconds))]

    def plan_recovery(self, inputs: FailoverProofInputs, facts: FailoverProofFacts) -> list[Step]:
        """After a proof that failed the primary goes back."""
        return (
            [] if facts.group.primary == inputs.machine else move(inputs.group, inputs.machine, inputs.failover_seconds)
        )

    def recovered(self, inputs: FailoverProofInputs, error: str) -> str:
        if error:
            return f"The primary could not be brought back: {error}"
        return f"The primary is back on {inputs.machine}."

    def plan_delete(
        self, inputs: FailoverProofInputs, facts: FailoverProofFacts, baseline: dict[str, Any]
    ) -> list[Step]:
        if not facts.proved:
            return []
        return [self._forget(inputs, machine) for machine in (self.owner_machine(inputs), *facts.elsewhere)]

    def preexisting(self, inputs: FailoverProofInputs, facts: FailoverProofFacts) -> bool:
        return False


def _troubles(
    inputs: FailoverProofInputs, remote: Remote, attempted: str
) -> tuple[tuple[str, ...], tuple[tuple[str, str], ...]]:
    """Ask every site once; then read what the portal wrote about failed log-ons since just before. Also the sites among
    those that do not work that are stopped."""
    troubles: list[str] = []
    stopped: list[tuple[str, str]] = []
    machines = list(dict.fromkeys(site.machine for site in inputs.sites))
    since = {
        m: remote.powershell(m).run(load_script("windows/read_clock.ps1"), attempted=attempted)[0] for m in machines
    }
    for site in inputs.sites:
        answers = [probe_site(remote, site.machine, port) for port in site.ports]
        if all(answers):
            troubles.append(f"{site.name} on {site.machine}: {answers[0]}")
            powershell, arguments = remote.powershell(site.machine), {"Site": site.name}
            for state in powershell.run(load_script("iis/read_site_state.ps1"), arguments, attempted=attempted):
                if "Stopped" in (state["site"], state["pool"]):
                    stopped.append((site.machine, site.name))
    for machine in machines:
        events = remote.powershell(machine).run(
            load_script("portal/read_failed_logons.ps1"), {"Since": since[machine]}, attempted=attempted
        )
        troubles += sorted({f"{' '.join(event.split())} (event 12 on {machine})" for event in events})
    return tuple(troubles), tuple(stopped)


class FailoverProof(FarmResource[FailoverProofInputs], module="farm", name="FailoverProof"):
    """The farm was seen to work on either replica."""

    implementation = FailoverProofResource
