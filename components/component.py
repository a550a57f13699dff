"""The base of the farm's components: options of children, stages between them, and the list of all resources below."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pulumi

_FRAMES = 8
"""Pulumi's own frames, the constructors, and what called them."""


@contextmanager
def short_stack() -> Iterator[None]:
    """Make resources with a short stack. Pulumi keeps the stack of every constructor in the state: with those of its
    own runner 1400 bytes for each resource, a third of what the CLI writes at every step."""
    before = getattr(sys, "tracebacklimit", None)
    sys.tracebacklimit = _FRAMES
    try:
        yield
    finally:
        if before is None:
            del sys.tracebacklimit
        else:
            sys.tracebacklimit = before


class Counted(pulumi.dynamic.Resource):
    """A resource of the farm, which its component counts. The base of ``FarmResource``."""

    revision: pulumi.Output[str]
    """When it was made or last changed by this program (UTC): another text after every change."""


class Stage(pulumi.Resource):
    """A point in the order of the farm: reached when everything before it is there, waited for by what comes after.

    A hundred resources that each depend on a hundred others are ten thousand edges, and the CLI writes every one of
    them at every step; through a stage they are two hundred. For the engine it is a component without children: no
    provider is called for it, and no difference of its dependencies shows in a preview. It is no ``ComponentResource``,
    since Pulumi takes a dependency on one of these for a dependency on each of its children.

    The engine schedules deletions by direct edges among what is deleted. What has to leave before something else while
    the rest of the farm stays (the parts of one node) therefore names it directly, and not through a stage.
    """

    def __init__(self, name: str, opts: pulumi.ResourceOptions) -> None:
        with short_stack():
            super().__init__("wap:index:Stage", name, False, None, opts)


class Component(pulumi.ComponentResource):
    """Groups resources. No I/O, no decision about machines."""

    def __init__(self, part: str, name: str, opts: pulumi.ResourceOptions | None) -> None:
        """``part`` is the folder and class: ``nlb:NlbCluster``."""
        with short_stack():
            super().__init__(f"wap:{part}", name, None, opts)
        self._components: list[Component] = []
        self._own: list[Counted] = []
        self.first: list[pulumi.Resource] = []
        """What comes before everything that is made with ``child`` from now on, here and in components below."""
        self.owner: pulumi.Output[dict[str, str]] | None = None
        """The stack that everything below belongs to."""
        if opts is not None and isinstance(opts.parent, Component):
            opts.parent._components.append(self)
            self.first = list(opts.parent.first)
            self.owner = opts.parent.owner

    def child(self, *depends_on: pulumi.Resource | None) -> pulumi.ResourceOptions:
        """Options of a resource that belongs to this component and is made after others; None waits for nothing."""
        others = [one for one in depends_on if one is not None]
        return pulumi.ResourceOptions(parent=self, depends_on=[*self.first, *others])

    def stage(self, name: str, *depends_on: pulumi.Resource) -> Stage:
        """What stands for all of these from now on."""
        return Stage(name, self.child(*depends_on))

    def count(self, resource: Counted) -> None:
        """Called by a resource that is made with this component as its parent."""
        self._own.append(resource)

    def resources(self) -> Iterator[Counted]:
        """Every resource of this component and of those below it."""
        yield from self._own
        for component in self._components:
            yield from component.resources()
