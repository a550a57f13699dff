"""One resident PowerShell per host and process, over WinRM.

The far side runs ``loop.ps1``. A request is a script's text and its arguments, apart from each other; the answer is
what the script wrote, or its error. Requests of one host run one after the other.
"""

from __future__ import annotations

import base64
import contextlib
import itertools
import json
import re
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import requests.exceptions
from winrm.exceptions import (
    InvalidCredentialsError,
    WinRMError,
    WinRMOperationTimeoutError,
    WinRMTransportError,
    WSManFaultError,
)
from winrm.protocol import Protocol

from remote.errors import LostAnswerError, MachineError, UnreachableError
from remote.hosts import Host
from remote.secret import plain

_LOOP = (Path(__file__).parent / "loop.ps1").read_text(encoding="utf-8")
_ARGUMENTS = (
    "-NoLogo -NoProfile -NonInteractive -InputFormat None -OutputFormat Text -ExecutionPolicy Bypass -EncodedCommand"
)
_IDLE_SECONDS = 900
"""How long Windows keeps a shell that nobody uses: that of a process that was killed, for instance."""
_SPARE_SECONDS = 120
"""A shell that was idle for nearly that long is left alone, and a new one is opened."""
_CLOSING_SECONDS = 1
_CONNECT_SECONDS, _READ_SECONDS = 10, 40
"""How long a machine may take to take a connection, and to answer on one. WinRM itself answers every 20 s."""
_PIECE = 100_000
"""Bytes of standard input in one envelope: Server 2012 takes envelopes of 500 KB, and base64 adds a third."""
_OBJECT = re.compile(r"^(?:<[^>]*>|\w+\(host=[^)]*\)): ")
"""The connection that urllib3 puts before what went wrong with it, in either of its forms."""
_BROKEN = (requests.exceptions.ConnectionError, requests.exceptions.Timeout, WinRMTransportError)


class _Shell:
    """An open WinRM shell with the resident PowerShell in it."""

    def __init__(self, host: Host, authorities: str) -> None:
        self._host = host
        self._protocol = Protocol(
            f"https://{host.address}:{host.winrm_port}/wsman",
            transport="ntlm",
            username=host.username,
            password=host.password.reveal(),
            ca_trust_path=authorities or "legacy_requests",
            server_cert_validation="validate" if host.verify else "ignore",
            operation_timeout_sec=20,
            read_timeout_sec=_READ_SECONDS,
        )
        # pywinrm has one time-out for both; requests, which gets it, takes a pair.
        self._protocol.transport.read_timeout_sec = (_CONNECT_SECONDS, _READ_SECONDS)  # type: ignore[assignment]
        self._shell = self._protocol.open_shell(codepage=65001, idle_timeout=_IDLE_SECONDS)
        encoded = base64.b64encode(_LOOP.encode("utf-16-le")).decode()
        self._command = self._protocol.run_command(
            self._shell, "powershell.exe", [*_ARGUMENTS.split(), encoded], console_mode_stdin=False, skip_cmd_shell=True
        )
        self._pending = b""
        self._used = time.monotonic()

    @property
    def usable(self) -> bool:
        return time.monotonic() - self._used < _IDLE_SECONDS - _SPARE_SECONDS

    def send(self, line: bytes) -> None:
        for start in range(0, len(line), _PIECE):
            self._protocol.send_command_input(self._shell, self._command, line[start : start + _PIECE])

    def receive(self, identifier: int, deadline: float) -> dict[str, Any]:
        """The answer with this number; answers to requests given up earlier are passed over."""
        errors = b""
        while True:
            while b"\n" in self._pending:
                line, self._pending = self._pending.split(b"\n", 1)
                answer: dict[str, Any] = json.loads(line)
                if answer["id"] == identifier:
                    return answer
            if time.monotonic() > deadline:
                raise TimeoutError
            with contextlib.suppress(WinRMOperationTimeoutError):
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
        with contextlib.suppress(WinRMError, WinRMOperationTimeoutError, OSError, *_BROKEN):
            self._protocol.close_shell(self._shell)


class PowerShell:
    """Runs scripts on one host. Thread-safe; the connection is opened at the first request and kept."""

    def __init__(self, host: Host, authorities: str = "") -> None:
        self._host, self._authorities = host, authorities
        self.machine = host.name
        self._lock = threading.Lock()
        self._shell: _Shell | None = None
        self._silent: tuple[float, UnreachableError] | None = None
        """When it last could not be reached, and why."""
        self._numbers = itertools.count(1)

    def run(
        self,
        script: str,
        arguments: Mapping[str, Any] | None = None,
        *,
        attempted: str,
        changes: bool = False,
        seconds: float = 120,
    ) -> list[Any]:
        """Run a script's text with named arguments and give everything it wrote, as JSON values.

        ``changes`` says that the script may change the machine: then a broken connection raises ``LostAnswerError``
        instead of a second attempt. Raises ``MachineError`` with PowerShell's message, ``UnreachableError`` when the
        machine does not answer, both naming what was ``attempted``.
        """
        asked = time.monotonic()
        with self._lock:
            if self._silent and self._silent[0] >= asked:
                # Somebody else found that out while this call waited: it need not wait for the same again.
                why = self._silent[1]
                raise UnreachableError(self._host.name, attempted, why.found, why.remedy)
            for attempt in itertools.count():
                try:
                    return self._run(script, arguments or {}, attempted, changes, seconds)
                except UnreachableError as error:
                    self._silent = time.monotonic(), error
                    raise
                except LostAnswerError:
                    if changes or attempt:
                        raise
        raise AssertionError("unreachable")

    def _run(
        self, script: str, arguments: Mapping[str, Any], attempted: str, changes: bool, seconds: float
    ) -> list[Any]:
        if self._shell is not None and not self._shell.usable:
            self.forget()
        shell = self._shell or self._open(attempted)
        number = next(self._numbers)
        request = {"id": number, "script": script, "arguments": plain(dict(arguments))}
        try:
            shell.send(json.dumps(request).encode("ascii") + b"\n")
            answer = shell.receive(number, time.monotonic() + seconds)
        except TimeoutError:
            self.forget()
            raise LostAnswerError(
                self._host.name, attempted, f"no answer within {seconds:.0f} seconds", "See what the machine is doing."
            ) from None
        except (*_BROKEN, WSManFaultError, EOFError) as error:
            self.forget()
            raise LostAnswerError(
                self._host.name, attempted, f"the connection broke before the answer came ({_short(error)})"
            ) from None
        if answer["error"]:
            said = answer["error"]
            raise MachineError(
                self._host.name, attempted, said["message"], number=int(said["number"] or 0), error_id=said["id"]
            )
        output: list[Any] = answer["output"]
        return output

    def _open(self, attempted: str) -> _Shell:
        host = self._host
        at = f"{host.address}:{host.winrm_port}"
        try:
            self._shell = _Shell(host, self._authorities)
        except InvalidCredentialsError:
            raise UnreachableError(
                host.name,
                attempted,
                f"WinRM at {at} does not accept the user name or password of {host.username}",
                "Correct `credentials` in this stack's configuration.",
            ) from None
        except requests.exceptions.SSLError as error:
            raise UnreachableError(
                host.name,
                attempted,
                f"the certificate of WinRM at {at} is not trusted ({_short(error)})",
                "Put the authority that issued it into the file that `authorities` names, or renew the certificate.",
            ) from None
        except _BROKEN as error:
            raise UnreachableError(
                host.name,
                attempted,
                f"WinRM at {at} does not answer ({_short(error)})",
                "Start the machine, or correct its entry in `hosts`.",
            ) from None
        except (WSManFaultError, WinRMError) as error:
            raise UnreachableError(host.name, attempted, f"WinRM at {at} refuses a shell ({_short(error)})") from None
        return self._shell

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
    text = str(reason).split(" (extended fault data", 1)[0].rstrip(" .")
    return _OBJECT.sub("", text)
