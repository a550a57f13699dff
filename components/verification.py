"""The verification from outside, at the end of every ``up`` that changed something.

``operations verify`` runs as a local command of pulumi-command; a row that is not as it should be fails the ``up``,
whose error has these rows and the closing line. Where all is well the closing line is the output.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pulumi
from pulumi_command import local

from components.resource import FarmResource

COMMAND = ".venv/bin/python -m operations verify --failed --configuration -"
"""Relative to the project, where Pulumi runs it; the virtual environment is the one that Pulumi.yaml names."""


def verification(
    configuration: dict[str, pulumi.Input[Any]],
    resources: Iterable[FarmResource[Any]],
    after: Iterable[pulumi.Resource],
    opts: pulumi.ResourceOptions | None = None,
) -> local.Command:
    """Verify after these resources, and again whenever one of them was made or changed."""
    resources = list(resources)
    options = pulumi.ResourceOptions(depends_on=[*after, *resources])
    return local.Command(
        "verification",
        create=COMMAND,
        # On standard input: on the command line a secret could be seen by others. It is secret because its parts are.
        stdin=pulumi.Output.json_dumps(configuration),
        triggers=[resource.revision for resource in resources],
        logging=local.Logging.NONE,
        opts=pulumi.ResourceOptions.merge(opts, options),
    )
