"""The one exception of the program: which machine, what was attempted, what was found, what to do.

Its text is the whole message an operator sees: in one line, without any secret, and with every control character that
came from a machine shown escaped.
"""

from __future__ import annotations

from remote.secret import redact
from remote.text import one_line

TIMED_OUT = -2
"""The number of a time-out of the client's own, as SqlClient has it (SqlException.Number); ODBC says HYT00."""


class MachineError(Exception):
    """Raised for everything that goes wrong on or on the way to a machine, and for every refusal.

    ``number`` is SQL Server's error number (or ``TIMED_OUT``), ``error_id`` PowerShell's FullyQualifiedErrorId, when
    there is one: callers decide by these, never by text.
    """

    # Python prints an exception of ``builtins`` without a module's name: the operator sees a sentence, not a path.
    __module__ = "builtins"

    def __init__(
        self, machine: str, attempted: str, found: str, remedy: str = "", *, number: int = 0, error_id: str = ""
    ) -> None:
        # Secrets first: a text that was reshaped may no longer contain them as they are known.
        self.machine, self.attempted = one_line(redact(machine)), one_line(redact(attempted))
        self.found, self.remedy = one_line(redact(found)), one_line(redact(remedy))
        self.number, self.error_id = number, error_id
        end = "" if self.found.endswith((".", "!", "?")) else "."
        remedy = f" {self.remedy}" if self.remedy else ""
        super().__init__(f"{self.machine}: {self.attempted}: {self.found}{end}{remedy}")


class UnreachableError(MachineError):
    """The machine does not answer, or the connection broke before the request was sent. Nothing was changed."""

    __module__ = "builtins"


class LostMachineError(MachineError):
    """The topology says that the machine will not come back. Nothing was sent."""

    __module__ = "builtins"


class LostAnswerError(MachineError):
    """The connection broke after a change was sent: it may or may not have happened. Observe before trying again."""

    __module__ = "builtins"


class RefusedError(MachineError):
    """The machine does not accept the user name or password, or the account is no administrator there. Nothing was
    changed; an account with a wrong password is not tried again."""

    __module__ = "builtins"


class UntrustedError(MachineError):
    """No TLS connection that can be trusted: the protocol, the certificate or its authority. Nothing was changed.

    Never ``UnreachableError``: a machine that another computer answers for is not one that is switched off.
    """

    __module__ = "builtins"
