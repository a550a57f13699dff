"""The configuration of a stack for a command outside the program: asked of Pulumi, or handed over by the program."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from components import settings
from components.topology import Topology
from remote.errors import MachineError
from remote.secret import Secret
from remote.session import Remote

HERE, READING = "this computer", "read the stack's configuration"


@dataclass(frozen=True)
class Context:
    """What a check works with."""

    topology: Topology
    remote: Remote
    spf_password: Secret
    passphrase: Secret
    sql_password: Secret
    down: frozenset[str] = frozenset()
    """The machines that do not answer at all; nothing is asked of them."""


def from_stack(stack: str) -> Context:
    """Read the configuration with the Pulumi CLI. Raises ``MachineError`` with what the CLI says, ``TopologyError``."""
    return context(values_of_stack(stack))


def values_of_stack(stack: str) -> dict[str, Any]:
    """The decrypted configuration by key. Raises ``MachineError`` with what the CLI says."""
    entries = json.loads(_asked(["config", "--json", "--show-secrets"], stack))
    return {key.split(":", 1)[1]: _value(entry) for key, entry in entries.items()}


def topology_of_stack(stack: str) -> str:
    """The topology file of a stack; no secret is read. Raises ``MachineError`` with what the CLI says."""
    return _asked(["config", "get", "topology"], stack).strip()


def _asked(question: list[str], stack: str) -> str:
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
    """From the JSON text that the program hands over. Raises ``MachineError`` for any other text, ``TopologyError``."""
    return context(values_of_text(text))


def values_of_text(text: str) -> dict[str, Any]:
    """The configuration by key, from JSON. Raises ``MachineError`` for any other text."""
    try:
        values: dict[str, Any] = json.loads(text)
    except ValueError as error:
        raise MachineError(HERE, READING, f"standard input is no JSON ({error})") from None
    return values


def context(values: Mapping[str, Any]) -> Context:
    text = settings.connection_settings(values.get)
    return Context(
        settings.topology_of(text),
        settings.remote(text),
        spf_password=Secret(str(values.get("spfAccountPassword") or "")),
        passphrase=Secret(str(values.get("passphrase") or "")),
        sql_password=Secret(str(values.get("sqlAdministratorPassword") or "")),
    )
