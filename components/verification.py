"""The verification from outside, at the end of every ``up`` that changed something.

``operations verify`` runs as a local command of pulumi-command; a row that is not as it should be fails the ``up``,
whose error has these rows and the closing line. Where all is well the closing line is the output.
"""

from __future__ import annotations

from collections.abc import Iterable

import pulumi
from pulumi_command import local

from components.component import Counted

COMMAND = ".venv/bin/python -m operations verify --failed --stack {stack}"
"""Relative to the project, where Pulumi runs it; the virtual environment is the one that Pulumi.yaml names. It asks the
CLI for the stack's configuration: what the program hands to a command stays in the state."""


def _state(revisions: list[str]) -> str:
    """One text that differs whenever a resource was made, changed or removed; a preview shows it in one line."""
    return f"{len(revisions)} resources, the last of them changed at {max(revisions)}"


def verification(
    resources: Iterable[Counted],
    opts: pulumi.ResourceOptions | None = None,
) -> local.Command:
    """Verify after these resources, and again whenever one of them was made or changed."""
    resources = list(resources)
    stack = f"{pulumi.get_organization()}/{pulumi.get_project()}/{pulumi.get_stack()}"
    options = pulumi.ResourceOptions(depends_on=resources)
    return local.Command(
        "verification",
        create=COMMAND.format(stack=stack),
        triggers=[pulumi.Output.all(*(resource.revision for resource in resources)).apply(_state)],
        logging=local.Logging.NONE,
        opts=pulumi.ResourceOptions.merge(opts, options),
    )
