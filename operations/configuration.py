"""The configuration of a stack for a command outside the program.

A stack is given as the Pulumi CLI takes it; an empty one is the selected one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from components import settings, stack_configuration
from components.step_log import FOLDER, StepLog
from components.topology import Topology
from remote.secret import Secret
from remote.session import Remote

FURTHER_KEYS = ("spfAccountPassword", "passphrase")
"""Secrets that a verification needs beside what a connection needs."""


@dataclass(frozen=True)
class Context:
    """What a check works with: a stack's topology, its connections, and its secrets, empty where the configuration has
    none."""

    topology: Topology
    """Checked, as `topology` of the stack's configuration names it."""
    remote: Remote
    """Connections with the stack's credentials, opened at first use."""
    spf_password: Secret
    """`spfAccountPassword`: of the account with which the portal calls Service Provider Foundation."""
    passphrase: Secret
    """`passphrase`: of the portal's stores."""
    sql_password: Secret
    """`sqlAdministratorPassword`: of the SQL administrator's login."""
    down: frozenset[str] = frozenset()
    """The machines that do not answer at all; nothing is asked of them."""
    file: Path = Path()
    """The topology's."""
    certificates: Mapping[str, Any] = field(default_factory=dict)
    """The stack's: a file and a password for each name. Empty where it has none."""


def from_stack(stack: str) -> Context:
    """Read the configuration with the Pulumi CLI. Raises ``MachineError`` with what the CLI says, and what ``context``
    raises."""
    return context(values_of_stack(stack))


def values_of_stack(stack: str) -> dict[str, Any]:
    """The configuration by key, secrets in clear. Raises ``MachineError`` with what the CLI says."""
    return {key.split(":", 1)[1]: value for key, value in stack_configuration.read(stack).items()}


def step_log(name: str, command: str) -> StepLog:
    """The log of the stack of this name, for the steps of a command."""
    return StepLog(FOLDER / f"{name}.log", command)


def topology_of_stack(stack: str) -> str:
    """The topology file of a stack; no secret is read. Raises ``MachineError`` with what the CLI says."""
    return stack_configuration.run(["config", "get", "topology"], stack).strip()


def context(values: Mapping[str, Any]) -> Context:
    """From what ``values_of_stack`` gives. Raises ``TopologyError`` or ``ConfigurationError`` with all problems, before
    any machine is contacted."""
    settings.check(values.get)
    text = settings.connection_settings(values.get)
    spf, passphrase, sql = (Secret(str(values.get(key) or "")) for key in (*FURTHER_KEYS, "sqlAdministratorPassword"))
    return Context(
        settings.topology_of(text),
        settings.remote(text),
        spf_password=spf,
        passphrase=passphrase,
        sql_password=sql,
        file=settings.topology_file(text),
        certificates=settings.decoded(values.get("certificates")) or {},
    )
