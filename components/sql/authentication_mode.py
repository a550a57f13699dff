"""Guarantees that every replica of an availability group runs in mixed authentication mode, without losing the group.

The mode a server starts with is in its registry, the one it runs with is fixed at its start: the two may differ
("restart pending", by whomever). Secondaries restart first, one after the other, each time waiting until the group is
healthy; the primary restarts last, after a planned failover to a partner. Runs its T-SQL on the server itself with
integrated security, because a server in Windows-only mode admits no SQL login.

Delete leaves this setting as it is, since others may rely on it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import pulumi
from pydantic import Field

from components.resource import Inputs, Managed, Provider
from components.sql import group as groups
from components.sql.group import Group
from components.sql.primary import move
from components.steps import Script, Sql, Step, Until, leaf
from remote.errors import MachineError
from remote.session import Remote

_SERVICE = "MSSQLSERVER"
_LOGIN_MODE = {"windows": 1, "mixed": 2}


class AuthenticationModeInputs(Inputs):
    group: str
    """The availability group."""
    machines: tuple[str, ...]
    """All replicas."""
    mode: Literal["mixed", "windows"] = "mixed"
    """The mode that every replica runs with and starts with."""
    restart: str = "none pending"
    """What is declared; a drifted state names the servers whose mode changes at their next start."""
    services: dict[str, str] = Field(default={})
    """The Windows service of SQL Server on each machine where it is not ``MSSQLSERVER``."""
    restart_seconds: float = 300
    """How long a restart of SQL Server may take."""
    synchronization_seconds: float = 600
    """How long the group may take to be healthy after one."""
    failover_seconds: float = 120
    """How long a failover may take."""


@dataclass(frozen=True)
class ServerMode:
    running: str
    configured: str


@dataclass(frozen=True)
class AuthenticationModeFacts:
    servers: dict[str, ServerMode]
    group: Group


def healthy(facts: AuthenticationModeFacts) -> str:
    """What the group still lacks after a restart."""
    return ", ".join(facts.group.unhealthy())


class AuthenticationModeProvider(Provider[AuthenticationModeInputs, AuthenticationModeFacts]):
    INPUTS = AuthenticationModeInputs
    IDENTITY = ("group",)
    THING = False

    def title(self, inputs: AuthenticationModeInputs) -> str:
        return f"the authentication mode of {', '.join(inputs.machines)}"

    def key(self, inputs: AuthenticationModeInputs) -> str:
        return f"authentication-mode/{inputs.group}".lower()

    def home(self, inputs: AuthenticationModeInputs) -> str:
        return inputs.machines[0]

    def observe(self, inputs: AuthenticationModeInputs, remote: Remote) -> AuthenticationModeFacts:
        servers = {}
        for machine in inputs.machines:
            row = remote.sql_integrated(machine).rows(
                leaf("sql/read_authentication.sql"), attempted="read the authentication mode"
            )[0]
            running = "windows" if row["windows_only"] else "mixed"
            configured = "mixed" if row["login_mode"] == _LOGIN_MODE["mixed"] else "windows"
            servers[machine] = ServerMode(running, configured)
        group = groups.observe(remote, inputs.machines, inputs.group, integrated=True)
        return AuthenticationModeFacts(servers, group)

    def plan(self, inputs: AuthenticationModeInputs, facts: AuthenticationModeFacts) -> list[Step]:
        steps = []
        for machine, server in facts.servers.items():
            if server.configured != inputs.mode:
                action = Sql(machine, "sql/set_authentication.sql", (_LOGIN_MODE[inputs.mode],), integrated=True)
                steps.append(Step(f"On {machine}, set SQL Server's authentication mode to {inputs.mode}.", action))
        due = [machine for machine, server in facts.servers.items() if server.running != inputs.mode]
        if not due:
            return steps
        primary = facts.group.primary
        if not primary:
            raise MachineError(
                self.home(inputs),
                f"set {self.title(inputs)}",
                f"the availability group {inputs.group} has no primary, and a restart could make that worse",
                "Bring the group online first.",
            )
        secondaries = [machine for machine in due if machine != primary]
        for machine in secondaries:
            steps += self._restart(inputs, machine)
        if primary in due:
            steps += self._restart_primary(inputs, facts.group)
        return steps

    def _restart(self, inputs: AuthenticationModeInputs, machine: str) -> list[Step]:
        service = inputs.services.get(machine, _SERVICE)
        script = Script(machine, "sql/restart_service.ps1", {"Service": service}, seconds=inputs.restart_seconds)
        return [
            Step(f"On {machine}, restart SQL Server.", script),
            Step(
                f"Wait until {inputs.group} is healthy again after the restart of {machine}.",
                Until(machine, healthy, inputs.synchronization_seconds),
            ),
        ]

    def _restart_primary(self, inputs: AuthenticationModeInputs, group: Group) -> list[Step]:
        partner = group.partner()
        if partner is None:
            raise MachineError(
                group.primary,
                f"set {self.title(inputs)}",
                "it is the primary, and no secondary can take over without loss while it restarts: both would have to "
                "commit synchronously",
                "Restart SQL Server there yourself at a time that suits, then run `pulumi up` again.",
            )
        away = move(inputs.group, partner.machine, inputs.failover_seconds, integrated=True)
        return [*away, *self._restart(inputs, group.primary)]

    def remove(
        self, inputs: AuthenticationModeInputs, facts: AuthenticationModeFacts, before: dict[str, Any]
    ) -> list[Step]:
        return []

    def present(self, inputs: AuthenticationModeInputs, facts: AuthenticationModeFacts) -> bool:
        return True

    def found(self, inputs: AuthenticationModeInputs, facts: AuthenticationModeFacts) -> dict[str, Any]:
        live: dict[str, Any] = {}
        if others := {server.running for server in facts.servers.values()} - {inputs.mode}:
            live["mode"] = min(others)
        if pending := [machine for machine, server in facts.servers.items() if server.running != server.configured]:
            live["restart"] = f"pending on {', '.join(pending)}"
        return live


class AuthenticationMode(Managed, module="sql", name="AuthenticationMode"):
    """The authentication mode of all replicas of a group."""

    provider_class = AuthenticationModeProvider

    def __init__(
        self,
        name: str,
        *,
        group: str,
        machines: list[str],
        services: dict[str, str],
        mode: str,
        restart_seconds: float,
        synchronization_seconds: float,
        failover_seconds: float,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        waits = {
            "restart_seconds": restart_seconds,
            "synchronization_seconds": synchronization_seconds,
            "failover_seconds": failover_seconds,
        }
        where = {"group": group, "machines": machines, "services": services}
        super().__init__(name, {**where, "mode": mode, **waits}, opts)
