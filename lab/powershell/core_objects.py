"""Making and changing objects: New-Object, Add-Member, credentials, dates, random numbers."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from lab.powershell.api import (
    TYPES,
    Call,
    HashTable,
    NotModelledError,
    PowerShellError,
    PSObject,
    SecureString,
    cmdlet,
)
from lab.powershell.convert import CUSTOM, LOCAL, is_cast_failure, to_date, to_list, to_span, to_text
from lab.powershell.core_select import evaluator_of, input_of
from lab.powershell.dotnet import cast, parse_type
from lab.powershell.errors import KNOWN_EXCEPTIONS
from lab.powershell.formatting import format_date
from lab.powershell.numeric import to_whole
from lab.powershell.objects import make_builder, make_credential, make_network_credential, make_stopwatch, make_uri
from lab.powershell.static_functions import make_encoding, regex_flags
from lab.powershell.type_names import LIST
from lab.powershell.values import Char, NetArray, NetException, NetList, NetType, Regex, ScriptBlock, Version, plain


def make(call_session: Any, kind: NetType, arguments: list[Any]) -> Any:
    """An object of a .NET type by its constructor."""
    full, count = kind.full, len(arguments)
    if full in (
        "System.Management.Automation.PSObject",
        "System.Management.Automation.PSCustomObject",
        "System.Object",
    ):
        return PSObject(CUSTOM if full != "System.Object" else full)
    if full == "System.Collections.Hashtable":
        return HashTable()
    if full == "System.Collections.Specialized.OrderedDictionary":
        return HashTable(ordered=True)
    if full == "System.Collections.ArrayList" or full.startswith(LIST):
        element = NetType(full[len(LIST) + 2 : -2]) if full.startswith(LIST) else None
        items = arguments[0] if count == 1 and isinstance(arguments[0], list) else []
        return NetList(items, full, element)
    if full == "System.Text.StringBuilder":
        return make_builder(*arguments)
    if full == "System.Uri" and count == 1:
        return make_uri(to_text(arguments[0]))
    if full == "System.Management.Automation.PSCredential":
        if count != 2:
            raise _no_constructor(full)
        return make_credential(*arguments)
    if full == "System.Net.NetworkCredential":
        return make_network_credential(*arguments)
    if full == "System.Security.SecureString" and not count:
        return SecureString("")
    if full == "System.Text.RegularExpressions.Regex":
        return Regex(
            to_text(arguments[0]),
            regex_flags(cast(arguments[1], NetType("System.Text.RegularExpressions.RegexOptions")).number)
            if count > 1
            else 0,
        )
    if full == "System.Version":
        return Version(*arguments) if count > 1 else cast(arguments[0], kind)
    if full == "System.DateTime":
        numbers: Any = [to_whole(part, "Int32") for part in arguments]
        return datetime(*numbers)  # noqa: DTZ001 - a .NET time of kind Unspecified
    if full == "System.TimeSpan":
        parts = [to_whole(part, "Int32") for part in arguments]
        if count == 3:
            return timedelta(hours=parts[0], minutes=parts[1], seconds=parts[2])
        if count in (4, 5):
            return timedelta(
                days=parts[0], hours=parts[1], minutes=parts[2], seconds=parts[3], milliseconds=[*parts, 0][4]
            )
    if full == "System.Guid" and count == 1:
        return cast(arguments[0], kind)
    if full == "System.String":
        if count == 2 and isinstance(arguments[0], str):
            return arguments[0] * to_whole(arguments[1], "Int32")
        if count == 1 and isinstance(arguments[0], list):
            return "".join(map(to_text, arguments[0]))
    if full.endswith("[]") and count == 1:
        size = to_whole(arguments[0], "Int32")
        default = cast(None, NetType(full[:-2])) if full[:-2] not in ("System.Object", "System.String") else None
        return NetArray([default] * size, full[:-2]) if full != "System.Object[]" else [None] * size
    if full == "System.Diagnostics.Stopwatch":
        raise NotModelledError("a stopped Stopwatch")
    if full in ("System.Text.UTF8Encoding", "System.Text.ASCIIEncoding", "System.Text.UnicodeEncoding"):
        return make_encoding(
            {"System.Text.UTF8Encoding": "utf8", "System.Text.ASCIIEncoding": "ascii"}.get(full, "unicode")
        )
    if full.lower() in KNOWN_EXCEPTIONS:
        return _exception(full, arguments)
    known = TYPES.get(full.lower()) or TYPES.get(full.lower().removeprefix("system."))
    if known is not None:
        return known.create(call_session, *arguments)
    raise NotModelledError(f"a constructor of {full} with {count} argument(s)")


def _exception(full: str, arguments: list[Any]) -> NetException:
    message = to_text(arguments[0]) if arguments else f"Exception of type '{full}' was thrown."
    inner = arguments[1] if len(arguments) > 1 and isinstance(arguments[1], NetException) else None
    return NetException(full, message, inner)


def _no_constructor(full: str) -> PowerShellError:
    return PowerShellError(
        f"A constructor was not found. Cannot find an appropriate constructor for type {full}.",
        "CannotFindAppropriateCtor",
        category="ObjectNotFound",
        exception_type="System.Management.Automation.PSArgumentException",
    )


@cmdlet("New-Object")
def new_object(call: Call) -> Iterator[Any]:
    if "ComObject" in call.parameters:
        raise NotModelledError(f"the COM object {to_text(call.get('ComObject'))}")
    name = to_text(call.get("TypeName"))
    try:
        kind = parse_type(name)
    except PowerShellError:
        raise PowerShellError(
            f"Cannot find type [{name}]: make sure the assembly containing this type is loaded.",
            "TypeNotFound",
            category="InvalidType",
            exception_type="System.Management.Automation.PSArgumentException",
        ) from None
    arguments = [plain(item) for item in to_list(call.get("ArgumentList"))]
    try:
        made = make(call.session, kind, arguments)
    except PowerShellError as error:
        if error.error_id in ("CannotFindAppropriateCtor", "InvalidCastConstructorException") or is_cast_failure(error):
            raise
        cause = error.inner or error
        raise PowerShellError(
            f'Exception calling ".ctor" with "{len(arguments)}" argument(s): "{cause.message}"',
            "ConstructorInvokedThrowException",
            category="InvalidOperation",
            exception_type="System.Management.Automation.MethodInvocationException",
            inner=cause,
        ) from error
    for key, value in call.get("Property", HashTable()).items() if call.get("Property") else []:
        if isinstance(made, PSObject):
            if made.type_name != CUSTOM and made.name_of(to_text(key)) is None:
                raise PowerShellError(
                    f'The member "{to_text(key)}" was not found for the specified {made.type_name} object.',
                    "InvalidOperationException",
                    category="InvalidOperation",
                    exception_type="System.InvalidOperationException",
                )
            made.set(to_text(key), plain(value))
        else:
            raise NotModelledError("New-Object -Property for this type")
    yield made


@cmdlet("Add-Member")
def add_member(call: Call) -> Iterator[Any]:
    for target in input_of(call):
        _add(call, target)
        if call.get("PassThru"):
            yield target


def _add(call: Call, target: Any) -> None:
    if not isinstance(target, PSObject) or isinstance(target, HashTable):
        raise NotModelledError("Add-Member on something other than an object")
    if call.get("NotePropertyMembers") is not None:
        for key, value in call.get("NotePropertyMembers").items():
            _note(call, target, to_text(key), value)
        return
    if call.get("NotePropertyName") is not None:
        _note(call, target, to_text(call.get("NotePropertyName")), call.get("NotePropertyValue"))
        return
    if call.get("MemberType") is None:
        raise NotModelledError("Add-Member -TypeName")
    kind, name = to_text(call.get("MemberType")).lower(), to_text(call.get("Name"))
    if kind == "noteproperty":
        _note(call, target, name, call.get("Value"))
    elif kind == "scriptmethod":
        evaluator = evaluator_of(call)
        block = call.get("Value")
        if not isinstance(block, ScriptBlock):
            raise NotModelledError("a script method that is not a script block")

        def run(*arguments: Any) -> Any:
            from lab.powershell.scope import Cell, Scope

            outer, evaluator.scope = evaluator.scope, Scope(evaluator.scope)
            evaluator.scope.cells["this"] = Cell("this", target)
            try:
                found = evaluator.invoke(block, *arguments)
            finally:
                evaluator.scope = outer
            return None if not found else found[0] if len(found) == 1 else found

        target.methods[name.lower()] = run
    else:
        raise NotModelledError(f"Add-Member -MemberType {kind}")


def _note(call: Call, target: PSObject, name: str, value: Any) -> None:
    if target.name_of(name) is not None and not call.get("Force"):
        raise PowerShellError(
            f'Cannot add a member with the name "{name}" because a member with that name already exists. To '
            f"overwrite the "
            "member anyway, add the Force parameter to your command.",
            "MemberAlreadyExists",
            category="InvalidOperation",
            exception_type="System.InvalidOperationException",
            target=target,
        )
    target.set(name, plain(value))


@cmdlet("ConvertTo-SecureString")
def to_secure_string(call: Call) -> Iterator[SecureString]:
    if not call.get("AsPlainText"):
        raise NotModelledError("ConvertTo-SecureString of an encrypted text")
    if not call.get("Force"):
        raise PowerShellError(
            "The system cannot protect plain text input. To suppress this warning and convert the plain text to a "
            "SecureString, reissue the command specifying the Force parameter. For more information ,type: get-help "
            "ConvertTo-SecureString.",
            "ImportSecureString_ForceRequired",
            category="InvalidArgument",
            exception_type="System.ArgumentException",
        )
    texts = [call.get("String")] if "String" in call.parameters else call.input
    for text in texts:
        yield SecureString(to_text(text))


_DATE_RANGES = {
    "year": (1, 9999),
    "month": (1, 12),
    "day": (1, 31),
    "hour": (0, 23),
    "minute": (0, 59),
    "second": (0, 59),
}


@cmdlet("Get-Date")
def get_date(call: Call) -> Iterator[Any]:
    value = (
        to_date(call.get("Date")) if call.get("Date") is not None else evaluator_of(call).now().replace(tzinfo=LOCAL)
    )
    changes: dict[str, Any] = {
        name.lower(): to_whole(call.get(name), "Int32")
        for name in ("Year", "Month", "Day", "Hour", "Minute", "Second")
        if name in call.parameters
    }
    for name, (low, high) in _DATE_RANGES.items():
        if name in changes and not low <= changes[name] <= high:
            raise PowerShellError(
                f"Cannot validate argument on parameter '{name.title()}'. The {changes[name]} argument is out of range "
                f"{low} to {high}.",
                "ParameterArgumentValidationError",
                category="InvalidData",
                exception_type="System.Management.Automation.ParameterBindingValidationException",
            )
    if changes:
        try:
            value = value.replace(**changes)
        except ValueError:
            raise PowerShellError(
                "Year, Month, and Day parameters describe an un-representable DateTime.",
                "ArgumentOutOfRangeException",
                category="InvalidArgument",
                exception_type="System.ArgumentOutOfRangeException",
            ) from None
    if call.get("UFormat") is not None:
        raise NotModelledError("Get-Date -UFormat")
    if call.get("Format") is not None:
        yield format_date(value, to_text(call.get("Format")))
        return
    yield value


@cmdlet("New-TimeSpan")
def new_time_span(call: Call) -> Iterator[timedelta]:
    if "Start" in call.parameters or "End" in call.parameters:
        now = evaluator_of(call).now().replace(tzinfo=LOCAL)
        start, end = to_date(call.get("Start") or now), to_date(call.get("End") or now)
        yield end.replace(tzinfo=None) - start.replace(tzinfo=None)
        return
    yield timedelta(**{name.lower(): call.get(name, 0) for name in ("Days", "Hours", "Minutes", "Seconds")})


@cmdlet("Start-Sleep")
def start_sleep(call: Call) -> None:
    if "Milliseconds" in call.parameters:
        seconds = call.get("Milliseconds") / 1000
    elif call.input and "Seconds" not in call.parameters:
        seconds = sum(to_whole(item, "Int32") for item in call.input)
    else:
        seconds = call.get("Seconds", 0)
    call.machine.world.clock.sleep(seconds)


__all__ = ["Char", "make", "make_stopwatch", "to_span"]
