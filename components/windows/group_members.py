"""Guarantees that accounts are members of a local group on one machine. Other members are left alone.

A new membership counts at the member's next log-on. A member that is no longer declared is taken out, unless it was in
the group before. Delete takes out only the members that were not in the group before.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

from components.resource import FarmResource, Inputs, Items, ReplaceOn, WithBaseline
from components.resource.ownership import was
from components.steps import Script, Step, load_script
from remote.errors import MachineError
from remote.names import folded
from remote.session import Remote


class GroupMembersInputs(Inputs):
    machine: Annotated[str, ReplaceOn()]
    """The machine, by its name in the topology."""
    group: Annotated[str, ReplaceOn()]
    """The local group's name, such as MgmtSvc Operators."""
    members: Annotated[tuple[str, ...], Items()]
    """Users and groups of a domain, each as ``DOMAIN\\name``; other members stay."""


@dataclass(frozen=True)
class GroupMembersFacts:
    exists: bool
    """Whether the machine has a local group of this name."""
    members: frozenset[str]
    """Lower case."""


class GroupMembersResource(WithBaseline[GroupMembersInputs, GroupMembersFacts]):
    def display_name(self, inputs: GroupMembersInputs) -> str:
        return f"the members of {inputs.group}"

    def resource_id(self, inputs: GroupMembersInputs) -> str:
        return f"{inputs.machine}/group-members/{inputs.group}".lower()

    def observe(self, inputs: GroupMembersInputs, remote: Remote) -> GroupMembersFacts:
        state = remote.powershell(inputs.machine).run(
            load_script("windows/read_members.ps1"),
            {"Group": inputs.group},
            attempted=f"read {self.display_name(inputs)}",
        )[0]
        return GroupMembersFacts(state["exists"], frozenset(folded(member) for member in state["members"]))

    def plan(self, inputs: GroupMembersInputs, facts: GroupMembersFacts) -> list[Step]:
        if not facts.exists:
            raise MachineError(
                inputs.machine,
                f"read {self.display_name(inputs)}",
                "there is no local group of this name",
                "It is made by the portal's installer; see whether the installation on this machine succeeded.",
            )
        return [
            Step(
                f"On {inputs.machine}, add {member} to the local group {inputs.group}.",
                Script(inputs.machine, "windows/add_members.ps1", {"Group": inputs.group, "Members": [member]}),
            )
            for member in inputs.members
            if folded(member) not in facts.members
        ]

    def plan_delete(self, inputs: GroupMembersInputs, facts: GroupMembersFacts, baseline: dict[str, Any]) -> list[Step]:
        return [
            Step(
                f"On {inputs.machine}, remove {member} from the local group {inputs.group}.",
                Script(inputs.machine, "windows/remove_members.ps1", {"Group": inputs.group, "Members": [member]}),
            )
            for member in inputs.members
            if folded(member) in facts.members and not was(baseline, "members", folded(member))
        ]

    def preexisting(self, inputs: GroupMembersInputs, facts: GroupMembersFacts) -> bool:
        return False  # a membership has no owner; ``baseline`` keeps which of them were there

    def baseline(self, inputs: GroupMembersInputs, facts: GroupMembersFacts) -> dict[str, Any]:
        return {"members": {folded(member): folded(member) in facts.members for member in inputs.members}}

    def actual(self, inputs: GroupMembersInputs, facts: GroupMembersFacts) -> dict[str, Any] | None:
        if not facts.exists:
            return None
        return {"members": [member for member in inputs.members if folded(member) in facts.members]}


class GroupMembers(FarmResource[GroupMembersInputs], module="windows", name="GroupMembers"):
    """Members of a local group."""

    implementation = GroupMembersResource
