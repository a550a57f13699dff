"""With which configuration the plugin works, and whether it can be used."""

from __future__ import annotations

import os
from collections.abc import Mapping

from pulumi.dynamic import Config

from components import settings, stack_configuration
from components.connection_problems import ConfigurationError
from components.topology import TopologyError
from remote.errors import MachineError


def configuration(urn: str, handed: Mapping[str, str] | None) -> tuple[Mapping[str, str], str]:
    """The values, and why they cannot be used (empty: they can). ``handed`` is what the program runs with; where it has
    not run (None), the Pulumi CLI is asked for the configuration of the stack in the provider's ``urn``."""
    values: Mapping[str, str] = {}
    try:
        values = stack_configuration.read(_stack(urn)) if handed is None else handed
        settings.check(Config(dict(values), os.environ.get("PULUMI_PROJECT", "")).get)
    except (MachineError, TopologyError, ConfigurationError) as error:
        return values, str(error)
    return values, ""


def _stack(urn: str) -> str:
    """The stack of a URN (``urn:pulumi:STACK::PROJECT::…``), with its organization where PULUMI_STACK names it."""
    stack = urn.split("::")[0].removeprefix("urn:pulumi:")
    selected = os.environ.get("PULUMI_STACK", "")
    return selected if selected.rpartition("/")[2] == stack else stack
