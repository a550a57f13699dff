"""What the parts of the evaluator ask of each other, and pipelines, cmdlets and static members of the whole.

Expressions, statements, pipelines and variables are a class each (``evaluation``, ``statements``, ``commands``,
``variables``); each calls the others through this one, and ``evaluator`` joins them.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from lab.powershell.api import PowerShellError, Session
from lab.powershell.scope import Scope
from lab.powershell.streams import Streams
from lab.powershell.syntax import Block, Expression, Pipeline, Script, Statement, Variable
from lab.powershell.values import NOTHING, ErrorRecord, Reference, ScriptBlock

Out = Callable[[Any], None]
"""Takes each object that is written."""


def nobody_reads(_: str) -> None:
    """The console of a process that has none."""


@dataclass
class Host:
    """What a runspace sees of its process. The defaults are a process without a console."""

    read_line: Callable[[], str | None] = lambda: None
    write: Callable[[str], None] = nobody_reads
    write_error: Callable[[str], None] = nobody_reads


class Interpreter(ABC):
    """One runspace as the evaluator's own parts see it. Not shared between threads."""

    session: Session
    host: Host
    global_scope: Scope
    scope: Scope
    """Where names are looked up now."""
    errors: list[Any]
    """``$Error``, the latest first."""
    success: bool
    """``$?``"""
    strict: bool
    """Set-StrictMode is on."""
    try_depth: int
    """In how many ``try`` blocks and blocks with a ``trap`` what runs now stands."""
    frames: list[list[Any]]
    """The calls under way, the innermost last: label, script, offset of the command in it."""
    modules: list[str]
    aliases: dict[str, str]
    """Those of the script, by lower-case name."""
    console_encodings: dict[str, Any]
    streams: Streams
    base_error: Callable[[ErrorRecord], None]
    """Where errors go that nothing redirects."""

    # -- expressions

    @abstractmethod
    def value(self, node: Expression) -> Any:
        """The value of an expression."""

    @abstractmethod
    def assign(self, target: Expression, value: Any) -> None:
        """Put a value where an expression points to."""

    @abstractmethod
    def operate(self, operator: str, left: Any, right: Any) -> Any:
        """A binary operator on two values."""

    @abstractmethod
    def collect(self, run: Callable[[Out], None]) -> Any:
        """What something writes, as an assignment gets it: nothing, the one object, or an array."""

    # -- statements

    @abstractmethod
    def run_block(self, block: Block, out: Out) -> None:
        """Run statements; what they write goes to ``out`` at once."""

    @abstractmethod
    def plain_expression(self, node: Statement) -> Expression | None:
        """The expression that a statement consists of; None for any other."""

    @abstractmethod
    def statement_value(self, node: Statement) -> Any:
        """What a statement writes, as ``collect`` gives it."""

    @abstractmethod
    def place(self, record: ErrorRecord, name: str = "") -> ErrorRecord:
        """Note in a record where in the script it came about, and by which command."""

    @abstractmethod
    def remember(self, record: ErrorRecord) -> None:
        """Put a record into ``$Error``."""

    # -- commands

    @abstractmethod
    def pipeline(self, node: Pipeline, out: Out) -> None:
        """Run a pipeline; what its last command writes goes to ``out``."""

    @abstractmethod
    def call_block(self, block: Any, arguments: list[Any], out: Out, *, item: Any = NOTHING) -> None:
        """Run a script block in a new scope, as ``&`` does."""

    @abstractmethod
    def invoke_inline(self, block: ScriptBlock, item: Any) -> list[Any]:
        """Run a block in the scope it stands in, with ``$_`` set, and give what it wrote."""

    @abstractmethod
    def run_inline(self, block: ScriptBlock, item: Any, out: Out) -> None:
        """As ``invoke_inline``, to ``out``."""

    @abstractmethod
    def run_in_scope(self, script: Script, arguments: Any, items: list[Any] | None, out: Out) -> None:
        """Run a whole script in the current scope, with arguments by name or by position."""

    @abstractmethod
    def invoke(self, block: Any, *arguments: Any, item: Any = NOTHING) -> list[Any]:
        """Run a script block in a scope of its own and give what it wrote; ``$_`` is ``item`` when one is given."""

    @abstractmethod
    def closure(self, block: ScriptBlock) -> ScriptBlock:
        """The block with the variables of the current scope as they are now."""

    @abstractmethod
    def write_error(self, error: PowerShellError) -> None:
        """A non-terminating error, as $ErrorActionPreference says."""

    # -- variables

    @abstractmethod
    def variable(self, node: Variable) -> Any:
        """The value of a variable; of one that was not set, what strict mode says."""

    @abstractmethod
    def variable_named(self, name: str) -> Any:
        """The value of a variable without a scope or drive before it; None for one that was not set."""

    @abstractmethod
    def set_variable(self, node: Variable, value: Any) -> None:
        """Assign to a variable."""

    @abstractmethod
    def declare(self, node: Variable, value: Any, convert: Callable[[Any], Any]) -> None:
        """``[int]$x = …``"""

    @abstractmethod
    def reference(self, node: Variable) -> Reference:
        """``[ref]$x``"""

    @abstractmethod
    def preference(self, name: str) -> str:
        """``Stop``, ``Continue``, ``SilentlyContinue``, ``Ignore`` or ``Inquire``."""

    @abstractmethod
    def environment_get(self, name: str) -> str | None:
        """A variable of the process; None for one that is not set."""

    @abstractmethod
    def environment_set(self, name: str, value: str | None) -> None:
        """Set a variable of the process; None or an empty text removes it."""

    # -- the runspace

    @abstractmethod
    def text(self, value: Any) -> str:
        """A value as an expandable string shows it: ``$OFS`` stands between the elements."""

    @abstractmethod
    def now(self) -> datetime:
        """What the machine's clock shows, in UTC."""

    @abstractmethod
    def parse(self, text: str) -> Script:
        """Parse a text that reached the machine: it goes into the lab's journal."""

    @abstractmethod
    def create_block(self, text: str) -> ScriptBlock:
        """``[scriptblock]::Create``"""

    @abstractmethod
    def console(self, name: str) -> Any:
        """``[Console]::In`` and its like."""

    @abstractmethod
    def console_call(self, name: str, arguments: tuple[Any, ...]) -> Any:
        """A method of ``[Console]``."""
