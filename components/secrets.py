"""The secrets that are the farm's payload: they reach resources as secret inputs, not through connections."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pulumi

from components.windows.pfx import Pfx


@dataclass(frozen=True)
class FarmSecrets:
    sql_password: pulumi.Output[str]
    """Of the SQL administrator."""
    passphrase: pulumi.Output[str]
    """Of the portal's stores."""
    spf_password: pulumi.Output[str]
    """Of the account that Service Provider Foundation is registered with."""
    certificates: Mapping[str, Pfx]
    """By the topology's name of the certificate; read and checked before any machine is touched."""
