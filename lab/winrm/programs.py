"""What runs when a remote shell gets a command line: PowerShell, another console program, or cmd.exe in front of it."""

from __future__ import annotations

import logging
import re
from typing import Protocol

from lab.files import LabFileError, resolve
from lab.powershell import api
from lab.winrm import soap

POWERSHELL = "powershell.exe"
LAB_LIMIT_EXIT = 70
LAB_FAILURE_EXIT = 71
_FOLDERS = {
    POWERSHELL: ("c:\\windows\\system32\\windowspowershell\\v1.0\\", "c:\\windows\\syswow64\\windowspowershell\\v1.0\\")
}
_SYSTEM_FOLDERS = ("c:\\windows\\system32\\", "c:\\windows\\syswow64\\", "c:\\windows\\")
_CMD_SYNTAX = re.compile(r"[&|<>^%()]")

log = logging.getLogger("lab.winrm")


class Streams(Protocol):
    """Where a program reads and writes: a command of a remote shell, or a task without a console."""

    def read_line(self) -> str | None:
        """The next line of input without its end, None at the end of input."""

    def write(self, stream: str, text: str) -> None:
        """``stream`` is stdout or stderr."""


def split(line: str) -> list[str]:
    """The arguments of a command line by the rules of Microsoft's C run-time (CommandLineToArgvW)."""
    arguments: list[str] = []
    current, quoted, given = "", False, False
    position = 0
    while position < len(line):
        backslashes = len(line) - position - len(line[position:].lstrip("\\"))
        position += backslashes
        character = line[position] if position < len(line) else ""
        if character == '"':
            current += "\\" * (backslashes // 2)
            given = True
            if backslashes % 2:
                current += '"'
            elif quoted and line[position + 1 : position + 2] == '"':
                current += '"'
                position += 1
            else:
                quoted = not quoted
        else:
            current += "\\" * backslashes
            given = given or backslashes > 0
            if character in (" ", "\t") and not quoted:
                if given:
                    arguments.append(current)
                current, given = "", False
            else:
                current += character
                given = given or bool(character)
        position += 1
    return [*arguments, current] if given else arguments


def find(session: api.Session, name: str) -> str | None:
    """The program's registered name (``netsh.exe``) for what a command line calls it, or None when there is none."""
    folder, _, base = name.lower().replace("/", "\\").rpartition("\\")
    base = base if "." in base else f"{base}.exe"
    if base not in (POWERSHELL, "cmd.exe") and base not in api.PROGRAMS:
        return None
    if not folder or f"{folder}\\" in _FOLDERS.get(base, _SYSTEM_FOLDERS):
        return base
    try:
        resolve(session.machine.world, session.machine, f"{folder}\\{base}", session.identity.user, False)
    except LabFileError:
        return None
    return base


def check(session: api.Session, line: str, *, through_cmd: bool) -> None:
    """What CreateProcess refuses at once becomes a fault of the Command operation."""
    arguments = split(line)
    if not through_cmd and (not arguments or find(session, arguments[0]) is None):
        raise soap.system_error(2, "The system cannot find the file specified.")


def run(session: api.Session, line: str, process: Streams, *, through_cmd: bool) -> int:
    """Run a command line with the process's streams; the exit code. Called in the process's thread."""
    try:
        return _through_cmd(session, line, process) if through_cmd else _start(session, split(line), line, process)
    except api.NotModelledError as error:
        process.write("stderr", f"The lab does not model {error}\r\n")
        return LAB_LIMIT_EXIT
    except Exception as error:
        # A defect of the lab: the client must see that it is not Windows that failed, the log has the traceback.
        log.exception("%s: %s", session.machine.name, split(line)[:1])
        process.write("stderr", f"The lab failed: {type(error).__name__}: {error}\r\n")
        return LAB_FAILURE_EXIT


def _start(session: api.Session, arguments: list[str], line: str, process: Streams) -> int:
    name = find(session, arguments[0]) if arguments else None
    if name is None:
        called = arguments[0] if arguments else ""
        process.write(
            "stderr",
            f"'{called}' is not recognized as an internal or external command,\r\noperable program or batch file.\r\n",
        )
        return 1
    if name == POWERSHELL:
        from lab.powershell.process import run as run_powershell

        return run_powershell(
            session,
            arguments,
            process.read_line,
            lambda text: process.write("stdout", text),
            lambda text: process.write("stderr", text),
        )
    session.machine.world.journal(session.machine.name, "start", line)
    if name == "cmd.exe":
        return _cmd(session, arguments[1:], process)
    result = api.PROGRAMS[name](session, arguments[1:])
    process.write("stdout", "".join(f"{text}\r\n" for text in result.output))
    process.write("stderr", "".join(f"{text}\r\n" for text in result.error))
    return result.exit_code


def _through_cmd(session: api.Session, line: str, process: Streams) -> int:
    """``cmd /c line``: the command processor adds nothing to a line without syntax of its own."""
    outside_quotes = re.sub(r'"[^"]*"', "", line)
    if _CMD_SYNTAX.search(outside_quotes):
        raise api.NotModelledError("cmd.exe's own syntax (& | < > ^ % and parentheses) in a command line")
    words = line.split(None, 1)
    if words and words[0].lower() == "echo":
        process.write("stdout", f"{words[1] if len(words) > 1 else 'ECHO is on.'}\r\n")
        return 0
    if words and words[0].lower() == "exit":
        code = words[1].removeprefix("/b").strip() if len(words) > 1 else "0"
        return int(code) if re.fullmatch(r"-?\d+", code) else 0
    return _start(session, split(line), line, process)


def _cmd(session: api.Session, arguments: list[str], process: Streams) -> int:
    for index, argument in enumerate(arguments):
        if argument.lower() == "/c":
            return _through_cmd(session, " ".join(arguments[index + 1 :]), process)
    raise api.NotModelledError("cmd.exe without /c")
