"""One resident PowerShell per host and process, over WinRM.

The far side runs ``loop.ps1``, which takes the prelude once, the functions that scripts call. A request is a
script's text and its arguments, apart from each other; the answer is what the script wrote, or its error. Requests of
one host run one after the other.
"""

from __future__ import annotations

import base64
import contextlib
import itertools
import json
import re
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import requests.exceptions
from winrm.exceptions import (
    WinRMError,
    WinRMOperationTimeoutError,
    WinRMTransportError,
    WSManFaultError,
)
from winrm.protocol import Protocol

from remote import tls, wsman
from remote.errors import LostAnswerError, MachineError, RefusedError, UnreachableError, UntrustedError
from remote.hosts import Host, sql_server
from remote.logons import LOG_ONS, RefusedLogOn
from remote.looks import Looks, key_of
from remote.secret import plain, redact
from remote.wsman import WrongAnswerError

_LOOP = (Path(__file__).parent / "loop.ps1").read_text(encoding="utf-8")
_PRELUDE = (Path(__file__).parent / "prelude.ps1").read_text(encoding="utf-8")
_ARGUMENTS = (
    "-NoLogo -NoProfile -NonInteractive -InputFormat None -OutputFormat Text -ExecutionPolicy Bypass -EncodedCommand"
)
_ACCESS_DENIED = 5
"""Code of the fault with which WinRM refuses a shell to an account that it knows."""
_IDLE_SECONDS = 240
"""How long Windows keeps a shell that nobody uses: that of a process that was killed, for instance. Windows gives an
account thirty of them, so that many runs would have to be killed within this time. A script that runs is no idle shell:
its output is asked for all the time."""
_SPARE_SECONDS = 60
"""A shell that was idle for nearly that long is left alone, and a new one is opened."""
_CLOSING_SECONDS = 1
_CONNECT_SECONDS, _READ_SECONDS = 10, 40
"""How long a machine may take to take a connection, and to answer on one. WinRM itself answers every 20 s."""
_PIECE = 100_000
"""Bytes of standard input in one envelope: Server 2012 takes envelopes of 500 KB, and base64 adds a third."""
_MOST_BYTES = 128 << 20
"""Of one line of output; ten thousand logins are ten million."""
_SHOWN = 80
"""Characters of a wrong answer that an error shows."""
_OBJECT = re.compile(r"^(?:<[^>]*>|\w+\(host=[^)]*\)): ")
"""The connection that urllib3 puts before what went wrong with it, in either of its forms."""
_BROKEN = (requests.exceptions.RequestException, WinRMTransportError)
_WRONG_SHAPE = (
    AttributeError,
    AssertionError,
    LookupError,
    RecursionError,
    StopIteration,
    ElementTree.ParseError,
    TypeError,
    ValueError,
)
"""What pywinrm raises while it reads an envelope that is none, or another than it asked for."""


class _Shell:
    """An open WinRM shell with the resident PowerShell in it. Raises ``WrongAnswerError`` for what is no answer."""

    def __init__(self, host: Host, authorities: str, prelude: str) -> None:
        self._host = host
        self._protocol = Protocol(
            f"https://{host.address}:{host.winrm_port}/wsman",
            transport="ntlm",
            username=host.username,
            password=host.password.reveal(),
            server_cert_validation="validate" if host.verify else "ignore",
            operation_timeout_sec=20,
            read_timeout_sec=_READ_SECONDS,
        )
        self._session = wsman.session(host, authorities)
        self._protocol.transport.build_session = lambda: self._session  # type: ignore[method-assign]
        # pywinrm has one time-out for both; requests, which gets it, takes a pair.
        self._protocol.transport.read_timeout_sec = (_CONNECT_SECONDS, _READ_SECONDS)  # type: ignore[assignment]
        encoded = base64.b64encode(_LOOP.encode("utf-16-le")).decode()
        arguments = [*_ARGUMENTS.split(), encoded]
        with _understood():
            self._shell = self._protocol.open_shell(codepage=65001, idle_timeout=_IDLE_SECONDS)
            self._command = self._protocol.run_command(
                self._shell, "powershell.exe", arguments, console_mode_stdin=False, skip_cmd_shell=True
            )
        self._pending = b""
        self._used = time.monotonic()
        # Not on the command line, which may be limited to 8191 characters.
        self.send(json.dumps({"prelude": prelude}).encode("ascii") + b"\n")

    @property
    def usable(self) -> bool:
        return time.monotonic() - self._used < _IDLE_SECONDS - _SPARE_SECONDS

    def send(self, line: bytes) -> None:
        for start in range(0, len(line), _PIECE):
            with _understood():
                self._protocol.send_command_input(self._shell, self._command, line[start : start + _PIECE])

    def receive(self, identifier: int, deadline: float) -> dict[str, Any]:
        """The answer with this number; answers to requests given up earlier are passed over."""
        errors = b""
        while True:
            while b"\n" in self._pending:
                line, self._pending = self._pending.split(b"\n", 1)
                answer = _answer(line)
                if answer["id"] == identifier:
                    return answer
            if len(self._pending) > _MOST_BYTES:
                raise WrongAnswerError(f"its answer does not end (after {len(self._pending)} bytes)")
            if time.monotonic() > deadline:
                raise TimeoutError
            with contextlib.suppress(WinRMOperationTimeoutError), _understood():
                output, error, code, done = self._protocol.get_command_output_raw(self._shell, self._command)
                self._used = time.monotonic()
                self._pending += output
                errors += error
                if done and b"\n" not in self._pending:
                    raise EOFError(f"PowerShell ended with exit code {code}: {errors.decode(errors='replace').strip()}")

    def close(self) -> None:
        """Delete the shell, which ends what runs in it."""
        # A courtesy to the machine: one that is gone needs none, and a slow one does it after nobody waits any more.
        self._protocol.transport.read_timeout_sec = _CLOSING_SECONDS
        gone = (WinRMError, WinRMOperationTimeoutError, OSError, *_BROKEN, RefusedLogOn, WrongAnswerError)
        with contextlib.suppress(*gone), _understood():
            self._protocol.close_shell(self._shell)
        self._session.close()


@contextlib.contextmanager
def _understood() -> Iterator[None]:
    try:
        yield
    except requests.exceptions.RequestException:
        raise  # some of them are ValueErrors, too
    except _WRONG_SHAPE as error:
        raise WrongAnswerError(f"its answer is not an envelope of a remote shell ({type(error).__name__})") from None


def _answer(line: bytes) -> dict[str, Any]:
    """One line of ``loop.ps1``. Raises ``WrongAnswerError`` for anything else."""
    try:
        answer = json.loads(line)
    except (ValueError, RecursionError):
        raise WrongAnswerError(f"its answer is not JSON, or nested too deep ({_beginning(line)})") from None
    said = answer.get("error") if isinstance(answer, dict) else None
    if (
        not isinstance(answer, dict)
        or not isinstance(answer.get("id"), int)
        or not isinstance(answer.get("output"), list)
        or not (said is None or (isinstance(said, dict) and {"message", "id", "number"} <= said.keys()))
    ):
        raise WrongAnswerError(f"its answer is JSON of another shape ({_beginning(line)})")
    return answer


def _beginning(line: bytes) -> str:
    """Enough of an answer to recognize it. Secrets are masked before it is cut."""
    text = redact(line.decode(errors="replace"))
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"


class PowerShell:
    """Runs scripts on one host. Thread-safe; the connection is opened at the first request and kept."""

    def __init__(
        self,
        host: Host,
        authorities: str = "",
        before: Callable[[Host, Mapping[str, Any], str], None] = lambda _host, _arguments, _attempted: None,
        looks: Looks | None = None,
        prelude: str = "",
    ) -> None:
        """``before`` gets the arguments of every script, and raises ``MachineError`` for one that is not to be run.
        ``looks`` has the answers that readers share. ``prelude`` are functions that scripts call beside those of
        ``prelude.ps1``. ``authorities`` is a PEM file; empty: those of the operating system."""
        self._host, self._authorities, self._before, self._looks = host, authorities, before, looks or Looks()
        self.machine, self.prelude = host.name, f"{_PRELUDE}\n{prelude}"
        self._lock = threading.Lock()
        self._shell: _Shell | None = None
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
        except (*_BROKEN, WSManFaultError, EOFError) as error:
            self.forget()
            raise LostAnswerError(
                self._host.name, attempted, f"the connection broke before the answer came ({_short(error)})"
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

    def _open(self, attempted: str) -> _Shell:
        host = self._host
        try:
            self._shell = _Shell(host, self._authorities, self.prelude)
        except RefusedLogOn as refusal:
            raise self._refused(attempted, refusal) from None
        except WrongAnswerError as error:
            raise self._wrong(attempted, error, changes=False) from None
        except _BROKEN as error:
            if said := tls.words(error):
                raise tls.untrusted(host.name, attempted, said, f"WinRM at {self._at}", host.fqdn) from None
            raise UnreachableError(
                host.name,
                attempted,
                f"WinRM at {self._at} does not answer ({_short(error)})",
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
                host.name, attempted, f"WinRM at {self._at} refuses a shell ({_short(error)})"
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


def _short(error: BaseException) -> str:
    """The innermost reason of an error of the HTTP layers, without the objects they print around it."""
    reason: object = error
    while isinstance(reason, BaseException):
        inner = getattr(reason, "reason", None) or (reason.args[0] if reason.args else None)
        if not isinstance(inner, BaseException):
            # A time-out has the connection's object before its words.
            reason = next((part for part in reversed(reason.args) if isinstance(part, str)), str(reason))
        else:
            reason = inner
    text = redact(str(reason)).split(" (extended fault data", 1)[0].rstrip(" .")
    return _OBJECT.sub("", text)
