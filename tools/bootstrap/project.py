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
"""Plugins of the lab's stacks, and which one is selected."""
PASSPHRASE = "lab"  # noqa: S105 - published
"""It protects nothing: the secrets of the lab's stacks open only the lab on this computer, and stand in clear in
lab/accounts.yaml. It is here so that `make up` asks nothing."""
LAB_SHELL = ROOT / "tools" / "lab-shell"
"""What comes first on the PATH of a shell of the lab."""


def environment() -> dict[str, str]:
    """The variables with which the project's programs find each other."""
    ours = [str(VENV / "bin"), str(BIN)]
    others = [entry for entry in os.environ.get("PATH", os.defpath).split(os.pathsep) if entry not in ours]
    return {
        "PATH": os.pathsep.join([*ours, *others]),
        "VIRTUAL_ENV": str(VENV),
        "PULUMI_SKIP_UPDATE_CHECK": "1",
    }


def lab_environment() -> dict[str, str]:
    """The same for the lab's stacks: their backend, their passphrase, and a place for plugins that meets nothing of the
    operator's other work."""
    return {
        **environment(),
        "PULUMI_BACKEND_URL": f"file://{STATE}",
        "PULUMI_CONFIG_PASSPHRASE": PASSPHRASE,
        "PULUMI_HOME": str(PULUMI_HOME),
        "PULUMI_LOG_ROTATION_MAX_TOTAL_MB": "20",  # the CLI logs every command below PULUMI_HOME, by default 500 MB
    }


def exports(**more: str) -> str:
    """Lines for the ``eval`` of a shell of the lab, in which ``pulumi`` is the one of ``lab_pulumi``."""
    ours = environment()
    variables = {**ours, "PATH": os.pathsep.join([str(LAB_SHELL), ours["PATH"]]), **more}
    return "".join(f"export {name}={shlex.quote(value)}\n" for name, value in variables.items())


def required_range() -> str:
    """``requiredPulumiVersion`` of Pulumi.yaml, such as ``>=3.259.0 <4.0.0``."""
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
    """Whether a version (``v3.259.0``) lies in a range of comparisons that must all hold (``>=3.259.0 <4.0.0``)."""
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
