"""The configuration of a stack for a command outside the program: asked of Pulumi, or handed over by the program."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from components import settings
from components.topology import Topology
from remote.errors import MachineError
from remote.secret import Secret
from remote.session import Remote

FURTHER_KEYS = ("spfAccountPassword", "passphrase")
"""Secrets that a verification needs beside what a connection needs."""


HERE, READING = "this computer", "read the stack's configuration"


@dataclass(frozen=True)
class Context:
    """What a check works with."""

    topology: Topology
    remote: Remote
    spf_password: Secret
    passphrase: Secret
    sql_password: Secret
    file: Path = Path()
    """The topology's."""
    certificates: Mapping[str, Any] = field(default_factory=dict)
    """The stack's: a file and a password for each name. Empty where they were not handed over."""


def from_stack(stack: str) -> Context:
    """Read the configuration with the Pulumi CLI. Raises ``MachineError`` with what the CLI says."""
    return context(values_of_stack(stack))


def values_of_stack(stack: str) -> dict[str, Any]:
    """The configuration by key, secrets in clear. Raises ``MachineError`` with what the CLI says."""
    entries = json.loads(asked(["config", "--json", "--show-secrets"], stack))
    return {key.split(":", 1)[1]: _value(entry) for key, entry in entries.items()}


def topology_of_stack(stack: str) -> str:
    """The topology file of a stack; no secret is read. Raises ``MachineError`` with what the CLI says."""
    return asked(["config", "get", "topology"], stack).strip()


def asked(question: list[str], stack: str) -> str:
    """What the Pulumi CLI answers. Raises ``MachineError`` with what it says."""
    command = ["pulumi", *question, *(["--stack", stack] if stack else [])]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - the CLI on PATH
    except FileNotFoundError:
        raise MachineError(
            "this computer",
            "read the stack's configuration",
            "there is no pulumi on PATH",
            'For the lab, run: eval "$(make -s env)"; for machines of yours see docs/real-machines.md.',
        ) from None
    if done.returncode:
        raise MachineError(HERE, READING, done.stderr or done.stdout)
    return done.stdout


def _value(entry: Mapping[str, Any]) -> Any:
    return entry.get("objectValue", entry.get("value"))


def from_text(text: str) -> Context:
    """From the JSON text that the program hands over."""
    return context(json.loads(text))


def context(values: Mapping[str, Any]) -> Context:
    text = settings.connection_settings(values.get)
    spf, passphrase, sql = (Secret(str(values.get(key) or "")) for key in (*FURTHER_KEYS, "sqlAdministratorPassword"))
    return Context(
        settings.topology_of(text),
        settings.remote(text),
        spf_password=spf,
        passphrase=passphrase,
        sql_password=sql,
        file=settings.topology_file(text),
        certificates=values.get("certificates") or {},
    )
