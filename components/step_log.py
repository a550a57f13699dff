"""What was done to which machine, when and with what result: a file for each stack, for change management.

Every step that ``pulumi up``, ``pulumi destroy``, ``maintenance`` and ``drill`` carry out is a line of
``logs/<stack>.log`` in the folder of the program, appended by whichever process carries it out. Fields are separated by
tabs: the time of its end (UTC), the resource or the command, the machine, the result with the seconds it took, the
step's sentence. Secrets are masked.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from components.progress import warn
from components.steps import Step
from remote.errors import MachineError
from remote.secret import redact
from remote.text import one_line

FOLDER = Path("logs")


_FIELDS = 5
_FAILED = "failed after"


@dataclass(frozen=True)
class Entry:
    """One line of a log."""

    ended: datetime
    """With its time zone: UTC, to the second."""
    resource: str
    """Or the command."""
    machine: str
    """By its name in the topology."""
    result: str
    """``done in 3.1 s``, or ``failed after 3.1 s:`` and what was found."""
    sentence: str
    """On one line, secrets masked."""

    @property
    def failed(self) -> bool:
        return self.result.startswith(_FAILED)


def entries(file: Path) -> list[Entry]:
    """The lines of a log, the first one first; none where there is no log yet. A line of another form is left out.
    Raises ``OSError``."""
    if not file.exists():
        return []
    found = []
    for line in file.read_text(encoding="utf-8", errors="replace").splitlines():
        fields = line.split("\t")
        try:
            ended = datetime.fromisoformat(fields[0])
        except ValueError:
            continue
        if len(fields) == _FIELDS and ended.tzinfo is not None:
            found.append(Entry(ended, *fields[1:]))
    return found


@dataclass(frozen=True)
class StepLog:
    """The log of one stack, for the steps of one resource. Without a file nothing is written."""

    file: Path | None = None
    """``logs/<stack>.log``; created with the first line, with its folder."""
    resource: str = ""
    """Its name in Pulumi, or the command."""

    @classmethod
    def of(cls, urn: str) -> StepLog:
        """The log of the stack that a resource belongs to; none for an empty URN."""
        parts = urn.split("::")
        return cls(FOLDER / f"{parts[0].removeprefix('urn:pulumi:')}.log", parts[-1]) if urn else cls()

    def step(self, step: Step) -> AbstractContextManager[None]:
        """Write down a step when it ends, also when it fails."""
        return self.act(step.action.machine, step.sentence)

    @contextmanager
    def act(self, machine: str, sentence: str) -> Iterator[None]:
        """The same for what a command does beside the steps."""
        begun = time.monotonic()
        try:
            yield
        except MachineError as error:
            self._write(machine, sentence, time.monotonic() - begun, error)
            raise
        self._write(machine, sentence, time.monotonic() - begun, None)

    def ended(self, step: Step, took_seconds: float, error: MachineError | None) -> None:
        """Write down a step that was carried out with others."""
        self._write(step.action.machine, step.sentence, took_seconds, error)

    def _write(self, machine: str, sentence: str, took_seconds: float, error: MachineError | None) -> None:
        """Append a line. A file that cannot be written to is one warning: the farm matters more than its log."""
        if self.file is None:
            return
        result = f"{_FAILED} {took_seconds:.1f} s: {error.found}" if error else f"done in {took_seconds:.1f} s"
        now = datetime.now(UTC).isoformat(timespec="seconds")
        fields = (now, self.resource, machine, result, sentence)
        line = "\t".join(one_line(redact(field)) for field in fields) + "\n"
        try:
            self.file.parent.mkdir(exist_ok=True)
            # One write to a file that is opened for appending: several processes may do it at once.
            to = os.open(self.file, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o640)
            try:
                os.write(to, line.encode())
            finally:
                os.close(to)
        except OSError as error_of_file:
            warn(f"The steps are not logged: {self.file}: {error_of_file.strerror}.")
