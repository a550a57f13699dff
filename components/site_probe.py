"""Whether a web site answers, seen at the machine that has it."""

from __future__ import annotations

from remote.http import HttpError
from remote.session import Remote


def probe_site(remote: Remote, machine: str, port: int) -> str:
    """What is wrong with a site; empty when it answers. Its certificate is checked apart."""
    try:
        answer = remote.https(machine, port, verify=False)
    except HttpError as error:
        return f"no answer on port {port} ({error})"
    return f"HTTP {answer.status} on port {port}" if answer.status >= 500 else ""
