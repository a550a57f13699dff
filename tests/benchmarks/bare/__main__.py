"""The floor: what the CLI and the SDK take for so many resources by themselves."""

from __future__ import annotations

import pulumi
from nothing import Nothing  # type: ignore[import-not-found]  # beside this file, where it runs

for number in range(pulumi.Config().require_int("resources")):
    Nothing(f"nothing-{number}")
