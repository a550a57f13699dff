"""Guarantees that a stack is known on the machines by more than its name: by a random identity that its state keeps.

Two backends may have stacks of one name, and one of them must not take the other's farm for its own. The identity is
the first thing that an ``up`` makes and the last one that a ``destroy`` removes.
"""

from __future__ import annotations

import uuid
from typing import Any

import pulumi
from pulumi.dynamic import CheckResult, ConfigureRequest, CreateResult, DiffResult, ReadResult, ResourceProvider

from components import settings
from components.component import short_stack
from components.progress import warn
from components.resource import leftovers
from remote.errors import MachineError


class StackProvider(ResourceProvider):
    """Reaches no machine but in ``delete``, which is the last one of a ``destroy``: it fails while a machine holds
    something for this stack, so that no ``destroy`` says "done" over what a killed run has left."""

    serialize_as_secret_always = False

    def __init__(self, connection: str = "") -> None:
        super().__init__()
        self._connection = connection

    def configure(self, req: ConfigureRequest) -> None:
        self._connection = settings.connection_settings(req.config.get)

    def __reduce__(self) -> tuple[Any, ...]:
        return (StackProvider, ())

    def check(self, olds: dict[str, Any], news: dict[str, Any]) -> CheckResult:
        # The name of the time when it was made: renaming a stack changes nothing.
        return CheckResult(olds or news, [])

    def diff(self, _id: str, olds: dict[str, Any], news: dict[str, Any]) -> DiffResult:
        return DiffResult(changes=False)

    def create(self, props: dict[str, Any]) -> CreateResult:
        identity = uuid.uuid4().hex
        return CreateResult(identity, {"stack": props["stack"], "identity": identity})

    def read(self, id_: str, props: dict[str, Any]) -> ReadResult:
        return ReadResult(id_, props, {"stack": props["stack"]})

    def delete(self, _id: str, props: dict[str, Any]) -> None:
        remote, topology = settings.remote(self._connection), settings.topology_of(self._connection)
        look = leftovers.find(remote, topology, lambda claim: claim.owner.identity == props["identity"])
        for error in look.unread:
            warn(f"Not asked whether it still holds anything for this stack: {error}")
        if look.left:
            raise MachineError(
                ", ".join(sorted({one.machine for one in look.left})),
                f"end the stack {props['stack']}",
                f"machines hold {len(look.left)} things for it that its state does not know: "
                + ", ".join(one.resource_id for one in look.left),
                "Run `python -m operations leftovers --remove`, then `pulumi destroy` again.",
            )


class StackIdentity(pulumi.dynamic.Resource, module="farm", name="StackIdentity"):
    """The identity of the stack."""

    stack: pulumi.Output[str]
    """``project/stack``, as it was called when it was made: a later rename does not change it."""
    identity: pulumi.Output[str]
    """Random, 32 hexadecimal digits; what claims name their stack by."""

    def __init__(self, name: str, opts: pulumi.ResourceOptions | None = None) -> None:
        stack = f"{pulumi.get_project()}/{pulumi.get_stack()}"
        with short_stack():
            super().__init__(StackProvider(), name, {"stack": stack, "identity": None}, opts)

    @property
    def owner(self) -> pulumi.Output[dict[str, str]]:
        """What a claim says of its owner, without the resource's name."""
        both = pulumi.Output.all(stack=self.stack, identity=self.identity)
        return both.apply(lambda given: {"stack": given["stack"], "identity": given["identity"]})
