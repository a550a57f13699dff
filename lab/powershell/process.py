"""powershell.exe as a program: its command line, its streams, its exit code.

Source: "powershell.exe -?" of Windows PowerShell 3.0 and Microsoft's page about_PowerShell_exe. The text form of
objects is modelled for plain values only; lines are not wrapped to a window's width.
"""

from __future__ import annotations

import base64
import binascii
import subprocess
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from lab.powershell.api import DRIVES, NotModelledError, PowerShellError, Session
from lab.powershell.interpreter import Host
from lab.powershell.runspace import Result, Runspace
from lab.powershell.text_form import text_of

NOT_MODELLED = 70
"""Exit code when a script uses what the lab does not know."""

# Parameter: (shortest form, further short forms, takes a value)
_SWITCHES: dict[str, tuple[str, tuple[str, ...], bool]] = {
    "help": ("h", ("?",), False),
    "nologo": ("nol", (), False),
    "noexit": ("noe", (), False),
    "noprofile": ("nop", (), False),
    "noninteractive": ("noni", (), False),
    "sta": ("s", (), False),
    "mta": ("mta", (), False),
    "version": ("v", (), True),
    "inputformat": ("in", ("if",), True),
    "outputformat": ("o", ("of",), True),
    "windowstyle": ("w", (), True),
    "executionpolicy": ("ex", ("ep",), True),
    "encodedcommand": ("e", ("ec",), True),
    "command": ("c", (), True),
    "file": ("f", (), True),
}
_POLICIES = ("bypass", "unrestricted", "remotesigned", "allsigned", "restricted", "default", "undefined")


class UsageError(Exception):
    """A command line powershell.exe refuses; the text is what it writes."""


@dataclass
class CommandLine:
    """What a command line asks for."""

    script: str | None = None
    file: str | None = None
    arguments: list[str] = field(default_factory=list)
    non_interactive: bool = False


def _switch(word: str) -> str | None:
    name = word[1:].lower()
    for full, (shortest, others, _) in _SWITCHES.items():
        if name in others or (name.startswith(shortest) and full.startswith(name)):
            return full
    return None


def parse(argv: list[str]) -> CommandLine:
    """Read the arguments behind the program's name. Raises UsageError."""
    found = CommandLine()
    rest = list(argv)
    while rest:
        word = rest.pop(0)
        name = _switch(word) if word[:1] in ("-", "/") else None
        if name is None:
            # Anything else begins the command.
            found.script = " ".join([word, *rest])
            return found
        if name == "command":
            if not rest:
                raise UsageError(
                    "Cannot process the command because of a missing parameter. A command must follow -Command."
                )
            if rest == ["-"]:
                raise NotModelledError("powershell.exe -Command - (commands from standard input)")
            found.script = " ".join(rest)
            return found
        if name == "file":
            if not rest:
                raise UsageError("The -File parameter requires a file path as an argument.")
            found.file, found.arguments = rest[0], rest[1:]
            return found
        if _SWITCHES[name][2]:
            value = rest.pop(0) if rest else None
            _check(name, value)
            if name == "encodedcommand":
                found.script = decode(str(value))
        elif name in ("help", "noexit", "mta"):
            raise NotModelledError(f"powershell.exe {word}")
        found.non_interactive |= name == "noninteractive"
    return found


def _check(name: str, value: str | None) -> None:
    if name in ("inputformat", "outputformat"):
        allowed = ("text", "xml", "none") if name == "inputformat" else ("text", "xml")
        if value is None or value.lower() not in allowed:
            raise UsageError(
                f"Cannot process the command because the value specified with -{name} is not correct. Valid "
                f"values are: "
                "Text, XML."
            )
        if value.lower() == "xml":
            raise NotModelledError(f"powershell.exe -{name} XML")
    elif name == "executionpolicy" and (value is None or value.lower() not in _POLICIES):
        raise UsageError(f'Cannot convert value "{value}" to type "Microsoft.PowerShell.ExecutionPolicy".')
    elif name == "version" and value not in ("3.0", "3"):
        raise NotModelledError(f"powershell.exe -Version {value}")
    elif value is None:
        raise UsageError(f"Cannot process the command because of a missing parameter. A value must follow -{name}.")


def decode(text: str) -> str:
    """The script in an -EncodedCommand: Base64 of UTF-16 LE. Raises UsageError."""
    try:
        return base64.b64decode(text, validate=True).decode("utf-16-le")
    except (binascii.Error, UnicodeDecodeError, ValueError):
        raise UsageError(
            "Cannot process the command because the value specified with -EncodedCommand is not properly encoded. "
            "The value "
            "must be Base64 encoded."
        ) from None


def run(
    session: Session,
    argv: list[str],
    stdin: Callable[[], str | None],
    stdout: Callable[[str], None],
    stderr: Callable[[str], None],
) -> int:
    """Run powershell.exe; ``argv[0]`` is the program's name. Gives the exit code.

    ``stdin`` gives the next line without its end, None at the end of the input; it may block.
    """
    session.machine.world.journal(session.machine.name, "start", subprocess.list2cmdline(argv))
    try:
        line = parse(argv[1:])
        return _execute(session, line, Host(stdin, stdout, stderr), stdout, stderr)
    except UsageError as error:
        stderr(f"{error}\r\n")
        return 1
    except NotModelledError as limit:
        stderr(f"The lab does not model {limit}\r\n")
        return NOT_MODELLED


def _execute(
    session: Session, line: CommandLine, host: Host, stdout: Callable[[str], None], stderr: Callable[[str], None]
) -> int:
    if line.script is None and line.file is None:
        raise NotModelledError("powershell.exe without a command: an interactive session")
    runspace = Runspace(session, host)
    script, arguments = line.script, None
    if line.file is not None:
        found = _read_file(session, line.file)
        if found is None:
            stderr(
                f"The argument '{line.file}' to the -File parameter does not exist. Provide the path to an "
                f"existing '.ps1' "
                "file as an argument to the -File parameter.\r\n"
            )
            return 1
        script, arguments = found, _file_arguments(line.arguments)
        runspace.evaluator.global_scope.set("PSScriptRoot", line.file.rpartition("\\")[0])
        runspace.evaluator.global_scope.set("PSCommandPath", line.file)

    def write(item: Any) -> None:
        for text in text_of(item):
            stdout(f"{text}\r\n")

    def tell(kind: str, text: str) -> None:
        if kind == "error":
            stderr(text)
        else:
            stdout(f"{kind.upper()}: {text}\r\n")

    result = Result()
    assert script is not None
    runspace.stream(script, result, write, arguments, message=tell)
    if result.exit_code is not None:
        return result.exit_code
    if result.terminated is not None:
        return 1
    # A command's last error decides; a script file that ran to its end is a success.
    return 0 if line.file is not None or runspace.evaluator.success else 1


def _read_file(session: Session, path: str) -> str | None:
    drive = DRIVES.get("filesystem")
    if drive is None:
        raise NotModelledError("powershell.exe -File without a file system")
    try:
        if drive.item(session, path) is None:
            return None
        return drive.read_text(session, path)
    except PowerShellError:
        return None


def _file_arguments(words: list[str]) -> list[Any] | dict[str, Any]:
    """Arguments of a script file: all by position, or pairs of a name and a value."""
    if not words or not any(word.startswith("-") and len(word) > 1 and word[1].isalpha() for word in words):
        return list(words)
    named: dict[str, Any] = {}
    rest = list(words)
    while rest:
        word = rest.pop(0)
        if not (word.startswith("-") and len(word) > 1 and word[1].isalpha()):
            raise NotModelledError("named and positional arguments together behind powershell.exe -File")
        name, colon, value = word[1:].partition(":")
        if colon:
            named[name] = value
        elif rest and not (rest[0].startswith("-") and rest[0][1:2].isalpha()):
            named[name] = rest.pop(0)
        else:
            named[name] = True
    return named
