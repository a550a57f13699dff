"""Where things lie in the project, and the environment in which its programs run."""

from __future__ import annotations

import os
import re
import shlex
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
VENV = ROOT / ".venv"
TOOLS = ROOT / ".tools"
BIN = TOOLS / "bin"
"""Programs that were installed for this project only."""
PYTHON = VENV / "bin" / "python"
STATE = ROOT / ".pulumi-state"
"""Pulumi's file backend."""
PULUMI_HOME = TOOLS / "pulumi-home"
"""Plugins and the chosen stack. In the project, so that nothing here meets the login of the person's other work."""


def environment() -> dict[str, str]:
    """The variables that plain ``pulumi``, ``python -m lab`` and ``python -m operations`` need."""
    ours = [str(VENV / "bin"), str(BIN)]
    others = [entry for entry in os.environ.get("PATH", os.defpath).split(os.pathsep) if entry not in ours]
    return {
        "PATH": os.pathsep.join([*ours, *others]),
        "VIRTUAL_ENV": str(VENV),
        "PULUMI_BACKEND_URL": f"file://{STATE}",
        "PULUMI_CONFIG_PASSPHRASE": os.environ.get("PULUMI_CONFIG_PASSPHRASE", ""),
        "PULUMI_HOME": str(PULUMI_HOME),
        "PULUMI_SKIP_UPDATE_CHECK": "1",
    }


def exports(**more: str) -> str:
    """The same, and ``more``, as lines for a shell's ``eval``."""
    return "".join(f"export {name}={shlex.quote(value)}\n" for name, value in {**environment(), **more}.items())


def required_range() -> str:
    """``requiredPulumiVersion`` of Pulumi.yaml, such as ``>=3.259.0 <3.260.0``."""
    found = re.search(r"(?m)^requiredPulumiVersion:\s*[\"']?([^\"'\n]+)", (ROOT / "Pulumi.yaml").read_text())
    if found is None:
        raise LookupError("Pulumi.yaml has no requiredPulumiVersion")
    return found.group(1).strip()


def pinned(requirement: str) -> str:
    """The exact version of a package in requirements.txt."""
    found = re.search(rf"(?m)^{re.escape(requirement)}==(\S+)", (ROOT / "requirements.txt").read_text())
    if found is None:
        raise LookupError(f"requirements.txt does not pin {requirement}")
    return found.group(1)


def accepts(wanted: str, version: str) -> bool:
    """Whether a version (``v3.259.0``) lies in a range of comparisons that must all hold (``>=3.259.0 <3.260.0``)."""
    found = _numbers(version)
    for comparison in wanted.split():
        operator, bound = re.fullmatch(r"(>=|<=|>|<|=)?v?([\d.]+)", comparison).groups()  # type: ignore[union-attr]
        limit = _numbers(bound)
        holds = {">=": found >= limit, "<=": found <= limit, ">": found > limit, "<": found < limit}
        if not holds.get(operator, found == limit):
            return False
    return True


def _numbers(version: str) -> tuple[int, ...]:
    found = re.match(r"v?(\d+)\.(\d+)\.(\d+)", version)
    return tuple(int(number) for number in found.groups()) if found else (0, 0, 0)
