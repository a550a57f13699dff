"""The one exception of the program: which machine, what was attempted, what was found, what to do.

Its text is the whole message an operator sees, in one line and without any secret.
"""

from __future__ import annotations

from remote.secret import redact


class MachineError(Exception):
    """Raised for everything that goes wrong on or on the way to a machine, and for every refusal.

    ``number`` is SQL Server's error number, ``error_id`` PowerShell's FullyQualifiedErrorId, when there is one:
    callers decide by these, never by text.
    """

    # Python prints an exception of ``builtins`` without a module's name: the operator sees a sentence, not a path.
    __module__ = "builtins"

    def __init__(
        self, machine: str, attempted: str, found: str, remedy: str = "", *, number: int = 0, error_id: str = ""
    ) -> None:
        self.machine, self.attempted = machine, attempted
        self.found, self.remedy = redact(" ".join(found.split())), remedy
        self.number, self.error_id = number, error_id
        end = "" if self.found.endswith((".", "!", "?")) else "."
        super().__init__(redact(f"{machine}: {attempted}: {self.found}{end}{' ' + remedy if remedy else ''}"))


class UnreachableError(MachineError):
    """The machine does not answer, or the connection broke before the request was sent. Nothing was changed."""

    __module__ = "builtins"


class LostAnswerError(MachineError):
    """The connection broke after a change was sent: it may or may not have happened. Observe before trying again."""

    __module__ = "builtins"
