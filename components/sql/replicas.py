"""Asking every replica of a group, and what becomes of one that does not answer.

A replica that does not answer is *unknown*: never absent, never different. The topology says whether that stops a
resource (`sql.unreachable: stop`, the default) or whether it goes on with the others (`proceed`). What was left undone
there shows as a difference at the next preview, once it answers.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, Literal, TypeVar

from components.progress import warn
from components.resource import Inputs
from components.steps import load_script
from remote.errors import LostAnswerError, UnreachableError
from remote.session import Remote

T = TypeVar("T")


class OnReplicas(Inputs):
    """Base of the inputs of a resource that asks every replica."""

    unreachable: Literal["stop", "proceed"] = "stop"
    """What to do about a replica that does not answer: stop with an error, or go on with the others."""

    @property
    def passes_over(self) -> bool:
        return self.unreachable == "proceed"


@dataclass(frozen=True)
class Answers(Generic[T]):
    """What the replicas said, and the names of those that did not answer."""

    given: dict[str, T]
    """By machine."""
    unreachable: tuple[str, ...] = ()
    """Empty with ``sql.unreachable: stop``, where such a replica is an error."""


def query_each(
    inputs: OnReplicas, machines: Sequence[str], question: Callable[[str], T], *, primary: str = ""
) -> Answers[T]:
    """The answer of each machine. Raises ``UnreachableError`` for one that does not answer, unless the topology says to
    proceed; also then for the primary, without which nothing can be decided, and when none answers."""
    given: dict[str, T] = {}
    unreachable: dict[str, UnreachableError | LostAnswerError] = {}
    for machine in machines:
        try:
            given[machine] = question(machine)
        except (UnreachableError, LostAnswerError) as error:
            if inputs.unreachable == "stop" or machine == primary:
                raise
            unreachable[machine] = error
    if unreachable and not given:
        raise next(iter(unreachable.values()))
    for machine, why in unreachable.items():
        warn(
            f"{machine} does not answer ({why.found}). The topology has `sql.unreachable: proceed`: what is to be done "
            "there waits until it does, and everything else goes on."
        )
    return Answers(given, tuple(unreachable))


def marks(inputs: OnReplicas, machines: Sequence[str], remote: Remote, name: str, attempted: str) -> Answers[str]:
    """What replicas keep for this program under a name, by machine. The first of the topology keeps it; another one
    does since it was the first."""

    def read(machine: str) -> str:
        kept = remote.powershell(machine).run(load_script("windows/read_mark.ps1"), {"Name": name}, attempted=attempted)
        return str(kept[0]) if kept else ""

    answers = query_each(inputs, machines, read)
    return Answers({machine: text for machine, text in answers.given.items() if text}, answers.unreachable)
