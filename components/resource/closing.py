"""Guarantees that an ``up`` which removes something ends with a verification, after its deletions.

Pulumi deletes after everything else, so the command ``verification`` comes before. What is deleted last is what
everything else depends on (the engine deletes in whole layers, dependents first). So there is one resource that all
others depend on; it is replaced whenever the set of resources changes, and its old instance, whose deletion is the last
one, verifies. A verification that fails leaves that instance in the state, to be deleted by the next ``up``: it
verifies then.

It also guarantees that a name whose case is corrected in the topology moves nothing: the names of machines and of the
availability group are part of Pulumi's, which have case, so that Pulumi would create everything on that machine again
and delete it under its old name. A preview refuses that in one line.

A ``destroy`` deletes it as well, and has nothing left to verify. There the engine checks no inputs, which tells the two
apart.
"""

from __future__ import annotations

import hashlib
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import pulumi
from pulumi.dynamic import (
    CheckFailure,
    CheckResult,
    CreateResult,
    DiffResult,
    ReadResult,
    ResourceProvider,
    UpdateResult,
)

from components.component import short_stack
from components.progress import report
from remote import tls
from remote.errors import MachineError
from remote.names import folded
from remote.secret import redact


@dataclass
class Run:
    """What this process has seen of the run that it works for."""

    checked: bool = False
    """The program declares resources: it is an ``up``, and no ``destroy``."""
    created: bool = False
    """The old instance is deleted for the first time."""
    deletions: int = 0
    """How many resources of the farm this process began to delete, those that failed included."""

    @property
    def to_verify(self) -> bool:
        return self.checked and (self.deletions > 0 or not self.created)


RUN = Run()


class ClosingProvider(ResourceProvider):
    """Verifies when its old instance is deleted."""

    serialize_as_secret_always = False

    def __reduce__(self) -> tuple[Any, ...]:
        return (ClosingProvider, ())

    def check(self, olds: dict[str, Any], news: dict[str, Any]) -> CheckResult:
        RUN.checked = True
        spelled = {folded(name): name for name in olds.get("names") or ()}
        other = {name: was for name in news["names"] if (was := spelled.get(folded(name), name)) != name}
        return CheckResult(news, [CheckFailure("", _respelled(name, was)) for name, was in other.items()])

    def diff(self, _id: str, olds: dict[str, Any], news: dict[str, Any]) -> DiffResult:
        replaces = ["resources"] if olds.get("resources") != news.get("resources") else []
        return DiffResult(changes=None, replaces=replaces, delete_before_replace=False)

    def create(self, props: dict[str, Any]) -> CreateResult:
        RUN.created = True
        return CreateResult(uuid.uuid4().hex, _declared(props))

    def read(self, id_: str, props: dict[str, Any]) -> ReadResult:
        return ReadResult(id_, props, _declared(props))

    def update(self, _id: str, olds: dict[str, Any], news: dict[str, Any]) -> UpdateResult:
        return UpdateResult(_declared(news))

    def delete(self, _id: str, props: dict[str, Any]) -> None:
        if not RUN.to_verify:
            return
        report("Verify the farm after the deletions.")
        command = [sys.executable, "-m", "operations", "verify", "--failed", "--stack", props["stack"]]
        done = subprocess.run(  # noqa: S603 - this program's own command
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            env=tls.shell_environment(),
        )
        if done.returncode:
            raise MachineError(
                "this computer",
                "verify the farm after the deletions",
                redact(done.stderr.strip() or done.stdout.strip()),
            )


def _declared(props: dict[str, Any]) -> dict[str, Any]:
    return {name: props[name] for name in ("resources", "stack", "names")}


def _respelled(name: str, was: str) -> str:
    return (
        f"The topology writes {name}, this stack's state {was}. For Windows that is one name, for Pulumi another: "
        f"what belongs to {was} would be created again and then deleted. Write {was}."
    )


class Closing(pulumi.dynamic.Resource, module="farm", name="Closing"):
    """What everything else depends on."""

    resources: pulumi.Output[str]
    """SHA-256, as hexadecimal text, of the sorted names of all resources: it changes when one comes or goes."""

    def __init__(self, name: str, names: Iterable[str], opts: pulumi.ResourceOptions | None = None) -> None:
        """``names`` are those of the topology that are part of a resource's name."""
        resources: pulumi.Output[str]
        self._resolve: Callable[[pulumi.Output[str]], None]
        resources, self._resolve = pulumi.deferred_output()
        with short_stack():
            stack = f"{pulumi.get_organization()}/{pulumi.get_project()}/{pulumi.get_stack()}"
            props = {"resources": resources, "stack": stack, "names": sorted(names)}
            super().__init__(ClosingProvider(), name, props, opts)

    def declare(self, names: Iterable[str]) -> None:
        """Say which resources there are: the last thing that the program does, and before it nothing is made."""
        text = "\n".join(sorted(names))
        self._resolve(pulumi.Output.from_input(hashlib.sha256(text.encode()).hexdigest()))
