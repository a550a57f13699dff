"""Expressions: from tree to value, and assignment to what an expression points to."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from lab.powershell import calls, comparison, indexes, members, operators, statics
from lab.powershell.api import HashTable, NotModelledError, PowerShellError, PSObject
from lab.powershell.convert import CUSTOM, to_bool, to_list, to_text
from lab.powershell.declared import convert_variable
from lab.powershell.dotnet import cast, is_instance, resolve
from lab.powershell.formatting import composite
from lab.powershell.interpreter import Interpreter
from lab.powershell.patterns import named_groups
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
    Splat,
    Step,
    SubExpression,
    TypeLiteral,
    Unary,
    Variable,
)
from lab.powershell.utf16 import units
from lab.powershell.values import (
    NOTHING,
    NetType,
    ScriptBlock,
    is_number,
    plain,
    type_name,
)

VOID = frozenset(
    [
        "add",
        "addrange",
        "clear",
        "remove",
        "removeat",
        "insert",
        "reverse",
        "sort",
        "setvalue",
        "set_item",
        "copyto",
        "appendchar",
        "makereadonly",
        "dispose",
        "stop",
        "setenvironmentvariable",
        "write",
        "writeline",
        "flush",
        "close",
        "sleep",
        "refresh",
    ]
)


class Expressions(Interpreter):
    """Mixed into the evaluator."""

    def __init__(self) -> None:
        super().__init__()
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
        if kind.full == "System.String" and isinstance(value, list):
            return self.text(value)  # $OFS stands between the elements
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
            whole = operators.bits(value)
            return operators.exact(~whole, whole, whole)
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
            if operator == "+" and isinstance(right, list) and isinstance(left, str):
                right = self.text(right)
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
        if name in comparison.COMPARISONS:
            return self._compare(name, left, right, case=case)
        if name in ("contains", "notcontains"):
            return comparison.contains(left, right, case=case) == (name == "contains")
        if name in ("in", "notin"):
            return comparison.contains(right, left, case=case) == (name == "in")
        if name == "replace":
            return operators.replace(left, right, case=case)
        return operators.split(left, right, case=case)

    def _compare(self, name: str, left: Any, right: Any, *, case: bool) -> Any:
        if isinstance(left, list):
            return [item for item in left if comparison.single(name, item, right, case=case)]
        if name in ("match", "notmatch"):
            return self._match(left, right, case=case) == (name == "match")
        return comparison.single(name, left, right, case=case)

    def _match(self, left: Any, right: Any, *, case: bool) -> bool:
        found = comparison.regex_of(right, case=case).search(units(to_text(left)))
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
            found = calls.run_method(name, method, (self,), arguments)
            void = name.lower() in VOID or statics.is_registered(kind)
            return NOTHING if found is None and void else found
        target = self.value(node.target)
        arguments = [plain(self.value(argument)) for argument in node.arguments]
        if isinstance(target, ScriptBlock) and name.lower() == "getnewclosure":
            return self.closure(target)
        found = calls.call(target, name, arguments, self.invoke)
        if found is None and (name.lower() in VOID or isinstance(target, PSObject)):
            return NOTHING
        return found

    def _index(self, node: Index) -> Any:
        return indexes.index(self.value(node.target), self.value(node.index), strict=self.strict)

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
            indexes.put_index(self.value(target.target), self.value(target.index), value)
        else:
            raise NotModelledError("this kind of assignment")

    def _assign_typed(self, target: Cast, value: Any) -> None:
        kind = resolve(target.type)

        def convert(new: Any) -> Any:
            return convert_variable(plain(new), kind, self.session)

        if isinstance(target.operand, Variable):
            self.declare(target.operand, convert(value), convert)
        else:
            self.assign(target.operand, convert(value))
