"""Remote shells and the processes in them, as the Windows Remote Management service keeps them.

Shells belong to the machine, not to a connection: they survive a broken connection and die with the machine, with
their owner's Delete, or when nobody used them for their idle time.

Times here are seconds of the real world: they are a conversation with a client whose clock the lab does not scale.
"""

from __future__ import annotations

import asyncio
import itertools
import threading
import time
import uuid
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from lab.winrm import soap

if TYPE_CHECKING:
    from lab.world import Identity, Machine

MAX_SHELLS_PER_USER = 30
MAX_USERS = 10
MAX_PROCESSES_PER_SHELL = 25
IDLE_TIMEOUT_SECONDS = 7200.0
CONTROL_C_EXIT = -1073741510
"""STATUS_CONTROL_C_EXIT (0xC000013A)."""


class ProcessEndedError(BaseException):
    """Raised inside a process that was ended from outside, at its next use of a stream.

    Not an Exception: a script's ``catch`` must not survive its own end.
    """


class Process:
    """One command: streams in both directions and an exit code. A thread runs it, the network's loop reads it."""

    def __init__(
        self, loop: asyncio.AbstractEventLoop, encoding: str, run: Callable[[Process], int], *, console: bool = False
    ) -> None:
        self.id = str(uuid.uuid4()).upper()
        self.console = console
        self._loop, self._encoding, self._run = loop, encoding, run
        self._lock = threading.Condition()
        self._input = bytearray()
        self._input_ended = False
        self._output: deque[tuple[str, bytes]] = deque()
        self._killed = False
        self._idle = False
        """It has read every line that was sent, and waits for the next."""
        self._waiters: set[asyncio.Future[None]] = set()
        self.exit_code: int | None = None
        self.written = 0
        """Count of pieces of output so far: a caller that waits for a reaction compares it."""

    def start(self) -> None:
        threading.Thread(target=self._main, name=f"process {self.id}", daemon=True).start()

    def _main(self) -> None:
        try:
            code = self._run(self)
        except ProcessEndedError:
            code = CONTROL_C_EXIT
        with self._lock:
            if self.exit_code is None:
                self.exit_code = code
        self._notify()

    # The process's side, called in its thread.

    def read_line(self) -> str | None:
        """The next line of standard input without its end, None when it was closed. Blocks."""
        with self._lock:
            while True:
                self._check()
                end = self._input.find(b"\n")
                if end >= 0:
                    line = bytes(self._input[:end])
                    del self._input[: end + 1]
                    return line.removesuffix(b"\r").decode(self._encoding, "replace")
                if self._input_ended:
                    rest = bytes(self._input)
                    self._input.clear()
                    return rest.decode(self._encoding, "replace") if rest else None
                self._idle = True
                if self._waiters:
                    self._notify()
                self._lock.wait()

    def write(self, stream: str, text: str) -> None:
        """Standard output or error; what the code page cannot hold becomes a question mark, as in a console."""
        with self._lock:
            self._check()
            if text:
                self._output.append((stream, text.encode(self._encoding, "replace")))
                self.written += 1
        self._notify()

    def _check(self) -> None:
        if self._killed:
            raise ProcessEndedError

    # The service's side.

    @property
    def running(self) -> bool:
        return self.exit_code is None

    def send(self, data: bytes, *, end: bool) -> None:
        with self._lock:
            if self.exit_code is not None or self._input_ended:
                raise soap.system_error(232, "The pipe is being closed.")
            self._input += data
            self._input_ended = end
            self._idle = False
            self._lock.notify_all()

    def kill(self) -> None:
        """End it as TerminateProcess does; its thread stops at its next use of a stream (docs/lab/winrm.md)."""
        with self._lock:
            self._killed = True
            if self.exit_code is None:
                self.exit_code = CONTROL_C_EXIT
            self._lock.notify_all()
        self._notify()

    def take(self, limit: int) -> list[tuple[str, bytes]]:
        """Output in order, at most ``limit`` bytes of it; neighbouring pieces of one stream are joined."""
        taken: list[tuple[str, bytes]] = []
        with self._lock:
            while self._output and limit > 0:
                stream, data = self._output.popleft()
                if len(data) > limit:
                    self._output.appendleft((stream, data[limit:]))
                    data = data[:limit]
                limit -= len(data)
                if taken and taken[-1][0] == stream:
                    taken[-1] = (stream, taken[-1][1] + data)
                else:
                    taken.append((stream, data))
        return taken

    def has_output(self) -> bool:
        return bool(self._output)

    def has_news(self) -> bool:
        return self.has_output() or self.exit_code is not None

    async def news(self, timeout_seconds: float) -> bool:
        """Wait on the loop for output or the end; False when the time is over."""
        return await self._until(self.has_news, timeout_seconds)

    async def reaction(self, written: int) -> None:
        """Wait until the process wrote something after ``written`` pieces, waits for the next line, or ended."""
        await self._until(lambda: self.written > written or self._idle or self.exit_code is not None, None)

    async def _until(self, condition: Callable[[], bool], timeout_seconds: float | None) -> bool:
        end = None if timeout_seconds is None else self._loop.time() + timeout_seconds
        while not condition():
            waiter = self._loop.create_future()
            self._waiters.add(waiter)
            try:
                if condition():  # it came between the first look and the registration
                    return True
                await asyncio.wait_for(waiter, None if end is None else max(0.0, end - self._loop.time()))
            except TimeoutError:
                return condition()
            finally:
                self._waiters.discard(waiter)
        return True

    def _notify(self) -> None:
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._wake)

    def _wake(self) -> None:
        for waiter in self._waiters:
            if not waiter.done():
                waiter.set_result(None)


@dataclass
class Shell:
    owner: Identity
    encoding: str
    idle_timeout_seconds: float
    id: str = field(default_factory=lambda: str(uuid.uuid4()).upper())
    processes: dict[str, Process] = field(default_factory=dict)
    used: float = field(default_factory=time.monotonic)
    busy: int = 0
    """Operations under way: a shell in use is not idle."""

    def process(self, identifier: str) -> Process:
        found = self.processes.get(identifier.upper())
        if found is None:
            raise soap.command_not_found()
        return found

    def add(self, process: Process) -> None:
        if sum(each.running for each in self.processes.values()) >= MAX_PROCESSES_PER_SHELL:
            raise soap.system_error(1816, "Not enough quota is available to process this command.")
        self.processes[process.id] = process

    def end(self) -> None:
        for process in self.processes.values():
            process.kill()


class Shells:
    """The shells of one machine. Used on the network's loop only, but for ``end_all``."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        self.numbers = itertools.count(1)
        self._lock = threading.Lock()
        self._shells: dict[str, Shell] = {}

    def __len__(self) -> int:
        return len(self._shells)

    def create(self, owner: Identity, encoding: str, idle_timeout_seconds: float) -> Shell:
        self.reap()
        with self._lock:
            own = sum(shell.owner.sid == owner.sid for shell in self._shells.values())
            if own >= MAX_SHELLS_PER_USER:
                raise soap.Fault(
                    2150859173,
                    "w:QuotaLimit",
                    "The WS-Management service cannot process the request. The maximum number of concurrent shells for"
                    " this user has been exceeded. Close existing shells or raise the quota for this user.",
                    message="The WS-Management service cannot process the request. This user is allowed a maximum"
                    f" number of {MAX_SHELLS_PER_USER} concurrent shells, which has been exceeded. Close existing"
                    " shells or raise the quota for this user.",
                )
            if not own and len({shell.owner.sid for shell in self._shells.values()}) >= MAX_USERS:
                raise soap.Fault(
                    2150859179,
                    "w:QuotaLimit",
                    "The Windows Remote Shell cannot process the request. The server exceeded the maximum number of"
                    " users concurrently performing remote operations on the same system. Retry later.",
                )
            shell = Shell(owner, encoding, idle_timeout_seconds)
            self._shells[shell.id] = shell
            return shell

    def get(self, identifier: str | None, who: Identity) -> Shell:
        if identifier is None:
            raise soap.Fault(
                2150858842,
                "w:InvalidSelectors",
                "The Windows Remote Shell cannot process the request because it requires the following selector:"
                " ShellId.",
                detail="InsufficientSelectors",
            )
        self.reap()
        shell = self._shells.get(identifier.upper())
        if shell is None:
            raise soap.shell_not_found(identifier)
        if shell.owner.sid != who.sid:
            raise soap.access_denied()
        shell.used = time.monotonic()
        return shell

    def delete(self, shell: Shell) -> None:
        with self._lock:
            self._shells.pop(shell.id, None)
        shell.end()

    def reap(self) -> None:
        """Remove shells that were idle for too long."""
        now = time.monotonic()
        for shell in list(self._shells.values()):
            if not shell.busy and now - shell.used > shell.idle_timeout_seconds:
                self.delete(shell)

    def end_all(self) -> None:
        """The machine goes down. May be called from any thread."""
        for shell in list(self._shells.values()):
            self.delete(shell)
