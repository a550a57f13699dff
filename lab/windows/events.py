"""Event logs: Get-WinEvent, Get-EventLog and Write-EventLog over the machine's collection ``event``.

``world.log_event`` writes the documents. A channel exists when Windows brings it, when a part of the lab registered it
(``register_channel``) or when something was written to it. Errors: NoMatchingEventsFound and NoMatchingLogsFound of
GetWinEventCommand.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from lab.powershell.api import Call, HashTable, Int64, NotModelledError, PowerShellError, PSObject, cmdlet
from lab.powershell.patterns import has_wildcard
from lab.powershell.values import SizedInt
from lab.windows.logons import administers
from lab.windows.values import local_time, matches, text, texts, utc
from lab.world import Document, Machine

CHANNELS = (
    "Application",
    "Security",
    "Setup",
    "System",
    "Windows PowerShell",
    "Microsoft-Windows-NlbMgr/Operational",
    "Microsoft-Windows-PowerShell/Operational",
    "Microsoft-Windows-TaskScheduler/Operational",
    "Microsoft-Windows-WinRM/Operational",
)
LEVELS = {"Critical": 1, "Error": 2, "Warning": 3, "Information": 4, "Verbose": 5}
COMMAND = "Microsoft.PowerShell.Commands.GetWinEventCommand"
_FILTERS = ("logname", "providername", "id", "level", "starttime", "endtime")


def register_channel(machine: Machine, name: str) -> None:
    """A product that brings a channel of its own: it exists although nothing was written to it yet."""
    machine.collection("event-channel")[name] = {"name": name}


def channels(machine: Machine) -> list[str]:
    names = {name.lower(): name for name in (*CHANNELS, *machine.collection("event-channel"))}
    for event in machine.collection("event").values():
        names.setdefault(event["channel"].lower(), event["channel"])
    return sorted(names.values(), key=str.lower)


def _record(machine: Machine, event: Document) -> PSObject:
    level = LEVELS[event["level"]]
    return PSObject(
        "System.Diagnostics.Eventing.Reader.EventLogRecord",
        {
            "Message": event["message"],
            "Id": event["id"],
            "Version": None,
            "Qualifiers": None,
            "Level": SizedInt(level, "Byte"),
            "Task": None,
            "Opcode": None,
            "Keywords": None,
            "RecordId": Int64(event["record"]),
            "ProviderName": event["provider"],
            "ProviderId": None,
            "LogName": event["channel"],
            "ProcessId": None,
            "ThreadId": None,
            "MachineName": machine.fqdn,
            "UserId": None,
            "TimeCreated": local_time(event["time"]),
            "LevelDisplayName": event["level"],
            "Properties": [],
        },
        {"Dispose": lambda: None},
    )


def _error(message: str, error_id: str, target: Any = None) -> PowerShellError:
    return PowerShellError(
        message,
        f"{error_id},{COMMAND}",
        category="ObjectNotFound",
        exception_type="System.Exception",
        target=target,
    )


def _machine(call: Call) -> Machine:
    computer = text(call.get("ComputerName"))
    if computer.lower() in ("", ".", "localhost", call.machine.name.lower(), call.machine.fqdn):
        return call.machine
    try:
        machine = call.machine.world.machine(computer)
    except KeyError:
        machine = None
    if machine is None or not machine.running:
        raise PowerShellError(
            "The RPC server is unavailable",
            f"System.Diagnostics.Eventing.Reader.EventLogException,{COMMAND}",
            exception_type="System.Diagnostics.Eventing.Reader.EventLogException",
        )
    if not administers(call.session, machine):
        raise PowerShellError(
            "Attempted to perform an unauthorized operation.",
            f"System.UnauthorizedAccessException,{COMMAND}",
            exception_type="System.UnauthorizedAccessException",
        )
    return machine


def _channels(call: Call, machine: Machine, names: list[str]) -> set[str]:
    """Lower-case names of the channels that are meant; one that does not exist is an error."""
    chosen: set[str] = set()
    for name in names:
        fitting = [known.lower() for known in channels(machine) if matches(name, known)]
        if not fitting:
            computer = "localhost" if machine is call.machine else machine.name
            call.runtime.write_error(
                _error(
                    f'There is not an event log on the {computer} computer that matches "{name}".',
                    "NoMatchingLogsFound",
                    name,
                )
            )
        chosen.update(fitting)
    return chosen


def _criteria(table: HashTable) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in table.items():
        name = text(key).lower()
        if name not in _FILTERS:
            raise NotModelledError(f"Get-WinEvent -FilterHashtable with the key {key}")
        found[name] = value
    if not {"logname", "providername"} & set(found):
        raise PowerShellError(
            "At least one of the keys LogName, ProviderName or Path must be in the hash table of a filter.",
            f"NoLogNameOrProvider,{COMMAND}",
            category="InvalidArgument",
            exception_type="System.Exception",
        )
    return found


@cmdlet("Get-WinEvent")
def get_win_event(call: Call) -> Iterator[PSObject]:
    """Newest first, unless -Oldest."""
    for parameter in ("FilterXPath", "FilterXml", "Path", "ListProvider", "Credential"):
        if call.get(parameter) is not None:
            raise NotModelledError(f"Get-WinEvent -{parameter}")
    machine = _machine(call)
    if call.get("ListLog") is not None:
        yield from _list_logs(call, machine)
        return
    tables = call.get("FilterHashtable")
    if tables is None:
        criteria: list[dict[str, Any]] = [{}]
        if call.get("LogName") is not None:
            criteria = [{"logname": call.get("LogName")}]
        elif call.get("ProviderName") is not None:
            criteria = [{"providername": call.get("ProviderName")}]
        elif call.input:
            criteria = [{"logname": [text(item) for item in call.input]}]
    else:
        criteria = [_criteria(table) for table in (tables if isinstance(tables, list) else [tables])]
    errors_before = _CountingRuntime(call)
    found: dict[int, Document] = {}
    for one in criteria:
        for event in _matching(errors_before.call, machine, one):
            found[event["record"]] = event
    ordered = sorted(found.values(), key=lambda event: int(event["record"]), reverse=not call.get("Oldest"))
    limit = call.get("MaxEvents")
    chosen = ordered if limit is None else ordered[: int(limit)]
    if not chosen and not errors_before.written:
        call.runtime.write_error(
            _error("No events were found that match the specified selection criteria.", "NoMatchingEventsFound")
        )
    for event in chosen:
        yield _record(machine, event)


class _CountingRuntime:
    """Passes errors on and remembers that there was one: an absent log is not reported a second time as empty."""

    def __init__(self, call: Call) -> None:
        self._runtime = call.runtime
        self.written = 0
        self.call = Call(
            call.name, call.parameters, call.input, call.session, self, call.bound, call.parameter_set, call.extra
        )

    def invoke(self, block: Any, *arguments: Any, item: Any = None) -> list[Any]:
        return self._runtime.invoke(block, *arguments, item=item)

    def text(self, value: Any) -> str:
        return self._runtime.text(value)

    def write_error(self, error: PowerShellError) -> None:
        self.written += 1
        self._runtime.write_error(error)

    def write_warning(self, message: str) -> None:
        self._runtime.write_warning(message)


def _matching(call: Call, machine: Machine, criteria: dict[str, Any]) -> Iterator[Document]:
    logs = _channels(call, machine, texts(criteria["logname"])) if "logname" in criteria else None
    providers = texts(criteria.get("providername"))
    numbers = _numbers(criteria.get("id"))
    levels = _numbers(criteria.get("level"))
    start, end = criteria.get("starttime"), criteria.get("endtime")
    for event in machine.collection("event").values():
        when = datetime.fromisoformat(event["time"])
        if (
            (logs is None or event["channel"].lower() in logs)
            and (not providers or any(matches(provider, event["provider"]) for provider in providers))
            and (not numbers or event["id"] in numbers)
            and (not levels or LEVELS[event["level"]] in levels)
            and (start is None or when >= _moment(start))
            and (end is None or when <= _moment(end))
        ):
            yield event


def _moment(value: Any) -> datetime:
    if isinstance(value, datetime):
        return utc(value)
    from lab.powershell.convert import to_date

    return utc(to_date(value))


def _numbers(value: Any) -> list[int]:
    """What Windows makes of a word where a number belongs is not known: it becomes part of an XPath query."""
    if value is None:
        return []
    words = [text(item) for item in (value if isinstance(value, list | tuple) else [value])]
    for word in words:
        if not re.fullmatch(r"\s*[+-]?[0-9]+\s*", word):
            raise NotModelledError(f"Get-WinEvent -FilterHashtable with {word!r} for a number")
    return [int(word) for word in words]


def _list_logs(call: Call, machine: Machine) -> Iterator[PSObject]:
    counts: dict[str, int] = {}
    for event in machine.collection("event").values():
        counts[event["channel"].lower()] = counts.get(event["channel"].lower(), 0) + 1
    for pattern in texts(call.get("ListLog")):
        fitting = [name for name in channels(machine) if matches(pattern, name)]
        if not fitting and not has_wildcard(pattern):
            _channels(call, machine, [pattern])
        for name in fitting:
            yield PSObject(
                "System.Diagnostics.Eventing.Reader.EventLogConfiguration",
                {
                    "LogName": name,
                    "LogMode": "Circular",
                    "IsEnabled": True,
                    "RecordCount": Int64(counts.get(name.lower(), 0)),
                },
                text=name,
            )
