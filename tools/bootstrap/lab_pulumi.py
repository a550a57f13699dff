"""The Pulumi CLI in a shell of the lab: with the lab's backend and passphrase, on the lab's stacks and no other.

The lab's passphrase is published, so it must never encrypt the secrets of a stack for real machines. Therefore no
shell exports it: this program hands it to the CLI, and refuses a stack that is not the lab's. Where the operator's own
PULUMI_BACKEND_URL or PULUMI_STACK is set, everything of the lab stays out of the way.
"""

from __future__ import annotations

import os
import re
import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence

from tools.bootstrap.design import FIRST, Design
from tools.bootstrap.project import LAB_SHELL, lab_environment

_ELSEWHERE = "Open a new shell, without `make env`, for a stack of your own: docs/real-machines.md says how."


class NotOfTheLabError(Exception):
    """What was asked of the CLI is not about the lab's stacks."""


def environment_for(arguments: Sequence[str], environ: Mapping[str, str]) -> dict[str, str]:
    """The variables to set for the CLI. Raises NotOfTheLabError with what to do instead."""
    if environ.get("PULUMI_BACKEND_URL") or environ.get("PULUMI_STACK"):
        return {}
    if arguments[:1] and arguments[0] in ("login", "logout", "new"):
        raise NotOfTheLabError(f"This shell is the lab's, which has its own project and backend. {_ELSEWHERE}")
    for stack in _stacks(arguments):
        if not re.fullmatch(r"dev(-.+)?", stack):
            raise NotOfTheLabError(f"This shell is the lab's, and {stack} is no stack of the lab. {_ELSEWHERE}")
    chosen = Design(environ.get("LAB_DESIGN") or FIRST).stack
    return {**lab_environment(), "PULUMI_STACK": chosen}


def _stacks(arguments: Sequence[str]) -> Iterator[str]:
    """The stacks that a command line names."""
    for place, argument in enumerate(arguments):
        option, equals, value = argument.partition("=")
        if option in ("--stack", "-s"):
            yield from [value] if equals else arguments[place + 1 : place + 2]
    if list(arguments[:1]) == ["stack"] and arguments[1:2] and arguments[1] in ("init", "select", "rm", "rename"):
        named = [argument for argument in arguments[2:] if not argument.startswith("-")]
        yield from named or (["a stack without a name"] if arguments[1] == "init" else [])


def main() -> int:
    try:
        variables = environment_for(sys.argv[1:], os.environ)
    except NotOfTheLabError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    path = os.environ.get("PATH", os.defpath).split(os.pathsep)
    others = os.pathsep.join(entry for entry in path if entry != str(LAB_SHELL))
    cli = shutil.which("pulumi", path=others)
    if cli is None:
        print("error: The Pulumi CLI is not installed. Run: make setup", file=sys.stderr)
        return 1
    return os.execve(cli, ["pulumi", *sys.argv[1:]], {**os.environ, **variables, "PATH": others})  # noqa: S606


if __name__ == "__main__":
    sys.exit(main())
