"""Guarantees an availability group's listener: its name, address and port.

The port is changed in place and a missing address is added; nothing is dropped and recreated. T-SQL cannot take an
address away from a listener, so further addresses are left alone, and one in the subnet of another cannot be added:
that is refused with what to do in Failover Cluster Manager. Delete removes the listener only if this stack made it.
"""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import ip_address, ip_network
from typing import Annotated, Any

from components.resource import Adoptable, FarmResource, Inputs, ReplaceOn, ValidatesChange
from components.sql import group as groups
from components.sql.remedies import of_listener
from components.steps import Sql, Step, load_script
from components.topology import Topology
from components.topology.problem import Location
from remote.errors import MachineError
from remote.names import same
from remote.session import Remote


class ListenerInputs(Inputs):
    group: Annotated[str, ReplaceOn()]
    """The availability group's name in SQL Server."""
    machines: tuple[str, ...]
    """All replicas, by the names of their machines in the topology; the first keeps the claim."""
    listener: Annotated[str, ReplaceOn()]
    """The listener's name without its domain, at most 15 characters: it becomes a computer object."""
    address: str
    """Its address, IPv4, in the replicas' subnet."""
    mask: str
    """The mask of its address, such as 255.255.255.0."""
    port: int
    """Its TCP port. Clients have to name any other than 1433."""


@dataclass(frozen=True)
class ListenerFacts:
    primary: str
    """The machine whose server has that role; empty where no server has the group."""
    name: str = ""
    """``dns_name``, in its own spelling; empty where the group has no listener of the declared name."""
    port: int = 0
    """TCP; 0 without a listener."""
    addresses: tuple[str, ...] = ()
    """``ip_address`` of each, sorted as texts; empty without a listener."""
    other: str = ""
    """The listener that the group has, where it has another name: a group has one."""


class ListenerResource(Adoptable[ListenerInputs, ListenerFacts], ValidatesChange[ListenerInputs, ListenerFacts]):
    def display_name(self, inputs: ListenerInputs) -> str:
        return f"the listener {inputs.listener}"

    def resource_id(self, inputs: ListenerInputs) -> str:
        return f"listener/{inputs.group}/{inputs.listener}".lower()

    def validate_change(self, olds: dict[str, Any], inputs: ListenerInputs) -> str:
        """In a preview already: else the farm would stand still half-way through an update."""
        known = tuple(address for address in str(olds.get("address") or "").split(", ") if address)
        renamed = str(olds.get("listener") or "").lower() != inputs.listener.lower()
        if renamed or inputs.address in known or not (beside := _beside(inputs, known)):
            return ""
        return " ".join((f"{self.display_name(inputs)} {_cannot(beside)}.", _by_hand(inputs)))

    def owner_machine(self, inputs: ListenerInputs) -> str:
        return inputs.machines[0]

    def observe(self, inputs: ListenerInputs, remote: Remote) -> ListenerFacts:
        group = groups.observe(remote, inputs.machines, inputs.group)
        if not group.exists:
            return ListenerFacts("")
        if not group.primary:
            raise MachineError(
                self.owner_machine(inputs), f"read {self.display_name(inputs)}", f"{inputs.group} has no primary"
            )
        rows = remote.sql(group.primary).rows(
            load_script("sql/read_listener.sql"), inputs.group, attempted=f"read {self.display_name(inputs)}"
        )
        ours = [row for row in rows if same(row["name"], inputs.listener)]
        if not ours:
            return ListenerFacts(group.primary, other=rows[0]["name"] if rows else "")
        addresses = tuple(sorted(row["address"] for row in ours if row["address"]))
        return ListenerFacts(group.primary, ours[0]["name"], ours[0]["port"], addresses)

    def plan(self, inputs: ListenerInputs, facts: ListenerFacts) -> list[Step]:
        on, name, group = facts.primary, inputs.listener, inputs.group
        if not on:
            raise MachineError(
                self.owner_machine(inputs),
                f"add {self.display_name(inputs)}",
                f"there is no availability group {group}",
                "Run `pulumi up` again, which makes it first.",
            )
        if facts.other:
            raise MachineError(
                on,
                f"add {self.display_name(inputs)}",
                f"{group} has the listener {facts.other}, and a group has only one",
                of_listener(name)[19477],
            )
        if not facts.name:
            what = f"On {on}, add the listener {name} at {inputs.address}:{inputs.port} to {group}."
            new = (group, name, inputs.address, inputs.mask, inputs.port)
            return [Step(what, Sql(on, "sql/add_listener.sql", new), remedies=of_listener(name))]
        steps = []
        if inputs.address not in facts.addresses:
            self._refuse(inputs, facts)
            values = (group, name, inputs.address, inputs.mask)
            what = f"On {on}, add the address {inputs.address} to the listener {name}."
            steps.append(Step(what, Sql(on, "sql/add_listener_address.sql", values)))
        if facts.port != inputs.port:
            what = f"On {on}, set the port of the listener {name} to {inputs.port}."
            set_port = Sql(on, "sql/set_listener_port.sql", (group, name, inputs.port))
            steps.append(Step(what, set_port, remedies=of_listener(name)))
        return steps

    def _refuse(self, inputs: ListenerInputs, facts: ListenerFacts) -> None:
        """A listener takes one address of each subnet (SQL Server's error 19451)."""
        if beside := _beside(inputs, facts.addresses):
            raise MachineError(
                facts.primary,
                f"add the address {inputs.address} to {self.display_name(inputs)}",
                f"it {_cannot(beside)}",
                _by_hand(inputs),
            )

    def plan_delete(self, inputs: ListenerInputs, facts: ListenerFacts, baseline: dict[str, Any]) -> list[Step]:
        if not facts.name:
            return []
        what = f"On {facts.primary}, remove the listener {inputs.listener} from {inputs.group}."
        return [Step(what, Sql(facts.primary, "sql/remove_listener.sql", (inputs.group, inputs.listener)))]

    def adoption(self, inputs: ListenerInputs, topology: Topology) -> Location:
        return ("sql",)

    def actual(self, inputs: ListenerInputs, facts: ListenerFacts) -> dict[str, Any] | None:
        if not facts.name:
            return None
        live: dict[str, Any] = {"port": facts.port}
        if inputs.address not in facts.addresses:
            live["address"] = ", ".join(facts.addresses)
        return live


def _beside(inputs: ListenerInputs, addresses: tuple[str, ...]) -> list[str]:
    """Those of a listener's addresses that keep it from having another one."""
    subnet = ip_network(f"{inputs.address}/{inputs.mask}", strict=False)
    return [address for address in addresses if ip_address(address) in subnet]


def _cannot(beside: list[str]) -> str:
    return f"has {', '.join(beside)} in the same subnet, and T-SQL can neither change nor remove that"


def _by_hand(inputs: ListenerInputs) -> str:
    return (
        f"Set the address of its IP resource to {inputs.address} in Failover Cluster Manager, or correct "
        "`sql.listener.address`; then run `pulumi up` again."
    )


class Listener(FarmResource[ListenerInputs], module="sql", name="Listener"):
    """A listener of an availability group."""

    implementation = ListenerResource
