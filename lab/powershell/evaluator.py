"""The evaluator: walks a script's tree for one runspace.

Expressions give values; statements write to a sink, so that what a pipeline produced before an error is not lost.
Statements are in ``statements.py``, commands and pipelines in ``commands.py``; this class joins them with the state of
a runspace: scopes, streams, ``$Error``, the environment of the process.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from lab.powershell.api import ENVIRONMENT, PowerShellError, PSObject, Session
from lab.powershell.commands import Commands
from lab.powershell.convert import to_text
from lab.powershell.errors import ReturnFlow, Terminating, record_of
from lab.powershell.evaluation import Expressions
from lab.powershell.formatting import composite
from lab.powershell.interpreter import Host
from lab.powershell.parser import parse
from lab.powershell.scanner import ParseError
from lab.powershell.scope import Scope
from lab.powershell.statements import Statements
from lab.powershell.static_functions import make_encoding
from lab.powershell.streams import Streams
from lab.powershell.syntax import (
    Script,
)
from lab.powershell.values import (
    NOTHING,
    ErrorRecord,
    ScriptBlock,
)
from lab.powershell.variables import Variables


class Evaluator(Commands, Expressions, Variables, Statements):
    """One runspace. Not shared between threads."""

    def __init__(self, session: Session, host: Host | None = None) -> None:
        self.session, self.host = session, host or Host()
        self.global_scope = Scope()
        self.scope = self.global_scope
        self.errors: list[Any] = []
        self.success = True
        self.strict = False
        self.try_depth = 0
        self.frames: list[list[Any]] = []
        self.environment: dict[str, tuple[str, str]] = {}
        for source in ENVIRONMENT:
            for name, value in source(session).items():
                self.environment[name.lower()] = (name, value)
        self.modules: list[str] = []
        self.aliases: dict[str, str] = {}
        self.console_encodings: dict[str, Any] = {}
        self.base_error: Callable[[ErrorRecord], None] = self._ignore
        self.streams = Streams(self.base_error, self._ignore, self._ignore, self._ignore)
        super().__init__()

    @staticmethod
    def _ignore(_: Any) -> None:
        """A message nobody shows."""

    # -- the Runtime protocol and its like for core cmdlets

    def text(self, value: Any) -> str:
        separator = self.scope.find("ofs")
        return to_text(value, to_text(separator.value) if separator else " ")

    def now(self) -> datetime:
        machine = self.session.machine
        ahead = (machine.collection("power").get("state") or {}).get("clock_ahead", 0)
        return machine.world.clock.now() + timedelta(seconds=ahead)

    def write_error(self, error: PowerShellError) -> None:
        """A non-terminating error of a function's binding, as $ErrorActionPreference says."""
        record, action = self.place(record_of(error)), self.preference("ErrorActionPreference")
        self.success = False
        if action == "Stop":
            raise Terminating(record, thrown=True)
        if action != "Ignore":
            self.remember(record)
        if action not in ("Ignore", "SilentlyContinue"):
            self.streams.error(record)

    def environment_get(self, name: str) -> str | None:
        found = self.environment.get(name.lower())
        return found[1] if found else None

    def environment_set(self, name: str, value: str | None) -> None:
        if value:
            self.environment[name.lower()] = (self.environment.get(name.lower(), (name, ""))[0], value)
        else:
            self.environment.pop(name.lower(), None)

    def parse(self, text: str) -> Script:
        """Parse a text that reached the machine: it goes into the lab's journal."""
        self.session.machine.world.journal(self.session.machine.name, "script", text)
        return parse(text)

    def create_block(self, text: str) -> ScriptBlock:
        """``[scriptblock]::Create``"""
        return ScriptBlock(self.parse(text))

    def console(self, name: str) -> Any:
        """``[Console]::In`` and its like."""
        if name in ("outputencoding", "inputencoding"):
            return self.console_encodings.get(name) or make_encoding("utf8")
        if name == "in":
            return PSObject("System.IO.TextReader+SyncTextReader", methods={"readline": self.host.read_line})
        write = self.host.write if name == "out" else self.host.write_error
        return PSObject(
            "System.IO.TextWriter+SyncTextWriter",
            {"AutoFlush": True, "NewLine": "\r\n"},
            {
                "writeline": lambda *parts: write(self._console_text(parts) + "\r\n"),
                "write": lambda *parts: write(self._console_text(parts)),
                "flush": lambda: None,
            },
        )

    def console_call(self, name: str, arguments: tuple[Any, ...]) -> Any:
        if name == "readline":
            return self.host.read_line()
        self.host.write(self._console_text(arguments) + ("\r\n" if name == "writeline" else ""))
        return None

    def _console_text(self, parts: tuple[Any, ...]) -> str:
        if len(parts) > 1:
            return composite(to_text(parts[0]), parts[1:])
        return to_text(parts[0]) if parts else ""

    # -- script blocks

    def closure(self, block: ScriptBlock) -> ScriptBlock:
        """``GetNewClosure()``: the block with the variables of the current scope as they are now."""
        captured = Scope(self.global_scope)
        captured.cells = {
            name: type(cell)(cell.name, cell.value, cell.convert) for name, cell in self.scope.cells.items()
        }
        return ScriptBlock(block.script, captured)

    def invoke(self, block: Any, *arguments: Any, item: Any = NOTHING) -> list[Any]:
        """Run a script block in a scope of its own and give what it wrote; ``$_`` is ``item`` when one is given."""
        found: list[Any] = []
        self.call_block(block, list(arguments), found.append, item=item)
        return found

    def run_script(self, script: Script, arguments: Any, items: list[Any] | None, out: Callable[[Any], None]) -> None:
        """Run a whole script in the global scope. Raises Terminating, ExitFlow, NotModelledError."""
        try:
            self.run_in_scope(script, arguments, items, out)
        except ReturnFlow:
            pass
        except ParseError as error:
            raise Terminating(record_of(error), thrown=True) from error
