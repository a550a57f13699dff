"""The configuration of a stack as it is now, asked of the Pulumi CLI."""

from __future__ import annotations

import json
import subprocess

from remote import tls
from remote.errors import MachineError

_HERE, _READING = "this computer", "read the stack's configuration"
_KEY = (
    "Set PULUMI_CONFIG_PASSPHRASE or PULUMI_CONFIG_PASSPHRASE_FILE: the plugin reads the configuration by itself, and "
    "cannot ask for a passphrase."
)
_STACK = "For a stack of an organization that is not your default one, set PULUMI_STACK=ORGANIZATION/PROJECT/STACK."


def read(stack: str) -> dict[str, str]:
    """Key with its namespace → value; objects are JSON text. ``stack`` may be empty: then it is the selected one.

    Raises ``MachineError`` with what the CLI says.
    """
    entries = json.loads(run(["config", "--json", "--show-secrets"], stack))
    return {key: entry["value"] for key, entry in entries.items() if "value" in entry}


def name_of(stack: str) -> str:
    """The name of a stack, without organization and project. Raises ``MachineError`` with what the CLI says."""
    return run(["stack", "--show-name"], stack).strip()


def run(question: list[str], stack: str) -> str:
    """What the CLI answers about a stack. Raises ``MachineError`` with what it says."""
    command = ["pulumi", *question, "--non-interactive", *(["--stack", stack] if stack else [])]
    try:
        done = subprocess.run(  # noqa: S603 - the CLI on PATH
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            env=tls.shell_environment(),
        )
    except FileNotFoundError:
        raise MachineError(
            _HERE,
            _READING,
            "there is no pulumi on PATH",
            'For the lab, run: eval "$(make -s env)"; for machines of yours see docs/real-machines.md.',
        ) from None
    if done.returncode:
        said = (done.stderr or done.stdout).removeprefix("error: ")
        remedy = _KEY if "passphrase" in said else _STACK if "no stack named" in said else ""
        raise MachineError(_HERE, _READING, said, remedy)
    return done.stdout
