"""The evaluator: walks a script's tree for one runspace.

Expressions give values; statements write to a sink, so that what a pipeline produced before an error is not lost.
Statements are in ``statements.py``, commands and pipelines in ``commands.py``; this class joins them with the state of
a runspace: scopes, streams, ``$Error``, the environment of the process.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from lab.powershell import members, operators, statics
from lab.powershell.api import ENVIRONMENT, HashTable, NotModelledError, PowerShellError, PSObject, Session
from lab.powershell.commands import Commands
from lab.powershell.convert import CUSTOM, to_bool, to_list, to_text
from lab.powershell.dotnet import cast, is_instance, resolve
from lab.powershell.errors import ReturnFlow, Terminating, error_of, record_of
from lab.powershell.formatting import composite
from lab.powershell.parser import parse
from lab.powershell.patterns import named_groups
from lab.powershell.scanner import ParseError
from lab.powershell.scope import Scope
from lab.powershell.statements import Statements
from lab.powershell.syntax import (
    ArrayLiteral,
    ArrayOf,
    Binary,
    BlockLiteral,
    Cast,
    Constant,
    Expandable,
    Expression,
    HashLiteral,
    Index,
    Invoke,
    Member,
    Paren,
    Script,
    Splat,
    Step,
    SubExpression,
    TypeLiteral,
    Unary,
    Variable,
)
from lab.powershell.values import (
    NOTHING,
    ErrorRecord,
    NetArray,
    NetType,
    ScriptBlock,
    is_number,
    plain,
    type_name,
)
from lab.powershell.variables import Variables

VOID = frozenset(
    ["add", "addrange", "clear", "remove", "removeat", "insert", "reverse", "sort", "setvalue", "set_item", "copyto", "appendchar", "makereadonly", "dispose", "stop", "setenvironmentvariable", "write", "writeline", "flush", "close", "sleep", "refresh"]
)


@dataclass
class Streams:
    """Where errors and messages go while a command runs."""

    error: Callable[[ErrorRecord], None]
    warning: Callable[[Any], None]
    verbose: Callable[[Any], None]
    debug: Callable[[Any], None]


@dataclass
class Host:
    """What a runspace sees of its process. The defaults are a process without a console."""

    read_line: Callable[[], str | None] = lambda: None
    write: Callable[[str], None] = lambda text: None
    write_error: Callable[[str], None] = lambda text: None
    lines: list[str] = field(default_factory=list)


class Evaluator(Commands, Variables, Statements):
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
        """Where errors go that nothing redirects."""
        self.streams = Streams(self.base_error, self._ignore, self._ignore, self._ignore)
        self._values: dict[type, Callable[[Any], Any]] = {
            Constant: lambda node: node.value,
            Expandable: self._expandable,
            Variable: self.variable,
            ArrayLiteral: lambda node: [plain(self.value(item)) for item in node.items],
            ArrayOf: self._array_of,
            SubExpression: self._sub_expression,
            Paren: self._paren,
            HashLiteral: self._hash,
            BlockLiteral: lambda node: ScriptBlock(node.script),
            TypeLiteral: lambda node: resolve(node.type),
            Cast: self._cast,
            Unary: self._unary,
            Binary: self._binary,
            Step: self._step,
            Member: self._member,
            Invoke: self._invoke,
            Index: self._index,
            Splat: self._splat,
        }
        super().__init__()

    @staticmethod
    def _ignore(_: Any) -> None:
        """A message nobody shows."""

    # -- the Runtime protocol and its like for core cmdlets

    def text(self, value: Any) -> str:
        separator = self.scope.find("ofs")
        return to_text(value, to_text(separator.value) if separator else " ")

    def now(self) -> datetime:
        return self.session.machine.world.clock.now()

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
            return self.console_encodings.get(name) or statics.make_encoding("utf8")
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

    # -- expressions

    def value(self, node: Expression) -> Any:
        """The value of an expression."""
        return self._values[type(node)](node)

    def _expandable(self, node: Expandable) -> str:
        return "".join(part if isinstance(part, str) else self.text(self.value(part)) for part in node.parts)

    def collect(self, run: Callable[[Callable[[Any], None]], None]) -> Any:
        """What something writes, as an assignment gets it: nothing, the one object, or an array."""
        found: list[Any] = []
        run(found.append)
        if not found:
            return NOTHING
        return found[0] if len(found) == 1 else found

    def _array_of(self, node: ArrayOf) -> list[Any]:
        statements = node.body.statements
        if len(statements) == 1 and (inner := self.plain_expression(statements[0])) is not None:
            found = self.value(inner)
            if isinstance(found, list):
                # @() around something that is an array already gives that array.
                return found if type(found) is list else list(found)
            return [] if found is NOTHING else [found]
        written: list[Any] = []
        self.run_block(node.body, written.append)
        return written

    def _sub_expression(self, node: SubExpression) -> Any:
        return self.collect(lambda out: self.run_block(node.body, out))

    def _paren(self, node: Paren) -> Any:
        return self.statement_value(node.body)

    def _hash(self, node: HashLiteral) -> HashTable:
        return self._table(node, ordered=False)

    def _table(self, node: HashLiteral, *, ordered: bool) -> HashTable:
        table = HashTable(ordered=ordered)
        for key_node, value_node in node.pairs:
            key = plain(self.value(key_node))
            if key is None:
                raise PowerShellError(
                    "A null key is not allowed in a hash literal.", "InvalidNullKey", category="InvalidOperation"
                )
            if key in table:
                raise PowerShellError(
                    f"Duplicate keys '{to_text(key)}' are not allowed in hash literals.",
                    "DuplicateKeyInHashLiteral",
                    category="ParserError",
                )
            table[key] = plain(self.statement_value(value_node))
        return table

    def _cast(self, node: Cast) -> Any:
        name = node.type.name.lower()
        if isinstance(node.operand, HashLiteral) and not node.type.rank:
            if name == "ordered":
                return self._table(node.operand, ordered=True)
            if name == "pscustomobject":
                table = self._table(node.operand, ordered=True)
                return PSObject(CUSTOM, {to_text(key): value for key, value in table.items()})
        if name == "ref" and isinstance(node.operand, Variable):
            return self.reference(node.operand)
        kind = resolve(node.type)
        value = self.value(node.operand)
        if kind.full == "System.Void":
            return NOTHING
        return cast(value, kind, self.session)

    def _unary(self, node: Unary) -> Any:
        operator = node.operator
        if operator == "not":
            return not to_bool(self.value(node.operand))
        value = self.value(node.operand)
        if operator == ",":
            return [plain(value)]
        if operator == "-":
            return operators.subtract(0, value)
        if operator == "+":
            return operators.add(0, value)
        if operator == "bnot":
            whole = operators._bits(value)
            return operators._result(~whole, whole, whole)
        if operator == "join":
            return operators.join(value, "")
        return operators.split_blanks(value)

    def _binary(self, node: Binary) -> Any:
        operator = node.operator
        if operator in ("and", "or", "xor"):
            left_true = to_bool(self.value(node.left))
            if operator == "and":
                return left_true and to_bool(self.value(node.right))
            if operator == "or":
                return left_true or to_bool(self.value(node.right))
            return left_true != to_bool(self.value(node.right))
        left, right = self.value(node.left), self.value(node.right)
        return self.operate(operator, left, right)

    def operate(self, operator: str, left: Any, right: Any) -> Any:
        """A binary operator on two values."""
        arithmetic = operators.ARITHMETIC.get(operator)
        if arithmetic is not None:
            return arithmetic(left, right)
        if operator == "f":
            return composite(self.text(left), right if isinstance(right, list) else [right])
        if operator in ("is", "isnot", "as"):
            return self._type_operator(operator, left, right)
        if operator in ("band", "bor", "bxor", "shl", "shr"):
            return operators.bitwise(operator, left, right)
        name, case = operator, False
        if operator[0] in "ci" and operator not in ("contains", "in"):
            name, case = operator[1:], operator[0] == "c"
        if name in operators.COMPARISONS:
            return self._compare(name, left, right, case=case)
        if name in ("contains", "notcontains"):
            return operators.contains(left, right, case=case) == (name == "contains")
        if name in ("in", "notin"):
            return operators.contains(right, left, case=case) == (name == "in")
        if name == "replace":
            return operators.replace(left, right, case=case)
        return operators.split(left, right, case=case)

    def _compare(self, name: str, left: Any, right: Any, *, case: bool) -> Any:
        if isinstance(left, list):
            return [item for item in left if operators.single(name, item, right, case=case)]
        if name in ("match", "notmatch"):
            return self._match(left, right, case=case) == (name == "match")
        return operators.single(name, left, right, case=case)

    def _match(self, left: Any, right: Any, *, case: bool) -> bool:
        found = operators.regex_of(right, case=case).search(to_text(left))
        if found is None:
            return False
        groups = [(key, text) for key, text in named_groups(found) if text is not None]
        self.scope.set("Matches", HashTable(groups))
        return True

    def _type_operator(self, operator: str, left: Any, right: Any) -> Any:
        kind = right if isinstance(right, NetType) else cast(right, NetType("System.Type"))
        if operator != "as":
            return is_instance(left, kind.full) == (operator == "is")
        try:
            return cast(left, kind, self.session)
        except PowerShellError:
            return None

    def _step(self, node: Step) -> Any:
        before = plain(self.value(node.target))
        if before is not None and not is_number(before):
            raise PowerShellError(
                f"The '{'++' if node.by > 0 else '--'}' operator works only on numbers. The operand is a "
                f"'{type_name(before)}'.",
                "OperatorRequiresNumber",
                category="InvalidOperation",
            )
        after = operators.add(0 if before is None else before, node.by)
        self.assign(node.target, after)
        return after if node.prefix else (0 if before is None else before)

    def _member_name(self, node: Expression) -> str:
        return to_text(self.value(node))

    def _static_target(self, node: Expression) -> NetType:
        target = self.value(node)
        if isinstance(target, NetType):
            return target
        return NetType(type_name(target))

    def _member(self, node: Member) -> Any:
        name = self._member_name(node.name)
        if node.static:
            found = statics.lookup(self, self._static_target(node.target), name)
            if found is statics.MISSING:
                if self.strict:
                    raise members.not_found(name)
                return None
            return found
        return members.get(self.value(node.target), name, strict=self.strict)

    def _invoke(self, node: Invoke) -> Any:
        name = self._member_name(node.name)
        if node.static:
            kind = self._static_target(node.target)
            arguments = [plain(self.value(argument)) for argument in node.arguments]
            method = statics.lookup(self, kind, name)
            if not callable(method):
                raise PowerShellError(
                    f"Method invocation failed because [{kind.full}] does not contain a method named '{name}'.",
                    "MethodNotFound",
                    category="InvalidOperation",
                )
            found = members.run_method(name, method, (self,), arguments)
            void = name.lower() in VOID or statics.is_registered(kind)
            return NOTHING if found is None and void else found
        target = self.value(node.target)
        arguments = [plain(self.value(argument)) for argument in node.arguments]
        if isinstance(target, ScriptBlock) and name.lower() == "getnewclosure":
            return self.closure(target)
        found = members.call(target, name, arguments, self.invoke)
        if found is None and (name.lower() in VOID or isinstance(target, PSObject)):
            return NOTHING
        return found

    def _index(self, node: Index) -> Any:
        return members.index(self.value(node.target), self.value(node.index), strict=self.strict)

    def _splat(self, node: Splat) -> Any:
        raise NotModelledError("splatting outside a command")

    # -- assignment

    def assign(self, target: Expression, value: Any) -> None:
        """Put a value where an expression points to."""
        if isinstance(target, Variable):
            self.set_variable(target, value)
        elif isinstance(target, Cast):
            self._assign_typed(target, value)
        elif isinstance(target, ArrayLiteral):
            items = to_list(value)
            last = len(target.items) - 1
            for at, part in enumerate(target.items):
                if at == last:
                    rest = items[at:]
                    self.assign(part, None if not rest else rest[0] if len(rest) == 1 else rest)
                else:
                    self.assign(part, items[at] if at < len(items) else None)
        elif isinstance(target, Member) and target.static:
            kind, name = self._static_target(target.target), self._member_name(target.name)
            if kind.full == "System.Console" and name.lower() in ("outputencoding", "inputencoding"):
                self.console_encodings[name.lower()] = plain(value)
            else:
                raise NotModelledError(f"setting [{kind.full}]::{name}")
        elif isinstance(target, Member):
            members.put(self.value(target.target), self._member_name(target.name), value)
        elif isinstance(target, Index):
            members.put_index(self.value(target.target), self.value(target.index), value)
        else:
            raise NotModelledError("this kind of assignment")

    def _assign_typed(self, target: Cast, value: Any) -> None:
        kind = resolve(target.type)

        def convert(new: Any) -> Any:
            return cast(new, kind, self.session)

        if isinstance(target.operand, Variable):
            self.declare(target.operand, convert(value), convert)
        else:
            self.assign(target.operand, convert(value))

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

    def report(self, error: PowerShellError) -> None:
        """A non-terminating error of something that is not a cmdlet's function."""
        record = self.place(record_of(error))
        self.success = False
        action = self.preference("ErrorActionPreference")
        if action == "Stop":
            raise Terminating(record, thrown=True)
        if action != "Ignore":
            self.remember(record)
        if action in ("Continue", "Inquire"):
            self.streams.error(record)

    def failure(self, error: Terminating) -> PowerShellError:
        return error_of(error.record)


def array_type(value: Any) -> str:
    return value.element if isinstance(value, NetArray) else "System.Object"
