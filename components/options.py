"""One helper for the options of child resources."""

from __future__ import annotations

from collections.abc import Iterable

import pulumi


def child(parent: pulumi.Resource, after: Iterable[pulumi.Resource] = ()) -> pulumi.ResourceOptions:
    """Options of a resource that belongs to a component and is made after others."""
    return pulumi.ResourceOptions(parent=parent, depends_on=list(after))
