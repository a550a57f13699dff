"""What is reached through the name in front of a tier, asked from this computer as a client would."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from components.site_probe import probe_site
from remote.http import HttpError, get
from remote.session import Remote


def unanswered(remote: Remote, name: str, ports: Iterable[int], nodes: Sequence[str]) -> list[str]:
    """The ports of a name on which a connection stays without an answer, and what the tier's nodes say by themselves.

    One connection more than there are nodes: a balancer that still sends clients to a member that is down leaves one of
    them without an answer.
    """
    return [text for port in ports if (text := _port(remote, name, port, nodes))]


def _port(remote: Remote, name: str, port: int, nodes: Sequence[str]) -> str:
    tries = len(nodes) + 1
    errors = [error for error in (_probe(remote, name, port) for _ in range(tries)) if error]
    if not errors:
        return ""
    working = [node for node in nodes if not probe_site(remote, node, port)]
    direct = f"these answer: {', '.join(working)}" if working else "none answers"
    return f"TCP {port}: {len(errors)} of {tries} unanswered ({errors[0]}); of its servers, {direct}"


def _probe(remote: Remote, name: str, port: int) -> str:
    try:
        # Which certificate they answer with is checked apart: here it is about what is in front of them.
        answer = get(remote.hosts.resolve(name), port, name, authorities=remote.hosts.authorities, verify=False)
    except HttpError as error:
        return str(error)
    return f"HTTP {answer.status}" if answer.status >= 500 else ""
