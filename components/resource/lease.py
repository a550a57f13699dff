"""One operator at a time: a lease on every machine of the farm while a run changes something.

Pulumi locks a stack, and so keeps two runs of one stack apart; it knows nothing of another stack, or of one in another
backend. Before its first change a run takes a lease on each machine (``HKLM:\\SOFTWARE\\WindowsAzurePackHA\\Lease``),
renews it while it works, and gives it back at its end. Another stack's lease that has not expired ends the run before
its first step. A lease of this stack's own is of a run that was killed or cancelled, since Pulumi's lock lets only one
work: it is taken over. A run that lost its lease so stops before its next step. A server that is out of the farm for a
maintenance ends a run as well, and a maintenance does not begin while a run holds a lease.

A command that changes machines beside Pulumi (``maintenance``, ``drill``) holds a lease in the same way, as
``for_command`` makes it. No lock of Pulumi keeps it and an ``up`` of the same stack apart, so each refuses the other.
Its lease names its process: one that has ended on the same computer was killed, and its lease is taken over.

A preview, and an ``up`` that changes nothing, ask no machine for it. Time is the machine's own. The write compares and
sets in one script; two runs that begin within the same milliseconds may both take one, and the later writer's wins: the
other one finds out at the renewal.
"""

from __future__ import annotations

import contextlib
import getpass
import json
import os
import socket
import threading
import time
import uuid
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from components import settings
from components.progress import Report
from components.resource.machine_claims import machines
from components.resource.ownership import Owner
from components.steps import Script, Step, load_script
from components.topology import Topology
from remote.errors import LostAnswerError, MachineError, RefusedError, UnreachableError, UntrustedError
from remote.session import Remote

LEASE_SECONDS = 300
RENEWAL_SECONDS = 100
RELEASE_SECONDS = 2
"""How long the end of a process may take for giving leases back: Pulumi gives it five seconds in all."""
COMMAND_RELEASE_SECONDS = 30
"""The same for a command beside Pulumi, which nobody hurries."""
_CLOCK = "%Y-%m-%dT%H:%M:%S"
_AWAY = (UnreachableError, LostAnswerError, RefusedError, UntrustedError)
_ATTEMPTED = "begin to change the farm"


@dataclass(frozen=True)
class Lease:
    """Who works on a machine. Times are the machine's, UTC."""

    stack: str
    """``project/stack``; of a command its stack and the command: ``prod, command maintenance``."""
    identity: str
    """The one of the stack (``StackIdentity``); of a command ``no stack's``."""
    run: str
    """Random, of the process that took it: tells two runs of one stack apart."""
    operator: str
    """``account@computer`` of the process that took it."""
    since: str
    """``2013-06-05T10:00:00``; empty before it is written to a machine."""
    expires: str
    """In the form of ``since``; each renewal moves it on."""
    process: int = 0
    """Of a command beside Pulumi, on the operator's computer; 0: of a run of Pulumi, or not known."""
    health_goes_on: bool = False
    """Whether the health tasks of load balancing nodes go on: a drill shows what they do."""

    @property
    def over(self) -> bool:
        """Whether its process was one of this computer and has ended."""
        here = self.operator.endswith(f"@{socket.gethostname()}")
        return here and self.process > 0 and not runs(self.process)

    def dump(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def parse(cls, text: str) -> Lease | None:
        """None for no lease, and for what is none: it keeps nobody away."""
        try:
            lease = cls(**json.loads(text))
            datetime.strptime(lease.expires, _CLOCK)  # noqa: DTZ007 - both are the machine's, UTC
        except (TypeError, ValueError, RecursionError):
            return None
        return lease

    def until(self, now: str, lifetime_seconds: float) -> Lease:
        """The same, expiring so long after a moment of the machine's clock."""
        end = datetime.strptime(now, _CLOCK) + timedelta(seconds=lifetime_seconds)  # noqa: DTZ007
        return replace(self, expires=end.strftime(_CLOCK))


def runs(process: int) -> bool:
    """Whether a process of this computer runs."""
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True  # another account's
    return True


def refusal(machine: str, found: Lease | None, mine: Lease, now: str, *, own: bool) -> MachineError | None:
    """Why a lease cannot be taken. ``own``: Pulumi's lock is held, so another run of the same stack is over. Pure."""
    if found is None or found.run == mine.run or found.expires <= now or (own and found.identity == mine.identity):
        return None
    return _at_work(machine, _ATTEMPTED, found)


def _at_work(machine: str, attempted: str, found: Lease) -> MachineError:
    return MachineError(
        machine,
        attempted,
        f"another operator is at work: {found.operator} with the stack {found.stack} since {found.since} UTC, until "
        f"{found.expires} UTC unless that run goes on",
        "Wait until that run has ended. The lease of a killed run expires at that time.",
    )


def _in_maintenance(machine: str, note: str) -> MachineError:
    """``note`` is what ``operations maintenance`` keeps on the machine."""
    try:
        values = json.loads(note)
        by = f", which `maintenance {values['order']}` began at {values['began']} on {values['computer']}"
    except (LookupError, TypeError, ValueError, RecursionError):
        by = ""
    return MachineError(
        machine,
        _ATTEMPTED,
        f"it is out of the farm for a maintenance{by}, and this run would let clients come to it again",
        f"Bring it back first: `python -m operations maintenance --resume {machine}`.",
    )


class Leases:
    """The leases of this process. Thread-safe."""

    def __init__(
        self,
        remote: Remote,
        machines: Sequence[str],
        report: Report,
        process: int = 0,
        *,
        health_goes_on: bool = False,
    ) -> None:
        self._remote, self._machines, self._report = remote, machines, report
        self._process, self._health_goes_on = process, health_goes_on
        self._lock = threading.Lock()
        self._run = uuid.uuid4().hex
        self._held: dict[str, str] = {}
        """By machine: the text of the lease there."""
        self._clocks: dict[str, tuple[str, float]] = {}
        """By machine: its clock, and ours at that moment."""
        self._renewing: set[str] = set()
        self._refused: MachineError | None = None
        self._lost: MachineError | None = None
        self._mine: Lease | None = None
        self._ended = threading.Event()

    def take(self, owner: Owner, machine: str, *, own: bool = True) -> None:
        """Before a change on ``machine``: take the leases of all machines, once. One that cannot be reached is passed
        over until something is to be done there. Raises ``MachineError``."""
        with self._lock:
            if self._refused is not None:
                raise self._refused
            if self._mine is None:
                operator = f"{getpass.getuser()}@{socket.gethostname()}"
                self._mine = Lease(
                    owner.stack, owner.identity, self._run, operator, "", "", self._process, self._health_goes_on
                )
                self._take_all(own)
                threading.Thread(target=self._renew_for_ever, daemon=True).start()
            elif machine in self._machines and machine not in self._held:
                self._take(machine, own)
        self.check()

    def check(self) -> None:
        """Raises ``MachineError`` when another run has taken a lease over."""
        if self._lost is not None:
            raise self._lost

    def cover(self, steps: Sequence[Step]) -> None:
        """Extend the leases of machines whose connection is busy for long with a script of these steps. Raises
        ``MachineError`` when that finds a lease taken over."""
        for step in steps:
            action = step.action
            if isinstance(action, Script) and action.timeout_seconds > LEASE_SECONDS - RENEWAL_SECONDS:
                self._renew(action.machine, action.timeout_seconds + LEASE_SECONDS)
        self.check()

    def release(self, timeout_seconds: float = RELEASE_SECONDS) -> None:
        """Give back what is held, and renew no more; what cannot be given back in time expires."""
        self._ended.set()
        held, self._held = self._held, {}
        threads = [threading.Thread(target=self._give_back, args=lease, daemon=True) for lease in held.items()]
        for thread in threads:
            thread.start()
        end = time.monotonic() + timeout_seconds
        for thread in threads:
            thread.join(max(0.0, end - time.monotonic()))

    def _give_back(self, machine: str, text: str) -> None:
        with contextlib.suppress(MachineError):  # it expires
            self._script(machine, "windows/remove_lease.ps1", Text=text)

    def _take_all(self, own: bool) -> None:
        def take(machine: str) -> MachineError | None:
            try:
                self._take(machine, own)
            except _AWAY:
                return None
            except MachineError as error:
                return error
            return None

        with ThreadPoolExecutor(max_workers=8) as pool:
            errors = [error for error in pool.map(take, self._machines) if error is not None]
        if errors:
            self._refused = errors[0]
            self.release()
            raise errors[0]

    def _take(self, machine: str, own: bool) -> None:
        assert self._mine is not None
        for _ in range(3):
            (found,) = self._script(machine, "windows/read_lease.ps1")
            there, now = Lease.parse(found["text"]), str(found["now"])
            over = there is not None and there.over
            if not over and (error := refusal(machine, there, self._mine, now, own=own)):
                raise error
            if own and (note := found.get("maintenance")):  # the commands know of it, and bring the server back
                raise _in_maintenance(machine, str(note))
            text = replace(self._mine, since=now).until(now, LEASE_SECONDS).dump()
            (after,) = self._script(machine, "windows/write_lease.ps1", Text=text, Expected=found["text"])
            if after == text:
                break
        else:
            raise MachineError(machine, _ATTEMPTED, "its lease changes all the time", "See who else works on it.")
        self._clocks[machine], self._held[machine] = (now, time.monotonic()), text
        if there is not None and there.expires > now and not over:
            self._report(
                f"{machine}: the lease of an earlier run of this stack ({there.operator}, since {there.since} UTC) is "
                "taken over. If that run still lives, it ends before its next step."
            )

    def _renew_for_ever(self) -> None:
        while not self._ended.wait(RENEWAL_SECONDS):
            for machine in list(self._held):
                if machine not in self._renewing:  # a machine that is busy keeps only its own renewal waiting
                    threading.Thread(target=self._renew, args=(machine,), daemon=True).start()

    def _renew(self, machine: str, lifetime_seconds: float = LEASE_SECONDS) -> None:
        held = self._held.get(machine)
        if held is None:
            return
        self._renewing.add(machine)
        try:
            clock, then = self._clocks[machine]
            lease = Lease.parse(held)
            assert lease is not None
            text = lease.until(clock, time.monotonic() - then + lifetime_seconds).dump()
            (after,) = self._script(machine, "windows/write_lease.ps1", Text=text, Expected=held)
        except MachineError:
            return  # not reachable for a while: a restart, or NLB; the next renewal follows
        finally:
            self._renewing.discard(machine)
        if after == text:
            self._held[machine] = text
        elif (found := Lease.parse(after)) is None or found.run != self._run:
            self._lose(machine, found)

    def _lose(self, machine: str, found: Lease | None) -> None:
        by = f"{found.operator} with the stack {found.stack}" if found else "another program, which removed it"
        self._held.pop(machine, None)
        self._lost = MachineError(
            machine,
            "keep the lease",
            f"it was taken over by {by}",
            "This run stops here, so that two do not work at once. Let the other one end, then run the same command "
            "again.",
        )

    def _script(self, machine: str, path: str, **arguments: Any) -> list[Any]:
        # Each of the scripts may run twice: no answer is lost for good, and nothing that was read before is outdated.
        shell = self._remote.powershell(machine)
        return shell.run(load_script(path), arguments, attempted=_ATTEMPTED, timeout_seconds=30)


class CommandLease:
    """The leases of a command beside Pulumi: taken when the block begins, given back at its end."""

    def __init__(
        self,
        remote: Remote,
        topology: Topology,
        stack: str,
        command: str,
        report: Report,
        *,
        health_goes_on: bool = False,
    ) -> None:
        self._owner = Owner(f"{stack}, command {command}", "no stack's")
        self._machines = machines(topology)
        self._held = Leases(remote, self._machines, report, os.getpid(), health_goes_on=health_goes_on)

    def __enter__(self) -> None:
        """Raises ``MachineError`` where another operator is at work; a run of the same stack is one."""
        self.before(self._machines[0])

    def __exit__(self, *_: object) -> None:
        self._held.release(COMMAND_RELEASE_SECONDS)

    def before(self, machine: str, steps: Sequence[Step] = ()) -> None:
        """To be called before something is changed on a machine, with the steps that do it. Raises ``MachineError``
        when another run has taken a lease over."""
        self._held.take(self._owner, machine, own=False)
        self._held.cover(steps)


_leases: dict[str, Leases] = {}
_making = threading.Lock()


def leases_of(connection: str, report: Report) -> Leases:
    """Those of this process for a configuration, until ``give_back``."""
    remote, topology = settings.remote(connection), settings.topology_of(connection)
    with _making:
        if connection not in _leases:
            _leases[connection] = Leases(remote, machines(topology), report)
        return _leases[connection]


def give_back() -> None:
    """No lease of this process is renewed or kept any more. Called before the interpreter ends: it needs threads."""
    with _making:
        while _leases:
            _leases.popitem()[1].release()
