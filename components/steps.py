"""Steps: what a plan consists of. A step is a sentence of a runbook and the one action that fulfils it.

Plans are pure data, so that they can be compared, printed and tested without a machine. ``components.step_runner``
carries them out. Every action has the ``machine`` that it is about, by its name in the topology. The ``path`` of a leaf
script is the one below ``components``: ``nlb/add_node.ps1``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from remote.sql import Value

_ROOT = Path(__file__).parent


def load_script(path: str) -> str:
    """The text of a leaf script, by its path below ``components`` (``nlb/add_node.ps1``)."""
    return (_ROOT / path).read_text(encoding="utf-8")


@dataclass(frozen=True)
class Script:
    """Run a PowerShell leaf script that changes one thing."""

    machine: str
    """Where it runs, by its name in the topology."""
    path: str
    """Below ``components``: ``nlb/add_node.ps1``."""
    arguments: Mapping[str, Any] = field(default_factory=dict)
    """By the script's parameter names, passed as values and never as script text; a ``Secret`` may be among them."""
    timeout_seconds: float = 120
    """How long the script may run."""


@dataclass(frozen=True)
class Sql:
    """Run a T-SQL leaf script that changes one thing. ``integrated``: on the server itself, as the Windows account.

    ``watched``: a backup or restore, which shows its percentage and may take as long as it gets on;
    ``timeout_seconds`` then is how long it may stand still.
    """

    machine: str
    """The replica's whose SQL Server runs it."""
    path: str
    """Below ``components``: ``sql/failover.sql``."""
    values: tuple[Value, ...] = ()
    """For the ``?`` of the script, in order; a ``Secret`` may be among them."""
    database: str = "master"
    """The one that the script runs in; an ``integrated`` one always runs in master."""
    integrated: bool = False
    timeout_seconds: float = 120
    """How long a statement may run; a ``watched`` one: how long without progress."""
    watched: bool = False


@dataclass(frozen=True)
class SqlTransaction:
    """Run T-SQL leaf scripts on one server in one transaction: all of them or none. Each is a path with its values."""

    machine: str
    """The replica's whose SQL Server runs it."""
    parts: tuple[tuple[str, tuple[Value, ...]], ...]
    """In the order in which they run; values as in ``Sql``."""
    timeout_seconds: float = 120
    """For each script; where one request carries several transactions, for all of these together."""


@dataclass(frozen=True)
class ScheduledTask:
    """Run a PowerShell leaf script as a scheduled task: it outlives the connection and is no remote log-on.

    ``arguments`` are written to a file on the machine and must not hold a secret.
    """

    machine: str
    """Where the task is registered, by its name in the topology."""
    task: str
    """Its name in the Task Scheduler; one that a killed run left running is watched (``run_detached``)."""
    path: str
    """Below ``components``: ``portal/install_msi.ps1``."""
    arguments: Mapping[str, Any] = field(default_factory=dict)
    """By the script's parameter names; JSON values only."""
    timeout_seconds: float = 600
    """How long until the task has ended; one that takes longer stays, and the next attempt finds it."""


@dataclass(frozen=True)
class Restart:
    """Restart a machine and wait until it answers again."""

    machine: str
    """By its name in the topology."""
    timeout_seconds: float = 900
    """From the order until PowerShell answers with a later time of boot."""


@dataclass(frozen=True)
class WaitFor:
    """Wait until a condition on freshly observed facts holds.

    ``waiting_for`` is a function of the facts that names what is still missing, and gives an empty text when nothing
    is. It raises ``MachineError`` when waiting longer is pointless. ``logged_off``: this program first closes its own
    connections to SQL Servers.
    """

    machine: str
    """The one that errors name; the condition may be about others."""
    waiting_for: Callable[[Any], str]
    timeout_seconds: float
    """How long the condition may take to hold; 0: it is looked at once."""
    logged_off: bool = False
    to_go: Callable[[Any], Mapping[str, int]] | None = None
    """What is left to do, each with its amount, for a wait that may take as long as it gets on: the time-out then
    counts from the last time that one of them became less than ever, or came up."""


@dataclass(frozen=True)
class OperatorStep:
    """Something that only the operator can do: no interface without a browser is documented for it.

    ``clicks`` are the sentences that tell the operator how. ``waiting_for`` is as in ``WaitFor``; ``timeout_seconds``
    how long to wait for the operator. Then the step ends with the instructions, and the next ``up`` looks again.
    """

    machine: str
    """The one that errors name; the operator may be sent to another."""
    clicks: tuple[str, ...]
    waiting_for: Callable[[Any], str]
    timeout_seconds: float = 0


@dataclass(frozen=True)
class Refuse:
    """Nothing: the step always fails. It stands among the steps for other subjects, which are carried out."""

    machine: str
    """The one that the error names."""
    found: str
    """Why nothing can be done."""


Action = Script | Sql | SqlTransaction | ScheduledTask | Restart | WaitFor | OperatorStep | Refuse


@dataclass(frozen=True)
class Step:
    """One sentence of the runbook ("On SQL2, restore the full backup of …") and its action."""

    sentence: str
    """One line with a full stop, without secrets: the progress, the log and errors show it."""
    action: Action
    """What fulfils the sentence; ``StepRunner`` chooses by its type."""
    remedy: str = ""
    """What to do when it fails, where the machine's own words do not say it."""
    subject: str = ""
    """What the step is about, in a plan about many things of which each stands for itself. When such a step fails, only
    the later steps of its subject are left out, and the plan fails at its end."""
    provided: Callable[[Any], None] | None = None
    """Looks at freshly observed facts right before the action, and raises ``MachineError`` where it must not run now:
    for what others may change while the steps before it run."""
    remedies: Mapping[int, str] = field(default_factory=dict, compare=False)
    """What to do about errors of these numbers, rather than ``remedy``."""

    def __str__(self) -> str:
        return self.sentence
