"""What this process knows about accounts that were refused, so that no account is locked out by it.

A domain counts failed log-ons of an account, whichever machine they were tried at, and locks it after a few. So an
account with a password is tried once: who waits meanwhile, and who comes later, gets the same answer without a log-on.
Refused means that the server does not accept the user name or password; a server that does not answer, or a missing
right, is neither refused nor admitted.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum
from typing import TypeVar

from remote.secret import Secret

T = TypeVar("T")

AGAIN_SECONDS = 30.0
AGAIN_TIMES = 4
"""An account that was admitted before is tried again at a machine that refuses it: after this time, then twice as long
each time, and so many times in a row at most on all machines together. Windows refuses every domain account while it
has just started and finds no domain controller (unproven for WinRM). Or the password was changed meanwhile; then this
is what a lock-out policy counts."""


class Kind(Enum):
    """How far the refusal of an account goes."""

    ONE_DIRECTORY = "the same account at every server"
    """A Windows account of a domain: one machine's refusal is every machine's."""
    EACH_SERVER = "an account at each server"
    """A login of SQL Server, an account of a site: servers of the same name for it have passwords of their own."""


@dataclass(frozen=True)
class Account:
    """A user name with a password, where it is valid."""

    kind: Kind
    """For which servers a refusal of it counts."""
    realm: str
    """The domain or machine that knows the account; what the account is for, where each server has its own."""
    user: str
    """Without its domain and in lower case, except that of a site."""
    password: Secret
    """With another one it is another account, which may be tried."""


class RefusedLogOn(Exception):  # noqa: N818 - an answer, which the caller turns into the machine's error
    """The server does not accept the account; ``why`` are its words. ``by`` is the server that said so earlier, so that
    nothing was tried now; empty for a log-on that was refused just now. ``number`` is SQL Server's."""

    def __init__(self, why: str, number: int = 0, *, by: str = "") -> None:
        super().__init__(why)
        self.why, self.number, self.by = why, number, by


@dataclass
class _Refusal:
    server: str
    why: str
    number: int
    at: float
    times: int = 1


@dataclass
class _Known:
    """What is known of one account."""

    admitted: set[str] = field(default_factory=set)
    refused: dict[str, _Refusal] = field(default_factory=dict)
    fronts: dict[str, frozenset[str]] = field(default_factory=dict)
    """A name in front of servers (a listener) → the servers that it may lead to."""
    locks: dict[str, threading.Lock] = field(default_factory=dict)
    """By server; by nothing for an account of a directory. No two log-ons at the same time where none succeeded yet."""


class LogOns:
    """One for a process. Thread-safe."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """``clock`` gives seconds since any moment, and never goes back."""
        self._clock = clock
        self._lock = threading.Lock()
        self._accounts: dict[Account, _Known] = {}

    def run(self, account: Account, server: str, log_on: Callable[[], T], *, before: frozenset[str] = frozenset()) -> T:
        """Log on unless it is known that this would be refused; ``log_on`` raises ``RefusedLogOn`` when it is.

        ``before`` are the servers of which ``server`` is a common name (a listener): who is refused by one of them and
        admitted by none is not tried there, and a refusal there counts for each of them that has not admitted the
        account.
        """
        with self._lock:
            known = self._accounts.setdefault(account, _Known())
            if before:
                known.fronts[server] = before
            locks = self._locks(known, account, server)
        with contextlib.ExitStack() as alone:
            for lock in locks:
                alone.enter_context(lock)
            with self._lock:
                refusal = self._refusal(known, account, server)
            if refusal is not None:
                raise RefusedLogOn(refusal.why, refusal.number, by=refusal.server)
            try:
                result = log_on()
            except RefusedLogOn as refused:
                self._remember(known, account, server, refused)
                raise
            with self._lock:
                known.admitted.add(server)
                if account.kind is Kind.ONE_DIRECTORY:
                    known.refused.clear()
            return result

    def forget(self, *servers: str) -> None:
        """Accounts of these servers may be tried again: something was changed there that decides who is admitted."""
        with self._lock:
            for account, known in self._accounts.items():
                if account.kind is Kind.EACH_SERVER:
                    fronts = {front for front, behind in known.fronts.items() if not behind.isdisjoint(servers)}
                    for server in {*servers, *fronts}:
                        known.refused.pop(server, None)

    def forget_all(self) -> None:
        """Nothing is known of any account any more, as in a new process."""
        with self._lock:
            self._accounts.clear()

    def _locks(self, known: _Known, account: Account, server: str) -> list[threading.Lock]:
        if account.kind is Kind.ONE_DIRECTORY:
            needed = [] if known.admitted and not known.refused else [""]
        else:
            needed = sorted({server, *known.fronts.get(server, ())} - known.admitted)
        return [known.locks.setdefault(one, threading.Lock()) for one in needed]

    def _refusal(self, known: _Known, account: Account, server: str) -> _Refusal | None:
        """The refusal that is also the answer for this server."""
        own, all_of_them = known.refused.get(server), list(known.refused.values())
        if account.kind is Kind.ONE_DIRECTORY:
            if not known.admitted or sum(one.times for one in all_of_them) >= AGAIN_TIMES:
                return own or next(iter(all_of_them), None)
            waited = own is None or self._clock() - own.at >= AGAIN_SECONDS * 2 ** (own.times - 1)
            return None if waited else own
        if own is not None or server in known.admitted:
            return own
        behind = known.fronts.get(server, frozenset())
        if behind & known.admitted:
            return None  # it may lead to that one
        return next(
            (one for one in all_of_them if one.server in behind or server in known.fronts.get(one.server, ())), None
        )

    def _remember(self, known: _Known, account: Account, server: str, refused: RefusedLogOn) -> None:
        with self._lock:
            earlier = known.refused.get(server)
            times = (earlier.times if earlier else 0) + 1
            known.refused[server] = _Refusal(server, refused.why, refused.number, self._clock(), times)
            if account.kind is Kind.EACH_SERVER:
                known.admitted.discard(server)


LOG_ONS = LogOns()
"""Those of this process."""
