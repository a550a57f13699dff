"""The syntax tree of a Windows PowerShell 3.0 script: what the parser makes and the evaluator walks.

``at`` is an offset into the script's text; ``Script`` turns it into a line and a column for error messages.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


class Node:
    """Any part of the tree."""

    __slots__ = ()


class Expression(Node):
    """Something with a value."""

    __slots__ = ()


class Statement(Node):
    """Something that is carried out and may write to the pipeline."""

    __slots__ = ()
    at: int


@dataclass(slots=True, frozen=True)
class TypeName(Node):
    """``int``, ``string[]`` (rank 1), ``Collections.Generic.List[string]`` (one argument)."""

    name: str
    arguments: tuple[TypeName, ...] = ()
    rank: int = 0

    def __str__(self) -> str:
        inner = f"[{','.join(map(str, self.arguments))}]" if self.arguments else ""
        return self.name + inner + "[]" * self.rank


@dataclass(slots=True)
class Constant(Expression):
    value: Any
    text: str | None = None
    """How a number was written as a command's argument: ``1.10`` stays ``1.10`` where text is wanted."""
    bare: bool = False


@dataclass(slots=True)
class Expandable(Expression):
    """A string with values in it."""

    parts: tuple[str | Expression, ...]


@dataclass(slots=True)
class Variable(Expression):
    scope: str
    """Empty, ``global``, ``script``, ``local``, ``private``, ``using`` or a drive (``env``), in lower case."""
    name: str
    at: int = 0

    def __str__(self) -> str:
        return f"{self.scope}:{self.name}" if self.scope else self.name


@dataclass(slots=True)
class Splat(Expression):
    variable: Variable


@dataclass(slots=True)
class ArrayLiteral(Expression):
    items: tuple[Expression, ...]


@dataclass(slots=True)
class ArrayOf(Expression):
    """``@( … )``"""

    body: Block


@dataclass(slots=True)
class SubExpression(Expression):
    """``$( … )``"""

    body: Block


@dataclass(slots=True)
class Paren(Expression):
    """``( … )``"""

    body: Statement


@dataclass(slots=True)
class HashLiteral(Expression):
    pairs: tuple[tuple[Expression, Statement], ...]
    at: int = 0


@dataclass(slots=True)
class BlockLiteral(Expression):
    script: Script


@dataclass(slots=True)
class TypeLiteral(Expression):
    type: TypeName
    at: int = 0


@dataclass(slots=True)
class Cast(Expression):
    type: TypeName
    operand: Expression
    at: int = 0


@dataclass(slots=True)
class Unary(Expression):
    operator: str
    operand: Expression


@dataclass(slots=True)
class Binary(Expression):
    operator: str
    left: Expression
    right: Expression
    at: int = 0


@dataclass(slots=True)
class Step(Expression):
    """``$i++``, ``--$i``"""

    target: Expression
    by: int
    prefix: bool


@dataclass(slots=True)
class Member(Expression):
    target: Expression
    name: Expression
    static: bool
    at: int = 0


@dataclass(slots=True)
class Invoke(Expression):
    target: Expression
    name: Expression
    arguments: tuple[Expression, ...]
    static: bool
    at: int = 0


@dataclass(slots=True)
class Index(Expression):
    target: Expression
    index: Expression
    at: int = 0


@dataclass(slots=True)
class Redirection(Node):
    """``2>&1``: stream 2 merged into ``into`` 1; ``3>$null``: stream 3 to a target. Stream 0 stands for ``*``."""

    stream: int
    into: int | None
    target: Expression | None
    append: bool = False


@dataclass(slots=True)
class Argument(Node):
    """``-Name`` (no value), ``-Name:value`` or a value alone (no name)."""

    name: str | None
    value: Expression | None
    at: int = 0


@dataclass(slots=True)
class Command(Node):
    name: Expression
    arguments: tuple[Argument, ...]
    redirections: tuple[Redirection, ...]
    operator: str
    """``&``, ``.`` or empty."""
    at: int
    end: int


@dataclass(slots=True)
class Value(Node):
    """An expression as an element of a pipeline."""

    expression: Expression
    redirections: tuple[Redirection, ...]


@dataclass(slots=True)
class Pipeline(Statement):
    elements: tuple[Command | Value, ...]
    at: int
    end: int = 0


@dataclass(slots=True)
class Assignment(Statement):
    target: Expression
    operator: str
    value: Statement
    at: int


@dataclass(slots=True)
class Block(Node):
    """A list of statements, with the traps that stand in it."""

    statements: tuple[Statement, ...]
    traps: tuple[Trap, ...] = ()


@dataclass(slots=True)
class If(Statement):
    clauses: tuple[tuple[Statement, Block], ...]
    otherwise: Block | None
    at: int


@dataclass(slots=True)
class Loop(Statement):
    """``while`` and ``do``. ``first``: the body runs before the condition; ``until``: the condition ends it."""

    condition: Statement
    body: Block
    first: bool
    until: bool
    label: str
    at: int


@dataclass(slots=True)
class For(Statement):
    initial: Statement | None
    condition: Statement | None
    step: Statement | None
    body: Block
    label: str
    at: int


@dataclass(slots=True)
class ForEach(Statement):
    variable: Variable
    items: Statement
    body: Block
    label: str
    at: int


@dataclass(slots=True)
class Switch(Statement):
    mode: str
    case_sensitive: bool
    value: Statement
    clauses: tuple[tuple[Expression | None, Block], ...]
    """Condition None is ``default``."""
    label: str
    at: int


@dataclass(slots=True)
class Try(Statement):
    body: Block
    catches: tuple[tuple[tuple[TypeName, ...], Block], ...]
    final: Block | None
    at: int


@dataclass(slots=True)
class Trap(Statement):
    type: TypeName | None
    body: Block
    at: int


@dataclass(slots=True)
class Leave(Statement):
    """``return``, ``throw``, ``exit`` with a value; ``break``, ``continue`` with a label."""

    word: str
    value: Statement | None
    label: Expression | None
    at: int
    end: int = 0


@dataclass(slots=True)
class Function(Statement):
    name: str
    script: Script
    is_filter: bool
    at: int


@dataclass(slots=True)
class AttributeUse(Node):
    """``[Parameter(Mandatory = $true)]``"""

    name: str
    positional: tuple[Expression, ...]
    named: dict[str, Expression]
    """Keys in lower case."""


@dataclass(slots=True)
class Parameter(Node):
    name: str
    type: TypeName | None
    attributes: tuple[AttributeUse, ...]
    default: Expression | None


@dataclass(slots=True, eq=False)
class Script(Node):
    """The body of a script, a function or a script block; ``text`` is its source without the braces."""

    parameters: tuple[Parameter, ...]
    attributes: tuple[AttributeUse, ...]
    begin: Block | None
    process: Block | None
    end: Block | None
    text: str
    source: str
    """The whole text of which this is a part: offsets count from its start."""
    cache: dict[str, Any] = field(default_factory=dict)
    """Facts derived once from the tree (the evaluator's view of the parameters). Written once, never changed."""

    def position(self, at: int) -> tuple[int, int]:
        """Line and column, both from 1."""
        line = self.source.count("\n", 0, at) + 1
        return line, at - (self.source.rfind("\n", 0, at) + 1) + 1
