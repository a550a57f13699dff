"""What machines still hold for a stack that its state does not know, and taking it away on request."""

from __future__ import annotations

import importlib
import json
import pkgutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

import components
from components import settings
from components.resource import FarmResource, Resource
from components.resource.leftovers import Leftover, Look, find, remove
from components.resource.ownership import Claim
from components.stack_configuration import name_of, run
from operations.configuration import values_of_stack
from remote.errors import MachineError

SECRETS = {
    "password": "sqlAdministratorPassword",
    "passphrase": "passphrase",
    "LocalAccount.password": "spfAccountPassword",
    "Registration.password": "spfAccountPassword",
    "Certificate.password": "",
}
"""Where a secret input of a resource comes from, by its name or its kind and name. A certificate's is not needed."""


@dataclass(frozen=True)
class Known:
    """What Pulumi knows of a stack."""

    name: str
    """``project/stack``."""
    identity: str
    """Empty when the state has none: the stack was destroyed, or its state was lost."""
    tokens: frozenset[str]
    """Of the claims of everything in the state."""

    def left(self, claim: Claim) -> bool:
        """Whether a claim is this stack's, and of nothing in its state."""
        mine = claim.owner.identity == self.identity if self.identity else claim.owner.stack == self.name
        return mine and claim.token not in self.tokens


def known(name: str, export: dict[str, Any]) -> Known:
    """From what ``pulumi stack export`` prints."""
    resources = (export.get("deployment") or {}).get("resources") or []
    outputs = [one.get("outputs") or {} for one in resources]
    identities = [given["identity"] for given in outputs if "identity" in given and "stack" in given]
    tokens = frozenset((given.get("ownership") or {}).get("token", "") for given in outputs)
    return Known(name, identities[0] if identities else "", tokens)


@dataclass(frozen=True)
class Leftovers:
    """The leftovers of one stack."""

    connection: str
    """The stack's settings for connections, as JSON (``components.settings.connection_settings``)."""
    stack: Known
    """What its state has: everything else that is claimed for the stack is left over."""
    secrets: dict[str, str]
    """Every name of ``SECRETS`` → the secret in clear; empty where the configuration has none."""

    @classmethod
    def of_stack(cls, stack: str) -> Leftovers:
        """Ask the Pulumi CLI about a stack; empty: the selected one. Raises ``MachineError``."""
        values = values_of_stack(stack)
        name = name_of(stack)
        project = yaml.safe_load(Path("Pulumi.yaml").read_text(encoding="utf-8"))["name"]
        secrets = {field: str(values.get(key) or "") for field, key in SECRETS.items()}
        state = known(f"{project}/{name}", json.loads(run(["stack", "export"], stack)))
        return cls(settings.connection_settings(values.get), state, secrets)

    def look(self) -> Look:
        return find(settings.remote(self.connection), settings.topology_of(self.connection), self.stack.left)

    def refuse_of_namesakes(self, look: Look) -> None:
        """Raises ``MachineError`` where only the stack's name says that things are its own: a stack of this name in
        another backend may have a living farm there."""
        if self.stack.identity or not look.left:
            return
        raise MachineError(
            ", ".join(sorted({one.machine for one in look.left})),
            f"take away what is left of {self.stack.name}",
            f"the state of this stack has no identity, and the {len(look.left)} things there were made by a stack of "
            "this name that had one: perhaps it lives in another backend",
            "See which backend and stack are selected (`pulumi whoami --verbose`, `pulumi stack`). Where that state is "
            "lost, add --state-lost.",
        )

    def remove(self, one: Leftover) -> str:
        """Empty, or why it stays."""
        try:
            remove(one, _kinds(), self.connection, self.secrets, lambda _sentence: None)
        except MachineError as error:
            return str(error)
        return ""


def _kinds() -> Iterator[type[Resource[Any, Any]]]:
    for module in pkgutil.walk_packages(components.__path__, "components."):
        importlib.import_module(module.name)
    for kind in FarmResource.__subclasses__():
        yield kind.implementation
