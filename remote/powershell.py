"""One resident PowerShell per host and process, over WinRM.

The far side runs ``loop.ps1``, which takes the prelude once, the functions that scripts call. A request is a
script's text and its arguments, apart from each other; the answer is what the script wrote, or its error. Requests of
one host run one after the other.
"""

from __future__ import annotations

import itertools
import json
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from winrm.exceptions import WinRMError, WSManFaultError

from remote import tls
from remote.errors import LostAnswerError, MachineError, RefusedError, UnreachableError, UntrustedError
from remote.hosts import Host, sql_server
from remote.logons import LOG_ONS, RefusedLogOn
from remote.looks import Looks, key_of
from remote.secret import plain
from remote.shell import BROKEN, OpenShell, ResidentShell, Shell, reason
from remote.wsman import WrongAnswerError

_PRELUDE = (Path(__file__).parent / "prelude.ps1").read_text(encoding="utf-8")
_ACCESS_DENIED = 5
"""Code of the fault with which WinRM refuses a shell to an account that it knows."""


class PowerShell:
    """Runs scripts on one host. Thread-safe; the connection is opened at the first request and kept."""

    def __init__(
        self,
        host: Host,
        authorities: str = "",
        before: Callable[[Host, Mapping[str, Any], str], None] = lambda _host, _arguments, _attempted: None,
        looks: Looks | None = None,
        prelude: str = "",
        open_shell: OpenShell = Shell,
    ) -> None:
        """``before`` gets the arguments of every script, and raises ``MachineError`` for one that is not to be run.
        ``looks`` has the answers that readers share. ``prelude`` are functions that scripts call beside those of
        ``prelude.ps1``. ``authorities`` is a PEM file; empty: those of the operating system."""
        self._host, self._authorities, self._before, self._looks = host, authorities, before, looks or Looks()
        self._open_shell = open_shell
        self.machine, self.prelude = host.name, f"{_PRELUDE}\n{prelude}"
        self._lock = threading.Lock()
        self._shell: ResidentShell | None = None
        self._unreachable: tuple[float, UnreachableError | UntrustedError] | None = None
        """When it last could not be reached, and why."""
        self._numbers = itertools.count(1)

    def run(
        self,
        script: str,
        arguments: Mapping[str, Any] | None = None,
        *,
        attempted: str,
        changes: bool = False,
        timeout_seconds: float = 120,
    ) -> list[Any]:
        """Run a script's text with named arguments and give everything it wrote, as JSON values.

        ``changes`` says that the script may change the machine: then a broken connection raises ``LostAnswerError``
        instead of a second attempt. Raises ``MachineError`` with PowerShell's message, ``UnreachableError`` when the
        machine does not answer, ``RefusedError`` when it does not accept the account and ``UntrustedError`` when it
        cannot be trusted, all naming what was ``attempted``. After ``timeout_seconds`` without the answer the shell is
        given up, and the error is a ``LostAnswerError``; a script that only reads is tried once more.
        """
        given = arguments or {}

        def call() -> list[Any]:
            self._before(self._host, given, attempted)
            try:
                return self._run_alone(script, given, attempted, timeout_seconds, changes=changes)
            finally:
                if changes:
                    # It may have changed whom SQL Server admits: a login, the authentication mode, a restart. Also
                    # where the answer was lost.
                    LOG_ONS.forget(sql_server(self._host))

        return self._looks.run(("powershell", self.machine, script, key_of(given)), call, changes=changes)

    def _run_alone(
        self, script: str, arguments: Mapping[str, Any], attempted: str, timeout_seconds: float, *, changes: bool
    ) -> list[Any]:
        asked = time.monotonic()
        with self._lock:
            if self._unreachable and self._unreachable[0] >= asked:
                # Another call found that out while this one waited: it need not wait for the same again.
                why = self._unreachable[1]
                raise type(why)(self._host.name, attempted, why.found, why.remedy)
            for attempt in itertools.count():
                try:
                    return self._run(script, arguments, attempted, changes, timeout_seconds)
                except (UnreachableError, UntrustedError) as error:
                    self._unreachable = time.monotonic(), error
                    raise
                except LostAnswerError:
                    if changes or attempt:
                        raise
        raise AssertionError("unreachable")

    def _run(
        self, script: str, arguments: Mapping[str, Any], attempted: str, changes: bool, timeout_seconds: float
    ) -> list[Any]:
        if self._shell is not None and not self._shell.usable:
            self.forget()
        shell = self._shell or self._open(attempted)
        number = next(self._numbers)
        request = {"id": number, "script": script, "arguments": plain(dict(arguments))}
        try:
            shell.send(json.dumps(request).encode("ascii") + b"\n")
            answer = shell.receive(number, time.monotonic() + timeout_seconds)
        except TimeoutError:
            self.forget()
            raise LostAnswerError(
                self._host.name,
                attempted,
                f"no answer within {timeout_seconds:.0f} seconds",
                "See what the machine is doing.",
            ) from None
        except WrongAnswerError as error:
            self.forget()
            raise self._wrong(attempted, error, changes=changes) from None
        except RefusedLogOn as refusal:
            self.forget()
            if changes:  # the connection was a new one; the one before may have carried part of the request
                raise LostAnswerError(self._host.name, attempted, self._refused(attempted, refusal).found) from None
            raise self._refused(attempted, refusal) from None
        except (*BROKEN, WSManFaultError, EOFError) as error:
            self.forget()
            raise LostAnswerError(
                self._host.name, attempted, f"the connection broke before the answer came ({reason(error)})"
            ) from None
        if answer["error"]:
            said = answer["error"]
            raise MachineError(
                self._host.name,
                attempted,
                str(said["message"]),
                number=said["number"] if isinstance(said["number"], int) else 0,
                error_id=str(said["id"]),
            )
        output: list[Any] = answer["output"]
        return output

    def _open(self, attempted: str) -> ResidentShell:
        host = self._host
        try:
            self._shell = self._open_shell(host, self._authorities, self.prelude)
        except RefusedLogOn as refusal:
            raise self._refused(attempted, refusal) from None
        except WrongAnswerError as error:
            raise self._wrong(attempted, error, changes=False) from None
        except BROKEN as error:
            if said := tls.words(error):
                raise tls.untrusted(host.name, attempted, said, f"WinRM at {self._at}", host.fqdn) from None
            raise UnreachableError(
                host.name,
                attempted,
                f"WinRM at {self._at} does not answer ({reason(error)})",
                "Start the machine, or correct its entry in `hosts`.",
            ) from None
        except (WSManFaultError, WinRMError) as error:
            if getattr(error, "wsman_fault_code", None) == _ACCESS_DENIED:
                raise RefusedError(
                    host.name,
                    attempted,
                    f"WinRM at {self._at} knows {host.username}, but not as an administrator (Access is denied)",
                    "Use an account that is an administrator there. A local one, unless it is the built-in "
                    "Administrator, is none over the network before LocalAccountTokenFilterPolicy is 1 "
                    r"(HKLM\SOFTWARE\Microsoft\Windows\CurrentVersion\Policies\System, a DWORD).",
                ) from None
            raise UnreachableError(
                host.name, attempted, f"WinRM at {self._at} refuses a shell ({reason(error)})"
            ) from None
        return self._shell

    @property
    def _at(self) -> str:
        return f"{self._host.address}:{self._host.winrm_port}"

    def _refused(self, attempted: str, refusal: RefusedLogOn) -> RefusedError:
        """The account was refused here, or by another machine that asks the same domain."""
        host = self._host
        found = f"WinRM at {self._at} {refusal.why}"
        if refusal.by and refusal.by != host.name:
            found = f"{refusal.by} {refusal.why}; it is not tried here, so that the account is not locked out"
        return RefusedError(host.name, attempted, found, "Correct `credentials` in this stack's configuration.")

    def _wrong(self, attempted: str, error: WrongAnswerError, *, changes: bool) -> MachineError:
        kind = LostAnswerError if changes else MachineError
        remedy = "See what listens there: it has to be the WinRM service of Windows."
        return kind(self._host.name, attempted, f"WinRM at {self._at} is not understood: {error}", remedy)

    def forget(self) -> None:
        """Close the connection; the next request opens a new one (after a restart of the machine, for instance)."""
        if self._shell is not None:
            self._shell.close()
            self._shell = None
