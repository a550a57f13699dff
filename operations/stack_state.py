"""What a command needs of a stack's state: the stack's identity, and the keys of what has one of its own."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from components.stack_configuration import run
from remote.secret import Secret


@dataclass(frozen=True)
class StackState:
    identity: str = ""
    """By which claims name the stack; empty where nothing was made yet, or the state was lost."""
    keys: Mapping[str, Secret] = field(default_factory=dict)
    """By the resource's name (``components.resource.fields.Keyed``)."""


def state_of(stack: str) -> StackState:
    """Ask the Pulumi CLI about a stack; empty: the selected one. Raises ``MachineError`` with what it says."""
    return parsed(json.loads(run(["stack", "export", "--show-secrets"], stack)))


def parsed(export: Mapping[str, Any]) -> StackState:
    """From what ``pulumi stack export --show-secrets`` prints, where a secret is an object with its JSON text."""
    resources = (export.get("deployment") or {}).get("resources") or []
    identity, keys = "", {}
    for one in resources:
        outputs = one.get("outputs") or {}
        if "identity" in outputs and "stack" in outputs:
            identity = str(outputs["identity"])
        if isinstance(key := outputs.get("key"), dict) and "plaintext" in key:
            keys[str(one["urn"]).rpartition("::")[2]] = Secret(json.loads(key["plaintext"]))
    return StackState(identity, keys)
