"""The resident PowerShell of one machine: a WinRM shell that runs ``loop.ps1`` and answers requests by number."""

from __future__ import annotations

import base64
import contextlib
import json
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Protocol
from xml.etree import ElementTree

import requests.exceptions
from winrm import protocol
from winrm.exceptions import WinRMError, WinRMOperationTimeoutError, WinRMTransportError

from remote import wsman
from remote.hosts import Host
from remote.logons import RefusedLogOn
from remote.secret import redact
from remote.wsman import WrongAnswerError

_LOOP = (Path(__file__).parent / "loop.ps1").read_text(encoding="utf-8")
_ARGUMENTS = (
    "-NoLogo -NoProfile -NonInteractive -InputFormat None -OutputFormat Text -ExecutionPolicy Bypass -EncodedCommand"
)
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
MOST_BYTES = 128 << 20
"""Of one line of output; ten thousand logins are ten million."""
_SHOWN = 80
"""Characters of a wrong answer that an error shows."""
_OBJECT = re.compile(r"^(?:<[^>]*>|\w+\(host=[^)]*\)): ")
"""The connection that urllib3 puts before what went wrong with it, in either of its forms."""
BROKEN = (requests.exceptions.RequestException, WinRMTransportError)
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


class ResidentShell(Protocol):
    """What ``PowerShell`` needs of an open shell."""

    @property
    def usable(self) -> bool:
        """False for one that Windows may have ended by now."""

    def send(self, line: bytes) -> None:
        """Send a request: one line of JSON with its newline."""

    def receive(self, identifier: int, deadline: float) -> dict[str, Any]:
        """The answer with this number: ``id``, ``output`` and ``error``. Raises TimeoutError at the deadline, a time of
        ``time.monotonic``."""

    def close(self) -> None:
        """End the shell and what runs in it. Raises nothing."""


OpenShell = Callable[[Host, str, str], ResidentShell]
"""Opens a shell on a host; trusts the authorities in a PEM file (empty: those of the operating system); sends the
prelude."""


class Shell:
    """An open WinRM shell with the resident PowerShell in it. Raises ``WrongAnswerError`` for what is no answer."""

    def __init__(self, host: Host, authorities: str, prelude: str, *, most_bytes: int = MOST_BYTES) -> None:
        """``most_bytes`` is the limit of one line of output."""
        self._most_bytes = most_bytes
        self._protocol = protocol.Protocol(
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
            if len(self._pending) > self._most_bytes:
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
        gone = (WinRMError, WinRMOperationTimeoutError, OSError, *BROKEN, RefusedLogOn, WrongAnswerError)
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


def reason(error: BaseException) -> str:
    """The innermost reason of an error of the HTTP layers, without the objects they print around it."""
    found: object = error
    while isinstance(found, BaseException):
        inner = getattr(found, "reason", None) or (found.args[0] if found.args else None)
        if not isinstance(inner, BaseException):
            # A time-out has the connection's object before its words.
            found = next((part for part in reversed(found.args) if isinstance(part, str)), str(found))
        else:
            found = inner
    text = redact(str(found)).split(" (extended fault data", 1)[0].rstrip(" .")
    return _OBJECT.sub("", text)
