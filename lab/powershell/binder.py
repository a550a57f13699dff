"""Binding of a cmdlet's arguments to the parameters of the table, with the errors of the real binder.

Sets are resolved as PowerShell does it in effect: the named parameters leave some sets; of these the first one is
taken that accepts the positional values (without conversion if any does) and has all its mandatory parameters.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from lab.powershell.api import HashTable, NotModelledError, PowerShellError, PSObject, SecureString, Session
from lab.powershell.arguments import (
    COMMON,
    VALIDATION,
    Given,
    Item,
    action_preference,
    binding_error,
    common_parameter,
    empty,
    find_parameter,
    null_argument,
)
from lab.powershell.convert import to_bool, to_text
from lab.powershell.dotnet import cast
from lab.powershell.objects import make_uri
from lab.powershell.parameter_enums import FLAGS, MEMBERS
from lab.powershell.table import CmdletInfo, SetParameter, TableParameter
from lab.powershell.values import ErrorRecord, NetException, NetType, ScriptBlock, Switch, is_number, plain, type_name

_CASTS = {
    "string": "System.String",
    "int": "System.Int32",
    "int32": "System.Int32",
    "long": "System.Int64",
    "int64": "System.Int64",
    "uint16": "System.UInt16",
    "uint32": "System.UInt32",
    "uint64": "System.UInt64",
    "byte": "System.Byte",
    "double": "System.Double",
    "int16": "System.Int16",
    "char": "System.Char",
    "datetime": "System.DateTime",
    "timespan": "System.TimeSpan",
    "guid": "System.Guid",
    "version": "System.Version",
    "ipaddress": "System.Net.IPAddress",
    "type": "System.Type",
}
_VALUE_TYPES = {
    "boolean",
    "bool",
    *set(_CASTS.values()) - {"System.String", "System.Version", "System.Net.IPAddress", "System.Type"},
}
_ANY = {"object", "psobject", "nullable", "", "stringcollection", "cultureinfo", "wildcardpattern"}
_OBJECTS_ONLY = {
    "ciminstance": "Microsoft.Management.Infrastructure.CimInstance",
    "cluster": "Microsoft.NetworkLoadBalancingClusters.PowerShell.Cluster",
    "node": "Microsoft.NetworkLoadBalancingClusters.PowerShell.Node",
    "portrule": "Microsoft.NetworkLoadBalancingClusters.PowerShell.PortRule",
    "servicecontroller": "System.ServiceProcess.ServiceController",
    "process": "System.Diagnostics.Process",
}
_EMPTY_ALLOWED: dict[str, dict[str, str]] = {
    "add-content": {"Value": "nc"},
    "add-member": {"NotePropertyValue": "n"},
    "compare-object": {"ReferenceObject": "c", "DifferenceObject": "c"},
    "convertfrom-json": {"InputObject": "s"},
    "convertto-json": {"InputObject": "n"},
    "foreach-object": {"Process": "nc"},
    "join-path": {"ChildPath": "ns"},
    "select-string": {"InputObject": "ns"},
    "set-content": {"Value": "nc"},
    "set-itemproperty": {"Value": "n"},
    "write-debug": {"Message": "s"},
    "write-error": {"Message": "ns"},
    "write-output": {"InputObject": "nc"},
    "write-verbose": {"Message": "s"},
    "write-warning": {"Message": "s"},
}
"""What a mandatory parameter takes all the same: null, an empty string, an empty collection. Source: the attributes
AllowNull, AllowEmptyString and AllowEmptyCollection in PowerShell's source, parameter by parameter."""
_VALIDATED = {
    "foreach-object": {"MemberName": "null or empty"},
    "get-command": {"Name": "null or empty"},
    "invoke-command": {"ScriptBlock": "null"},
}
"""Parameters with ValidateNotNull or ValidateNotNullOrEmpty. Recorded from the real engine."""


class _Unfit(Exception):  # noqa: N818 - a value does not fit a parameter; the reason is the error to raise if no set fits
    def __init__(self, error: PowerShellError) -> None:
        self.error = error


@dataclass
class Bound:
    """The result: parameters under their full names, common parameters apart."""

    parameters: dict[str, Any] = field(default_factory=dict)
    common: dict[str, Any] = field(default_factory=dict)
    set: int = 0
    missing: tuple[str, ...] = ()
    """Mandatory parameters that only the pipeline can still give."""


def bind(info: CmdletInfo, given: Given, session: Session, *, piped: bool) -> Bound:
    """Bind arguments. Raises PowerShell's binding errors."""
    bound = Bound()
    named, values = _split(info, given, bound)
    candidates = [(at, one) for at, one in enumerate(info.sets) if all(_in_set(name, one) for name in named)]
    if not candidates:
        raise binding_error(
            "Parameter set cannot be resolved using the specified named parameters.",
            "AmbiguousParameterSet",
            info.owner,
        )
    if len(set(named)) != len(named):
        raise AssertionError("a parameter was bound twice")
    for name, item in named.items():
        bound.parameters[name] = _converted(info, info.parameters[name.lower()], item, session)
    best: tuple[tuple[int, int], int, dict[str, Any], tuple[str, ...]] | None = None
    reasons: list[PowerShellError] = []
    for at, one in candidates:
        try:
            placed, exact = _place(info, one, named, values, session)
        except _Unfit as unfit:
            reasons.append(unfit.error)
            continue
        absent = [p.name for p in one if p.mandatory and p.name not in named and p.name not in placed]
        hopeless = [name for name in absent if not (piped and _takes_pipeline(info, name))]
        if hopeless:
            reasons.append(missing_mandatory(info.owner, hopeless))
            continue
        rank = (0 if exact else 1, len(absent))
        if best is None or rank < best[0]:
            best = (rank, at, placed, tuple(absent))
    if best is None:
        raise _reason(reasons, values)
    bound.set, bound.missing = best[1], best[3]
    bound.parameters.update(best[2])
    return bound


def missing_mandatory(owner: str, names: list[str]) -> PowerShellError:
    return binding_error(
        f"Cannot process command because of one or more missing mandatory parameters: {' '.join(names)}.",
        "MissingMandatoryParameter",
        owner,
    )


def is_value_type(facts: TableParameter) -> bool:
    """Whether a parameter's type has no null: numbers, times, enumerations."""
    full = _CASTS.get(facts.type, facts.type)
    return not facts.is_array and not facts.nullable and (full in _VALUE_TYPES or facts.type in MEMBERS)


def _reason(reasons: list[PowerShellError], values: list[Item]) -> PowerShellError:
    kinds = ("MissingMandatoryParameter", "CannotConvert", "ParameterArgument", "PositionalParameterNotFound")
    for kind in kinds if not values else kinds[1:] + kinds[:1]:
        for reason in reasons:
            if reason.error_id.startswith(kind):
                return reason
    return reasons[0]


def _in_set(name: str, one: tuple[SetParameter, ...]) -> bool:
    return any(parameter.name == name for parameter in one)


def _takes_pipeline(info: CmdletInfo, name: str) -> bool:
    return not info.pipeline_known or info.parameters[name.lower()].pipeline


def _split(info: CmdletInfo, given: Given, bound: Bound) -> tuple[dict[str, Item], list[Item]]:
    """Named arguments by the parameter's full name, and the values that stand alone."""
    named: dict[str, Item] = {}
    values: list[Item] = []
    queue = list(given.items)
    while queue:
        item = queue.pop(0)
        if item.name is None:
            values.append(item)
            continue
        parameter = find_parameter(item.name, info.parameters, info.aliases, info.owner, True)
        common = None if parameter else common_parameter(item.name)
        if parameter is None and common is None:
            raise binding_error(
                f"A parameter cannot be found that matches parameter name '{item.name}'.",
                "NamedParameterNotFound",
                info.owner,
            )
        name = parameter.name if parameter else str(common)
        switch = parameter.is_switch if parameter else name in ("Verbose", "Debug")
        if name in named or name in bound.common:
            raise binding_error(
                f"Cannot bind parameter because parameter '{name}' is specified more than once. To provide "
                f"multiple values "
                'to parameters that can accept multiple values, use the array syntax. For example, "-parameter '
                'value1,value2,value3".',
                "ParameterAlreadyBound",
                info.owner,
            )
        if switch:
            value = item if item.has_value else Item(name, True, True)
        elif item.has_value:
            value = item
        elif queue and queue[0].name is None:
            value = queue.pop(0)
        else:
            shown = parameter.type if parameter else "System.Object"
            raise binding_error(
                f"Missing an argument for parameter '{name}'. Specify a parameter of type "
                f"'{_CASTS.get(shown, shown)}' and try again.",
                "MissingArgument",
                info.owner,
            )
        if parameter is not None:
            named[name] = value
        else:
            assert common is not None
            bound.common[common] = _common(common, value.value, info.owner)
    return named, values


def _common(name: str, value: Any, owner: str) -> Any:
    if name in ("Verbose", "Debug"):
        return to_bool(value)
    if name in ("ErrorAction", "WarningAction"):
        return action_preference(name, value, owner)
    return value


def _place(
    info: CmdletInfo, one: tuple[SetParameter, ...], named: dict[str, Item], values: list[Item], session: Session
) -> tuple[dict[str, Any], bool]:
    """The positional values under the parameters of one set, and whether none of them had to be converted."""
    placed: dict[str, Any] = {}
    exact = True
    free = [p for p in one if p.positional and p.name not in named]
    rest = list(values)
    for parameter in free:
        if not rest:
            break
        facts = info.parameters[parameter.name.lower()]
        if info.rest == parameter.name and len(rest) > 1:
            items = [element for item in rest for element in _elements(item.value)]
            placed[parameter.name] = _converted(info, facts, Item(None, items, True), session)
            rest = []
            break
        item = rest.pop(0)
        try:
            placed[parameter.name] = _converted(info, facts, item, session)
        except PowerShellError as error:
            raise _Unfit(error) from None
        exact &= _is_exact(facts, item.value)
    if rest and info.rest in ("RemainingScripts",) and all(isinstance(item.value, ScriptBlock) for item in rest):
        placed[info.rest] = [item.value for item in rest]
        rest = []
    if rest:
        raise _Unfit(
            binding_error(
                f"A positional parameter cannot be found that accepts argument '{to_text(rest[0].value)}'.",
                "PositionalParameterNotFound",
                info.owner,
            )
        )
    return placed, exact


def _elements(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list) else [value]


def _is_exact(facts: TableParameter, value: Any) -> bool:
    if isinstance(value, list) and facts.is_array and value:
        value = value[0]
    if isinstance(value, ScriptBlock):
        return facts.type in ("scriptblock", "object", "psobject")
    if facts.type == "scriptblock":
        return False
    if facts.type == "string":
        return isinstance(value, str)
    if facts.type in ("idictionary", "hashtable"):
        return isinstance(value, HashTable)
    return True


def _refuse(
    info: CmdletInfo, facts: TableParameter, why: str, error_id: str = "CannotConvertArgumentNoMessage"
) -> PowerShellError:
    return binding_error(f"Cannot bind parameter '{facts.name}'. {why}", error_id, info.owner)


def _converted(info: CmdletInfo, facts: TableParameter, item: Item, session: Session) -> Any:
    value = plain(item.value)
    if facts.is_switch:
        return _switch(info, facts, value)
    unwanted = _VALIDATED.get(info.name.lower(), {}).get(facts.name)
    if unwanted and (value is None or (value == "" and unwanted == "null or empty")):
        raise _invalid(info, facts, unwanted)
    if not unwanted and any(p.mandatory for one in info.sets for p in one if p.name == facts.name):
        _demand(info, facts, value)
    if value is None:
        return _nothing(info, facts)
    if isinstance(value, list) and not facts.is_array and facts.type in _CASTS:
        raise binding_error(
            f"Cannot convert '{type_name(value)}' to the type '{_CASTS[facts.type]}' required by parameter "
            f"'{facts.name}'. Specified method is not supported.",
            "CannotConvertArgument",
            info.owner,
        )
    if facts.is_array:
        if isinstance(value, list):
            return [_one(info, facts, element, None, session) for element in value]
        return [_one(info, facts, value, item.text, session)]
    return _one(info, facts, value, item.text, session)


def _nothing(info: CmdletInfo, facts: TableParameter) -> None:
    """$null for an optional parameter. Raises where its type has no null. Source: recorded from the real engine."""
    if not is_value_type(facts):
        return
    full = _CASTS.get(facts.type, facts.type)
    raise binding_error(
        f'Cannot bind parameter \'{facts.name}\' to the target. Exception setting "{facts.name}": "Cannot convert null '
        f'to type "{full}"."',
        "ParameterBindingFailed",
        info.owner,
        category="WriteError",
    )


def _invalid(info: CmdletInfo, facts: TableParameter, unwanted: str) -> PowerShellError:
    return binding_error(
        f"Cannot validate argument on parameter '{facts.name}'. {null_argument(unwanted)}",
        "ParameterArgumentValidationError",
        info.owner,
        category="InvalidData",
        exception_type=VALIDATION,
    )


def _demand(info: CmdletInfo, facts: TableParameter, value: Any) -> None:
    what = empty(
        value,
        _EMPTY_ALLOWED.get(info.name.lower(), {}).get(facts.name, ""),
        text=facts.type == "string",
        collection=facts.is_array,
    )
    if what:
        raise binding_error(
            f"Cannot bind argument to parameter '{facts.name}' because it is {what[0]}.",
            f"ParameterArgumentValidationError{what[1]}NotAllowed",
            info.owner,
            category="InvalidData",
            exception_type=VALIDATION,
        )


def _switch(info: CmdletInfo, facts: TableParameter, value: Any) -> bool:
    if isinstance(value, bool | Switch):
        return bool(value)
    if is_number(value):
        return bool(value)
    raise binding_error(
        f"Cannot convert '{type_name(value) if value is not None else 'null'}' to the type "
        f"'System.Management.Automation.SwitchParameter' required by parameter '{facts.name}'. ",
        "CannotConvertArgument",
        info.owner,
    )


def _one(info: CmdletInfo, facts: TableParameter, value: Any, text: str | None, session: Session) -> Any:
    kind = facts.type
    value = plain(value)
    members = facts.values if facts.values and kind != "string" else MEMBERS.get(kind)
    if members:
        if kind in FLAGS and (isinstance(value, list) or (isinstance(value, str) and "," in value)):
            parts = value if isinstance(value, list) else value.split(",")
            return ", ".join(_member(info, facts, part, members) for part in parts)
        return _member(info, facts, value, members)
    if kind in _ANY:
        return value
    if kind == "string":
        found = text if text is not None and is_number(value) else to_text(value)
        if facts.values and not any(found.lower() == allowed.lower() for allowed in facts.values):
            raise binding_error(
                f"Cannot validate argument on parameter '{facts.name}'. The argument \"{found}\" does not belong "
                f"to the set "
                f'"{",".join(facts.values)}" specified by the ValidateSet attribute. Supply an argument that is '
                f"in the set "
                "and then try the command again.",
                "ParameterArgumentValidationError",
                info.owner,
                category="InvalidData",
                exception_type=VALIDATION,
            )
        return found
    if kind in ("boolean", "bool"):
        if isinstance(value, bool | Switch) or is_number(value):
            return bool(value)
        raise binding_error(
            f"Cannot process argument transformation on parameter '{facts.name}'. Cannot convert value "
            f'"{type_name(value)}" to type "System.Boolean". Boolean parameters accept only Boolean values and '
            f"numbers, "
            "such as $True, $False, 1 or 0.",
            "ParameterArgumentTransformationError",
            info.owner,
            category="InvalidData",
            exception_type="System.Management.Automation.ParameterBindingArgumentTransformationException",
        )
    if kind == "uri":
        return value.text if isinstance(value, PSObject) else make_uri(to_text(value)).properties["OriginalString"]
    if info.name == "Set-StrictMode":
        # Its version is read more freely than others: "Latest", "2".
        value = {"latest": "3.0", "1": "1.0", "2": "2.0", "3": "3.0"}.get(to_text(value).lower(), value)
    full = _CASTS.get(kind)
    try:
        if full is not None:
            found = cast(value, NetType(full), session)
            return int(found) if full.startswith("System.UInt") or full == "System.Byte" else found
    except PowerShellError as error:
        raise _refuse(info, facts, error.message) from None
    return _object(info, facts, value)


def _member(info: CmdletInfo, facts: TableParameter, value: Any, members: tuple[str, ...]) -> str:
    """An enumeration's member under the name the table gives it."""
    if is_number(value) or (isinstance(value, str) and value.strip().lstrip("+-").isdigit()):
        raise NotModelledError(f"a number for -{facts.name} of {info.name}, which is an enumeration")
    text = to_text(value).strip()
    exact = [name for name in members if name.lower() == text.lower()]
    near = exact or [name for name in members if text and name.lower().startswith(text.lower())]
    if len(near) == 1:
        return near[0]
    raise _refuse(
        info,
        facts,
        f'Cannot convert value "{text}" to type "{facts.type}" due to enumeration values that are not valid. '
        f"Specify one of "
        f"the following enumeration values and try again. The possible enumeration values are "
        f'"{",".join(members)}".',
    )


def _object(info: CmdletInfo, facts: TableParameter, value: Any) -> Any:
    kind = facts.type
    wanted: tuple[type, ...] = {
        "scriptblock": (ScriptBlock,),
        "hashtable": (HashTable,),
        "idictionary": (HashTable,),
        "securestring": (SecureString,),
        "exception": (NetException,),
        "errorrecord": (ErrorRecord,),
    }.get(kind, ())
    full = {
        "scriptblock": "System.Management.Automation.ScriptBlock",
        "hashtable": "System.Collections.Hashtable",
        "idictionary": "System.Collections.IDictionary",
        "securestring": "System.Security.SecureString",
        "pscredential": "System.Management.Automation.PSCredential",
        "exception": "System.Exception",
        "errorrecord": "System.Management.Automation.ErrorRecord",
        **_OBJECTS_ONLY,
    }.get(kind)
    if wanted and not isinstance(value, wanted):
        raise _refuse(
            info, facts, f'Cannot convert the "{to_text(value)}" value of type "{type_name(value)}" to type "{full}".'
        )
    if kind == "exception" and isinstance(value, str):
        return NetException("System.Exception", value)
    if full is not None and not wanted and not (isinstance(value, PSObject) and value.type_name.startswith(full)):
        raise _refuse(
            info, facts, f'Cannot convert the "{to_text(value)}" value of type "{type_name(value)}" to type "{full}".'
        )
    return value


__all__ = ["COMMON", "Bound", "bind"]
