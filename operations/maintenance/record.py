"""What a run notes on the server that it takes out, so that the next command knows of a run that was killed.

The note stands in the server's registry, where every computer that runs this command finds it, and goes when the server
is back. A server that does not answer tells nothing: then the command ends with an error.
"""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime

from components.resource.lease import runs
from components.steps import Script, Step, load_script
from remote.errors import MachineError
from remote.session import Remote

MARK = "maintenance"


@dataclass(frozen=True)
class Note:
    """One server out of the farm."""

    order: str
    """The command's own words: ``--all --restart``."""
    began: str
    """Time in UTC, ISO 8601."""
    computer: str
    """Host name of the computer that the command runs on."""
    process: int
    """ID of the command's process there."""
    done: tuple[str, ...] = ()
    """Servers that the same run was ready with before."""
    acted: bool = False
    """Whether the restart or the command has ended well."""
    held: bool = False
    """Whether the run ended on purpose with the server out."""
    balanced: bool = True
    """Whether the run takes it out of its load balancing cluster; else the operator has done it."""
    starts: bool = True
    """Whether load balancing started with the machine before."""

    @property
    def here(self) -> bool:
        return self.computer == socket.gethostname()

    @property
    def running(self) -> bool:
        """Whether its process runs, as far as this computer can know."""
        return self.here and not self.held and self.process != os.getpid() and runs(self.process)

    def sentence(self, machine: str) -> str:
        state = "was held" if self.held else "was taken out"
        return f"{machine} {state} by `maintenance {self.order}`, begun {self.began} on {self.computer}"


def begin(order: str, *, balanced: bool) -> Note:
    """A note of this process, from now on; ``order`` and ``balanced`` as ``Note`` has them."""
    began = datetime.now(UTC).isoformat(timespec="seconds")
    return Note(order, began, socket.gethostname(), os.getpid(), balanced=balanced)


def kept(remote: Remote, machines: Sequence[str]) -> dict[str, Note]:
    """The notes on these machines, by machine. Raises ``MachineError`` for one that cannot be asked."""
    with ThreadPoolExecutor(max_workers=8) as pool:
        found = pool.map(lambda machine: _read(remote, machine), machines)
        return {machine: note for machine, note in zip(machines, found, strict=True) if note is not None}


def _read(remote: Remote, machine: str) -> Note | None:
    attempted = "read whether it is in maintenance"
    text = remote.powershell(machine).run(load_script("windows/read_mark.ps1"), {"Name": MARK}, attempted=attempted)
    if not text:
        return None
    try:
        values = json.loads(text[0])
        return replace(Note(**values), done=tuple(values["done"]))
    except (ValueError, TypeError, KeyError):
        found = "its note of a maintenance was not written by this version of the program"
        remedy = rf"Remove the value {MARK} of HKLM:\SOFTWARE\WindowsAzurePackHA\Marks, then run `pulumi up`."
        raise MachineError(machine, attempted, found, remedy) from None


def write(machine: str, note: Note, what: str) -> Step:
    """``what`` says in the step's sentence what the note is about."""
    arguments = {"Name": MARK, "Text": json.dumps(asdict(note))}
    return Step(f"On {machine}, note that {what}.", Script(machine, "windows/write_mark.ps1", arguments))


def forget(machine: str) -> Step:
    action = Script(machine, "windows/remove_mark.ps1", {"Name": MARK})
    return Step(f"On {machine}, note the end of its maintenance.", action)
