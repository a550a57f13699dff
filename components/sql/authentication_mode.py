"""Guarantees that every replica of an availability group runs in mixed authentication mode, without losing the group.

The mode a server starts with is in its registry, the one it runs with is fixed at its start: the two may differ
("restart pending", by whomever). Servers restart in the order that keeps every group on them: secondaries first, the
primary last, after a planned failover; other groups leave a server before its restart and come back after it. Runs its
T-SQL on the server itself with integrated security, because a server in Windows-only mode admits no SQL login. A
replica that does not answer is unknown: `sql.unreachable` says whether that stops everything.

Delete leaves this setting as it is, since others may rely on it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from components.resource import FarmResource, Resource
from components.sql import carried
from components.sql import group as groups
from components.sql.carried import NOTHING, Carried
from components.sql.group import Group
from components.sql.replicas import OnReplicas, query_each
from components.sql.restart import RestartInputs, restart
from components.steps import Sql, Step, load_script
from remote.session import Remote

_LOGIN_MODE = {"windows": 1, "mixed": 2}


class AuthenticationModeInputs(RestartInputs, OnReplicas):
    mode: Literal["mixed", "windows"] = "mixed"
    """The mode that every replica runs with and starts with."""


@dataclass(frozen=True)
class ServerMode:
    running: str
    """``windows`` or ``mixed`` (SERVERPROPERTY, IsIntegratedSecurityOnly): that of the last start."""
    configured: str
    """``windows`` or ``mixed`` (LoginMode in the registry): that of the next start."""


@dataclass(frozen=True)
class AuthenticationModeFacts:
    servers: dict[str, ServerMode]
    """By machine; one that does not answer is missing."""
    group: Group
    """The farm's, which a restart must not leave without a primary."""
    carried: Carried = NOTHING
    """Of the servers that answer: a restart concerns it as well."""


def read_mode(remote: Remote, machine: str) -> ServerMode:
    """The modes of one server."""
    row = remote.sql_integrated(machine).rows(
        load_script("sql/read_authentication.sql"), attempted="read the authentication mode"
    )[0]
    running = "windows" if row["windows_only"] else "mixed"
    return ServerMode(running, "mixed" if row["login_mode"] == _LOGIN_MODE["mixed"] else "windows")


def configure(machine: str, mode: str) -> Step:
    """The step that decides with which mode a server starts."""
    action = Sql(machine, "sql/set_authentication.sql", (_LOGIN_MODE[mode],), integrated=True)
    return Step(f"On {machine}, set SQL Server's authentication mode to {mode}.", action)


class AuthenticationModeResource(Resource[AuthenticationModeInputs, AuthenticationModeFacts]):
    def display_name(self, inputs: AuthenticationModeInputs) -> str:
        return f"the authentication mode of {', '.join(inputs.machines)}"

    def resource_id(self, inputs: AuthenticationModeInputs) -> str:
        return f"authentication-mode/{inputs.group}".lower()

    def owner_machine(self, inputs: AuthenticationModeInputs) -> str:
        return inputs.machines[0]

    def observe(self, inputs: AuthenticationModeInputs, remote: Remote) -> AuthenticationModeFacts:
        answers = query_each(inputs, inputs.machines, lambda machine: read_mode(remote, machine))
        group = groups.observe(remote, inputs.machines, inputs.group, integrated=True)
        beside = carried.observe(remote, inputs, tuple(group.servers), inputs.group)
        known = {machine: mode for machine, mode in answers.given.items() if machine in beside.alone}
        return AuthenticationModeFacts(known, group, beside)

    def plan(self, inputs: AuthenticationModeInputs, facts: AuthenticationModeFacts) -> list[Step]:
        others = [machine for machine, server in facts.servers.items() if server.configured != inputs.mode]
        due = [machine for machine, server in facts.servers.items() if server.running != inputs.mode]
        steps = [configure(machine, inputs.mode) for machine in others]
        return [*steps, *restart(inputs, facts.group, facts.carried, due, self.display_name(inputs))]

    def actual(self, inputs: AuthenticationModeInputs, facts: AuthenticationModeFacts) -> dict[str, Any]:
        live: dict[str, Any] = {}
        if others := {server.running for server in facts.servers.values()} - {inputs.mode}:
            live["mode"] = min(others)
        if pending := [machine for machine, server in facts.servers.items() if server.running != server.configured]:
            live["restart"] = f"pending on {', '.join(pending)}"
        return live


class AuthenticationMode(FarmResource[AuthenticationModeInputs], module="sql", name="AuthenticationMode"):
    """The authentication mode of all replicas of a group."""

    implementation = AuthenticationModeResource
