"""Functions and script blocks of a script: how their arguments bind, and how they stand in a pipeline."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from lab.powershell.api import HashTable, NotModelledError, PowerShellError, PSObject
from lab.powershell.arguments import (
    COMMON,
    VALIDATION,
    Given,
    action_preference,
    binding_error,
    common_parameter,
    empty,
    find_parameter,
    null_argument,
)
from lab.powershell.comparison import compare
from lab.powershell.convert import to_bool, to_list, to_text
from lab.powershell.declared import convert
from lab.powershell.dotnet import cast, resolve
from lab.powershell.interpreter import Interpreter
from lab.powershell.patterns import regex
from lab.powershell.scope import Cell
from lab.powershell.syntax import AttributeUse, Constant, Parameter, Script
from lab.powershell.utf16 import length, units
from lab.powershell.values import NOTHING, NetType, Switch, plain, type_name


@dataclass(frozen=True)
class Declared:
    """A parameter of a function, as its declaration says."""

    source: Parameter
    type: NetType | None
    aliases: tuple[str, ...]
    mandatory: bool
    position: int | None
    by_value: bool
    by_name: bool
    rest: bool

    @property
    def name(self) -> str:
        return self.source.name

    @property
    def is_switch(self) -> bool:
        return self.type is not None and self.type.full == "System.Management.Automation.SwitchParameter"


@dataclass(frozen=True)
class Signature:
    parameters: tuple[Declared, ...]
    advanced: bool
    positional: tuple[Declared, ...]


def signature(script: Script, evaluator: Interpreter) -> Signature:
    """The parameters of a script block, worked out once."""
    known = script.cache.get("signature")
    if known is None:
        known = script.cache["signature"] = _signature(script, evaluator)
    assert isinstance(known, Signature)
    return known


def _flag(use: AttributeUse, name: str, evaluator: Interpreter) -> bool:
    node = use.named.get(name)
    return node is not None and to_bool(evaluator.value(node))


def _signature(script: Script, evaluator: Interpreter) -> Signature:
    found: list[Declared] = []
    advanced = any(use.name == "cmdletbinding" for use in script.attributes)
    for parameter in script.parameters:
        mandatory = by_value = by_name = rest = False
        position = None
        aliases: tuple[str, ...] = ()
        for use in parameter.attributes:
            if use.name == "parameter":
                advanced = True
                if "parametersetname" in use.named:
                    raise NotModelledError("parameter sets of a function")
                mandatory |= _flag(use, "mandatory", evaluator)
                by_value |= _flag(use, "valuefrompipeline", evaluator)
                by_name |= _flag(use, "valuefrompipelinebypropertyname", evaluator)
                rest |= _flag(use, "valuefromremainingarguments", evaluator)
                if "position" in use.named:
                    position = int(evaluator.value(use.named["position"]))
            elif use.name == "alias":
                aliases = tuple(to_text(evaluator.value(node)) for node in use.positional)
            elif not use.name.startswith(("validate", "allow")):
                raise NotModelledError(f"the attribute [{use.name}] of a parameter")
        kind = resolve(parameter.type) if parameter.type is not None else None
        found.append(Declared(parameter, kind, aliases, mandatory, position, by_value, by_name, rest))
    declared = tuple(found)
    numbered = sorted((one for one in declared if one.position is not None), key=lambda one: one.position or 0)
    others = [one for one in declared if one.position is None and not one.is_switch]
    # Once a parameter names its position, the others have none.
    return Signature(declared, advanced, tuple(numbered) if numbered else tuple(others))


class FunctionCall:
    """One invocation: its scope and its bound parameters. The caller has made the scope current."""

    def __init__(self, evaluator: Interpreter, name: str, script: Script, given: Given, *, piped: bool) -> None:
        self.evaluator, self.name, self.script, self.piped = evaluator, name, script, piped
        self.signature = signature(script, evaluator)
        self.bound: dict[str, Any] = {}
        self.rest: list[Any] = []
        self.out_variable = ""
        self._bind(given)

    # -- binding

    def _bind(self, given: Given) -> None:
        names = {one.name.lower(): one for one in self.signature.parameters}
        aliases = {alias.lower(): one for one in self.signature.parameters for alias in one.aliases}
        values: list[Any] = []
        leftovers: list[Any] = []
        queue = list(given.items)
        while queue:
            item = queue.pop(0)
            if item.name is None:
                values.append(item.value)
                continue
            declared = find_parameter(item.name, names, aliases, self._owner, self.signature.advanced)
            if declared is None:
                if self.signature.advanced:
                    self._common(item, queue)
                else:
                    leftovers += [f"-{item.name}" + (":" if item.has_value else "")]
                    values.append(leftovers.pop())
                    if item.has_value:
                        values.append(item.value)
                continue
            if declared.name.lower() in self.bound:
                raise binding_error(
                    f"Cannot bind parameter because parameter '{declared.name}' is specified more than once. To "
                    f"provide "
                    "multiple values to parameters that can accept multiple values, use the array syntax. For example, "
                    '"-parameter value1,value2,value3".',
                    "ParameterAlreadyBound",
                    self._owner,
                )
            if declared.is_switch:
                self.bound[declared.name.lower()] = self._convert(declared, item.value if item.has_value else True)
            elif item.has_value:
                self.bound[declared.name.lower()] = self._convert(declared, item.value)
            elif queue and queue[0].name is None:
                self.bound[declared.name.lower()] = self._convert(declared, queue.pop(0).value)
            else:
                raise binding_error(
                    f"Missing an argument for parameter '{declared.name}'. Specify a parameter of type "
                    f"'{declared.type.full if declared.type else 'System.Object'}' and try again.",
                    "MissingArgument",
                    self._owner,
                )
        self._bind_positions(values)

    @property
    def _owner(self) -> str:
        return self.name

    def _common(self, item: Any, queue: list[Any]) -> None:
        common = common_parameter(item.name)
        if common is None:
            raise binding_error(
                f"A parameter cannot be found that matches parameter name '{item.name}'.",
                "NamedParameterNotFound",
                self._owner,
            )
        if common in ("Verbose", "Debug"):
            value: Any = item.value if item.has_value else True
        elif item.has_value:
            value = item.value
        elif queue and queue[0].name is None:
            value = queue.pop(0).value
        else:
            raise binding_error(f"Missing an argument for parameter '{common}'.", "MissingArgument", self._owner)
        preference = COMMON[common]
        if common == "OutVariable":
            self.out_variable = to_text(value)
            return
        if preference is None:
            raise NotModelledError(f"-{common} of a function")
        if common in ("Verbose", "Debug"):
            value = "Continue" if to_bool(value) else "SilentlyContinue"
        else:
            value = action_preference(common, value, self._owner)
        self.evaluator.scope.set(preference, to_text(value))

    def _bind_positions(self, values: list[Any]) -> None:
        free = [one for one in self.signature.positional if one.name.lower() not in self.bound and not one.rest]
        rest = next((one for one in self.signature.parameters if one.rest), None)
        for one in free:
            if not values:
                break
            self.bound[one.name.lower()] = self._convert(one, values.pop(0))
        if values and rest is not None:
            self.bound[rest.name.lower()] = self._convert(rest, values)
            values = []
        if values and self.signature.advanced:
            raise binding_error(
                f"A positional parameter cannot be found that accepts argument '{to_text(values[0])}'.",
                "PositionalParameterNotFound",
                self._owner,
            )
        self.rest = values

    def _convert(self, declared: Declared, value: Any) -> Any:
        given = plain(value)
        value = self._transformed(declared, given)
        self._validate(declared, value, given)
        return value

    def _transformed(self, declared: Declared, value: Any) -> Any:
        if declared.type is None:
            return value
        try:
            return convert(value, declared.type, self.evaluator.session, advanced=self.signature.advanced)
        except PowerShellError as error:
            raise binding_error(
                f"Cannot process argument transformation on parameter '{declared.name}'. {error.message}",
                "ParameterArgumentTransformationError",
                self._owner,
                category="InvalidData",
                exception_type="System.Management.Automation.ParameterBindingArgumentTransformationException",
            ) from None

    def _validate(self, declared: Declared, value: Any, given: Any) -> None:
        if declared.mandatory:
            # A null among the elements is seen as it was given, also where the conversion makes a text of it.
            elements = given if isinstance(given, list) and isinstance(value, list) else value
            self._not_empty(declared, elements, {use.name for use in declared.source.attributes})
        for use in declared.source.attributes:
            if use.name.startswith("validate"):
                why = self._violation(use, value)
                if why:
                    raise binding_error(
                        f"Cannot validate argument on parameter '{declared.name}'. {why}",
                        "ParameterArgumentValidationError",
                        self._owner,
                        category="InvalidData",
                        exception_type=VALIDATION,
                    )

    def _not_empty(self, declared: Declared, value: Any, uses: set[str]) -> None:
        letters = {"allownull": "n", "allowemptystring": "s", "allowemptycollection": "c"}
        full = declared.type.full if declared.type is not None else ""
        what = empty(
            value,
            "".join(letter for word, letter in letters.items() if word in uses),
            text=full in ("System.String", "System.String[]"),
            collection=full.endswith("[]") or full.startswith("System.Collections"),
        )
        if what:
            raise binding_error(
                f"Cannot bind argument to parameter '{declared.name}' because it is {what[0]}.",
                f"ParameterArgumentValidationError{what[1]}NotAllowed",
                self._owner,
                category="InvalidData",
                exception_type=VALIDATION,
            )

    def _violation(self, use: AttributeUse, value: Any) -> str | None:
        arguments = [self.evaluator.value(node) for node in use.positional]
        items = to_list(value)
        if use.name == "validatenotnull":
            return _null_in(value, "null")
        if use.name == "validatenotnullorempty":
            return _null_in(value, "null or empty")
        if use.name == "validatescript":
            for item in items:
                found = self.evaluator.invoke(arguments[0], item=item)
                if not to_bool(found):
                    return (
                        f'The "{arguments[0]}" validation script for the argument with value "{to_text(item)}" did not '
                        "return true. Determine why the validation script failed and then try the command again."
                    )
            return None
        if use.name in ("validateset", "validatepattern", "validaterange", "validatelength"):
            if value is None or None in items:
                return NULL_ELEMENT
            for item in items:
                why = _breach(use, item, arguments)
                if why:
                    return why
        if use.name == "validatecount" and not arguments[0] <= len(items) <= arguments[1]:
            return (
                f"The number of provided arguments, ({len(items)}), is not between {arguments[0]} and {arguments[1]}."
            )
        return None

    # -- running

    def prepare(self, item: Any = NOTHING) -> None:
        """Set the parameters as variables. ``item``: what came through the pipeline, for parameters that take it."""
        evaluator, scope = self.evaluator, self.evaluator.scope
        scope.cells["args"] = Cell("args", self.rest)
        scope.cells["psboundparameters"] = Cell(
            "PSBoundParameters",
            HashTable(
                (one.name, self.bound[one.name.lower()])
                for one in self.signature.parameters
                if one.name.lower() in self.bound
            ),
        )
        for one in self.signature.parameters:
            name = one.name.lower()
            if name in self.bound:
                value = self.bound[name]
            elif one.source.default is not None:
                value = self._transformed(one, plain(evaluator.value(one.source.default)))
            else:
                value = self._initial(one)
            scope.cells[name] = Cell(one.name, value, self._converter(one))

    def _initial(self, one: Declared) -> Any:
        if one.type is None:
            return None
        if one.is_switch:
            return Switch(False)
        if one.type.full in ("System.String", "System.Int32", "System.Int64", "System.Boolean", "System.Double"):
            return cast(None, one.type)
        return None

    def _converter(self, one: Declared) -> Any:
        """What an assignment to the parameter's variable does: a cast, and the validation again."""
        kind = one.type
        validated = [use for use in one.source.attributes if use.name.startswith("validate")]
        if kind is None and not validated:
            return None

        def assign(value: Any) -> Any:
            if kind is not None:
                value = cast(value, kind, self.evaluator.session)
            if any(self._violation(use, value) for use in validated):
                raise PowerShellError(
                    f"The variable cannot be validated because the value {to_text(value)} is not a valid value for the "
                    f"{one.name} variable.",
                    "ValidateSetFailure",
                    category="MetadataError",
                    exception_type="System.Management.Automation.ValidationMetadataException",
                    target=value,
                )
            return value

        return assign

    def missing(self) -> None:
        """Raise when a mandatory parameter has no value and the pipeline cannot give it one."""
        names = [
            one.name
            for one in self.signature.parameters
            if one.mandatory
            and one.name.lower() not in self.bound
            and not (self.piped and (one.by_value or one.by_name))
        ]
        if names:
            raise binding_error(
                f"Cannot process command because of one or more missing mandatory parameters: {' '.join(names)}.",
                "MissingMandatoryParameter",
                self._owner,
            )

    def take(self, item: Any) -> bool:
        """Bind the parameters that take a pipeline object. False: none of them takes this one.

        Raises the error of a value that a parameter of that name or a mandatory one does not take.
        """
        taken = not self.signature.advanced
        for one in self.signature.parameters:
            if one.name.lower() in self.bound or not (one.by_value or one.by_name):
                continue
            value = item if one.by_value else NOTHING
            if value is NOTHING:
                held = (property_of(item, name) for name in (one.name, *one.aliases))
                value = next((found for found in held if found is not NOTHING), NOTHING)
            if value is NOTHING:
                continue
            try:
                converted = self._convert(one, value)
            except PowerShellError as error:
                if one.by_value and error.error_id.startswith("ParameterArgumentTransformationError"):
                    continue  # it is no object for this parameter
                raise
            taken = True
            self.evaluator.scope.cells[one.name.lower()] = Cell(one.name, converted, self._converter(one))
        return taken


NULL_ELEMENT = (
    "The argument is null, empty, or an element of the argument collection contains a null value. Supply a collection "
    "that does not contain any null values and then try the command again."
)
NULL_IN_COLLECTION = (
    "The argument has a null value, or an element of the argument collection contains a null value. Provide a "
    "collection that does not contain any null values, and then try the command again."
)


def _null_in(value: Any, what: str) -> str | None:
    if value is None or (value == "" and what == "null or empty"):
        return null_argument(what)
    if isinstance(value, list):
        if what == "null or empty" and (not value or "" in value or None in value):
            return NULL_ELEMENT
        if None in value:
            return NULL_IN_COLLECTION
    return None


def property_of(item: Any, name: str) -> Any:
    """A property of an object by name, NOTHING when it has none of that name."""
    if isinstance(item, PSObject) and not isinstance(item, HashTable):
        key = item.name_of(name)
        return item.properties[key] if key is not None else NOTHING
    return NOTHING


def _breach(use: AttributeUse, item: Any, arguments: list[Any]) -> str | None:
    text = to_text(item)
    if use.name == "validateset":
        ignore = "ignorecase" not in use.named or not isinstance(use.named["ignorecase"], Constant)
        allowed = [to_text(one) for one in arguments]
        if any(text == one or (ignore and text.casefold() == one.casefold()) for one in allowed):
            return None
        return (
            f'The argument "{text}" does not belong to the set "{",".join(allowed)}" specified by the ValidateSet '
            "attribute. Supply an argument that is in the set and then try the command again."
        )
    if use.name == "validatepattern" and not regex(to_text(arguments[0]), re.I).search(units(text)):
        return (
            f'The argument "{text}" does not match the "{to_text(arguments[0])}" pattern. Supply an argument that '
            f"matches "
            f'"{to_text(arguments[0])}" and try the command again.'
        )
    if use.name == "validaterange":
        low, high = arguments
        if type_name(item) != type_name(low):
            return (
                f'The argument cannot be validated because its type "{NetType(type_name(item)).name}" is not the same '
                f"type ({NetType(type_name(low)).name}) as the maximum and minimum limits of the parameter. Make sure "
                f"the argument is of type {NetType(type_name(low)).name} and then try the command again."
            )
        below, above = compare(item, low) < 0, compare(item, high) > 0
        if below:
            return (
                f"The {text} argument is less than the minimum allowed range of {to_text(low)}. Supply an "
                f"argument that is "
                f"greater than or equal to {to_text(low)} and then try the command again."
            )
        if above:
            return (
                f"The {text} argument is greater than the maximum allowed range of {to_text(high)}. Supply an argument "
                f"that is less than or equal to {to_text(high)} and then try the command again."
            )
    if use.name == "validatelength" and not isinstance(item, str):
        return (
            "The ValidateLength attribute cannot be applied to a parameter that is not a string or string[] parameter. "
            "Make the parameter a string or string[] parameter."
        )
    if use.name == "validatelength" and not arguments[0] <= length(text) <= arguments[1]:
        return (
            f"The character length of the {length(text)} argument is out of the range {arguments[0]} to {arguments[1]}"
            ". Supply an argument of the right length and then try the command again."
        )
    return None
