"""Guarantees that AlwaysOn Availability Groups is enabled on every replica of an availability group.

Like the authentication mode it is read at the start of SQL Server: what is configured and what runs may differ
("restart pending"), and servers restart in the order that keeps every group on them. Where a server has to restart for
it anyway, the authentication mode is set before, so that one restart serves both. It is enabled through SQL Server's
WMI provider, because the module sqlps need not be there. A replica that does not answer is unknown: `sql.unreachable`
says whether that stops everything.

Delete leaves this setting as it is, since others may rely on it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from pydantic import Field

from components.resource import FarmResource, ValidatesChange
from components.sql import carried
from components.sql import group as groups
from components.sql.authentication_mode import ServerMode, configure, read_mode
from components.sql.carried import NOTHING, Carried
from components.sql.group import Group
from components.sql.replicas import OnReplicas, query_each
from components.sql.restart import RestartInputs, restart
from components.steps import Script, Step, load_script
from remote.errors import MachineError
from remote.session import Remote

ENABLED = "enabled"
_DEFAULT = "MSSQLSERVER"


class AlwaysOnInputs(RestartInputs, OnReplicas):
    instances: dict[str, str] = Field(default={})
    """The name of the instance on each machine where it is not the default one."""
    authentication: Literal["mixed", "windows"] = "mixed"
    """The authentication mode to set before a restart that is due for AlwaysOn anyway."""
    alwayson: str = ENABLED
    """What is declared of every replica; a drifted state names the servers on which it is disabled."""


@dataclass(frozen=True)
class AlwaysOnFacts:
    configured: dict[str, bool]
    """Whether the next start of each server enables it; one that does not answer is missing."""
    modes: dict[str, ServerMode]
    """Of the same servers."""
    group: Group
    """The farm's, which a restart must not leave without a primary."""
    carried: Carried = NOTHING
    """Of the servers that answer: a restart concerns it as well."""

    def running(self, machine: str) -> bool:
        return self.group.servers[machine].hadr


class AlwaysOnResource(ValidatesChange[AlwaysOnInputs, AlwaysOnFacts]):
    def display_name(self, inputs: AlwaysOnInputs) -> str:
        return f"AlwaysOn Availability Groups on {', '.join(inputs.machines)}"

    def resource_id(self, inputs: AlwaysOnInputs) -> str:
        return f"always-on/{inputs.group}".lower()

    def owner_machine(self, inputs: AlwaysOnInputs) -> str:
        return inputs.machines[0]

    def validate_change(self, olds: dict[str, Any], inputs: AlwaysOnInputs) -> str:
        known = {str(machine).lower() for machine in olds.get("machines", ())}
        was, now = olds.get("instances", {}), inputs.instances
        for machine in inputs.machines:
            if machine.lower() in known and was.get(machine, _DEFAULT) != now.get(machine, _DEFAULT):
                return (
                    f"the instance {now.get(machine, _DEFAULT)} of {machine} is another replica than "
                    f"{was.get(machine, _DEFAULT)}, with other databases. Take {machine} out of `sql.replicas`, run "
                    "`pulumi up`, and add it again with the other instance."
                )
        return ""

    def observe(self, inputs: AlwaysOnInputs, remote: Remote) -> AlwaysOnFacts:
        def settings(machine: str) -> tuple[bool, ServerMode]:
            configured = read_configured(remote, machine, inputs.instances.get(machine, _DEFAULT))
            return configured, read_mode(remote, machine)

        given = query_each(inputs, inputs.machines, settings).given
        group = groups.observe(remote, inputs.machines, inputs.group, integrated=True)
        beside = carried.observe(remote, inputs, tuple(group.servers), inputs.group)
        known = {machine: one for machine, one in given.items() if machine in beside.alone}  # one may stop meanwhile
        configured = {machine: configured for machine, (configured, _) in known.items()}
        modes = {machine: mode for machine, (_, mode) in known.items()}
        return AlwaysOnFacts(configured, modes, group, beside)

    def plan(self, inputs: AlwaysOnInputs, facts: AlwaysOnFacts) -> list[Step]:
        steps = []
        due = [machine for machine in facts.configured if not facts.running(machine)]
        for machine, configured in facts.configured.items():
            if not configured:
                arguments = {"Instance": inputs.instances.get(machine, _DEFAULT)}
                what = f"On {machine}, enable AlwaysOn Availability Groups."
                remedy = f"See that {machine} is a node of the failover cluster and that its cluster service runs."
                steps.append(Step(what, Script(machine, "sql/enable_always_on.ps1", arguments), remedy))
            if machine in due and facts.modes[machine].configured != inputs.authentication:
                steps.append(configure(machine, inputs.authentication))
        return [*steps, *restart(inputs, facts.group, facts.carried, due, self.display_name(inputs))]

    def actual(self, inputs: AlwaysOnInputs, facts: AlwaysOnFacts) -> dict[str, Any]:
        live: dict[str, Any] = {}
        if disabled := [machine for machine in facts.configured if not facts.running(machine)]:
            live["alwayson"] = f"disabled on {', '.join(disabled)}"
        if pending := [m for m, configured in facts.configured.items() if facts.running(m) != configured]:
            live["restart"] = f"pending on {', '.join(pending)}"
        return live


def read_configured(remote: Remote, machine: str, instance: str) -> bool:
    """Whether the next start of an instance enables AlwaysOn."""
    attempted = "read whether AlwaysOn Availability Groups is enabled"
    found = remote.powershell(machine).run(
        load_script("sql/read_always_on.ps1"), {"Instance": instance}, attempted=attempted
    )
    if not found:
        raise MachineError(
            machine,
            attempted,
            f"SQL Server's WMI provider knows no instance {instance}",
            "Install SQL Server 2012 there, or correct `sql.replicas`.",
        )
    return bool(found[0])


class AlwaysOn(FarmResource[AlwaysOnInputs], module="sql", name="AlwaysOn"):
    """AlwaysOn Availability Groups on all replicas of a group."""

    implementation = AlwaysOnResource
