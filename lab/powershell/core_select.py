"""Selecting, sorting, grouping, measuring and comparing objects."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from typing import Any

from lab.powershell import comparison, members
from lab.powershell.api import Call, HashTable, NotModelledError, PowerShellError, PSObject, cmdlet
from lab.powershell.convert import CUSTOM, to_bool, to_list, to_text
from lab.powershell.interpreter import Interpreter
from lab.powershell.numeric import to_double
from lab.powershell.patterns import has_wildcard, wildcard
from lab.powershell.stages import CallRuntime
from lab.powershell.values import NOTHING, NetArray, NetList, ScriptBlock, plain, type_name


def evaluator_of(call: Call) -> Interpreter:
    """The evaluator behind a call of a core cmdlet."""
    found: Interpreter = call.runtime.evaluator  # type: ignore[attr-defined]
    return found


def input_of(call: Call) -> list[Any]:
    """The objects a cmdlet works on: from the pipeline, or from -InputObject."""
    if "InputObject" in call.parameters:
        return [call.parameters["InputObject"]]
    return call.input


def key_value(evaluator: Interpreter, item: Any, key: Any) -> Any:
    """The value of a property name, a script block or a calculated property (``@{Expression = …}``)."""
    if isinstance(key, HashTable):
        key = _entry(key, "expression")
    if isinstance(key, ScriptBlock):
        found = evaluator.invoke_inline(key, item)
        return NOTHING if not found else found[0] if len(found) == 1 else found
    return members.get(item, to_text(key)) if item is not None else None


def _entry(table: HashTable, wanted: str) -> Any:
    for key, value in table.items():
        if wanted.startswith(to_text(key).lower()):
            return value
    return None


class Picker:
    """What Select-Object makes of one object."""

    def __init__(self, runtime: CallRuntime, parameters: dict[str, Any]) -> None:
        self.runtime, self.evaluator = runtime, runtime.evaluator
        self.properties = parameters.get("Property")
        self.exclude = [wildcard(to_text(name)) for name in to_list(parameters.get("ExcludeProperty"))]
        self.expand = parameters.get("ExpandProperty")

    def pick(self, item: Any) -> Iterator[Any]:
        if self.expand is not None:
            yield from self._expanded(item)
            return
        if self.properties is None:
            yield item
            return
        yield PSObject(CUSTOM, self._picked(item))

    def _picked(self, item: Any) -> dict[str, Any]:
        made: dict[str, Any] = {}
        for wanted in self.properties or ():
            if isinstance(wanted, HashTable):
                name = _entry(wanted, "name") or _entry(wanted, "label")
                expression = _entry(wanted, "expression")
                made[to_text(name if name is not None else expression)] = plain(key_value(self.evaluator, item, wanted))
            elif isinstance(wanted, ScriptBlock):
                made[str(wanted)] = plain(key_value(self.evaluator, item, wanted))
            elif has_wildcard(to_text(wanted)):
                test = wildcard(to_text(wanted))
                names = [n for n in members.property_names(item) if test.fullmatch(n)]
                made.update({name: plain(members.get(item, name)) for name in names if name not in made})
            else:
                name = self._written(item, to_text(wanted))
                found = members.own_property(item, name) if item is not None else members.MISSING
                made[name] = None if found is members.MISSING else plain(found)
        return {name: value for name, value in made.items() if not any(test.fullmatch(name) for test in self.exclude)}

    @staticmethod
    def _written(item: Any, name: str) -> str:
        return item.name_of(name) or name if isinstance(item, PSObject) else name

    def _expanded(self, item: Any) -> Iterator[Any]:
        name = to_text(self.expand)
        found = members.own_property(item, name) if item is not None else members.MISSING
        if found is members.MISSING:
            error = PowerShellError(
                f'Property "{name}" cannot be found.',
                "ExpandPropertyNotFound",
                category="InvalidArgument",
                exception_type="System.Management.Automation.PSArgumentException",
                target=item,
            )
            self.runtime.write_error(error)
            return
        if self.properties is not None:
            raise NotModelledError("Select-Object with -Property and -ExpandProperty together")
        yield from (plain(one) for one in found) if isinstance(found, list) else [plain(found)]


def same(left: Any, right: Any) -> bool:
    """Equality as Select-Object -Unique and Group-Object see it: objects by their properties."""
    if isinstance(left, PSObject) and isinstance(right, PSObject) and not isinstance(left, HashTable):
        return list(left.properties) == list(right.properties) and all(
            same(left.properties[name], right.properties[name]) for name in left.properties
        )
    return comparison.equal(left, right, case=True)


def unique(items: list[Any]) -> list[Any]:
    kept: list[Any] = []
    for item in items:
        if not any(same(item, one) for one in kept):
            kept.append(item)
    return kept


def order(left: Any, right: Any, *, case: bool) -> int:
    """The order of two sort keys; what cannot be compared is compared as text."""
    try:
        return comparison.compare(left, right, case=case)
    except PowerShellError:
        return comparison.compare_text(to_text(left), to_text(right), case=case)


@cmdlet("Sort-Object")
def sort_object(call: Call) -> Iterator[Any]:
    evaluator = evaluator_of(call)
    keys = to_list(call.get("Property"))
    case = bool(call.get("CaseSensitive"))
    descending = bool(call.get("Descending"))
    items = [item for item in input_of(call) if item is not None or not keys]

    def direction(key: Any) -> bool:
        if isinstance(key, HashTable):
            down, up = _entry_exact(key, "descending"), _entry_exact(key, "ascending")
            if down is not None:
                return to_bool(down)
            if up is not None:
                return not to_bool(up)
        return descending

    decorated = [([plain(key_value(evaluator, item, key)) for key in keys] if keys else [item], item) for item in items]

    def compare(one: Any, other: Any) -> int:
        for at, (left, right) in enumerate(zip(one[0], other[0], strict=True)):
            sign = order(left, right, case=case)
            if sign:
                return -sign if (direction(keys[at]) if keys else descending) else sign
        return 0

    decorated.sort(key=functools.cmp_to_key(compare))
    before: Any = None
    for entry in decorated:
        if call.get("Unique") and before is not None and _same_keys(before[0], entry[0], case=case):
            continue
        before = entry
        yield entry[1]


def _same_keys(left: list[Any], right: list[Any], *, case: bool) -> bool:
    return all(order(a, b, case=case) == 0 for a, b in zip(left, right, strict=True))


def _entry_exact(table: HashTable, name: str) -> Any:
    return table[name]


@cmdlet("Group-Object")
def group_object(call: Call) -> Iterator[Any]:
    evaluator = evaluator_of(call)
    keys = to_list(call.get("Property"))
    case = bool(call.get("CaseSensitive"))
    groups: list[tuple[list[Any], list[Any]]] = []
    for item in input_of(call):
        values = [plain(key_value(evaluator, item, key)) for key in keys] if keys else [item]
        for known, found in groups:
            if all(comparison.equal(a, b, case=case) for a, b in zip(known, values, strict=True)):
                found.append(item)
                break
        else:
            groups.append((values, [item]))
    if call.get("AsHashTable"):
        text = bool(call.get("AsString"))
        table = HashTable(
            (to_text(values[0]) if text else values[0], NetList(found, "System.Collections.ObjectModel.Collection`1"))
            for values, found in groups
        )
        yield table
        return
    for values, found in groups:
        name = ", ".join(to_text(value) for value in values)
        made = {
            "Values": NetList(values),
            "Count": len(found),
            "Group": NetList(found, "System.Collections.ObjectModel.Collection`1"),
            "Name": name,
        }
        if call.get("NoElement"):
            del made["Group"]
        yield PSObject("Microsoft.PowerShell.Commands.GroupInfo", made)


@cmdlet("Measure-Object")
def measure_object(call: Call) -> Iterator[Any]:
    if any(call.get(name) for name in ("Line", "Word", "Character")):
        raise NotModelledError("Measure-Object -Line, -Word, -Character")
    items = [item for item in input_of(call) if item is not None]
    names = to_list(call.get("Property")) or [None]
    for name in names:
        values = items
        if name is not None:
            found = [members.own_property(item, to_text(name)) for item in items]
            values = [plain(value) for value in found if value is not members.MISSING and value is not None]
            if not values:
                call.runtime.write_error(
                    PowerShellError(
                        f'The property "{to_text(name)}" cannot be found in the input for any objects.',
                        "GenericMeasurePropertyNotFound",
                        category="InvalidArgument",
                        exception_type="System.Management.Automation.PSArgumentException",
                    )
                )
                continue
        wants = {kind: bool(call.get(kind)) for kind in ("Average", "Sum", "Maximum", "Minimum")}
        numbers = [to_double(value) for value in values] if any(wants.values()) else []
        yield PSObject(
            "Microsoft.PowerShell.Commands.GenericMeasureInfo",
            {
                "Count": len(values),
                "Average": sum(numbers) / len(numbers) if wants["Average"] and numbers else None,
                "Sum": float(sum(numbers)) if wants["Sum"] and numbers else None,
                "Maximum": max(numbers) if wants["Maximum"] and numbers else None,
                "Minimum": min(numbers) if wants["Minimum"] and numbers else None,
                "Property": None if name is None else to_text(name),
            },
        )


@cmdlet("Compare-Object")
def compare_object(call: Call) -> Iterator[Any]:
    evaluator = evaluator_of(call)
    reference, difference = to_list(call.get("ReferenceObject")), list(to_list(call.get("DifferenceObject")))
    keys, case = to_list(call.get("Property")), bool(call.get("CaseSensitive"))
    if "SyncWindow" in call.parameters:
        raise NotModelledError("Compare-Object -SyncWindow")

    def values(item: Any) -> list[Any]:
        return [plain(key_value(evaluator, item, key)) for key in keys] if keys else [item]

    def alike(one: Any, other: Any) -> bool:
        if not keys and isinstance(one, PSObject):
            return to_text(one) == to_text(other)
        return all(comparison.equal(a, b, case=case) for a, b in zip(values(one), values(other), strict=True))

    def row(item: Any, side: str) -> PSObject:
        if keys and not call.get("PassThru"):
            return PSObject(
                CUSTOM, {**{to_text(k): v for k, v in zip(keys, values(item), strict=True)}, "SideIndicator": side}
            )
        return PSObject(CUSTOM, {"InputObject": item, "SideIndicator": side})

    if call.get("PassThru"):
        raise NotModelledError("Compare-Object -PassThru")
    equal, only = [], []
    for item in reference:
        hit = next((at for at, other in enumerate(difference) if alike(item, other)), None)
        if hit is None:
            only.append(row(item, "<="))
        else:
            equal.append(row(item, "=="))
            del difference[hit]
    if call.get("IncludeEqual") or call.get("ExcludeDifferent"):
        yield from equal
    if not call.get("ExcludeDifferent"):
        yield from (row(item, "=>") for item in difference)
        yield from only


@cmdlet("Get-Member")
def get_member(call: Call) -> Iterator[Any]:
    """The properties of the objects (methods are not listed: the lab does not know them all)."""
    wanted = [wildcard(to_text(name)) for name in to_list(call.get("Name"))]
    kind = to_text(call.get("MemberType")) or ""
    if kind.lower() not in ("noteproperty", "property", "properties"):
        raise NotModelledError("Get-Member without -MemberType NoteProperty, Property or Properties")
    items = input_of(call)
    if not items:
        raise PowerShellError(
            "You must specify an object for the Get-Member cmdlet.",
            "NoObjectInGetMember",
            category="CloseError",
            exception_type="System.InvalidOperationException",
        )
    seen: set[str] = set()
    for item in items:
        name_of_type = type_name(item)
        if name_of_type in seen:
            continue
        seen.add(name_of_type)
        member_type = "NoteProperty" if name_of_type == CUSTOM else "Property"
        if kind.lower() not in ("properties", member_type.lower()):
            continue
        for name in sorted(members.property_names(item), key=str.lower):
            if wanted and not any(test.fullmatch(name) for test in wanted):
                continue
            value = members.get(item, name)
            yield PSObject(
                "Microsoft.PowerShell.Commands.MemberDefinition",
                {
                    "TypeName": name_of_type,
                    "Name": name,
                    "MemberType": member_type,
                    "Definition": f"{type_name(value) if value is not None else 'System.Object'} "
                    f"{name}={to_text(value)}",
                },
            )


__all__ = ["NetArray", "Picker", "evaluator_of", "input_of", "unique"]
